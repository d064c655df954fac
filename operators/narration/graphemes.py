"""Cutting text without splitting what a reader sees as one character (UAX #29, extended grapheme clusters)."""

from __future__ import annotations

import unicodedata

_ZWJ = "\u200d"


def cut(text: str, limit: int) -> str:
    """The longest prefix of at most ``limit`` code points that ends between two grapheme clusters.

    A single cluster longer than ``limit`` gives the empty string.

    >>> cut("cafe\u0301 au lait", 4)
    'caf'
    """
    if len(text) <= limit:
        return text
    end = limit
    while end > 0 and not is_boundary(text, end):
        end -= 1
    return text[:end]


def is_boundary(text: str, position: int) -> bool:
    """Whether a cluster ends before ``text[position]``.

    Holds GB3, GB6-GB9a, GB11 and GB12-GB13; Prepend and the Indic conjunct rule (GB9b, GB9c) are left out: what they
    join stays readable when it is cut.
    """
    if position <= 0 or position >= len(text):
        return True
    before, after = text[position - 1], text[position]
    if before < "\u0300" and after < "\u0300":
        return not (before == "\r" and after == "\n")
    if _extends(after):
        return before in "\r\n"
    if before == _ZWJ and _pictographic(after):
        return False
    if _regional(before) and _regional(after):
        return _regionals_before(text, position) % 2 == 0
    return not _hangul_joined(before, after)


def _extends(character: str) -> bool:
    code = ord(character)
    if character in (_ZWJ, "\u200c", "\u0e33", "\u0eb3") or 0x1F3FB <= code <= 0x1F3FF or 0xE0020 <= code <= 0xE007F:
        return True
    return unicodedata.category(character) in ("Mn", "Me", "Mc")


def _pictographic(character: str) -> bool:
    return unicodedata.category(character) in ("So", "Cn") or ord(character) >= 0x1F000


def _regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _regionals_before(text: str, position: int) -> int:
    start = position
    while start > 0 and _regional(text[start - 1]):
        start -= 1
    return position - start


def _hangul_joined(before: str, after: str) -> bool:
    left, right = _hangul_type(before), _hangul_type(after)
    if left == "L":
        return right in ("L", "V", "LV", "LVT")
    if left in ("V", "LV"):
        return right in ("V", "T")
    return left in ("T", "LVT") and right == "T"


def _hangul_type(character: str) -> str:
    code = ord(character)
    if 0x1100 <= code <= 0x115F or 0xA960 <= code <= 0xA97C:
        return "L"
    if 0x1160 <= code <= 0x11A7 or 0xD7B0 <= code <= 0xD7C6:
        return "V"
    if 0x11A8 <= code <= 0x11FF or 0xD7CB <= code <= 0xD7FB:
        return "T"
    if 0xAC00 <= code <= 0xD7A3:
        return "LV" if (code - 0xAC00) % 28 == 0 else "LVT"
    return ""
