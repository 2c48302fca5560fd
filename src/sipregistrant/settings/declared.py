"""Every setting of `serve`, once: its type, default and meaning, its option, and whether SIGHUP changes it.

In TOML it is a key of its section, in the environment `SIPREGISTRANT_SECTION__KEY`, in the secrets directory a file of that name.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ..errors import ConfigurationError
from . import texts

__all__ = ["NESTED", "PREFIX", "Settings", "about", "is_path", "named"]

PREFIX = "SIPREGISTRANT_"
NESTED = "__"


def setting(default: Any, meaning: str, *, option: str = "", reloads: bool = False) -> Any:
    """Declare a setting."""
    return Field(default, description=meaning, json_schema_extra={"option": option, "reloads": reloads})


def _checked(read: Callable[[str, str], object]) -> AfterValidator:
    """Check a text as `texts.py` does, and keep it as it is."""

    def check(value: str) -> str:
        try:
            read(value, "")
        except ConfigurationError as error:
            raise ValueError(error.problem) from None
        return value

    return AfterValidator(check)


def _separated(value: Any) -> Any:
    """Take a list as one text, with commas: environment variables have no lists."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _directory(path: Path) -> Path:
    if not str(path) or str(path) == "." or "\0" in str(path):
        raise ValueError("a directory is wanted")
    if path.exists() and not path.is_dir():
        raise ValueError(f"{path} is no directory")
    return path


def _readable(path: Path) -> Path:
    if "-----BEGIN" in str(path):  # a key may be among it, and is not to be told
        raise ValueError("the path of a file is wanted, not what is in it")
    if path.exists() and not path.is_file():  # a pipe would wait for somebody who writes
        raise ValueError(f"{path} is no file")
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None


