"""Writes docs/openapi-rest.json, the OpenAPI 3.1 description of /rest, from the attribute tables.

    .venv/bin/python tools/openapi.py [--check]

`./do docs` and tests/rest/test_openapi.py call it. It is not served: a real box has no such path.

Resources come from `model/registry.py` and none is known by name here, but login, logout and system, which have no
objects. What JSON Schema has no word for stands in extensions: `x-keeps-plus` marks texts in which a `+` that was sent
as it is stays one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from sipregistrant.model.attributes import Attribute, Kind
from sipregistrant.model.registry import RESOURCES, child_of
from sipregistrant.model.resource import SECRET_MASK, Resource
from sipregistrant.rest.queries import CATEGORIES
from sipregistrant.store import actions

PAGE = Path(__file__).parent.parent / "docs" / "openapi-rest.json"

Json = dict[str, Any]

FORM = "application/x-www-form-urlencoded"
XML = "text/xml"

# ECMA 262, as JSON Schema wants it. What is no UTF-8 is refused too, but no pattern can say that.
NO_CONTROLS = "^[^\\u0000-\\u001f\\u007f-\\u009f\\ufffe\\uffff]*$"
NO_CONTROLS_OR_BLANKS = "^[^\\u0000-\\u0020\\u007f-\\u009f\\ufffe\\uffff]*$"
IDS_WITH_COMMAS = "^ *([0-9]{1,10} *(, *[0-9]{1,10} *)*)?$"

ABOUT = (
    "The REST API of the SBC Edge, as far as a registrant needs it: forms in, XML out.\n\n"
    "**The HTTP status line is 200 whatever becomes of a request; the truth is `http_code` in the body.** The one "
    "exception is 401 where there is no session. A refusal has exactly one `app_status_entry`, whose `code` stands in "
    "the vendor's table of application error codes. (The operator may choose that the status line says the same as "
    "`http_code`, and that PUT, POST and DELETE must carry the value of the cookie `csrfp_token` as `X-CSRF-Token`.)\n\n"
    "PUT creates at an id that the client picks, POST changes what it names and leaves the rest, GET, PUT and POST "
    "answer with the whole state of the object, DELETE with the status alone. HEAD is GET without the body. Other "
    "methods are refused with 405 and code 20034.\n\n"
    "Names of form fields are matched in any case, unknown ones are ignored, and of a name that is repeated the last "
    "counts. Numbers are one to ten ASCII digits. An empty number without a default is unset. Values may be sent raw; "
    "in texts marked `x-keeps-plus` a `+` that was sent as it is stays one. A body is at most 64 KiB and 256 fields."
)
IS_REFUSED = "Carried out, or refused: `http_code` in the body says which."


def document() -> Json:
    """Return the whole description."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "sipregistrant: /rest", "version": "1", "description": ABOUT},
        "servers": [{"url": "https://{host}", "variables": {"host": {"default": "localhost"}}}],
        "security": [{"session": []}],
        "tags": [{"name": resource.name, "description": resource.meaning} for resource in RESOURCES.values()],
        "paths": {**sessions(), **system(), **resources()},
        "components": {
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "PHPSESSID",
                                            "description": "set by login; ends after 10 minutes without a request"}},
            "responses": {
                "done": reply("Status alone.", envelope()),
                "noSession": reply("There is no session, or none any more: code 20032.", envelope()),
                **{name: answer for resource in RESOURCES.values() for name, answer in replies(resource).items()},
            },
            "schemas": {
                "status": status(),
                **{name: schema for resource in RESOURCES.values() for name, schema in schemas(resource).items()},
            },
        },
    }  # fmt: skip


# --- paths ----------------------------------------------------------------------------------------------------------


def sessions() -> Json:
    """Return the paths of login and logout."""
    fields = {"Username": {"type": "string", "minLength": 1, "maxLength": 256},
              "Password": {"type": "string", "minLength": 1, "maxLength": 128}}  # fmt: skip
    form = {"type": "object", "properties": fields, "required": list(fields)}
    login = operation("login", "Begin a session", "done", body=form)
    login["description"] = "The session comes as the cookie `PHPSESSID`. The user must have the level rest."
    return {"/rest/login": {"post": {**login, "security": []}},
            "/rest/logout": {"post": operation("logout", "End the session", "done")}}  # fmt: skip


def system() -> Json:
    """Return the paths of the system, which is read only."""
    paths: Json = {}
    for path, name, words in (
        ("system", "system", "Tell which box this is"),
        ("system/historicalstatistics", "historicalstatistics", "List the statistics: there is one"),
        ("system/historicalstatistics/1", "historicalstatistics", "Tell since when this box is up"),
    ):
        get = operation(path.replace("/", "-"), words, "done", tag="system")
        get["responses"]["200"] = reply(IS_REFUSED, envelope({name: {"type": "object"}}))
        paths[f"/rest/{path}"] = {"get": get, "parameters": [details(), category(name)]}
    return paths


