"""The documentation says what is true: reference, log events, commands, states."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tools import reference, states
from typer.main import get_command

from sipregistrant.cli.main import cli
from sipregistrant.model.status import Status

PROJECT = Path(__file__).parent.parent
OPERATING = (PROJECT / "docs" / "operating.md").read_text(encoding="utf-8")
SOURCES = sorted((PROJECT / "src").rglob("*.py"))


def test_the_reference_page_is_what_the_attribute_tables_make() -> None:
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), "run ./do docs"


def test_the_diagrams_are_what_the_state_tables_make() -> None:
    assert states.PAGE.read_text(encoding="utf-8") == states.page(), "run ./do docs"


def test_every_log_event_is_explained() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    events = set(re.findall(r'log\.(?:info|warning|error|exception)\(\s*"([a-z_.]+)"', text))
    assert len(events) > 10
    assert {event for event in events if f"`{event}`" not in OPERATING} == set()


def test_every_state_is_explained() -> None:
    assert {status.value for status in Status if f"| `{status.value}` |" not in OPERATING} == set()


def test_every_command_and_every_option_of_serve_is_explained() -> None:
    commands = get_command(cli).commands  # type: ignore[attr-defined]
    assert {name for name in commands if f"sipregistrant {name}" not in OPERATING} == set()
    options = {option for parameter in commands["serve"].params for option in parameter.opts if option.startswith("--")}
    assert {option for option in options if option not in OPERATING} == {"--help"} & options


def test_the_unit_for_systemd_runs_what_is_there_and_is_told_of() -> None:
    unit = PROJECT / "deploy" / "sipregistrant.service"
    settings = dict(line.split("=", 1) for line in unit.read_text(encoding="utf-8").splitlines() if "=" in line)
    command, verb, *words = settings["ExecStart"].split()
    serve = get_command(cli).commands["serve"]  # type: ignore[attr-defined]
    options = {option for parameter in serve.params for option in parameter.opts}
    assert (Path(command).name, verb) == ("sipregistrant", "serve")
    assert {word for word in words if word.startswith("-")} <= options
    assert settings["ExecReload"].split()[1:] == ["-HUP", "$MAINPID"]
    assert settings["StateDirectory"] == Path(words[words.index("--data-dir") + 1]).name
    assert f"`deploy/{unit.name}`" in OPERATING


@pytest.mark.parametrize("name", ["conformance.md", "lessons.md"])
def test_every_test_that_a_page_names_is_there(name: str) -> None:
    page = (PROJECT / "docs" / name).read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[a-z_/]+\.py)(?:::(test_[a-z0-9_]+))?`", page))
    assert len(named) > 30
    for path, test in named:
        source = PROJECT / path
        assert source.exists(), path
        assert not test or f"def {test}(" in source.read_text(encoding="utf-8"), f"{path}::{test}"


def test_no_line_of_the_conformance_page_is_without_a_test_or_a_word_why() -> None:
    page = (PROJECT / "docs" / "conformance.md").read_text(encoding="utf-8")
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and not set(line) <= set("|- "):
            assert all(cells[:2]), f"an empty cell: {line}"
            assert cells[1] == "held by" or "`tests/" in cells[1], f"no test: {line}"
