"""What a rule of the checker is, and what it knows about the item besides the sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from operators.narration.check_rules import CheckRule
from schemas.domains import Domain
from schemas.recommendation import ReasonKind


@dataclass(frozen=True, slots=True)
class RuleContext:
    """Reason, domain and canonical categories of the item; ``liked``: whether the user is known to like the anchor."""

    kind: ReasonKind
    categories: frozenset[str]
    domain: Domain
    liked: bool


Rule = Callable[[str, RuleContext], bool]
"""Whether the sentence, its names masked, breaks the rule."""

Rules = tuple[tuple[CheckRule, Rule], ...]
"""The rules of one language, in the order in which they are reported."""


def named(*rules: Rule) -> Rules:
    """Each rule with what it is called in metrics and logs: the name of its function."""
    return tuple((CheckRule(rule.__name__), rule) for rule in rules)
