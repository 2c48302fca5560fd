"""What is said of each state, and of each way there."""

from __future__ import annotations

from typing import Any

import pytest

from sipregistrant.explain.explanation import Contact, Facts, explain
from sipregistrant.explain.unplaced import Unplaced, explain_unplaced
from sipregistrant.explain.words import duration
from sipregistrant.model.servers import DISABLED, MAINTENANCE
from sipregistrant.model.standing import HeldBack, Standing
from sipregistrant.model.status import Status

NOW = 1_800_000_000_000
MINUTE = 60_000
REFUSED = "401: user 'alice' was refused for realm 'carrier.example'"
SILENCE = "no answer from 192.0.2.1:5060 within 32 s"


def facts(status: Status = Status.REGISTERED, **given: Any) -> Facts:
    well = {
        "aor": "sip:alice@carrier.example", "server": "1:1", "registrar": "udp:192.0.2.1:5060", "since": NOW - 60 * MINUTE,
        "attempted_at": NOW - 10 * MINUTE, "due_at": NOW + 20 * MINUTE, "expires_at": NOW + 50 * MINUTE,
        "maybe_held_until": NOW + 50 * MINUTE, "failures": 0, "code": 200, "reason": "",
        "contacts": (Contact("sip:alice@192.0.2.7", 3600),),
    }  # fmt: skip
    return Facts(status=status, **{**well, **given})


NOT_HELD: dict[str, Any] = {"expires_at": 0, "maybe_held_until": 0, "contacts": ()}


def test_one_that_is_well() -> None:
    told = explain(facts(), NOW)
    assert told.text == (
        "sip:alice@carrier.example is registered at server 1:1 (udp:192.0.2.1:5060), since 2027-01-15 07:00:00 UTC, for 1 h.\n\n"
        "The last request, to udp:192.0.2.1:5060, was answered 200 at 2027-01-15 07:50:00 UTC, 10 min ago.\n\n"
        "The registrar holds sip:alice@192.0.2.7, until 2027-01-15 08:50:00 UTC, in 50 min, unless it is refreshed.\n\n"
        "The next refresh is at 2027-01-15 08:20:00 UTC, in 20 min."
    )
    assert told.advice == ()


def test_a_wrong_password() -> None:
    told = explain(facts(Status.REJECTED, code=401, reason=REFUSED, failures=3, **NOT_HELD), NOW)
    assert told.headline.startswith("sip:alice@carrier.example is refused by server 1:1 (udp:192.0.2.1:5060), since ")
    assert told.cause == "credentials.refused"
    assert REFUSED in told.parts["sent"]
    assert "the password is wrong" in told.parts["why"]
    assert told.parts["held"] == "The registrar holds nothing of it: who calls this AOR does not reach us."
    assert told.parts["next"] == "The next attempt is at 2027-01-15 08:20:00 UTC, in 20 min."
    assert "sipregistrant credential set" in told.advice[0]


def test_a_refresh_that_failed_while_it_is_held() -> None:
    told = explain(facts(Status.DEGRADED, code=0, reason=SILENCE, failures=1), NOW)
    assert told.headline == (
        "sip:alice@carrier.example is still registered at server 1:1 (udp:192.0.2.1:5060), but its last refresh failed."
    )
    assert told.cause == "silence"
    assert "ended without an answer" in told.parts["sent"]


def test_whether_it_is_this_aor_alone() -> None:
    down = Standing(is_up=False, since=NOW / 1000 - 60)
    told = explain(facts(Status.DEGRADED, code=0, reason=SILENCE, failures=1, standing=down), NOW)
    assert (
        told.parts["others"]
        == "The server has answered nobody since 2027-01-15 07:59:00 UTC: it is not this AOR alone."
    )
    well = Standing(is_up=True, answered_at=NOW / 1000 - 60)
    told = explain(facts(Status.DEGRADED, code=0, reason=SILENCE, failures=1, standing=well), NOW)
    assert told.parts["others"].endswith("it is silent to this AOR.")
    assert (
        "others" not in explain(facts(Status.REJECTED, code=401, reason=REFUSED, standing=well, **NOT_HELD), NOW).parts
    )


def test_one_that_may_be_held() -> None:
    told = explain(facts(Status.FAILING, code=0, reason=SILENCE, failures=2, expires_at=0, contacts=()), NOW)
    assert told.headline.endswith("for 1 h; 2 attempts have failed in a row.")
    assert told.parts["held"].startswith("The registrar may hold our contacts until 2027-01-15 08:50:00 UTC, in 50 min")


def test_one_that_has_lapsed_because_nobody_could_be_asked() -> None:
    silent = Standing(is_up=False, held_back=(HeldBack.SILENT, NOW / 1000 - 7200))
    lapsed = {"expires_at": NOW - MINUTE, "maybe_held_until": NOW - MINUTE, "due_at": NOW - 30 * MINUTE}
    told = explain(facts(Status.FAILING, standing=silent, **lapsed), NOW)
    assert told.headline.endswith(
        "is not registered at server 1:1 (udp:192.0.2.1:5060) any more: it has lapsed at 2027-01-15 07:59:00 UTC."
    )
    assert told.cause == "overdue"
    assert "waits: the registrar has not answered anybody since 2027-01-15 06:00:00 UTC" in told.parts["next"]


