"""Bounded rows: exact while there is room, small loss on skewed streams when there is not, decay by half-lives."""

from __future__ import annotations

import math

import numpy as np
import pytest

from operators.kernels.bounded_row import TIME_STEPS, add, advance
from operators.kernels.counter_rng import uniform

DAY = 86_400_000


PERSON = np.uint16(1)


def empty_row(width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.full((1, width), -1, np.int32), np.zeros((1, width), np.float32), np.zeros((1, width), np.uint16)


def filled(width: int, stream: np.ndarray, amounts: np.ndarray) -> dict[int, float]:
    items, weights, people = empty_row(width)
    for number, (item, amount) in enumerate(zip(stream, amounts, strict=True)):
        add(items, weights, people, 0, item, amount, PERSON, np.uint64(number * 7919))
    return {int(item): float(weight) for item, weight in zip(items[0], weights[0], strict=True) if item >= 0}


def zipf(count: int, items: int, exponent: float, seed: int) -> np.ndarray:
    shares = 1.0 / np.arange(1, items + 1) ** exponent
    return np.random.default_rng(seed).choice(items, count, p=shares / shares.sum()).astype(np.int32)


def test_weights_are_exact_while_there_is_room() -> None:
    row = filled(4, np.array([7, 3, 7, 9, 3, 7], np.int32), np.array([1, 2, 4, 8, 16, 32], np.float32))
    assert row == {7: 37.0, 3: 18.0, 9: 8.0}


def test_a_full_row_keeps_its_width_and_never_more_mass_than_came() -> None:
    row = filled(3, zipf(2_000, 50, 1.0, 1), np.ones(2_000, np.float32))
    assert len(row) == 3
    assert sum(row.values()) <= 2_000
    assert 0 in row, "the most frequent item"


def added(row: list[tuple[int, np.float32]], width: int, item: int, weight: np.float32, key: np.uint64) -> None:
    """`add` as the rule says it."""
    places = [place for place, (other, _) in enumerate(row) if other == item]
    if places:
        row[places[0]] = (item, row[places[0]][1] + weight)
    elif len(row) < width:
        row.append((item, weight))
    else:
        lightest = min(range(width), key=lambda place: row[place][1])
        least = row[lightest][1]
        if uniform(key) * (least + weight) < weight:
            row[lightest] = (item, least + weight)


@pytest.mark.parametrize("width", [1, 3, 8, 21, 150])
def test_entries_and_their_places_are_those_of_the_plain_rule(width: int) -> None:
    rng = np.random.default_rng(width)
    items, weights, people = empty_row(width)
    expected: list[tuple[int, np.float32]] = []
    for number, item in enumerate(rng.integers(0, 3 * width, 2_000).tolist()):
        weight, key = np.float32(rng.integers(1, 4) / 4), np.uint64(number * 7919)  # many weights are equal
        add(items, weights, people, 0, item, weight, PERSON, key)
        added(expected, width, item, weight, key)
    assert items[0, : len(expected)].tolist() == [item for item, _ in expected]
    assert weights[0, : len(expected)].tolist() == [weight for _, weight in expected]
    assert (items[0, len(expected) :] == -1).all()


@pytest.mark.parametrize(("exponent", "items", "least"), [(1.0, 2_000, 0.8), (1.0, 20_000, 0.75), (0.7, 2_000, 0.6)])
def test_loss_against_an_unbounded_row_is_small(exponent: float, items: int, least: float) -> None:
    """Recall of the true top 50 by a row of 100, and mass of what it holds against the best possible 100."""
    stream = zipf(8_000, items, exponent, 3)
    amounts = (1.0 / np.sqrt(1 + np.random.default_rng(4).integers(0, 30, len(stream)))).astype(np.float32)
    exact = np.bincount(stream, amounts, items)
    row = filled(100, stream, amounts)
    kept = sorted(row, key=lambda item: -row[item])
    best = np.argsort(-exact)
    recall = len(set(kept[:50]) & set(best[:50].tolist())) / 50
    mass = sum(exact[item] for item in kept) / exact[best[:100]].sum()
    assert recall >= least
    assert mass >= 0.85
    assert row[int(best[0])] == pytest.approx(exact[best[0]], rel=0.02)


def test_admission_to_a_full_row_follows_the_odds() -> None:
    admitted = 0
    for key in range(2_000):
        items, weights, people = empty_row(1)
        add(items, weights, people, 0, 5, 3.0, PERSON, np.uint64(key))
        add(items, weights, people, 0, 6, 1.0, PERSON, np.uint64(key))
        if items[0, 0] == 6:
            admitted += 1
            assert weights[0, 0] == 4.0 and people[0, 0] == 1
    assert admitted / 2_000 == pytest.approx(0.25, abs=0.03)


def test_rows_decay_by_half_lives_and_their_time_never_goes_back() -> None:
    weights, total, at = np.array([[8.0, 4.0]], np.float32), np.array([12.0], np.float32), np.array([10 * DAY])
    assert advance(weights, total, at, 0, 12 * DAY, DAY) == 1.0
    np.testing.assert_allclose(weights, [[2.0, 1.0]])
    assert (total[0], at[0]) == (3.0, 12 * DAY)
    assert advance(weights, total, at, 0, 9 * DAY, DAY) == 0.125, "a late addition weighs less"
    assert at[0] == 12 * DAY
    assert advance(weights, total, at, 0, 12 * DAY + DAY // TIME_STEPS - 1, DAY) == 1.0
    assert at[0] == 12 * DAY, "too little time for a rescaling"


@pytest.mark.parametrize("time", [0, 1, 2**62, -(2**62)])
def test_absurd_times_leave_all_weights_finite(time: int) -> None:
    weights, total, at = np.array([[8.0]], np.float32), np.array([8.0], np.float32), np.array([10 * DAY])
    factor = advance(weights, total, at, 0, time, DAY)
    assert 0.0 <= factor <= 1.0
    assert 0.0 <= weights[0, 0] <= (8.0 if time <= 10 * DAY else 0.0)
    assert math.isfinite(total[0])


def test_counter_based_numbers_are_uniform_and_depend_on_the_key_alone() -> None:
    numbers = np.array([uniform(np.uint64(key)) for key in range(4_000)])
    assert numbers.min() >= 0.0
    assert numbers.max() < 1.0
    assert numbers.mean() == pytest.approx(0.5, abs=0.02)
    assert numbers.std() == pytest.approx(12**-0.5, abs=0.02)
    assert uniform(np.uint64(17)) == numbers[17]
