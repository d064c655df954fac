"""Holds the reasons of recommendations against what has happened: each is a claim, and each is proved or found false.

An independent check: it counts for itself, in a `Ledger`, what was sent until the record was read. What a person has
done is known exactly (nobody acts before the last answer has come); of what others have done in the last moments the
worker may know less, so that a claim of little evidence is held against what was known some seconds before.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from headwater.demo.ledger import Event, Ledger, Person
from schemas.durations import DAY_MS

SLACK = 3.0
"""Seconds after which a worker has heard of what others did and of what the catalogue says."""
LATELY_MS = 30 * DAY_MS
JUST_MS = DAY_MS
FEW = 3
"""People, at most, who have touched what is called new."""
EVERYBODYS = 0.5
"""Share of the goods that makes a category say nothing."""


class Finding(NamedTuple):
    """A claim that is not true: which, of which record, and why."""

    kind: str
    recommendation_id: str
    sentence: str


class _Place(NamedTuple):
    """One item of a record, with all that its reason is judged by."""

    ledger: Ledger
    person: Person
    event: Event
    item_id: str
    reason: dict[str, Any]

    @property
    def anchor(self) -> str:
        return str(self.reason.get("anchor_item_id"))

    @property
    def support(self) -> int:
        """People, at least, that the reason says to stand on."""
        return max(1, int(self.reason.get("support", 1)))

    def at_least(self, found: int, what: str) -> str | None:
        """What is wrong with a reason that ``found`` people prove."""
        return None if found >= self.support else f"{found} {what}, not {self.support}"


def false_claims(ledger: Ledger, record: dict[str, Any]) -> Iterator[Finding]:
    """What the record claims without truth; ``ledger`` has everything that was sent until it was read."""
    event = ledger.events[record["trigger"]["event_id"]]
    person = ledger.people[event.user_id]
    for item in record["items"]:
        place = _Place(ledger, person, event, item["item_id"], item["reason"])
        kind = place.reason["kind"]
        problem = CONDITIONS[kind](place) if kind in CONDITIONS else "nobody knows what this reason means"
        if problem is None and kind not in _WITHOUT_ANCHOR:
            problem = _anchor_problem(place)
        if problem is not None:
            anchor = f" because of {place.anchor}" if "anchor_item_id" in place.reason else ""
            yield Finding(kind, record["recommendation_id"], f"{place.item_id}{anchor}: {problem}")


def senseless_items(ledger: Ledger, record: dict[str, Any]) -> Iterator[Finding]:
    """Items that make no sense: what was just bought or is looked at, what is not sold, the same thing twice."""
    event = ledger.events[record["trigger"]["event_id"]]
    person = ledger.people[event.user_id]
    seen: set[str] = set()
    for item in record["items"]:
        item_id, asked = item["item_id"], item["reason"]["kind"] == "search_match"
        if (kind := _senseless(ledger, person, event, item_id, asked)) is not None:
            yield Finding(kind, record["recommendation_id"], item_id)
        if item_id in seen:
            yield Finding("twice", record["recommendation_id"], item_id)
        seen.add(item_id)


def _senseless(ledger: Ledger, person: Person, event: Event, item_id: str, asked: bool) -> str | None:
    if ledger.gone.get(item_id, event.at) < event.at - SLACK:
        return "not sold"
    if asked:
        return None
    if item_id in person.disliked:
        return "disliked"
    if item_id == event.item_id and not event.is_purchase:
        return "looked at"
    times = person.purchases(item_id)
    return "just bought" if times and event.time_ms - times[-1] < JUST_MS else None


# ---- the condition of each kind: None where the claim is true, else what is wrong
def _bought_together(place: _Place) -> str | None:
    both = place.ledger.bought_by[place.item_id] & place.ledger.bought_by[place.anchor]
    return place.at_least(len(both), "people bought both")


def _co_watched(place: _Place) -> str | None:
    both = place.ledger.had_by[place.item_id] & place.ledger.had_by[place.anchor]
    return place.at_least(len(both), "people had both")


def _next_in_sequence(place: _Place) -> str | None:
    if place.anchor not in place.person.last:
        return "that is not the last thing of this person"
    return place.at_least(
        len(place.ledger.followed_by[place.anchor, place.item_id]), "people went on from that to this"
    )


def _trending(place: _Place) -> str | None:
    since = place.event.time_ms - LATELY_MS
    people = sum(time >= since for time in place.ledger.lately[place.item_id].values())
    return place.at_least(people if people > 1 else 0, "people lately")


def _same_genre(place: _Place) -> str | None:
    ledger = place.ledger
    mine, other = (set(ledger.rows.get(item, _NO_ROW)["categories"]) for item in (place.item_id, place.anchor))
    common = mine & other
    if not common:
        return "no category in common"
    telling = [category for category in common if ledger.category_share(category) < EVERYBODYS]
    return None if telling else f"only {', '.join(sorted(common))} in common, as nearly all have"


def _repeat(place: _Place) -> str | None:
    if not place.person.has(place.item_id):
        return "this person never had it"
    back = place.ledger.came_back_to[place.item_id]
    return None if place.event.user_id in back else place.at_least(len(back), "people came back to it")


def _search_match(place: _Place) -> str | None:
    query = place.reason.get("query")
    if query is None or query not in (place.event.query, place.person.last_query):
        return f"this person did not search for {query}"
    row = place.ledger.rows.get(place.item_id, _NO_ROW)
    texts = [row["title"], *row["categories"]]
    return None if any(matches(query, text) for text in texts) else f"{query} is not in {' / '.join(texts)}"


def _taste(place: _Place) -> str | None:
    person = place.person
    known = person.touches or person.disliked or person.last_query
    return None if known else "nothing is known of this person"


def _new(place: _Place) -> str | None:
    before = place.event.at - SLACK
    people = sum(touch.at < before for touch in place.ledger.touched_by[place.item_id].values())
    return None if people <= FEW else f"{people} people touched it before"


def _fill(place: _Place) -> str | None:
    return None


CONDITIONS: dict[str, Callable[[_Place], str | None]] = {
    "bought_together": _bought_together,
    "co_watched": _co_watched,
    "next_in_sequence": _next_in_sequence,
    "trending": _trending,
    "same_genre": _same_genre,
    "repeat": _repeat,
    "search_match": _search_match,
    "taste": _taste,
    "new": _new,
    "fill": _fill,
}
_WITHOUT_ANCHOR = frozenset({"trending", "repeat", "search_match", "taste", "new", "fill"})
_NO_ROW: dict[str, Any] = {"title": "", "categories": ()}


def _anchor_problem(place: _Place) -> str | None:
    if place.anchor in place.person.disliked:
        return "this person gave that the lowest rating"
    return None if place.person.has(place.anchor) else "this person never had that"


# ---- searches
_WORD = re.compile(r"\w+")


def matches(query: str, text: str) -> bool:
    """Whether a word of the query is one of the text: with one wrong letter, an ending more or less, joined or split.

    Of scripts without spaces, any two letters running are a word.

    >>> [matches(query, "Wild Bird Feeder") for query in ("feeders", "birdfeeder", "fedder", "hammer")]
    [True, True, True, False]
    >>> matches("猫砂", "豆腐猫砂 6 升")
    True
    """
    asked, there = _folded(query), _folded(text)
    words = _WORD.findall(asked)
    have = _WORD.findall(there)
    joined = "".join(have)
    if any(len(word) >= (5 if word.isascii() else 2) and word in joined for word in ("".join(words), *words)):
        return True
    if any(a + b in joined for word in words for a, b in pairwise(word) if not (a + b).isascii()):
        return True
    pairs = [a + b for a, b in pairwise(have)]
    return any(_alike(word, other) for word in words for other in (*have, *pairs))


def _folded(text: str) -> str:
    """Small letters, those of Latin without their marks."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in plain if not "\u0300" <= c <= "\u036f")


def _alike(one: str, other: str) -> bool:
    if one == other:
        return True
    if min(len(one), len(other)) >= 3 and (one.startswith(other) or other.startswith(one)):
        return abs(len(one) - len(other)) <= 3
    return min(len(one), len(other)) >= 4 and _one_edit(one, other)


def _one_edit(one: str, other: str) -> bool:
    """Whether a letter more, less, wrong or swapped with its neighbour makes the one of the other."""
    if len(one) > len(other):
        one, other = other, one
    start = next((n for n, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))
    rest, others = one[start:], other[start:]
    if len(rest) < len(others):
        return rest == others[1:]
    return rest[1:] == others[1:] or (rest[:2] == others[1::-1] and rest[2:] == others[2:])
