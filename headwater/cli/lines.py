"""Replay files as the commands read them: every line judged by the rules that the worker has."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from schemas.catalog_fields import FieldFault
    from schemas.records import Record
    from schemas.rejection import Rejection
    from schemas.replay_file import Line
    from streams.settings import Settings

_CHUNK = 1 << 20

FromNamespace = Annotated[
    list[str] | None,
    typer.Option(metavar="NAMESPACE", help="Also take lines whose topic names this namespace. May be repeated."),
]


def judged_lines(
    path: Path,
    settings: Settings,
    from_namespaces: Sequence[str] | None = None,
    faults: list[FieldFault] | None = None,
) -> Iterator[tuple[Line, Record | Rejection]]:
    """Each line with its record, or with the reason why it is refused; raises ``ReplayFileError``.

    A line whose topic names a namespace must be of the settings' namespace, or of one in ``from_namespaces``.

    ``faults`` holds for each line the fields that its catalogue row has lost.
    """
    from schemas.parse import Limits, parse
    from schemas.records import CatalogItem
    from schemas.replay_file import read_lines
    from schemas.vector_sizes import VectorSizes

    sizes, faults = VectorSizes(), [] if faults is None else faults
    limits = Limits(max_bytes=settings.max_record_bytes)
    namespaces = {None, settings.namespace, *(from_namespaces or ())}
    now_ms = time.time_ns() // 1_000_000
    for line in read_lines(path):
        faults.clear()
        if line.problem is not None:
            yield line, line.problem
        elif line.kind is None:
            raise AssertionError(f"line {line.number} has neither kind nor problem")
        elif line.namespace not in namespaces:
            yield line, _other_namespace(line, settings.namespace)
        else:
            record = parse(line.kind, line.value, key=line.key, now_ms=now_ms, limits=limits, faults=faults)
            yield line, sizes.fit(record, faults) if isinstance(record, CatalogItem) else record


def _other_namespace(line: Line, namespace: str) -> Rejection:
    from schemas.rejection import Rejection, RejectionCode, quoted

    message = f"the line belongs to namespace {quoted(line.namespace)}, not to {quoted(namespace)}"
    return Rejection(RejectionCode.OTHER_NAMESPACE, message, "--from-namespace takes it all the same")


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
