"""The languages that text is written in."""

from __future__ import annotations

import re

from operators.narration.languages.chinese import CHINESE
from operators.narration.languages.english import ENGLISH
from operators.narration.languages.language import Language

LANGUAGES = (ENGLISH, CHINESE)

_BY_CODE = {language.code: language for language in LANGUAGES}
_REGION = re.compile("[-_]")


def language_of(locale: str) -> Language:
    """The language that text is written in for a locale; English where there are no sentences in its own.

    >>> [language_of(locale).code for locale in ("zh-CN", "en_GB", "fr")]
    ['zh', 'en', 'en']
    """
    return _BY_CODE.get(_REGION.split(locale, 1)[0].lower(), ENGLISH)
