"""Frame library, templates and the sentence that a record leaves with."""

from __future__ import annotations

import re
from itertools import product

import pytest

from operators.narration.checker import check
from operators.narration.frames import FrameLibrary
from operators.narration.languages.registry import LANGUAGES, language_of
from operators.narration.names import Names
from operators.narration.narrate import narrate
from operators.narration.sentence import Sentence
from operators.narration.shipped import FrameRow, frame_rows
from operators.narration.templates import templates
from operators.narration.vocabulary import canonical_categories, categories
from schemas.facts import ANCHORED, Facts
from schemas.recommendation import ReasonKind, TextSource

FRAMES = FrameLibrary.load()
CODES = [language.code for language in LANGUAGES]
SLOTS = ["{B}", "{A} and {B} box set", "{0}", "{title!r}", "{0.__class__.__mro__}", "{{B}}", "100%s cotton %d",
       "$title ${B}", "{% raw %}", "a\\b \\u007bB\\u007d", "{"]  # fmt: skip
MARKUP = ["Now &amp; Then", "Tom &#39;n&#39; Jerry", "<b>Sale</b> Lamp", "<script>alert(1)</script>Lamp",
       "[Lamp](javascript:alert(1))", "**Lamp**", "AT&T <3", "5 < 6 & 7 > 2", "Lamp<br/>blue",
       "R&D; notes"]  # fmt: skip


