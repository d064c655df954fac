"""Storms: many kills with damaged state, and workers that join, leave and die all the time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.topology import RECOMMENDATIONS
from tests.faults.events import Mixed
from tests.integration.load import Load
from tests.integration.reference import assert_exact, describe
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
KILLS, ROUNDS = 20, 5
RATE = 400.0
OLD = 3_600  # seconds: such events are learned and not answered, as after an outage


def test_killed_twenty_times(shop: Shop, real_lines: Mixed, tell: Callable[[str], None]) -> None:
    """100,000 events; every fourth kill is followed by deleted state, every fourth by a damaged file.

    Before each kill come 4,000 old events and 1,000 that are answered: the worker catches up again and again, and dies
    while it answers.
    """
    rng = random.Random(100_000)
    worker = shop.worker()
    worker.wait_ready()
    shop.send_lines(real_lines.catalog)
    sent = 0
    for number in range(KILLS):
        before = records(shop)
        sent += send_old(shop, real_lines, number) + send_live(shop, real_lines, number)
        wait_answering(shop, worker, before)
        time.sleep(rng.uniform(0.0, 1.0))
        worker.kill()
        if number % 4 == 1:
            worker.wipe()
        elif number % 4 == 3:
            damage(worker, rng)
        worker.start()
    wait_done(shop, worker)
    found = assert_exact(shop)
    assert sent == 100_000
    tell(f"{sent} events, {KILLS} kills: {describe(found)}")
    if worker.exited:  # it came upon the last damage when all was done
        revive(worker)
        worker.wait_ready()
    assert worker.stop() == 0


def test_three_workers_in_a_storm_of_rebalances(shop: Shop, real_lines: Mixed, tell: Callable[[str], None]) -> None:
    """At least two run at any time; one of three leaves by SIGTERM or kill -9 and comes back, again and again."""
    rng = random.Random(3)
    workers = [shop.worker(f"w{n}") for n in range(3)]
    for worker in workers:
        worker.wait_ready()
    shop.send_lines(real_lines.catalog)
    load = Load(shop, real_lines.events, RATE)
    for number in range(ROUNDS):
        worker = workers[number % 3]
        if rng.random() < 0.5:
            worker.kill()
        else:
            assert worker.stop() == 0
        time.sleep(rng.uniform(0.0, 2.0))
        worker.start()
        worker.wait_ready()
    sent, found = load.finish(120)
    tell(f"{sent} events, {ROUNDS} rounds: {describe(found)}")
    for worker in workers:
        assert worker.stop() == 0


def send_old(shop: Shop, lines: Mixed, block: int) -> int:
    """4,000 events with the Kafka time of an hour ago, under ids of their own."""
    at = int((time.time() - OLD) * 1000)
    chosen = lines.events[block * 800 : block * 800 + 4_000]
    for line in chosen:
        event_id = f"old-{block}-{line['value']['event_id']}"
        shop.send(line["topic"], line["value"] | {"event_id": event_id}, timestamp=at)
    shop.flush()
    return len(chosen)


def send_live(shop: Shop, lines: Mixed, block: int) -> int:
    """1,000 events of now."""
    chosen = lines.events[block * 1_000 : (block + 1) * 1_000]
    shop.send_lines(chosen)
    return len(chosen)


def records(shop: Shop) -> int:
    """Records written so far."""
    return sum(shop.ends([RECOMMENDATIONS.suffix]).values())


def damage(worker: Worker, rng: random.Random) -> None:
    """Overwrite bytes in the middle of one file of one database of the stopped worker."""
    state = worker.folder / "state" / worker.env["HEADWATER_NAMESPACE"] / worker.name
    files = [path for path in state.rglob("*") if path.suffix in (".sst", ".log") or path.name.startswith("MANIFEST")]
    files = sorted(path for path in files if path.stat().st_size > 0)
    assert files, f"no database below {state}"
    chosen: Path = rng.choice(files)
    with chosen.open("r+b") as file:
        file.seek(chosen.stat().st_size // 2)
        file.write(rng.randbytes(64))


def revive(worker: Worker) -> None:
    """Start it again where damage that was found while reading has ended it; nothing else may end it."""
    if worker.exited:
        assert "the local store is damaged" in worker.log(), worker.log()[-3000:]
        worker.start()


def wait_answering(shop: Shop, worker: Worker, before: int) -> None:
    """Until there are more records than ``before``."""

    def answered() -> bool:
        revive(worker)
        return records(shop) > before

    wait_until(answered, 90, worker.log)


def wait_done(shop: Shop, worker: Worker) -> None:
    """Until nothing waits any more."""

    def done() -> bool:
        revive(worker)
        return not any(shop.lags().values())

    wait_until(done, 180, lambda: f"{shop.lags()}\n{worker.log()[-3000:]}")
