"""Batches go into an agent's channel, groups come out: as many as may be worked on at once, in order."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from faust.types import TP

from streams.broker.brokers import Brokers
from streams.engine import BatchApp, Group, RecordBatch, create_app
from streams.engine.groups import LIVE_BATCH_RECORDS, LIVE_GROUP_RECORDS, MOST_GROUP_RECORDS
from streams.settings import Settings
from streams.topology import PROFILES


def batch(records: int, first: int = 0) -> RecordBatch:
    return RecordBatch(TP("t", 0), [SimpleNamespace(offset=first + n) for n in range(records)], origin=None)


@pytest.fixture
def app(tmp_path: Path) -> BatchApp:
    return create_app(Settings(state_dir=tmp_path, store="memory"), PROFILES, Brokers("127.0.0.1:1"))


def handed_out(app: BatchApp, *sizes: int) -> list[int]:
    """Records of each group that comes out until nothing is left."""

    async def read() -> list[int]:
        groups: list[int] = []
        app.groups.offer([batch(size) for size in sizes])
        async for group in app.groups:
            assert isinstance(group, Group) and group.records == sum(map(len, group))
            groups.append(group.records)
            if app.groups.queue.empty():
                break
        return groups

    return asyncio.run(read())


def test_what_waits_is_one_group(app: BatchApp) -> None:
    assert handed_out(app, 1, 2, 3) == [6]


def test_live_records_move_in_small_groups_so_that_answers_leave_early(app: BatchApp) -> None:
    live = LIVE_BATCH_RECORDS
    assert handed_out(app, live, live, live, 1) == [LIVE_GROUP_RECORDS, live + 1]


def test_many_records_move_together_while_catching_up(app: BatchApp) -> None:
    many = 4096
    assert handed_out(app, *[many] * 6) == [MOST_GROUP_RECORDS, 2 * many]


def test_a_batch_larger_than_a_group_moves_alone(app: BatchApp) -> None:
    assert handed_out(app, 1, MOST_GROUP_RECORDS + 5, 2) == [1, MOST_GROUP_RECORDS + 5, 2]


def test_what_is_cleared_is_not_handed_out(app: BatchApp) -> None:
    app.groups.offer([batch(3)])
    app.groups.clear()
    assert handed_out(app, 2) == [2]
