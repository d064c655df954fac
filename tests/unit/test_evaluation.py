"""The figures of evaluation against their definitions, and that no test sees the future."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from operators.evaluation.metrics import (
    K,
    RankingTally,
    discounted_gain,
    mean_self_information,
    reciprocal_rank,
)
from operators.evaluation.prequential import EvaluationReport, evaluate
from operators.evaluation.stream_order import StreamOrder
from operators.evaluation.windowed import LISTS, LISTS_EVERY, MINIMUM, WindowedClicks, WindowedLists, WindowedTests
from operators.ranking.diversity import list_diversity
from operators.state.parameters import Parameters
from schemas.records import Action, CatalogItem, Event, Impression, ItemDeletion, Purchase, Search
from tests.learning_support import START, Run, click

PARAMETERS = Parameters(factors=8, neighbours=12, successors=6)


# ---- one list, by hand
@pytest.mark.parametrize(
    ("position", "rank", "gain"),
    [(0, 1.0, 1.0), (1, 1 / 2, 1 / math.log2(3)), (2, 1 / 3, 0.5), (19, 1 / 20, 1 / math.log2(21)), (20, 0, 0),
     (-1, 0, 0)],
)  # fmt: skip
def test_what_a_position_is_worth(position: int, rank: float, gain: float) -> None:
    assert reciprocal_rank(position, 20) == pytest.approx(rank)
    assert discounted_gain(position, 20) == pytest.approx(gain)


def test_the_figures_are_means_over_tested_events() -> None:
    """Positions 0, 4, 5, 20 (too late), none: five tests."""
    tally = RankingTally(20)
    for position in (0, 4, 5, 20, -1):
        tally.add(position)
    figures = tally.figures(10)
    assert figures["tested"] == 5
    assert figures["recall@20"] == pytest.approx(3 / 5)
    assert figures["recall@5"] == pytest.approx(2 / 5)
    assert figures["mrr@20"] == pytest.approx((1 + 1 / 5 + 1 / 6) / 5)
    assert figures["ndcg@20"] == pytest.approx((1 + 1 / math.log2(6) + 1 / math.log2(7)) / 5)


def test_coverage_is_the_share_of_items_in_any_list() -> None:
    tally = RankingTally(20)
    for items in ([1, 2, 3], [2, 3], [], [5_000]):
        tally.add_list(np.array(items, np.int32), None, None)
    assert tally.figures(8)["coverage"] == pytest.approx(4 / 8)


def test_novelty_is_self_information_in_bits() -> None:
    """Counts 3, 1 and 0 of 7: -log2 of 4/8, 2/8 and 1/8."""
    interactions = np.array([3, 1, 0, 3], np.float32)
    assert mean_self_information(np.array([0], np.int32), interactions, 7.0) == pytest.approx(1.0)
    assert mean_self_information(np.array([0, 1, 2], np.int32), interactions, 7.0) == pytest.approx((1 + 2 + 3) / 3)


def test_diversity_is_one_minus_the_mean_similarity_of_pairs() -> None:
    run = Run(PARAMETERS)
    for item, title in (("a", "Lamp"), ("b", "Lamp"), ("c", "Oolong")):
        run.index.set_catalog(CatalogItem(item, title))

    def diversity(*items: str) -> float | None:
        return list_diversity(np.array([run.row(item) for item in items], np.int32), run.index)

    assert diversity("a", "b") == pytest.approx(0.0, abs=1e-6)
    assert diversity("a", "c") == pytest.approx(1.0)
    assert diversity("a", "b", "c") == pytest.approx(1 - 1 / 3, abs=1e-6)
    assert diversity("c", "b", "a") == pytest.approx(1 - 1 / 3, abs=1e-6)
    assert diversity("a") is None and diversity() is None


def test_diversity_without_texts_takes_company_for_similarity() -> None:
    """C(i, j) / √(C(i) C(j)): x and y only ever with each other, z with neither."""
    run = Run(PARAMETERS)
    run.learn(click(1, "u", "x", 0), click(2, "u", "y", 1), click(3, "v", "z", 2), click(4, "v", "w", 3))
    x, y, z = (run.row(item) for item in "xyz")
    assert list_diversity(np.array([x, y], np.int32), run.index) == pytest.approx(0.0, abs=1e-6)
    assert list_diversity(np.array([x, y, z], np.int32), run.index) == pytest.approx(2 / 3)


def test_nothing_counted_is_none_and_never_nan() -> None:
    assert set(RankingTally(20).figures(0).values()) == {0, None}
    report = evaluate([], PARAMETERS)
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["recall@20"] is None


# ---- test, then learn
def run_on(
    events: Iterable[Event | CatalogItem | ItemDeletion], parameters: Parameters = PARAMETERS
) -> EvaluationReport:
    return evaluate(enumerate(events, 1), parameters, seed=7)


def test_what_is_tested() -> None:
    """A click or purchase whose user has an earlier event and whose item occurred in an earlier event."""
    events: list[Event | CatalogItem] = [
        CatalogItem("b", "In the catalogue only"),
        click(1, "u", "a", 0),  # the user's first
        click(2, "u", "b", 1),  # the item occurred in no event
        click(3, "u", "a", 2),  # tested
        click(3, "u", "a", 2),  # the same again
        Search("s1", "v", "tea", START + 3_000),
        click(4, "v", "b", 4),  # tested: a search is an event of the user
        click(5, "u", "b", 5, action=Action.DISLIKE),
        Purchase("p1", "u", "b", START + 6_000),  # tested
        Impression("m1", "u", ("a",), START + 7_000),
        Impression("m2", "w", ("c",), START + 8_000),
        click(6, "w", "c", 9),  # an impression is no occurrence of its items
    ]
    report = run_on(events)
    assert report.hybrid["tested"] == 3
    assert report.events == 11 and report.users == 3 and report.items == 3
    assert report.duplicates == {"lines": 1, "first_line": 5}
    assert report.out_of_order["lines"] == 0


def test_the_list_is_made_before_the_event_is_learned() -> None:
    """One item is all that can be found: a user's first click on it is hit, and its own event never helps."""
    hit = run_on([click(1, "u", "a", 0), click(2, "v", "b", 1), click(3, "u", "b", 2)])
    assert (hit.hybrid["tested"], hit.hybrid["recall@20"], hit.hybrid["mrr@20"]) == (1, 1.0, 1.0)
    # at event 3, b is known to v alone: transitions and neighbours of a do not lead there yet
    assert hit.generators["transitions"]["recall@20"] == hit.generators["item_knn"]["recall@20"] == 0.0
    assert hit.generators["popularity"]["recall@20"] == 1.0


