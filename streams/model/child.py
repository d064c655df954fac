"""The process of the language model: starts, asks and ends it when `ModelProcess` says so.

It ends with the worker: its input is closed then, and on Linux the kernel kills it (``PR_SET_PDEATHSIG``).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from operators.narration.prompt import Prompt
from streams.model import wire

_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
}


class Unavailable(Exception):
    """The backend can never run here."""


class Hung(Exception):
    """No answer in time."""


class Crashed(Exception):
    """The process could not be started, has ended, or sent an invalid answer."""


class Child:
    """One run of the process: `start` it once, `ask` it as often as needed, `end` it in any case."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._asked = 0

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self, backend: str, cache_dir: Path, timeout: float) -> str:
        """Start it and wait, at most ``timeout`` seconds, until the model is loaded; returns the model's name.

        Raises `Unavailable`, `Hung` or `Crashed`.
        """
        modules = {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", f"{__package__}.model_worker"),
                *(backend, str(cache_dir), str(os.getpid())),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=os.environ | _ENVIRONMENT | modules,
            )
        except OSError as error:
            raise Crashed(f"the model process could not be started: {error}") from error
        hello = await self._reply(timeout, "loading")
        if hello.unavailable:
            raise Unavailable(hello.error)
        if hello.error is not None:
            raise Crashed(f"loading failed: {hello.error}")
        return hello.model

    async def ask(self, prompts: Sequence[Prompt], max_new_tokens: int, timeout: float) -> wire.Reply:
        """Its reply to the prompts, which may be an error of the backend. Raises `Hung` or `Crashed`."""
        assert self._process is not None and self._process.stdin is not None
        self._asked += 1
        try:
            self._process.stdin.write(wire.frame(wire.Request(self._asked, list(prompts), max_new_tokens)))
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Crashed("the model process closed its input") from error
        reply = await self._reply(timeout, "generating")
        if reply.number != self._asked:
            raise Crashed(f"reply {reply.number} to request {self._asked}")
        return reply

    async def ended(self) -> int:
        """Wait until it ends by itself; returns its exit status."""
        assert self._process is not None
        return await self._process.wait()

    async def end(self) -> None:
        """Kill it and wait until it is gone and its pipes are closed."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()
        # Pipes that are still open when the event loop is closed cause warnings when they are garbage collected.
        if process.stdin is not None:
            process.stdin.close()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                await process.stdin.wait_closed()
        if process.stdout is not None:
            await process.stdout.read()
        await asyncio.sleep(0)

    async def _reply(self, timeout: float, doing: str) -> wire.Reply:
        assert self._process is not None and self._process.stdout is not None
        try:
            return await asyncio.wait_for(wire.read_reply(self._process.stdout), timeout)
        except TimeoutError:
            raise Hung(f"the model did not answer within {timeout:g} s while {doing}") from None
        except asyncio.IncompleteReadError:
            status = await self._process.wait()
            raise Crashed(f"the model process ended with status {status} while {doing}") from None
        except ValueError as error:
            raise Crashed(str(error)) from error
