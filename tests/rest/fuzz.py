"""`./do fuzz-rest`: many random requests against /rest, beside the model of what it must say (`machine.py`).

It goes batch by batch, each with a seed of its own, so that what one found is found again by that seed alone. It ends
when the requests are made or the time is over, and tells which of the two; the exit code is 1 when anything was found.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import time
import traceback
from collections.abc import Sequence

import structlog
from hypothesis import Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from .machine import SETTINGS, RestMachine
from .stage import Stage

__all__ = ["play"]

# About a thousand requests.
EXAMPLES_PER_BATCH = 25
SECONDS_BETWEEN_WORDS = 30


def play(stage: Stage, *, start: int, shrinks: bool) -> int:
    """Play one batch; return how many requests were made. Raises what was found."""

    class Machine(RestMachine):
        pass

    Machine.stage = stage
    phases = [Phase.generate, Phase.shrink] if shrinks else [Phase.generate]
    run_state_machine_as_test(
        seed(start)(Machine), settings=settings(SETTINGS, max_examples=EXAMPLES_PER_BATCH, phases=phases)
    )
    return Machine.played


def main(arguments: Sequence[str] | None = None) -> int:
    """Play until there were enough requests; return the exit code."""
    parser = argparse.ArgumentParser(prog="./do fuzz-rest", description="Random requests against /rest and its model.")
    parser.add_argument("--requests", type=int, default=100_000, metavar="N", help="how many (100000)")
    parser.add_argument("--seconds", type=int, default=3600, metavar="N", help="at most so long (3600)")
    parser.add_argument("--seed", type=int, metavar="N", help="begin with this seed, as an earlier run told it")
    options = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    first = random.randrange(10**6) if options.seed is None else options.seed
    say(f"seed {first}")
    played, batch, began = 0, first, time.monotonic()
    spoke = began
    with Stage() as stage:
        while played < options.requests and time.monotonic() - began < options.seconds:
            try:
                played += play(stage, start=batch, shrinks=True)
            except Exception:
                traceback.print_exc()
                say(f"FOUND after {played} requests. Again: ./do fuzz-rest --seed {batch}")
                return 1
            batch += 1
            if time.monotonic() - spoke > SECONDS_BETWEEN_WORDS:
                spoke = time.monotonic()
                say(f"{played} requests, {spoke - began:.0f} s")
        say(
            f"clean: {played} requests ({stage.requests} with those that only look), "
            f"seeds {first} to {batch - 1}, {time.monotonic() - began:.0f} s"
        )
    if played < options.requests:
        say(f"the time was over before {options.requests} requests were made")
    return 0


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
