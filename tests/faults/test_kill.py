"""kill -9 of the worker at random moments: nothing lost, nothing learned twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from tests.faults.events import Mixed
from tests.integration.load import Load
from tests.integration.reference import assert_exact, describe
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]
KILLS = 5
RATE = 600.0  # events a second: the load goes on while the worker is away


def test_killed_at_five_random_moments(shop: Shop, real_lines: Mixed, tell: Callable[[str], None]) -> None:
    """20,000 real events; the third time the state folder goes as well."""
    rng = random.Random(20_000)
    moments = sorted(rng.sample(range(1_500, 18_500), KILLS))
    worker = shop.worker()
    worker.wait_ready()
    shop.send_lines(real_lines.catalog)
    load = Load(shop, real_lines.events, RATE)
    restarts: list[float] = []
    for number, moment in enumerate(moments):
        load.wait_sent(moment)
        wait_answering(shop, worker)
        time.sleep(rng.uniform(0.0, 1.0))  # somewhere between two checkpoints
        worker.kill()
        if number == 2:
            worker.wipe()
        worker.start()
        restarts.append(worker.started_at)
    assert load.join() == len(real_lines.events)
    shop.wait_lag_zero(120)
    found = assert_exact(shop)
    times = sorted(message.timestamp()[1] / 1000 for message in shop.read("recommendations.v1"))
    seconds = [round(next(at for at in times if at > restart) - restart, 1) for restart in restarts]
    tell(f"killed at {moments}: {describe(found)}; restart to first event answered: {seconds} s")
    assert worker.stop() == 0


def wait_answering(shop: Shop, worker: Worker) -> None:
    """Until the worker has written a record since its start."""
    before = sum(shop.ends(["recommendations.v1"]).values())

    def answered() -> bool:
        assert not worker.exited, worker.log()[-3000:]
        return sum(shop.ends(["recommendations.v1"]).values()) > before

    wait_until(answered, 60, worker.log)
