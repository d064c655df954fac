"""What is to be said of a shop's recommendations: how many reasons are false, words wrong, searches missed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from headwater.demo.claims import Finding, false_claims, senseless_items
from headwater.demo.ledger import Ledger
from headwater.demo.wording import Wording
from headwater.importers.replay_file import ReplayLine

EXAMPLES = 5
"""Of each kind of finding that are kept, different ones."""


class Findings:
    """Findings of one sort, counted by kind, with a few examples of each."""

    def __init__(self) -> None:
        self.checked = 0
        self.counts: Counter[str] = Counter()
        self.examples: defaultdict[str, list[str]] = defaultdict(list)

    def add(self, checked: int, found: Iterable[Finding]) -> None:
        self.checked += checked
        for finding in found:
            self.counts[finding.kind] += 1
            examples = self.examples[finding.kind]
            if len(examples) < EXAMPLES and finding.sentence not in examples:
                examples.append(finding.sentence)

    @property
    def found(self) -> int:
        return self.counts.total()

    def lines(self) -> list[str]:
        """One for each kind: how many, and examples."""
        return [f"{count:,} × {kind}: {'; '.join(self.examples[kind])}" for kind, count in self.counts.most_common()]


class Verdict:
    """Hears what a shop sends and what it reads, in that order, and judges every record by all that it knows then."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self._wording = Wording(self.ledger)
        self._meant: dict[str, str | None] = {}
        self.claims, self.items, self.words, self.kinds = Findings(), Findings(), Findings(), Counter[str]()
        self.searches = self.searches_first = 0
        """Searches that mean a good; those of them that were answered with it on top."""
        self.missed: list[str] = []
        """What was wrong with the others, in words."""
        self.purchases_answered = self.just_bought_at_purchase = 0
        self.unmatched = self.unclaimed = 0
        """Searches that nothing in the shop matches; those of them that were answered without the claim of a match."""
        self.first_for_strangers: list[str] = []
        """The first five items of those lists: what is shown to people of whom nothing is known."""

    def sent(self, line: ReplayLine, at: float) -> None:
        """A line leaves at this moment, in seconds of any clock that never goes back."""
        self.ledger.take(line, at)

    def expect(self, event_id: str, item_id: str | None) -> None:
        """The answer to this search has to begin with this good; None: nothing in the shop matches it."""
        self._meant[event_id] = item_id

    def read(self, record: dict[str, Any]) -> None:
        """Judge a record that has come."""
        items, event_id = record["items"], record["trigger"]["event_id"]
        event = self.ledger.events[event_id]
        self.claims.add(len(items), false_claims(self.ledger, record))
        senseless = list(senseless_items(self.ledger, record))
        self.items.add(len(items), senseless)
        self.words.add(1, self._wording.wrong_words(record))
        self.kinds.update(item["reason"]["kind"] for item in items)
        if event.is_purchase:
            self.purchases_answered += 1
            self.just_bought_at_purchase += any(finding.kind == "just bought" for finding in senseless)
        if event_id in self._meant:
            found = [item["item_id"] for item in items]
            if (meant := self._meant[event_id]) is None:
                self._search_for_nothing(event.query, found, record)
            else:
                self._search(event.query, meant, found)

    def _search(self, query: str | None, meant: str, found: list[str]) -> None:
        self.searches += 1
        if found[:1] == [meant]:
            self.searches_first += 1
            return
        place = found.index(meant) + 1 if meant in found else None
        self.missed.append(f"{query}: {found[0] if found else 'nothing'} comes first, {meant} on place {place}")

    def _search_for_nothing(self, query: str | None, found: list[str], record: dict[str, Any]) -> None:
        self.unmatched += 1
        self.first_for_strangers += found[:5]
        if record["source"] == "search" or "search_match" in {item["reason"]["kind"] for item in record["items"]}:
            self.missed.append(f"{query}: nothing matches, and {found[:1]} is said to")
        else:
            self.unclaimed += 1

    def complaints(self) -> list[str]:
        """Everything that was found, in lines for people."""
        found = {"false reason": self.claims, "wrong words": self.words, "senseless item": self.items}
        lines = [f"{sort}: {line}" for sort, findings in found.items() for line in findings.lines()]
        return lines + [f"search: {missed}" for missed in self.missed]
