"""The settings as a TOML file: all of them with what they mean, or those that are in force with where they were said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .declared import Settings, about, named
from .load import Loaded
from .surroundings import variable_of

__all__ = ["example", "in_force"]

HEAD = """\
# Settings of `sipregistrant serve --config FILE`. Every one is here, with its default, and none has to be.
#
# What is said first counts: an option; the environment (SIPREGISTRANT_SECTION__KEY, lists with commas); a file of that name in
# --secrets-dir; this file; the default. `sipregistrant config check` names every fault with its line, `config show` what is
# in force and where it was said. SIGHUP reads all of it again: what is marked "reloads" is changed, the rest needs a restart.
"""


def example() -> str:
    """Return the file with all settings."""
    parts = [HEAD]
    section = ""
    for name, field in named().items():
        inside, dot, key = name.rpartition(".")
        if inside != section:
            section = inside
            meaning = Settings.model_fields[section].annotation.__doc__ or ""
            parts.append(f"\n\n# {meaning}\n[{section}]\n")
        extra = about(field)
        notes = [extra["option"], variable_of(name), *(["reloads"] if extra["reloads"] else [])]
        value = _toml(field.get_default())
        line = f"{key} = {value}" if value else f'# {key} = ""'
        parts.append(f"\n# {field.description}\n# ({', '.join(note for note in notes if note)})\n{line}\n")
    return "".join(parts)


def in_force(loaded: Loaded) -> str:
    """Return the settings in force, each with where it was said."""
    lines: list[str] = []
    section = ""
    for name, value in loaded.values().items():
        inside, _, key = name.rpartition(".")
        if inside != section:
            section = inside
            lines.append(f"\n[{section}]")
        shown = _toml(value)
        where = loaded.origins.get(name, "default")
        lines.append(f"{key} = {shown}  # {where}" if shown else f"# {key}: none  # {where}")
    return "\n".join(lines) + "\n"


def as_json(loaded: Loaded) -> str:
    """Return the settings in force as JSON: by name the value, and where it was said, "" for nowhere."""
    found = {
        name: {"value": str(value) if isinstance(value, Path) else value, "where": loaded.origins.get(name, "")}
        for name, value in loaded.values().items()
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _toml(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case Path():
            return json.dumps(str(value))
        case list():
            return "[" + ", ".join(json.dumps(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)
