"""The form in the body of a request.

Programs send it as it suits them (observed): with any Content-Type or none, values encoded or raw. So the bytes are the
form, whatever the header says, and only `&`, `=`, `%XX` and `+` mean something. `;` is a character of values.

Bytes that are not UTF-8 become surrogates, which the check of each attribute refuses (`model/attributes.py`).
"""

from __future__ import annotations

import re
from collections.abc import Set
from urllib.parse import parse_qsl

from starlette.requests import Request

from .codes import BODY_TOO_LARGE, VALUE_ABSENT, WireRefusal

__all__ = ["MOST_BODY_BYTES", "MOST_FIELDS", "parse_form", "read_form"]

MOST_BODY_BYTES = 64 * 1024

NUMBER = re.compile(r"\+[0-9]", re.ASCII)

# How JSON, XML, multipart and gzip begin, and no form does: a name comes first.
NO_FORMS = (b"{", b"[", b"<", b"--", b"\x1f\x8b")
MOST_FIELDS = 256


async def read_form(request: Request, keep_plus: Set[str] = frozenset(),
                    keep_first_plus: Set[str] = frozenset()) -> dict[str, str]:  # fmt: skip
    """Return the form of a request by field names in lower case; `keep_plus` and `keep_first_plus` as `parse_form` has them.

    Raises `WireRefusal` as soon as more came than is allowed; the rest is never held. So it does for a body that is no
    form, whatever it is called: else it would be one without any field, and a PUT of it make an empty object.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY_BYTES:
            raise WireRefusal(BODY_TOO_LARGE)
    if body.lstrip().startswith(NO_FORMS):
        raise WireRefusal(VALUE_ABSENT)
    return parse_form(bytes(body), keep_plus, keep_first_plus)


def parse_form(
    body: bytes, keep_plus: Set[str] = frozenset(), keep_first_plus: Set[str] = frozenset()
) -> dict[str, str]:
    """Return the fields of a form by their names in lower case; of a repeated name, in any case, the last.

    In the fields `keep_plus` a `+` that was sent as it is stays one: those are URIs, in which numbers begin with it and a
    space is never legal. In the fields `keep_first_plus` it stays one before a number. Raises `WireRefusal` where there are
    too many fields.
    """
    text = body.decode("utf-8", "surrogateescape")
    form = _decode(text)
    if (keep_plus or keep_first_plus) and "+" in text:
        with_plus = _decode(text.replace("+", "%2B"))
        form |= {name: value for name, value in with_plus.items() if name in keep_plus}
        form |= {
            name: "+" + form[name][1:]
            for name, value in with_plus.items()
            if name in keep_first_plus and NUMBER.match(value) and form[name].startswith(" ")
        }
    return form


def _decode(text: str) -> dict[str, str]:
    try:
        fields = parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=MOST_FIELDS)
    except ValueError:
        # The only one that is left when nothing is strict: max_num_fields.
        raise WireRefusal(BODY_TOO_LARGE) from None
    return {name.lower(): value for name, value in fields}
