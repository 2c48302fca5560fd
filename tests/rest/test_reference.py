"""Every attribute of every resource, as its page has it (tests/vectors/rest/attributes.toml), tried over the wire.

Each test takes one row: it fails when the row is changed, here or in the program.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from sipregistrant.access.sessions import Sessions
from sipregistrant.model.registry import RESOURCES
from sipregistrant.rest.app import create_app
from sipregistrant.store import users
from sipregistrant.store.passwords import hash_password_now
from sipregistrant.store.store import Store

from .attribute_rows import REFERRED_ID, TABLES, Row, Table
from .conftest import stopped_clock
from .support import Client, ManualClock, everything

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFERRED = ("sipremoteauthtable", "sipcontactregistrant", "sipprofile", "sipservertable", "siptlsprofile")
HIGHEST_ID = 65534

Wanted = Callable[[Row], object]


def rows(wanted: Wanted) -> pytest.MarkDecorator:
    """Try all rows for which `wanted` is true."""
    chosen = [(table, row) for table in TABLES.values() for row in table.rows if wanted(row)]
    return pytest.mark.parametrize(("table", "row"), chosen, ids=[f"{t.name}-{r.name}" for t, r in chosen])


def is_sent(row: Row) -> bool:
    return not (row.sequence or row.read_only)


class Box:
    """The service, with an object of each resource that something may refer to, and a place for one more."""

    def __init__(self, client: Client, store: Store) -> None:
        self.client = client
        self._store = store

    async def furnish(self) -> None:
        """Make what may be referred to, and the tables that entries hang in."""
        for name in REFERRED:
            for id in (1, REFERRED_ID, HIGHEST_ID):
                await self.client.put(f"/rest/{name}/{id}")

    @asynccontextmanager
    async def made(self, table: Table, form: str) -> AsyncIterator[dict[str, str]]:
        """PUT an object; give its values; in the end DELETE it."""
        reply = await self.client.put(table.path, form)
        assert reply.http_code == 200, (form, reply.told)
        try:
            yield reply.values
        finally:
            assert (await self.client.delete(table.path)).http_code == 200

    async def shows(self, table: Table, form: str, name: str) -> str:
        """Return what PUT and then GET show of an attribute; they must agree."""
        async with self.made(table, form) as values:
            assert (await self.client.get(table.path)).values[name] == values[name]
            return values[name]

    async def refuses(self, table: Table, form: str, *, method: str = "PUT") -> tuple[int, int, str]:
        """Return what is told of a refusal, after which nothing has changed."""
        before = await self._store.read(everything)
        reply = await self.client.send(method, table.path, form)
        assert await self._store.read(everything) == before
        assert reply.status_line == 200
        return reply.told

    async def refuses_twice(self, table: Table, row: Row, form: str) -> tuple[int, int, str]:
        """Return what is told of a refusal by PUT, and by POST on an object that is there: the same."""
        told = await self.refuses(table, f"{table.least_without(row.name)}&{form}")
        async with self.made(table, table.least):
            assert await self.refuses(table, form, method="POST") == told
        return told


def about(table: Table, row: Row) -> str:
    """Return the params of a refusal: resource, id, attribute."""
    return f"{table.name}|{table.shown_id}|{row.name}"


# Each test cleans up behind itself, so one store is enough for all.
@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path_factory.mktemp("var"), stopped_clock)
    yield store
    await store.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def box(store: Store) -> AsyncIterator[Box]:
    clock = ManualClock()
    sessions = Sessions(clock=clock)
    client = Client(create_app(store, clock=clock, sessions=sessions), f"PHPSESSID={sessions.begin('scripts').token}")
    box = Box(client, store)
    await box.furnish()
    yield box
    await client.close()


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
async def test_a_resource_has_exactly_the_attributes_of_its_page(box: Box, table: Table) -> None:
    async with box.made(table, table.least) as values:
        assert sorted(name for name in values if not name.startswith("rt_")) == sorted(row.name for row in table.rows)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
async def test_ids_are_taken_from_the_lowest_to_the_highest_and_no_further(box: Box, table: Table) -> None:
    lowest, highest = table.ids
    for id in table.ids:
        made = await box.client.put(f"{table.lists}/{id}", table.least)
        assert made.http_code == 200 or made.told[1] == 20013
        if made.http_code == 200:
            assert (await box.client.delete(f"{table.lists}/{id}")).http_code == 200
    for id in (lowest - 1, highest + 1):
        refused = await box.client.put(f"{table.lists}/{id}", table.least)
        assert refused.told == (400, 20031, f"{table.name}|{id}")


@rows(lambda row: not row.sequence)
async def test_an_attribute_that_is_absent_has_its_default_or_is_missed(box: Box, table: Table, row: Row) -> None:
    form = table.least_without(row.name)
    if row.when_absent is None:
        assert await box.refuses(table, form) == (400, 20045, about(table, row))
    else:
        assert await box.shows(table, form, row.name) == row.when_absent


@rows(lambda row: row.taken_numbers and not row.refers_to)
async def test_the_documented_numbers_are_taken(box: Box, table: Table, row: Row) -> None:
    for number in row.taken_numbers:
        form = f"{table.least_without(row.name)}&{row.form(number)}"
        assert await box.shows(table, form, row.name) == str(number)


@rows(lambda row: row.taken_numbers)
async def test_the_next_number_is_refused(box: Box, table: Table, row: Row) -> None:
    assert row.refused_numbers
    for number in row.refused_numbers:
        assert await box.refuses_twice(table, row, f"{row.name}={number}") == (400, 20038, about(table, row))


@rows(lambda row: row.refers_to)
async def test_a_reference_names_an_object_that_is_there(box: Box, table: Table, row: Row) -> None:
    assert row.range is not None
    lowest, highest = row.range
    for number in (lowest, HIGHEST_ID):
        assert await box.shows(table, f"{table.least}&{row.form(number)}", row.name) == str(number)
    missing = 7 if highest == HIGHEST_ID else highest
    told = await box.refuses_twice(table, row, row.form(missing))
    assert told == (500, 20040, f"{about(table, row)}|{row.refers_to} {missing}")


@rows(lambda row: row.longest)
async def test_the_longest_text_is_taken(box: Box, table: Table, row: Row) -> None:
    text = row.text_of(row.usable or row.longest)
    assert len(text) == (row.usable or row.longest)
    form = f"{table.least_without(row.name)}&{row.form(text)}"
    assert await box.shows(table, form, row.name) == (row.shown or text)


@rows(lambda row: row.longest)
async def test_a_text_of_one_character_more_is_refused(box: Box, table: Table, row: Row) -> None:
    text = row.text_of((row.usable or row.longest) + 1)
    assert await box.refuses_twice(table, row, row.form(text)) == (400, 20038, about(table, row))


@rows(is_sent)
async def test_an_empty_value_is_taken_or_refused_as_decided(box: Box, table: Table, row: Row) -> None:
    if row.empty == "taken":
        async with box.made(table, f"{table.least_without(row.name)}&{row.form(row.another())}") as values:
            assert values[row.name] == row.another()
            assert (await box.client.post(table.path, f"{row.name}=")).values[row.name] == ""
        assert await box.shows(table, f"{table.least_without(row.name)}&{row.name}=", row.name) == ""
    else:
        assert await box.refuses_twice(table, row, f"{row.name}=") == (400, row.empty, about(table, row))


@rows(is_sent)
@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.swapcase])
async def test_a_name_is_taken_in_any_case_and_answered_in_the_documented_one(
    box: Box, table: Table, row: Row, spelling: Callable[[str], str]
) -> None:
    value = row.another()
    form = row.form(value).replace(f"{row.name}=", f"{spelling(row.name)}=")
    shown = await box.shows(table, f"{table.least_without(row.name)}&{form}", row.name)
    assert shown == (row.shown or value)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
async def test_of_several_faults_the_first_in_the_order_of_the_page_is_told(box: Box, table: Table) -> None:
    faulty = [row for row in table.rows if not row.read_only]
    for first in range(len(faulty)):
        # A line feed is wrong in a text, and no digit.
        form = "&".join(f"{row.name}=%0A" for row in reversed(faulty[first:]))
        assert await box.refuses(table, f"{table.least}&{form}") == (400, 20038, about(table, faulty[first]))


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
async def test_a_name_that_is_on_no_page_is_ignored(box: Box, table: Table) -> None:
    async with box.made(table, table.least) as values:
        assert (await box.client.post(table.path, "Colour=red&AORX=&Description2=x&rt_Status=9")).values == values


@rows(lambda row: row.read_only)
async def test_what_is_read_only_is_not_taken(box: Box, table: Table, row: Row) -> None:
    assert await box.shows(table, f"{table.least}&{row.name}=mine", row.name) == row.default
    assert await box.shows(table, f"Description=Main&{row.name}=mine", row.name) == "Main"


@rows(lambda row: row.sequence)
async def test_a_sequence_is_empty_lists_the_entries_and_reorders_them(box: Box, table: Table, row: Row) -> None:
    entries = next(entry for entry in TABLES.values() if entry.lists.startswith(f"{table.lists}/1/"))
    inside = entries.lists.replace("/1/", f"/{table.id}/")
    async with box.made(table, table.least) as values:
        assert values[row.name] == ""
        for id in (3, 1, 2):
            assert (await box.client.put(f"{inside}/{id}", entries.least)).http_code == 200
        assert (await box.client.get(table.path)).values[row.name] == "3,1,2"
        assert (await box.client.post(table.path, f"{row.name}=2,3")).values[row.name] == "2,3,1"
        told = await box.refuses(table, f"{row.name}=1,4", method="POST")
        assert told == (500, 20040, f"{about(table, row)}|{entries.name} 4")


# Words and flags of the pages that are never on the wire: the documentation shows them.
@rows(lambda row: True)
async def test_what_the_page_says_besides_is_said_here_too(table: Table, row: Row) -> None:
    attribute = RESOURCES[table.name].by_lower_name[row.name.lower()]
    assert attribute.required == row.required
    assert dict(attribute.labels) == row.labels
    assert attribute.service_affecting == row.service
    assert attribute.refers_to == row.refers_to
    assert attribute.longest == row.longest


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("Username={name}&Password={password}", (200, 0)),
        ("USERNAME={name}&password={password}", (200, 0)),
        ("Username={name}x&Password={password}", (500, 3007)),
        ("Username={name}&Password={password}x", (500, 3007)),
        ("Password={password}", (500, 3032)),
        ("Username=&Password={password}", (500, 3032)),
        ("Username={name}", (500, 3032)),
        ("Username={name}&Password=", (500, 3032)),
    ],
)
async def test_login_takes_a_name_of_256_and_a_password_of_128_characters(
    box: Box, store: Store, long_user: None, form: str, told: tuple[int, int]
) -> None:
    reply = await box.client.post("/rest/login", form.format(name="ü" * 256, password="p" * 128), cookie="")
    assert (reply.http_code, reply.faults[0][0] if reply.faults else 0) == told


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def long_user(store: Store) -> None:
    await store.write(users.add, "ü" * 256, "rest", hash_password_now("p" * 128))
