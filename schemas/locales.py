"""Which locales there is text for: language, script and region of a BCP 47 tag, or of a POSIX locale."""

from __future__ import annotations

import re
from functools import lru_cache

WRITTEN = {"en": "English", "zh-Hans": "Chinese, Simplified", "zh-Hant": "Chinese, Traditional"}
"""The languages that text is written in: BCP 47 tag and name."""

_SEPARATORS = re.compile("[-_]")
_TRADITIONAL_REGIONS = frozenset(("TW", "HK", "MO"))


@lru_cache(maxsize=4_096)
def written_language(locale: str) -> str | None:
    """The tag, one of `WRITTEN`, of the language in which a reader of this locale gets text; None where there is none.

    Chinese without a script is Simplified but for Taiwan, Hong Kong and Macao; a script that is named decides alone.

    >>> [written_language(locale) for locale in ("en_GB.UTF-8", "zh-CN", "zh_HK", "zh-Hans-HK", "de")]
    ['en', 'zh-Hans', 'zh-Hant', 'zh-Hans', None]
    """
    language, *subtags = _SEPARATORS.split(locale.split(".")[0].split("@")[0].strip())
    match language.lower():
        case "en":
            return "en"
        case "zh" | "cmn":
            named = {subtag.title() for subtag in subtags if len(subtag) == 4}
            if "Hant" in named or "Hans" in named:
                return "zh-Hant" if "Hant" in named else "zh-Hans"
            regions = {subtag.upper() for subtag in subtags if len(subtag) == 2}
            return "zh-Hans" if regions.isdisjoint(_TRADITIONAL_REGIONS) else "zh-Hant"
    return None
