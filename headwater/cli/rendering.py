"""A recommendation record for human eyes; records are plain decoded JSON here, as any consumer gets them."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from headwater.cli.terminal import plain

ITEMS_SHOWN = 3
_REASONS = {
    "co_watched": "watched together with {0}",
    "bought_together": "bought together with {0}",
    "same_genre": "like {0}",
    "next_in_sequence": "often comes after {0}",
    "search_match": "matches the search {0}",
    "trending": "popular now",
    "repeat": "again",
    "taste": "fits the person's taste",
}


def reason_text(reason: dict[str, Any], titles: dict[str, str]) -> str:
    """In words why an item is recommended; ``titles`` names anchors where it can."""
    anchor = reason.get("anchor_item_id")
    subject = reason.get("query") or titles.get(anchor or "", anchor) or "earlier items"
    pattern = _REASONS.get(str(reason.get("kind")), str(reason.get("kind")))
    return plain(pattern.replace("{0}", str(subject)))


def panel(record: dict[str, Any], titles: dict[str, str]) -> RenderableType:
    """User, sentence, its source, the first items with their reasons."""
    items = Table.grid(padding=(0, 2))
    for item in record["items"][:ITEMS_SHOWN]:
        why = reason_text(item["reason"], titles)
        items.add_row(f"{item['rank']}.", Text(plain(item["title"])), Text(why, style="dim"), f"{item['score']:.2f}")
    sentence = Text(plain(record["text"]), style="bold")
    source = Text(f"text: {record['text_source']}", style="italic dim")
    if record.get("language_model"):
        source.append(f" ({plain(record['language_model'])})")
    more = len(record["items"]) - ITEMS_SHOWN
    rest = [Text(f"and {more} more", style="dim")] if more > 0 else []
    title = Text(f"user {plain(record['user_id'])}, {record['source']}")
    return Panel(Group(sentence, source, items, *rest), title=title, title_align="left", expand=False)


def line(record: dict[str, Any], titles: dict[str, str]) -> str:
    """One line without colour: time, user, source, sentence, first items."""
    shown = (
        f"{plain(item['title'])} [{reason_text(item['reason'], titles)}]" for item in record["items"][:ITEMS_SHOWN]
    )
    text = f"{plain(record['text'])} ({record['text_source']})"
    return f"{record['created_at']}  {plain(record['user_id'])}  {record['source']}  {text}  {'; '.join(shown)}"
