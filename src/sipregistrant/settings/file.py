"""The settings file: TOML, read so that each key has its line, and that one fault does not hide the next.

`tomllib` does not tell the lines of keys, so its own reading finds them: a statement ends with the first line at which what was
gathered since the one before can be read. Nothing of TOML is known here but how a heading begins.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import SettingsFaulty

__all__ = ["FileRead", "read_file"]

MOST_SYNTAX_FAULTS = 20
AT = re.compile(r" \((?:at line (\d+), column \d+|at end of document)\)")

Fault = tuple[str, str]


@dataclass(frozen=True, slots=True)
class FileRead:
    """What a file says: its tables, the line of each key and heading by its name (`https.listen`), and what is no TOML."""

    tables: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def read_file(path: Path) -> FileRead:
    """Read a file; raises `SettingsFaulty` where it cannot be read at all."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsFaulty([("--config", f"{path}: {error.strerror}")]) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        raise SettingsFaulty([(f"{path}:{number}", "it is not UTF-8")]) from None
    faults: list[Fault] = []
    # As TOML ends lines, and nothing else does: `splitlines` knows more ends.
    lines = _without_faults(text.replace("\r\n", "\n").split("\n"), path, faults)
    found: dict[str, int] = {}
    for number, name in _named(lines):
        found.setdefault(name, number)
    return FileRead(tomllib.loads("\n".join(lines)), found, faults)


def _without_faults(lines: list[str], path: Path, faults: list[Fault]) -> list[str]:
    """Return the lines with those emptied that are no TOML, and note what was wrong with each."""
    while len(faults) < MOST_SYNTAX_FAULTS:
        try:
            tomllib.loads("\n".join(lines))
            return lines
        except tomllib.TOMLDecodeError as error:
            told = str(error)
            match = AT.search(told)
            number = int(match[1]) if match and match[1] else 0
            line = number or max((at for at, text in enumerate(lines, 1) if text.strip()), default=1)
            faults.append((f"{path}:{line}", AT.sub("", told)))
            if not number or not lines[number - 1].strip():
                break
            # What stands below a heading that is none belongs to no other section.
            is_heading = lines[number - 1].lstrip().startswith("[")
            lines[number - 1] = ""
            while is_heading and number < len(lines) and not lines[number].lstrip().startswith("["):
                lines[number] = ""
                number += 1
    return []


def _named(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Give the line of each heading and key, with its name."""
    gathered: list[str] = []
    section = ""
    for number, line in enumerate(lines, 1):
        if not gathered and not line.strip():
            continue
        gathered.append(line)
        try:
            found = tomllib.loads("\n".join(gathered))
        except tomllib.TOMLDecodeError:
            continue
        begins = number - len(gathered) + 1
        is_heading = gathered[0].lstrip().startswith("[")
        names = list(_names(found, "" if is_heading else section))
        if is_heading:
            section = f"{names[-1]}."
        yield from ((begins, name) for name in names)
        gathered = []


def _names(found: Any, prefix: str) -> Iterator[str]:
    for key, value in found.items():
        yield f"{prefix}{key}"
        inner = value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else value
        if isinstance(inner, dict):
            yield from _names(inner, f"{prefix}{key}.")
