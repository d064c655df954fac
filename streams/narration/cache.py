"""Sentences that the live model wrote and the checker accepted, kept for the next reader of the same recommendation."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from operators.narration.facts import Facts, Text, language_of
from operators.narration.prompt import PROMPT_VERSION


class CacheKey(NamedTuple):
    """What a sentence depends on. Titles are in it, so a renamed item gets a new sentence."""

    model: str
    prompt_version: str
    language: str
    kind: str
    anchor: str
    item: str
    title: str
    categories: tuple[str, ...]

    @classmethod
    def of(cls, model: str, facts: Facts) -> CacheKey:
        """The key of a sentence by this model about these facts, for any user."""
        return cls(
            model,
            PROMPT_VERSION,
            language_of(facts.locale),
            facts.kind,
            facts.query or facts.anchor_title or "",
            facts.item_key,
            facts.title or "",
            facts.categories,
        )


class TextCache:
    """The ``capacity`` sentences used last."""

    def __init__(self, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._texts: OrderedDict[CacheKey, Text] = OrderedDict()

    def __len__(self) -> int:
        return len(self._texts)

    def get(self, key: CacheKey) -> Text | None:
        """The sentence, now the most recently used one."""
        text = self._texts.get(key)
        if text is not None:
            self._texts.move_to_end(key)
        return text

    def put(self, key: CacheKey, text: Text) -> None:
        """Keep the sentence; the one unused for longest goes where there are too many."""
        self._texts[key] = text
        self._texts.move_to_end(key)
        if len(self._texts) > self._capacity:
            self._texts.popitem(last=False)

    def discard(self, key: CacheKey) -> None:
        """Forget the sentence."""
        self._texts.pop(key, None)
