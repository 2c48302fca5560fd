"""Remote authorization tables and their entries: what answers a registrar's challenge."""

from __future__ import annotations

import re

import re2

from ..errors import ValueRefused
from .attributes import LARGEST_NUMBER, OURS, Attribute, Kind, enum, text
from .resource import SECRET_MASK, Resource, Values

__all__ = ["ALGORITHM_OF_HA1", "AUTHENTICATION_ID", "CLEAR", "ENTRY", "HA1", "PASSWORD_KIND", "REGEX", "TABLE"]

PAGE = "Resource - sipremoteauthentry"

AUTHENTICATION_ID, REGEX = 0, 1

PASSWORD_KIND = "PasswordKind"
CLEAR, HA1 = 0, 1

ALGORITHM_OF_HA1 = {32: "MD5", 64: "SHA-256"}
"""By its number of digits. SHA-512-256 has 64 as well: it is not what an HA1 of 64 is taken for."""

HEX_DIGITS = re.compile(r"[0-9A-Fa-f]+", re.ASCII)

# What an HA1 is made of beside the password (RFC 7616 §3.4.2).
IN_HA1 = ("Realm", "User")


def check_entry(values: Values) -> None:
    """Check that a regular expression can be compiled where a credential is chosen by it, and that an HA1 is one."""
    _check_pattern(values)
    if values.get(PASSWORD_KIND) != HA1:
        return
    if not values["Realm"]:
        raise ValueRefused("empty", "Realm", "an HA1 is of one realm: Realm is to be that of the challenge, exactly")
    password = str(values["EncryptedPassword"])
    # Of one that is sealed already it was checked when it came.
    if password != SECRET_MASK and not (HEX_DIGITS.fullmatch(password) and len(password) in ALGORITHM_OF_HA1):
        raise ValueRefused("bad", "EncryptedPassword",
                           "with PasswordKind 1 it is an HA1: 32 hexadecimal digits (MD5) or 64 (SHA-256)")  # fmt: skip


def check_change(current: Values, changes: Values) -> None:
    """Check that a secret that nobody gave anew still means what it meant: it cannot be looked at, and is not guessed."""
    if "EncryptedPassword" in changes:
        return
    changed = {name for name, value in changes.items() if value != current.get(name)}
    if PASSWORD_KIND in changed:
        raise ValueRefused("missing", "EncryptedPassword",
                           "the one that is there is of the other kind; give it together with PasswordKind")  # fmt: skip
    for name in IN_HA1:
        if current.get(PASSWORD_KIND) == HA1 and name in changed:
            raise ValueRefused("missing", "EncryptedPassword",
                               f"{name} is part of the HA1 that is there; give the new HA1 together with {name}")  # fmt: skip


def _check_pattern(values: Values) -> None:
    """The engine is RE2: linear in time whatever the operator writes, hence without back-references and look-around."""
    if values["FromURIUserMatch"] != REGEX:
        return
    pattern = str(values.get("MatchRegex") or "")
    if not pattern:
        raise ValueRefused("empty", "MatchRegex", "FromURIUserMatch 1 needs a regular expression")
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        raise ValueRefused("bad", "MatchRegex", str(error)) from None


TABLE = Resource(
    name="sipremoteauthtable",
    meaning="Remote Authorization Table: credentials for registrars that challenge",
    source="observed",
    lowest_id=1,
    highest_id=65534,
    in_use_code=31010,
    attributes=(
        text("Description", 64, "name of the table", "observed"),
        Attribute("Sequence", Kind.SEQUENCE, "ids of the credentials in their order of use", "observed"),
    ),
)

ENTRY = Resource(
    name="sipremoteauthentry",
    meaning="Remote Authorization Entry: one user name and password",
    source=PAGE,
    parent="sipremoteauthtable",
    lowest_id=1,
    highest_id=LARGEST_NUMBER,
    check=check_entry,
    check_change=check_change,
    attributes=(
        text("Realm", 512, "realm of the challenge; empty: any", PAGE),
        text("User", 64, "user name in the digest", PAGE, required=True, may_be_number=True),
        text("EncryptedPassword", 64, "password, sent in clear, sealed at rest, never given back", PAGE,
             kind=Kind.SECRET, required=True),
        enum("FromURIUserMatch", {AUTHENTICATION_ID: "eAuthenticationID", REGEX: "eRegex"}, AUTHENTICATION_ID,
             "what the user of the From URI is compared with: User, or MatchRegex", PAGE, required=True),
        text("MatchRegex", 128, "regular expression (RE2) that the user of the From URI matches in full", PAGE,
             keeps_plus=True),
        enum(PASSWORD_KIND, {CLEAR: "password", HA1: "HA1"}, CLEAR,
             "what EncryptedPassword is: the password, or the HA1 of User, Realm and password in hexadecimal digits "
             "(RFC 7616 section 3.4.2): 32 for MD5, 64 for SHA-256", OURS),
    ),
)  # fmt: skip
