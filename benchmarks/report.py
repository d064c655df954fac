"""How a figure and its target are printed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from rich.console import Console

from benchmarks.errors import BenchmarkError

MET, NOT_MET, NOTHING, INCOMPLETE = range(4)
"""Exit status of a table: every bar met, one not met, nothing could be measured, a peer that has a bar is missing."""


def print_ratio(console: Console, what: str, found: Sequence[float], bar: float | None = None) -> float:
    """Print the median of ``found``, its range, and whether ``bar`` is reached; returns the median."""
    middle = statistics.median(found)
    text = f"{what}: {middle:.2f}  ({min(found):.2f} to {max(found):.2f} in {len(found)} runs)"
    if bar is not None:
        text += f"  at least {bar:g}: {'reached' if middle >= bar else 'NOT reached'}"
    console.print(text, highlight=False)
    return middle


def print_limit(console: Console, what: str, found: Sequence[float], most: float) -> bool:
    """Print the median of ``found``, its range, and whether it is at most ``most``; returns the latter."""
    middle = statistics.median(found)
    met = middle <= most
    console.print(
        f"{what}: {middle:.2f}  ({min(found):.2f} to {max(found):.2f} in {len(found)} runs)"
        f"  at most {most:g}: {'met' if met else 'NOT met'}",
        highlight=False,
    )
    return met


def status_of(console: Console, measure: Callable[[], int]) -> int:
    """What ``measure`` returns, and how long it took; `NOTHING`, and why, when it raises :class:`BenchmarkError`."""
    began = time.monotonic()
    try:
        status = measure()
    except BenchmarkError as error:
        console.print(f"Error: {error}", markup=False, style="red")
        return NOTHING
    console.print(f"{time.monotonic() - began:.0f} s", highlight=False)
    return status
