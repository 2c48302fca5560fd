"""Random requests against /rest, with right and wrong values, from one session and from two at once.

After each request the store, as GET shows it, is what the model says (`model.py`). Of two requests at once, both replies
and what is there afterwards must come of one order of the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar
from urllib.parse import quote_from_bytes

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from . import samples
from .attribute_rows import TABLES, Row
from .model import ACTIONS, CHILD, FACTORY, MASK, PARENT, URI_NAMES, Expected, Model, Request, Shown
from .stage import Answer, Stage
from .stage import Shown as ShownOnWire

__all__ = ["SETTINGS", "RestMachine"]

STEPS = 50
SETTINGS = settings(
    stateful_step_count=STEPS, deadline=None, database=None, print_blob=False, suppress_health_check=list(HealthCheck)
)

ROOTS = ("sipsg", "sipservertable", "sipcontactregistrant", "sipremoteauthtable", "sipprofile", "siptlsprofile")

# Few enough to meet again and again.
IDS = ("1", "2", "3")
WRONG_IDS = ("0", "65535", "2147483648", "100", "99999999999", "x", "-1", "1.0")

WRONG_NUMBERS = ("", "x", "-1", "+5", "1_0", " 5", "5 ", "0x5", "1e3", "12345678901", "\u0663", "5\x00")
TEXTS = ("", "x", "a b", "50% & more", "<b>\"'</b>", "a=b;c+d#e[f]!", "ü\u2028€\U0001f600", "]]>")
WRONG_TEXTS = ("a\x00b", "a\r\nb", "\x7f", "a\x85", "\udcff", "\uffff")
URI_TEXTS = ("", "sip", "a+b", "x;y=z&<")
SEQUENCES = ("", " ", "1", "2", "2,1", "1,2,3", "3, 1 ,2", "01")
WRONG_SEQUENCES = ("1,1", "x", "1,,2", "9", "1,9", "-1", "1\n")
METHODS = ("PUT", "PUT", "PUT", "PUT", "POST", "POST", "POST", "POST", "GET", "DELETE")
QUERIES: tuple[dict[str, str], ...] = (
    {}, {}, {}, {"details": "true"}, {"filter": "configuration"}, {"details": "true", "filter": "runtime"},
    {"filter": "statistics"}, {"filter": "inventory"}, {"details": "True"}, {"details": ""}, {"unknown": "1"},
)  # fmt: skip


def right_values(row: Row) -> list[str]:
    """Return values that the attribute takes, as far as it alone is concerned."""
    if row.sequence:
        return list(SEQUENCES)
    if row.refers_to:
        return ["0" if row.default == "0" else "1", *IDS, "60000"]
    if row.labels or row.range:
        return [str(number) for number in row.taken_numbers]
    if row.shown:
        return ["secret", "geheim ü", MASK]
    if row.name in samples.WITH_SYNTAX:
        return [text for text, verdict in samples.WITH_SYNTAX[row.name].items() if verdict not in ("", False)]
    if row.name in URI_NAMES:
        return list(URI_TEXTS)
    return [*TEXTS, "ü" * row.longest]


def wrong_values(row: Row) -> list[str]:
    """Return values that the attribute does not take, or perhaps not."""
    if row.sequence:
        return list(WRONG_SEQUENCES)
    if row.labels or row.range:
        return [*WRONG_NUMBERS, *map(str, row.refused_numbers)]
    if row.name in samples.WITH_SYNTAX:
        known = samples.WITH_SYNTAX[row.name]
        blank = "a b\x00" if row.name in ("MatchRegex", "ClientCipherSequence") else "a b"
        return ["", blank, *known, "x" * (row.longest + 1), *WRONG_TEXTS]
    return ["", "x" * (row.longest + 1), *WRONG_TEXTS]


ATTRIBUTES = {name: [row for row in table.rows if not row.read_only] for name, table in TABLES.items()}
RIGHT = {(name, row.name): right_values(row) for name, rows in ATTRIBUTES.items() for row in rows}
WRONG = {(name, row.name): wrong_values(row) for name, rows in ATTRIBUTES.items() for row in rows}
LEAST = {name: dict(part.split("=", 1) for part in table.least.split("&") if part) for name, table in TABLES.items()}
# Entries and servers have the most to them.
NAMES = (*TABLES, "sipregistrantentry", "sipregistrantentry", "sipserver", "sipserver", "sipserver", "sipsg")

# Attributes that other attributes, or other objects, have something to do with.
TIED = {
    name: [
        row.name
        for row in rows
        if row.refers_to
        or row.name in samples.WITH_SYNTAX
        or row.name in ("Sequence", "ServerLookup", "Protocol", "AorType", "FromURIUserMatch")
    ]
    for name, rows in ATTRIBUTES.items()
}

FIRST = (
    Request("PUT", "sipremoteauthtable", ("1",)),
    Request("PUT", "sipremoteauthentry", ("1", "1"), form={"User": "alice", "EncryptedPassword": "secret"}),
    Request("PUT", "sipcontactregistrant", ("1",)),
    Request("PUT", "sipcontactregistrant", ("2",)),
    Request("PUT", "sipregistrantentry", ("1", "1"), form={"AOR": "alice"}),
    Request("PUT", "sipserver", ("1", "1"), form={"Host": "192.0.2.1", "ContactRegistrantTableID": "1"}),
)


@st.composite
def forms(draw: st.DrawFn, resource: str, *, creates: bool) -> dict[str, str]:
    """Draw a form: a few attributes with right values, now and then a wrong one."""
    form = dict(LEAST[resource]) if creates and draw(st.integers(0, 19)) else {}
    names = draw(st.lists(st.sampled_from([row.name for row in ATTRIBUTES[resource]]), max_size=3, unique=True))
    names += draw(st.lists(st.sampled_from(TIED[resource] or names or ["Description"]), max_size=3, unique=True))
    form |= {name: draw(st.sampled_from(RIGHT[resource, name])) for name in names}
    if names and not draw(st.integers(0, 5)):
        form[names[0]] = draw(st.sampled_from(WRONG[resource, names[0]]))
    return form


@st.composite
def places(draw: st.DrawFn, model: Model, resource: str, *, is_new: bool) -> tuple[str, ...]:
    """Draw the ids of an object: for most, one that is there, or a free one in a table that is there."""
    there = sorted(model.objects[resource])
    tables = sorted(model.objects[PARENT[resource]]) if resource in PARENT else []
    if not draw(st.integers(0, 29)):
        return (*(draw(st.sampled_from(IDS)) for _ in range(_depth(resource) - 1)), draw(st.sampled_from(WRONG_IDS)))
    if not draw(st.integers(0, 9)) or (resource in PARENT and not tables):
        return tuple(draw(st.sampled_from(IDS)) for _ in range(_depth(resource)))
    if there and (not is_new or not draw(st.integers(0, 9))):
        return tuple(map(str, draw(st.sampled_from(there))))
    table = draw(st.sampled_from(tables)) if tables else ()
    free = [id for id in IDS if (*table, int(id)) not in model.objects[resource]]
    return (*map(str, table), draw(st.sampled_from(free or IDS)))


@st.composite
def requests(draw: st.DrawFn, model: Model, like: Request | None = None) -> Request:
    """Draw a request; most of those that are `like` another one are for the same object."""
    method = draw(st.sampled_from(METHODS))
    if like is not None and not like.is_list and draw(st.integers(0, 3)):
        resource, ids = like.resource, like.ids
    else:
        resource = draw(st.sampled_from(NAMES))
        ids = draw(places(model, resource, is_new=method == "PUT"))
    if (method == "GET" and draw(st.booleans())) or not draw(st.integers(0, 49)):
        ids = ids[:-1]
    if method == "GET":
        return Request(method, resource, ids, query=draw(st.sampled_from(QUERIES)))
    if method == "POST" and not draw(st.integers(0, 7)):
        word = draw(st.sampled_from((*sorted(ACTIONS), "Register", "reboot", "")))
        return Request(method, resource, ids, {"action": word}, {"Description": "x\x00"})
    if method == "DELETE":
        return Request(method, resource, ids)
    return Request(method, resource, ids, form=draw(forms(resource, creates=method == "PUT")))


def _depth(resource: str) -> int:
    return 2 if resource in PARENT else 1


@st.composite
def written(draw: st.DrawFn, request: Request) -> tuple[str, bytes]:
    """Draw one of the ways to write a request down: its path with the query, and its body."""
    style = draw(st.integers(0, 5))
    path = request.path
    if style == 1:
        path = f"//{path.lstrip('/')}/"
    if request.query:
        path += "?" + "&".join(f"{name}={value}" for name, value in request.query.items())
    fields = [(_name(name, style), _value(name, value, style)) for name, value in request.form.items()]
    if style == 3:
        # Of a repeated name the last counts, and unknown ones are nothing.
        fields = [(name, b"%00") for name, _ in fields] + [(b"Unknown", b"1"), (b"StringName", b"x")] + fields
    return path, b"&".join(name + b"=" + value for name, value in fields)


def _body(form: Mapping[str, str]) -> bytes:
    return "&".join(f"{name}={value}" for name, value in form.items()).encode()


def _name(name: str, style: int) -> bytes:
    return (name.lower() if style == 2 else name.upper() if style == 4 else name).encode()


def _value(name: str, text: str, style: int) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    if style in (1, 2):  # raw: only what would mean something else is encoded
        keeps_plus = b"+" if name in URI_NAMES else b"%2B"
        return data.replace(b"%", b"%25").replace(b"&", b"%26").replace(b"+", keeps_plus)
    encoded = quote_from_bytes(data, safe="").encode()
    return encoded.replace(b"%20", b"+") if name not in URI_NAMES else encoded


class RestMachine(RuleBasedStateMachine):
    """Plays on `stage`, which goes from one example to the next; each begins with what a factory delivers."""

    stage: ClassVar[Stage]
    played: ClassVar[int] = 0
    """How many requests were made, but those that only look."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = self.stage.begin_session(), self.stage.begin_session()
        self.model = Model()
        self.is_sound = True
        """No difference has been seen: who has seen one need not look for more."""
        self._clear()
        for request in FIRST:
            self._play(request, request.path, _body(request.form))

    @rule(data=st.data())
    def one(self, data: st.DataObject) -> None:
        request = data.draw(requests(self.model))
        self._play(request, *data.draw(written(request)))
        self._compare(self._near(request))

    def _play(self, request: Request, path: str, body: bytes) -> None:
        answer = self.stage.send(request.method, path, body, cookie=self.first)
        type(self).played += 1
        expected = self.model.apply(request)
        what = difference(expected, answer)
        self.is_sound = not what
        assert self.is_sound, f"{what}: {request}\n{expected}\n{answer.text}"

    @rule(data=st.data())
    def two_at_once(self, data: st.DataObject) -> None:
        one = data.draw(requests(self.model))
        other = data.draw(requests(self.model, like=one))
        pair = [(request, *data.draw(written(request))) for request in (one, other)]
        cookies = (self.first, self.second)
        answers = self.stage.send_at_once(
            [(request.method, path, body, cookie) for (request, path, body), cookie in zip(pair, cookies, strict=True)]
        )
        type(self).played += 2
        outcomes = [self._outcome(((one, answers[0]), (other, answers[1])))]
        outcomes.append(self._outcome(((other, answers[1]), (one, answers[0]))))
        models = [model for model in outcomes if isinstance(model, Model)]
        self.is_sound = bool(models)
        assert self.is_sound, f"no order of the two explains the replies:\n{outcomes[0]}\n{outcomes[1]}"
        roots = dict.fromkeys(self._near(one) + self._near(other))
        shown = self._shown(roots)
        fitting = [model for model in models if shown == _all_of(model, roots)]
        self.is_sound = bool(fitting)
        assert self.is_sound, f"no order of the two explains what is there:\n{one}\n{other}\n{shown}"
        self.model = fitting[0]

    @rule()
    def carry_on(self) -> None:
        """Let what goes in steps go its way, and look at everything."""
        self.stage.step()
        self._compare(ROOTS)
        for table in self.model.objects["sipcontactregistrant"]:
            path = f"/rest/sipcontactregistrant/{table[0]}/sipregistrantentry?details=true"
            least, most = self.model.registrations_of(table[0])
            for entry in self.stage.send("GET", path, cookie=self.first).members or ():
                registrations = int(entry.values["rt_Registrations"])
                assert least <= registrations <= most, f"{least} to {most} registrations wanted: {entry}"

    def teardown(self) -> None:
        if self.is_sound:
            self._compare(ROOTS)

    def _outcome(self, order: Sequence[tuple[Request, Answer]]) -> Model | str:
        """Return the model after these requests in this order, or which reply it does not explain."""
        model = self.model.copy()
        expected = [model.apply(request) for request, _ in order]
        for wanted, (request, answer) in zip(expected, order, strict=True):
            if what := difference(wanted, answer):
                return f"{what}: {request}\n{wanted}\n{answer.text}"
        return model

    def _near(self, request: Request) -> tuple[str, ...]:
        """Return the roots of the resources that a request could have touched."""
        return (PARENT.get(request.resource, request.resource),)

    def _compare(self, roots: Iterable[str]) -> None:
        roots = tuple(roots)
        shown, wanted = self._shown(roots), _all_of(self.model, roots)
        self.is_sound = shown == wanted
        differing = {name: (shown[name], wanted[name]) for name in shown if shown[name] != wanted[name]}
        assert not differing, f"what is there, and what should be: {differing}"

    def _shown(self, roots: Iterable[str] = ROOTS) -> dict[str, list[Shown]]:
        """Return what GET shows of these resources, and of what hangs in them."""
        found: dict[str, list[Shown]] = {}
        for root in roots:
            found[root] = self._list(root)
            if root in CHILD:
                places = [f"{root}/{id}/{CHILD[root]}" for _, id, _, _ in found[root]]
                found[CHILD[root]] = [entry for place in places for entry in self._list(place)]
        return found

    def _list(self, place: str) -> list[Shown]:
        path = f"/rest/{place}?details=true&filter=configuration"
        answer = self.stage.send("GET", path, cookie=self.first)
        assert answer.members is not None, answer.text
        return [(one.name, one.id, one.href, one.values) for one in answer.members]

    def _clear(self) -> None:
        """Remove everything and make what a factory delivers."""
        for root in ROOTS:
            for one in self._list(root):
                assert self.stage.send("DELETE", f"/rest/{root}/{one[1]}", cookie=self.first).told == (200, 0)
        self.stage.step()
        for name, given in FACTORY.items():
            assert self.stage.send("PUT", f"/rest/{name}/1", _body(given), cookie=self.first).told == (200, 0)


