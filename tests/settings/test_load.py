"""Where settings come from, and what is told of those that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipregistrant.errors import ConfigurationError, SettingsFaulty
from sipregistrant.settings.declared import about, named
from sipregistrant.settings.example import example, in_force
from sipregistrant.settings.load import Sources, changes, load, service_settings, variable_of


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*named(), "config"):
        monkeypatch.delenv(variable_of(name), raising=False)


def file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "s.toml"
    path.write_text(text)
    return path


def faults(sources: Sources) -> list[str]:
    with pytest.raises(SettingsFaulty) as told:
        load(sources)
    return [f"{Path(where).name if '/' in where else where}: {problem}" for where, problem in told.value.faults]


def test_the_first_place_that_says_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = file(tmp_path, '[rest]\nnode_name = "file"\nsystem_build = "file"\nsystem_version = "file"\ncsrf = true\n')
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "sipregistrant_rest__system_build").write_text("secret\n")
    (secrets / "SIPREGISTRANT_REST__SYSTEM_VERSION").write_text("secret\n")
    monkeypatch.setenv("SIPREGISTRANT_REST__SYSTEM_VERSION", "environment")
    monkeypatch.setenv("SIPREGISTRANT_DNS__SERVERS", "192.0.2.1:53, [::1]:53")
    loaded = load(Sources(config, secrets, {"rest.node_name": "option"}))
    rest = loaded.settings.rest
    assert (rest.node_name, rest.system_version, rest.system_build, rest.csrf) == (
        "option",
        "environment",
        "secret",
        True,
    )
    assert loaded.settings.dns.servers == ["192.0.2.1:53", "[::1]:53"]
    origins = {name: Path(where).name for name, where in loaded.origins.items() if name in named()}
    assert origins == {
        "rest.node_name": "--node-name", "rest.system_version": "SIPREGISTRANT_REST__SYSTEM_VERSION",
        "rest.system_build": "sipregistrant_rest__system_build", "rest.csrf": "s.toml:5",
        "dns.servers": "SIPREGISTRANT_DNS__SERVERS",
    }  # fmt: skip
    assert "csrf = true  # " in in_force(loaded)


def test_every_fault_is_told_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIPREGISTRANT_LOG__LEVEL", "loud")
    config = file(
        tmp_path,
        """\
pause = true
[https]
listen = "nonsense"
certificate = "/nowhere"
[rest]
csrf = "perhaps"
trusted_proxies = ["192.0.2.1", "x"]
'stauts_line' = "200"
[sip]
listen = 5060
unknown.deep = 1
[what]
x = 1
""",
    )
    assert faults(Sources(config, options={"sip.advertise": "0.0.0.0"})) == [
        "--advertise: 0.0.0.0 is no address that anybody could send to",
        "s.toml:1: there is no setting pause; paused?",
        "s.toml:3: https.listen: 'nonsense' is not HOST:PORT",
        "s.toml:4: https.certificate: /nowhere: No such file or directory",
        "s.toml:6: rest.csrf: 'perhaps': input should be a valid boolean, unable to interpret input",
        "s.toml:7: rest.trusted_proxies: 'x' is neither an IP address nor a network",
        "s.toml:8: there is no setting rest.stauts_line; rest.status_line?",
        "s.toml:10: sip.listen: 5060: input should be a valid string",
        "s.toml:11: there is no setting sip.unknown",
        "s.toml:12: there is no setting what",
        "SIPREGISTRANT_LOG__LEVEL: log.level: 'loud': input should be 'debug', 'info', 'warning' or 'error'",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = ", "s.toml:1: Invalid value"),
        ("[https\n", "s.toml:1: Expected ']' at the end of a table declaration"),
        ("x = 1\nx = 2\n", "s.toml:2: Cannot overwrite a value"),
        ('https = "x"\n', "s.toml:1: https: 'x': input should be a valid dictionary or instance of Https"),
    ],
)
def test_a_file_that_is_no_toml_is_told(tmp_path: Path, text: str, fault: str) -> None:
    assert faults(Sources(file(tmp_path, text))) == [fault]


def test_places_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    assert faults(Sources(tmp_path / "no.toml")) == [f"--config: {tmp_path}/no.toml: No such file or directory"]
    assert faults(Sources(secrets=tmp_path / "no")) == [f"--secrets-dir: {tmp_path}/no: No such file or directory"]
    (tmp_path / "bad.toml").write_bytes(b"\xff")
    assert faults(Sources(tmp_path / "bad.toml")) == ["bad.toml: it is not UTF-8"]


def test_what_goes_together_is_looked_at_together(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("x")
    assert faults(Sources(file(tmp_path, f'[https]\nkey = "{key}"\n'))) == [
        "--https-certificate: the certificate to --https-key is wanted as well"
    ]
    both = faults(Sources(file(tmp_path, f'[sip]\ncertificate = "{key}"\nkey = "{key}"\n')))
    assert len(both) == 1
    assert both[0].startswith("s.toml:2: sip.certificate: ")


def test_the_example_says_what_is_so_by_default(tmp_path: Path) -> None:
    written = load(Sources(file(tmp_path, example())))
    assert written.values() == load(Sources()).values()
    assert {name for name in named() if name not in written.origins} == {
        name for name, field in named().items() if field.get_default() is None
    }  # fmt: skip
    assert all(field.description for field in named().values())
    assert len({about(field)["option"] for field in named().values()}) == len(named())


def test_what_differs_is_reloaded_or_waits_for_a_restart(tmp_path: Path) -> None:
    before = load(Sources())
    after = load(Sources(file(tmp_path, '[rest]\ncsrf = true\n[sip]\nadvertise = "192.0.2.1"\n')))
    assert changes(before, after) == (["rest.csrf"], ["sip.advertise"])
    assert changes(before, before) == ([], [])


def test_a_service_has_a_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="a directory is wanted"):
        service_settings(load(Sources()).settings)
    told = service_settings(
        load(Sources(options={"data_dir": tmp_path, "sip.follow_redirects_to": ["[::1]", "A.example"]})).settings
    )
    assert (told.data_dir, told.redirect_hosts) == (tmp_path, {"::1", "a.example"})
