"""Provider profiles: how the registrar of a provider wants to be spoken to. No box has them.

What is here at the first start (`factory`) are behaviours of registrars that somebody has written down; `Source` tells where.
They are an operator's own from then on: no later version changes them. Operators' own profiles begin at 100.
"""

from __future__ import annotations

from ..errors import SipParseError, ValueRefused
from ..sip.behaviour import Behaviour, CallIdLife, ContactMatch, ExpiresStyle, UnregisterStyle
from ..sip.extra_headers import parse_extra_headers
from .attributes import OURS, enum, text
from .resource import Resource, Values

__all__ = ["PROFILE", "PROVIDER_PROFILE", "behaviour_of"]

PROVIDER_PROFILE = "ProviderProfileID"
"""What a server names one with."""


def check_profile(values: Values) -> None:
    """Check that the extra headers are lines that a REGISTER may have beside ours."""
    _extra_lines(values)


def _extra_lines(values: Values) -> str:
    try:
        return parse_extra_headers(str(values["ExtraHeaders"] or ""))
    except SipParseError as error:
        raise ValueRefused("bad", "ExtraHeaders", str(error)) from None


def behaviour_of(values: Values) -> Behaviour:
    """Return what a profile comes to."""
    return Behaviour(
        ContactMatch(int(values["ContactMatch"] or 0)), ExpiresStyle(int(values["ExpiresStyle"] or 0)),
        CallIdLife(int(values["CallId"] or 0)), UnregisterStyle(int(values["UnregisterStyle"] or 0)),
        _extra_lines(values),
    )  # fmt: skip


PROFILE = Resource(
    name="providerprofile",
    meaning="Provider Profile: how the registrar of a provider wants to be spoken to",
    source=OURS,
    lowest_id=1,
    highest_id=65534,
    check=check_profile,
    in_use_code=20050,
    factory={
        1: {
            "Description": "The 200 lists another Contact than was sent",
            "Source": "https://github.com/pjsip/pjproject/issues/534",
            "ContactMatch": int(ContactMatch.ANY),
        },
        2: {
            "Description": "The 200 has another port in our Contact",
            "Source": "https://github.com/baresip/re/pull/581",
            "ContactMatch": int(ContactMatch.USER),
        },
        3: {
            "Description": "Only the Expires header is read",
            "Source": "https://github.com/fonoster/routr/issues/245",
            "ExpiresStyle": int(ExpiresStyle.HEADER),
        },
        4: {
            "Description": "A higher CSeq of before is remembered by Call-ID",
            "Source": "https://github.com/OpenSIPS/opensips/issues/641",
            "CallId": int(CallIdLife.AFTER_FAILURE),
        },
    },
    attributes=(
        text("Description", 64, "name of the profile", OURS),
        text("Source", 512, "where this was learned: a URL, or the name of a document", OURS),
        enum("ContactMatch", {ContactMatch.USUAL: "usual", ContactMatch.URI: "URI", ContactMatch.USER: "user",
                              ContactMatch.ANY: "any"}, ContactMatch.USUAL,
             "how our contact is found in a 200: 0 by flow, URI, token, or as the only new one; 1 by URI alone; 2 by URI, else "
             "by its user; 3 by URI, else by its user, else whichever is there", OURS),
        enum("ExpiresStyle", {ExpiresStyle.USUAL: "header and parameters", ExpiresStyle.PARAMETER: "parameters",
                              ExpiresStyle.HEADER: "header", ExpiresStyle.OWN: "header and own parameters"},
             ExpiresStyle.USUAL,
             "where a REGISTER says how long: 0 in Expires and in each Contact; 1 in each Contact alone; 2 in Expires alone, for "
             "all contacts alike; 3 in Expires, and in those Contacts that want another", OURS),
        enum("CallId", {CallIdLife.KEPT: "kept", CallIdLife.AFTER_FAILURE: "after a failure",
                        CallIdLife.CYCLE: "each time"}, CallIdLife.KEPT,
             "0 kept for the life of a registration; 1 a new one after a failure or a lapse; 2 a new one for each REGISTER, but "
             "not for its answer to a challenge", OURS),
        enum("UnregisterStyle", {UnregisterStyle.OURS: "our contacts", UnregisterStyle.ALL: "all contacts",
                                 UnregisterStyle.NONE: "none"}, UnregisterStyle.OURS,
             "how bindings are removed: 0 our contacts by name; 1 `Contact: *`, which removes those of others as well; 2 not at "
             "all, they lapse", OURS),
        text("ExtraHeaders", 1024, "headers of each REGISTER beside ours: `Name: value`, others behind a |", OURS),
    ),
)  # fmt: skip
