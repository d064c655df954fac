"""Partitions move while their states are being recovered: nothing half recovered is worked on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.topology import DRAFTS
from tests.faults.events import Mixed, many_users
from tests.integration.load import Load
from tests.integration.reference import describe
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]
USERS = 3_000
RATE = 50.0


def test_partitions_move_while_recovery_is_under_way(
    shop: Shop, real_lines: Mixed, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    """A recovers, B joins it in the midst; A is killed while both recover, and comes back while B recovers again."""
    mark = tmp_path / "mark"
    slow = {"TEST_FAULT": "slow", "TEST_FAULT_MARK": str(mark)}
    first = shop.worker("a", module="tests.integration.faulty_worker", **slow)
    shop.send_lines(many_users(real_lines, USERS))
    shop.wait_lag_zero(90)
    assert first.stop() == 0
    first.wipe()
    load = Load(shop, real_lines.events, RATE)
    first.env["HEADWATER_FETCH_RECORDS"] = "1"  # each state is a batch of its own
    mark.touch()
    first.start()
    wait_until(lambda: shop.owners("profiles").keys() == {"a"} and recovering(first), 60, shop.logs)
    second = shop.worker("b", module=first.module, HEADWATER_FETCH_RECORDS="1", **slow)
    wait_until(lambda: shop.owners("profiles").keys() == {"a", "b"}, 60, shop.logs)
    assert recovering(first) and recovering(second), "the partitions moved when the recovery was over"
    first.kill()
    first.wipe()
    wait_until(lambda: shop.owners("profiles").keys() == {"b"}, 60, shop.logs)
    assert recovering(second), "the partitions moved when the recovery was over"
    first.start()
    wait_until(lambda: shop.owners("profiles").keys() == {"a", "b"}, 60, shop.logs)
    assert recovering(first)
    mark.unlink()
    for worker in (first, second):
        worker.wait_ready()
    load.wait_sent(load.sent + 100)
    sent, found = load.finish(90)
    tell(f"{sent} events while {USERS} states were recovered here and there: {describe(found)}")
    for worker in (first, second):
        assert worker.stop() == 0


@pytest.mark.parametrize("fault", ["early", "late"])
def test_partitions_move_at_a_bad_moment(
    shop: Shop, real_lines: Mixed, tmp_path: Path, fault: str, tell: Callable[[str], None]
) -> None:
    """While a fetch waits that would take what recovery has sought (early), and in a slow rebalance (late)."""
    mark = tmp_path / "mark"
    slow = shop.faulty_worker(fault, mark)
    load = Load(shop, real_lines.events, RATE)
    load.wait_sent(100)
    mark.touch()
    other = shop.worker("b")
    for _ in range(2):  # it joins, is gone and comes back
        wait_until(lambda: shop.owners("profiles").keys() == {"b", "w0"}, 60, shop.logs)
        for worker in (slow, other):
            worker.wait_ready(40)
        narrated(shop)
        load.wait_sent(load.sent + 100)
        other.kill()
        wait_until(lambda: shop.owners("profiles").keys() == {"w0"}, 60, shop.logs)
        slow.wait_ready(40)
        narrated(shop)
        other.start()
    sent, found = load.finish(60)
    tell(f"{sent} events, partitions moved five times ({fault}): {describe(found)}")
    for worker in (slow, other):
        assert worker.stop() == 0


def test_partitions_move_again_before_a_recovery_has_ended(
    shop: Shop, real_lines: Mixed, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    """A recovery that ends in the midst of the next rebalance must not have the sources read from offsets of before."""
    mark = tmp_path / "mark"
    slow = shop.faulty_worker("sought", mark)
    load = Load(shop, real_lines.events, RATE)
    load.wait_sent(100)
    mark.touch()
    others = [shop.worker("b")]
    wait_until(lambda: shop.owners("profiles").keys() == {"b", "w0"}, 60, shop.logs)
    others.append(shop.worker("c"))
    wait_until(lambda: shop.owners("profiles").keys() == {"b", "c", "w0"}, 60, shop.logs)
    mark.unlink()
    for worker in (slow, *others):
        worker.wait_ready(40)
    load.wait_sent(load.sent + 200)
    sent, found = load.finish(60)
    tell(f"{sent} events, partitions moved twice within seconds: {describe(found)}")
    for worker in (slow, *others):
        assert worker.stop() == 0


def narrated(shop: Shop) -> None:
    """The narrator, which has no state to recover, reads all its partitions: no drafts of ours, so it refuses them."""
    for partition in range(shop.partitions(DRAFTS.suffix)):
        shop.producer.produce(shop.topic(DRAFTS.suffix), b"no draft", partition=partition)
    shop.flush()
    wait_until(lambda: not shop.lag("narrator", [DRAFTS.suffix]), 20, shop.logs)


def recovering(worker: Worker) -> bool:
    """Whether its page says so."""
    assert not worker.exited, worker.log()[-3000:]
    return "recovery" in json.loads(worker.page("/readyz")[1])["failing"]
