"""Frame library, templates and the sentence that a record leaves with."""

from __future__ import annotations

import re
from itertools import product

import pytest
from msgspec.structs import replace

from operators.narration.checker import check
from operators.narration.frames import FrameLibrary
from operators.narration.languages.registry import LANGUAGES, language_of
from operators.narration.names import Names
from operators.narration.narrate import narrate
from operators.narration.sentence import Sentence
from operators.narration.shipped import FrameRow, frame_rows
from operators.narration.templates import templates
from operators.narration.vocabulary import canonical_categories, foreign_nouns, vocabulary
from schemas.domains import Domain
from schemas.facts import ANCHORED, Facts
from schemas.recommendation import ReasonKind, TextSource

FRAMES = FrameLibrary.load()
CODES = [language.code for language in LANGUAGES]
TAGS = [language.tag for language in LANGUAGES]
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
        "domain": Domain.FILM,
        "liked": kind in ANCHORED,
        "user_key": "u1",
        "item_key": "i1",
    }
    return Facts(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("row", [row for code in CODES for row in frame_rows(code)], ids=lambda row: row.text[:40])
def test_every_shipped_frame_passes_the_checker(row: FrameRow) -> None:
    assert row.reviewed and row.category in vocabulary(row.domain).categories
    assert language_of(row.locale).code == row.locale
    titles = ("远山", "长河", "好看的") if row.locale == "zh" else ("Silver Harbor", "Northern Lights", "weekend idea")
    facts = film(
        row.reason,
        title=titles[0],
        categories=(row.category,),
        locale=row.locale,
        domain=row.domain,
        anchor_title=titles[1] if row.reason in ANCHORED else None,
        query=titles[2] if row.reason is ReasonKind.SEARCH_MATCH else None,
    )
    sentence = Sentence.of(row.text)
    assert "B" in sentence.slots
    assert check(sentence.fill(Names.of(facts).slots()), facts) == ()


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("domain", Domain)
def test_every_reason_has_sentences_that_pass_in_every_language_and_domain(domain: Domain, tag: str) -> None:
    """With and without title, anchor and query, liked or not; at least two of each, so that none is sent twice."""
    for kind, titled, named, liked in product(ReasonKind, (True, False), (True, False), (True, False)):
        facts = film(kind, title="Silver Harbor" if titled else None, locale=tag, domain=domain, categories=())
        facts = replace(facts, liked=liked and kind in ANCHORED)
        if not named:
            facts = replace(facts, anchor_title=None, query=None)
        said: dict[str, None] = {}
        last = 0
        for _ in range(6):
            text = narrate(replace(facts, said=last), FrameLibrary(()))
            assert text.source is TextSource.TEMPLATE and text.rejected == (), (kind, text)
            assert text.language == tag and text.fingerprint != last
            last, said[text.text] = text.fingerprint, None
        assert len(said) >= 2, (kind, said)
        for text in said:
            assert titled == ("Silver Harbor" in text) and "i1" not in text and text[-1] in ".。?？"
            if named and kind in ANCHORED:
                assert text.count("Northern Lights") == 1


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("domain", Domain)
def test_no_sentence_has_words_of_another_domain_or_marks_that_are_not_its_own(domain: Domain, tag: str) -> None:
    language = language_of(tag)
    outer = {"en": "“”", "zh-Hans": "“”", "zh-Hant": "「」"}[tag]
    if tag != "en" and domain in (Domain.FILM, Domain.MEDIA):
        outer = "《》"
    for kind, liked in product(ReasonKind, (True, False)):
        for slots in ("AB", "B", "A", "BQ", "Q", ""):
            for sentence in templates(kind, language, domain, frozenset(slots), liked):
                bare = sentence.fill({"A": "", "B": "", "Q": ""})
                words = set(re.findall(r"[a-z]+", bare.lower())) if tag == "en" else set()
                foreign = foreign_nouns(language.code, domain)
                assert not words & foreign and not any(word in bare for word in foreign if tag != "en"), bare
                assert not set(bare) & set('《》“”「」"'), bare
        facts = film(kind, title="Silver Harbor", locale=tag, domain=domain, categories=(), liked=liked)
        assert f"{outer[0]}Silver Harbor{outer[1]}" in narrate(facts, FRAMES).text


def test_liking_is_said_only_where_it_is_known() -> None:
    """Also with the frames of every category, in both languages that have some."""
    words = re.compile(r"\b(?:liked|enjoy(?:ed|ing)?|loved|fans?)\b|(?<!可能也会)(?<!也许会)(?<!可能会)喜欢|爱看")
    said = {True: 0, False: 0}
    for kind, category, locale, n in product(ReasonKind, vocabulary(Domain.FILM).categories, ("en", "zh"), range(4)):
        for liked in (True, False):
            facts = film(kind, categories=(category,), locale=locale, user_key=f"u{n}", liked=liked)
            claimed = words.search(narrate(facts, FRAMES).text) is not None
            said[liked] += claimed
    assert said[False] == 0 and said[True] > 100


def test_a_frame_belongs_to_its_domain() -> None:
    """A pair of boots for children is no film, whatever its category is called."""
    for domain in Domain:
        text = narrate(
            film(ReasonKind.TRENDING, title="Rubber Boots", categories=("Children's",), domain=domain), FRAMES
        )
        assert (text.source is TextSource.FRAME) == ("film" in text.text) == (domain is Domain.FILM), text


def test_the_sentence_sent_last_is_passed_over() -> None:
    """Frame after frame, then a template; the same facts give the same sentence."""
    for kind, user in product(ReasonKind, range(20)):
        facts = film(kind, user_key=f"u{user}")
        first = narrate(facts, FRAMES)
        second = narrate(replace(facts, said=first.fingerprint), FRAMES)
        assert first.text != second.text and first == narrate(facts, FrameLibrary.load())
        assert second == narrate(replace(facts, said=first.fingerprint), FrameLibrary.load())


def test_a_frame_is_used_for_a_category_that_the_item_has_and_for_no_other() -> None:
    assert narrate(film(ReasonKind.TRENDING), FRAMES).source is TextSource.FRAME
    assert "thriller" in narrate(film(ReasonKind.TRENDING), FRAMES).text
    backed_off = narrate(film(ReasonKind.TRENDING, categories=("Gardening", "War")), FRAMES)
    assert backed_off.source is TextSource.FRAME and "war film" in backed_off.text
    assert narrate(film(ReasonKind.TRENDING, categories=("Gardening",)), FRAMES).source is TextSource.TEMPLATE
    assert narrate(film(ReasonKind.TRENDING, title=None), FRAMES).source is TextSource.TEMPLATE
    assert narrate(film(ReasonKind.CO_WATCHED, anchor_title=None), FRAMES).source is TextSource.TEMPLATE


def test_the_choice_depends_on_user_and_item_alone_and_varies_with_them() -> None:
    facts = [film(ReasonKind.TRENDING, categories=("Mystery",), user_key=f"u{n}") for n in range(50)]
    texts = [narrate(one, FRAMES).text for one in facts]
    assert texts == [narrate(one, FrameLibrary.load()).text for one in facts]
    assert len(set(texts)) > 1


def test_movielens_genres_have_their_frames() -> None:
    genres = ["Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
              "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War",
              "Western"]  # fmt: skip
    for genre in genres:
        assert len(canonical_categories((genre,), Domain.FILM)) == 1, genre
        assert narrate(film(ReasonKind.TRENDING, categories=(genre,)), FRAMES).source is TextSource.FRAME, genre
    assert canonical_categories(("unknown", "Star Wars", ""), Domain.FILM) == ()
    assert canonical_categories(("Comedy|Drama", "Home & Kitchen > Cookware"), Domain.FILM) == ("comedy", "drama")
    assert canonical_categories(("Comedy|Drama", "Home & Kitchen > Cookware"), Domain.RETAIL) == ("kitchen",)


@pytest.mark.parametrize(
    ("locale", "tag"),
    [
        ("zh", "zh-Hans"), ("zh-CN", "zh-Hans"), ("zh_SG", "zh-Hans"), ("zh-Hans-HK", "zh-Hans"), ("cmn", "zh-Hans"),
        ("zh_TW", "zh-Hant"), ("ZH-hant", "zh-Hant"), ("zh-HK", "zh-Hant"), ("zh-mo", "zh-Hant"),
        ("zh-Hant-CN", "zh-Hant"), ("zh-Hant-TW", "zh-Hant"), ("zh_TW.UTF-8", "zh-Hant"),
        ("en-GB", "en"), ("EN_us.UTF-8@x", "en"), ("fr", "en"), ("ar", "en"), ("", "en"), ("zhx", "en"),
    ],
)  # fmt: skip
def test_language_follows_the_locale(locale: str, tag: str) -> None:
    assert language_of(locale).tag == tag
    text = narrate(film(ReasonKind.TRENDING, title="Silver Harbor", locale=locale), FRAMES)
    assert text.language == tag
    if tag == "zh-Hant":
        assert text.source is TextSource.TEMPLATE
        text.text.encode("big5")  # raises for a character that only Simplified Chinese has
    elif tag == "zh-Hans":
        assert "《Silver Harbor》" in text.text and "惊悚" in text.text
    else:  # what is no English locale gets the plain sentence, and says that it is one
        assert text.source is (TextSource.FRAME if locale[:2].lower() == "en" else TextSource.TEMPLATE)
        assert text.text.replace("“", "").replace("”", "").isascii()


def test_every_traditional_sentence_is_in_traditional_characters() -> None:
    for domain, kind, slots in product(Domain, ReasonKind, ("AB", "B", "A", "BQ", "Q", "")):
        for sentence in templates(kind, language_of("zh-TW"), domain, frozenset(slots), True):
            text = sentence.fill({"A": "", "B": "", "Q": ""})
            text.encode("big5")
            assert not set("欢选类这个买浏览关兴顾获过还") & set(text), text


@pytest.mark.parametrize("title", SLOTS + MARKUP)
@pytest.mark.parametrize("locale", ["en", "zh"])
def test_hostile_titles_stand_in_the_text_once_and_unharmed(title: str, locale: str) -> None:
    horror = ("Horror",)
    as_item = film(ReasonKind.CO_WATCHED, title=title, locale=locale, categories=horror)
    as_anchor = film(ReasonKind.CO_WATCHED, anchor_title=title, locale=locale, categories=horror)
    for facts in (as_item, as_anchor):
        text = narrate(facts, FRAMES)
        names = Names.of(facts)
        assert text.source is TextSource.FRAME
        assert names.item is not None and names.anchor is not None
        assert text.text.count(names.item) == 1 and text.text.count(names.anchor) == 1
        for name in (names.item, names.anchor):
            assert names.titles.around(name) in text.text
        rest = text.text.replace(names.item, "").replace(names.anchor, "")
        assert not set("{}$%\\<>*[]") & set(rest) and "javascript:" not in text.text


@pytest.mark.parametrize("query", SLOTS)
def test_hostile_queries_are_quoted(query: str) -> None:
    text = narrate(film(ReasonKind.SEARCH_MATCH, query=query), FRAMES)
    assert f"“{query}”" in text.text
    same = narrate(film(ReasonKind.SEARCH_MATCH, query=query, title=query), FRAMES)
    assert same.text.count(query) == 1


def test_an_anchor_that_reads_as_the_slot_of_the_title_is_not_filled_again() -> None:
    text = narrate(film(ReasonKind.CO_WATCHED, anchor_title="{B}", categories=()), FRAMES)
    assert "{B}" in text.text and text.text.count("Silver Harbor") == 1


def test_a_title_may_be_a_word_of_the_sentence() -> None:
    facts = film(ReasonKind.CO_WATCHED, title="People", anchor_title="If", categories=())
    for user in range(12):
        text = narrate(replace(facts, user_key=f"u{user}"), FRAMES)
        assert text.rejected == () and text.text.count("“People”") == text.text.count("“If”") == 1


def test_long_titles_still_give_at_most_thirty_words() -> None:
    long = "Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron"
    for kind in ReasonKind:
        text = narrate(film(kind, title=long, anchor_title=f"Another {long}" if kind in ANCHORED else None), FRAMES)
        assert len(text.text.split()) <= 30
