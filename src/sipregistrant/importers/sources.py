"""Reading the files of other products: bounded, and with one exception for whatever is wrong with them."""

from __future__ import annotations

from pathlib import Path

from ..errors import ImportFaulty

__all__ = ["read_text"]

LARGEST_FILE_BYTES = 1 << 30


def read_text(path: Path, most: int = LARGEST_FILE_BYTES) -> str:
    """Return a file of at most `most` bytes as text; a byte that is not UTF-8 becomes a surrogate, which no attribute takes.

    Raises `ImportFaulty`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as error:
        raise ImportFaulty(str(path), f"it cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > most:
        raise ImportFaulty(str(path), f"it is larger than {most} bytes")
    return content.decode("utf-8-sig", "surrogateescape")
