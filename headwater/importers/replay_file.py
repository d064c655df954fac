"""Writes what an importer converts: one JSON object a line, gzipped (the format is `schemas.replay_file`)."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ReplayLine = dict[str, Any]
"""``{"topic": "events.click.v1", "value": {…}}``, before it is encoded."""


def write_replay_file(lines: Iterable[ReplayLine], target: Path) -> Path:
    """Write ``target``, the same bytes for the same lines; an interrupted call leaves nothing under that name.

    >>> import tempfile
    >>> from schemas.replay_file import read_lines
    >>> line = {"topic": "catalog.items.v1", "value": {"item_id": "i1", "title": "Heat"}}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_replay_file([line], Path(folder) / "log.jsonl.gz")
    ...     [read.value for read in read_lines(path)]
    [b'{"item_id":"i1","title":"Heat"}']
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    with partial.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    partial.replace(target)
    return target
