"""The stage `data`: a run's images of rendered scenes, rendered before anything is trained."""

from __future__ import annotations

from pathlib import Path

from ..data.rendered import VALIDATION_SEED, render_folder
from .config import TrainConfig


def data_folders(config: TrainConfig, run: Path) -> tuple[Path, Path]:
    """The folders of training and validation images of a run."""
    root = Path(config.data.folder) if config.data.folder else run / "data"
    return root / "train", root / "validation"


def prepare_data(config: TrainConfig, run: Path) -> None:
    """The stage `data`: render the training and validation images of a run."""
    train, validation = data_folders(config, run)
    data = config.data
    render_folder(validation, data.validation_scenes, data.size, data.edit_fraction, VALIDATION_SEED)
    render_folder(train, data.train_scenes, data.size, data.edit_fraction, seed=0)