def test_every_prefix_gives_the_figures_that_it_alone_would_give() -> None:
    """What comes later changes no earlier test."""
    events = cycles(users=20, length=30)
    whole: list[int] = []
    evaluate(enumerate(events, 1), PARAMETERS, seed=7, progress=lambda read, tested, hits: whole.append(hits))
    cut = evaluate(enumerate(events[:500], 1), PARAMETERS, seed=7)
    assert cut.hybrid["tested"] and whole[0] == round(cut.hybrid["recall@20"] * cut.hybrid["tested"])


def cycles(users: int, length: int, items: int = 200) -> list[Event]:
    """Everybody walks through the items in the same order, each from a place of their own."""
    events: list[Event] = []
    starts = np.random.default_rng(4).integers(items, size=users)
    for step in range(length):
        for user in range(users):
            item = (int(starts[user]) + step) % items
            events.append(click(len(events), f"u{user}", f"i{item}", len(events)))
    return events


def test_what_can_be_learned_is_and_shuffled_labels_give_chance() -> None:
    """The same events with items drawn anew: 20 of 200 unseen ones, so about a tenth is found, and no more."""
    events = cycles(users=40, length=60)
    learned = run_on(events)
    assert learned.hybrid["recall@20"] > 0.8 and learned.generators["transitions"]["recall@20"] > 0.8
    rng = np.random.default_rng(5)
    drawn = rng.integers(200, size=len(events))
    noise = [click(n, event.user_id, f"i{drawn[n]}", n) for n, event in enumerate(events)]
    report = run_on(noise, replace(PARAMETERS, allow_repeats=True))
    tested = report.hybrid["tested"]
    chance = 20 / 200
    spread = 4 * math.sqrt(chance * (1 - chance) / tested)
    assert report.hybrid["recall@20"] == pytest.approx(chance, abs=spread + 0.02)
    for name, figures in report.generators.items():
        assert figures["recall@20"] < chance + spread + 0.02, name


def test_figures_by_generator_stand_beside_the_lists() -> None:
    report = run_on(cycles(users=20, length=20)).to_dict()
    assert list(report["generators"]) == [  # type: ignore[call-overload]
        "popularity", "trending", "item_knn", "transitions", "co_purchase", "repeat", "content", "query_match",
        "matrix_factorization",
    ]  # fmt: skip
    names = {"tested", f"recall@{K}", f"mrr@{K}", f"ndcg@{K}", "recall@5", "coverage", "diversity", "novelty"}
    for figures in report["generators"].values():  # type: ignore[attr-defined]
        assert set(figures) == names and figures["tested"] == report["tested"]
        assert figures["recall@5"] <= figures["recall@20"]
        assert figures["mrr@20"] <= figures["ndcg@20"] <= figures["recall@20"]
    assert names | {"events", "events_per_second"} <= set(report)


def test_the_same_seed_gives_the_same_report() -> None:
    events = cycles(users=15, length=20)
    left, right = run_on(events), run_on(events)
    assert left == right
    assert evaluate(enumerate(events, 1), PARAMETERS, seed=8) != left, "the seed decides about negatives"


