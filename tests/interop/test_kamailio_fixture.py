"""The Kamailio of the tests does what the scenarios rely on. The digest is computed here on its own, so that a mistake
in `sip.digest` cannot hide behind its own words."""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Callable, Iterator

import pytest

from tests.kamailio import Kamailio

HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


class Phone:
    """Sends REGISTERs of its own making over one socket and returns the answers as text."""

    def __init__(self, registrar: Kamailio) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(5)
        self.socket.connect((registrar.host, registrar.port))
        self.uri = f"sip:{registrar.realm}"
        self.cseq = 0

    def send(self, *headers: str, user: str = "alice") -> str:
        self.cseq += 1
        host, port = self.socket.getsockname()
        lines = [
            f"REGISTER {self.uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{self.cseq};rport",
            f"From: <sip:{user}@sip.test>;tag=1",
            f"To: <sip:{user}@sip.test>",
            f"Call-ID: {port}-{user}",
            f"CSeq: {self.cseq} REGISTER",
            "User-Agent: tests",
            *headers,
            "Content-Length: 0",
        ]
        self.socket.send("\r\n".join([*lines, "", ""]).encode())
        return self.socket.recv(65535).decode()

    def register(
        self, *headers: str, user: str = "alice", password: str = "secret", realm: str = "", challenge: str = ""
    ) -> str:
        """Ask, answer the challenge (or the one that is given), return the last word."""
        challenge = challenge or self.send(*headers, user=user)
        assert challenge.startswith("SIP/2.0 401 "), challenge
        realm = realm or _parameter(challenge, "realm")
        nonce = _parameter(challenge, "nonce")
        algorithm = _parameter(challenge, "algorithm") or "MD5"

        def digest(text: str) -> str:
            return HASHES[algorithm](text.encode()).hexdigest()

        response = digest(
            f"{digest(f'{user}:{realm}:{password}')}:{nonce}:00000001:c:auth:{digest(f'REGISTER:{self.uri}')}"
        )
        return self.send(
            f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{self.uri}", '
            f'response="{response}", algorithm={algorithm}, qop=auth, nc=00000001, cnonce="c"',
            *headers,
            user=user,
        )


def _parameter(message: str, name: str) -> str:
    found = re.search(rf'\b{name}="?([^",\r]*)', message)
    return found[1] if found else ""


@pytest.fixture
def phone() -> Iterator[Callable[[Kamailio], Phone]]:
    phones: list[Phone] = []

    def make(registrar: Kamailio) -> Phone:
        phones.append(Phone(registrar))
        return phones[-1]

    yield make
    for phone in phones:
        phone.socket.close()


StartKamailio = Callable[..., Kamailio]
MakePhone = Callable[[Kamailio], Phone]


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_every_contact_is_in_the_dump_with_its_q_and_expires(
    kamailio: StartKamailio, phone: MakePhone, algorithm: str
) -> None:
    registrar = kamailio(algorithm=algorithm)

    answer = phone(registrar).register(
        "Contact: <sip:alice@192.0.2.1:5070>;q=0.5;expires=600, <sip:alice@192.0.2.2>;expires=60", "Expires: 3600"
    )

    assert answer.startswith("SIP/2.0 200 ")
    (first, second) = sorted(registrar.dump()["alice@sip.test"], key=lambda binding: binding.uri)
    assert (first.uri, first.q) == ("sip:alice@192.0.2.1:5070", 0.5)
    assert (second.uri, second.q) == ("sip:alice@192.0.2.2", None)
    assert 590 <= first.expires <= 600
    assert 50 <= second.expires <= 60
    assert (first.cseq, first.user_agent, first.received) == (2, "tests", "")
    assert first.call_id.endswith("-alice")


def test_any_user_registers_with_the_one_password(kamailio: StartKamailio, phone: MakePhone) -> None:
    registrar = kamailio(password="pass word; of all")
    for user in ("alice", "bob"):
        contact = f"Contact: <sip:{user}@192.0.2.1>"
        assert phone(registrar).register(contact, user=user, password="pass word; of all").startswith("SIP/2.0 200 ")

    assert sorted(registrar.dump()) == ["alice@sip.test", "bob@sip.test"]
    assert registrar.count() == 2


