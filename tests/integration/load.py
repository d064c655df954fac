"""Traffic at a rate, beside what a test does; what a broker in trouble refuses is sent again, as a shop would."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from tests.integration.reference import Verdict, assert_exact
from tests.integration.shop import Shop
from tests.integration.waiting import wait_until


class Load:
    """Sends replay lines at a rate from a thread of its own, with a producer of its own."""

    def __init__(self, shop: Shop, lines: Sequence[dict[str, Any]], rate: float) -> None:
        self.lines, self.rate, self.sent = lines, rate, 0
        self._shop, self._producer = shop, shop.new_producer()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._halted = threading.Event()
        self._refused: list[dict[str, Any]] = []
        self._thread.start()

    def _run(self) -> None:
        started = time.monotonic()
        for line in self.lines:
            ahead = self.sent / self.rate - (time.monotonic() - started)
            if self._halted.wait(ahead) if ahead > 0.02 else self._halted.is_set():
                break
            self._send(line)
            self.sent += 1
            self._send_refused()
        self._producer.flush(60)
        self._send_refused()
        self._producer.flush(60)

    def _send(self, line: dict[str, Any]) -> None:
        def seen(error: Any, _message: Any) -> None:
            if error is not None:
                self._refused.append(line)

        self._shop.send(line["topic"], line["value"], producer=self._producer, on_delivery=seen)

    def _send_refused(self) -> None:
        again, self._refused = self._refused, []
        for line in again:
            self._send(line)

    def wait_sent(self, count: int, timeout: float = 120.0) -> None:
        """Until ``count`` lines have been sent."""
        wait_until(lambda: self.sent >= count, timeout, lambda: f"{self.sent} sent of {count}")

    def join(self, timeout: float = 120.0) -> int:
        """Until all is sent and in the broker; returns how many."""
        self._thread.join(timeout)
        assert not self._thread.is_alive() and len(self._producer) == 0 and not self._refused
        return self.sent

    def halt(self) -> int:
        """Stop sending."""
        self._halted.set()
        return self.join()

    def finish(self, timeout: float) -> tuple[int, Verdict]:
        """Stop sending; once all is done, at the latest after ``timeout``: how many were sent; all is exact."""
        sent = self.halt()
        self._shop.wait_lag_zero(timeout)
        return sent, assert_exact(self._shop)
