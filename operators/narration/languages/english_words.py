"""English words that a sentence may use: of reviewed frames, templates, the vocabulary, and a list by hand."""

from __future__ import annotations

import re
from functools import cache

from operators.narration.shipped import frame_rows, listed_words, template_texts
from operators.narration.vocabulary import vocabulary
from schemas.domains import Domain

_WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+|-[A-Za-z]+)*")
_SLOT = re.compile(r"\{[ABQ]\}")


@cache
def english_words() -> frozenset[str]:
    """Every permitted word, in lower case.

    >>> "gripping" in english_words(), "gruesome" in english_words()
    (True, False)
    """
    texts = [row.text for row in frame_rows("en") if row.reviewed]
    texts += [text for sentences in template_texts("en").values() for text in sentences]
    for domain in map(vocabulary, Domain):
        texts += domain.nouns.get("en", ())
        for category in domain.categories.values():
            texts += [category.noun, category.article, *category.words["en"], *category.moods, *category.tails]
    texts += listed_words("en")
    return frozenset(word for text in texts for word in _WORD.findall(_SLOT.sub(" ", text).lower()))