def test_a_wrong_password_is_challenged_again_and_binds_nothing(kamailio: StartKamailio, phone: MakePhone) -> None:
    registrar = kamailio()

    answer = phone(registrar).register("Contact: <sip:alice@192.0.2.1>", password="wrong")

    assert answer.startswith("SIP/2.0 401 ")
    assert "stale" not in answer
    assert registrar.dump() == {}


def test_credentials_of_another_realm_do_not_count(kamailio: StartKamailio, phone: MakePhone) -> None:
    registrar = kamailio(realm="sip.test")

    answer = phone(registrar).register("Contact: <sip:alice@192.0.2.1>", realm="sip.example")

    assert answer.startswith("SIP/2.0 401 ")
    assert 'realm="sip.test"' in answer


@pytest.mark.parametrize("says_stale", [True, False])
def test_a_nonce_that_is_too_old_is_challenged_anew(
    kamailio: StartKamailio, phone: MakePhone, says_stale: bool
) -> None:
    registrar = kamailio(nonce_expire=1, says_stale=says_stale)
    alice = phone(registrar)
    challenge = alice.send("Contact: <sip:alice@192.0.2.1>")

    # A second has to pass for Kamailio; each round trip waits for its answer, and the bound is in requests.
    for _ in range(100_000):
        answer = alice.register("Contact: <sip:alice@192.0.2.1>", challenge=challenge)
        if answer.startswith("SIP/2.0 401 "):
            break

    assert ("stale=true" in answer) == says_stale
    assert _parameter(answer, "nonce") != _parameter(challenge, "nonce")


def test_a_binding_is_removed_with_expires_0(kamailio: StartKamailio, phone: MakePhone) -> None:
    registrar = kamailio()
    alice = phone(registrar)
    alice.register("Contact: <sip:alice@192.0.2.1>", "Expires: 60")
    assert registrar.dump()

    alice.register("Contact: <sip:alice@192.0.2.1>", "Expires: 0")

    assert registrar.dump() == {}


def test_too_short_an_expiry_is_answered_with_423_and_too_long_a_one_is_cut(
    kamailio: StartKamailio, phone: MakePhone
) -> None:
    registrar = kamailio(min_expires=60, max_expires=120)
    alice = phone(registrar)

    refused = alice.register("Contact: <sip:alice@192.0.2.1>", "Expires: 30")
    assert refused.startswith("SIP/2.0 423 ")
    assert "Min-Expires: 60" in refused

    granted = alice.register("Contact: <sip:alice@192.0.2.1>", "Expires: 3600")
    assert "expires=120" in granted


def test_every_register_is_counted(kamailio: StartKamailio, phone: MakePhone) -> None:
    registrar = kamailio()

    phone(registrar).register("Contact: <sip:alice@192.0.2.1>")

    assert registrar.requests() == 2
    assert registrar.statistic("registrar:accepted_regs") == 1


def test_a_restart_keeps_the_port_and_forgets_the_bindings(kamailio: StartKamailio, phone: MakePhone) -> None:
    registrar = kamailio()
    port = registrar.port
    phone(registrar).register("Contact: <sip:alice@192.0.2.1>")

    registrar.restart()

    assert (registrar.port, registrar.dump(), registrar.requests()) == (port, {}, 0)


def test_a_dump_may_be_longer_than_a_datagram(kamailio: StartKamailio) -> None:
    registrar = kamailio()
    for number in range(1000):
        contact = f"sip:{number}@192.0.2.1;transport=udp"
        registrar.rpc("ul.add", "location", f"{number}@sip.test", contact, 600, "1.0", "", 0, 0, 0)

    assert len(registrar.dump()) == 1000


def test_a_configuration_that_does_not_start_tells_why(kamailio: StartKamailio) -> None:
    with pytest.raises(AssertionError, match="algorithm"):
        kamailio(algorithm="ROT-13")
