"""The worker: stages as Faust apps in one process, from preflight to a clean end.

``run`` returns the exit code: 0 after SIGTERM or SIGINT, 1 when it stopped by itself with the reason in the log, 2 when
it could not start. A stage has its own consumer group (``<namespace>.<stage>``), so stages scale apart from each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

from confluent_kafka import KafkaException

from operators.narration.catalog_titles import known_titles
from operators.recommender import Recommender
from operators.state.errors import StateError
from operators.state.item_index import ItemIndex
from operators.warm_up import warm_up
from streams.broker.access import brokers_of, in_the_clear
from streams.broker.admin import connect, describe_topics, refuse_other_partitions
from streams.broker.group_members import has_other_member
from streams.broker.idle_stages import idle_stages, unread
from streams.broker.incarnations import Described, Incarnation, describe, incarnations, refuse_changed, refuse_gone
from streams.broker.partitioning import partition_of
from streams.broker.refusals import is_login_refused, login_refused
from streams.clock import Clock
from streams.engine import StageEngine, create_app
from streams.errors import BrokerError, ConfigurationError, OperatorError, StreamError
from streams.metrics import Metrics
from streams.model.live import LiveNarration
from streams.settings import Settings, unknown_variables
from streams.stages.catalog import catalog
from streams.stages.context import Context
from streams.stages.items import items
from streams.stages.narrator import narrator
from streams.stages.profiles import profiles
from streams.topology import CATALOG, ITEMS, NARRATOR, PROFILES, STAGES, Stage
from streams.worker.catalogue_start import CatalogueStart
from streams.worker.gaps import Gaps
from streams.worker.health import Check, Health
from streams.worker.http import HttpError, HttpServer
from streams.worker.identity import identity
from streams.worker.index_reader import IndexReader
from streams.worker.parameters import parameters_of
from streams.worker.progress import ASK_TIMEOUT, Progress
from streams.worker.repeated_lines import Repeated
from streams.worker.stage_metrics import StageMetrics
from streams.worker.state_lock import StateLock

log = logging.getLogger("headwater.worker")
GRACE = 6.0  # for the last checkpoints
STOP_TIMEOUT = 3.0  # for leaving the groups; together they are below the 10 s that are promised for a stop
BROKER_CHECK, BROKER_RECHECK = 5.0, 1.0  # seconds until the next check, after an answer and after none
IDLE_STAGES_CHECK = 30.0  # seconds
_AGENTS = {ITEMS: items, CATALOG: catalog, PROFILES: profiles, NARRATOR: narrator}
EXPECTED = (StreamError, StateError, OperatorError, HttpError)  # logged without a traceback


def run(settings: Settings, stages: Sequence[str]) -> int:
    """Run ``stages`` until a signal; the module's docstring lists the exit codes."""
    _configure_logging(settings)
    for name, remedy in unknown_variables(os.environ).items():
        log.warning("there is no setting %s. %s", name, remedy)
    try:
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    except ImportError:
        log.info("uvloop is not there (Windows): the standard event loop is slower")
    try:
        return asyncio.run(Worker(settings, stages).run())
    except EXPECTED as exc:
        log.error("%s", exc)
        return 2


