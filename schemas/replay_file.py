"""The replay format: JSON lines ``{"topic": "events.click.v1", "value": {…}}``, plain or gzipped.

Topics may carry a namespace (``headwater.events.click.v1``); ``key`` (text or null) and ``timestamp`` (when the record
came to Kafka, in milliseconds) may stand beside ``value``. Lines end at ``\\n`` alone (other line separators occur
inside of texts), a carriage return before it is ignored, empty lines are skipped but counted, and a byte order mark at
the start is ignored. This module only takes lines apart; `schemas.parse.parse` judges the values. ``docs/replay.md``
is for people who write such files.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, BinaryIO, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from schemas.explanation import DECODE_ERRORS, ENDS_TOO_EARLY, explain
from schemas.kinds import KIND_OF_TOPIC, Kind
from schemas.rejection import Rejection, RejectionCode, quoted

MAX_LINE_BYTES = 16 << 20
PROGRESS_LINES = 4_096

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_NOT_LINES = {
    b"PK\x03\x04": "is a zip archive: unpack it first",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd: unpack it first, or use gzip",
    b"BZh": "is compressed with bzip2: unpack it first, or use gzip",
    b"\xfd7zX": "is compressed with xz: unpack it first, or use gzip",
    b"PAR1": "is a Parquet file: export it as JSON lines",
    b"\xff\xfe": "is UTF-16 text: save it as UTF-8",
    b"\xfe\xff": "is UTF-16 text: save it as UTF-8",
}
_HINT = f'a line is {{"topic": "{Kind.CLICK.topic}", "value": {{…}}}}'


class ReplayFileError(Exception):
    """The file as a whole cannot be read; the text is one sentence for the user."""


class Line(NamedTuple):
    """One line that is not empty. ``number`` counts from 1, ``problem`` says why there is no ``value`` to send.

    ``value`` is None without a problem where the line deletes an item. ``namespace`` is None where
    the topic names none.
    """

    number: int
    topic: str | None
    kind: Kind | None
    value: bytes | None
    problem: Rejection | None
    key: bytes | UnsetType | None = UNSET
    timestamp: int | None = None
    namespace: str | None = None


class _Envelope(msgspec.Struct, gc=False):
    topic: str
    value: Raw
    key: str | UnsetType | None = UNSET
    timestamp: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None


def read_lines(path: str | os.PathLike[str], *, progress: Callable[[int, int], None] | None = None) -> Iterator[Line]:
    """The lines of the replay file at ``path``, in order.

    ``progress(read, size)`` is called with bytes of the file every few thousand lines and at the end. Raises
    `ReplayFileError`, at the first line asked for, when the file is missing, unreadable, empty or no text; a file that
    holds only empty lines raises it at its end.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = Path(file.name).write_text('{"topic": "events.search.v1", "value": {"query": "tea"}}\\n')
    ...     [(line.number, line.kind.value, line.value) for line in read_lines(file.name)]
    [(1, 'search', b'{"query": "tea"}')]
    """
    file = _open(Path(path))
    with file:
        size = os.fstat(file.fileno()).st_size
        head = file.peek(4)[:4]
        _refuse_other_formats(path, head)
        stream: BinaryIO = gzip.GzipFile(fileobj=file) if head.startswith(_GZIP) else file  # type: ignore[assignment]
        yielded = False
        for line in _lines(stream):
            yielded = True
            if progress and size and line.number % PROGRESS_LINES == 0:
                progress(min(file.tell(), size), size)
            yield line
        if not yielded:
            raise ReplayFileError(f"{path} is empty: it holds no record")
        if progress and size:
            progress(size, size)


def _open(path: Path) -> io.BufferedReader:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise ReplayFileError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise ReplayFileError(f"{path} is a folder: name a file in it") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ReplayFileError(f"{path} cannot be read: {reason}") from None


def _refuse_other_formats(path: str | os.PathLike[str], head: bytes) -> None:
    for magic, sentence in _NOT_LINES.items():
        if head.startswith(magic):
            raise ReplayFileError(f"{path} {sentence}")


def _lines(stream: BinaryIO) -> Iterator[Line]:
    number = 0
    while True:
        number += 1
        try:
            text = stream.readline(MAX_LINE_BYTES)
            complete = text.endswith(b"\n")
            too_long = not complete and len(text) == MAX_LINE_BYTES
            if too_long:
                _skip_line(stream)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            reason = "ends too early" if isinstance(error, EOFError) else "is damaged"
            yield _refused(number, RejectionCode.INCOMPLETE_LINE, f"the gzip stream {reason} in or before this line")
            return
        if not text:
            return
        if too_long:
            yield _refused(number, RejectionCode.TOO_LARGE, f"the line is longer than {MAX_LINE_BYTES} bytes")
            continue
        if number == 1:
            text = text.removeprefix(_BYTE_ORDER_MARK)
        if text and not text.isspace():
            yield _read(number, text, complete)


def _skip_line(stream: BinaryIO) -> None:
    """Read on until the line's end without keeping it."""
    while True:
        part = stream.readline(MAX_LINE_BYTES)
        if not part or part.endswith(b"\n"):
            return


