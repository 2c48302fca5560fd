"""Writes docs/states.md from the state tables; `--check` only says whether it is up to date.

    .venv/bin/python tools/states.py [--check]

`./do docs` and tests/test_docs.py call it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sipregistrant.model.status import SEVERITY, Status
from sipregistrant.model.transitions import WAY_ON, Result, Wish
from sipregistrant.sip.transaction import TRANSITIONS, Action

PAGE = Path(__file__).parent.parent / "docs" / "states.md"

HEAD = """# States

Made by `./do docs` from the tables in the code that the program runs on; do not edit.

## A registration

What a registration *does* is one fact; whether a binding is held, and until when, is another: a row that is `RETRY_WAIT`
may hold a binding for half an hour more. An arrow is an attempt: what it was for, and what it came to. Between attempts a
row waits for its refresh, its retry, or for somebody to change what is wanted: a change makes it due at once, and one that
comes while an attempt is in flight is remembered.
"""

BETWEEN = """
The table, as the program has it (`src/sipregistrant/model/transitions.py`):

| what the attempt was for | what it came to | state then | waits among |
|---|---|---|---|
"""

SHOWN = """
### What is shown

Computed from the row and the time of looking, worst last:

"""

TRANSACTION = """
## A transaction

RFC 3261 §17.1.2, figure 6; an action stands behind the event that asks for it.
"""


def page() -> str:
    """Return the whole page."""
    rows = [
        f"| {wish.name.lower()} | {result.name.lower()} | `{state.name}` | {klass.name.lower()} |"
        for (wish, result), (state, klass) in WAY_ON.items()
    ]
    shown = [f"{number}. `{status.value}`" for number, status in enumerate(sorted(Status, key=SEVERITY.__getitem__), 1)]
    return (
        HEAD + diagram(registration()) + BETWEEN + "\n".join(rows) + "\n" + SHOWN + "\n".join(shown) + "\n" + TRANSACTION
        + diagram(transaction())
    )  # fmt: skip


def registration() -> list[str]:
    """Return the arrows of a registration: every attempt may begin in every state that its wish fits."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (wish, result), (state, _) in WAY_ON.items():
        for start in STARTS[wish]:
            if not (result is Result.LAPSED and start == "REGISTERED"):
                arrows.setdefault((start, state.name), []).append(f"{wish.name.lower()} {result.name.lower()}")
    return [f"{start} --> {end}: {', '.join(labels)}" for (start, end), labels in arrows.items()]


STARTS = {
    Wish.REGISTER: ("UNREGISTERED", "REGISTERED", "RETRY_WAIT", "REJECTED"),
    Wish.CLEAR: ("REGISTERED",),
    Wish.UNREGISTER: ("REGISTERED", "UNREGISTERING"),
}


def transaction() -> list[str]:
    """Return the arrows of a transaction."""
    arrows = []
    for state, events in TRANSITIONS.items():
        for event, (end, action) in events.items():
            done = "" if action is Action.NOTHING else f" / {words(action.name)}"
            arrows.append(f"{state.name} --> {end.name}: {words(event.name)}{done}")
    return arrows


def words(name: str) -> str:
    """Return a name of the code as words."""
    return name.lower().replace("_", " ")


def diagram(arrows: list[str]) -> str:
    """Return arrows as a diagram that pages of Markdown draw."""
    return "\n```mermaid\nstateDiagram-v2\n" + "".join(f"    {arrow}\n" for arrow in arrows) + "```\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.read_text(encoding="utf-8") == page() else f"{PAGE.name} is out of date: ./do docs")
    PAGE.write_text(page(), encoding="utf-8")
