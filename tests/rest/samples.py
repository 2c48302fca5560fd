"""Values whose syntax the model must know, with their verdicts: written by hand, from RFC 3261 and the decisions.

A request of the model has values of these lists alone where syntax matters; everything else about them is in the rules
below, which look at the values of an object together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

__all__ = ["AORS", "CIPHERS", "CONTACTS", "HOSTS", "REGEXES", "WITH_SYNTAX", "faults"]

ALL = "0123"
AORS: Mapping[str, str] = {
    "alice": "012",
    "sip:bob@example.com": ALL,
    "sips:carol@example.com": ALL,
    "SIP:dan@example.com": ALL,
    "tel:+15551234": "012",
    "+15551234": "12",
    "sip:+49;ext=7@example.com": ALL,
    "sip:jürgen@example.com": ALL,
    "http://example.com": "",
    "sip:a%zz@example.com": "",
    "sip:bob@example.com?Subject=x": "",
}
"""AORs, and for which values of AorType each is right."""

CONTACTS: Mapping[str, str] = {
    "sip:alice@192.0.2.7": "alice at 7",
    "SIP:alice@192.0.2.7": "alice at 7",
    "sip:%61lice@192.0.2.7": "alice at 7",
    "sip:Alice@192.0.2.7": "Alice at 7",
    "sip:alice@192.0.2.7:5060": "alice at 7, port 5060",
    "sip:alice@192.0.2.7;transport=tcp": "alice at 7, over TCP",
    "sips:alice@192.0.2.7": "alice at 7, sips",
    "alice": "alice at us",
    "sip:alice": "alice at us",
    "192.0.2.8": "8",
    "sip:192.0.2.8": "8",
    "sip:+15551234@192.0.2.7": "number at 7",
    "http://example.com": "",
    "sip:x%zz@example.com": "",
    "sip:alice@": "",
}
"""Contacts, and what each comes to; "" is no contact. Two that come to the same may not stand in one entry."""

HOSTS: Mapping[str, str] = {
    "192.0.2.1": "host",
    "sip.example.com": "host",
    "SIP.Example.COM": "host",
    "[2001:db8::1]": "host",
    "2001:db8::1": "host",
    "sip.example.com:5080": "with port",
    "[2001:db8::1]:5080": "with port",
    "sip.example.com:65536": "",
    "a@b": "",
    "a;b": "",
    "[2001:db8::1": "",
}

REGEXES: Mapping[str, bool] = {
    "[0-9]+": True,
    "alice|bob": True,
    "^sip$": True,
    "(": False,
    "a(?=b)": False,
    "(a)\\1": False,
}

CIPHERS: Mapping[str, int] = {
    "6,5,7,4,3,1,0,2": 0,
    "1": 0,
    "01,2": 0,
    "1,1": 31030,
    "1,01": 31030,
    "1,": 20038,
    "1, 2": 20038,
    "100": 20038,
    "a": 20038,
}

WITH_SYNTAX: Mapping[str, Mapping[str, object]] = {
    "AOR": AORS,
    **{f"URI{n}": CONTACTS for n in range(1, 9)},
    **dict.fromkeys(("Host", "DomainName", "StaticHost", "OutboundProxy"), HOSTS),
    "MatchRegex": REGEXES,
    "ClientCipherSequence": CIPHERS,
}

MAY_HAVE_PORT = {"DomainName", "StaticHost"}
HOST_NAMES = {"sipserver": ("Host", "DomainName"), "sipprofile": ("StaticHost",), "sipsg": ("OutboundProxy",)}


def faults(resource: str, values: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Give what is wrong with the values of an object together: the code, and the attribute that is told."""
    for name in HOST_NAMES.get(resource, ()):
        if values[name] and not _is_host(values[name], may_have_port=name in MAY_HAVE_PORT):
            yield 20038, name
    match resource:
        case "sipregistrantentry":
            yield from _faults_of_entry(values)
        case "sipserver" if values["ServerLookup"] == "1" and not values["DomainName"]:
            yield 20039, "DomainName"
        case "sipremoteauthentry" if values["FromURIUserMatch"] == "1":
            if not values["MatchRegex"]:
                yield 20039, "MatchRegex"
            elif not REGEXES[values["MatchRegex"]]:
                yield 20038, "MatchRegex"
        case "siptlsprofile" if values["ClientCipherSequence"] and CIPHERS[values["ClientCipherSequence"]]:
            yield CIPHERS[values["ClientCipherSequence"]], "ClientCipherSequence"


def _faults_of_entry(values: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    if values["AorType"] not in AORS[values["AOR"]]:
        yield 20038, "AOR"
    seen = set()
    for name in (f"URI{n}" for n in range(1, 9)):
        if not values[name]:
            continue
        meant = CONTACTS[values[name]]
        if not meant:
            yield 20038, name
        if meant in seen:
            yield 20041, name
        seen.add(meant)


def _is_host(text: str, *, may_have_port: bool) -> bool:
    return HOSTS[text] == "host" or (may_have_port and HOSTS[text] == "with port")