def resources() -> Json:
    """Return the paths of all resources: its list, and its objects."""
    return {path: item for resource in RESOURCES.values() for path, item in paths_of(resource).items()}


def paths_of(resource: Resource) -> Json:
    """Return the two paths of a resource."""
    name = resource.name
    list_path = path_of_list(resource)
    ids = [id_of(RESOURCES[resource.parent])] if resource.parent else []
    put = operation(f"create-{name}", "Create an object at this id", name, tag=name, body=ref(f"{name}_create"))
    post = operation(f"change-{name}", "Change what the form names", name, tag=name, body=ref(f"{name}_change"))
    post["requestBody"]["required"] = False
    if name in actions.WORDS_OF:
        post["summary"] += ", or carry out an action"
        post["parameters"] = [action(name)]
    deletes = f"Delete an object{' and what hangs in it' if child_of(name) else ''}"
    used = f" While another object names it, it is refused with code {resource.in_use_code}."
    delete = operation(f"delete-{name}", deletes, "done", tag=name)
    delete["description"] = "It is gone at once for every read; its registrations are ended after that."
    if resource.in_use_code:
        delete["description"] += used
    reading = [details(), category(name)]
    get = operation(f"get-{name}", "Show an object", name, tag=name) | {"parameters": reading}
    listing = operation(f"list-{name}", "List the objects", f"{name}_list", tag=name) | {"parameters": reading}
    paths: Json = {list_path: {"get": listing}}
    if ids:
        paths[list_path]["parameters"] = ids
    paths[path_of_object(resource)] = {
        "get": get, "put": put, "post": post, "delete": delete, "parameters": [*ids, id_of(resource)],
    }  # fmt: skip
    return paths


def path_of_list(resource: Resource) -> str:
    """Return where the objects of a resource are listed."""
    table = f"{resource.parent}/{{{resource.parent}}}/" if resource.parent else ""
    return f"/rest/{table}{resource.name}"


def path_of_object(resource: Resource) -> str:
    """Return where an object of a resource stands."""
    return f"{path_of_list(resource)}/{{{resource.name}}}"


def operation(id: str, summary: str, answer: str, *, tag: str = "session", body: Json | None = None) -> Json:
    """Return one operation; `body` is the schema of its form."""
    described: Json = {"operationId": id, "summary": summary, "tags": [tag]}
    if body is not None:
        described["requestBody"] = {"required": True, "content": {FORM: {"schema": body}}}
    described["responses"] = {"200": {"$ref": f"#/components/responses/{answer}"},
                              "401": {"$ref": "#/components/responses/noSession"}}  # fmt: skip
    return described


def id_of(resource: Resource) -> Json:
    """Return the path parameter of a resource's id."""
    schema = {"type": "integer", "minimum": resource.lowest_id, "maximum": resource.highest_id}
    return {"name": resource.name, "in": "path", "required": True, "schema": schema}


def details() -> Json:
    return {"name": "details", "in": "query", "schema": {"type": "string", "enum": ["true"]},
            "description": "a list shows whole objects instead of their ids; an object is always whole"}  # fmt: skip


def category(name: str) -> Json:
    known = ["configuration", *sorted(CATEGORIES.get(name, ()))]
    return {"name": "filter", "in": "query", "schema": {"type": "string", "enum": known},
            "description": "only the attributes of this category"}  # fmt: skip


def action(name: str) -> Json:
    words = list(actions.WORDS_OF[name])
    return {"name": "action", "in": "query", "schema": {"type": "string", "enum": words},
            "description": "carried out in place of a change; the form is not read then"}  # fmt: skip


# --- forms ----------------------------------------------------------------------------------------------------------


def schemas(resource: Resource) -> Json:
    """Return the schemas of a resource: its two forms, and its state."""
    taken = [attribute for attribute in resource.attributes if attribute.kind is not Kind.READ_ONLY]
    create = {attribute.name: taken_value(attribute, creates=True) for attribute in taken}
    change = {attribute.name: taken_value(attribute, creates=False) for attribute in taken}
    needed = [attribute.name for attribute in taken if attribute.required and attribute.default is None]
    name = resource.name
    identity: Json = {
        "id": {"type": "string", "xml": {"attribute": True}, "description": "`table:entry` for what hangs in a table"},
        "href": {"type": "string", "format": "uri", "xml": {"attribute": True}},
    }
    shown = {attribute.name: {"type": "string", "description": described(attribute)}
             for attribute in sorted(resource.attributes, key=lambda attribute: attribute.name)}  # fmt: skip
    runtime = {"^rt_": {"type": "string", "description": "how it stands at the moment"}}
    member = {"type": "object", "properties": identity, "required": list(identity)}
    listing = {
        "count": {"type": "integer", "xml": {"attribute": True}},
        name: {"type": "array", "items": ref(name)},
        f"{name}_pk": {"type": "array", "items": member},
    }
    return {
        f"{name}_create": {"type": "object", "properties": create} | ({"required": needed} if needed else {}),
        f"{name}_change": {"type": "object", "properties": change},
        name: {"type": "object", "properties": {**identity, **shown}, "patternProperties": runtime,
               "required": list(identity), "description": "the children stand in ASCII order of their names"},
        f"{name}_list": {"type": "object", "properties": listing, "required": ["count"]},
    }  # fmt: skip


