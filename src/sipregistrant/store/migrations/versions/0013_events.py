"""What the service tells by itself: events, alarms, and who is sent them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # What is in the history of before is told to nobody.
    op.add_column("instance", sa.Column(
        "history_told", sa.BigInteger(), server_default="0", nullable=False,
        comment="up to this id history has become events",
    ))  # fmt: skip
    op.execute("UPDATE instance SET history_told = coalesce((SELECT max(id) FROM history), 0)")
    op.create_table(
        "event",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="model/events.py"),
        sa.Column("text", sa.Text(), nullable=False, comment="a sentence"),
        sa.Column("data", sa.Text(), nullable=False, comment="JSON: the same for programs"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sqlite_autoincrement=True,
        comment="what people and programs are told, in its order; the oldest are forgotten",
    )
    op.create_table(
        "alarm",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="model/alarms.py"),
        sa.Column(
            "subject",
            sa.Text(),
            nullable=False,
            comment="what it is about: a server as TABLE:ID, a group; empty: the service",
        ),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("cleared_at", sa.BigInteger(), nullable=True, comment="null: it stands"),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="how many registrations it is about"),
        sa.Column("text", sa.Text(), nullable=False, comment="a sentence, as of the last look"),
        sa.Column("history_id", sa.BigInteger(), nullable=False, comment="the last of history when it was raised"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
        sqlite_autoincrement=True,
        comment="what is not as it should be, and was not",
    )
    stands = sa.text("cleared_at IS NULL")
    op.create_index(
        "uq_alarm_standing", "alarm", ["kind", "subject"], unique=True, sqlite_where=stands, postgresql_where=stands
    )
    op.create_table(
        "webhook",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column(
            "kinds", sa.Text(), nullable=False, comment="JSON: the kinds of event that are sent; an empty list: all"
        ),
        sa.Column("is_enabled", sa.Integer(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False, comment="sealed: what its messages are signed with"),
        sa.Column(
            "sent_id", sa.BigInteger(), nullable=False, comment="the last event that was taken, or is none of its kinds"
        ),
        sa.Column("failures", sa.Integer(), nullable=False, comment="in a row"),
        sa.Column("failing_since", sa.BigInteger(), nullable=False, comment="0: the last one was taken"),
        sa.Column("next_at", sa.BigInteger(), nullable=False, comment="not before; 0: at once"),
        sa.Column("last_status", sa.Integer(), nullable=False, comment="of the last answer; 0 none"),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
        sa.UniqueConstraint("name", name=op.f("uq_webhook_name")),
        sqlite_autoincrement=True,
        comment="who is sent the events, and how far that has come",
    )
