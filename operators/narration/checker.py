"""The checker: whether a sentence says anything that its facts do not, or reads as broken.

It guards what a model wrote just now and what a person has reviewed alike. Rules are small named functions over the
sentence with its titles masked, so that no title can break one: ``Se7en`` is no number, ``Star Wars`` no claim.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from operators.narration.check_rules import CheckRule
from operators.narration.graphemes import cut
from operators.narration.languages.language import Language
from operators.narration.marks import NAMES
from operators.narration.masking import Masked, mask
from operators.narration.names import Names
from operators.narration.plain_text import is_visible
from operators.narration.rule_context import RuleContext
from operators.narration.titles import prose_title
from operators.narration.vocabulary import canonical_categories
from schemas.domains import Domain
from schemas.facts import ANCHORED, Facts
from schemas.recommendation import ReasonKind

_MARKS = re.compile(f"[{NAMES}]")
MAX_CHECKED = 500
"""Code points that are judged: a sentence that may be shown is shorter, and time must not grow with a text."""

KnownTitles = Callable[[str], bool]
"""Whether a phrase is the title of an item in the catalogue, as it stands or in prose form."""


def check(
    text: str, facts: Facts, known_titles: KnownTitles | None = None, names: Names | None = None
) -> tuple[CheckRule, ...]:
    """Rules that the sentence breaks, none where it may be shown. Never raises.

    ``names`` saves finding them again where the caller has them. Masked sentences are remembered, so a frame costs
    little more than finding its titles.

    >>> facts = Facts(kind=ReasonKind.TRENDING, title="Se7en (1995)", categories=("Crime",), domain=Domain.FILM)
    >>> check("Se7en is trending right now, a dark crime film.", facts)
    ()
    >>> [rule.value for rule in check("Se7en, the best comedy, is trending right now.", facts)]
    ['claim', 'wrong_genre', 'unknown_word']
    """
    names = names or Names.of(facts)
    judged = text if len(text) <= MAX_CHECKED else cut(text, MAX_CHECKED)
    masked = mask(judged, names)
    context = (facts.kind, canonical_categories(facts.categories, facts.domain), facts.domain, facts.liked)
    found = list(_judged(masked.text, *context, names.language))
    if not is_visible(_MARKS.sub("", masked.text)):
        found.append(CheckRule.INVISIBLE_CHARACTER)
    found += _misnamed(masked, names, facts)
    if judged is not text or names.language.length(text) > names.language.max_length:
        found.append(CheckRule.TOO_LONG)
    if known_titles is not None and any(known_titles(phrase) for phrase in names.language.phrases(masked.text)):
        found.append(CheckRule.OTHER_TITLE)
    return tuple(found)


@lru_cache(maxsize=16_384)
def _judged(
    masked: str, kind: ReasonKind, categories: tuple[str, ...], domain: Domain, liked: bool, language: Language
) -> tuple[CheckRule, ...]:
    """Rules broken by the sentence around the names."""
    context = RuleContext(kind, frozenset(categories), domain, liked)
    return tuple(rule for rule, broken in language.rules if broken(masked, context))


def _misnamed(masked: Masked, names: Names, facts: Facts) -> list[CheckRule]:
    """Titles, anchor and query that are missing, altered or there twice."""
    found: list[CheckRule] = []
    if names.item and masked.items != 1:
        if masked.items == 0:
            altered = _letters(names.item) in _letters(masked.text) and _letters(names.item) != ""
            found.append(CheckRule.ALTERED_TITLE if altered else CheckRule.MISSING_TITLE)
        elif _same_as_anchor(facts):
            found.append(CheckRule.SAME_AS_ANCHOR)
        else:
            found.append(CheckRule.DUPLICATED_TITLE)
    for name, count in ((names.anchor, masked.anchors), (names.query, masked.queries)):
        if name and count == 0:
            found.append(CheckRule.MISSING_ANCHOR)
        elif name and count > 1:
            found.append(CheckRule.DUPLICATED_TITLE)
    return found


def _same_as_anchor(facts: Facts) -> bool:
    if not (facts.title and facts.anchor_title) or facts.kind not in ANCHORED:
        return False
    return prose_title(facts.title).casefold() == prose_title(facts.anchor_title).casefold()


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
