"""The table of outcomes: each answer, each fault of the way, each fault of the configuration has its line and its words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipregistrant.engine.departure import LEFT_TO_LAPSE
from sipregistrant.engine.settling import INTERNAL_ERROR
from sipregistrant.explain.answers import ANSWERS, CLASSES, of_code
from sipregistrant.explain.cause import Cause, Heals
from sipregistrant.explain.faults import FAULTS, of_reason
from sipregistrant.sip.outcome import Disposition, classify
from sipregistrant.store.runtime import STAYS_OFF

SOURCES = Path(__file__).parent.parent.parent / "src" / "sipregistrant"

# The registry of SIP response codes, final ones (RFC 3261 and those after it).
REGISTERED_CODES = (
    200, 202, 204, 300, 301, 302, 305, 380, 400, 401, 402, 403, 404, 405, 406, 407, 408, 410, 412, 413, 414, 415, 416, 417, 420,
    421, 422, 423, 424, 425, 428, 429, 430, 433, 436, 437, 438, 439, 440, 469, 470, 480, 481, 482, 483, 484, 485, 486, 487, 488,
    489, 491, 493, 494, 500, 501, 502, 503, 504, 505, 513, 555, 580, 600, 603, 604, 606, 607, 608,
)  # fmt: skip

# What else a machine may say of which of its own codes.
REASONS = (
    INTERNAL_ERROR,
    LEFT_TO_LAPSE,
    STAYS_OFF,
    "no address for reg.example: not a host name",
    "_sip._udp.reg.example: no address for a.example: the name servers know none; no address for b.example: not a host name",
    "no services of _sips._tcp.reg.example: the name servers failed",
    "the signaling group listens on 127.0.0.1, from where only IPv4 is reached",
    "not sent to 192.0.2.1:5060: the registrar reads too slowly",
    "not sent to 192.0.2.1:5060: the connection does not stand yet, and enough waits for it",
    "no answer from 192.0.2.1:5060: no answer to a keep-alive within 10 s",
    "no answer from 192.0.2.1:5060: the connection ended: closed by the registrar",
    "not sent to 192.0.2.1:443: no WebSocket there: HTTP 403 Forbidden",
    "407: no credential for user 'x' and realm 'a', 'b'",
    "401: the challenge of realm 'x' cannot be answered: SHA-512-256 is not available here",
)


def causes() -> Iterator[Cause]:
    yield from ANSWERS.values()
    yield from CLASSES.values()
    yield from (fault.cause for fault in FAULTS)


@pytest.mark.parametrize("code", REGISTERED_CODES)
def test_every_answer_has_its_words(code: int) -> None:
    cause = of_code(code)
    assert cause.meaning
    if classify(code) is not Disposition.GOOD:
        assert cause.causes
        assert cause.advice


@pytest.mark.parametrize("code", [299, 399, 455, 599, 699, 700])
def test_an_answer_that_nobody_knows_has_those_of_its_class(code: int) -> None:
    assert of_code(code) is CLASSES[min(code // 100, 6)]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.cause.key)
def test_every_fault_is_known_by_its_reason(fault: object) -> None:
    assert of_reason(fault.example) is fault.cause  # type: ignore[attr-defined]


@pytest.mark.parametrize("reason", REASONS)
def test_reasons_are_known(reason: str) -> None:
    assert of_reason(reason) is not None


def test_every_reason_that_the_program_makes_is_known() -> None:
    """The sentences are found where they are made; what is put into them is a word."""
    made = set()
    for path in MADE_IN:
        source = (SOURCES / path).read_text(encoding="utf-8")
        for text in re.findall(
            r'(?:Unreachable\(|_fail\(|return |reason = |self\._lost\(flow, |_end\(Kind\.\w+, 0, )f?"([^"\n]{12,})"',
            source,
        ):
            if " " in text and "\\r\\n" not in text and not text.startswith(("SIP", "_", "http")):
                words = text.replace("{what}", "no connection").replace("{has}", "the HA1 of user x")
                made.add(re.sub(r"\{[^}]*\}", "x", re.sub(r"\{[^}]*!r\}", "'x'", words)))
    made.discard("x: x")  # of names that all fail: each by one of the others
    assert len(made) > 25
    unknown = set()
    for text in made:
        ways = (text, text.replace("x: ", "401: ", 1), f"401: {text}", f"not sent to 192.0.2.1:5060: {text}")
        known = {cause.key for cause in map(of_reason, ways) if cause is not None} - {"sending", "sending.lost"}
        if not known:
            unknown.add(text)
    assert unknown == set()


@pytest.mark.parametrize("code", [404, 480, 500, 503, 603])
def test_a_plain_answer_is_known_by_its_code_alone(code: int) -> None:
    assert of_reason(f"{code} Whatever the registrar says") is None


def test_keys_are_different_words() -> None:
    keys = [cause.key for cause in causes()]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch(r"[a-z]+(\.[a-z0-9_]+)?", key) for key in keys)


@pytest.mark.parametrize("cause", list(causes()), ids=lambda cause: cause.key)
def test_the_words_are_sentences(cause: Cause) -> None:
    assert cause.meaning[0].isupper()
    assert cause.meaning.endswith(".")
    for part in (*cause.causes, *cause.advice):
        assert not part.endswith((".", ";", ",")), part
        assert part[0] == "`" or part[0].islower() or part.split()[0].strip(",;") in NAMES, part
    assert cause.heals in vars(Heals).values()


MADE_IN = (
    "sip/registration.py", "sip/authentication.py", "engine/transport/streams.py", "engine/transport/web_sockets.py",
    "engine/transport/ways.py", "engine/transport/tls.py", "engine/naming/targets.py", "engine/ordering.py",
)  # fmt: skip

# What begins a line and is a name.
NAMES = {"AOR", "AorTtl", "Bearer", "Host", "Port", "DomainName", "Realm", "WebSocketPath", "OpenSSL"}
