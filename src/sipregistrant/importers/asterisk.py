"""Asterisk: the outbound registrations of `pjsip.conf` (res_pjsip_outbound_registration).

Sections of type `registration`, `auth` and `transport`; what the options mean is in Asterisk's documentation of that module and
of res_pjsip. All other sections are about calls and are not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import SipParseError
from ..model.servers import UDP
from ..sip.uri import Uri, parse_uri
from .found import Found
from .gathering import Gathering, Registration, number_of
from .hops import Hop, hop_of, protocol_of
from .places import Account
from .sections import Section, read_sections

__all__ = ["read"]

# What is asked for where nothing is said.
EXPIRATION, RETRY_INTERVAL = 3600, 60

READ = {"type", "server_uri", "client_uri", "outbound_auth", "outbound_proxy", "contact_user", "expiration",
        "retry_interval", "transport"}  # fmt: skip

NOT_CARRIED = {
    "max_retries": "max_retries is not carried over: it is tried for ever, ever more rarely",
    "auth_rejection_permanent": "auth_rejection_permanent is not carried over: a refused password is tried again, rarely",
    "forbidden_retry_interval": "forbidden_retry_interval is not carried over: there is one wait for all failures",
    "fatal_retry_interval": "fatal_retry_interval is not carried over: there is one wait for all failures",
    "max_random_initial_delay": "max_random_initial_delay is not carried over: what is new is paced by the server",
    "line": "line and endpoint are not carried over: they are about the calls that come in",
    "endpoint": "line and endpoint are not carried over: they are about the calls that come in",
}


def read(path: Path) -> Found:
    """Read a `pjsip.conf` and the files that it includes. Raises `ImportFaulty`."""
    sections, passed_over = read_sections(path)
    gathering = Gathering()
    for where, text in passed_over:
        gathering.note(where, text)
    importer = _Importer(gathering, sections)
    for section in sections:
        if section.get("type") == "registration" and not section.is_template:
            try:
                importer.add(section)
            except SipParseError as error:
                gathering.left_out(_where(section), str(error))
    return gathering.found()


def _where(section: Section) -> str:
    return f"{section.where} [{section.name}]"


class _Importer:
    def __init__(self, gathering: Gathering, sections: list[Section]) -> None:
        self._gathering = gathering
        self._auths = _of_type(sections, "auth")
        self._protocols = {
            name: each.get("protocol") or "udp" for name, each in _of_type(sections, "transport").items()
        }

    def add(self, section: Section) -> None:
        """Take a registration in. Raises `SipParseError` where it cannot be."""
        where = _where(section)
        server, aor = parse_uri(section.get("server_uri")), section.get("client_uri")
        client = parse_uri(aor)
        hop, routes = self._way(where, hop_of(server, self._protocol(section)), section.get("outbound_proxy"))
        self._tell(where, section)
        if client.parameters:
            self._gathering.remark(where, "parameters of client_uri are not carried over")
            aor = str(Uri(client.scheme, client.user, client.host, client.port, (), ""))
        contact = section.get("contact_user")
        self._gathering.add(Registration(
            where, hop, aor, routes=routes, contact=f"sip:{contact}" if contact else "",
            domain=server.host if server.port is None else f"{server.host}:{server.port}",
            ttl=self._seconds(where, section, "expiration", EXPIRATION),
            retry=self._seconds(where, section, "retry_interval", RETRY_INTERVAL),
            account=self._account(where, section, client.user),
        ))  # fmt: skip

    def _protocol(self, section: Section) -> int:
        """Return the protocol where the URI names none: that of the transport that the section names."""
        name = section.get("transport")
        return protocol_of(self._protocols[name]) if name in self._protocols else UDP

    def _way(self, where: str, registrar: Hop, proxy: str) -> tuple[Hop, str]:
        """Return where REGISTERs go, and their Route: PJSIP puts an outbound proxy into one; so do we if it is a loose one."""
        if not proxy:
            return registrar, ""
        uri = parse_uri(proxy.strip().removeprefix("<").removesuffix(">"))
        hop = hop_of(uri)
        if uri.parameter("lr") is None:
            self._gathering.remark(where, "an outbound_proxy without lr is sent to, but not put into a Route")
            return hop, ""
        return replace(registrar, protocol=hop.protocol), f"<{uri}>"

    def _tell(self, where: str, section: Section) -> None:
        for option in section.options:
            if option.name in NOT_CARRIED:
                self._gathering.remark(where, NOT_CARRIED[option.name])
            elif option.name not in READ:
                self._gathering.remark(where, f"option {option.name} is not carried over")
        name = section.get("transport")
        if name and name not in self._protocols:
            self._gathering.note(
                where, f"transport {name} is not in this file: UDP is taken unless the URI says otherwise"
            )
        elif name:
            self._gathering.remark(where, f"transport {name}: its protocol is carried over, its addresses are those of the "
                                          "signaling group")  # fmt: skip

    def _seconds(self, where: str, section: Section, name: str, default: int) -> int:
        text = section.get(name)
        seconds = number_of(text) if text else default
        if seconds is None:
            self._gathering.note(where, f"{name} is {text!r}: {default} is taken")
            return default
        return seconds

    def _account(self, where: str, section: Section, user: str) -> Account | None:
        names = section.all("outbound_auth")
        for name in names[1:]:
            self._gathering.note(where, f"outbound_auth {name} is not carried over: one credential is, {names[0]}")
        if not names:
            return None
        auth = self._auths.get(names[0])
        if auth is None:
            self._gathering.note(where, f"outbound_auth {names[0]} is not in this file")
            return Account(user, "")
        return self._account_of(_where(auth), auth, user)

    def _account_of(self, where: str, auth: Section, user: str) -> Account:
        login, realms, password = auth.get("username"), auth.all("realm"), auth.get("password")
        if not login:
            self._gathering.remark(where, "no username: the user of the AOR is taken")
            login = user
        if len(realms) > 1:
            self._gathering.remark(where, f"of the realms only the first is carried over: {realms[0]}")
        # `*` and "" stand for any realm.
        realm = realms[0] if realms and realms[0] != "*" else ""
        ha1 = _ha1(auth)
        if ha1 and not password and not realm:
            self._gathering.remark(where, "md5_cred is not carried over: it is of one realm, which is not said")
            return Account(login, "")
        if not password and auth.get("auth_type") not in ("", "userpass", "md5", "digest"):
            self._gathering.remark(where, f"auth_type {auth.get('auth_type')} is not known here")
        return Account(login, password or ha1, realm, bool(ha1 and not password))


def _ha1(auth: Section) -> str:
    """Return the HA1 of an auth: md5_cred, or the MD5 one of `password_digest` of later versions."""
    for text in auth.all("password_digest"):
        algorithm, colon, digest = text.partition(":")
        if colon and algorithm.strip().upper() == "MD5":
            return digest.strip()
    return auth.get("md5_cred")


def _of_type(sections: list[Section], type: str) -> Mapping[str, Section]:
    return {each.name: each for each in sections if each.get("type") == type and not each.is_template}
