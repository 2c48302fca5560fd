"""The certificate that HTTPS is served with where the operator has brought none: made once, kept in the data directory.

Nobody's authority signs it. Programs written for the SBC Edge expect that: nearly all of them skip certificate checks.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["certificate_for"]

CERTIFICATE_NAME = "https.crt"
KEY_NAME = "https.key"

# Ten years: nobody renews what nobody checks. It begins a day early, for clocks that are behind.
VALID_FOR = datetime.timedelta(days=3650)
EARLY = datetime.timedelta(days=1)


def certificate_for(directory: Path, host: str, now: datetime.datetime) -> tuple[Path, Path]:
    """Return (certificate, key) files of the data directory, made for `host` where there are none yet."""
    certificate_path, key_path = directory / CERTIFICATE_NAME, directory / KEY_NAME
    if not (certificate_path.exists() and key_path.exists()):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _self_signed(key, host, now)
        _write(key_path, key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ))  # fmt: skip
        _write(certificate_path, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate_path, key_path


def _self_signed(key: ec.EllipticCurvePrivateKey, host: str, now: datetime.datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sipregistrant")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLY)
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return names if host == "localhost" else [*names, x509.DNSName(host)]
    # Whoever listens everywhere is asked for by name.
    own = x509.DNSName(socket.gethostname()) if address.is_unspecified else x509.IPAddress(address)
    return names if own in names else [*names, own]


def _write(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    new = path.with_suffix(path.suffix + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
