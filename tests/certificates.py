"""Certificates for tests, made in a moment: an authority, and what it signs.

authority = Authority(folder)
files = authority.issue("server", names=["sip.test"], uris=["sip:sip.test"])
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["Authority", "Files"]

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Files:
    """A certificate and its key, PEM."""

    certificate: Path
    key: Path


class Authority:
    """Signs what it is asked to; its own certificate is `files.certificate`."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        self.files = self._write(
            name, self._key, self._builder(self._name, self._key).add_extension(constraints, critical=True)
        )

    def issue(self, file: str, *, names: Sequence[str] = (), uris: Sequence[str] = (), addresses: Sequence[str] = (),
              common_name: str = "", days: int = 1) -> Files:  # fmt: skip
        """Make a certificate for DNS names, URIs and addresses, or for a common name alone; `days` below 0: it is over."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name or file)])
        builder = self._builder(subject, key, days)
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        alternatives += [x509.UniformResourceIdentifier(uri) for uri in uris]
        alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        return self._write(file, key, builder)

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int = 1) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 3 * DAY)
            .not_valid_after(now + days * DAY)
        )

    def _write(self, file: str, key: ec.EllipticCurvePrivateKey, builder: x509.CertificateBuilder) -> Files:
        files = Files(self._folder / f"{file}.pem", self._folder / f"{file}.key")
        files.certificate.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        files.key.write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ))  # fmt: skip
        return files
