"""Remote authorization tables and entries: the page, row for row."""

from __future__ import annotations

import pytest

from sipregistrant.errors import ValueRefused
from sipregistrant.model.credentials import ENTRY, TABLE
from sipregistrant.model.resource import SECRET_MASK, Values

from .tables import NO, YES, Row, table_of

FORM = {"Realm": "r", "User": "alice", "EncryptedPassword": "secret", "FromURIUserMatch": "0"}


def test_a_credential_has_the_rows_of_its_page() -> None:
    assert table_of(ENTRY) == [
        Row("Realm", NO, "string", None, 512),
        Row("User", YES, "string", None, 64),
        Row("EncryptedPassword", YES, "secret", None, 64),
        Row("FromURIUserMatch", YES, "Enum", 0, {0: "eAuthenticationID", 1: "eRegex"}),
        Row("MatchRegex", NO, "string", None, 128),
    ]


def test_a_credential_comes_from_its_page_and_affects_no_service() -> None:
    of_the_page = ENTRY.attributes[: -len(ENTRY.ours)]
    assert {(a.source, a.service_affecting) for a in of_the_page} == {("Resource - sipremoteauthentry", False)}


def test_a_table_has_a_description_and_a_sequence() -> None:
    assert table_of(TABLE) == [
        Row("Description", NO, "string", None, 64),
        Row("Sequence", NO, "sequence", None, 0),
    ]


def test_ids_of_tables_and_credentials_have_their_ranges() -> None:
    assert (TABLE.lowest_id, TABLE.highest_id) == (1, 65534)
    assert (ENTRY.parent, ENTRY.lowest_id, ENTRY.highest_id) == ("sipremoteauthtable", 1, 2147483647)


def test_a_table_in_use_is_refused_as_31010() -> None:
    assert TABLE.in_use_code == 31010


