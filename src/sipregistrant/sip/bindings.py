"""Which of the contacts in a 200 are ours.

A 200 to a REGISTER lists all bindings of the AOR, also those of others (RFC 3261 §10.3 step 8), and registrars and
NATs rewrite what we sent. To take the first one for ours is the classic mistake: the refresh then follows somebody
else's expiry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .behaviour import ContactMatch
from .fields import Contact
from .outbound import Outbound
from .outcome import Grant
from .uri import parse_uri, same_uri

__all__ = ["Found", "SentContact", "find_bindings"]


@dataclass(slots=True)
class SentContact:
    """One contact as it stood in a REGISTER, and what the 200 said of it.

    `q` in hundredths; `asked` and `granted` in seconds, `granted` None where the 200 did not list it; `matched` says
    how it was found there: `instance` (RFC 5626), `uri` (RFC 3261 §19.1.4), `token` (the user), `only` (the only unknown one),
    `user` and `any` (`ContactMatch`), "" not at all.
    `token` is a user that nobody else has, "" without ContactURIRandomizer; `flow` is the one it was bound to
    (`sip/outbound.py`, as text), "" without flows.
    """

    uri: str
    q: int
    asked: int
    granted: int | None = None
    matched: str = ""
    token: str = ""
    flow: str = ""


@dataclass(slots=True)
class Found:
    """What a 200 grants of the contacts that were to be bound, and which are there that were to be removed."""

    grants: list[Grant] = field(default_factory=list)
    ours: list[Contact] = field(default_factory=list)
    still_there: list[str] = field(default_factory=list)


def find_bindings(contacts: Sequence[SentContact], removed: Sequence[str], listed: Sequence[Contact],
                  default: int | None, asked: Callable[[int], int], outbound: Outbound | None = None,
                  match: ContactMatch = ContactMatch.USUAL) -> Found:  # fmt: skip
    """Pair what we sent with what a 200 lists.

    By instance and reg-id where we sent them (`outbound`; RFC 5626 §6: the same URI may stand there once for each flow); by
    URI comparison (§19.1.4); by the token in its user, where it has one; and, where we sent one contact and the 200
    lists one that is another, by being the only one: then it was rewritten on the way. Beside a contact that came back as
    it was sent, one that did not is missing.
    `match` leaves out some of these, or adds others: see there.
    The expiry is the contact's own, else that of the Expires header (`default`), else what we asked for (§10.2.4);
    `asked` raises an expiry to what a 423 wanted. A grant of 0 is none.
    """
    if len(contacts) == len(listed) == 1 and listed[0].text == contacts[0].uri and not removed:
        # Nearly all answers.
        granted = _granted(listed[0], default, asked(contacts[0].asked))
        return Found([Grant(contacts[0].uri, granted, "uri")] if granted > 0 else [], list(listed))
    left = list(listed)
    found = Found()
    for contact in contacts:
        mine, matched = _take_flow(left, outbound), "instance"
        if mine is None:
            mine, matched = _take(left, contact.uri), "uri"
        if mine is None and contact.token and match is ContactMatch.USUAL:
            mine, matched = _take_user(left, contact.token), "token"
        if mine is None and match >= ContactMatch.USER:
            mine, matched = _take_user(left, parse_uri(contact.uri).user), "user"
        if mine is not None:
            found.ours.append(mine)
            found.grants.append(Grant(contact.uri, _granted(mine, default, asked(contact.asked)), matched))
    if outbound is not None:
        # What another flow has bound is not there because of us, whatever its URI.
        left = [contact for contact in left if "reg-id" not in contact.parameters or outbound.is_of(contact)]
    found.still_there = [
        uri for uri in removed if (gone := _take_gone(left, uri, match)) is not None and gone.expires != 0
    ]
    if match is ContactMatch.USUAL and not found.grants and len(contacts) == 1 and len(left) == 1:
        grant = _granted(left[0], default, asked(contacts[0].asked))
        found.ours.append(left[0])
        found.grants.append(Grant(contacts[0].uri, grant, "only"))
    if match is ContactMatch.ANY:
        there = {grant.uri for grant in found.grants}
        for contact, mine in zip([c for c in contacts if c.uri not in there], left, strict=False):
            found.ours.append(mine)
            found.grants.append(Grant(contact.uri, _granted(mine, default, asked(contact.asked)), "any"))
    found.grants = [grant for grant in found.grants if grant.expires > 0]
    return found


def _take_flow(listed: list[Contact], outbound: Outbound | None) -> Contact | None:
    """Take the contact of our flow out of the list."""
    for index, contact in enumerate(listed):
        if outbound is not None and outbound.is_of(contact):
            return listed.pop(index)
    return None


def _take(listed: list[Contact], uri: str) -> Contact | None:
    """Take the contact with this URI out of the list."""
    for index, contact in enumerate(listed):
        if contact.text == uri:
            return listed.pop(index)
    wanted = parse_uri(uri) if listed else None
    for index, contact in enumerate(listed):
        if wanted is not None and same_uri(contact.uri, wanted):
            return listed.pop(index)
    return None


def _take_user(listed: list[Contact], user: str | None) -> Contact | None:
    """Take the contact with this user out of the list."""
    for index, contact in enumerate(listed):
        if contact.uri.user == user:
            return listed.pop(index)
    return None


def _take_gone(listed: list[Contact], uri: str, match: ContactMatch) -> Contact | None:
    """Take out of the list what was to be removed. What is merely left there may be somebody else's."""
    found = _take(listed, uri)
    if found is None and match >= ContactMatch.USER:
        found = _take_user(listed, parse_uri(uri).user)
    return found


def _granted(contact: Contact, default: int | None, asked: int) -> int:
    if contact.expires is not None:
        return contact.expires
    return asked if default is None else default
