"""Sends the events to webhooks, each in its order; whoever does not take one is asked again, ever more seldom.

One task for each webhook: a receiver that stalls keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Callable
from typing import Any

import httpx2
import structlog

from .. import __version__
from ..engine.tasks import cancel_all, spawn
from ..errors import SipRegistrantError, StoreUnavailable
from ..store import webhooks
from ..store.events import Event
from ..store.store import Store
from .bell import Bell
from .signature import headers

__all__ = ["Webhooks", "message", "wait_seconds"]

log = structlog.get_logger()

ANSWER_WITHIN_SECONDS = 10.0
FIRST_WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 900.0
LOOK_EVERY_SECONDS = 15.0


class Webhooks:
    """The senders of one service."""

    def __init__(self, store: Store, bell: Bell, event_json: Callable[[Event], dict[str, Any]],
                 http: httpx2.AsyncClient | None = None, draw: random.Random | None = None) -> None:  # fmt: skip
        """`event_json` renders an event as the API does."""
        self._store = store
        self._bell = bell
        self._event_json = event_json
        self._draw = draw or random.Random()
        # Certificates are checked, and no redirection is followed: a message goes where it was said, or nowhere.
        self._http = http or httpx2.AsyncClient(timeout=ANSWER_WITHIN_SECONDS, follow_redirects=False, trust_env=False)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        # Those that have nothing to send now.
        self._waiting: set[int] = set()

    async def run(self) -> None:
        """Send until cancelled."""
        try:
            while not self._bell.is_closed:
                heard = self._bell.rings
                try:
                    known = {webhook.id for webhook in await self._store.read(webhooks.list_webhooks)}
                except StoreUnavailable:
                    known = set(self._tasks)
                for id in known - self._tasks.keys():
                    self._tasks[id] = spawn(self._serve(id), "webhook")
                for id in [id for id, task in self._tasks.items() if task.done()]:
                    del self._tasks[id]
                await self._bell.wait(LOOK_EVERY_SECONDS, heard)
        finally:
            await cancel_all(*self._tasks.values())
            await self._http.aclose()

    async def catch_up(self, seconds: float) -> None:
        """Return when all was sent that can be, or after so long."""
        self._waiting.clear()
        self._bell.ring()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._tasks.keys() - self._waiting:
                    await asyncio.sleep(0.02)

    async def _serve(self, id: int) -> None:
        """Send to one webhook as long as it is there."""
        while True:
            heard = self._bell.rings
            try:
                found = await self._store.read(webhooks.due, id)
            except StoreUnavailable:
                await asyncio.sleep(LOOK_EVERY_SECONDS)
                continue
            except SipRegistrantError as error:
                log.error("webhook.unusable", webhook=id, cause=str(error))
                await asyncio.sleep(LONGEST_WAIT_SECONDS)
                continue
            if found is None:
                return
            if isinstance(found, webhooks.Webhook):
                self._waiting.add(id)
                if found.is_enabled and not found.failures:
                    await self._pass_by(found)
                wait = (
                    (found.next_at - self._store.now()) / 1000
                    if found.is_enabled and found.next_at
                    else LOOK_EVERY_SECONDS
                )
                await self._bell.wait(max(0.05, min(wait, LOOK_EVERY_SECONDS)), heard)
                self._waiting.discard(id)
                continue
            await self.deliver(found)

    async def _pass_by(self, webhook: webhooks.Webhook) -> None:
        if await self._store.read(webhooks.is_far_behind, webhook):
            with contextlib.suppress(StoreUnavailable):
                await self._store.write(webhooks.pass_by, webhook)

    async def deliver(self, due: webhooks.Due) -> bool:
        """Send one event; note what came of it. Tell whether it was taken."""
        webhook, status, error = due.webhook, 0, ""
        try:
            status, error = await self._post(due)
        except httpx2.HTTPError as fault:
            error = str(fault) or type(fault).__name__
        try:
            if error:
                wait = wait_seconds(webhook.failures, self._draw.random())
                await self._store.write(webhooks.failed, webhook, status, error, round(wait * 1000))
                if not webhook.failures:
                    log.warning(
                        "webhook.failed", webhook=webhook.name, status=status, cause=error, event_id=due.event.id
                    )
            else:
                await self._store.write(webhooks.delivered, webhook, due.event.id, status)
                if webhook.failures:
                    log.info("webhook.works_again", webhook=webhook.name, after=webhook.failures)
        except StoreUnavailable:
            # It is sent again: the receiver knows its id.
            await asyncio.sleep(FIRST_WAIT_SECONDS)
        return not error

    async def _post(self, due: webhooks.Due) -> tuple[int, str]:
        """Return the status of the answer, and why it was not taken, "" where it was."""
        content, head = message(due, self._event_json(due.event), self._store.now() // 1000)
        # A receiver that sends its answer a byte at a time would else keep us for good.
        async with asyncio.timeout(ANSWER_WITHIN_SECONDS * 2):
            try:
                async with self._http.stream("POST", due.webhook.url, content=content, headers=head) as answer:
                    if answer.is_success:
                        return answer.status_code, ""
                    return (
                        answer.status_code,
                        f"the answer was HTTP {answer.status_code} {answer.reason_phrase}".rstrip(),
                    )
            except TimeoutError:
                raise httpx2.ReadTimeout("no whole answer in time") from None


def message(due: webhooks.Due, event: dict[str, Any], timestamp: int) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of the message that carries an event."""
    content = json.dumps({"type": event["kind"], "timestamp": event["at"], "data": event}, ensure_ascii=False).encode()
    head = {"content-type": "application/json", "user-agent": f"sipregistrant/{__version__}"}
    return content, head | headers(due.secret, f"event_{event['id']}", timestamp, content)


def wait_seconds(failures: int, draw: float) -> float:
    """Return the wait after so many failures in a row: doubled each time, up to a quarter of an hour; 80 to 100 % of that by
    `draw`.
    """
    longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(failures, 20))
    return longest * (0.8 + 0.2 * draw)
