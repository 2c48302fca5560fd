"""Writes docs/events.md: the events, the alarms and what they mean, from where they are declared.

    .venv/bin/python tools/events.py

`./do docs` and tests/test_docs.py call it.
"""

from __future__ import annotations

from pathlib import Path

from sipregistrant.model.alarms import RULES, AlarmKind
from sipregistrant.model.events import MEANINGS, EventKind

PAGE = Path(__file__).parent.parent / "docs" / "events.md"

HEAD = """\
# Events, alarms, webhooks

What the service tells by itself. The tables are made by `./do docs` from what is declared in the program.

An **event** is a line in a table: in one order for everybody, kept for 30 days, and read from wherever a listener was. An
**alarm** is something that is not as it should be, with a beginning and an end; both are events. What comes together is
told together: of a registrar that dies with 50,000 registrations there is one event with that number, of 400 passwords that
are refused in one second there is one event with 400 in it and ten of them by name.

    sipregistrant events --follow              # as they come, over restarts of the service
    sipregistrant alarms                       # what stands now, since when, what to do; ends with 3 where one does
    sipregistrant alarms --all                 # what was, too

## Events

| kind | when |
|---|---|
"""

MIDDLE = """
Each has an `id` (counting up), `at`, `kind`, `text` (a sentence) and `data` (the same for programs). `data` of
`registrations.changed`: `server` (`TABLE:ID`), `host`, `before` and `after` (`registered`, `retry_wait`, `rejected`,
`unregistered`, `unregistering`), `code` and `reason` of the answer, `number`, `held` (how many of them the registrar still
holds), `lapses_at` (when the first of those lapses), and up to ten of the `registrations`. A second after a change it is
told; where thousands change, up to a minute later, so that the number is told and not each thousand. `data` of alarms:
`alarm` (the id), `kind`, `severity`, `subject`, `raised_at`, `number` (of registrations), `advice`; at the end of one about
a server also `registered`, `not_registered` and `changed_meanwhile`, the registrations of that server.

## Alarms

An alarm is raised once and cleared once, also over restarts: one that stood when the service was stopped stands until the
service has seen that it is over. The severity is that of syslog; in the log it is the number `severity` of `alarm.raised`
(critical 2, error 3, warning 4).

| alarm | severity | raised when | what to do |
|---|---|---|---|
"""

TAIL = """
While `server.silent` or `server.refuses` stands, the alarm tells of the server's registrations: there is no
`registrations.changed` of it, its `number` and `text` are kept up to date (`sipregistrant alarms`), and its end says what
became of them. It is over when the server answers **and** what waited for it has been tried.

## As a stream

`GET /api/v1/events/stream` sends them as they come (server-sent events). `id` of each message is that of the event: who
connects again says the last one, as `Last-Event-ID` (browsers do by themselves) or as `?after=ID`, and misses nothing.
`?kind=` chooses. Without any of these it begins with what is new. A stream ends after half an hour at the latest, or when
the service stops; listeners connect again. At most 100 are open at once.

    curl -N --cacert https.crt -H "Authorization: Bearer $TOKEN" 'https://127.0.0.1:8443/api/v1/events/stream?after=0'

## Webhooks

    sipregistrant webhook put ops --to https://ops.example/hook \\
        --kind alarm.raised --kind alarm.cleared

prints a secret, once. From then on each event (of these kinds; of all, where none is named) is sent there by POST, as JSON:
`{"type": KIND, "timestamp": INSTANT, "data": EVENT}`. It is taken when the answer is 2xx within ten seconds; else it is
sent again after 5, 10, 20 … seconds, up to every quarter of an hour, until it is taken, and those behind it wait: the order
is that of the events, and none is left out. Where that goes on for five minutes there is an alarm, `webhook.failing`. How
far each has come is in the database: after a restart it goes on there. An event whose answer got lost comes again, with the
same `webhook-id`. No redirection is followed.

Messages are signed as [Standard Webhooks](https://www.standardwebhooks.com/) has it: `webhook-signature` is `v1,` and the
base64 of HMAC-SHA256 over `webhook-id`, `.`, `webhook-timestamp`, `.` and the body, with the secret's bytes (base64 behind
`whsec_`) as the key. There are libraries for most languages; in Python:

    import base64, hashlib, hmac
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert hmac.compare_digest(expected, headers["webhook-signature"])

`sipregistrant webhook list` shows how far each has come, and what its last failure was; `webhook put NAME --new-secret`
changes the secret at once.

## For the call plane

Whoever routes calls needs to know where an AOR is registered, as what, and by which way calls go. `GET /api/v1/bindings`
lists all that is held: AOR, the registrar's live address, our contacts as the registrar confirmed them (what an incoming
call's Request-URI is), Service-Route (RFC 3608), P-Associated-URI, public GRUU, and the address that a NAT gives us. `GET
/api/v1/bindings/stream?after=POSITION` sends each change since: a registration, its loss, another address of the registrar,
other routes. Read all pages, remember the `position` of the first, follow the stream from there, and nothing falls between.

A refresh that changes nothing is not told: what is `registered` stays held until something else is said. What is said to be
`degraded` is held until its `expires_at`. A registration that is gone comes as `{"registration": ID, "is_held": false}`.
"""


def page() -> str:
    """Return the page."""
    events = "".join(f"| `{kind.value}` | {MEANINGS[kind]} |\n" for kind in EventKind)
    alarms = "".join(
        f"| `{kind.value}` | {RULES[kind].severity.name.lower()} | {RULES[kind].meaning} | {RULES[kind].advice} |\n"
        for kind in AlarmKind
    )
    return HEAD + events + MIDDLE + alarms + TAIL


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
