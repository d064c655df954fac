"""Odd events through the public operators: validate, evaluate, and the operators over a replayed log."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from headwater.cli.main import app
from operators.ranking.ranker import Ranker
from operators.state.parameters import Parameters
from operators.state.user_codec import decode_user, encode_user
from schemas.kinds import Kind
from schemas.parse import parse
from schemas.records import Event, Purchase
from schemas.rejection import Rejection
from streams.stages.event_time import event_time
from tests.learning_support import Run

T0 = 1_772_359_200_000  # 2026-03-01T10:00:00Z
README = Path(__file__).parents[2] / "README.md"


def line(topic: str = "click", timestamp: int | None = None, **value: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"topic": f"events.{topic}.v1", "value": value}
    return made if timestamp is None else made | {"timestamp": timestamp}


def click(event_id: str, user: str, item: str, at: Any, **fields: Any) -> dict[str, Any]:
    return line(event_id=event_id, user_id=user, item_id=item, occurred_at=at, **fields)


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(f"{json.dumps(each)}\n" for each in lines))
    return path


def command(name: str, path: Path, *options: str) -> Result:
    return CliRunner().invoke(app, [name, str(path), *options])


def evaluated(path: Path) -> tuple[dict[str, Any], str]:
    """The object that ``evaluate --json`` prints, read by a parser that takes no NaN, and its notes."""
    result = command("evaluate", path, "--json")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("\n") == 1

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(result.stdout, parse_constant=refuse), result.stderr


def learned(run: Run, lines: list[dict[str, Any]], arrived: int | None = None) -> None:
    """Replay lines through parser, clamp and operators as a worker does; ``arrived``: their Kafka time."""
    kinds = {kind.topic: kind for kind in Kind}
    for each in lines:
        event: Event = parse(kinds[each["topic"]], json.dumps(each["value"]).encode(), now_ms=T0)  # type: ignore[assignment]
        assert not isinstance(event, Rejection), event
        times = event_time(arrived or event.occurred_at, event.occurred_at, T0, 300_000)
        run.observe(event, times.occurred)
        updates = run.recommender.flush()
        if updates is not None:
            run.recommender.apply(updates)


# ---- rejected items
REJECTIONS = [
    click("e1", "u1", "i1", "2026-03-01T10:00:00Z", action="dislike"),
    click("e2", "u1", "i2", "2026-03-01T10:00:05Z", action="like"),
    click("e3", "u2", "i1", "2026-03-01T10:00:06Z", action="like"),
    click("e4", "u1", "i3", "2026-03-01T10:00:07Z", action="hide"),
    click("e5", "u1", "i4", "2026-03-01T10:00:08Z", action="skip"),
    click("e6", "u1", "i2", "2026-03-01T10:05:00Z"),
]


def test_rejected_items_are_in_no_list_from_their_event_on() -> None:
    """By no way of ranking, and not after the state went through its codec; other users keep them."""
    run = Run(Parameters(allow_repeats=True))
    fans = [click(f"f{n}", f"fan{n}", item, T0 - 5_000) for n in range(100) for item in ("i1", "i3", "i4")]
    learned(run, [*fans, *[click(f"b{n}", f"b{n}", f"other{n}", T0 - 4_000) for n in range(30)]])
    assert _listed(run, "u1")[:3] == ["i1", "i3", "i4"], "the most popular ones"
    gone: set[str] = set()
    for each in REJECTIONS:
        learned(run, [each])
        if each["value"].get("action") in ("dislike", "hide", "skip"):
            gone.add(each["value"]["item_id"])
        for query in (None, *gone):
            listed = _listed(run, "u1", query)
            assert not gone & set(listed) and len(listed) >= 30
    assert gone == {"i1", "i3", "i4"}
    run.users["u1"] = decode_user("u1", encode_user(run.users["u1"], run.index), run.index)
    assert not gone & set(_listed(run, "u1"))
    assert gone - {"i1"} <= set(_listed(run, "u2"))


def test_a_purchase_lifts_a_rejection_and_the_docs_say_so() -> None:
    run = Run(Parameters(allow_repeats=True))
    learned(run, REJECTIONS)
    run.learn(Purchase("p1", "u1", "i1", T0 + 600_000))
    run.learn(Purchase("p2", "u1", "i5", T0 + 601_000))
    assert "i1" not in _listed(run, "u1"), "it was just bought"
    assert [run.index.ids[item] for item in run.user("u1").banned] == ["i3", "i4"]
    assert "never recommended to that user again, unless the user buys it later" in " ".join(README.read_text().split())


def _listed(run: Run, user: str, query: str | None = None) -> list[str]:
    ranked = run.recommender.rank(run.user(user), now_ms=T0 + 3_600_000, query=query, limit=40)
    return [run.index.ids[item] for item in ranked.items.tolist()]


# ---- repeated event ids
REPEATED = [
    click("e1", "u1", "i1", "2026-03-01T10:00:00Z", action="view"),
    click("e1", "u1", "i1", "2026-03-01T10:00:00Z", action="view"),
    click("e1", "u1", "i2", "2026-03-01T10:00:01Z", action="view"),
    click("e1", "u2", "i1", "2026-03-01T10:00:02Z", action="view"),
    click("e2", "u1", "i1", "2026-03-01T10:00:03Z", action="view"),
    click("e3", "u1", "i1", "2026-03-01T10:00:04Z", action="view"),
]


def test_repeated_ids_at_the_doors(tmp_path: Path) -> None:
    """Validate and evaluate name the exact copy; validate also names the id that came again with other content."""
    path = write(tmp_path / "f.jsonl", REPEATED)
    checked = command("validate", path)
    assert checked.exit_code == 0
    assert "exact duplicates, learned once: 1, first line 2" in checked.stdout
    assert "event ids used again for other content: 1, first line 3" in checked.stdout
    report, notes = evaluated(path)
    assert report["events"] == 6 and report["duplicates"] == {"lines": 1, "first_line": 2}
    assert "1 lines repeat an event exactly, the first is line 2" in notes
    # tested: u1's return to i1; the copy, the first of i2 and of u2 and the reload are not
    assert report["tested"] == 1 and report["reloads"] == {"events": 1, "share": 0.5}


def test_the_memory_of_event_ids_is_as_long_as_the_docs_say() -> None:
    said = re.search(r"the last (\d+) ids of a user are remembered", " ".join(README.read_text().split()))
    assert said is not None and int(said[1]) == Parameters().event_ids


# ---- numbers out of range
def normal_clicks(count: int, users: int = 60) -> list[dict[str, Any]]:
    """Users who walk through 120 items, each from a place of their own."""
    starts = np.random.default_rng(3).integers(120, size=users)
    return [
        click(f"n{n}", f"n{n % users}", f"i{(int(starts[n % users]) + n // users) % 120}", T0 + n * 1000)
        for n in range(count)
    ]


def poison(user: str, value: tuple[float, float, float], quantity: int, price: float) -> list[dict[str, Any]]:
    rates = [
        click("e", user, item, 0, action="rate", value=v) for item, v in zip(("i1", "i2", "i1"), value, strict=True)
    ]
    bought = {"item_id": "i1", "quantity": quantity, "price": price, "currency": "EUR"}
    return [*rates, line("purchase", event_id="p", user_id=user, occurred_at=0, **bought)]


def mixed(normal: list[dict[str, Any]], poisoned: list[dict[str, Any]], every: int) -> list[dict[str, Any]]:
    """All of ``poisoned``, at the time of the click before it, after each ``every`` clicks."""
    made: list[dict[str, Any]] = []
    for n, each in enumerate(normal):
        made.append(each)
        if n % every == 0:
            at = each["value"]["occurred_at"]
            made += [p | {"value": p["value"] | {"event_id": f"p{len(made)}-{k}", "occurred_at": at}}
                     for k, p in enumerate(poisoned)]  # fmt: skip
    return made


def test_numbers_out_of_range_are_refused_counted_and_change_nothing(tmp_path: Path) -> None:
    """Each bad line 200 times among 4,000 clicks."""
    normal = normal_clicks(4_000)
    lines = mixed(normal, poison("u1", (1673858401132, 1e308, -1e308), 1_000_000_000, 1e300), 20)
    path = write(tmp_path / "poisoned.jsonl", lines)
    clean, _ = evaluated(write(tmp_path / "clean.jsonl", normal))
    report, notes = evaluated(path)
    assert "800 lines were refused, the first is line 2" in notes
    assert clean["recall@20"] > 0.5 and report["tested"] == clean["tested"]
    assert report["recall@20"] == clean["recall@20"]
    checked = command("validate", path, "--show", "4")
    assert checked.exit_code == 1 and "800 problems: 800 out_of_range" in checked.stdout
    assert re.findall(r"line (\d): out_of_range", checked.stdout) == ["2", "3", "4", "5"]


def test_the_largest_accepted_numbers_do_no_harm(tmp_path: Path) -> None:
    """Values are clipped to the scale; bounds hold and the normal users' figures stay."""
    normal = normal_clicks(4_000)
    lines = mixed(normal, poison("poisoner", (1e9, 5.0001, -1e9), 1_000_000, 1e12), 20)
    clean, _ = evaluated(write(tmp_path / "clean.jsonl", normal))
    report, notes = evaluated(write(tmp_path / "poisoned.jsonl", lines))
    assert "refused" not in notes
    assert report["clipped"] == 600 and clean["clipped"] == 0
    own = report["tested"] - clean["tested"]  # the poisoner's tests, at best all hit, at worst none
    hits = report["recall@20"] * report["tested"]
    assert (hits - own) / clean["tested"] < clean["recall@20"] + 0.01
    assert hits / clean["tested"] > clean["recall@20"] - 0.01
    run = Run(Parameters())
    learned(run, lines[:1_500])
    bound = run.parameters.max_norm * 1.0001
    assert np.all(np.linalg.norm(run.index.factors[: run.index.size], axis=1) <= bound)
    for user in ("poisoner", "n1"):
        assert np.linalg.norm(run.users[user].factors) <= bound
        ranked = run.recommender.rank(run.users[user], now_ms=T0 + 10_000_000)
        assert np.all(np.isfinite(ranked.scores)) and len(ranked.items) == 20
        for shares in ranked.contributions:
            assert sum(shares.values()) == pytest.approx(1.0, abs=1e-3)


