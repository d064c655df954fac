"""What CONTRIBUTING says of adding things is enough: dry runs on a copy of the sources, and walks over declarations."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest

from headwater.docs import topology as tables
from schemas import parse
from schemas.actions import ACTION_CODES, ACTION_WEIGHTS, PURCHASE, PURCHASE_CODE, Action
from schemas.json_schema import file_name, json_schemas
from schemas.kinds import Kind
from schemas.records import RECORDS, Event
from streams.topology import INPUTS, STAGES

ROOT = Path(__file__).parents[2]
FOLDERS = re.compile(r"`((?:schemas|operators|streams|headwater|tests)/[\w./-]*)`")
Edit = tuple[str, str, str]
"""File, a text that it has, and what is written before that."""

ACTION: list[Edit] = [("schemas/actions.py", "\n\nPURCHASE =", '    WISH = "wish", 13, 0.75\n')]
USE_ACTION = """
from operators.recommender import Recommender
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_codec import decode_user, encode_user
from operators.state.user_state import ACTIONS, UserState
from schemas.json_schema import as_text, json_schemas
from schemas.kinds import Kind
from schemas.parse import parse

NOW = 1_772_359_200_000
value = b'{"event_id":"e1","user_id":"u1","item_id":"i1","occurred_at":%d,"action":"wish"}' % NOW
click = parse(Kind.CLICK, value, now_ms=NOW)
index, parameters = ItemIndex(Parameters()), Parameters()
state = UserState.fresh("u1", parameters)
assert Recommender(parameters, index).observe(state, click, NOW, 0, 0).answers
again = decode_user("u1", encode_user(state, index), index)
assert [ACTIONS[code] for code in again.recent_actions] == ["wish"]
assert '"wish"' in as_text(json_schemas()["click.json"])
"""

EVENT: list[Edit] = [
    ("schemas/kinds.py", "    CATALOG =", '    REVIEW = "review", "events.review.v1", "user_id"\n'),
    (
        "schemas/records.py",
        "class CatalogItem(",
        "class Review(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):\n"
        '    """A user wrote about an item."""\n\n'
        "    event_id: Id\n    user_id: Id\n    item_id: Id\n    occurred_at: Millis\n    text: str\n\n\n",
    ),
    ("schemas/records.py", "\nRecord = ", " | Review"),
    ("schemas/records.py", "    Kind.CATALOG: ", "    Kind.REVIEW: Review,\n"),
    ("schemas/parse.py", "    Kind.CATALOG: ", "    Kind.REVIEW: _check_event,\n"),
    ("streams/topology.py", "CATALOG_ITEMS = ", 'REVIEW = Topic(Kind.REVIEW.topic, "user", 7, Kind.REVIEW, 200)\n'),
    (
        "operators/learning/event_observer.py",
        "        else:\n            observation = self._impression",
        '        elif type(event).__name__ == "Review":\n            observation = UNANSWERED\n',
    ),
]
USE_EVENT = """
from headwater.docs.topology import stages_table, topics_table
from operators.learning.observation import Status
from operators.recommender import Recommender
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_state import UserState
from schemas.json_schema import json_schemas
from schemas.kinds import Kind
from schemas.parse import parse
from schemas.replay_file import read_lines
from streams.metrics import Metrics
from streams.settings import Settings
from streams.topology import ALL, PROFILES, REVIEW, read_again

NOW = 1_772_359_200_000
value = b'{"event_id":"e1","user_id":"u1","item_id":"i1","occurred_at":%d,"text":"good"}' % NOW
review = parse(Kind.REVIEW, value, key=b"u1", now_ms=NOW)
state = UserState.fresh("u1", Parameters())
assert Recommender(Parameters(), ItemIndex(Parameters())).observe(state, review, NOW, 0, 0).status is Status.LEARNED
assert json_schemas()["review.json"]["title"] == "value of events.review.v1"
with open("lines.jsonl", "wb") as file:
    file.write(b'{"topic":"events.review.v1","value":' + value + b"}")
assert next(read_lines("lines.jsonl")).kind is Kind.REVIEW
assert REVIEW in ALL and REVIEW in PROFILES.reads and read_again(REVIEW) == [(PROFILES, REVIEW)]
assert "`events.review.v1`" in topics_table() and "`events.review.v1`" in stages_table()
Metrics().consumer_lag.of(REVIEW, 0).set(1)
"""


@pytest.mark.parametrize(
    ("what", "edits", "use"),
    [("An action", ACTION, USE_ACTION), ("An event type", EVENT, USE_EVENT)],
    ids=["action", "event type"],
)
def test_the_files_that_are_named_are_enough(what: str, edits: list[Edit], use: str, tmp_path: Path) -> None:
    told = section(what)
    for box in ("schemas", "operators", "streams", "headwater"):
        shutil.copytree(ROOT / box, tmp_path / box, ignore=shutil.ignore_patterns("__pycache__"))
    for name, before, new in edits:
        assert f"`{name}`" in told, f"CONTRIBUTING does not name {name}"
        text = (tmp_path / name).read_text("utf-8")
        assert text.count(before) == 1, f"{name}: {before!r}"
        (tmp_path / name).write_text(text.replace(before, new + before), "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", use], cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": "."}
    )
    assert done.returncode == 0, done.stderr


def section(what: str) -> str:
    """The paragraph of CONTRIBUTING that begins with ``**what**``."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    return re.search(rf"^\*\*{what}\*\*.*?(?=\n\n\*\*|\n## )", text, re.DOTALL | re.MULTILINE)[0]  # type: ignore[index]


@pytest.mark.parametrize(
    "what",
    [
        "A setting", "A metric", "A label", "A topic", "A stage", "An event type", "An action", "An item column",
        "A user column", "A health check", "A candidate generator", "An importer",
    ],
)  # fmt: skip
def test_files_that_contributing_names_exist(what: str) -> None:
    named = re.findall(r"`([\w/.-]+\.(?:py|md|json))`", section(what))
    assert named
    for name in named:
        beside = (
            [] if "/" in name else [ROOT / path.rpartition("/")[0] / name for path in FOLDERS.findall(section(what))]
        )
        assert any(path.exists() for path in (ROOT / name, *beside)), name


@pytest.mark.parametrize("kind", list(Kind))
def test_a_kind_has_all_that_it_needs(kind: Kind) -> None:
    record = RECORDS[kind]
    assert kind in parse._CHECKS and kind.key_field in record.__struct_fields__
    assert kind.is_event == (record in get_args(Event))
    topic = INPUTS[kind]
    assert sum(topic in stage.reads for stage in STAGES) == 1
    assert f"| `{topic.suffix}` |" in tables.topics_table()
    assert json_schemas()[file_name(record)]["title"] == f"value of {topic.suffix}"
    assert (files("schemas") / "json" / file_name(record)).is_file()


def test_actions_keep_their_codes() -> None:
    stored = ["click", "view", "add_to_cart", "favorite", "like", "share", "comment", "play", "rate", "skip", "hide",
              "dislike", "purchase"]  # fmt: skip
    by_code = sorted(ACTION_CODES, key=ACTION_CODES.__getitem__)
    assert by_code[: len(stored)] == stored
    assert sorted(ACTION_CODES.values()) == list(range(len(ACTION_CODES))), "codes have no holes: they index names"
    assert ACTION_CODES[PURCHASE] == PURCHASE_CODE and PURCHASE not in set(Action)
    assert ACTION_WEIGHTS.keys() == ACTION_CODES.keys() and all(ACTION_WEIGHTS.values())
