"""Writes docs/commands.md, every command with its arguments and options, from the program's own help; and
docs/sipregistrant.toml, every setting.

    .venv/bin/python tools/commands.py

`./do docs` and tests/test_docs.py call it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sipregistrant.cli.main import COMMANDS, command_of
from sipregistrant.settings.example import example

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "commands.md"
SETTINGS = DOCS / "sipregistrant.toml"

HEAD = """\
# Commands

Made from the program by `./do docs`; `--help` behind each says the same. What `serve` is told is in
[operating.md](operating.md).

Where the service is, is said by `--data-dir DIR` on its machine: its local socket is asked, and nobody has to log in; or, where
no service runs, the files are opened, and what is changed is carried out when one starts. From elsewhere it is `--url URL` with
a token, and `--ca FILE` where nobody has signed the certificate. `SIPREGISTRANT_DATA_DIR`, `SIPREGISTRANT_URL`,
`SIPREGISTRANT_TOKEN`, `SIPREGISTRANT_TOKEN_FILE` and `SIPREGISTRANT_CA` say the same.

| ends with | |
|---|---|
| 0 | done |
| 1 | refused, or failed: why is on standard error, and nothing was changed |
| 2 | the command line is not understood |
| 3 | the answer is no: a limit is too low (`forecast`), an alarm stands (`alarms`), it would not register (`probe`, `bindings`) |
| 4 | no service answers |

`sipregistrant --install-completion` has the shell complete commands and options.
"""
WHERE = {"--data-dir", "--url", "--token-file", "--ca", "--help"}


def page() -> str:
    """Return the page."""
    return HEAD + "".join(_described(f"sipregistrant {name}", command_of(name)) for name in COMMANDS)


def _described(name: str, command: Any) -> str:
    about = (command.help or "").strip().replace("\b\n", "")
    inside = getattr(command, "commands", None)
    if inside is not None:
        parts = [f"\n## `{name}`\n\n{about}\n"]
        parts += [_one(f"{name} {word}", inner, "###") for word, inner in inside.items()]
        return "".join(parts)
    return _one(name, command, "##")


def _one(name: str, command: Any, level: str) -> str:
    words = [
        parameter.metavar or parameter.name.upper()
        for parameter in command.params
        if parameter.param_type_name == "argument"
    ]
    lines = [f"\n{level} `{' '.join([name, *words])}`\n\n{_paragraphs(command.help or '')}\n"]
    rows = []
    for parameter in command.params:
        if parameter.param_type_name != "option" or WHERE & set(parameter.opts) and name != "sipregistrant serve":
            continue
        names = ", ".join(f"`{option}`" for option in [*parameter.opts, *parameter.secondary_opts])
        value = f" `{parameter.metavar}`" if parameter.metavar and not parameter.is_flag else ""
        rows.append(f"| {names}{value} | {(parameter.help or '').replace('|', chr(92) + '|')} |\n")
    if rows:
        lines += ["\n| option | |\n|---|---|\n", *rows]
    return "".join(lines)


def _paragraphs(text: str) -> str:
    """Return a help text with its paragraphs, each in one line."""
    return "\n\n".join(" ".join(part.split()) for part in text.strip().split("\n\n"))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    SETTINGS.write_text(example(), encoding="utf-8")
