"""Progress without a terminal, and strangers' words on a terminal."""

from __future__ import annotations

import re

import pytest

from headwater.cli import terminal as console
from headwater.cli.rendering import line, reason_text
from headwater.cli.terminal import plain, progress
from schemas.recommendation import ReasonKind

RECORD = {
    "created_at": "2026-03-01T10:00:00Z",
    "user_id": "u\x1b[2J1",
    "source": "personal",
    "text": "Because you watched “\u2068Heat\u2069”, try [bold]Ronin[/bold].",
    "text_source": "frame",
    "items": [
        {
            "item_id": "2",
            "title": "Ronin\n(1998)",
            "rank": 1,
            "score": 0.5,
            "reason": {"kind": "co_watched", "anchor_item_id": "1"},
        },
        {"item_id": "3", "title": "Speed", "rank": 2, "score": 0.4, "reason": {"kind": "trending"}},
        {"item_id": "4", "rank": 3, "score": 0.3, "reason": {"kind": "new"}},
    ],
}


def test_plain_lines_without_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "PLAIN_INTERVAL", 0.0)
    with progress("replay", 2000, "lines") as bar:
        bar.update(1000, "half")
        bar.update(2000)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("replay: 1,000 of 2,000 lines, ")
    assert lines[0].endswith("/s  half")
    assert lines[-1].startswith("replay: 2,000 of 2,000 lines, ")


def test_quick_work_prints_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("replay", None, "lines") as bar:
        for number in range(1000):
            bar.update(number)
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert plain("a\x1b[31mb\u202ec\r\n\ud800d") == "a [31mb c   d"
    text = line(RECORD, {"1": "He{0}at"})
    assert "\x1b" not in text
    assert "\n" not in text
    assert "Because you watched “Heat”, try [bold]Ronin[/bold]." in text
    assert "Ronin (1998) [interests the same people as He{0}at]; Speed [popular now]; 4 [new here]" in text


def test_reasons_name_anchor_or_query() -> None:
    assert reason_text({"kind": "search_match", "query": "tea"}, {}) == "matches the search tea"
    assert reason_text({"kind": "same_genre", "anchor_item_id": "9"}, {}) == "similar to 9"
    assert reason_text({"kind": "taste"}, {}) == "may suit this person"


def test_every_reason_has_words_that_fit_any_domain() -> None:
    """`tail` does not know what is recommended: no films, no shops."""
    film_or_shop = re.compile(r"watch|film|viewer|movie|shop|read|item|product", re.I)
    for kind in ReasonKind:
        words = reason_text({"kind": kind.value, "anchor_item_id": "9", "query": "9"}, {})
        assert words != kind.value and not film_or_shop.search(words), words
