"""Credentials that are an HA1; servers that are disabled, drained or in maintenance."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

COLUMNS: dict[str, dict[str, int]] = {
    "sipremoteauthentry": {"password_kind": 0},
    "sipserver": {"admin_state": 1},
}


def upgrade() -> None:
    # Not in a batch: that would copy the table, and forget AUTOINCREMENT.
    for table, columns in COLUMNS.items():
        for name, default in columns.items():
            op.add_column(
                table, sa.Column(name, sa.BigInteger(), server_default=sa.text(f"'{default}'"), nullable=False)
            )
