"""Words that say little about what something is, folded (`folding.fold`)."""

from __future__ import annotations

from operators.text.folding import fold

# fmt: off
ENGLISH = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "into", "is", "it", "its",
    "of", "on", "or", "that", "the", "their", "this", "to", "was", "with",
))

STOP_WORDS = ENGLISH | frozenset(map(fold, (
    "without", "including",
    "der", "das", "den", "dem", "des", "ein", "eine", "einen", "einer", "und", "oder", "für", "mit", "ohne", "von",
    "vom", "zu", "zum", "zur", "aus", "bei", "im",
    "le", "la", "les", "du", "de", "un", "une", "et", "au", "aux", "pour", "avec", "sans", "sur", "dans", "en",
    "el", "los", "las", "del", "una", "y", "o", "con", "sin", "para", "por",
    "il", "lo", "gli", "di", "da", "dei", "della", "delle", "per", "e", "os", "do", "dos", "um", "uma", "com",
    "ve", "ile", "için", "bir", "и", "в", "с", "на", "для", "из", "от",
    "في", "من", "على", "مع", "و", "का", "की", "के", "में", "से", "और", "को",
    "的", "了", "和", "与", "の", "を", "に", "は", "が", "と",
)))
"""Of several languages, for searches: nobody searches for them but by a whole title."""
# fmt: on
