"""Where the value of a setting comes from: option, environment, secrets directory, file, default, the first that says it.

Every fault is told, with where it stands: `settings.toml:12`, `SIPREGISTRANT_REST__CSRF`, `--https`.
"""

from __future__ import annotations

import difflib
import os
import re
import socket
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SecretsSettingsSource

from .. import __version__
from ..api.tls import check
from ..engine.transport.tls import TlsFiles
from ..errors import ConfigurationError, SettingsFaulty
from ..rest.settings import RestSettings
from ..service import ServiceSettings
from . import texts
from .declared import NESTED, PREFIX, Settings, about, named

__all__ = ["Loaded", "Sources", "changes", "load", "service_settings"]

HEADER = re.compile(r"\s*\[\s*([A-Za-z0-9_-]+)\s*\]")
KEY = re.compile(r"\s*(?:\"([^\"]+)\"|'([^']+)'|([A-Za-z0-9_.-]+))\s*=")
AT_LINE = re.compile(r"\(at line (\d+), column (\d+)\)|\(at end of document\)")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where settings are looked for: the file, the secrets directory, and what options said, by name (`https.listen`)."""

    file: Path | None = None
    secrets: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and where each of them was said; those that nobody said are not there."""

    settings: Settings
    origins: Mapping[str, str]

    def values(self) -> dict[str, Any]:
        """Return all by name."""
        told = self.settings.model_dump()
        return {name: _at(told, name) for name in named()}


