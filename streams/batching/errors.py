"""What can go wrong in the data path, each with what to do.

::

    StreamError
     ├── BatchHoleError         records of a partition were lost between consumer and stage
     ├── ChangelogBehindError   local state is ahead of its changelog
     ├── DeliveryError          the broker refused an output
     ├── LogReplacedError       offsets of a partition went back: it is another log
     ├── PausedTooLongError     the process slept past its session: its partitions may have another owner
     └── StoreDamagedError      a file of the local store is damaged
"""

from __future__ import annotations


class StreamError(RuntimeError):
    """The worker stops before it acknowledges; the message says what to do."""


class BatchHoleError(StreamError):
    """A batch does not follow the one before it: going on would skip events for ever."""


class ChangelogBehindError(StreamError):
    """The local store claims more than the changelog holds (restored volume, recreated topic)."""


class DeliveryError(StreamError):
    """An output, item update or changelog record was not accepted by the broker."""


class LogReplacedError(StreamError):
    """Applied offsets belong to another log: comparing with them would skip its records."""


class PausedTooLongError(StreamError):
    """Writing now could overwrite the state of the partitions' new owner."""


class StoreDamagedError(StreamError):
    """Bytes on the local disk are not what was written."""


def store_damaged(path: object, found: str) -> str:
    """What to say when RocksDB finds a checksum wrong."""
    return (
        f"{path}: the local store is damaged ({found}). Nothing was acknowledged, nothing is lost: start the worker again, it "
        "throws this store away and rebuilds it from its changelog. If it comes again, look at the disk."
    )


def changelog_behind(topic: str, partition: int, stored: int, end: int) -> str:
    """What to say when a local store is ahead of its changelog."""
    return (
        f"{topic}-{partition}: the local store contains changelog offset {stored}, but the topic ends at {end}. The topic was "
        "cut or restored, or the state folder comes from elsewhere. Nothing was written. If the topic is right, delete the "
        "worker's state folder and start again (state is rebuilt from the topic); if the folder is right, restore the topic "
        "(docs/operations.md, Changelog behind)."
    )


def log_replaced(topic: str, partition: int, last: int, first: int) -> str:
    """What to say when offsets went back under a running worker."""
    return (
        f"{topic}-{partition}: behind offset {last} came offset {first}: the topic was deleted and made again, or its log was "
        f"cut. Nothing of it was learned. To go on with it, stop the workers and run: headwater topics accept {topic}"
    )
