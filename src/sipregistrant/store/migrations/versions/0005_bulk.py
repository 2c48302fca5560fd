"""Bulk."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bulk",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("parent_uid", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=True, comment="the last line carried out; null: being read"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk")),
        sa.UniqueConstraint("resource", "parent_uid", name=op.f("uq_bulk_resource_parent_uid")),
        sqlite_autoincrement=True,
        comment="imports: what they change is in a file of their own, bulk-ID.db",
    )
    op.create_table(
        "bulk_ahead",
        sa.Column("bulk_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("bulk_id", "id", name=op.f("pk_bulk_ahead")),
        comment="entries that somebody has written since an import of their table began",
    )