def _read(number: int, text: bytes, complete: bool) -> Line:
    try:
        envelope = _decode(text)
    except DECODE_ERRORS as error:
        loose = _read_loosely(text)
        if loose is None:
            return Line(number, None, None, None, _why(error, text, complete))
        envelope = loose
    topic, key = envelope.topic, envelope.key
    namespace, kind = _divided(topic)
    if kind is None:
        known = ", ".join(each.topic for each in Kind)
        problem = Rejection(RejectionCode.UNKNOWN_TOPIC, f"{quoted(topic)} is no input topic", f"one of {known}")
        return Line(number, topic, None, None, problem)
    value = bytes(envelope.value)
    key_bytes = key.encode() if isinstance(key, str) else key
    deletes = value == b"null"
    return Line(number, topic, kind, None if deletes else value, None, key_bytes, envelope.timestamp, namespace)


def _read_loosely(text: bytes) -> _Envelope | None:
    """A catalogue line with what JSON does not know in its row (NaN, half a surrogate pair): that costs it a field."""
    try:
        line = json.loads(text)
        if _divided(line["topic"])[1] is not Kind.CATALOG or line.get("value") is None:
            return None
        row, line["value"] = line["value"], None
        envelope = _decode(json.dumps(line).encode())
        return msgspec.structs.replace(envelope, value=Raw(json.dumps(row).encode()))
    except (*DECODE_ERRORS, ValueError, KeyError, TypeError, AttributeError):
        return None


def _divided(topic: str) -> tuple[str | None, Kind | None]:
    """Namespace and kind of a topic's name; no kind where it is no input topic."""
    kind = KIND_OF_TOPIC.get(topic)
    if kind is not None:
        return None, kind
    kind = next((kind for kind in Kind if topic.endswith(f".{kind.topic}")), None)
    namespace = "" if kind is None else topic.removesuffix(f".{kind.topic}")
    return (namespace, kind) if namespace else (None, None)


def _why(error: Exception, text: bytes, complete: bool) -> Rejection:
    problem = explain(error, text)
    broken = problem.code is RejectionCode.BROKEN_JSON
    if broken and not complete and (problem.message.startswith(ENDS_TOO_EARLY) or not text.rstrip().endswith(b"}")):
        return Rejection(RejectionCode.INCOMPLETE_LINE, "the last line is incomplete", "was the file cut off?")
    return problem if problem.hint else Rejection(problem.code, problem.message, _HINT)


def _refused(number: int, code: RejectionCode, message: str) -> Line:
    return Line(number, None, None, None, Rejection(code, message))


_decode = msgspec.json.Decoder(_Envelope).decode
