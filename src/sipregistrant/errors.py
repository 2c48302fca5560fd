"""Everything that this program raises on purpose.

    SipRegistrantError
    ├── ConfigurationError(setting, problem)          the operator's; ends a command with one sentence
    ├── SettingsFaulty(faults)                        all that is wrong with what `serve` is told
    ├── ImportFaulty(where, problem)                  a file of another product that cannot be read
    ├── SipError
    │   ├── SipParseError(part, problem)              the peer's bytes; never leaves the dispatcher
    │   ├── InvalidState(state, event)                our bug; also an AssertionError
    │   └── UnusableChallenge(realm, problem)         no digest, or an algorithm or qop that we do not know
    ├── Refusal                                       a request that is not carried out and changes nothing
    │   ├── ValueRefused(fault, attribute)            a value that its attribute does not take
    │   ├── ObjectMissing(resource, id)
    │   ├── ObjectExists(resource, id)
    │   ├── ObjectInUse(resource, id, user, user_id)
    │   ├── ReferenceMissing(resource, id, attribute, target)
    │   ├── NotUnique(resource, id, attribute)
    │   ├── ActionUnknown(resource, action)
    │   └── ObjectConflict(rule, id, attribute)       what would be there together goes against a rule
    ├── RequestRefused(status, detail, faults)        what the service says to a command that asks it
    ├── ServiceUnreachable(where, cause)              there is no service, or no way to it
    └── StoreError
        ├── StoreUnavailable(cause)                   retryable: a full disk, a locked file
        ├── StoreInUse(path)                          another process owns the data directory
        ├── KeyUnusable(path, problem)                secrets are there, the key to them is not
        └── BackupFaulty(path, problem)               no backup, not whole, or not for here

Exceptions take data and write their own sentence. What the network answers, or does not, is an outcome
(`sip/outcome.py`), never an exception.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "ActionUnknown",
    "BackupFaulty",
    "ConfigurationError",
    "ImportFaulty",
    "InvalidState",
    "KeyUnusable",
    "NotUnique",
    "ObjectConflict",
    "ObjectExists",
    "ObjectInUse",
    "ObjectMissing",
    "ReferenceMissing",
    "Refusal",
    "RequestRefused",
    "ServiceUnreachable",
    "SettingsFaulty",
    "SipError",
    "SipParseError",
    "SipRegistrantError",
    "StoreError",
    "StoreInUse",
    "StoreUnavailable",
    "UnusableChallenge",
    "ValueRefused",
]


class SipRegistrantError(Exception):
    """The root: whoever catches it catches all that is ours and nothing else."""


class ConfigurationError(SipRegistrantError):
    """A setting, option or file that cannot be used as it is."""

    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(setting, problem)
        self.setting = setting
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.setting}: {self.problem}"


class SettingsFaulty(SipRegistrantError):
    """Settings that cannot be used as they are: each fault as (where it stands, what it is)."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__(faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(f"{where}: {problem}" for where, problem in self.faults)


