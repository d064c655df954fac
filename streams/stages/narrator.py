"""NARRATOR: turns drafts into records with text written live, or from a frame or template if that takes too long."""

from __future__ import annotations

from collections.abc import AsyncIterable, Sequence
from typing import Any, NamedTuple

import msgspec

from operators.narration.frames import FrameLibrary
from operators.narration.narrate import narrate
from schemas import draft as drafts
from schemas import recommendation as records
from schemas.recommendation import TextSource
from schemas.rejection import Rejection, RejectionCode
from streams.engine import BatchApp, Group, NoStates, Observer, Outbox, StageEngine
from streams.stages.answers import finished
from streams.stages.context import Context
from streams.stages.dead_letters import Refuses
from streams.topology import DRAFTS, NARRATOR, RECOMMENDATIONS

WRITTEN_AT_ONCE = 8


def narrator(app: BatchApp, context: Context, observer: Observer) -> StageEngine:
    """Declare the agent on ``app``."""
    work = Narrator(context)
    engine = context.engine(app, NARRATOR, work, None, observer)

    @app.agent(engine.groups)
    async def write_texts(groups: AsyncIterable[Group]) -> None:
        async for group in groups:
            async with engine.turn(group) as turn:
                waiting = work.read(group, turn.outbox)
                for start in range(0, len(waiting), WRITTEN_AT_ONCE):
                    await work.write(waiting[start : start + WRITTEN_AT_ONCE], turn.outbox)
                    await turn.send()

    return engine


class Placed(NamedTuple):
    """A draft, with partition and key of its record."""

    partition: int
    key: bytes
    draft: drafts.Draft


class Narrator(Refuses, NoStates):
    """Writes texts. Has no state: a draft that was not acknowledged is written again, under the same id."""

    def __init__(self, context: Context) -> None:
        self.context, self.frames = context, FrameLibrary.load()
        self._records = context.topic(RECOMMENDATIONS)
        self.dead = context.dead_letters(NARRATOR)

    def read(self, group: Group, outbox: Outbox) -> list[Placed]:
        """The drafts of a group, by deadline; records that are no drafts go to the dead letters."""
        read = [
            Placed(batch.tp.partition, record.key, draft)
            for batch in self.unless_stopped(group)
            for record in batch
            if (draft := self._decode(batch.tp.partition, record, outbox)) is not None
        ]
        # Batches are by partition: an urgent draft must not wait for later ones of another partition.
        read.sort(key=lambda each: each.draft.deadline_ms)
        return read

    def _decode(self, partition: int, record: Any, outbox: Outbox) -> drafts.Draft | None:
        try:
            draft = drafts.decode(record.value or b"")
        except msgspec.DecodeError as exc:
            refusal = Rejection(RejectionCode.NOT_A_RECORD, f"no draft: {exc}")
            self.context.metrics.dead_letters.of(NARRATOR, refusal.code).add()
            self.dead.refuse(outbox, self.context.topic(DRAFTS), partition, record, refusal)
            return None
        self.dead.accepted()
        return draft

    async def write(self, read: Sequence[Placed], outbox: Outbox) -> None:
        """Write the texts of some drafts and put their records into ``outbox``."""
        clock, facts = self.context.clock, [draft.facts for _, _, draft in read]
        started = clock.monotonic()
        left = min((draft.deadline_ms for _, _, draft in read), default=0) - clock.now_ms()
        texts = await self.context.live.write(facts, clock.monotonic() + left / 1000)
        taken = (clock.monotonic() - started) * 1000
        for (partition, key, draft), each, written in zip(read, facts, texts, strict=True):
            text = written or narrate(each, self.frames)
            model = self.context.live.model if text.source is TextSource.LLM else None
            record = finished(self.context, draft.recommendation, text, draft.arrived_ms, taken, model)
            outbox.add(self._records, partition, key, records.encode(record))

    def tick(self) -> None:
        self.context.live.show()
