"""The form in the body of a request.

Programs send it as it suits them (observed): with any Content-Type or none, values encoded or raw. So the bytes are the
form, whatever the header says, and only `&`, `=`, `%XX` and `+` mean something. `;` is a character of values.

Bytes that are not UTF-8 become surrogates, which the check of each attribute refuses (`model/attributes.py`).
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

from .codes import BODY_TOO_LARGE, WireRefusal

__all__ = ["MOST_BODY_BYTES", "MOST_FIELDS", "parse_form", "read_form"]

MOST_BODY_BYTES = 64 * 1024
MOST_FIELDS = 256


async def read_form(request: Request) -> dict[str, str]:
    """Return the form of a request by field names in lower case.

    Raises `WireRefusal` as soon as more came than is allowed; the rest is never held.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY_BYTES:
            raise WireRefusal(BODY_TOO_LARGE)
    return parse_form(bytes(body))


def parse_form(body: bytes) -> dict[str, str]:
    """Return the fields of a form by their names in lower case; of a repeated name, in any case, the last.

    Raises `WireRefusal` where there are too many.
    """
    try:
        fields = parse_qsl(
            body.decode("utf-8", "surrogateescape"),
            keep_blank_values=True,
            errors="surrogateescape",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        # The only one that is left when nothing is strict: max_num_fields.
        raise WireRefusal(BODY_TOO_LARGE) from None
    return {name.lower(): value for name, value in fields}
