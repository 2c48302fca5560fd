"""The terms of TLS to registrars: what a TLS profile says, as a context; and the name in a certificate, by RFC 5922.

The trust store and our own certificate are files that the operator names; without, the machine's own trust store is used.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from ...errors import ConfigurationError
from ...model.attributes import Value

__all__ = ["TlsFiles", "TlsTerms", "handshake_seconds", "is_for", "make_terms"]


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: whom we trust ("" for whom the machine trusts), and what we show."""

    trust: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def check(self) -> None:
        """Raise `ConfigurationError` that names the option whose file cannot be used."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if (self.certificate is None) != (self.key is None):
            raise ConfigurationError("--sip-certificate", "--sip-certificate and --sip-key go together")
        for option, path in (("--sip-trust", self.trust), ("--sip-certificate", self.certificate)):
            try:
                if path is not None and path is self.trust:
                    context.load_verify_locations(path)
                elif path is not None:
                    context.load_cert_chain(path, self.key, password="")
            except (OSError, ssl.SSLError) as error:
                raise ConfigurationError(option, f"{path}: {error.strerror or error}") from None


@dataclass(frozen=True, slots=True)
class TlsTerms:
    """How a connection to one server is secured. `name` is what SNI says, None for an IP address.

    Terms are equal where a connection that stands by the ones does for the others: the seconds that its handshake might have
    taken do not matter any more.
    """

    context: ssl.SSLContext
    name: str | None
    seconds: float = field(compare=False)
    domain: str
    checks_name: bool

    def fault(self, connection: ssl.SSLObject) -> str:
        """Return what is wrong with the certificate of the peer, beyond what the handshake has checked; "" for nothing."""
        if not self.checks_name:
            return ""
        shown = connection.getpeercert(binary_form=True)
        if not shown:
            return "it has shown no certificate"
        names = names_in(x509.load_der_x509_certificate(shown))
        if is_for(self.domain, *names):
            return ""
        return f"its certificate is for {', '.join((*names[0], *names[1])) or 'nobody'}, not for {self.domain}"


def names_in(certificate: x509.Certificate) -> tuple[list[str], list[str]]:
    """Return the SIP URIs and the DNS names that a certificate is for; where it has neither, its common name as one."""
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return [], [str(name.value) for name in common[:1]]
    uris = [
        uri for uri in alternatives.get_values_for_type(x509.UniformResourceIdentifier) if uri.lower()[:4] == "sip:"
    ]
    addresses = [str(address) for address in alternatives.get_values_for_type(x509.IPAddress)]
    return uris, [*alternatives.get_values_for_type(x509.DNSName), *addresses]


def is_for(domain: str, sip_uris: list[str], dns_names: list[str]) -> bool:
    """Tell whether a certificate is for a SIP domain: RFC 5922 §7.2.

    A SIP URI counts if it is a domain and nothing else: no user. Where there is any, DNS names do not count. Nothing matches by
    a wildcard.
    """
    wanted = domain.lower().rstrip(".")
    domains = [uri[4:].partition(";")[0] for uri in sip_uris if "@" not in uri]
    return any(name.lower().rstrip(".") == wanted for name in (domains or dns_names))


def handshake_seconds(profile: Mapping[str, Value]) -> float:
    """Return how long a handshake may take."""
    return float(profile["HandshakeTimeout"] or 30)


def make_terms(profile: Mapping[str, Value], domain: str, *, is_address: bool, files: TlsFiles) -> TlsTerms:
    """Return the terms that a TLS profile gives for a server of that domain. Raises `ConfigurationError`.

    What it reads is in `SHAPES_REGISTER`, but for the time-out. Which version or cipher a number of the profile stands for is
    written nowhere: TLSVersion 0 is what clients send, so any is taken for TLS 1.2 and later with the ciphers that Python has on.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Wildcards match there, which RFC 5922 §7.2 forbids: the name is checked by us.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if profile["VerifyPeersCertificate"] else ssl.CERT_NONE
    try:
        if files.trust is not None:
            context.load_verify_locations(files.trust)
        else:
            context.load_default_certs()
        if profile["MutualAuth"]:
            if files.certificate is None:
                raise ConfigurationError("MutualAuth", "needs a certificate of ours: --sip-certificate and --sip-key")
            context.load_cert_chain(files.certificate, files.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError("TLS profile", f"a file cannot be used: {error}") from None
    return TlsTerms(
        context, None if is_address else domain, handshake_seconds(profile), domain,
        bool(profile["ValidateServerFQDN"]),
    )  # fmt: skip