def taken_value(attribute: Attribute, *, creates: bool) -> Json:
    """Return the schema of one field of a form."""
    schema = number(attribute) if attribute.is_number else words(attribute, creates=creates)
    schema["description"] = described(attribute)
    if creates and attribute.default is not None:
        schema["default"] = attribute.default
    return schema


def number(attribute: Attribute) -> Json:
    if attribute.kind is Kind.ENUM:
        schema: Json = {"type": "integer", "enum": list(attribute.labels)}
    else:
        schema = {"type": "integer", "minimum": attribute.lowest, "maximum": attribute.highest}
        if attribute.also:
            schema = {"anyOf": [schema, {"type": "integer", "enum": sorted(attribute.also)}]}
    # An empty number is one that is unset; where there is a default, or a value is required, it cannot be.
    if attribute.default is None and not attribute.required:
        return {"anyOf": [*schema.get("anyOf", [schema]), {"type": "string", "maxLength": 0}]}
    return schema


def words(attribute: Attribute, *, creates: bool) -> Json:
    if attribute.kind is Kind.SEQUENCE:
        return {"type": "string", "pattern": IDS_WITH_COMMAS}
    schema: Json = {"type": "string", "pattern": NO_CONTROLS}
    if attribute.kind is Kind.URI:
        schema |= {"pattern": NO_CONTROLS_OR_BLANKS, "x-keeps-plus": True}
    if attribute.longest:
        schema["maxLength"] = attribute.longest
    if attribute.required and not attribute.may_be_empty:
        schema["minLength"] = 1
    if attribute.kind is Kind.SECRET and creates:
        schema["not"] = {"const": SECRET_MASK}
    return schema


def described(attribute: Attribute) -> str:
    """Return the meaning of an attribute, and what its numbers stand for."""
    said = attribute.meaning
    if attribute.labels:
        said += " (" + ", ".join(f"{number} {label}" for number, label in attribute.labels.items()) + ")"
    if attribute.refers_to:
        said += f" (an id of {attribute.refers_to})"
    if attribute.kind is Kind.SECRET:
        said += f"; {SECRET_MASK} is shown, and changes nothing when it is sent back"
    if attribute.service_affecting:
        said += "; changing it affects service"
    return said


# --- replies --------------------------------------------------------------------------------------------------------


def status() -> Json:
    """Return the schema of `status`, which every reply has."""
    entry = {"type": "object", "required": ["code", "params"], "properties": {
        "code": {"type": "integer", "xml": {"attribute": True}},
        "params": {"type": "string", "xml": {"attribute": True}, "description": "tokens separated by |"},
    }}  # fmt: skip
    fault = {"type": "object", "required": ["href", "app_status_entry"], "properties": {
        "href": {"type": "string", "format": "uri", "xml": {"attribute": True}}, "app_status_entry": entry,
    }, "description": "there in a refusal alone"}  # fmt: skip
    code = {"type": "integer", "description": "200, or why not: 400, 401, 403, 404, 405, 413, 500"}
    return {"type": "object", "required": ["http_code"], "properties": {"http_code": code, "app_status": fault}}


def replies(resource: Resource) -> Json:
    """Return the replies that show an object of a resource, or a list of them."""
    shown = (resource.name, f"{resource.name}_list")
    return {name: reply(IS_REFUSED, envelope({name: ref(name)})) for name in shown}


def envelope(shows: Json | None = None) -> Json:
    """Return the schema of a whole reply."""
    properties = {"status": ref("status"), **(shows or {})}
    return {"type": "object", "xml": {"name": "root"}, "required": ["status"], "properties": properties}


def reply(description: str, schema: Json) -> Json:
    return {"description": description, "content": {XML: {"schema": schema}}}


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def page() -> str:
    """Return the description as it is written to the file."""
    return json.dumps(document(), indent=1) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.read_text(encoding="utf-8") == page() else f"{PAGE.name} is out of date: ./do docs")
    PAGE.write_text(page(), encoding="utf-8")
