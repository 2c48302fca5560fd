"""What a final answer means for the next try."""

from __future__ import annotations

import pytest

from sipregistrant.sip.outcome import Disposition, Kind, Outcome, classify


@pytest.mark.parametrize("code", range(200, 700))
def test_every_code_has_a_way_on(code: int) -> None:
    wanted = (
        Disposition.GOOD if code < 300 else Disposition.REFUSED if code in (401, 403, 404, 407) else Disposition.RETRY
    )
    assert classify(code) is wanted


def test_silence_is_no_refusal() -> None:
    assert Outcome(Kind.TIMED_OUT, 0, "no answer", 1).disposition is Disposition.RETRY


def test_a_200_that_does_not_do_what_was_asked_is_tried_again() -> None:
    assert Outcome(Kind.REFUSED, 200, "200 without Contact", 1).disposition is Disposition.RETRY
