"""What is plain is read as text: it must come to what parsing it comes to."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from sipregistrant.errors import SipParseError
from sipregistrant.model.uris import (
    LOCAL,
    NONE,
    REMOTE,
    STATIC,
    match_plain,
    plain_contact,
    plain_user,
    read_aor,
    read_contact,
)
from sipregistrant.sip.uri import canonical_aor, parse_uri

SCHEMES = st.sampled_from(["", "sip:", "sips:", "tel:", "SIP:"])
NAMES = st.text("aZ09_.+-%41", max_size=8)
HOSTS = st.sampled_from(["", "@h", "@example.com", "@192.0.2.1", "@999.1.1.1", "@127.1", "@h.", "@H", "@a..b", "@h:5060",
                         "@" + ".".join(["a" * 63] * 5)])  # fmt: skip
TEXTS = st.builds("{}{}{}".format, SCHEMES, NAMES, HOSTS)


@given(TEXTS, st.sampled_from([NONE, LOCAL, REMOTE, STATIC]))
@example("alice@example.com", STATIC)
@example("sip:alice", NONE)
@example("sip:alice@127.1", STATIC)
def test_the_user_of_a_plain_aor_is_what_is_read(text: str, aor_type: int) -> None:
    user = plain_user(text, aor_type)
    try:
        read = read_aor(text, aor_type)
    except SipParseError:
        assert user is None
    else:
        assert user in (None, read.user)


@given(TEXTS)
@example("alice@127.1")
def test_a_plain_contact_is_compared_by_what_is_read(text: str) -> None:
    plain = plain_contact(text)
    try:
        read = read_contact(text).comparable
    except SipParseError:
        assert plain is None
    else:
        assert plain in (None, read)


@given(TEXTS)
def test_a_whole_plain_aor_is_canonical(text: str) -> None:
    plain = match_plain(text)
    if plain is not None and plain[1] and plain[3]:
        try:
            uri = parse_uri(text)
        except SipParseError:
            return
        assert canonical_aor(uri) == text


def test_most_aors_and_contacts_are_plain() -> None:
    assert (plain_user("sip:alice", REMOTE), plain_user("sip:alice@example.com", STATIC)) == ("alice", "alice")
    assert plain_contact("sip:alice@192.0.2.1") is not None
