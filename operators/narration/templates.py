"""Hand-written sentences of last resort: true of every item of their reason, and plain about it."""

from __future__ import annotations

from functools import cache

from operators.narration.sentence import Sentence
from operators.narration.shipped import template_texts
from schemas.recommendation import ReasonKind


@cache
def templates(kind: ReasonKind, language: str, slots: frozenset[str]) -> tuple[Sentence, ...]:
    """Sentences of this reason that use all of ``slots`` (item B, anchor A, query Q) and no other; never empty.

    Slots that the reason has no sentence for are left out, the anchor and the query first, then the title.

    >>> templates(ReasonKind.TRENDING, "en", frozenset("AB"))[0].fill({"B": "Heat"})
    'Heat is popular right now.'
    """
    sentences = [Sentence.of(text) for text in template_texts(language)[kind]]
    for wanted in (slots, slots & {"B"}, frozenset[str]()):
        fitting = tuple(sentence for sentence in sentences if sentence.slots == wanted)
        if fitting:
            return fitting
    raise AssertionError(f"no template without slots for {kind} in {language}")
