"""SIP signaling groups: what listens, sends, and uses a server table."""

from __future__ import annotations

from ..errors import ValueRefused
from .attributes import ENABLE, LARGEST_NUMBER, OURS, Attribute, Kind, check_host, enum, integer, reference, text
from .resource import Resource, Values

__all__ = ["DISABLED", "DRAIN", "ENABLED", "GROUP", "PUBLIC_ADDRESS", "SOURCE_PORTS"]

PAGE = "Resource - sipsg"
OBSERVED = "observed"

PUBLIC_ADDRESS, SOURCE_PORTS = "PublicAddress", "SourcePorts"

DISABLED, ENABLED, DRAIN = range(3)
PROTOCOLS = {1: "UDP", 2: "TCP", 4: "TLS"}

LARGEST_PORT = 65535

CALLS = "for calls; nothing for a registrant"


def kept(name: str, default: int | None = None) -> Attribute:
    """Declare a number of the call side: checked as a number, given back, without meaning here."""
    return integer(name, 0, LARGEST_NUMBER, default, CALLS, OBSERVED)


def check_group(values: Values) -> None:
    """Check that the outbound proxy can stand in a Route, and the public address in a Contact."""
    check_host("OutboundProxy", values["OutboundProxy"], may_have_port=False)
    check_host(PUBLIC_ADDRESS, values.get(PUBLIC_ADDRESS), may_have_port=True)
    if int(values["ListenPort_1"] or 0) + int(values.get(SOURCE_PORTS) or 1) - 1 > LARGEST_PORT:
        raise ValueRefused("bad", SOURCE_PORTS, f"from ListenPort_1 on, the last one would be above {LARGEST_PORT}")


GROUP = Resource(
    name="sipsg",
    meaning="SIP Signaling Group: the address that REGISTERs are sent from, and the server table they go to",
    source=PAGE,
    lowest_id=1,
    highest_id=10000,
    check=check_group,
    factory={1: {"Description": "Default Signaling Group", "ServerClusterId": 1, "MediaConfigID": 1}},
    attributes=(
        enum("customAdminState", {DISABLED: "cmCustomDisabled", ENABLED: "cmCustomEnabled", DRAIN: "cmCustomDrain"},
             ENABLED, "1 on; 0 off: un-register; 2 drain: un-register, paced", PAGE, required=True,
             affects_service=True),
        text("Description", 64, "name of the group", PAGE, required=True),
        reference("ProfileID", "sipprofile", 65534, 1, "SIP profile", PAGE, lowest=1, required=True),
        integer("Channels", 1, 960, 10, CALLS, PAGE, required=True, affects_service=True),
        enum("ServerSelection", {0: "eSelectionRoundRobin", 1: "eSelectionPriority", 2: "eSelectionFirstAvailable",
                                 3: "eSelectionDnsSrv"}, 0, CALLS, PAGE),
        reference("ServerClusterId", "sipservertable", 65534, 0, "server table; 0 none", PAGE),
        enum("RTPMode", ENABLE, 1, CALLS, PAGE, required=True),
        integer("MediaConfigID", 1, 65534, None, CALLS, PAGE, required=True),
        integer("RouteTableID", 1, 65534, None, CALLS, OBSERVED),
        integer("ListenPort_1", 0, 65535, None, "port that the group listens on and sends from; 0 any", OBSERVED),
        enum("Protocol_1", PROTOCOLS, None, "transport of ListenPort_1", OBSERVED),
        reference("TLSProfileID_1", "siptlsprofile", 65535, 0, "TLS profile of ListenPort_1; 0 none", OBSERVED),
        text("NetInterfaceSignaling", 64, "interface to send from; unknown names mean the default address", OBSERVED),
        text("RemoteHosts", 2048, CALLS, OBSERVED),
        text("RemoteMasks", 2048, CALLS, OBSERVED),
        kept("RTPProxyMode"),
        kept("RTPDirectMode"),
        kept("HuntMethod"),
        kept("ProxyIpVersion"),
        text("OutboundProxy", 256, "next hop of all requests, also as Route", OBSERVED, kind=Kind.URI),
        integer("OutboundProxyPort", 0, 65535, 5060, "port of OutboundProxy", OBSERVED),
        integer("DSCP", 0, 63, 40, "differentiated services code point of SIP packets", OBSERVED),
        kept("NATTraversalType"),
        kept("ICESupport"),
        kept("Monitor"),
        kept("ChallengeRequest", 0),
        kept("NonceLifetime", 600),
        text("AuthorizationRealm", 512, CALLS, OBSERVED),
        kept("NotifyCACProfile"),
        kept("Early183"),
        kept("SGLevelMOHService"),
        kept("InboundNATTraversalDetection"),
        kept("RelOnQckConnect"),
        kept("SipResponseCodes"),
        kept("VideoDirectMode"),
        kept("VideoProxyMode"),
        kept("ICEMode", 0),
        kept("AgentType", 0),
        kept("AllowRefreshSDP", 1),
        enum("ConfigIEState", {0: "esDISABLED", 1: "esENABLED"}, 1, "older name of customAdminState", OBSERVED),
        kept("InteropMode", 0),
        kept("RegisterKeepAlive", 1),
        kept("RingBack", 0),
        kept("SIPReSync", 0),
        text(PUBLIC_ADDRESS, 256, "host or host:port at which the group is reached from outside; empty: its own", OURS,
             kind=Kind.URI),
        integer(SOURCE_PORTS, 1, 64, 1, "UDP ports that its registrations are spread over, from ListenPort_1 on", OURS),
    ),
)  # fmt: skip
