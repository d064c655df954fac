"""What the item side has to learn from a batch of events, as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class ItemUpdates:
    """e events in order; items are dense numbers of the index that made or unpacked them.

    Event number n has the context items `context[context_start[n]:context_start[n + 1]]` (other distinct items of the
    user's recent history) with their ranks (0 the most recent), and the SGD examples
    `sgd_item[sgd_start[n]:sgd_start[n + 1]]` with their coefficients.
    """

    source: NDArray[np.int32]
    """i32[e]: number of the source (topic, or whatever the caller numbers)."""
    offset: NDArray[np.int64]
    """i64[e]: offset of the event in its source."""
    time: NDArray[np.int64]
    """i64[e]: event time, epoch milliseconds."""
    target: NDArray[np.int32]
    """i32[e]: the item; -1 where no row of this partition needs to know it."""
    weight: NDArray[np.float32]
    """f32[e]: weight in counts; 0 for events that are only an SGD example (negatives)."""
    repeat: NDArray[np.uint8]
    """u8[e]: 1 when the user had consumed the item before."""
    previous: NDArray[np.int32]
    """i32[e]: the user's item before (-1 none)."""
    context_start: NDArray[np.int32]
    context: NDArray[np.int32]
    context_rank: NDArray[np.uint8]
    user_factors: NDArray[np.float32]
    """f32[e, k]: before the event's step, rounded to half precision (what travels is what is learned)."""
    sgd_start: NDArray[np.int32]
    sgd_item: NDArray[np.int32]
    sgd_coefficient: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.target)
