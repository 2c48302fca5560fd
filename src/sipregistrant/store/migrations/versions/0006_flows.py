"""What was registered over which connection."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "flow",
        sa.Column(
            "registration_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("flow", sa.BigInteger(), nullable=False, comment="the connection, by a number of its own"),
        sa.PrimaryKeyConstraint("registration_id", name=op.f("pk_flow")),
        comment="what was registered over a connection: due again when that is gone; nothing of UDP is here",
    )
    op.create_index(op.f("ix_flow_flow"), "flow", ["flow"], unique=False)
