"""``headwater doctor``: looks at everything a worker needs and says what to do about what is wrong."""

from __future__ import annotations

import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from headwater.cli.terminal import exit_status, guarded, read_settings, require_brokers

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

    from headwater.demo.scrape import Samples
    from streams.broker.admin import TopicState
    from streams.broker.brokers import Brokers
    from streams.settings import Settings

LOW_DISK = 2 << 30
NO_DISK = 200 << 20
HTTP_TIMEOUT = 3.0
EMPTY_REMEDIES = {
    "no_items": "Send the catalogue before the events.",
    "none_available": "Each item is deleted, unavailable or expired: look at the catalogue.",
    "left_out": "These users have had, hidden or disliked all there is: offer more, or see HEADWATER_ALLOW_REPEATS.",
}
"""What to do, by the cause of an empty list (`operators.ranking.emptiness.EmptyCause`)."""


class Grade(StrEnum):
    """Of a finding; only a problem makes the exit status 1."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what to do about it."""

    subject: str
    grade: Grade
    found: str
    remedy: str = ""


@guarded
def doctor() -> None:
    """Check settings, broker, topics, worker, model, disk and Java. Exit status 1 when there is a problem."""
    settings = read_settings()
    worst = Grade.OK
    for look in (_settings, _broker, _worker, _metrics, _model, _disk, _java):
        for finding in _survive(look, settings):
            typer.secho(f"{finding.grade:8}", nl=False, fg=_colour(finding.grade))
            typer.echo(f" {finding.subject}: {finding.found}")
            if finding.remedy:
                typer.echo(f"         -> {finding.remedy}")
            worst = Grade.PROBLEM if Grade.PROBLEM in (worst, finding.grade) else worst
    if worst is Grade.PROBLEM:
        raise typer.Exit(1)


def _survive(look: Callable[[Settings], Iterator[Finding]], settings: Settings) -> Iterator[Finding]:
    """Findings of one check; an expected error is a finding as well."""
    try:
        yield from look(settings)
    except Exception as error:
        if exit_status(error) is None:
            raise
        yield Finding(look.__name__.strip("_"), Grade.PROBLEM, str(error))


def _colour(grade: Grade) -> str:
    return {Grade.OK: typer.colors.GREEN, Grade.WARNING: typer.colors.YELLOW, Grade.PROBLEM: typer.colors.RED}[grade]


def _settings(settings: Settings) -> Iterator[Finding]:
    from streams.settings import is_secret, unknown_variables, variable

    given = sorted((variable(name), name) for name in settings.model_fields_set)
    shown = ", ".join(f"{full}={'(set)' if is_secret(name) else getattr(settings, name)}" for full, name in given)
    yield Finding("settings", Grade.OK, shown or "all by default")
    for name, remedy in unknown_variables(os.environ).items():
        yield Finding("settings", Grade.WARNING, f"there is no setting {name}", remedy)


def _broker(settings: Settings) -> Iterator[Finding]:
    if settings.brokers is None:
        yield Finding(
            "broker",
            Grade.WARNING,
            "HEADWATER_BROKERS is not set",
            "Demo and tests start a private one; a worker needs it: `headwater broker` runs one to try.",
        )
        return
    from streams.broker.access import in_the_clear
    from streams.broker.admin import connect, describe_topics, read_metadata

    brokers = require_brokers(settings)
    if (warning := in_the_clear(brokers)) is not None:
        yield Finding("broker", Grade.WARNING, warning)
    admin = connect(brokers)
    metadata = read_metadata(admin, brokers)
    reached = f"{brokers} ({brokers.protocol}), cluster {metadata.cluster_id}"
    yield Finding("broker", Grade.OK, f"{reached}, {len(metadata.brokers)} broker(s)")
    states = describe_topics(brokers, settings)
    yield from _topics(states, settings)
    if all(state.partitions == state.expected for state in states):
        yield from _stages(admin, brokers, settings)


