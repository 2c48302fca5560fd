"""The words between engine and store: what is kept as text comes back as it was."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from sipregistrant.model.schedule import Class, Sent, SentContact

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
CONTACTS = st.builds(SentContact, uri=TEXTS, q=st.integers(0, 100), asked=st.integers(0, 2**31),
                     granted=st.none() | st.integers(0, 2**32), matched=st.sampled_from(["", "uri", "only"]),
                     token=st.just("") | TEXTS)  # fmt: skip
SENTS = st.builds(Sent, aor=TEXTS, from_uri=TEXTS, request_uri=TEXTS, host=TEXTS, port=st.integers(1, 65535),
                  transport=st.sampled_from(["udp", "tcp", "tls"]), contacts=st.lists(CONTACTS, max_size=8))  # fmt: skip


@settings(max_examples=50, deadline=None, database=None, derandomize=True)
@given(SENTS)
def test_what_was_sent_comes_back_from_its_text_as_it_was(sent: Sent) -> None:
    assert Sent.from_json(sent.to_json()) == sent
    assert json.dumps(json.loads(sent.to_json()), separators=(",", ":")) == sent.to_json()


def test_what_was_sent_is_kept_in_few_characters() -> None:
    sent = Sent("sip:a@h", "sip:a@h", "sip:h", "192.0.2.1", 5060, "udp", [SentContact("sip:a@c", 100, 60, 60, "uri")])
    assert sent.to_json() == (
        '["sip:a@h","sip:a@h","sip:h","192.0.2.1",5060,"udp",[["sip:a@c",100,60,60,"uri"]]]'
    )  # fmt: skip


def test_the_classes_keep_their_numbers_because_they_are_stored() -> None:
    assert {klass.name: klass.value for klass in Class} == {"HELD": 0, "NEW": 1, "UNREGISTER": 2, "FAILING": 3}
