"""What /rest must answer, in plain dictionaries: written from the decisions and the hand-made attribute rows alone.

It shares nothing with the program: no attribute tables, no store. A request goes in, and what must come back goes out;
the dictionaries then say how everything stands. Where the program may choose (which of two users of a table it names),
`Expected` says what it may say.

What an AOR, a contact, a host or a regular expression may be is not modelled by a grammar, but by lists of samples with
their verdicts (`samples.py`): a request has values of these lists alone where syntax matters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from . import samples
from .attribute_rows import TABLES, Row
from .support import BASE

__all__ = ["CHILD", "MASK", "PARENT", "Expected", "Key", "Model", "Request", "Shown"]

PARENT = {
    "sipregistrantentry": "sipcontactregistrant",
    "sipserver": "sipservertable",
    "sipremoteauthentry": "sipremoteauthtable",
}
CHILD = {table: entry for entry, table in PARENT.items()}

IN_USE_CODES = {
    "sipremoteauthtable": 31010,
    "sipcontactregistrant": 31011,
    "sipservertable": 31007,
    "sipprofile": 31005,
    "siptlsprofile": 31009,
}
FACTORY = {
    "sipprofile": {"Description": "Default SIP Profile"},
    "siptlsprofile": {"Description": "Default TLS Profile"},
    "sipservertable": {"Description": "Default SIP Server"},
    "sipsg": {"Description": "Default Signaling Group", "ServerClusterId": "1", "MediaConfigID": "1"},
}
CATEGORIES = {
    "sipcontactregistrant": {"runtime", "statistics"},
    "sipregistrantentry": {"runtime", "statistics"},
    "sipserver": {"runtime", "statistics"},
    "sipsg": {"runtime"},
}
ACTIONS = {"register", "unregister", "refresh"}
HAS_ACTIONS = {"sipcontactregistrant", "sipregistrantentry", "sipserver"}

MASK = "**********"
NUMBER = re.compile("[0-9]{1,10}", re.ASCII)
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
URI_NAMES = {
    "AOR",
    *(f"URI{n}" for n in range(1, 9)),
    "Host",
    "DomainName",
    "ServiceName",
    "StaticHost",
    "OutboundProxy",
}

Key = tuple[int, ...]
"""(id,) of what stands at the root, (table, id) of an entry."""

Shown = tuple[str, str, str, dict[str, str] | None]
"""Name, id and href of an object, and its attributes (None: a member of a list by its id)."""


@dataclass(frozen=True)
class Request:
    """What a request means; how it is written down is the business of who sends it."""

    method: str
    resource: str
    ids: tuple[str, ...]
    """The ids in the path, as text; the last one is missing where a list is meant."""
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    """Documented names."""

    @property
    def path(self) -> str:
        names = [PARENT[self.resource], self.resource] if self.resource in PARENT else [self.resource]
        parts = [part for pair in zip(names, (*self.ids, ""), strict=False) for part in pair if part]
        return "/rest/" + "/".join(parts)

    @property
    def is_list(self) -> bool:
        return len(self.ids) < (2 if self.resource in PARENT else 1)


@dataclass(frozen=True)
class Expected:
    """What the reply must say. `params` are those that are allowed; none: not looked at."""

    http_code: int = 200
    code: int = 0
    params: frozenset[str] = frozenset()
    object: Shown | None = None
    members: tuple[Shown, ...] | None = None


class Refused(Exception):
    def __init__(self, http_code: int, code: int, *params: str) -> None:
        super().__init__(http_code, code)
        self.expected = Expected(http_code, code, frozenset(params))


class Model:
    """The whole configuration."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[Key, dict[str, str]]] = {name: {} for name in TABLES}
        self.order: dict[tuple[str, int], list[int]] = {("sipservertable", 1): []}
        for name, given in FACTORY.items():
            self.objects[name][1,] = self._defaults(name) | given

    def copy(self) -> Model:
        """Return a second one that changes by itself."""
        other = Model.__new__(Model)
        other.objects = {n: {key: dict(values) for key, values in of.items()} for n, of in self.objects.items()}
        other.order = {table: list(ids) for table, ids in self.order.items()}
        return other

    def apply(self, request: Request) -> Expected:
        """Carry out a request; return what it must be answered. A refusal changes nothing."""
        try:
            ids = self._ids(request)
            match request.method:
                case "GET":
                    return self._get(request, ids)
                case "PUT" | "POST" | "DELETE" if request.is_list:
                    if request.method == "POST" and "action" in request.query:
                        raise Refused(400, 20046, request.query["action"])
                    raise Refused(400, 20036, request.resource)
                case "PUT":
                    return self._put(request, ids)
                case "POST" if "action" in request.query:
                    return self._act(request, ids)
                case "POST":
                    return self._post(request, ids)
                case "DELETE":
                    return self._delete(request, ids)
                case method:
                    raise NotImplementedError(method)
        except Refused as refused:
            return refused.expected

    def shown(self, name: str, key: Key, query: Mapping[str, str] | None = None) -> Shown:
        """Return how an object is shown: without what tells of registrations."""
        values = dict(self.objects[name][key])
        rows = {row.name: row for row in TABLES[name].rows}
        for row in rows.values():
            if row.shown:
                values[row.name] = row.shown
            elif row.sequence:
                values[row.name] = ",".join(map(str, self.order[name, key[0]]))
            elif row.read_only:
                values[row.name] = values["Description"] or f"SIP Server Table {key[0]}"
        is_wanted = (query or {}).get("filter", "configuration") == "configuration"
        return (*self._identity(name, key), values if is_wanted else {})

    def registrations_of(self, table: int) -> tuple[int, int]:
        """Return how many registrations each entry of a table has, at least and at most.

        It has one for each server of each group that is on. Of a group that was on, it may have kept those.
        """
        servers = self.objects["sipserver"].items()
        named = [str(at[0]) for at, server in servers if server["ContactRegistrantTableID"] == str(table)]
        groups = self.objects["sipsg"].values()
        most = [group["ServerClusterId"] for group in groups]
        least = [g["ServerClusterId"] for g in groups if g["customAdminState"] == "1" and g["ConfigIEState"] == "1"]
        return sum(map(least.count, named)), sum(map(most.count, named))

    # --- methods ----------------------------------------------------------------------------------------------------

    def _get(self, request: Request, ids: Key) -> Expected:
        name, query = request.resource, request.query
        known = {"configuration", *CATEGORIES.get(name, ())}
        if query.get("details", "true") != "true" or query.get("filter", "configuration") not in known:
            raise Refused(400, 20035, name)
        if not request.is_list:
            self._require(request, ids)
            return Expected(object=self.shown(name, ids, query))
        self._require_table(request, ids)
        keys = [key for key in sorted(self.objects[name]) if key[:-1] == ids]
        if "details" in query:
            return Expected(members=tuple(self.shown(name, key, query) for key in keys))
        return Expected(members=tuple((*self._identity(name, key), None) for key in keys))

    def _put(self, request: Request, key: Key) -> Expected:
        name = request.resource
        self._require_table(request, key[:-1])
        if key in self.objects[name]:
            raise Refused(500, 20013, f"{_id(key)}|{name}")
        values = self._defaults(name)
        for row in TABLES[name].rows:
            text = request.form.get(row.name)
            if row.read_only:
                continue
            if text is None:
                if row.when_absent is None:
                    raise Refused(400, 20045, f"{name}|{_id(key)}|{row.name}")
                continue
            if row.shown and text == MASK:
                raise Refused(400, 20038, f"{name}|{_id(key)}|{row.name}")
            values[row.name] = self._parsed(name, key, row, text)
        self._check(name, key, values, values)
        sequence = self._sequence(name, key, values.pop("Sequence", None), [])
        self.objects[name][key] = values
        if name in CHILD:
            self.order[name, key[0]] = sequence
        if name in PARENT:
            self.order[PARENT[name], key[0]].append(key[1])
        return Expected(object=self.shown(name, key))

    def _post(self, request: Request, key: Key) -> Expected:
        name = request.resource
        self._require(request, key)
        changes = {
            row.name: self._parsed(name, key, row, request.form[row.name])
            for row in TABLES[name].rows
            if row.name in request.form and not row.read_only and not (row.shown and request.form[row.name] == MASK)
        }
        self._check(name, key, {**self.objects[name][key], **changes}, changes)
        if name in CHILD:
            order = self.order[name, key[0]]
            self.order[name, key[0]] = self._sequence(name, key, changes.pop("Sequence", None), order)
        self.objects[name][key] |= changes
        return Expected(object=self.shown(name, key))

    def _act(self, request: Request, key: Key) -> Expected:
        word = request.query["action"]
        if word not in ACTIONS or request.resource not in HAS_ACTIONS:
            raise Refused(400, 20046, word)
        self._require(request, key)
        return Expected(object=self.shown(request.resource, key))

    def _delete(self, request: Request, key: Key) -> Expected:
        name = request.resource
        self._require(request, key)
        users = list(self._users_of(name, key[0])) if name in IN_USE_CODES else []
        if users:
            raise Refused(500, IN_USE_CODES[name], *(f"{_id(key)}|{user}" for user in users))
        del self.objects[name][key]
        if name in CHILD:
            del self.order[name, key[0]]
            entries = self.objects[CHILD[name]]
            for entry in [entry for entry in entries if entry[0] == key[0]]:
                del entries[entry]
        if name in PARENT:
            self.order[PARENT[name], key[0]].remove(key[1])
        return Expected()

    # --- rules ------------------------------------------------------------------------------------------------------

    def _ids(self, request: Request) -> Key:
        names = [PARENT[request.resource], request.resource] if request.resource in PARENT else [request.resource]
        for name, text in zip(names, request.ids, strict=False):
            if not (text.isascii() and text.isdigit()):
                raise Refused(400, 20036, name)
            lowest, highest = TABLES[name].ids
            if not lowest <= int(text) <= highest:
                raise Refused(400, 20031, f"{name}|{text}")
        return tuple(map(int, request.ids))

    def _require_table(self, request: Request, ids: Key) -> None:
        if ids and ids not in self.objects[PARENT[request.resource]]:
            raise Refused(_missing(request), 20012, f"{_id(ids)}|{PARENT[request.resource]}")

    def _require(self, request: Request, key: Key) -> None:
        self._require_table(request, key[:-1])
        if key not in self.objects[request.resource]:
            raise Refused(_missing(request), 20012, f"{_id(key)}|{request.resource}")

    def _parsed(self, name: str, key: Key, row: Row, text: str) -> str:
        """Return a value as it will be shown."""
        about = f"{name}|{_id(key)}|{row.name}"
        if text == "":
            if row.empty in ("", "taken"):
                return ""
            raise Refused(400, int(row.empty), about)
        is_bad = bool(CONTROL.search(text)) or (row.name in URI_NAMES and " " in text)
        is_bad = is_bad or bool(row.longest and len(text) > row.longest)
        if row.labels or row.range:
            lowest, highest = row.range or (0, -1)
            is_bad = is_bad or not NUMBER.fullmatch(text)
            is_bad = is_bad or not (int(text) in (*row.labels, *row.also) or lowest <= int(text) <= highest)
        if is_bad:
            raise Refused(400, 20038, about)
        return str(int(text)) if row.labels or row.range else text

    def _check(self, name: str, key: Key, values: Mapping[str, str], given: Mapping[str, str]) -> None:
        """Refuse what each value allows and all together do not; `given` are those that the request has."""
        for fault, attribute in samples.faults(name, values):
            http_code = 500 if fault in (20041, 31030) else 400
            raise Refused(http_code, fault, _id(key) if fault == 31030 else f"{name}|{_id(key)}|{attribute}")
        for row in TABLES[name].rows:
            target = given.get(row.name, "0") if row.refers_to else "0"
            if target != "0" and (int(target),) not in self.objects[row.refers_to]:
                raise Refused(500, 20040, f"{name}|{_id(key)}|{row.name}|{row.refers_to} {target}")
        if name == "sipserver":
            self._check_siblings(key, values)

    def _check_siblings(self, key: Key, server: Mapping[str, str]) -> None:
        about = f"{key[0]}|{_id(key)}"
        others = [other for at, other in self.objects["sipserver"].items() if at[0] == key[0] and at != key]
        if any(other["ServerLookup"] != server["ServerLookup"] for other in others):
            raise Refused(500, 31020, about)
        if server["ServerLookup"] == "0":
            return
        domain = server["DomainName"].lower()
        same = [other for other in others if other["DomainName"].lower() == domain]
        if any(other["Protocol"] == server["Protocol"] for other in same):
            raise Refused(500, 31022, about)
        if len(same) != len(others):
            raise Refused(500, 31023, about)

    def _sequence(self, name: str, key: Key, text: str | None, order: list[int]) -> list[int]:
        """Return the order of the children that a written Sequence makes of the present one."""
        parts = [part.strip(" ") for part in (text or "").split(",")] if (text or "").strip(" ") else []
        if not all(NUMBER.fullmatch(part) for part in parts) or len({int(part) for part in parts}) != len(parts):
            raise Refused(400, 20038, f"{name}|{_id(key)}|Sequence")
        first = [int(part) for part in parts]
        for id in first:
            if id not in order:
                raise Refused(500, 20040, f"{name}|{_id(key)}|Sequence|{CHILD[name]} {id}")
        return first + [id for id in order if id not in first]

    def _users_of(self, name: str, id: int) -> Iterator[str]:
        for user, table in TABLES.items():
            for row in table.rows:
                if row.refers_to == name:
                    yield from (_id(at) for at, values in self.objects[user].items() if values[row.name] == str(id))

    @staticmethod
    def _defaults(name: str) -> dict[str, str]:
        return {row.name: row.when_absent or "" for row in TABLES[name].rows if not (row.sequence or row.read_only)}

    @staticmethod
    def _identity(name: str, key: Key) -> tuple[str, str, str]:
        return name, _id(key), BASE + Request("GET", name, tuple(map(str, key))).path


def _id(key: Key) -> str:
    return ":".join(map(str, key))


def _missing(request: Request) -> int:
    return 500 if request.method == "DELETE" else 404
