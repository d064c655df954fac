"""What moves records in groups through a Faust agent; everything that reaches into Faust is in this package.

Faust keeps consumer groups, assignment, commits, agents, tables, changelogs and recovery. librdkafka reads the sources
(``source``) and sends the outputs (``sending``).

Subclasses only, no patching of classes; ``internals`` lists what is private there and used here all the same.
"""

from streams.engine.app import BatchApp, create_app
from streams.engine.batch import Group, RecordBatch
from streams.engine.errors import RecordsDamagedError, records_damaged
from streams.engine.local_store import keep_only
from streams.engine.observer import Observer
from streams.engine.outbox import Outbox
from streams.engine.positions import SourcePositions
from streams.engine.stage_engine import StageEngine, Turn
from streams.engine.states import NoStates, States
from streams.engine.store import Row
from streams.engine.table import BatchTable

__all__ = [
    "BatchApp",
    "BatchTable",
    "Group",
    "NoStates",
    "Observer",
    "Outbox",
    "RecordBatch",
    "RecordsDamagedError",
    "Row",
    "SourcePositions",
    "StageEngine",
    "States",
    "Turn",
    "create_app",
    "keep_only",
    "records_damaged",
]