MaybeFile = Annotated[
    Annotated[Path, AfterValidator(_readable)] | None,
    BeforeValidator(lambda value: None if value == "" else value),
]
Address = Annotated[str, _checked(texts.address)]
MaybeAddress = Annotated[str, _checked(lambda text, option: text and texts.address(text, option))]
Advertised = Annotated[str, _checked(texts.check_advertised)]
Line = Annotated[str, _checked(texts.line)]
Host = Annotated[str, _checked(lambda text, option: texts.hosts([text], option))]
Network = Annotated[str, _checked(lambda text, option: texts.networks([text], option))]
NameServer = Annotated[str, _checked(texts.name_server)]
MaybeCollector = Annotated[str, _checked(texts.collector)]
Hosts = Annotated[list[Host], NoDecode, BeforeValidator(_separated)]
Networks = Annotated[list[Network], NoDecode, BeforeValidator(_separated)]
NameServers = Annotated[list[NameServer], NoDecode, BeforeValidator(_separated)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Https(_Section):
    """HTTPS: /rest, /api/v1 and /healthz."""

    listen: Address = setting(
        "127.0.0.1:8443", "HOST:PORT where they are served; port 0 is any free one", option="--https"
    )
    certificate: MaybeFile = setting(
        None, "certificate, PEM, its intermediates behind it; without, one is made. The file is read again when it changes",
        option="--https-certificate", reloads=True,
    )  # fmt: skip
    key: MaybeFile = setting(None, "its key, PEM, not encrypted", option="--https-key", reloads=True)


class Metrics(_Section):
    """Metrics, for Prometheus."""

    listen: MaybeAddress = setting(
        "", "HOST:PORT where /metrics, /healthz and /readyz are served over plain HTTP, without login; empty: nowhere, and "
        "/metrics is on HTTPS alone, for the role readonly", option="--metrics",
    )  # fmt: skip


class Sip(_Section):
    """SIP: what REGISTERs are sent from, and where they may go."""

    listen: Address = setting(
        "0.0.0.0:5060", "HOST:PORT that signaling group 1 listens on and sends from; the port counts at the first start",
        option="--sip",
    )  # fmt: skip
    advertise: Advertised = setting(
        "", "our address in Contact and Via, where it is not the socket's own", option="--advertise"
    )
    follow_redirects_to: Hosts = setting(
        [],
        "hosts that a 3xx answer may send us to; else none is followed",
        option="--follow-redirects-to",
        reloads=True,
    )
    trust: MaybeFile = setting(
        None, "whom TLS to registrars trusts, PEM; without, whom the machine trusts", option="--sip-trust"
    )
    certificate: MaybeFile = setting(
        None, "our certificate for registrars that ask for one, PEM", option="--sip-certificate"
    )
    key: MaybeFile = setting(None, "its key, PEM, not encrypted", option="--sip-key")


class Dns(_Section):
    """DNS."""

    servers: NameServers = setting(
        [], "ADDRESS:PORT of name servers to ask; else those of the machine", option="--dns", reloads=True
    )


class Rest(_Section):
    """/rest, the wire API."""

    status_line: Literal["200", "mirror"] = setting(
        "200",
        "HTTP status of its replies: always 200, or a mirror of http_code",
        option="--rest-status-line",
        reloads=True,
    )
    csrf: bool = setting(False, "demand X-CSRF-Token of requests that write", option="--csrf", reloads=True)
    trusted_proxies: Networks = setting(
        [], "addresses, and networks as 192.0.2.0/24, of reverse proxies to believe; of /api/v1 as well",
        option="--trusted-proxy", reloads=True,
    )  # fmt: skip
    proxy_header: Literal["x-forwarded", "forwarded"] = setting(
        "x-forwarded", "what they write: X-Forwarded-For and -Host, or Forwarded", option="--proxy-header", reloads=True
    )
    system_version: Line = setting(
        "", "version that /rest/system shows; empty: ours", option="--system-version", reloads=True
    )
    system_build: Line = setting("", "build that /rest/system shows", option="--system-build", reloads=True)
    node_name: Line = setting("", "name that /rest/system shows; empty: the host's", option="--node-name", reloads=True)


class Log(_Section):
    """What is logged, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "the least that is worth a line", option="--log-level", reloads=True
    )
    format: Literal["auto", "json", "console"] = setting(
        "auto", "json: one object a line; console: for people; auto: console where standard error is a terminal, else json",
        option="--log-format", reloads=True,
    )  # fmt: skip


class Trace(_Section):
    """Messages of registrations, and the collector (HOMER) that they are sent to."""

    hep: MaybeCollector = setting(
        "", "ADDRESS:PORT of a collector that takes HEP3 over UDP; empty: none", option="--hep", reloads=True
    )
    hep_messages: Literal["kept", "all"] = setting(
        "kept", "what is sent to it: what is kept (failures, and what is traced), or the messages of every attempt",
        option="--hep-messages", reloads=True,
    )  # fmt: skip
    hep_agent: Annotated[int, Field(ge=1, le=4294967295)] = setting(
        2001,
        "the number that the collector knows this program by (capture agent id)",
        option="--hep-agent",
        reloads=True,
    )


class Settings(BaseSettings):
    """All of them."""

    model_config = SettingsConfigDict(extra="forbid", env_prefix=PREFIX, env_nested_delimiter=NESTED)

    data_dir: Annotated[Path, AfterValidator(_directory)] | None = setting(
        None, "directory of the database, its key and its lock", option="--data-dir"
    )
    unregister_on_stop: bool = setting(
        False,
        "un-register at the stop, within 30 s, and register again at the next start",
        option="--unregister-on-stop",
        reloads=True,
    )
    paused: bool = setting(
        False,
        "send nothing from each start on until `sipregistrant resume`: for a copy, beside which another service runs",
        option="--paused",
    )
    https: Https = Https()
    metrics: Metrics = Metrics()
    sip: Sip = Sip()
    dns: Dns = Dns()
    rest: Rest = Rest()
    trace: Trace = Trace()
    log: Log = Log()


def named() -> dict[str, FieldInfo]:
    """Return all settings by name, `https.listen`, in their order."""
    found: dict[str, FieldInfo] = {}
    for name, field in Settings.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, _Section):
            found |= {f"{name}.{key}": one for key, one in inner.model_fields.items()}
        else:
            found[name] = field
    return found


def is_path(field: FieldInfo) -> bool:
    """Tell whether the value is a path."""

    def has_path(kind: Any) -> bool:
        return kind is Path or any(has_path(part) for part in get_args(kind))

    return has_path(field.annotation)


def about(field: FieldInfo) -> dict[str, Any]:
    """Return what is declared beside the type: `option` and `reloads`."""
    extra = field.json_schema_extra
    assert isinstance(extra, dict)
    return dict(extra)
