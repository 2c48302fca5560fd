"""The sample of the demo: what a first user would configure, fed through `/rest` as a script of theirs would do it."""

from __future__ import annotations

import re
import ssl

import httpx2

from ..errors import SipRegistrantError

__all__ = ["DOMAIN", "PASSWORD", "REALM", "Client", "SampleRefused", "feed"]

DOMAIN = "pbx.invalid"  # RFC 2606 §2: never a real one
REALM = "sandbox"
PASSWORD = "sandbox"

Forms = list[tuple[str, dict[str, str | int]]]


def sample(sandbox_port: int) -> Forms:
    """Return (path, form) of each PUT, in an order in which references hold."""
    return [
        ("sipremoteauthtable/1", {"Description": "Sandbox"}),
        ("sipremoteauthtable/1/sipremoteauthentry/1", {
            "Realm": REALM, "User": "trunk", "EncryptedPassword": PASSWORD, "FromURIUserMatch": 1, "MatchRegex": ".*",
        }),
        ("sipcontactregistrant/1", {"Description": "Sandbox"}),
        ("sipcontactregistrant/1/sipregistrantentry/1", {
            "AorType": 3, "AOR": f"sip:reception@{DOMAIN}", "FailedRegistrationRetryTimer": 120,
        }),
        ("sipcontactregistrant/1/sipregistrantentry/2", {
            "AorType": 2, "AOR": "sip:+12025550100", "AorTtl": 1800, "FailedRegistrationRetryTimer": 120,
            "URI1": "sip:+12025550100@192.0.2.10",
        }),
        ("sipcontactregistrant/1/sipregistrantentry/3", {
            "AorType": 3, "AOR": f"sip:sales@{DOMAIN}", "AorTtl": 3600, "FailedRegistrationRetryTimer": 60,
            "URI1": "sip:desk@192.0.2.10", "Q1": 100, "TTL1": 600,
            "URI2": "sip:mobile@192.0.2.20", "Q2": 50, "TTL2": 1200,
            "URI3": "sip:voicemail@192.0.2.30", "Q3": 5,
        }),
        ("sipservertable/1/sipserver/1", {
            "ServerLookup": 0, "ServerType": 0, "Weight": 0, "Host": "127.0.0.1", "HostIpVersion": 0,
            "DomainName": DOMAIN, "Port": sandbox_port, "Protocol": 1, "Priority": 1,
            "RemoteAuthorizationTableID": 1, "ContactRegistrantTableID": 1,
        }),
    ]  # fmt: skip


class SampleRefused(SipRegistrantError):
    """The service did not take a part of the sample."""

    def __init__(self, path: str, reply: str) -> None:
        super().__init__(path, reply)
        self.path = path
        self.reply = reply

    def __str__(self) -> str:
        return f"{self.path} was refused: {self.reply}"


class Client:
    """A program that speaks the wire API, as those for the SBC Edge do."""

    def __init__(self, base: str, certificate: str) -> None:
        """`base` is `https://HOST:PORT`; `certificate` the file of the one that is trusted."""
        context = ssl.create_default_context(cafile=certificate)
        context.check_hostname = False
        self._client = httpx2.AsyncClient(base_url=f"{base}/rest/", verify=context, trust_env=False)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.aclose()

    async def login(self, name: str, password: str) -> None:
        """Open a session."""
        await self._do("POST", "login", {"Username": name, "Password": password})

    async def logout(self) -> None:
        """End the session."""
        await self._do("POST", "logout", {})

    async def put(self, path: str, form: dict[str, str | int]) -> None:
        """Create an object."""
        await self._do("PUT", path, form)

    async def _do(self, method: str, path: str, form: dict[str, str | int]) -> None:
        reply = await self._client.request(method, path, data={name: str(value) for name, value in form.items()})
        if not re.search("<http_code>200</http_code>", reply.text):
            raise SampleRefused(path, " ".join(reply.text.split()))


async def feed(client: Client, name: str, password: str, sandbox_port: int) -> None:
    """Log in, create the sample, log out."""
    await client.login(name, password)
    for path, form in sample(sandbox_port):
        await client.put(path, form)
    await client.logout()