@pytest.mark.parametrize("absent", ["User", "EncryptedPassword"])
def test_what_is_required_without_a_default_must_be_there(absent: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        ENTRY.to_create({name: value for name, value in FORM.items() if name != absent})
    assert (refused.value.fault, refused.value.attribute) == ("missing", absent)


@pytest.mark.parametrize("empty", ["User", "EncryptedPassword", "FromURIUserMatch"])
def test_what_is_required_must_not_be_empty(empty: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        ENTRY.to_create({**FORM, empty: ""})
    assert (refused.value.fault, refused.value.attribute) == ("empty", empty)


def test_a_password_may_have_64_characters_and_no_more() -> None:
    assert ENTRY.to_create({**FORM, "EncryptedPassword": "ü" * 64})["EncryptedPassword"] == "ü" * 64
    with pytest.raises(ValueRefused):
        ENTRY.to_create({**FORM, "EncryptedPassword": "ü" * 65})


def test_the_mask_is_no_password() -> None:
    with pytest.raises(ValueRefused) as refused:
        ENTRY.to_create({**FORM, "EncryptedPassword": SECRET_MASK})
    assert (refused.value.fault, refused.value.attribute) == ("bad", "EncryptedPassword")


def test_choosing_by_a_regular_expression_needs_one() -> None:
    with pytest.raises(ValueRefused) as refused:
        ENTRY.to_create({**FORM, "FromURIUserMatch": "1"})
    assert (refused.value.fault, refused.value.attribute) == ("empty", "MatchRegex")


@pytest.mark.parametrize("pattern", ["(", "[a", r"(a)\1", "(?=a)", "a{2,1}"])
def test_a_regular_expression_that_is_none_or_not_linear_is_refused(pattern: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        ENTRY.to_create({**FORM, "FromURIUserMatch": "1", "MatchRegex": pattern})
    assert (refused.value.fault, refused.value.attribute) == ("bad", "MatchRegex")


def test_a_regular_expression_that_is_not_used_is_not_looked_at() -> None:
    assert ENTRY.to_create({**FORM, "MatchRegex": "("})["MatchRegex"] == "("


def test_a_regular_expression_is_looked_at_when_it_comes_into_use() -> None:
    there = ENTRY.to_create({**FORM, "MatchRegex": "("})
    with pytest.raises(ValueRefused):
        ENTRY.to_change(there, {"FromURIUserMatch": "1"})


MD5 = "3d78807defe7de2157e2b0b6573a855f"
SHA_256 = "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"


def stored(**form: str) -> Values:
    """Return an HA1 as it is known when a change of it comes: the secret is masked."""
    return ENTRY.to_create({**FORM, "EncryptedPassword": MD5, "PasswordKind": "1"} | form) | {
        "EncryptedPassword": SECRET_MASK
    }


@pytest.mark.parametrize("ha1", [MD5, SHA_256, MD5.upper()])
def test_an_ha1_has_32_or_64_hexadecimal_digits_in_any_case(ha1: str) -> None:
    assert ENTRY.to_create({**FORM, "EncryptedPassword": ha1, "PasswordKind": "1"})["EncryptedPassword"] == ha1


@pytest.mark.parametrize("no_ha1", ["secret", MD5[:-1], MD5 + "0", SHA_256[:40], "g" * 32, "\u0663" * 32])
def test_what_is_no_ha1_is_refused_as_one(no_ha1: str) -> None:
    assert ENTRY.to_create({**FORM, "EncryptedPassword": no_ha1})
    with pytest.raises(ValueRefused) as refused:
        ENTRY.to_create({**FORM, "EncryptedPassword": no_ha1, "PasswordKind": "1"})
    assert (refused.value.fault, refused.value.attribute) == ("bad", "EncryptedPassword")
    assert "32 hexadecimal digits" in refused.value.problem


def test_an_ha1_is_of_one_realm() -> None:
    with pytest.raises(ValueRefused) as refused:
        ENTRY.to_create({**FORM, "Realm": "", "EncryptedPassword": MD5, "PasswordKind": "1"})
    assert (refused.value.fault, refused.value.attribute) == ("empty", "Realm")
    with pytest.raises(ValueRefused):
        ENTRY.to_change(stored(), {"Realm": ""})


@pytest.mark.parametrize("kind", ["0", "1"])
def test_another_kind_needs_another_secret(kind: str) -> None:
    there = stored() if kind == "0" else ENTRY.to_create(FORM) | {"EncryptedPassword": SECRET_MASK}
    for form in ({"PasswordKind": kind}, {"PasswordKind": kind, "EncryptedPassword": SECRET_MASK}):
        with pytest.raises(ValueRefused) as refused:
            ENTRY.to_change(there, form)
        assert (refused.value.fault, refused.value.attribute) == ("missing", "EncryptedPassword")
        assert "together with PasswordKind" in str(refused.value)
        assert [str(fault) for fault in ENTRY.faults(form, there)] == [str(refused.value)]
    assert ENTRY.to_change(there, {"PasswordKind": kind, "EncryptedPassword": MD5})


@pytest.mark.parametrize("name", ["Realm", "User"])
def test_what_an_ha1_is_made_of_changes_with_it_alone(name: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        ENTRY.to_change(stored(), {name: "other"})
    assert refused.value.fault == "missing"
    assert f"{name} is part of the HA1" in str(refused.value)
    assert ENTRY.to_change(stored(), {name: "other", "EncryptedPassword": SHA_256})
    clear = ENTRY.to_create(FORM) | {"EncryptedPassword": SECRET_MASK}
    assert ENTRY.to_change(clear, {name: "other"}) == {name: "other"}


def test_what_is_as_it_was_is_no_change_of_an_ha1() -> None:
    there = stored()
    form = {name: str(there[name]) for name in ("Realm", "User", "PasswordKind", "EncryptedPassword")}
    assert "EncryptedPassword" not in ENTRY.to_change(there, form)
    assert ENTRY.to_change(there, {"FromURIUserMatch": "1", "MatchRegex": ".*"})
