"""Turns an engine's reports of its work into metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from streams.engine import Gap, Observer
from streams.metrics import Metrics, Step
from streams.topology import ITEMS, Stage
from streams.worker.gaps import Gaps


class StageMetrics(Observer):
    """Metrics of one stage; ``check`` raises where work on newly assigned partitions must not begin.

    ``taken_over`` tells whether a group (its first argument) has another member under a name.
    """

    def __init__(
        self, metrics: Metrics, stage: Stage, gaps: Gaps, check: Callable[[], Awaitable[None]],
        taken_over: Callable[[str, str, str], Awaitable[bool]],
    ) -> None:  # fmt: skip
        self._check, self._gaps, self._taken_over = check, gaps, taken_over
        self._rebalances = metrics.rebalances.of(stage)
        self._records = metrics.batch_records.of(stage)
        self._emit = metrics.stage_seconds.of(Step.EMIT)
        self._seconds = metrics.stage_seconds.of(Step.PUBLISH if stage is ITEMS else Step.CHECKPOINT)
        self._checkpoints = metrics.checkpoints.of(stage)
        self._bytes = metrics.checkpoint_bytes.of(stage)

    async def assigned(self) -> None:
        self._rebalances.add()
        await self._check()

    async def taken_over(self, group: str, instance: str, member: str) -> bool:
        return await self._taken_over(group, instance, member)

    def gap(self, gap: Gap) -> None:
        self._gaps.see(gap)

    def group(self, records: int) -> None:
        self._records.observe(records)

    def sent(self, seconds: float) -> None:
        self._emit.observe(seconds)

    def checkpoint(self, seconds: float, size: int) -> None:
        self._seconds.observe(seconds)
        self._checkpoints.add()
        self._bytes.add(size)
