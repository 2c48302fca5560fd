"""Writes docs/outcomes.md: what can come of a REGISTER, and what `explain` says of it.

    .venv/bin/python tools/outcomes.py

`./do docs` and tests/test_docs.py call it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sipregistrant.explain.answers import ANSWERS, CLASSES
from sipregistrant.explain.cause import Cause
from sipregistrant.explain.faults import FAULTS

PAGE = Path(__file__).parent.parent / "docs" / "outcomes.md"

HEAD = """\
# Outcomes

What can come of a REGISTER, what it means for a registrant, where it usually comes from, and what to do: the table that
`sipregistrant explain` speaks from. Made by `./do docs`.

    sipregistrant explain sip:alice@carrier.example        # or TABLE:ENTRY, or the id of a registration

says of one AOR since when it is as it is, what was sent where and what came back, what the registrar holds until when, when the
next attempt is or what it waits for, why, and what to change. Over the JSON API it is
`GET /api/v1/registrations/{id}/explanation`, `/tables/{table}/entries/{entry}/explanation` and `/explanation?aor=`; `cause`
there is a key of this page.

## Faults

Known by the reason that is kept with the registration (`rt_LastReason`).
"""

ANSWERED = """
## Answers

By their code, where the reason says no more than that.
"""


def page() -> str:
    """Return the page."""
    faults = "".join(_one(fault.cause, f"Reason: `{fault.example}`") for fault in FAULTS)
    answers = "".join(_one(cause, "") for _, cause in sorted(ANSWERS.items()))
    return HEAD + faults + ANSWERED + answers + "".join(_one(cause, "") for cause in CLASSES.values())


def _one(cause: Cause, example: str) -> str:
    lines = [f"\n### {cause.title}\n", f"`{cause.key}`. {cause.meaning} It {cause.heals}.\n"]
    if example:
        lines.append(f"{example}\n")
    lines += _listed("Likely", cause.causes) + _listed("What to do", cause.advice)
    return "\n".join(lines)


def _listed(what: str, items: Iterable[str]) -> list[str]:
    found = [f"- {item}" for item in items]
    return [f"{what}:\n", *found, ""] if found else []


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
