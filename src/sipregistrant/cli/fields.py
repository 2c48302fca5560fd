"""What stands as FIELD=VALUE on the command line, as the members of JSON that it means.

    aor=sip:alice@example.com aor_type=static aor_ttl=600 contact='<sip:alice@192.0.2.7>;q=0.5;expires=60'

`contact` may be repeated, and then is the whole list; it is written as in the Contact header of a REGISTER.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..api.shapes import Shape
from ..api.words import is_switch
from ..errors import ConfigurationError
from ..model.attributes import Attribute, Kind

__all__ = ["fields"]

CONTACT = re.compile(r"\s*<(?P<uri>[^>]*)>(?P<parameters>.*)\Z")
SWITCH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def fields(shape: Shape, given: Sequence[str]) -> dict[str, Any]:
    """Return the members; raises `ConfigurationError` for what is none."""
    members: dict[str, Any] = {}
    for argument in given:
        name, equals, value = argument.partition("=")
        if not equals:
            raise ConfigurationError(argument, "FIELD=VALUE is wanted")
        if name == "contact" and shape.has_contacts:
            members.setdefault("contacts", [])
            if value:
                members["contacts"].append(_contact(value))
            continue
        attribute = shape.fields.get(name) or shape.attribute_of(name)
        if attribute is None or (name not in shape.fields and shape.column_of(attribute.name) not in shape.fields):
            raise ConfigurationError(name, shape.unknown(name))
        members[shape.column_of(attribute.name)] = _value(name, attribute, value)
    return members


def _value(name: str, attribute: Attribute, text: str) -> Any:
    if is_switch(attribute):
        if text.lower() not in SWITCH:
            raise ConfigurationError(name, "true or false is wanted")
        return SWITCH[text.lower()]
    if attribute.kind is Kind.SEQUENCE:
        return [int(id) if id.strip().isdigit() else id for id in text.split(",")] if text else []
    if attribute.is_number:
        return None if text == "" else int(text) if text.isascii() and text.isdigit() else text
    return text


def _contact(text: str) -> dict[str, Any]:
    match = CONTACT.match(text)
    if match is None:
        return {"uri": text}
    contact: dict[str, Any] = {"uri": match["uri"]}
    for parameter in filter(None, (part.strip() for part in match["parameters"].split(";"))):
        name, _, value = parameter.partition("=")
        try:
            match name:
                case "q":
                    contact["q"] = float(value)
                case "expires":
                    contact["ttl"] = int(value)
                case _:
                    raise ConfigurationError("contact", f"{name!r} is no parameter of it; q and expires are")
        except ValueError:
            raise ConfigurationError("contact", f"{parameter!r}: a number is wanted") from None
    return contact
