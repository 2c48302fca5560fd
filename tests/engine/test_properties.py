"""Whatever a registrar answers, or does not answer: random plays, and what must be true in all of them (`play.py`)."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.play import run
from tests.engine.rough import ANSWERS
from tests.engine.script import OPTIONS, Change, Phase, Play

__all__ = ["SETTINGS", "plays"]

SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None, print_blob=False)

CHANGES = [
    "password here", "password wrong", "password there", "contact", "disable", "enable", "delete",
    "restart", "crash", "forget", "knock", "maintenance", "maintenance ends",
]  # fmt: skip

SHARES = st.sampled_from([0.0, 0.0, 0.05, 0.3, 0.9])

PHASES = st.builds(
    Phase,
    seconds=st.sampled_from([1, 30, 200, 900, 4000, 9000]),
    answers=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=4),
    loss=SHARES, repeats=SHARES, forged=SHARES,
    unsendable=st.sampled_from([0.0, 0.0, 0.0, 0.2, 1.0]),
    slowest=st.sampled_from([0.0, 0.02, 1.0, 20.0, 60.0]),
    is_disk_full=st.sampled_from([False, False, False, False, True]),
)  # fmt: skip


def plays(*, is_stored: st.SearchStrategy[bool]) -> st.SearchStrategy[Play]:
    """Return what draws plays."""
    changes = st.builds(Change, at=st.integers(0, 8000), what=st.sampled_from(CHANGES), row=st.integers(0, 2))
    return st.builds(
        Play,
        seed=st.integers(0, 2**32),
        rows=st.integers(1, 3),
        phases=st.lists(PHASES, min_size=1, max_size=3),
        changes=st.lists(changes, max_size=5),
        timer=st.sampled_from([30, 120, 600]),
        ttl=st.sampled_from([60, 300, 3600]),
        algorithm=st.sampled_from(["MD5", "MD5-sess", "SHA-256"]),
        wants_digest=st.booleans(),
        nonce_seconds=st.sampled_from([3, 30, 300, 86400]),
        nonce_uses=st.sampled_from([1, 2, 1000]),
        says_stale=st.booleans(),
        commit_seconds=st.sampled_from([0.0, 0.05, 1.0]),
        options=st.lists(st.sampled_from(list(OPTIONS)), max_size=3, unique=True),
        second_password=st.sampled_from(["", "", "secret", "wrong, too"]),
        is_redirected=st.booleans(),
        servers=st.sampled_from([1, 1, 2]),
        is_stored=is_stored,
    )  # fmt: skip


@settings(SETTINGS, max_examples=60, derandomize=True)
@given(plays(is_stored=st.just(False)))
def test_whatever_happens_every_registration_goes_on_within_its_rules(play: Play) -> None:
    run(play)


@settings(SETTINGS, max_examples=20, derandomize=True)
@given(plays(is_stored=st.just(True)))
def test_whatever_happens_the_store_loses_nothing_that_may_be_bound(play: Play) -> None:
    run(play)
