"""English words that a sentence may use: those of reviewed frames and templates, of the vocabulary, and a list by hand."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from operators.narration.frames import shipped_rows
from operators.narration.templates import english_templates
from operators.narration.vocabulary import categories, film_nouns

_WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+|-[A-Za-z]+)*")


@cache
def english_words() -> frozenset[str]:
    """Every permitted word, in lower case."""
    texts = [row.text for row in shipped_rows() if row.locale == "en" and row.reviewed]
    texts += english_templates()
    for category in categories().values():
        texts += [category.noun, category.article, *category.en, *category.moods, *category.tails]
    texts += film_nouns()
    listed = resources.files(__package__) / "data" / "words-en.txt"
    texts += [line for line in listed.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    without_slots = (re.sub(r"\{[ABQ]\}", " ", text) for text in texts)
    return frozenset(word for text in without_slots for word in _WORD.findall(text.lower()))
