"""Hand-written sentences of last resort: true of every item of their reason, and plain about it."""

from __future__ import annotations

from functools import cache

from operators.narration.languages.language import Language
from operators.narration.sentence import Sentence
from operators.narration.shipped import template_texts
from schemas.domains import Domain
from schemas.recommendation import ReasonKind


@cache
def templates(
    kind: ReasonKind, language: Language, domain: Domain, slots: frozenset[str], liked: bool
) -> tuple[Sentence, ...]:
    """Sentences of this reason that use all of ``slots`` (item B, anchor A, query Q) and no other; never empty.

    Slots that the reason has no sentence for are left out, the anchor and the query first, then the title. A domain's
    own sentences take the place of the general ones with the same slots. Those that say that the user liked something
    are for ``liked`` only.

    >>> from operators.narration.languages.english import ENGLISH
    >>> templates(ReasonKind.TRENDING, ENGLISH, Domain.GENERAL, frozenset("AB"), False)[0].fill({"B": "Heat"})
    'Heat is popular right now.'
    """
    texts = template_texts(language.code)
    for wanted in (slots, slots & {"B"}, frozenset[str]()):
        for owner in (domain, Domain.GENERAL):
            fitting = tuple(
                sentence
                for text in texts.get((owner, kind), ())
                if (sentence := Sentence.of(text)).slots == wanted and (liked or not language.claims_liking(text))
            )
            if fitting:
                return fitting
    raise AssertionError(f"no template without slots for {kind} in {language.code}")
