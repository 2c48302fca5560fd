"""The migrations make exactly the tables of the program, and what was released stays as it was."""

from __future__ import annotations

import ast
import hashlib
import re
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, select, text

import sipregistrant.store.migrations
from sipregistrant.model.registry import RESOURCES
from sipregistrant.store.migrate import alembic_config, latest, migrate
from sipregistrant.store.objects import values_of
from sipregistrant.store.schema import METADATA, OBJECTS, REGISTRATION
from sipregistrant.store.store import Store
from sipregistrant.store.tx import Tx

from .support import Site

VERSIONS = Path(sipregistrant.store.migrations.__path__[0]) / "versions"

# The SHA-256 of each step without white space and commas, so that a formatter may pass over it and nobody else. A step
# that is released is never changed: databases out there have run it as it was. A changed schema needs a new step.
FROZEN = {
    "0013_events.py": "d27cc58248c3ce0fefa79c64308c4f794aa6a840e367ff0562917dcda4635864",
    "0001_first.py": "7eeb0e2da9c4678b8403e0bae15e210108b99027e721e51925b2a92400515694",
    "0002_tls_profiles_and_actions.py": "df93227c66c432f5a5c27e7b255977d28871841ec0049c43fc4217bca1a00316",
    "0003_behaviour.py": "ac306d7a60f57d6cf289b69076ef614d8157d5363090c81f92ec684d5a2982ad",
    "0004_limits.py": "8f1c4be63d7bcff53a8ec74cf325c0e9a90f1696bbbc6eaecd524ffb45c6b052",
    "0005_bulk.py": "11022fc0a7789c67eeb0fc8314e64d99b341e696811073a61dd7ba674161ad58",
    "0006_flows.py": "6a6eba5c8ca1db9c42e660c0f790b1fa3887107bef391105cc2ecc5bad58b338",
    "0007_targets.py": "5b28390589df00523ee3e627f86d8afbd1d8451f66649712828b3a55424c6bdc",
    "0008_ways.py": "dddebed0ce0482f337485ab09eed2f079976c01f52499448907fbcd22d01e7b4",
    "0010_people.py": "874c526ffa7bfd85cdc6fba0edd2394e08b255ec815f457d85ffe4ac967efcdc",
    "0009_flows_of_registrars.py": "2d122f7eb53568557a45c6e7264b49c77f0d6be27302a38fadaebfd53098da0a",
    "0011_providers.py": "a0a564655388fc7def654fae9e64866a20217fcd38131330365406f97587a915",
    "0012_paused.py": "f6798abe8f9ca433e23f69318b26a735aee0537e119904960f98b1f3f22de4ca",
}


def digest_of(path: Path) -> str:
    return hashlib.sha256(re.sub(r"[\s,]", "", path.read_text("utf-8")).encode()).hexdigest()


def differences(tx: Tx) -> list[object]:
    context = MigrationContext.configure(tx.conn, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, METADATA))


def statements(connection: Connection) -> list[str]:
    rows = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
    return list(rows.scalars())


async def test_the_migrations_make_exactly_the_tables_of_the_program(store: Store) -> None:
    assert await store.write(differences) == []


async def test_columns_and_indexes_are_those_of_the_program_to_the_letter(store: Store) -> None:
    """Partial indexes and the order of columns, which a comparison of metadata does not look at."""

    def made(tx: Tx) -> list[tuple[str, str]]:
        return [
            (row.name, " ".join(row.sql.split()))
            for row in tx.conn.exec_driver_sql(
                "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
            )
        ]

    # What was added to a table of before stands behind what is derived; statements name their columns.
    ours = {attribute.column for resource in RESOURCES.values() for attribute in resource.ours}

    def columns(tx: Tx) -> dict[str, list[str]]:
        return {
            name: [row.name for row in tx.conn.exec_driver_sql(f'PRAGMA table_info("{name}")') if row.name not in ours]
            for name in METADATA.tables
        }

    assert await store.write(columns) == {
        name: [column.name for column in table.columns if column.name not in ours]
        for name, table in METADATA.tables.items()
    }
    indexes = dict(await store.write(made))
    assert set(indexes) == {index.name for table in METADATA.tables.values() for index in table.indexes}
    assert indexes["ix_registration_due"].endswith("(registrar_id, class, due_at) WHERE due_at IS NOT NULL")
    assert indexes["ix_registration_unhealthy"].endswith("(registrar_id, last_code) WHERE failures > 0")


async def test_a_database_of_today_is_left_as_it_is(site: Site) -> None:
    await site.put_chain()
    before = await site.store.read(lambda tx: statements(tx.conn))
    rows = await site.rows()
    await site.store.write(lambda tx: migrate(tx.conn))
    await site.reopen()
    assert await site.store.read(lambda tx: statements(tx.conn)) == before
    assert await site.rows() == rows


def test_the_steps_are_one_line_without_forks_and_the_last_is_the_one_that_is_looked_for() -> None:
    config = alembic_config(None)  # type: ignore[arg-type]  # the scripts alone need no connection
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [latest()]
    assert len(list(script.walk_revisions())) == len(FROZEN)


@pytest.mark.parametrize("name", sorted(path.name for path in VERSIONS.glob("*.py")))
def test_a_step_is_frozen(name: str) -> None:
    assert digest_of(VERSIONS / name) == FROZEN[name]


@pytest.mark.parametrize("path", sorted(VERSIONS.glob("*.py")), ids=lambda path: path.name)
def test_a_step_depends_on_nothing_that_may_change_after_it(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    imported = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert imported <= {"alembic", "sqlalchemy", "sqlalchemy.dialects"}


def test_a_database_of_the_first_version_gets_what_is_new(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0001")
        connection.execute(text(
            "INSERT INTO instance (one, identity_key, key_check, boot_id, clock_offset_ms, own_address, has_left) "
            "VALUES (1, 'k', 'c', '', 0, '', 0)"
        ))  # fmt: skip
        connection.execute(text(
            "INSERT INTO registration (registrar_id, binding_key, desired, class, state, wanted_rev, applied_rev, cseq, "
            "generation, expires_at, maybe_held_until, attempted_at, since_at, failures, last_code, nonce_count) "
            "VALUES (1, 1, 1, 0, 1, 1, 1, 1, 0, 9, 9, 9, 9, 0, 200, 0)"
        ))  # fmt: skip
    with engine.begin() as connection:
        migrate(connection)
        (profile,) = connection.execute(select(OBJECTS["siptlsprofile"])).all()
        (registration,) = connection.execute(select(REGISTRATION)).all()
    engine.dispose()
    assert values_of(RESOURCES["siptlsprofile"], profile) == RESOURCES["siptlsprofile"].to_create(
        {"Description": "Default TLS Profile"}
    )
    assert (registration.stays_off, registration.expires_at) == (0, 9)
