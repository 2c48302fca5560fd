"""The commands on each resource but entries, which have a module of their own (`entries.py`)."""

from __future__ import annotations

from .objects import commands_of

__all__ = ["credential_table", "group", "profile", "provider_profile", "server", "server_table", "table", "tls_profile"]

table = commands_of("sipcontactregistrant", "Tables of entries: AORs that are registered together.")
server_table = commands_of("sipservertable", "Tables of servers; a signaling group names one.")
server = commands_of(
    "sipserver", "Servers: the registrars, the table that is registered there, and the credentials for it."
)
credential_table = commands_of("sipremoteauthtable", "Tables of credentials; a server names one.")
profile = commands_of("sipprofile", "SIP profiles: how the REGISTERs of a group look.")
provider_profile = commands_of(
    "providerprofile", "Provider profiles: how the registrar of a provider wants to be spoken to."
)
tls_profile = commands_of("siptlsprofile", "TLS profiles: whom a server's connections trust.")
group = commands_of("sipsg", "Signaling groups: the address that is sent from, and the server table.")