def _topics(states: list[TopicState], settings: Settings) -> Iterator[Finding]:
    from streams.broker.admin import partition_counts
    from streams.broker.partition_counts import other_counts

    missing = [state.topic.suffix for state in states if state.partitions is None]
    if missing:
        found = f"missing in {settings.namespace}: {', '.join(missing)}"
        yield Finding("topics", Grade.PROBLEM, found, "Run `headwater topics create`.")
    for wrong, remedy in other_counts(settings, settings.namespace, partition_counts(states)):
        yield Finding("topics", Grade.PROBLEM, wrong, remedy)
    for state in states:
        for name, (found, wanted) in state.differences.items():
            remedy = f"kafka-configs.sh --alter --topic {state.name} --add-config {name}={wanted}"
            yield Finding("topics", Grade.PROBLEM, f"{state.name}: {name} is {found}, should be {wanted}", remedy)
    if all(state.matches for state in states):
        yield Finding("topics", Grade.OK, f"{len(states)} of {settings.namespace} are as they should be")


def _stages(admin: AdminClient, brokers: Brokers, settings: Settings) -> Iterator[Finding]:
    """Stages that run in no worker: nobody else would say what waits for them."""
    from streams.broker.idle_stages import idle_stages, unread
    from streams.topology import NARRATOR, STAGES

    idle = idle_stages(admin, settings.namespace)
    running = [stage.name for stage in STAGES if stage not in idle]
    if running:
        yield Finding("stages", Grade.OK, f"{', '.join(running)} run")
    for stage in idle:
        remedy = f"Start a worker with it: `headwater worker --stages {stage.name}`, or all stages without the option."
        group, waiting = stage.group(settings.namespace), unread(admin, brokers, settings, stage)
        for topic, records in waiting.items():
            if records:
                found = f"{group} has no member: {records:,} records of {topic.suffix} wait and nobody reads them"
                yield Finding("stages", Grade.PROBLEM, found, remedy)
        if running and not any(waiting.values()) and stage is not NARRATOR:  # live text is a matter of taste
            yield Finding("stages", Grade.WARNING, f"{group} has no member: {stage.name} runs in no worker", remedy)


def _worker(settings: Settings) -> Iterator[Finding]:
    address = f"http://{settings.http_host}:{settings.http_port}"
    try:
        with urllib.request.urlopen(f"{address}/readyz?format=text", timeout=HTTP_TIMEOUT):
            yield Finding("worker", Grade.OK, f"ready at {address}")
    except urllib.error.HTTPError as error:
        reasons = error.read().decode(errors="replace").strip().replace("\n", "; ")
        yield Finding("worker", Grade.PROBLEM, f"not ready at {address}: {reasons}", "Read the worker's log.")
    except (urllib.error.URLError, OSError):
        yield Finding(
            "worker",
            Grade.WARNING,
            f"none answers at {address}",
            "Start one with `headwater worker`; HEADWATER_HTTP_HOST and HEADWATER_HTTP_PORT say where to look.",
        )


def _metrics(settings: Settings) -> Iterator[Finding]:
    """What a running worker counted that somebody should look at."""
    from headwater.demo.scrape import scrape
    from streams.topology import DEAD_LETTERS

    try:
        samples = scrape(f"http://{settings.http_host}:{settings.http_port}", HTTP_TIMEOUT)
    except OSError:
        return
    for labels, value in samples.of("headwater_misplaced_users_total"):
        if value:
            from streams.broker.partitioning import PRODUCER_SETTING

            yield Finding(
                "keys",
                Grade.PROBLEM,
                f"{value:.0f} users of {labels.get('topic')} are in another partition than murmur2 gives",
                f"Set {PRODUCER_SETTING} in the producer of {labels.get('topic')}: its users have split profiles.",
            )
    for labels, value in samples.of("headwater_dead_letters_total"):
        if value:
            yield Finding(
                "dead letters",
                Grade.WARNING,
                f"{value:.0f} records refused by {labels.get('stage')}: {labels.get('reason')}",
                f"Read {DEAD_LETTERS.name(settings.namespace)}; the headers say why.",
            )
    yield from _left_out(samples, settings)
    yield from _unanswered(samples, settings)


