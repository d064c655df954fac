"""What a rule of the checker is, and what it knows about the item besides the sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from operators.narration.check_rules import CheckRule
from operators.narration.vocabulary import film_categories
from schemas.recommendation import ReasonKind


@dataclass(frozen=True, slots=True)
class RuleContext:
    """Reason and canonical categories of the item."""

    kind: ReasonKind
    categories: frozenset[str]

    @property
    def is_film(self) -> bool:
        """Whether any category belongs to the film domain."""
        return not self.categories.isdisjoint(film_categories())


Rule = Callable[[str, RuleContext], bool]
"""Whether the sentence, its names masked, breaks the rule."""

Rules = tuple[tuple[CheckRule, Rule], ...]
"""The rules of one language, in the order in which they are reported."""


def named(*rules: Rule) -> Rules:
    """Each rule with what it is called in metrics and logs: the name of its function."""
    return tuple((CheckRule(rule.__name__), rule) for rule in rules)
