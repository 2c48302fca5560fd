"""Where the value of a setting comes from: option, environment, secrets directory, file, default, the first that says it.

Every fault is told, with where it stands: `settings.toml:12`, `SIPREGISTRANT_REST__CSRF`, `--https`.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from .. import __version__
from ..api.tls import check
from ..engine.transport.tls import TlsFiles
from ..errors import ConfigurationError, SettingsFaulty
from ..rest.settings import RestSettings
from ..service import ServiceSettings
from ..trace.collector import CollectorSettings
from . import texts
from .declared import Settings, about, is_path, named
from .faults import nearest, told_of
from .file import FileRead, read_file
from .surroundings import read_environment, read_secrets, variable_of

__all__ = ["Loaded", "Sources", "changes", "load", "service_settings"]

OPTION = re.compile(r"--[a-z][a-z-]+")
Change = tuple[Any, Any]

PAIRS = {"https.certificate": "https.key", "sip.certificate": "sip.key"}
OTHER_OF_PAIR = PAIRS | {key: certificate for certificate, key in PAIRS.items()}


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
    read = read_file(sources.file) if sources.file else FileRead()
    secrets, environment = read_secrets(sources.secrets), read_environment()
    fields = named()
    origins = {name: f"{sources.file}:{number}" for name, number in read.lines.items()}
    origins |= secrets.origins | environment.origins | {name: about(fields[name])["option"] for name in sources.options}
    said = [
        _nested(sources.options), _nested(environment.values), _nested(secrets.values),
        _from(sources.file, read.tables) if sources.file else {},
    ]  # fmt: skip
    faults = [*read.faults, *secrets.faults, *environment.faults]
    refused: set[str] = set()
    try:
        settings = _merged(said)
    except ValidationError as error:
        faults += {_fault(one, origins) for one in error.errors()}
        refused = {_name(one) for one in error.errors()}
        # What is right is looked at together all the same.
        settings = _merged([_without(one, refused) for one in said])
    loaded = Loaded(settings, origins)
    faults += _unusable(loaded, refused)
    if faults:
        raise SettingsFaulty(sorted(faults, key=_place))
    return loaded


def _merged(said: Iterable[dict[str, Any]]) -> Settings:
    """Return what is said, the first that says it; raises `ValidationError`."""

    class FromHere(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *theirs: Any, **others: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(InitSettingsSource(settings_cls, init_kwargs=one) for one in said)

    return FromHere()


def _from(file: Path, tables: dict[str, Any]) -> dict[str, Any]:
    """Return what a file says, with the paths in it as they are meant: from where the file is."""
    found = {name: dict(value) if isinstance(value, dict) else value for name, value in tables.items()}
    for name, setting in named().items():
        section, _, key = name.rpartition(".")
        inside = found.get(section) if section else found
        value = inside.get(key) if isinstance(inside, dict) else None
        if isinstance(inside, dict) and isinstance(value, str) and value and is_path(setting):
            inside[key] = str(file.parent / value)
    return found


def _without(tables: Mapping[str, Any], names: Set[str]) -> dict[str, Any]:
    found = {}
    for name, value in tables.items():
        if name not in names:
            inner = (
                {key: one for key, one in value.items() if f"{name}.{key}" not in names}
                if isinstance(value, dict)
                else value
            )
            found[name] = inner
    return found


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        section, dot, key = name.partition(".")
        if dot:
            found.setdefault(section, {})[key] = value
        else:
            found[name] = value
    return found


def _place(fault: tuple[str, str]) -> tuple[str, int, str]:
    """Sort by line."""
    where, _, number = fault[0].rpartition(":")
    return (where, int(number), fault[1]) if number.isdigit() else (fault[0], 0, fault[1])


def _name(error: Any) -> str:
    """Return the setting that a fault is of, or the section, or what is none."""
    return ".".join([part for part in error["loc"] if isinstance(part, str)][:2])


def _fault(error: Any, origins: Mapping[str, str]) -> tuple[str, str]:
    """Return where a fault is, and what it is."""
    name = _name(error)
    # Of a key with more dots in it, or of a section, the first line that says anything of it.
    inside = (where for known, where in origins.items() if known.startswith(f"{name}."))
    origin = origins.get(name) or next(inside, "") or variable_of(name)
    if error["type"] == "extra_forbidden":
        return origin, f"there is no setting {name}{nearest(name, named())}"
    # An option is its own name.
    return origin, told_of(error) if origin.startswith("--") else f"{name}: {told_of(error)}"


def _unusable(loaded: Loaded, refused: Set[str]) -> Iterable[tuple[str, str]]:
    """Give what is wrong with files, and with settings beside each other; what was refused by itself is not looked at again."""
    https, sip = loaded.settings.https, loaded.settings.sip
    looks: list[tuple[set[str], Callable[[], object]]] = [
        ({"https.certificate", "https.key"}, partial(_check_https, https.certificate, https.key)),
        ({"sip.trust"}, TlsFiles(sip.trust).check),
        ({"sip.certificate", "sip.key"}, TlsFiles(None, sip.certificate, sip.key).check),
    ]
    for names, look in looks:
        if not {name.partition(".")[0] for name in names} & refused and not names & refused:
            try:
                look()
            except ConfigurationError as error:
                yield _told(error, loaded.origins)


def _check_https(certificate: Path | None, key: Path | None) -> None:
    pair = texts.pair_of_files(certificate, key)
    if pair is not None:
        check(pair)


def _told(error: ConfigurationError, origins: Mapping[str, str]) -> tuple[str, str]:
    """Return what a check found, where the setting was said, and by the names that it has there."""
    by_option = {about(field)["option"]: name for name, field in named().items()}
    name = by_option[error.setting]
    # What is missing is missed by the other of the pair.
    origin = origins.get(name) or origins.get(OTHER_OF_PAIR.get(name, ""), error.setting)
    if origin.startswith("--"):
        return error.setting, error.problem
    problem = OPTION.sub(lambda match: by_option.get(match[0], match[0]), error.problem)
    return origin, f"{name}: {problem}"


def _tls(settings: Settings) -> TlsFiles:
    return TlsFiles(settings.sip.trust, settings.sip.certificate, settings.sip.key)


def service_settings(settings: Settings) -> ServiceSettings:
    """Return what the service is started with; raises `ConfigurationError` where nobody says which directory."""
    if settings.data_dir is None:
        raise ConfigurationError("--data-dir", "a directory is wanted, for the database, its key and its lock")
    sip = settings.sip
    return ServiceSettings(
        settings.data_dir, https=texts.address(settings.https.listen, ""),
        metrics=_maybe_address(settings.metrics.listen), sip=texts.address(sip.listen, ""),
        advertise=sip.advertise, redirect_hosts=set(texts.hosts(sip.follow_redirects_to, "")), tls=_tls(settings),
        name_servers=tuple(texts.name_server(one) for one in settings.dns.servers),
        unregister_on_stop=settings.unregister_on_stop, paused=settings.paused, rest=_rest(settings),
        certificate=texts.pair_of_files(settings.https.certificate, settings.https.key),
        collector=CollectorSettings(
            texts.collector(settings.trace.hep), settings.trace.hep_agent, settings.trace.hep_messages == "all"
        ),
    )  # fmt: skip


def _maybe_address(text: str) -> tuple[str, int] | None:
    return texts.address(text, "") if text else None


def _rest(settings: Settings) -> RestSettings:
    rest = settings.rest
    return RestSettings(
        mirrors_status=rest.status_line == "mirror", demands_csrf_token=rest.csrf,
        trusted_proxies=texts.networks(rest.trusted_proxies, ""), uses_forwarded=rest.proxy_header == "forwarded",
        system_version=rest.system_version or __version__, system_build=rest.system_build,
        node_name=rest.node_name or texts.line(socket.gethostname(), "--node-name"),
    )  # fmt: skip


def changes(before: Loaded, after: Loaded) -> tuple[dict[str, Change], dict[str, Change]]:
    """Return the settings that differ, as (from, to) by name: those that SIGHUP changes, and those that need a restart."""
    was, now, fields = before.values(), after.values(), named()
    differ = {name: (_shown(was[name]), _shown(now[name])) for name in fields if was[name] != now[name]}
    reloads = {name for name in differ if about(fields[name])["reloads"]}
    return (
        {name: change for name, change in differ.items() if name in reloads},
        {name: change for name, change in differ.items() if name not in reloads},
    )


def _shown(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _at(told: Mapping[str, Any], name: str) -> Any:
    section, dot, key = name.partition(".")
    return told[section][key] if dot else told[section]
