"""A new candidate generator is one file and one line, as README and CONTRIBUTING promise: tried with their example."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import msgspec
import pytest
from numba.core import config
from typer.testing import CliRunner

from headwater.cli.main import app
from operators.evaluation import prequential
from operators.generators.registry import GENERATORS
from operators.ranking.ranker import Ranker
from operators.recommender import Recommender
from schemas.durations import DAY_MS
from schemas.recommendation import ReasonKind
from tests import newcomers
from tests.learning_support import START, Run, click

README = Path(__file__).parents[2] / "README.md"
WITH_IT = (*GENERATORS, newcomers.GENERATOR)


def test_the_example_of_the_readme_is_the_one_that_is_tested() -> None:
    assert f"```python\n{Path(newcomers.__file__).read_text('utf-8')}```\n" in README.read_text("utf-8")


def test_it_is_heard_and_explained() -> None:
    """``fresh`` is new and was touched once: nobody but the newcomers' generator puts it that high."""
    run = Run()
    run.learn(*[click(n, f"u{n % 7}", f"i{n % 30}", n) for n in range(300)], click(999, "u1", "fresh", 999))
    run.index.cataloged_at[run.row("fresh")] = START
    without, heard = (Ranker(run.parameters, run.index, generators) for generators in (GENERATORS, WITH_IT))
    places = []
    for ranker in (without, heard):
        listed = ranker.rank(run.user("nobody"), now_ms=START + DAY_MS, limit=31)
        place = listed.items.tolist().index(run.row("fresh"))
        places.append(place)
    assert places[1] < places[0]
    assert listed.contributions[place]["newcomers"] > 0.5 > listed.contributions[place]["trending"]
    assert listed.reasons[place].kind is ReasonKind.NEW
    candidates = heard.propose(run.user("nobody"), now_ms=START + DAY_MS).candidates["newcomers"]
    assert candidates.items[0] == run.row("fresh") and candidates.scores[:2].tolist() == [1.0, 0.5]


def test_evaluate_shows_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prequential, "Recommender", partial(Recommender, generators=WITH_IT))
    path = tmp_path / "events.jsonl"
    lines = [click(n, f"u{n % 4}", f"i{n % 7}", n) for n in range(40)]
    path.write_bytes(
        b"".join(b'{"topic":"events.click.v1","value":%s}\n' % msgspec.json.encode(each) for each in lines)
    )
    result = CliRunner().invoke(app, ["evaluate", str(path), "--json"])
    assert result.exit_code == 0, result.stderr
    figures = json.loads(result.stdout)["generators"]
    assert list(figures) == ["popularity", *(each.name for each in WITH_IT if each.name != "popularity")]
    assert figures["newcomers"]["recall@20"] > 0.0
    shown = CliRunner().invoke(app, ["evaluate", str(path)])
    assert any(line.split()[1:2] == ["newcomers"] for line in shown.stdout.splitlines())


def test_what_is_kept_of_compiled_code_does_not_need_it() -> None:
    """Other processes read the kept code of ours, though the module of somebody's generator is not there for them."""
    test_it_is_heard_and_explained()
    kept = [path for path in Path(config.CACHE_DIR).rglob("*.nbi") if not path.name.startswith("newcomers.")]
    assert kept
    assert [path.name for path in kept if b"tests.newcomers" in path.read_bytes()] == []
