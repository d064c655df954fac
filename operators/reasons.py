"""Why an item is in the list: the largest contribution that can be said in words without saying too much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from operators.user_state import ACTION_CODES
from schemas.recommendation import Reason, ReasonKind

if TYPE_CHECKING:
    from operators.generators.base import UserView
    from operators.item_index import ItemIndex

_PURCHASE = ACTION_CODES["purchase"]


def nameable(index: ItemIndex, item: int) -> bool:
    """Whether an explanation may name the item: not deleted, and with a title where there is a catalogue.

    A system without any catalogue has no titles; there ids are named, in records and not in sentences.
    """
    if index.deleted[item]:
        return False
    record = index.catalog[item]
    return bool(record.title.strip()) if record is not None else index.text.documents == 0


def explain(view: UserView, item: int, generators: Sequence[str], anchors: Sequence[int]) -> Reason:
    """The reason of one item. `generators`: those that contributed, the largest share first; `anchors`: beside each the
    history item that it may name, -1 where there is none (it may be longer).

    Generators are asked in this order; matrix factorisation explains only what nothing else
    does, as "your taste" is the least that can be said. An item that nothing contributed to fills the list up
    and is called what such lists are: trending.
    """
    for name, anchor in zip(generators, anchors, strict=False):
        explain_with = _EXPLANATIONS.get(name)
        if explain_with is not None:
            reason = explain_with(view, item, anchor)
            if reason is not None:
                return reason
    taste = "matrix_factorization" in generators
    return Reason(ReasonKind.TASTE if taste else ReasonKind.TRENDING)


def _co_occurrence(view: UserView, item: int, anchor: int) -> Reason | None:
    if anchor < 0:
        return None
    bought = view.parameters.domain == "retail" and _purchased(view, anchor)
    kind = ReasonKind.BOUGHT_TOGETHER if bought else ReasonKind.CO_WATCHED
    return Reason(kind, anchor_item_id=view.index.ids[anchor])


def _sequence(view: UserView, item: int, anchor: int) -> Reason | None:
    # "next after" is true of the last item only; what came by backoff is explained by something else.
    if anchor < 0 or anchor != view.history[0]:
        return None
    return Reason(ReasonKind.NEXT_IN_SEQUENCE, anchor_item_id=view.index.ids[anchor])


def _content(view: UserView, item: int, anchor: int) -> Reason | None:
    index = view.index
    record = index.catalog[item]
    if record is None or not record.categories:
        return None
    history = view.history[: view.parameters.content_history]
    similar = index.text.cosines(item, history)
    for place in np.argsort(-similar, kind="stable").tolist():
        if not similar[place] > 0.0:
            break
        other = int(history[place])
        other_record = index.catalog[other]
        if other == item or other_record is None or not view.anchor_allowed[place]:
            continue
        if not set(record.categories).isdisjoint(other_record.categories):
            return Reason(ReasonKind.SAME_GENRE, anchor_item_id=index.ids[other])
    return None


def _query(view: UserView, item: int, anchor: int) -> Reason | None:
    return None if view.query is None else Reason(ReasonKind.SEARCH_MATCH, query=view.query)


def _trending(view: UserView, item: int, anchor: int) -> Reason | None:
    return Reason(ReasonKind.TRENDING) if view.index.interactions[item] > 0.0 else None


def _repeat(view: UserView, item: int, anchor: int) -> Reason | None:
    return Reason(ReasonKind.REPEAT)


def _purchased(view: UserView, item: int) -> bool:
    items, actions = view.state.recent_items, view.state.recent_actions
    return any(other == item and action == _PURCHASE for other, action in zip(items, actions, strict=True))


_EXPLANATIONS = {
    "item_knn": _co_occurrence,
    "transitions": _sequence,
    "content": _content,
    "query_match": _query,
    "popularity": _trending,
    "trending": _trending,
    "repeat": _repeat,
}
