"""Every setting of the running program, in one place.

Each field is an environment variable with the prefix ``HEADWATER_`` (``HEADWATER_BROKERS=…``); a ``.env`` file is not
read. Durations are seconds, sizes bytes. ``docs/settings.md`` is generated from this class, and so is the README's
table of the settings that matter to everybody (``ESSENTIAL``).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from streams.topology import MAX_PARTITIONS, NARRATOR

ESSENTIAL: dict[str, JsonValue] = {"essential": True}
"""Marks a setting that every user should know."""
NAME_PATTERN = r"^[A-Za-z0-9_-]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?$"


def _cache_dir() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headwater"


def _state_dir() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "headwater"


class Settings(BaseSettings):
    """Settings of a worker and of the command line; raises ``pydantic.ValidationError`` on a bad value."""

    model_config = SettingsConfigDict(
        env_prefix="HEADWATER_", extra="forbid", validate_default=True, populate_by_name=True
    )

    # --- where
    brokers: str | None = Field(
        None,
        json_schema_extra=ESSENTIAL,
        description="Kafka bootstrap servers, `host:port,host:port`; empty: a private broker for demo and tests, an "
        "error for a worker",
    )
    kafka_home: Path | None = Field(
        None,
        description="an unpacked Apache Kafka for the private broker; empty: fetched once from the Maven registry",
        validation_alias="KAFKA_HOME",
    )
    namespace: str = Field(
        "headwater",
        pattern=NAME_PATTERN,
        json_schema_extra=ESSENTIAL,
        description="prefix of every topic, consumer group and state folder: one a tenant or shop",
    )
    state_dir: Path = Field(
        default_factory=_state_dir,
        json_schema_extra=ESSENTIAL,
        description="local state (RocksDB); one folder a worker and namespace below it",
    )
    cache_dir: Path = Field(default_factory=_cache_dir, description="downloaded data, broker and model")
    worker_id: str | None = Field(
        None,
        pattern=NAME_PATTERN,
        json_schema_extra=ESSENTIAL,
        description="stable name of this worker: static group membership, so that its restart takes its partitions "
        "back at once; must differ between workers",
    )
    # --- topics
    user_partitions: int = Field(
        8,
        ge=1,
        le=MAX_PARTITIONS,
        json_schema_extra=ESSENTIAL,
        description="partitions of every user-keyed topic; cannot change later",
    )
    item_partitions: int = Field(
        4,
        ge=1,
        le=MAX_PARTITIONS,
        json_schema_extra=ESSENTIAL,
        description="partitions of every item-keyed topic; cannot change later",
    )
    replication_factor: int = Field(
        1, ge=1, le=16, json_schema_extra=ESSENTIAL, description="of the topics that `headwater topics create` makes"
    )
    # --- the stream
    max_event_age: float = Field(
        300.0, gt=0, description="an event older than this (by its Kafka timestamp) is learned but gets no record"
    )
    future_tolerance: float = Field(
        300.0, ge=0, description="an event time further ahead than this is clamped to the record's time"
    )
    checkpoint_interval: float = Field(
        1.0, gt=0, le=60, description="time between checkpoints: what a crash repeats at most"
    )
    checkpoint_bytes: int = Field(16 << 20, gt=0, description="dirty state that starts a checkpoint early")
    item_publish_interval: float = Field(
        0.2, gt=0, le=60, description="debounce of changed items to the compacted item state"
    )
    cached_users: int = Field(
        20_000,
        ge=1,
        description="decoded user states kept in memory by a worker, about 5 kB each; the others are read from RocksDB "
        "when they come",
    )
    user_idle_days: float = Field(
        90.0,
        ge=0,
        description="a user of whom nothing was heard for so many days (of Kafka time) is forgotten; longer than the "
        "event topics keep records; 0: never",
    )
    deleted_item_days: float = Field(
        90.0,
        ge=0,
        description="what was learned of a deleted item goes so many days after its deletion, or the last click after "
        "that; 0: never",
    )
    catalog_wait: float = Field(
        60.0,
        ge=0,
        description="at the start of a worker events wait for the catalogue rows that are there already, as long as "
        "those are worked on; after so much time without progress they are answered without; 0: at once",
    )
    store: Literal["rocksdb", "memory"] = Field("rocksdb", description="local store of the tables")
    rocksdb_cache_bytes: int = Field(8 << 20, ge=1 << 20, description="block cache of each partition's RocksDB")
    session_timeout: float = Field(10.0, ge=1, le=300, description="a silent worker's partitions move after this time")
    stuck_timeout: float = Field(
        120.0,
        ge=5,
        description="a worker whose event loop stands still, or whose work on some records does not end, for this time "
        "loses its partitions to others",
    )
    fetch_wait: float = Field(
        0.002,
        ge=0,
        le=0.5,
        description="time for which the broker may hold back events, so that several come at once, while more than 600 "
        "a second come to a worker: less processor time for a little latency; 0: never",
    )
    fetch_records: int = Field(4096, ge=1, description="records of one partition handed on as one batch")
    dead_letter_rate: float = Field(
        0.05, gt=0, le=1, description="share of refused records, over the last 1,000, that stops the worker"
    )
    dead_letter_minimum: int = Field(100, ge=1, description="refused records needed before the rate counts")
    user_events_per_minute: int = Field(
        3000,
        ge=1,
        description="events of one user a minute (of Kafka time) that are learned; those above are counted and ignored",
    )
    commit_stall_timeout: float = Field(
        60.0, gt=0, description="records processed but nothing committed for this long: not ready"
    )
    partition_stall_timeout: float = Field(
        60.0, gt=0, description="a partition with lag that does not move for this long: not ready"
    )
    # --- records
    max_record_bytes: int = Field(262_144, ge=1024, description="largest event or catalogue record that is accepted")
    list_length: int = Field(20, ge=1, le=100, description="items in a recommendation")
    allow_repeats: bool | None = Field(
        None, description="whether items that a user has seen may be recommended; empty: learned from how users repeat"
    )
    domain: Literal["film", "retail"] = Field(
        "film", json_schema_extra=ESSENTIAL, description="vocabulary of reasons and sentences"
    )
    locale: str = Field(
        "en",
        pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$",
        json_schema_extra=ESSENTIAL,
        description="language of text where neither event nor item names one",
    )
    seed: int = Field(7, ge=0, description="of every random choice")
    # --- narration
    model_backend: str = Field(
        "transformers", json_schema_extra=ESSENTIAL, description="`transformers`, `none`, or `module:Class`"
    )
    draft_deadline: float = Field(
        3.0,
        gt=0,
        le=60,
        description="a live sentence that is not there after this time is replaced by frame or template",
    )
    live_share: float = Field(
        0.05, ge=0, le=1, description="largest share of records that is given to the language model"
    )
    narrator_rate: float | None = Field(
        None,
        gt=0,
        description=f"sentences a second that narrators on other machines write (`--stages {NARRATOR.name}`); empty: "
        "as many as this worker's own model shows to write",
    )
    # --- watching
    http_host: str = Field("127.0.0.1", description="address of /metrics, /healthz and /readyz")
    http_port: int = Field(9464, ge=0, le=65535, description="its port; 0: any free one, printed at start")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="of the worker's log")

    @field_validator("brokers", "worker_id", "kafka_home", "allow_repeats", "narrator_rate", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @property
    def namespace_dir(self) -> Path:
        """Folder of this worker's state in this namespace."""
        return self.state_dir / self.namespace / (self.worker_id or "worker")
