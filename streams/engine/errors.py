"""What can go wrong in the data path; every message says what to do.

::

    StreamError
     ├── BatchHoleError         records of a partition were lost between consumer and stage
     ├── ChangelogBehindError   local state is ahead of its changelog
     ├── CodecMissingError      no library here can decompress the records of a topic
     ├── DeliveryError          the broker refused an output
     ├── GroupRefusedError      the broker does not let this worker into its consumer group
     ├── LogReplacedError       offsets of a partition went back: its topic was made again, or cut
     ├── PausedTooLongError     the process slept past its session: its partitions may have another owner
     ├── RecordsDamagedError    a batch of records on the broker's disk is damaged
     ├── SourceRefusedError     the broker does not let this worker read a source
     ├── StoreDamagedError      a file of the local store is damaged
     ├── StoreRefusedError      the local disk refuses to read or write (it is full)
     ├── WorkerIdTakenError     another worker has joined the group under this one's name
     └── WorkerStuckError       work on a group of records does not end
"""

from __future__ import annotations

from streams.errors import StreamError


class BatchHoleError(StreamError):
    """A batch does not follow the one before it: going on would skip the events between them for ever."""


class ChangelogBehindError(StreamError):
    """The local store claims more than the changelog holds (restored volume, recreated topic)."""


class CodecMissingError(StreamError):
    """Records cannot be decompressed."""


class DeliveryError(StreamError):
    """An output, item update or changelog record was not accepted by the broker."""


class GroupRefusedError(StreamError):
    """This worker cannot join its consumer group: it would wait for ever."""


class LogReplacedError(StreamError):
    """Offsets inside the states are of records that no longer exist: comparing with them would skip new records."""


class PausedTooLongError(StreamError):
    """The partitions may have a new owner by now, whose state a write could overwrite."""


class RecordsDamagedError(StreamError):
    """The checksum of records that the broker hands out is wrong."""


class SourceRefusedError(StreamError):
    """This worker may not read a source: without permission it would wait for ever."""


class StoreDamagedError(StreamError):
    """The checksum of bytes on the local disk is wrong."""


class StoreRefusedError(StreamError):
    """The local disk does not read or write."""


class WorkerIdTakenError(StreamError):
    """The broker has given this worker's place in the group to another one, which writes the states now."""


class WorkerStuckError(StreamError):
    """Work does not end while heartbeats go on: another worker must get the partitions."""


def worker_stuck(timeout: float) -> str:
    """The message for work that hangs (``timeout`` in seconds)."""
    return (
        f"work on a group of records does not end: it has been under way for {timeout:.0f} s "
        "(HEADWATER_STUCK_TIMEOUT). Nothing of it was acknowledged; other workers get the partitions once this one's "
        "session is over. Start it again; if it hangs at the same records again, report this line."
    )


def codec_missing(topic: str, codec: str) -> str:
    """The message for records of ``topic`` that are compressed by a codec without a library."""
    return (
        f"{topic} has records that are compressed with {codec}, and no library here can read them. Nothing was written "
        "over them. Install it (pip install cramjam, which reads zstd, snappy and lz4) and start the worker again."
    )


def group_refused(group: str, found: str) -> str:
    """The message for a consumer group that the broker does not let this worker into."""
    return (
        f"{group}: the broker does not let this worker into the group ({found}). InvalidSessionTimeoutError: "
        "HEADWATER_SESSION_TIMEOUT lies outside of what the broker allows (its group.min.session.timeout.ms and "
        "group.max.session.timeout.ms). GroupAuthorizationFailedError: allow this worker's user to READ the group "
        "(kafka-acls.sh). InconsistentGroupProtocolError: another program has joined it; choose another "
        "HEADWATER_NAMESPACE. Then start the worker again."
    )


def worker_id_taken(group: str, member: str) -> str:
    """The message for a member of ``group`` whose name another worker has taken."""
    return (
        f"{group}: another worker has joined under this one's id ({member}) and has its partitions now. This one stops "
        "without writing. Each worker needs an id of its own: set another HEADWATER_WORKER_ID, or where none is set, "
        "do not run two machines on copies of one state folder (delete the file worker-id in one of them)."
    )


def refused(place: str, what: str, found: str) -> str:
    """The message for records of a stage that the broker does not take."""
    return (
        f"{place}: the broker refused {what} ({found}). Nothing behind them was acknowledged. Check that the topic "
        "exists (headwater topics create), that its max.message.bytes is at least 2 MiB and that the broker's disk is "
        "not full, then start the worker again."
    )


def records_damaged(found: str) -> str:
    """The message for a wrong checksum in a topic."""
    return (
        f"records are damaged on the broker's disk ({found}). Nothing was written over them, and nothing behind them "
        "is acknowledged. Have the partition restored from a replica or a backup and start the worker again; without "
        "one, make the topic again and accept that (headwater topics accept, docs/operations.md)."
    )


def source_refused(place: str, found: str) -> str:
    """The message for a source that the broker does not let this worker read."""
    return (
        f"{place}: the broker refuses to have it read ({found}). Nothing was skipped. Allow the user of this worker to "
        "READ and DESCRIBE the topic and its consumer group (kafka-acls.sh), or correct the user that it logs in as, "
        "then start the worker again."
    )


def store_damaged(path: object, found: str) -> str:
    """The message for a wrong checksum in the local store."""
    return (
        f"{path}: the local store is damaged ({found}). Nothing was acknowledged, nothing is lost: start the worker "
        "again, it throws this store away and rebuilds it from its changelog. If it comes again, look at the disk."
    )


def store_refused(path: object, found: str) -> str:
    """The message for a local disk that does not read or write."""
    return (
        f"{path}: the local disk refuses ({found}). Nothing that it lacks was acknowledged, nothing is lost: make room "
        "on it (or put HEADWATER_STATE_DIR on a larger one; state is rebuilt from its changelog there) and start the "
        "worker again."
    )


def changelog_behind(topic: str, partition: int, stored: int, end: int) -> str:
    """The message for a local store that contains offset ``stored`` of a changelog that ends at ``end``."""
    return (
        f"{topic}-{partition}: the local store contains changelog offset {stored}, but the topic ends at {end}. The "
        "topic was cut or restored, or the state folder comes from elsewhere. Nothing was written. If the topic is "
        "right, delete the worker's state folder and start again (state is rebuilt from the topic); if the folder is "
        "right, restore the topic (docs/operations.md, Changelog behind)."
    )


def log_replaced(topic: str, partition: int, last: int, first: int) -> str:
    """The message for offset ``first`` that came after the higher offset ``last``."""
    return (
        f"{topic}-{partition}: behind offset {last} came offset {first}: the topic was deleted and made again, or its "
        "log was cut. Nothing of it was learned. To go on with it, stop the workers and run: "
        f"headwater topics accept {topic}"
    )
