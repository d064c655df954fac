"""Fails when Faust, mode or aiokafka change under ``streams/engine``, which uses some of their private names."""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import aiokafka
import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import Fetcher, FetchResult, PartitionRecords
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import TopicPartitionState
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator
from aiokafka.producer.sender import Sender, SendProduceReqHandler
from aiokafka.record.default_records import DefaultRecord
from aiokafka.record.legacy_records import LegacyRecord
from faust import App, Schema
from faust.agents.agent import Agent
from faust.channels import Channel
from faust.stores import memory, rocksdb
from faust.streams import Stream
from faust.tables.base import Collection
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.conductor import Conductor, ConductorCompiler
from faust.transport.consumer import Consumer, ThreadDelegateConsumer
from faust.transport.drivers import aiokafka as driver
from mode.services import Service

from streams import engine
from streams.engine.internals import INTERNALS


def source(thing: object) -> str:
    return inspect.getsource(thing)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("package", "expected"), [("faust-streaming", "0.15.3"), ("mode-streaming", "0.7.1"), ("aiokafka", "0.14.0")]
)
def test_versions_are_the_pinned_ones(package: str, expected: str) -> None:
    assert version(package) == expected


ENGINE = Path(engine.__file__).parent
FOREIGN = ("faust", "mode", "aiokafka", "asyncio")


def private(name: str) -> bool:
    """librdkafka's error codes begin with an underscore and a capital letter, and are public."""
    return re.match("_[a-z]", name) is not None


def written(path: Path) -> Iterator[str]:
    """Private attributes that a file reads or sets."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and private(node.attr):
            yield node.attr


def own(path: Path) -> set[str]:
    """Private names that a file's own classes and functions define."""
    module = importlib.import_module(f"streams.engine.{path.stem}".removesuffix(".__init__"))
    names: set[str] = set()
    for thing in vars(module).values():
        if inspect.isclass(thing) and thing.__module__ == module.__name__:
            bases = [base for base in thing.__mro__[1:] if base.__module__.partition(".")[0] in FOREIGN]
            inherited = "\n".join(source(base) for base in bases if base.__module__ != "builtins")
            assigned = set(re.findall(r"self\.(_\w+)(?:, self\.\w+)*(?::[^=\n]+)? = ", source(thing)))
            for group in re.findall(r"((?:self\.\w+, )+self\.\w+) = ", source(thing)):
                assigned |= {name.removeprefix("self.") for name in group.split(", ")}
            defined = assigned | set(vars(thing)) | set(getattr(thing, "__annotations__", {}))
            names |= {name for name in defined if private(name) and not re.search(rf"\b{name}\b", inherited)}
        elif callable(thing) and getattr(thing, "__module__", "") == module.__name__:
            names |= {thing.__name__}
    return names


def used() -> set[str]:
    """Private names of others that the engine's files use or override."""
    names: set[str] = set()
    for path in ENGINE.glob("*.py"):
        mine = own(path)
        names |= set(written(path)) - mine
        module = importlib.import_module(f"streams.engine.{path.stem}".removesuffix(".__init__"))
        for thing in vars(module).values():
            if inspect.isclass(thing) and thing.__module__ == module.__name__:
                inherited = {name for base in thing.__mro__[1:] for name in vars(base)}
                names |= {name for name in vars(thing) if private(name) and name in inherited and name not in mine}
    return names


def test_every_private_name_that_is_used_is_in_the_table() -> None:
    assert used() == {place.rpartition(".")[2] for place in INTERNALS}


@pytest.mark.parametrize("place", INTERNALS)
def test_private_names_are_where_the_table_says(place: str) -> None:
    module, _, rest = place.partition(":")
    owner, _, name = rest.partition(".")
    cls = getattr(importlib.import_module(module), owner)
    assert hasattr(cls, name) or re.search(rf"self\.{name}\b", source(cls))
    assert INTERNALS[place]


def test_getmany_is_what_the_fetch_loop_reads() -> None:
    loop = source(Consumer._drain_messages)
    assert "getmany(timeout=1.0)" in loop
    assert "self._read_offset.__getitem__" in loop and "self._read_offset.__setitem__" in loop
    assert "if r_offset is None or offset >= r_offset" in loop, "no mark, nothing dropped and no gap"


def test_commits_of_given_offsets_go_to_the_broker() -> None:
    """Faust commits what its own streams acknowledge, which is nothing; we commit past it."""
    assert "return await self._thread.commit(offsets)" in source(ThreadDelegateConsumer._commit)
    commit = source(driver.AIOKafkaConsumerThread._commit)
    assert "await consumer.commit(" in commit and "return False" in commit and "return True" in commit
    assert "for tp in self._acked" in source(Consumer._filter_tps_with_pending_acks)


