"""The whole service and a real Kamailio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.kamailio import Kamailio
from tests.service import Rest, ServiceProcess


@pytest.fixture
def service(tmp_path: Path, free_port: int) -> Iterator[Callable[..., ServiceProcess]]:
    """Return what starts the service on a data directory of its own."""
    with ExitStack() as stack:
        yield lambda *options: stack.enter_context(ServiceProcess(tmp_path / "data", free_port, *options))


def configure(rest: Rest, registrar: Kamailio, *, password: str | None = None, realm: str | None = None,
              **server: str | int) -> None:  # fmt: skip
    """PUT what an entry needs to be registered: a credential, a registrant table, a server that names both."""
    assert rest.put("sipremoteauthtable/1", Description="credentials").http_code == 200
    credential = rest.put(
        "sipremoteauthtable/1/sipremoteauthentry/1",
        Realm=registrar.realm if realm is None else realm, User="alice", FromURIUserMatch=0,
        EncryptedPassword=registrar.password if password is None else password,
    )  # fmt: skip
    assert credential.http_code == 200
    assert rest.put("sipcontactregistrant/1", Description="registrants").http_code == 200
    values: dict[str, str | int] = {
        "Host": registrar.host, "DomainName": registrar.realm, "Port": registrar.port, "Protocol": 1, "Priority": 1,
        "RemoteAuthorizationTableID": 1, "ContactRegistrantTableID": 1,
    }  # fmt: skip
    made = rest.put("sipservertable/1/sipserver/1", **values | server)
    assert made.http_code == 200, made


def put_entry(rest: Rest, number: int = 1, **form: str | int) -> None:
    """PUT an entry for alice at the registrar's domain."""
    values: dict[str, str | int] = {"AorType": 3, "AOR": "sip:alice@sip.test", "FailedRegistrationRetryTimer": 30}
    made = rest.put(f"sipcontactregistrant/1/sipregistrantentry/{number}", **values | form)
    assert made.http_code == 200, made
