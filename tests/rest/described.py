"""What the OpenAPI description says of a request as it went over the wire: whether it fits, whatever it was made for.

A fuzzer that sends the text `"5"` where a number is wanted has sent a number all the same, because in a form everything is
text; so the bytes are judged, not the intention. Numbers in forms and paths are read by the rule that the description
states in words: one to ten ASCII digits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import jsonschema_rs

__all__ = ["Description"]

FORM = "application/x-www-form-urlencoded"
NUMBER = re.compile("[0-9]{1,10}", re.ASCII)
MOST_BODY_BYTES = 64 * 1024
MOST_FIELDS = 256


class Description:
    """The OpenAPI document, asked about requests."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._validators: dict[str, Any] = {}

    def fits(self, method: str, path: str, body: bytes) -> bool:
        """Tell whether the description allows this request."""
        raw_path, _, query = path.partition("?")
        place = self._place(raw_path)
        if place is None:
            return False
        item, ids = place
        operation = item.get(method.lower())
        if operation is None:
            return False
        parameters = [*item.get("parameters", ()), *operation.get("parameters", ())]
        given = dict(parse_qsl(query, keep_blank_values=True))
        for parameter in parameters:
            where = ids if parameter["in"] == "path" else given
            text = where.get(parameter["name"])
            if text is not None and not self._takes(parameter["schema"], text):
                return False
        # A form that stands beside an action is not read.
        if "requestBody" not in operation or "action" in given:
            return True
        return self._takes_form(operation["requestBody"]["content"][FORM]["schema"], body)

    @cached_property
    def _templates(self) -> list[tuple[list[str], dict[str, Any]]]:
        return [(path.split("/")[1:], item) for path, item in self._document["paths"].items()]

    def _place(self, raw_path: str) -> tuple[dict[str, Any], dict[str, str]] | None:
        path = unquote_to_bytes(raw_path).decode("utf-8", "replace")
        segments = [segment for segment in path.split("/") if segment]
        for template, item in self._templates:
            if len(template) != len(segments):
                continue
            pairs = list(zip(template, segments, strict=True))
            if all(name.startswith("{") or name == segment for name, segment in pairs):
                return item, {name.strip("{}"): segment for name, segment in pairs if name.startswith("{")}
        return None

    def _takes_form(self, schema: dict[str, Any], body: bytes) -> bool:
        if len(body) > MOST_BODY_BYTES or len(body.split(b"&")) > MOST_FIELDS:
            return False
        schema = self._resolved(schema)
        texts = self._texts(schema["properties"], body.decode("utf-8", "surrogateescape"))
        values: dict[str, Any] = {}
        for name, value in schema["properties"].items():
            text = texts.get(name.lower())
            if text is not None and not self._takes(value, text):
                return False
            if text is not None:
                values[name] = text
        return set(schema.get("required", ())) <= set(values)

    def _texts(self, properties: Mapping[str, Any], form: str) -> dict[str, str]:
        """Return the fields of a form by their names in lower case."""
        keeps_plus = {name.lower() for name, value in properties.items() if value.get("x-keeps-plus")}
        read = {True: form.replace("+", "%2B"), False: form}
        fields = {
            kept: parse_qsl(text, keep_blank_values=True, errors="surrogateescape") for kept, text in read.items()
        }
        return {
            name.lower(): value
            for kept, pairs in fields.items()
            for name, value in pairs
            if (name.lower() in keeps_plus) == kept
        }

    def _takes(self, schema: dict[str, Any], text: str) -> bool:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return False  # what is not UTF-8 comes as surrogates
        validator = self._validator(schema)
        wants_number = "integer" in {one.get("type") for one in (schema, *schema.get("anyOf", ()))}
        value: int | str = int(text) if wants_number and NUMBER.fullmatch(text) else text
        return bool(validator.is_valid(value))

    def _validator(self, schema: dict[str, Any]) -> Any:
        key = repr(schema)
        if key not in self._validators:
            self._validators[key] = jsonschema_rs.validator_for(schema)
        return self._validators[key]

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        reference = schema.get("$ref")
        if reference is None:
            return schema
        found: Any = self._document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        return dict(found)
