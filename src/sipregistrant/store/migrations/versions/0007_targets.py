"""Whether a server's entries stay with the target that answered last."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("sipserver", schema=None) as batch_op:
        batch_op.add_column(sa.Column("stay_with_target", sa.BigInteger(), server_default="0", nullable=False))
