"""Webhooks: who is sent the events, and how far that has come.

Events are sent in their order, one after the other: an event that is not taken is tried again until it is, and those behind it
wait. How far each webhook has come is in the database, so a restart leaves nothing out. What was sent but not known to be taken
is sent again: receivers tell it by its id.
"""

from __future__ import annotations

import base64
import json
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..errors import ObjectExists, ObjectMissing, ValueRefused
from ..model.attributes import has_control_characters
from ..model.events import EventKind
from . import audit
from .events import Event, after, ends
from .tx import Tx

__all__ = [
    "LONGEST_NAME",
    "SECRET_PREFIX",
    "Due",
    "Webhook",
    "delivered",
    "due",
    "failed",
    "find",
    "is_far_behind",
    "list_webhooks",
    "pass_by",
    "put",
    "remove",
    "secret_of",
]

LONGEST_NAME = 64
LONGEST_URL = 2048
MOST_WEBHOOKS = 100
MOST_PASSED_BY = 1000
SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook, without its secret. Instants are in milliseconds of schedule time, 0 for none."""

    id: int
    name: str
    url: str
    kinds: tuple[str, ...]
    is_enabled: bool
    sent_id: int
    failures: int
    failing_since: int
    next_at: int
    last_status: int
    last_error: str


@dataclass(frozen=True, slots=True)
class Due:
    """A webhook with what it is to be sent next, an event; and what its messages are signed with."""

    webhook: Webhook
    secret: str = field(repr=False)
    event: Event


COLUMNS = "id, name, url, kinds, is_enabled, sent_id, failures, failing_since, next_at, last_status, last_error"


def list_webhooks(tx: Tx) -> list[Webhook]:
    """Return all by name."""
    return [_webhook(row) for row in tx.sqlite.execute(f"SELECT {COLUMNS} FROM webhook ORDER BY name").fetchall()]


def find(tx: Tx, name: str) -> Webhook:
    """Return one; `ObjectMissing` where there is none of that name."""
    row = tx.sqlite.execute(f"SELECT {COLUMNS} FROM webhook WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise ObjectMissing("webhook", name)
    return _webhook(row)


def put(tx: Tx, name: str, *, url: str | None = None, kinds: Sequence[str] | None = None, is_enabled: bool | None = None,
        renews_secret: bool = False) -> tuple[Webhook, str]:  # fmt: skip
    """Make a webhook, or change what is given of it; return it, and its secret where that is a new one, else "".

    A new one is sent what happens from now on. What is changed is tried at once.
    """
    _check(name, url, kinds)
    row = tx.sqlite.execute(f"SELECT {COLUMNS} FROM webhook WHERE name = ?", (name,)).fetchone()
    was = None if row is None else _webhook(row)
    if was is None and url is None:
        raise ValueRefused("bad", "url", "wanted of a new webhook")
    told = _shown(url if url is not None else was.url if was else "",
                  kinds if kinds is not None else was.kinds if was else (),
                  is_enabled if is_enabled is not None else was.is_enabled if was else True)  # fmt: skip
    if was is None:
        _insert(tx, name, told)
    elif told != _shown(was.url, was.kinds, was.is_enabled):
        tx.sqlite.execute(
            "UPDATE webhook SET url = ?, kinds = ?, is_enabled = ?, failures = 0, failing_since = 0, next_at = 0, "
            "last_status = 0, last_error = '' WHERE id = ?",
            (told["url"], json.dumps(told["kinds"]), int(told["is_enabled"]), was.id),
        )  # fmt: skip
    webhook = find(tx, name)
    secret = ""
    if was is None or renews_secret:
        secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
        tx.sqlite.execute(
            "UPDATE webhook SET secret = ? WHERE id = ?", (tx.vault.seal(secret, _place(webhook.id)), webhook.id)
        )
    before = None if was is None else _shown(was.url, was.kinds, was.is_enabled)
    if before != told or secret:
        audit.note(
            tx,
            "create" if was is None else "change",
            "webhook",
            name,
            before,
            {**told, **({"secret": "*"} if secret else {})},
        )
    tx.has_events = True
    return webhook, secret


def remove(tx: Tx, name: str) -> None:
    """Remove one; `ObjectMissing` where there is none of that name."""
    webhook = find(tx, name)
    tx.sqlite.execute("DELETE FROM webhook WHERE id = ?", (webhook.id,))
    audit.note(tx, "delete", "webhook", name, _shown(webhook.url, webhook.kinds, webhook.is_enabled))
    tx.has_events = True


def secret_of(tx: Tx, webhook: Webhook) -> str:
    """Return what its messages are signed with."""
    (sealed,) = tx.sqlite.execute("SELECT secret FROM webhook WHERE id = ?", (webhook.id,)).fetchone()
    return tx.vault.open(sealed, _place(webhook.id))


def due(tx: Tx, webhook_id: int) -> Due | Webhook | None:
    """Return what a webhook is to be sent next; the webhook alone where that is nothing, or not yet; None where it is gone."""
    row = tx.sqlite.execute(f"SELECT {COLUMNS} FROM webhook WHERE id = ?", (webhook_id,)).fetchone()
    if row is None:
        return None
    webhook = _webhook(row)
    if not webhook.is_enabled or webhook.next_at > tx.now:
        return webhook
    found = after(tx, webhook.sent_id, 1, webhook.kinds)
    return Due(webhook, secret_of(tx, webhook), found[0]) if found else webhook


def is_far_behind(tx: Tx, webhook: Webhook) -> bool:
    """Tell whether much has happened since the last event that it was sent: it would be looked through again and again."""
    return ends(tx)[1] - webhook.sent_id > MOST_PASSED_BY


def pass_by(tx: Tx, webhook: Webhook) -> None:
    """Take what is none of its kinds for sent."""
    _, newest = ends(tx)
    if not after(tx, webhook.sent_id, 1, webhook.kinds):
        tx.sqlite.execute(
            "UPDATE webhook SET sent_id = ? WHERE id = ? AND sent_id = ?", (newest, webhook.id, webhook.sent_id)
        )


def delivered(tx: Tx, webhook: Webhook, event_id: int, status: int) -> None:
    """Note that an event was taken."""
    tx.sqlite.execute(
        "UPDATE webhook SET sent_id = ?, failures = 0, failing_since = 0, next_at = 0, last_status = ?, last_error = '' "
        "WHERE id = ? AND sent_id < ?", (event_id, status, webhook.id, event_id),
    )  # fmt: skip


def failed(tx: Tx, webhook: Webhook, status: int, error: str, wait_ms: int) -> None:
    """Note that an event was not taken, and when it is tried again; nothing where the webhook was changed meanwhile."""
    tx.sqlite.execute(
        "UPDATE webhook SET failures = failures + 1, failing_since = CASE WHEN failing_since = 0 THEN ? ELSE failing_since END, "
        "next_at = ?, last_status = ?, last_error = ? WHERE id = ? AND failures = ? AND url = ?",
        (tx.now, tx.now + wait_ms, status, error[:500].encode("utf-8", "backslashreplace").decode(), webhook.id, webhook.failures,
         webhook.url),
    )  # fmt: skip


def _insert(tx: Tx, name: str, told: dict[str, Any]) -> None:
    if tx.sqlite.execute("SELECT count(*) FROM webhook").fetchone()[0] >= MOST_WEBHOOKS:
        raise ValueRefused("bad", "name", f"there are {MOST_WEBHOOKS} webhooks, more are not taken")
    _, newest = ends(tx)
    try:
        tx.sqlite.execute(
            "INSERT INTO webhook (name, url, kinds, is_enabled, secret, sent_id, failures, failing_since, next_at, last_status, "
            "last_error) VALUES (?, ?, ?, ?, x'', ?, 0, 0, 0, 0, '')",
            (name, told["url"], json.dumps(told["kinds"]), int(told["is_enabled"]), newest),
        )  # fmt: skip
    except sqlite3.IntegrityError:
        raise ObjectExists("webhook", name) from None


def _check(name: str, url: str | None, kinds: Sequence[str] | None) -> None:
    if not name or len(name) > LONGEST_NAME or has_control_characters(name) or "/" in name:
        raise ValueRefused("bad", "name", f"1 to {LONGEST_NAME} characters, no control characters, no slash")
    if url is not None and (fault := _fault_of_url(url)):
        raise ValueRefused("bad", "url", fault)
    unknown = sorted(set(kinds or ()) - {kind.value for kind in EventKind})
    if unknown:
        raise ValueRefused("bad", "kinds", "some of " + ", ".join(EventKind))


def _fault_of_url(url: str) -> str:
    """Return what is wrong with a URL, "" for nothing."""
    if len(url) > LONGEST_URL or has_control_characters(url) or not url.isascii() or " " in url:
        return f"at most {LONGEST_URL} printable characters of ASCII"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return str(error)
    if not url.startswith(("http://", "https://")) or not parts.hostname or port == 0:
        return "https://HOST/PATH, or http:// within your own network"
    if parts.username is not None or parts.password is not None:
        return "no user and password in it: they would be shown to everybody who may read"
    return ""


def _shown(url: str, kinds: Sequence[str], is_enabled: bool) -> dict[str, Any]:
    return {"url": url, "kinds": list(kinds), "is_enabled": is_enabled}


def _place(id: int) -> str:
    return f"webhook:{id}:secret"


def _webhook(row: tuple[Any, ...]) -> Webhook:
    id, name, url, kinds, is_enabled, *rest = row
    return Webhook(id, name, url, tuple(json.loads(kinds)), bool(is_enabled), *rest)
