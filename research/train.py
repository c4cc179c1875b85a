"""Stages that are no part of the recipe, beside those that are: ablations to compare depth injection with.

    python -m research.train PRESET stage=adapter|controlnet [run=FOLDER] [key=value ...]

Presets are those of spatialfusion.train and of research/presets; --help and --keys as there.
"""

from __future__ import annotations

from pathlib import Path

from spatialfusion.errors import run_command
from spatialfusion.train.__main__ import Entry
from spatialfusion.train.__main__ import main as train
from spatialfusion.train.stage import Stage

from .stages import ResearchConfig

PRESETS = Path(__file__).parent / "presets"


def _adapter() -> type[Stage]:
    from .adapter import AdapterStage

    return AdapterStage


def _controlnet() -> type[Stage]:
    from .controlnet_stage import ControlNetStage

    return ControlNetStage


STAGES = {"adapter": Entry(_adapter, of_base=True), "controlnet": Entry(_controlnet)}


def main(arguments: list[str]) -> None:
    train(with_preset(arguments), STAGES, ResearchConfig, "python -m research.train")


def with_preset(arguments: list[str]) -> list[str]:
    """The arguments with the name of one of our presets replaced by its path."""
    path = PRESETS / f"{arguments[0]}.yaml" if arguments else PRESETS
    return [str(path), *arguments[1:]] if path.is_file() else arguments


if __name__ == "__main__":
    run_command(main)
