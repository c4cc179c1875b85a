"""The stage `data`: a run's images of rendered scenes, rendered before anything is trained."""

from __future__ import annotations

from pathlib import Path

import torch

from ..data.rendered import VALIDATION_SEED, render_folder
from .config import TrainConfig


def data_folders(config: TrainConfig, run: Path) -> tuple[Path, Path]:
    """The folders of training and validation images of a run."""
    root = Path(config.data.folder) if config.data.folder else run / "data"
    return root / "train", root / "validation"


def prepare_data(config: TrainConfig, run: Path, device: torch.device | None = None) -> None:
    """The stage `data`: render the training and validation images of a run, on `device` if it is a CUDA device."""
    train, validation = data_folders(config, run)
    data = config.data
    device = device if device is not None and device.type == "cuda" else torch.device("cpu")
    render_folder(validation, data.validation_scenes, data.size, data.edit_fraction, VALIDATION_SEED, device)
    render_folder(train, data.train_scenes, data.size, data.edit_fraction, 0, device)
