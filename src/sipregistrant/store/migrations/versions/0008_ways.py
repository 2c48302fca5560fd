"""Ways to a registrar: routes, WebSockets, flows, NAT; and registrations by a third party."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS: dict[str, dict[str, int | str]] = {
    "sipserver": {"route_set": "", "switch_to_tcp": 0, "web_socket_path": "", "outbound_flows": 0},
    "sipprofile": {"contact_as_seen": 0},
    "sipsg": {"public_address": "", "source_ports": 1},
    "sipregistrantentry": {"from_uri": ""},
}


def upgrade() -> None:
    # Not in a batch: with an empty text as default that would copy the table, and forget AUTOINCREMENT.
    for table, columns in COLUMNS.items():
        for name, default in columns.items():
            kind = sa.BigInteger() if isinstance(default, int) else sa.Text()
            op.add_column(table, sa.Column(name, kind, server_default=sa.text(f"'{default}'"), nullable=False))
