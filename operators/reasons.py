"""Why an item is in the list: the largest contribution that can be said in words without saying too much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from operators.text_kernels import cosines
from operators.user_state import ACTION_CODES
from schemas.recommendation import Reason, ReasonKind

if TYPE_CHECKING:
    from operators.generators.base import IntArray, UserView
    from operators.item_index import ItemIndex

_PURCHASE = ACTION_CODES["purchase"]
_KINDS = tuple(ReasonKind)
_CO_WATCHED, _BOUGHT_TOGETHER, _SAME_GENRE, _NEXT_IN_SEQUENCE, _SEARCH_MATCH, _TRENDING, _REPEAT, _TASTE = range(
    len(_KINDS)
)
_EXPLAINED_AS = {
    "item_knn": _CO_WATCHED,
    "transitions": _NEXT_IN_SEQUENCE,
    "content": _SAME_GENRE,
    "query_match": _SEARCH_MATCH,
    "popularity": _TRENDING,
    "trending": _TRENDING,
    "repeat": _REPEAT,
    "matrix_factorization": _TASTE,
}
"""What a generator's contribution is called; one that is not named here explains nothing."""
_UNEXPLAINED = -1


def nameable(index: ItemIndex, items: IntArray) -> NDArray[np.bool_]:
    """Whether an explanation may name each item: not deleted, and with a title where there is a catalogue.

    A system without any catalogue has no titles; there ids are named, in records and not in sentences.
    """
    named: NDArray[np.bool_] = index.titled[items]
    return named if index.text.documents else named | ~(index.deleted[items] | index.cataloged[items])


def explained_as(generators: Sequence[str]) -> NDArray[np.int8]:
    """i8[g]: the kind of reason that each generator's contribution gives, for `explain`."""
    return np.array([_EXPLAINED_AS.get(name, _UNEXPLAINED) for name in generators], np.int8)


def explain(
    view: UserView, items: IntArray, kinds: NDArray[np.int8], counts: IntArray, generators: IntArray, anchors: IntArray
) -> list[Reason]:
    """The reason of each of n items.

    `kinds`: `explained_as`; `counts` i32[n]: how many generators contributed; `generators` i32[sum of counts]: item after
    item which ones, the largest share first; `anchors` beside them: the history item that the reason may name, -1 for none.

    Generators are asked in this order; matrix factorisation explains only what nothing else
    does, as "your taste" is the least that can be said. An item that nothing contributed to fills the list up
    and is called what such lists are: trending. Content names the most similar item of the history with a category in
    common (`ItemIndex.category_ids`).
    """
    index = view.index
    found, named = _explain(
        items, kinds, counts, generators, anchors, view.history, view.anchor_allowed, _bought(view),
        view.parameters.content_history, view.query is not None, index.interactions, index.category_ids,
        index.text.arrays(),
    )  # fmt: skip
    said: dict[tuple[int, int], Reason] = {}  # lists repeat themselves
    reasons = []
    for pair in zip(found.tolist(), named.tolist(), strict=True):
        reason = said.get(pair)
        if reason is None:
            kind, anchor = pair
            reason = said[pair] = Reason(
                _KINDS[kind],
                anchor_item_id=index.ids[anchor] if anchor >= 0 else None,
                query=view.query if kind == _SEARCH_MATCH else None,
            )
        reasons.append(reason)
    return reasons


def _bought(view: UserView) -> NDArray[np.uint8]:
    """u8 beside the history: 1 for what the user has purchased lately; only shops speak of it."""
    bought = np.zeros(len(view.history), np.uint8)
    state = view.state
    if view.parameters.domain == "retail" and _PURCHASE in state.recent_actions:
        pairs = zip(state.recent_items, state.recent_actions, strict=True)
        purchased = {item for item, action in pairs if action == _PURCHASE}
        bought[:] = [item in purchased for item in view.history.tolist()]
    return bought


@njit(cache=True, nogil=True)
def _explain(  # type: ignore[no-untyped-def]
    items, kinds, counts, generators, anchors, history, allowed, bought, content_history, asked, interactions,
    categories, text,
):  # fmt: skip
    found = np.empty(len(items), np.int8)
    named = np.full(len(items), -1, np.int32)
    recent = history[:content_history]
    similar = np.empty(len(recent), np.float32)
    end = 0
    for place in range(len(items)):
        item = items[place]
        found[place] = _TRENDING
        first, end = end, end + counts[place]
        for voice in range(first, end):
            kind = kinds[generators[voice]]
            anchor = anchors[voice]
            if kind == _TASTE:
                found[place] = _TASTE
            elif kind == _CO_WATCHED and anchor >= 0:
                if _is_bought(anchor, history, bought):
                    kind = _BOUGHT_TOGETHER
                break
            elif kind == _NEXT_IN_SEQUENCE and anchor >= 0 and anchor == history[0]:
                break  # "next after" is true of the last item only; what came by backoff is explained by something else
            elif kind == _SAME_GENRE:
                cosines(item, recent, text, similar)
                anchor = _nearest_of_genre(item, recent, allowed, similar, categories)
                if anchor >= 0:
                    break
            elif (
                (kind == _SEARCH_MATCH and asked) or (kind == _TRENDING and interactions[item] > 0.0) or kind == _REPEAT
            ):
                anchor = -1
                break
        else:
            continue
        found[place] = kind
        named[place] = anchor
    return found, named


@njit(cache=True, nogil=True)
def _is_bought(item, history, bought):  # type: ignore[no-untyped-def]
    for place in range(len(history)):
        if history[place] == item:
            return bought[place] == 1
    return False


@njit(cache=True, nogil=True)
def _nearest_of_genre(item, history, allowed, similar, categories):  # type: ignore[no-untyped-def]
    nearest = -1
    best = np.float32(0.0)
    for place in range(len(history)):
        other = history[place]
        if similar[place] > best and allowed[place] and other != item and _share(categories[item], categories[other]):
            best = similar[place]
            nearest = other
    return nearest


@njit(cache=True, nogil=True)
def _share(one, other):  # type: ignore[no-untyped-def]
    """Whether two rows of category numbers, -1 behind the last, have one in common."""
    for a in one:
        if a < 0:
            return False
        for b in other:
            if b < 0:
                break
            if a == b:
                return True
    return False
