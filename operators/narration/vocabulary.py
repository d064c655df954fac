"""The categories that sentences can name, and the words that belong to them, one data file a domain."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache

import msgspec

from operators.narration.shipped import data_folder
from schemas.domains import Domain

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


class Vocabulary(msgspec.Struct, frozen=True):
    """The words of one domain.

    Attributes:
        categories: those that sentences can name, by canonical name.
        nouns: words that only fit things of this domain, by language code.
        titles_of_works: whether its titles are names of works (films, articles), which Chinese sets in 《》.
    """

    categories: dict[str, Category]
    nouns: dict[str, tuple[str, ...]] = {}
    titles_of_works: bool = False


@cache
def vocabulary(domain: Domain) -> Vocabulary:
    """The words of a domain, from the package's data file of its name."""
    return msgspec.json.decode((data_folder() / f"{domain}.json").read_bytes(), type=Vocabulary)


@cache
def foreign_nouns(language: str, domain: Domain) -> frozenset[str]:
    """Words that fit things of other domains only, such as *film* and *viewers* in a shop."""
    own = vocabulary(domain)
    allowed = {*own.nouns.get(language, ())}.union(*(c.words.get(language, ()) for c in own.categories.values()))
    others = (vocabulary(other).nouns.get(language, ()) for other in Domain if other is not domain)
    return frozenset(word for words in others for word in words if word not in allowed)


@lru_cache(maxsize=8_192)
def canonical_categories(labels: tuple[str, ...], domain: Domain) -> tuple[str, ...]:
    """Canonical names in a domain for a catalogue's labels, in order, without repetition; unknown labels give none.

    ``Children's``, ``Film-Noir``, ``Sci-Fi`` and paths such as ``Home & Kitchen > Cookware`` or ``Action|Drama`` are
    understood part by part; a part must be an alias as a whole, so ``Star Wars`` is not of the category war.

    >>> canonical_categories(("Action|Sci-Fi", "Star Wars", "Children's"), Domain.FILM)
    ('action', 'sci-fi', 'children')
    >>> canonical_categories(("Children's",), Domain.RETAIL)
    ()
    """
    found: dict[str, None] = {}
    aliases = _aliases(domain)
    for label in labels[:50]:
        for part in (label, *_SEPARATORS.split(label[:200])):
            name = aliases.get(part.strip().casefold().replace("\u2019", "'"))
            if name is not None:
                found[name] = None
    return tuple(found)


@cache
def mood_owners(domain: Domain) -> dict[str, frozenset[str]]:
    """Mood word to the categories whose things it may describe."""
    return _owners((word, name) for name, category in vocabulary(domain).categories.items() for word in category.moods)


@cache
def genre_owners(language: str, domain: Domain) -> dict[str, frozenset[str]]:
    """Genre word of a language to the categories that it claims, any one of which must be a fact."""
    categories = vocabulary(domain).categories
    return _owners((word, name) for name, category in categories.items() for word in category.words.get(language, ()))


@cache
def _aliases(domain: Domain) -> dict[str, str]:
    categories = vocabulary(domain).categories
    return {alias.casefold(): name for name, category in categories.items() for alias in category.aliases}


def _owners(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    owners: dict[str, set[str]] = {}
    for word, name in pairs:
        owners.setdefault(word, set()).add(name)
    return {word: frozenset(names) for word, names in owners.items()}