def film(kind: ReasonKind, **changes: object) -> Facts:
    fields: dict[str, object] = {
        "kind": kind,
        "title": "Silver Harbor (1996)",
        "categories": ("Thriller",),
        "anchor_title": "Northern Lights (1990)" if kind in ANCHORED else None,
        "query": "weekend idea" if kind is ReasonKind.SEARCH_MATCH else None,
        "user_key": "u1",
        "item_key": "i1",
    }
    return Facts(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("row", [row for code in CODES for row in frame_rows(code)], ids=lambda row: row.text[:40])
def test_every_shipped_frame_passes_the_checker(row: FrameRow) -> None:
    assert row.reviewed and row.category in categories() and language_of(row.locale).code == row.locale
    titles = ("远山", "长河", "好看的") if row.locale == "zh" else ("Silver Harbor", "Northern Lights", "weekend idea")
    facts = film(
        row.reason,
        title=titles[0],
        categories=(row.category,),
        locale=row.locale,
        anchor_title=titles[1] if row.reason in ANCHORED else None,
        query=titles[2] if row.reason is ReasonKind.SEARCH_MATCH else None,
    )
    sentence = Sentence.of(row.text)
    assert "B" in sentence.slots
    assert check(sentence.fill(Names.of(facts).slots()), facts) == ()


@pytest.mark.parametrize(("kind", "language"), list(product(ReasonKind, CODES)))
@pytest.mark.parametrize("title", ["Silver Harbor", None])
@pytest.mark.parametrize("named", [True, False])
def test_every_reason_has_a_template_that_passes(
    kind: ReasonKind, language: str, title: str | None, named: bool
) -> None:
    facts = film(kind, title=title, locale=language, categories=())
    if not named:
        facts = film(kind, title=title, locale=language, categories=(), anchor_title=None, query=None)
    text = narrate(facts, FRAMES)
    assert text.source is TextSource.TEMPLATE and text.rejected == ()
    assert (title is None) == ("Silver Harbor" not in text.text)
    if named and kind in ANCHORED:
        assert text.text.count("Northern Lights") == 1
    assert "i1" not in text.text and text.text[-1] in ".。"


def test_templates_exist_for_every_set_of_slots_a_reason_can_have() -> None:
    for kind, language in product(ReasonKind, CODES):
        for sentence in templates(kind, language, frozenset()):
            assert not sentence.slots


def test_a_frame_is_used_for_a_category_that_the_item_has_and_for_no_other() -> None:
    assert narrate(film(ReasonKind.TRENDING), FRAMES).source is TextSource.FRAME
    assert "thriller" in narrate(film(ReasonKind.TRENDING), FRAMES).text
    backed_off = narrate(film(ReasonKind.TRENDING, categories=("Gardening", "War")), FRAMES)
    assert backed_off.source is TextSource.FRAME and "war film" in backed_off.text
    assert narrate(film(ReasonKind.TRENDING, categories=("Gardening",)), FRAMES).source is TextSource.TEMPLATE
    assert narrate(film(ReasonKind.TRENDING, title=None), FRAMES).source is TextSource.TEMPLATE
    assert narrate(film(ReasonKind.CO_WATCHED, anchor_title=None), FRAMES).source is TextSource.TEMPLATE


def test_the_choice_depends_on_user_and_item_alone_and_varies_with_them() -> None:
    facts = [film(ReasonKind.TRENDING, categories=("Comedy",), user_key=f"u{n}") for n in range(50)]
    texts = [narrate(one, FRAMES).text for one in facts]
    assert texts == [narrate(one, FrameLibrary.load()).text for one in facts]
    assert len(set(texts)) > 1


def test_movielens_genres_have_their_frames() -> None:
    genres = ["Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
              "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War",
              "Western"]  # fmt: skip
    for genre in genres:
        assert len(canonical_categories((genre,))) == 1, genre
        assert narrate(film(ReasonKind.TRENDING, categories=(genre,)), FRAMES).source is TextSource.FRAME, genre
    assert canonical_categories(("unknown", "Star Wars", "")) == ()
    assert canonical_categories(("Comedy|Drama", "Home & Kitchen > Cookware")) == ("comedy", "drama", "kitchen")


def test_language_follows_the_locale() -> None:
    assert [language_of(locale).code for locale in ("zh", "zh-CN", "zh_TW", "ZH-hant", "en-GB", "fr", "", "zhx")] == [
        "zh", "zh", "zh", "zh", "en", "en", "en", "en",
    ]  # fmt: skip
    text = narrate(film(ReasonKind.TRENDING, title="远山", locale="zh-CN", categories=("喜剧",)), FRAMES)
    assert text.source is TextSource.FRAME and "《远山》" in text.text and "喜剧" in text.text
    assert narrate(film(ReasonKind.TRENDING, locale="fr-FR"), FRAMES).text.isascii()


@pytest.mark.parametrize("title", SLOTS + MARKUP)
@pytest.mark.parametrize("locale", ["en", "zh"])
def test_hostile_titles_stand_in_the_text_once_and_unharmed(title: str, locale: str) -> None:
    as_item = film(ReasonKind.CO_WATCHED, title=title, locale=locale, categories=("Horror",))
    as_anchor = film(ReasonKind.CO_WATCHED, anchor_title=title, locale=locale, categories=("Horror",))
    for facts in (as_item, as_anchor):
        text = narrate(facts, FRAMES)
        names = Names.of(facts)
        assert text.source is TextSource.FRAME
        assert names.item is not None and names.anchor is not None
        assert text.text.count(names.item) == 1 and text.text.count(names.anchor) == 1
        rest = text.text.replace(names.item, "").replace(names.anchor, "")
        assert not set("{}$%\\<>*[]") & set(rest) and "javascript:" not in text.text


@pytest.mark.parametrize("query", SLOTS)
def test_hostile_queries_are_quoted(query: str) -> None:
    text = narrate(film(ReasonKind.SEARCH_MATCH, query=query), FRAMES)
    assert f'"{query}"' in text.text
    same = narrate(film(ReasonKind.SEARCH_MATCH, query=query, title=query), FRAMES)
    assert same.text.count(query) == 1


def test_an_anchor_that_reads_as_the_slot_of_the_title_is_not_filled_again() -> None:
    text = narrate(film(ReasonKind.CO_WATCHED, anchor_title="{B}", categories=()), FRAMES)
    assert "{B}" in text.text and text.text.count("Silver Harbor") == 1


def test_a_title_that_repeats_words_of_the_sentence_gets_another_one() -> None:
    facts = film(ReasonKind.CO_WATCHED, title="People", anchor_title="If", categories=())
    text = narrate(facts, FRAMES)
    assert text.source is TextSource.TEMPLATE and text.rejected
    assert len(re.findall(r"\bPeople\b", text.text)) == 1


def test_long_titles_still_give_at_most_thirty_words() -> None:
    long = "Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron"
    for kind in ReasonKind:
        text = narrate(film(kind, title=long, anchor_title=f"Another {long}" if kind in ANCHORED else None), FRAMES)
        assert len(text.text.split()) <= 30
