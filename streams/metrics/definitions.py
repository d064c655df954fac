"""Every metric of a worker, declared once. ``docs/metrics.md`` is generated from this class.

Conventions: prefix ``headwater_``; base units; ``_total`` for counters, ``_seconds``, ``_bytes`` and ``_ratio`` (0 to
1). Counters and histograms start at 0 for every value of their labels, so that the first dead letter is an increase of
1; windowed figures are absent until there is something to show, and never NaN.
"""

from __future__ import annotations

from importlib.metadata import version

from prometheus_client import ProcessCollector

from streams.metrics import labels
from streams.metrics.registry import Label, Registry
from streams.metrics.series import Age, Counter, Gauge, Histogram, LateCounter
from streams.topology import NARRATOR, PartitionCounts, Topic

# up to 5 min, from 1 ms to a minute by factors of at most 1.6: a median read from them is within 30 %
LATENCY_SECONDS = (
    0.0005, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.006, 0.008, 0.012, 0.016, 0.024, 0.032, 0.048, 0.064, 0.1, 0.15, 0.2,
    0.3, 0.4, 0.6, 0.8, 1.2, 1.6, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 45.0, 60.0, 120.0, 300.0,
)  # fmt: skip
# work in the process takes from microseconds (decoding one record) to a minute (a checkpoint on a slow disk)
WORK_SECONDS = (
    1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
BATCH_RECORDS = (0.0, *(float(1 << power) for power in range(15)))  # 0 first: half of all may well be single records


class Metrics:
    """The metrics of one worker, as typed attributes on a registry of their own.

    ``of`` a family binds a series: do it once, outside the hot path, and add whole batches.
    """

    def __init__(self, namespace: str = "headwater") -> None:
        self.registry = Registry()
        ProcessCollector(registry=self.registry.exposition)
        self._events()
        self._time()
        self._progress()
        self._quality()
        self._text()
        self._state()
        self._about(namespace)

    def _events(self) -> None:
        declare = self.registry.declare
        self.events = declare(
            Counter, "headwater_events_total", labels.TOPIC, labels.OUTCOME, unit="records",
            meaning="Records of the input topics by what became of them.",
            remedy="`rejected`: read the dead letters. `duplicate`: a producer sends twice. `rate_limited`: a bot, or "
            "raise `HEADWATER_USER_EVENTS_PER_MINUTE`. `ignored`: nothing to learn (searches for nothing).",
        )  # fmt: skip
        self.too_old_events = declare(
            Counter, "headwater_too_old_events_total", labels.USER_TOPIC, labels.TOO_OLD_CAUSE, unit="events",
            meaning="Events that were learned, but are older than `HEADWATER_MAX_EVENT_AGE` and so were not answered: "
            "`late` by their Kafka timestamp, `again` because a replay said so.",
            remedy="`late`: the worker was behind (see the lag), or a producer's or this machine's clock is wrong.",
        )  # fmt: skip
        self.event_id_collisions = declare(
            Counter, "headwater_event_id_collisions_total", labels.USER_TOPIC, unit="events",
            meaning="Events whose id a user had already used for other content; they are learned.",
            remedy="Have the producer make ids that are unique for a user, UUIDs for instance.",
        )  # fmt: skip
        self.clamped_times = declare(
            Counter, "headwater_clamped_times_total", labels.USER_TOPIC, unit="events",
            meaning="Events whose `occurred_at` lay further ahead than the tolerance; the record's time was used.",
            remedy="Correct the producer's clock, or raise `HEADWATER_FUTURE_TOLERANCE`.",
        )  # fmt: skip
        self.clipped_ratings = declare(
            Counter, "headwater_clipped_ratings_total", unit="events",
            meaning="Ratings outside of 0 to 5; they count as the nearer end.",
            remedy="Have the producer send ratings on a scale from 0 to 5 (`value` of the action `rate`).",
        )  # fmt: skip
        self.cut_queries = declare(
            Counter, "headwater_cut_queries_total", unit="events",
            meaning="Searches whose query was longer than 500 characters; its beginning was learned and answered.",
            remedy="None needed: visitors paste texts. Many: something else than searches is sent.",
        )  # fmt: skip
        self.implausible_timestamps = declare(
            Counter, "headwater_implausible_timestamps_total", labels.TOPIC, unit="records",
            meaning="Kafka timestamps before 2000 or in the future; `occurred_at`, else the arrival was used.",
            remedy="Let the producer set milliseconds, or leave the timestamp to the client.",
        )  # fmt: skip
        self.misplaced_users = declare(
            Counter, "headwater_misplaced_users_total", labels.USER_TOPIC, unit="users",
            meaning="Users found in another partition than murmur2 of their key gives: their profile may be split.",
            remedy="Set `partitioner=murmur2_random` in librdkafka producers (docs/operations.md, Misplaced keys).",
        )  # fmt: skip
        self.dead_letters = declare(
            Counter, "headwater_dead_letters_total", labels.STAGE, labels.REASON, unit="records",
            meaning="Refused records, by the stage that refused them and why.",
            remedy="Read the dead-letter topic; its headers name source, reason and message (docs/operations.md).",
        )  # fmt: skip
        self.dropped_fields = declare(
            Counter, "headwater_catalog_fields_dropped_total", labels.DROPPED_FIELD, labels.FAULT, unit="fields",
            meaning="Optional fields of catalogue rows, or parts of them, that could not be read; the rows were kept.",
            remedy="Correct the export; `headwater validate` names line, field and value (docs/catalogue.md).",
        )  # fmt: skip
        self.recommendations = declare(
            Counter, "headwater_recommendations_total", labels.SOURCE, unit="records",
            meaning="Recommendation records written, by the rung of the cold-start ladder that they stand on.",
            remedy="Mostly `trending`: users or items are new, or user ids change from event to event.",
        )  # fmt: skip
        self.empty_lists = declare(
            Counter, "headwater_empty_lists_total", labels.EMPTY_CAUSE, unit="records",
            meaning="Recommendation records without any item, by why there is none.",
            remedy="`no_items`: send the catalogue. `none_available`: every item is deleted, unavailable or expired. "
            "`left_out`: the user has had, hidden or disliked all there is.",
        )  # fmt: skip

    def _time(self) -> None:
        declare = self.registry.declare
        self.batch_records = declare(
            Histogram, "headwater_batch_records", labels.STAGE, unit="records", bounds=BATCH_RECORDS,
            meaning="Records that a stage worked on at once.",
            remedy="Always at `HEADWATER_FETCH_RECORDS`: the stage is behind, add workers.",
        )  # fmt: skip
        self.stage_seconds = declare(
            Histogram, "headwater_stage_seconds", labels.STEP, unit="seconds", bounds=WORK_SECONDS,
            meaning="Time of each step of a batch (decode, learn, rank, emit), of a checkpoint and of an item "
            "publication.",
            remedy="The largest sum is the bottleneck. `checkpoint`: slow disk or broker.",
        )  # fmt: skip
        self.ranking_seconds = declare(
            Histogram, "headwater_ranking_seconds", unit="seconds", bounds=WORK_SECONDS,
            meaning="Time to rank one list.",
            remedy="Lower the neighbours or the list length, or add workers.",
        )  # fmt: skip
        self.event_to_record_seconds = declare(
            Histogram, "headwater_event_to_record_seconds", unit="seconds", bounds=LATENCY_SECONDS,
            meaning="From the event's Kafka timestamp to the recommendation record that answers it.",
            remedy="Look at the lag first, then at the stage seconds, then at the deadline of drafts.",
        )  # fmt: skip
        self.text_seconds = declare(
            Histogram, "headwater_text_seconds", unit="seconds", bounds=LATENCY_SECONDS,
            meaning="Time that the language model took for one sentence, from admission to the checked text.",
            remedy="Lower `HEADWATER_LIVE_SHARE`, or run narrators on their own machines "
            f"(`--stages {NARRATOR.name}`).",
        )  # fmt: skip

    def _progress(self) -> None:
        declare = self.registry.declare
        self.consumer_lag = declare(
            Gauge, "headwater_consumer_lag_records", labels.READ_TOPIC, labels.PARTITION, unit="records",
            meaning="Records of a partition of this worker that it has not worked on yet.",
            remedy="Growing: add workers, up to the number of partitions. One partition alone: one key dominates it.",
        )  # fmt: skip
        self.unread_records = declare(
            Gauge, "headwater_unread_records", labels.STAGE, unit="records",
            meaning="Records that wait for a stage that runs in no worker of the namespace; 0 for one that runs. "
            "Asked of the broker twice a minute, by every worker for all stages.",
            remedy="Start a worker with that stage (`headwater worker --stages …`, or all of them without the option).",
        )  # fmt: skip
        self.commit_age = declare(
            Age, "headwater_commit_age_seconds", labels.READ_TOPIC, labels.PARTITION, unit="seconds",
            meaning="Time since the last commit, or since all that was worked on was known to be committed: small "
            "without traffic.",
            remedy="Above a few checkpoint intervals: the broker refuses commits or outputs; read the worker's log.",
        )  # fmt: skip
        self.missing_offsets = declare(
            LateCounter, "headwater_missing_offsets_total", labels.LOG, labels.PARTITION, unit="offsets",
            meaning="Offsets that were cut off a log before this worker could read them. Absent where none were.",
            remedy="Keep topics for longer than workers may be away (docs/operations.md, Cut logs).",
        )  # fmt: skip
        self.checkpoints = declare(
            Counter, "headwater_checkpoints_total", labels.STAGE, unit="checkpoints",
            meaning="Checkpoints finished.",
            remedy="No increase under traffic: see the commit age.",
        )  # fmt: skip
        self.checkpoint_bytes = declare(
            Counter, "headwater_checkpoint_bytes_total", labels.STAGE, unit="bytes",
            meaning="State written to the changelogs by checkpoints.",
            remedy="Too much for the broker: raise `HEADWATER_CHECKPOINT_INTERVAL`.",
        )  # fmt: skip
        self.rebalances = declare(
            Counter, "headwater_rebalances_total", labels.STAGE, unit="rebalances",
            meaning="Times that the group shared out its partitions anew.",
            remedy="Repeated without a deployment: workers time out; raise `HEADWATER_SESSION_TIMEOUT`, look for long "
            "pauses.",
        )  # fmt: skip
        self.recovery_seconds = declare(
            Gauge, "headwater_recovery_seconds", labels.STAGE, unit="seconds",
            meaning="Time that the last recovery of the tables took; absent before the first.",
            remedy="Keep the state folder on a volume and set `HEADWATER_WORKER_ID`.",
        )  # fmt: skip

    def _quality(self) -> None:
        declare = self.registry.declare
        self.recall = declare(
            Gauge, "headwater_prequential_recall_ratio", labels.COMPARED_LIST, unit="ratio",
            meaning="Share of the window's tested events whose item was among the 20 that would have been shown.",
            remedy="Near `popularity`: user ids are not stable, or there are too few events a user.",
        )  # fmt: skip
        self.mrr = declare(
            Gauge, "headwater_prequential_mrr_ratio", labels.COMPARED_LIST, unit="ratio",
            meaning="Mean reciprocal rank of the tested events' items among 20, over the window.",
            remedy="As for recall.",
        )  # fmt: skip
        self.ndcg = declare(
            Gauge, "headwater_prequential_ndcg_ratio", labels.COMPARED_LIST, unit="ratio",
            meaning="nDCG of the tested events' items among 20, over the window.",
            remedy="As for recall.",
        )  # fmt: skip
        self.tested_window = declare(
            Gauge, "headwater_prequential_window_events", unit="events",
            meaning="Tested events that the figures of the window stand on.",
            remedy="Below 1,000 the figures beside it are noise.",
        )  # fmt: skip
        self.tested_events = declare(
            Counter, "headwater_prequential_tested_events_total", unit="events",
            meaning="Events that were predicted before they were learned.",
            remedy="Stands still under traffic: every event is a user's first, or its item's.",
        )  # fmt: skip
        self.coverage = declare(
            Gauge, "headwater_coverage_ratio", unit="ratio",
            meaning="Share of the known items that were in a list of the window.",
            remedy="Very low: popular items crowd out the rest.",
        )  # fmt: skip
        self.diversity = declare(
            Gauge, "headwater_intra_list_diversity_ratio", unit="ratio",
            meaning="Mean distance (1 - similarity) of the pairs of a list, over the window.",
            remedy="Very low: lists repeat one theme; items may lack categories.",
        )  # fmt: skip
        self.novelty = declare(
            Gauge, "headwater_novelty_bits", unit="bits",
            meaning="Mean self-information of the recommended items, over the window: how far from the obvious.",
            remedy="Falling: lists turn to what everybody sees anyway.",
        )  # fmt: skip
        self.impressions = declare(
            Counter, "headwater_impressions_total", unit="items",
            meaning="Recommended items that a front end reported as shown, each counted once.",
            remedy="0 with traffic: the front end sends no impressions, or without `recommendation_id`.",
        )  # fmt: skip
        self.attributed_clicks = declare(
            Counter, "headwater_attributed_clicks_total", unit="events",
            meaning="Clicks and purchases on items of a remembered recommendation of the user.",
            remedy="0 with impressions: clicks lack `recommendation_id`, or lists are not looked at.",
        )  # fmt: skip
        self.click_through = declare(
            Gauge, "headwater_click_through_ratio", unit="ratio",
            meaning="Attributed clicks per impression, over the latest 5,000 of both.",
            remedy="Falling while recall holds: look at where lists are placed. Noise while "
            "`headwater_impressions_total` is below 1,000.",
        )  # fmt: skip

    def _text(self) -> None:
        declare = self.registry.declare
        self.texts = declare(
            Counter, "headwater_texts_total", labels.TEXT_SOURCE, unit="texts",
            meaning="Texts of written records by what wrote them: model, frame or template.",
            remedy="`template` rising: frames are missing for a reason, category or language.",
        )  # fmt: skip
        self.checker_rejections = declare(
            Counter, "headwater_checker_rejections_total", labels.RULE, unit="violations",
            meaning="Rules that drafted texts broke; such a text is never written.",
            remedy="One rule rising after a change of model or prompt: go back.",
        )  # fmt: skip
        self.drafts_admitted = declare(
            Counter, "headwater_drafts_admitted_total", unit="drafts",
            meaning="Records admitted for text written live.",
            remedy="0: no narrator has reported a rate, or the model is not ready.",
        )  # fmt: skip
        self.narrator_queue = declare(
            Gauge, "headwater_narrator_queue_drafts", unit="drafts",
            meaning="Drafts waiting for the language model.",
            remedy="Always high: the narrators' rate fell; see text seconds.",
        )  # fmt: skip
        self.deadline_misses = declare(
            Counter, "headwater_deadline_misses_total", unit="drafts",
            meaning="Drafts that got a frame or the template because the model was not done in time.",
            remedy="Raise `HEADWATER_DRAFT_DEADLINE`, lower `HEADWATER_LIVE_SHARE`, or add narrators.",
        )  # fmt: skip
        self.model_state = declare(
            Gauge, "headwater_model_state", labels.MODEL_HEALTH, unit="1",
            meaning="1 for the state that the language model is in, 0 for the others.",
            remedy="`restarting` or `broken`: read the log; recommendations go on with frames.",
        )  # fmt: skip
        self.model_failures = declare(
            Counter, "headwater_model_failures_total", labels.MODEL_FAILURE, unit="failures",
            meaning="Requests and starts that the language model failed at, by how.",
            remedy="The log names the reason. `hang`: a model too slow for `HEADWATER_DRAFT_DEADLINE`, or too little "
            "memory.",
        )  # fmt: skip

    def _state(self) -> None:
        declare = self.registry.declare
        self.table_keys = declare(
            Gauge, "headwater_table_keys", labels.TABLE, unit="keys",
            meaning="Keys of the tables of this worker.",
            remedy="Users growing without end: ids are not stable (one a session or page).",
        )  # fmt: skip
        self.cached_users = declare(
            Gauge, "headwater_cached_users", unit="users",
            meaning="User states kept decoded in memory.",
            remedy="At `HEADWATER_CACHED_USERS` with slow steps: raise it, at about 5 kB a user.",
        )  # fmt: skip
        self.expired_users = declare(
            Counter, "headwater_expired_users_total", unit="users",
            meaning="States of users that were removed because nothing was heard of them for "
            "`HEADWATER_USER_IDLE_DAYS`.",
            remedy="Nearly as many as come anew: ids are not stable (one a session or page). Users who return find "
            "themselves forgotten: raise `HEADWATER_USER_IDLE_DAYS`.",
        )  # fmt: skip
        self.item_rows_published = declare(
            Counter, "headwater_item_rows_published_total", unit="rows",
            meaning="Changed items written to the compacted item state.",
            remedy="Far above the events: raise `HEADWATER_ITEM_PUBLISH_INTERVAL`.",
        )  # fmt: skip
        self.removed_items = declare(
            Counter, "headwater_removed_items_total", unit="items",
            meaning="Deleted items whose state was removed, `HEADWATER_DELETED_ITEM_DAYS` after the last that was "
            "heard of them.",
            remedy="Items that return find themselves forgotten: raise `HEADWATER_DELETED_ITEM_DAYS`.",
        )  # fmt: skip
        self.index_items = declare(
            Gauge, "headwater_index_items", unit="items",
            meaning="Items in this worker's index.",
            remedy="Far from the catalogue's size: the index is still loading, or the catalogue was not sent.",
        )  # fmt: skip

    def _about(self, namespace: str) -> None:
        self.ready = self.registry.declare(
            Gauge, "headwater_ready", unit="1",
            meaning="1 while `/readyz` says yes, 0 while it does not.",
            remedy="Ask `/readyz`: it names the failing check, in words.",
        )  # fmt: skip
        release = Label("version", (version("headwater"),))
        build = self.registry.declare(
            Gauge, "headwater_build_info", release, Label("namespace", (namespace,)), unit="1",
            meaning="1; its labels name the version and the namespace.",
            remedy="Two versions at once: a deployment is under way, or stuck.",
        )  # fmt: skip
        build.of(release.values[0], namespace).set(1)

    def show_model_state(self, state: labels.ModelHealth) -> None:
        """Mark ``state`` as the one the language model is in."""
        for each in labels.ModelHealth:
            self.model_state.of(each).set(1 if each is state else 0)

    def series_bound(self, counts: PartitionCounts) -> int:
        """The most time series a scrape can show with so many partitions, process figures apart."""
        by_partition = [d for d in self.registry.definitions if labels.PARTITION in d.labels]
        others = sum(d.series for d in self.registry.definitions if labels.PARTITION not in d.labels)
        topics: list[Topic] = [topic for d in by_partition for topic in d.labels[0].values]
        return others + sum(topic.partitions(counts) for topic in topics)
