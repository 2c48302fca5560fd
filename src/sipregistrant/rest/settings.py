"""What the operator says of the wire API."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from .. import __version__

__all__ = ["RestSettings"]


@dataclass(slots=True)
class RestSettings:
    """The settings; all have a default that programs written for real boxes get along with. They may change while requests are
    answered.

    `mirrors_status` makes the HTTP status line equal to `http_code`. `demands_csrf_token` is the mode of newer firmware.
    `trusted_proxies` are believed what they say of the client. The others are what `/rest/system` shows.
    """

    mirrors_status: bool = False
    demands_csrf_token: bool = False
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    uses_forwarded: bool = False
    """The proxies write `Forwarded`; else `X-Forwarded-For` and `X-Forwarded-Host`."""
    system_version: str = __version__
    system_build: str = ""
    node_name: str = ""
