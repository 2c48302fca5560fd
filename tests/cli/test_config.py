"""`sipregistrant config`, and SIGHUP on the real program."""

from __future__ import annotations

import json
import os
import signal
import ssl
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from sipregistrant.api.certificate import certificate_for

from ..ports import free_port
from ..service import ServiceProcess, eventually, run_command


def test_faults_are_named_and_end_with_one(tmp_path: Path) -> None:
    config = tmp_path / "s.toml"
    config.write_text('[https]\nlisten = "x"\nlisen = "y"\n')
    checked = run_command("config", "check", "--config", str(config))
    assert (checked.returncode, checked.stderr.splitlines()) == (
        1,
        [
            f"{config}:2: https.listen: 'x' is not HOST:PORT",
            f"{config}:3: there is no setting https.lisen; https.listen?",
        ],
    )
    served = run_command("serve", "--config", str(config))
    assert (served.returncode, f"{config}:3: there is no setting" in served.stderr) == (1, True)
    config.write_text("")
    assert run_command("config", "check", "--config", str(config)).stdout.startswith("good: 0 settings are said")
    assert run_command("config", "show", "--defaults").stdout.count("\n[") == 7
    assert 'listen = "127.0.0.1:8443"  # default' in run_command("config", "show").stdout
    config.write_text("[rest]\ncsrf = true\n")
    shown = json.loads(run_command("config", "show", "--config", str(config), "-o", "json").stdout)
    assert shown["rest.csrf"] == {"value": True, "where": f"{config}:2"}
    assert shown["https.key"] == {"value": None, "where": ""}


def test_a_sighup_reloads_what_can_be_and_says_what_cannot(tmp_path: Path) -> None:
    config = tmp_path / "s.toml"
    config.write_text('[rest]\nnode_name = "before"\n')
    (tmp_path / "var").mkdir()
    with ServiceProcess(tmp_path / "var", free_port(), "--config", str(config)) as service:
        context = ssl.create_default_context(cafile=tmp_path / "var" / "https.crt")
        with httpx2.Client(base_url=f"{service.base}/rest/", verify=context, trust_env=False, timeout=30) as client:
            client.post("login", data={"Username": "rest", "Password": "the-password"})
            assert "before" in client.get("system").text
            config.write_text('[rest]\nnode_name = "after"\n[sip]\nadvertise = "192.0.2.1"\n')
            os.kill(service.pid, signal.SIGHUP)
            eventually(lambda: "after" in client.get("system").text)
            eventually(lambda: '"settings": {"sip.advertise": ["", "192.0.2.1"]}' in service.log())
            config.write_text('[rest]\nnode_name = "third"\ncsrf = 7\n')
            os.kill(service.pid, signal.SIGHUP)
            eventually(lambda: '"settings.faulty"' in service.log())
            assert "after" in client.get("system").text


def test_a_sighup_shows_another_certificate_and_survives_whatever_the_file_has_become(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        certificate_for(tmp_path / name, "127.0.0.1", datetime.now(UTC))
    config = tmp_path / "s.toml"
    config.write_text('[https]\ncertificate = "one/https.crt"\nkey = "one/https.key"\n')
    (tmp_path / "var").mkdir()
    with ServiceProcess(tmp_path / "var", free_port(), "--config", str(config)) as service:

        def shows(name: str) -> bool:
            place = urlsplit(service.base)
            shown = ssl.get_server_certificate((str(place.hostname), int(place.port or 0)), timeout=10)
            return shown == (tmp_path / name / "https.crt").read_text()

        assert shows("one")
        config.write_text(
            '[https]\ncertificate = "two/https.crt"\nkey = "two/https.key"\n[dns]\nservers = ["192.0.2.53:53"]\n'
        )
        os.kill(service.pid, signal.SIGHUP)
        eventually(lambda: shows("two"))
        assert '"dns.servers": [[], ["192.0.2.53:53"]]' in service.log()
        config.write_text('[https\n[rest]\ncsrf = 7\nnode_name = "other"\n')
        os.kill(service.pid, signal.SIGHUP)
        eventually(lambda: f'"{config}:3"' in service.log())
        config.unlink()
        os.kill(service.pid, signal.SIGHUP)
        eventually(lambda: '"--config"' in service.log())
        assert shows("two")
        assert service.log().count('"settings.reloaded"') == 1
        assert service.stop() == 0
