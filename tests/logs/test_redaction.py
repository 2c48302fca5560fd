"""No secret is logged, however it came into an event."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import pkgutil
import re
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

import sipregistrant
from sipregistrant.logs.redaction import MASK, mask_text, redact
from sipregistrant.sip.authentication import Credential

# As passwords, nonces and tokens are: nothing that a sentence of ours could have in it.
SECRETS = st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%()*+-./<>?@[]^_{|}~", min_size=12, max_size=40
)
KEYS = st.sampled_from(
    ["password", "EncryptedPassword", "new_password", "secret", "client_secret", "Authorization", "proxy_authorization",
     "response", "ha1", "cookie", "Set-Cookie", "token", "api_token", "private_key", "credential", "passphrase", "csrf_token"]
)  # fmt: skip
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=8,
)  # fmt: skip


def rendered(event: dict[str, Any]) -> str:
    """Return an event as it is written."""
    text = structlog.processors.JSONRenderer()(None, "info", redact(None, "info", event))
    assert isinstance(text, str)
    return text


def wrapped(value: Any, depth: int, shape: int) -> Any:
    """Return a value inside so many containers."""
    for level in range(depth):
        value = [{"inner": value}, [value], (1, value), {"a": {"b": value}}][(shape + level) % 4]
    return value


@given(KEYS, SECRETS, st.integers(0, 6), st.integers(0, 3), st.sampled_from([str, str.encode, lambda text: [text]]))
def test_what_stands_under_the_key_of_a_secret_is_never_written(
    key: str, secret: str, depth: int, shape: int, kind: Any
) -> None:
    assert secret not in rendered({"event": "e", "about": wrapped({key: kind(secret)}, depth, shape)})
    assert secret not in rendered({"event": "e", key: kind(secret)})
    assert MASK in rendered({"event": "e", key: kind(secret)})


DIGESTS = st.text("0123456789abcdef", min_size=32, max_size=64)
SHOWN_AS = [
    'Authorization: Digest username="alice", realm="sip.test", nonce="n", uri="sip:sip.test", response="{}"\r\nContent-Length: 0',
    "REGISTER sip:a SIP/2.0\r\nProxy-Authorization: Digest response={}\r\n\r\n",
    'authorization : Digest username="a", response="{}"',
    "{{'Authorization': 'Digest response={}'}}",
    'Digest username="a", response="{}", qop=auth',
    "Cookie: rest20token={}; path=/",
    "Authorization: Bearer {}",
    "X-CSRF-Token: {}",
]


@given(st.sampled_from(SHOWN_AS), DIGESTS, st.sampled_from([str, lambda text: text.encode(), repr]))
def test_credentials_of_a_message_are_masked_in_any_text(shown: str, digest: str, kind: Any) -> None:
    assert digest not in rendered({"event": "e", "received": kind(shown.format(digest))})
    assert digest not in rendered({"event": shown.format(digest)})


PASSWORDS_SHOWN_AS = [
    "EncryptedPassword={}&Realm=a", '{"password": "{}"}', "password='{}' ok", "sip:alice:{}@example.com", "srt_{}", "ha1={}",
    "client_secret: {}", "<sips:a:{}@h>", "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----",
    "-----BEGIN RSA PRIVATE KEY-----\n{}",
]  # fmt: skip


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=12, max_size=40))
def test_passwords_in_forms_uris_and_tokens_are_masked(secret: str) -> None:
    for shown in PASSWORDS_SHOWN_AS:
        text = shown.replace("{}", secret)
        assert secret not in mask_text(text), text


class Talkative:
    """What tells more of itself than it should."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def __repr__(self) -> str:
        return f"Talkative(password={self.secret!r})"


def test_an_object_is_masked_as_the_text_that_it_would_be_written_as() -> None:
    assert "hunter2hunter2" not in rendered({"event": "e", "about": [Talkative("hunter2hunter2")]})


@given(PLAIN)
@settings(max_examples=200)
def test_whatever_is_in_an_event_it_can_be_written(value: Any) -> None:
    assert json.loads(rendered({"event": "e", "about": value}))["event"] == "e"


def test_sentences_of_ours_stay_as_they_are() -> None:
    for text in (
        "show a token, or log in", "the registrar answered 401 to the right password", "sip:alice@example.com:5060",
        "udp:[2001:db8::1]:5060 cannot be bound: Address already in use", "no response: Timer F",
        "sip:+12025550100@sip.example;transport=tcp",
    ):  # fmt: skip
        assert mask_text(text) == text


# Paths of files, flags, a user that nobody else has, and credentials that have no representation themselves.
HARMLESS = {
    ("CertificateFiles", "key"), ("TlsFiles", "key"), ("Sources", "secrets"), ("Note", "is_password"), ("Account", "is_ha1"),
    ("RestSettings", "demands_csrf_token"), ("SentContact", "token"), ("Claimed", "credentials"),
    ("Question", "credentials"), ("Watched", "key"), ("Cause", "key"),
}  # fmt: skip
OF_A_SECRET = re.compile(r"password$|secret|ha1$|^key$|identity_key|token$|credentials$|^form$")


def test_no_dataclass_shows_a_secret_of_its_own() -> None:
    shown = set()
    for module in pkgutil.walk_packages(sipregistrant.__path__, "sipregistrant."):
        if "migrations" in module.name or module.name.endswith("__main__"):
            continue
        for name, kind in inspect.getmembers(importlib.import_module(module.name), dataclasses.is_dataclass):
            if inspect.isclass(kind) and kind.__module__ == module.name and "__repr__" in kind.__dict__:
                fields = {field.name for field in dataclasses.fields(kind) if field.repr}
                shown |= {(name, field) for field in fields if OF_A_SECRET.search(field)}
    assert shown == HARMLESS
    assert "hunter2" not in repr(Credential("realm", "alice", "hunter2"))


@pytest.mark.parametrize("shown", ["error", "warning"])
def test_a_trace_is_masked_too(shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    from sipregistrant.logs.form import log_to_stderr

    before = structlog.get_config()
    try:
        log_to_stderr()
        try:
            raise ValueError("EncryptedPassword=hunter2hunter2")
        except ValueError:
            getattr(structlog.get_logger(), shown)("it.broke", exc_info=True)
    finally:
        structlog.configure(**before)
    written = capsys.readouterr().err
    assert "ValueError" in written
    assert "hunter2hunter2" not in written
