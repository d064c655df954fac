"""Tables of settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from headwater.docs.markdown import escape, table
from streams.settings import ESSENTIAL, Settings

# Defaults that depend on the machine, as the usual environment gives them.
FOLDERS = {"state_dir": "~/.local/state/headwater", "cache_dir": "~/.cache/headwater"}


def whole_table() -> str:
    """Every environment variable with its default."""
    return _table(Settings.model_fields)


def short_table() -> str:
    """Those that everybody has to think of."""
    return _table(
        {name: field for name, field in Settings.model_fields.items() if field.json_schema_extra == ESSENTIAL}
    )


def _table(fields: dict[str, FieldInfo]) -> str:
    return table(("variable", "default", "meaning"), _rows(fields))


def _rows(fields: dict[str, FieldInfo]) -> Iterator[tuple[str, str, str]]:
    for name, field in fields.items():
        alias = field.validation_alias
        variable = alias if isinstance(alias, str) else f"HEADWATER_{name.upper()}"
        yield f"`{variable}`", _default(name, field.default), escape(field.description or "")


def _default(name: str, value: Any) -> str:
    if value is PydanticUndefined:
        return f"`{FOLDERS[name]}`"
    return "" if value is None else f"`{value}`"
