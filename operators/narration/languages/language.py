"""What a language has to say about itself so that sentences can be written and checked in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from operators.narration.rule_context import Rules


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """One language. Its sentences are data files named after ``code`` (see `operators.narration.shipped`).

    Attributes:
        code: two letters, ISO 639-1.
        rules: what a sentence may break, apart from names and length.
        length: how long a sentence is, in the language's own unit.
        max_length: the longest sentence that may be shown, in that unit.
        phrases: parts of a masked sentence that could be titles.
        shown: a title or query as a filled slot shows it.
        title_forms, query_forms: how a title or a query may stand in a sentence, longest first.
    """

    code: str
    rules: Rules
    length: Callable[[str], int]
    max_length: int
    phrases: Callable[[str], list[str]]
    shown: Callable[[str], str]
    title_forms: Callable[[str], tuple[str, ...]]
    query_forms: Callable[[str], tuple[str, ...]]
