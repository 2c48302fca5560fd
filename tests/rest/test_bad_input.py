"""Bad input is a clear error in the envelope and changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sipregistrant.access.sessions import Sessions
from sipregistrant.model.attributes import Kind
from sipregistrant.model.registry import RESOURCES
from sipregistrant.rest.app import create_app
from sipregistrant.rest.forms import MOST_BODY_BYTES
from sipregistrant.store.store import Store

from .conftest import stopped_clock
from .support import ENTRY, ENTRY_TABLE, Client, ManualClock, everything, furnish

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEW = "/rest/sipcontactregistrant/1/sipregistrantentry/2"

PLACES = {
    "sipcontactregistrant": ENTRY_TABLE,
    "sipregistrantentry": ENTRY,
    "sipservertable": "/rest/sipservertable/1",
    "sipserver": "/rest/sipservertable/1/sipserver/1",
    "sipremoteauthtable": "/rest/sipremoteauthtable/1",
    "sipremoteauthentry": "/rest/sipremoteauthtable/1/sipremoteauthentry/1",
    "sipprofile": "/rest/sipprofile/1",
    "siptlsprofile": "/rest/siptlsprofile/1",
    "providerprofile": "/rest/providerprofile/1",
    "sipsg": "/rest/sipsg/1",
}
"""Where `furnish` makes an object of each resource."""

TEXTS = [
    (resource.name, attribute.name)
    for resource in RESOURCES.values()
    for attribute in resource.attributes
    if attribute.kind in (Kind.TEXT, Kind.URI, Kind.SECRET)
]


class Refusals:
    """A client that expects to be refused, and looks whether anything changed."""

    def __init__(self, client: Client, store: Store) -> None:
        self._client = client
        self._store = store

    async def told(self, method: str, path: str, body: str | bytes = b"", **headers: str) -> tuple[int, int, str]:
        before = await self._store.read(everything)
        reply = await self._client.send(method, path, body, **headers)
        assert await self._store.read(everything) == before
        assert reply.status_line == (401 if reply.http_code == 401 else 200)
        return reply.told


# Nothing here changes anything, so one store is enough for all.
@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path_factory.mktemp("var"), stopped_clock)
    yield store
    await store.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(store: Store) -> AsyncIterator[Client]:
    clock = ManualClock()
    sessions = Sessions(clock=clock)
    client = Client(create_app(store, clock=clock, sessions=sessions), f"PHPSESSID={sessions.begin('scripts').token}")
    await furnish(client)
    await client.put("/rest/sipcontactregistrant/2")
    yield client
    await client.close()


@pytest.fixture(scope="module")
def refusals(client: Client, store: Store) -> Refusals:
    return Refusals(client, store)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_id(refusals: Refusals, method: str) -> None:
    assert await refusals.told(method, NEW) == (404, 20012, "1:2|sipregistrantentry")


async def test_an_unknown_id_when_deleting(refusals: Refusals) -> None:
    assert await refusals.told("DELETE", NEW) == (500, 20012, "1:2|sipregistrantentry")


@pytest.mark.parametrize("path", PLACES.values())
async def test_a_taken_id(refusals: Refusals, path: str) -> None:
    http_code, code, _ = await refusals.told("PUT", path, "AOR=bob&User=x&EncryptedPassword=y&Host=h")
    assert (http_code, code) == (500, 20013)


async def test_a_taken_id_is_named(refusals: Refusals) -> None:
    assert await refusals.told("PUT", ENTRY, "AOR=bob") == (500, 20013, "1:1|sipregistrantentry")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_id_of_an_entry_of_another_table(refusals: Refusals, method: str) -> None:
    path = "/rest/sipcontactregistrant/2/sipregistrantentry/1"
    assert await refusals.told(method, path, "AOR=bob") == (404, 20012, "2:1|sipregistrantentry")


async def test_deleting_by_the_id_of_an_entry_of_another_table(refusals: Refusals) -> None:
    path = "/rest/sipcontactregistrant/2/sipregistrantentry/1"
    assert await refusals.told("DELETE", path) == (500, 20012, "2:1|sipregistrantentry")


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/rest/sipcontactregistrant/0", "sipcontactregistrant|0"),
        ("/rest/sipcontactregistrant/65535", "sipcontactregistrant|65535"),
        ("/rest/sipcontactregistrant/65535/sipregistrantentry/1", "sipcontactregistrant|65535"),
        (f"{ENTRY_TABLE}/sipregistrantentry/2147483648", "sipregistrantentry|2147483648"),
        ("/rest/sipsg/10001", "sipsg|10001"),
        ("/rest/sipservertable/1/sipserver/100", "sipserver|100"),
    ],
)
async def test_an_id_out_of_range(refusals: Refusals, method: str, path: str, params: str) -> None:
    assert await refusals.told(method, path, "AOR=bob") == (400, 20031, params)


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
@pytest.mark.parametrize("id", ["x", "-1", "1_0", "%2B1", "%D9%A3", "1%00"])
async def test_an_id_that_is_no_number(refusals: Refusals, method: str, id: str) -> None:
    path = f"{ENTRY_TABLE}/sipregistrantentry/{id}"
    assert await refusals.told(method, path, "AOR=bob") == (400, 20036, "sipregistrantentry")


@pytest.mark.parametrize(("method", "http_code"), [("GET", 404), ("PUT", 404), ("POST", 404), ("DELETE", 500)])
async def test_a_missing_parent_is_named(refusals: Refusals, method: str, http_code: int) -> None:
    path = "/rest/sipcontactregistrant/9/sipregistrantentry/1"
    assert await refusals.told(method, path, "AOR=bob") == (http_code, 20012, "9|sipcontactregistrant")


@pytest.mark.parametrize("form", ["", "AorTtl=600", "AORX=bob"])
async def test_an_aor_that_is_missing(refusals: Refusals, form: str) -> None:
    assert await refusals.told("PUT", NEW, form) == (400, 20045, "sipregistrantentry|1:2|AOR")


@pytest.mark.parametrize(("method", "path", "id"), [("PUT", NEW, "1:2"), ("POST", ENTRY, "1:1")])
@pytest.mark.parametrize("attribute", ["AOR", "FailedRegistrationRetryTimer"])
async def test_a_required_value_that_is_empty(
    refusals: Refusals, method: str, path: str, id: str, attribute: str
) -> None:
    told = await refusals.told(method, path, f"AOR=bob&{attribute}=")
    assert told == (400, 20039, f"sipregistrantentry|{id}|{attribute}")


@pytest.mark.parametrize(("method", "path", "id"), [("PUT", NEW, "1:2"), ("POST", ENTRY, "1:1")])
@pytest.mark.parametrize(
    ("form", "attribute"),
    [
        ("AOR=sip:" + "x" * 509, "AOR"),
        ("AOR=" + "%C3%BC" * 513, "AOR"),
        ("AorType=3&AOR=alice", "AOR"),
        ("AorType=3&AOR=sip:alice", "AOR"),
        ("AorType=3&AOR=sip:example.com", "AOR"),
        ("AorType=3&AOR=alice@example.com", "AOR"),
        ("AorType=3&AOR=sip:@example.com", "AOR"),
        ("AorType=3&AOR=tel:+15551234", "AOR"),
        ("FailedRegistrationRetryTimer=29", "FailedRegistrationRetryTimer"),
        ("FailedRegistrationRetryTimer=86401", "FailedRegistrationRetryTimer"),
        ("AorType=4", "AorType"),
        ("AorType=x", "AorType"),
        ("AorType=e_HostLocal", "AorType"),
        ("AorType=", "AorType"),
        ("Q1=101", "Q1"),
        ("Q8=-1", "Q8"),
        ("Q1=0.5", "Q1"),
        ("AorTtl=0", "AorTtl"),
        ("AorTtl=2147483648", "AorTtl"),
        ("URI1=" + "x" * 513, "URI1"),
        ("URI8=sip:@", "URI8"),
    ],
)
async def test_a_value_that_its_attribute_does_not_take(
    refusals: Refusals, method: str, path: str, id: str, form: str, attribute: str
) -> None:
    told = await refusals.told(method, path, f"AOR=bob&{form}")
    assert told == (400, 20038, f"sipregistrantentry|{id}|{attribute}")


@pytest.mark.parametrize("attribute", ["AorTtl", "TTL1", "TTL8"])
@pytest.mark.parametrize(
    "value", ["x", "-5", "1_0", "+5", "%2B5", " 5", "5 ", "5.0", "5e3", "0x5", "%D9%A3", "%C2%B2", "12345678901", "%FF"]
)
async def test_a_time_that_is_no_number(refusals: Refusals, attribute: str, value: str) -> None:
    told = await refusals.told("POST", ENTRY, f"{attribute}={value}")
    assert told == (400, 20038, f"sipregistrantentry|1:1|{attribute}")


@pytest.mark.parametrize(
    "character", ["%0D", "%0A", "%00", "%09", "%1B", "%7F", "%C2%85", "\r", "\n", "%FF", "%ED%A0%80"]
)
async def test_any_control_character(refusals: Refusals, character: str) -> None:
    told = await refusals.told("PUT", NEW, f"AOR=bo{character}b")
    assert told == (400, 20038, "sipregistrantentry|1:2|AOR")


@pytest.mark.parametrize(("resource", "attribute"), TEXTS)
async def test_a_line_feed_in_any_text(refusals: Refusals, resource: str, attribute: str) -> None:
    path = PLACES[resource]
    id = "1:1" if RESOURCES[resource].parent else "1"
    told = await refusals.told("POST", path, f"{attribute}=a%0D%0Ab")
    assert told == (400, 20038, f"{resource}|{id}|{attribute}")


async def test_control_characters_in_a_sequence(refusals: Refusals) -> None:
    told = await refusals.told("POST", ENTRY_TABLE, "Sequence=1%0A")
    assert told == (400, 20038, "sipcontactregistrant|1|Sequence")


async def test_control_characters_in_a_name_mean_an_unknown_name(client: Client, refusals: Refusals) -> None:
    before = (await client.get(ENTRY)).values
    assert (await client.post(ENTRY, "AOR%0A=bob&%00=1")).values == before


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_form_with_ten_thousand_fields(refusals: Refusals, method: str) -> None:
    path = NEW if method == "PUT" else ENTRY
    assert await refusals.told(method, path, "AOR=bob" + "&a=1" * 10_000) == (413, 14014, "")


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_body_over_the_limit(refusals: Refusals, method: str) -> None:
    path = NEW if method == "PUT" else ENTRY
    assert await refusals.told(method, path, "AOR=bob&x=" + "x" * MOST_BODY_BYTES) == (413, 14014, "")


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/rest", "/rest/nothing", "/rest/nothing/1", "/rest/sipserver/1", "/rest/SIPSG/1"])
async def test_an_unknown_resource(refusals: Refusals, method: str, path: str) -> None:
    assert await refusals.told(method, path, "Description=x") == (404, 20006, "")


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec_fetch_site": "cross-site"}])
async def test_a_foreign_page(refusals: Refusals, method: str, headers: dict[str, str]) -> None:
    assert await refusals.told(method, ENTRY, "AOR=bob", **headers) == (403, 3033, "")


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
@pytest.mark.parametrize("cookie", ["", "PHPSESSID=0123456789abcdef0123456789abcdef", "PHPSESSID="])
async def test_no_session(refusals: Refusals, method: str, cookie: str) -> None:
    assert await refusals.told(method, ENTRY, "AOR=bob", cookie=cookie) == (401, 20032, "")


async def test_the_mask_of_a_password_is_no_password(refusals: Refusals) -> None:
    path = "/rest/sipremoteauthtable/1/sipremoteauthentry/2"
    told = await refusals.told("PUT", path, "User=alice&EncryptedPassword=**********")
    assert told == (400, 20038, "sipremoteauthentry|1:2|EncryptedPassword")


async def test_the_mask_of_a_password_changes_nothing(client: Client, refusals: Refusals, store: Store) -> None:
    before = await store.read(everything)
    reply = await client.post("/rest/sipremoteauthtable/1/sipremoteauthentry/1", "EncryptedPassword=**********")
    assert reply.http_code == 200
    assert await store.read(everything) == before


async def test_a_post_without_fields_changes_nothing(client: Client, refusals: Refusals, store: Store) -> None:
    before = await store.read(everything)
    assert (await client.post(ENTRY)).http_code == 200
    assert await store.read(everything) == before


@pytest.mark.parametrize(
    "body",
    [b'{"Description":"abc"}', b"[1]", b"<Description>abc</Description>", b"--b\r\nContent-Disposition: form-data",
     b"\r\n--b", b"\x1f\x8b\x08\x00abc", b" {}"],
)  # fmt: skip
async def test_a_body_that_is_no_form_makes_nothing(refusals: Refusals, body: bytes) -> None:
    for method, path in (("PUT", "/rest/sipcontactregistrant/9"), ("POST", ENTRY_TABLE), ("POST", ENTRY)):
        assert await refusals.told(method, path, body) == (400, 20045, "")


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
@pytest.mark.parametrize("query", ["filter=foo", "details=True", "filter=inventory"])
async def test_a_query_that_is_bad_is_bad_with_every_method(refusals: Refusals, method: str, query: str) -> None:
    assert await refusals.told(method, f"{ENTRY}?{query}", "AOR=bob") == (400, 20035, "sipregistrantentry")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_action_is_for_post_alone(refusals: Refusals, method: str) -> None:
    assert await refusals.told(method, f"{ENTRY}?action=unregister", "AOR=bob") == (400, 20046, "unregister")
