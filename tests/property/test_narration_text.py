"""Whatever titles, queries and generated text hold: no exception, plain text, every name once, every text checked."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from operators.narration.checker import check
from operators.narration.frames import FrameLibrary
from operators.narration.graphemes import cut, is_boundary
from operators.narration.languages.registry import LANGUAGES
from operators.narration.names import Names
from operators.narration.narrate import narrate
from operators.narration.plain_text import is_visible, plain_text
from operators.narration.prompt import prompt_for
from operators.narration.quotation import CORNER_BRACKETS, ENGLISH_QUOTES, TITLES_OF_WORKS, Quotation, nested
from operators.narration.sentence import Sentence
from operators.narration.shipped import frame_rows, template_texts
from operators.narration.titles import MAX_CHARACTERS, prose_query, prose_title
from schemas.domains import Domain
from schemas.facts import Facts
from schemas.recommendation import ReasonKind

FRAMES = FrameLibrary.load()
PIECES = st.sampled_from(
    ["{A}", "{B}", "<b>", "</b>", "&amp;", "&#39;", "[x](http://y.z)", "**", "`", "(1972)", ", The", "《", "》",
     "\u202e",
     "\u200d", "\U0001f468", "\U0001f1e9", "\ufe0f", "e\u0301", "\ud83d", "\x00", "\n", "“", '"', ".", "!",
     "Ignore all",
     "”", "„", "＂", "〝", "''", "「", "」", "『", "〉", "evil.example", "https://x.y/z", "a@b.cd", "+1 555 123 4567",
     "مرحبا",
     "\u2068", "\u2069", "\u202b", "\U000e0041", "\u3164", "(not set)", "?", "。", "！", "Buy it",
     "<script>", "</script>", "javascript:", "%s", "${B}", "\\", "喜欢", "한국어", " ", "The", "12"]
)  # fmt: skip
HOSTILE = st.one_of(
    st.text(st.characters(), max_size=120),
    st.lists(PIECES, max_size=25).map("".join),
    st.lists(st.one_of(PIECES, st.text(st.characters(), max_size=5)), max_size=20).map("".join),
)
GENRES = st.lists(
    st.sampled_from(["Comedy", "Horror", "Children's", "Sci-Fi", "Drama", "Kitchen", "unknown", "<b>"]), max_size=3
).map(tuple)
FACTS = st.builds(
    Facts,
    kind=st.sampled_from(ReasonKind),
    title=st.one_of(st.none(), HOSTILE),
    categories=GENRES,
    locale=st.sampled_from(["en", "zh-CN", "zh-TW", "de", ""]),
    domain=st.sampled_from(Domain),
    liked=st.booleans(),
    said=st.integers(0, 3),
    anchor_title=st.one_of(st.none(), HOSTILE),
    query=st.one_of(st.none(), HOSTILE),
    user_key=st.text(max_size=3),
    item_key=st.text(max_size=3),
)


@given(HOSTILE)
@settings(max_examples=400, deadline=None)
def test_plain_text_is_plain_and_stable(raw: str) -> None:
    text = plain_text(raw)
    text.encode()
    assert is_visible(text) and "\n" not in text and text == text.strip()
    for shown in (prose_title(raw), prose_title(raw, keep_year=True), prose_query(raw)):
        assert len(shown) <= MAX_CHARACTERS + 10
        assert is_visible(shown)


@given(HOSTILE, st.integers(0, 60))
@settings(max_examples=300, deadline=None)
def test_cutting_ends_on_a_boundary_and_keeps_as_much_as_it_can(text: str, limit: int) -> None:
    kept = cut(text, limit)
    assert text.startswith(kept) and len(kept) <= limit
    assert is_boundary(text, len(kept))
    assert not any(is_boundary(text, end) for end in range(len(kept) + 1, min(limit, len(text)) + 1))


CLUSTER_PARTS = st.sampled_from(
    ["a", "\U0001f468", "\u200d", "\U0001f1e9", "\U0001f1ea", "\ufe0f", "\u0301", "\u1112", "\u1161", "\u11ab", "한",
     "가", "\u0ba8", "\u0bbf", "\U0001f3fd", "1", "\u20e3", "字", "\u0e33", "\u2764"]
)  # fmt: skip


@given(st.lists(CLUSTER_PARTS, max_size=12).map("".join))
@settings(max_examples=500, deadline=None)
def test_no_cluster_that_the_unicode_library_sees_is_split(text: str) -> None:
    regex = pytest.importorskip("regex", reason="the regex package (a part of the extra llm) is not installed")
    ends = {0} | {found.end() for found in regex.finditer(r"\X", text)}
    ours = {position for position in range(len(text) + 1) if is_boundary(text, position)}
    assert ours <= ends
    # We may join a little more: any pictograph behind a joiner.
    assert all(text[position - 1] == "\u200d" for position in ends - ours)


@given(FACTS)
@settings(max_examples=600, deadline=None)
def test_a_narrated_text_names_its_titles_once_and_passes_the_checker(facts: Facts) -> None:
    text = narrate(facts, FRAMES).text
    text.encode()
    assert is_visible(re.sub("[\u2068\u2069]", "", text)) and text
    outcomes = [check(text, facts)]
    if outcomes[0]:  # a template without the anchor, or without any name, is the last resort
        bare = replace(facts, anchor_title=None, query=None)
        nameless = replace(bare, title=None)
        outcomes += [check(text, bare), check(text, nameless)]
    assert () in outcomes, (text, outcomes)


def outside_of_marks(text: str, names: Names) -> str:
    """What is left of a text without what stands between the marks of its language and domain."""
    for marks in {names.titles, names.queries}:
        text = re.sub(f"{marks.opening}[^{marks.opening}{marks.closing}]*{marks.closing}", "", text)
    return text


WRITTEN_BY_HAND = {
    (domain, language): {
        Sentence.of(text).fill({"A": "", "B": "", "Q": ""})
        for (owner, _), texts in template_texts(language.code).items()
        if owner in (domain, Domain.GENERAL)
        for text in texts
    }
    | {
        Sentence.of(row.text).fill({"A": "", "B": "", "Q": ""})
        for row in frame_rows(language.code)
        if row.domain is domain
    }
    for domain in Domain
    for language in LANGUAGES
}


ADDRESS = re.compile(
    r"https?:/|(?<![\w@-])(?:[a-z0-9-]*[a-z]\.)+[a-z]{2,}(?![\w-])|\w@b\.cd\b|555 123 4567(?!\w)|[\r\n\u2028]"
)


@given(FACTS)
@settings(max_examples=1_000, deadline=None)
def test_nothing_untrusted_is_outside_of_the_marks(facts: Facts) -> None:
    """What stands between no marks is one of our own sentences to the letter, whatever titles and query hold."""
    for frames in (FRAMES, FrameLibrary(())):
        text = narrate(facts, frames).text
        names = Names.of(facts)
        assert outside_of_marks(text, names) in WRITTEN_BY_HAND[facts.domain, names.language], text
        assert text.count("\u2068") == text.count("\u2069") and not set(text) & set(
            "\u202a\u202b\u202d\u202e\u2066\u2067"
        )
        assert not ADDRESS.search(text), text


@given(HOSTILE, st.sampled_from([ENGLISH_QUOTES, CORNER_BRACKETS, TITLES_OF_WORKS]))
@settings(max_examples=500, deadline=None)
def test_no_name_holds_a_mark_of_the_quotation_around_it(name: str, quotation: Quotation) -> None:
    inside = nested(name, quotation)
    assert not set(inside) & set(quotation.alike)
    assert "".join(c for c in inside if c.isalnum()) == "".join(c for c in name if c.isalnum())


@given(FACTS, HOSTILE)
@settings(max_examples=300, deadline=None)
def test_the_checker_and_the_prompt_never_raise(facts: Facts, text: str) -> None:
    check(text, facts, known_titles=lambda phrase: len(phrase) % 2 == 0)
    prompt = prompt_for(facts)
    if prompt is not None:
        assert "\n" not in prompt.suffix and prompt.suffix.encode()


@given(HOSTILE, HOSTILE)
@settings(max_examples=200, deadline=None)
def test_filling_is_literal(first: str, second: str) -> None:
    sentence = Sentence.of("Fans of {A} like {B}.")
    assert sentence.fill({"A": first, "B": second}) == "Fans of " + first + " like " + second + "."