# ---- times in other units
TIMES: list[tuple[Any, str | None]] = [
    ("1617691790431476", "microseconds?"), (1617691790431476, "microseconds?"), (1617691790, "seconds?"),
    ("1617691790", "seconds?"), (1617691790431, None), ("1617691790431", None),
    ("1617691790431000000", "nanoseconds?"), ("0001-01-01T00:00:00Z", "zero of a language"),
    (0, "zero of a language"), (-1, "13 digits"), ("", "RFC 3339"), (1617691790.431, "whole number"),
    ("1.6e12", "RFC 3339"), ("2021-04-06", "date alone"), ("20210406", "date alone"),
    ("2021-04-06T06:49:50.431476Z", None), ("2021-04-06T08:49:50+02:00", None), ("2016-12-31T23:59:60Z", None),
]  # fmt: skip


def test_validate_says_of_each_time_what_is_wrong(tmp_path: Path) -> None:
    """All 18, with the unit that a wrong one looks like."""
    path = write(tmp_path / "f.jsonl", [click(f"e{n}", "u1", "i1", at) for n, (at, _) in enumerate(TIMES)])
    checked = command("validate", path)
    assert checked.exit_code == 1
    said = {int(n): text for n, text in re.findall(r"^line (\d+): (.*)$", checked.stdout, re.M)}
    assert set(said) == {n for n, (_, hint) in enumerate(TIMES, 1) if hint is not None}
    for number, text in said.items():
        assert (TIMES[number - 1][1] or "?") in text
    assert "events.click.v1: 5 records" in checked.stdout


