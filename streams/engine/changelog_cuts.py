"""Finds what a recovery cannot read any more, because the changelog was cut before its stored offset or under it."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiokafka.errors import KafkaError
from faust.types import TP

from streams.engine.gaps import Gap

SILENT_SECONDS = 1.0
ASK_SECONDS = 2.0


class ChangelogCuts:
    """Compares where changelogs begin with what a recovery has read.

    A hole between two fetches alone says nothing: compaction makes them, too.
    """

    def __init__(self, app: Any, earliest: Callable[..., Awaitable[Mapping[TP, int]]]) -> None:
        """``earliest`` asks the broker where partitions begin."""
        self._app, self._earliest = app, earliest
        self._next: dict[TP, int] = {}
        """By partition under recovery: the offset behind the last one read."""
        self._heard_at = math.inf

    def begin(self, earliest: Mapping[TP, int]) -> None:
        """A recovery begins, of changelogs that begin at ``earliest``."""
        stored = self._app.tables.recovery.active_offsets
        self._heard_at = self._app.clock.monotonic()
        for tp, low in earliest.items():
            last = stored.get(tp)
            self._next[tp] = 0 if last is None else last + 1
            self._see(tp, low, low)

    def end(self) -> None:
        """The recovery is over."""
        self._next.clear()

    async def look(self, fetched: Mapping[TP, list[Any]]) -> None:
        """Look at what was fetched while a recovery is under way, and now and then while nothing comes."""
        if not self._next:
            return
        now = self._app.clock.monotonic()
        asked = {tp for tp, run in fetched.items() if tp in self._next and run[0].offset > self._next[tp]}
        if fetched:
            self._heard_at = now
        elif now > self._heard_at + SILENT_SECONDS:
            self._heard_at, asked = now, set(self._next)
        if asked:
            with contextlib.suppress(KafkaError, TimeoutError):  # no answer: the next fetch asks again
                async with asyncio.timeout(ASK_SECONDS):
                    earliest = await self._earliest(*asked)
                for tp, low in earliest.items():
                    self._see(tp, low, fetched[tp][0].offset if tp in fetched else low)
        for tp, run in fetched.items():
            if tp in self._next:
                self._next[tp] = run[-1].offset + 1

    def _see(self, tp: TP, low: int, got: int) -> None:
        """``low``: where the changelog begins; ``got``: the offset that reading goes on with."""
        first, end = self._next[tp], min(low, got)
        if end <= first:
            return
        self._next[tp] = end
        self._app.observer.gap(Gap(tp, first, end))
        recovery = self._app.tables.recovery
        last = recovery.active_highwaters.get(tp)
        if last is not None and low > last:
            recovery.active_offsets[tp] = last  # nothing is left that recovery could wait for
