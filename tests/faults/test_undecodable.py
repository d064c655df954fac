"""Records of state topics that cannot be decoded: damaged on the broker's disk, or not what Headwater writes there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.local_kafka.broker import LocalKafka
from streams.stages.items import META_KEY
from streams.topology import CLICK, ITEM_STATE, ITEM_UPDATES, USER_STATE
from tests.faults.test_state_bytes import click, last, three_clicks, write
from tests.integration.conftest import fragile_kafka
from tests.integration.reference import assert_exact
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until

__all__ = ["fragile_kafka"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]


@pytest.fixture
def fragile_shop(fragile_kafka: LocalKafka, namespace: str, tmp_path: Path) -> Iterator[Shop]:
    """On a broker that may be stopped, and its files damaged."""
    made = Shop(fragile_kafka.bootstrap, namespace, tmp_path)
    yield made
    made.close()


def flip(kafka: LocalKafka, shop: Shop, suffix: str, partition: int, at: int | None = None) -> int:
    """Flip a bit in the last batch of the partition's log, or ``at`` a byte; again repairs it. Returns where."""
    kafka.stop()
    (path,) = (kafka.log_dir / f"{shop.topic(suffix)}-{partition}").glob("*.log")
    content = bytearray(path.read_bytes())
    at = len(content) - 12 if at is None else at
    content[at] ^= 1
    path.write_bytes(content)
    kafka.start()

    def led() -> bool:
        topics = shop.admin.list_topics(timeout=10).topics.values()
        return all(partition.leader >= 0 for topic in topics for partition in topic.partitions.values())

    wait_until(led, 30)
    return at


@pytest.mark.parametrize(("suffix", "key"), [(USER_STATE.suffix, b"u1"), (ITEM_STATE.suffix, META_KEY)])
def test_a_changelog_damaged_on_the_brokers_disk(
    fragile_shop: Shop, fragile_kafka: LocalKafka, suffix: str, key: bytes
) -> None:
    """A worker that has to recover from it stops and names it; once the bytes are right again nothing is missing."""
    shop = fragile_shop
    worker = three_clicks(shop)
    partition = last(shop, suffix, key).partition()
    worker.wipe()
    flip(fragile_kafka, shop, suffix, partition)
    before = shop.ends([suffix])
    click(shop, "e3")
    worker.start()
    assert worker.wait(60) in (1, 2)
    said = worker.log().rstrip().splitlines()[-1]
    assert "damaged on the broker's disk" in said and shop.topic(suffix) in said, worker.log()[-3000:]
    assert "Traceback" not in worker.log()
    assert shop.ends([suffix]) == before, "nothing was written behind it"

    flip(fragile_kafka, shop, suffix, partition)
    worker.start()
    shop.wait_lag_zero()
    assert_exact(shop)
    assert worker.stop() == 0


def test_events_damaged_on_the_brokers_disk(fragile_shop: Shop, fragile_kafka: LocalKafka) -> None:
    """The worker that comes upon them stops and names them, however often it starts; mended, they are learned once."""
    shop = fragile_shop
    worker = three_clicks(shop)
    click(shop, "damaged")
    partition, before = last(shop, CLICK.suffix, b"u1").partition(), shop.committed("profiles", CLICK.suffix)
    damaged = flip(fragile_kafka, shop, CLICK.suffix, partition)
    click(shop, "behind")
    for _ in range(2):
        worker.start()
        assert worker.wait(60) in (1, 2)
        said = worker.log().rstrip().splitlines()[-1]
        assert "damaged on the broker's disk" in said and f"{shop.topic(CLICK.suffix)}-{partition}" in said, said
        assert "Traceback" not in worker.log()
        assert shop.committed("profiles", CLICK.suffix) == before

    flip(fragile_kafka, shop, CLICK.suffix, partition, damaged)
    worker.start()
    shop.wait_lag_zero()
    assert_exact(shop)
    assert worker.stop() == 0


@pytest.mark.parametrize(
    ("suffix", "key", "bad", "said"),
    [
        pytest.param(ITEM_STATE.suffix, META_KEY, b"\x00not merged", "is corrupt", id="merged updates"),
        pytest.param(ITEM_UPDATES.suffix, None, b"L\x00not learning", "is corrupt", id="update"),
    ],
)
def test_what_headwater_does_not_write_stops_the_worker(
    shop: Shop, suffix: str, key: bytes | None, bad: bytes, said: str
) -> None:
    """Said without a traceback, and nothing behind it is acknowledged."""
    worker = three_clicks(shop)
    like = last(shop, suffix, key)  # type: ignore[arg-type]
    if key is not None:
        write(shop, suffix, like, bad)
    else:
        shop.send(suffix, bad, partition=like.partition())
    click(shop, "e3")
    worker.start()
    assert worker.wait(60) in (1, 2)
    assert said in worker.log() and "Traceback" not in worker.log(), worker.log()[-3000:]
    if key is None:
        assert shop.lag("items", [suffix]) >= 1
        return
    write(shop, suffix, like, like.value())
    worker.start()
    shop.wait_lag_zero()
    assert_exact(shop)
    assert worker.stop() == 0
