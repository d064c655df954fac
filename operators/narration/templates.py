"""Hand-written sentences of last resort: true of every item of their reason, and plain about it."""

from __future__ import annotations

from functools import cache

from operators.narration.facts import Language
from operators.narration.frames import Sentence
from schemas.recommendation import ReasonKind

_ENGLISH: dict[ReasonKind, tuple[str, ...]] = {
    ReasonKind.CO_WATCHED: (
        "If you liked {A}, you may like {B} too: many people choose both.",
        "People who liked {A} often like {B}.",
        "Many people with similar interests choose {B}.",
        "People who liked {A} often like this too.",
        "Many people with similar interests choose this.",
    ),
    ReasonKind.BOUGHT_TOGETHER: (
        "{B} is often bought together with {A}.",
        "{B} goes well with what you bought.",
        "This is often bought together with {A}.",
        "This goes well with what you bought.",
    ),
    ReasonKind.SAME_GENRE: (
        "If you liked {A}, you may like {B}, which is similar.",
        "{B} is similar to {A}.",
        "{B} is similar to what you have liked so far.",
        "This is similar to {A}.",
        "This is similar to what you have liked so far.",
    ),
    ReasonKind.NEXT_IN_SEQUENCE: (
        "After {A}, many people go on to {B}.",
        "{B} is what many people choose next.",
        "Many people choose this after {A}.",
        "This is what many people choose next.",
    ),
    ReasonKind.SEARCH_MATCH: (
        'You searched for "{Q}", and {B} matches.',
        "{B} matches your search.",
        'This matches your search for "{Q}".',
        "This matches your search.",
    ),
    ReasonKind.TRENDING: ("{B} is popular right now.", "Popular right now."),
    ReasonKind.REPEAT: ("You may like to come back to {B}.", "You may like to come back to this."),
    ReasonKind.TASTE: ("{B} fits what you have liked so far.", "This fits what you have liked so far."),
}

_CHINESE: dict[ReasonKind, tuple[str, ...]] = {
    ReasonKind.CO_WATCHED: (
        "喜欢《{A}》的人也常选择《{B}》。",
        "兴趣相近的人也常选择《{B}》。",
        "喜欢《{A}》的人也常选择它。",
        "兴趣相近的人也常选择它。",
    ),
    ReasonKind.BOUGHT_TOGETHER: (
        "《{B}》常和《{A}》一起购买。",
        "《{B}》适合与你购买的商品搭配。",
        "它常和《{A}》一起购买。",
        "它适合与你购买的商品搭配。",
    ),
    ReasonKind.SAME_GENRE: (
        "如果你喜欢《{A}》，不妨看看类似的《{B}》。",
        "《{B}》和你喜欢过的内容类似。",
        "它和《{A}》类似。",
        "它和你喜欢过的内容类似。",
    ),
    ReasonKind.NEXT_IN_SEQUENCE: (
        "在《{A}》之后，很多人接着选择《{B}》。",
        "很多人接下来会选择《{B}》。",
        "在《{A}》之后，很多人接着选择它。",
        "很多人接下来会选择它。",
    ),
    ReasonKind.SEARCH_MATCH: (
        "《{B}》符合你搜索的“{Q}”。",
        "《{B}》符合你的搜索。",
        "它符合你搜索的“{Q}”。",
        "它符合你的搜索。",
    ),
    ReasonKind.TRENDING: ("《{B}》最近很受欢迎。", "最近很受欢迎。"),
    ReasonKind.REPEAT: ("也许你想再次选择《{B}》。", "也许你想再次选择它。"),
    ReasonKind.TASTE: ("《{B}》符合你一直以来的喜好。", "它符合你一直以来的喜好。"),
}


@cache
def templates(kind: ReasonKind, language: Language, slots: frozenset[str]) -> tuple[Sentence, ...]:
    """Sentences of this reason that use all of ``slots`` (item B, anchor A, query Q) and no other; never empty.

    Slots that the reason has no sentence for are left out, the anchor and the query first, then the title.
    """
    sentences = [Sentence.of(text) for text in (_CHINESE if language == "zh" else _ENGLISH)[kind]]
    for wanted in (slots, slots & {"B"}, frozenset[str]()):
        fitting = tuple(sentence for sentence in sentences if sentence.slots == wanted)
        if fitting:
            return fitting
    raise AssertionError(f"no template without slots for {kind} in {language}")


def english_templates() -> list[str]:
    """Every English template, slots included."""
    return [text for texts in _ENGLISH.values() for text in texts]
