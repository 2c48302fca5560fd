"""The words that the JSON API has for what the vendor's labels name: `cmCustomDrain` is `drain`, `e_HostStatic` is `static`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from ..model.attributes import ENABLE, Attribute, Kind

__all__ = ["is_switch", "word_of", "words_of"]

# The marks that labels begin with: e_, e, cm, es, eds, bt.
MARK = re.compile(r"^(?:e_|cm|eds|es|bt|e)(?=[A-Z])")


def is_switch(attribute: Attribute) -> bool:
    """Tell whether an attribute is on or off: a boolean of JSON."""
    return attribute.kind is Kind.ENUM and attribute.labels == ENABLE


def words_of(attribute: Attribute) -> Mapping[int, str]:
    """Return the word of each number that an attribute may have."""
    return _words(tuple(attribute.labels.items()))


def word_of(attribute: Attribute, number: int) -> str:
    """Return the word of one number; the number itself, should the table not know it."""
    return words_of(attribute).get(number, str(number))


@lru_cache
def _words(labels: tuple[tuple[int, str], ...]) -> Mapping[int, str]:
    split = [_split(label) for _, label in labels]
    # What all labels begin with says nothing: HostLocal and HostStatic are local and static.
    same = 0
    while len(split) > 1 and all(len(words) > same + 1 and words[same] == split[0][same] for words in split):
        same += 1
    return {number: "_".join(words[same:]) for (number, _), words in zip(labels, split, strict=True)}


def _split(label: str) -> list[str]:
    bare = MARK.sub("", label).replace("IPv", "Ipv")
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", bare)
    return [word.lower() for word in spaced.replace("_", " ").split()]
