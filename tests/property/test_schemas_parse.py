"""`parse` and `read_lines` over arbitrary input."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.kinds import Kind
from schemas.parse import parse
from schemas.records import Action, CatalogItem, Click, Impression, Purchase, Record, Search
from schemas.rejection import Rejection
from schemas.replay_file import ReplayFileError, read_lines
from schemas.times import MAX_TIME_MS, MIN_TIME_MS
from tests.record_bytes import encode_record, record_key

NOW = 1_772_359_200_000
kinds = st.sampled_from(Kind)
keys = st.none() | st.binary(max_size=300)
any_text = st.text(st.characters(), max_size=300)  # half surrogate pairs included
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(any_text, inner, max_size=5),
    max_leaves=20,
)
FIELDS = sorted(
    {name for record in (Click, Search, Purchase, Impression, CatalogItem) for name in record.__struct_fields__}
)
likely = st.sampled_from([*Action, "e1", "2026-03-01T10:00:00Z", NOW, str(NOW), 1, ["i1"], {"a": [1.5]}, True])

ids = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)
labels = st.none() | st.text(st.characters(codec="utf-8"), max_size=256)
times = st.integers(MIN_TIME_MS, NOW)
prices = st.none() | st.floats(0, 1e12)
visible = st.text(st.characters(codec="utf-8"), max_size=400).map(lambda text: "t" + text)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | labels
)
names = st.text(st.characters(codec="utf-8"), max_size=255).map(lambda text: "n" + text)
tidy = names.map(lambda text: " ".join(text.replace(">", "").split()))  # as a category comes out
clicks = st.builds(
    Click, ids, ids, ids, times, st.sampled_from(Action), st.none() | st.floats(-1e9, 1e9), labels, labels,
    st.none() | st.integers(0, 1_000_000), labels,
)  # fmt: skip
searches = st.builds(Search, ids, ids, visible, times, st.lists(ids, max_size=5).map(tuple), labels, labels)
purchases = st.builds(
    Purchase, ids, ids, ids, times, st.integers(1, 1_000_000), prices, labels, labels, labels, labels, labels
)
impressions = st.builds(Impression, ids, ids, st.lists(ids, min_size=1, max_size=5).map(tuple), times, labels)
items = st.builds(
    CatalogItem, ids, visible, labels, st.lists(tidy, max_size=5, unique_by=str.casefold).map(tuple),
    st.dictionaries(names, scalars | st.lists(scalars, max_size=4).map(tuple), max_size=4), prices, labels,
    st.booleans(),
    st.none() | st.integers(MIN_TIME_MS, MAX_TIME_MS), labels,
    st.dictionaries(names, st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=4).filter(any).map(tuple), max_size=4),
)  # fmt: skip
records = (
    st.tuples(st.just(Kind.CLICK), clicks)
    | st.tuples(st.just(Kind.SEARCH), searches)
    | st.tuples(st.just(Kind.PURCHASE), purchases)
    | st.tuples(st.just(Kind.IMPRESSION), impressions)
    | st.tuples(st.just(Kind.CATALOG), items)
)


def can_be_written(result: Record | Rejection) -> None:
    """Every later stage encodes what it was given: as JSON, as MessagePack, as header or log line."""
    msgspec.json.encode(result)
    msgspec.msgpack.encode(result)
    str(result).encode()
    if isinstance(result, Rejection):
        assert len(result.message) < 400 and len(result.hint) < 600


@given(kinds, st.binary(max_size=500), keys)
def test_arbitrary_bytes_never_raise(kind: Kind, value: bytes, key: bytes | None) -> None:
    can_be_written(parse(kind, value, key=key, now_ms=NOW))


@given(kinds, json_values, st.booleans())
def test_arbitrary_json_never_raises(kind: Kind, value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    can_be_written(parse(kind, text, now_ms=NOW))


@given(kinds, st.dictionaries(st.sampled_from(FIELDS), likely | json_values))
@settings(max_examples=300)
def test_arbitrary_fields_never_raise(kind: Kind, fields: dict[str, Any]) -> None:
    base = {
        "event_id": "e",
        "user_id": "u",
        "item_id": "i",
        "occurred_at": NOW,
        "query": "q",
        "item_ids": ["i"],
        "title": "t",
    }
    can_be_written(parse(kind, json.dumps(base | fields).encode(), now_ms=NOW))


@given(records)
@settings(max_examples=300)
def test_records_come_back_as_they_were(pair: tuple[Kind, Record]) -> None:
    kind, record = pair
    value = encode_record(record)
    result = parse(kind, value, key=record_key(record), now_ms=NOW)
    if isinstance(result, Rejection):  # ids of up to 60 characters may have 240 bytes, never 257
        raise AssertionError(result)
    assert result == record
    can_be_written(result)


@given(st.lists(st.binary(max_size=60) | json_values.map(lambda v: json.dumps(v).encode()), max_size=8))
def test_arbitrary_files_never_raise_anything_else(parts: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "f"
        file.write_bytes(b"\n".join(parts))
        try:
            numbers = [line.number for line in read_lines(file)]
        except ReplayFileError:
            return
    assert numbers == sorted(set(numbers)) and numbers[-1] <= b"\n".join(parts).count(b"\n") + 1


@given(st.lists(records, min_size=1, max_size=6), st.sampled_from(["", "headwater.", "a.b."]))
def test_written_lines_are_read_back(pairs: list[tuple[Kind, Record]], namespace: str) -> None:
    text = b"".join(
        msgspec.json.encode({"topic": namespace + kind.topic, "value": msgspec.Raw(encode_record(record) or b"null")})
        + b"\n"
        for kind, record in pairs
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "f"
        file.write_bytes(text)
        lines = list(read_lines(file))
    assert [line.problem for line in lines] == [None] * len(pairs)
    assert [parse(line.kind, line.value, now_ms=NOW) for line in lines if line.kind] == [record for _, record in pairs]
