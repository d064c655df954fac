"""Records that are compressed with a codec that is not installed here."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.topology import CLICK, ITEM_STATE, USER_STATE, Topic
from tests.integration.shop import Shop

pytestmark = [pytest.mark.integration, pytest.mark.user_partitions(1)]


@pytest.mark.parametrize(("topic", "codec"), [(USER_STATE, "zstd"), (ITEM_STATE, "snappy")], ids=["table", "index"])
def test_a_changelog_that_nobody_here_can_read(shop: Shop, tmp_path: Path, topic: Topic, codec: str) -> None:
    """The worker stops; its last line has codec, topic and package. With the package it goes on."""
    worker = shop.worker()
    event = {"event_id": "e1", "user_id": "u1", "item_id": "i1", "occurred_at": "2026-03-01T10:00:00Z"}
    shop.send(CLICK.suffix, event)
    shop.flush()
    shop.wait_records(1)
    shop.wait_lag_zero()
    assert worker.stop() == 0
    known = shop.read(topic.suffix)[-1]
    producer = shop.new_producer(**{"compression.type": codec})
    for _ in range(50):
        producer.produce(shop.topic(topic.suffix), known.value(), known.key(), known.partition())
    assert producer.flush(30) == 0

    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "cramjam.py").write_text("raise ImportError('not installed')\n")
    worker.wipe()
    path = worker.env.get("PYTHONPATH", "")
    worker.env["PYTHONPATH"] = f"{tmp_path / 'without'}:{path}"
    worker.start()
    assert worker.wait(30) in (1, 2)
    last = worker.log().rstrip().splitlines()[-1]
    assert codec in last and shop.topic(topic.suffix) in last and "pip install cramjam" in last
    assert "Traceback" not in worker.log()

    worker.env["PYTHONPATH"] = path
    worker.start()
    worker.wait_ready()
    assert worker.stop() == 0
