"""How large a record may be."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.times import MIN_TIME_MS, YEAR_MS


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one record; what lies beyond is refused, never cut, but for a query: visitors type it.

    Ranges of single numbers are part of the schema (`schemas.wire_types`), since a producer has to know them.
    """

    max_bytes: int = 256 << 10
    max_depth: int = 16  # nested objects and lists, unknown fields included
    max_query_chars: int = 500
    max_title_chars: int = 1_000
    max_description_chars: int = 100_000
    max_results: int = 1_000
    max_item_ids: int = 200
    max_categories: int = 50
    max_attributes: int = 100  # also of the values in a list of one attribute
    max_vectors: int = 8
    max_vector_dimensions: int = 4_096
    min_time_ms: int = MIN_TIME_MS
    max_future_ms: int = 100 * YEAR_MS  # wrong clocks are clamped by the worker; beyond it is no clock


DEFAULT_LIMITS = Limits()
