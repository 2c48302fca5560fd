"""Whole replies, to the letter: files in tests/vectors/rest, written by hand from the reference.

Each play is a table of requests in their order, with the file of the reply, or none where only success matters.
Whatever a file has in braces varies from run to run; only the reference of a fault inside does.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from sipregistrant.access.sessions import Sessions
from sipregistrant.model.registry import RESOURCES
from sipregistrant.rest.app import create_app
from sipregistrant.rest.codes import ANSWERS, IN_USE
from sipregistrant.rest.settings import RestSettings
from sipregistrant.store.store import Store

from .support import ENTRY, ENTRY_TABLE, VECTORS, Client, ManualClock, Reply, furnish, vector

Step = tuple[str, str, str, str]
"""File of the reply, method, path behind `/rest/`, form."""

ENTRIES = "sipcontactregistrant/1/sipregistrantentry"
SERVERS = "sipservertable/1/sipserver"
CREDENTIALS = "sipremoteauthtable/1/sipremoteauthentry"

FULL_ENTRY = (
    "AorType=3&AOR=sip:+15551234@carrier.example&AorTtl=1800&FailedRegistrationRetryTimer=30"
    "&TTL1=64&Q1=100&URI1=sip:+15551234@192.0.2.7;transport=tcp&TTL2=300&Q2=50&URI2=sip:x@[2001:db8::1]:5070"
    "&TTL3=0&Q3=5&URI3=desk&Q8=0&URI8=192.0.2.9"
)
FULL_SERVER = (
    "ServerLookup=0&ServerType=2&Weight=65535&Host=registrar.carrier.example&HostIpVersion=1&DomainName=carrier.example"
    "&ServiceName=sips&Port=5061&TransportSocket=0&ReuseTransport=0&ReuseTimeout=1440&Protocol=4&Monitor=2"
    "&KeepAliveFrequency=0&RecoverFrequency=300&LocalUserName=we %26 us&PeerUserName=&Priority=0"
    "&RemoteAuthorizationTableID=1&ContactRegistrantTableID=1&StaggerRegistration=1"
    "&ClearRemoteRegistrationOnStartup=1&SessionURIValidation=1&ContactURIRandomizer=1&RetryNonStaleNonce=0"
    "&TLSProfileID=1&AuthorizationOnRefresh=0"
)
FULL_PROFILE = (
    "Description=carrier&UserAgentHeader=&FQDNinFromHeader=3&FQDNinContactHeader=1&StaticHost=carrier.example:5070"
    "&AllowHeader=0&SessionTimer=0&SessionTimerMin=7200&OriginFieldUserName=-&DiagnosticsHeader=1"
)
FULL_TLS_PROFILE = (
    "Description=carrier&TLSVersion=2&HandshakeTimeout=300&MutualAuth=1&VerifyPeersCertificate=0&ClientCipher=6"
    "&ClientCipherSequence=6,5,7,4,3,1,0,2&ValidateClientFQDN=1&ValidateServerFQDN=0&FallbackCompatibleMode=1"
)
FULL_GROUP = (
    "customAdminState=0&Description=trunk 2&ProfileID=1&Channels=960&ServerSelection=3&ServerClusterId=1&RTPMode=0"
    "&MediaConfigID=65534&RouteTableID=3&ListenPort_1=5062&Protocol_1=4&TLSProfileID_1=1"
    "&NetInterfaceSignaling=Ethernet 1-1&RemoteHosts=192.0.2.1,192.0.2.2&RemoteMasks=255.255.255.255,255.255.255.0"
    "&RTPProxyMode=0&RTPDirectMode=1&HuntMethod=4&ProxyIpVersion=0&OutboundProxy=proxy.carrier.example"
    "&OutboundProxyPort=5070&DSCP=46&NATTraversalType=0&ICESupport=0&Monitor=2&ChallengeRequest=1&NonceLifetime=60"
    "&AuthorizationRealm=we.example&NotifyCACProfile=0&Early183=1&SGLevelMOHService=0&InboundNATTraversalDetection=0"
    "&RelOnQckConnect=0&SipResponseCodes=0&VideoDirectMode=1&VideoProxyMode=0&ICEMode=1&AgentType=1&AllowRefreshSDP=0"
    "&ConfigIEState=0&InteropMode=5&RegisterKeepAlive=0&RingBack=2&SIPReSync=1"
)

PLAYS: dict[str, list[Step]] = {
    "sipcontactregistrant": [
        ("", "PUT", "sipcontactregistrant/1", ""),
        ("sipcontactregistrant/put", "PUT", "sipcontactregistrant/7", "Description=Main %26 branch <west>"),
        ("", "PUT", f"{ENTRIES}/1", "AOR=alice"),
        ("", "PUT", f"{ENTRIES}/3", "AOR=bob"),
        ("sipcontactregistrant/get", "GET", "sipcontactregistrant/1", ""),
        ("sipcontactregistrant/post", "POST", "sipcontactregistrant/1", "Sequence=3,1"),
        ("sipcontactregistrant/list", "GET", "sipcontactregistrant", ""),
        ("sipcontactregistrant/list_details", "GET", "sipcontactregistrant?details=true", ""),
        ("sipcontactregistrant/list_statistics", "GET", "sipcontactregistrant?details=true&filter=statistics", ""),
        ("sipcontactregistrant/runtime", "GET", "sipcontactregistrant/1?filter=runtime", ""),
        ("delete", "DELETE", "sipcontactregistrant/1", ""),
    ],
    "sipregistrantentry": [
        ("", "PUT", "sipcontactregistrant/1", ""),
        ("sipregistrantentry/put", "PUT", f"{ENTRIES}/1", FULL_ENTRY),
        ("", "PUT", f"{ENTRIES}/3", "AOR=alice"),
        ("sipregistrantentry/get", "GET", f"{ENTRIES}/3", ""),
        ("sipregistrantentry/list", "GET", ENTRIES, ""),
        ("sipregistrantentry/list_details", "GET", f"{ENTRIES}?details=true", ""),
        ("sipregistrantentry/list_configuration", "GET", f"{ENTRIES}?filter=configuration&details=true", ""),
        ("sipregistrantentry/runtime", "GET", f"{ENTRIES}/1?filter=runtime", ""),
        ("sipregistrantentry/statistics", "GET", f"{ENTRIES}/1?filter=statistics", ""),
        ("sipregistrantentry/post", "POST", f"{ENTRIES}/3", "Q2=7&AOR=bob"),
        ("delete", "DELETE", f"{ENTRIES}/3", ""),
    ],
    "sipregistrantentry that a server is for": [
        ("", "PUT", "sipcontactregistrant/1", ""),
        ("", "PUT", f"{SERVERS}/1", "Host=192.0.2.1&ContactRegistrantTableID=1"),
        ("", "PUT", f"{ENTRIES}/3", "AOR=alice"),
        ("sipregistrantentry/registering", "GET", f"{ENTRIES}/3", ""),
        ("sipregistrantentry/action_unregister", "POST", f"{ENTRIES}/3?action=unregister", ""),
    ],
    "sipservertable": [
        ("", "PUT", f"{SERVERS}/5", "Host=192.0.2.5"),
        ("", "PUT", f"{SERVERS}/1", "Host=192.0.2.1"),
        ("sipservertable/get", "GET", "sipservertable/1", ""),
        ("sipservertable/put", "PUT", "sipservertable/2", "Description=Carrier"),
        ("sipservertable/post", "POST", "sipservertable/2", "Description="),
        ("sipservertable/list", "GET", "sipservertable", ""),
        ("sipservertable/list_details", "GET", "sipservertable?details=true", ""),
        ("delete", "DELETE", "sipservertable/2", ""),
    ],
    "sipserver": [
        ("", "PUT", "sipcontactregistrant/1", ""),
        ("", "PUT", "sipremoteauthtable/1", ""),
        ("", "PUT", f"{SERVERS}/1", "Host=192.0.2.1"),
        ("sipserver/get", "GET", f"{SERVERS}/1", ""),
        ("sipserver/put", "PUT", f"{SERVERS}/5", FULL_SERVER),
        ("sipserver/list", "GET", SERVERS, ""),
        ("sipserver/list_details", "GET", f"{SERVERS}?details=true", ""),
        ("sipserver/runtime", "GET", f"{SERVERS}/1?filter=runtime", ""),
        ("sipserver/statistics", "GET", f"{SERVERS}/1?filter=statistics", ""),
        ("sipserver/post", "POST", f"{SERVERS}/1", "Priority=16"),
        ("delete", "DELETE", f"{SERVERS}/5", ""),
    ],
    "sipremoteauthtable": [
        ("sipremoteauthtable/put", "PUT", "sipremoteauthtable/1", 'Description=Zürich "east"'),
        ("", "PUT", f"{CREDENTIALS}/2", "User=a&EncryptedPassword=b"),
        ("", "PUT", f"{CREDENTIALS}/1", "User=a&EncryptedPassword=b"),
        ("sipremoteauthtable/get", "GET", "sipremoteauthtable/1", ""),
        ("sipremoteauthtable/post", "POST", "sipremoteauthtable/1", "Description=x&Sequence=1,2"),
        ("sipremoteauthtable/list", "GET", "sipremoteauthtable", ""),
        ("sipremoteauthtable/list_details", "GET", "sipremoteauthtable?details=true", ""),
        ("delete", "DELETE", "sipremoteauthtable/1", ""),
    ],
    "sipremoteauthentry": [
        ("", "PUT", "sipremoteauthtable/1", ""),
        ("", "PUT", f"{CREDENTIALS}/1", "User=bob&EncryptedPassword=secret"),
        ("sipremoteauthentry/get", "GET", f"{CREDENTIALS}/1", ""),
        ("sipremoteauthentry/put", "PUT", f"{CREDENTIALS}/2",
         "Realm=carrier.example&User=alice&EncryptedPassword=secret&FromURIUserMatch=1&MatchRegex=(alice|bob)[0-9]%2B"),
        ("sipremoteauthentry/list", "GET", CREDENTIALS, ""),
        ("sipremoteauthentry/post", "POST", f"{CREDENTIALS}/1", "Realm=a %26 b&EncryptedPassword=**********"),
        ("sipremoteauthentry/list_details", "GET", f"{CREDENTIALS}?details=true", ""),
        ("delete", "DELETE", f"{CREDENTIALS}/1", ""),
    ],
    "sipprofile": [
        ("sipprofile/get", "GET", "sipprofile/1", ""),
        ("sipprofile/put", "PUT", "sipprofile/2", FULL_PROFILE),
        ("sipprofile/post", "POST", "sipprofile/1", "UserAgentHeader=my box/1.0"),
        ("sipprofile/list", "GET", "sipprofile", ""),
        ("sipprofile/list_details", "GET", "sipprofile?details=true", ""),
        ("delete", "DELETE", "sipprofile/2", ""),
    ],
    "siptlsprofile": [
        ("siptlsprofile/get", "GET", "siptlsprofile/1", ""),
        ("siptlsprofile/put", "PUT", "siptlsprofile/2", FULL_TLS_PROFILE),
        ("siptlsprofile/post", "POST", "siptlsprofile/1", "HandshakeTimeout=1"),
        ("siptlsprofile/list", "GET", "siptlsprofile", ""),
        ("siptlsprofile/list_details", "GET", "siptlsprofile?details=true", ""),
        ("delete", "DELETE", "siptlsprofile/2", ""),
    ],
    "sipsg": [
        ("sipsg/get", "GET", "sipsg/1", ""),
        ("sipsg/put", "PUT", "sipsg/2", FULL_GROUP),
        ("sipsg/post", "POST", "sipsg/1", "Channels=20"),
        ("sipsg/list", "GET", "sipsg", ""),
        ("sipsg/list_runtime", "GET", "sipsg?details=true&filter=runtime", ""),
        ("delete", "DELETE", "sipsg/2", ""),
    ],
}  # fmt: skip

SRV = "Host=h.example&ServerLookup=1&DomainName="

# What `furnish` makes is there: one object of each resource, that refer to each other.
REFUSALS: list[Step] = [
    ("500_20013_taken_id", "PUT", "sipcontactregistrant/1", ""),
    ("500_20013_taken_entry", "PUT", f"{ENTRIES}/1", "AOR=bob"),
    ("404_20012_get", "GET", f"{ENTRIES}/2", ""),
    ("404_20012_post", "POST", f"{ENTRIES}/2", "AOR=bob"),
    ("500_20012_delete", "DELETE", f"{ENTRIES}/2", ""),
    ("404_20012_parent", "PUT", "sipcontactregistrant/9/sipregistrantentry/1", "AOR=bob"),
    ("500_20012_parent_delete", "DELETE", "sipcontactregistrant/9/sipregistrantentry/1", ""),
    ("400_20036_id_no_number", "GET", f"{ENTRIES}/x", ""),
    ("400_20036_no_id", "PUT", "sipsg", "Description=x"),
    ("400_20031_id_out_of_range", "PUT", "sipsg/10001", "Description=x&MediaConfigID=1"),
    ("400_20045_required_absent", "PUT", f"{ENTRIES}/2", "AorTtl=60"),
    ("400_20039_required_empty", "PUT", f"{ENTRIES}/2", "AOR="),
    ("400_20039_domain_of_srv", "PUT", f"{SERVERS}/2", "Host=h.example&ServerLookup=1"),
    ("400_20038_value", "POST", f"{ENTRIES}/1", "Q1=101"),
    ("400_20038_control_character", "PUT", f"{ENTRIES}/2", "AOR=bob%00"),
    ("405_20034_patch", "PATCH", "sipsg/1", ""),
    ("405_20034_system", "PUT", "system", "NodeName=x"),
    ("400_20046_action", "POST", "sipcontactregistrant/1?action=reboot", ""),
    ("400_20035_details", "GET", "sipsg?details=True", ""),
    ("400_20035_filter", "GET", "sipsg?details=true&filter=inventory", ""),
    ("500_20040_reference", "PUT", f"{SERVERS}/2", "Host=192.0.2.2&ContactRegistrantTableID=7"),
    ("500_20040_sequence", "POST", "sipcontactregistrant/1", "Sequence=1,9"),
    ("500_20041_contact_twice", "PUT", f"{ENTRIES}/2", "AOR=bob&URI1=sip:a@h.example&URI2=sip:a@H.example"),
    ("500_31010_credentials_in_use", "DELETE", "sipremoteauthtable/1", ""),
    ("500_31011_registrants_in_use", "DELETE", "sipcontactregistrant/1", ""),
    ("500_31007_servers_in_use", "DELETE", "sipservertable/1", ""),
    ("500_31005_profile_in_use", "DELETE", "sipprofile/1", ""),
    ("500_31009_tls_profile_in_use", "DELETE", "siptlsprofile/1", ""),
    ("500_31020_lookups_mixed", "PUT", f"{SERVERS}/2", f"{SRV}carrier.example"),
    ("500_31022_domain_twice", "PUT", "sipservertable/2/sipserver/2", f"{SRV}CARRIER.example&Protocol=2"),
    ("500_31023_second_domain", "PUT", "sipservertable/2/sipserver/2", f"{SRV}other.example"),
    ("500_31030_cipher_twice", "PUT", "siptlsprofile/2", "ClientCipherSequence=1,2,1"),
    ("404_20006_unknown_resource", "GET", "isdnsg/1", ""),
    ("413_14014_too_long", "POST", "sipcontactregistrant/1", "Description=" + "x" * 65_536),
]  # fmt: skip

WITHOUT_SESSION: list[Step] = [
    ("401_20032_no_session", "GET", "sipcontactregistrant/1", ""),
    ("401_20032_no_session_delete", "DELETE", "sipcontactregistrant/1", ""),
    ("500_3007_bad_password", "POST", "login", "Username=scripts&Password=x"),
    ("500_3007_unknown_user", "POST", "login", "Username=nobody %26 co&Password=open sesame"),
    ("500_3032_login_field", "POST", "login", "Username=scripts"),
    ("500_3033_another_level", "POST", "login", "Username=boss&Password=open sesame"),
]

ELSEWHERE = {"400_14014_bad_host", "403_3033_foreign_origin", "500_20000_fault_inside"}
"""Refusals with a test of their own below."""


@pytest.fixture
async def furnished(client: Client) -> Client:
    """A client with a session, and objects that refer to each other."""
    await furnish(client)
    for path, form in (
        ("/rest/sipservertable/1/sipserver/1", "TLSProfileID=1"),
        ("/rest/sipservertable/2", ""),
        ("/rest/sipservertable/2/sipserver/1", f"{SRV}carrier.example&Protocol=2"),
    ):
        method = "POST" if "TLS" in form else "PUT"
        assert (await client.send(method, path, form)).http_code == 200, path
    return client


async def sent(client: Client, step: Step) -> Reply:
    _, method, path, form = step
    return await client.send(method, f"/rest/{path}", form.encode())


@pytest.mark.parametrize("name", PLAYS)
async def test_the_replies_of_a_resource(client: Client, name: str) -> None:
    for step in PLAYS[name]:
        reply = await sent(client, step)
        assert reply.http_code == 200, (step, reply.text)
        if step[0]:
            assert reply.text == vector(step[0]), step


@pytest.mark.parametrize("step", REFUSALS, ids=[step[0] for step in REFUSALS])
async def test_the_reply_to_a_refusal(furnished: Client, step: Step) -> None:
    reply = await sent(furnished, step)
    assert (reply.status_line, reply.text) == (200, vector(f"refused/{step[0]}"))


@pytest.mark.parametrize("step", WITHOUT_SESSION, ids=[step[0] for step in WITHOUT_SESSION])
async def test_the_reply_to_who_has_no_session(stranger: Client, with_users: None, step: Step) -> None:
    reply = await sent(stranger, step)
    assert reply.status_line == (401 if step[0].startswith("401") else 200)
    assert reply.text == vector(f"refused/{step[0]}")


async def test_the_reply_to_a_foreign_page(furnished: Client) -> None:
    reply = await furnished.post(ENTRY_TABLE, "Description=x", origin="https://evil.example")
    assert (reply.status_line, reply.text) == (200, vector("refused/403_3033_foreign_origin"))


async def test_the_reply_to_a_host_that_is_none(client: Client) -> None:
    reply = await client.get("/rest/sipsg/1", host="[")
    assert (reply.status_line, reply.text) == (200, vector("refused/400_14014_bad_host"))


async def test_the_reply_to_a_fault_inside(client: Client, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def mistaken(*args: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(store, "read", mistaken)
    with capture_logs():
        reply = await client.get("/rest/sipprofile/1")
    pattern = re.escape(vector("refused/500_20000_fault_inside")).replace(r"\{REFERENCE\}", "[0-9a-f]{8}")
    assert re.fullmatch(pattern, reply.text)


def test_every_file_of_a_refusal_is_tried() -> None:
    tried = {step[0] for step in REFUSALS + WITHOUT_SESSION} | ELSEWHERE
    assert {path.stem for path in (VECTORS / "refused").iterdir()} == tried


def test_every_answer_has_a_file() -> None:
    """But 500/20050: each resource of the boxes that can be in use has a code of its own for it."""
    given = {(answer.http_code, answer.code) for answer in ANSWERS if answer != IN_USE}
    codes = {resource.in_use_code for resource in RESOURCES.values()} - {0, IN_USE.code}
    given |= {(IN_USE.http_code, code) for code in codes}
    shown = {tuple(map(int, path.stem.split("_")[:2])) for path in (VECTORS / "refused").iterdir()}
    assert shown == given


def test_every_file_of_a_resource_is_tried() -> None:
    tried = {step[0] for play in PLAYS.values() for step in play} | {f"system/{name}" for name in SYSTEM}
    there = {f"{path.parent.name}/{path.stem}" for path in VECTORS.glob("*/*.xml") if path.parent.name != "refused"}
    assert there == {name for name in tried if "/" in name}


SYSTEM = {
    "get": "system",
    "configuration": "system?filter=configuration",
    "runtime": "system?filter=runtime",
    "historicalstatistics": "system/historicalstatistics/1",
    "list": "system/historicalstatistics",
}


@pytest.fixture
async def named(store: Store, clock: ManualClock) -> AsyncIterator[Client]:
    """A client of a system that says what it was told to."""
    settings = RestSettings(system_version="13.1.0", system_build="595", node_name="registrant-1")
    sessions = Sessions(clock=clock)
    app = create_app(store, clock=clock, sessions=sessions, settings=settings)
    client = Client(app, f"PHPSESSID={sessions.begin('scripts').token}")
    yield client
    await client.close()


async def test_the_replies_of_the_system(named: Client, clock: ManualClock) -> None:
    assert (await named.get("/rest/system")).text == vector("system/get")
    clock.now += 61.9
    for name in ("configuration", "runtime", "historicalstatistics", "list"):
        assert (await named.get(f"/rest/{SYSTEM[name]}")).text == vector(f"system/{name}"), name


async def test_put_get_and_post_of_one_object_show_the_same(client: Client) -> None:
    await client.put(ENTRY_TABLE)
    put = await client.put(ENTRY, FULL_ENTRY)
    assert put.text == (await client.get(ENTRY)).text == (await client.post(ENTRY)).text.lstrip("\n")
