"""What the customers of the demo's household shop do in sixty days and today: the same in every run, but for its end.

Three hundred people look around, fill carts and buy. What is used up, some of them buy again after days; what lasts,
nobody buys twice. Beside them come a bot that clicks one good a thousand times, people who all give one good the lowest
rating, and people who type nothing or a novel into the search.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from headwater.demo.goods import (
    CLICKED_BY_A_BOT,
    DELETED,
    DISLIKED_BY_ALL,
    ORDINARY,
    PLACEHOLDER,
    TOGETHER,
    WITHDRAWN,
    WITHOUT_ROW,
    Good,
)
from headwater.importers.replay_file import ReplayLine
from schemas.durations import DAY_MS
from streams.topology import CLICK, PURCHASE, SEARCH

DAYS = 60
SHOPPERS = 300
BOT = "bot"
BOT_CLICKS = 1_000
_SECOND_MS, _MINUTE_MS, _HOUR_MS = 1_000, 60_000, 3_600_000
_INTERESTS = (
    ("garden", "home"), ("bathroom", "home"), ("tools", "bicycle"), ("office", "home"), ("pets", "home"),
    ("garden", "tools"), ("bathroom", "pets"), ("zh-home", "zh-kitchen"), ("zh-home", "zh-pets"),
)  # fmt: skip
_REGULARS = 0.22
"""Share of people who buy a good again and again that is used up."""
_DISLIKERS = 40
_STRAYS = 20
"""People who come upon each good that is not as others are."""
_BY_ID = {good.item_id: good for good in ORDINARY}


class Shopper(NamedTuple):
    """A customer; ``locale`` is what their browser says, None where the shop does not pass it on."""

    user_id: str
    goods: tuple[Good, ...]
    locale: str | None


class _Line(NamedTuple):
    """When something happens, and what."""

    time_ms: int
    line: ReplayLine


class Customers:
    """Makes the lines; times are relative to ``now_ms``, the end of today, everything else to the seed."""

    def __init__(self, now_ms: int, seed: int = 20) -> None:
        self._random = random.Random(seed)
        self._now_ms, self._opened_ms = now_ms, now_ms - DAYS * DAY_MS
        self._number = 0
        self._owned: dict[str, set[str]] = {}
        self.shoppers = [self._shopper(number) for number in range(SHOPPERS)]

    def history(self) -> list[ReplayLine]:
        """Sixty days until this morning, in the order of time."""
        until = self._now_ms - DAY_MS // 2
        lines: list[_Line] = []
        for shopper in self.shoppers:
            for _ in range(self._random.choice((1, 2, 2))):
                lines += self._visit(shopper, self._random.randrange(self._opened_ms, until - _HOUR_MS))
            for good in shopper.goods:
                if good.again and self._random.random() < _REGULARS:
                    lines += self._bought_again_and_again(shopper, good, until)
        lines += [*self._bot(), *self._lowest_ratings(), *self._strays()]
        return _in_order(lines)

    def today(self) -> list[ReplayLine]:
        """Visits of the last hour."""
        begin = self._now_ms - _HOUR_MS
        visitors = self._random.sample(self.shoppers, 180)
        visits = (self._visit(visitor, begin + self._random.randrange(30 * _MINUTE_MS)) for visitor in visitors)
        return _in_order([line for visit in visits for line in visit])

    def search(self, user_id: str, query: str, locale: str | None) -> ReplayLine:
        """A search a few minutes ago."""
        return self._event(SEARCH.suffix, user_id, self._now_ms - 4 * _MINUTE_MS, locale, query=query).line

    def nonsense(self) -> list[ReplayLine]:
        """Searches for nothing at all, and for more than anybody types."""
        queries = ["", "   ", "\t"] * 10 + ["how do I get candle wax out of a table cloth " * 20] * 20
        return [self.search(f"typist-{number % 25}", query, "en") for number, query in enumerate(queries)]

    # ---- people
    def _shopper(self, number: int) -> Shopper:
        interests = _INTERESTS[number % len(_INTERESTS)]
        goods = tuple(good for group in interests for good in ORDINARY if good.group == group)
        chinese = interests[0].startswith("zh")
        locale = self._random.choice(("zh", "zh-CN") if chinese else ("en", "en-GB", None))
        return Shopper(f"{'customer' if not chinese else 'gu-ke'}-{number:03}", goods, locale)

    def _visit(self, shopper: Shopper, begin_ms: int) -> Iterator[_Line]:
        """Some goods are looked at; the last of them is perhaps bought, and what goes with it."""
        chance, time = self._random, begin_ms
        wanted = self._wanted(shopper)
        if wanted is None:
            return
        if chance.random() < 0.15:
            yield self._event(SEARCH.suffix, shopper.user_id, time, shopper.locale, query=wanted.categories[-1])
        alike = [good for good in shopper.goods if good.group == wanted.group and good is not wanted]
        for good in [*chance.sample(alike, chance.randrange(3)), wanted]:
            time += chance.randrange(20, 90) * _SECOND_MS
            yield self._click(shopper, good.item_id, time, "view")
        if chance.random() < 0.1:
            yield self._click(shopper, wanted.item_id, time + 5 * _SECOND_MS, chance.choice(("like", "favorite")))
        if chance.random() < 0.6:
            yield from self._order(shopper, wanted, time + 20 * _SECOND_MS)

    def _order(self, shopper: Shopper, good: Good, time_ms: int) -> Iterator[_Line]:
        """Cart and purchase, with what goes with the good for most; what lasts gets a good rating by some."""
        chance, order = self._random, [good]
        if (other := TOGETHER.get(good.item_id)) is not None and chance.random() < 0.8:
            order += [] if other in self._owned_by(shopper) else [_BY_ID[other]]
        number = f"order-{self._number}"
        for place, bought in enumerate(order):
            yield self._click(shopper, bought.item_id, time_ms + place * 30 * _SECOND_MS, "add_to_cart")
        for place, bought in enumerate(order):
            yield self._purchase(shopper, bought, time_ms + (2 + place) * _MINUTE_MS, order_id=number)
        if not good.again and chance.random() < 0.2:
            yield self._click(shopper, good.item_id, time_ms + 6 * _MINUTE_MS, "rate", value=chance.choice((4, 5)))

    def _wanted(self, shopper: Shopper) -> Good | None:
        """A good that the customer does not own; favourites are the first of a group, and what goes with another."""
        owned = self._owned_by(shopper)
        goods = [good for good in shopper.goods if good.item_id not in owned]
        if not goods:
            return None
        weights = [(3 if good.item_id in TOGETHER else 1) / (1 + n) ** 0.5 for n, good in enumerate(goods)]
        return self._random.choices(goods, weights)[0]

    def _bought_again_and_again(self, shopper: Shopper, good: Good, until_ms: int) -> Iterator[_Line]:
        days = self._random.uniform(0, good.again)
        while (time := self._opened_ms + int(days * DAY_MS)) < until_ms:
            if self._random.random() < 0.3:
                yield self._click(shopper, good.item_id, time - 40 * _SECOND_MS, "view")
            yield self._purchase(shopper, good, time)
            days += good.again * self._random.uniform(0.85, 1.15)

    def _owned_by(self, shopper: Shopper) -> set[str]:
        return self._owned.setdefault(shopper.user_id, set())

    # ---- the others
    def _bot(self) -> Iterator[_Line]:
        """A thousand clicks on one good, in the middle of the sixty days."""
        begin, step = self._opened_ms + 20 * DAY_MS, 20 * DAY_MS // BOT_CLICKS
        for number in range(BOT_CLICKS):
            item = CLICKED_BY_A_BOT.item_id
            yield self._event(CLICK.suffix, BOT, begin + number * step, "en", item_id=item, action="click")

    def _lowest_ratings(self) -> Iterator[_Line]:
        english = [shopper for shopper in self.shoppers if shopper.locale in ("en", "en-GB")]
        for shopper in self._random.sample(english, _DISLIKERS):
            time = self._opened_ms + self._random.randrange((DAYS - 1) * DAY_MS)
            value = self._random.choice((0, 1))
            yield self._click(shopper, DISLIKED_BY_ALL.item_id, time, "rate", value=value)

    def _strays(self) -> Iterator[_Line]:
        """Goods without a title, and those that are gone today, while they were there."""
        for item in (PLACEHOLDER.item_id, WITHOUT_ROW, WITHDRAWN.item_id, DELETED.item_id):
            for shopper in self._random.sample(self.shoppers, _STRAYS):
                time = self._opened_ms + self._random.randrange((DAYS - 2) * DAY_MS)
                yield self._click(shopper, item, time, "view")
                if self._random.random() < 0.3:
                    yield self._event(
                        PURCHASE.suffix, shopper.user_id, time + _MINUTE_MS, shopper.locale, item_id=item, quantity=1
                    )

    # ---- lines
    def _click(self, shopper: Shopper, item: str, time_ms: int, action: str, **more: Any) -> _Line:
        return self._event(CLICK.suffix, shopper.user_id, time_ms, shopper.locale, item_id=item, action=action, **more)

    def _purchase(self, shopper: Shopper, good: Good, time_ms: int, **more: Any) -> _Line:
        if not good.again:
            self._owned_by(shopper).add(good.item_id)
        return self._event(
            PURCHASE.suffix, shopper.user_id, time_ms, shopper.locale, item_id=good.item_id, quantity=1, **more
        )

    def _event(self, topic: str, user_id: str, time_ms: int, locale: str | None, **more: Any) -> _Line:
        self._number += 1
        value = {"event_id": f"shop-{self._number}", "user_id": user_id, "occurred_at": time_ms, **more}
        if locale is not None:
            value["locale"] = locale
        return _Line(time_ms, {"topic": topic, "value": value})


def _in_order(lines: list[_Line]) -> list[ReplayLine]:
    """By time; what happens at the same moment stays as it was made."""
    return [line for _, line in sorted(lines, key=lambda line: line.time_ms)]
