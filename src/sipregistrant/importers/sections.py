"""Asterisk's way of writing configuration: sections, templates, comments and files that are taken in.

    [common](!)             a template: no section by itself
    [line1](common)         begins with what the template has
    [line1](+)              adds to a section that is there
    option = value          also =>, and += to add to what is there; a second `option` does not replace the first
    value\\;with a semicolon  ; a comment, and ;-- a comment of many lines --;
    #include other.conf     relative to the file; * and ? stand for names

A line that is none of these is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ImportFaulty
from .sources import read_text

__all__ = ["Option", "Section", "read_sections"]

MOST_FILES = 100
DEEPEST_INCLUDE = 10
LARGEST_FILE_BYTES = 64 * 1024 * 1024
MOST_OPTIONS = 5_000_000
"""With those that templates give."""

HEADING = re.compile(r"\[([^\[\]]*)\]\s*+(?:\(([^()]*)\))?")
DIRECTIVE = re.compile(r"#\s*+(include|tryinclude|exec)\s++[\"<]?([^\">]*)[\">]?")


@dataclass(frozen=True, slots=True)
class Option:
    """`name = value`, the name in lower case."""

    name: str
    value: str
    where: str


@dataclass(slots=True)
class Section:
    """A section with its options in order, those of its templates first."""

    name: str
    where: str
    is_template: bool = False
    options: list[Option] = field(default_factory=list)

    def get(self, name: str) -> str:
        """Return the value of an option, the last one that is there; "" where there is none."""
        return next((option.value for option in reversed(self.options) if option.name == name), "")

    def all(self, name: str) -> list[str]:
        """Return all values of an option, each of a list by itself."""
        values = ",".join(option.value for option in self.options if option.name == name)
        return [value.strip() for value in values.split(",") if value.strip()]


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    path: Path
    number: int

    @property
    def where(self) -> str:
        return f"{self.path.name}, line {self.number}"

    def refuse(self, problem: str) -> ImportFaulty:
        return ImportFaulty(f"{self.path}, line {self.number}", problem)


def read_sections(path: Path) -> tuple[list[Section], list[tuple[str, str]]]:
    """Return the sections of a file, templates among them, and what was passed over with its line. Raises `ImportFaulty`."""
    reader = _Reader()
    for line in reader.lines(path, 0):
        reader.take(line)
    return reader.sections, reader.passed_over


class _Reader:
    def __init__(self) -> None:
        self.sections: list[Section] = []
        self.passed_over: list[tuple[str, str]] = []
        self._by_name: dict[str, list[Section]] = {}
        self._current: Section | None = None
        self._files = 0
        self._options = 0

    def lines(self, path: Path, depth: int) -> Iterator[_Line]:
        """Give the lines of a file and of those that it includes, without their comments."""
        self._files += 1
        if self._files > MOST_FILES:
            raise ImportFaulty(str(path), f"there are more than {MOST_FILES} files")
        for number, text in _uncommented(read_text(path, LARGEST_FILE_BYTES)):
            line = _Line(text, path, number)
            if not text.startswith("#"):
                yield line
            elif (directive := DIRECTIVE.fullmatch(text)) is None:
                raise line.refuse(f"{text[:64]!r} is no directive")
            elif directive[1] == "exec":
                self.passed_over.append((line.where, "#exec is not carried out"))
            else:
                if depth == DEEPEST_INCLUDE:
                    raise line.refuse(f"files include each other more than {DEEPEST_INCLUDE} deep")
                for included in self._included(line, directive[1], directive[2].strip()):
                    yield from self.lines(included, depth + 1)

    def _included(self, line: _Line, directive: str, name: str) -> list[Path]:
        """Return the files of an #include, which are in the folder of the file or under it."""
        folder = line.path.parent
        if Path(name).is_absolute() or ".." in Path(name).parts or "**" in name:
            self.passed_over.append(
                (line.where, f"#{directive} {name} is not read: it is not in the folder of the file")
            )
            return []
        try:
            found = sorted(each for each in folder.glob(name) if each.is_file() and _is_in(folder, each))
        except (ValueError, NotImplementedError, OSError, IndexError, re.error) as error:
            raise line.refuse(f"#{directive} {name[:64]!r}: {error}") from None
        if not found:
            self.passed_over.append((line.where, f"#{directive} {name}: there is no such file"))
        return found

    def take(self, line: _Line) -> None:
        """Take a line of a section in."""
        if (heading := HEADING.fullmatch(line.text)) is not None:
            self._begin(
                line, heading[1].strip(), [word.strip() for word in (heading[2] or "").split(",") if word.strip()]
            )
        else:
            name, equals, value = line.text.partition("=")
            name = name.removesuffix("+").strip().lower()
            if not equals or not name:
                raise line.refuse(f"{line.text[:64]!r} is neither a section nor an option")
            self._add([Option(name, value.removeprefix(">").strip(), line.where)], line)

    def _begin(self, line: _Line, name: str, words: list[str]) -> None:
        known = self._by_name.setdefault(name, [])
        if "+" in words:
            if not known:
                raise line.refuse(f"there is no section {name!r} to add to")
            self._current = known[-1]
        else:
            self._current = Section(name, line.where, "!" in words)
            self.sections.append(self._current)
            known.append(self._current)
        for word in words:
            if word in ("!", "+"):
                continue
            template = self._by_name.get(word)
            if not template:
                raise line.refuse(f"there is no template {word!r}")
            self._add(list(template[-1].options), line)

    def _add(self, options: list[Option], line: _Line) -> None:
        current = self._current
        if current is None:
            raise line.refuse("an option before the first section")
        self._options += len(options)
        if self._options > MOST_OPTIONS:
            raise line.refuse(f"there are more than {MOST_OPTIONS} options")
        current.options += options


def _is_in(folder: Path, path: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _uncommented(text: str) -> Iterator[tuple[int, str]]:
    """Give the lines that say something, with their numbers."""
    depth = 0
    for number, line in enumerate(text.split("\n"), 1):
        if not depth and ";" not in line:
            if said := line.strip():
                yield number, said
            continue
        kept = []
        at = 0
        while at < len(line):
            if depth:
                if line.startswith("--;", at):
                    depth -= 1
                    at += 3
                elif _opens(line, at):
                    depth += 1
                    at += 3
                else:
                    at += 1
            elif line.startswith("\\;", at):
                kept.append(";")
                at += 2
            elif _opens(line, at):
                depth += 1
                at += 3
            elif line[at] == ";":
                break
            else:
                kept.append(line[at])
                at += 1
        if said := "".join(kept).strip():
            yield number, said


def _opens(line: str, at: int) -> bool:
    # A line of `;-----` is a comment by itself.
    return line.startswith(";--", at) and not line.startswith(";---", at)
