"""Imports: many entries of one table created and changed at once, all of them or none.

What an import comes to is what PUT (where the id is free) and POST (where it is not) of each line would, in the order of
the lines: the same validation, defaults, order of use and consequences. A line that changes nothing causes nothing.

How that goes together with one writer that nobody may hold over 20 ms, and with a crash at any moment:

1. *Read.* The lines are checked, compared with what is there and turned into rows, some hundred at a time, in readers'
   threads. Nothing is written to the database but one row which says that the table is being read; the rows go into a
   file of their own (`staging.py`). A fault anywhere, or a crash, and file and row are dropped: nothing was changed.
2. *Made real.* The file is on disk; one small transaction says that it counts. From here on all of it will be there.
   It refuses where somebody has written to an entry of the import since it was read, so that no change is lost and
   nothing is carried out that was not checked: then one imports again.
3. *Carried out* by the reconciler in steps, its cursor in the database, after a crash as well (`bulk_steps.py`). The
   table shows rt_Pending; who writes to an entry meanwhile finds it as imported.

A staging *table* would send every row through the writer twice and leave the file of the database as large as both
together; one long transaction would have a million refreshes wait behind it. Between 2 and 3 an entry may still be read
as it was: that is the price, and what rt_Pending is for.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Row

from ..errors import NotUnique, Refusal, StoreUnavailable, ValueRefused
from ..model.resource import Resource
from . import audit, bulk_steps, config
from .bulk_steps import ROWS
from .objects import STORED, parent_uid_of
from .sequence import SEQUENCE
from .staging import ADD, CHANGE, REMOVE, Staging, file_of
from .store import Store
from .tx import SERVICE, Key, Tx

__all__ = ["MOST_FAULTS", "Fault", "Line", "Plan", "apply", "plan"]

MOST_FAULTS = 1000
"""So many are told one by one; all are counted."""

# Some milliseconds in a reader's thread.
LINES_AT_ONCE = 250
IDS_AT_ONCE = 2000

CHOOSES_BINDING = frozenset({"AOR", "AorType"})
"""Whoever changes one of these leaves another binding behind."""


class Line(NamedTuple):
    """One line of an import: the id that the entry has or gets, and what PUT or POST would send, decoded.

    `fault` tells why it could not be read, "" where it could.
    """

    number: int
    id: int
    form: Mapping[str, str]
    fault: str = ""


class Fault(NamedTuple):
    """Why a line cannot be: `attribute` is "" where the line as a whole is at fault."""

    line: int
    id: int
    attribute: str
    problem: str


@dataclass(slots=True)
class Plan:
    """What an import comes to. Where there are faults, nothing is done, and the other numbers mean nothing."""

    added: int = 0
    changed: int = 0
    untouched: int = 0
    removed: int = 0
    registers: int = 0
    """Registrations that become due by it, un-REGISTERs among them. Each takes one REGISTER, or two with a challenge."""
    fault_count: int = 0
    faults: list[Fault] = field(default_factory=list)
    """The first of them, by line."""

    @property
    def changes(self) -> int:
        """Return how many entries are not as they were."""
        return self.added + self.changed + self.removed


async def plan(store: Store, resource: Resource, parent: int, lines: Iterable[Line], *, is_whole: bool = False) -> Plan:
    """Return what an import of `lines` would come to as things stand, and change nothing.

    `is_whole` means that the table is to have what the lines name and nothing else. Raises `ObjectMissing` where there is
    no such table, `StoreUnavailable`.
    """
    staging = Staging(None, len(bulk_steps.columns_of(resource)))
    try:
        return await _read(store, resource, parent, lines, staging, is_whole=is_whole)
    finally:
        staging.discard()


async def apply(store: Store, resource: Resource, parent: int, lines: Iterable[Line], *, is_whole: bool = False,
                who: str = SERVICE) -> Plan:  # fmt: skip
    """Import `lines`, or nothing where the plan that is returned has faults.

    When it returns, the import is on disk; the reconciler carries it out. Raises what `plan` does, and `ObjectConflict`
    where another import of the table is under way, or an entry was written by somebody else meanwhile.
    """
    bulk_id = await store.write(bulk_steps.begin, resource, parent)
    path = file_of(store.directory, bulk_id)
    staging: Staging | None = None
    is_real = False
    try:
        staging = Staging(path, len(bulk_steps.columns_of(resource)))
        found = await _read(store, resource, parent, lines, staging, is_whole=is_whole)
        if not found.fault_count and found.changes:
            await _in_thread(staging.finish)
            await store.write_as(who, _make_real, bulk_id, resource, parent, is_whole, found)
            is_real = True
        return found
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(f"{path.name}: {error}") from None
    finally:
        if not is_real:
            await store.write(bulk_steps.forget, bulk_id)
            if staging is not None:
                staging.discard()


def _make_real(tx: Tx, bulk_id: int, resource: Resource, parent: int, is_whole: bool, found: Plan) -> None:
    bulk_steps.make_real(tx, bulk_id, resource, parent, is_whole=is_whole)
    told = {"added": found.added, "changed": found.changed, "removed": found.removed}
    audit.note(tx, "import", resource.parent, parent, None, told)


async def _in_thread(function: Callable[[], None]) -> None:
    await asyncio.to_thread(function)


async def _read(store: Store, resource: Resource, parent: int, lines: Iterable[Line], staging: Staging, *,
                is_whole: bool) -> Plan:  # fmt: skip
    """Check all lines and stage what they change. Each batch sees the database as of its own moment: a long look would
    keep the WAL from being emptied, and what is written meanwhile is known (`bulk_steps.make_real`).
    """
    reader = await store.read(_Reader, resource, parent, iter(lines), staging)
    try:
        while await store.read(reader.read_some):
            pass
        if is_whole and not reader.plan.fault_count:
            while await store.read(reader.remove_some):
                pass
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(str(error)) from None
    return reader.plan


class _Reader:
    """Reads the lines of one import, a batch at a time."""

    def __init__(self, tx: Tx, resource: Resource, parent: int, lines: Iterator[Line], staging: Staging) -> None:
        self.plan = Plan()
        self._resource = resource
        self._parent = parent
        uid = parent_uid_of(tx, resource, parent)
        assert uid is not None
        self._uid = uid
        self._lines = lines
        self._staging = staging
        self._row = itemgetter(*bulk_steps.columns_of(resource))
        self._values = itemgetter(*(attribute.name for attribute in resource.stored))
        self._after = 0

    def read_some(self, tx: Tx) -> bool:
        """Take in some lines; tell whether there may be more."""
        some = list(islice(self._lines, LINES_AT_ONCE))
        if not some:
            return False
        told = len(self.plan.faults)
        fit = self._first_of_each([line for line in some if self._is_fit(line)])
        there = self._there(tx, [line.id for line in fit])
        staged: list[tuple[int, int, Sequence[Any]]] = []
        changed: list[tuple[Row[Any], bool]] = []
        for line in fit:
            row = there.get(line.id)
            try:
                if row is None:
                    staged.append((ADD, line.id, self._added(tx, line)))
                    self.plan.added += 1
                    continue
                columns, names = self._changed(tx, row, line)
            except Refusal:
                self._refuse(line, row)
                continue
            if names:
                staged.append((CHANGE, line.id, columns))
                changed.append((row, bool(names & CHOOSES_BINDING)))
            self.plan.changed += bool(names)
            self.plan.untouched += not names
        if not self.plan.fault_count:
            self._staging.add(staged)
            added = sum(kind == ADD for kind, _, _ in staged)
            self.plan.registers += added * self._registrars(tx) + self._due_by_change(tx, changed)
        elif len(self.plan.faults) > told:
            self.plan.faults.sort(key=itemgetter(0))
        return True

    def remove_some(self, tx: Tx) -> bool:
        """Stage the leave of entries that no line names; tell whether there may be more."""
        ids = STORED[self._resource.name].ids(tx, self._uid, self._after, IDS_AT_ONCE)
        if not ids:
            return False
        self._after = ids[-1]
        named = self._staging.lines_of(ids)
        going = [id for id in ids if id not in named]
        self._staging.add([(REMOVE, id, None) for id in going])
        self.plan.removed += len(going)
        self.plan.registers += _due(tx, HELD, [row.uid for row in self._there(tx, going).values()])
        return True

    def _is_fit(self, line: Line) -> bool:
        if line.fault:
            self._fault(line, "", line.fault)
        elif not self._resource.lowest_id <= line.id <= self._resource.highest_id:
            self._fault(line, "id", f"{self._resource.lowest_id} to {self._resource.highest_id} is wanted")
        else:
            return True
        return False

    def _first_of_each(self, lines: Sequence[Line]) -> list[Line]:
        """Return the lines whose id no line before them has; the others are faults."""
        before = self._staging.lines_of([line.id for line in lines])
        here: dict[int, int] = {}
        first = []
        for line in lines:
            earlier = before.get(line.id) or here.get(line.id)
            if earlier is not None:
                self._fault(line, "id", f"line {earlier} has it already")
                continue
            here[line.id] = line.number
            first.append(line)
        self._staging.see(here)
        return first

    def _there(self, tx: Tx, ids: Collection[int]) -> dict[int, Row[Any]]:
        place = {"parent_uid": self._uid, "ids": json.dumps(list(ids))}
        return {row.id: row for row in tx.conn.execute(ROWS[self._resource.name], place)}

    def _added(self, tx: Tx, line: Line) -> Sequence[Any]:
        values = self._resource.to_create(line.form)
        values.pop(SEQUENCE, None)
        if self._resource.has_secret:
            columns = config.columns_for(tx, self._resource, Key(line.id, self._parent), self._uid, values)
            return self._row(columns)  # type: ignore[no-any-return]
        derived = config.derived(values).values() if "AOR" in values else ()
        return (*self._values(values), *derived)

    def _changed(self, tx: Tx, row: Row[Any], line: Line) -> tuple[Sequence[Any], frozenset[str]]:
        """Return the columns as they will be, and the names of what is not as it was."""
        current = config.known(self._resource, row)
        changes = self._resource.named(line.form)
        changed = {name: value for name, value in changes.items() if value != current.get(name)}
        if not changed:
            return (), frozenset()
        self._resource.check_changed(current, changed)
        key = Key(line.id, self._parent)
        columns = {**row._mapping, **config.columns_for(tx, self._resource, key, self._uid, changed)}
        if "AOR" in current:
            columns |= config.derived(current | changed)
        return self._row(columns), frozenset(changed)

    def _refuse(self, line: Line, row: Row[Any] | None) -> None:
        """Tell every fault of a line."""
        current = None if row is None else config.known(self._resource, row)
        for error in self._resource.faults(line.form, current):
            match error:
                case ValueRefused():
                    problem = error.problem or f"it is {error.fault}"
                    self._fault(line, error.attribute, problem)
                case NotUnique():
                    self._fault(line, error.attribute, "it is in this entry twice")
                case _:
                    self._fault(line, "", str(error))

    def _fault(self, line: Line, attribute: str, problem: str) -> None:
        self.plan.fault_count += 1
        if len(self.plan.faults) < MOST_FAULTS:
            self.plan.faults.append(Fault(line.number, line.id, attribute, problem))

    def _registrars(self, tx: Tx) -> int:
        """Return at how many registrars an entry of this table registers."""
        query = "SELECT count(*) FROM registrar WHERE registrant_table_uid = ? AND is_on = 1"
        is_entry = self._resource.name == "sipregistrantentry"
        return int(tx.sqlite.execute(query, (self._uid,)).fetchone()[0]) if is_entry else 0

    def _due_by_change(self, tx: Tx, changed: Sequence[tuple[Row[Any], bool]]) -> int:
        if self._resource.name != "sipregistrantentry":
            return 0
        return _due(tx, WANTED_OR_HELD, [row.uid for row, _ in changed]) + _due(
            tx, HELD, [row.uid for row, leaves in changed if leaves]
        )


HELD = "(r.expires_at > :now OR r.maybe_held_until > :now)"
WANTED_OR_HELD = f"({HELD} OR (r.stays_off = 0 AND registrar.is_on = 1))"


def _due(tx: Tx, which: str, uids: Collection[int]) -> int:
    """Return how many registrations of these entries become due."""
    if not uids:
        return 0
    query = (
        "SELECT count(*) FROM registration AS r JOIN registrar ON registrar.id = r.registrar_id "
        f"WHERE r.entry_uid IN (SELECT value FROM json_each(:uids)) AND {which}"
    )
    return int(tx.sqlite.execute(query, {"uids": json.dumps(list(uids)), "now": tx.now}).fetchone()[0])
