"""Throws away a local store that was made from an earlier incarnation of its changelog.

Offsets cannot tell: a changelog that was made again may have grown past the offset that the store remembers. So the
folder carries the topic's id. The store is only a cache of the changelog and can be rebuilt.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

log = logging.getLogger(__name__)
MARK = "changelog-id"


def keep_only(folder: Path, topic_id: str) -> None:
    """Throw ``folder`` away unless it was made from the changelog with this id; recovery fills it again."""
    mark = folder / MARK
    known = mark.read_text() if mark.exists() else None
    if known == topic_id:
        return
    if known is not None:
        log.warning("%s was made from another changelog: it is thrown away and rebuilt", folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mark.write_text(topic_id)
