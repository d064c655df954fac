"""Why an item is in the list: the largest contribution that can be said in words without saying too much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from numpy.typing import NDArray

from operators.generators.generator import Generator
from operators.text.cosines import cosines
from schemas.durations import DAY_MS
from schemas.recommendation import Reason, ReasonKind

if TYPE_CHECKING:
    from operators.state.item_index import ItemIndex

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
NEW_MS = 14 * DAY_MS
"""For so long an item may be called new."""
ASKED = 12
"""Last items of the history that are looked through for one that enough people had, too."""


def explained_as(generators: Sequence[Generator]) -> NDArray[np.int8]:
    """i8[g]: the kind of reason that each generator's contribution gives, for `explain`."""
    reasons = (generator.reason for generator in generators)
    return np.array([_UNEXPLAINED if reason is None else _KINDS.index(reason) for reason in reasons], np.int8)


def in_words(
    found: list[int], anchors: list[int], support: list[int], index: ItemIndex, query: str | None
) -> list[Reason]:
    """Reasons from what `explain` found."""
    said: dict[tuple[int, int, int], Reason] = {}  # lists repeat themselves
    reasons = []
    for key in zip(found, anchors, support, strict=True):
        reason = said.get(key)
        if reason is None:
            kind, anchor, people = key
            reason = said[key] = Reason(
                _KINDS[kind],
                anchor_item_id=index.ids[anchor] if anchor >= 0 else None,
                query=query if kind == _SEARCH_MATCH else None,
                support=people,
            )
        reasons.append(reason)
    return reasons


@njit(cache=True, nogil=True)
def explain(  # type: ignore[no-untyped-def]
    view, items, rules, counts, generators, anchors, asked, found, named, support
):  # fmt: skip
    """The kind of reason of each of n items into `found` i8[n], the item that it names into `named`, -1 for none, and
    the distinct people on whom it stands into `support`, 0 where it is about no people.

    - `view`: `generators.view.View`; `rules`: `listing.ListRules`; `asked`: whether there is a query
    - `counts` i32[n]: how many generators contributed
    - `generators` i32[sum of counts]: item after item which ones, the largest share first
    - `anchors` beside them: the history item that the reason may name, -1 for none

    The first of them whose claim what was counted proves is the reason; `docs/reasons.md` has the conditions. Where
    none does, the item may be new; what is personal is the user's taste, and all else fills the list up: both claim
    nothing.
    """
    end = 0
    similar = np.empty(min(COMPARED, len(view.history)), np.float32)
    for place in range(len(items)):
        found[place], named[place], support[place] = _FILL, -1, 0
        first, end = end, end + counts[place]
        for voice in range(first, end):
            kind = rules.kinds[generators[voice]]
            if kind != _TRENDING and len(view.history) > 0:
                found[place] = _TASTE
            proven, anchor, people = _prove(kind, items[place], anchors[voice], view, rules, asked, similar)
            if proven:
                found[place], named[place], support[place] = kind, anchor, people
                break
        else:
            if _is_new(items[place], view, rules):
                found[place] = _NEW


@njit(cache=True, nogil=True)
def _is_new(item, view, rules):  # type: ignore[no-untyped-def]
    """Whether the item came lately, clearly after most of the catalogue, and hardly anybody has taken it."""
    arrived = view.rows.cataloged_at[item]
    lately = arrived > max(view.user.now - NEW_MS, view.top.median_arrival + DAY_MS)
    return arrived > 0 and lately and view.rows.interactions[item] < rules.min_support


@njit(cache=True, nogil=True)
def _prove(kind, item, anchor, view, rules, asked, similar):  # type: ignore[no-untyped-def]
    """Whether the claim holds, the item that it names, and the people on whom it stands."""
    history, rows = view.history, view.rows
    if kind in (_CO_WATCHED, _BOUGHT_TOGETHER):
        if anchor < 0:
            return False, -1, 0
        people = _people_of(kind, anchor, item, rows)
        for place in range(min(ASKED, len(history))):
            if people >= rules.min_support:
                break
            if view.nameable[place] and history[place] != item:
                anchor = history[place]
                people = _people_of(kind, anchor, item, rows)
        return people >= rules.min_support, anchor, people
    if kind == _NEXT_IN_SEQUENCE:
        # "next after" is true of the last item only; what came by backoff is explained by something else
        if anchor < 0 or anchor != history[0]:
            return False, -1, 0
        people = _count(rows.successor_items, rows.successor_people, anchor, item)
        return people >= rules.min_support, anchor, people
    if kind == _SAME_GENRE:
        latest = history[: len(similar)]
        cosines(item, latest, view.text, similar)
        nearest = _nearest_of_genre(item, latest, view.nameable, similar, rows.category_ids, view.top.everybodys)
        return nearest >= 0, nearest, 0
    if kind == _SEARCH_MATCH:
        return asked, -1, 0
    if kind == _TRENDING:
        age = max(0, view.user.now - rows.popularity_at[item])
        people = int(np.ceil(rows.popularity[item] * 2.0 ** -(age / rules.popularity_half_life) - 1e-3))
        return people >= rules.min_support, -1, people
    if kind == _REPEAT:
        return _again(item, view, rules)
    return False, -1, 0


@njit(cache=True, nogil=True)
def _again(item, view, rules):  # type: ignore[no-untyped-def]
    """Whether this user, or enough people, came back to the item or bought it again."""
    for other in view.user.again:
        if other == item:
            return True, -1, 1
    people = int(max(view.rows.repeats[item], view.rows.rebuyers[item]))
    return people >= rules.min_support, -1, people


@njit(cache=True, nogil=True)
def _people_of(kind, item, other, rows):  # type: ignore[no-untyped-def]
    """Distinct people who had both, or bought both: what either row says is a lower bound."""
    if kind == _BOUGHT_TOGETHER:
        items, people = rows.copurchase_items, rows.copurchase_people
        return max(_count(items, people, item, other), _count(items, people, other, item))
    items, counts = rows.neighbour_items, rows.neighbour_people
    return max(_count(items, counts, item, other), _count(items, counts, other, item))


@njit(cache=True, nogil=True)
def _count(items, people, row, item):  # type: ignore[no-untyped-def]
    for column in range(items.shape[1]):
        if items[row, column] == item:
            return int(people[row, column])
        if items[row, column] < 0:
            break
    return 0


@njit(cache=True, nogil=True)
def _nearest_of_genre(item, history, nameable, similar, categories, everybodys):  # type: ignore[no-untyped-def]
    nearest = -1
    best = np.float32(0.0)
    for place in range(len(history)):
        other = history[place]
        if (
            similar[place] > best
            and nameable[place]
            and other != item
            and _share(categories[item], categories[other], everybodys)
        ):
            best = similar[place]
            nearest = other
    return nearest


@njit(cache=True, nogil=True)
def _share(one, other, everybodys):  # type: ignore[no-untyped-def]
    """Whether two rows of category numbers, -1 behind the last, have one in common that is not everybody's."""
    for a in one:
        if a < 0:
            return False
        if a < len(everybodys) and everybodys[a]:
            continue
        for b in other:
            if b < 0:
                break
            if a == b:
                return True
    return False
