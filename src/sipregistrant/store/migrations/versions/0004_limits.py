"""Limits of a server."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sipserver", schema=None) as batch_op:
        for name in ("max_registers_per_second", "max_registrations_in_flight"):
            batch_op.add_column(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
