"""TLS of the HTTPS port: which certificate it shows, also when the files have become others meanwhile.

A certificate lives some weeks, a service years. So the files are looked at again and again; new connections get what is
in them now, old ones go on with what they began with. A pair that cannot be used changes nothing.

New files are never loaded into the context in use: OpenSSL keeps one certificate for each kind of key, so that where an
RSA pair follows an ECDSA one, most clients would go on being shown the old one. Each pair has a context of its own,
and the handshake picks the newest.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from ..errors import ConfigurationError

__all__ = ["CertificateFiles", "ServerTls", "check"]

log = structlog.get_logger(__name__)

# Who renews does it earlier; of a certificate for days it is the last quarter.
SOON = datetime.timedelta(days=14)

# What of a file changes with its content: links are followed, so this sees a link that points elsewhere, too.
Fingerprint = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """A certificate, with those between it and its root behind it, and its key: PEM, not encrypted.

    The settings are what an operator is told to change.
    """

    certificate: Path
    key: Path
    certificate_setting: str = "--https-certificate"
    key_setting: str = "--https-key"


@dataclass(frozen=True, slots=True)
class _Pair:
    """A pair in use: the context that shows it, and from when until when clients believe it."""

    context: ssl.SSLContext
    begins_at: datetime.datetime
    ends_at: datetime.datetime


def check(files: CertificateFiles) -> None:
    """Raise `ConfigurationError` where the files cannot be used."""
    _load(files)


class ServerTls:
    """The context to listen with. It shows the newest pair that could be used."""

    def __init__(self, files: CertificateFiles, *, now: Callable[[], datetime.datetime]) -> None:
        """Raise `ConfigurationError` where the files cannot be used. `now` gives aware instants."""
        self._files = files
        self._now = now
        self._seen = _fingerprint(files)
        self._pair = _load(files)
        self._is_unusable = False
        self._complaint = ""
        self._warned_of = ""
        self.context = self._pair.context
        self.context.sni_callback = self._show_newest
        self._warn_of_its_time()

    def look(self) -> None:
        """Take the files if they have changed since the last look."""
        has_changed = _fingerprint(self._files) != self._seen
        if has_changed or self._is_unusable:
            # Certificate and key are rarely replaced at one instant: what has just changed may be right at the next look.
            self._take(is_patient=has_changed)
        self._warn_of_its_time()

    def reload(self, files: CertificateFiles | None = None) -> None:
        """Take the files as they are now, or others. Who asks for it is told, also for the second time."""
        self._files = files or self._files
        self._complaint = ""
        self._take(is_patient=False)
        self._warn_of_its_time()

    def _take(self, *, is_patient: bool) -> None:
        self._seen = _fingerprint(self._files)
        try:
            self._pair = _load(self._files)
        except ConfigurationError as error:
            self._is_unusable = True
            if not is_patient and self._complaint != str(error):
                self._complaint = str(error)
                log.error(
                    "certificate.unusable", cause=str(error), hint="the one before is shown until this one can be used"
                )
            return
        self._is_unusable = False
        self._complaint = self._warned_of = ""
        log.info("certificate.loaded", file=str(self._files.certificate), ends_at=self._pair.ends_at.isoformat())

    def _warn_of_its_time(self) -> None:
        """Say once of each pair that clients will not believe it, or soon will not: it is still better than none."""
        now, begins_at, ends_at = self._now(), self._pair.begins_at, self._pair.ends_at
        trouble = ""
        if not begins_at <= now <= ends_at:
            trouble = "certificate.out_of_date"
        elif now > ends_at - min(SOON, (ends_at - begins_at) / 4):
            trouble = "certificate.ends_soon"
        if trouble and trouble != self._warned_of:
            log.warning(trouble, file=str(self._files.certificate),
                        begins_at=begins_at.isoformat(), ends_at=ends_at.isoformat())  # fmt: skip
            self._warned_of = trouble

    def _show_newest(
        self, connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, context: ssl.SSLContext
    ) -> None:
        """Called in each handshake, whether the client names a server (SNI) or not."""
        connection.context = self._pair.context


def _fingerprint(files: CertificateFiles) -> Fingerprint:
    marks: list[tuple[int, ...]] = []
    for path in (files.certificate, files.key):
        try:
            status = path.stat()
        except OSError:
            marks.append(())
        else:
            marks.append((status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    return tuple(marks)


def _load(files: CertificateFiles) -> _Pair:
    """Return a pair that is known to work, or raise `ConfigurationError`."""
    certificate, key = _read(files.certificate, files.certificate_setting), _read(files.key, files.key_setting)
    try:
        first = x509.load_pem_x509_certificates(certificate)[0]
        public_key = first.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigurationError(
            files.certificate_setting, f"{files.certificate} holds no certificate as PEM"
        ) from None
    _check_key(key, public_key, files)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # What was checked is what is loaded: the files may become others at any moment.
        with _as_file(certificate) as certificate_path, _as_file(key) as key_path:
            context.load_cert_chain(certificate_path, key_path, password=_never_ask)
    except ssl.SSLError as error:
        problem = f"{files.certificate} and its key cannot be used: {error.reason or error}"
        raise ConfigurationError(files.certificate_setting, problem) from None
    return _Pair(context, first.not_valid_before_utc, first.not_valid_after_utc)


def _read(path: Path, setting: str) -> bytes:
    try:
        if not path.is_file():  # reading a pipe would wait for somebody who writes
            raise ConfigurationError(setting, f"{path} is no file")
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(setting, f"{path} cannot be read: {error.strerror}") from None


def _check_key(key: bytes, public_key: CertificatePublicKeyTypes, files: CertificateFiles) -> None:
    try:
        private = serialization.load_pem_private_key(key, None)
    except TypeError:
        raise ConfigurationError(files.key_setting, f"{files.key} is encrypted; nobody is there to be asked") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigurationError(files.key_setting, f"{files.key} holds no private key as PEM") from None
    if private.public_key() != public_key:
        raise ConfigurationError(files.key_setting, f"{files.key} is not the key of {files.certificate}")


def _never_ask() -> NoReturn:
    """Stand in for OpenSSL's prompt, which would wait at a terminal."""
    raise ssl.SSLError("encrypted")


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """Give a path to bytes that are in no directory: `ssl` takes nothing but paths."""
    descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        yield f"/proc/self/fd/{descriptor}"
