"""Plays with the sandbox registrar: requests and times in, answers out."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipregistrant.sandbox.registrar import MAX_CONTACTS_PER_AOR, SandboxRegistrar
from sipregistrant.sip.digest import authorization, choose, parse_challenges
from sipregistrant.sip.message import Response, parse_message, render_request

SOURCE = ("192.0.2.9", 5070)
NOON = 1_735_732_800.0  # 2025-01-01T12:00:00Z
ALICE = "sip:alice@sip.test"


class Play:
    """A registrar, a user agent that knows how to answer challenges, and the time."""

    def __init__(self, registrar: SandboxRegistrar | None = None, password: str = "secret") -> None:
        self.registrar = registrar or SandboxRegistrar("sip.test", "secret", secret=b"s" * 32)
        self.password = password
        self.now = NOON
        self.cseq = 0

    def send(
        self,
        *headers: tuple[str, str],
        method: str = "REGISTER",
        uri: str = "sip:sip.test",
        to: str = ALICE,
        call_id: str = "one",
        cseq: int | None = None,
    ) -> Response:
        """Send one request as it is."""
        if cseq is None:
            self.cseq += 1
        number = self.cseq if cseq is None else cseq
        common = [
            ("Via", f"SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bK{number};rport"),
            ("From", f"<{to}>;tag=1"),
            ("To", f"<{to}>"),
            ("Call-ID", call_id),
            ("CSeq", f"{number} {method}"),
            ("Max-Forwards", "70"),
        ]
        data = self.registrar.receive(render_request(method, uri, [*common, *headers]), SOURCE, self.now)
        assert data is not None
        answer = parse_message(data)
        assert isinstance(answer, Response)
        return answer

    def credentials(self, challenged: Response, uri: str = "sip:sip.test") -> tuple[str, str]:
        (challenge,) = choose(parse_challenges(challenged))
        return authorization(
            challenge,
            username="alice",
            password=self.password,
            method="REGISTER",
            uri=uri,
            nonce_count=1,
            cnonce="c",
        )

    def register(
        self,
        *contacts: str,
        expires: int | None = None,
        to: str = ALICE,
        call_id: str = "one",
        cseq: int | None = None,
    ) -> Response:
        """Send a REGISTER with an answer to a challenge of this moment."""
        headers = [("Contact", contact) for contact in contacts]
        if expires is not None:
            headers.append(("Expires", str(expires)))
        challenged = self.send(cseq=0)
        return self.send(self.credentials(challenged), *headers, to=to, call_id=call_id, cseq=cseq)

    def bound(self) -> dict[str, int]:
        """Return the contacts of all AORs and the seconds they have left."""
        return {uri: seconds for _, uri, _, seconds in self.registrar.bindings(self.now)}


def contacts(answer: Response) -> list[str]:
    return answer.all("contact")


# --- who asks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
def test_a_first_register_is_challenged_and_its_answer_accepted(algorithm: str) -> None:
    play = Play(SandboxRegistrar("sip.test", "secret", algorithm=algorithm, secret=b"s"))

    challenged = play.send(("Contact", "<sip:alice@192.0.2.9>"))
    assert challenged.status_code == 401
    (challenge,) = parse_challenges(challenged)
    assert (challenge.realm, challenge.algorithm, challenge.qop, challenge.stale) == (
        "sip.test",
        algorithm,
        "auth",
        False,
    )
    assert play.bound() == {}

    accepted = play.send(play.credentials(challenged), ("Contact", "<sip:alice@192.0.2.9>"))
    assert accepted.status_code == 200
    assert play.bound() == {"sip:alice@192.0.2.9": 3600}


def test_a_wrong_password_is_challenged_again_and_not_called_stale() -> None:
    play = Play(password="wrong")

    answer = play.register("<sip:alice@192.0.2.9>")

    assert answer.status_code == 401
    assert not parse_challenges(answer)[0].stale
    assert play.bound() == {}


def test_a_nonce_is_good_again_and_again_until_it_is_too_old() -> None:
    play = Play()
    credentials = play.credentials(play.send())

    play.now += 300
    assert play.send(credentials).status_code == 200

    play.now += 1
    answer = play.send(credentials)
    assert answer.status_code == 401
    assert parse_challenges(answer)[0].stale
    assert play.send(play.credentials(answer)).status_code == 200


def test_a_nonce_from_before_a_restart_is_stale() -> None:
    play = Play()
    credentials = play.credentials(play.send())
    play.registrar = SandboxRegistrar("sip.test", "secret", secret=b"another")

    answer = play.send(credentials)

    assert answer.status_code == 401
    assert parse_challenges(answer)[0].stale


def test_a_wrong_password_with_an_old_nonce_is_not_called_stale() -> None:
    play = Play(password="wrong")
    credentials = play.credentials(play.send())
    play.now += 1000

    assert not parse_challenges(play.send(credentials))[0].stale


def test_credentials_for_another_request_uri_do_not_count() -> None:
    play = Play()
    credentials = play.credentials(play.send(), uri="sip:sip.example")

    assert play.send(credentials).status_code == 401


def test_credentials_of_another_realm_do_not_count() -> None:
    play = Play(SandboxRegistrar("sip.example", "secret", secret=b"s"))
    credentials = play.credentials(play.send())
    play.registrar = SandboxRegistrar("sip.test", "secret", secret=b"s")

    answer = play.send(credentials)

    assert answer.status_code == 401
    assert not parse_challenges(answer)[0].stale


def test_any_user_registers_with_the_one_password() -> None:
    play = Play()
    play.register("<sip:alice@192.0.2.9>")
    play.register("<sip:bob@192.0.2.9>", to="sip:bob@sip.test", call_id="two")

    assert [aor for aor, *_ in play.registrar.bindings(play.now)] == [ALICE, "sip:bob@sip.test"]


# --- what is granted ----------------------------------------------------------------------------------------------


def test_every_contact_has_its_own_q_and_expires() -> None:
    play = Play()

    answer = play.register("<sip:alice@192.0.2.1>;q=0.5;expires=60", "<sip:alice@192.0.2.2>;q=1", expires=600)

    assert contacts(answer) == ["<sip:alice@192.0.2.1>;q=0.5;expires=60", "<sip:alice@192.0.2.2>;q=1;expires=600"]
    assert play.registrar.bindings(play.now) == [
        (ALICE, "sip:alice@192.0.2.1", 0.5, 60),
        (ALICE, "sip:alice@192.0.2.2", 1.0, 600),
    ]


def test_contacts_in_one_header_are_as_good_as_in_several() -> None:
    play = Play()

    answer = play.register("<sip:alice@192.0.2.1;transport=udp>, <sip:alice@192.0.2.2>;expires=60")

    assert contacts(answer) == ["<sip:alice@192.0.2.1;transport=udp>;expires=3600", "<sip:alice@192.0.2.2>;expires=60"]


def test_parameters_of_a_contact_come_back_as_they_were() -> None:
    play = Play()
    contact = '<sip:alice@192.0.2.1;ob>;+sip.instance="<urn:uuid:0>";reg-id=1'

    assert contacts(play.register(contact)) == [f"{contact};expires=3600"]


def test_too_long_an_expiry_is_cut() -> None:
    play = Play(SandboxRegistrar("sip.test", "secret", max_expires=120, secret=b"s"))

    assert contacts(play.register("<sip:alice@192.0.2.1>", expires=3600)) == ["<sip:alice@192.0.2.1>;expires=120"]


def test_too_short_an_expiry_is_refused_with_the_shortest_that_is_granted() -> None:
    play = Play(SandboxRegistrar("sip.test", "secret", min_expires=60, secret=b"s"))

    answer = play.register("<sip:alice@192.0.2.1>", expires=59)

    assert (answer.status_code, answer.first("min-expires")) == (423, "60")
    assert play.bound() == {}


def test_an_hour_is_never_too_short() -> None:
    play = Play(SandboxRegistrar("sip.test", "secret", min_expires=7200, secret=b"s"))

    assert play.register("<sip:alice@192.0.2.1>", expires=3600).status_code == 200


def test_a_request_that_is_refused_changes_nothing_at_all() -> None:
    play = Play(SandboxRegistrar("sip.test", "secret", min_expires=60, secret=b"s"))
    play.register("<sip:alice@192.0.2.1>", expires=600)

    play.register("<sip:alice@192.0.2.1>;expires=0", "<sip:alice@192.0.2.2>;expires=1")

    assert play.bound() == {"sip:alice@192.0.2.1": 600}


def test_a_200_lists_what_is_left_of_all_bindings() -> None:
    play = Play()
    play.register("<sip:alice@192.0.2.1>", expires=600)
    play.now += 100

    answer = play.register("<sip:alice@192.0.2.2>", expires=600, call_id="two")

    assert contacts(answer) == ["<sip:alice@192.0.2.1>;expires=500", "<sip:alice@192.0.2.2>;expires=600"]


def test_a_register_without_contacts_only_asks() -> None:
    play = Play()
    play.register("<sip:alice@192.0.2.1>", expires=600)

    assert contacts(play.register()) == ["<sip:alice@192.0.2.1>;expires=600"]


def test_a_binding_lapses() -> None:
    play = Play()
    play.register("<sip:alice@192.0.2.1>", expires=60)

    play.now += 59.9
    assert play.bound() == {"sip:alice@192.0.2.1": 1}

    play.now += 0.1
    assert play.bound() == {}
    assert contacts(play.register()) == []


def test_the_same_uri_in_other_letters_is_the_same_binding() -> None:
    play = Play()
    play.register("<sip:alice@HOST.test>", expires=600)

    answer = play.register("<sip:%61lice@host.TEST>", expires=300)

    assert len(contacts(answer)) == 1
    assert contacts(answer)[0].endswith(";expires=300")


def test_parameters_of_the_to_uri_do_not_make_another_aor() -> None:
    play = Play()
    play.register("<sip:alice@192.0.2.1>", to="sip:alice@SIP.test;user=phone")

    assert [aor for aor, *_ in play.registrar.bindings(play.now)] == [ALICE]


def test_the_answer_tells_the_date() -> None:
    assert Play().register().first("date") == "Wed, 01 Jan 2025 12:00:00 GMT"


# --- what is removed ----------------------------------------------------------------------------------------------


def test_a_contact_is_removed_with_expires_0_and_the_others_stay() -> None:
    play = Play()
    play.register("<sip:alice@192.0.2.1>", "<sip:alice@192.0.2.2>")

    answer = play.register("<sip:alice@192.0.2.1>;expires=0")

    assert contacts(answer) == ["<sip:alice@192.0.2.2>;expires=3600"]


def test_removing_is_never_too_brief() -> None:
    play = Play(SandboxRegistrar("sip.test", "secret", min_expires=60, secret=b"s"))
    play.register("<sip:alice@192.0.2.1>")

    assert play.register("<sip:alice@192.0.2.1>", expires=0).status_code == 200
    assert play.bound() == {}


def test_removing_what_is_not_there_is_fine() -> None:
    play = Play()

    assert play.register("<sip:alice@192.0.2.1>", expires=0).status_code == 200
    assert play.bound() == {}


def test_a_star_removes_all_bindings_of_its_aor() -> None:
    play = Play()
    play.register("<sip:alice@192.0.2.1>", "<sip:alice@192.0.2.2>")
    play.register("<sip:bob@192.0.2.3>", to="sip:bob@sip.test")

    assert contacts(play.register("*", expires=0)) == []
    assert list(play.bound()) == ["sip:bob@192.0.2.3"]


@pytest.mark.parametrize(
    ("values", "expires"), [(["*"], None), (["*"], 60), (["*", "<sip:alice@192.0.2.2>"], 0), (["*, *"], 0)]
)
def test_a_star_that_does_not_mean_remove_all_is_refused(values: list[str], expires: int | None) -> None:
    play = Play()
    play.register("<sip:alice@192.0.2.1>")

    assert play.register(*values, expires=expires).status_code == 400
    assert list(play.bound()) == ["sip:alice@192.0.2.1"]


# --- in which order -----------------------------------------------------------------------------------------------


def test_an_equal_cseq_is_answered_200_and_changes_nothing() -> None:
    play = Play()
    play.register("<sip:alice@192.0.2.1>", expires=600, cseq=10)

    answer = play.register("<sip:alice@192.0.2.1>", expires=0, cseq=10)

    assert answer.status_code == 200
    assert contacts(answer) == ["<sip:alice@192.0.2.1>;expires=600"]


@pytest.mark.parametrize("contact", ["<sip:alice@192.0.2.1>", "*"])
def test_a_lower_cseq_fails_and_changes_nothing(contact: str) -> None:
    play = Play()
    play.register("<sip:alice@192.0.2.1>", expires=600, cseq=10)

    assert play.register(contact, expires=0, cseq=9).status_code == 500
    assert play.bound() == {"sip:alice@192.0.2.1": 600}


def test_a_lower_cseq_of_another_call_id_counts() -> None:
    play = Play()
    play.register("<sip:alice@192.0.2.1>", expires=600, cseq=10)

    play.register("<sip:alice@192.0.2.1>", expires=300, cseq=9, call_id="two")

    assert play.bound() == {"sip:alice@192.0.2.1": 300}


def test_a_retransmission_gets_the_same_answer() -> None:
    play = Play()
    credentials = play.credentials(play.send(cseq=1))
    request = [credentials, ("Contact", "<sip:alice@192.0.2.1>")]

    assert play.send(*request, cseq=2) == play.send(*request, cseq=2)


# --- what is not a REGISTER that can be carried out ---------------------------------------------------------------


def test_an_extension_that_is_required_is_named_as_unsupported() -> None:
    answer = Play().send(("Require", "gruu"), ("Require", "path"))

    assert (answer.status_code, answer.first("unsupported")) == (420, "gruu, path")


@pytest.mark.parametrize(
    "header",
    [
        ("Contact", "<sip:alice@"),
        ("Contact", "alice"),
        ("Expires", "soon"),
        ("Authorization", "Digest ="),
    ],
)
def test_a_header_that_cannot_be_read_is_a_bad_request(header: tuple[str, str]) -> None:
    play = Play()
    headers: Iterable[tuple[str, str]] = [header, ("Contact", "<sip:alice@192.0.2.1>")]
    if header[0] != "Authorization":
        headers = [play.credentials(play.send(cseq=0)), *headers]

    assert play.send(*headers).status_code == 400
    assert play.bound() == {}


def test_an_aor_that_no_registrar_can_serve_is_not_found() -> None:
    assert Play().register("<sip:alice@192.0.2.1>", to="tel:+15550100").status_code == 404


def test_more_contacts_than_an_aor_may_have_are_refused_together() -> None:
    play = Play()

    answer = play.register(*[f"<sip:alice@192.0.2.1:{5000 + n}>" for n in range(MAX_CONTACTS_PER_AOR + 1)])

    assert answer.status_code == 503
    assert play.bound() == {}


def test_a_full_table_takes_no_new_aor_until_another_one_lapses() -> None:
    play = Play(SandboxRegistrar("sip.test", "secret", max_aors=1, secret=b"s"))
    play.register("<sip:alice@192.0.2.1>", expires=60)

    assert play.register("<sip:bob@192.0.2.2>", to="sip:bob@sip.test").status_code == 503
    assert play.register("<sip:alice@192.0.2.1>", expires=30).status_code == 200

    play.now += 30
    assert play.register("<sip:bob@192.0.2.2>", to="sip:bob@sip.test").status_code == 200
    assert list(play.bound()) == ["sip:bob@192.0.2.2"]


def test_options_are_answered() -> None:
    assert Play().send(method="OPTIONS").status_code == 200


def test_other_methods_are_not_for_a_registrar() -> None:
    assert Play().send(method="MESSAGE").status_code == 405


@pytest.mark.parametrize("missing", ["Via", "From", "To", "Call-ID", "CSeq"])
def test_a_register_that_no_answer_can_be_made_for_is_dropped(missing: str) -> None:
    headers = [
        ("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1"),
        ("From", f"<{ALICE}>;tag=1"),
        ("To", f"<{ALICE}>"),
        ("Call-ID", "one"),
        ("CSeq", "1 REGISTER"),
    ]
    request = render_request("REGISTER", "sip:sip.test", [header for header in headers if header[0] != missing])

    assert Play().registrar.receive(request, SOURCE, NOON) is None


def test_an_answer_is_not_answered() -> None:
    data = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.9\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n"

    assert Play().registrar.receive(data, SOURCE, NOON) is None


@given(st.binary(max_size=300), st.booleans())
def test_garbage_is_dropped_and_never_raises(data: bytes, begins_well: bool) -> None:
    start = b"REGISTER sip:sip.test SIP/2.0\r\n" if begins_well else b""
    answer = Play().registrar.receive(start + data, SOURCE, NOON)

    assert answer is None or answer.startswith(b"SIP/2.0 ")


@given(name=st.sampled_from(["Contact", "Expires", "Authorization", "Require", "Via"]), value=st.text(max_size=80))
def test_any_text_in_a_header_is_answered_or_dropped(name: str, value: str) -> None:
    play = Play()
    lines = [
        "REGISTER sip:sip.test SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1",
        f"From: <{ALICE}>;tag=1",
        f"To: <{ALICE}>",
        "Call-ID: one",
        "CSeq: 1 REGISTER",
        ": ".join(play.credentials(play.send())),
        f"{name}: {value}",
    ]
    data = "\r\n".join([*lines, "", ""]).encode(errors="surrogatepass")
    answer = play.registrar.receive(data, SOURCE, NOON)

    assert answer is None or answer.startswith(b"SIP/2.0 ")