def _left_out(samples: Samples, settings: Settings) -> Iterator[Finding]:
    """Events that were not even learned."""
    for labels, value in samples.of("headwater_events_total"):
        if value and labels.get("outcome") == "rate_limited":
            yield Finding(
                "events",
                Grade.WARNING,
                f"{value:.0f} events of {labels.get('topic')} were ignored: more of one user within a minute than "
                f"HEADWATER_USER_EVENTS_PER_MINUTE ({settings.user_events_per_minute:,})",
                "A bot, or many users under one id? History is not limited: send it with `headwater replay`.",
            )


def _unanswered(samples: Samples, settings: Settings) -> Iterator[Finding]:
    """Events that were worked on, and got no list or an empty one."""
    lists = samples.total("headwater_recommendations_total")
    for labels, value in samples.of("headwater_too_old_events_total"):
        if value and labels.get("cause") == "late":
            yield Finding(
                "answers",
                Grade.WARNING if lists else Grade.PROBLEM,
                f"{value:.0f} events of {labels.get('topic')} were learned but not answered: they came older than "
                f"HEADWATER_MAX_EVENT_AGE ({settings.max_event_age:.0f} s)"
                + ("" if lists else "; no event at all was answered"),
                "Was the worker behind? Else compare the clocks of the producer and of the worker's machine.",
            )
    for labels, value in samples.of("headwater_empty_lists_total"):
        if value:
            cause = labels.get("cause", "")
            yield Finding(
                "answers", Grade.WARNING, f"{value:.0f} of {lists:.0f} lists were empty: {cause}", EMPTY_REMEDIES[cause]
            )


def _model(settings: Settings) -> Iterator[Finding]:
    if settings.model_backend != "transformers":
        yield Finding("model", Grade.OK, f"backend {settings.model_backend}")
        return
    lacking = [name for name in ("torch", "transformers") if find_spec(name) is None]
    if lacking:
        yield Finding(
            "model",
            Grade.WARNING,
            f"{', '.join(lacking)} not installed: texts come from frames and templates",
            "`pip install 'headwater[llm]'`, or set HEADWATER_MODEL_BACKEND=none.",
        )
        return
    from streams.model.model_store import CONVERTED_NAME, MODEL_NAME, model_dir

    folder = model_dir(settings.cache_dir) / CONVERTED_NAME
    if folder.exists():
        yield Finding("model", Grade.OK, f"{MODEL_NAME} is in {folder}")
    else:
        yield Finding("model", Grade.WARNING, f"{MODEL_NAME} is not in the cache", "Run `headwater fetch smollm2`.")


def _disk(settings: Settings) -> Iterator[Finding]:
    for name, folder in (("HEADWATER_STATE_DIR", settings.state_dir), ("HEADWATER_CACHE_DIR", settings.cache_dir)):
        existing = _nearest(folder)
        if not os.access(existing, os.W_OK):
            yield Finding("disk", Grade.PROBLEM, f"{existing} cannot be written", f"Set {name} to another folder.")
            continue
        free = shutil.disk_usage(existing).free
        grade = Grade.PROBLEM if free < NO_DISK else Grade.WARNING if free < LOW_DISK else Grade.OK
        remedy = "" if grade is Grade.OK else f"Free some, or set {name} to another disk."
        yield Finding("disk", grade, f"{free / 2**30:.1f} GiB free for {folder}", remedy)


def _nearest(folder: Path) -> Path:
    return folder if folder.exists() or folder == folder.parent else _nearest(folder.parent)


def _java(settings: Settings) -> Iterator[Finding]:
    if settings.brokers is not None:
        return  # Java runs the private broker alone
    from headwater.local_kafka.java import find_java

    java = find_java()
    yield Finding("java", Grade.OK, f"{java.version} ({java.origin}, {java.path}) for the private Kafka")
