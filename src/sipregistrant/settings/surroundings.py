"""What the environment and the secrets directory say.

Neither is ours alone: of a variable or a file that is no setting only what was surely meant for one is a fault. (Kubernetes sets
`SIPREGISTRANT_PORT` and others of that kind where a service of its has our name.)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import SettingsFaulty
from .declared import NESTED, PREFIX, Settings, is_path, named
from .faults import nearest

__all__ = ["Said", "read_environment", "read_secrets", "variable_of"]

OF_COMMANDS = frozenset(PREFIX + name for name in ("CONFIG", "SECRETS_DIR", "URL", "TOKEN", "TOKEN_FILE", "CA"))
"""Variables that are no settings, but known."""

SURELY = 0.85
LARGEST_SECRET = 1_000_000
PEM = "-----BEGIN "


@dataclass(frozen=True, slots=True)
class Said:
    """What a place says, by name; where it says so; and what is wrong."""

    values: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    faults: list[tuple[str, str]] = field(default_factory=list)


def variable_of(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper().replace(".", NESTED)


def read_environment() -> Said:
    """Return what variables say. One that is empty says nothing: `VARIABLE=${OTHER}` often comes to that."""
    said = Said()
    settings = {variable_of(name): name for name in named()}
    for variable, text in os.environ.items():
        name = settings.get(variable.upper())
        if name is None:
            _refuse_unknown(variable, variable, settings, said)
        elif text:
            said.values[name], said.origins[name] = text, variable
    return said


def read_secrets(directory: Path | None) -> Said:
    """Return what the files of a secrets directory say, without the line end at their end.

    Where a file is wanted and the secret is one itself, PEM, its path is the value. Raises `SettingsFaulty` for a directory that
    cannot be read.
    """
    said = Said()
    if directory is None:
        return said
    settings = {variable_of(name): name for name in named()}
    fields = named()
    try:
        paths = sorted(path for path in directory.iterdir() if path.is_file())
    except OSError as error:
        raise SettingsFaulty([("--secrets-dir", f"{directory}: {error.strerror}")]) from None
    for path in paths:
        name = settings.get(path.name.upper())
        if name is None:
            _refuse_unknown(path.name, str(path), settings, said)
            continue
        try:
            with path.open("rb") as file:
                text = file.read(LARGEST_SECRET).decode("utf-8").strip("\r\n")
        except OSError as error:
            said.faults.append((str(path), f"{name}: it cannot be read: {error.strerror}"))
        except UnicodeDecodeError:
            said.faults.append((str(path), f"{name}: it is not UTF-8"))
        else:
            is_file_itself = is_path(fields[name]) and PEM in text
            said.values[name], said.origins[name] = str(path) if is_file_itself else text, str(path)
    return said


def _refuse_unknown(name: str, where: str, settings: Mapping[str, str], said: Said) -> None:
    """Note what has our prefix, and was meant for a setting."""
    variable = name.upper()
    if not variable.startswith(PREFIX) or variable in OF_COMMANDS:
        return
    bare = variable.removeprefix(PREFIX)
    meant = nearest(bare, [known.removeprefix(PREFIX) for known in settings], SURELY)
    if bare.lower() in Settings.model_fields:
        said.faults.append((where, f"a section is not said as a whole: {PREFIX}{bare}{NESTED}KEY"))
    elif NESTED in bare or meant:
        near = nearest(variable, settings) if NESTED in bare else f"; {PREFIX}{meant.removeprefix('; ')}"
        said.faults.append((where, f"there is no setting of this name{near}"))
