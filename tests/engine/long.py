"""`./do test-long`: twenty thousand random plays (`play.py`), and a day of ten thousand registrations (`day.py`).

The plays go batch by batch, each with a seed of its own, so that what one found is found again by that seed alone. They
end when there were enough or the time is over, and it is told which; the exit code is 1 when anything was found.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections.abc import Sequence

from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from tests.engine.day import Day
from tests.engine.play import run
from tests.engine.script import Play
from tests.engine.test_properties import SETTINGS, plays

__all__ = ["main"]

PLAYS_PER_BATCH = 500
SECONDS_BETWEEN_WORDS = 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Play; return the exit code."""
    parser = argparse.ArgumentParser(prog="./do test-long", description="Random plays, and a day of registrations.")
    parser.add_argument("--plays", type=int, default=20_000, metavar="N", help="how many random plays (20000)")
    parser.add_argument("--seconds", type=int, default=3600, metavar="N", help="at most so long for them (3600)")
    parser.add_argument("--seed", type=int, metavar="N", help="begin with this seed, as an earlier run told it")
    parser.add_argument("--registrations", type=int, default=10_000, metavar="N", help="of the day (10000); 0: no day")
    options = parser.parse_args(arguments)
    first = random.randrange(10**6) if options.seed is None else options.seed
    say(f"seed {first}")
    is_well = _play_many(first, options.plays, options.seconds)
    if options.registrations:
        began = time.monotonic()
        report = Day(options.registrations, seed=first).play()
        say(f"the day took {time.monotonic() - began:.0f} s")
        say(str(report))
        is_well = is_well and not report.faults
    say("Nothing was found." if is_well else "FOUND: see above.")
    return 0 if is_well else 1


def _play_many(first: int, wanted: int, most_seconds: float) -> bool:
    """Play batch by batch; return False where one found something."""
    played, batch, began = 0, first, time.monotonic()
    spoke = began
    while played < wanted and time.monotonic() - began < most_seconds:
        try:
            played += _play_batch(batch, min(PLAYS_PER_BATCH, wanted - played))
        except Exception:
            say(traceback.format_exc())
            say(f"found with seed {batch}, after {played} plays: ./do test-long --seed {batch}")
            return False
        batch += 1
        if time.monotonic() - spoke > SECONDS_BETWEEN_WORDS:
            spoke = time.monotonic()
            say(f"{played} plays in {spoke - began:.0f} s")
    end = "all of them" if played >= wanted else f"the time was over before {wanted}"
    say(f"{played} random plays in {time.monotonic() - began:.0f} s, {end}; nothing found")
    return True


def _play_batch(batch: int, size: int) -> int:
    played = 0

    @seed(batch)
    @settings(SETTINGS, max_examples=size, phases=[Phase.generate, Phase.shrink])
    @given(plays(is_stored=st.sampled_from([False, False, False, False, True])))
    def one(play: Play) -> None:
        nonlocal played
        played += 1
        run(play)

    one()
    return played


def say(line: str) -> None:
    """Tell it at once."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
