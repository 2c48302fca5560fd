"""The form in the body of a request.

Programs send it as it suits them (observed): with any Content-Type or none, values encoded or raw. So the bytes are the
form, whatever the header says, and only `&`, `=`, `%XX` and `+` mean something. `;` is a character of values.

Bytes that are not UTF-8 become surrogates, which the check of each attribute refuses (`model/attributes.py`).
"""

from __future__ import annotations

from collections.abc import Set
from urllib.parse import parse_qsl

from starlette.requests import Request

from .codes import BODY_TOO_LARGE, WireRefusal

__all__ = ["MOST_BODY_BYTES", "MOST_FIELDS", "parse_form", "read_form"]

MOST_BODY_BYTES = 64 * 1024
MOST_FIELDS = 256


async def read_form(request: Request, keep_plus: Set[str] = frozenset()) -> dict[str, str]:
    """Return the form of a request by field names in lower case; `keep_plus` as `parse_form` has it.

    Raises `WireRefusal` as soon as more came than is allowed; the rest is never held.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY_BYTES:
            raise WireRefusal(BODY_TOO_LARGE)
    return parse_form(bytes(body), keep_plus)


def parse_form(body: bytes, keep_plus: Set[str] = frozenset()) -> dict[str, str]:
    """Return the fields of a form by their names in lower case; of a repeated name, in any case, the last.

    In the fields `keep_plus` a `+` that was sent as it is stays one: those are URIs, in which numbers begin with it and a
    space is never legal. Raises `WireRefusal` where there are too many fields.
    """
    text = body.decode("utf-8", "surrogateescape")
    form = _decode(text)
    if keep_plus and "+" in text:
        with_plus = _decode(text.replace("+", "%2B"))
        form |= {name: value for name, value in with_plus.items() if name in keep_plus}
    return form


def _decode(text: str) -> dict[str, str]:
    try:
        fields = parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=MOST_FIELDS)
    except ValueError:
        # The only one that is left when nothing is strict: max_num_fields.
        raise WireRefusal(BODY_TOO_LARGE) from None
    return {name.lower(): value for name, value in fields}