# ---- wrong clocks
WRONG_CLOCKS = [
    click("e1", "u1", "i1", "2099-12-31T00:00:00Z"),
    click("e2", "u2", "i2", "2026-03-01T10:00:00Z"),
    click("e3", "u2", "i3", "2026-03-01T10:00:05Z"),
    click("e4", "u3", "i4", "2000-01-01T00:00:00Z"),
]


def test_trending_does_not_follow_wrong_clocks() -> None:
    """After 1,000 clicks it is that of the run without e1 and e4, except for their own single clicks."""
    found = []
    clicks = [click(f"n{n}", f"n{n % 100}", f"t{n * n % 37}", T0 + n * 600) for n in range(1_000)]
    for lines in (WRONG_CLOCKS, WRONG_CLOCKS[1:3]):
        run = Run(Parameters())
        learned(run, lines, arrived=T0)
        learned(run, clicks)
        ranker = Ranker(run.parameters, run.index)
        listed = ranker.propose(run.user("nobody"), now_ms=T0 + 600_000).candidates["trending"]
        found.append(
            {run.index.ids[item]: score for item, score in zip(listed.items, listed.scores.tolist(), strict=True)}
        )
        size = run.index.size
        assert np.all(run.index.popularity[:size] <= run.index.interactions[:size])
        assert run.index.popularity_at[:size].max() <= T0 + 600_000
        for array in (run.index.popularity, run.index.neighbour_weights, run.index.successor_weights):
            assert np.all(np.isfinite(array[:size]))
    poisoned, clean = found
    extra = set(poisoned) - set(clean)
    assert extra <= {"i1", "i4"} and all(poisoned[item] <= 1.0 for item in extra)
    assert [item for item in poisoned if item not in extra] == list(clean)
    for item, score in clean.items():
        assert poisoned[item] == pytest.approx(score, rel=1e-4)


