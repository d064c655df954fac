"""PROFILES: learns every event into its user's state, ranks once per user and group, and answers."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from typing import Any

from operators.learning.observation import ANSWERED, Status
from operators.narration.frames import FrameLibrary
from operators.state.user_state import UserState
from schemas.durations import DAY_MS
from schemas.kinds import Kind
from schemas.parse import Limits, parse
from schemas.records import CutSearch, Event, Purchase, Search
from schemas.rejection import Rejection
from streams.broker.partitioning import PRODUCER_SETTING, partition_of
from streams.broker.update_messages import pack_learning
from streams.engine import BatchApp, Group, Observer, Outbox, RecordBatch, Row, StageEngine, States, Turn
from streams.metrics import EventOutcome, Step
from streams.model.admission import Priority
from streams.stages.answers import AnsweredEvent, Answers
from streams.stages.context import Context
from streams.stages.dead_letters import Refuses
from streams.stages.event_time import EventTime, event_time, told_arrival
from streams.stages.feedback import Feedback
from streams.stages.late_events import LateEvents
from streams.stages.user_cache import UserCache
from streams.stages.user_expiry import UserExpiry
from streams.topology import EVENTS, ITEM_UPDATES, PROFILES, Topic

log = logging.getLogger(__name__)
UPDATES_BYTES = 900_000  # the largest message: our topics take 2 MiB, but brokers by default 1 MiB
UPDATES_INTERVAL = 0.05  # seconds: fewer messages to the items stage, each with more updates
RANKED_AT_ONCE = 16  # rankings between two turns of the event loop
MISPLACED_EVERY = 60.0  # seconds between two warnings about a topic
TIMED = 32  # the last records of a batch, which are enough for the partition's time


_Accepted = tuple[Any, Event, EventTime]
"""A record that parsed."""


def profiles(app: BatchApp, context: Context, observer: Observer) -> StageEngine:
    """Declare the agent on ``app``."""
    work, clock = Profiles(app, context), context.clock
    engine = context.engine(app, PROFILES, work, work.table, observer)

    @app.agent(engine.groups)
    async def learn_and_answer(groups: AsyncIterable[Group]) -> None:
        async for group in groups:
            await context.catalogue_read.wait()
            async with engine.turn(group) as turn:
                now = clock.now_ms()
                read = work.read(group, now, turn.outbox)
                answered = work.learn(read, now)
                work.teach_items(turn.outbox)
                await work.answer(answered, turn)

    return engine


class Profiles(Refuses, States):
    """User states, and the work on events: decode or refuse, learn, rank, answer."""

    def __init__(self, app: BatchApp, context: Context) -> None:
        self.context, self.answers = context, Answers(context, FrameLibrary.load())
        self.recommender, self.index = context.recommender, context.index
        settings = context.settings
        self.table = context.table(app, PROFILES)
        self.users = UserCache(self.table, context.index, context.recommender.parameters, settings.cached_users)
        expired = context.metrics.expired_users.of().add
        self.expiry = UserExpiry(self.table, self.users, int(settings.user_idle_days * DAY_MS), expired, context.clock)
        self.feedback = Feedback(context)
        self._kinds = {context.topic(topic): (kind, topic) for kind, topic in EVENTS.items()}
        self.dead = context.dead_letters(PROFILES)
        self._limits = Limits(max_bytes=settings.max_record_bytes)
        self._most_a_minute = settings.user_events_per_minute
        self._tolerance = int(settings.future_tolerance * 1000)
        self._max_age = int(settings.max_event_age * 1000)
        self._late = LateEvents(context.metrics, self._max_age, context.clock)
        self._updates = context.topic(ITEM_UPDATES)
        self._warned: dict[str, float] = {}
        self._released_at = 0.0

    # ---- read
    def read(self, group: Group, now: int, outbox: Outbox) -> list[tuple[RecordBatch, list[_Accepted]]]:
        """The events of each batch; what is refused goes to the dead letters."""
        with self.context.metrics.stage_seconds.of(Step.DECODE).time():
            return [(batch, self._read(batch, now, outbox)) for batch in self.unless_stopped(group)]

    def _read(self, batch: RecordBatch, now: int, outbox: Outbox) -> list[_Accepted]:
        kind, topic = self._kinds[batch.tp.topic]
        accepted: list[_Accepted] = []
        implausible = clamped = 0
        for record in batch:
            event = parse(kind, record.value, key=record.key, now_ms=now, limits=self._limits)
            if isinstance(event, Rejection):
                self._refuse(batch, topic, record, event, outbox)
                continue
            self.dead.accepted()
            told = told_arrival(record.headers) if record.headers else None
            times = event_time(record.timestamp, event.occurred_at, now, self._tolerance, told)  # type: ignore[union-attr]
            implausible += times.implausible
            clamped += times.clamped
            accepted.append((record, event, times))  # type: ignore[arg-type]
        metrics = self.context.metrics
        if implausible:
            metrics.implausible_timestamps.of(topic).add(implausible)
        if clamped:
            metrics.clamped_times.of(topic).add(clamped)
        if kind is Kind.SEARCH:
            metrics.cut_queries.of().add(sum(type(event) is CutSearch for _, event, _ in accepted))
        return accepted

    def _refuse(self, batch: RecordBatch, topic: Topic, record: Any, rejection: Rejection, outbox: Outbox) -> None:
        metrics = self.context.metrics
        if rejection.ignored:
            metrics.events.of(topic, EventOutcome.IGNORED).add()
            self.dead.accepted()
            return
        metrics.dead_letters.of(PROFILES, rejection.code).add()
        metrics.events.of(topic, EventOutcome.REJECTED).add()
        self.dead.refuse(outbox, batch.tp.topic, batch.tp.partition, record, rejection)

    # ---- learn
    def learn(self, read: Sequence[tuple[RecordBatch, list[_Accepted]]], now: int) -> list[AnsweredEvent]:
        """Learn the events in their users' states; returns those that are answered."""
        answered: list[AnsweredEvent] = []
        with self.context.metrics.stage_seconds.of(Step.LEARN).time():
            for batch, accepted in read:
                self._learn(batch, accepted, now, answered)
            self.recommender.update_users()
        return answered

    def _learn(
        self, batch: RecordBatch, accepted: Sequence[_Accepted], now: int, answered: list[AnsweredEvent]
    ) -> None:
        _, topic = self._kinds[batch.tp.topic]
        partition, source = batch.tp.partition, self.context.source(topic, batch.tp.partition)
        self._load(topic, partition, accepted)
        states, touch, observe = self.users.of(partition), self.users.touch, self.recommender.observe
        outcomes, usual = dict.fromkeys(EventOutcome, 0), 0
        late = oldest = again = 0
        for record, event, times in accepted:
            state = states[event.user_id]
            if record.offset <= state.applied.get(source, -1):
                outcomes[EventOutcome.REPLAYED] += 1
                continue
            touch(partition, state)
            if self._too_fast(state, source, record.offset, times):
                outcomes[EventOutcome.RATE_LIMITED] += 1
                continue
            self.feedback.before(state, event)
            observation = observe(state, event, times.occurred, source, record.offset)
            if observation is ANSWERED:
                usual += 1
            else:
                outcomes[_OUTCOMES[observation.status]] += 1
                self.feedback.after(observation, topic)
            if observation.answers:
                age = now - times.arrived
                if age <= self._max_age:
                    answered.append(_answered(batch, record, event, times, state))
                elif times.again:
                    again += 1
                else:
                    late += 1
                    oldest = max(oldest, age)
        if late or again:
            self._late.count(topic, late, oldest, again)
        self.expiry.see(partition, ((event.user_id, times.heard) for _, event, times in accepted[-TIMED:]))
        outcomes[EventOutcome.LEARNED] += usual
        for outcome, count in outcomes.items():
            if count:
                self.context.metrics.events.of(topic, outcome).add(count)

    def _load(self, topic: Topic, partition: int, accepted: Sequence[_Accepted]) -> None:
        partitions = self.context.settings.user_partitions
        loaded = self.users.load(partition, [event.user_id for _, event, _ in accepted])
        rights = [partition_of(state.user_id.encode(), partitions) for state in loaded]
        misplaced = [right for right in rights if right != partition]
        if misplaced:
            self.context.metrics.misplaced_users.of(topic).add(len(misplaced))
            self._warn_misplaced(topic, partition, misplaced[0])

    def _warn_misplaced(self, topic: Topic, partition: int, right: int) -> None:
        """Warn once a minute and topic: with a wrong partitioner nearly every user is misplaced."""
        now = self.context.clock.monotonic()
        if now < self._warned.get(topic.suffix, -math.inf) + MISPLACED_EVERY:
            return
        self._warned[topic.suffix] = now
        log.warning(
            "a user of %s is in partition %d, murmur2 of the key says %d: one user may become two half profiles. Set "
            "%s in the producer of this topic (librdkafka's default differs from the Java clients'). How many users: "
            "the metric headwater_misplaced_users_total.",
            topic.suffix, partition, right, PRODUCER_SETTING,
        )  # fmt: skip

    def _too_fast(self, state: UserState, source: int, offset: int, times: EventTime) -> bool:
        """Whether the user sends too many events. By Kafka time and kept in the state: reading again decides the same.

        What is put in again was no rush when it happened.
        """
        minute = (times.again or times.arrived) // 60_000  # `heard`, in half of the time
        if minute > state.rate_minute:
            state.rate_minute, state.rate_count = minute, 0
        if times.again:
            return False
        state.rate_count += 1
        if state.rate_count <= self._most_a_minute:
            return False
        state.applied[source] = offset
        return True

    # ---- teach items, answer
    def teach_items(self, outbox: Outbox) -> None:
        """Send the updates of items if ``UPDATES_INTERVAL`` has passed since the last time."""
        if self.context.clock.monotonic() - self._released_at >= UPDATES_INTERVAL:
            self.release(outbox)

    def release(self, outbox: Outbox) -> None:
        """Send the updates of items."""
        self._released_at = self.context.clock.monotonic()
        updates = self.recommender.flush()
        if updates is None:
            return
        for messages in updates.messages(self.index, self.context.settings.item_partitions, UPDATES_BYTES):
            for partition, payload in messages.items():
                outbox.add(self._updates, partition, None, pack_learning(payload))

    async def answer(self, answered: Sequence[AnsweredEvent], turn: Turn) -> None:
        """Put the records, or drafts, that answer events into the turn's outbox."""
        self.answers.begin(answered)
        for n, event in enumerate(answered, 1):
            self.answers.answer(event, turn.outbox)
            if n % RANKED_AT_ONCE == 0:
                await turn.send()
                await asyncio.sleep(0)

    # ---- state
    def snapshot(self) -> Mapping[int, Iterable[Row]]:
        return self.users.snapshot()

    def dirty_size(self) -> int:
        return self.users.dirty_count * 1024

    def restore(self, partitions: set[int]) -> None:
        """States are read from the table when their users send events."""
        self.expiry.restore(partitions)

    def forget(self) -> None:
        self.expiry.forget()
        self.users.clear()
        self.recommender.flush()

    def tick(self) -> None:
        self.context.metrics.cached_users.of().set(len(self.users))
        self.feedback.show()

    def sweep(self, *, writing: bool) -> None:
        self.expiry.sweep()


_OUTCOMES = {
    Status.LEARNED: EventOutcome.LEARNED,
    Status.DUPLICATE: EventOutcome.DUPLICATE,
    Status.IGNORED: EventOutcome.REPLAYED,
}


def _answered(batch: RecordBatch, record: Any, event: Event, times: EventTime, state: UserState) -> AnsweredEvent:
    return AnsweredEvent(
        state,
        batch.tp.topic,
        batch.tp.partition,
        record.offset,
        event.event_id,
        times.arrived,
        times.heard,
        getattr(event, "item_id", None),
        event.query if isinstance(event, Search) else None,
        getattr(event, "locale", None),
        _priority(event, state),
    )


def _priority(event: Event, state: UserState) -> Priority:
    """Who gets live text first."""
    if isinstance(event, Purchase):
        return Priority.PURCHASE
    return Priority.FIRST_OF_SESSION if state.learned <= 1 else Priority.OTHER
