"""Chinese in Traditional characters: its sentences are written by hand, so the rules guard the marks and the script."""

from __future__ import annotations

import re

from operators.narration.languages.chinese import (
    MAX_CHARACTERS,
    broken_ending,
    length,
    phrases,
    several_sentences,
    too_short,
    unknown_name,
)
from operators.narration.languages.common_rules import foreign_noun_inside, markup, unfilled_slot, url
from operators.narration.languages.language import Language
from operators.narration.marks import NAMES
from operators.narration.quotation import CORNER_BRACKETS, TITLES_OF_WORKS
from operators.narration.rule_context import RuleContext, Rules, named

_LIKING = re.compile(r"喜歡|喜愛|愛看|愛上")
_LIKELY = re.compile(r"(?:可能|也許|或許)也?會?(?:喜歡|愛上)")
_MASKED = re.compile(f"[{NAMES}]")


def wrong_genre(text: str, context: RuleContext) -> bool:
    """A kind of thing that the item is not known to be."""
    return foreign_noun_inside(text, "zh-hant", context)


def unproven_liking(text: str, context: RuleContext) -> bool:
    """That somebody liked something, where nothing proves it."""
    return not context.liked and claims_liking(text)


def wrong_script(text: str, context: RuleContext) -> bool:
    """A character that Big5, the character set of Taiwan and Hong Kong, does not have: those of Simplified Chinese."""
    try:
        _MASKED.sub("", text).encode("big5")
    except UnicodeEncodeError:
        return True
    return False


def claims_liking(text: str) -> bool:
    """喜歡 and the like, predictions apart."""
    return _LIKING.search(_LIKELY.sub("", text)) is not None


# fmt: off
RULES: Rules = named(
    unfilled_slot, url, markup, wrong_genre, unproven_liking, unknown_name, several_sentences, too_short,
    broken_ending, wrong_script,
)
# fmt: on

TRADITIONAL_CHINESE = Language(
    code="zh-hant",
    tag="zh-Hant",
    rules=RULES,
    length=length,
    max_length=MAX_CHARACTERS,
    phrases=phrases,
    claims_liking=claims_liking,
    quotes=CORNER_BRACKETS,
    works=TITLES_OF_WORKS,
)
