"""Keeps a process from outliving its owner. A program of its own, run by :mod:`headwater.local_kafka.guarded_process`.

It starts quickly, because it needs the standard library only.

``python process_guard.py FOLDER LOG COMMAND...`` starts the command, prints its process id and waits for it. Standard
input is a pipe from the owner: when it ends, the owner is gone (however it died), so the process is killed and FOLDER
removed. Should this guard be killed itself, Linux takes the process along (``PR_SET_PDEATHSIG``).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def main(folder: str, log: str, *command: str) -> None:
    """Ends with the command's exit status, or 128 + signal."""
    with Path(log).open("ab") as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, preexec_fn=_die_with_parent
        )
    print(child.pid, flush=True)
    orphaned = threading.Event()
    threading.Thread(target=_watch_owner, args=(child, orphaned), daemon=True).start()
    status = child.wait()
    if orphaned.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    # Not sys.exit: the watching thread sits in a read of standard input that only the owner can end.
    os._exit(status if status >= 0 else 128 - status)


def _watch_owner(child: subprocess.Popen[bytes], orphaned: threading.Event) -> None:
    sys.stdin.buffer.read()
    orphaned.set()
    child.kill()


def _die_with_parent() -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
