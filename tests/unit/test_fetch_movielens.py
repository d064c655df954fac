"""MovieLens-100k becomes the replay file that the README promises."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from headwater.importers.movielens import replay_lines, with_searches, write_replay

ITEMS = """\
item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq
1\tToy Story\t1995\tAnimation Children's Comedy
267\tunkonwn\tunkonwn\tunknown
5\tNénette "et" Boni\t1996\tDrama
"""
RATINGS = """\
user_id:token\titem_id:token\trating:float\ttimestamp:float
9\t5\t3\t200
8\t1\t5\t100
9\t1\t4\t200
"""


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "ml-100k"
    folder.mkdir()
    (folder / "ml-100k.item").write_text(ITEMS)
    (folder / "ml-100k.inter").write_text(RATINGS)
    return tmp_path


def test_catalogue_lines_first(cache: Path) -> None:
    lines = list(replay_lines(cache / "ml-100k"))
    assert [line["topic"] for line in lines[:3]] == ["catalog.items.v1"] * 3
    assert lines[0]["value"] == {
        "item_id": "1",
        "title": "Toy Story (1995)",
        "categories": ["animation", "children's", "comedy"],
        "locale": "en",
    }
    assert lines[1]["value"]["categories"] == []
    assert lines[2]["value"]["title"] == 'Nénette "et" Boni (1996)'


def test_ratings_in_stable_time_order(cache: Path) -> None:
    events = list(replay_lines(cache / "ml-100k"))[3:]
    assert [(e["topic"], e["value"]["user_id"], e["value"]["occurred_at"]) for e in events] == [
        ("events.purchase.v1", "8", 100_000),
        ("events.click.v1", "9", 200_000),
        ("events.purchase.v1", "9", 200_000),
    ]
    assert (events[1]["value"]["action"], events[1]["value"]["value"]) == ("rate", 3)
    assert len({e["value"]["event_id"] for e in events}) == 3


def test_file_is_written_once_and_the_same(cache: Path) -> None:
    path = write_replay(cache)
    assert path == cache / "ml-100k.jsonl.gz"
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).split(b"\n") if line]
    assert lines == list(replay_lines(cache / "ml-100k"))
    assert write_replay(cache, cache / "again.jsonl.gz").read_bytes() == path.read_bytes()


def test_a_search_before_every_20th_rating(cache: Path) -> None:
    catalogue, *_, rating = replay_lines(cache / "ml-100k")
    ratings = [{**rating, "value": {**rating["value"], "event_id": str(n)}} for n in range(1, 61)]
    lines = list(with_searches([catalogue, *ratings]))
    searches = [n for n, line in enumerate(lines) if line["topic"] == "events.search.v1"]
    assert [lines[n + 1]["value"]["event_id"] for n in searches] == ["20", "40", "60"]
    assert lines[searches[0]]["value"]["query"] == "animation"
    assert [line for line in lines if line["topic"] != "events.search.v1"] == [catalogue, *ratings]
