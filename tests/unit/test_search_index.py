"""The index of searches: kept current one item at a time, bounded, and how it reads what is typed."""

from __future__ import annotations

import numpy as np
import pytest

from operators.text.folding import fold
from operators.text.search_index import MAX_ATOMS, SearchIndex
from operators.text.spelling import slips
from operators.text.tokenizer import tokens_of_text

WORDS = (
    "kettle",
    "kettles",
    "tea",
    "teapot",
    "pot",
    "steel",
    "it",
    "for",
    "枕头",
    "毛毯",
    "หมอน",
    "तकिया",
    "чайник",
    "1.7",
)


def index_of(*titles: str) -> SearchIndex:
    index = SearchIndex()
    for item, title in enumerate(titles):
        index.add(item, title, ())
    return index


def found(index: SearchIndex, query: str) -> list[int]:
    return [int(item) for item in index.find(query)]


def test_an_index_that_changed_is_as_one_made_anew() -> None:
    """Items that are added, replaced and removed in any order, up to several widths of rows and thousands of words."""
    rng = np.random.default_rng(3)
    changed, there = SearchIndex(), dict[int, tuple[str, tuple[str, ...]]]()
    for step in range(2_000):
        item = int(rng.integers(300))
        if item in there and rng.random() < 0.4:
            changed.remove(item)
            del there[item]
            continue
        words = [str(word) for word in rng.choice(WORDS, int(rng.integers(1, 30)))] + [f"word{step}x"]
        there[item] = " ".join(words), (str(rng.choice(WORDS)),) * int(rng.integers(3))
        changed.add(item, *there[item])
    anew = SearchIndex()
    for item in sorted(there):
        anew.add(item, *there[item])
    assert changed.documents == anew.documents == len(there)
    queries = [
        *WORDS,
        "tea pot",
        "teapot steel",
        "ketle",
        "枕",
        "it for",
        *(f"word {step} x" for step in range(0, 2_000, 40)),
    ]
    answers = [found(changed, query) for query in queries]
    assert answers == [found(anew, query) for query in queries]
    assert sum(map(bool, answers)) > 15
    for item in there:
        changed.remove(item)
    assert changed.documents == 0 and not any(found(changed, query) for query in queries)


def test_rows_are_bounded_and_what_fits_is_found() -> None:
    long = " ".join(f"word{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(500)) + " moonshine"
    index = index_of(long, "字" * 900 + "枕头", "Lamp")
    assert index.arrays().rows.shape[1] == MAX_ATOMS
    assert found(index, "wordaa wordab") == [0] and found(index, "moonshine") == []
    index.add(3, "Lamp", tuple(f"category number {n}" for n in range(100)))
    assert found(index, "lamp") == [2, 3]


def test_an_answer_looks_at_a_bounded_number_of_items_and_the_rare_word_decides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("operators.text.search_index.SCAN_BUDGET", 500)
    index = index_of("Moon Lamp", *("Lamp" if item % 2 else "Lamp Shade" for item in range(600)))
    assert found(index, "moon lamp")[0] == found(index, "lamp moon")[0] == 0
    assert len(found(index, "lamp")) == 500


def test_one_slip_is_what_damerau_says() -> None:
    """Against the distance by its definition, over all words of five letters out of four."""
    letters, word = "abcd", "abcda"
    near = set(slips(word, letters))
    for number in range(4**6):
        digits = [letters[number // 4**place % 4] for place in range(6)]
        for other in ("".join(digits), "".join(digits[:5]), "".join(digits[:4])):
            first_swapped = len(other) == len(word) and other[1:] == word[1:] and other[0] != word[0]
            assert (other in near) == (damerau(word, other) == 1 and not first_swapped), other
    assert not list(slips("cup", letters)) and not list(slips("a" * 40, letters))


def damerau(one: str, other: str) -> int:
    """Optimal string alignment: letters left out, put in, replaced, and neighbours swapped."""
    rows = [list(range(len(other) + 1))]
    for i in range(1, len(one) + 1):
        row = [i]
        for j in range(1, len(other) + 1):
            row.append(min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (one[i - 1] != other[j - 1])))
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                row[-1] = min(row[-1], rows[-2][j - 2] + 1)
        rows.append(row)
    return rows[-1][-1]


def test_what_is_one_slip_away_comes_before_its_plural() -> None:
    assert found(index_of("Aliens", "Alien"), "alijn") == [1, 0]


def test_slips_are_looked_for_only_where_the_word_is_not_there() -> None:
    index = index_of("Steel Pan", "Steal This Book", "Kettle")
    assert found(index, "steal") == [1] and found(index, "steel") == [0] and found(index, "ketlte") == [2]


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("istanbul", "İSTANBUL"), ("ISPARTA", "ısparta"), ("strasse", "Straße"), ("STRAẞE", "strasse"),
        ("crème brûlée", "creme brulee"), ("søstre", "sostre"), ("ｆｕｌｌ", "full"), ("ﬁlter", "filter"),
        ("الكُرْسيّ", "الكرسي"), ("أحمد", "احمد"), ("مكتبة", "مكتبه"), ("عربی", "عربي"),
        ("کتاب", "كتاب"), ("شــاي", "شاي"),
        ("١٢", "12"), ("ケトル", "けとる"), ("ｹﾄﾙ", "ケトル"), ("हिन्\u200dदी", "हिन्दी"), ("बड़ा", "बड़ा"),
        ("שָׁלוֹם", "שלום"), ("ёлка", "елка"), ("Ά", "α"), ("\u1112\u1161\u11ab", "한"),
    ],
)  # fmt: skip
def test_spellings_that_are_one(typed: str, title: str) -> None:
    assert fold(typed) == fold(title)
    assert found(index_of(f"xx {title}"), typed) == [0]


