"""The household shop of ``headwater demo --shop``: its customers' sixty days and today, and sixty searches, judged."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import chain

from headwater.demo.claims import SLACK
from headwater.demo.customers import BOT, DAYS, Customers
from headwater.demo.feed import Answer, Feed
from headwater.demo.goods import later_rows, opening_rows
from headwater.demo.pacing import send_phase
from headwater.demo.shop_searches import NOT_SOLD, SEARCHES
from headwater.demo.turns import Turns
from headwater.demo.verdict import Verdict
from headwater.demo.worker_process import WorkerProcess
from headwater.importers.replay_file import ReplayLine
from streams.broker.brokers import Brokers
from streams.settings import Settings

WORKER_ENVIRONMENT = {"HEADWATER_DOMAIN": "retail", "HEADWATER_MAX_EVENT_AGE": str(2 * DAYS * 86_400)}
_MAX_OUTSTANDING = 50
_WINDOW = 200
_PATIENCE = 30.0
"""Seconds: customers of this shop wait for their answers, so that what they know is what the worker knew."""


class HouseholdShop:
    """One run against a ready ``worker``, to be closed at the end.

    ``on_record`` hears the recommendations, ``on_progress`` how many events have left.
    """

    def __init__(
        self, brokers: Brokers, settings: Settings, worker: WorkerProcess, on_record: Callable[[Answer], None],
        on_progress: Callable[[int], None],
    ) -> None:  # fmt: skip
        self.verdict = Verdict()
        self._on_record, self._on_progress, self._worker = on_record, on_progress, worker
        self.feed = Feed(
            brokers,
            settings,
            max_outstanding=_MAX_OUTSTANDING,
            on_record=self._hear,
            check=worker.check,
            on_sent=lambda line: self.verdict.sent(line, time.monotonic()),
            patience=_PATIENCE,
            as_it_occurred=True,
        )
        self._customers = Customers(int(time.time() * 1000))
        self._history, self._today = self._customers.history(), self._customers.today()

    @property
    def events(self) -> int:
        """Events that are to be answered."""
        return len(self._history) + len(self._today) + len(SEARCHES) + len(NOT_SOLD)

    def open(self) -> bool:
        """Send the catalogue; whether the worker has it in time."""
        rows = self.feed.send_aside(opening_rows())
        return self._worker.wait_for_items(rows - 1)  # a row whose title is a placeholder may be refused

    def run(self, rate: float) -> None:
        """Everything that happens: sixty days as fast as answers come, then today, ``rate`` events a second."""
        self._phase(self._history, "sixty days, as fast as people get their answers", None)
        self.feed.send_aside(chain(later_rows(), self._customers.nonsense()))
        self._wait(SLACK)
        self._phase(self._today, f"today, paced at {rate:,.0f}/s", rate)
        self._phase(self._searches(), f"searches, paced at {rate:,.0f}/s", rate)

    def close(self) -> None:
        self.feed.close()

    def _phase(self, lines: list[ReplayLine], pace: str, rate: float | None) -> None:
        begun = sum(phase.events for phase in self.feed.outcome.phases)
        turns = Turns(iter(lines), _WINDOW, self.feed.is_waiting)
        send_phase(self.feed, turns, range(begun, begun + len(lines)), pace, rate, self._on_progress)

    def _wait(self, seconds: float) -> None:
        """Until the worker has heard what the catalogue says."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.feed.read(0.05)

    def _searches(self) -> list[ReplayLine]:
        """Each search by somebody new or, by turns, by somebody who has seen the good that is meant."""
        lines = [self._search(f"stranger-{number}", query, None, "en") for number, query in enumerate(NOT_SOLD)]
        for number, (query, meant, locale) in enumerate(SEARCHES):
            seen = [person for person in self.verdict.ledger.touched_by[meant] if person != BOT]
            user = seen[number % len(seen)] if seen and number % 2 else f"visitor-{number}"
            lines.append(self._search(user, query, meant, locale))
        return lines

    def _search(self, user: str, query: str, meant: str | None, locale: str) -> ReplayLine:
        line = self._customers.search(user, query, locale)
        self.verdict.expect(line["value"]["event_id"], meant)
        return line

    def _hear(self, record: Answer) -> None:
        self.verdict.read(record)
        self._on_record(record)
