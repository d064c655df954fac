"""The halves of the fault tests together are all of them, and turn from day to day."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.faults.halves import half_of, in_half

pytest_plugins = ["pytester"]
NAMES = [f"test_{name}[{fault}]" for name in ("kill", "storm", "refused") for fault in ("early", "late", "never")]
CONFTEST = (Path(__file__).parents[1] / "conftest.py").read_text()


@pytest.mark.parametrize("names", [NAMES, NAMES[:4], NAMES[:1], []])
def test_two_halves_share_no_test_and_leave_none_out(names: list[str]) -> None:
    first, second = in_half(names, 0), in_half(reversed(names), 1)
    assert first | second == set(names) and not first & second
    assert len(first) - len(second) in (0, 1)


def test_the_other_half_has_its_turn_the_day_after() -> None:
    days = [date(2026, 12, 30) + timedelta(days=n) for n in range(4)]
    assert [half_of(day) for day in days] in ([0, 1, 0, 1], [1, 0, 1, 0])


def test_a_run_takes_half_of_the_fault_tests_and_all_others(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\nmarkers = faults")
    pytester.makepyfile(
        "import pytest\n"
        "@pytest.mark.faults\n@pytest.mark.parametrize('n', range(6))\ndef test_fault(n): pass\n"
        "def test_other(): pass\n"
    )
    for half, passed in (("all", 7), ("0", 4), ("1", 4), ("auto", 4)):
        result = pytester.runpytest_inprocess("--half", half)
        result.assert_outcomes(passed=passed, deselected=7 - passed)
        assert ("make test-faults HALF=" in result.stdout.str()) == (half != "all")
