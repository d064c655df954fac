"""Chooses the next token of each clause, sampled from the tokens that continue a word which the grammar allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from operators.narration.clause_grammar import COMMA, END, INITIAL, State, advance, next_words

TEMPERATURE = 1.0
MARGIN = 4.0
"""Tokens this much less likely (in nats) than the likeliest permitted one are never drawn."""


@dataclass(slots=True)
class TrieNode:
    """A node of the trie of words as token sequences; ``word`` is the one that ends here, if any."""

    next: dict[int, TrieNode] = field(default_factory=dict)
    word: str | None = None


@dataclass(slots=True)
class Clause:
    """One clause as it grows: finished words in ``state``, the word being written in ``node``."""

    categories: tuple[str, ...]
    draws: Any
    node: TrieNode
    state: State = INITIAL
    used: set[str] = field(default_factory=set)
    text: str = ""
    total_logprob: float = 0.0
    tokens: int = 0
    finished: bool = False

    @property
    def mean_logprob(self) -> float:
        """Mean log-probability a token under the model's own, unrestricted distribution."""
        return self.total_logprob / max(1, self.tokens)


class ClauseDecoder:
    """Turns the grammar's words into the tokens of one tokenizer."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._trie = lru_cache(maxsize=4_096)(self._build_trie)
        self.stop = self._tokens(END)[0]

    def start(self, categories: tuple[str, ...], seed: int) -> Clause:
        """An empty clause; the same seed draws the same way."""
        import numpy as np

        return Clause(categories, np.random.default_rng(seed), self._trie(next_words(INITIAL, categories)))

    def step(self, clauses: list[Clause], logits: Any) -> Any:
        """Append one permitted token to each unfinished clause; ``logits`` is [rows, vocabulary].

        Returns the chosen token ids, [rows].
        """
        import torch

        scores = torch.log_softmax(logits, dim=-1)
        chosen = torch.full((len(clauses),), self.stop, dtype=torch.long)
        for row, clause in enumerate(clauses):
            if clause.finished:
                continue
            options = self._options(clause)
            permitted = list(options)
            token = permitted[_draw(scores[row, permitted].numpy(), clause.draws)]
            self._append(clause, token, options[token], float(scores[row, token]))
            chosen[row] = token
        return chosen

    def _options(self, clause: Clause) -> dict[int, tuple[State, TrieNode]]:
        """Permitted tokens, each with the state and node that it leads to."""
        options = {token: (clause.state, node) for token, node in clause.node.next.items()}
        word = clause.node.word
        if word is not None:
            state = advance(clause.state, word)
            followers = next_words(state, clause.categories)
            used = clause.used | {word[:5]}
            fresh = tuple(word for word in followers if len(word) < 5 or word[:5] not in used)
            options |= {token: (state, node) for token, node in self._trie(fresh or followers).next.items()}
        return options

    def _append(self, clause: Clause, token: int, reached: tuple[State, TrieNode], logprob: float) -> None:
        clause.tokens += 1
        clause.total_logprob += logprob
        clause.text += self._tokenizer.decode([token], clean_up_tokenization_spaces=False)
        state, node = reached
        if state != clause.state and len(state[-1]) >= 5:
            clause.used.add(state[-1][:5])
        clause.state, clause.node = reached
        clause.finished = node.word == END

    def _build_trie(self, words: tuple[str, ...]) -> TrieNode:
        root = TrieNode()
        for word in words:
            node = root
            for token in self._tokens(word):
                node = node.next.setdefault(token, TrieNode())
            node.word = word
        return root

    def _tokens(self, word: str) -> list[int]:
        spaced = word if word in (END, COMMA) else f" {word}"
        ids: list[int] = self._tokenizer(spaced, add_special_tokens=False).input_ids
        return ids


def _draw(scores: Any, draws: Any) -> int:
    """Index drawn from the softmax of ``scores`` at `TEMPERATURE`, those beyond `MARGIN` left out."""
    import numpy as np

    gap = scores - scores.max()
    weights = np.where(gap >= -MARGIN, np.exp(gap / TEMPERATURE), 0.0)
    return int(np.searchsorted(np.cumsum(weights), draws.random() * weights.sum(), side="right"))
