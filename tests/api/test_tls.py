"""Which certificate new connections are shown: real handshakes, in memory."""

from __future__ import annotations

import contextlib
import datetime
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs

from sipregistrant.api.tls import CertificateFiles, ServerTls, check
from sipregistrant.errors import ConfigurationError

NOW = datetime.datetime(2030, 1, 15, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def ecdsa_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key() -> Key:
    return rsa.generate_private_key(65537, 2048)


def write_certificate(path: Path, key: Key, serial: int, *, begins_at: datetime.datetime = NOW - 10 * DAY,
                      ends_at: datetime.datetime = NOW + 90 * DAY) -> None:  # fmt: skip
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registrant.example")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(serial).not_valid_before(begins_at).not_valid_after(ends_at)
    path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def write_key(path: Path, key: Key, password: bytes = b"", *, traditional: bool = False) -> None:
    layout = serialization.PrivateFormat.TraditionalOpenSSL if traditional else serialization.PrivateFormat.PKCS8
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        encryption = serialization.BestAvailableEncryption(password)
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, layout, encryption))


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    """A good pair with the serial number 1."""
    pair = CertificateFiles(tmp_path / "own.crt", tmp_path / "own.key")
    write_pair(pair, ecdsa_key(), 1)
    return pair


def write_pair(files: CertificateFiles, key: Key, serial: int) -> None:
    write_certificate(files.certificate, key, serial)
    write_key(files.key, key)


def tls_of(files: CertificateFiles, now: datetime.datetime = NOW) -> ServerTls:
    return ServerTls(files, now=lambda: now)


