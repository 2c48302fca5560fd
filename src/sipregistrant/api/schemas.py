"""JSON Schema of what /api/v1 takes and gives, from the attribute tables."""

from __future__ import annotations

from typing import Any

from ..model.attributes import Attribute, Kind
from ..model.registrants import CONTACTS, ENTRY
from .problem import MEDIA_TYPE
from .shapes import PLACES, Place, Shape, shape_of
from .words import is_switch, words_of

__all__ = [
    "JSON",
    "NO_CONTROLS",
    "PROBLEMS",
    "Responses",
    "body",
    "id_in_path",
    "json_reply",
    "listed",
    "named",
    "object_of",
    "problems",
    "ref",
]

Json = dict[str, Any]
Responses = dict[int | str, Json]
"""What an operation answers, by status."""

JSON = "application/json"

# ECMA 262, as JSON Schema wants it.
NO_CONTROLS = "^[^\\u0000-\\u001f\\u007f-\\u009f\\ufffe\\uffff]*$"
NO_CONTROLS_OR_BLANKS = "^[^\\u0000-\\u0020\\u007f-\\u009f\\ufffe\\uffff]*$"

PROBLEMS = {
    400: "The body is no JSON.",
    401: "Nobody is logged in, or the token is none of ours.",
    403: "The role does not allow it.",
    404: "There is no such object.",
    409: "It goes against what is there: the id is taken, or another object names it.",
    413: "The body is too large.",
    422: "All that is wrong with the request, by field.",
    503: "The database does not take it; trying again may work.",
}

PROBLEM: Json = {
    "type": "object",
    "properties": {
        "type": {"const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what is wrong, in a sentence"},
        "request_id": {"type": "string", "description": "as X-Request-Id; the log has it too"},
        "faults": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "problem": {"type": "string"}},
                "required": ["field", "problem"],
            },
        },
    },
    "required": ["type", "title", "status"],
}


def problems(*statuses: int) -> Responses:
    """Return the responses of failures: those of every request, and the named ones."""
    told = sorted({401, 403, 422, 503, *statuses})
    return {
        status: {"description": PROBLEMS[status], "content": {MEDIA_TYPE: {"schema": ref("problem")}}}
        for status in told
    }


def ref(name: str) -> Json:
    """Return what stands for a schema that has a name."""
    return {"$ref": f"#/components/schemas/{name}"}


def named() -> Json:
    """Return the schemas that have names: what many operations take and give."""
    schemas: Json = {"problem": PROBLEM}
    for place in PLACES.values():
        shape = shape_of(place.resource)
        schemas[place.one] = shown(shape)
        schemas[f"{place.one}_whole"] = given(shape, creates=True)
        schemas[f"{place.one}_part"] = given(shape, creates=False)
    return schemas


def json_reply(description: str, schema: Json) -> Json:
    """Return a response with a body."""
    return {"description": description, "content": {JSON: {"schema": schema}}}


def body(schema: Json, *, is_required: bool = True) -> Json:
    """Return the part of an operation that describes its body."""
    return {"requestBody": {"required": is_required, "content": {JSON: {"schema": schema}}}}


def id_in_path(place: Place) -> Json:
    """Return the parameter that is an id in a path."""
    schema = {"type": "integer", "minimum": place.resource.lowest_id, "maximum": place.resource.highest_id}
    return {"name": place.one, "in": "path", "required": True, "schema": schema}


