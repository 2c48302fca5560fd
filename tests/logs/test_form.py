"""The form of a line, and what belongs to it."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from sipregistrant.logs.form import Form, log_to_stderr


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before, handlers = structlog.get_config(), logging.root.handlers[:]
    yield
    structlog.configure(**before)
    logging.root.handlers[:] = handlers


def written(capsys: pytest.CaptureFixture[str], form: Form, level: int = logging.INFO) -> str:
    log_to_stderr(level, form)
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger().info("it.happened", password="hunter2hunter2", number=3)
    return capsys.readouterr().err


def test_json_is_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    line = json.loads(written(capsys, "json"))
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "it.happened", "level": "info", "number": 3, "password": "***", "request_id": "r1"}


def test_the_console_is_for_people_and_masks_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    line = written(capsys, "console")
    assert "it.happened" in line
    assert "number=3" in line
    assert "hunter2" not in line


@pytest.mark.parametrize("is_terminal", [True, False])
def test_auto_is_for_people_at_a_terminal_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, is_terminal: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    assert written(capsys, "auto").startswith("{") == (not is_terminal)


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert written(capsys, "json", logging.WARNING) == ""


def test_what_a_library_says_is_masked_too(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr()
    logging.getLogger("some.library").warning("bad request: %s", "Authorization: Bearer abcdefghijkl")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["message"]) == ("library.said", "bad request: Authorization: ***")
