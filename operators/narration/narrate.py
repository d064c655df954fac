"""The text of a record where it is ranked: a frame that is true of the item, else the template; always checked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from operators.kernels.stable_hash import stable_hash
from operators.narration.check_rules import CheckRule
from operators.narration.checker import check
from operators.narration.frames import FrameLibrary
from operators.narration.languages.registry import language_of
from operators.narration.names import Names
from operators.narration.sentence import Sentence
from operators.narration.templates import templates
from schemas.facts import Facts
from schemas.recommendation import TextSource

_TURNS = 6
"""Of the templates that would do, a user and an item decide which one is first. More turns fill the cache."""


class Narration(msgspec.Struct, frozen=True):
    """A sentence fit to be shown: plain text (a web page escapes it), who wrote it, and what was refused before it.

    Attributes:
        language: BCP 47 tag of the text.
        fingerprint: stands for the text, see `fingerprint`.
    """

    text: str
    source: TextSource
    rejected: tuple[CheckRule, ...] = ()
    language: str = "en"
    fingerprint: int = 0


def fingerprint(text: str) -> int:
    """An even number of 32 bits that stands for a text, never 0."""
    return (stable_hash(text) & 0xFFFF_FFFE) or 2


def nothing(locale: str) -> Narration:
    """The narration of an empty list."""
    return Narration("", TextSource.TEMPLATE, language=language_of(locale).tag)


def narrate(facts: Facts, frames: FrameLibrary) -> Narration:
    """A sentence for the facts; never fails and never says what the facts do not.

    Up to three frames are tried, then the templates, then templates without the anchor and without the title. The
    sentence that the user got last (``facts.said``) is passed over wherever there is another one. The same facts give
    the same sentence. ``rejected`` lists what the checker found on the way.

    >>> from schemas.domains import Domain
    >>> from schemas.recommendation import ReasonKind
    >>> facts = Facts(kind=ReasonKind.TRENDING, title="Heat (1995)", categories=("Crime",), domain=Domain.FILM)
    >>> narrate(facts, FrameLibrary.load()).text
    'Many viewers are watching “Heat” right now, a dark crime film with a gritty atmosphere.'
    >>> narrate(facts, FrameLibrary(())).text
    '“Heat” is getting a lot of attention right now.'
    """
    tried = tuple(frames.candidates(facts))
    turn = 0 if tried else stable_hash(f"{facts.user_key}\0{facts.item_key}\0") % _TURNS
    anybody = replace(facts, user_key="", item_key="", said=0)
    first = _narrated(anybody, tried, turn, 0)
    return first if first.fingerprint != facts.said else _narrated(anybody, tried, turn, facts.said)


@lru_cache(maxsize=16_384)
def _narrated(facts: Facts, frames: tuple[Sentence, ...], turn: int, said: int) -> Narration:
    """Popular items are recommended again and again for the same reasons."""
    rejected: list[CheckRule] = []
    passing: Narration | None = None
    for text, source, language, found in _sentences(facts, frames, turn):
        rejected += found
        narration = Narration(text, source, tuple(rejected), language, fingerprint(text))
        if not found and narration.fingerprint != said:
            return narration
        passing = passing or (None if found else narration)
    return passing or narration  # the last one is written by hand and holds no name


def _sentences(
    facts: Facts, frames: tuple[Sentence, ...], turn: int
) -> Iterator[tuple[str, TextSource, str, tuple[CheckRule, ...]]]:
    """Sentences for the facts, the best first: text, source, language, and the rules that it breaks."""
    names = Names.of(facts)
    slots = names.slots()
    tag = names.language.tag
    for frame in frames if names.item else ():
        if frame.slots <= slots.keys():
            text = frame.fill(slots)
            yield text, TextSource.FRAME, tag, check(text, facts, names=names)
    for remaining in _with_less_and_less(facts):
        names = names if remaining is facts else Names.of(remaining)
        slots = names.slots()
        fitting = templates(facts.kind, names.language, facts.domain, frozenset(slots), facts.liked)
        for step in range(len(fitting)):
            text = fitting[(turn + step) % len(fitting)].fill(slots)
            yield text, TextSource.TEMPLATE, tag, check(text, remaining, names=names)


def _with_less_and_less(facts: Facts) -> Iterator[Facts]:
    yield facts
    if facts.anchor_title or facts.query:
        yield replace(facts, anchor_title=None, query=None)
    yield replace(facts, title=None, anchor_title=None, query=None)
