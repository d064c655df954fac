"""The schema of changelogs: a Faust event carries a whole :class:`RecordBatch`, undecoded."""

from __future__ import annotations

from typing import Any

import faust


class BatchSchema(faust.Schema):  # type: ignore[misc]
    """Passes batches through: the table decodes its rows itself."""

    def compile(self, app: Any, **_kwargs: Any) -> Any:
        create_event = app.create_event

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return create_event(None, message.value, message.headers, message)

        return decode


def raw_schema() -> BatchSchema:
    """A schema that leaves keys and values as bytes."""
    return BatchSchema(key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
