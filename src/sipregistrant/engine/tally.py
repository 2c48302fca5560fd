"""What is counted of a server for `/metrics`: integers, and nothing that the hot path would have to look up by a label."""

from __future__ import annotations

from ..model.histogram import Histogram
from ..model.schedule import Class
from ..sip.outcome import Kind

__all__ = ["ANSWER_SECONDS", "LAG_SECONDS", "Tally", "make_lags"]

# From a registrar in the same rack to Timer F (RFC 3261 §17.1.2.2), behind which there is no answer.
ANSWER_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 32.0)

# From what nobody notices to a binding that is in danger.
LAG_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


class Tally:
    """The answers of a server, and what its attempts came to, since the start."""

    __slots__ = ("answer_seconds", "codes", "outcomes")

    def __init__(self) -> None:
        self.codes: dict[int, int] = {}
        """How many answers to REGISTER there were of each status code, provisional ones left out."""
        self.answer_seconds = Histogram(ANSWER_SECONDS)
        """How long a final answer took from when its request was first sent."""
        self.outcomes = [0] * (max(Kind) + 1)
        """How many attempts ended so, by `Kind`."""

    def answered(self, code: int, waited: float) -> None:
        """Count a final answer."""
        codes = self.codes
        codes[code] = codes.get(code, 0) + 1
        self.answer_seconds.observe(waited)


def make_lags() -> list[Histogram]:
    """Return what counts how long after its due moment each attempt was sent, by `Class`."""
    return [Histogram(LAG_SECONDS) for _ in Class]
