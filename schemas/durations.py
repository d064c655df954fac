"""Durations in the unit of event times."""

from __future__ import annotations

DAY_MS = 86_400_000
"""Milliseconds of a day."""
