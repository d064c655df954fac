"""Compiles the kernels before an event has to wait for them (a minute on a fresh machine, then cached)."""

from __future__ import annotations

from operators.evaluation.windowed import LISTS_EVERY, WindowedLists
from operators.learning.item_updates import unpack
from operators.recommender import Recommender
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_state import UserState
from schemas.actions import Action
from schemas.records import CatalogItem, Click, Purchase, Search

_START = 1_600_000_000_000


def warm_up(parameters: Parameters) -> None:
    """Learn and rank a few made-up events on an index of its own, in all the ways that a worker does."""
    index = ItemIndex(parameters, lambda key: key[-1] % 2)
    recommender = Recommender(parameters, index)
    users = [UserState.fresh(f"u{n}", parameters) for n in range(3)]
    for n in range(6):
        index.set_catalog(CatalogItem(f"i{n}", f"Title {n % 3}", categories=("a", "b")))
    for step in range(24):
        state, now = users[step % 3], _START + step * 1000
        item = f"i{step * step % 6}"
        if step % 6 == 5:
            recommender.observe(state, Search(f"e{step}", state.user_id, "title", now), now, 0, step)
        elif step % 5 == 4:
            recommender.observe(state, Purchase(f"e{step}", state.user_id, item, now), now, 0, step)
        else:
            action = Action.DISLIKE if step == 3 else Action.CLICK
            recommender.observe(state, Click(f"e{step}", state.user_id, item, now, action=action), now, 0, step)
        if step % 4 == 3:
            updates = recommender.flush()
            if updates is not None:
                for partition, message in updates.split(index, 2).items():
                    recommender.apply(unpack(message, index), partition=partition, message_offset=step, fence={})
        recommender.rank(state, now_ms=now, query="title" if step % 6 == 5 else None, limit=3)
        recommender.popularity_position(state, 0, now_ms=now)
    index.delete("i5")
    recommender.rank(users[0], now_ms=_START, limit=10)  # more than there are
    lists = WindowedLists()
    for _ in range(LISTS_EVERY):
        lists.add((0, 1, 2), index)
