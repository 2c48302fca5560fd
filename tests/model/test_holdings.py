"""Whose is which binding."""

from __future__ import annotations

from sipregistrant.model.holdings import Holding, Owner, compare
from sipregistrant.model.probing import Listed

OURS = "sip:alice@192.0.2.7:5060"


def listed(uri: str, *, is_at_us: bool = False) -> Listed:
    return Listed(uri, 600, 0.5, is_at_us)


def test_each_has_its_owner() -> None:
    there = [
        listed("sip:alice@192.0.2.7"),
        listed("sip:old@198.51.100.1:5060", is_at_us=True),
        listed("sip:phone@203.0.113.9"),
    ]
    found = compare(there, {"sip:alice@192.0.2.7"}, ["sip:alice@192.0.2.7"])
    assert [one.owner for one in found] == [Owner.OURS, Owner.OURS_OLD, Owner.FOREIGN]
    assert found[0] == Holding("sip:alice@192.0.2.7", Owner.OURS, 600, 0.5)


def test_what_another_entry_wants_is_ours_too() -> None:
    (one,) = compare([listed("sip:b@198.51.100.1:5060", is_at_us=True)], {"sip:b@198.51.100.1:5060"}, [])
    assert one.owner is Owner.OURS


def test_what_is_believed_to_be_held_and_is_not_listed_is_missing() -> None:
    assert compare([], {OURS}, [OURS]) == [Holding(OURS, Owner.MISSING)]


def test_uris_are_compared_as_sip_does() -> None:
    (one,) = compare(
        [listed("sip:alice@192.0.2.7:5060;expires-soon")],
        {"sip:%61lice@192.0.2.7:5060"},
        ["sip:%61lice@192.0.2.7:5060"],
    )
    assert one.owner is Owner.OURS


def test_what_is_no_uri_is_somebody_elses() -> None:
    (one,) = compare([listed("nonsense")], {OURS}, [])
    assert one.owner is Owner.FOREIGN
