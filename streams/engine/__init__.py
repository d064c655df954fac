"""Records in per-partition batches past Faust's own way of moving them; everything that reaches into Faust is in this package.

Faust keeps groups, assignment, commits, tables, changelogs and recovery. librdkafka reads the sources (``source``) and sends
the outputs (``sending``).

Written for faust-streaming 0.15.3, mode-streaming 0.7.1 and aiokafka 0.14.0 (pinned in pyproject.toml). Subclasses only,
no patching; ``tests/unit/test_faust_contract.py`` fails when one of the internals that are touched here changes:

* ``App._new_transport``, ``App.flow_control``, mode's ``ThrowableQueue``, ``Service.crash``/``_crash``, ``Transport.Consumer``/``Producer``
* ``Consumer.getmany``, ``_getmany``, ``_get_active_partitions``, ``can_resume_flow``, ``seek_wait``, ``_new_offset``, ``_commit_offsets``, ``_add_gap``, ``_acked``/``_acked_index``,
  ``perform_seek``, ``seek_to_committed``, ``on_partitions_revoked``
* ``AIOKafkaConsumerThread.on_partitions_assigned`` (and aiokafka's ``pause``), ``_create_worker_consumer`` (and aiokafka's ``_fetch_max_wait_ms``, ``_isolation_level``), ``on_start``;
  aiokafka's ``Fetcher._records``, ``FetchResult._partition_records``, ``PartitionRecords._consumer_record``
* ``Producer._settings_extra``, ``_ensure_producer``; aiokafka's ``create_batch``/``send_batch``, ``Sender._send_produce_req``
* ``Schema.compile``, ``Collection._new_store_by_url``, ``_new_changelog_topic``, ``Store.apply_changelog_batch``,
  ``Store.offset_key``, ``Store._db_for_partition``, ``Store._open_for_partition``, ``Store.partition_path``, ``Store.revoke_partitions``, ``tables.recovery.completed``, ``Recovery._restart_recovery``, ``TableManager.on_start``, ``changelog_queue``
"""

from streams.engine.app import BatchApp, create_app
from streams.engine.batch import RecordBatch
from streams.engine.checkpoint import CheckpointedStage
from streams.engine.errors import RecordsDamagedError, records_damaged
from streams.engine.local_store import keep_only
from streams.engine.outbox import Outbox
from streams.engine.store import Item
from streams.engine.table import BatchTable

__all__ = [
    "BatchApp",
    "BatchTable",
    "CheckpointedStage",
    "Item",
    "Outbox",
    "RecordBatch",
    "RecordsDamagedError",
    "create_app",
    "keep_only",
    "records_damaged",
]
