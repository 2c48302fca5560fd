"""FreeSWITCH: the gateways of mod_sofia, alone in a file or within a profile.

What the parameters mean is in the documentation of mod_sofia ("Gateways Configuration"); what stands in for one that is not
there is what the module does. XML without a document type: nobody needs one here, and entities are a way to do harm.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from ..errors import ImportFaulty, SipParseError
from .found import Found
from .gathering import Gathering, Registration, number_of
from .hops import Hop, parse_hop, protocol_of
from .places import Account
from .sources import read_text

__all__ = ["read"]

LARGEST_FILE_BYTES = 64 * 1024 * 1024
LONGEST_VALUE = 65536

EXPIRE_SECONDS, RETRY_SECONDS = 3600, 30
LEAST_SECONDS = 5
"""What is less is taken for a mistake, and the default is used."""

TRUE = frozenset({"yes", "on", "true", "t", "enabled", "active", "allow"})

READ = {"username", "auth-username", "password", "realm", "from-user", "from-domain", "proxy", "register-proxy", "register",
        "register-transport", "expire-seconds", "retry-seconds", "retry_seconds", "extension", "extension-in-contact",
        "distinct-to"}  # fmt: skip

NOT_CARRIED = {
    "outbound-proxy": "outbound-proxy is not carried over: calls take it, REGISTERs take register-proxy",
    "realm": "realm is not carried over: a credential answers any, as that of a gateway does",
}

VARIABLE = re.compile(r"\$\$\{([^{}]*)\}")


@dataclass(slots=True)
class _Gateway:
    name: str
    where: str
    params: dict[str, str] = field(default_factory=dict)

    def get(self, *names: str) -> str:
        """Return the first of these that says something."""
        return next((self.params[name] for name in names if self.params.get(name)), "")

    def is_true(self, name: str, default: str = "false") -> bool:
        text = self.params.get(name, default).strip().lower()
        return text in TRUE or bool(number_of(text))


def read(path: Path) -> Found:
    """Read the gateways of an XML file. Raises `ImportFaulty`."""
    gathering = Gathering()
    for gateway in _Reader(path, gathering).gateways():
        try:
            _add(gathering, gateway)
        except SipParseError as error:
            gathering.left_out(gateway.where, str(error))
    return gathering.found()


class _Reader:
    """Picks the gateways, with their parameters, out of a document."""

    def __init__(self, path: Path, gathering: Gathering) -> None:
        self._path = path
        self._gathering = gathering
        self._found: list[_Gateway] = []
        self._current: _Gateway | None = None
        self._is_in_subscription = False
        """Which has parameters of its own, by the same names."""
        self._variables: dict[str, str] = {}
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._refuse_document_type

    def gateways(self) -> list[_Gateway]:
        """Return all gateways. Raises `ImportFaulty`."""
        text = read_text(self._path, LARGEST_FILE_BYTES)
        try:
            self._parser.Parse(text.encode("utf-8", "surrogateescape"), True)
        except expat.ExpatError as error:
            raise ImportFaulty(f"{self._path}, line {error.lineno}", f"it is no XML: {error}") from None
        return self._found

    def _refuse_document_type(self, *_: object) -> None:
        raise ImportFaulty(self._line(), "it has a document type, which is not taken")

    def _line(self) -> str:
        return f"{self._path}, line {self._parser.CurrentLineNumber}"

    def _where(self) -> str:
        return f"line {self._parser.CurrentLineNumber}"

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "gateway":
            name = self._expanded(attributes.get("name", ""))
            self._current = _Gateway(name, f"{self._where()} [{name}]")
            self._found.append(self._current)
        elif tag == "subscription" and self._current is not None:
            self._is_in_subscription = True
            self._gathering.remark(self._current.where, "subscriptions are not carried over")
        elif tag == "param" and self._current is not None and not self._is_in_subscription:
            self._current.params[attributes.get("name", "")] = self._expanded(attributes.get("value", ""))
        elif tag == "variable" and self._current is not None:
            self._gathering.remark(self._current.where, "variables are not carried over: they are about calls")
        elif tag == "X-PRE-PROCESS":
            self._preprocess(attributes)

    def _end(self, tag: str) -> None:
        if tag == "gateway":
            self._current = None
        elif tag == "subscription":
            self._is_in_subscription = False

    def _preprocess(self, attributes: dict[str, str]) -> None:
        command, data = attributes.get("cmd", ""), attributes.get("data", "")
        if command == "set":
            name, _, value = data.partition("=")
            self._variables[name.strip()] = self._expanded(value.strip())
        else:
            self._gathering.note(self._where(), f"X-PRE-PROCESS {command} {data} is not carried out")

    def _expanded(self, text: str) -> str:
        """Return a value with the variables that the file itself has set; others stay as they are."""
        if "$${" not in text:
            return text
        expanded = VARIABLE.sub(lambda found: self._variables.get(found[1], found[0]), text)
        if len(expanded) > LONGEST_VALUE:
            raise ImportFaulty(self._line(), f"with its variables it is longer than {LONGEST_VALUE} characters")
        return expanded


def _add(gathering: Gathering, gateway: _Gateway) -> None:
    """Take a gateway in. Raises `SipParseError` where it cannot be."""
    where = gateway.where
    if not gateway.is_true("register", "true"):
        gathering.left_out(where, "register is false: it is not registered")
        return
    unknown = [name for name in READ - {"password", "realm"} if VARIABLE.search(gateway.params.get(name, ""))]
    if VARIABLE.search(gateway.name) or unknown:
        gathering.left_out(
            where, f"a variable that is not set in this file: {', '.join(sorted(unknown)) or 'its name'}"
        )
        return
    username = gateway.get("username")
    if not username:
        gathering.left_out(where, "it has no username")
        return
    proxy = gateway.get("proxy", "realm") or gateway.name
    hop = _hop(gateway, gateway.get("register-proxy") or proxy)
    _tell(gathering, gateway)
    at_proxy = _place(proxy)
    from_uri = f"sip:{gateway.get('from-user', 'username')}@{gateway.get('from-domain') or at_proxy}"
    to_uri = f"sip:{username}@{at_proxy}" if gateway.is_true("distinct-to") else from_uri
    contact = _contact(gathering, gateway)
    gathering.add(Registration(
        where, hop, to_uri, domain=at_proxy, contact=contact, from_uri="" if from_uri == to_uri else from_uri,
        ttl=_seconds(gathering, gateway, "expire-seconds", EXPIRE_SECONDS),
        retry=_seconds(gathering, gateway, "retry-seconds", RETRY_SECONDS),
        account=_account(gathering, gateway)
    ))  # fmt: skip


def _hop(gateway: _Gateway, text: str) -> Hop:
    return parse_hop(text, protocol_of(gateway.get("register-transport") or "udp"))


def _place(text: str) -> str:
    """Return host and port as they stand in a URI: without scheme and parameters."""
    return re.sub(r"\Asips?:", "", text.strip(), flags=re.IGNORECASE).partition(";")[0]


def _contact(gathering: Gathering, gateway: _Gateway) -> str:
    if gateway.is_true("extension-in-contact"):
        return f"sip:{gateway.get('extension', 'username')}"
    gathering.remark(gateway.where, "the contact was gw+ and the name of the gateway; here it is the user of the AOR")
    return ""


def _tell(gathering: Gathering, gateway: _Gateway) -> None:
    for name, value in gateway.params.items():
        if name in NOT_CARRIED and value:
            gathering.remark(gateway.where, NOT_CARRIED[name])
        elif name not in READ:
            gathering.remark(gateway.where, f"parameter {name} is not carried over")


def _seconds(gathering: Gathering, gateway: _Gateway, name: str, default: int) -> int:
    text = gateway.get(name, name.replace("-", "_"))
    seconds = number_of(text) if text else default
    if seconds is None or seconds < LEAST_SECONDS:
        gathering.note(gateway.where, f"{name} is {text!r}: {default} is taken, as by FreeSWITCH")
        return default
    return seconds


def _account(gathering: Gathering, gateway: _Gateway) -> Account:
    password = gateway.get("password")
    if VARIABLE.search(password):
        gathering.note(gateway.where, f"the password is a variable that is not set in this file: {password}")
        password = ""
    return Account(gateway.get("auth-username", "username"), password)
