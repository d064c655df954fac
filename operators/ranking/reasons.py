"""Why an item is in the list: the largest contribution that can be said in words without saying too much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from operators.generators.generator import Generator
from operators.state.user_state import ACTION_CODES
from operators.text.cosines import cosines
from schemas.recommendation import Reason, ReasonKind

if TYPE_CHECKING:
    from operators.state.item_index import ItemIndex
    from operators.state.user_state import UserState

_PURCHASE = ACTION_CODES["purchase"]
_KINDS = tuple(ReasonKind)
(
    _CO_WATCHED,
    _BOUGHT_TOGETHER,
    _SAME_GENRE,
    _NEXT_IN_SEQUENCE,
    _SEARCH_MATCH,
    _TRENDING,
    _REPEAT,
    _TASTE,
    _FILL,
    _NEW,
) = range(len(_KINDS))
_UNEXPLAINED = -1
COMPARED = 5
"""Last items of the history that an item of the same genre may be said to be like."""

_NO_ACTIONS = np.empty(0, np.uint8)


def explained_as(generators: Sequence[Generator]) -> NDArray[np.int8]:
    """i8[g]: the kind of reason that each generator's contribution gives, for `explain`."""
    reasons = (generator.reason for generator in generators)
    return np.array([_UNEXPLAINED if reason is None else _KINDS.index(reason) for reason in reasons], np.int8)


def telling_actions(state: UserState, domain: str) -> NDArray[np.uint8]:
    """u8 beside `UserState.recent_items` where reasons have to know what was purchased, as in shops, else nothing."""
    if domain != "retail" or _PURCHASE not in state.recent_actions:
        return _NO_ACTIONS
    return np.array(state.recent_actions, np.uint8)


def in_words(found: list[int], anchors: list[int], index: ItemIndex, query: str | None) -> list[Reason]:
    """Reasons from what `explain` found."""
    said: dict[tuple[int, int], Reason] = {}  # lists repeat themselves
    reasons = []
    for pair in zip(found, anchors, strict=True):
        reason = said.get(pair)
        if reason is None:
            kind, anchor = pair
            reason = said[pair] = Reason(
                _KINDS[kind],
                anchor_item_id=index.ids[anchor] if anchor >= 0 else None,
                query=query if kind == _SEARCH_MATCH else None,
            )
        reasons.append(reason)
    return reasons


@njit(cache=True, nogil=True)
def explain(  # type: ignore[no-untyped-def]
    view, items, kinds, counts, generators, anchors, asked, found, named
):  # fmt: skip
    """The kind of reason of each of n items into `found` i8[n], and the item that it names into `named`, -1 for none.

    - `view`: `generators.view.View`; `kinds`: `explained_as`; `asked`: whether there is a query
    - `counts` i32[n]: how many generators contributed
    - `generators` i32[sum of counts]: item after item which ones, the largest share first
    - `anchors` beside them: the history item that the reason may name, -1 for none

    The first of them that can be said in words is the reason. "Your taste" is the least that can be said, so it
    explains only what nothing else does. "Same genre" names the most similar item of the history with a category in
    common (`ItemIndex.category_ids`). An item that nothing contributed to fills the list up and is called what such
    lists are: trending.
    """
    user, history, nameable, rows, text = view.user, view.history, view.nameable, view.rows, view.text
    latest = history[:COMPARED]
    similar = np.empty(len(latest), np.float32)
    end = 0
    for place in range(len(items)):
        item = items[place]
        found[place] = _TRENDING
        named[place] = -1
        first, end = end, end + counts[place]
        for voice in range(first, end):
            kind = kinds[generators[voice]]
            anchor = anchors[voice]
            if kind == _TASTE:
                found[place] = _TASTE
            elif kind == _CO_WATCHED and anchor >= 0:
                if _is_bought(anchor, user):
                    kind = _BOUGHT_TOGETHER
                break
            elif kind == _NEXT_IN_SEQUENCE and anchor >= 0 and anchor == history[0]:
                break  # "next after" is true of the last item only; what came by backoff is explained by something else
            elif kind == _SAME_GENRE:
                cosines(item, latest, text, similar)
                anchor = _nearest_of_genre(item, latest, nameable, similar, rows.category_ids)
                if anchor >= 0:
                    break
            elif (
                (kind == _SEARCH_MATCH and asked)
                or (kind == _TRENDING and rows.interactions[item] > 0.0)
                or kind == _REPEAT
            ):
                anchor = -1
                break
        else:
            continue
        found[place] = kind
        named[place] = anchor


@njit(cache=True, nogil=True)
def _is_bought(item, user):  # type: ignore[no-untyped-def]
    bought = False
    for place in range(len(user.actions)):
        bought |= user.recent[place] == item and user.actions[place] == _PURCHASE
    return bought


@njit(cache=True, nogil=True)
def _nearest_of_genre(item, history, nameable, similar, categories):  # type: ignore[no-untyped-def]
    nearest = -1
    best = np.float32(0.0)
    for place in range(len(history)):
        other = history[place]
        if similar[place] > best and nameable[place] and other != item and _share(categories[item], categories[other]):
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