def test_evaluate_clamps_as_the_worker_does(tmp_path: Path) -> None:
    """One event from 2099 makes no line late and is counted; the figures are those of a correct clock."""
    clicks = normal_clicks(600, users=20)
    ahead = click("e1", "u1", "i1", "2099-12-31T00:00:00Z") | {"timestamp": T0}
    right = click("e1", "u1", "i1", T0)
    report, notes = evaluated(write(tmp_path / "ahead.jsonl", [ahead, *clicks]))
    assert "1 events lie further ahead than HEADWATER_FUTURE_TOLERANCE, the first in line 1" in notes
    expected, quiet = evaluated(write(tmp_path / "right.jsonl", [right, *clicks]))
    assert "HEADWATER_FUTURE_TOLERANCE" not in quiet
    assert report["out_of_order"]["lines"] == 0
    for each in (report, expected):
        del each["events_per_second"]
    assert report == expected


def test_a_clock_that_is_ahead_of_today_is_clamped_without_a_kafka_time(tmp_path: Path) -> None:
    """As a replay would treat the line."""
    lines = [click("e1", "u1", "i1", "2099-12-31T00:00:00Z"), click("e2", "u2", "i1", "2099-12-31T00:00:00Z")]
    _, notes = evaluated(write(tmp_path / "f.jsonl", lines))
    assert "2 events lie further ahead" in notes


# ---- lines out of time order
UNSORTED = [
    click("e1", "u1", "i1", "2026-03-01T10:00:00Z"),
    click("e3", "u1", "i3", "2026-03-01T12:00:00Z"),
    click("e2", "u1", "i2", "2026-03-01T11:00:00Z"),
    click("e3", "u1", "i3", "2026-03-01T12:00:00Z"),
]


@pytest.mark.parametrize("as_json", [True, False])
def test_evaluate_never_passes_over_disorder_in_silence(tmp_path: Path, as_json: bool) -> None:
    """It says how many lines, which comes first, and by how much; the exact copy; none of it for the sorted file."""
    path = write(tmp_path / "f.jsonl", UNSORTED)
    in_order = write(tmp_path / "sorted.jsonl", sorted(UNSORTED, key=lambda each: each["value"]["occurred_at"]))
    options = ("--json",) if as_json else ()
    result, other = command("evaluate", path, *options), command("evaluate", in_order, *options)
    assert result.exit_code == other.exit_code == 0
    assert "1 lines are out of time order, the first is line 3, at most 3,600 s behind" in result.stderr
    assert "1 lines repeat an event exactly, the first is line 4" in result.stderr
    assert "out of time order" not in other.stderr and "repeat an event exactly" in other.stderr
    if as_json:
        report, ordered = json.loads(result.stdout), json.loads(other.stdout)
        late = {"lines": 1, "first_line": 3, "first_seconds": 3600.0, "most_seconds": 3600.0}
        assert report["out_of_order"] == late and ordered["out_of_order"]["lines"] == 0
        assert report["duplicates"] == {"lines": 1, "first_line": 4}


def test_validate_reports_disorder_and_the_copy(tmp_path: Path) -> None:
    checked = command("validate", write(tmp_path / "f.jsonl", UNSORTED))
    assert "out of time order: 1 lines, first line 3, at most 3,600 s behind the newest" in checked.stdout
    assert "exact duplicates, learned once: 1, first line 4" in checked.stdout
