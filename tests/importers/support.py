"""What the tests of importers share."""

from __future__ import annotations

from pathlib import Path

from sipregistrant.importers import Found, Object, objects_of, read
from sipregistrant.model.registry import RESOURCES

SAMPLES = Path(__file__).parent / "samples"

SAMPLE = {
    "asterisk": "pjsip.conf",
    "audiocodes": "audiocodes.ini",
    "freeswitch": "freeswitch.xml",
    "kamailio": "kamailio-uacreg",
    "opensips": "opensips-registrant.csv",
}
"""One for each format."""


def imported(format: str, name: str) -> Found:
    """Read a sample; what comes of it must be what the attribute tables take."""
    found = read(format, SAMPLES / name)
    assert faults_of(objects_of(found, 1)) == []
    return found


def written(folder: Path, text: str, name: str = "source") -> Path:
    """Write a source into a folder."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def faults_of(objects: list[Object]) -> list[str]:
    """Return what is wrong with objects, but for passwords that have to be filled in."""
    return [
        f"{each.resource} {each.id}: {fault}"
        for each in objects
        for fault in RESOURCES[each.resource].faults(
            {**each.form, "EncryptedPassword": "-"} if each.lacks_password else each.form
        )
    ]


def texts_of(found: Found) -> list[str]:
    """Return the notes as a person reads them."""
    return [str(note) for note in found.notes]