def test_items_that_were_deleted_are_in_no_list() -> None:
    events = cycles(users=20, length=20)
    deletions = [ItemDeletion(f"i{n}") for n in range(200)]
    report = run_on([*events, *deletions, *[click(10_000 + n, f"u{n}", f"i{n}", 9_000 + n) for n in range(20)]])
    before = run_on(events)
    assert report.hybrid["recall@20"] * report.hybrid["tested"] == before.hybrid["recall@20"] * before.hybrid["tested"]


def test_speed_comes_from_the_clock_that_is_given() -> None:
    ticks = iter([10.0, 14.0])
    events = cycles(users=5, length=4)
    assert evaluate(enumerate(events, 1), PARAMETERS, clock=lambda: next(ticks)).events_per_second == 20 / 4
    assert run_on(events).events_per_second is None


def test_order_is_counted_against_the_newest_line_so_far() -> None:
    order = StreamOrder()
    for line, seconds in enumerate((10, 30, 29, 30, 12, 31), 1):
        order.note_time(line, seconds * 1000)
    assert order.late_figures() == {"lines": 2, "first_line": 3, "first_seconds": 1.0, "most_seconds": 18.0}
    assert StreamOrder().late_figures()["first_seconds"] is None


# ---- the window of a running worker
def test_the_window_forgets_and_says_nothing_of_too_few() -> None:
    tests = WindowedTests(window=MINIMUM)
    for _ in range(MINIMUM - 1):
        tests.add(0)
    assert tests.figures() is None
    tests.add(3)
    figures = tests.figures()
    assert figures is not None and figures.recall == 1.0
    assert figures.mrr == pytest.approx((MINIMUM - 1 + 1 / 4) / MINIMUM)
    assert figures.ndcg == pytest.approx((MINIMUM - 1 + 1 / math.log2(5)) / MINIMUM)
    for position in [-1] * (MINIMUM - 10) + [20] * 9:
        tests.add(position)
    figures = tests.figures()
    assert figures is not None and len(tests) == MINIMUM
    assert figures.recall == pytest.approx(1 / MINIMUM), "all hits but the last have left the window"
    assert figures.mrr == pytest.approx(1 / 4 / MINIMUM)


def test_window_and_evaluation_agree() -> None:
    rng = np.random.default_rng(1)
    window, tally = WindowedTests(), RankingTally(20)
    for position in rng.integers(-1, 40, size=500).tolist():
        window.add(position)
        tally.add(position)
    figures, whole = window.figures(), tally.figures(1)
    assert figures is not None
    assert figures.recall == pytest.approx(whole["recall@20"])
    assert figures.mrr == pytest.approx(whole["mrr@20"])
    assert figures.ndcg == pytest.approx(whole["ndcg@20"])


def test_click_through_of_the_window() -> None:
    clicks = WindowedClicks(window=10)
    assert clicks.ratio() is None
    clicks.add(0, 1)
    assert clicks.ratio() is None, "a click on what nobody reported as shown"
    clicks.add(3, 0)
    assert clicks.ratio() == pytest.approx(1 / 3)
    clicks.add(8, 2)
    assert clicks.ratio() == pytest.approx(2 / 8), "the first click has left the window"


def test_lists_of_the_window() -> None:
    """Every tenth list is looked at; coverage of the known, diversity and novelty as in the evaluation."""
    run = Run(PARAMETERS)
    for item, title in (("a", "Lamp"), ("b", "Lamp"), ("c", "Oolong"), ("d", "Apollo")):
        run.index.set_catalog(CatalogItem(item, title))
    run.learn(*[click(n, f"u{n}", "a", n) for n in range(3)], click(9, "v", "b", 9))
    lists = WindowedLists()
    wanted = MINIMUM // LISTS_EVERY
    for n in range(wanted * LISTS_EVERY):
        looked_at = n % LISTS_EVERY == LISTS_EVERY - 1
        lists.add([run.row("a"), run.row("b")] if looked_at else [run.row("d"), run.row("c")], run.index)
        assert (lists.figures(4) is None) == (n + 1 < wanted * LISTS_EVERY)
    figures = lists.figures(4)
    assert figures is not None
    coverage, diversity, novelty = figures
    assert coverage == pytest.approx(2 / 4) and diversity == pytest.approx(0.0, abs=1e-6)
    assert novelty == pytest.approx((-math.log2(4 / 5) - math.log2(2 / 5)) / 2, rel=1e-5)
    assert lists.figures(0) is None

    for _ in range(LISTS * LISTS_EVERY):
        lists.add([run.row("c"), run.row("d"), run.row("b")], run.index)
    later = lists.figures(4)
    assert later is not None and later[0] == pytest.approx(3 / 4), "the lists with the first item have left the window"
