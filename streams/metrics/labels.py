"""The closed sets of label values. A user, item, query, title, header or exception text is never a label."""

from __future__ import annotations

from enum import StrEnum
from operator import attrgetter

from operators.narration.check_rules import CheckRule
from operators.ranking.emptiness import EmptyCause
from schemas.catalog_fields import FAULT_CODES, READERS
from schemas.recommendation import Source, TextSource
from schemas.rejection import RejectionCode
from streams.metrics.registry import Label
from streams.topology import EVENTS, INPUTS, LOGS, MAX_PARTITIONS, READ, STAGES, TABLES, Stage, Table, Topic


class EventOutcome(StrEnum):
    """What happened to a record of an input topic; each record has one outcome."""

    LEARNED = "learned"
    DUPLICATE = "duplicate"  # its event id, with the same content, is remembered
    REPLAYED = "replayed"  # its offset is contained in the state: read again after a restart
    REJECTED = "rejected"  # went to the dead letters
    RATE_LIMITED = "rate_limited"
    IGNORED = "ignored"  # nothing to learn from it


class TooOldCause(StrEnum):
    """Why an event was too old to be answered."""

    LATE = "late"  # older than `HEADWATER_MAX_EVENT_AGE` by its Kafka timestamp
    AGAIN = "again"  # as old, and put into Kafka again on purpose: `headwater replay` of a history


class Step(StrEnum):
    """The parts that a batch, or a checkpoint, spends its time in."""

    DECODE = "decode"
    LEARN = "learn"
    RANK = "rank"
    EMIT = "emit"
    CHECKPOINT = "checkpoint"
    PUBLISH = "publish"


class ComparedList(StrEnum):
    """Whose lists are tested: what is served, and plain popularity beside it."""

    HYBRID = "hybrid"
    POPULARITY = "popularity"


class ModelHealth(StrEnum):
    """State of the language model's process."""

    NONE = "none"  # no backend configured
    LOADING = "loading"
    READY = "ready"
    RESTARTING = "restarting"  # it hung, died or could not be loaded, and starts again
    BROKEN = "broken"  # failed too often (the circuit is open), or it can never run here


class ModelFailure(StrEnum):
    """What the language model's process did instead of answering."""

    HANG = "hang"  # no answer in time: it was killed
    ERROR = "error"  # it raised, or its answer did not fit the request
    CRASH = "crash"  # the process ended
    UNAVAILABLE = "unavailable"  # a library or the model is missing: not tried again


TOPIC: Label[Topic] = Label("topic", tuple(INPUTS.values()), attrgetter("suffix"))
USER_TOPIC: Label[Topic] = Label("topic", tuple(EVENTS.values()), attrgetter("suffix"))
READ_TOPIC: Label[Topic] = Label("topic", READ, attrgetter("suffix"))
LOG: Label[Topic] = Label("topic", LOGS, attrgetter("suffix"))
PARTITION: Label[int] = Label("partition", range(MAX_PARTITIONS))
OUTCOME: Label[EventOutcome] = Label("outcome", tuple(EventOutcome))
STAGE: Label[Stage] = Label("stage", STAGES, attrgetter("name"))
STEP: Label[Step] = Label("step", tuple(Step))
COMPARED_LIST: Label[ComparedList] = Label("model", tuple(ComparedList))
TOO_OLD_CAUSE: Label[TooOldCause] = Label("cause", tuple(TooOldCause))
EMPTY_CAUSE: Label[EmptyCause] = Label("cause", tuple(EmptyCause))
SOURCE: Label[Source] = Label("source", tuple(Source))
TEXT_SOURCE: Label[TextSource] = Label("text_source", tuple(TextSource))
RULE: Label[CheckRule] = Label("rule", tuple(CheckRule))
REASON: Label[RejectionCode] = Label("reason", tuple(RejectionCode))
DROPPED_FIELD: Label[str] = Label("field", tuple(READERS))
FAULT: Label[RejectionCode] = Label("reason", FAULT_CODES)
MODEL_HEALTH: Label[ModelHealth] = Label("state", tuple(ModelHealth))
MODEL_FAILURE: Label[ModelFailure] = Label("kind", tuple(ModelFailure))
TABLE: Label[Table] = Label("table", TABLES, attrgetter("name"))


def known_topic(name: str, namespace: str) -> Topic | None:
    """The topic of a full name, None for one that this program does not read: it gets no series."""
    return next((topic for topic in READ_TOPIC.values if topic.name(namespace) == name), None)
