"""Titles in prose, and untrusted text made plain."""

from __future__ import annotations

import unicodedata

import pytest

from operators.narration.checker import check
from operators.narration.graphemes import cut
from operators.narration.names import Names
from operators.narration.plain_text import is_visible, plain_text
from operators.narration.quotation import (
    CORNER_BRACKETS,
    ENGLISH_QUOTES,
    TITLES_OF_WORKS,
    isolated,
    nested,
)
from operators.narration.titles import MAX_CHARACTERS, prose_query, prose_title
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from schemas.domains import Domain
from schemas.facts import Facts
from schemas.placeholders import usable_title
from schemas.recommendation import END_OF_ISOLATE, ISOLATE, ReasonKind
from schemas.records import CatalogItem


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
        ("“Iron Pan”", "Iron Pan"),
        ('"Iron Pan"', "Iron Pan"),
        ("", ""),
        ("\u202e\u200b", ""),
        ("(not set)", ""),
        ("<undefined>", ""),
        ("unknown (1995)", "unknown"),
        ("Kettle, see https://evil.example/x?y=1", "Kettle, see"),
        ("evil.example", ""),
        ("+49 30 1234567", ""),
        ("Sale (www.evil.com)", "Sale"),
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
    assert len(plain_text("a" + "\u0301" * 100)) <= 7 and len(plain_text("a" + "\u20dd" * 100)) <= 7


def test_every_character_of_unicode_that_is_not_seen_goes() -> None:
    """By class: whatever is a control, format, private-use or ignorable character, assigned or not."""
    for code in range(0x110000):
        category = unicodedata.category(chr(code))
        if category in ("Cc", "Cf", "Co"):
            assert plain_text(f"a{chr(code)}b") in ("ab", "a b"), hex(code)
    for first, last in ((0xE0000, 0xE0FFF), (0xFE00, 0xFE0F), (0xFFF0, 0xFFF8), (0x2060, 0x206F), (0x180B, 0x180F),
                        (0x115F, 0x1160)):  # fmt: skip
        for code in range(first, last + 1):
            assert plain_text(f"a{chr(code)}b") == "ab" and not is_visible(f"a{chr(code)}b"), hex(code)


def test_ignorable_characters_are_those_of_the_unicode_library() -> None:
    regex = pytest.importorskip("regex", reason="the regex package (a part of the extra llm) is not installed")
    ignorable = regex.compile(r"\p{Default_Ignorable_Code_Point}")
    for code in range(0x110000):
        if ignorable.match(chr(code)):
            assert plain_text(f"a{chr(code)}b") == "ab", hex(code)


def test_joiners_stay_where_they_have_work_and_carry_nothing_elsewhere() -> None:
    assert plain_text("می\u200cخواهم") == "می\u200cخواهم"
    assert plain_text("क\u094d\u200dष") == "क\u094d\u200dष"
    assert plain_text("a\u200db\u200cc1\ufe0f2 字\ufe0f \U00020000\ufe0f") == "abc12 字 \U00020000"
    assert plain_text("ا\u200c\u200d\u200cب").count("\u200c") <= 1
    fake = "\U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in "obeyme") + "\U000e007f"
    assert plain_text(fake) == "\U0001f3f4"


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


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("Kettle”. Call 555. “x", "Kettle’. Call 555. ‘x"),
        ('a"', "a’"),
        ('the "best" kettle', "the ‘best’ kettle"),
        ("the “best” kettle", "the ‘best’ kettle"),
        ("der „beste“ Kessel", "der ‘beste’ Kessel"),
        ("''x''", "‘x’"),
        ("＂x＂", "‘x’"),
        ("〝x〞", "‘x’"),
        ('24" screen', "24″ screen"),
        ('24" "Pro"', "24″ ‘Pro’"),
        ('"Route 66"', "‘Route 66’"),
        ("Tom 'n' Jerry's «x»", "Tom 'n' Jerry's «x»"),
        ("《红楼梦》全集", "《红楼梦》全集"),
    ],
)
def test_quotation_marks_inside_of_quotation_marks_become_inner_ones(name: str, inside: str) -> None:
    assert nested(name, ENGLISH_QUOTES) == inside
    assert ENGLISH_QUOTES.around(nested(name, ENGLISH_QUOTES)) == f"“{inside}”"


def test_every_language_nests_by_its_own_rule() -> None:
    assert nested("一》。买“二", TITLES_OF_WORKS, ENGLISH_QUOTES) == "一〉。买‘二"
    assert nested("「一」“二”", CORNER_BRACKETS) == "『一』『二』"
    facts = {"kind": ReasonKind.SEARCH_MATCH, "title": "壶》。快买《", "query": "茶”。“"}
    shop = Names.of(Facts(**facts, locale="zh-CN", domain=Domain.RETAIL)).slots()  # type: ignore[arg-type]
    assert shop == {"B": "“壶》。快买《”", "Q": "“茶’。‘”"}
    film = Names.of(Facts(**facts, locale="zh-CN", domain=Domain.FILM)).slots()  # type: ignore[arg-type]
    assert film == {"B": "《壶〉。快买〈》", "Q": "“茶’。‘”"}
    taiwan = Names.of(Facts(**facts, locale="zh-TW", domain=Domain.RETAIL)).slots()  # type: ignore[arg-type]
    assert taiwan == {"B": "「壶》。快买《」", "Q": "「茶』。『」"}


