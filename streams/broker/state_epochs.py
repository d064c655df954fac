"""Finds out from the state which incarnations it was made from: for when the recorded topic ids were lost.

States keep applied offsets by source number and merged update messages by message number; both contain the epoch.
"""

from __future__ import annotations

from collections.abc import Iterable

from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_codec import decode_user
from streams.broker.brokers import Brokers
from streams.broker.topic_reading import read_topic
from streams.broker.update_messages import META_KEY, decode_merged, message_epoch, source_place
from streams.settings import Settings
from streams.topology import ALL, ITEM_STATE, ITEM_UPDATES, USER_STATE


def epochs_in_state(brokers: Brokers, settings: Settings) -> dict[str, int]:
    """The highest epoch by full topic name; topics that the state does not mention are left out.

    Reads all user states. Raises ``BrokerError``, and ``StateError`` for a state that cannot be read.
    """
    numbered = [topic for topic in ALL if topic.source_number is not None]
    names = {topic.source_number: topic.name(settings.namespace) for topic in numbered}
    epochs: dict[str, int] = {}

    def note(name: str, epoch: int) -> None:
        epochs[name] = max(epoch, epochs.get(name, 0))

    def note_sources(sources: Iterable[int]) -> None:
        for source in sources:
            epoch, number, _ = source_place(source)
            note(names[number], epoch)

    index = ItemIndex(Parameters())
    for message in read_topic(brokers, USER_STATE.name(settings.namespace)):
        if (value := message.value()) is not None:
            note_sources(decode_user((message.key() or b"").decode(), value, index).applied)
    for message in read_topic(brokers, ITEM_STATE.name(settings.namespace)):
        if message.key() == META_KEY:
            merged = decode_merged(message.value() or b"")
            note_sources(merged.sources)
            note(ITEM_UPDATES.name(settings.namespace), message_epoch(max(merged.message, 0)))
    return epochs