def test_an_agent_iterates_over_a_clone_of_its_channel() -> None:
    assert "self.channel.clone(is_iterator=False)" in source(Agent.channel_iterator.fget)
    assert "self.clone(is_iterator=True)" in source(Channel.__aiter__)
    assert "isinstance(channel, ChannelT)" in source(Agent._prepare_channel)
    assert "item = self._get()" in source(asyncio.Queue.get_nowait)
    assert "value = channel_value" in source(Stream._py_aiter), "what is no event is not acknowledged"


def test_topics_without_an_agent_are_subscribed_to() -> None:
    assert "for channel in topics" in source(Conductor._update_indices)
    assert "consumer.subscribe(await self._update_indices())" in source(Conductor._subscriber.fun)


def test_an_agent_that_ends_asks_the_app_first() -> None:
    """What keeps the supervisor from starting it again."""
    assert "on_error=self._on_agent_error" in source(App.agent)
    execute = source(Agent._execute_actor)
    assert execute.index("await self._on_error(self, exc)") < execute.index(
        "self.supervisor.wakeup()", execute.index("except Exception")
    )


def test_recovery_resumes_before_it_seeks_and_then_ends_the_rebalance() -> None:
    """The reason for the gate on source records: if this order changes, look at the gate again."""
    done = source(Recovery.on_recovery_completed)
    order = [
        "on_rebalance_complete.send",
        "resume_partitions",
        "perform_seek",
        "self.completed.set()",
        "on_rebalance_end",
    ]
    positions = [done.index(step) for step in order]
    assert positions == sorted(positions)
    assert "self.rebalancing = True" in source(App.on_rebalance_start)
    assert "self.rebalancing = False" in source(App.on_rebalance_end)


def test_a_fetch_that_waits_would_take_what_recovery_has_sought() -> None:
    """The reason for the copy of the set, for the lock around seeks, and for the wait before it (decision 0016)."""
    assert "if partitions and tp not in partitions:" in source(Fetcher.fetched_records), "an empty set is all"
    assert "self._active_partitions.clear()" in source(Consumer._set_active_tps), "the set that a fetch has changes"
    assert "await consumer.seek_wait(new_offsets)" in source(Recovery._seek_offsets)
    restart = source(Recovery._restart_recovery.fun)
    assert restart.index("self._seek_offsets") < restart.index("consumer.resume_flow")
    streams = source(Recovery._resume_streams)
    assert streams.index("consumer.perform_seek()") < streams.index("consumer.resume_flow()")


def test_changelog_events_pass_our_queue() -> None:
    """A message waits for flow control before it is put in: behind the emptying of the queue."""
    made = source(TableManager.changelog_queue.fget)
    assert "self.app.FlowControlQueue(" in made and "clear_on_resume=True" in made
    assert "clone_using_queue(self.changelog_queue)" in source(TableManager._update_channels)
    slurp = source(Recovery._slurp_changelogs.fun)
    assert "changelog_queue = self.tables.changelog_queue" in slurp and "changelog_queue.get()" in slurp
    assert "await acquire_flow_control()" in source(ConductorCompiler.build)


def test_sources_are_paused_before_the_app_hears_of_them() -> None:
    assert "await self._thread.on_partitions_assigned(" in source(driver.ConsumerRebalanceListener)
    joined = source(GroupCoordinator._on_join_complete)
    assert joined.index("assign_from_subscribed(") < joined.index("on_partitions_assigned("), (
        "only what is assigned can be"
    )
    assert "elif tp_state.paused:" in source(Fetcher._get_actions_per_node)
    assert "paused" not in source(TopicPartitionState.seek), "a seek leaves them paused"


def test_an_idle_fetch_counts_as_a_poll() -> None:
    """Whoever asks for changelogs keeps the partitions, though nothing comes."""
    assert "with fetcher._subscriptions.fetch_context():" in source(driver.AIOKafkaConsumerThread._fetch_records)
    assert "fetcher_idle_time" in source(GroupCoordinator)


def test_revocation_tells_us_before_it_returns() -> None:
    revoked = source(App._on_partitions_revoked)
    assert revoked.index("flow_control.clear") < revoked.index("self.on_partitions_revoked.send")


