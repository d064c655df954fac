"""SmolLM2 through transformers and torch, on one CPU thread.

The few-shot prefix is run once and its keys and values are shared by every batch. Each step only permits tokens that
go on with a word the facts and the grammar allow (`operators.narration.clause_grammar`), so a clause cannot name a
wrong genre. Draws are seeded by the prompt: the same prompt gives the same clause.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from operators.kernels.stable_hash import stable_hash
from operators.narration.prompt import PREFIX, Prompt
from streams.model.clause_decoder import ClauseDecoder
from streams.model.model_store import MODEL_NAME, converted, require_libraries
from streams.model.text_backend import Generated


class TransformersBackend:
    """The default backend: SmolLM2-135M-Instruct from the cache folder."""

    name = MODEL_NAME

    def __init__(self, cache_dir: Path) -> None:
        self._cache_dir = cache_dir
        self._model: Any = None
        self._tokenizer: Any = None
        self._prefix = ""
        self._prefix_states: list[tuple[Any, Any]] = []
        self._prefix_length = 0
        self._decoder: ClauseDecoder | None = None

    def load(self) -> None:
        """Load the weights (about 4 s; converts them first where that was not done). Raises `BackendUnavailable`."""
        require_libraries()
        folder = converted(self._cache_dir)
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        torch.set_num_threads(1)
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()
        self._decoder = ClauseDecoder(self._tokenizer)
        with torch.inference_mode():
            self._use_prefix(PREFIX)  # before the first draft has to wait for it

    def generate(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Generated]:
        """One clause of each prompt, up to its full stop."""
        import torch

        if self._decoder is None:
            raise RuntimeError("load() comes first")
        with torch.inference_mode():
            self._use_prefix(prompts[0].prefix)
            return self._decode(prompts, max_new_tokens)

    def _use_prefix(self, prefix: str) -> None:
        """Run the shared prefix once and keep its keys and values, layer by layer, as [1, heads, length, width]."""
        if prefix == self._prefix:
            return
        from transformers import DynamicCache

        ids = self._tokenizer(prefix, return_tensors="pt", add_special_tokens=False).input_ids
        cache = DynamicCache(config=self._model.config)
        self._model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        self._prefix_states = [(layer.keys, layer.values) for layer in cache.layers]
        self._prefix_length = ids.shape[1]
        self._prefix = prefix

    def _decode(self, prompts: Sequence[Prompt], max_new_tokens: int) -> list[Generated]:
        import torch
        from transformers import DynamicCache

        assert self._decoder is not None
        encoded = [self._tokenizer(p.suffix, add_special_tokens=False).input_ids for p in prompts]
        rows, width = len(encoded), max(map(len, encoded))
        ids = torch.zeros((rows, width), dtype=torch.long)
        mask = torch.zeros((rows, self._prefix_length + width), dtype=torch.long)
        mask[:, : self._prefix_length] = 1
        for row, tokens in enumerate(encoded):
            ids[row, width - len(tokens) :] = torch.tensor(tokens)
            mask[row, self._prefix_length + width - len(tokens) :] = 1
        cache = DynamicCache(config=self._model.config)
        for layer, (keys, values) in enumerate(self._prefix_states):
            cache.update(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1), layer)
        clauses = [self._decoder.start(prompt.categories, stable_hash(prompt.suffix)) for prompt in prompts]
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, self._prefix_length :]
        for _ in range(max_new_tokens):
            logits = self._model(
                input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True,
                logits_to_keep=1,
            ).logits[:, -1, :]  # fmt: skip
            chosen = self._decoder.step(clauses, logits)
            if all(clause.finished for clause in clauses):
                break
            ids = chosen.unsqueeze(1)
            mask = torch.cat([mask, torch.ones((rows, 1), dtype=torch.long)], dim=1)
            positions = positions[:, -1:] + 1
        return [Generated(clause.text, clause.mean_logprob) for clause in clauses]
