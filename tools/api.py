"""Writes docs/openapi-v1.json, the OpenAPI description of /api/v1, and docs/api-reference.md, its routes for people.

    .venv/bin/python tools/api.py

`./do docs` and tests/test_docs.py call it. The service serves the same description at /api/v1/openapi.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sipregistrant.api.app import PREFIX, create_api

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "openapi-v1.json"
REFERENCE = DOCS / "api-reference.md"

METHODS = ("get", "post", "put", "patch", "delete")

HEAD = """\
# The routes of `/api/v1`

Made from the program by `./do docs`; [openapi-v1.json](openapi-v1.json) has the bodies, and the service serves it at
`/api/v1/openapi.json`. How to use it: [api.md](api.md). Fields of objects are the attributes of the
[reference](rest-reference.md), in snake_case.
"""


def document() -> dict[str, Any]:
    """Return the description, without the version of the program: it is that of the API."""
    described = create_api(None, on_user_changed=lambda name: None).openapi()  # type: ignore[arg-type]
    described["info"]["version"] = "1"
    return described


def page() -> str:
    """Return the text of the description."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def reference() -> str:
    """Return the page for people."""
    parts = [HEAD]
    described = document()
    tag = ""
    for path, item in described["paths"].items():
        for method in METHODS:
            operation = item.get(method)
            if operation is None:
                continue
            if operation["tags"][0] != tag:
                tag = operation["tags"][0]
                parts.append(f"\n## {tag.replace('-', ' ')}\n\n| | | role | answers |\n|---|---|---|---|\n")
            role = operation["description"].rpartition("Needs ")[2].rstrip(".").removeprefix("the role ")
            query = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
            told = operation["summary"] + (f"; `?{'`, `?'.join(query)}`" if query else "")
            answers = ", ".join(sorted(operation["responses"]))
            parts.append(f"| `{method.upper()} {PREFIX}{path}` | {told} | {role} | {answers} |\n")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    REFERENCE.write_text(reference(), encoding="utf-8")
