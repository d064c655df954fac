"""Kernels that generators share: filter first, then keep the best few."""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.generators.eligibility import fresh_for_user

SMALLEST = np.float32(1e-30)
"""Less evidence than this counts as none: it could vanish in single precision."""


@njit(cache=True, nogil=True)
def keep_best(items, scores, count, gate, kept_items, kept_scores):  # type: ignore[no-untyped-def]
    """Copy the best eligible items, best first, ties by item number, into `kept_*`; returns how many.

    Insertion into a short sorted list: most items fail the comparison with the last one and cost nothing more.
    """
    limit, kept = len(kept_items), 0
    for place in range(count):
        item = items[place]
        score = scores[place]
        if kept == limit:
            last = kept_scores[kept - 1]
            if score < last or (score == last and item > kept_items[kept - 1]):
                continue
        if not score > 0.0 or not fresh_for_user(gate, item):
            continue
        at = kept if kept < limit else kept - 1
        while at > 0 and (kept_scores[at - 1] < score or (kept_scores[at - 1] == score and kept_items[at - 1] > item)):
            kept_scores[at] = kept_scores[at - 1]
            kept_items[at] = kept_items[at - 1]
            at -= 1
        kept_scores[at] = score
        kept_items[at] = item
        kept = min(kept + 1, limit)
    return kept


@njit(cache=True, nogil=True)
def add_evidence(items, scores, size, anchor, scratch, count):  # type: ignore[no-untyped-def]
    """Add the scores of one history item's neighbours to `scratch`; returns the new count of touched items.

    `anchor` (-1: may not be named) becomes the anchor of the items to which it adds most so far. A whole row a
    call: numba counts references of every array at every call, which would cost more than the additions.
    """
    accumulated, best, anchors, touched = scratch.scores, scratch.best, scratch.anchors, scratch.touched
    for place in range(size):
        item = items[place]
        score = scores[place]
        if not score > SMALLEST:
            continue
        if accumulated[item] == 0.0:
            touched[count] = item
            count += 1
            best[item] = 0.0
            anchors[item] = -1
        accumulated[item] += score
        if anchor >= 0 and score > best[item]:
            best[item] = score
            anchors[item] = anchor
    return count


@njit(cache=True, nogil=True)
def best_touched(scratch, count, gate, found, place):  # type: ignore[no-untyped-def]
    """The best eligible of `count` touched items into row `place` of `found`; scores in `scratch` go back to 0."""
    scores = np.empty(count, np.float32)
    for at in range(count):
        scores[at] = scratch.scores[scratch.touched[at]]
        scratch.scores[scratch.touched[at]] = 0.0
    items = found.items[place]
    kept = keep_best(scratch.touched, scores, count, gate, items, found.scores[place])
    for at in range(kept):
        found.anchors[place, at] = scratch.anchors[items[at]]
    found.counts[place] = kept


@njit(cache=True, nogil=True)
def name_nothing(found, place, count):  # type: ignore[no-untyped-def]
    """Row `place` of `found` has `count` items, none with an anchor."""
    found.counts[place] = count
    for at in range(count):
        found.anchors[place, at] = -1
