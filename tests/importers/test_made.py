"""What an importer finds can be made in a real store, in its order, and each user then gets its own password."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipregistrant.importers import FORMATS, Object, objects_of
from sipregistrant.model.registry import RESOURCES
from sipregistrant.store import config, state
from sipregistrant.store.credentials import credentials_for
from sipregistrant.store.objects import parent_uid_of
from sipregistrant.store.store import Store
from sipregistrant.store.tx import Key, Tx
from tests.importers.support import SAMPLE, imported
from tests.store.support import Clock

PASSWORDS = {
    "asterisk": {"line1": ["first;second"], "line2": ["0123456789abcdef0123456789abcdef"], "line4": ["fourth"]},
    "audiocodes": {"4930123": ["filled in"], "4930124": ["clear, with a comma"]},
    "freeswitch": {"alice": ["p&ss"], "+4930124": ["filled in"], "bob": []},
    "kamailio": {"alice": ["pass:word"], "bob": ["0123456789abcdef0123456789abcdef"]},
    "opensips": {"alice": ["secret one"], "reception": ["secret two"], "bob": []},
}
"""By the user of the From, in the first trunk."""


def make(tx: Tx, objects: list[Object]) -> None:
    for each in objects:
        form = {**each.form, "EncryptedPassword": "filled in"} if each.lacks_password else each.form
        config.create(tx, RESOURCES[each.resource], Key(each.id, each.table_id), form)


def passwords_of(tx: Tx, users: list[str]) -> dict[str, list[str]]:
    table = parent_uid_of(tx, RESOURCES["sipremoteauthentry"], 1)
    return {user: [each.password for each in found] for user, found in credentials_for(tx, table, users).items()}


@pytest.mark.parametrize("format", FORMATS)
def test_everything_that_is_found_can_be_made(format: str, tmp_path: Path) -> None:
    found = imported(format, SAMPLE[format])
    objects = objects_of(found, 1)
    Store.once(tmp_path / "var", Clock(), make, objects)
    for number, trunk in enumerate(found.trunks, 1):
        ids = Store.once(tmp_path / "var", Clock(), state.ids, RESOURCES["sipregistrantentry"], number, 0, 1000)
        assert ids == [id for id, _ in trunk.entries]
    users = [*PASSWORDS[format]]
    assert Store.once(tmp_path / "var", Clock(), passwords_of, users) == PASSWORDS[format]
