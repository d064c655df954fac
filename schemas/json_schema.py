"""JSON Schemas of all records, generated from the types: ``python -m schemas.json_schema`` writes ``schemas/json``.

They describe the wire form. Limits of sizes (`schemas.limits`) are settings of the reader and not part of them.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from schemas.kinds import Kind
from schemas.recommendation import Recommendation
from schemas.records import CatalogItem, Click, Impression, Purchase, Search

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TYPES: dict[str, tuple[type[msgspec.Struct], str]] = {
    Kind.CLICK.topic: (Click, "click"),
    Kind.SEARCH.topic: (Search, "search"),
    Kind.PURCHASE.topic: (Purchase, "purchase"),
    Kind.IMPRESSION.topic: (Impression, "impression"),
    Kind.CATALOG.topic: (CatalogItem, "catalog-item"),
    "recommendations.v1": (Recommendation, "recommendation"),
}


def json_schemas() -> dict[str, dict[str, Any]]:
    """A self-contained schema by file name (``click.json``); ``title`` names the topic without namespace."""
    schemas = {}
    for topic, (record, name) in _TYPES.items():
        schema = {"$schema": _DIALECT, "title": f"value of {topic}"} | msgspec.json.schema(record)
        schemas[f"{name}.json"] = schema
    return schemas


def as_text(schema: dict[str, Any]) -> str:
    """The text of a schema file."""
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


def main() -> None:
    """Write all schema files."""
    folder = Path(str(files("schemas") / "json"))
    folder.mkdir(exist_ok=True)
    for name, schema in json_schemas().items():
        (folder / name).write_text(as_text(schema), encoding="utf-8")


if __name__ == "__main__":
    main()
