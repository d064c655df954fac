"""The worker of the demo: the real program in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from headwater.demo.scrape import scrape
from headwater.local_kafka.guarded_process import GuardedProcess
from streams.errors import OperatorError

READY_TIMEOUT = 180.0
STOP_TIMEOUT = 20.0
HTTP_TIMEOUT = 5.0
INDEX_TIMEOUT = 30.0


class WorkerProcess:
    """Runs ``headwater worker`` with ``environment`` on top of ours; state and log are in ``folder``."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self.log = folder / "worker.log"
        self._port = _free_port()
        self._environment = os.environ | environment
        self._environment |= {
            "HEADWATER_STATE_DIR": str(folder / "state"),
            "HEADWATER_HTTP_HOST": "127.0.0.1",
            "HEADWATER_HTTP_PORT": str(self._port),
        }
        self._process: GuardedProcess | None = None

    @property
    def address(self) -> str:
        """Where its ``/metrics`` and ``/readyz`` are."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        command = (sys.executable, "-m", "headwater.cli.main", "worker")
        self._process = GuardedProcess(command, log=self.log, folder=self._folder, environment=self._environment)

    def check(self) -> None:
        """Raises ``OperatorError``, with the end of its log, when the worker has ended."""
        if self._process is not None and not self._process.running:
            raise OperatorError(f"The worker ended with status {self._process.status}. {self._log_end()}")

    def wait_until_ready(self, waiting_for: Callable[[str], None]) -> None:
        """Until ``/readyz`` says so; ``waiting_for`` hears the checks that still fail. Raises ``OperatorError``."""
        deadline = time.monotonic() + READY_TIMEOUT
        while (reasons := self._unready()) is not None:
            self.check()
            if time.monotonic() > deadline:
                raise OperatorError(f"The worker is not ready ({reasons}). {self._log_end()}")
            waiting_for(reasons)
            time.sleep(0.1)

    def wait_for_items(self, items: int) -> bool:
        """Until the worker's index has so many, at most half a minute; whether it has. Raises ``OperatorError``."""
        deadline = time.monotonic() + INDEX_TIMEOUT
        while time.monotonic() < deadline:
            self.check()
            if (scrape(self.address, HTTP_TIMEOUT).first("headwater_index_items") or 0) >= items:
                return True
            time.sleep(0.1)
        return False

    def stop(self) -> int | None:
        """SIGTERM, wait, SIGKILL; returns the exit status, None when it was not started."""
        if self._process is None:
            return None
        status = self._process.stop(STOP_TIMEOUT)
        self._process = None
        return status

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _unready(self) -> str | None:
        """Names of the failing checks, None when it is ready."""
        try:
            with urllib.request.urlopen(f"{self.address}/readyz", timeout=HTTP_TIMEOUT):
                return None
        except urllib.error.HTTPError as error:
            try:
                checks = json.loads(error.read())["checks"]
                return ", ".join(name for name, check in checks.items() if not check["ok"])
            except (ValueError, KeyError, TypeError):
                return f"HTTP {error.code}"
        except OSError:
            return "starting"

    def _log_end(self) -> str:
        """Keeps the log beyond the demo's folder; says where, and how it ends."""
        kept = Path(tempfile.gettempdir()) / f"{self._folder.name}-worker.log"
        shutil.copyfile(self.log, kept)
        lines = kept.read_text(errors="replace").strip().splitlines()
        return f"Its log is {kept}, and ends: {' | '.join(lines[-3:])}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
