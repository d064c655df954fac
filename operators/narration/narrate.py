"""The text of a record where it is ranked: a frame that is true of the item, else the template; always checked."""

from __future__ import annotations

from functools import lru_cache

import msgspec
from msgspec.structs import replace

from operators.narration.check_rules import CheckRule
from operators.narration.checker import check
from operators.narration.frames import FrameLibrary
from operators.narration.names import Names
from operators.narration.sentence import Sentence
from operators.narration.templates import templates
from schemas.facts import Facts
from schemas.recommendation import TextSource


class Narration(msgspec.Struct, frozen=True):
    """A sentence fit to be shown: plain text (a web page escapes it), who wrote it, and what was refused before it."""

    text: str
    source: TextSource
    rejected: tuple[CheckRule, ...] = ()


def narrate(facts: Facts, frames: FrameLibrary) -> Narration:
    """A sentence for the facts; never fails and never says what the facts do not.

    Up to three frames are tried, then the template, then templates without the anchor and without the title (a title
    that repeats words of the sentence, say). ``rejected`` lists what the checker found on the way.

    >>> from schemas.recommendation import ReasonKind
    >>> facts = Facts(kind=ReasonKind.TRENDING, title="Heat (1995)", categories=("Crime",))
    >>> narrate(facts, FrameLibrary.load()).text
    'Many viewers are enjoying Heat right now, a dark crime film that is gritty and unsettling.'
    >>> narrate(facts, FrameLibrary(())).text
    'Heat is popular right now.'
    """
    tried = tuple(frames.candidates(facts))
    return _narrated(replace(facts, user_key="", item_key=""), tried)


@lru_cache(maxsize=16_384)
def _narrated(facts: Facts, frames: tuple[Sentence, ...]) -> Narration:
    """Popular items are recommended again and again for the same reasons."""
    rejected: list[CheckRule] = []
    names = Names.of(facts)
    slots = names.slots()
    for frame in frames if names.item else ():
        if not frame.slots <= slots.keys():
            continue
        text = frame.fill(slots)
        found = check(text, facts, names=names)
        if not found:
            return Narration(text, TextSource.FRAME, tuple(rejected))
        rejected += found
    return _from_template(facts, names, rejected)


def _from_template(facts: Facts, names: Names, rejected: list[CheckRule]) -> Narration:
    reduced = [facts]
    if facts.anchor_title or facts.query:
        reduced.append(replace(facts, anchor_title=None, query=None))
    reduced.append(replace(facts, title=None, anchor_title=None, query=None))
    text = ""
    for step, remaining in enumerate(reduced):
        known = Names.of(remaining) if step else names
        slots = known.slots()
        for template in templates(facts.kind, known.language.code, frozenset(slots)):
            text = template.fill(slots)
            found = check(text, remaining, names=known)
            if not found:
                return Narration(text, TextSource.TEMPLATE, tuple(rejected))
            rejected += found
    return Narration(text, TextSource.TEMPLATE, tuple(rejected))
