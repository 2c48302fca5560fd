"""The numbers of an answer: HTTP codes, application codes, and which refusal gets which.

An application code is not explained on the wire: the client looks it up in the vendor's table "Application Error Codes"
and puts the tokens of `params`, separated by `|`, into the places %1%, %2% … of its text (page REST API - Resource
Design). So the order of tokens here follows those texts. `MEANINGS` is that table, as far as a registrant can come
across it, in our words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..errors import (
    ActionUnknown,
    NotUnique,
    ObjectConflict,
    ObjectExists,
    ObjectInUse,
    ObjectMissing,
    ReferenceMissing,
    Refusal,
    ValueRefused,
)
from ..model.registry import RESOURCES
from ..model.servers import LOOKUP_MIXED, SRV_DOMAINS, SRV_TWICE
from ..model.tls_profiles import CIPHER_TWICE

__all__ = ["ANSWERS", "MEANINGS", "Answer", "WireRefusal", "answer_to"]

TOKEN_SEPARATOR = "|"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a refused request is told: the two numbers, and the tokens for the text of the second."""

    http_code: int
    code: int
    params: str = ""

    def about(self, *tokens: str) -> Answer:
        """Return this answer with tokens; a separator inside of one would make it two."""
        return replace(self, params=TOKEN_SEPARATOR.join(token.replace(TOKEN_SEPARATOR, " ") for token in tokens))


class WireRefusal(Refusal):
    """A request that the wire API itself refuses, before the store is asked.

    `allow` names the methods that there are, where it is the method that is refused.
    """

    def __init__(self, answer: Answer, *, allow: str = "") -> None:
        super().__init__(answer)
        self.answer = answer
        self.allow = allow

    def __str__(self) -> str:
        return f"{self.answer.http_code}/{self.answer.code} {self.answer.params}".rstrip()


BAD_LOGIN = Answer(500, 3007)  # an unknown user gets the same: who has an account is not told
LOGIN_FIELD_MISSING = Answer(500, 3032)
WRONG_LEVEL = Answer(500, 3033)
FOREIGN_ORIGIN = Answer(403, 3033)
HOST_INVALID = Answer(400, 14014)
BODY_TOO_LARGE = Answer(413, 14014)
FAULT_INSIDE = Answer(500, 20000)
RESOURCE_UNKNOWN = Answer(404, 20006)
OBJECT_MISSING = Answer(404, 20012)  # DESIGN, for modifying
OBJECT_MISSING_ON_DELETE = Answer(500, 20012)  # observed
OBJECT_EXISTS = Answer(500, 20013)
ID_OUT_OF_RANGE = Answer(400, 20031)
SESSION_MISSING = Answer(401, 20032)
METHOD_UNSUPPORTED = Answer(405, 20034)
QUERY_INVALID = Answer(400, 20035)
ID_INVALID = Answer(400, 20036)
VALUE_BAD = Answer(400, 20038)
VALUE_EMPTY = Answer(400, 20039)
REFERENCE_MISSING = Answer(500, 20040)
NOT_UNIQUE = Answer(500, 20041)
VALUE_ABSENT = Answer(400, 20045)
ACTION_INVALID = Answer(400, 20046)
IN_USE = Answer(500, 20050)  # of a resource that no box has, or that has no code of its own for it

CONFLICTS: Mapping[str, Answer] = {
    LOOKUP_MIXED: Answer(500, 31020),
    SRV_TWICE: Answer(500, 31022),
    SRV_DOMAINS: Answer(500, 31023),
    CIPHER_TWICE: Answer(500, 31030),
}

ANSWERS: tuple[Answer, ...] = (
    BAD_LOGIN, LOGIN_FIELD_MISSING, WRONG_LEVEL, FOREIGN_ORIGIN, HOST_INVALID, BODY_TOO_LARGE, FAULT_INSIDE, RESOURCE_UNKNOWN,
    OBJECT_MISSING, OBJECT_MISSING_ON_DELETE, OBJECT_EXISTS, ID_OUT_OF_RANGE, SESSION_MISSING, METHOD_UNSUPPORTED,
    QUERY_INVALID, ID_INVALID, VALUE_BAD, VALUE_EMPTY, REFERENCE_MISSING, NOT_UNIQUE, VALUE_ABSENT, ACTION_INVALID,
    IN_USE, *CONFLICTS.values(),
)  # fmt: skip
"""Every answer that this API gives, but those whose code is the resource's own (`Resource.in_use_code`)."""

