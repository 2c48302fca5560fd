"""The documentation says what is true: reference, log events, commands, states."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from tools import api, commands, events, metrics, outcomes, reference, states

from sipregistrant import errors
from sipregistrant.cli.main import COMMANDS, command_of
from sipregistrant.model.status import Status
from sipregistrant.settings.declared import about, named
from sipregistrant.settings.example import example

PROJECT = Path(__file__).parent.parent
OPERATING = (PROJECT / "docs" / "operating.md").read_text(encoding="utf-8")
SOURCES = sorted((PROJECT / "src").rglob("*.py"))


def test_the_reference_page_is_what_the_attribute_tables_make() -> None:
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), "run ./do docs"


def test_the_diagrams_are_what_the_state_tables_make() -> None:
    assert states.PAGE.read_text(encoding="utf-8") == states.page(), "run ./do docs"


def test_the_page_on_outcomes_is_what_explain_speaks_from() -> None:
    assert outcomes.PAGE.read_text(encoding="utf-8") == outcomes.page(), "run ./do docs"


def test_the_page_on_events_is_what_is_declared() -> None:
    assert events.PAGE.read_text(encoding="utf-8") == events.page(), "run ./do docs"


def test_the_page_on_metrics_is_what_the_catalogue_makes() -> None:
    assert metrics.PAGE.read_text(encoding="utf-8") == metrics.page(), "run ./do docs"


def test_the_pages_on_the_json_api_and_the_commands_are_what_the_program_makes() -> None:
    assert api.PAGE.read_text(encoding="utf-8") == api.page(), "run ./do docs"
    assert api.REFERENCE.read_text(encoding="utf-8") == api.reference(), "run ./do docs"
    assert commands.PAGE.read_text(encoding="utf-8") == commands.page(), "run ./do docs"
    assert commands.SETTINGS.read_text(encoding="utf-8") == example(), "run ./do docs"


def test_every_command_and_every_route_has_its_words() -> None:
    undescribed = [line for line in commands.PAGE.read_text(encoding="utf-8").splitlines() if line.endswith("|  |")]
    assert undescribed == []
    for path, item in api.document()["paths"].items():
        assert all(operation["summary"] for operation in item.values()), path


def test_every_refusal_is_explained() -> None:
    told = (PROJECT / "docs" / "api.md").read_text(encoding="utf-8")
    refusals = {name for name in errors.__all__ if issubclass(getattr(errors, name), errors.SipRegistrantError)}
    families = {"SipRegistrantError", "Refusal", "StoreError", "SipError"}
    inside = {"InvalidState", "SipParseError", "UnusableChallenge"}  # of the core: they never reach anybody
    assert {name for name in refusals - families - inside if f"`{name}`" not in told} == set()


def test_every_log_event_is_explained() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    level = r"(?:[A-Z]+ if [\w.> ]+ else [A-Z]+,|LEVELS\[severity\], )?"
    call = rf'log\.(?:debug|info|warning|error|exception|log)\({level}\s*"([a-z_.]+)"'
    events = set(re.findall(call, text))
    assert {"registration.failed_again", "claim.failed", "flow.lost", "group.up", "alarm.raised"} <= events
    assert len(events) > 10
    assert {event for event in events if f"`{event}`" not in OPERATING} == set()


def test_every_state_is_explained() -> None:
    assert {status.value for status in Status if f"| `{status.value}` |" not in OPERATING} == set()


def test_every_command_and_every_option_of_serve_is_explained() -> None:
    assert {"serve", "user"} < {*COMMANDS}
    assert {name for name in COMMANDS if f"sipregistrant {name}" not in OPERATING} == set()
    options = {option for parameter in command_of("serve").params for option in parameter.opts if option[:2] == "--"}
    assert {option for option in options if option not in OPERATING} == {"--help"} & options


def test_every_option_of_serve_is_a_setting_and_every_setting_an_option() -> None:
    options = {option for parameter in command_of("serve").params for option in parameter.opts}
    assert {about(field)["option"] for field in named().values()} == options - {
        "--config",
        "--secrets-dir",
        "--help",
        "-h",
    }


def test_the_unit_for_systemd_runs_what_is_there_and_is_told_of() -> None:
    unit = PROJECT / "deploy" / "sipregistrant.service"
    settings = dict(line.split("=", 1) for line in unit.read_text(encoding="utf-8").splitlines() if "=" in line)
    command, verb, *words = settings["ExecStart"].split()
    options = {option for parameter in command_of("serve").params for option in parameter.opts}
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
    for section in _sections_of_conformance():
        for cells in section.rows:
            assert all(cells[: section.tests + 1]), f"an empty cell: {cells}"
            assert "`tests/" in cells[section.tests], f"no test: {cells}"


def test_each_clause_of_sip_has_its_code_and_no_empty_cell() -> None:
    (sip,) = [section for section in _sections_of_conformance() if section.title == "SIP"]
    assert len(sip.rows) > 30
    for clause, code, held_by, deviation in sip.rows:
        assert clause and held_by and deviation, clause  # noqa: PT018
        modules = re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", code)
        assert modules, clause
        assert all((PROJECT / "src" / "sipregistrant" / module).exists() for module in modules), code


@dataclass(slots=True)
class _Section:
    """A section of the conformance page that has a table; `tests` is the column of the tests."""

    title: str
    tests: int
    rows: list[list[str]]


def _sections_of_conformance() -> list[_Section]:
    page = (PROJECT / "docs" / "conformance.md").read_text(encoding="utf-8")
    found = []
    for title, text in re.findall(r"^##+ ([^\n]+)\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL):
        lines = [line for line in text.splitlines() if line.startswith("|")]
        if lines:
            head, _, *rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
            found.append(_Section(title, head.index("held by"), rows))
    return found
