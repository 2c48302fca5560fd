"""The page docs/rest-walk.md: its very commands, with a real curl and a real shell, against the real service.

A block of `sh` is run, the block of `xml` behind it is what it must print. Only the three ports of the page are replaced
by free ones; `…` stands for any text within an element.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.service import ServiceProcess

PAGE = Path(__file__).parent.parent.parent / "docs" / "rest-walk.md"

HTTPS_PORT, SIP_PORT, SANDBOX_PORT = "8443", "5060", "5070"
METHODS = ("PUT", "POST", "DELETE")

# Each wait in the page is for one REGISTER on loopback.
SECONDS = 90

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl: sudo apt-get install curl")


def blocks() -> list[tuple[str, str]]:
    """Return each block of commands with the reply that is shown behind it, "" where none is."""
    found = re.findall(
        r"^```sh\n(.*?)^```$(?:\n\n^```xml\n(.*?)^```$)?", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    return [(commands, shown) for commands, shown in found]


@pytest.fixture
def sandbox() -> Iterator[int]:
    """A registrar as the page starts it; gives its port."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "sipregistrant", "sandbox", "--listen", f"udp:127.0.0.1:{port}", "--password", "sandbox"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ready ")
        yield port
    finally:
        process.kill()
        process.communicate()


def with_ports(text: str, ports: dict[str, str]) -> str:
    """Put the ports of this run in the place of those of the page."""
    return re.sub(r"\b(8443|5060|5070)\b", lambda match: ports[match[1]], text)


def run_all(commands: list[str], directory: Path) -> list[str]:
    """Run the blocks one after the other in one shell; return what each printed."""
    script = "".join(f"{{\n{block}}} >{number}.out 2>&1\n" for number, block in enumerate(commands))
    ended = subprocess.run(
        ["bash", "-c", script], cwd=directory, timeout=SECONDS, capture_output=True, text=True, check=False
    )
    assert ended.stderr == ""
    return [(directory / f"{number}.out").read_text("utf-8") for number in range(len(commands))]


def matches(shown: str, printed: str) -> bool:
    """Tell whether what was printed is what the page shows."""
    pattern = re.escape(shown).replace("…", "[^<]+")
    return re.fullmatch(pattern, re.sub(r"^\n+|(?<=\n)\n+", "", printed)) is not None


@needs_curl
def test_the_commands_of_the_page_print_what_it_shows(tmp_path: Path, free_port: int, sandbox: int) -> None:
    pairs = blocks()
    with ServiceProcess(tmp_path / "data", free_port) as service:
        https_port = service.base.rpartition(":")[2]
        ports = {HTTPS_PORT: https_port, SIP_PORT: str(free_port), SANDBOX_PORT: str(sandbox)}
        printed = run_all([with_ports(commands, ports) for commands, _ in pairs], tmp_path)
    for (commands, shown), got in zip(pairs, printed, strict=True):
        assert matches(with_ports(shown, ports), got), f"{commands}\nprinted\n{got}\ninstead of\n{shown}"


def test_the_page_shows_every_method_and_a_reply_to_every_block_but_the_first() -> None:
    pairs = blocks()
    assert len(pairs) > 15
    assert all(shown for _, shown in pairs[1:])
    commands = "".join(commands for commands, _ in pairs)
    assert all(f"-X {method} " in commands for method in METHODS)
    assert 'rest "$entry?filter=runtime"' in commands


def test_a_reply_that_differs_does_not_match() -> None:
    assert matches("<a>…</a>\n", "\n\n<a>2027-01-15</a>\n")
    assert not matches("<a>…</a>\n", "<a></a>\n")
    assert not matches("<a>1</a>\n", "<a>2</a>\n")
