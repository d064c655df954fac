"""The boxes and rooms of the repository, in the order of their imports: each may import those above it, never below.

The README's picture is generated from this table, and ``tests/unit/test_layout.py`` holds every import against it.
"""

from __future__ import annotations

from streams.topology import STAGE_NAMES

LAYOUT: dict[str, tuple[str, dict[str, str]]] = {
    "schemas": ("what travels: events, catalogue, recommendation, draft, refusals", {}),
    "operators": (
        "computation: no Kafka, no clock, no I/O",
        {
            "kernels": "random numbers, hashing, selection, bounded rows, cache of compiled code",
            "text": "words in all scripts, searches, cosines",
            "state": "users and items: columns, codecs, parameters",
            "learning": "one event, a batch of events, one learner a file",
            "generators": "candidate generators, one a file",
            "ranking": "fusion, diversity, listing, reasons, cold start",
            "narration": "facts to sentence: frames, templates, checker; languages/ and data/",
            "recommender": "all of it as one object",
            "evaluation": "test, then learn",
            "warm_up": "compiles the kernels before the first event",
        },
    ),
    "streams": (
        "the running program",
        {
            "errors": "what can go wrong, each with what to do",
            "clock": "the time, passed in",
            "topology": "stages and topics, declared once",
            "settings": "every setting, declared once",
            "metrics": "every metric, declared once",
            "broker": "what is asked of Kafka outside the data path",
            "engine": "groups of records: read, checkpoint, table, send; all that reaches into Faust",
            "model": "the language model's process",
            "stages": ", ".join(STAGE_NAMES),
            "worker": "start and stop, health, the item index",
        },
    ),
    "headwater": (
        "the program for people",
        {
            "layout": "this picture",
            "docs": "generated parts of the documentation",
            "wheels": "pinned files from the package registry",
            "language_model": "fetches the language model",
            "importers": "data sets as replay files",
            "local_kafka": "the private broker",
            "demo": "feed, pacing, summary; a household shop and its judge",
            "cli": "one command a file",
        },
    ),
}
"""Box -> (meaning, room -> meaning)."""


def picture() -> str:
    """The layout as a tree, for the README."""
    lines = []
    for box, (meaning, rooms) in LAYOUT.items():
        lines.append(f"{box + '/':<17}{meaning}")
        lines += [f"  {room:<15}{text}" for room, text in rooms.items()]
    return "```\n" + "\n".join(lines) + "\n```\n"


def place(module: str) -> tuple[int, int]:
    """Where a module stands: number of its box, and of its room in it (behind all rooms: of the box itself).

    Raises ``ValueError`` for a box, ``KeyError`` for a room, that is not in the table.
    """
    box, _, rest = module.partition(".")
    rooms = LAYOUT[box][1]
    room = rest.partition(".")[0]
    number = list(rooms).index(room) if rooms and room else len(rooms)
    return list(LAYOUT).index(box), number