def test_marks_that_are_vowels_stay_in_the_word() -> None:
    """Two Hindi words, and two Thai ones, that differ in vowel signs only."""
    assert tokens_of_text("मुलायम तकिया") == ["मुलायम", "तकिया"]
    index = index_of("पीला", "पुल", "ที่นอน", "ท่านอน", "பால்", "பூ")
    assert found(index, "पुल") == [1] and found(index, "ที่นอน") == [2] and found(index, "பால்") == [4]


def test_a_phrase_inside_a_title_without_spaces_is_found() -> None:
    index = index_of("射雕英雄传（第3版）", "英国人雄辩录", "不锈钢饭盒")
    assert found(index, "英雄") == [0]
    assert found(index, "射雕英雄传") == [0] and found(index, "第3版")[0] == 0


def test_titles_of_stop_words_are_found_whole_and_only_so() -> None:
    index = index_of("It (1990)", "This Is It", "As It Is", "From", "The Green Lamp", "It Came from the Sea")
    answers = [found(index, query) for query in ("It", "it", "This Is It", "as it is", "FROM")]
    assert answers == [[0], [0], [1], [2], [3]]
    assert not any(found(index, query) for query in ("of the", "the", "is it", "it is", "this", "的"))
    assert found(index, "it came from the sea") == [5]


def test_some_of_the_words_are_an_answer_only_with_the_thing_that_is_wanted() -> None:
    index = index_of("Electric Kettle", "Electric Toothbrush", "Kettle Descaler", "Red Wine", "Teapot")
    assert found(index, "red kettle")[0] == 0 and 3 not in found(index, "red kettle")
    assert found(index, "electric guitar") == [] and found(index, "guitar stand") == []
    assert found(index, "kettle 3 l") == [0], "numbers and units are no things"


def test_the_thing_comes_before_what_belongs_to_it() -> None:
    index = index_of("Vacuum Cleaner Bags", "Bags for Vacuum Cleaner", "Vacuum Flask", "Cordless Vacuum Cleaner 2-in-1")
    assert found(index, "vacuum cleaner") == [3, 0, 1]
    romance = SearchIndex()
    for item, title in enumerate(("Détartrant bouilloire", "Bouilloire électrique")):
        romance.add(item, title, (), "fr-CA")
    assert found(romance, "bouilloire") == [1, 0]


def test_words_joined_and_split_with_a_plural_or_a_slip_in_them() -> None:
    index = index_of("Vacuum Cleaner", "Glass Tea Pot", "Toothbrush", "Cleaner Vacuum", "Lamp")
    for query in ("vacuumcleaner", "vacuumcleaners", "vacumcleaner", "vacuumcleener", "vacuum-cleaner"):
        assert found(index, query)[0] == 0, query
    assert found(index, "teapots") == found(index, "teapot") == [1]
    assert found(index, "tooth brush") == found(index, "tooth brushes") == [2]
