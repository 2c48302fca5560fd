"""Where settings come from, and what is told of those that are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipregistrant.api.certificate import certificate_for
from sipregistrant.errors import ConfigurationError, SettingsFaulty
from sipregistrant.settings.declared import about, named
from sipregistrant.settings.example import example, in_force
from sipregistrant.settings.load import Sources, changes, load, service_settings
from sipregistrant.settings.surroundings import variable_of


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
        "s.toml:6: rest.csrf: 'perhaps': true or false is wanted",
        "s.toml:7: rest.trusted_proxies: 'x' is neither an IP address nor a network",
        "s.toml:8: there is no setting rest.stauts_line; rest.status_line?",
        "s.toml:10: sip.listen: 5060: a text is wanted, in quotes",
        "s.toml:11: there is no setting sip.unknown",
        "s.toml:12: there is no setting what",
        "SIPREGISTRANT_LOG__LEVEL: log.level: 'loud': 'debug', 'info', 'warning' or 'error' is wanted",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = ", "s.toml:1: Invalid value"),
        ("[https\n", "s.toml:1: Expected ']' at the end of a table declaration"),
        ("paused = true\npaused = false\n", "s.toml:2: Cannot overwrite a value"),
        ('https = "x"\n', "s.toml:1: https: 'x': a section is wanted, or keys that begin with its name and a dot"),
    ],
)
def test_a_file_that_is_no_toml_is_told(tmp_path: Path, text: str, fault: str) -> None:
    assert faults(Sources(file(tmp_path, text))) == [fault]


def test_places_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    assert faults(Sources(tmp_path / "no.toml")) == [f"--config: {tmp_path}/no.toml: No such file or directory"]
    assert faults(Sources(secrets=tmp_path / "no")) == [f"--secrets-dir: {tmp_path}/no: No such file or directory"]
    (tmp_path / "bad.toml").write_bytes(b"\xff")
    assert faults(Sources(tmp_path / "bad.toml")) == ["bad.toml:1: it is not UTF-8"]


def test_what_goes_together_is_looked_at_together(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("x")
    assert faults(Sources(file(tmp_path, f'[https]\nkey = "{key}"\n'))) == [
        "s.toml:2: https.certificate: the certificate to https.key is wanted as well"
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
    assert changes(before, after) == ({"rest.csrf": (False, True)}, {"sip.advertise": ("", "192.0.2.1")})
    assert changes(before, before) == ({}, {})


def test_a_service_has_a_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="a directory is wanted"):
        service_settings(load(Sources()).settings)
    told = service_settings(
        load(Sources(options={"data_dir": tmp_path, "sip.follow_redirects_to": ["[::1]", "A.example"]})).settings
    )
    assert (told.data_dir, told.redirect_hosts) == (tmp_path, {"::1", "a.example"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('"https"."listen" = "x"\n', ["s.toml:1: https.listen: 'x' is not HOST:PORT"]),
        ('["https"]\n\'listen\' = "x"\n', ["s.toml:2: https.listen: 'x' is not HOST:PORT"]),
        (
            'https = {listen = "x", lisen = "y"}\n',
            [
                "s.toml:1: https.listen: 'x' is not HOST:PORT",
                "s.toml:1: there is no setting https.lisen; https.listen?",
            ],
        ),
        ("\n[[https]]\n", ["s.toml:2: https: a section is wanted, or keys that begin with its name and a dot"]),
        ("[https.listen]\nx = 1\n", ["s.toml:1: https.listen: a text is wanted, in quotes"]),
        ("[rest]\n[rest.x]\ny = 1\n", ["s.toml:2: there is no setting rest.x; rest.csrf?"]),
        (
            '[rest]\nsystem_build = """\n[sip]\nlisten = "q"\n"""\n[sip]\nlisten = "z"\n',
            [
                "s.toml:2: rest.system_build: '[sip]\\nlisten = \"q\"\\n' has characters that cannot be shown",
                "s.toml:7: sip.listen: 'z' is not HOST:PORT",
            ],
        ),
        ("[rest]\ncsrf = 2026-01-01\n", ["s.toml:2: rest.csrf: true or false is wanted"]),
        ("data_dir = 5\n", ["s.toml:1: data_dir: 5: a path is wanted, in quotes"]),
        ('data_dir = "s.toml"\n', ["s.toml:1: data_dir: {}/s.toml is no directory"]),
        ('data_dir = "a\\u0000b"\n', ["s.toml:1: data_dir: a directory is wanted"]),
        ('[https]\nkey = "."\n', ["s.toml:2: https.key: {} is no file"]),
    ],
)
def test_a_fault_has_its_line_however_the_key_is_written(tmp_path: Path, text: str, told: list[str]) -> None:
    assert faults(Sources(file(tmp_path, text))) == [one.format(tmp_path) for one in told]


def test_what_is_no_toml_hides_no_other_fault(tmp_path: Path) -> None:
    text = "[rest\nx = 1\n[sip]\nlisten = 5\ntrust = oops\n[rest]\ncsrf = 5\ncsrf = 6\n"
    assert faults(Sources(file(tmp_path, text))) == [
        "s.toml:1: Expected ']' at the end of a table declaration",
        "s.toml:4: sip.listen: 5: a text is wanted, in quotes",
        "s.toml:5: Invalid value",
        "s.toml:7: rest.csrf: 5: true or false is wanted",
        "s.toml:8: Cannot overwrite a value",
    ]


def test_a_faulty_value_does_not_hide_what_does_not_go_together(tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    text = '[https]\nlisten = "x"\nkey = "key"\n[sip]\ntrust = "key"\nkey = "key"\n'
    told = faults(Sources(file(tmp_path, text)))
    assert told[:2] == [
        "s.toml:2: https.listen: 'x' is not HOST:PORT",
        "s.toml:3: https.certificate: the certificate to https.key is wanted as well",
    ]
    assert told[2].startswith("s.toml:5: sip.trust: ")
    assert told[3:] == ["s.toml:6: sip.certificate: sip.certificate and sip.key go together"]


def test_a_byte_order_mark_and_the_line_ends_of_windows_are_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(b"\xef\xbb\xbf[rest]\r\ncsrf = 5\r\n")
    assert faults(Sources(path)) == ["s.toml:2: rest.csrf: 5: true or false is wanted"]


def test_what_was_meant_for_a_setting_in_the_environment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SIPREGISTRANT_HTTP__LISTEN": "x", "SIPREGISTRANT_DATADIR": "x", "SIPREGISTRANT_REST": '{"csrf": true}',
        "SIPREGISTRANT_PORT": "tcp://192.0.2.1:443", "SIPREGISTRANT_SERVICE_HOST": "192.0.2.1", "SIPREGISTRANT_URL": "x",
        "SIPREGISTRANT_DATA_DIR": "", "SIPREGISTRANT_HTTPS__LISTEN": "", "SIPREGISTRANT_HTTPS__KEY": "",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert faults(Sources()) == [
        "SIPREGISTRANT_DATADIR: there is no setting of this name; SIPREGISTRANT_DATA_DIR?",
        "SIPREGISTRANT_HTTP__LISTEN: there is no setting of this name; SIPREGISTRANT_HTTPS__LISTEN?",
        "SIPREGISTRANT_REST: a section is not said as a whole: SIPREGISTRANT_REST__KEY",
    ]


def test_an_empty_variable_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIPREGISTRANT_REST__NODE_NAME", "")
    assert load(Sources(file(tmp_path, '[rest]\nnode_name = "file"\n'))).settings.rest.node_name == "file"


def test_a_secret_may_be_the_file_that_is_wanted(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    certificate, key = certificate_for(tmp_path, "127.0.0.1", datetime.now(UTC))
    (secrets / "SIPREGISTRANT_HTTPS__KEY").write_text(key.read_text())
    (secrets / "SIPREGISTRANT_HTTPS__CERTIFICATE").write_text(f"{certificate}\n")
    https = load(Sources(secrets=secrets)).settings.https
    assert (https.certificate, https.key) == (certificate, secrets / "SIPREGISTRANT_HTTPS__KEY")


def test_a_secret_that_cannot_be_is_told_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "SIPREGISTRANT_REST__NODE_NAME").write_bytes(b"\xff")
    (tmp_path / "SIPREGISTRANT_REST__CSFR").write_text("true")
    (tmp_path / "of-somebody-else").write_bytes(b"\xff")
    (tmp_path / "SIPREGISTRANT_HTTPS__KEY").write_text("-----BEGIN PRIVATE KEY-----\nMIIEsecret\n")
    told = faults(Sources(secrets=tmp_path))
    assert told == [
        "SIPREGISTRANT_HTTPS__KEY: https.certificate: the certificate to https.key is wanted as well",
        "SIPREGISTRANT_REST__CSFR: there is no setting of this name; SIPREGISTRANT_REST__CSRF?",
        "SIPREGISTRANT_REST__NODE_NAME: rest.node_name: it is not UTF-8",
    ]


def test_a_path_in_a_file_begins_where_the_file_is(tmp_path: Path) -> None:
    (tmp_path / "trust.pem").write_text(certificate_for(tmp_path, "127.0.0.1", datetime.now(UTC))[0].read_text())
    settings = load(Sources(file(tmp_path, 'data_dir = "var"\n[sip]\ntrust = "trust.pem"\n'))).settings
    assert (settings.data_dir, settings.sip.trust) == (tmp_path / "var", tmp_path / "trust.pem")


def test_a_key_in_place_of_its_path_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIPREGISTRANT_HTTPS__KEY", "-----BEGIN PRIVATE KEY-----\nMIIEsecret\n")
    assert faults(Sources()) == [
        "SIPREGISTRANT_HTTPS__KEY: https.key: the path of a file is wanted, not what is in it",
    ]


@given(
    st.lists(
        st.tuples(st.integers(0, 5000), st.integers(0, 8), st.text("[]{}\"'=,.#\n\\\0 a1é", max_size=6)), max_size=6
    )
)
def test_whatever_a_file_has_become_it_is_read_or_its_faults_are_told(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, int, str]]
) -> None:
    text = example()
    for at, removed, put in edits:
        text = text[: at % len(text)] + put + text[at % len(text) + removed :]
    config = file(tmp_path_factory.getbasetemp(), text)
    told: Sequence[tuple[str, str]] = ()
    try:
        load(Sources(config))
    except SettingsFaulty as error:
        told = error.faults
    assert all(1 <= int(where.rpartition(":")[2]) <= text.count("\n") + 1 for where, _ in told), told
