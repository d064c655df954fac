"""Idle users are removed from cache and table; users who are active, come back, or are being written are not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from operators.state.errors import StateCorruptError, StateVersionError
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_codec import decode_user, encode_user, stored_minute
from operators.state.user_state import UserState
from streams.broker.brokers import Brokers
from streams.clock import Clock
from streams.engine import BatchTable, create_app
from streams.settings import Settings
from streams.stages.event_clock import SUPPORT, EventClock
from streams.stages.user_cache import MINUTE_MS, UserCache
from streams.stages.user_expiry import UserExpiry
from streams.topology import PROFILES
from tests.clocks import TurnedClock

DAY = 86_400_000
START = 1_700_000_000_000 // MINUTE_MS * MINUTE_MS
IDLE = 90 * DAY


class Process:
    """Cache, table and expiry of one partition; ``checkpoint`` is begun and ended apart, as in the stage."""

    def __init__(self, settings: Settings, idle: int = IDLE, cached: int = 1_000, clock: Clock | None = None) -> None:
        """With a clock that stands still a sweep walks to the end."""
        self.index = ItemIndex(Parameters(factors=2))
        self.table = BatchTable(
            create_app(settings, PROFILES, Brokers("localhost:1")), name="users", changelog="c", partitions=1
        )
        self.users = UserCache(self.table, self.index, self.index.parameters, cached)
        self.removed = 0
        self.expiry = UserExpiry(self.table, self.users, idle, self._count, clock or TurnedClock())
        self.expiry.restore({0})
        self.writing: dict[bytes, bytes | None] = {}

    def _count(self) -> None:
        self.removed += 1

    def event(self, user_id: str, time: int) -> UserState:
        """What the stage does with an event; ``clicks`` counts them."""
        self.users.load(0, [user_id])
        state = self.users.of(0)[user_id]
        self.users.touch(0, state)
        state.rate_minute = max(state.rate_minute, time // MINUTE_MS)
        state.clicks += 1
        self.expiry.see(0, [(user_id, time)])
        return state

    def crowd(self, time: int) -> None:
        """As many users as it takes to be believed that it is so late."""
        for n in range(SUPPORT):
            self.event(f"crowd-{n}", time)

    def begin_checkpoint(self) -> None:
        self.end_checkpoint()
        self.writing = dict(self.users.snapshot().get(0, ()))

    def end_checkpoint(self) -> None:
        self.table.data.put_many(0, self.writing.items(), None)
        self.writing = {}

    def checkpoint(self) -> None:
        self.begin_checkpoint()
        self.end_checkpoint()

    def stored(self) -> dict[str, int]:
        """Clicks by user."""
        return {
            key.decode(): decode_user(key.decode(), value, self.index).clicks for key, value in self.table.items_of(0)
        }

    def clicks(self, user_id: str) -> int:
        self.users.load(0, [user_id])
        return self.users.of(0)[user_id].clicks


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    yield Settings(state_dir=tmp_path, store="rocksdb", user_partitions=1)


def test_a_snapshot_is_what_was_there_when_it_was_taken(settings: Settings) -> None:
    """Though it is encoded while work goes on: states that change meanwhile, that come anew, that were removed."""
    process = Process(settings)
    process.crowd(START)
    for user_id, clicks in (("changes", 1), ("stays", 2), ("leaves", 1)):
        for _ in range(clicks):
            process.event(user_id, START)
    process.checkpoint()
    process.checkpoint()
    process.crowd(START + 2 * IDLE)
    assert process.users.remove_idle(0, "leaves", START + IDLE)
    for user_id in ("changes", "stays"):
        process.event(user_id, START + 2 * IDLE)
    items = iter(process.users.snapshot()[0])
    first = [next(items) for _ in range(3)]
    for user_id in ("changes", "leaves", "new", "stays"):  # some of it is encoded, the rest not yet
        process.event(user_id, START + 2 * IDLE)
        process.event(user_id, START + 2 * IDLE)
    taken = dict([*first, *items])
    assert list(taken) == sorted(taken)
    clicks_of = {
        key.decode(): None if raw is None else decode_user(key.decode(), raw, process.index).clicks
        for key, raw in taken.items()
    }
    assert clicks_of == {f"crowd-{n}": 2 for n in range(SUPPORT)} | {"changes": 2, "stays": 3, "leaves": None}
    after = dict(process.users.snapshot()[0])
    assert set(after) == {b"changes", b"leaves", b"new", b"stays"} and None not in after.values()
    assert decode_user("changes", after[b"changes"] or b"", process.index).clicks == 4


def test_the_minute_is_read_without_the_rest() -> None:
    index, rng = ItemIndex(Parameters()), random.Random(3)
    for size in (0, 1, 40, 900):
        state = UserState.fresh("u", index.parameters)
        state.consumed = {index.intern(f"i{n}"): rng.randrange(1, 1 << 20) for n in range(size)}
        state.queries = [("q" * rng.randrange(200), rng.randrange(1 << 41)) for _ in range(min(size, 5))]
        state.rate_minute = rng.randrange(1 << 25)
        data = encode_user(state, index)
        assert stored_minute("u", data) == state.rate_minute == decode_user("u", data, index).rate_minute
    with pytest.raises(StateVersionError, match="state of user 'u'"):
        stored_minute("u", data[:1] + bytes((data[1] + 1,)) + data[2:])
    with pytest.raises(StateCorruptError, match="state of user 'u'"):
        stored_minute("u", data[:-1])


def test_one_clock_does_not_move_the_time() -> None:
    clock = EventClock()
    clock.see([(f"u{n}", START + n) for n in range(SUPPORT - 1)])
    assert clock.time == 0, "too few to say"
    clock.see([("u7", START + 7)])
    assert clock.time == START
    for n in range(200):
        clock.see([("wrong", START + 10 * 365 * DAY), (f"u{n % SUPPORT}", START + DAY)])
    assert clock.time <= START + DAY
    clock.see([(f"v{n}", START - DAY) for n in range(50)])
    assert clock.time == START + DAY, "it never goes back"


def test_idle_users_go_and_come_back_as_new_ones(settings: Settings) -> None:
    p = Process(settings)
    for n in range(50):
        p.event(f"idle-{n}", START)
        p.event(f"late-{n}", START + DAY)
    p.checkpoint()
    p.crowd(START + IDLE + DAY // 2)
    p.checkpoint()
    p.expiry.sweep()
    assert p.removed == 50
    assert p.event("idle-7", START + IDLE + DAY).clicks == 1, "not yet written, and new all the same"
    p.begin_checkpoint()
    assert p.event("idle-8", START + IDLE + DAY).clicks == 1, "the table still has the old state"
    p.checkpoint()
    late = {f"late-{n}": 1 for n in range(50)}
    crowd = {f"crowd-{n}": 1 for n in range(SUPPORT)}
    assert p.stored() == late | crowd | {"idle-7": 1, "idle-8": 1}
    assert p.event("idle-9", START + IDLE + DAY).clicks == 1
    p.users.clear()
    assert p.clicks("late-3") == 1 and p.clicks("idle-10") == 0


def test_nobody_goes_who_is_dirty_or_being_written(settings: Settings) -> None:
    p = Process(settings, cached=1)
    for n in range(4):
        p.event(f"u{n}", START)
    p.checkpoint()
    now = START + IDLE + DAY
    p.event("u0", now)
    p.crowd(now)
    p.begin_checkpoint()
    p.event("u1", now)
    p.event("u3", START)  # an old event of a user who stays idle: written first, removed by a later walk
    p.expiry.sweep()
    assert p.removed == 1
    p.checkpoint()
    assert {user: clicks for user, clicks in p.stored().items() if user[0] == "u"} == {"u0": 2, "u1": 2, "u3": 2}
    p.crowd(now + DAY)
    p.checkpoint()
    p.expiry.sweep()
    p.checkpoint()
    assert {user for user in p.stored() if user[0] == "u"} == {"u0", "u1"}


def test_a_state_that_is_being_written_is_not_read_from_the_table(settings: Settings) -> None:
    """Nor evicted: the table has an older one until the checkpoint is over."""
    p = Process(settings, cached=1)
    p.event("a", START)
    p.event("b", START)
    p.begin_checkpoint()
    assert p.event("a", START).clicks == 2
    p.checkpoint()
    p.checkpoint()
    assert len(p.users) <= 1
    assert p.clicks("a") == 2 and p.clicks("b") == 1


def test_an_old_log_that_is_read_again_removes_only_by_its_own_time(settings: Settings) -> None:
    p = Process(settings)
    old = START - 3_000 * DAY
    for day in range(200):
        p.event(f"u{day}", old + day * DAY)
        p.event("wrong clock", START)
        p.crowd(old + day * DAY)
        p.checkpoint()
        p.expiry.sweep()
    p.checkpoint()
    assert {user for user in p.stored() if user[0] == "u"} == {f"u{day}" for day in range(109, 200)}
    assert p.stored()["wrong clock"] == 200


def test_never_is_never(settings: Settings) -> None:
    p = Process(settings, idle=0)
    p.event("u", START)
    p.crowd(START + 1_000 * IDLE)
    p.checkpoint()
    p.expiry.sweep()
    assert p.removed == 0


def test_a_state_that_cannot_be_read_is_left_alone(settings: Settings) -> None:
    p = Process(settings)
    p.table.data.put_many(0, [(b"newer", b"U\x63later"), (b"broken", b"?")], None)
    p.crowd(START)
    p.checkpoint()
    p.expiry.sweep()
    p.checkpoint()
    assert p.table.get_many(0, [b"newer", b"broken"]) == [b"U\x63later", b"?"]


def test_what_belongs_to_others_is_not_walked(settings: Settings) -> None:
    p = Process(settings)
    p.event("u", START)
    p.checkpoint()
    p.crowd(START + 2 * IDLE)
    p.expiry.forget()
    p.users.clear()
    p.expiry.sweep()
    assert p.removed == 0


@pytest.mark.parametrize("store", ["rocksdb", "memory"])
@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_events_checkpoints_and_slices(tmp_path: Path, store: str, seed: int) -> None:
    """Every user has all clicks since the last time of being removed, and only idle ones were removed."""
    rng, now, clock = random.Random(seed), START, TurnedClock(ticks=0.0001)
    p = Process(
        Settings(state_dir=tmp_path, store=store, user_partitions=1),
        idle=10 * DAY,
        cached=rng.choice([1, 5, 99]),
        clock=clock,
    )
    clicks: dict[str, int] = {}
    heard_of: dict[str, int] = {}
    for _ in range(6_000):
        now += rng.randrange(DAY // 50)
        roll = rng.random()
        if roll < 0.8:
            user = f"u{min(int(rng.paretovariate(0.4)), 300)}"
            found = p.event(user, now).clicks
            if found == 1:
                assert user not in heard_of or heard_of[user] < now - 10 * DAY, "removed too early"
                clicks[user] = 0
            clicks[user] = clicks.get(user, 0) + 1
            assert found == clicks[user]
            heard_of[user] = now
        elif roll < 0.87:
            p.begin_checkpoint()
        elif roll < 0.94:
            p.end_checkpoint()
        else:
            p.expiry.sweep()
    clock.ticks = 0.0
    for days in range(30, 35):  # who was being written when the walk came by is left to the next one
        p.crowd(now + days * DAY)
        p.checkpoint()
        p.expiry.sweep()
    p.checkpoint()
    assert set(p.stored()) == {f"crowd-{n}" for n in range(SUPPORT)}
    assert p.removed > 300
