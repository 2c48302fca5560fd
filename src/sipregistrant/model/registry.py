"""All resources that have objects, by name, tables before their entries."""

from __future__ import annotations

from . import credentials, groups, profiles, provider_profiles, registrants, servers, tls_profiles
from .resource import Resource

__all__ = ["RESOURCES", "child_of", "users_of"]

RESOURCES: dict[str, Resource] = {
    resource.name: resource
    for resource in (
        credentials.TABLE,
        credentials.ENTRY,
        registrants.TABLE,
        registrants.ENTRY,
        profiles.PROFILE,
        tls_profiles.PROFILE,
        provider_profiles.PROFILE,
        servers.TABLE,
        servers.ENTRY,
        groups.GROUP,
    )
}


def child_of(table: str) -> Resource | None:
    """Return the resource whose objects hang in this table, or None."""
    return next((resource for resource in RESOURCES.values() if resource.parent == table), None)


def users_of(name: str) -> list[tuple[Resource, str]]:
    """Return each (resource, column) that may name an object of the resource `name`."""
    return [
        (resource, attribute.column)
        for resource in RESOURCES.values()
        for attribute in resource.references
        if attribute.refers_to == name
    ]
