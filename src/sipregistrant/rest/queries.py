"""What may stand behind the `?` of a request: `details`, `filter` and `action`.

`details` is exactly `true` (`True` is refused), `filter` one category that the resource has, names and values in lower
case (observed). Other names mean nothing and are ignored. No resource here has an action.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from ..model.attributes import Value
from ..model.resource import Resource
from .codes import ACTION_INVALID, QUERY_INVALID, WireRefusal

__all__ = ["Query", "parse_query", "refuse_actions"]

MOST_FIELDS = 32

RUNTIME_PREFIX = "rt_"

# The counters among the runtime attributes; all others tell of a state.
STATISTICS = frozenset({"rt_Registrations", "rt_Registered", "rt_Failed", "rt_Failures"})

# Every resource has a configuration; `inventory` (serial numbers and the like) none of these has.
CATEGORIES: Mapping[str, frozenset[str]] = {
    "sipcontactregistrant": frozenset({"statistics"}),
    "sipregistrantentry": frozenset({"runtime", "statistics"}),
    "sipsg": frozenset({"runtime"}),
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


def parse_query(query: str, resource: Resource) -> Query:
    """Read the query of a GET of a resource, or raise `WireRefusal`."""
    fields = _fields_of(query)
    details = fields.get("details")
    category = fields.get("filter")
    has_category = category is None or category == "configuration" or category in CATEGORIES.get(resource.name, ())
    if details not in (None, "true") or not has_category:
        raise WireRefusal(QUERY_INVALID.about(resource.name))
    return Query(details is not None, category or "")


def refuse_actions(query: str) -> None:
    """Raise `WireRefusal` where an action is asked for."""
    action = _fields_of(query).get("action")
    if action is not None:
        raise WireRefusal(ACTION_INVALID.about(action))


def _fields_of(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise WireRefusal(QUERY_INVALID) from None


def _category_of(name: str) -> str:
    if not name.startswith(RUNTIME_PREFIX):
        return "configuration"
    return "statistics" if name in STATISTICS else "runtime"
