"""Options of `serve`, from the command line to what a client of the running program sees."""

from __future__ import annotations

import datetime
import os
import signal
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from sipregistrant.api.certificate import certificate_for

from ..ports import free_port
from ..service import PASSWORD, USER, ServiceProcess, eventually, run_command


def make_pair(directory: Path) -> tuple[Path, Path]:
    directory.mkdir(exist_ok=True)
    return certificate_for(directory, "127.0.0.1", datetime.datetime.now(datetime.UTC))


def shown_by(base: str) -> str:
    """Return the certificate that a new connection is shown, as PEM."""
    place = urlsplit(base)
    return ssl.get_server_certificate((str(place.hostname), int(place.port or 0)), timeout=10)


def test_options_reach_the_wire_api_and_a_new_certificate_is_shown_after_a_sighup(tmp_path: Path) -> None:
    certificate, key = make_pair(tmp_path / "own")
    service = ServiceProcess(
        tmp_path / "var", free_port(), "--https-certificate", str(certificate), "--https-key", str(key),
        "--rest-status-line", "mirror", "--csrf", "--system-version", "11.0.2", "--system-build", "77",
        "--node-name", "sbc-7", "--trusted-proxy", "127.0.0.1",
    )  # fmt: skip
    (tmp_path / "var").mkdir()
    with service:
        assert shown_by(service.base) == certificate.read_text()
        assert not (tmp_path / "var" / "https.key").exists()
        context = ssl.create_default_context(cafile=certificate)
        forwarded = {"X-Forwarded-Host": "sbc.example"}
        with httpx2.Client(base_url=f"{service.base}/rest/", verify=context, trust_env=False, timeout=30) as client:
            assert client.post("login", data={"Username": USER, "Password": PASSWORD}).status_code == 200
            assert client.get("nothing").status_code == 404
            assert client.post("sipsg/1").status_code == 403
            shown = client.get("system", headers=forwarded).text
            for text in ("11.0.2", "77", "sbc-7", 'href="https://sbc.example/rest/system"'):
                assert text in shown

            newer, newer_key = make_pair(tmp_path / "newer")
            newer_key.replace(key)
            newer.replace(certificate)
            os.kill(service.pid, signal.SIGHUP)
            eventually(lambda: shown_by(service.base) == certificate.read_text(), within=5)
            assert client.get("system").status_code == 200, "a connection that was open goes on"
        assert '"certificate.loaded"' in service.log()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--https-certificate", "/nonexistent/a", "--https-key", "/nonexistent/b"], "--https-certificate"),
        (["--https-certificate", __file__], "--https-key"),
        (["--trusted-proxy", "proxy.example"], "--trusted-proxy"),
        (["--system-version", "a\tb"], "--system-version"),
        (["--sip", "::1:5060"], "--sip"),
    ],
)
def test_an_option_that_cannot_be_used_ends_the_start_and_is_named(
    tmp_path: Path, options: list[str], named: str
) -> None:
    ended = run_command("serve", "--data-dir", str(tmp_path / "var"), "--https", "127.0.0.1:0", *options)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"sipregistrant: {named}: ")
    assert not (tmp_path / "var").exists()
