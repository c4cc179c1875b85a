"""Checkpoints: a folder of safetensors and one JSON file, written whole or not at all; the last two are kept."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..errors import InputError
from ..files import atomic_folder

KEPT = 2
TENSORS = ("trained", "ema", "optimizer")
_PENDING = "not-exported"  # a file in a checkpoint until what the run exports of it is written


@dataclass
class Checkpoint:
    """One state of training: the trained tensors, their average, the optimisers' state, and step and configuration.

    exported: whether what the run exports of it was written, too.
    """

    trained: dict[str, Tensor]
    ema: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    state: dict[str, Any]
    exported: bool = True

    @property
    def step(self) -> int:
        return self.state["step"]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write folder/step-<step> and delete all but the newest two. On any error the earlier checkpoints stay.

    It counts as not exported until `set_exported`.
    """
    path = folder / f"step-{checkpoint.step:07d}"
    with atomic_folder(path) as temporary:
        for name in TENSORS:
            write_tensors(getattr(checkpoint, name), temporary / f"{name}.safetensors")
        # Names and shapes are already in the safetensors headers; this file is what a person reads.
        (temporary / _PENDING).touch()
        (temporary / "state.json").write_text(json.dumps(checkpoint.state, indent=1), encoding="utf-8")
    for old in checkpoint_paths(folder)[KEPT:]:
        shutil.rmtree(old)
    return path


def set_exported(folder: Path, step: int) -> None:
    """Note that what the run exports of folder/step-<step> was written."""
    (folder / f"step-{step:07d}" / _PENDING).unlink(missing_ok=True)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises InputError when a file of it is missing or broken."""
    try:
        state = json.loads((path / "state.json").read_text(encoding="utf-8"))
        tensors = {name: load_file(path / f"{name}.safetensors") for name in TENSORS}
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise InputError(f"checkpoint {path} is broken: {error}.") from None
    return Checkpoint(**tensors, state=state, exported=not (path / _PENDING).exists())


def newest_checkpoint(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """Return the newest checkpoint that is whole, and one sentence about each newer one that is not."""
    complaints: list[str] = []
    for path in checkpoint_paths(folder):
        try:
            return load_checkpoint(path), complaints
        except InputError as error:
            complaints.append(str(error))
    return None, complaints


def checkpoint_paths(folder: Path) -> list[Path]:
    """The checkpoints in `folder`, newest first."""
    return sorted(folder.glob("step-*"), reverse=True)


def remove_leftovers(folder: Path) -> None:
    """Delete what a process that was killed while writing a checkpoint has left."""
    for path in folder.glob(".step-*"):
        shutil.rmtree(path, ignore_errors=True)


def module_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and persistent buffers by name; a tensor shared under two names is there once."""
    seen: set[int] = set()
    tensors = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            tensors[name] = tensor.detach()
    return tensors


def load_module_tensors(module: nn.Module, tensors: dict[str, Tensor], source: str) -> None:
    own = module_tensors(module)
    wrong = sorted(own.keys() ^ tensors.keys()) or [n for n in own if own[n].shape != tensors[n].shape]
    if wrong:
        raise InputError(f"{source} does not fit the network (first difference: {wrong[0]}): use another run folder.")
    for name, tensor in own.items():
        tensor.copy_(tensors[name])


def write_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
