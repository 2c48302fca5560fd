"""A paused instance sends nothing, over restarts too."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("instance", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "is_paused",
                sa.Integer(),
                server_default="0",
                nullable=False,
                comment="1: nothing is sent until somebody says so",
            )
        )
