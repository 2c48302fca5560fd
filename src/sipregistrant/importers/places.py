"""A trunk under construction: which registrations it can take, and the credentials that it comes to.

Credentials are chosen by the user of the From. So users may have different logins in one trunk, but one user only one of
them; and no more than a thousand may be chosen by regular expressions, which is how many the store looks at. What does not
fit goes into another trunk to the same server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..model import credentials
from ..model.credentials import HA1, PASSWORD_KIND, REGEX
from .found import Form, Note, Trunk

__all__ = ["MOST_PATTERNS", "Account", "Place", "credential_form"]

MOST_PATTERNS = 1000
"""As `store.credentials` has it."""

ANY_USER = ".*"


@dataclass(frozen=True, slots=True)
class Account:
    """What answers a challenge. `realm` is empty where the source answers any."""

    user: str
    password: str = field(repr=False)
    """Empty: the source has none, or none that can be read."""
    realm: str = ""
    is_ha1: bool = False


@dataclass(slots=True)
class Place:
    """One trunk, with what it takes to tell whether a further registration fits."""

    trunk: Trunk
    _accounts: dict[tuple[str, str], Account] = field(default_factory=dict)
    """By the user that a credential is chosen by, and realm."""
    _users: set[str] = field(default_factory=set)
    _logins: set[Account] = field(default_factory=set)
    _wheres: list[str] = field(default_factory=list)
    """Of the credentials."""
    _patterns: int = 0
    _has_open: bool = False
    """Whether there is an entry without credentials."""

    def takes(self, user: str, account: Account | None) -> bool:
        """Whether a registration of this user can be here: its account stands in the way of no other one, nor they of it."""
        if account is None:
            return self._patterns <= MOST_PATTERNS
        known = self._accounts.get((user, account.realm))
        if known is not None:
            return known == account
        if user in self._users and (not account.realm or (user, "") in self._accounts):
            return False
        return self._has_one_login(account) or self._patterns + (account.user != user) <= MOST_PATTERNS

    def give(self, where: str, user: str, account: Account | None) -> None:
        """Put the credential of a registration in, unless it is there."""
        if account is None:
            self._has_open = True
            return
        if (user, account.realm) in self._accounts:
            return
        self._accounts[user, account.realm] = account
        self._users.add(user)
        self._logins.add(account)
        self._patterns += account.user != user
        self._wheres.append(where)
        rows = self.trunk.credentials
        rows.append((len(rows) + 1, credential_form(account, user)))

    def finish(self) -> list[Note]:
        """Make one credential of one login for all; return which passwords have to be filled in."""
        rows = self.trunk.credentials
        if len(rows) > 1 and len(self._logins) == 1 and not self._has_open:
            rows[1:] = []
            rows[0][1].update({"FromURIUserMatch": str(REGEX), "MatchRegex": ANY_USER})
        return [
            Note(
                where,
                f"the password of {form['User']!r} is to be filled in: credential {id} of {self.trunk.name}",
                True,
            )
            for where, (id, form) in zip(self._wheres, rows, strict=False)
            if "EncryptedPassword" not in form
        ]

    def _has_one_login(self, account: Account) -> bool:
        return not self._has_open and self._logins <= {account}


def credential_form(account: Account, user: str) -> Form:
    """Return a credential for the registrations of one user; `user` is that of the From."""
    credential = {"User": account.user, "FromURIUserMatch": str(credentials.AUTHENTICATION_ID)}
    if account.realm:
        credential["Realm"] = account.realm
    if account.password:
        credential["EncryptedPassword"] = account.password
        if account.is_ha1:
            credential[PASSWORD_KIND] = str(HA1)
    if account.user != user:
        credential |= {"FromURIUserMatch": str(REGEX), "MatchRegex": re.escape(user)}
    return credential
