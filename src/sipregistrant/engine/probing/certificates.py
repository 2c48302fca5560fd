"""What the other side of a TLS connection has shown."""

from __future__ import annotations

import ssl
from typing import Any

from cryptography import x509

__all__ = ["described"]


def described(connection: ssl.SSLObject) -> tuple[str, dict[str, Any]]:
    """Return what was agreed on, as a sentence, and the same with the certificate for programs."""
    cipher = connection.cipher()
    version = connection.version() or "?"
    details: dict[str, Any] = {"version": version, "cipher": cipher[0] if cipher else "", "certificates": []}
    text = f"{version}, {details['cipher']}"
    for number, shown in enumerate(_chain(connection)):
        certificate = x509.load_der_x509_certificate(shown)
        told = {
            "subject": certificate.subject.rfc4514_string(), "issuer": certificate.issuer.rfc4514_string(),
            "not_before": certificate.not_valid_before_utc.isoformat(), "not_after": certificate.not_valid_after_utc.isoformat(),
            "names": _names(certificate),
        }  # fmt: skip
        details["certificates"].append(told)
        if number == 0:
            names = ", ".join(told["names"]) or told["subject"]
            text += f"; certificate for {names}, by {told['issuer']}, until {told['not_after'][:10]}"
    return text, details


def _chain(connection: ssl.SSLObject) -> list[bytes]:
    """Return the certificates that were verified, ours first; before Python 3.13 the first alone."""
    chain = getattr(connection, "get_verified_chain", None)
    if chain is not None:
        found: list[bytes] = chain()
        return found
    leaf = connection.getpeercert(binary_form=True)
    return [leaf] if leaf else []


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [str(name.value) for name in found]
