"""The broker's disk is full: it ends itself, nothing is lost, and with room again everything goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.events import Mixed
from tests.faults.small_disk import NoSmallDiskError, SmallDisk, SmallDiskKafka
from tests.integration.load import Load
from tests.integration.reference import describe
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until
from tests.integration.worker import Worker

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]
SIZE, LEFT = 96 << 20, 400 << 10
RATE = 100.0  # 20,000 events last longer than two starts of a broker do on the slowest machine


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    try:
        made = SmallDisk(tmp_path / "disk", SIZE)
    except NoSmallDiskError as exc:
        pytest.skip(f"no filesystem of a few megabytes can be made here: {exc}")
    yield made
    made.close()


@pytest.fixture
def kafka(disk: SmallDisk) -> Iterator[SmallDiskKafka]:
    with SmallDiskKafka.on(disk) as broker:
        yield broker


def test_a_full_disk_of_the_broker_loses_nothing(
    kafka: SmallDiskKafka, disk: SmallDisk, shop: Shop, real_lines: Mixed, tell: Callable[[str], None]
) -> None:
    """Twice under load: the first time the worker waits, the second time it is killed and loses its state."""
    worker = shop.worker()
    worker.wait_ready()
    shop.send_lines(real_lines.catalog)
    load = Load(shop, real_lines.events, RATE)
    said = []
    for killed in (False, True):
        load.wait_sent(load.sent + 200)
        said.append(fill_until_the_broker_ends(kafka, disk, worker))
        if killed:
            worker.kill()
            worker.wipe()
        disk.make_room()
        kafka.stop()
        kafka.start()
        if killed or worker.exited:
            worker.start()
        wait_back(worker)
    load.wait_sent(load.sent + 200)
    sent, found = load.finish(90)
    tell(f"{sent} events, the disk full twice: {describe(found)}; the worker said {said}")
    assert worker.stop() == 0


def fill_until_the_broker_ends(kafka: SmallDiskKafka, disk: SmallDisk, worker: Worker) -> str:
    """Returns what the worker says of it: in the last line of its log, where it ended, or on its page."""
    disk.fill(leaving=LEFT)
    wait_until(lambda: not kafka.running, 60, lambda: kafka.log_path.read_text()[-3000:])
    assert "No space left on device" in kafka.log_path.read_text(errors="replace")
    wait_until(lambda: worker.exited or "broker" in json.loads(worker.page("/readyz")[1])["failing"], 30, worker.log)
    if worker.exited:
        return last_words(worker)
    assert worker.page("/healthz")[0] == 200
    return str(json.loads(worker.page("/readyz")[1])["checks"]["broker"]["message"])


def wait_back(worker: Worker) -> None:
    """Until it is ready. A broker that has just come back may refuse once more; a supervisor would start it again."""
    try:
        worker.wait_ready()
    except AssertionError:
        if not worker.exited:
            raise
        assert "the broker refused" in last_words(worker)
        worker.start()
        worker.wait_ready()


def last_words(worker: Worker) -> str:
    """Of a worker that ended: one line that says what to do."""
    assert worker.wait(1) == 1 and "Traceback" not in worker.log()
    return worker.log().rstrip().splitlines()[-1]
