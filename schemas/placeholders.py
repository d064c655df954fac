"""Text that stands where there is none: what analytics tools, exports and spreadsheets write for nothing."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# fmt: off
_FILLERS = frozenset((
    "not set", "notset", "undefined", "null", "nil", "none", "nan", "n/a", "n.a", "not available", "not applicable",
    "not provided", "not specified", "unspecified", "not defined", "no value", "data deleted", "object object", "div/0",
    "暂无", "未设置", "暫無", "未設定", "keine angabe", "nicht gesetzt", "non défini", "indefinido",
))
_FILLERS_IN_MARKS = frozenset((
    "na", "ref", "value", "name", "num", "title", "object", "other", "direct", "void", "missing", "empty", "blank",
    "default", "deleted", "unknown", "空", "なし", "нет",
))
"""Words that could be a title, and are fillers where marks are around them: ``#REF!``, ``(other)``, ``{{title}}``."""
_NAMELESS = frozenset((
    "na", "unknown", "unknown title", "unknown item", "unknown product", "unavailable", "unnamed", "untitled",
    "no title", "no name", "notitle", "noname", "no data", "missing title", "title missing", "placeholder",
    "default title", "not found", "tbd", "tba", "tbc", "to be defined", "to be determined", "to be announced",
    "to be confirmed",
    "无", "未知", "未命名", "无标题", "无题", "待定", "不详", "暂无标题", "没有标题",
    "無", "無標題", "無題", "暫無標題", "沒有標題", "不詳",
    "unbekannt", "ohne titel", "kein titel", "k.a", "inconnu", "sans titre", "indéfini", "desconocido", "sin título",
    "sin titulo", "sconosciuto", "senza titolo", "desconhecido", "sem título", "sem titulo", "không có", "неизвестно",
    "без названия", "タイトルなし", "不明", "제목 없음", "없음",
))
"""What people write for a title that they do not have: an item may be called so, but nobody is told its name."""
# fmt: on
_STROKES = frozenset(" .\u2026?\uff1f*#/\\|~\u00b7\u2022")
_SEPARATORS = re.compile(r"[\s_\-\u2010-\u2015]+")
_DATABASE_NULL = "\\N"
_LONGEST = 40


def is_placeholder(text: str) -> bool:
    """Whether the whole text is a filler, in any case; blanks, brackets and other marks around it do not matter.

    >>> is_placeholder(" (Not Set) "), is_placeholder("--"), is_placeholder("Null Island")
    (True, True, False)
    """
    return len(text) < _LONGEST and _is_filler(text)


def is_visible(text: str) -> bool:
    """Whether any character of ``text`` leaves a mark; the first one does nearly always."""
    return text[:1].isalnum() or any(char.isprintable() and not char.isspace() for char in text)


@lru_cache(maxsize=65_536)
def usable_title(title: str | None) -> str | None:
    """The title as it is, None where it is missing, blank, a filler, or says no more than that there is no title.

    >>> [usable_title(title) for title in ("(not set)", "Untitled", " ?? ", "None of the Above")]
    [None, None, None, 'None of the Above']
    """
    if title is None or not is_visible(title):
        return None
    if len(title) < _LONGEST and (_is_filler(title) or _normal(title) in _NAMELESS or _is_made_of_strokes(title)):
        return None
    return title


@lru_cache(maxsize=65_536)
def _is_filler(text: str) -> bool:
    normal = _normal(text)
    if not normal:
        shown = _shown(text).strip()
        return shown != "" and all(unicodedata.category(character) in ("Pd", "Pc") for character in shown)
    if normal in _FILLERS or text.strip() == _DATABASE_NULL:
        return True
    return normal in _FILLERS_IN_MARKS and not _shown(text).strip()[0].isalnum()


def _is_made_of_strokes(text: str) -> bool:
    """Whether there is nothing but dashes, dots, question marks and the like."""
    return all(c in _STROKES or unicodedata.category(c) in ("Pd", "Pc") for c in _shown(text))


def _shown(text: str) -> str:
    """The text with a blank for each character that is not seen."""
    return "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in text)


def _normal(text: str) -> str:
    """Folded, without what is no letter and no digit at the ends, one blank between words."""
    folded = unicodedata.normalize("NFKC", _shown(text)).casefold()
    start, end = 0, len(folded)
    while start < end and not folded[start].isalnum():
        start += 1
    while end > start and not folded[end - 1].isalnum():
        end -= 1
    return _SEPARATORS.sub(" ", folded[start:end])
