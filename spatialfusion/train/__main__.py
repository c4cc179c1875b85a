"""python -m spatialfusion.train PRESET [stage=STAGE] [run=FOLDER] [key=value ...]"""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from ..errors import InputError, run_command
from ..files import atomic_folder
from .config import (
    GROUPS,
    STAGES,
    TrainConfig,
    flat_keys,
    parse_arguments,
    preset_names,
    save_config,
    to_plain,
)


def main(arguments: list[str]) -> None:
    if not arguments or {"-h", "--help"} & set(arguments):
        print(_help())
        return
    config, stages = parse_arguments(arguments)

    # torch and accelerate take seconds to import: a mistyped key should not wait for them.
    from .engine import make_accelerator, train_stage

    accelerator = make_accelerator(config)
    run = Path(config.run)
    if accelerator.is_main_process:
        run.mkdir(parents=True, exist_ok=True)
        _seed_model(config, run / "model")
        save_config(config, run / "config.yaml")
    accelerator.wait_for_everyone()
    for name in stages:
        if name == "data":
            if accelerator.is_main_process:
                from .data_stage import prepare_data

                prepare_data(config, run)
            accelerator.wait_for_everyone()
        else:
            train_stage(_stage_class(name), config, accelerator, resume=_command(arguments))


def _stage_class(name: str) -> type:
    if name == "vae":
        from ..tiny.vae import VaeStage as Stage
    elif name == "language":
        from ..tiny.language import LanguageStage as Stage
    elif name == "grounding":
        from .grounding import GroundingStage as Stage
    elif name == "diffusion":
        from ..tiny.diffusion import DiffusionStage as Stage
    elif name == "source":
        from .source import SourceStage as Stage
    elif name == "stage1":
        from .stage1 import Stage1 as Stage
    elif name == "adapter":
        from research.adapter import AdapterStage as Stage
    elif name == "stage2":
        from .stage2 import Stage2 as Stage
    elif name == "controlnet":
        from research.controlnet import ControlNetStage as Stage
    else:
        from ..tiny.judge import JudgeStage as Stage
    return Stage


def _seed_model(config: TrainConfig, model: Path) -> None:
    # It imports torch.
    from ..model import FILE_NAME

    if config.init is None or model.exists():
        return
    if config.base is not None:
        checkpoint = Path(config.init)
        checkpoint = checkpoint / FILE_NAME if checkpoint.is_dir() else checkpoint
        if not checkpoint.is_file():
            raise InputError(f"init = {config.init!r} must be a SpatialFusion checkpoint, or a folder with one.")
        with atomic_folder(model) as temporary:
            shutil.copy(checkpoint, temporary / FILE_NAME)
        return
    if not (Path(config.init) / "vae").is_dir():
        raise InputError(f"init = {config.init!r} is not a model folder: it has no folder vae.")
    with atomic_folder(model) as temporary:
        shutil.copytree(config.init, temporary, dirs_exist_ok=True)


def _command(arguments: list[str]) -> str:
    return "python -m spatialfusion.train " + shlex.join(arguments)


def _help() -> str:
    lines = [
        __doc__,
        "",
        "Example: python -m spatialfusion.train tiny stage=vae run=runs/mine vae.steps=100 seed=1",
        "         accelerate launch -m spatialfusion.train qwen-image run=runs/photos data.records=data/photos",
        "A run that was stopped goes on when the same command is given again.",
        "",
        f"PRESET  one of {', '.join(preset_names())}, or a YAML file (such as the config.yaml of a run)",
        f"STAGE   one of {', '.join(STAGES)}; foundation ({', '.join(GROUPS['foundation'])}); all (the default)",
        "",
        "Keys and their defaults, before the preset:",
    ]
    lines += [f"  {key}={'none' if value is None else to_plain(value)}" for key, value in flat_keys(TrainConfig())]
    return "\n".join(lines)


if __name__ == "__main__":
    run_command(main)
