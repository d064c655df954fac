"""A lock on the state folder: two workers in one folder would use the same RocksDB files."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.errors import ConfigurationError


class StateLock:
    """Locks ``folder`` (made when missing) for this process; the lock ends with the process in any case."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "worker.lock"

    def __enter__(self) -> Self:
        """Raises :class:`ConfigurationError` when another process holds it or it cannot be written."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+")
        except OSError as exc:
            raise ConfigurationError(
                f"the state folder {self._path.parent} cannot be written ({exc.strerror}): set HEADWATER_STATE_DIR"
            ) from exc
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise ConfigurationError(
                f"another worker uses the state folder {self._path.parent}: give each worker of a machine its own "
                "HEADWATER_WORKER_ID or HEADWATER_STATE_DIR"
            ) from exc
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
