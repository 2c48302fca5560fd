"""A server that entries are registered at over several flows is a registrar for each of them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

LAST_ID = "SELECT seq FROM sqlite_sequence WHERE name = 'registrar'"


def upgrade() -> None:
    connection = op.get_bind()
    last_id = connection.execute(sa.text(LAST_ID)).scalar()
    with op.batch_alter_table(
        "registrar", schema=None, recreate="always", table_kwargs={"sqlite_autoincrement": True}
    ) as batch_op:
        batch_op.add_column(
            sa.Column(
                "flow",
                sa.Integer(),
                server_default="0",
                nullable=False,
                comment="which of the flows of RFC 5626, from 0; 0 too where there are none",
            )
        )
        batch_op.drop_constraint("uq_registrar_sipsg_uid_sipserver_uid", type_="unique")
        batch_op.create_unique_constraint(
            "uq_registrar_sipsg_uid_sipserver_uid_flow", ["sipsg_uid", "sipserver_uid", "flow"]
        )
    if last_id is not None:
        # No id is used twice, also not of what is gone.
        connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = 'registrar'"))
        connection.execute(
            sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('registrar', :seq)"), {"seq": last_id}
        )
