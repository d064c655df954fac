"""A second worker joins and leaves under load: partitions are shared, nothing is lost or learned twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.events import Mixed
from tests.integration.load import Load
from tests.integration.reference import describe
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]
RATE = 300.0


def test_second_worker_joins_leaves_and_is_killed(shop: Shop, real_lines: Mixed, tell: Callable[[str], None]) -> None:
    """It leaves once by SIGTERM and once by kill -9, comes back both times, and stays while the first one leaves."""
    first = shop.worker("w0")
    first.wait_ready()
    shop.send_lines(real_lines.catalog)
    load = Load(shop, real_lines.events, RATE)
    load.wait_sent(500)

    second = shop.worker("w1")
    wait_answers(second)
    wait_answers(first)
    assert second.stop() == 0
    wait_answers(first)

    second.start()
    wait_answers(second)
    second.kill()
    wait_answers(first)

    second.start()
    wait_answers(second)
    assert first.stop() == 0
    wait_answers(second)

    sent, found = load.finish(90)
    tell(f"{sent} events over two workers: {describe(found)}")
    assert second.stop() == 0


def wait_answers(worker: Worker) -> None:
    """Until the worker has written records from now on."""

    def records() -> float:
        return worker.metric("headwater_recommendations_total") or 0.0

    before = records()

    def more() -> bool:
        assert not worker.exited, worker.log()[-3000:]
        return records() > before

    wait_until(more, 60, worker.log)
