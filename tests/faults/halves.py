"""Half of the fault tests: all of them take too long for every run, and two days in a row run all."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

CHOICES = ("all", "auto", "0", "1")
"""Of ``--half``: all tests, the half of today, or the one or the other."""


def half_of(day: date) -> int:
    """0 or 1, in turns from day to day."""
    return day.toordinal() % 2


def in_half(names: Iterable[str], half: int) -> set[str]:
    """Every other name in alphabetical order, so that the variants of one test are in both halves."""
    return set(sorted(names)[half::2])
