"""`headwater validate` says what would be refused, and counts what is only odd."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from headwater.cli.lines import count_lines
from headwater.cli.main import app


def click(event: str, **changes: Any) -> dict[str, Any]:
    value = {"event_id": event, "user_id": "u1", "item_id": "i1", "occurred_at": 1_700_000_000_000} | changes
    return {"topic": "events.click.v1", "value": value}


def write(path: Path, *lines: dict[str, Any] | str) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def validate(path: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["validate", str(path), *options])


def test_a_sound_file(tmp_path: Path) -> None:
    item = {"topic": "catalog.items.v1", "value": {"item_id": "i1", "title": "Tea"}}
    result = validate(write(tmp_path / "f", item, click("1"), click("2", unknown=1)))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "catalog.items.v1: 1 records",
        "events.click.v1: 2 records",
        "0 problems",
    ]


def test_problems_name_line_code_and_reason(tmp_path: Path) -> None:
    lines = (click("1"), click("2", item_id=7), "{", {"topic": "events.zap.v1", "value": {}}, click("3"))
    result = validate(write(tmp_path / "f", *lines))
    assert result.exit_code == 1
    out = result.stdout.splitlines()
    assert [line.split(": ")[:2] for line in out[:3]] == [
        ["line 2", "wrong_type"],
        ["line 3", "broken_json"],
        ["line 4", "unknown_topic"],
    ]
    assert out[3] == "events.click.v1: 2 records"
    assert out[4].startswith("3 problems: ")


def test_what_visitors_type_is_no_problem(tmp_path: Path) -> None:
    """The worker ignores a search for nothing, and cuts a query that is too long."""
    queries = ("", "  ", "x" * 501, "tea")
    lines = [
        {"topic": "events.search.v1", "value": click(str(n))["value"] | {"query": query}}
        for n, query in enumerate(queries)
    ]
    result = validate(write(tmp_path / "f", *lines))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "events.search.v1: 2 records",
        "searches for nothing, ignored: 2",
        "queries cut to their limit: 1",
        "0 problems",
    ]


def test_only_so_many_are_listed(tmp_path: Path) -> None:
    result = validate(write(tmp_path / "f", *[click("1", item_id=n) for n in range(9)]), "--show", "2")
    assert result.stdout.count("line ") == 2
    assert "... and 7 more" in result.stdout
    assert "9 problems: 9 wrong_type" in result.stdout


def test_order_duplicates_and_reused_ids_are_counted_not_refused(tmp_path: Path) -> None:
    late = click("2", occurred_at=1_699_999_990_000)
    result = validate(write(tmp_path / "f", click("1"), late, click("1"), click("1", item_id="other")))
    assert result.exit_code == 0
    assert "out of time order: 1 lines, first line 2, at most 10 s" in result.stdout
    assert "exact duplicates, learned once: 1, first line 3" in result.stdout
    assert "event ids used again for other content: 1, first line 4" in result.stdout


def test_same_id_of_another_user_is_no_repetition(tmp_path: Path) -> None:
    result = validate(write(tmp_path / "f", click("1"), click("1", user_id="u2")))
    assert result.stdout.splitlines() == ["events.click.v1: 2 records", "0 problems"]


def test_foreign_formats_get_a_hint(tmp_path: Path) -> None:
    result = validate(write(tmp_path / "f", {"event_name": "purchase", "event_timestamp": "1772359200431476"}))
    assert result.exit_code == 1
    assert "looks like a GA4 export row" in result.stdout


TWO_SHOPS = [
    {"topic": "shop-a.catalog.items.v1", "value": {"item_id": "p1", "title": "Mug of shop A"}},
    {"topic": "shop-b.catalog.items.v1", "value": {"item_id": "p1", "title": "Secret of shop B"}},
    {"topic": "shop-b.catalog.items.v1", "key": "p2", "value": None},
    {**click("e1"), "topic": "staging.events.click.v1"},
    click("e2"),
]


def test_lines_of_other_namespaces_are_refused_unless_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWATER_NAMESPACE", "shop-a")
    file = write(tmp_path / "f", *TWO_SHOPS)
    result = validate(file)
    assert result.exit_code == 1
    out = result.stdout.splitlines()
    assert [line.split(": ")[:2] for line in out[:3]] == [[f"line {n}", "other_namespace"] for n in (2, 3, 4)]
    assert "'shop-b'" in out[0] and "'shop-b'" in out[1] and "'staging'" in out[2]
    assert out[3:] == [
        "catalog.items.v1: 1 records",
        "events.click.v1: 1 records",
        "1 item without catalogue row, first line 5",
        "3 problems: 3 other_namespace",
    ]
    assert validate(file, "--from-namespace", "shop-b").stdout.splitlines()[-1] == "1 problem: 1 other_namespace"
    assert validate(file, "--from-namespace", "shop-b", "--from-namespace", "staging").exit_code == 0


@pytest.mark.parametrize("topic", ["Shop-a", "x.shop-a", "shop-a.", "shop-a.shop-a", " shop-a"])
def test_a_namespace_that_looks_alike_is_another(topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_NAMESPACE", "shop-a")
    result = validate(write(tmp_path / "f", {**click("1"), "topic": f"{topic}.events.click.v1"}))
    assert result.exit_code == 1 and "other_namespace" in result.stdout


def test_a_topic_without_a_name_before_its_point_is_unknown(tmp_path: Path) -> None:
    result = validate(write(tmp_path / "f", {**click("1"), "topic": ".events.click.v1"}))
    assert result.exit_code == 1 and "unknown_topic" in result.stdout


def test_evaluate_leaves_other_namespaces_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_NAMESPACE", "shop-a")
    file = write(tmp_path / "f", *TWO_SHOPS)
    result = CliRunner().invoke(app, ["evaluate", str(file), "--json"])
    assert json.loads(result.stdout)["events"] == 1
    assert "3 lines were refused, the first is line 2" in result.stderr
    result = CliRunner().invoke(app, ["evaluate", str(file), "--json", "--from-namespace", "staging"])
    assert json.loads(result.stdout)["events"] == 2


@pytest.mark.parametrize("compress", [False, True])
def test_lines_are_counted_for_the_bar(tmp_path: Path, compress: bool) -> None:
    data = b"a\nb\n\nc"
    path = tmp_path / "f"
    path.write_bytes(gzip.compress(data[:3]) + gzip.compress(data[3:]) if compress else data)
    assert count_lines(path) == 3
    assert count_lines(Path("/dev/null")) is None


def test_cut_gzip_is_still_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = write(tmp_path / "f", *[click(str(n)) for n in range(2000)]).read_bytes()
    cut = tmp_path / "cut.gz"
    packed = gzip.compress(whole)
    cut.write_bytes(packed[: len(packed) // 2])
    result = validate(cut)
    assert result.exit_code == 1
    assert "incomplete_line" in result.stdout
    assert "events.click.v1: " in result.stdout


def catalog(item: str, **fields: Any) -> dict[str, Any]:
    return {"topic": "catalog.items.v1", "value": {"item_id": item, "title": f"The {item}"} | fields}


def test_references_to_nothing_are_counted_not_refused(tmp_path: Path) -> None:
    shown = {
        "topic": "events.impression.v1",
        "value": click("m")["value"] | {"item_ids": ["i1"], "recommendation_id": "shown"},
    }
    bought = {"topic": "events.purchase.v1", "value": click("p", item_id="bare")["value"] | {"recommendation_id": "r0"}}
    lines = [catalog("i1"), click("1", recommendation_id="r0"), bought, click("2", recommendation_id="shown"), shown]
    result = validate(write(tmp_path / "f", *lines))
    assert result.exit_code == 0
    assert "2 references to unknown recommendations, first line 2" in result.stdout
    assert "1 item without catalogue row, first line 3" in result.stdout
    result = validate(write(tmp_path / "g", click("1", recommendation_id="x")))
    assert result.exit_code == 0 and "0 problems" in result.stdout
    assert "1 reference to unknown recommendations" in result.stdout and "1 item without" in result.stdout


def test_an_empty_list_of_items_is_reported_once_with_its_line(tmp_path: Path) -> None:
    empty = {"topic": "events.impression.v1", "value": click("m")["value"] | {"item_ids": []}}
    result = validate(write(tmp_path / "f", click("1"), click("2"), empty))
    assert result.exit_code == 1 and result.stdout.count("item_ids is empty") == 1
    assert "line 3: missing_field: item_ids is empty" in result.stdout


def test_dropped_fields_are_named_with_line_and_value_and_refuse_nothing(tmp_path: Path) -> None:
    lines = [catalog("i1", price="$99.00"), catalog("i2"), catalog("i3", price="—", categories=[["Games"]])]
    result = validate(write(tmp_path / "f", *lines), "--show", "2")
    assert result.exit_code == 0
    out = result.stdout.splitlines()
    assert out[0].startswith("line 1: dropped price: bad_text: price '$99.00'")
    assert out[1].startswith("line 3: dropped price: bad_text: price '—'")
    assert "fields dropped, their rows are kept: 2 price, 1 categories, 1 of them not listed" in out
    assert out[-1] == "0 problems"


def test_vectors_of_one_name_have_one_size_over_all_lines(tmp_path: Path) -> None:
    result = validate(write(tmp_path / "f", catalog("a", vectors={"v": [1, 2]}), catalog("b", vectors={"v": [1]})))
    assert result.exit_code == 0 and "line 2: dropped vectors: out_of_range: vectors['v'] has 1 comp" in result.stdout


def test_a_deletion_under_a_key_in_json_is_said(tmp_path: Path) -> None:
    line = {"topic": "catalog.items.v1", "key": '{"item_id":"i1"}', "value": None}
    result = validate(write(tmp_path / "f", line))
    assert result.exit_code == 1 and "line 1: key_mismatch: the key is a JSON object" in result.stdout


def test_raw_shop_payloads_are_refused_with_what_to_do(tmp_path: Path) -> None:
    product = {"id": 632910392, "title": "IPod", "body_html": "<p>x</p>", "variants": [{"price": "199.00"}]}
    wrapped = [{"topic": "catalog.items.v1", "value": value} for value in (product, {"id": 632910392})]
    result = validate(write(tmp_path / "f", product, {"id": 632910392}, *wrapped))
    assert result.exit_code == 1 and "4 problems" in result.stdout
    out = result.stdout.splitlines()
    assert "a Shopify product" in out[0] and "a line is" in out[1]
    assert "a Shopify product" in out[2] and "is it in id?" in out[3]
