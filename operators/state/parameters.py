"""Every knob of learning and ranking, with the defaults that the evaluation uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from schemas.actions import ACTION_WEIGHTS
from schemas.durations import DAY_MS


@dataclass(frozen=True, slots=True)
class Parameters:
    """Immutable settings of `Recommender`; times are milliseconds of event time, weights are plain numbers.

    What was tuned, and on what: `docs/decisions/0019-tuned-constants-of-learning.md`.

    The streams settings override single fields. Sizes of rows (`factors`, `neighbours`, `successors`) are part of
    the stored item state: a change takes effect on old rows by truncation or padding when they are read.

    Raises `ValueError` on values that could not work.
    """

    # --- what an action weighs
    action_weights: Mapping[str, float] = field(default_factory=lambda: MappingProxyType(ACTION_WEIGHTS))
    rating_scale: float = 5.0
    """A `rate` of value v has its action's weight times clip(v, 0, rating_scale) / rating_scale."""
    low_rating: float = 0.4
    """Share of the scale up to which a rating says that the user did not like the item."""
    high_rating: float = 0.7
    """Share of the scale from which it says that the user did."""

    # --- bounds of a user's state
    history: int = 50
    queries: int = 5
    query_length: int = 256
    consumed: int = 1_000
    bought: int = 100
    banned: int = 1_000
    event_ids: int = 64
    shown: int = 3
    max_state_bytes: int = 64 << 10
    max_item_state_bytes: int = 512 << 10

    # --- matrix factorisation
    factors: int = 32
    user_learning_rate: float = 0.2
    item_learning_rate: float = 0.07
    regularization: float = 0.01
    negatives: int = 4
    uniform_negatives: float = 0.7
    """Share of negatives drawn uniformly over items; the others come from recent interactions, so by popularity."""
    negative_pool: int = 8_192
    """That many interactions are recent."""
    max_gradient: float = 2.0
    """Bound of the derivative of one example's loss (Huber-style clipping)."""
    max_norm: float = 4.0
    """Bound of the Euclidean norm of every user and item factor vector."""
    initial_scale: float = 0.3
    """Expected norm of an item's initial factor vector."""

    # --- counting learners
    context: int = 20
    """Distinct items before an event that it is paired with."""
    context_exponent: float = 0.5
    """The r-th most recent distinct item is paired with weight (1 + r) ** -context_exponent."""
    neighbours: int = 150
    neighbour_half_life: int = 90 * DAY_MS
    successors: int = 50
    copurchases: int = 24
    successor_half_life: int = 90 * DAY_MS
    popularity_half_life: int = 7 * DAY_MS

    # --- ranking
    candidates_per_generator: int = 40
    query_lifetime: int = 30 * 60_000
    """A search shapes later lists for this long (ms), fading linearly."""
    diversity: float = 0.1
    """Share of similarity in maximal marginal relevance: 0 ranks by score alone."""
    allow_repeats: bool | None = None
    """Whether seen items may be recommended; None: learned from how users repeat."""
    buy_again: Mapping[str, int | None] = field(default_factory=lambda: MappingProxyType({}))
    """By category, for how long (ms) what was bought is left out, None: for good; others learn it from purchases."""
    min_support: int = 3
    """Distinct people that a reason about people has to stand on."""

    def __post_init__(self) -> None:
        positive = (
            "history", "queries", "query_length", "consumed", "bought", "banned", "event_ids", "shown",
            "max_state_bytes", "max_item_state_bytes", "factors", "negative_pool", "neighbours", "successors",
            "copurchases", "neighbour_half_life", "successor_half_life", "popularity_half_life", "rating_scale",
            "max_norm", "max_gradient", "user_learning_rate", "item_learning_rate", "min_support",
        )  # fmt: skip
        for name in positive:
            if not getattr(self, name) > 0:
                raise ValueError(f"Parameters.{name} must be greater than 0, not {getattr(self, name)!r}")
        if not 0 <= self.context <= min(self.history, 255):
            raise ValueError(f"Parameters.context must be between 0 and history, at most 255, not {self.context}")
        if not 0.0 <= self.uniform_negatives <= 1.0:
            raise ValueError(f"Parameters.uniform_negatives must be between 0 and 1, not {self.uniform_negatives}")
        if not 0 <= self.negatives <= 64:
            raise ValueError(f"Parameters.negatives must be between 0 and 64, not {self.negatives}")