class Worker:
    """One process of the stream."""

    def __init__(self, settings: Settings, stages: Sequence[str]) -> None:
        """Raises :class:`ConfigurationError` without a broker to connect to, or a way to."""
        self.settings, self.names, self.brokers = settings, tuple(stages), brokers_of(settings)
        if (warning := in_the_clear(self.brokers)) is not None:
            log.warning("%s", warning)
        self.clock = Clock()
        self.metrics = Metrics(settings.namespace)
        self.health = Health(required=("broker", "item index", "recovery"), clock=self.clock)
        self.engines: dict[Stage, StageEngine] = {}
        self._admin = connect(self.brokers)
        self._gaps = Gaps(self.metrics, settings.namespace)
        self._member = ""
        self.live: LiveNarration | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._failed: asyncio.Future[BaseException]

    async def run(self) -> int:
        """Start, work, stop; raises what kept it from starting."""
        loop = asyncio.get_running_loop()
        self._failed = loop.create_future()
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        http = HttpServer(self.metrics, self.health, host=self.settings.http_host, port=self.settings.http_port)
        with StateLock(self.settings.namespace_dir), http:
            self._member = identity(self.settings)
            log.info("metrics and health at %s/metrics, /healthz, /readyz", http.url)
            self._spawn(self.health.heartbeat())
            starting = asyncio.create_task(self._start())
            waiting = asyncio.create_task(stopped.wait())
            ends: set[asyncio.Future[Any]] = {waiting, self._failed}
            await asyncio.wait({starting, *ends}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done() and not stopped.is_set() and not self._failed.done():
                if (exc := starting.exception()) is not None:
                    return self._give_up(exc, 2)
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._failed.done():
                return self._give_up(self._failed.result(), 1)
            await self._stop(starting)
        return _leave_now(0)

    # ---- start
    async def _start(self) -> None:
        ids = await asyncio.to_thread(self._preflight)
        context = self._context(ids)
        await asyncio.to_thread(warm_up, context.recommender.parameters)  # before any group is joined
        self._make_stages(context)
        reader = IndexReader(self.brokers, context, self._gaps)
        self._spawn(reader.run())
        if PROFILES in self.engines:
            self.health.set("catalogue", False, "is not looked at yet")
            self._spawn(self._await_catalogue(context, reader))
        self._spawn(self._watch_progress())
        self._spawn(self._watch_groups())
        self._spawn(self._watch_broker(ids))
        self._spawn(self._watch_idle_stages())
        self.health.set("broker", True, f"reached at {self.brokers}")
        await reader.loaded.wait()
        self.health.register("item index", partial(_index_check, context.index))
        self._register_checks()
        gc.collect()
        gc.freeze()  # these objects stay: the collector need not look at them again and again during recovery
        gc.set_threshold(100_000, 50, 100)
        started = self.clock.monotonic()
        await asyncio.gather(*(self._start_app(engine) for engine in self.engines.values()))
        for stage in self.engines:
            self.metrics.recovery_seconds.of(stage).set(self.clock.monotonic() - started)
        self.health.remove("recovery")
        self.health.started()
        gc.freeze()
        _give_memory_back()
        log.info("ready: %s", ", ".join(stage.name for stage in self.engines))

    def _preflight(self) -> Mapping[str, Incarnation]:
        states = describe_topics(self.brokers, self.settings)
        refuse_other_partitions(states, self.settings)
        missing = [state.name for state in states if state.partitions is None]
        if missing:
            raise ConfigurationError(f"topics are missing ({', '.join(missing)}): run headwater topics create")
        return incarnations(self.brokers, self.settings, [state.name for state in states])

    def _context(self, ids: Mapping[str, Incarnation]) -> Context:
        settings = self.settings
        parameters = parameters_of(settings)
        index = ItemIndex(parameters, lambda key: partition_of(key, settings.item_partitions))
        recommender = Recommender(parameters, index, settings.seed)
        self.live = LiveNarration(settings, self.metrics, known_titles(index))
        if NARRATOR.name in self.names:
            self.live.start()
        else:
            self.live.show()  # sets the metric that says that there is no model here
        return Context(settings, index, recommender, self.metrics, ids, self.live, self.clock)

    def _make_stages(self, context: Context) -> None:
        check = partial(self._check_topics, context.incarnations)
        for stage, declare in _AGENTS.items():
            if stage.name in self.names:
                app = create_app(self.settings, stage, self.brokers, member=self._member, clock=self.clock)
                metrics = StageMetrics(self.metrics, stage, self._gaps, check, self._taken_over)
                self.engines[stage] = declare(app, context, metrics)
                self._spawn(self._watch_crash(self.engines[stage]))
        self.progress = Progress(self.settings, self.metrics, self.engines.values(), self.clock)

    def _count_keys(self) -> None:
        for stage, engine in self.engines.items():
            if stage.table is not None:
                self.metrics.table_keys.of(stage.table).set(engine.key_count())

    def _register_checks(self) -> None:
        self.health.register("commits", self.progress.commits)
        self.health.register("partitions", self.progress.partitions)
        for stage, engine in self.engines.items():
            self.health.register(f"stage {stage.name}", _stage_check(engine))

    async def _start_app(self, engine: StageEngine) -> None:
        await engine.app.start()

    async def _await_catalogue(self, context: Context, reader: IndexReader) -> None:
        """Let events be answered once the catalogue is read."""
        say = partial(self.health.set, "catalogue", False)
        outcome = await CatalogueStart(self.brokers, self._admin, context, reader, say).wait()
        context.catalogue_read.set()
        self.health.set("catalogue", True, outcome)

    # ---- watch
    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        async def guarded() -> None:
            try:
                await coroutine
            except asyncio.CancelledError:
                raise
            except Exception as exc:
                self._fail(exc)

        self._tasks.append(asyncio.create_task(guarded()))

    def _fail(self, exc: BaseException) -> None:
        if not self._failed.done():
            self._failed.set_result(exc)

    async def _watch_crash(self, engine: StageEngine) -> None:
        reason = await engine.app.wait_for_crash()
        self._fail(engine.crashed or reason)

    async def _watch_groups(self) -> None:
        """Ask every second whether the stages can be in their groups."""
        while True:
            await asyncio.sleep(1.0)
            for engine in self.engines.values():
                if engine.app.started:
                    await engine.app.consumer.check_group()

    async def _watch_progress(self) -> None:
        """Update the figures once a second, also while the broker does not answer."""
        while True:
            await asyncio.sleep(1.0)
            if self.engines and all(engine.is_open for engine in self.engines.values()):
                self.progress.look()
                self._count_keys()

    async def _check_topics(self, ids: Mapping[str, Incarnation]) -> None:
        """Check the topics before the first records after a rebalance: a changed topic may have caused it."""
        try:
            current = await asyncio.to_thread(describe, self._admin, ids, ASK_TIMEOUT)
        except KafkaException:
            return  # no answer says nothing of the topics; ``_watch_broker`` finds a topic that is gone
        refuse_changed(self.settings, ids, current)

    async def _taken_over(self, group: str, instance: str, member: str) -> bool:
        """Whether another member than ``member`` has the name ``instance`` in the consumer group."""
        return await asyncio.to_thread(has_other_member, self._admin, group, instance, member, ASK_TIMEOUT)

    async def _watch_broker(self, ids: Mapping[str, Incarnation]) -> None:
        """Check now and then that the broker answers and that the topics are still the same."""
        seen = {name: Described(id.topic_id, id.partitions) for name, id in ids.items()}
        pause = BROKER_CHECK
        while True:
            await asyncio.sleep(pause)
            try:
                before, seen = seen, await asyncio.to_thread(describe, self._admin, ids, ASK_TIMEOUT)
                refuse_gone(ids, before | seen)  # gone means missing twice: a restarted broker may not know all yet
                await asyncio.to_thread(self.progress.ask, self._admin)
            except KafkaException as exc:
                heard = self._admin.heard()
                for error in filter(is_login_refused, heard):
                    raise login_refused(self.brokers, error) from exc
                reason = heard[-1].str() if heard else exc.args[0].name()
                self.health.set("broker", False, f"{self.brokers} does not answer ({reason})")
                pause = BROKER_RECHECK
                continue
            pause = BROKER_CHECK
            self._admin.heard()  # of connections that are there again
            self.health.set("broker", True, f"reached at {self.brokers}")
            refuse_changed(self.settings, ids, seen)

    async def _watch_idle_stages(self) -> None:
        """Show what waits for stages that run in no worker: no other worker could."""
        while True:
            await asyncio.sleep(IDLE_STAGES_CHECK)
            with contextlib.suppress(BrokerError):  # no answer says nothing of the stages
                await asyncio.to_thread(self._look_at_idle_stages)

    def _look_at_idle_stages(self) -> None:
        idle = idle_stages(self._admin, self.settings.namespace)
        if any(stage in idle for stage in self.engines):
            return  # this worker has not joined yet, or may not see all groups
        for stage in STAGES:
            waiting = unread(self._admin, self.brokers, self.settings, stage) if stage in idle else {}
            self.metrics.unread_records.of(stage).set(sum(waiting.values()))

    # ---- stop
    async def _stop(self, starting: asyncio.Task[None]) -> None:
        """Write the last checkpoints, upstream stages first, then leave the groups; keeps the promised time."""
        log.info("stopping")
        self.health.set("stopping", False, "the worker was told to stop")
        until = self.clock.monotonic() + GRACE
        if self.live is not None:
            await self.live.stop()  # waiting drafts get frames at once, and no more drafts are made
        for stage in STAGES:
            engine = self.engines.get(stage)
            if engine is not None and not await engine.close(max(0.1, until - self.clock.monotonic())):
                log.warning(
                    "stage %s: no last checkpoint, the broker did not take it; the next start repeats a little",
                    stage.name,
                )
        starting.cancel()
        if self.live is not None:
            await self.live.stop()  # again: the start may have started it meanwhile
        for task in self._tasks:
            task.cancel()
        if self.settings.worker_id is None:  # nobody else than this folder's next worker would come under its name
            for engine in self.engines.values():
                engine.app.consumer.leave_on_stop()
        stops = [asyncio.create_task(engine.app.stop()) for engine in self.engines.values()]
        if stops:
            _, late = await asyncio.wait(stops, timeout=STOP_TIMEOUT)
            if late:
                log.warning("the broker did not let the groups be left in time")
        log.info("stopped")

    def _give_up(self, exc: BaseException, code: int) -> int:
        """Log the reason and end without writing: what was not acknowledged is read again by the next owner."""
        if isinstance(exc, EXPECTED):
            log.error("%s", exc)
        else:
            log.error("unexpected error, the worker stops before it acknowledges anything", exc_info=exc)
        return _leave_now(code)


def _give_memory_back() -> None:
    """Return free memory to the system: glibc keeps what recovery used, 150 MB after a million users."""
    with contextlib.suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def _leave_now(code: int) -> NoReturn:
    """End the process at once, without waiting for its threads.

    A crashed stage must not write any more, and a thread that waits for a broker would hold the process until its
    timeout.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _index_check(index: ItemIndex) -> Check:
    size = index.size
    listed = int(index.cataloged[:size].sum())
    return Check(True, f"{listed} items of the catalogue, {size - listed} others (deleted, or known from events alone)")


def _stage_check(engine: StageEngine) -> Callable[[], Check]:
    def check() -> Check:
        if engine.crashed is not None:
            return Check(False, f"crashed: {type(engine.crashed).__name__}")
        if not engine.is_open:
            return Check(False, "waiting for its partitions: a rebalance or the recovery of its table is under way")
        return Check(True, "works")

    return check


def _configure_logging(settings: Settings) -> None:
    logging.basicConfig(
        level=settings.log_level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(Repeated("faust", "mode", "aiokafka"))
    for noisy in ("faust", "mode", "aiokafka", "streams.engine", "kafka"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLogger().level))