def test_worker_consumer_reads_its_wait_at_start() -> None:
    assert "self._fetch_max_wait_ms" in source(aiokafka.AIOKafkaConsumer.start)
    assert "fetch_max_wait_ms=1500" in source(driver.AIOKafkaConsumerThread._create_worker_consumer)


def test_fetched_records_are_made_where_we_pass_them_on() -> None:
    assert "self._consumer_record(tp, record)" in source(PartitionRecords._unpack_records)
    assert "self._partition_records = partition_records" in source(FetchResult.__init__)
    assert "self._records[tp] = FetchResult(" in source(Fetcher._proc_fetch_request)
    assert "self._records = collections.OrderedDict()" in source(Fetcher.__init__)
    fields = {"offset", "timestamp", "timestamp_type", "key", "value", "headers"}
    assert fields <= set(dir(DefaultRecord)) and fields <= set(dir(LegacyRecord))
    assert "await self._consumer.start()" in source(driver.AIOKafkaConsumerThread.on_start)


def test_producer_takes_extra_settings_and_whole_batches() -> None:
    assert "self._settings_extra()" in source(driver.Producer._new_producer)
    assert list(inspect.signature(BatchBuilder.append).parameters) == ["self", "timestamp", "key", "value", "headers"]
    assert "partition" in inspect.signature(aiokafka.AIOKafkaProducer.send_batch).parameters
    assert "self._send_produce_req(node_id, node_batches)" in source(Sender._sender_routine), (
        "every batch leaves through it"
    )


def test_tables_and_stores_take_our_parts() -> None:
    assert "self._new_store_by_url(" in source(Collection._new_store)
    assert "self._new_changelog_topic()" in source(Collection.changelog_topic.fget)
    assert list(inspect.signature(rocksdb.Store.apply_changelog_batch).parameters) == [
        "self",
        "batch",
        "to_key",
        "to_value",
    ]
    assert list(inspect.signature(memory.Store.apply_changelog_batch).parameters) == [
        "self",
        "batch",
        "to_key",
        "to_value",
    ]
    assert rocksdb.Store.offset_key == b"__faust\0offset__"
    assert "self._dbs[partition] = self._open_for_partition(partition)" in source(rocksdb.Store._db_for_partition)
    assert "path = self.partition_path(partition)" in source(rocksdb.Store._open_for_partition)
    assert "self.revoke_partitions(self.table, revoked)" in source(rocksdb.Store.on_rebalance)
    assert "self.recovery_buffer_size = recovery_buffer_size" in source(Collection.__init__)
    assert "recovery_buffer_size == 1" in source(Recovery._restart_recovery.fun), (
        "1 would resume changelogs after recovery"
    )


def test_schema_and_transport_hooks() -> None:
    assert "app" in inspect.signature(Schema.compile).parameters
    assert "self._new_transport()" in source(App.transport.fget)
    assert "self.Consumer(" in source(driver.Transport.create_consumer)
    assert "self.Producer(" in source(driver.Transport.create_producer)


def test_crash_marks_without_the_log_line_of_mode() -> None:
    """``BatchApp.crash`` calls ``_crash`` alone, which has to mark the children, too."""
    assert "self.log.exception" in source(Service.crash) and "self._crash(reason)" in source(Service.crash)
    marked = source(Service._crash)
    assert "self._crashed.set()" in marked and "for node in self._children" in marked


def test_tables_are_started_as_ours_are() -> None:
    """``PromptTableManager`` leaves out the pause, nothing else."""
    steps = [line.strip() for line in source(TableManager.on_start).splitlines()[2:]]
    assert steps == [
        "await self.sleep(1.0)",
        "if not self.should_stop:",
        "await self._update_channels()",
        "await self.recovery.start()",
    ]


def test_idempotent_batches_expire_only_without_a_leader() -> None:
    """So that a batch whose time to live is endless waits for its broker."""
    sender, accumulator = source(SendProduceReqHandler), source(MessageAccumulator)
    assert "if self._sender._txn_manager is None and batch.expired()" in sender
    assert accumulator.count("expired()") == 1 and accumulator.count("self._batch_ttl") == 2
    assert accumulator.index("if leader is None or leader == -1") < accumulator.index("expired()")


def test_a_partition_without_leader_makes_the_sender_ask_without_a_pause() -> None:
    """The reason for the bound on metadata updates, which hangs on this method."""
    routine = source(Sender._sender_routine)
    assert "fut = self.client.force_metadata_update()" in routine and "sleep" not in routine
    assert "await self._metadata_update(self.cluster, topics)" in source(AIOKafkaClient._md_synchronizer)
