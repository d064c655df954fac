"""Moves records in groups through a Faust agent. All code that depends on Faust's internals is in this package.

Terms: a *partition* is one ordered log of a topic, and an *offset* is the number of a record in it. The workers of a
*consumer group* share the partitions of a topic; a *rebalance* assigns them anew when a worker comes or goes. A group
*commits* the offset up to which a partition is done. A *changelog* is a compacted topic that holds a table; after a
restart the table is *recovered* from it. A *checkpoint* makes finished work durable (``stage_engine``). A topic that
is deleted and made again has a new *incarnation* (:mod:`streams.broker.incarnations`).

Faust does consumer groups, assignment, commits, agents, tables, changelogs and recovery. librdkafka reads the source
topics (``source``) and sends the outputs (``sending``). Faust's classes are subclassed, never patched; ``internals``
lists the private names that are used.
"""

from streams.engine.app import BatchApp, create_app
from streams.engine.batch import Group, RecordBatch
from streams.engine.credentials import aiokafka_options
from streams.engine.gaps import Gap
from streams.engine.local_store import keep_only
from streams.engine.observer import Observer
from streams.engine.outbox import Outbox
from streams.engine.positions import SourcePositions
from streams.engine.read_errors import explained
from streams.engine.stage_engine import StageEngine, Turn
from streams.engine.states import NoStates, States
from streams.engine.store import Row
from streams.engine.table import BatchTable

__all__ = [
    "BatchApp",
    "BatchTable",
    "Gap",
    "Group",
    "NoStates",
    "Observer",
    "Outbox",
    "RecordBatch",
    "Row",
    "SourcePositions",
    "StageEngine",
    "States",
    "Turn",
    "aiokafka_options",
    "create_app",
    "explained",
    "keep_only",
]
