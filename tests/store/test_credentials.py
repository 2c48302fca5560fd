"""Which credentials a registration may answer a challenge with."""

from __future__ import annotations

import pytest

from sipregistrant.errors import ValueRefused
from sipregistrant.store.credentials import MOST_PATTERNS, credentials_for

from .support import Site


async def put(site: Site, id: int, user: str, **form: str | int) -> None:
    await site.put("sipremoteauthentry", f"1:{id}", User=user, EncryptedPassword=f"password {id}", **form)


async def found(site: Site, *users: str, table_uid: int | None = 1) -> dict[str, list[str]]:
    """Return the passwords by user."""
    by_user = await site.store.read(credentials_for, table_uid, users)
    return {user: [credential.password for credential in credentials] for user, credentials in by_user.items()}


@pytest.fixture(autouse=True)
async def table(site: Site) -> None:
    await site.put("sipremoteauthtable", "1")


async def test_a_credential_is_for_the_user_that_it_names(site: Site) -> None:
    await put(site, 1, "alice")
    await put(site, 2, "bob")
    assert await found(site, "alice", "bob", "carol") == {"alice": ["password 1"], "bob": ["password 2"], "carol": []}


async def test_users_are_told_apart_by_case(site: Site) -> None:
    await put(site, 1, "Alice")
    assert await found(site, "alice") == {"alice": []}


async def test_a_credential_with_a_regular_expression_is_for_all_users_that_match_it(site: Site) -> None:
    await put(site, 1, "trunk", FromURIUserMatch=1, MatchRegex=r"\+49\d+")
    assert await found(site, "+4930", "+1202", "trunk") == {"+4930": ["password 1"], "+1202": [], "trunk": []}


@pytest.mark.parametrize("user", ["xa", "ax", "a\n", "aa"])
async def test_a_regular_expression_matches_the_whole_user(site: Site, user: str) -> None:
    await put(site, 1, "trunk", FromURIUserMatch=1, MatchRegex="a")
    assert await found(site, user, "a") == {user: [], "a": ["password 1"]}


async def test_a_regular_expression_may_match_nobody(site: Site) -> None:
    await put(site, 1, "trunk", FromURIUserMatch=1, MatchRegex=".*")
    assert await found(site, "") == {"": ["password 1"]}


async def test_a_regular_expression_that_is_not_in_use_matches_nothing(site: Site) -> None:
    await put(site, 1, "trunk", FromURIUserMatch=0, MatchRegex=".*")
    assert await found(site, "alice") == {"alice": []}


async def test_the_first_in_sequence_comes_first(site: Site) -> None:
    await put(site, 1, "x", FromURIUserMatch=1, MatchRegex=".*")
    await put(site, 2, "alice", Realm="a")
    await put(site, 3, "alice", Realm="b")
    assert await found(site, "alice") == {"alice": ["password 1", "password 2", "password 3"]}
    await site.post("sipremoteauthtable", "1", Sequence="3,1,2")
    assert await found(site, "alice") == {"alice": ["password 3", "password 1", "password 2"]}


async def test_realm_and_user_come_with_the_password(site: Site) -> None:
    await put(site, 1, "alice", Realm="example.com")
    ((credential,),) = (await site.store.read(credentials_for, 1, ["alice"])).values()
    assert (credential.realm, credential.username, credential.password) == ("example.com", "alice", "password 1")


async def test_a_credential_shows_its_password_nowhere(site: Site) -> None:
    await put(site, 1, "alice")
    ((credential,),) = (await site.store.read(credentials_for, 1, ["alice"])).values()
    assert "password 1" not in repr(credential)


async def test_a_server_without_a_table_has_no_credentials(site: Site) -> None:
    assert await found(site, "alice", table_uid=None) == {}


async def test_credentials_of_another_table_are_not_used(site: Site) -> None:
    await put(site, 1, "alice")
    await site.put("sipremoteauthtable", "2")
    assert await found(site, "alice", table_uid=2) == {"alice": []}


async def test_a_regular_expression_takes_time_in_proportion_to_the_user(site: Site) -> None:
    await put(site, 1, "x", FromURIUserMatch=1, MatchRegex="(a*)*b")
    assert await found(site, "a" * 500) == {"a" * 500: []}


def test_no_more_patterns_are_tried_than_a_claim_can_bear() -> None:
    assert MOST_PATTERNS <= 1000


MD5 = "3d78807defe7de2157e2b0b6573a855f"


async def test_an_ha1_comes_in_lower_case_with_its_algorithm(site: Site) -> None:
    for id, ha1 in ((1, MD5.upper()), (2, MD5 + MD5)):
        await site.put("sipremoteauthentry", f"1:{id}", User="alice", Realm="r", EncryptedPassword=ha1, PasswordKind=1)
    await put(site, 3, "alice")
    (credentials,) = (await site.store.read(credentials_for, 1, ["alice"])).values()
    assert [(c.password, c.ha1_of) for c in credentials] == [(MD5, "MD5"), (MD5 + MD5, "SHA-256"), ("password 3", "")]


async def test_an_ha1_can_be_had_in_place_of_a_password(site: Site) -> None:
    await put(site, 1, "alice", Realm="r")
    await site.post("sipremoteauthentry", "1:1", PasswordKind=1, EncryptedPassword=MD5)
    ((credential,),) = (await site.store.read(credentials_for, 1, ["alice"])).values()
    assert (credential.password, credential.ha1_of) == (MD5, "MD5")
    with pytest.raises(ValueRefused):
        await site.post("sipremoteauthentry", "1:1", Realm="other")
