"""TLS profiles: what programs send, and what is refused."""

from __future__ import annotations

import pytest

from sipregistrant.errors import ObjectConflict, ValueRefused
from sipregistrant.model.tls_profiles import CIPHER_TWICE, PROFILE

from .tables import NO, Row, table_of

ENABLE = {0: "btFalse", 1: "btTrue"}
LARGEST = 2147483647


def test_a_profile_has_the_decided_rows() -> None:
    assert table_of(PROFILE) == [
        Row("Description", NO, "string", None, 64),
        Row("TLSVersion", NO, "int", 0, (0, LARGEST)),
        Row("HandshakeTimeout", NO, "int", 30, (1, 300)),
        Row("MutualAuth", NO, "Enum", 0, ENABLE),
        Row("VerifyPeersCertificate", NO, "Enum", 1, ENABLE),
        Row("ClientCipher", NO, "int", None, (0, LARGEST)),
        Row("ClientCipherSequence", NO, "string", None, 256),
        Row("ValidateClientFQDN", NO, "Enum", 0, ENABLE),
        Row("ValidateServerFQDN", NO, "Enum", 1, ENABLE),
        Row("FallbackCompatibleMode", NO, "Enum", 0, ENABLE),
    ]


@pytest.mark.parametrize("sequence", ["", "6", "6,5,7,4,3,1,0,2", "10,11,12"])
def test_an_order_of_ciphers(sequence: str) -> None:
    assert PROFILE.to_create({"ClientCipherSequence": sequence})["ClientCipherSequence"] == sequence


@pytest.mark.parametrize("sequence", [",", "1,", "1, 2", "a", "1;2", "100", "-1", "1,,2"])
def test_what_is_no_order_of_ciphers(sequence: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        PROFILE.to_create({"ClientCipherSequence": sequence})
    assert (refused.value.fault, refused.value.attribute) == ("bad", "ClientCipherSequence")


@pytest.mark.parametrize("sequence", ["1,1", "1,2,01"])
def test_a_cipher_stands_in_the_order_once(sequence: str) -> None:
    with pytest.raises(ObjectConflict) as refused:
        PROFILE.to_create({"ClientCipherSequence": sequence})
    assert refused.value.rule == CIPHER_TWICE


def test_what_a_real_program_sends_is_taken() -> None:
    values = PROFILE.to_create({
        "Description": "tls_teams", "TLSVersion": "0", "HandshakeTimeout": "30", "mutualAuth": "1",
        "VerifyPeersCertificate": "1", "ClientCipher": "6", "ClientCipherSequence": "6,5,7,4,3,1,0,2",
        "ValidateClientFQDN": "0", "ValidateServerFQDN": "1", "FallbackCompatibleMode": "0",
    })  # fmt: skip
    assert (values["MutualAuth"], values["ClientCipher"]) == (1, 6)