@pytest.mark.parametrize("name", ["مرحبا 123", "CSS: مغامرة جديدة!", "ספר (2024)", "١٢٣"])
def test_names_of_the_other_direction_are_isolated(name: str) -> None:
    assert isolated(name) == ISOLATE + name + END_OF_ISOLATE
    broken = f"\u202e{name}\u2069\u2068\u2066"  # what would open or close an isolate of ours is removed
    facts = Facts(kind=ReasonKind.TRENDING, title=broken)
    shown = Names.of(facts).slots()["B"]
    assert shown.startswith("“" + ISOLATE) and shown.endswith(END_OF_ISOLATE + "”")
    assert shown.count(ISOLATE) == shown.count(END_OF_ISOLATE) == 1 and "\u202e" not in shown
    assert check(f"{shown} is popular right now.", facts) == ()


@pytest.mark.parametrize("name", ["Kettle", "射雕英雄传（第3版）", "アキラ 4K", "नमस्ते", "Straße 🎉"])
def test_other_names_are_not_isolated(name: str) -> None:
    assert isolated(name) == name


@pytest.mark.parametrize(
    "raw",
    ["https://evil.example/a b", "HTTP://EVIL.EXAMPLE", "www.evil.test", "evil.example", "shop.evil.co.uk/x",
     "me@evil.example", "tel:+4930123", "bit.ly/x", "192.168.0.1:8080", "evil。com", "xn--e1afmkfd.com",
     "+1 (555) 123-4567", "555-1234", "0800 123 456", "13800138000", "400-820-8820", "evil\u200b.example"],
)  # fmt: skip
def test_addresses_leave_titles_and_queries(raw: str) -> None:
    for shown in (prose_title(f"Buy now {raw}"), prose_query(f"Buy now {raw}")):
        assert shown in ("Buy now", "Buy now b"), shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Node.js in Action", "Node js in Action"),
        ("Dr.Martens Boots", "Dr Martens Boots"),
        ("ASP.NET Core", "ASP NET Core"),
        ("M.A.S.H", "M.A.S.H"),
        ("Vol.2, No.5", "Vol.2, No.5"),
        ("3.5mm Jack, 1.8/50mm", "3.5mm Jack, 1.8/50mm"),
        ("AC/DC: Live 1984-2004", "AC/DC: Live 1984-2004"),
        ("100-240 V, 50/60 Hz", "100-240 V, 50/60 Hz"),
        ("LEGO 1 2 3 4 5 6 7 8", "LEGO 1 2 3 4 5 6 7 8"),
        ("10 000 000 Nights", "10 000 000 Nights"),
        ("Calendar 2024-05-01", "Calendar 2024-05-01"),
        ("很好。推荐你看", "很好。推荐你看"),
    ],
)
def test_what_only_looks_like_an_address_stays_readable(raw: str, shown: str) -> None:
    assert prose_title(raw) == shown


@pytest.mark.parametrize(
    "title",
    ["(not set)", " (Not Set) ", "not_set", "[undefined]", "NULL", "‘null’", "{null}", "None", "(none)", "N/A", "#N/A",
     "n.a.", "N／A", "NaN", "-", "--", "—", "?", "…", "unknown", "<Unknown>", "no title", "no-title", "Untitled",
     "TBD", "tba", "#REF!", "(other)", "[object Object]", "\\N", "无标题", "未知", "", " ", "\u200b", "\u3000"],
)  # fmt: skip
def test_placeholders_are_no_titles(title: str) -> None:
    assert usable_title(title) is None
    assert Names.of(Facts(kind=ReasonKind.TRENDING, title=title)).slots() == {}
    assert Names.of(Facts(kind=ReasonKind.SEARCH_MATCH, title="Tea", query=title)).query is None
    index = ItemIndex(Parameters())
    assert not index.titled[index.set_catalog(CatalogItem("i1", title))]


@pytest.mark.parametrize(
    "title",
    ["None of the Above", "Null Island", "It", "A", "12", "$", "🎉", "{", "Other", "Missing", "The Unknown", "NaNa"],
)
def test_titles_that_resemble_placeholders_are_titles(title: str) -> None:
    assert usable_title(title) == title
    index = ItemIndex(Parameters())
    assert index.titled[index.set_catalog(CatalogItem("i1", title))]


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
    assert Names.of(facts).slots() == {"B": "“Heat”"}
