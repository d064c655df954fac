"""Reading replay files: plain, gzipped, and cut short."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from msgspec import UNSET

import schemas.replay_file as replay_file
from schemas.kinds import Kind
from schemas.parse import parse
from schemas.records import CatalogItem, Click, ItemDeletion
from schemas.rejection import RejectionCode
from schemas.replay_file import Line, ReplayFileError, read_lines

NOW = 1_772_359_200_000
ODD_FILE = bytes.fromhex(
    "7b22746f706963223a22636174616c6f672e6974656d732e7631222c2276616c7565223a7b226974656d5f6964223a226931222c2274"
    "69746c65223a224c616d70e280a8626c7565227d7d0a7b22746f706963223a22636174616c6f672e6974656d732e7631222c2276616c"
    "7565223a7b226974656d5f6964223a226932222c227469746c65223a22546561c285677265656e227d7d0d0a0a7b22746f706963223a"
    "226576656e74732e636c69636b2e7631222c2276616c7565223a7b226576656e745f6964223a226531222c22757365725f6964223a22"
    "7531222c226974656d5f6964223a226931222c226f636375727265645f6174223a22323032362d30332d30315431303a30303a30305a"
    "227d7d"
)
ITEM = b'{"topic":"catalog.items.v1","value":{"item_id":"i1","title":"T"}}'


def lines_of(folder: Path, content: bytes) -> list[Line]:
    file = folder / "replay.jsonl"  # no .gz: gzip is recognised by content
    file.write_bytes(content)
    return list(read_lines(file))


def check_odd_file(lines: list[Line]) -> None:
    assert [(line.number, line.topic, line.problem) for line in lines] == [
        (1, "catalog.items.v1", None),
        (2, "catalog.items.v1", None),
        (4, "events.click.v1", None),
    ]
    records = []
    for line in lines:
        assert line.kind is not None
        records.append(parse(line.kind, line.value, now_ms=NOW))
    lamp, tea, click = records
    assert isinstance(lamp, CatalogItem) and lamp.title == "Lamp\u2028blue"
    assert isinstance(tea, CatalogItem) and tea.title == "Tea\x85green"
    assert isinstance(click, Click) and click.occurred_at == NOW


def test_plain_and_gzipped(tmp_path: Path) -> None:
    check_odd_file(lines_of(tmp_path, ODD_FILE))
    check_odd_file(lines_of(tmp_path, gzip.compress(ODD_FILE)))


@pytest.mark.parametrize("cut", [5, 100, len(ODD_FILE) // 2])
def test_all_gzip_members_are_read(tmp_path: Path, cut: int) -> None:
    check_odd_file(lines_of(tmp_path, gzip.compress(ODD_FILE[:cut]) + gzip.compress(ODD_FILE[cut:])))


def test_every_cut_of_the_last_line_is_called_incomplete(tmp_path: Path) -> None:
    start = ODD_FILE.rindex(b"\n") + 1
    for end in range(start + 1, len(ODD_FILE)):
        *others, last = lines_of(tmp_path, ODD_FILE[:end])
        assert [line.problem for line in others] == [None, None]
        assert last.number == 4 and last.problem is not None
        assert last.problem.code is RejectionCode.INCOMPLETE_LINE


def test_a_cut_inside_of_a_number_or_character_is_incomplete_too(tmp_path: Path) -> None:
    whole = (
        '{"topic":"events.click.v1","value":{"value":-1.5e+3,"x":true,"t":"Té \\ud83d\\udc4a"},"timestamp":12}'.encode()
    )
    for end in range(1, len(whole)):
        (line,) = lines_of(tmp_path, whole[:end])
        assert line.problem is not None and line.problem.code is RejectionCode.INCOMPLETE_LINE, whole[:end]


def test_a_broken_last_line_that_is_not_cut_keeps_its_reason(tmp_path: Path) -> None:
    (line,) = lines_of(tmp_path, b'{"topic":"events.click.v1","value":{"value":NaN}}')
    assert line.problem is not None and line.problem.code is RejectionCode.BROKEN_JSON and "NaN" in line.problem.message


def test_a_cut_gzip_stream_keeps_the_lines_before(tmp_path: Path) -> None:
    numbered = b"".join(
        b'{"topic":"events.click.v1","value":{"event_id":"%s"}}\n' % os.urandom(20).hex().encode() for _ in range(500)
    )
    whole = gzip.compress(numbered)
    *before, last = lines_of(tmp_path, whole[: len(whole) * 2 // 3])
    assert len(before) > 200 and all(line.problem is None for line in before)
    assert last.number == before[-1].number + 1
    assert last.problem is not None and last.problem.code is RejectionCode.INCOMPLETE_LINE


def test_a_damaged_gzip_stream_is_said(tmp_path: Path) -> None:
    damaged = bytearray(gzip.compress(ODD_FILE * 20))
    damaged[-6] ^= 0xFF  # the checksum
    last = lines_of(tmp_path, bytes(damaged))[-1]
    assert last.problem is not None and "damaged" in last.problem.message


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"\n\r\n  \n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (gzip.compress(b"", mtime=0), "is empty"),
        (b"PK\x03\x04....", "zip archive"),
        (b"PAR1....", "Parquet"),
        ("a".encode("utf-16"), "UTF-16"),
        (b"\x28\xb5\x2f\xfd....", "zstd"),
    ],
)
def test_files_that_hold_no_lines(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(ReplayFileError, match=sentence):
        lines_of(tmp_path, content)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/dev/null", "/dev/null is empty"),
        (".", "is a folder"),
        ("/no/such/file", "does not exist"),
        ("a\0b", "cannot be read"),
    ],
)
def test_what_is_no_file(path: str, sentence: str) -> None:
    with pytest.raises(ReplayFileError, match=sentence) as caught:
        list(read_lines(path))
    assert "\n" not in str(caught.value)


def test_namespace_key_and_timestamp(tmp_path: Path) -> None:
    content = b"""
{"topic":"headwater.events.click.v1","value":{"a": 1},"key":"u1","timestamp":-1}
{"topic":"my.shop.catalog.items.v1","value":null,"key":"i1"}
{"topic":"events.search.v1","key":null,"value":[1]}
{"extra":0,"topic":"events.impression.v1","value":"x"}
"""
    assert lines_of(tmp_path, content) == [
        Line(2, "headwater.events.click.v1", Kind.CLICK, b'{"a": 1}', None, b"u1", -1, "headwater"),
        Line(3, "my.shop.catalog.items.v1", Kind.CATALOG, None, None, b"i1", None, "my.shop"),
        Line(4, "events.search.v1", Kind.SEARCH, b"[1]", None, None, None),
        Line(5, "events.impression.v1", Kind.IMPRESSION, b'"x"', None, UNSET, None),
    ]
    deletion = lines_of(tmp_path, content)[1]
    assert parse(Kind.CATALOG, deletion.value, key=deletion.key, now_ms=NOW) == ItemDeletion("i1")


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        (b'{"topic":"events.clicks.v1","value":{}}', RejectionCode.UNKNOWN_TOPIC, "events.click.v1"),
        (b'{"topic":"xevents.click.v1","value":{}}', RejectionCode.UNKNOWN_TOPIC, "events.click.v1"),
        (b'{"topic":"recommendations.v1","value":{}}', RejectionCode.UNKNOWN_TOPIC, "recommendations.v1"),
        (b'{"topic":"events.click.v1"}', RejectionCode.MISSING_FIELD, "value"),
        (b'{"event_id":"e","user_id":"u","item_id":"i","occurred_at":1}', RejectionCode.MISSING_FIELD, "a line is"),
        (b'{"topic":"events.click.v1","value":{"x":NaN}}', RejectionCode.BROKEN_JSON, "NaN"),
        (rb'{"topic":"events.click.v1","value":{"x":"\ud83d"}}', RejectionCode.BAD_TEXT, "value"),
        (b'{"topic":1,"value":{}}', RejectionCode.WRONG_TYPE, "topic"),
        (b'{"topic":"events.click.v1","value":{},"timestamp":"x"}', RejectionCode.WRONG_TYPE, "timestamp"),
        (b"user,item,time", RejectionCode.BROKEN_JSON, "a line is"),
        (b"[" * 100_000, RejectionCode.TOO_DEEP, ""),
        (b'["topic"]', RejectionCode.NOT_A_RECORD, "a line is"),
        (b'{"topic":"\xff","value":{}}', RejectionCode.BROKEN_JSON, "UTF-8"),
    ],
)
def test_bad_lines_do_not_stop_the_reading(tmp_path: Path, text: bytes, code: RejectionCode, part: str) -> None:
    bad, good = lines_of(tmp_path, text + b"\n" + ITEM + b"\n")
    assert bad.problem is not None and bad.problem.code is code, bad.problem
    assert part in str(bad.problem) and bad.value is None and len(str(bad.problem)) < 400
    assert good.number == 2 and good.problem is None


@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_without_end_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: bytes
) -> None:
    monkeypatch.setattr(replay_file, "MAX_LINE_BYTES", 200)
    lines = lines_of(tmp_path, b"x" * 950 + b"\n" + ITEM + b"\n" + b"y" * 400 + end)
    assert [(line.number, line.problem and line.problem.code) for line in lines] == [
        (1, RejectionCode.TOO_LARGE),
        (2, None),
        (3, RejectionCode.TOO_LARGE),
    ]


def test_a_byte_order_mark_at_the_start_is_ignored(tmp_path: Path) -> None:
    (line,) = lines_of(tmp_path, b"\xef\xbb\xbf" + ITEM)
    assert (
        line.problem is None
        and line.value == json.dumps({"item_id": "i1", "title": "T"}, separators=(",", ":")).encode()
    )


def test_progress_ends_at_the_size(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes((ITEM + b"\n") * 10_000)
    seen: list[tuple[int, int]] = []
    list(read_lines(file, progress=lambda read, size: seen.append((read, size))))
    size = file.stat().st_size
    assert len(seen) == 3 and seen[-1] == (size, size) and seen == sorted(seen)
