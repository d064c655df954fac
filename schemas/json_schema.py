"""JSON Schemas of all records, generated from the types: ``python -m schemas.json_schema`` writes ``schemas/json``.

They describe the wire form. Limits of sizes (`schemas.limits`) are settings of the reader and not part of them.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from schemas.kinds import RECOMMENDATIONS_TOPIC
from schemas.recommendation import Recommendation
from schemas.records import RECORDS

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schemas() -> dict[str, dict[str, Any]]:
    """A self-contained schema by file name (``click.json``); ``title`` names the topic without namespace."""
    types: dict[str, type[msgspec.Struct]] = {kind.topic: record for kind, record in RECORDS.items()}
    types[RECOMMENDATIONS_TOPIC] = Recommendation
    return {file_name(record): _schema(topic, record) for topic, record in types.items()}


def file_name(record: type[msgspec.Struct]) -> str:
    """The file of a record's schema: ``catalog-item.json`` of ``CatalogItem``."""
    return re.sub(r"\B(?=[A-Z])", "-", record.__name__).lower() + ".json"


def _schema(topic: str, record: type[msgspec.Struct]) -> dict[str, Any]:
    return {"$schema": _DIALECT, "title": f"value of {topic}"} | msgspec.json.schema(record)


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
