"""The closed list of what a sentence can be refused for: labels of the metric, words of the log."""

from __future__ import annotations

from enum import StrEnum


class CheckRule(StrEnum):
    """Why a sentence must not be shown."""

    INVISIBLE_CHARACTER = "invisible_character"
    MISSING_TITLE = "missing_title"
    ALTERED_TITLE = "altered_title"
    DUPLICATED_TITLE = "duplicated_title"
    MISSING_ANCHOR = "missing_anchor"
    SAME_AS_ANCHOR = "same_as_anchor"
    OTHER_TITLE = "other_title"
    UNKNOWN_NAME = "unknown_name"
    UNFILLED_SLOT = "unfilled_slot"
    NUMBER = "number"
    URL = "url"
    MARKUP = "markup"
    PROMPT_LEAK = "prompt_leak"
    UNSAFE_WORD = "unsafe_word"
    CLAIM = "claim"
    ABSOLUTE = "absolute"
    PLOT = "plot"
    WRONG_GENRE = "wrong_genre"
    WRONG_TONE = "wrong_tone"
    WRONG_REASON = "wrong_reason"
    MISSING_REASON = "missing_reason"
    UNPROVEN_LIKING = "unproven_liking"
    UNKNOWN_WORD = "unknown_word"
    SEVERAL_SENTENCES = "several_sentences"
    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    BROKEN_ENDING = "broken_ending"
    FRAGMENT = "fragment"
    ARTICLE = "article"
    TAUTOLOGY = "tautology"
    REPEATED_WORD = "repeated_word"
    WRONG_SCRIPT = "wrong_script"
    UNLIKELY = "unlikely"  # to the model itself: not asked by the checker, which sees no probabilities
