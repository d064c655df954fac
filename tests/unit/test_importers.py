"""An importer that somebody adds: `convert` yields lines, and `headwater validate` accepts the file made of them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from typer.testing import CliRunner

from headwater.cli.main import app
from headwater.importers.replay_file import ReplayLine, write_replay_file
from schemas.parse import parse
from schemas.records import CatalogItem, Purchase
from schemas.replay_file import read_lines
from streams.topology import CATALOG_ITEMS, PURCHASE

ORDERS = """\
when,customer,sku,product
1700000050,ann,7,Teapot “Étoile”
1700000000,bob,7,Teapot “Étoile”
1700000100,ann,9,Mug
"""


def convert(path: Path) -> Iterator[ReplayLine]:
    """An export of orders: products first, then what was bought, in time order."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["when"]))
    for sku, product in {row["sku"]: row["product"] for row in rows}.items():
        yield {"topic": CATALOG_ITEMS.suffix, "value": {"item_id": sku, "title": product}}
    for row in rows:
        value = {
            "event_id": f"order-{row['when']}-{row['customer']}-{row['sku']}",
            "user_id": row["customer"],
            "item_id": row["sku"],
            "occurred_at": int(row["when"]) * 1000,
        }
        yield {"topic": PURCHASE.suffix, "value": value}


def imported(folder: Path) -> Path:
    source = folder / "orders.csv"
    source.write_text(ORDERS, encoding="utf-8")
    return write_replay_file(convert(source), folder / "orders.jsonl.gz")


def test_headwater_validate_accepts_the_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["validate", str(imported(tmp_path))])
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "catalog.items.v1: 2 records",
        "events.purchase.v1: 3 records",
        "0 problems",
    ]


def test_every_line_is_a_record(tmp_path: Path) -> None:
    records = []
    for line in read_lines(imported(tmp_path)):
        assert line.kind is not None and line.problem is None
        records.append(parse(line.kind, line.value, now_ms=1_700_001_000_000))
    assert records[0] == CatalogItem("7", "Teapot “Étoile”")
    bought = [(each.user_id, each.item_id) for each in records if isinstance(each, Purchase)]
    assert bought == [("bob", "7"), ("ann", "7"), ("ann", "9")]


def test_the_same_lines_give_the_same_bytes_and_no_other_file(tmp_path: Path) -> None:
    first = imported(tmp_path).read_bytes()
    assert imported(tmp_path).read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["orders.csv", "orders.jsonl.gz"]
