"""Tables of how catalogue rows are read."""

from __future__ import annotations

from headwater.docs.markdown import codes, table
from schemas.spellings import AVAILABLE


def spellings_table() -> str:
    """Every spelling of an availability."""
    rows = (
        (meaning, codes(spelling for spelling, available in AVAILABLE.items() if available is value))
        for value, meaning in ((True, "available"), (False, "not available"))
    )
    return table(("means", "as text"), rows)
