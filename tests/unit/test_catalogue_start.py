"""The wait for the catalogue at the start, where the broker does not answer at first."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP

from streams.errors import BrokerError
from streams.topology import CATALOG, CATALOG_ITEMS, Stage, Topic
from streams.worker import catalogue_start
from streams.worker.catalogue_start import CatalogueStart
from tests.clocks import TurnedClock


class Scripted(CatalogueStart):
    """Records that are left are as told; the first question is not answered."""

    def __init__(self, left: list[int], patience: float) -> None:
        self.said: list[str] = []
        self.clock, self.left, self.asked = TurnedClock(), left, 0
        context: Any = SimpleNamespace(settings=SimpleNamespace(catalog_wait=patience), clock=self.clock)
        reader: Any = SimpleNamespace(reach=self._reach)
        super().__init__("", cast(Any, None), context, reader, self.said.append)

    async def _reach(self, ends: dict[TP, int]) -> None:
        self.said.append("reached")

    async def _ends(self, topic: Topic) -> dict[TP, int]:
        self.asked += 1
        if self.asked == 1:
            raise BrokerError("no answer")
        return {TP(topic.suffix, 0): 5}

    async def _left(self, stage: Stage, topic: Topic, ends: dict[TP, int]) -> int:
        self.clock.turn(1.0)
        return self.left.pop(0) if stage is CATALOG and topic is CATALOG_ITEMS and len(self.left) > 1 else self.left[0]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_start, "PAUSE", 0.0)
    monkeypatch.setattr(catalogue_start, "TIMEOUT", 0.0)


def test_it_asks_again_and_waits_while_rows_are_worked_off() -> None:
    start = Scripted([9, 8, 7, 6, 5, 4, 3, 2, 1, 0], patience=3.0)
    assert asyncio.run(start.wait()) == "what was there at the start is read"
    assert "no answer" in start.said[0] and start.said[-1] == "reached"
    assert [line.split()[0] for line in start.said[1:-1]] == ["8", "7", "6", "5", "4", "3", "2", "1"]


def test_it_gives_up_where_nothing_moves(caplog: pytest.LogCaptureFixture) -> None:
    start = Scripted([9, 8, 7] + [7] * 20, patience=3.0)
    assert "not read in time" in asyncio.run(start.wait())
    assert "reached" not in start.said and "7 records of catalog.items.v1" in caplog.text
    assert start.clock.seconds < 1_010


def test_it_need_not_wait() -> None:
    assert "not waited for" in asyncio.run(Scripted([9], patience=0.0).wait())
    start = Scripted([0], patience=3.0)
    assert asyncio.run(start.wait()) == "what was there at the start is read" and "reached" not in start.said
