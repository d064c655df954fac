"""Every private name of Faust, mode and aiokafka that this package uses, and why.

Written for the versions that ``pyproject.toml`` pins. ``tests/unit/test_faust_contract.py`` fails when a private name
is used that is not in this table, when one in it is not used or no longer exists, and when its behaviour changes.
"""

from __future__ import annotations

INTERNALS: dict[str, str] = {
    # --- the app
    "faust.app.base:App._new_transport": "our consumer and producer in place of Faust's",
    "faust.app.base:App._new_producer_transport": "the same",
    "faust.app.base:App._on_agent_error": "an agent that ends is a crash: its supervisor would start it again",
    "mode.services:Service._crash": "marks app and services as crashed, without the log line of the public one",
    "mode.services:Service._crashed": "awaited by the worker, which ends then",
    # --- the channel of groups
    "asyncio.queues:Queue._get": "takes out as many batches as may be worked on at once",
    "asyncio.queues:Queue._queue": "where they wait",
    # --- reading changelogs
    "faust.transport.consumer:Consumer._getmany": "fetches changelogs for our own `getmany`",
    "faust.transport.consumer:Consumer._get_active_partitions": "which of them may be fetched",
    "faust.transport.consumer:Consumer._read_offset": "would drop records that are read again after a seek: off",
    "faust.transport.consumer:ThreadDelegateConsumer._new_consumer_thread": "our thread in place of Faust's",
    "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._create_worker_consumer": "to set the next one",
    "aiokafka.consumer.consumer:AIOKafkaConsumer._fetch_max_wait_ms": "Faust's 1,500 ms would delay a shut-down",
    "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread._ensure_consumer": "aiokafka's consumer, to pause sources",
    "aiokafka.consumer.consumer:AIOKafkaConsumer._fetcher": "to set the next one",
    "aiokafka.consumer.fetcher:Fetcher._records": "parsed records as they are: recovery takes half of the time then",
    "aiokafka.consumer.fetcher:FetchResult._partition_records": "the same",
    "aiokafka.consumer.fetcher:PartitionRecords._consumer_record": "the same",
    "faust.tables.manager:TableManager._update_channels": "starts recovery without a second's pause for late tables",
    "faust.transport.consumer:ThreadDelegateConsumer._thread": "to have it leave the group",
    "aiokafka.consumer.consumer:AIOKafkaConsumer._coordinator": "the member's id, and the next one",
    "aiokafka.consumer.group_coordinator:GroupCoordinator._group_instance_id": "a named member leaves at its end",
    # --- committing sources
    "faust.transport.consumer:Consumer._commit": "commits given offsets; Faust's own acknowledgements are not used",
    # --- writing changelogs
    "faust.transport.drivers.aiokafka:Producer._settings_extra": "an idempotent producer",
    "faust.transport.drivers.aiokafka:Producer._ensure_producer": "aiokafka's producer, for whole batches",
    "aiokafka.producer.producer:AIOKafkaProducer._message_accumulator": "to set the next one",
    "aiokafka.producer.message_accumulator:MessageAccumulator._batch_ttl": "what waits for a broker never expires",
    "aiokafka.client:AIOKafkaClient._metadata_update": "bounded: without a leader it is asked for without a pause",
    "aiokafka.producer.producer:AIOKafkaProducer._sender": "to wrap the next one",
    "aiokafka.producer.sender:Sender._send_produce_req": "nothing leaves a process that slept past its session",
    # --- tables
    "faust.tables.base:Collection._new_store_by_url": "our stores",
    "faust.tables.base:Collection._new_changelog_topic": "the changelog's name is ours",
    "faust.stores.rocksdb:Store._open_for_partition": "a damaged database is thrown away",
    "faust.stores.rocksdb:Store._db_for_partition": "bulk reads and writes",
    "faust.stores.rocksdb:Store._dbs": "which partitions are open",
}
"""``module:Class.name`` -> what for."""