def test_what_is_due_and_waits_for_nothing_is_sent_in_its_turn() -> None:
    told = explain(facts(Status.DEGRADED, due_at=NOW - MINUTE), NOW)
    assert told.parts["next"] == "The next refresh is due since 2027-01-15 07:59:00 UTC, and is sent in its turn."
    assert told.headline.endswith("but its refresh is overdue.")


@pytest.mark.parametrize("why", HeldBack)
def test_each_reason_to_wait_is_said(why: HeldBack) -> None:
    held_back = Standing(held_back=(why, NOW / 1000 + 60), fault="no connection: Connection refused")
    told = explain(facts(Status.DEGRADED, due_at=NOW - MINUTE, standing=held_back), NOW)
    assert "and waits: " in told.parts["next"]
    assert "2027-01-15 08:01:00 UTC" in told.parts["next"]


def test_a_pause_comes_before_all_else() -> None:
    told = explain(facts(Status.FAILING, due_at=NOW - MINUTE, is_paused=True, code=0, reason=SILENCE, **NOT_HELD), NOW)
    assert "the service is paused" in told.parts["next"]
    assert told.advice == ("`sipregistrant resume`, unless another service registers the same AORs",)


def test_maintenance() -> None:
    told = explain(facts(Status.DEGRADED, due_at=NOW - MINUTE, admin_state=MAINTENANCE), NOW)
    assert "in maintenance" in told.parts["next"]
    assert told.advice == ("`sipregistrant server set 1 1 admin_state=enabled` ends the maintenance",)


def test_one_that_was_never_tried() -> None:
    told = explain(facts(Status.REGISTERING, since=0, attempted_at=0, due_at=NOW, code=0, **NOT_HELD), NOW)
    assert told.headline == "sip:alice@carrier.example has not been registered at server 1:1 (udp:192.0.2.1:5060) yet."
    assert told.parts["sent"] == "Nothing has been sent for it yet."


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"stays_off": True}, "un-registered by action"),
        ({"is_group_off": True}, "signaling group is disabled"),
        ({"admin_state": DISABLED}, "server is disabled or drained"),
        ({}, "Nothing is planned"),
    ],
)
def test_one_that_is_off(given: dict[str, Any], said: str) -> None:
    told = explain(facts(Status.DISABLED, due_at=0, **NOT_HELD, **given), NOW)
    assert told.headline.endswith("is not registered at server 1:1 (udp:192.0.2.1:5060), and is not meant to be.")
    assert said in told.parts["next"]
    assert told.advice == ()


def test_one_that_is_not_gone_yet() -> None:
    told = explain(
        facts(Status.UNREGISTERING, code=200, reason="200, but sip:alice@192.0.2.7 is still registered"), NOW
    )
    assert "is not wanted at server 1:1" in told.headline
    assert told.parts["next"].startswith("The next un-REGISTER is at")


def test_contacts_that_were_not_taken() -> None:
    contacts = (Contact("sip:alice@192.0.2.7", 3600), Contact("sip:alice@192.0.2.8", None))
    told = explain(facts(reason="200 without sip:alice@192.0.2.8", contacts=contacts), NOW)
    assert "It has not taken sip:alice@192.0.2.8." in told.parts["held"]
    assert told.cause == "accepted.partly"
    assert told.advice


def test_an_answer_that_only_its_code_explains() -> None:
    told = explain(facts(Status.FAILING, code=503, reason="503 Service Unavailable", **NOT_HELD), NOW)
    assert told.cause == "answer.503"
    assert "was answered at 2027-01-15 07:50:00 UTC, 10 min ago: 503 Service Unavailable." in told.parts["sent"]


@pytest.mark.parametrize("status", Status)
def test_every_state_has_its_sentence(status: Status) -> None:
    for given in (
        {},
        NOT_HELD,
        {"due_at": 0},
        {"due_at": NOW - MINUTE},
        {"server": "", "registrar": ""},
        {"is_pending": True},
    ):
        told = explain(facts(status, **given), NOW)
        assert told.headline.startswith("sip:alice@carrier.example ")
        assert told.headline.endswith(".")
        assert told.parts["next"]


@pytest.mark.parametrize(
    ("given", "cause", "said"),
    [
        ({}, "unplaced.no_server", "contact_registrant_table_id=3"),
        ({"servers": ("2:1",)}, "unplaced.no_group", "server_cluster_id=2"),
        ({"servers": ("2:1",), "groups": (1,)}, "unplaced.unknown", "change it back"),
        ({"is_pending": True}, "pending", "carried out in steps"),
    ],
)
def test_an_entry_that_is_registered_nowhere(given: dict[str, Any], cause: str, said: str) -> None:
    all_of_it = {"servers": (), "groups": (), "is_pending": False, **given}
    told = explain_unplaced(Unplaced("sip:bob@carrier.example", 3, 7, **all_of_it))
    assert told.headline == "sip:bob@carrier.example (entry 7 of table 3) is registered nowhere."
    assert told.cause == cause
    assert said in told.text


@pytest.mark.parametrize(
    ("ms", "said"),
    [(0, "0 s"), (999, "1 s"), (41_000, "41 s"), (60_000, "1 min"), (61_000, "1 min 1 s"), (3_600_000, "1 h"),
     (11_520_000, "3 h 12 min"), (86_400_000, "1 d"), (90_061_000, "1 d 1 h"), (90_000_000_000, "1,041 d 16 h"), (-5, "0 s")],
)  # fmt: skip
def test_lengths_of_time(ms: int, said: str) -> None:
    assert duration(ms) == said
