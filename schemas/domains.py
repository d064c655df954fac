"""What kind of things a shop or service recommends; its sentences take their words and quotation marks from it."""

from __future__ import annotations

from enum import StrEnum


class Domain(StrEnum):
    """``general`` has words that are true of anything: it is what nobody has to choose."""

    GENERAL = "general"
    RETAIL = "retail"
    FILM = "film"
    SOCIAL = "social"
    EDUCATION = "education"
    MEDIA = "media"
    FINANCE = "finance"
    HEALTH = "health"
