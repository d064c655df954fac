"""Looks at the words of recommendations as a shop's owner would: is this how one speaks of goods, and is it so?

It knows titles and queries, and takes them out of a sentence before it looks at the rest: a good may be called "Night
Light" or "Movie Poster Frame".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from headwater.demo.claims import Finding
from headwater.demo.ledger import Ledger, Person

_OF_FILMS = re.compile(
    r"\b(?:films?|movies?|watch(?:ed|ing|es)?|viewers?|audiences?|cinema|screens?|seats?|thrillers?|thrilling|"
    r"comed(?:y|ies)|dramas?|suspense|genres?|plots?)\b|"
    r"电影|影片|片子|动画片|恐怖片|惊悚片|爱情片|喜剧|剧情|悬疑|观看|看过|看完|爱看|观众|影迷|主演|导演|一部",
    re.IGNORECASE,
)
_LIKING = re.compile(r"\b(?:liked|loved|enjoyed|enjoying|fans?|favou?rites?)\b|喜欢|喜爱|喜好|爱好|爱用", re.IGNORECASE)
_POLITE = re.compile(r"(?:可能|也许|或许|大概)(?:会|也会|也)?(?:喜欢|喜爱)")
"""Chinese for "you may like", which claims nothing of what one liked."""
_BOUGHT = re.compile(r"\byou(?:'ve|’ve| have)? bought\b|你(?:购买|买)|您(?:购买|买)", re.IGNORECASE)
_PLACEHOLDERS = re.compile(r"\(not set\)|\b(?:undefined|null|none|nan|n/a)\b", re.IGNORECASE)
_ADDRESS = re.compile(r"\b[\w-]+\.(?:example|com|net|org)\b", re.IGNORECASE)
_PAIRS = ("“”", "「」", "『』", "《》", "()", "（）", "\u2068\u2069")
_MARKS = re.compile("[\"'“”‘’「」『』《》«»‹›\u2066-\u2069\u200e\u200f]")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]{2,}")


class Wording:
    """Checks records in the order in which they come."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._last: dict[str, str] = {}

    def wrong_words(self, record: dict[str, Any]) -> Iterator[Finding]:
        """What is wrong with the sentence and the titles of a record."""
        for kind, sentence in self._problems(record):
            yield Finding(kind, record["recommendation_id"], sentence)

    def _problems(self, record: dict[str, Any]) -> Iterator[tuple[str, str]]:
        yield from self._titles(record)
        if not record["items"]:
            return
        text, user = record["text"], record["user_id"]
        if not text:
            yield "no sentence", record["items"][0]["item_id"]
            return
        if self._last.get(user) == text:
            yield "same sentence again", text
        self._last[user] = text
        yield from _marks(text)
        event = self._ledger.events[record["trigger"]["event_id"]]
        rest = self._without_names(text, event.query, record["items"][0])
        if (found := _OF_FILMS.search(rest)) is not None:
            yield "words of films", f"{found[0]}: {text}"
        if _PLACEHOLDERS.search(rest) or _PLACEHOLDERS.search(text):
            yield "placeholder", text
        if _ADDRESS.search(text):
            yield "address", text
        yield from self._history(record["items"][0], self._ledger.people[user], rest, text)
        yield from _language(event.locale, rest, text)

    def _titles(self, record: dict[str, Any]) -> Iterator[tuple[str, str]]:
        for item in record["items"]:
            title, row = item.get("title"), self._ledger.rows.get(item["item_id"])
            if title is not None and (row is None or _PLACEHOLDERS.search(title) or not title.strip()):
                yield "title that is none", f"{item['item_id']}: {title!r}"
            elif title is None and row is not None and not _PLACEHOLDERS.search(row["title"]):
                yield "title missing", item["item_id"]

    def _history(self, first: dict[str, Any], person: Person, rest: str, text: str) -> Iterator[tuple[str, str]]:
        """What is said of the person: that a good was liked, or bought."""
        anchor = first["reason"].get("anchor_item_id")
        known = {anchor} if anchor is not None else set(person.touches)
        if (found := _LIKING.search(_POLITE.sub("", rest))) and not any(map(person.likes, known)):
            yield "liking without a like", f"{found[0]}, of {anchor}: {text}"
        if _BOUGHT.search(rest) and not any(map(person.purchases, known)):
            yield "a purchase that was none", f"{anchor}: {text}"

    def _without_names(self, text: str, query: str | None, first: dict[str, Any]) -> str:
        """The sentence without the marks and without the names that it may have in it."""
        anchor = first["reason"].get("anchor_item_id")
        rows = (self._ledger.rows.get(item) for item in (first["item_id"], anchor))
        names = [row["title"] for row in rows if row is not None] + [query or "", first["reason"].get("query") or ""]
        rest = _MARKS.sub("", text)
        for name in sorted((_MARKS.sub("", name) for name in names), key=len, reverse=True):
            rest = rest.replace(name, " ") if name.strip() else rest
        return rest


def _marks(text: str) -> Iterator[tuple[str, str]]:
    if "《" in text or "》" in text:
        yield "marks of books", text
    if text.count('"') % 2 or any(not _is_balanced(text, pair) for pair in _PAIRS):
        yield "open quotation", text


def _is_balanced(text: str, pair: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == pair[0]) - (character == pair[1])
        if depth < 0:
            return False
    return depth == 0


def _language(locale: str | None, rest: str, text: str) -> Iterator[tuple[str, str]]:
    if locale is not None and locale.startswith("zh") and not _HAN.search(rest):
        yield "other language", text
    if locale is not None and locale.startswith("en") and (_HAN.search(rest) or not _LATIN.search(rest)):
        yield "other language", text
