"""SIP server tables and their servers: where entries are registered."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import ObjectConflict, SipParseError, ValueRefused
from ..sip.routes import parse_routes
from ..sip.uri import Uri
from .attributes import ENABLE, OURS, Attribute, Kind, Value, check_host, enum, integer, reference, text
from .provider_profiles import PROVIDER_PROFILE
from .resource import Resource, Values

__all__ = [
    "ADMIN_STATE",
    "BOUND_TO_SIBLINGS",
    "BY_ADDRESS",
    "BY_OPTIONS",
    "BY_SRV",
    "DISABLED",
    "DRAIN",
    "ENTRY",
    "FLOWS",
    "IN_FLIGHT_LIMIT",
    "LOOKUP_MIXED",
    "MAINTENANCE",
    "RATE_LIMIT",
    "ROUTE_SET",
    "SRV_DOMAINS",
    "SRV_TWICE",
    "STAYS",
    "SWITCHES_TO_TCP",
    "TABLE",
    "TCP",
    "TLS",
    "UDP",
    "UNWATCHED",
    "WEB_SOCKET_PATH",
    "check_siblings",
    "is_on",
]

PAGE = "Resource - sipserver"
OBSERVED = "observed"

RATE_LIMIT, IN_FLIGHT_LIMIT, STAYS = "MaxRegistersPerSecond", "MaxRegistrationsInFlight", "StayWithTarget"
ADMIN_STATE = "AdminState"
DISABLED, ENABLED, DRAIN, MAINTENANCE = range(4)
ROUTE_SET, SWITCHES_TO_TCP, WEB_SOCKET_PATH, FLOWS = "RouteSet", "SwitchToTcp", "WebSocketPath", "OutboundFlows"
UDP, TCP, TLS = 1, 2, 4
UNWATCHED, BY_OPTIONS = 0, 1
BY_ADDRESS, BY_SRV = 0, 1

BOUND_TO_SIBLINGS = frozenset({"ServerLookup", "DomainName", "Protocol"})
"""The attributes that `check_siblings` looks at."""

LOOKUP_MIXED = "a table may not mix look-up by address with look-up by SRV"
SRV_TWICE = "a domain and protocol may stand in a table once"
SRV_DOMAINS = "a table may have one SRV domain"


# What can stand in the first line of a request of HTTP.
PATH = re.compile(r"/[^\s\x00-\x1f\x7f#]*")


def check_entry(values: Values) -> None:
    """Check that host and domain can stand in a URI, that SRV has a domain to ask for, and that routes are loose ones."""
    check_host("Host", values["Host"], may_have_port=False)
    check_host("DomainName", values["DomainName"], may_have_port=True)
    if values["ServerLookup"] == BY_SRV and not values["DomainName"]:
        raise ValueRefused("empty", "DomainName", "ServerLookup 1 asks for the SRV records of a domain")
    try:
        routes = parse_routes(str(values.get(ROUTE_SET) or ""))
    except SipParseError as error:
        raise ValueRefused("bad", ROUTE_SET, str(error)) from None
    named = {_transport(uri) for uri in routes}
    if values["Protocol"] != TLS and ("tls" in named or any(uri.scheme == "sips" for uri in routes)):
        raise ValueRefused("bad", ROUTE_SET, "a route over TLS needs Protocol 4")
    if "ws" in named and not values.get(WEB_SOCKET_PATH):
        raise ValueRefused("bad", ROUTE_SET, "a route over a WebSocket needs a WebSocketPath")
    # Where there are no attributes but those of the page, it is not there.
    path = str(values.get(WEB_SOCKET_PATH) or "")
    if path and not PATH.fullmatch(path):
        raise ValueRefused("bad", WEB_SOCKET_PATH, "a path begins with / and has no blank, control character or #")


def is_on(admin_state: Value) -> bool:
    """Tell whether a server has registrations: in maintenance they are left as they are."""
    return admin_state not in (DISABLED, DRAIN)


def _transport(uri: Uri) -> str:
    return (uri.parameter("transport") or "").lower()


def check_siblings(id: str, server: Values, others: Iterable[Values]) -> None:
    """Check a server against the others of its table, by the rules for SRV (codes 31020, 31022, 31023).

    They hold where a server that is looked up by SRV is concerned; servers with addresses may be as they like.
    """
    others = list(others)
    if any(other["ServerLookup"] != server["ServerLookup"] for other in others):
        raise ObjectConflict(LOOKUP_MIXED, id, "ServerLookup")
    if server["ServerLookup"] != BY_SRV:
        return
    domain = _srv_domain(server)
    if any((_srv_domain(other), other["Protocol"]) == (domain, server["Protocol"]) for other in others):
        raise ObjectConflict(SRV_TWICE, id, "DomainName")
    if any(_srv_domain(other) != domain for other in others):
        raise ObjectConflict(SRV_DOMAINS, id, "DomainName")


def _srv_domain(server: Values) -> str:
    # With a dot at the end it is the same name (RFC 1034 §3.1).
    return str(server["DomainName"]).lower().rstrip(".")


TABLE = Resource(
    name="sipservertable",
    meaning="SIP Server Table: the servers that a signaling group uses",
    source=OBSERVED,
    lowest_id=1,
    highest_id=65534,
    display_name="SIP Server Table",
    in_use_code=31007,
    factory={1: {"Description": "Default SIP Server"}},
    attributes=(
        text("Description", 64, "name of the table", OBSERVED),
        Attribute("Sequence", Kind.SEQUENCE, "ids of the servers in their order of use", OBSERVED),
        Attribute("StringName", Kind.READ_ONLY, "display name: Description, else `SIP Server Table N`", OBSERVED),
    ),
)

ENTRY = Resource(
    name="sipserver",
    meaning="SIP Server: a registrar, and the registrant table that is registered there",
    source=PAGE,
    parent="sipservertable",
    lowest_id=1,
    highest_id=99,
    check=check_entry,
    attributes=(
        enum("ServerLookup", {BY_ADDRESS: "eLkUpIpFQDN", BY_SRV: "eLkUpSRV"}, BY_ADDRESS, "how the server is found", PAGE,
             required=True),
        enum("ServerType", {0: "eConventionalSrvr", 1: "eSrvRecordTemplateSrvr", 2: "eSrvRecordSrvr"}, 0,
             "configured server, SRV template, or server made from an SRV answer", PAGE, required=True),
        integer("Weight", 0, 65535, 0, "weight among servers of one priority", PAGE, required=True),
        text("Host", 256, "IP address or FQDN that SIP is sent to", PAGE, kind=Kind.URI, required=True),
        enum("HostIpVersion", {0: "eVersionPreferIPv4", 1: "eVersionPreferIPv6"}, 0,
             "address family to prefer when Host is a name", PAGE, required=True),
        text("DomainName", 256, "domain of the Request-URI and of SRV queries; empty: Host", PAGE, kind=Kind.URI,
             required=True, default="", may_be_empty=True),
        text("ServiceName", 64, "service label of SRV queries", OBSERVED, kind=Kind.URI, default="sip"),
        integer("Port", 1024, 65535, 5060, "port that SIP is sent to", OBSERVED),
        integer("TransportSocket", 0, 4, 4, "sockets to spread over, for TCP and TLS", OBSERVED),
        enum("ReuseTransport", ENABLE, 1, "share connections, for TCP and TLS", OBSERVED),
        integer("ReuseTimeout", 5, 1440, 0, "minutes a connection is kept; 0 for ever", OBSERVED, also=frozenset({0})),
        enum("Protocol", {UDP: "UDP", TCP: "TCP", TLS: "TLS"}, UDP, "transport", OBSERVED, required=True),
        enum("Monitor", {0: "none", 1: "SIP options", 2: "not documented"}, 1, "how the server is watched", OBSERVED),
        integer("KeepAliveFrequency", 30, 300, 30, "seconds between OPTIONS to a server that answers", OBSERVED,
                also=frozenset({0})),
        integer("RecoverFrequency", 5, 300, 5, "seconds between OPTIONS to a server that is silent", OBSERVED,
                also=frozenset({0})),
        text("LocalUserName", 64, "our user in OPTIONS", OBSERVED, default="Anonymous"),
        text("PeerUserName", 64, "the peer's user in OPTIONS", OBSERVED, default="Anonymous"),
        integer("Priority", 0, 16, 1, "order among servers", OBSERVED, required=True),
        reference("RemoteAuthorizationTableID", "sipremoteauthtable", 65535, 0,
                  "credentials for the challenges of this server", OBSERVED),
        reference("ContactRegistrantTableID", "sipcontactregistrant", 65535, 0,
                  "the registrant table whose entries are registered at this server", OBSERVED),
        enum("StaggerRegistration", ENABLE, 0, "one first REGISTER or un-REGISTER a second", OBSERVED),
        enum("ClearRemoteRegistrationOnStartup", ENABLE, 0, "un-REGISTER our contacts once at start", OBSERVED),
        enum("SessionURIValidation", {0: "edsStrict", 1: "edsLiberal"}, 0,
             "check the Request-URI of incoming requests (which number is which is not documented)", OBSERVED),
        enum("ContactURIRandomizer", ENABLE, 0, "a random user in each Contact", OBSERVED),
        enum("RetryNonStaleNonce", ENABLE, 1, "try credentials again that a second challenge refused", OBSERVED),
        reference("TLSProfileID", "siptlsprofile", 65535, 0, "TLS profile for Protocol 4; 0 none", OBSERVED),
        enum("AuthorizationOnRefresh", ENABLE, 1, "send Authorization ahead in refreshes", OBSERVED),
        integer(RATE_LIMIT, 0, 100_000, 0, "REGISTERs a second to this host and port, all together; 0 no limit", OURS),
        integer(IN_FLIGHT_LIMIT, 0, 10_000, 0, "registrations under way there at once; 0 no limit but our own", OURS),
        enum(STAYS, ENABLE, 0, "of several targets stay with the one that answered last; 0: go back to the first", OURS),
        text(ROUTE_SET, 1024, "routes that each REGISTER takes, as in a Route header; the first one is the next hop", OURS,
             kind=Kind.URI),
        enum(SWITCHES_TO_TCP, ENABLE, 0, "send over TCP what is too large for a datagram (RFC 3261 section 18.1.1)", OURS),
        text(WEB_SOCKET_PATH, 256, "path of a WebSocket (RFC 7118): ws with Protocol 2, wss with 4; empty: none", OURS,
             kind=Kind.URI),
        integer(FLOWS, 0, 4, 0, "flows of each registration (RFC 5626), to different targets where there are; 0 none", OURS),
        enum(ADMIN_STATE, {DISABLED: "cmCustomDisabled", ENABLED: "cmCustomEnabled", DRAIN: "cmCustomDrain",
                           MAINTENANCE: "cmCustomMaintenance"}, ENABLED,
             "1 on; 0 off: un-register; 2 drain: un-register, paced; 3 maintenance: nothing is sent, and bindings stay as they "
             "are", OURS),
        reference(PROVIDER_PROFILE, "providerprofile", 65534, 0, "how this registrar wants to be spoken to; 0: as any other",
                  OURS),
    ),
)  # fmt: skip