def load(sources: Sources) -> Loaded:
    """Return what is said; raises `SettingsFaulty` with everything that is wrong."""
    text = _text_of(sources.file)
    tables = _parsed(text, sources.file)
    origins = _origins(sources, text)

    class FromHere(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource, dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
            secrets = _Secrets(settings_cls, sources.secrets)
            return init_settings, env_settings, secrets, InitSettingsSource(settings_cls, init_kwargs=tables)

    try:
        settings = FromHere(**_nested(sources.options))
    except ValidationError as error:
        raise SettingsFaulty(sorted({_fault(one, origins) for one in error.errors()}, key=_place)) from None
    loaded = Loaded(settings, origins)
    faults = list(_unusable(loaded))
    if faults:
        raise SettingsFaulty(faults)
    return loaded


class _Secrets(SecretsSettingsSource):
    """One file a setting, named as its environment variable, in any case."""

    def __init__(self, settings_cls: type[BaseSettings], directory: Path | None) -> None:
        super().__init__(settings_cls, secrets_dir=None)
        self._directory = directory

    def __call__(self) -> dict[str, Any]:
        """Return what the files say, without the line end at their end."""
        found = {name: path.read_text("utf-8").strip("\r\n") for name, path in secret_files(self._directory).items()}
        return _nested(found)


def secret_files(directory: Path | None) -> dict[str, Path]:
    """Return the files of settings, by the setting's name; raises `SettingsFaulty` for a directory that cannot be read."""
    if directory is None:
        return {}
    try:
        by_name = {path.name.upper(): path for path in directory.iterdir() if path.is_file()}
    except OSError as error:
        raise SettingsFaulty([("--secrets-dir", f"{directory}: {error.strerror}")]) from None
    return {name: by_name[variable] for name in named() if (variable := variable_of(name)) in by_name}


def variable_of(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper().replace(".", NESTED)


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        section, dot, key = name.partition(".")
        if dot:
            found.setdefault(section, {})[key] = value
        else:
            found[name] = value
    return found


def _text_of(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise SettingsFaulty([("--config", f"{file}: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise SettingsFaulty([(str(file), "it is not UTF-8")]) from None


def _parsed(text: str, file: Path | None) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = str(error)
        match = AT_LINE.search(told)
        number = match[1] if match and match[1] else str(len(text.splitlines()))
        raise SettingsFaulty([(f"{file}:{number}", AT_LINE.sub("", told).strip())]) from None


def _lines(text: str) -> dict[str, int]:
    """Return the line of each key, by name: what tomllib does not tell."""
    section, found = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), 1):
        header = HEADER.match(line)
        key = KEY.match(line)
        if header:
            section = f"{header[1]}."
            found.setdefault(header[1], number)
        elif key:
            found.setdefault(section + (key[1] or key[2] or key[3]), number)
    return found


def _origins(sources: Sources, text: str) -> dict[str, str]:
    """Return where each setting is said, the first place that counts; also keys that are none."""
    origins = {name: f"{sources.file}:{number}" for name, number in _lines(text).items()}
    origins |= {name: str(path) for name, path in secret_files(sources.secrets).items()}
    variables = {name.upper(): name for name in os.environ}
    origins |= {name: variables[variable] for name in named() if (variable := variable_of(name)) in variables}
    fields = named()
    return origins | {name: about(fields[name])["option"] for name in sources.options}


def _place(fault: tuple[str, str]) -> tuple[str, int, str]:
    """Sort by line."""
    where, _, number = fault[0].rpartition(":")
    return (where, int(number), fault[1]) if number.isdigit() else (fault[0], 0, fault[1])


def _fault(error: Any, origins: Mapping[str, str]) -> tuple[str, str]:
    """Return where a fault is, and what it is."""
    name = ".".join(part for part in error["loc"] if isinstance(part, str) and not part.startswith("function-"))
    # A key with dots in it stands where its first part is said; else it is the section that is known.
    inside = (where for known, where in origins.items() if known.startswith(f"{name}."))
    around = (where for known, where in origins.items() if name.startswith(f"{known}."))
    origin = origins.get(name) or next(inside, "") or next(around, "")
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, named(), 1)
        problem = f"there is no setting {name}" + (f"; {near[0]}?" if near else "")
        return origin or variable_of(name), problem
    problem = str(error["msg"]).removeprefix("Value error, ")
    value = "" if isinstance(error["input"], dict) or error["type"] == "value_error" else f"{error['input']!r}: "
    told = f"{value}{problem[:1].lower()}{problem[1:]}"
    # An option is its own name.
    return origin, told if origin.startswith("--") else f"{name}: {told}"


def _unusable(loaded: Loaded) -> Iterable[tuple[str, str]]:
    """Give what is wrong with files, and with settings beside each other."""
    settings, by_option = loaded.settings, {about(field)["option"]: name for name, field in named().items()}

    def told(error: ConfigurationError) -> tuple[str, str]:
        name = by_option.get(error.setting, error.setting)
        origin = loaded.origins.get(name, error.setting)
        return origin, error.problem if origin == error.setting else f"{name}: {error.problem}"

    try:
        pair = texts.pair_of_files(settings.https.certificate, settings.https.key)
        if pair is not None:
            check(pair)
    except ConfigurationError as error:
        yield told(error)
    try:
        _tls(settings).check()
    except ConfigurationError as error:
        yield told(error)


def _tls(settings: Settings) -> TlsFiles:
    return TlsFiles(settings.sip.trust, settings.sip.certificate, settings.sip.key)


def service_settings(settings: Settings) -> ServiceSettings:
    """Return what the service is started with; raises `ConfigurationError` where nobody says which directory."""
    if settings.data_dir is None:
        raise ConfigurationError("--data-dir", "a directory is wanted, for the database, its key and its lock")
    sip = settings.sip
    return ServiceSettings(
        settings.data_dir, https=texts.address(settings.https.listen, ""), sip=texts.address(sip.listen, ""),
        advertise=sip.advertise, redirect_hosts=set(texts.hosts(sip.follow_redirects_to, "")), tls=_tls(settings),
        name_servers=tuple(texts.name_server(one) for one in settings.dns.servers),
        unregister_on_stop=settings.unregister_on_stop, paused=settings.paused, rest=_rest(settings),
        certificate=texts.pair_of_files(settings.https.certificate, settings.https.key),
    )  # fmt: skip


def _rest(settings: Settings) -> RestSettings:
    rest = settings.rest
    return RestSettings(
        mirrors_status=rest.status_line == "mirror", demands_csrf_token=rest.csrf,
        trusted_proxies=texts.networks(rest.trusted_proxies, ""), uses_forwarded=rest.proxy_header == "forwarded",
        system_version=rest.system_version or __version__, system_build=rest.system_build,
        node_name=rest.node_name or texts.line(socket.gethostname(), "--node-name"),
    )  # fmt: skip


def changes(before: Loaded, after: Loaded) -> tuple[list[str], list[str]]:
    """Return the names of settings that differ: those that SIGHUP changes, and those that need a restart."""
    was, now, fields = before.values(), after.values(), named()
    differ = [name for name in fields if was[name] != now[name]]
    reloads = {name for name in differ if about(fields[name])["reloads"]}
    return [name for name in differ if name in reloads], [name for name in differ if name not in reloads]


def _at(told: Mapping[str, Any], name: str) -> Any:
    section, dot, key = name.partition(".")
    return told[section][key] if dot else told[section]
