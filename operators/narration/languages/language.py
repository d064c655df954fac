"""What a language has to say about itself so that sentences can be written and checked in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from operators.narration.quotation import Quotation
from operators.narration.rule_context import Rules


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """One language. Its sentences are data files named after ``code`` (see `operators.narration.shipped`).

    Attributes:
        code: names its data files.
        tag: BCP 47 tag of text in it, as records carry it.
        rules: what a sentence may break, apart from names and length.
        length: how long a sentence is, in the language's own unit.
        max_length: the longest sentence that may be shown, in that unit.
        phrases: parts of a masked sentence that could be titles.
        claims_liking: whether a sentence, its names masked or slots, says that the user or others liked something.
        quotes: marks around queries and titles.
        works: marks around titles of works, where they have their own.
    """

    code: str
    tag: str
    rules: Rules
    length: Callable[[str], int]
    max_length: int
    phrases: Callable[[str], list[str]]
    claims_liking: Callable[[str], bool]
    quotes: Quotation
    works: Quotation | None = None
