"""Keeps the log readable while the broker cannot be reached: client libraries write hundreds of lines a second."""

from __future__ import annotations

import logging

from streams.clock import Clock

SECONDS = 10.0


class Repeated(logging.Filter):
    """Passes a library's message once in ``seconds``, and then says how many of its kind were left out.

    Messages of the same logger and template are of one kind. Loggers outside of ``libraries`` are not filtered.
    """

    def __init__(self, *libraries: str, seconds: float = SECONDS, clock: Clock | None = None) -> None:
        super().__init__()
        self._libraries, self._seconds, self._clock = libraries, seconds, clock or Clock()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}  # -> shown at, left out since

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] not in self._libraries:
            return True
        kind, now = (record.name, str(record.msg)), self._clock.monotonic()
        shown, left_out = self._seen.get(kind, (-self._seconds, 0))
        if now - shown < self._seconds:
            self._seen[kind] = (shown, left_out + 1)
            return False
        self._seen[kind] = (now, 0)
        if left_out:
            record.msg, record.args = f"{record.getMessage()} ({left_out} more like it were left out)", ()
        return True
