"""Waiting for what other processes do, and starting them so that they can be interrupted."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable


def interruptible() -> None:
    """Run in a child before it starts: shells let what they start in the background ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_until(condition: Callable[[], bool], timeout: float, explain: Callable[[], str] = lambda: "") -> None:
    """Poll until true; fails with ``explain()`` after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:.0f} s: {explain()}")
        time.sleep(0.2)
