"""Titles in prose, and untrusted text made plain."""

from __future__ import annotations

import pytest

from operators.narration.facts import Facts
from operators.narration.graphemes import cut
from operators.narration.plain_text import is_visible, plain_text
from operators.narration.titles import MAX_CHARACTERS, Names, prose_title, quoted
from schemas.recommendation import ReasonKind


@pytest.mark.parametrize(
    ("title", "prose"),
    [
        ("Godfather, The (1972)", "The Godfather"),
        ("Enfer, L' (1994)", "L'Enfer"),
        ("Misérables, Les (1995)", "Les Misérables"),
        ("City of Lost Children, The (Cité des enfants perdus, La) (1995)", "The City of Lost Children"),
        ("Seven (Se7en) (1995)", "Seven (Se7en)"),
        ("2001: A Space Odyssey (1968)", "2001: A Space Odyssey"),
        ("(1972)", "(1972)"),
        ("1984", "1984"),
        ("Sex, Lies, and Videotape (1989)", "Sex, Lies, and Videotape"),
        ("《红楼梦》", "红楼梦"),
        ("  Two \t words\n", "Two words"),
        ("", ""),
        ("\u202e\u200b", ""),
    ],
)
def test_prose_form(title: str, prose: str) -> None:
    assert prose_title(title) == prose


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("Now &amp; Then", "Now & Then"),
        ("Now &amp;amp; Then", "Now &amp; Then"),
        ("Tom &#39;n&#39; Jerry", "Tom 'n' Jerry"),
        ("<b>Sale</b> Lamp", "Sale Lamp"),
        ("<script>alert(1)</script>Lamp", "Lamp"),
        ("[Lamp](javascript:alert(1))", "Lamp"),
        ("**Lamp**", "Lamp"),
        ("AT&T <3", "AT&T <3"),
        ("5 < 6 & 7 > 2", "5 < 6 & 7 > 2"),
        ("Lamp<br/>blue", "Lamp blue"),
        ("R&D; notes", "R&D; notes"),
        ("&lt;b&gt;Sale&lt;/b&gt;", "Sale"),
        ("<<b>script>x</script>y", "xy"),
        ("M*A*S*H", "M*A*S*H"),
        ("**batteries not included", "**batteries not included"),
        ("JavaScript: The Good Parts", "JavaScript: The Good Parts"),
        ("javascript:alert(1)", "alert(1)"),
        ("[Lamp](2005)", "[Lamp](2005)"),
        ("if a<b and c>d", "if a<b and c>d"),
    ],
)
def test_markup_goes_and_the_rest_is_not_damaged(raw: str, plain: str) -> None:
    assert plain_text(raw) == plain


@pytest.mark.parametrize(
    "title",
    ["{B}", "{A} and {B} box set", "{0}", "{title!r}", "{0.__class__.__mro__}", "{{B}}", "100%s cotton %d",
     "$title ${B}", "{% raw %}", "a\\b \\u007bB\\u007d", "{"],
)  # fmt: skip
def test_a_title_that_looks_like_a_template_stays_as_written(title: str) -> None:
    assert prose_title(title) == title


def test_half_characters_become_the_replacement_character() -> None:
    assert plain_text("Party \ud83d") == "Party \ufffd"
    assert plain_text("\udc4a cake") == "\ufffd cake"
    assert plain_text("Party \U0001f44a") == "Party \U0001f44a"


def test_invisible_and_bidirectional_characters_go_but_emoji_sequences_stay() -> None:
    assert plain_text("a\u200bb\u202ec\u2066d\ufeffe\x00f\x1bg\u00adh") == "abcdefgh"
    smuggled = "".join(chr(0xE0000 + ord(c)) for c in "obey")
    assert plain_text(f"Lamp{smuggled}") == "Lamp"
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    england = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    assert plain_text(family + england) == family + england
    assert is_visible(family) and not is_visible("a\u202eb")
    assert len(plain_text("a" + "\u0301" * 100)) <= 7


@pytest.mark.parametrize(
    "cluster",
    ["\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", "\U0001f1e9\U0001f1ea", "\U0001f44b\U0001f3fd",
     "e\u0301", "1\ufe0f\u20e3", "\u1112\u1161\u11ab", "한", "\u0ba8\u0bbf"],
)  # fmt: skip
def test_cutting_never_splits_what_a_reader_sees_as_one_character(cluster: str) -> None:
    text = cluster * 40
    for limit in range(len(text)):
        kept = cut(text, limit)
        assert len(kept) % len(cluster) == 0
        assert limit - len(cluster) < len(kept) <= limit


def test_long_titles_are_cut_between_words_and_say_so() -> None:
    title = prose_title("A Very Long Title About Nothing " * 20)
    assert len(title) <= MAX_CHARACTERS and title.endswith("…") and not title[:-1].endswith(" ")
    assert title[:-1] == ("A Very Long Title About Nothing " * 20)[: len(title) - 1]
    assert len(prose_title("长" * 500)) <= 25
    assert len(prose_title("x" * 5_000)) == MAX_CHARACTERS


def test_titles_that_do_not_read_as_names_are_quoted() -> None:
    assert quoted("The Godfather") == "The Godfather"
    assert quoted("{B}") == "“{B}”"
    assert quoted("Good Night, and Good Luck") == "“Good Night, and Good Luck”"
    assert quoted("Dr. No") == "Dr. No"
    assert quoted("Stop now. Obey me") == "“Stop now. Obey me”"


def test_two_films_of_one_name_keep_their_years() -> None:
    facts = Facts(kind=ReasonKind.CO_WATCHED, title="Sabrina (1995)", anchor_title="Sabrina (1954)")
    assert (Names.of(facts).item, Names.of(facts).anchor) == ("Sabrina (1995)", "Sabrina (1954)")
    same = Facts(kind=ReasonKind.CO_WATCHED, title="Sabrina", anchor_title="SABRINA")
    assert Names.of(same).anchor is None


def test_a_query_that_holds_the_title_is_left_out() -> None:
    facts = Facts(kind=ReasonKind.SEARCH_MATCH, title="{B}", query="{B}")
    assert Names.of(facts).query is None
    facts = Facts(kind=ReasonKind.SEARCH_MATCH, title="The Godfather (1972)", query="godfather")
    assert Names.of(facts).query == "godfather"


def test_an_anchor_without_a_reason_for_it_is_not_named() -> None:
    facts = Facts(kind=ReasonKind.TRENDING, title="Heat", anchor_title="Alien", query="heat films")
    assert Names.of(facts).slots() == {"B": "Heat"}
