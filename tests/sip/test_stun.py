"""The two messages of STUN that keep a flow: the vectors are those of RFC 5769."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipregistrant.sip.stun import binding_request, is_stun, read_binding

TOKEN = bytes.fromhex("b7e7a701bc34d686fa87dfae")

# RFC 5769 §2.2 and §2.3, without what stands behind the addresses.
IPV4 = bytes.fromhex("0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
                     "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96")  # fmt: skip
IPV6 = bytes.fromhex("010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f722000200014000"
                     "2a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed41"
                     "80280004c8fb0b4c")  # fmt: skip


def test_a_request_is_a_header() -> None:
    assert binding_request(TOKEN).hex() == "000100002112a442" + TOKEN.hex()


def test_the_vectors_of_rfc_5769() -> None:
    assert read_binding(IPV4) == (TOKEN, "192.0.2.1:32853")
    assert read_binding(IPV6) == (TOKEN, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")


def test_an_address_that_is_not_masked_is_read_too() -> None:
    plain = bytes.fromhex("0101000c2112a442") + TOKEN + bytes.fromhex("0001000800018055c0000201")
    assert read_binding(plain) == (TOKEN, "192.0.2.1:32853")


@pytest.mark.parametrize(
    "datagram",
    [b"", b"\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n", binding_request(TOKEN), IPV4[:-1], b"\x01\x11" + IPV4[2:],
     IPV4[:4] + b"abcd" + IPV4[8:], bytes.fromhex("010100042112a442") + TOKEN + bytes.fromhex("00200008"),
     bytes.fromhex("0101000c2112a442") + TOKEN + bytes.fromhex("0020000800098055c0000201")],
)  # fmt: skip
def test_what_is_none(datagram: bytes) -> None:
    assert read_binding(datagram) is None


def test_what_is_sip_is_not_stun() -> None:
    assert not is_stun(b"REGISTER sip:example.com SIP/2.0\r\n")
    assert is_stun(IPV4)


@given(st.binary(max_size=120))
def test_nothing_crashes_it(data: bytes) -> None:
    read_binding(bytes.fromhex("0101") + len(data).to_bytes(2, "big") + bytes.fromhex("2112a442") + TOKEN + data)
    read_binding(data)
