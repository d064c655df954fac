"""The household shop's judge: it passes what is true, and finds each kind of what is not."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.demo.customers import BOT, BOT_CLICKS, DAYS, Customers
from headwater.demo.goods import NEVER_TOGETHER, ORDINARY, SPECIAL, TOGETHER, opening_rows
from headwater.demo.shop_searches import SEARCHES
from headwater.demo.verdict import Verdict
from schemas.durations import DAY_MS
from streams.topology import CATALOG_ITEMS, CLICK, PURCHASE, SEARCH

NOW = 1_790_000_000_000
ROWS = {
    "rake": ("Leaf Rake", ["All", "Garden"]),
    "spade": ("Spade", ["All", "Garden"]),
    "soap": ("Hand Soap", ["All", "Bathroom"]),
    "sponge": ("Bath Sponge", ["All", "Bathroom"]),
    "night": ("Night Light", ["All", "Lighting"]),
}


class Story:
    """A small shop whose events are ten seconds apart, and a verdict that hears them."""

    def __init__(self) -> None:
        self.verdict, self.number = Verdict(), 0
        for item, (title, categories) in ROWS.items():
            self.catalogue(item, {"item_id": item, "title": title, "categories": categories})

    def catalogue(self, item: str, value: dict[str, Any] | None) -> None:
        self.verdict.sent({"topic": CATALOG_ITEMS.suffix, "key": item, "value": value}, 10.0 * self.number)

    def event(self, topic: str, user: str, days_ago: float = 0.0, **more: Any) -> str:
        self.number += 1
        time = NOW + 10_000 * self.number - int(days_ago * DAY_MS)
        value = {"event_id": f"e{self.number}", "user_id": user, "occurred_at": time, "locale": "en", **more}
        self.verdict.sent({"topic": topic, "value": value}, 10.0 * self.number)
        return f"e{self.number}"

    def view(self, user: str, item: str, **more: Any) -> str:
        return self.event(CLICK.suffix, user, item_id=item, **{"action": "view"} | more)

    def buy(self, user: str, item: str, **more: Any) -> str:
        return self.event(PURCHASE.suffix, user, item_id=item, quantity=1, **more)

    def search(self, user: str, query: str) -> str:
        return self.event(SEARCH.suffix, user, query=query)

    def answer(self, event_id: str, *items: dict[str, Any], text: str = "Here is something for you.") -> Verdict:
        user = self.verdict.ledger.events[event_id].user_id
        record = {
            "recommendation_id": event_id,
            "user_id": user,
            "source": "personal",
            "trigger": {"event_id": event_id},
            "text": text,
            "items": [{"rank": rank, **item} for rank, item in enumerate(items, 1)],
        }
        self.verdict.read(record)
        return self.verdict


def place(item: str, kind: str, anchor: str | None = None, title: str | None = "", **more: Any) -> dict[str, Any]:
    reason = {"kind": kind, **more} | ({} if anchor is None else {"anchor_item_id": anchor})
    return {"item_id": item, "title": ROWS[item][0] if title == "" else title, "reason": reason}


@pytest.fixture
def story() -> Story:
    """Ben and Cleo bought rake and spade, and went from soap to sponge; many looked at the soap."""
    story = Story()
    for user in ("ben", "cleo"):
        for item in ("rake", "spade"):
            story.buy(user, item, days_ago=5)
        for item in ("soap", "sponge"):
            story.view(user, item, days_ago=4)
    for user in ("dora", "emil", "finn"):
        story.view(user, "soap")
    return story


TRUE = {
    "bought_together": place("spade", "bought_together", "rake", support=2),
    "co_watched": place("sponge", "co_watched", "soap", support=2),
    "next_in_sequence": place("sponge", "next_in_sequence", "soap", support=2),
    "same_genre": place("sponge", "same_genre", "soap"),
    "trending": place("sponge", "trending", support=2),
    "taste": place("sponge", "taste"),
    "new": place("night", "new"),
    "fill": place("sponge", "fill"),
}


@pytest.mark.parametrize("kind", TRUE)
def test_what_is_true_passes(story: Story, kind: str) -> None:
    story.buy("anna", "rake", days_ago=3)
    assert story.answer(story.view("anna", "soap"), TRUE[kind]).claims.lines() == []


FALSE = {
    "nobody bought both": place("sponge", "bought_together", "rake"),
    "fewer than said bought both": place("spade", "bought_together", "rake", support=3),
    "looked at is not bought": place("sponge", "bought_together", "soap"),
    "nobody had both": place("night", "co_watched", "soap"),
    "the anchor is a stranger's": place("spade", "co_watched", "sponge", support=2),
    "nobody went on": place("spade", "next_in_sequence", "soap"),
    "not the last thing": place("spade", "next_in_sequence", "rake"),
    "not popular": place("night", "trending"),
    "only everybody's category": place("night", "same_genre", "soap"),
    "nobody comes back": place("soap", "repeat"),
    "never had": place("spade", "repeat"),
    "not searched for": place("spade", "search_match", query="spade"),
    "not new": place("soap", "new"),
    "no such reason": place("soap", "because"),
}


@pytest.mark.parametrize("kind", FALSE)
def test_what_is_false_is_found(story: Story, kind: str) -> None:
    story.buy("anna", "rake", days_ago=3)
    assert story.answer(story.view("anna", "soap"), FALSE[kind]).claims.found == 1


def test_what_people_come_back_to_may_be_said_to_be(story: Story) -> None:
    for user in ("ben", "gert"):
        story.buy(user, "soap", days_ago=20)
        story.buy(user, "soap", days_ago=8)
    story.buy("anna", "soap", days_ago=12)
    event = story.view("anna", "spade")
    assert story.answer(event, place("soap", "repeat", support=2)).claims.lines() == []
    assert story.answer(event, place("soap", "repeat", support=3)).claims.found == 1


def test_what_one_came_back_to_oneself_may_be_said_to_be(story: Story) -> None:
    for item in ("night", "spade", "night"):
        story.view("anna", item)
    event = story.view("anna", "soap")
    assert story.answer(event, place("night", "repeat", support=1)).claims.lines() == []
    assert story.answer(event, place("spade", "repeat")).claims.found == 1


def test_an_anchor_of_the_lowest_rating_is_found(story: Story) -> None:
    event = story.view("anna", "soap", action="rate", value=0)
    assert story.answer(event, place("sponge", "co_watched", "soap")).claims.found == 1


@pytest.mark.parametrize(("query", "found"), [("spades", 0), ("spate", 0), ("garden", 0), ("kayak", 1)])
def test_a_search_match_has_a_word_of_the_query(story: Story, query: str, found: int) -> None:
    event = story.search("anna", query)
    assert story.answer(event, place("spade", "search_match", query=query)).claims.found == found


def test_senseless_items_are_found(story: Story) -> None:
    story.buy("anna", "rake", days_ago=0.1)
    story.view("anna", "night", action="rate", value=1)
    story.catalogue("sponge", None)
    items = [place(item, "fill") for item in ("rake", "night", "sponge", "soap", "spade", "spade")]
    story.event(SEARCH.suffix, "gert", query="time passes")
    verdict = story.answer(story.view("anna", "soap"), *items)
    assert verdict.items.counts == {"just bought": 1, "disliked": 1, "not sold": 1, "looked at": 1, "twice": 1}


def test_what_was_just_bought_is_counted_at_purchases(story: Story) -> None:
    story.answer(story.buy("anna", "rake"), place("rake", "fill"))
    verdict = story.answer(story.buy("anna", "soap"), place("spade", "fill"))
    assert (verdict.just_bought_at_purchase, verdict.purchases_answered) == (1, 2)


GOOD = ("You may like “Bath Sponge”.", "After “Hand Soap”, many people go on to “Bath Sponge”.")
WRONG = {
    "words of films": "Viewers of “Hand Soap” went on to “Bath Sponge”.",
    "marks of books": "《Bath Sponge》 goes well with it.",
    "open quotation": "“Bath Sponge goes well with it.",
    "liking without a like": "People who liked “Hand Soap” take “Bath Sponge”.",
    "a purchase that was none": "“Bath Sponge” goes well with what you bought.",
    "placeholder": "“(not set)” goes well with it.",
    "address": "“Bath Sponge” is at sponges.example.",
    "other language": "“Bath Sponge”也不错。",
    "no sentence": "",
}


@pytest.mark.parametrize("text", GOOD)
def test_good_words_pass(story: Story, text: str) -> None:
    event = story.view("anna", "soap")
    assert story.answer(event, place("sponge", "next_in_sequence", "soap"), text=text).words.lines() == []


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_words_are_found(story: Story, kind: str) -> None:
    event = story.view("anna", "soap")
    verdict = story.answer(event, place("sponge", "next_in_sequence", "soap"), text=WRONG[kind])
    assert verdict.words.counts == {kind: 1}


def test_liking_after_a_purchase_and_words_of_films_in_a_title_pass(story: Story) -> None:
    event = story.buy("anna", "soap")
    text = "People who liked “Hand Soap” often like “Bath Sponge”."
    assert story.answer(event, place("sponge", "next_in_sequence", "soap"), text=text).words.lines() == []
    story.catalogue("night", {"item_id": "night", "title": "Movie Screen", "categories": ["All"]})
    text = "“Movie Screen” is new here."
    assert story.answer(event, place("night", "new", title="Movie Screen"), text=text).words.lines() == []


def test_the_same_sentence_twice_running_and_titles_that_are_none_are_found(story: Story) -> None:
    story.answer(story.view("anna", "soap"), place("spade", "fill"))
    verdict = story.answer(story.view("anna", "night"), place("spade", "fill", title="null"))
    assert verdict.words.counts == {"same sentence again": 1, "title that is none": 1}


def test_a_search_counts_when_it_has_first_what_was_meant(story: Story) -> None:
    for query, first in (("spade", "spade"), ("rake", "soap")):
        event = story.search("anna", query)
        story.verdict.expect(event, query)
        story.answer(event, place(first, "fill"), place("rake", "fill"))
    assert (story.verdict.searches_first, story.verdict.searches) == (1, 2)
    assert story.verdict.missed == ["rake: soap comes first, rake on place 2"]


def test_a_search_that_matches_nothing_may_not_claim_to(story: Story) -> None:
    for kind in ("fill", "search_match"):
        event = story.search("anna", "kayak")
        story.verdict.expect(event, None)
        story.answer(event, place("spade", kind, query="kayak"))
    assert (story.verdict.unclaimed, story.verdict.unmatched) == (1, 2)
    assert story.verdict.first_for_strangers == ["spade", "spade"]


# ---- the customers
def test_customers_do_the_same_in_every_run() -> None:
    runs = [Customers(now) for now in (NOW, NOW + DAY_MS)]
    first, second = ([*run.history(), *run.today()] for run in runs)
    for line in second:
        line["value"]["occurred_at"] -= DAY_MS
    assert first == second and 5_300 <= len(first) <= 5_900


def test_customers_do_what_the_shop_is_about() -> None:
    customers = Customers(NOW)
    lines = [*customers.history(), *customers.today()]
    verdict = Verdict()
    for number, line in enumerate([*opening_rows(), *lines]):
        verdict.sent(line, number)
    ledger = verdict.ledger
    assert all(NOW - DAYS * DAY_MS <= event.time_ms <= NOW for event in ledger.events.values())
    assert [len(clicks) for clicks in ledger.people[BOT].touches.values()] == [BOT_CLICKS]
    for one, other in TOGETHER.items():
        assert len(ledger.bought_by[one] & ledger.bought_by[other]) >= 3, (one, other)
    for one, other in NEVER_TOGETHER:
        assert not ledger.bought_by[one] & ledger.bought_by[other]
    for good in ORDINARY:
        assert bool(ledger.bought_again_by[good.item_id]) == bool(good.again), good
    assert {search.item_id for search in SEARCHES} <= {good.item_id for good in (*ORDINARY, *SPECIAL)}
