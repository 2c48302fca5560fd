"""Imports: what single PUTs and POSTs would have come to, all of it or nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from sipregistrant.errors import ObjectConflict, ObjectMissing, Refusal, StoreUnavailable
from sipregistrant.model.registry import RESOURCES
from sipregistrant.store import bulk, bulk_steps, config, reconcile
from sipregistrant.store.bulk import Fault, Line, Plan
from sipregistrant.store.bulk_steps import LINES_PER_STEP
from sipregistrant.store.schema import BULK, BULK_AHEAD, OBJECTS, REGISTRATION, TOMBSTONE
from sipregistrant.store.tx import Key, Tx

from .support import Clock, Site
from .test_crash import open_copy

ENTRY, CREDENTIAL = RESOURCES["sipregistrantentry"], RESOURCES["sipremoteauthentry"]

Form = Mapping[str, str | int]


def lines(forms: Iterable[tuple[int, Form]]) -> list[Line]:
    """Make lines of ids and forms, numbered from 1."""
    return [
        Line(number, id, {name: str(value) for name, value in form.items()})
        for number, (id, form) in enumerate(forms, 1)
    ]


def users(*ids: int, **form: str | int) -> list[Line]:
    return lines((id, {"AOR": f"sip:n{id}", "AorType": 2, **form}) for id in ids)


async def apply(site: Site, given: Sequence[Line], table: int = 1, *, is_whole: bool = False) -> Plan:
    """Import into a registrant table and carry it out."""
    found = await bulk.apply(site.store, ENTRY, table, given, is_whole=is_whole)
    await site.reconcile(1000)
    return found


def numbers(found: Plan) -> tuple[int, int, int, int, int]:
    return found.added, found.changed, found.untouched, found.removed, found.registers


async def everything(site: Site) -> list[list[tuple[Any, ...]]]:
    """What there is of entries and registrations, but what differs by nothing that matters."""

    def read(tx: Tx) -> list[list[tuple[Any, ...]]]:
        entries = OBJECTS["sipregistrantentry"]
        names = ", ".join(f'e."{c.name}"' for c in entries.columns if c.name not in ("uid", "position"))
        registrations = ", ".join(
            f'r."{c.name}"' for c in REGISTRATION.columns if c.name not in ("id", "entry_uid", "binding_key")
        )
        queries = (
            f"SELECT {names}, rank() OVER (PARTITION BY parent_uid ORDER BY position) FROM {entries.name} AS e ORDER BY id",
            f"SELECT e.id, {registrations}, count(*) OVER (PARTITION BY binding_key) FROM registration AS r "
            "LEFT JOIN sipregistrantentry AS e ON e.uid = r.entry_uid ORDER BY e.id, r.registrar_id, r.wanted_rev, r.class",
            "SELECT registrar_id, state, registrations FROM registrar_count WHERE registrations <> 0 ORDER BY 1, 2",
            "SELECT was FROM tombstone ORDER BY was",
            "SELECT entry IS NULL, sent FROM bound ORDER BY sent",
        )  # fmt: skip
        return [[tuple(row) for row in tx.conn.execute(text(query))] for query in queries]

    return await site.store.read(read)


# The same outcome as single requests


AORS = st.sampled_from(["sip:a", "sip:b", "sip:c@example.org", "b", "sip:%41", "tel:+49123", "sip:", "x y", "sip:ä"])
FORMS = st.fixed_dictionaries(
    {},
    optional={
        "AOR": AORS,
        "aortype": st.sampled_from(["0", "1", "2", "3", "4", ""]),
        "AorTtl": st.sampled_from(["60", "3600", "0"]),
        "FailedRegistrationRetryTimer": st.sampled_from(["30", "120", "1"]),
        "URI1": st.sampled_from(["", "sip:c@192.0.2.1", "c"]),
        "URI2": st.sampled_from(["", "sip:c@192.0.2.1", "sip:d@192.0.2.1"]),
        "Q1": st.sampled_from(["100", "50"]),
        "FromURI": st.sampled_from(["", "sip:boss@192.0.2.1", "boss"]),
        "unknown": st.just("x"),
    },
)
GIVEN = st.lists(st.tuples(st.integers(1, 7), FORMS), max_size=6, unique_by=lambda pair: pair[0])


async def put_or_post(site: Site, given: Sequence[Line]) -> list[int]:
    """Do with each line what single requests would; return the lines that are refused."""
    refused = []
    for line in given:
        try:
            await site.store.write(upsert, line)
        except Refusal:
            refused.append(line.number)
    return refused


def upsert(tx: Tx, line: Line) -> None:
    place = Key(line.id, 1)
    write = config.change if config.exists(tx, ENTRY, place) else config.create
    write(tx, ENTRY, place, dict(line.form))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(GIVEN)
async def test_an_import_comes_to_what_single_requests_come_to(
    first_start: Path, tmp_path_factory: pytest.TempPathFactory, given: list[tuple[int, dict[str, str]]]
) -> None:
    folder, clock = tmp_path_factory.mktemp("alike"), Clock()
    sites = []
    for name in ("imported", "single"):
        shutil.copytree(first_start, folder / name)
        sites.append(Site(folder / name, clock))
        await sites[-1].open()
        await sites[-1].put_chain(3)
        await sites[-1].register()
        await sites[-1].post("sipregistrantentry", "1:3", AorTtl=60)  # one that waits already
    imported, single = sites
    clock.advance(5)
    before = await everything(imported)
    refused = await put_or_post(single, lines(given))
    plan = await bulk.plan(imported.store, ENTRY, 1, lines(given))
    found = await apply(imported, lines(given))
    assert found == plan
    assert sorted({fault.line for fault in found.faults}) == refused
    if refused:
        assert await everything(imported) == before
    else:
        assert await everything(imported) == await everything(single)
        untouched = [row for row in await imported.rows() if row.entry_uid == 3 and row.wanted_rev == 2]
        assert found.registers == len(await imported.due()) - len(untouched)
    for site in sites:
        await site.store.close()


async def test_a_plan_tells_what_it_comes_to_and_changes_nothing(site: Site) -> None:
    await site.put_chain(3)
    await site.register()
    before = await everything(site)
    given = [*users(4, 5), *lines([(1, {"AorTtl": 60}), (2, {"AOR": "sip:other"}), (3, {"AOR": "sip:u3"})])]
    found = await bulk.plan(site.store, ENTRY, 1, given)
    # A new AOR registers, and the old one un-registers.
    assert numbers(found) == (2, 2, 1, 0, 5)
    assert await everything(site) == before
    assert await site.all(BULK) == []
    assert list(site.directory.glob("bulk*")) == []


async def test_the_registers_of_a_plan_are_those_that_come(site: Site) -> None:
    await site.put_chain(3)
    await site.register()
    given = [*users(4, 5), *lines([(1, {"AorTtl": 60}), (2, {"AOR": "sip:other"}), (3, {"AOR": "sip:u3"})])]
    found = await apply(site, given)
    assert found.registers == len(await site.due()) == 5


async def test_what_does_not_change_is_not_touched(site: Site) -> None:
    await site.put_chain(2)
    await site.register()
    before = await site.rows()
    found = await apply(site, lines([(1, {"AOR": "sip:u1", "AorType": 2}), (2, {"AorTtl": 3600})]))
    assert numbers(found) == (0, 0, 2, 0, 0)
    assert await site.rows() == before
    assert await site.due() == []


async def test_what_changes_is_due_with_another_wish(site: Site) -> None:
    await site.put_chain(3)
    await site.register()
    revs = [row.wanted_rev for row in await site.rows()]
    await apply(site, lines([(2, {"AorTtl": 600})]))
    assert [row.wanted_rev - rev for row, rev in zip(await site.rows(), revs, strict=True)] == [0, 1, 0]
    assert await site.due() == [2]


async def test_another_retry_timer_causes_no_register(site: Site) -> None:
    await site.put_chain(1)
    await site.register()
    await apply(site, lines([(1, {"FailedRegistrationRetryTimer": 600})]))
    assert (await site.get("sipregistrantentry", "1:1"))["FailedRegistrationRetryTimer"] == 600
    assert await site.due() == []


async def test_the_order_of_use_is_that_of_the_lines(site: Site) -> None:
    await site.put_table(2)
    await apply(site, users(9, 2, 7, 3))
    assert (await site.get("sipcontactregistrant", "1"))["Sequence"] == "1,2,9,7,3"
    assert await site.ids("sipregistrantentry", 1) == [1, 2, 3, 7, 9]


async def test_a_whole_table_loses_what_is_not_named(site: Site) -> None:
    await site.put_chain(3)
    await site.register(contacts=["sip:a@h"])
    found = await apply(site, lines([(2, {"AOR": "sip:u2"}), (8, {"AOR": "sip:u8"})]), is_whole=True)
    assert numbers(found) == (1, 0, 1, 2, 3)
    assert await site.ids("sipregistrantentry", 1) == [2, 8]
    assert sorted(row.was for row in await site.all(TOMBSTONE)) == ["1:1", "1:3"]


async def test_credentials_are_imported_sealed_and_those_who_use_them_are_due(site: Site) -> None:
    await site.put_chain(2)
    await site.register()
    given = lines([(1, {"EncryptedPassword": "another"}), (7, {"User": "x", "EncryptedPassword": "new"})])
    found = await bulk.apply(site.store, CREDENTIAL, 1, given)
    await site.reconcile()
    assert numbers(found) == (1, 1, 0, 0, 0)
    claimed = await site.claim_one()
    assert [c.password for c in claimed.credentials] == ["another"]
    row = next(row for row in await site.all(OBJECTS["sipremoteauthentry"]) if row.id == 7)
    assert b"new" not in row.encrypted_password
    await bulk.apply(site.store, CREDENTIAL, 1, lines([(2, {})]), is_whole=True)
    await site.reconcile()
    assert await site.ids("sipremoteauthentry", 1) == [2]


async def test_an_ha1_that_a_change_would_make_wrong_is_a_fault(site: Site) -> None:
    await site.put_chain(2)
    given = lines([(1, {"PasswordKind": "1", "Realm": "r"}), (2, {"PasswordKind": "1", "EncryptedPassword": "secret"})])
    found = await bulk.apply(site.store, CREDENTIAL, 1, given)
    assert [(fault.line, fault.attribute) for fault in found.faults] == [
        (1, "EncryptedPassword"), (2, "Realm"),
    ]  # fmt: skip
    assert "together with PasswordKind" in found.faults[0].problem


# All or nothing


async def test_faults_are_told_by_line_and_nothing_is_changed(site: Site) -> None:
    await site.put_chain(2)
    await site.register()
    before = await everything(site)
    given = users(*range(1, 3001))
    faulty = range(30, 3000, 30)
    for at in faulty:
        given[at] = given[at]._replace(form={"AorTtl": "x", "Q1": "101"})
    found = await apply(site, given)
    # Both numbers, and the AOR that is not there.
    assert found.fault_count == 3 * len(faulty)
    assert [(f.line, f.attribute) for f in found.faults] == [
        (at + 1, name) for at in faulty for name in ("AOR", "AorTtl", "Q1")
    ]
    assert await everything(site) == before
    assert (await site.all(BULK), list(site.directory.glob("bulk*"))) == ([], [])


async def test_of_many_faults_the_first_are_told_and_all_are_counted(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST_FAULTS", 10)
    await site.put_table(0)
    found = await apply(site, lines((id, {}) for id in range(1, 601)))
    assert (found.fault_count, [fault.line for fault in found.faults]) == (600, list(range(1, 11)))


@pytest.mark.parametrize("between", [0, 2 * bulk.LINES_AT_ONCE])
async def test_an_id_that_comes_twice_is_a_fault(site: Site, between: int) -> None:
    await site.put_table(0)
    given = users(7, *range(100, 100 + between), 7)
    found = await apply(site, [line._replace(number=at) for at, line in enumerate(given, 1)])
    assert found.faults == [Fault(between + 2, 7, "id", "line 1 has it already")]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (Line(1, 0, {"AOR": "sip:a"}), Fault(1, 0, "id", "1 to 2147483647 is wanted")),
        (Line(1, 2147483648, {"AOR": "sip:a"}), Fault(1, 2147483648, "id", "1 to 2147483647 is wanted")),
        (Line(1, 1, {}, "it is not JSON"), Fault(1, 1, "", "it is not JSON")),
        (Line(1, 1, {}), Fault(1, 1, "AOR", "it is missing")),
        (Line(1, 1, {"AOR": ""}), Fault(1, 1, "AOR", "it is empty")),
        (Line(1, 1, {"AOR": "a", "URI1": "b", "URI2": "b"}), Fault(1, 1, "URI2", "it is in this entry twice")),
    ],
)
async def test_a_fault_says_what_is_wrong(site: Site, line: Line, fault: Fault) -> None:
    await site.put_table(0)
    assert (await apply(site, [line])).faults == [fault]


async def test_a_table_that_is_not_there_is_refused(site: Site) -> None:
    for function in (bulk.plan, bulk.apply):
        with pytest.raises(ObjectMissing):
            await function(site.store, ENTRY, 5, users(1))


async def test_two_imports_of_one_table_do_not_go_together(site: Site) -> None:
    await site.put_table(0)
    await bulk.apply(site.store, ENTRY, 1, users(1))
    with pytest.raises(ObjectConflict):
        await bulk.apply(site.store, ENTRY, 1, users(2))
    await site.reconcile()
    await apply(site, users(2))
    assert await site.ids("sipregistrantentry", 1) == [1, 2]


async def test_lines_that_break_off_leave_nothing(site: Site) -> None:
    await site.put_table(0)

    def broken() -> Iterable[Line]:
        yield from users(*range(1, 1001))
        raise OSError("gone")

    with pytest.raises(StoreUnavailable):
        await bulk.apply(site.store, ENTRY, 1, broken())
    assert (await site.all(BULK), list(site.directory.glob("bulk*"))) == ([], [])
    assert numbers(await apply(site, users(1)))[0] == 1


# A crash


async def test_a_crash_while_it_is_read_leaves_nothing(site: Site, clock: Clock, tmp_path: Path) -> None:
    await site.put_chain(1)

    def watched() -> Iterable[Line]:
        yield from users(*range(10, 1000))
        shutil.copytree(site.directory, tmp_path / "copy", ignore=shutil.ignore_patterns("*-shm"))

    await bulk.apply(site.store, ENTRY, 1, watched())
    copy = Site(tmp_path / "copy", clock)
    await copy.open()
    await copy.store.write(bulk_steps.forget_unfinished)
    await copy.reconcile()
    await copy.store.read(bulk_steps.sweep)
    assert await copy.ids("sipregistrantentry", 1) == [1]
    assert list(copy.directory.glob("bulk*")) == []
    assert numbers(await apply(copy, users(5)))[0] == 1
    await copy.store.close()


async def test_a_crash_in_the_middle_of_carrying_out_goes_on_with_it(site: Site, clock: Clock, tmp_path: Path) -> None:
    await site.put_chain(3)
    await bulk.apply(site.store, ENTRY, 1, users(*range(3, 1001)))
    await site.store.write(reconcile.step)
    some = await site.ids("sipregistrantentry", 1)
    assert 3 < len(some) < 1000
    copy = await open_copy(site, clock, tmp_path / "copy")
    await copy.store.write(bulk_steps.forget_unfinished)
    await copy.reconcile()
    await site.reconcile()
    assert await copy.ids("sipregistrantentry", 1) == list(range(1, 1001))
    assert len(await copy.rows()) == 1000
    assert await everything(copy) == await everything(site)
    await copy.store.read(bulk_steps.sweep)
    assert list(copy.directory.glob("bulk*")) == []
    await copy.store.close()


async def test_a_step_does_no_more_than_it_may(site: Site) -> None:
    await site.put_chain(0)
    await bulk.apply(site.store, ENTRY, 1, users(*range(1, 1001)))
    numbers = [0]
    while await site.store.write(reconcile.step):
        numbers.append(len(await site.ids("sipregistrantentry", 1)))
    assert numbers[-1] == 1000
    assert max(after - before for before, after in zip(numbers, numbers[1:], strict=False)) <= LINES_PER_STEP


# Others write meanwhile


async def test_who_writes_to_an_entry_comes_after_the_import(site: Site) -> None:
    await site.put_chain(2)
    await bulk.apply(site.store, ENTRY, 1, users(*range(1, 601), AorTtl=600))
    assert (await site.runtime("sipcontactregistrant", "1"))["rt_Pending"] == 1
    await site.post("sipregistrantentry", "1:600", AorTtl=60)
    await site.post("sipregistrantentry", "1:2", Q1=7)
    await site.delete("sipregistrantentry", "1:500")
    await site.put("sipregistrantentry", "1:900", AOR="sip:late")
    await site.reconcile()
    assert (await site.runtime("sipcontactregistrant", "1"))["rt_Pending"] == 0
    assert (await site.get("sipregistrantentry", "1:600"))["AorTtl"] == 60
    second = await site.get("sipregistrantentry", "1:2")
    assert (second["AOR"], second["AorTtl"], second["Q1"]) == ("sip:n2", 600, 7)
    assert await site.ids("sipregistrantentry", 1) == [n for n in range(1, 601) if n != 500] + [900]
    assert len([row for row in await site.rows() if row.entry_uid is not None]) == 600
    assert (await site.all(BULK), await site.all(BULK_AHEAD)) == ([], [])


@pytest.mark.parametrize(
    ("id", "is_whole", "is_refused"), [("1:2", False, True), ("1:9", False, False), ("1:9", True, True)]
)
async def test_an_entry_that_is_written_while_the_lines_are_read_is_not_lost(
    site: Site, monkeypatch: pytest.MonkeyPatch, id: str, is_whole: bool, is_refused: bool
) -> None:
    await site.put_chain(9)
    given = lines([(2, {"AorTtl": 600}), (9, {})])
    read = bulk._read

    async def read_while_another_writes(*arguments: Any, **keywords: Any) -> Plan:
        found = await read(*arguments, **keywords)
        await site.post("sipregistrantentry", id, AorTtl=77)
        return found

    monkeypatch.setattr(bulk, "_read", read_while_another_writes)
    with pytest.raises(ObjectConflict) if is_refused else nullcontext():
        await bulk.apply(site.store, ENTRY, 1, given, is_whole=is_whole)
    await site.reconcile()
    assert (await site.get("sipregistrantentry", id))["AorTtl"] == 77
    other = {"1:2": 77, "1:9": 3600}[id] if is_refused else 600
    assert (await site.get("sipregistrantentry", "1:2"))["AorTtl"] == other
    assert (await site.all(BULK), await site.all(BULK_AHEAD)) == ([], [])


async def test_a_table_that_is_deleted_takes_its_import_with_it(site: Site) -> None:
    await site.put_table(1)
    await bulk.apply(site.store, ENTRY, 1, users(*range(2, 601)))
    await site.store.write(reconcile.step)
    await site.delete("sipcontactregistrant", "1")
    await site.reconcile()
    await site.store.read(bulk_steps.sweep)
    assert await site.all(OBJECTS["sipregistrantentry"]) == []
    assert await site.all(BULK) == []
    assert list(site.directory.glob("bulk*")) == []


async def test_a_file_that_is_gone_is_told(site: Site) -> None:
    await site.put_table(1)
    await bulk.apply(site.store, ENTRY, 1, users(5))
    (path,) = site.directory.glob("bulk-*.db")
    path.rename(site.directory / "elsewhere")
    with pytest.raises(StoreUnavailable):
        await site.store.write(reconcile.step)
    (site.directory / "elsewhere").rename(path)
    await site.reconcile()
    assert await site.ids("sipregistrantentry", 1) == [1, 5]


async def test_secrets_in_the_file_are_sealed_and_it_is_for_nobody_else(site: Site) -> None:
    await site.put("sipremoteauthtable", "1")
    await bulk.apply(site.store, CREDENTIAL, 1, lines([(1, {"User": "x", "EncryptedPassword": "open-sesame"})]))
    (path,) = site.directory.glob("bulk-*.db")
    assert b"open-sesame" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
