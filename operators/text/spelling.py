"""Other spellings of a word that was typed: its singular or plural, and what one slip of a finger makes of it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

SHORTEST_TYPO = 4
"""Letters of a word in which a slip is looked for: of shorter ones too many differ in one letter."""
_LONGEST_TYPO = 32
SHORT = 5
"""Up to this length a word with another first letter is taken for another word: a boat is no coat."""

_PAIRS = (
    ("man", "men"), ("woman", "women"), ("child", "children"), ("person", "people"), ("foot", "feet"),
    ("tooth", "teeth"), ("mouse", "mice"), ("goose", "geese"),
)  # fmt: skip
_IRREGULAR = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}

_ENDINGS = (
    ("", "s"), ("", "es"), ("y", "ies"), ("f", "ves"), ("fe", "ves"),  # English, and the Romance languages
    ("", "lar"), ("", "ler"),  # Turkish
    ("ه", "ات"),  # Arabic, folded
)  # fmt: skip
_ARTICLE = "ال"


def other_numbers(word: str) -> Iterator[str]:
    """What may be the word's singular or plural; also with and without the Arabic article, which is part of the word.

    >>> sorted(other_numbers("knife"))[:3], "glass" in other_numbers("glasses"), "child" in other_numbers("childrens")
    (['knifees', 'knifelar', 'knifeler'], True, True)
    """
    if word in _IRREGULAR:
        yield _IRREGULAR[word]
    for singular, plural in _ENDINGS:
        if word.endswith(singular) and len(word) - len(singular) >= 2:
            yield word[: len(word) - len(singular)] + plural
        if word.endswith(plural) and len(word) - len(plural) >= 2 and not (plural == "s" and word.endswith("ss")):
            yield word[: -len(plural)] + singular
    if word.endswith("s") and word[:-1] in _IRREGULAR:
        yield _IRREGULAR[word[:-1]]
    if len(word) >= 3:
        yield word[len(_ARTICLE) :] if word.startswith(_ARTICLE) and len(word) >= 5 else _ARTICLE + word


def slips(word: str, letters: Iterable[str]) -> Iterator[str]:
    """The words that are one slip away: a letter left out, put in, taken for another, or two neighbours swapped.

    `letters`: those that may have been meant. Nothing for very short and very long words.

    Reference: Damerau, "A technique for computer detection and correction of spelling errors" (1964).

    >>> found = set(slips("ketle", "tab"))
    >>> "kettle" in found, "kelte" in found, "ktle" in found, "katle" in found, "ketle" in found
    (True, True, True, True, False)
    """
    if not SHORTEST_TYPO <= len(word) <= _LONGEST_TYPO:
        return
    tried = list(letters)
    for place in range(len(word)):
        before, letter, after = word[:place], word[place], word[place + 1 :]
        if after and after[0] != letter:
            yield before + after[0] + letter + after[1:]
        if place > 0 or len(word) > SHORTEST_TYPO:
            yield before + after
            yield from (before + other + letter + after for other in tried)
        if place > 0 or len(word) > SHORT:
            yield from (before + other + after for other in tried if other != letter)
    yield from (word + other for other in tried)


def halves(word: str, known: Container[str]) -> Iterator[tuple[str, str]]:
    """The ways to read a word as two known ones.

    >>> list(halves("teapot", {"tea", "pot", "teapots"}))
    [('tea', 'pot')]
    """
    for place in range(1, len(word)):
        if word[:place] in known and word[place:] in known:
            yield word[:place], word[place:]
