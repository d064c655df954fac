"""The checker: what each rule catches, what it must let pass, and its figures on sentences labelled by a reader."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from operators.narration.catalog_titles import known_titles
from operators.narration.check_rules import CheckRule
from operators.narration.checker import check
from operators.narration.frames import FrameLibrary
from operators.narration.names import Names
from operators.narration.narrate import narrate
from operators.narration.sentence import Sentence
from operators.narration.vocabulary import vocabulary
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from schemas.domains import Domain
from schemas.facts import ANCHORED, Facts
from schemas.recommendation import ReasonKind
from schemas.records import CatalogItem

LABELLED = Path(__file__).parents[1] / "data" / "sentences-labelled.jsonl"


def facts(
    kind: ReasonKind = ReasonKind.CO_WATCHED, categories: tuple[str, ...] = ("Horror",), locale: str = "en"
) -> Facts:
    chinese = locale == "zh"
    return Facts(
        kind=kind,
        title="远山" if chinese else "Silver Harbor (1996)",
        categories=categories,
        locale=locale,
        anchor_title=("长河" if chinese else "Northern Lights (1990)") if kind in ANCHORED else None,
        query=("好看的" if chinese else "weekend idea") if kind is ReasonKind.SEARCH_MATCH else None,
        domain=Domain.RETAIL if categories[0].lower() in vocabulary(Domain.RETAIL).categories else Domain.FILM,
        liked=kind in ANCHORED,
    )


GOOD = [
    "Fans of Northern Lights often enjoy Silver Harbor too, "
    "an eerie horror film that keeps you on the edge of your seat.",
    "If you liked Northern Lights, try Silver Harbor.",
]


@pytest.mark.parametrize("text", GOOD)
def test_a_true_sentence_passes(text: str) -> None:
    assert check(text, facts()) == ()


BEGINNING = "Fans of Northern Lights often enjoy Silver Harbor too, "


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Fans of Northern Lights often enjoy it too.", CheckRule.MISSING_TITLE),
        ("Fans of Northern Lights often enjoy silver harbor too.", CheckRule.ALTERED_TITLE),
        ("Fans of Northern Lights often enjoy Silver-Harbor too.", CheckRule.ALTERED_TITLE),
        ("Fans of Northern Lights often enjoy Silver Harbors too.", CheckRule.ALTERED_TITLE),
        (BEGINNING + "Silver Harbor.", CheckRule.DUPLICATED_TITLE),
        ("Many people enjoy Silver Harbor.", CheckRule.MISSING_ANCHOR),
        (BEGINNING + "a film like {B}.", CheckRule.UNFILLED_SLOT),
        (BEGINNING + "a horror film of 1996.", CheckRule.NUMBER),
        (BEGINNING + "a horror film for hundreds of nights.", CheckRule.NUMBER),
        (BEGINNING + "see www.example.com.", CheckRule.URL),
        (BEGINNING + "a <b>good</b> horror film.", CheckRule.MARKUP),
        (BEGINNING + "a **good** horror film.", CheckRule.MARKUP),
        (BEGINNING + "Genre: horror.", CheckRule.PROMPT_LEAK),
        ("As an AI language model, fans of Northern Lights enjoy Silver Harbor.", CheckRule.PROMPT_LEAK),
        (BEGINNING + "a sexy horror film.", CheckRule.UNSAFE_WORD),
        (BEGINNING + "an award-winning horror film.", CheckRule.CLAIM),
        (BEGINNING + "the best horror film.", CheckRule.CLAIM),
        (BEGINNING + "the first horror film.", CheckRule.CLAIM),
        (BEGINNING + "a horror film with a great star.", CheckRule.CLAIM),
        (BEGINNING + "a horror film by a great director.", CheckRule.CLAIM),
        (BEGINNING + "a horror film that you will love.", CheckRule.ABSOLUTE),
        (BEGINNING + "a horror film with a surprising ending.", CheckRule.PLOT),
        (BEGINNING + "a horror film that explores the edge of the ocean.", CheckRule.PLOT),
        (BEGINNING + "a western.", CheckRule.WRONG_GENRE),
        (BEGINNING + "a science fiction film.", CheckRule.WRONG_GENRE),
        (BEGINNING + "a light-hearted horror film.", CheckRule.WRONG_TONE),
        (BEGINNING + "a horror film that is trending.", CheckRule.WRONG_REASON),
        (BEGINNING + "a horror film for your search.", CheckRule.WRONG_REASON),
        ("Northern Lights, Silver Harbor, a horror film.", CheckRule.MISSING_REASON),
        (BEGINNING + "a horror film like Casablanca.", CheckRule.UNKNOWN_NAME),
        (BEGINNING + "a horror film for shoppers.", CheckRule.WRONG_GENRE),
        (BEGINNING + "see evil.example.", CheckRule.URL),
        (BEGINNING + "a horror film to explain the ocean.", CheckRule.UNKNOWN_WORD),
        (BEGINNING + "a horror film. It is good.", CheckRule.SEVERAL_SENTENCES),
        (BEGINNING + "a horror film that is so " + "very " * 22 + "good.", CheckRule.TOO_LONG),
        ("Silver Harbor.", CheckRule.TOO_SHORT),
        (BEGINNING + "a horror film", CheckRule.BROKEN_ENDING),
        (BEGINNING + "a horror film with the.", CheckRule.BROKEN_ENDING),
        (BEGINNING + "a horror film that keeps them on the edge.", CheckRule.BROKEN_ENDING),
        (BEGINNING + "an scary horror film.", CheckRule.ARTICLE),
        (BEGINNING + "a eerie horror film.", CheckRule.ARTICLE),
        (BEGINNING + "a creepy horror film that is creeping.", CheckRule.TAUTOLOGY),
        (BEGINNING + "a scary horror film that is scary.", CheckRule.REPEATED_WORD),
        (BEGINNING + "一部恐怖片.", CheckRule.WRONG_SCRIPT),
        (BEGINNING + "a horror\u202e film.", CheckRule.INVISIBLE_CHARACTER),
    ],
)
def test_each_rule_catches_what_it_is_for(text: str, rule: CheckRule) -> None:
    assert rule in check(text, facts())


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("喜欢《长河》的观众也爱看它。", CheckRule.MISSING_TITLE),
        ("喜欢《长河》的观众也爱看《远山》，一部喜剧片。", CheckRule.WRONG_GENRE),
        ("喜欢《长河》的观众也爱看《远山》，它的续作。", CheckRule.PLOT),
        ("喜欢《长河》的观众绝对爱看《远山》。", CheckRule.ABSOLUTE),
        ("喜欢《长河》的观众也爱看《远山》，导演很好。", CheckRule.CLAIM),
        ("喜欢《长河》的观众也爱看《远山》和《高山》。", CheckRule.UNKNOWN_NAME),
        ("喜欢《长河》的观众也爱看《远山》，这是 1996 的片。", CheckRule.NUMBER),
        ("喜欢《长河》的观众也爱看《远山》。很好看。", CheckRule.SEVERAL_SENTENCES),
        ("喜欢《长河》的观众也爱看《远山》", CheckRule.BROKEN_ENDING),
        ("Fans of 长河 also like 远山.", CheckRule.WRONG_SCRIPT),
        ("喜欢《长河》的观众也爱看《远山》" + "，很阴森" * 15 + "。", CheckRule.TOO_LONG),
    ],
)
def test_chinese_rules(text: str, rule: CheckRule) -> None:
    assert check("喜欢《长河》的观众也爱看《远山》，一部恐怖片。", facts(locale="zh")) == ()
    assert rule in check(text, facts(locale="zh"))


def test_the_anchor_recommended_again_is_caught() -> None:
    same = replace(facts(), title="Heat (1995)", categories=("Crime",), anchor_title="Heat (1995)")
    assert CheckRule.SAME_AS_ANCHOR in check("Fans of Heat often enjoy Heat too, a dark crime film.", same)


def test_a_title_inside_another_is_told_apart() -> None:
    two = replace(facts(), title="Toy Story", categories=("Animation",), anchor_title="Toy Story 2")
    assert check("Fans of Toy Story 2 often enjoy Toy Story too, a playful animated film.", two) == ()
    assert CheckRule.MISSING_TITLE in check("Fans of Toy Story 2 often enjoy a playful animated film.", two)


def test_words_of_titles_break_no_rule() -> None:
    odd = replace(facts(), title="The Best 12 Oscars of Star Director, 90% off <3", anchor_title="Western Comedy 7")
    names = Names.of(odd)
    text = Sentence.of("Fans of {A} often enjoy {B} too, an eerie horror film.").fill(names.slots())
    assert check(text, odd) == ()


def test_another_title_of_the_catalogue_is_found() -> None:
    index = ItemIndex(Parameters())
    for n, title in enumerate(("Blue Velvet (1986)", "Godfather, The (1972)", "Velvet Goldmine (1998)")):
        index.set_catalog(CatalogItem(f"i{n}", title))
    known = known_titles(index)
    for named in ("a horror film like Blue Velvet.", 'a horror film like "the godfather".', "a tense Blue Velvet."):
        assert CheckRule.OTHER_TITLE in check(BEGINNING + named, facts(), known), named
    assert CheckRule.OTHER_TITLE not in check(BEGINNING + "a horror film like Blue Steel.", facts(), known)
    assert CheckRule.OTHER_TITLE not in check(GOOD[0], facts(), known)
    index.delete("i0")
    assert CheckRule.OTHER_TITLE not in check(BEGINNING + "a horror film like Blue Velvet.", facts(), known)


def test_the_text_of_another_reason_is_refused() -> None:
    trending = facts(ReasonKind.TRENDING)
    assert check("Silver Harbor is trending right now, a scary horror film.", trending) == ()
    assert CheckRule.WRONG_REASON in check("You searched for Silver Harbor, a scary horror film.", trending)


def test_film_words_need_a_film() -> None:
    lamp = Facts(kind=ReasonKind.TRENDING, title="Desk Lamp", categories=("Home",), domain=Domain.RETAIL)
    assert CheckRule.WRONG_GENRE in check("Many viewers are watching Desk Lamp right now.", lamp)
    assert check("Many shoppers are choosing Desk Lamp for a cozy, tidy home right now.", lamp) == ()
    assert CheckRule.WRONG_GENRE in check("Many shoppers are choosing Desk Lamp right now.", general(lamp))


def general(one: Facts) -> Facts:
    return replace(one, domain=Domain.GENERAL, categories=())


def test_liking_has_to_be_known() -> None:
    for text in GOOD:
        assert CheckRule.UNPROVEN_LIKING in check(text, replace(facts(), liked=False))
        assert CheckRule.UNPROVEN_LIKING not in check(text, facts())
    neutral = "People who watch Northern Lights may like Silver Harbor, an eerie horror film."
    assert check(neutral, replace(facts(), liked=False)) == ()
    chinese = "喜欢《长河》的观众也常看《远山》，一部恐怖片。"
    assert check(chinese, facts(locale="zh")) == ()
    assert check(chinese, replace(facts(locale="zh"), liked=False)) == (CheckRule.UNPROVEN_LIKING,)


@pytest.mark.parametrize(
    "text", ["x" * 1_000_000, "x" * 10_000, "\U0001f389" * 3_000, "a b c " * 400, '"“' * 5_000, "A. " * 3_000,
             "<" * 10_000, "1 " * 5_000, "很" * 10_000, "Silver Harbor " * 1_000]
)  # fmt: skip
@pytest.mark.parametrize("locale", ["en", "zh", "zh-TW"])
def test_time_does_not_grow_with_the_text(text: str, locale: str) -> None:
    """Cut before any rule: a text of any length costs what one of 500 characters does."""
    one = facts(locale=locale)
    check("warm up", one)
    started = time.process_time()
    assert CheckRule.TOO_LONG in check(text + " is popular right now.", one)
    assert time.process_time() - started < 0.005 * 3  # 5 ms, and room for a busy machine
    hostile = replace(one, title=text, anchor_title=text, query=text)
    started = time.process_time()
    check("Silver Harbor is popular right now.", hostile)
    assert time.process_time() - started < 0.1


def _labelled() -> list[tuple[str, str, bool]]:
    filled = {"en": ("Silver Harbor", "Northern Lights", "weekend idea"), "zh": ("远山", "长河", "好看的")}
    rows = []
    for line in LABELLED.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        text = row["text"]
        for slot, name in zip(("{B}", "{A}", "{Q}"), filled[row["locale"]], strict=True):
            text = text.replace(slot, name)
        one = replace(facts(ReasonKind(row["reason"]), (row["category"],), row["locale"]), liked=True)
        if one.domain is Domain.RETAIL:  # the sentences were collected when goods stood in the marks of books, too
            text = text.replace("《", "“").replace("》", "”")
        refused = bool(check(text, one))
        rows.append((row["locale"], row["label"], refused))
    return rows


def test_precision_and_recall_on_the_labelled_sentences() -> None:
    """The rules were written with these sentences in view, so the figures flatter; they guard against going back."""
    rows = _labelled()

    def share(locale: str, *labels: str) -> float:
        chosen = [refused for found, label, refused in rows if found == locale and label in labels]
        return sum(chosen) / len(chosen)

    print(
        {
            (locale, label): round(share(locale, label), 3)
            for locale in ("en", "zh")
            for label in ("natural", "awkward", "wrong")
        }
    )
    assert share("en", "wrong") >= 0.95 and share("zh", "wrong") >= 0.95
    assert share("en", "awkward") >= 0.7 and share("zh", "awkward") >= 0.4
    assert share("en", "natural") <= 0.1 and share("zh", "natural") <= 0.05
    refused = [label for _, label, is_refused in rows if is_refused]
    precision = sum(label != "natural" for label in refused) / len(refused)
    assert precision >= 0.85


def test_filling_and_checking_is_fast_enough_for_every_record() -> None:
    frames = FrameLibrary.load()
    kinds = list(ReasonKind)
    genres = ("Horror", "Comedy", "Drama", "War")
    many = [
        Facts(
            kind=kinds[n % len(kinds)],
            title=f"Silver Harbor {n % 1_500} (1996)",
            categories=(genres[n % 4],),
            locale="zh" if n % 5 == 0 else "en",
            anchor_title=f"Northern Lights {n % 1_400} (1990)",
            query="weekend idea",
            domain=Domain.FILM,
            liked=n % 3 > 0,
            user_key=f"u{n}",
            item_key=f"i{n % 1_500}",
        )
        for n in range(4_000)
    ]
    started = time.process_time()
    texts = [narrate(one, frames) for one in many]
    rate = len(texts) / (time.process_time() - started)
    assert rate >= 5_000, f"{rate:.0f} a CPU second"
