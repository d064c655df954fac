"""Replay files as the commands read them: every line judged by the rules that the worker has."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemas.records import Record
    from schemas.rejection import Rejection
    from schemas.replay_file import Line
    from streams.settings import Settings

_CHUNK = 1 << 20


def judged_lines(path: Path, settings: Settings) -> Iterator[tuple[Line, Record | Rejection]]:
    """Each line with its record, or with the reason why it would be refused; raises ``ReplayFileError``."""
    from schemas.parse import Limits, parse
    from schemas.replay_file import read_lines

    limits = Limits(max_bytes=settings.max_record_bytes)
    now_ms = time.time_ns() // 1_000_000
    for line in read_lines(path):
        if line.problem is not None or line.kind is None:
            if line.problem is None:
                raise AssertionError(f"line {line.number} has neither kind nor problem")
            yield line, line.problem
        else:
            yield line, parse(line.kind, line.value, key=line.key, now_ms=now_ms, limits=limits)


def count_lines(path: Path) -> int | None:
    """Line ends in a regular file, gzipped or not, for a progress bar; None where that cannot be known."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as raw:
            is_gzip = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if is_gzip else path.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK), b""))
    except (OSError, EOFError, zlib.error):
        return None
