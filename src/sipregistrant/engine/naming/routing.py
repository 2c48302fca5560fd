"""The routes that all REGISTERs to a registrar take: the server's RouteSet, else the outbound proxy of its group.

The first of them is where a request goes; Request-URI and To stay as they are (RFC 3261 §8.1.2, §16.12: loose routing).
"""

from __future__ import annotations

from collections.abc import Sequence

from ...model.schedule import RegistrarSettings
from ...model.servers import ROUTE_SET
from ...sip.routes import parse_routes, route_value
from ...sip.uri import Uri

__all__ = ["next_domain", "route_of", "route_set"]

DEFAULT_PORT = 5060  # RFC 3261 §19.1.2


def route_set(settings: RegistrarSettings) -> Sequence[Uri]:
    """Return the routes of a server's RouteSet, which was checked when it was set."""
    return parse_routes(str(settings.server[ROUTE_SET] or ""))


def route_of(settings: RegistrarSettings) -> str:
    """Return the value of the Route header of requests to a registrar, "" for none."""
    if routes := route_set(settings):
        return route_value(routes)
    proxy = str(settings.group["OutboundProxy"] or "")
    if not proxy:
        return ""
    # A loose route, RFC 3261 §16.12: without ;lr an old proxy would rewrite the Request-URI.
    port = settings.group["OutboundProxyPort"] or DEFAULT_PORT
    return f"<sip:{_in_brackets(proxy)}:{port};lr>"


def next_domain(settings: RegistrarSettings) -> str:
    """Return the domain that a certificate of the next hop has to be for (RFC 5922 §7)."""
    if routes := route_set(settings):
        return routes[0].host
    return str(settings.server["DomainName"] or settings.server["Host"])


def _in_brackets(host: str) -> str:
    """Return a host as it stands in a URI: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
