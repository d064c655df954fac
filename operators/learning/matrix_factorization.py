"""Online matrix factorisation for implicit feedback: pairwise (BPR) SGD with sampled negatives.

For an event of user u on item i with weight w > 0, n items j that the user did not choose are drawn, and

    loss = w Σ_j -ln σ(p_u·q_i - p_u·q_j) + λ/2 (|p_u|² + |q_i|² + Σ_j |q_j|²)

makes one SGD step; for w < 0 (skip, hide, dislike) the loss is -|w| ln σ(-p_u·q_i) and nothing is drawn. The derivative
of each term with respect to the score is clipped to ± max_gradient (the slope of a Huber loss is bounded the same way)
and every factor vector is projected back into the ball of radius max_norm, so all numbers stay finite.

The step is split in two, because user and item factors live in different places: `user_step` moves p_u and
gives, for each item touched, the derivative (its *coefficient*, positive means towards the user) and p_u as it was
before the step, rounded to half precision; `item_step` moves q by η_item (coefficient p_u - λ q), where q lives.

What else was tried is in `docs/decisions/0019-tuned-constants-of-learning.md`.

References: Rendle et al., "BPR: Bayesian personalized ranking from implicit feedback" (UAI 2009); Vinagre et al., "Fast
incremental matrix factorization for recommendation with positive-only feedback" (UMAP 2014) for the single pass.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from operators.kernels.counter_rng import mix, uniform
from operators.kernels.prefetch import prefetch_row

_ROWS_AHEAD = 8
_GAMMA = np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True, nogil=True, inline="always")
def _clip(value, bound):  # type: ignore[no-untyped-def]
    return max(-bound, min(bound, value))


@njit(cache=True, nogil=True, inline="always")
def _sigmoid(score):  # type: ignore[no-untyped-def]
    return np.float32(1.0 / (1.0 + math.exp(-score)))


@njit(cache=True, nogil=True, inline="always")
def _dot(left, row, right, other):  # type: ignore[no-untyped-def]
    total = np.float32(0.0)
    for column in range(left.shape[1]):
        total += left[row, column] * right[other, column]
    return total


@njit(cache=True, nogil=True)
def _project(vectors, row, max_norm):  # type: ignore[no-untyped-def]
    squares = _dot(vectors, row, vectors, row)
    if not squares <= max_norm * max_norm:
        scale = np.float32(max_norm / math.sqrt(squares))
        for column in range(vectors.shape[1]):
            vectors[row, column] *= scale


@njit(cache=True, nogil=True)
def user_step(  # type: ignore[no-untyped-def]
    user, row, item, weight, drawn, factors, gradient, learning_rate, regularization, max_gradient, max_norm,
    sgd_item, sgd_coefficient, place,
):  # fmt: skip
    """Move user[row] for one event; writes items and coefficients from `place` on and returns the next place.

    `drawn` i32[n] are the sampled negatives (-1: none), `gradient` f32[k] is scratch. A positive event without
    any negative teaches nothing: there is nothing to prefer it to.
    """
    width = user.shape[1]
    first = place
    score = _dot(user, row, factors, item)
    sgd_item[first] = item
    if weight < 0.0:
        sgd_coefficient[first] = _clip(weight * _sigmoid(score), max_gradient)
        place += 1
    else:
        pull = np.float32(0.0)
        for negative in drawn:
            if negative >= 0:
                place += 1
                slope = _clip(weight * _sigmoid(_dot(user, row, factors, negative) - score), max_gradient)
                sgd_item[place] = negative
                sgd_coefficient[place] = -slope
                pull += slope
        if place == first:
            return first
        sgd_coefficient[first] = pull
        place += 1
    for column in range(width):
        gradient[column] = 0.0
    for at in range(first, place):
        for column in range(width):
            gradient[column] += sgd_coefficient[at] * factors[sgd_item[at], column]
    rate = np.float32(learning_rate)
    decay = np.float32(regularization)
    for column in range(width):
        user[row, column] += rate * (gradient[column] - decay * user[row, column])
    _project(user, row, max_norm)
    return place


@njit(cache=True, nogil=True)
def draw_negatives(  # type: ignore[no-untyped-def]
    key, recent, recent_count, distinct, distinct_count, uniform_share, item, seen, drawn
):
    """Fill `drawn` with items; -1 where the draw met the item itself or one in `seen`.

    A draw is uniform over the `distinct` items with probability `uniform_share`, else from the ring `recent` of
    interactions, and so by popularity. Both hold items in the order in which this process learned of them: what is
    drawn depends on the stream alone, not on dense numbers. Another process that saw another part of the stream
    draws others, which no other step relies on.
    """
    size = min(recent_count, len(recent))
    for n in range(len(drawn)):
        drawn[n] = -1
        if size == 0:
            continue
        place = mix(key + _GAMMA * np.uint64(2 * n))
        if uniform(key + _GAMMA * np.uint64(2 * n + 1)) < uniform_share:
            candidate = distinct[place % np.uint64(distinct_count)]
        else:
            candidate = recent[place % np.uint64(size)]
        known = candidate == item
        for other in seen:
            known |= other == candidate
        if not known:
            drawn[n] = candidate


@njit(cache=True, nogil=True)
def item_step(updates, dropped, rows, learning_rate, regularization, max_norm):  # type: ignore[no-untyped-def]
    """Move the item factors for a batch (`ItemUpdates`) in order; only marked rows are written."""
    sgd_start, sgd_item, sgd_coefficient = updates.sgd_start, updates.sgd_item, updates.sgd_coefficient
    user_factors, factors, mark = updates.user_factors, rows.factors, rows.mark
    rate = np.float32(learning_rate)
    decay = np.float32(regularization)
    for event in range(len(sgd_start) - 1):
        if dropped[event]:
            continue
        for place in range(sgd_start[event], sgd_start[event + 1]):
            if place + _ROWS_AHEAD < len(sgd_item):
                prefetch_row(factors, sgd_item[place + _ROWS_AHEAD])
            item = sgd_item[place]
            if not mark[item]:
                continue
            coefficient = sgd_coefficient[place]
            for column in range(factors.shape[1]):
                factors[item, column] += rate * (
                    coefficient * user_factors[event, column] - decay * factors[item, column]
                )
            _project(factors, item, max_norm)
