"""A recommendation record for human eyes; records are plain decoded JSON here, as any consumer gets them."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from headwater.cli.terminal import plain
from schemas.recommendation import END_OF_ISOLATE, ISOLATE

ITEMS_SHOWN = 3
_REASONS = {
    "co_watched": "interests the same people as {0}",
    "bought_together": "bought together with {0}",
    "same_genre": "similar to {0}",
    "next_in_sequence": "often comes after {0}",
    "search_match": "matches the search {0}",
    "trending": "popular now",
    "repeat": "again",
    "taste": "may suit this person",
    "new": "new here",
    "fill": "fills the list up",
}
"""In words that are true in every domain: records do not say theirs."""


def reason_text(reason: dict[str, Any], titles: dict[str, str]) -> str:
    """In words why an item is recommended; ``titles`` names anchors where it can, else it is their id."""
    anchor = reason.get("anchor_item_id")
    subject = reason.get("query") or titles.get(anchor or "", anchor) or "earlier items"
    pattern = _REASONS.get(str(reason.get("kind")), str(reason.get("kind")))
    return plain(pattern.replace("{0}", str(subject)))


def titles_of(record: dict[str, Any]) -> dict[str, str]:
    """Titles by item id, for the items of the record that have one."""
    return {item["item_id"]: item["title"] for item in record["items"] if item.get("title")}


def _name(item: dict[str, Any]) -> str:
    return str(item.get("title") or item["item_id"])


def _sentence(record: dict[str, Any]) -> str:
    """Without the characters that isolate names of the other direction: few terminals know them."""
    return plain(str(record["text"]).replace(ISOLATE, "").replace(END_OF_ISOLATE, ""))


def panel(record: dict[str, Any], titles: dict[str, str]) -> RenderableType:
    """User, sentence, its source, the first items with their reasons."""
    items = Table.grid(padding=(0, 2))
    for item in record["items"][:ITEMS_SHOWN]:
        why = reason_text(item["reason"], titles)
        items.add_row(f"{item['rank']}.", Text(plain(_name(item))), Text(why, style="dim"), f"{item['score']:.2f}")
    sentence = Text(_sentence(record), style="bold")
    source = Text(f"text: {record['text_source']}", style="italic dim")
    if record.get("language_model"):
        source.append(f" ({plain(record['language_model'])})")
    more = len(record["items"]) - ITEMS_SHOWN
    rest = [Text(f"and {more} more", style="dim")] if more > 0 else []
    title = Text(f"user {plain(record['user_id'])}, {record['source']}")
    return Panel(Group(sentence, source, items, *rest), title=title, title_align="left", expand=False)


def line(record: dict[str, Any], titles: dict[str, str]) -> str:
    """One line without colour: time, user, source, sentence, first items."""
    shown = (f"{plain(_name(item))} [{reason_text(item['reason'], titles)}]" for item in record["items"][:ITEMS_SHOWN])
    text = f"{_sentence(record)} ({record['text_source']})"
    return f"{record['created_at']}  {plain(record['user_id'])}  {record['source']}  {text}  {'; '.join(shown)}"
