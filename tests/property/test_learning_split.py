"""Split by partition, repeated and cut messages: always the rows of the one undivided run."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from operators.learning.item_side import apply_updates, rank_weights
from operators.learning.item_updates import unpack
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_codec import decode_user
from tests.learning_support import Run, fingerprint, item_bytes, random_events

PARAMETERS = Parameters(factors=4, neighbours=5, successors=3, history=12, context=8)
WEIGHTS = rank_weights(PARAMETERS.context_exponent)
bounded = settings(max_examples=40, deadline=None, derandomize=True)


def index_of(partitions: int) -> ItemIndex:
    return ItemIndex(PARAMETERS, lambda key: sum(key) % partitions)


def batches(seed: int, sizes: list[int], partitions: int) -> tuple[Run, list[dict[int, bytes]]]:
    """A profiles stage whose index stays unlearned, and the split messages of its batches."""
    run = Run(PARAMETERS, partitions)
    events = random_events(seed, sum(sizes))
    messages = []
    for size in sizes:
        updates = run.updates(*events[:size])
        events = events[size:]
        messages.append(updates.split(run.index, partitions))
    return run, messages


@bounded
@given(st.integers(0, 10_000), st.lists(st.integers(1, 60), min_size=1, max_size=3), st.integers(1, 5))
def test_split_messages_teach_the_rows_what_the_whole_teaches(seed: int, sizes: list[int], partitions: int) -> None:
    profiles = Run(PARAMETERS, partitions)
    parts = [index_of(partitions) for _ in range(partitions)]
    events = random_events(seed, sum(sizes))
    for offset, size in enumerate(sizes):
        updates = profiles.updates(*events[:size])
        events = events[size:]
        messages = updates.split(profiles.index, partitions)
        profiles.recommender.apply(updates, message_offset=offset)
        for partition, message in messages.items():
            apply_updates(
                parts[partition], unpack(message, parts[partition]), WEIGHTS, partition, message_offset=offset
            )
    for partition, part in enumerate(parts):
        assert item_bytes(part) == profiles.item_bytes(partition)


@bounded
@given(st.integers(0, 10_000), st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_users_updated_in_steps_learn_and_teach_the_same(seed: int, sizes: list[int]) -> None:
    """The item side is handed out less often than users are ranked for; items do not change in between."""
    at_once, in_steps = Run(PARAMETERS), Run(PARAMETERS)
    flushed, events = [], random_events(seed, sum(sizes))
    for size in sizes:
        for event in events[:size]:
            at_once.observe(event)
        flushed.append(at_once.recommender.flush())
        for event in events[:size]:
            in_steps.observe(event)
        in_steps.recommender.update_users()
        assert in_steps.user_bytes() == at_once.user_bytes()
        events = events[size:]
    together = in_steps.recommender.flush()
    taught = [updates for updates in flushed if updates is not None]
    assert together is not None and together.size == sum(updates.size for updates in taught)
    for updates in taught:
        at_once.recommender.apply(updates)
    in_steps.recommender.apply(together)
    assert fingerprint(in_steps.index) == fingerprint(at_once.index)
    assert in_steps.recommender.flush() is None


@bounded
@given(st.integers(0, 10_000), st.integers(1, 80), st.integers(1, 4), st.integers(200, 3_000))
def test_messages_of_bounded_size_teach_what_the_whole_teaches(
    seed: int, size: int, partitions: int, most: int
) -> None:
    profiles = Run(PARAMETERS, partitions)
    updates = profiles.updates(*random_events(seed, size))
    whole, parts = index_of(partitions), index_of(partitions)
    for partition, message in updates.split(profiles.index, partitions).items():
        apply_updates(whole, unpack(message, whole), WEIGHTS, partition)
    for messages in updates.messages(profiles.index, partitions, most):
        for partition, message in messages.items():
            received = unpack(message, parts)
            assert len(message) <= most or len(received) == 1
            apply_updates(parts, received, WEIGHTS, partition)
    assert fingerprint(parts) == fingerprint(whole)


@bounded
@given(st.integers(0, 10_000), st.lists(st.integers(1, 25), min_size=2, max_size=5), st.data())
def test_messages_read_again_from_any_point_change_nothing(seed: int, sizes: list[int], data: st.DataObject) -> None:
    """A restarted items stage reads again from its last committed offset: rows skip what they contain."""
    _, messages = batches(seed, sizes, 1)
    numbered = list(enumerate(message[0] for message in messages if 0 in message))
    once, twice = index_of(1), index_of(1)
    for offset, message in numbered:
        apply_updates(once, unpack(message, once), WEIGHTS, 0, message_offset=offset)
    stop = data.draw(st.integers(0, len(numbered)))
    again = data.draw(st.integers(0, stop))
    for offset, message in numbered[:stop] + numbered[again:]:
        apply_updates(twice, unpack(message, twice), WEIGHTS, 0, message_offset=offset)
    assert item_bytes(twice) == item_bytes(once)


@bounded
@given(st.integers(0, 10_000), st.integers(2, 60), st.data())
def test_events_sent_again_in_other_batches_are_fenced_off(seed: int, count: int, data: st.DataObject) -> None:
    """A restarted profiles stage sends the events since its checkpoint again, cut into other batches."""
    events = random_events(seed, count)
    stop = data.draw(st.integers(1, count))
    back = data.draw(st.integers(0, stop))

    def state_at_checkpoint() -> Run:
        run = Run(PARAMETERS)
        if back:
            run.updates(*events[:back])
        return run

    clean = Run(PARAMETERS)
    expected, crashed = index_of(1), index_of(1)
    first = clean.updates(*events[:stop])
    for index in (expected, crashed):
        apply_updates(index, unpack(first.split(clean.index, 1)[0], index), WEIGHTS, 0, 0)
    if stop < count:
        rest = clean.updates(*events[stop:])
        apply_updates(expected, unpack(rest.split(clean.index, 1)[0], expected), WEIGHTS, 0, 1)
    restarted = state_at_checkpoint()
    restarted.users = {
        user_id: decode_user(user_id, state, restarted.index) for user_id, state in restarted.user_bytes().items()
    }
    replayed = restarted.updates(*events[back:]) if back < count else None
    if replayed is not None:
        message = replayed.split(restarted.index, 1)[0]
        touched = apply_updates(crashed, unpack(message, crashed), WEIGHTS, 0, 1, fence={0: stop - 1})
        assert stop < count or len(touched) == 0
    assert item_bytes(crashed) == item_bytes(expected)
    assert restarted.user_bytes() == clean.user_bytes()


@bounded
@given(st.integers(0, 10_000), st.integers(1, 80))
def test_a_message_survives_packing_and_unpacking(seed: int, count: int) -> None:
    run = Run(PARAMETERS)
    updates = run.updates(*random_events(seed, count))
    elsewhere = index_of(1)
    elsewhere.intern("noise")
    message = updates.split(run.index, 1)[0]
    assert unpack(message, elsewhere).split(elsewhere, 1)[0] == message
    run.recommender.apply(updates)
    apply_updates(elsewhere, unpack(message, elsewhere), WEIGHTS)
    assert fingerprint(elsewhere) == fingerprint(run.index)
