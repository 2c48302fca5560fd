"""The verbs on objects: what one request asks for, whatever attribute or action of the wire API stands behind it.

`register`, `unregister`, `refresh` and `forget-security` are the actions of /rest. `enable` and `disable` say the same of an
entry or a table as `register` and `unregister`; of a server and a group they, `drain` and `maintenance` are a change of its admin
state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..model.groups import DISABLED, DRAIN, ENABLED
from ..model.resource import Resource
from ..model.servers import ADMIN_STATE, MAINTENANCE
from ..store import actions, config
from ..store.tx import Key, Tx

__all__ = ["Verb", "carry_out", "verbs_of"]


class Verb(NamedTuple):
    """`action` is one of the wire API, or "" where `form` is the change that the verb stands for."""

    about: str
    action: str = ""
    form: Mapping[str, str] = {}


ABOUT = {
    "register": "have it registered again where it was un-registered, and refresh what is",
    "unregister": "un-register; it stays so until register",
    "refresh": "refresh now",
    "forget-security": "let it use weaker digests than it has shown",
}
SAME = {"enable": "register", "disable": "unregister"}
STATES = {
    "enable": ("register here", ENABLED),
    "disable": ("un-register here", DISABLED),
    "drain": ("un-register here, paced", DRAIN),
    "maintenance": ("send nothing, and leave bindings as they are; enable ends it, with a paced return", MAINTENANCE),
}
STATE_OF = {"sipserver": (ADMIN_STATE, tuple(STATES)), "sipsg": ("customAdminState", ("enable", "disable", "drain"))}


def verbs_of(resource: Resource) -> dict[str, Verb]:
    """Return what can be asked of an object of a resource."""
    verbs = {word: Verb(ABOUT[word], word) for word in actions.WORDS_OF.get(resource.name, ())}
    if resource.name in STATE_OF:
        attribute, words = STATE_OF[resource.name]
        verbs |= {word: Verb(STATES[word][0], form={attribute: str(STATES[word][1])}) for word in words}
    elif verbs:
        verbs |= {word: Verb(f"the same as {action}", action) for word, action in SAME.items()}
    return verbs


def carry_out(tx: Tx, resource: Resource, key: Key, verb: Verb) -> None:
    """Do what a verb asks for; raises `ObjectMissing`."""
    if verb.action:
        actions.act(tx, resource, key, verb.action)
    else:
        config.change(tx, resource, key, dict(verb.form))
