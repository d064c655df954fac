"""The Faust app of one stage: its own consumer group, batched transport, no web pages."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import faust
from faust.tables.manager import TableManager
from faust.transport.drivers import aiokafka as driver

from streams.engine.batch import RecordBatch
from streams.engine.changelog_queue import ChangelogQueue
from streams.engine.consumer import BatchConsumer
from streams.engine.guards import PauseGuard, StuckGuard
from streams.engine.producer import BatchProducer
from streams.engine.schema import raw_schema
from streams.settings import Settings

LIVE_BATCH_RECORDS = 256
MAX_BATCH_BYTES = 1 << 20
MAX_REQUEST_BYTES = 4 << 20


class BatchTransport(driver.Transport):  # type: ignore[misc]
    """aiokafka with our consumer and producer."""

    Consumer = BatchConsumer
    Producer = BatchProducer


class PromptTableManager(TableManager):  # type: ignore[misc]
    """Faust waits a second for tables that may still be added; ours are there before the app starts."""

    @cached_property
    def changelog_queue(self) -> ChangelogQueue:
        return ChangelogQueue(self.app, maxsize=self.app.conf.stream_buffer_maxsize)

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class BatchApp(faust.App):  # type: ignore[misc]
    """A :class:`faust.App` whose topics all move in batches of at most ``batch_records`` records."""

    batch_records: int = 4096
    pauses: PauseGuard
    stuck: StuckGuard
    brokers: str
    on_batches: Callable[[list[RecordBatch]], None]
    """Takes in what was read of the sources."""
    most_waiting: int
    """Records that may wait there before no more are read."""
    fetch_wait: float = 0.0
    """Seconds for which the broker may hold back source records while many come."""
    live_age_ms: int = 0
    """Records younger than this are live: they move in small batches, so that answers leave early."""

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_producer, self)

    async def crash(self, reason: BaseException) -> None:
        """Mark app and services as crashed. The worker says why, once; mode's own log has a traceback of expected ones, too."""
        self._crash(reason)

    async def _on_agent_error(self, _agent: Any, exc: BaseException) -> None:
        """An agent that ends is a crash (case c59 A): Faust would start it again, without what it had taken in."""
        await self.crash(exc)

    def batch_size(self, run: Sequence[Any]) -> int:
        """Records of ``run`` that move together: many while catching up."""
        live = run[-1].timestamp > time.time() * 1000 - self.live_age_ms
        return min(self.batch_records, LIVE_BATCH_RECORDS) if live else self.batch_records

    def batched_topic(self, *names: str) -> Any:
        """A channel over topics whose events carry :class:`RecordBatch` values."""
        return self.topic(*names, schema=raw_schema(), maxsize=16)


def create_app(settings: Settings, stage: str, brokers: str) -> BatchApp:
    """The app of ``stage``: group ``<namespace>.<stage>``, state below ``settings.namespace_dir``.

    Raises nothing by itself; the broker is first contacted when the app starts.
    """
    datadir = settings.namespace_dir / stage
    datadir.parent.mkdir(parents=True, exist_ok=True)
    heartbeat_interval = min(3.0, settings.session_timeout / 4)
    app = BatchApp(
        id=f"{settings.namespace}.{stage}",
        broker=[f"kafka://{server.strip()}" for server in brokers.split(",")],
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
        recovery_consistency_check=False,  # CheckpointedStage checks, and says what to do
        stream_buffer_maxsize=16,
        broker_commit_interval=settings.checkpoint_interval,
        broker_session_timeout=settings.session_timeout,
        broker_heartbeat_interval=heartbeat_interval,
        broker_request_timeout=max(40.0, settings.session_timeout + 5.0),
        broker_max_poll_interval=settings.stuck_timeout,  # an event loop that stands still polls no more
        broker_max_poll_records=settings.fetch_records * 4,
        consumer_max_fetch_size=8 << 20,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=f"{settings.worker_id}.{stage}" if settings.worker_id else None,
        producer_max_batch_size=MAX_BATCH_BYTES,
        producer_max_request_size=MAX_REQUEST_BYTES,
        producer_request_timeout=30.0,
        producer_linger=0.0,
        logging_config=None,
    )
    app.pauses = PauseGuard(settings.session_timeout, heartbeat_interval)
    app.stuck = StuckGuard(settings.stuck_timeout)
    app.brokers = brokers
    app.batch_records = settings.fetch_records
    app.live_age_ms = int(settings.max_event_age * 1000)
    return app
