"""Remote authorization tables and their entries: what answers a registrar's challenge."""

from __future__ import annotations

import re2

from ..errors import ValueRefused
from .attributes import LARGEST_NUMBER, Attribute, Kind, enum, text
from .resource import Resource, Values

__all__ = ["AUTHENTICATION_ID", "ENTRY", "REGEX", "TABLE"]

PAGE = "Resource - sipremoteauthentry"

AUTHENTICATION_ID, REGEX = 0, 1


def check_entry(values: Values) -> None:
    """Check that a credential that is chosen by a regular expression has one that can be compiled.

    The engine is RE2: linear in time whatever the operator writes, hence without back-references and look-around.
    """
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
    attributes=(
        text("Realm", 512, "realm of the challenge; empty: any", PAGE),
        text("User", 64, "user name in the digest", PAGE, required=True, may_be_number=True),
        text("EncryptedPassword", 64, "password, sent in clear, sealed at rest, never given back", PAGE,
             kind=Kind.SECRET, required=True),
        enum("FromURIUserMatch", {AUTHENTICATION_ID: "eAuthenticationID", REGEX: "eRegex"}, AUTHENTICATION_ID,
             "what the user of the From URI is compared with: User, or MatchRegex", PAGE, required=True),
        text("MatchRegex", 128, "regular expression (RE2) that the user of the From URI matches in full", PAGE,
             keeps_plus=True),
    ),
)  # fmt: skip
