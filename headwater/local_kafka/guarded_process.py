"""A child process that never outlives its owner, however the owner ends; for the private broker and the demo's worker.

It runs in its own session: Ctrl-C in a terminal reaches the owner alone, which then ends its children in order.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from headwater.local_kafka import process_guard


class GuardedProcess:
    """Starts ``command`` with its output appended to ``log``; ``folder`` is removed should the owner die."""

    def __init__(
        self, command: Sequence[str], *, log: Path, folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        guard = (sys.executable, "-I", "-S", process_guard.__file__, str(folder), str(log))
        self._guard = subprocess.Popen(
            [*guard, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env=None if environment is None else dict(environment),
        )
        if self._guard.stdout is None:
            raise RuntimeError("the guard has no output to tell the process id on")
        self.pid = int(self._guard.stdout.readline() or 0)

    @property
    def running(self) -> bool:
        return self._guard.poll() is None

    @property
    def status(self) -> int | None:
        """Exit status, 128 + signal for a signal, None while it runs."""
        return self._guard.poll()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself; nothing happens when it has ended."""
        if self.running and self.pid:
            os.kill(self.pid, number)

    def stop(self, timeout: float) -> int:
        """SIGTERM, after ``timeout`` seconds SIGKILL; returns the exit status."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        return self._wait(timeout)

    def kill(self) -> int:
        """SIGKILL; returns the exit status."""
        return self._wait(0.0)

    def _wait(self, timeout: float) -> int:
        try:
            status = self._guard.wait(timeout)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            status = self._guard.wait()
        for pipe in (self._guard.stdin, self._guard.stdout):
            if pipe is not None:
                pipe.close()
        return status
