"""What holds for any bytes: an importer reads them, or refuses them with its one exception; what it finds can be made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sipregistrant.errors import ImportFaulty
from sipregistrant.importers import FORMATS, objects_of, read
from tests.importers.support import SAMPLE, SAMPLES, faults_of

few = settings(
    max_examples=int(os.environ.get("SIPREGISTRANT_EXAMPLES", "100")),
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def check(format: str, path: Path, content: bytes) -> None:
    """Read bytes: nothing but `ImportFaulty`, and nothing that the attribute tables do not take."""
    path.write_bytes(content)
    try:
        found = read(format, path)
    except ImportFaulty:
        return
    assert faults_of(objects_of(found, 1)) == []
    assert all(len(trunk.name) <= 64 for trunk in found.trunks)


@pytest.mark.parametrize("format", FORMATS)
@few
@given(content=st.binary(max_size=300))
def test_any_bytes(format: str, tmp_path: Path, content: bytes) -> None:
    check(format, tmp_path / "source", content)


@pytest.mark.parametrize("format", FORMATS)
@few
@given(data=st.data())
def test_a_real_file_with_bytes_changed(format: str, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray((SAMPLES / SAMPLE[format]).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(start + 40, len(content))))
        content[start:end] = data.draw(st.one_of(st.binary(max_size=20), st.text(max_size=20).map(str.encode)))
    check(format, tmp_path / "source", bytes(content))