VALUE_ANSWERS: Mapping[str, Answer] = {"missing": VALUE_ABSENT, "empty": VALUE_EMPTY, "bad": VALUE_BAD}

MEANINGS: Mapping[int, str] = {
    3006: "permission denied for user %1%",
    3007: "authentication of user %1% failed",
    3010: "user %1% is unknown",
    3011: "user %1% has tried too often",
    3032: "an information element is missing",
    3033: "the user is not authorized",
    3034: "the session is invalid; log in again",
    14004: "another change is under way; try again",
    14014: "validation failed without a given reason",
    20000: "internal server error",
    20001: "the operation has no default handler",
    20002: "delete on %1% must be an action",
    20006: "the object does not exist",
    20012: "object id %1% of type %2% does not exist",
    20013: "object id %1% of type %2% exists already",
    20027: "action %1% failed",
    20031: "the id is out of the expected range",
    20032: "the REST session is not authenticated",
    20034: "the method is not supported for the resource",
    20035: "the filter is invalid for the resource",
    20036: "the id of the resource is invalid or missing",
    20038: "value out of range: resource %1%, id %2%",
    20039: "empty string value: resource %1%, id %2%",
    20040: "resource %1% id %2% (%4%): the item used in element %3% was not found",
    20041: "a unique item is not unique: resource %1%, id %2%",
    20045: "the request lacks parameters",
    20046: "action %1% is invalid",
    20050: "%3% is in use by resource %1% id %2% (%4%)",
    31005: "SIP profile %1% is in use by signaling group %2%",
    31007: "server table %1% is in use by signaling group %2%",
    31009: "TLS profile %1% is in use by signaling group or server %2%",
    31010: "remote authorization table %1% is in use by server %2%",
    31011: "contact registrant table %1% is in use by server %2%",
    31020: "a server table mixes addresses with DNS-SRV",
    31022: "a domain and protocol stand in a server table twice",
    31023: "a server table has more than one SRV domain",
    31030: "a cipher stands in the sequence twice",
}


def answer_to(refusal: Refusal, *, method: str, resource: str, id: str) -> Answer:
    """Return what the wire says of a refusal of this request.

    `resource` and `id` are those of the request: a value that was refused does not know whose it is.
    """
    match refusal:
        case WireRefusal():
            return refusal.answer
        case ValueRefused():
            return VALUE_ANSWERS[refusal.fault].about(resource, id, refusal.attribute)
        case NotUnique():
            return NOT_UNIQUE.about(refusal.resource, refusal.id or id, refusal.attribute)
        case ReferenceMissing():
            return REFERENCE_MISSING.about(refusal.resource, refusal.id or id, refusal.attribute, refusal.target)
        case ObjectMissing():
            answer = OBJECT_MISSING_ON_DELETE if method == "DELETE" else OBJECT_MISSING
            return answer.about(refusal.id, refusal.resource)
        case ObjectExists():
            return OBJECT_EXISTS.about(refusal.id, refusal.resource)
        case ObjectInUse():
            return _answer_to_use(refusal)
        case ActionUnknown():
            return ACTION_INVALID.about(refusal.action)
        case ObjectConflict():
            return CONFLICTS[refusal.rule].about(*_places(id))
    raise NotImplementedError(f"no answer to {type(refusal).__name__}") from refusal


def _places(id: str) -> list[str]:
    """Return the table and the object that an id names, both as replies write them."""
    table, colon, _ = id.partition(":")
    return [table, id] if colon else [id]


def _answer_to_use(refusal: ObjectInUse) -> Answer:
    resource = RESOURCES.get(refusal.resource)
    if resource is not None and resource.in_use_code not in (0, IN_USE.code):
        return Answer(IN_USE.http_code, resource.in_use_code).about(refusal.id, refusal.user_id)
    return IN_USE.about(refusal.user, refusal.user_id, refusal.resource, refusal.id)