class ImportFaulty(SipRegistrantError):
    """A file of another product that is not what it is taken for. Nothing was changed; `where` names file and line."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(where, problem)
        self.where = where
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


class SipError(SipRegistrantError):
    """Anything of the SIP core."""


class SipParseError(SipError):
    """Bytes or text of a peer that are not what RFC 3261 §25 allows, or more than we accept."""

    def __init__(self, part: str, problem: str) -> None:
        super().__init__(part, problem)
        self.part = part
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.part}: {self.problem}"


class InvalidState(SipError, AssertionError):
    """An event that the state table does not know: our own mistake."""

    def __init__(self, state: str, event: str) -> None:
        super().__init__(state, event)
        self.state = state
        self.event = event

    def __str__(self) -> str:
        return f"event {self.event} in state {self.state}"


class UnusableChallenge(SipError):
    """No challenge of a 401 or 407 can be answered."""

    def __init__(self, realm: str, problem: str) -> None:
        super().__init__(realm, problem)
        self.realm = realm
        self.problem = problem

    def __str__(self) -> str:
        return f"challenge of realm {self.realm!r}: {self.problem}"


class Refusal(SipRegistrantError):
    """A request that is well-formed but not carried out. Nothing was changed."""


class ValueRefused(Refusal):
    """A value that its attribute does not take.

    `fault` is one of `missing` (required, without default, absent), `empty` (required, empty) and `bad`
    (type, range, length, syntax, a control character). `attribute` has the documented spelling.
    """

    def __init__(self, fault: str, attribute: str, problem: str = "") -> None:
        super().__init__(fault, attribute, problem)
        self.fault = fault
        self.attribute = attribute
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.attribute} is {self.fault}" + (f": {self.problem}" if self.problem else "")


class ObjectMissing(Refusal):
    """No object of that id, or its parent is missing (then the parent is named)."""

    def __init__(self, resource: str, id: str) -> None:
        super().__init__(resource, id)
        self.resource = resource
        self.id = id

    def __str__(self) -> str:
        return f"{self.resource} {self.id} does not exist"


class ObjectExists(Refusal):
    """The id is taken."""

    def __init__(self, resource: str, id: str) -> None:
        super().__init__(resource, id)
        self.resource = resource
        self.id = id

    def __str__(self) -> str:
        return f"{self.resource} {self.id} exists already"


class ObjectInUse(Refusal):
    """The object cannot go: `user` with id `user_id` names it."""

    def __init__(self, resource: str, id: str, user: str, user_id: str) -> None:
        super().__init__(resource, id, user, user_id)
        self.resource = resource
        self.id = id
        self.user = user
        self.user_id = user_id

    def __str__(self) -> str:
        return f"{self.resource} {self.id} is in use by {self.user} {self.user_id}"


class ReferenceMissing(Refusal):
    """The attribute names an object that does not exist."""

    def __init__(self, resource: str, id: str, attribute: str, target: str) -> None:
        super().__init__(resource, id, attribute, target)
        self.resource = resource
        self.id = id
        self.attribute = attribute
        self.target = target

    def __str__(self) -> str:
        return f"{self.attribute} of {self.resource} {self.id} names {self.target}, which does not exist"


class NotUnique(Refusal):
    """The attribute repeats what another one, or another object, already says."""

    def __init__(self, resource: str, id: str, attribute: str) -> None:
        super().__init__(resource, id, attribute)
        self.resource = resource
        self.id = id
        self.attribute = attribute

    def __str__(self) -> str:
        return f"{self.attribute} of {self.resource} {self.id} is not unique"


class ActionUnknown(Refusal):
    """The resource has no such action."""

    def __init__(self, resource: str, action: str) -> None:
        super().__init__(resource, action)
        self.resource = resource
        self.action = action

    def __str__(self) -> str:
        return f"{self.resource} has no action {self.action!r}"


class ObjectConflict(Refusal):
    """Each value is right, but not beside the others: `rule` says in words which rule is broken.

    `id` is that of the object, where the one who raises knows it.
    """

    def __init__(self, rule: str, id: str, attribute: str) -> None:
        super().__init__(rule, id, attribute)
        self.rule = rule
        self.id = id
        self.attribute = attribute

    def __str__(self) -> str:
        return f"{self.attribute}: {self.rule}"


class RequestRefused(SipRegistrantError):
    """The service has not carried a request out; nothing was changed. `document` is its problem document (RFC 9457)."""

    def __init__(
        self, status: int, detail: str, faults: Sequence[str] = (), document: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.faults = faults
        self.document = document or {}

    def __str__(self) -> str:
        return "\n  ".join((self.detail, *self.faults))


class ServiceUnreachable(SipRegistrantError):
    """There is no service at the address, or none that answers."""

    def __init__(self, where: str, cause: str) -> None:
        super().__init__(where, cause)
        self.where = where
        self.cause = cause

    def __str__(self) -> str:
        return f"no service answers at {self.where}: {self.cause}"


class StoreError(SipRegistrantError):
    """Anything of the store that is not the caller's fault."""


class StoreUnavailable(StoreError):
    """The database did not take it (disk full, file locked); nothing was changed; trying again may work."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause

    def __str__(self) -> str:
        return f"the database is unavailable: {self.cause}"


class StoreInUse(StoreError):
    """Another process holds the lock of the data directory."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"the data directory {self.path} is in use by another process; stop it, or name another --data-dir"


class BackupFaulty(StoreError):
    """A file that nothing can be restored from, or not there; nothing was changed."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class KeyUnusable(StoreError):
    """Sealed secrets cannot be opened."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"key file {self.path}: {self.problem}"
