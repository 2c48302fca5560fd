"""Credentials that are an HA1; servers that are disabled, drained or in maintenance; provider profiles."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

COLUMNS: dict[str, dict[str, int]] = {
    "sipremoteauthentry": {"password_kind": 0},
    "sipserver": {"admin_state": 1, "provider_profile_id": 0},
}

# Of a first start; a database that is new gets them from the program.
FACTORY: list[dict[str, int | str]] = [
    {
        "id": 1,
        "description": "The 200 lists another Contact than was sent",
        "source": "https://github.com/pjsip/pjproject/issues/534",
        "contact_match": 3,
    },
    {
        "id": 2,
        "description": "The 200 has another port in our Contact",
        "source": "https://github.com/baresip/re/pull/581",
        "contact_match": 2,
    },
    {
        "id": 3,
        "description": "Only the Expires header is read",
        "source": "https://github.com/fonoster/routr/issues/245",
        "expires_style": 2,
    },
    {
        "id": 4,
        "description": "A higher CSeq of before is remembered by Call-ID",
        "source": "https://github.com/OpenSIPS/opensips/issues/641",
        "call_id": 1,
    },
]


def upgrade() -> None:
    # Not in a batch: that would copy the table, and forget AUTOINCREMENT.
    for table, columns in COLUMNS.items():
        for name, default in columns.items():
            op.add_column(
                table, sa.Column(name, sa.BigInteger(), server_default=sa.text(f"'{default}'"), nullable=False)
            )
    number, text = sa.text("'0'"), sa.text("''")
    op.create_table(
        "providerprofile",
        sa.Column("uid", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), server_default=text, nullable=False),
        sa.Column("source", sa.Text(), server_default=text, nullable=False),
        sa.Column("contact_match", sa.BigInteger(), server_default=number, nullable=False),
        sa.Column("expires_style", sa.BigInteger(), server_default=number, nullable=False),
        sa.Column("call_id", sa.BigInteger(), server_default=number, nullable=False),
        sa.Column("unregister_style", sa.BigInteger(), server_default=number, nullable=False),
        sa.Column("extra_headers", sa.Text(), server_default=text, nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_providerprofile")),
        sa.UniqueConstraint("id", name=op.f("uq_providerprofile_id")),
        sqlite_autoincrement=True,
    )
    connection = op.get_bind()
    if connection.execute(sa.text("SELECT 1 FROM instance")).first() is not None:
        for profile in FACTORY:
            names = ", ".join(profile)
            values = ", ".join(f":{name}" for name in profile)
            connection.execute(sa.text(f"INSERT INTO providerprofile ({names}) VALUES ({values})"), profile)
