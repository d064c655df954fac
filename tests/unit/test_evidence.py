"""What is shown stands on people: reasons, what one has just done, and what others see of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import combinations

import pytest

from operators.ranking.ranker import RankedList, Ranker
from operators.state.parameters import Parameters
from operators.state.user_state import likes
from schemas.durations import DAY_MS
from schemas.recommendation import ReasonKind, Source
from schemas.records import Action, CatalogItem, Click, Event, Purchase, Search
from tests.learning_support import START, Run, random_events

SHOP = Parameters(factors=8)
MINUTE = 60_000


class Shop(Run):
    """Users who act one after the other, a second apart."""

    def __init__(self, *items: str, parameters: Parameters = SHOP, category: str = "") -> None:
        super().__init__(parameters)
        self.now = START
        for item in items:
            self.index.set_catalog(CatalogItem(item, item.title(), categories=(category,) if category else ()))

    def view(self, user: str, item: str, action: Action = Action.VIEW, value: float | None = None) -> None:
        self._learn(Click(f"e{self.offset}", user, item, self.now, action=action, value=value))

    def cart(self, user: str, item: str) -> None:
        self.view(user, item, Action.ADD_TO_CART)

    def buy(self, user: str, item: str) -> None:
        self._learn(Purchase(f"e{self.offset}", user, item, self.now))

    def _learn(self, event: Event) -> None:
        self.now += 1000
        self.learn(event)

    def wait(self, days: float) -> None:
        self.now += int(days * DAY_MS)

    def answer(self, user: str, query: str | None = None) -> RankedList:
        return Ranker(self.parameters, self.index).rank(self.user(user), now_ms=self.now, query=query)

    def listed(self, user: str, query: str | None = None) -> list[str]:
        return [self.index.ids[item] for item in self.answer(user, query).items.tolist()]

    def reason_of(self, user: str, item: str) -> tuple[str, str | None, int] | None:
        ranked = self.answer(user)
        for number, reason in zip(ranked.items.tolist(), ranked.reasons, strict=True):
            if self.index.ids[number] == item:
                return reason.kind.value, reason.anchor_item_id, reason.support
        return None


def televisions() -> Shop:
    return Shop(*[f"tv{n}" for n in range(30)], category="electronics")


# ---- what one has just done
def test_looking_carting_and_buying_is_one_purchase_and_not_a_habit() -> None:
    shop = televisions()
    for n in range(30):
        user, item = f"u{n}", f"tv{n % 10}"
        shop.view(user, item)
        assert item not in shop.listed(user)
        shop.cart(user, item)
        shop.buy(user, item)
        assert item not in shop.listed(user)
        shop.view(user, f"tv{10 + n % 10}")
        assert {item, f"tv{10 + n % 10}"}.isdisjoint(shop.listed(user))
        assert all(reason.kind is not ReasonKind.REPEAT for reason in shop.answer(user).reasons)
    assert not shop.index.repeats.any() and not shop.index.rebuyers.any()


def test_what_is_looked_at_is_not_offered_to_its_reader_however_many_came_back_to_it() -> None:
    shop = televisions()
    for n in range(10):
        for item in ("tv0", "tv1", "tv0"):
            shop.view(f"u{n}", item)
    shop.view("new", "tv0")
    assert "tv0" not in shop.listed("new")
    shop.view("new", "tv5")
    assert shop.reason_of("new", "tv0") == ("repeat", None, 10)


def test_what_several_events_at_once_are_about_is_offered_back_by_none_of_their_answers() -> None:
    shop = televisions()
    for n in range(10):
        for item in ("tv0", "tv1", "tv0", "tv1"):
            shop.view(f"u{n}", item)
    for item in ("tv0", "tv1", "tv5"):
        shop.view("me", item)
    assert {"tv0", "tv1"} <= set(shop.listed("me"))
    ranked = Ranker(shop.parameters, shop.index).rank(
        shop.user("me"), now_ms=shop.now, before_eyes={shop.row("tv0"), shop.row("tv5")}
    )
    listed = {shop.index.ids[item] for item in ranked.items.tolist()}
    assert "tv0" not in listed and "tv1" in listed


def test_what_is_in_the_cart_is_not_offered_for_a_day() -> None:
    shop = televisions()
    for n in range(10):
        for item in ("tv0", "tv1", "tv0"):
            shop.view(f"u{n}", item)
    shop.cart("me", "tv0")
    shop.view("me", "tv5")
    assert "tv0" not in shop.listed("me")
    shop.wait(1.5)
    assert "tv0" in shop.listed("me")


def bought_again(every_days: float, people: int = 6) -> Shop:
    """A shop whose customers buy soap again after some days, and televisions never."""
    shop = Shop("soap", "lamp", "tv", "tv2")
    shop.index.set_catalog(CatalogItem("brush", "Brush", categories=("bathroom",)))
    for item, category in (("soap", "consumables"), ("sponge", "consumables"), ("tv", "media"), ("tv2", "media")):
        shop.index.set_catalog(CatalogItem(item, item.title(), categories=(category,)))
    for _ in range(2):
        for n in range(people):
            shop.buy(f"u{n}", "soap")
        shop.wait(every_days)
    for n in range(people):
        shop.buy(f"u{n}", "tv")
    return shop


def test_what_people_buy_again_is_offered_again_when_it_is_due() -> None:
    shop = bought_again(every_days=30)
    shop.buy("me", "soap")
    shop.buy("me", "tv")
    shop.view("me", "lamp")
    assert {"soap", "tv"}.isdisjoint(shop.listed("me"))
    shop.wait(10)
    assert {"soap", "tv"}.isdisjoint(shop.listed("me")), "half of the usual time has not passed"
    shop.wait(10)
    assert "soap" in shop.listed("me") and "tv" not in shop.listed("me")
    assert shop.reason_of("me", "soap") == ("repeat", None, 6)


def test_an_item_that_few_bought_is_judged_by_its_category() -> None:
    shop = bought_again(every_days=30)
    shop.buy("me", "sponge")
    shop.buy("me", "tv2")
    shop.buy("me", "brush")
    shop.view("me", "lamp")
    assert {"sponge", "tv2", "brush"}.isdisjoint(shop.listed("me"))
    shop.wait(20)
    listed = shop.listed("me")
    assert "sponge" in listed and "tv2" not in listed and "brush" not in listed
    assert shop.reason_of("me", "sponge") != ("repeat", None, 0), "nothing says so of the sponge itself"


def test_who_buys_a_thing_again_alone_is_offered_it_and_nobody_else() -> None:
    shop = televisions()
    for _ in range(3):
        shop.buy("collector", "tv0")
        shop.wait(10)
    shop.view("collector", "tv5")
    assert shop.reason_of("collector", "tv0") == ("repeat", None, 1)
    shop.buy("me", "tv0")
    shop.wait(40)
    shop.view("me", "tv5")
    assert "tv0" not in shop.listed("me")


def test_a_shop_may_know_better() -> None:
    parameters = replace(SHOP, buy_again={"Electronics": 3 * DAY_MS})
    shop = Shop("tv0", "tv1", parameters=parameters, category="electronics")
    shop.buy("me", "tv0")
    shop.view("me", "tv1")
    shop.wait(2)
    assert "tv0" not in shop.listed("me")
    shop.wait(2)
    assert "tv0" in shop.listed("me")
    never = Shop("tv0", "tv1", parameters=replace(SHOP, buy_again={"electronics": None}), category="electronics")
    for _ in range(3):
        never.buy("collector", "tv0")
        never.wait(10)
    never.view("collector", "tv1")
    assert "tv0" not in never.listed("collector")


def test_purchases_in_quick_succession_are_one_occasion() -> None:
    shop = televisions()
    shop.buy("me", "tv0")
    shop.buy("me", "tv0")
    assert shop.user("me").bought[shop.row("tv0")].occasions == 1
    shop.now += 31 * MINUTE
    shop.buy("me", "tv0")
    assert shop.user("me").bought[shop.row("tv0")].occasions == 2


# ---- what others see
def honest(shop: Shop) -> None:
    """Nine people for each of twenty items, three items a person."""
    for n in range(60):
        for k in range(3):
            shop.view(f"h{n}", f"i{(3 * n + k) % 20}")


@pytest.mark.parametrize("items", [1, 3, 60], ids=["one item", "in turns", "more than a history holds"])
def test_a_thousand_clicks_of_one_visitor_move_nothing(items: int) -> None:
    shop = Shop(*[f"i{n}" for n in range(20)], *[f"junk{n}" for n in range(items)])
    honest(shop)
    for n in range(1_000):
        shop.view("bot", f"junk{n % items}")
    for query in ("qqqq", None):
        listed = shop.listed("new", query)
        assert not any(item.startswith("junk") for item in listed[:15])
    ranked = shop.answer("new")
    for item, reason in zip(ranked.items.tolist(), ranked.reasons, strict=True):
        junk = shop.index.ids[item].startswith("junk")
        assert reason.kind is (ReasonKind.FILL if junk else ReasonKind.TRENDING)
        assert junk or reason.support == 9
    shop.view("n2", "i1")
    assert "i1" not in shop.listed("n2")
    shop.view("n2", "i2")
    assert "i1" not in shop.listed("n2"), "the bot alone came back to things"
    for item in range(items):
        assert shop.index.interactions[shop.row(f"junk{item}")] == 1.0


def test_a_claim_about_people_needs_three_of_them() -> None:
    shop = Shop(*[f"i{n}" for n in range(9)])
    for n in range(1, 4):
        shop.view(f"u{n}", "i0")
        shop.view(f"u{n}", "i1")
        shop.view("me", "i0")
        kind = ("co_watched", "i0", 3) if n == 3 else ("taste", None, 0)
        assert shop.reason_of("me", "i1") == kind
    assert shop.reason_of("nobody", "i1") == ("trending", None, 3)
    assert shop.reason_of("nobody", "i5") == ("fill", None, 0)


def test_what_trended_long_ago_does_not_trend() -> None:
    shop = Shop(*[f"i{n}" for n in range(5)])
    for n in range(8):
        shop.view(f"u{n}", "i0")
    assert shop.reason_of("new", "i0") == ("trending", None, 8)
    shop.wait(14)
    assert shop.reason_of("new", "i0") == ("fill", None, 0)


def test_bought_together_needs_people_who_bought_both() -> None:
    shop = Shop("cup", "saucer", "plate", "lamp")
    for n in range(4):
        shop.view(f"u{n}", "cup")
        shop.buy(f"u{n}", "cup")
        shop.view(f"u{n}", "plate")
        shop.buy(f"u{n}", "saucer")
    shop.buy("me", "cup")
    assert shop.reason_of("me", "saucer") == ("bought_together", "cup", 4)
    reason = shop.reason_of("me", "plate")
    assert reason is not None and reason[0] != "bought_together"


def test_a_lowest_rating_makes_nothing_popular_and_nobody_liked_it() -> None:
    shop = Shop(parameters=replace(SHOP, min_support=3))
    for item, kind in (("A", "comedy"), ("B", "comedy"), ("X", "drama"), *((f"f{n}", "filler") for n in range(25))):
        shop.index.set_catalog(CatalogItem(item, f"Film {item}", categories=(kind,)))
    for n in range(25):
        shop.view(f"filler{n}", f"f{n}")
    for n in range(40):
        shop.view(f"a{n}", "A", Action.RATE, 5)
        shop.view(f"a{n}", "B", Action.RATE, 5)
    shop.view("z", "A", Action.RATE, 1)
    assert all(reason.anchor_item_id != "A" for reason in shop.answer("z").reasons)
    assert not likes(shop.user("z"), shop.row("A")) and likes(shop.user("a1"), shop.row("A"))
    for n in range(60):
        shop.view(f"r{n}", "X", Action.RATE, 1)
    ranked = shop.answer("n", "qqqq")
    assert "X" not in shop.listed("n", "qqqq")[:3] and ranked.source is Source.TRENDING
    reason = shop.reason_of("n", "X")
    assert reason is None or reason[0] == "fill"


def test_what_one_rated_low_does_not_come_back_and_is_not_named_again() -> None:
    """Not even if this user otherwise comes back to things, and looks at it once more."""
    shop = televisions()
    for item in ("tv1", "tv2", "tv1", "tv2", "tv1"):
        shop.view("me", item)
    shop.view("me", "tv3", Action.RATE, 1)
    shop.view("me", "tv3")
    shop.view("me", "tv4")
    assert "tv2" in shop.listed("me") and "tv3" not in shop.listed("me")
    assert all(reason.anchor_item_id != "tv3" for reason in shop.answer("me").reasons)


def test_nobody_goes_on_to_what_they_rate_low() -> None:
    shop = televisions()
    for n in range(5):
        shop.view(f"u{n}", "tv1")
        shop.view(f"u{n}", "tv2", Action.RATE, 0)
        shop.view(f"v{n}", "tv1")
        shop.view(f"v{n}", "tv3")
    after, index = shop.row("tv1"), shop.index
    people = dict(zip(index.successor_items[after].tolist(), index.successor_people[after].tolist(), strict=True))
    assert people[shop.row("tv3")] == 5 and people[shop.row("tv2")] == 0


def test_a_category_that_everybody_has_says_nothing() -> None:
    shop = Shop("a", "b", "c", category="goods")
    shop.view("me", "a")
    assert all(reason.kind is not ReasonKind.SAME_GENRE for reason in shop.answer("me").reasons)
    for n in range(4):
        shop.index.set_catalog(CatalogItem(f"other{n}", f"Other {n}", categories=("else",)))
    assert shop.reason_of("me", "b") == ("same_genre", "a", 0)


@pytest.mark.parametrize("seed", range(4))
def test_support_is_the_number_of_people_and_never_more(seed: int) -> None:
    """Against a plain count over the events; rows are wide enough for all items, then too narrow."""
    events = random_events(seed, 400, users=12, items=14)
    for width in (20, 4):
        run = Run(replace(SHOP, neighbours=width, successors=width, copurchases=width))
        run.learn(*events)
        had, bought = defaultdict(set), defaultdict(set)
        for event in events:
            if isinstance(event, Purchase):
                bought[event.item_id].add(event.user_id)
            if isinstance(event, Purchase) or (isinstance(event, Click) and event.action is not Action.DISLIKE):
                had[event.item_id].add(event.user_id)
        index = run.index
        for one, other in combinations(sorted(had), 2):
            for a, b in ((one, other), (other, one)):
                for items, people, who in (
                    (index.neighbour_items, index.neighbour_people, had),
                    (index.copurchase_items, index.copurchase_people, bought),
                ):
                    row = run.row(a)
                    counted = sum(people[row][items[row] == run.row(b)].tolist())
                    truth = len(who[a] & who[b])
                    assert counted == truth if width == 20 else counted <= truth


def test_support_of_a_search_and_of_what_was_searched_before() -> None:
    shop = Shop("green tea", "black tea", "lamp")
    shop.learn(Search("s", "me", "green", shop.now))
    ranked = shop.answer("me", "green")
    assert ranked.reasons[0].kind is ReasonKind.SEARCH_MATCH and ranked.reasons[0].support == 0


def test_new_is_said_of_what_came_lately_and_nobody_has_taken() -> None:
    shop = Shop(*[f"i{n}" for n in range(9)])
    for item in range(9):
        shop.index.cataloged_at[item] = shop.now - 90 * DAY_MS
    shop.index.cataloged_at[shop.row("i8")] = shop.now - 2 * DAY_MS
    assert shop.reason_of("nobody", "i8") == ("new", None, 0)
    assert shop.reason_of("nobody", "i7") == ("fill", None, 0)
    for n in range(3):
        shop.view(f"u{n}", "i8")
    assert shop.reason_of("nobody", "i8") == ("trending", None, 3)
    shop.index.cataloged_at[:9] = shop.now - 2 * DAY_MS
    assert shop.reason_of("nobody", "i7") == ("fill", None, 0), "a shop that opened two days ago has only new things"
