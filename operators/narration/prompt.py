"""Prompts for the live model: few-shot lines, then the sentence up to the recommended title; it writes the clause.

What the model may not get wrong (titles, the reason) it does not write. The few-shot lines are the same in every
prompt, so a backend computes them once. Titles are data: on one line, cleaned and cut. English only.
"""

from __future__ import annotations

import msgspec

from operators.kernels.stable_hash import stable_hash
from operators.narration.languages.english import ENGLISH
from operators.narration.languages.registry import is_written
from operators.narration.names import Names
from operators.narration.sentence import Sentence
from operators.narration.vocabulary import canonical_categories, vocabulary
from schemas.domains import Domain
from schemas.facts import Facts
from schemas.recommendation import ReasonKind

PROMPT_VERSION = "5"
"""Raise it with every change of wording here or of the clause rules: cached sentences of older prompts go unused."""

PREFIX = """\
One short, natural English sentence a line; its end fits the kind and the mood in brackets.
(mystery; dark, intriguing) Viewers who enjoyed “Hollow Lane” also liked “The Ninth Door”, \
a dark mystery that keeps you guessing.
(comedy; witty, playful) If you liked “Two Left Shoes”, try “Monday People”, a witty comedy with plenty of charm.
(science fiction film; imaginative, mind-bending) You searched for “outer space”, and “Beyond Saturn” matches, \
an imaginative science fiction film full of wonder.
(war film; intense, sobering) Many people are watching “Iron Coast” right now, an intense war film that stays with you.
(romance; tender, warm) After “Paper Boats”, many viewers go on to “Letters in June”, \
a tender romance with a lot of heart.
(horror film; eerie, tense) People who watch “Cold Cellar” often watch “The Lantern” too, \
an eerie horror film that holds you on the edge of your seat.
(animated film; colorful, cheerful) For your search “little fox”, we suggest “Cloud Parade”, \
a colorful animated film that lifts the mood.
(drama; quiet, moving) “Winter Road” may suit you, a quiet drama that lingers in the mind.
"""

_SKELETONS: dict[ReasonKind, tuple[str, ...]] = {
    ReasonKind.CO_WATCHED: (
        "People who watch {A} often watch {B} too, ",
        "{B} is often watched by people who watch {A}, ",
        "Viewers who enjoyed {A} also liked {B}, ",
        "Fans of {A} often enjoy {B} too, ",
        "If you liked {A}, try {B}, ",
    ),
    ReasonKind.SAME_GENRE: (
        "{B} is similar to {A}, ",
        "If you liked {A}, try {B}, ",
        "If you enjoyed {A}, you may like {B}, ",
    ),
    ReasonKind.NEXT_IN_SEQUENCE: ("After {A}, many viewers go on to {B}, ", "Many people watch {B} after {A}, "),
    ReasonKind.SEARCH_MATCH: ("You searched for {Q}, and {B} matches, ", "For your search {Q}, we suggest {B}, "),
    ReasonKind.TRENDING: ("Many people are watching {B} right now, ", "{B} is popular right now, "),
    ReasonKind.TASTE: ("{B} may suit you, ", "{B} may be to your taste, "),
}
"""By reason; those that say that somebody liked something are for what the user is known to like only."""

_MOODS_SHOWN = 2


class Prompt(msgspec.Struct, frozen=True):
    """What a backend continues.

    Attributes:
        prefix: text that all prompts of a version share.
        suffix: text after it, ending where the model goes on.
        skeleton: the beginning of the sentence; the continuation is put behind it.
        categories: canonical categories of the item, for backends that restrict the words of the clause.
    """

    prefix: str
    suffix: str
    skeleton: str
    categories: tuple[str, ...] = ()


def can_write_live(facts: Facts) -> bool:
    """Whether the live model has a prompt for these facts: English, a film with a title, and what the reason needs.

    The default model cannot write Chinese, and was not good enough for things other than films.
    """
    return bool(_film_categories(facts)) and _skeleton(facts, Names.of(facts)) is not None


def prompt_for(facts: Facts) -> Prompt | None:
    """The prompt for these facts, None where `can_write_live` says no. Variants are picked by user and item.

    >>> facts = Facts(kind=ReasonKind.TRENDING, title="Heat (1995)", categories=("Crime",), domain=Domain.FILM)
    >>> prompt_for(facts).suffix
    '(crime film; tense, gripping) Many people are watching “Heat” right now,'
    """
    names = Names.of(facts)
    known = _film_categories(facts)
    skeleton = _skeleton(facts, names)
    if skeleton is None or not known:
        return None
    pick = stable_hash(f"{facts.user_key}\0{facts.item_key}\0live")
    category = vocabulary(Domain.FILM).categories[known[0]]
    moods = [category.adjectives[(pick + step) % len(category.adjectives)] for step in range(_MOODS_SHOWN)]
    beginning = skeleton.fill(names.slots())
    return Prompt(
        prefix=PREFIX,
        suffix=f"({category.noun}; {', '.join(moods)}) {beginning.rstrip()}",
        skeleton=beginning,
        categories=known,
    )


def _skeleton(facts: Facts, names: Names) -> Sentence | None:
    if names.language is not ENGLISH or not is_written(facts.locale) or names.item is None:
        return None
    slots = names.slots()
    fitting = [
        sentence
        for text in _SKELETONS.get(facts.kind, ())
        if (sentence := Sentence.of(text)).slots == slots.keys() and (facts.liked or not ENGLISH.claims_liking(text))
    ]
    if not fitting:
        return None
    return fitting[stable_hash(f"{facts.user_key}\0{facts.item_key}\0skeleton") % len(fitting)]


def _film_categories(facts: Facts) -> tuple[str, ...]:
    return canonical_categories(facts.categories, facts.domain) if facts.domain is Domain.FILM else ()
