"""Every setting of the running program, in one place.

Each field is an environment variable with the prefix ``HEADWATER_`` (``HEADWATER_BROKERS=…``); a ``.env`` file is not
read. Durations are seconds, sizes bytes. All are read alike: a blank value counts as not set, choices are found
regardless of case, and ``~`` begins a path in the home folder. ``docs/settings.md`` is generated from this class, and
so is the README's table of the settings that matter to everybody (``ESSENTIAL``).
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, Field, JsonValue, SecretStr, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.domains import Domain
from schemas.durations import DAY_MS
from schemas.locales import WRITTEN, written_language
from streams.topology import MAX_PARTITIONS, NARRATOR

ESSENTIAL: dict[str, JsonValue] = {"essential": True}
"""Marks a setting that every user should know."""
BACKENDS = ("transformers", "none")
CUSTOM_BACKEND = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
NAME_PATTERN = r"^[A-Za-z0-9_-]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?$"
PREFIX = "HEADWATER_"
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:(?P<port>[0-9]{1,5}))?")
_OF_BENCHMARKS = "HEADWATER_BENCH_"
_NEAR = 0.6  # how alike two names are of which one may be meant for the other


def _cache_dir() -> Path:
    return _base_dir("XDG_CACHE_HOME", Path.home() / ".cache") / "headwater"


def _state_dir() -> Path:
    return _base_dir("XDG_STATE_HOME", Path.home() / ".local" / "state") / "headwater"


def _base_dir(variable: str, otherwise: Path) -> Path:
    """A base folder of the XDG specification, which says that one that is not absolute is to be ignored."""
    given = Path(os.environ.get(variable, ""))
    return given if given.is_absolute() else otherwise


def _expanded(path: Path) -> Path:
    if "$" in str(path) or str(path)[0] in "\"'":
        raise ValueError("no shell reads this: quotes and $ would stay in the name; write the path out, ~ may begin it")
    try:
        return path.expanduser()
    except RuntimeError as exc:
        raise ValueError("there is no such user, so ~ is no folder; write the path out") from exc


def _servers(text: str) -> str:
    servers = [server.strip() for server in text.split(",") if server.strip()]
    if "@" in text:
        raise ValueError("no login belongs here: set HEADWATER_SASL_USERNAME and HEADWATER_SASL_PASSWORD_FILE")
    for server in servers or [text]:
        if "://" in server:
            raise ValueError("give host:port without a prefix; what it speaks is HEADWATER_SECURITY_PROTOCOL")
        found = _SERVER.fullmatch(server)
        if found is None or int(found["port"] or 1) not in range(1, 1 << 16):
            raise ValueError(f"{server} is no host:port; give host:port,host:port (an IPv6 address in brackets)")
    return ",".join(servers)


Servers = Annotated[str, AfterValidator(_servers)]
"""Addresses of brokers, ``host:port,host:port``."""
Location = Annotated[Path, AfterValidator(_expanded)]
"""A file or folder."""
Seconds = Annotated[float, "seconds"]
"""A duration; an error names the unit."""


def buy_again_ms(text: str) -> dict[str, int | None]:
    """Milliseconds by category, None: never. Raises `ValueError` for what is not `category=days,category=never`.

    >>> buy_again_ms("coffee = 14, televisions=never")
    {'coffee': 1209600000, 'televisions': None}
    """
    read: dict[str, int | None] = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        category, separator, days = (part.strip() for part in entry.rpartition("="))
        if not separator or not category or not (days == "never" or days.replace(".", "", 1).isdecimal()):
            raise ValueError(f"{entry!r} is not `category=days` or `category=never`")
        read[category] = None if days == "never" else round(float(days) * DAY_MS)
    return read


class Settings(BaseSettings):
    """Settings of a worker and of the command line; raises ``pydantic.ValidationError`` on a bad value."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", validate_default=True, populate_by_name=True, hide_input_in_errors=True
    )

    # --- where
    brokers: Servers | None = Field(
        None,
        json_schema_extra=ESSENTIAL,
        description="Kafka bootstrap servers, `host:port,host:port`; empty: a private broker for demo and tests, an "
        "error for a worker",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT",
        json_schema_extra=ESSENTIAL,
        description="what the brokers speak: `PLAINTEXT`, `SSL` (TLS), `SASL_PLAINTEXT` (a login without TLS) or "
        "`SASL_SSL` (a login over TLS)",
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        None,
        json_schema_extra=ESSENTIAL,
        description="how the login is made: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`; empty: `PLAIN`",
    )
    sasl_username: str | None = Field(
        None, json_schema_extra=ESSENTIAL, description="user of the login (an API key, at some providers)"
    )
    sasl_password: SecretStr | None = Field(None, description="its password; better in a file")
    sasl_password_file: Location | None = Field(
        None,
        json_schema_extra=ESSENTIAL,
        description="file that holds the password, instead of `HEADWATER_SASL_PASSWORD`",
    )
    ssl_ca_file: Location | None = Field(
        None,
        json_schema_extra=ESSENTIAL,
        description="certificates (PEM) of the authorities that are trusted; empty: those of the system",
    )
    ssl_certificate_file: Location | None = Field(
        None, json_schema_extra=ESSENTIAL, description="certificate (PEM) of this client, where the broker asks for one"
    )
    ssl_key_file: Location | None = Field(
        None, description="its private key (PEM); empty: in the file of the certificate"
    )
    ssl_key_password: SecretStr | None = Field(None, description="password of an encrypted key; better in a file")
    ssl_key_password_file: Location | None = Field(
        None, description="file that holds it, instead of `HEADWATER_SSL_KEY_PASSWORD`"
    )
    kafka_home: Location | None = Field(
        None,
        description="an unpacked Apache Kafka for the private broker; empty: fetched once from the Maven registry",
        validation_alias="KAFKA_HOME",
    )
    namespace: str = Field(
        "headwater",
        pattern=NAME_PATTERN,
        examples=["shop-1"],
        json_schema_extra=ESSENTIAL,
        description="prefix of every topic, consumer group and state folder: one a tenant or shop",
    )
    state_dir: Location = Field(
        default_factory=_state_dir,
        json_schema_extra=ESSENTIAL,
        description="local state (RocksDB); one folder a worker and namespace below it",
    )
    cache_dir: Location = Field(default_factory=_cache_dir, description="downloaded data, broker and model")
    worker_id: str | None = Field(
        None,
        pattern=NAME_PATTERN,
        examples=["worker-1"],
        json_schema_extra=ESSENTIAL,
        description="name of this worker in its groups, different for each; with it a worker keeps its partitions also "
        "while it is stopped, until its session ends; empty: a name from the state folder",
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
    max_event_age: Seconds = Field(
        300.0, gt=0, description="an event older than this (by its Kafka timestamp) is learned but gets no record"
    )
    future_tolerance: Seconds = Field(
        300.0, ge=0, description="an event time further ahead than this is clamped to the record's time"
    )
    checkpoint_interval: Seconds = Field(
        1.0, gt=0, le=60, description="time between checkpoints: what a crash repeats at most"
    )
    checkpoint_bytes: int = Field(16 << 20, gt=0, description="dirty state that starts a checkpoint early")
    item_publish_interval: Seconds = Field(
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
    session_timeout: Seconds = Field(
        10.0, ge=1, le=300, description="a silent worker's partitions move after this time"
    )
    stuck_timeout: Seconds = Field(
        120.0,
        ge=5,
        description="a worker whose event loop stands still, or whose work on some records does not end, for this time "
        "loses its partitions to others",
    )
    fetch_wait: Seconds = Field(
        0.002,
        ge=0,
        le=0.5,
        description="time for which the broker may hold back events, so that several come at once, while more than 600 "
        "a second come to a worker: less processor time for a little latency; 0: never",
    )
    fetch_records: int = Field(4096, ge=1, description="records of one partition handed on as one batch")
    dead_letter_rate: float = Field(
        0.05,
        gt=0,
        le=1,
        description="a larger share of malformed records among the last 1,000 (after a start, among all that waited) "
        "stops the worker behind them; 1: never",
    )
    user_events_per_minute: int = Field(
        3000,
        ge=1,
        description="events of one user a minute (of Kafka time) that are learned; those above are counted and ignored",
    )
    commit_stall_timeout: Seconds = Field(
        60.0, gt=0, description="records processed but nothing committed for this long: not ready"
    )
    partition_stall_timeout: Seconds = Field(
        60.0, gt=0, description="a partition with lag that does not move for this long: not ready"
    )
    # --- records
    max_record_bytes: int = Field(262_144, ge=1024, description="largest event or catalogue record that is accepted")
    list_length: int = Field(20, ge=1, le=100, description="items in a recommendation")
    allow_repeats: bool | None = Field(
        None, description="whether items that a user has seen may be recommended; empty: learned from how users repeat"
    )
    min_support: int = Field(3, ge=1, le=1000, description="distinct people that a reason about people has to stand on")
    buy_again: str = Field(
        "",
        description="for categories that you know better than a history of purchases: after how many days what was "
        "bought is offered again, or `never`, as `coffee=14,televisions=never`; other categories are learned",
    )
    domain: Domain = Field(
        Domain.GENERAL,
        json_schema_extra=ESSENTIAL,
        description="what is recommended; sentences take their words and quotation marks from it: "
        f"{', '.join(f'`{domain}`' for domain in Domain)}",
    )
    locale: str = Field(
        "en",
        pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$",
        examples=["en", "zh-TW"],
        json_schema_extra=ESSENTIAL,
        description="language of text where neither event nor item names one: "
        f"{', '.join(f'`{tag}`' for tag in WRITTEN)}, also as `zh-CN`, `zh-TW`, `en-GB` and so on",
    )
    seed: int = Field(7, ge=0, description="of every random choice")
    # --- narration
    model_backend: Literal["transformers", "none"] | str = Field(
        "transformers", json_schema_extra=ESSENTIAL, description="`transformers`, `none`, or `module:Class`"
    )
    draft_deadline: Seconds = Field(
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

    @model_validator(mode="before")
    @classmethod
    def _as_meant(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Leave out what is blank, and write choices as they are declared."""
        fields = {place: field for name, field in cls.model_fields.items() for place in (name, variable(name))}
        return {
            name: _as_declared(fields[name], value) if name in fields else value
            for name, value in given.items()
            if not isinstance(value, str) or value.strip()
        }

    @field_validator("locale")
    @classmethod
    def _has_sentences(cls, value: str) -> str:
        if written_language(value) is None:
            raise ValueError(f"text is written in {', '.join(WRITTEN)} only")
        return value

    @field_validator("model_backend")
    @classmethod
    def _is_a_backend(cls, value: str) -> str:
        if value.lower() in BACKENDS:
            return value.lower()
        if not CUSTOM_BACKEND.fullmatch(value):
            raise ValueError(f"choose {', '.join(BACKENDS)} or module:Class")
        return value

    @field_validator("buy_again")
    @classmethod
    def _buy_again_is_readable(cls, value: str) -> str:
        buy_again_ms(value)
        return value

    @property
    def namespace_dir(self) -> Path:
        """Folder of this worker's state in this namespace."""
        return self.state_dir / self.namespace / (self.worker_id or "worker")


def variable(name: str) -> str:
    """The environment variable of a field of :class:`Settings`."""
    alias = Settings.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else PREFIX + name.upper()


def is_secret(name: str) -> bool:
    """Whether the value of a field must never be shown."""
    annotation = Settings.model_fields[name].annotation
    return SecretStr in (annotation, *get_args(annotation))


def unknown_variables(names: Iterable[str]) -> dict[str, str]:
    """Those of ``names`` that look like settings and are none -> what to do about them."""
    known = {variable(name).removeprefix(PREFIX): variable(name) for name in Settings.model_fields}
    found: dict[str, str] = {}
    for name in sorted(names):
        upper = name.upper()
        if upper.startswith(PREFIX) and upper not in known.values() and not upper.startswith(_OF_BENCHMARKS):
            near = difflib.get_close_matches(upper.removeprefix(PREFIX), known, 1, _NEAR)
            found[name] = f"Did you mean {known[near[0]]}?" if near else "It has no effect; unset it."
    return found


def _as_declared(field: FieldInfo, value: Any) -> Any:
    """Text without blanks around it, a choice in its own spelling; a secret stays as it is."""
    annotation = field.annotation
    parts = (annotation, *get_args(annotation))
    if not isinstance(value, str) or SecretStr in parts:
        return value
    listed: list[Iterable[Any]] = [part for part in parts if isinstance(part, type) and issubclass(part, StrEnum)]
    listed += [get_args(part) for part in parts if get_origin(part) is Literal]
    choices = {str(choice).lower(): choice for choice in chain.from_iterable(listed)}
    return choices.get(value.strip().lower(), value.strip())
