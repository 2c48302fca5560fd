"""Whom a certificate is for, and the terms of a TLS profile."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

from sipregistrant.engine.transport.tls import TlsFiles, is_for, make_terms, names_in
from sipregistrant.errors import ConfigurationError
from sipregistrant.model.attributes import Value
from sipregistrant.model.tls_profiles import PROFILE
from tests.certificates import Authority


def profile(**values: Value) -> dict[str, Value]:
    return {**PROFILE.to_create({}), **values}


@pytest.mark.parametrize(
    ("uris", "names", "is_good"),
    [
        ([], ["example.com"], True),
        ([], ["EXAMPLE.com."], True),
        ([], ["other.example", "example.com"], True),
        (["sip:example.com"], [], True),
        (["sip:example.com;transport=tls"], [], True),
        ([], [], False),
        ([], ["sip.example.com"], False),
        ([], ["*.com"], False),  # RFC 5922 §7.2: no wildcards
        ([], ["example.com.evil.example"], False),
        (["sip:other.example"], ["example.com"], False),  # where there is a SIP URI, DNS names do not count
        (["sip:alice@example.com"], ["example.com"], True),  # a user is no domain
        (["sip:alice@example.com"], [], False),
    ],
)
def test_a_certificate_is_for_a_domain(uris: list[str], names: list[str], is_good: bool) -> None:
    assert is_for("example.com", uris, names) == is_good


@pytest.mark.parametrize(
    ("issued", "found"),
    [
        ({"names": ["a.example"], "uris": ["sip:b.example", "https://c.example"]}, (["sip:b.example"], ["a.example"])),
        ({"addresses": ["192.0.2.1"]}, ([], ["192.0.2.1"])),
        ({"common_name": "d.example"}, ([], ["d.example"])),
        ({"common_name": "d.example", "names": ["a.example"]}, ([], ["a.example"])),
    ],
)
def test_the_common_name_counts_only_where_there_is_no_other(
    tmp_path: Path, issued: dict[str, object], found: tuple[list[str], list[str]]
) -> None:
    files = Authority(tmp_path).issue("one", **issued)  # type: ignore[arg-type]
    assert names_in(x509.load_pem_x509_certificate(files.certificate.read_bytes())) == found


def test_the_terms_are_those_of_the_profile(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    files = TlsFiles(authority.files.certificate)
    terms = make_terms(profile(HandshakeTimeout=7), "sip.example", is_address=False, files=files)
    assert (terms.context.verify_mode, terms.context.minimum_version) == (ssl.CERT_REQUIRED, ssl.TLSVersion.TLSv1_2)
    assert (terms.name, terms.seconds, terms.checks_name) == ("sip.example", 7.0, True)
    easy = profile(VerifyPeersCertificate=0, ValidateServerFQDN=0)
    lax = make_terms(easy, "192.0.2.1", is_address=True, files=files)
    assert (lax.context.verify_mode, lax.name, lax.checks_name) == (ssl.CERT_NONE, None, False)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 77])
def test_whatever_its_version_says_tls_1_2_is_the_oldest(tmp_path: Path, number: int) -> None:
    files = TlsFiles(Authority(tmp_path).files.certificate)
    named = profile(TLSVersion=number, ClientCipher=number, ClientCipherSequence=str(number))
    context = make_terms(named, "sip.example", is_address=False, files=files).context
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.maximum_version == ssl.TLSVersion.MAXIMUM_SUPPORTED


def test_a_time_out_makes_no_other_terms() -> None:
    terms = make_terms(profile(), "sip.example", is_address=False, files=TlsFiles())
    assert replace(terms, seconds=7.0) == terms
    assert replace(terms, checks_name=False) != terms


def test_who_wants_to_show_a_certificate_must_have_one() -> None:
    with pytest.raises(ConfigurationError, match="MutualAuth: needs a certificate of ours"):
        make_terms(profile(MutualAuth=1), "sip.example", is_address=False, files=TlsFiles())


def test_files_that_cannot_be_used_are_named_by_their_option(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    nothing, no_pem = tmp_path / "nothing", tmp_path / "text"
    no_pem.write_text("text")
    for files, told in [
        (TlsFiles(nothing), "--sip-trust: .*nothing: No such file"),
        (TlsFiles(no_pem), "--sip-trust: .*text: "),
        (TlsFiles(certificate=nothing, key=nothing), "--sip-certificate: .*nothing: No such file"),
        (TlsFiles(certificate=authority.files.certificate), "go together"),
    ]:
        with pytest.raises(ConfigurationError, match=told):
            files.check()
    TlsFiles(authority.files.certificate, authority.files.certificate, authority.files.key).check()
