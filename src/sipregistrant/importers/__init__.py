"""Importers: what other products keep registered, read from their own files.

`found.py` is the shape of what comes of it; `gathering.py` sorts registrations into servers, and checks them; each product
has a module that knows its files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import ImportFaulty
from . import asterisk, audiocodes, freeswitch, kamailio, opensips
from .found import Form, Found, Note, Object, Trunk, objects_of

__all__ = ["FORMATS", "Form", "Found", "Note", "Object", "Trunk", "objects_of", "read"]

FORMATS: Mapping[str, Callable[[Path], Found]] = {
    "asterisk": asterisk.read,
    "audiocodes": audiocodes.read,
    "freeswitch": freeswitch.read,
    "kamailio": kamailio.read,
    "opensips": opensips.read,
}


def read(format: str, path: Path) -> Found:
    """Read a file of another product. Raises `ImportFaulty`, and nothing else."""
    if format not in FORMATS:
        raise ImportFaulty(format, f"no such format: there are {', '.join(FORMATS)}")
    return FORMATS[format](path)
