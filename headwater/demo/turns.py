"""Turns of users: nobody acts again before having seen the answer to what they did last.

A log that is replayed faster than it was recorded would send a person's hundred ratings before the first
recommendation came back. Here a user's next event leaves when the one before is answered. Meanwhile other users of the
next lines, the window, have their turn. So every user's events keep their order, and nobody is overtaken by more than
the window.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Callable, Iterator

from headwater.importers.replay_file import ReplayLine


class Turns:
    """Hands out event lines of ``lines`` by turns; ``is_waiting(user_id)`` says who waits for an answer.

    >>> users = [{"value": {"user_id": user}} for user in ("ann", "ann", "bob")]
    >>> turns = Turns(iter(users), window=3, is_waiting={"ann"}.__contains__)
    >>> turns.next()
    {'value': {'user_id': 'bob'}}
    """

    def __init__(self, lines: Iterator[ReplayLine], window: int, is_waiting: Callable[[str], bool]) -> None:
        self._lines, self._window, self._is_waiting = enumerate(lines), window, is_waiting
        self._queues: dict[str, deque[tuple[int, ReplayLine]]] = defaultdict(deque)
        self._ready: list[tuple[int, str]] = []
        self._parked: set[str] = set()
        self._held = 0

    def next(self) -> ReplayLine | None:
        """The earliest line whose user is not waiting; None while everybody in the window is, or none is left."""
        self._fill()
        for user in [user for user in self._parked if not self._is_waiting(user)]:
            self._parked.discard(user)
            self._offer(user)
        while self._ready:
            _, user = heapq.heappop(self._ready)
            if self._is_waiting(user):
                self._parked.add(user)
                continue
            line = self._queues[user].popleft()[1]
            self._held -= 1
            if self._queues[user]:
                self._parked.add(user)  # until this line is answered
            return line
        return None

    def _fill(self) -> None:
        while self._held < self._window and (numbered := next(self._lines, None)) is not None:
            user = numbered[1]["value"]["user_id"]
            self._queues[user].append(numbered)
            self._held += 1
            if len(self._queues[user]) == 1 and user not in self._parked:
                self._offer(user)

    def _offer(self, user: str) -> None:
        heapq.heappush(self._ready, (self._queues[user][0][0], user))
