"""How the texts of settings and options are read; each rule stands here alone."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from ..api.tls import CertificateFiles
from ..errors import ConfigurationError, SipParseError
from ..model.attributes import NUMBER
from ..sip.uri import is_ip_address, split_host_port

__all__ = ["address", "check_advertised", "collector", "hosts", "line", "name_server", "networks", "pair_of_files"]

Network = IPv4Network | IPv6Network

LARGEST_PORT = 65535


def address(text: str, option: str) -> tuple[str, int]:
    """Read HOST:PORT; IPv6 hosts stand in brackets, port 0 is any free one. Raises `ConfigurationError` that names the option."""
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not bare or not NUMBER.match(port) or int(port) > LARGEST_PORT or set(bare) & set("[]"):
        raise ConfigurationError(option, f"{text!r} is not HOST:PORT")
    # In 2001:db8::1:5060 nobody can tell whether a port is meant.
    if ":" in bare and bare == host:
        raise ConfigurationError(option, f"{text!r}: an IPv6 address stands in brackets, as in [::1]:5060")
    try:
        bare.encode("idna")  # as `socket` does, which answers with what is no `OSError`
    except UnicodeError:
        raise ConfigurationError(option, f"{text!r}: {bare} is no name that a host could have") from None
    return bare, int(port)


def name_server(text: str, option: str = "--dns") -> tuple[str, int]:
    """Read the ADDRESS:PORT of a name server, which has to be found without one. Raises `ConfigurationError`."""
    host, port = address(text, option)
    if not is_ip_address(host):
        raise ConfigurationError(option, f"{host!r} is no IP address")
    return host, port


def collector(text: str, option: str = "--hep") -> tuple[str, int] | None:
    """Read the ADDRESS:PORT of a collector, which nobody waits for, not even for its name; None for "". Raises
    `ConfigurationError`.
    """
    if not text:
        return None
    host, port = address(text, option)
    if not is_ip_address(host) or not port:
        raise ConfigurationError(option, f"{text!r}: an IP address is wanted, and a port")
    return host, port


def networks(texts: Sequence[str], option: str) -> tuple[Network, ...]:
    """Read addresses, and networks as ADDRESS/LENGTH. Raises `ConfigurationError` that names the option."""
    found = []
    for text in texts:
        try:
            found.append(ip_network(text.strip()))
        except ValueError as error:
            problem = "is neither an IP address nor a network" if "/" not in text else f"is no network: {error}"
            raise ConfigurationError(option, f"{text!r} {problem}") from None
    return tuple(found)


def check_advertised(text: str, option: str) -> None:
    """Raise `ConfigurationError` where nobody could reach us at what is to stand in our Contacts ("" for nothing said)."""
    if not text:
        return
    host = _host(text, option)
    if host.strip("[]") in ("0.0.0.0", "::"):
        raise ConfigurationError(option, f"{text} is no address that anybody could send to")


def hosts(texts: Sequence[str], option: str) -> frozenset[str]:
    """Read hosts as answers of peers are compared with them: in lower case, IPv6 without brackets."""
    return frozenset(_host(text.strip(), option).strip("[]") for text in texts)


def _host(text: str, option: str) -> str:
    """Read a host alone. Raises `ConfigurationError` that names the option."""
    try:
        host, port = split_host_port(text)
    except SipParseError as error:
        raise ConfigurationError(option, str(error)) from None
    if port is not None:
        raise ConfigurationError(option, "an address without a port is wanted")
    return host


def line(text: str, option: str) -> str:
    """Read a text that programs are shown in one line. Raises `ConfigurationError` that names the option."""
    if not text.isprintable():
        raise ConfigurationError(option, f"{text!r} has characters that cannot be shown")
    return text


def pair_of_files(certificate: Path | None, key: Path | None) -> CertificateFiles | None:
    """Return both files, or None for none; raises `ConfigurationError` for one without the other."""
    if certificate is None and key is None:
        return None
    if key is None:
        raise ConfigurationError("--https-key", "the key of --https-certificate is wanted as well")
    if certificate is None:
        raise ConfigurationError("--https-certificate", "the certificate to --https-key is wanted as well")
    return CertificateFiles(certificate, key)
