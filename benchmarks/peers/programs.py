"""The programs that update one user: how each is started, and how to read what it counted."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import msgspec

from benchmarks import plain_faust
from benchmarks.errors import BenchmarkError
from benchmarks.measure import Groups
from benchmarks.peers import bytewax_counts, faust_counts, headwater_counts, java_program, packages, quix_counts
from benchmarks.peers.user_counts import Counts, Users, read_changelog
from benchmarks.program import Program
from benchmarks.programs import Peer
from streams.topology import CLICK, EVENTS, USER_STATE
from streams.topology import RECOMMENDATIONS as RECORDS


@dataclass(frozen=True, slots=True)
class CountPeer:
    """A program that does the per-user update."""

    peer: Peer
    users: Callable[[str, str, Program], Users]
    """(brokers, namespace, program) -> the states that it has made durable."""
    durability: str
    bar: float | None = None
    """How many times this peer's rate Headwater's must be; None: it is printed only."""
    missing: Callable[[], str | None] = lambda: None
    """Why it cannot run here."""
    user_share: int | None = None
    """It gets one in so many users; None: as many as events."""
    few: bool = False
    """A slow program, which meets few users: Headwater's rate is that with few users, too."""

    @property
    def name(self) -> str:
        return self.peer.name


def _group(name: str) -> Callable[[str], Groups]:
    return lambda namespace: Groups(f"{namespace}.{name}")


def _module(module: str, *more: str) -> Callable[[str, str, Path], list[str]]:
    return lambda brokers, namespace, folder: [sys.executable, "-m", module, brokers, namespace, str(folder), *more]


def _installed(module: str) -> Callable[[str, str, Path], list[str]]:
    return lambda brokers, namespace, folder: packages.python(module, brokers, namespace, str(folder))


def _headwater_users(brokers: str, namespace: str, program: Program) -> Users:
    return read_changelog(brokers, USER_STATE.name(namespace), headwater_counts.decode, bytes.decode)


def _faust_users(brokers: str, namespace: str, program: Program) -> Users:
    topic = f"{namespace}.{plain_faust.GROUP}-users-changelog"
    # Faust writes the keys of a table as JSON unless told otherwise
    return read_changelog(brokers, topic, faust_counts.decode, msgspec.json.Decoder(str).decode)


def _java(form: str, brokers: str, namespace: str, folder: Path) -> list[str]:
    command = java_program.start_command()
    return [*command, brokers, f"{namespace}.{form}", CLICK.name(namespace), str(folder / "state"), form]


def _java_with_records(brokers: str, namespace: str, folder: Path) -> list[str]:
    topics = ",".join(topic.name(namespace) for topic in EVENTS.values())
    arguments = (brokers, f"{namespace}.records", topics, str(folder / "state"), "json", RECORDS.name(namespace))
    return [*java_program.start_command(), *arguments]


def _java_users(form: str, brokers: str, namespace: str, program: Program) -> Users:
    decode = _decode_binary if form == "binary" else partial(msgspec.json.decode, type=_JavaUser)
    found = read_changelog(brokers, f"{namespace}.{form}-users-changelog", decode, bytes.decode)
    return {name: Counts(user.count, user.actions, user.recent) for name, user in found.items()}


class _JavaUser(msgspec.Struct):
    count: int
    actions: dict[str, int]
    recent: list[str]


def _decode_binary(value: bytes) -> Counts:
    """A state as ``KafkaStreamsCounts`` writes it: big-endian counts, texts behind their lengths."""
    place = 0

    def number(form: str) -> int:
        nonlocal place
        (found,) = struct.unpack_from(form, value, place)
        place += struct.calcsize(form)
        return int(found)

    def text() -> str:
        nonlocal place
        length = number(">h")
        place += length
        return value[place - length : place].decode()

    count = number(">i")
    actions = {text(): number(">i") for _ in range(number(">h"))}
    return Counts(count, actions, [text() for _ in range(number(">h"))])


def java_missing() -> str | None:
    """Why Kafka Streams cannot run here."""
    try:
        java_program.start_command()
    except BenchmarkError as error:
        return str(error)
    return None


def _quix_users(brokers: str, namespace: str, program: Program) -> Users:
    topic = f"changelog__{namespace}.{quix_counts.GROUP}--{CLICK.name(namespace)}--default"
    return read_changelog(brokers, topic, quix_counts.decode, _quix_key)


def _quix_key(key: bytes) -> str:
    """The user in a key such as ``user-1|"user"``; a message key that was decoded is JSON."""
    return key.rsplit(b"|", 1)[0].strip(b'"').decode()


def _bytewax_users(brokers: str, namespace: str, program: Program) -> Users:
    return bytewax_counts.users(program.log.parent)


def _bytewax_groups(namespace: str) -> Groups:
    return Groups("", durable=lambda program: bytewax_counts.durable(program.log.parent))


def _streams_peer(name: str, form: str, bar: float | None, scale: int = 1) -> CountPeer:
    return CountPeer(
        Peer(name, partial(_java, form), _group(form), scale=scale),
        partial(_java_users, form),
        "changelog + RocksDB, once a second",
        bar=bar,
        missing=java_missing,
    )


def _faust_peer(name: str, form: str, bar: float | None) -> CountPeer:
    start = _module("benchmarks.peers.faust_counts", form)
    peer = Peer(name, start, _group(plain_faust.GROUP), scale=100, reads_committed=False)
    return CountPeer(peer, _faust_users, "changelog + RocksDB, every event", bar, few=True)


HEADWATER = CountPeer(
    Peer("Headwater", _module("benchmarks.peers.headwater_counts"), _group(headwater_counts.NAME)),
    _headwater_users,
    "changelog + RocksDB, once a second",
)
HEADWATER_FEW = replace(HEADWATER, peer=replace(HEADWATER.peer, name="Headwater, few users", scale=4), user_share=10)
KAFKA_STREAMS = _streams_peer("Kafka Streams", "json", 2.0)
# Its states in a format written by hand: quicker than what one would write, so that nobody has to wonder
KAFKA_STREAMS_BINARY = _streams_peer("Kafka Streams, binary", "binary", None, scale=2)
KAFKA_STREAMS_RECORDS = Peer("Kafka Streams", _java_with_records, _group("records"))
"""The same program over all events, with a record for each: what latency is compared with."""
QUIX = CountPeer(
    Peer("Quix Streams", _installed("benchmarks.peers.quix_counts"), _group(quix_counts.GROUP), scale=10),
    _quix_users,
    "changelog + RocksDB, once a second",
    bar=4.0,
    missing=lambda: packages.missing("quixstreams"),
    few=True,
)
BYTEWAX = CountPeer(
    Peer("Bytewax", _installed("benchmarks.peers.bytewax_counts"), _bytewax_groups, scale=5),
    _bytewax_users,
    "SQLite on the local disk, once a second",
    bar=1.0,
    missing=lambda: packages.missing("bytewax"),
)
PLAIN = _faust_peer("plain Faust", "plain", 80.0)
PLAIN_TUNED = _faust_peer("plain Faust, tuned", "tuned", None)
PEERS = (HEADWATER, HEADWATER_FEW, KAFKA_STREAMS, KAFKA_STREAMS_BINARY, QUIX, BYTEWAX, PLAIN, PLAIN_TUNED)