def difference(expected: Expected, answer: Answer) -> str:
    """Return in a word where the reply is not what was expected; "" where it is."""
    if (expected.http_code, expected.code) != answer.told:
        return "code"
    if expected.params and answer.params not in expected.params:
        return "params"
    if (expected.object is None) != (answer.object is None) or (expected.members is None) != (answer.members is None):
        return "kind of reply"
    if expected.object is not None and answer.object is not None and not _is_shown(expected.object, answer.object):
        return "object"
    if expected.members is not None and answer.members is not None:
        if len(expected.members) != len(answer.members):
            return "count"
        if not all(_is_shown(want, got) for want, got in zip(expected.members, answer.members, strict=True)):
            return "members"
    return ""


def _is_shown(want: Shown, got: ShownOnWire) -> bool:
    name, id, href, values = want
    if values is None:
        return (f"{name}_pk", id, href, {}) == (got.name, got.id, got.href, got.values)
    configured = {name: value for name, value in got.values.items() if not name.startswith("rt_")}
    return (name, id, href, values) == (got.name, got.id, got.href, configured)


def _all_of(model: Model, roots: Iterable[str] = ROOTS) -> dict[str, list[Shown]]:
    names: list[str] = []
    for root in roots:
        names += [root, CHILD[root]] if root in CHILD else [root]
    return {name: [model.shown(name, key) for key in sorted(model.objects[name])] for name in names}
