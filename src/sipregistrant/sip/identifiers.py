"""What names a registration on the wire: Call-ID, From tag and CSeq.

Call-ID and tag are derived from the instance's key and the row's number, so they stay the same for the life of a
registration (RFC 3261 §10.2) over every restart, and cost no column. CSeq never goes back, whatever was lost (design,
rule 11).
"""

from __future__ import annotations

import hashlib

__all__ = ["CSEQ_EPOCH", "contact_token", "dialog_names", "next_cseq", "nowhere", "question_names"]

# 2025-01-01T00:00:00Z, in seconds since 1970.
CSEQ_EPOCH = 1_735_689_600

# Numbers used up a second at most, on average: an attempt takes two, a failed one is not followed by the next for
# seconds.
CSEQ_PER_SECOND = 4

# RFC 3261 §8.1.1.5: less than 2**31. Some room is left for the requests of one attempt.
LARGEST_CSEQ = 2**31 - 1000

# A clock that is years ahead must not use up the numbers of those years: two years of them is the furthest jump.
LARGEST_JUMP = CSEQ_PER_SECOND * 2 * 366 * 86400


def next_cseq(last: int, generation: int, now: float) -> tuple[int, int]:
    """Return the (CSeq, Call-ID generation) of the next request; `last` is 0 where none was sent yet.

    The time is a floor under the number: requests whose settling was lost in a crash are jumped over. An equal or
    lower number would be answered 200 and do nothing at some registrars.
    """
    floor = int(CSEQ_PER_SECOND * (now - CSEQ_EPOCH))
    number = last + 1
    if number < floor <= number + LARGEST_JUMP or (last == 0 and 0 < floor < LARGEST_CSEQ):
        number = floor
    if number >= LARGEST_CSEQ:
        return 1, generation + 1
    return number, generation


def dialog_names(identity_key: bytes, registration_id: int, generation: int) -> tuple[str, str]:
    """Return the Call-ID of a registration, 128 bits that nobody else has, and its From tag, 64 (RFC 3261 §19.3: at least
    32 random bits).
    """
    names = _derived(identity_key, f"dialog {registration_id} {generation}", 24)
    return names[:32], names[32:]


def question_names(identity_key: bytes, registrar_id: int, target: object, generation: int) -> tuple[str, str]:
    """Return the Call-ID and the From tag of what a target is asked with on behalf of a registrar (OPTIONS), for good."""
    names = _derived(identity_key, f"question {registrar_id} {target} {generation}", 24)
    return names[:32], names[32:]


def contact_token(identity_key: bytes, registration_id: int) -> str:
    """Return what stands before the user of a registration's contacts where ContactURIRandomizer is on: `SBC` and four
    characters, as the boxes make them (observed). Derived, so a restart does not change it.
    """
    return "SBC" + _derived(identity_key, f"contact {registration_id}", 2)


def nowhere(identity_key: bytes) -> str:
    """Return the host name of who can be reached over his own connection alone (RFC 7118, appendix B.1; RFC 2606): one for
    each instance, so that every connection, and every start, names the same contacts.
    """
    return f"{_derived(identity_key, 'nowhere', 6)}.invalid"


def _derived(key: bytes, text: str, size: int) -> str:
    return hashlib.blake2b(text.encode(), key=key, digest_size=size).hexdigest()
