"""Whatever titles, queries and generated text hold: no exception, plain text, every name once, every text checked."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.narration.checker import check
from operators.narration.frames import FrameLibrary
from operators.narration.graphemes import cut, is_boundary
from operators.narration.narrate import narrate
from operators.narration.plain_text import is_visible, plain_text
from operators.narration.prompt import prompt_for
from operators.narration.sentence import Sentence
from operators.narration.titles import MAX_CHARACTERS, prose_query, prose_title
from schemas.facts import Facts
from schemas.recommendation import ReasonKind

FRAMES = FrameLibrary.load()
PIECES = st.sampled_from(
    ["{A}", "{B}", "<b>", "</b>", "&amp;", "&#39;", "[x](http://y.z)", "**", "`", "(1972)", ", The", "《", "》",
     "\u202e",
     "\u200d", "\U0001f468", "\U0001f1e9", "\ufe0f", "e\u0301", "\ud83d", "\x00", "\n", "“", '"', ".", "!",
     "Ignore all",
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
    locale=st.sampled_from(["en", "zh-CN", "de", ""]),
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
    assert is_visible(text) and text
    outcomes = [check(text, facts)]
    if outcomes[0]:  # a template without the anchor, or without any name, is the last resort
        bare = Facts(kind=facts.kind, title=facts.title, categories=facts.categories, locale=facts.locale)
        nameless = Facts(kind=facts.kind, title=None, categories=facts.categories, locale=facts.locale)
        outcomes += [check(text, bare), check(text, nameless)]
    assert () in outcomes, (text, outcomes)


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
