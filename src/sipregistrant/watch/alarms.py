"""From conditions, which come and go, to alarms, which are raised and cleared once each. Time is an argument."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..model.alarms import RULES, AlarmKind, Condition

__all__ = ["Alarms", "News"]

Name = tuple[AlarmKind, str]


@dataclass(slots=True)
class News:
    """What a look has changed; instants are milliseconds: since when it is so."""

    raised: list[tuple[Condition, int]] = field(default_factory=list)
    cleared: list[tuple[Name, int]] = field(default_factory=list)
    updated: list[Condition] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.raised or self.cleared or self.updated)


class Alarms:
    """Which alarms stand."""

    def __init__(self, standing: Iterable[tuple[Name, int, str]] = ()) -> None:
        """`standing` are those of before this start: name, number, text."""
        self.standing: dict[Name, tuple[int, str]] = {name: (number, text) for name, number, text in standing}
        self._since: dict[Name, int] = {}
        self._gone: dict[Name, int] = {}

    def look(self, found: Iterable[Condition], now: int) -> News:
        """Take what is so now (ms); return what is news. It is taken for told."""
        news = News()
        seen: set[Name] = set()
        for condition in found:
            name = condition.kind, condition.subject
            seen.add(name)
            self._gone.pop(name, None)
            said = condition.number, condition.text
            if name not in self.standing:
                since = self._since.setdefault(name, now)
                if now - since >= RULES[condition.kind].raise_after_seconds * 1000:
                    self.standing[name] = said
                    news.raised.append((condition, since))
            elif self.standing[name] != said:
                self.standing[name] = said
                news.updated.append(condition)
        for name in self._since.keys() - seen:
            del self._since[name]
        for name in self.standing.keys() - seen:
            since = self._gone.setdefault(name, now)
            if now - since >= RULES[name[0]].clear_after_seconds * 1000:
                news.cleared.append((name, since))
        for name, _ in news.cleared:
            del self.standing[name], self._gone[name]
        return news
