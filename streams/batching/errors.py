"""What can go wrong in the data path, each with what to do.

::

    StreamError
     ├── BatchHoleError         records of a partition were lost between consumer and stage
     ├── ChangelogBehindError   local state is ahead of its changelog
     ├── DeliveryError          the broker refused an output
     └── PausedTooLongError     the process slept past its session: its partitions may have another owner
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


class PausedTooLongError(StreamError):
    """Writing now could overwrite the state of the partitions' new owner."""
