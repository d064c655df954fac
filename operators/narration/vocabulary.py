"""The categories that sentences can name, and the words that belong to them, one data file a domain."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache

import msgspec

from operators.narration.shipped import data_folder

DOMAINS = ("film", "retail")
_SEPARATORS = re.compile(r"\s*[|>/,;]\s*")


class Category(msgspec.Struct, frozen=True):
    """One category of a domain.

    Attributes:
        aliases: spellings in catalogues, whole labels, in any case.
        article, noun: how an English sentence names one ("a", "war film").
        words: words that claim the category, by language code.
        adjectives, mood: English words for its mood; adjectives can stand before the noun.
        tails: English clauses that can stand behind the noun; a live clause is made of their words.
    """

    aliases: tuple[str, ...]
    article: str
    noun: str
    words: dict[str, tuple[str, ...]]
    mood: tuple[str, ...]
    adjectives: tuple[str, ...] = ()
    tails: tuple[str, ...] = ()

    @property
    def moods(self) -> tuple[str, ...]:
        """All mood words."""
        return self.adjectives + self.mood


class Domain(msgspec.Struct, frozen=True):
    """Categories of one domain; ``nouns`` are English words that only fit things of this domain."""

    nouns: tuple[str, ...]
    categories: dict[str, Category]


@cache
def domains() -> dict[str, Domain]:
    """Every domain by name, from the package's data files."""
    return {name: msgspec.json.decode((data_folder() / f"{name}.json").read_bytes(), type=Domain) for name in DOMAINS}


@cache
def categories() -> dict[str, Category]:
    """Every category of every domain by its canonical name."""
    return {name: category for domain in domains().values() for name, category in domain.categories.items()}


@cache
def film_nouns() -> frozenset[str]:
    """Words such as *film* and *viewers*, wrong for anything that is not a film."""
    return frozenset(domains()["film"].nouns)


@cache
def film_categories() -> frozenset[str]:
    """Canonical names of the film domain."""
    return frozenset(domains()["film"].categories)


@lru_cache(maxsize=8_192)
def canonical_categories(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Canonical names for a catalogue's labels, in their order, without repetition; unknown labels give none.

    ``Children's``, ``Film-Noir``, ``Sci-Fi`` and paths such as ``Home & Kitchen > Cookware`` or ``Action|Drama`` are
    understood part by part; a part must be an alias as a whole, so ``Star Wars`` is not of the category war.

    >>> canonical_categories(("Action|Sci-Fi", "Star Wars", "Children's"))
    ('action', 'sci-fi', 'children')
    """
    found: dict[str, None] = {}
    for label in labels[:50]:
        for part in (label, *_SEPARATORS.split(label[:200])):
            name = _aliases().get(part.strip().casefold().replace("\u2019", "'"))
            if name is not None:
                found[name] = None
    return tuple(found)


@cache
def mood_owners() -> dict[str, frozenset[str]]:
    """Mood word to the categories whose things it may describe."""
    return _owners((word, name) for name, category in categories().items() for word in category.moods)


@cache
def genre_owners(language: str) -> dict[str, frozenset[str]]:
    """Genre word of a language to the categories that it claims, any one of which must be a fact."""
    return _owners((word, name) for name, category in categories().items() for word in category.words.get(language, ()))


@cache
def _aliases() -> dict[str, str]:
    return {alias.casefold(): name for name, category in categories().items() for alias in category.aliases}


def _owners(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    owners: dict[str, set[str]] = {}
    for word, name in pairs:
        owners.setdefault(word, set()).add(name)
    return {word: frozenset(names) for word, names in owners.items()}
