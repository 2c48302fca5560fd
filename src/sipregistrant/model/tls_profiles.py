"""TLS profiles: how connections over TLS are made and whom they trust.

No page of this resource could be read: names and sent values are observed, ranges and defaults are ours. Whoever
changes nothing has the peer's certificate and name checked.
"""

from __future__ import annotations

from ..errors import ObjectConflict, ValueRefused
from .attributes import ENABLE, LARGEST_NUMBER, NUMBER, enum, integer, text
from .resource import Resource, Values

__all__ = ["CIPHER_TWICE", "PROFILE"]

OBSERVED = "observed"

CIPHER_TWICE = "cipher twice"
LONGEST_CIPHER_DIGITS = 2


def check_profile(values: Values) -> None:
    """Check that the order of ciphers is a list of numbers, each once."""
    sequence = str(values["ClientCipherSequence"] or "")
    if not sequence:
        return
    numbers = sequence.split(",")
    if not all(NUMBER.match(number) and len(number) <= LONGEST_CIPHER_DIGITS for number in numbers):
        raise ValueRefused("bad", "ClientCipherSequence", "numbers of ciphers separated by commas")
    if len(set(map(int, numbers))) != len(numbers):
        raise ObjectConflict(CIPHER_TWICE, "", "ClientCipherSequence")


PROFILE = Resource(
    name="siptlsprofile",
    meaning="TLS Profile: how connections over TLS are made, and whom they trust",
    source=OBSERVED,
    lowest_id=1,
    highest_id=65534,
    check=check_profile,
    in_use_code=31009,
    factory={1: {"Description": "Default TLS Profile"}},
    attributes=(
        text("Description", 64, "name of the profile", OBSERVED),
        integer("TLSVersion", 0, LARGEST_NUMBER, 0, "nothing: whatever it says, TLS 1.2 is the oldest", OBSERVED),
        integer("HandshakeTimeout", 1, 300, 30, "seconds that a handshake may take", OBSERVED),
        enum("MutualAuth", ENABLE, 0, "show our certificate and ask for the peer's", OBSERVED),
        enum("VerifyPeersCertificate", ENABLE, 1, "check the peer's certificate: dates, and who signed it", OBSERVED),
        integer("ClientCipher", 0, LARGEST_NUMBER, None, "nothing: which cipher a number means is not known", OBSERVED),
        text("ClientCipherSequence", 256, "numbers of ciphers, separated by commas; nothing, as above", OBSERVED),
        enum("ValidateClientFQDN", ENABLE, 0, "check the name in the certificate of who connects to us", OBSERVED),
        enum("ValidateServerFQDN", ENABLE, 1, "check the name in the certificate of the server", OBSERVED),
        enum("FallbackCompatibleMode", ENABLE, 0, "nothing for a registrant", OBSERVED),
    ),
)  # fmt: skip
