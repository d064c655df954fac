"""``headwater worker`` with one fault, that comes once the file named by TEST_FAULT_MARK is there (case c59).

TEST_FAULT is ``agent`` (the profiles agent's task ends with an exception), ``compute`` (so does its work on a batch),
``block`` (the event loop stands still for two minutes) or ``pause`` (partition 1 of the clicks is never fetched again).
Everything else is the real program.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from faust.types import TP

from streams.cli.main import main
from streams.stages.profiles import ProfilesStage
from streams.topics import CLICK

PAUSED = 1
MARK = Path(os.environ.get("TEST_FAULT_MARK", "/"))


class InjectedError(RuntimeError):
    """The fault."""


def due() -> bool:
    """Whether the fault is to come now."""
    return MARK.is_file()


def agent() -> None:
    """The task that Faust runs for the agent ends with an exception."""
    consume = ProfilesStage._consume
    ends: list[asyncio.Future[None]] = []

    async def failing(self: ProfilesStage, stream: Any) -> None:
        ends.append(asyncio.get_running_loop().create_future())
        consuming = asyncio.ensure_future(consume(self, stream))
        await asyncio.wait({consuming, ends[-1]}, return_when=asyncio.FIRST_COMPLETED)
        consuming.cancel()
        ends[-1].result()

    ProfilesStage._consume = failing  # type: ignore[method-assign]
    on_tick(lambda stage: ends[-1].set_exception(InjectedError("the agent's task ends here")))


def compute() -> None:
    """The next batch cannot be worked on."""
    working = ProfilesStage.compute

    async def failing(self: ProfilesStage, *args: Any) -> None:
        if due():
            raise InjectedError("the batch ends here")
        await working(self, *args)

    ProfilesStage.compute = failing  # type: ignore[method-assign]


def block() -> None:
    """The event loop stands still."""
    on_tick(lambda stage: time.sleep(120))


def pause() -> None:
    """One partition is left out of every fetch."""

    def paused(stage: ProfilesStage) -> None:
        stage.app.consumer.pause_partitions({TP(stage.context.topic(CLICK), PAUSED)})

    on_tick(paused)


def on_tick(fault: Callable[[ProfilesStage], None]) -> None:
    """Have ``fault`` done once, from the event loop."""
    tick: Callable[[ProfilesStage], Coroutine[Any, Any, None]] = ProfilesStage.tick
    done: list[ProfilesStage] = []

    async def ticked(self: ProfilesStage) -> None:
        await tick(self)
        if due() and not done:
            done.append(self)
            fault(self)

    ProfilesStage.tick = ticked  # type: ignore[method-assign]


if __name__ == "__main__":
    {"agent": agent, "compute": compute, "block": block, "pause": pause}[os.environ["TEST_FAULT"]]()
    main()
