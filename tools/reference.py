"""Writes docs/rest-reference.md from the attribute tables; `--check` only says whether it is up to date.

    .venv/bin/python tools/reference.py [--check]

`./do docs` and tests/test_docs.py call it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sipregistrant.model.attributes import Attribute, Kind
from sipregistrant.model.registry import RESOURCES, child_of
from sipregistrant.model.resource import Resource

PAGE = Path(__file__).parent.parent / "docs" / "rest-reference.md"

HEAD = """# Reference of /rest

Made by `./do docs` from the attribute tables in `src/sipregistrant/model/`; do not edit.

*Req* is what the page says; what is required and has a default may be absent all the same. Numbers are one to ten ASCII
digits. Names are matched in any case and answered as they stand here. *Source* is the vendor's page, or `observed` for
what only programs that talk to real boxes tell, or `ours` for what no box has.

Besides these there are `login` (`Username`, `Password`), `logout`, and `system`, which is read only (`NodeName`, `rt_CPUUptime`,
`rt_Software_Base_Version`, `rt_Software_Base_BuildNumber`; `system/historicalstatistics/1` has the uptime, too). What a GET shows
of how things stand, the `rt_` attributes, is explained in [operating.md](operating.md).
"""


def page() -> str:
    """Return the whole page."""
    return HEAD + "".join(section(resource) for resource in RESOURCES.values())


def section(resource: Resource) -> str:
    """Return the section of one resource."""
    path = f"/rest/{resource.name}/{{id}}"
    if resource.parent:
        path = f"/rest/{resource.parent}/{{id}}/{resource.name}/{{id}}"
    lines = [
        f"\n## {resource.name}\n",
        f"{resource.meaning}. Source: {resource.source}.\n",
        f"`{path}`, ids {resource.lowest_id} to {resource.highest_id}." + extras(resource) + "\n",
        "| name | req | type | default | values | meaning | source |",
        "|---|---|---|---|---|---|---|",
        *(row(attribute) for attribute in resource.attributes),
    ]
    return "\n".join(lines) + "\n"


def extras(resource: Resource) -> str:
    """Return what else there is to say of a resource."""
    said = ""
    if resource.factory:
        said += f" There from the factory: {', '.join(map(str, resource.factory))}."
    if resource.in_use_code:
        said += f" Not deleted while another object names it (code {resource.in_use_code})."
    if (child := child_of(resource.name)) is not None:
        said += f" Holds `{child.name}`."
    return said


def row(attribute: Attribute) -> str:
    """Return the table row of one attribute."""
    required = "yes" if attribute.required else ""
    default = "" if attribute.default is None else f"`{attribute.default}`"
    kind = "string" if attribute.kind is Kind.URI else attribute.kind.value
    cells = [f"`{attribute.name}`", required, kind, default, values(attribute), attribute.meaning, attribute.source]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def values(attribute: Attribute) -> str:
    """Return which values an attribute takes."""
    if attribute.kind is Kind.ENUM:
        return ", ".join(f"{number} {label}" for number, label in attribute.labels.items())
    if attribute.kind is Kind.INTEGER:
        also = "".join(f", {number}" for number in sorted(attribute.also))
        none = "" if attribute.lowest else "; 0 none"
        target = f" (an id of `{attribute.refers_to}`{none})" if attribute.refers_to else ""
        return f"{attribute.lowest} to {attribute.highest}{also}{target}"
    return f"up to {attribute.longest} characters" if attribute.longest else ""


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.read_text(encoding="utf-8") == page() else f"{PAGE.name} is out of date: ./do docs")
    PAGE.write_text(page(), encoding="utf-8")
