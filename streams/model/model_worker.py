"""The program of the model process: ``python -m streams.model.model_worker BACKEND CACHE_DIR``.

Requests come on standard input, replies leave on a copy of standard output; what libraries print goes to standard
error. The process ends when its input ends, when its parent dies, or when it is killed.
"""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import sys
import threading
from pathlib import Path
from typing import BinaryIO

from streams.model import wire
from streams.model.backend import create_backend
from streams.model.text_backend import BackendUnavailable, TextBackend

_PR_SET_PDEATHSIG = 1
NICENESS = 5
"""The model yields the processor to learning and ranking."""


def main(specification: str, cache_dir: Path, parent: int) -> int:
    """Serve until the input ends (exit status 0); returns 1 if the backend cannot be loaded."""
    _die_with(parent)
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    requests: queue.Queue[wire.Request] = queue.Queue()
    threading.Thread(target=_read, args=(os.fdopen(0, "rb", closefd=False), requests), daemon=True).start()
    try:
        backend = create_backend(specification, cache_dir)
        backend.load()
    except BackendUnavailable as error:
        _send(replies, wire.Reply(0, error=str(error), unavailable=True))
        return 1
    except Exception as error:  # the parent decides what to do about it
        _send(replies, wire.Reply(0, error=_described(error)))
        return 1
    _send(replies, wire.Reply(0, model=backend.name))
    while True:
        request = requests.get()
        _write(replies, _answer(backend, request))


def _answer(backend: TextBackend, request: wire.Request) -> bytes:
    """The framed reply; text that cannot be encoded (half a character) is an error like any other."""
    try:
        results = backend.generate(request.prompts, request.max_new_tokens)
        return wire.frame(wire.Reply(request.number, list(results)))
    except Exception as error:
        return wire.frame(wire.Reply(request.number, error=_described(error)))


def _send(replies: BinaryIO, reply: wire.Reply) -> None:
    _write(replies, wire.frame(reply))


def _write(replies: BinaryIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[replies.write(rest) :]


def _read(stream: BinaryIO, requests: queue.Queue[wire.Request]) -> None:
    """Hand requests on; the end of the input ends the process, whatever the model is doing."""
    while (request := wire.read_request(stream)) is not None:
        requests.put(request)
    os._exit(0)


def _die_with(parent: int) -> None:
    """Have Linux kill this process when its parent dies, even one that was killed itself or hangs in C code."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group: the parent closes our input


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500].encode(errors="replace").decode()


if __name__ == "__main__":
    os._exit(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
