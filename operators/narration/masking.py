"""Finding titles and query in a sentence, so that the rest of it can be judged by itself."""

from __future__ import annotations

from dataclasses import dataclass

from operators.narration.marks import ANCHOR, ITEM, QUERY
from operators.narration.names import Names
from operators.narration.quotation import ENGLISH_QUOTES, Quotation


@dataclass(frozen=True, slots=True)
class Masked:
    """The sentence with its names replaced by marks, and how often each was found."""

    text: str
    items: int
    anchors: int
    queries: int


def mask(text: str, names: Names) -> Masked:
    """Replace every whole occurrence of item, anchor and query by its mark.

    Longest first, so that *Toy Story* is not found in *Toy Story 2*. Quotation marks around a name go with it; a name
    without any counts where there is none with them.

    >>> from schemas.facts import Facts
    >>> from schemas.recommendation import ReasonKind
    >>> facts = Facts(kind=ReasonKind.CO_WATCHED, title="Toy Story 2 (1999)", anchor_title="Toy Story (1995)")
    >>> masked = mask("If you liked Toy Story, try Toy Story 2.", Names.of(facts))
    >>> masked.text, masked.items, masked.anchors
    ('If you liked \ue000, try \ue001.', 1, 1)
    """
    wanted = [
        (names.item, ITEM, names.titles),
        (names.anchor, ANCHOR, names.titles),
        (names.query, QUERY, names.queries),
    ]
    counts = dict.fromkeys((ITEM, ANCHOR, QUERY), 0)
    for name, sign, marks in sorted(wanted, key=lambda each: -len(each[0] or "")):
        if name:
            text, counts[sign] = _replace(text, _forms(name, sign, marks), sign)
    return Masked(text, counts[ITEM], counts[ANCHOR], counts[QUERY])


def _forms(name: str, sign: str, marks: Quotation) -> tuple[str, ...]:
    """Ways in which the name may stand there: between its marks, or as a model may write it; a query is never bare."""
    forms = [marks.around(name)]
    if marks is ENGLISH_QUOTES:
        forms.append(f'"{name}"')
    return (*forms,) if sign == QUERY else (*forms, name)


def _replace(text: str, forms: tuple[str, ...], sign: str) -> tuple[str, int]:
    """Only the first form that is found counts: a title may be a word that the sentence uses, too."""
    for form in forms:
        found = 0
        start = text.find(form)
        while start >= 0:
            end = start + len(form)
            if _whole(text, start, end):
                text, found = text[:start] + sign + text[end:], found + 1
            start = text.find(form, start + 1)
        if found:
            return text, found
    return text, 0


def _whole(text: str, start: int, end: int) -> bool:
    """Whether the name is not a part of a longer word (Chinese is written without spaces and has no such edge)."""
    return not (start and _same_word(text[start - 1], text[start])) and not (
        end < len(text) and _same_word(text[end - 1], text[end])
    )


def _same_word(before: str, after: str) -> bool:
    return before.isalnum() and after.isalnum() and before < "\u2e80" and after < "\u2e80"
