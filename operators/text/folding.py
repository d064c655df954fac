"""One spelling for what people type in several: case, width, accents, vowel signs, forms of letters and digits.

Accents are dropped from the letters that alphabets of Europe put them on (U+0300 to U+036F), and the vowel points of
Arabic and Hebrew, which are mostly left unwritten. The marks of other scripts are vowels of the word and stay.

References: Unicode Standard Annex 15 (normalisation) and Technical Report 30, "Character Foldings" (draft).
"""

from __future__ import annotations

import re
import unicodedata

_LAST_SCRIPT = 0x1FFFF
"""Marks and digits of living scripts are below; above are ideographs and tags."""

# fmt: off
_LETTERS = {
    "ı": "i", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "æ": "ae", "œ": "oe", "þ": "th", "ŧ": "t",
    "ٱ": "ا", "ى": "ي", "ی": "ي", "ې": "ي", "ک": "ك", "ة": "ه", "ۀ": "ه", "ہ": "ه", "ھ": "ه", "ـ": "",  # Arabic
    "ँ": "ं", "़": "",  # Devanagari: the two signs of a nasal vowel are written for each other, the dot is left out
}
_DROPPED_MARKS = (
    (0x0300, 0x036F), (0x0591, 0x05BD), (0x05BF, 0x05C7), (0x0610, 0x061A), (0x064B, 0x065F), (0x0670, 0x0670),
    (0x06D6, 0x06ED), (0xFE00, 0xFE0F),
)
# fmt: on


def _folds() -> dict[int, str]:
    folds = {ord(letter): other for letter, other in _LETTERS.items()}
    for code in range(0x80, _LAST_SCRIPT):
        category = unicodedata.category(chr(code))
        if category == "Nd":
            folds[code] = str(unicodedata.digit(chr(code)))
        elif category == "Cf" or (category == "Mn" and any(first <= code <= last for first, last in _DROPPED_MARKS)):
            folds[code] = ""
    for code in range(ord("ァ"), ord("ヶ") + 1):
        folds[code] = chr(code - 0x60)  # katakana as hiragana
    return folds


def _marks() -> str:
    """All combining marks as the inside of a character class."""
    runs: list[list[int]] = []
    for code in range(0x300, _LAST_SCRIPT):
        if unicodedata.category(chr(code)).startswith("M"):
            if runs and runs[-1][1] == code - 1:
                runs[-1][1] = code
            else:
                runs.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in runs)


_FOLDS = _folds()
MARKS = _marks()
"""Combining marks, for a character class of `re`, whose `\\w` leaves them out."""

WITHOUT_SPACES = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U000323af"
)
"""Letters of scripts that do not part all words by spaces, for a character class: ideographs, kana, hangul, and those
of South-East Asia."""

_APOSTROPHE = re.compile(r"(?<=\w)['\u2019\u02bc](?=\w)")


def fold(text: str) -> str:
    """The text with one spelling for each letter; lengths differ.

    >>> fold("Ｃafé STRASSE Straße İstanbul ışık"), fold("غَلّاية"), fold("१२ ㌔ ﾀｵﾙ")
    ('cafe strasse strasse istanbul isik', 'غلايه', '12 きろ たおる')
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", decomposed.translate(_FOLDS))


def without_apostrophes(folded: str) -> str:
    """Apostrophes inside words go, as people leave them out."""
    return _APOSTROPHE.sub("", folded)