def serial_shown(tls: ServerTls, name: str | None = None, most: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> int:
    """Make a handshake; return the serial number of the certificate that the client was shown."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version, context.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, most
    context.set_ciphers("ALL:@SECLEVEL=0")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname=name)
    server = tls.context.wrap_bio(to_server, to_client, server_side=True)
    unfinished = [client, server]
    for _ in range(10):
        for side in list(unfinished):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
                unfinished.remove(side)
    assert unfinished == []
    return x509.load_der_x509_certificate(client.getpeercert(binary_form=True) or b"").serial_number


@pytest.mark.parametrize("name", [None, "registrant.example", "other.example"])
def test_a_connection_is_shown_the_certificate_whatever_name_it_asks_for(
    files: CertificateFiles, name: str | None
) -> None:
    assert serial_shown(tls_of(files), name) == 1


@pytest.mark.parametrize("name", [None, "registrant.example"])
@pytest.mark.parametrize("new_key", [ecdsa_key, rsa_key])
@pytest.mark.parametrize("most", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_new_pair_is_shown_once_it_was_noticed_whatever_kind_of_key_it_has(
    files: CertificateFiles, name: str | None, new_key: Callable[[], Key], most: ssl.TLSVersion
) -> None:
    tls = tls_of(files)
    write_pair(files, new_key(), 2)
    assert serial_shown(tls, name, most) == 1
    tls.look()
    assert serial_shown(tls, name, most) == 2


def test_a_link_that_points_elsewhere_is_noticed(files: CertificateFiles, tmp_path: Path) -> None:
    linked = CertificateFiles(tmp_path / "live.crt", tmp_path / "live.key")
    linked.certificate.symlink_to(files.certificate)
    linked.key.symlink_to(files.key)
    tls = tls_of(linked)
    newer = CertificateFiles(tmp_path / "new.crt", tmp_path / "new.key")
    write_pair(newer, ecdsa_key(), 2)
    for link, target in ((linked.certificate, newer.certificate), (linked.key, newer.key)):
        link.unlink()
        link.symlink_to(target)
    tls.look()
    assert serial_shown(tls) == 2


def test_files_that_are_as_they_were_are_not_read_again(files: CertificateFiles) -> None:
    tls = tls_of(files)
    with capture_logs() as log:
        tls.look()
        tls.look()
    assert log == []


def test_a_reload_reads_them_in_any_case(files: CertificateFiles) -> None:
    tls = tls_of(files)
    with capture_logs() as log:
        tls.reload()
    assert [entry["event"] for entry in log] == ["certificate.loaded"]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_before_1_2_is_refused(files: CertificateFiles) -> None:
    with pytest.raises(ssl.SSLError):
        serial_shown(tls_of(files), None, ssl.TLSVersion.TLSv1_1)


def mismatch(files: CertificateFiles) -> None:
    write_key(files.key, ecdsa_key())


def mismatch_of_kinds(files: CertificateFiles) -> None:
    write_key(files.key, rsa_key())


def encrypt(files: CertificateFiles) -> None:
    key = ecdsa_key()
    write_certificate(files.certificate, key, 2)
    write_key(files.key, key, b"secret")


def encrypt_traditionally(files: CertificateFiles) -> None:
    key = ecdsa_key()
    write_certificate(files.certificate, key, 2)
    write_key(files.key, key, b"secret", traditional=True)


def remove_certificate(files: CertificateFiles) -> None:
    files.certificate.unlink()


def remove_key(files: CertificateFiles) -> None:
    files.key.unlink()


def cut_certificate(files: CertificateFiles) -> None:
    files.certificate.write_bytes(files.certificate.read_bytes()[:200])


def cut_key(files: CertificateFiles) -> None:
    files.key.write_bytes(files.key.read_bytes()[:60])


def empty_certificate(files: CertificateFiles) -> None:
    files.certificate.write_bytes(b"")


def make_directory(files: CertificateFiles) -> None:
    files.key.unlink()
    files.key.mkdir()


BREAKS = [
    (mismatch, "--https-key", "is not the key of"),
    (mismatch_of_kinds, "--https-key", "is not the key of"),
    (encrypt, "--https-key", "is encrypted"),
    (encrypt_traditionally, "--https-key", "is encrypted"),
    (remove_certificate, "--https-certificate", "is no file"),
    (remove_key, "--https-key", "is no file"),
    (cut_certificate, "--https-certificate", "no certificate"),
    (cut_key, "--https-key", "no private key"),
    (empty_certificate, "--https-certificate", "no certificate"),
    (make_directory, "--https-key", "is no file"),
]


@pytest.mark.parametrize(("spoil", "setting", "problem"), BREAKS)
def test_a_pair_that_cannot_be_used_is_refused_at_the_start_by_the_name_of_its_option(
    files: CertificateFiles, spoil: Callable[[CertificateFiles], None], setting: str, problem: str
) -> None:
    spoil(files)
    with pytest.raises(ConfigurationError, match=problem) as caught:
        check(files)
    assert caught.value.setting == setting


@pytest.mark.parametrize("spoil", [spoil for spoil, _, _ in BREAKS])
def test_a_pair_that_cannot_be_used_leaves_the_one_before_in_place(
    files: CertificateFiles, spoil: Callable[[CertificateFiles], None]
) -> None:
    tls = tls_of(files)
    spoil(files)
    tls.reload()
    assert serial_shown(tls) == 1


def test_what_cannot_be_used_is_told_once_until_it_works_again(files: CertificateFiles) -> None:
    tls = tls_of(files)
    with capture_logs() as log:
        mismatch(files)
        tls.look()
        assert log == [], "the certificate may be about to follow"
        for _ in range(3):
            tls.look()
        assert [entry["event"] for entry in log] == ["certificate.unusable"]
        remove_key(files)
        for _ in range(3):
            tls.look()
        assert [entry["event"] for entry in log] == ["certificate.unusable"] * 2, "another cause is news"
        tls.reload()
        assert [entry["event"] for entry in log] == ["certificate.unusable"] * 3, "who asks is told"
        log.clear()
        write_pair(files, ecdsa_key(), 2)
        tls.look()
        mismatch(files)
        tls.reload()
    assert [entry["event"] for entry in log] == ["certificate.loaded", "certificate.unusable"]


def test_a_key_that_comes_a_moment_after_its_certificate_is_no_error(files: CertificateFiles) -> None:
    tls, key = tls_of(files), ecdsa_key()
    with capture_logs() as log:
        write_certificate(files.certificate, key, 2)
        tls.look()
        write_key(files.key, key)
        tls.look()
    assert [entry["event"] for entry in log] == ["certificate.loaded"]
    assert serial_shown(tls) == 2


def test_a_certificate_that_has_ended_is_shown_and_warned_of_once(files: CertificateFiles) -> None:
    with capture_logs() as log:
        tls = tls_of(files, NOW + 91 * DAY)
        tls.look()
        tls.look()
    assert [(entry["event"], entry["log_level"]) for entry in log] == [("certificate.out_of_date", "warning")]
    assert serial_shown(tls) == 1


def test_a_certificate_that_ends_while_it_is_shown_is_warned_of(files: CertificateFiles) -> None:
    instants = [NOW, NOW, NOW + 91 * DAY]
    tls = ServerTls(files, now=lambda: instants.pop(0))
    with capture_logs() as log:
        tls.look()
        assert log == []
        tls.look()
    assert [entry["event"] for entry in log] == ["certificate.out_of_date"]


def test_a_certificate_that_ends_soon_is_warned_of_once_and_again_when_it_has_ended(files: CertificateFiles) -> None:
    instants = [NOW + days * DAY for days in (75, 77, 77, 91, 92)]
    tls = ServerTls(files, now=lambda: instants.pop(0))
    with capture_logs() as log:
        tls.look()
        tls.look()
        assert [entry["event"] for entry in log] == ["certificate.ends_soon"]
        tls.look()
        tls.look()
    assert [entry["event"] for entry in log] == ["certificate.ends_soon", "certificate.out_of_date"]


def test_a_certificate_for_days_is_warned_of_in_its_last_quarter(files: CertificateFiles) -> None:
    key = ecdsa_key()
    write_certificate(files.certificate, key, 2, begins_at=NOW, ends_at=NOW + 8 * DAY)
    write_key(files.key, key)
    with capture_logs() as log:
        tls_of(files, NOW + 5 * DAY)
        assert log == []
        tls_of(files, NOW + 7 * DAY)
    assert [entry["event"] for entry in log] == ["certificate.ends_soon"]
