"""SIP profiles: the parts that shape a REGISTER."""

from __future__ import annotations

from .attributes import ENABLE, OURS, Kind, check_host, enum, integer, text
from .resource import Resource, Values

__all__ = ["CONTACT_AS_SEEN", "DISABLE", "PROFILE", "SBC_FQDN", "SERVER_FQDN", "STATIC"]

PAGE = "Resource - sipprofile"
CONTACT_AS_SEEN = "ContactAsSeen"

DISABLE, SBC_FQDN, SERVER_FQDN, STATIC = range(4)
FQDN_CHOICES = {DISABLE: "eDisable", SBC_FQDN: "eSBCFqdn", SERVER_FQDN: "eServerFqdn", STATIC: "eStatic"}


def check_profile(values: Values) -> None:
    """Check that the static host can stand in a URI."""
    check_host("StaticHost", values["StaticHost"], may_have_port=True)


PROFILE = Resource(
    name="sipprofile",
    meaning="SIP Profile: how the From, Contact, User-Agent and Allow of a signaling group look",
    source=PAGE,
    lowest_id=1,
    highest_id=65534,
    check=check_profile,
    in_use_code=31005,
    factory={1: {"Description": "Default SIP Profile"}},
    attributes=(
        text("Description", 64, "name of the profile", PAGE),
        text("UserAgentHeader", 256, "User-Agent; empty: no such header", PAGE, default="Ribbon SBC Edge"),
        enum("FQDNinFromHeader", FQDN_CHOICES, DISABLE, "host of the From", PAGE, column="fqdn_in_from_header"),
        enum("FQDNinContactHeader", FQDN_CHOICES, DISABLE, "host of Contacts that have none", PAGE,
             column="fqdn_in_contact_header"),
        text("StaticHost", 255, "host, or host:port, for the choice eStatic", PAGE, kind=Kind.URI),
        enum("AllowHeader", ENABLE, 1, "send Allow", PAGE),
        enum("SessionTimer", ENABLE, 1, "session refresh; nothing for a registrant", PAGE),
        integer("SessionTimerMin", 0, 7200, 600, "smallest session refresh; nothing for a registrant", PAGE),
        text("OriginFieldUserName", 64, "user of the SDP origin; nothing for a registrant", "observed"),
        enum("DiagnosticsHeader", ENABLE, None, "nothing for a registrant", "observed"),
        enum(CONTACT_AS_SEEN, ENABLE, 0, "Contacts at our address name the one that the registrar sees (RFC 3581)", OURS),
    ),
)  # fmt: skip
