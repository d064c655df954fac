"""The data files that ship with each language: frames, templates, words."""

from __future__ import annotations

from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

import msgspec

from schemas.domains import Domain
from schemas.recommendation import ReasonKind


class FrameRow(msgspec.Struct, frozen=True):
    """One line of a frame file.

    Attributes:
        reason, category, locale: when the sentence may be used.
        text: the sentence, with slots.
        model: the language model that wrote it.
        reviewed: whether a person has read and kept it; only such frames are shown.
        domain: the domain that it was written for, and whose category it names.
    """

    reason: ReasonKind
    category: str
    locale: str
    text: str
    model: str
    reviewed: bool = False
    domain: Domain = Domain.FILM


def data_folder() -> Traversable:
    """Where the data files of this package are."""
    return resources.files(__package__) / "data"


@cache
def frame_rows(language: str) -> tuple[FrameRow, ...]:
    """Every line of ``frames-<language>.jsonl``, none where there is no such file.

    Raises `msgspec.ValidationError` where one is damaged.
    """
    file = data_folder() / f"frames-{language}.jsonl"
    if not file.is_file():
        return ()
    return tuple(msgspec.json.decode(line, type=FrameRow) for line in file.read_bytes().splitlines() if line)


@cache
def template_texts(language: str) -> dict[tuple[Domain, ReasonKind], tuple[str, ...]]:
    """The sentences of ``templates-<language>.json``, where a key may name several domains: ``finance, health``.

    Raises `msgspec.ValidationError` or `ValueError` where the file is damaged.
    """
    content = (data_folder() / f"templates-{language}.json").read_bytes()
    listed = msgspec.json.decode(content, type=dict[str, dict[ReasonKind, tuple[str, ...]]])
    return {
        (Domain(name), kind): texts
        for names, kinds in listed.items()
        for name in names.split(", ")
        for kind, texts in kinds.items()
    }


def listed_words(language: str) -> list[str]:
    """The lines of ``words-<language>.txt`` without its comments."""
    lines = (data_folder() / f"words-{language}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]
