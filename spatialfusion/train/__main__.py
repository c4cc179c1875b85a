"""python -m spatialfusion.train PRESET [stage=STAGE] [run=FOLDER] [key=value ...]

All stages of the recipe run one after the other, or one of them with stage=STAGE. A run that was stopped goes on when
the same command is given again.

Examples:
  python -m spatialfusion.train tiny
  python -m spatialfusion.train tiny stage=vae run=runs/mine vae.steps=100 seed=1
  accelerate launch -m spatialfusion.train published base=qwen-image run=runs/photos data.records=data/photos
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import InputError, run_command, suggest
from ..files import atomic_folder
from .config import TrainConfig, check_recipe, load_config, preset_names, save_config
from .former_keys import say_successor
from .keys import key_lines

if TYPE_CHECKING:
    from .stage import Stage

RUN = "python -m spatialfusion.train"


# The recipe -----------------------------------------------------------------------------------------------------------


class Entry(NamedTuple):
    """A stage that is trained. load: imports and returns its class. of_base: whether a run with a base has it."""

    load: Callable[[], type[Stage]]
    of_base: bool = False


def _vae() -> type[Stage]:
    from ..tiny.vae import VaeStage

    return VaeStage


def _language() -> type[Stage]:
    from ..tiny.language import LanguageStage

    return LanguageStage


def _diffusion() -> type[Stage]:
    from ..tiny.diffusion import DiffusionStage

    return DiffusionStage


def _stage1() -> type[Stage]:
    from .stage1 import Stage1

    return Stage1


def _stage2() -> type[Stage]:
    from .stage2 import Stage2

    return Stage2


def _judge() -> type[Stage]:
    from ..tiny.judge import JudgeStage

    return JudgeStage


# In the order in which they are trained. The configuration has a group of each one's name.
STAGES: dict[str, Entry] = {
    "vae": Entry(_vae),
    "language": Entry(_language),
    "diffusion": Entry(_diffusion),
    "stage1": Entry(_stage1, of_base=True),
    "stage2": Entry(_stage2, of_base=True),
    "judge": Entry(_judge),
}
DATA = "data"  # renders the images, before anything is trained


# The command ----------------------------------------------------------------------------------------------------------


def main(
    arguments: list[str],
    more: Mapping[str, Entry] | None = None,
    kind: type[TrainConfig] = TrainConfig,
    command: str = RUN,
) -> None:
    """The command. more: stages that run when they are asked for by name, with their keys in `kind`."""
    if not arguments or {"-h", "--help"} & set(arguments):
        print(_help({**STAGES, **(more or {})}))
        return
    if "--keys" in arguments:
        print("\n".join(key_lines(kind())))
        return
    config, stages = parse_arguments(arguments, more, kind)
    check_recipe(config)

    # torch and accelerate take seconds to import: a mistyped key should not wait for them.
    from .engine import make_accelerator, train_stage

    accelerator = make_accelerator(config)
    run = config.folder
    if accelerator.is_main_process:
        run.mkdir(parents=True, exist_ok=True)
        seed_model(config, run / "model")
        save_config(config, run / "config.yaml")
    accelerator.wait_for_everyone()
    for name in stages:
        if name == DATA:
            if accelerator.is_main_process:
                from .data_stage import prepare_data

                prepare_data(config, run, accelerator.device)
            accelerator.wait_for_everyone()
        else:
            stage = {**STAGES, **(more or {})}[name].load()
            train_stage(stage, config, accelerator, resume=f"{command} {shlex.join(arguments)}")


def parse_arguments(
    arguments: list[str], more: Mapping[str, Entry] | None = None, kind: type[TrainConfig] = TrainConfig
) -> tuple[TrainConfig, tuple[str, ...]]:
    """Return the configuration and the stages to run, from `PRESET [key=value ...]`."""
    if not arguments or "=" in arguments[0]:
        raise InputError(f"the first argument must be a preset ({', '.join(preset_names())}) or a YAML file.")
    overrides: dict[str, str] = {}
    for argument in arguments[1:]:
        key, equals, value = argument.partition("=")
        if not equals:
            raise InputError(f"argument {argument!r} is not of the form key=value.")
        overrides[key.lstrip("-")] = value
    asked = overrides.pop("stage", "all")
    known = (DATA, *STAGES, *(more or ()), "all")
    if asked not in known:
        if said := say_successor(asked):
            raise InputError(f"stage {asked!r} {said}.")
        raise InputError(f"unknown stage {asked!r}{suggest(asked, known)}: it must be one of {', '.join(known)}.")
    config = load_config(arguments[0], overrides, kind)
    return config, _stages(config, asked, {**STAGES, **(more or {})})


def _stages(config: TrainConfig, asked: str, known: Mapping[str, Entry]) -> tuple[str, ...]:
    """The stages to run; with a base, those that add depth to it."""
    if config.base is None:
        return (DATA, *STAGES) if asked == "all" else (asked,)
    data = () if config.data.records else (DATA,)
    if asked == "all":
        return (*data, *(name for name, entry in STAGES.items() if entry.of_base))
    of_base = (*data, *(name for name, entry in known.items() if entry.of_base))
    if asked not in of_base:
        raise InputError(f"stage = {asked} is not one of a run with a base: expected {', '.join(of_base)} or all.")
    return (asked,)


def seed_model(config: TrainConfig, model: Path) -> None:
    # It imports torch.
    from ..model.model import FILE_NAME

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


def _help(stages: Mapping[str, Entry]) -> str:
    return "\n".join(
        [
            __doc__,
            f"PRESET  one of {', '.join(preset_names())}, or a YAML file (such as the config.yaml of a run)",
            f"STAGE   one of {', '.join((DATA, *stages))}; all (the default)",
            "--keys  prints every key with its default and what it means",
        ]
    )


if __name__ == "__main__":
    run_command(main)
