"""Sends events to a program at a steady rate; measures latencies and who used the processors."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.clients import Reader, Sender
from benchmarks.events import Stream, past
from benchmarks.measure import Groups
from benchmarks.program import Program, cpu_seconds
from benchmarks.programs import Peer, started, warm_with
from streams.topology import RECOMMENDATIONS

WARM_UP = 100_000
LAST_RECORDS_SECONDS = 5.0
SATURATED = 0.95
"""A program that answers less than this share of the events while they come in does not keep up."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one rate: latencies of the answered events, and shares of a core."""

    rate: float
    """Events a second that were sent."""
    answers: float
    """Records a second that came back meanwhile."""
    sent: int
    milliseconds: np.ndarray[tuple[int], np.dtype[np.float64]]
    cores: float
    broker_cores: float
    client_cores: float

    def percentile(self, percent: float) -> float:
        """Of the latencies; infinite when there are none."""
        return float(np.percentile(self.milliseconds, percent)) if len(self.milliseconds) else float("inf")

    @property
    def kept_up(self) -> bool:
        return self.answers >= SATURATED * self.rate and len(self.milliseconds) == self.sent


@dataclass(slots=True)
class Live:
    """A warm program with a shop's two clients."""

    name: str
    program: Program
    broker_pid: int
    sender: Sender
    reader: Reader
    stream: Stream

    def hold(self, rate: int, seconds: float, settle: float, seed: int) -> Answered:
        """Send at ``rate`` for ``settle`` and ``seconds``, measure the latter, wait for the last records."""
        settled, last = int(rate * settle), int(rate * (settle + seconds))
        now_ms = time.time_ns() // 1_000_000
        stream = replace(self.stream, seed=seed)
        self.sender.load(stream.read(last, (now_ms, now_ms + int(1000 * (settle + seconds)))))
        self.reader.seen.clear()
        with _no_collections():
            self.sender.send(rate, 0, settled)
            before, began, arrived = self._cpu(), time.monotonic(), len(self.reader.seen)
            self.sender.send(rate, settled, last)
            after, wall, came = self._cpu(), time.monotonic() - began, len(self.reader.seen) - arrived
        self.sender.flush()
        asked = list(self.sender.sent)[settled:]
        self._wait(asked)
        seen, sent = self.reader.seen, self.sender.sent
        taken = np.array([1000 * (seen[event] - sent[event]) for event in asked if event in seen])
        cores = [(end - start) / wall for start, end in zip(before, after, strict=True)]
        return Answered(len(asked) / wall, came / wall, len(asked), taken, *cores)

    def idle(self, seconds: float) -> float:
        """Its share of a core while nothing comes in."""
        before, began = self.program.cpu_seconds(), time.monotonic()
        time.sleep(seconds)
        return (self.program.cpu_seconds() - before) / (time.monotonic() - began)

    def _cpu(self) -> tuple[float, float, float]:
        return self.program.cpu_seconds(), cpu_seconds(self.broker_pid), time.process_time()

    def _wait(self, asked: list[str]) -> None:
        deadline = time.monotonic() + LAST_RECORDS_SECONDS
        while time.monotonic() < deadline and not all(event in self.reader.seen for event in asked):
            time.sleep(0.05)
            self.program.check()
            self.reader.check()


@contextlib.contextmanager
def live(
    peer: Peer, brokers: str, broker_pid: int, namespace: str, groups: Groups, stream: Stream, warm_up: int = WARM_UP
) -> Iterator[Live]:
    """The program, warmed up with old events of the stream (compiled; users have histories), and its clients."""
    with started(peer, brokers, namespace) as (program, feed):
        warm_with(program, feed, groups, stream, stream.read(warm_up, past(time.time_ns() // 1_000_000)))
        reader = Reader(brokers, RECOMMENDATIONS.name(namespace))
        reader.start()
        try:
            yield Live(peer.name, program, broker_pid, Sender(brokers, feed), reader, stream)
        finally:
            reader.stop()


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """This process's collector does not stop its clients."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
