"""Rules that hold in every language."""

from __future__ import annotations

import re

from operators.narration.rule_context import RuleContext
from operators.narration.vocabulary import foreign_nouns


def any_word(*alternatives: str) -> re.Pattern[str]:
    """A pattern for any of the alternatives as a whole word, in any case."""
    return re.compile(rf"\b(?:{'|'.join(alternatives)})\b", re.I)


_SLOT = re.compile(r"[{}$\\]|%[sdr(]|<[A-Z]>|\[[A-Z]\]")
_URL = re.compile(r"https?:|www\.|\b[\w-]+\.[a-z]{2,}\b|javascript:|\w@\w", re.I)
_MARKUP = re.compile(r"</?[A-Za-z!]|[*_`#~|^\[\]]|&#?\w+;")
_LEAK = re.compile(
    r"\b(?:reason|genres?|sentence|title|facts?|prompt|slots?|instructions?|assistant|system|user)\s*:|<\||\|>|###|"
    r"\bas an? (?:AI|language model)\b|\b(?:I|I'm|I'll|my|me)\b|\bthe (?:prompt|sentence|instructions?|slots?)\b|"
    r"\bignore (?:all|any|the|previous)\b|\bhere is a\b.*\bsentence\b|\bsorry\b",
    re.I,
)
# fmt: off
_UNSAFE = any_word(
    r"sex\w*", r"porn\w*", "nude", "naked", r"rap(?:e|ed|ing|ist)", r"suicid\w+", r"nazi\w*", r"racis\w+",
    r"fuck\w*", r"shit\w*", "bitch", "slut", "whore", "nigger", "faggot", "kill yourself", "cocaine", "heroin",
    r"terroris\w+", "stupid", "idiots?",
)
# fmt: on


def unfilled_slot(text: str, context: RuleContext) -> bool:
    """Braces, dollar signs and format codes outside titles."""
    return _SLOT.search(text) is not None


def url(text: str, context: RuleContext) -> bool:
    """Addresses of any kind."""
    return _URL.search(text) is not None


def markup(text: str, context: RuleContext) -> bool:
    """HTML, Markdown, entities."""
    return _MARKUP.search(text) is not None


def prompt_leak(text: str, context: RuleContext) -> bool:
    """Words of the prompt, of a chat, or a model speaking of itself."""
    return _LEAK.search(text) is not None


def unsafe_word(text: str, context: RuleContext) -> bool:
    """Words that no shop wants said in its name."""
    return _UNSAFE.search(text) is not None


def foreign_noun_inside(text: str, language: str, context: RuleContext) -> bool:
    """Whether the text holds a word that only fits things of another domain; for languages without spaces."""
    return any(word in text for word in foreign_nouns(language, context.domain))
