"""What may stand behind the `?` of a request: `details`, `filter` and `action`.

`details` is exactly `true` (`True` is refused), `filter` one category that the resource has, names and values in lower
case (observed). Other names mean nothing and are ignored. No resource here has an action.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from ..model.attributes import Value
from .codes import QUERY_INVALID, WireRefusal

__all__ = ["Query", "action_in", "parse_query"]

MOST_FIELDS = 32

RUNTIME_PREFIX = "rt_"

# The counters among the runtime attributes; all others tell of a state.
STATISTICS = frozenset({
    "rt_Registrations", "rt_Registered", "rt_Failed", "rt_Failures", "rt_Transactions", "rt_TransactionFalures",
    "rt_UpTime", "rt_DownTime",
})  # fmt: skip

# Every resource has a configuration; `inventory` (serial numbers and the like) none of these has.
CATEGORIES: Mapping[str, frozenset[str]] = {
    "sipcontactregistrant": frozenset({"runtime", "statistics"}),
    "sipregistrantentry": frozenset({"runtime", "statistics"}),
    "sipserver": frozenset({"runtime", "statistics"}),
    "sipsg": frozenset({"runtime"}),
    "system": frozenset({"runtime"}),
    "historicalstatistics": frozenset({"runtime"}),
}


@dataclass(frozen=True, slots=True)
class Query:
    """What a GET asks to see."""

    details: bool = False
    category: str = ""

    def select(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        """Return the attributes of the category that was asked for; without one, all."""
        if not self.category:
            return values
        return {name: value for name, value in values.items() if _category_of(name) == self.category}


def parse_query(query: str, resource: str) -> Query:
    """Read what a request of the resource named so asks to see, or raise `WireRefusal`."""
    fields = _fields_of(query)
    details = fields.get("details")
    category = fields.get("filter")
    has_category = category is None or category == "configuration" or category in CATEGORIES.get(resource, ())
    if details not in (None, "true") or not has_category:
        raise WireRefusal(QUERY_INVALID.about(resource))
    return Query(details is not None, category or "")


def action_in(query: str) -> str | None:
    """Return the action that a request asks for, None where it asks for none; only a POST may."""
    return _fields_of(query).get("action")


def _fields_of(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise WireRefusal(QUERY_INVALID) from None


def _category_of(name: str) -> str:
    if not name.startswith(RUNTIME_PREFIX):
        return "configuration"
    return "statistics" if name in STATISTICS else "runtime"
