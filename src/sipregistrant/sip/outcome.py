"""What an attempt came to, and what that means: try again, try again later, or refused for cause.

The network's answers are values, not exceptions. `classify` is a table; the waits that follow from it are in
`backoff.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum, auto

from .uri import Uri

__all__ = ["Disposition", "Grant", "Kind", "Outcome", "classify"]


class Kind(IntEnum):
    """How an attempt ended."""

    ACCEPTED = auto()
    """A 200 to a REGISTER that binds, with at least one contact of ours in it."""
    REMOVED = auto()
    """A 200 to an un-REGISTER, without any contact of ours in it."""
    REFUSED = auto()
    """A final answer that is no success, or a success that does not do what was asked."""
    TIMED_OUT = auto()
    """No final answer within Timer F."""
    NOT_SENT = auto()
    """The request did not leave this machine: no route, no socket, no address for the name."""
    CRASHED = auto()
    """Our own mistake. The row is put far off and the trace is in the log (design, rule 12)."""


class Disposition(IntEnum):
    """What a final answer means for the next try."""

    GOOD = auto()
    RETRY = auto()
    """A fault of the moment: the same request may succeed later."""
    REFUSED = auto()
    """Refused for cause: the same request will be refused again until somebody changes something (lockout guard)."""


# Refused for cause: credentials (401, 407 that were answered in vain) and the two that registrars give to what they
# do not know.
FOR_CAUSE = frozenset({401, 403, 404, 407})


def classify(status_code: int) -> Disposition:
    """Say what a final status code means for the next try. Every code has a way on: nothing is given up for good."""
    if 200 <= status_code < 300:
        return Disposition.GOOD
    return Disposition.REFUSED if status_code in FOR_CAUSE else Disposition.RETRY


@dataclass(slots=True)
class Grant:
    """What the 200 says of one contact of ours: seconds, and how it was found in there (`uri`, `token` or `only`)."""

    uri: str
    expires: int
    matched: str


@dataclass(slots=True)
class Outcome:
    """The end of an attempt.

    `code` 0 where there was no answer; `reason` is a sentence for people, None on success. `challenge` and
    `nonce_count` are what a refresh may send ahead; `cseq` the last one used. `may_have_been_bound` tells that a
    REGISTER that binds went out whose answer we do not know.
    """

    kind: Kind
    code: int
    reason: str | None
    cseq: int
    challenge: str | None = None
    nonce_count: int = 0
    grants: list[Grant] = field(default_factory=list)
    retry_after: int = 0
    min_expires: int = 0
    may_have_been_bound: bool = False
    was_ahead_accepted: bool | None = None
    """Whether the credentials that were sent unasked were taken; None where none were sent, or nobody answered."""
    are_credentials_refused: bool = False
    """A challenge was answered, and came again."""
    sent_at: float = 0.0
    """The instant at which the request that was answered was first sent; 0 where none was."""
    learned: str = ""
    """JSON of `sip.learned.Learned`: what the 200 tells beside the bindings."""
    security: tuple[str, int] | None = None
    """Realm and strength of the algorithm that was accepted."""
    is_outbound: bool = False
    """The registrar has bound the contact to the flow that the REGISTER came over (RFC 5626 §6)."""
    flow_timer: int = 0
    """Within how many seconds it wants to hear of that flow; 0 where it does not say."""
    lacks_outbound: bool = False
    """Somebody on the way cannot keep flows (439)."""
    moved_to: Sequence[Uri] = ()
    """The contacts of a 3xx, the preferred one first."""

    @property
    def disposition(self) -> Disposition:
        """Say what this means for the next try."""
        if self.kind in (Kind.ACCEPTED, Kind.REMOVED):
            return Disposition.GOOD
        return classify(self.code) if self.kind is Kind.REFUSED and self.code >= 300 else Disposition.RETRY
