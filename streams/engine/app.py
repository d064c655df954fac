"""The Faust app of one stage: its own consumer group, our consumer and producer, no web pages."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import faust
from faust.tables.manager import TableManager
from faust.transport.drivers import aiokafka as driver

from streams.broker.brokers import Brokers
from streams.clock import Clock
from streams.engine.batch import Group
from streams.engine.changelog_queue import ChangelogQueue
from streams.engine.consumer import BatchConsumer
from streams.engine.credentials import credentials
from streams.engine.groups import LIVE_BATCH_RECORDS, MOST_GROUP_RECORDS, GroupChannel
from streams.engine.guards import PauseGuard, StuckGuard
from streams.engine.observer import Observer
from streams.engine.producer import BatchProducer
from streams.settings import Settings
from streams.topology import Stage

MAX_BATCH_BYTES = 1 << 20
MAX_REQUEST_BYTES = 4 << 20
AgentBody = Callable[[AsyncIterable[Group]], Awaitable[None]]


class BatchTransport(driver.Transport):  # type: ignore[misc]
    """Faust's aiokafka transport with our consumer and producer."""

    Consumer = BatchConsumer
    Producer = BatchProducer


class PromptTableManager(TableManager):  # type: ignore[misc]
    """Starts recovery at once. Faust waits a second for tables added late; ours exist before the app starts."""

    @cached_property
    def changelog_queue(self) -> ChangelogQueue:
        return ChangelogQueue(self.app, maxsize=self.app.conf.stream_buffer_maxsize)

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


@dataclass(frozen=True, slots=True)
class Intake:
    """How many source records are read and handed on at once."""

    batch_records: int
    """The most records in a batch (of one partition)."""
    live_age_ms: int
    """Records younger than this are live: they move in small batches, so that answers leave early."""
    fetch_wait: float = 0.0
    """Seconds for which the broker may hold back source records while many come."""
    most_waiting: int = MOST_GROUP_RECORDS
    """Reading pauses while more records than this wait for the agent."""

    def batch_size(self, newest_ms: int, now_ms: int) -> int:
        """The batch size for records of which the newest has this timestamp (ms): large while catching up."""
        live = newest_ms > now_ms - self.live_age_ms
        return min(self.batch_records, LIVE_BATCH_RECORDS) if live else self.batch_records


class BatchApp(faust.App):  # type: ignore[misc]
    """A :class:`faust.App` whose agent gets groups of records that do not pass through Faust's streams."""

    def __init__(
        self, name: str, *, brokers: Brokers, intake: Intake, clock: Clock, pauses: PauseGuard, stuck: StuckGuard,
        **options: Any,
    ) -> None:  # fmt: skip
        """``name`` names the consumer group; ``options`` are Faust's."""
        self.brokers, self.intake, self.clock = brokers, intake, clock
        self.pauses, self.stuck = pauses, stuck
        self.observer = Observer()
        self.expect: Callable[[int], None] = _ignore
        """Gets the number of records that wait in a new assignment."""
        servers = [f"kafka://{server}" for server in brokers.servers.split(",")]
        super().__init__(name, broker=servers, broker_credentials=credentials(brokers), **options)

    @cached_property
    def groups(self) -> GroupChannel:
        """What the agent iterates over."""
        return GroupChannel(self)

    def agent(self, channel: GroupChannel, **options: Any) -> Callable[[AgentBody], Any]:
        """Faust's decorator, typed for agents over groups."""
        declare: Callable[[AgentBody], Any] = super().agent(channel, **options)
        return declare

    def subscribe(self, *topics: str) -> None:
        """Join the consumer group for ``topics``; their records reach the agent through ``groups``."""
        self.topics.add(self.topic(*topics))

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_producer, self)

    async def crash(self, reason: BaseException) -> None:
        """Mark app and services as crashed, without a log line: the worker logs the reason, once."""
        self._crash(reason)

    async def wait_for_crash(self) -> BaseException:
        """Wait until the app has crashed; returns why."""
        await self._crashed.wait()
        return self.crash_reason or RuntimeError(f"{self.conf.id} crashed")

    async def _on_agent_error(self, _agent: Any, exc: BaseException) -> None:
        """Treat the end of an agent as a crash: Faust would restart it, and the group that it had would be lost."""
        await self.crash(exc)


def _ignore(_waiting: int) -> None:
    """Nobody wants to know."""


def create_app(
    settings: Settings, stage: Stage, brokers: Brokers, *, member: str | None = None, clock: Clock | None = None
) -> BatchApp:
    """The app of ``stage``: its consumer group, state below ``settings.namespace_dir``.

    ``member``: this worker's name in its groups, under which it gets its partitions back after a crash; by default
    ``settings.worker_id``.
    Raises nothing by itself; the broker is first contacted when the app starts.
    """
    clock, member = clock or Clock(), member or settings.worker_id
    datadir = settings.namespace_dir / stage.name
    datadir.parent.mkdir(parents=True, exist_ok=True)
    heartbeat_interval = min(3.0, settings.session_timeout / 4)
    return BatchApp(
        stage.group(settings.namespace),
        brokers=brokers,
        intake=Intake(
            settings.fetch_records,
            int(settings.max_event_age * 1000),
            settings.fetch_wait if stage.waits_for_many else 0.0,
        ),
        clock=clock,
        pauses=PauseGuard(settings.session_timeout, heartbeat_interval, clock),
        stuck=StuckGuard(settings.stuck_timeout, clock),
        store="rocksdb://" if settings.store == "rocksdb" else "memory://",
        datadir=str(datadir),
        autodiscover=False,
        TableManager=PromptTableManager,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        table_standby_replicas=0,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        recovery_consistency_check=False,  # BatchTable checks, and says what to do
        stream_buffer_maxsize=16,
        broker_commit_interval=settings.checkpoint_interval,
        broker_session_timeout=settings.session_timeout,
        broker_heartbeat_interval=heartbeat_interval,
        broker_request_timeout=max(40.0, settings.session_timeout + 5.0),
        broker_max_poll_interval=settings.stuck_timeout,  # a blocked event loop stops polling
        broker_max_poll_records=settings.fetch_records * 4,
        consumer_max_fetch_size=8 << 20,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=f"{member}.{stage.name}" if member else None,
        producer_max_batch_size=MAX_BATCH_BYTES,
        producer_max_request_size=MAX_REQUEST_BYTES,
        producer_request_timeout=30.0,
        producer_linger=0.0,
        logging_config=None,
    )
