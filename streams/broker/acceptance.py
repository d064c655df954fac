"""Goes on with a topic that was deleted and made again: ``headwater topics accept NAME``.

Its new log starts a new epoch, and the groups that read it begin at its beginning. For a topic of state these are the
groups that its state is made by: it is made again, from what is kept of their sources.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from streams.broker import group_offsets
from streams.broker.admin import connect, read_metadata
from streams.broker.brokers import Brokers
from streams.broker.incarnations import TIMEOUT, describe, known_ids, record_ids, refuse_gone, refuse_state
from streams.broker.state_epochs import epochs_in_state
from streams.broker.update_messages import MAX_EPOCHS
from streams.errors import BrokerError, StreamError
from streams.settings import Settings
from streams.topology import TOPIC_IDS, Topic, read_again, sent_again

LEAVE_MARGIN = 3.0  # seconds beyond a session, for the broker to notice


class EpochsExhaustedError(StreamError):
    """A topic was deleted and made again too often."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A topic's new incarnation, and the topics that are read from their beginnings because of it."""

    epoch: int
    read_again: tuple[str, ...]


def accept(brokers: Brokers, settings: Settings, topic: Topic) -> Accepted:
    """Accept the topic's current incarnation, and make the stages read again what its state is made from.

    Raises :class:`StreamError` while a worker is running that reads these topics, :class:`EpochsExhaustedError` when
    its incarnations are used up.
    """
    name = topic.name(settings.namespace)
    again = [(stage, source.name(settings.namespace)) for stage, source in read_again(topic)]
    wanted = {name, *(full_name for _, full_name in again)}
    admin = connect(brokers)
    read_metadata(admin, brokers)  # says why, where the broker lets nobody in
    current = describe(admin, wanted)
    refuse_gone(wanted, current)
    known = known_ids(brokers, settings.namespace)
    if not known and topic is not TOPIC_IDS:
        refuse_state(brokers, settings)
    fresh = {name: known.get(name, [])}
    if fresh[name][-1:] != [current[name].topic_id]:
        fresh[name] = [*fresh[name], current[name].topic_id]
        for source in sent_again(topic):  # the same topic gets a new epoch, so that none of its records counts as sent
            other = source.name(settings.namespace)
            topic_id = current[other].topic_id
            fresh[other] = [*known.get(other, [topic_id]), topic_id]
        if topic is TOPIC_IDS:
            fresh |= _told_by_state(brokers, settings, known)
        _refuse_too_many(fresh)
    until = time.monotonic() + settings.session_timeout + LEAVE_MARGIN
    for stage, full_name in again:
        _rewind(brokers, stage.group(settings.namespace), full_name, until)
    record_ids(brokers, settings.namespace, fresh)
    return Accepted(len(fresh[name]) - 1, tuple(full_name for _, full_name in again))


def _told_by_state(brokers: Brokers, settings: Settings, known: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Lists of ids for topics whose record was lost, with placeholders for earlier ones: only their number matters."""
    epochs = {name: epoch for name, epoch in epochs_in_state(brokers, settings).items() if name not in known}
    current = describe(connect(brokers), epochs)
    refuse_gone(epochs, current)
    return {name: [*["lost"] * epoch, current[name].topic_id] for name, epoch in epochs.items()}


def _refuse_too_many(ids: Mapping[str, list[str]]) -> None:
    for name, known in ids.items():
        if len(known) > MAX_EPOCHS:
            raise EpochsExhaustedError(
                f"{name} has had {MAX_EPOCHS} incarnations, and offsets inside the state cannot tell more of them "
                "apart. Nothing was changed. Choose another HEADWATER_NAMESPACE, run headwater topics create and "
                "replay the events."
            )


def _rewind(brokers: Brokers, group: str, topic: str, until: float) -> None:
    """Set the group's offsets of ``topic`` to 0 once it has no members, waiting until ``until`` (monotonic seconds).

    A member that comes back within its session gets its old assignment, which may lack the topic.
    """
    partitions = len(connect(brokers).list_topics(topic, TIMEOUT).topics[topic].partitions)
    while True:
        try:
            group_offsets.commit(brokers, group, topic, dict.fromkeys(range(partitions), 0))
            return
        except BrokerError as exc:
            if time.monotonic() > until:
                raise StreamError(f"{exc}. Stop the workers of the namespace first, then accept again.") from exc
        time.sleep(0.5)
