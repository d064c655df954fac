"""``headwater demo``: the whole system on real events, start to end."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.terminal import (
    end_on_sigterm,
    guarded,
    load_settings,
    make_console,
    note,
    progress,
    require_brokers,
)

if TYPE_CHECKING:
    from headwater.cli.terminal import Progress
    from headwater.demo.feed import Answer, Feed
    from headwater.demo.shop import HouseholdShop
    from headwater.demo.worker_process import WorkerProcess
    from headwater.importers.replay_file import ReplayLine
    from streams.broker.brokers import Brokers
    from streams.settings import Settings

PANEL_INTERVAL = 2.0
MAX_OUTSTANDING = 500
WINDOW = 3_000  # events among which users take turns
MODEL_TIMEOUT = 60.0


@guarded
def demo(
    events: Annotated[int, typer.Option(min=1, max=100_000, help="Ratings to send; searches are added.")] = 20_000,
    rate: Annotated[
        float, typer.Option(min=1, help="Events per second in the last quarter, which measures latency.")
    ] = 300.0,
    shop: Annotated[
        bool, typer.Option("--shop", help="A household shop with made-up customers instead, judged at the end.")
    ] = False,
) -> None:
    """Start Kafka and a worker, send real MovieLens events, show recommendations, sum up. Leaves nothing behind."""
    started = time.monotonic()
    settings = load_settings(namespace=f"demo-{uuid.uuid4().hex[:8]}")
    end_on_sigterm()
    if not shop:
        from headwater.importers.movielens import write_replay

        write_replay(settings.cache_dir, progress=note)
    _prepare_model(settings)
    with _broker(settings) as (brokers, description):
        if shop:
            _run_shop(settings, brokers, description, rate)
        else:
            _run(settings, brokers, description, events, rate)
    note(f"Done after {time.monotonic() - started:.0f} s; worker and topics are gone. How to go on:")
    for line in _HOW_TO_GO_ON:
        note(f"  {line}")


_HOW_TO_GO_ON = (
    "headwater broker                      a Kafka to try; then, with the address that it prints:",
    "headwater topics create               the topics of your namespace",
    "headwater worker                      learn and recommend; /metrics is on port 9464",
    "headwater replay FILE                 send a replay file (headwater fetch ml-100k prints one)",
    "headwater tail                        recommendations as they come",
    "headwater evaluate FILE               measure the same operators without a broker",
    "README.md                             how to send events from your own shop",
)


def _prepare_model(settings: Settings) -> None:
    """Have the language model in the cache before the clock runs; without it the demo shows frames and says so."""
    from streams.model.model_store import CONVERTED_NAME, model_dir

    if settings.model_backend != "transformers" or (model_dir(settings.cache_dir) / CONVERTED_NAME).exists():
        return
    # In a process of its own: converting takes memory that this one would never give back.
    done = subprocess.run([sys.executable, "-m", "headwater.cli.main", "fetch", "smollm2"], stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        note("No text will be written live: frames and templates take its place.")


@contextmanager
def _broker(settings: Settings) -> Iterator[tuple[Brokers, str]]:
    """Address and description of the user's broker or a private one; the demo's topics are removed in the end."""
    if settings.brokers is not None:
        from streams.broker.admin import connect, delete_namespace, read_metadata

        brokers = require_brokers(settings)
        metadata = read_metadata(connect(brokers), brokers)
        description = f"yours at {brokers}, cluster {metadata.cluster_id}"
        try:
            yield brokers, description
        finally:
            delete_namespace(brokers, settings.namespace)
        return
    from headwater.local_kafka.broker import LocalKafka

    with LocalKafka.from_settings(settings, progress=note) as kafka:
        note(f"Apache Kafka {kafka.version} listens at {kafka.bootstrap}.")
        yield kafka.brokers, f"Apache Kafka {kafka.version}, private, one node at {kafka.bootstrap}"


def _run(settings: Settings, brokers: Brokers, description: str, events: int, rate: float) -> None:
    from headwater.demo.feed import Feed

    # Years of ratings pass in a minute here: the limit that stops bots would stop people.
    environment = {"HEADWATER_USER_EVENTS_PER_MINUTE": "1000000", "HEADWATER_DOMAIN": "film"}
    with _worker(settings, brokers, environment) as worker:
        show = _Showcase()
        feed = Feed(brokers, settings, max_outstanding=MAX_OUTSTANDING, on_record=show.hear, check=worker.check)
        try:
            _send(settings, feed, worker, show, events, rate)
            _sum_up(feed, worker, description)
        finally:
            feed.close()


def _run_shop(settings: Settings, brokers: Brokers, description: str, rate: float) -> None:
    from headwater.demo.shop import WORKER_ENVIRONMENT, HouseholdShop

    with _worker(settings, brokers, WORKER_ENVIRONMENT) as worker:
        show = _Showcase()
        shop = HouseholdShop(brokers, settings, worker, on_record=show.hear, on_progress=show.sent)
        try:
            _say_whether_it_is_there(shop.open())
            show.titles = {item: row["title"] for item, row in shop.verdict.ledger.rows.items()}
            _wait_for_model(settings, worker)
            note(
                f"A household shop with {len(show.titles)} goods. Its customers are made up; nobody acts before the "
                f"answer to what came before: {shop.events:,} events of sixty days and today."
            )
            started = time.monotonic()
            with progress("sent", shop.events) as bar:
                show.begin(bar)
                shop.run(rate)
                show.finish()
            _sum_up_shop(shop, worker, description, time.monotonic() - started)
        finally:
            shop.close()


@contextmanager
def _worker(settings: Settings, brokers: Brokers, environment: dict[str, str]) -> Iterator[WorkerProcess]:
    """A ready worker on topics of its own, with more settings than its place."""
    from headwater.demo.worker_process import WorkerProcess
    from streams.broker.access import ACCESS_VARIABLES
    from streams.broker.admin import create_topics

    create_topics(brokers, settings)
    environment = environment | {
        "HEADWATER_BROKERS": brokers.servers,
        "HEADWATER_NAMESPACE": settings.namespace,
        "HEADWATER_DRAFT_DEADLINE": "10",  # model, worker and broker share this machine: give a sentence its time
    }
    if settings.brokers is None:
        environment |= dict.fromkeys(ACCESS_VARIABLES, "")  # they are for the user's own broker
    folder = tempfile.TemporaryDirectory(prefix="headwater-demo-")
    with folder as name, WorkerProcess(Path(name), environment) as worker:
        worker.wait_until_ready(_once_each("Starting a worker; waiting for: {}"))
        yield worker
        note("Stopping the worker after its last checkpoint.")


def _send(settings: Settings, feed: Feed, worker: WorkerProcess, show: _Showcase, events: int, rate: float) -> None:
    from headwater.demo.pacing import send_phase
    from headwater.demo.searches import with_searches
    from headwater.demo.turns import Turns
    from headwater.importers.fetch import ML_100K
    from headwater.importers.movielens import convert
    from streams.topology import CATALOG_ITEMS

    lines = with_searches(convert(settings.cache_dir / ML_100K))
    catalog: list[ReplayLine] = []
    while (first := next(lines))["topic"] == CATALOG_ITEMS.suffix:
        catalog.append(first)
    show.titles = {entry["value"]["item_id"]: entry["value"]["title"] for entry in catalog}
    sent = feed.send_aside(catalog)
    note(f"Sent the catalogue: {sent:,} films.")
    _say_whether_it_is_there(worker.wait_for_items(sent))
    _wait_for_model(settings, worker)
    note(
        f"Sending {events:,} ratings, and before every 20th a genre search that is derived (MovieLens has none). "
        "A user's events keep their order, and the next one is sent only after the last one was answered."
    )
    log = list(_first_ratings(chain([first], lines), events))
    turns = Turns(iter(log), WINDOW, feed.is_waiting)
    unpaced = len(log) - len(log) // 4
    with progress("sent", len(log)) as bar:
        show.begin(bar)
        send_phase(feed, turns, range(unpaced), "as fast as users get their answers", None, show.sent)
        send_phase(feed, turns, range(unpaced, len(log)), f"paced at {rate:,.0f}/s", rate, show.sent)
        show.finish()


def _first_ratings(lines: Iterator[ReplayLine], count: int) -> Iterator[ReplayLine]:
    """Lines up to the rating that completes ``count``, with the searches among them."""
    from streams.topology import SEARCH

    for line in lines:
        yield line
        count -= line["topic"] != SEARCH.suffix
        if count == 0:
            return


def _say_whether_it_is_there(there: bool) -> None:
    if not there:
        note("The catalogue is not in the worker's index yet; going on.")


def _wait_for_model(settings: Settings, worker: WorkerProcess) -> None:
    """A model takes seconds to load; a demo without live text would be over before it spoke."""
    from headwater.demo.scrape import scrape

    if settings.model_backend == "none":
        return
    deadline = time.monotonic() + MODEL_TIMEOUT
    say = _once_each("Waiting for the language model ({}).")
    while time.monotonic() < deadline:
        worker.check()
        states = scrape(worker.address, 5.0).of("headwater_model_state")
        state = next((labels.get("state", "") for labels, value in states if value), "none")
        if state != "loading":
            note(f"Language model: {state}.")
            return
        say(state)
        time.sleep(0.1)
    note(f"The language model is not ready after {MODEL_TIMEOUT:.0f} s; texts come from frames until it is.")


def _sum_up(feed: Feed, worker: WorkerProcess, description: str) -> None:
    from headwater.demo.scrape import scrape
    from headwater.demo.summary import summary

    make_console().print(summary(feed.outcome, scrape(worker.address, 5.0), description))


def _sum_up_shop(shop: HouseholdShop, worker: WorkerProcess, description: str, seconds: float) -> None:
    from headwater.demo.scrape import scrape
    from headwater.demo.summary import shop_summary

    samples = scrape(worker.address, 5.0)
    make_console().print(shop_summary(shop.feed.outcome, shop.verdict, samples, description, seconds))
    for complaint in shop.verdict.complaints():
        note(complaint)


class _Showcase:
    """Shows the best recommendation of the last seconds, again and again."""

    def __init__(self) -> None:
        self.titles: dict[str, str] = {}
        self._bar: Progress | None = None
        self._shown = 0.0
        self._best: Answer | None = None
        self._heard = 0

    def begin(self, bar: Progress) -> None:
        self._bar, self._shown = bar, time.monotonic()

    def sent(self, number: int) -> None:
        if self._bar is not None:
            self._bar.update(number, f"{self._heard:,} recommendations")

    def hear(self, record: Answer) -> None:
        self._heard += 1
        if self._best is None or _rank(record) >= _rank(self._best):
            self._best = record
        if time.monotonic() - self._shown > PANEL_INTERVAL:
            self.finish()

    def finish(self) -> None:
        """Show what is best now."""
        from headwater.cli.rendering import panel

        if self._bar is not None and self._best is not None:
            self._bar.show(panel(self._best, self.titles))
        self._best, self._shown = None, time.monotonic()


def _rank(record: Answer) -> tuple[bool, bool, bool]:
    """Live text before frames, the user's own history before what is popular with everybody."""
    kind = record["items"][0]["reason"]["kind"] if record["items"] else "trending"
    return record["text_source"] == "llm", kind != "trending", record["source"] == "personal"


class _once_each:
    """Notes a template with each new value once."""

    def __init__(self, template: str) -> None:
        self._template, self._last = template, ""

    def __call__(self, value: str) -> None:
        if value != self._last:
            self._last = value
            note(self._template.format(value))