def object_of(properties: Json, *, optional: tuple[str, ...] = ()) -> Json:
    """Return the schema of an object that has these members and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def listed(items: Json) -> Json:
    """Return the schema of a page."""
    after = {"anyOf": [{"type": "integer"}, {"type": "null"}],
             "description": "`after` of the next page; null: there is none"}  # fmt: skip
    return object_of({"items": {"type": "array", "items": items}, "next": after})


def given(shape: Shape, *, creates: bool) -> Json:
    """Return the schema of a body that makes an object, or changes one."""
    taken = {name: a for name, a in shape.fields.items() if a.kind is not Kind.READ_ONLY}
    properties: Json = {name: _given(attribute, creates=creates) for name, attribute in taken.items()}
    if shape.has_contacts:
        properties["contacts"] = _contacts()
    needed = [name for name, a in taken.items() if creates and a.required and a.default is None]
    return {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}


def shown(shape: Shape) -> Json:
    """Return the schema of an object as it is shown."""
    properties: Json = {"id": {"type": "integer"}}
    if shape.resource.parent:
        properties["table"] = {"type": "integer"}
    for name, attribute in shape.fields.items():
        if attribute.kind is not Kind.SECRET:
            properties[name] = _shown(attribute)
    if shape.has_contacts:
        properties["contacts"] = {"type": "array", "items": _contact(), "maxItems": CONTACTS}
        properties["registrations"] = {"type": "array", "items": ref("registration")}
    else:
        properties["status"] = {"type": "object", "description": "how it stands at the moment"}
    return object_of(properties, optional=("registrations", "status", "sequence"))


def _given(attribute: Attribute, *, creates: bool) -> Json:
    schema = _described(attribute, _value(attribute))
    if creates and attribute.default is not None:
        schema["default"] = _default(attribute)
    return schema


def _shown(attribute: Attribute) -> Json:
    match attribute.kind:
        case Kind.SEQUENCE:
            some = {"type": "array", "items": {"type": "integer"}}
            return _described(attribute, {"anyOf": [some, {"type": "null"}]})
        case Kind.ENUM if is_switch(attribute):
            value: Json = {"type": "boolean"}
        case Kind.ENUM:
            value = {"type": "string", "enum": list(words_of(attribute).values())}
        case Kind.INTEGER:
            value = {"type": "integer"}
        case _:
            value = {"type": "string"}
    return _described(attribute, value if attribute.default is not None or not attribute.is_number else _or_null(value))


def _value(attribute: Attribute) -> Json:
    match attribute.kind:
        case Kind.SEQUENCE:
            some: Json = {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 2147483647}}
            return {**some, "uniqueItems": True}
        case Kind.ENUM if is_switch(attribute):
            value: Json = {"type": "boolean"}
        case Kind.ENUM:
            words = words_of(attribute)
            value = {"enum": [*words.values(), *words]}
        case Kind.INTEGER:
            value = {"type": "integer", "minimum": attribute.lowest, "maximum": attribute.highest}
            if attribute.also:
                value = {"anyOf": [value, {"type": "integer", "enum": sorted(attribute.also)}]}
        case _:
            return _text(attribute)
    is_optional = attribute.default is None and not attribute.required
    return _or_null(value) if is_optional else value


def _or_null(value: Json) -> Json:
    return {"anyOf": [value, {"type": "null"}]}


def _text(attribute: Attribute) -> Json:
    schema: Json = {"type": "string"}
    if attribute.longest:
        schema["maxLength"] = attribute.longest
    if attribute.required and not attribute.may_be_empty:
        schema["minLength"] = 1
    schema["pattern"] = NO_CONTROLS_OR_BLANKS if attribute.kind is Kind.URI else NO_CONTROLS
    if attribute.kind is Kind.SECRET:
        schema |= {"format": "password", "writeOnly": True}
    return schema


def _default(attribute: Attribute) -> Any:
    if attribute.kind is not Kind.ENUM:
        return attribute.default
    number = int(attribute.default or 0)
    return bool(number) if is_switch(attribute) else words_of(attribute)[number]


def _described(attribute: Attribute, schema: Json) -> Json:
    return {**schema, "description": attribute.meaning}


def _contact() -> Json:
    by_name = {part: ENTRY.by_lower_name[f"{part}1"] for part in ("uri", "ttl", "q")}
    uri, ttl = by_name["uri"], by_name["ttl"]
    return {
        "type": "object",
        "properties": {
            "uri": {**_text(uri), "description": "SIP URI of the contact; empty: it is unused"},
            "ttl": {
                "type": "integer", "minimum": ttl.lowest, "maximum": ttl.highest, "default": ttl.default,
                "description": "seconds that it stays valid; 64 or 0: aor_ttl applies",
            },
            "q": {
                "type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.01, "default": 1,
                "description": "preference, at most two decimals",
            },
        },
        "additionalProperties": False,
    }  # fmt: skip


def _contacts() -> Json:
    return {
        "type": "array", "items": _contact(), "maxItems": CONTACTS,
        "description": "all of them, in order; without any there is one, of the AOR's user at our address",
    }  # fmt: skip
