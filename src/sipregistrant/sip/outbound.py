"""Flows of RFC 5626, as a REGISTER and its answer speak of them.

A registration that has an instance and a reg-id is bound to the flow that it came over: the registrar keeps one for each
reg-id of an instance, and sends calls over any flow that lives. An entry at a server is one instance, since the same AOR may
stand in several, and none of them may take another's place; each of its flows is a registration of its own, with its own
Call-ID (§4.2.1).
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass

from ..errors import SipParseError
from .fields import Contact, parse_delta_seconds
from .lexical import split_list, unquote
from .message import Response

__all__ = ["LACKS_OUTBOUND", "Outbound", "flow_timer", "instance_urn", "is_outbound"]

LACKS_OUTBOUND = 439
"""First Hop Lacks Outbound Support (§11.6)."""

OPTION = "outbound"

# A registrar that wants to hear from each flow more often than that is mistaken, and one that wants to hear nothing for a day
# would learn too late that it is dead.
SHORTEST_TIMER_SECONDS = 10
LONGEST_TIMER_SECONDS = 3600


def instance_urn(identity_key: bytes, group_uid: int, server_uid: int, entry_uid: int) -> str:
    """Return what an entry at a server is over every restart (§4.1): a UUID that is derived from the key of this installation."""
    text = f"instance {group_uid} {server_uid} {entry_uid}"
    digest = hashlib.blake2b(text.encode(), key=identity_key, digest_size=16).digest()
    return uuid.UUID(bytes=digest, version=4).urn


@dataclass(frozen=True, slots=True)
class Outbound:
    """One flow of a registration: whose it is, and which."""

    instance: str
    reg_id: int

    @classmethod
    def from_text(cls, text: str) -> Outbound:
        """Read what `str` makes of one."""
        reg_id, _, instance = text.partition(" ")
        return cls(instance, int(reg_id))

    def __str__(self) -> str:
        return f"{self.reg_id} {self.instance}"

    @property
    def parameters(self) -> str:
        """What a Contact says of it (§4.2)."""
        return f';+sip.instance="<{self.instance}>";reg-id={self.reg_id}'

    @property
    def lines(self) -> str:
        """What stands in the REGISTER besides: RFC 3327 is needed for the edge proxy's sake (§4.2.1)."""
        return f"Supported: path, {OPTION}\r\n"

    def is_of(self, contact: Contact) -> bool:
        """Tell whether a contact of a 200 is bound to this flow (§6)."""
        parameters = contact.parameters
        if "reg-id" not in parameters or "+sip.instance" not in parameters:
            return False
        instance = unquote(parameters["+sip.instance"] or "").strip("<>")
        return parameters["reg-id"] == str(self.reg_id) and instance.lower() == self.instance


def is_outbound(response: Response) -> bool:
    """Tell whether the registrar has taken a REGISTER as one of a flow: then it says so (§6)."""
    try:
        return any(OPTION in split_list(value.lower()) for value in response.all("require"))
    except SipParseError:
        return False


def flow_timer(response: Response) -> int:
    """Return within how many seconds the registrar wants to hear of the flow (§4.4); 0 where it does not say, or not well."""
    try:
        seconds = parse_delta_seconds(response.first("flow-timer") or "")
    except SipParseError:
        return 0
    return max(SHORTEST_TIMER_SECONDS, seconds) if 0 < seconds <= LONGEST_TIMER_SECONDS else 0
