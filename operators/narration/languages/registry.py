"""The languages that text is written in."""

from __future__ import annotations

from functools import lru_cache

from operators.narration.languages.chinese import CHINESE
from operators.narration.languages.english import ENGLISH
from operators.narration.languages.language import Language
from operators.narration.languages.traditional_chinese import TRADITIONAL_CHINESE
from schemas.locales import written_language

LANGUAGES = (ENGLISH, CHINESE, TRADITIONAL_CHINESE)

_BY_TAG = {language.tag: language for language in LANGUAGES}


@lru_cache(maxsize=4_096)
def language_of(locale: str) -> Language:
    """The language that text is written in for a locale; English where there are no sentences in its own.

    >>> [language_of(locale).tag for locale in ("zh-CN", "zh_TW", "en_GB", "fr")]
    ['zh-Hans', 'zh-Hant', 'en', 'en']
    """
    return _BY_TAG[written_language(locale) or ENGLISH.tag]


def is_written(locale: str) -> bool:
    """Whether there are sentences in the locale's own language."""
    return written_language(locale) is not None
