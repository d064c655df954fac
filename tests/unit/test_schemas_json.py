"""The JSON Schemas on disk are those of the types, and agree with `parse`."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import msgspec
import pytest

from schemas import draft
from schemas.facts import Facts
from schemas.json_schema import as_text, json_schemas
from schemas.kinds import Kind
from schemas.parse import parse
from schemas.recommendation import (
    Latency,
    Reason,
    ReasonKind,
    Recommendation,
    RecommendedItem,
    Source,
    TextSource,
    Trigger,
    decode,
    encode,
)
from schemas.rejection import Rejection

NOW = 1_772_359_200_000
CLICK = {"event_id": "e1", "user_id": "u1", "item_id": "i1", "occurred_at": "2026-03-01T10:00:00Z"}
RECOMMENDATION = Recommendation(
    recommendation_id="r1",
    user_id="u1",
    created_at="2026-03-01T10:00:00Z",
    model_version="1",
    trigger=Trigger("headwater.events.click.v1", 0, 7, "e1"),
    source=Source.PERSONAL,
    items=(
        RecommendedItem(
            "i1", 1, 0.5, Reason(ReasonKind.CO_WATCHED, anchor_item_id="i2", support=7), {"item_knn": 1.0}, 1.0, "Tea"
        ),
        RecommendedItem("i3", 2, 0.4, Reason(ReasonKind.SEARCH_MATCH, query="tea"), {"query_match": 1.0}, 1.0, "茶"),
        RecommendedItem("i4", 3, 0.3, Reason(ReasonKind.FILL), {}, 1.0),
    ),
    text="Because you watched …",
    text_source=TextSource.FRAME,
    latency_ms=Latency(0.5, 0.0, 12.0),
)


def test_files_are_current() -> None:
    """Fails after a change of the types: run ``python -m schemas.json_schema``."""
    on_disk = {
        file.name: file.read_text() for file in (files("schemas") / "json").iterdir() if file.name.endswith(".json")
    }
    assert on_disk == {name: as_text(schema) for name, schema in json_schemas().items()}


@pytest.mark.parametrize("name", sorted(json_schemas()))
def test_schemas_are_valid(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schemas()[name])


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"occurred_at": NOW},
        {"action": None, "position": 3},
        {"unknown": 1},
        {"action": "jump"},
        {"value": 1e10},
        {"value": "4"},
        {"user_id": ""},
        {"occurred_at": 1.5},
        {"occurred_at": None},
        {"item_id": 3},
        {"session_id": "x" * 257},
    ],
)
def test_schema_and_parser_agree(change: dict[str, Any]) -> None:
    value = CLICK | change
    accepted = jsonschema.Draft202012Validator(json_schemas()["click.json"]).is_valid(value)
    assert accepted is not isinstance(parse(Kind.CLICK, json.dumps(value).encode(), now_ms=NOW), Rejection)


def test_recommendations_fit_their_schema_and_come_back() -> None:
    value = encode(RECOMMENDATION)
    jsonschema.validate(json.loads(value), json_schemas()["recommendation.json"])
    assert decode(value) == RECOMMENDATION
    assert [item["reason"] for item in json.loads(value)["items"]] == [
        {"kind": "co_watched", "anchor_item_id": "i2", "support": 7},
        {"kind": "search_match", "query": "tea"},
        {"kind": "fill"},
    ]
    assert ["title" in item for item in json.loads(value)["items"]] == [True, True, False]
    assert json.loads(value)["language_model"] is None


def test_a_draft_carries_its_record_and_facts() -> None:
    facts = Facts(kind=ReasonKind.CO_WATCHED, title="Tea", anchor_title="Mug", user_key="u1", item_key="i1")
    sent = draft.Draft(recommendation=RECOMMENDATION, facts=facts, arrived_ms=NOW, deadline_ms=NOW + 500)
    got = draft.decode(draft.encode(sent))
    assert got == sent
    with pytest.raises(msgspec.DecodeError):
        draft.decode(b"{}")
