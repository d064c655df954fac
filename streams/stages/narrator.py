"""NARRATOR: turns drafts into records with text written live, or with frame or template when that is not there in time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from operators.narration.frames import FrameLibrary
from operators.narration.narrate import narrate
from schemas import draft as drafts
from schemas import recommendation as records
from schemas.recommendation import TextSource
from schemas.rejection import Rejection, RejectionCode
from streams.engine import BatchApp, CheckpointedStage, Outbox, RecordBatch
from streams.engine.store import Item
from streams.metrics import Stage
from streams.stages.answers import finished
from streams.stages.context import Context
from streams.topology import DRAFTS, RECOMMENDATIONS

WRITTEN_AT_ONCE = 8


class NarratorStage(CheckpointedStage):
    """Keeps no state: a draft that was not acknowledged is written again, under the same id."""

    def __init__(self, app: BatchApp, context: Context) -> None:
        self.context, self.frames = context, FrameLibrary.load()
        self._records = context.topic(RECOMMENDATIONS)
        self._dead = context.dead_letters("narrator")
        super().__init__(
            app,
            "narrator",
            [context.topic(DRAFTS)],
            None,
            interval=context.settings.checkpoint_interval,
        )

    async def compute(self, batches: Sequence[RecordBatch], outbox: Outbox) -> None:
        read = [
            (batch.tp.partition, record.key, draft)
            for batch in batches
            for record in batch
            if (draft := self._decode(batch.tp.partition, record, outbox)) is not None
        ]
        # Partitions come one after another: what is due first must not wait for another partition's later drafts.
        read.sort(key=lambda each: each[2].deadline_ms)
        for start in range(0, len(read), WRITTEN_AT_ONCE):
            await self._answer(read[start : start + WRITTEN_AT_ONCE], outbox)
            await self.emit(outbox)

    def _decode(self, partition: int, record: Any, outbox: Outbox) -> drafts.Draft | None:
        try:
            draft = drafts.decode(record.value or b"")
        except msgspec.DecodeError as exc:
            refusal = Rejection(RejectionCode.NOT_A_RECORD, f"no draft: {exc}")
            self.context.metrics.dead_letters.of(Stage.NARRATOR, refusal.code).add()
            self._dead.refuse(outbox, self.context.topic(DRAFTS), partition, record, refusal)
            return None
        self._dead.accepted()
        return draft

    async def _answer(self, read: Sequence[tuple[int, bytes, drafts.Draft]], outbox: Outbox) -> None:
        facts = [draft.facts for _, _, draft in read]
        started = time.perf_counter()
        left = min((draft.deadline_ms for _, _, draft in read), default=0) - self.context.now_ms()
        texts = await self.context.live.write(facts, time.monotonic() + left / 1000)
        taken = (time.perf_counter() - started) * 1000
        for (partition, key, draft), each, written in zip(read, facts, texts, strict=True):
            text = written or narrate(each, self.frames)
            model = self.context.live.model if text.source is TextSource.LLM else None
            record = finished(self.context, draft.recommendation, text, draft.arrived_ms, taken, model)
            outbox.add(self._records, partition, key, records.encode(record))

    def snapshot(self) -> Mapping[int, Sequence[Item]]:
        return {}

    def restore(self, partitions: set[int]) -> None:
        """There is no state."""

    def forget(self) -> None:
        """There is no state."""

    async def tick(self) -> None:
        self.context.live.show()
