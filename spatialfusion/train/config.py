"""The training configuration: dataclasses <- a YAML preset <- `key=value` overrides, every value checked by its type.

A preset holds what differs from the defaults below. The whole configuration is saved in the run folder, and a saved one
is itself a preset. `python -m spatialfusion.train --keys` prints every key with its comment from here. Numbers that
nobody has had a reason to change are class variables, and not keys.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, overload

import torch
import yaml

from ..errors import InputError, suggest
from ..files import atomic_file
from ..needed import needed
from .former_keys import say_successor
from .values import convert, field_types, read_yaml

PRESETS = Path(__file__).parent / "presets"
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass
class MixConfig:
    """Which samples are drawn, and what their captions say, in stages that learn from captions; see samples.py."""

    caption_dropout: float = 0.1  # share of prompts that are left out; a source image stays
    source_dropout: float = 0.0  # share of edits that are shown as text to image, with the caption and no source
    # The keys below are for rendered scenes.
    full_fraction: float = 0.0  # share of captions that describe everything
    plain_fraction: float = 0.25  # share of captions that say nothing about space
    egocentric_fraction: float = 0.0  # share of captions that say left, right, nearer or farther
    pose_fraction: float = 0.0  # share of captions that say which way an object is turned
    # Share of the prompts of stages 1 and 2 behind which the scene in numbers stands, as if the LLM had answered it.
    answer_fraction: float = 0.0


@dataclass
class DataConfig:
    # Labelled folders (spatialfusion.label) that stages 1 and 2 train on, as FOLDER or FOLDER:WEIGHT. A weight is how
    # often an epoch shows each record. Without folders, the stages train on rendered scenes.
    records: list[str] = field(default_factory=list)
    validation_records: list[str] = field(default_factory=list)  # held out; without any, there is no validation loss
    side: int | None = None  # records are cut to shapes of about side x side pixels; none: all are cut to `size`
    folder: str | None = None  # where the rendered scenes are; none: data/ in the run folder
    train_scenes: int = 12800  # images to render
    validation_scenes: int = 64  # images that are held out
    edit_fraction: float = 0.25  # share of training scenes that get an edited twin
    size: tuple[int, int] = (128, 128)  # width, height in pixels
    mix: MixConfig = field(default_factory=MixConfig)


@dataclass
class VaeConfig:
    """Sizes of the run's own autoencoder, in the latent format of Qwen-Image."""

    base_dim: int = 16  # channels at the image's own size
    num_res_blocks: int = 1  # residual blocks of each level
    # The published format: 16 channels, a cell for each 8 x 8 pixels.
    z_dim: ClassVar[int] = 16
    dim_mult: ClassVar[tuple[int, ...]] = (1, 2, 4, 4)


@dataclass
class LanguageConfig:
    """Sizes of the run's own multimodal LLM, a Qwen2.5-VL."""

    hidden_size: int = 192
    layers: int = 4
    heads: int = 3
    kv_heads: int = 3
    mlp_size: int = 512
    vocabulary: int = 1024  # entries of the tokenizer; another world has other words
    vision_hidden_size: int = 128
    vision_depth: int = 4
    vision_patch: ClassVar[int] = 16
    # Qwen2.5-VL's 1e6 is for long texts: over a few dozen positions most of its frequencies would not turn.
    rope_theta: ClassVar[float] = 100.0


@dataclass
class DiffusionConfig:
    """Sizes of the run's own diffusion model, a Qwen-Image."""

    layers: int = 6
    heads: int = 3
    head_dim: ClassVar[int] = 64
    axes: ClassVar[tuple[int, ...]] = (8, 28, 28)  # rotary channels of frame, row, column


@dataclass
class SpatialConfig:
    """Sizes of the spatial side. Those of the multimodal LLM and of the latent are read from the base."""

    hidden_size: int = 192
    # Layers of the spatial transformer; none: as backbones/published.py has it for the base, else 4.
    layers: int | None = None
    # Which layers of the LLM are read: spread over all, the first, the last, or none; see config.sample_layers.
    llm_layers: Literal["uniform", "shallow", "deep", "none"] = "uniform"
    heads: int = 3
    state: int = 64  # side of the depth state, in cells
    patch: int = 8  # side of a patch of the state
    head_features: int = 32
    head_channels: list[int] = field(default_factory=lambda: [24, 32, 64, 64])
    # A folder of DINOv2 weights, or their name on the Hub. The source encoder takes its weights and sizes from there.
    dinov2: str | None = None
    source_hidden: int = 192
    source_layers: int = 4
    source_heads: int = 6
    adapter_hidden: int = 64


@dataclass
class JudgeConfig:
    """Sizes of the scene judge."""

    width: int = 48  # channels at a quarter of the image's size
    layers: int = 3


@dataclass
class ModelConfig:
    vae: VaeConfig = field(default_factory=VaeConfig)
    language: LanguageConfig = field(default_factory=LanguageConfig)
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    spatial: SpatialConfig = field(default_factory=SpatialConfig)
    judge: JudgeConfig = field(default_factory=JudgeConfig)


@dataclass
class StageConfig:
    """What every stage has. If a loss is a mean over tokens, of which the parts of a batch have different numbers, the
    mean over the parts differs slightly from that over the whole batch."""

    steps: int = 4000
    batch: int = 64  # samples of one optimiser step, over all processes
    accumulate: int = 1  # in how many parts a batch goes through the network, to save memory
    muon_lr: float = 0.02  # learning rate of the matrices inside blocks
    adamw_lr: float = 2e-3  # learning rate of everything else
    warmup: int = 100  # steps of rising learning rate; a cosine follows
    ema: float = 0.999  # decay of the average of the weights, which is exported; 0: no average
    floor: ClassVar[float] = 0.05  # the cosine ends at this fraction of the learning rate


@dataclass
class VaeStageConfig(StageConfig):
    batch: int = 32
    # Side of the crops in pixels. Small crops show more scenes a second. The last steps are on whole images.
    crop: int = 64


@dataclass
class LanguageStageConfig(StageConfig):
    steps: int = 2000


@dataclass
class DiffusionStageConfig(StageConfig):
    edit_fraction: float = 0.25  # share of edits in every part of a batch
    depth_fraction: float = 0.6  # share of samples that are given exact depth
    region_fraction: float = 0.5  # of these, share that are told where each object is; 0: the adapter cannot read it
    layout_weight: float = 0.0  # weight of telling the objects' kinds and colours, cell by cell; 0: not done
    high_noise_fraction: float = 0.0  # share of noise levels near pure noise, where only captions tell the layout
    object_weight: float = 1.0  # weight of the error where an object is seen; elsewhere it is 1


@dataclass
class SpatialStageConfig(StageConfig):
    terminal_fraction: float = 0.15  # share of draws at exactly t = 1
    time_shift: float = 0.9  # the other times are sigmoid(normal + time_shift): above 0 leans to high noise
    # Noise on the LLM's keys and values, relative to a channel's size. It prepares for an LLM in 8 bits; see
    # docs/backbones.md.
    kv_noise: float = 0.0
    layout_weight: float = 0.0  # weight of telling the objects' kinds and colours, cell by cell; 0: not done
    change_weight: float = 1.0  # weight of the depth error where an edit changes depth; elsewhere it is 1
    # Weight of telling the depth of source images from the source encoder alone; 0: not done. DINOv2 needs none.
    source_weight: float = 0.0
    validity_weight: ClassVar[float] = 0.3
    fov_weight: ClassVar[float] = 0.1
    detail_weight: ClassVar[float] = 1.0


@dataclass
class Stage2Config(SpatialStageConfig):
    steps: int = 3000
    depth_weight: float = 0.5  # L = L_diff + depth_weight * L_depth; 0.5 is the paper's
    depth_dropout: float = 0.15  # share of samples that are drawn without depth
    # With N, one sample in N trains the depth branch, and its estimated depth goes to the adapter. The other samples
    # give the adapter the teacher's depth. The depth branch is about half of a step's cost.
    depth_every: int = 1
    # How depth enters: added to the latent, concatenated to it, or not at all. The depth branch is trained in any case.
    injection: Literal["add", "concat", "none"] = "add"
    lora_rank: int | None = None  # none: as backbones/published.py has it for the base, else 12
    # What is trained of the diffusion model: a LoRA, or all of it, if it is the run's own.
    dit: Literal["lora", "full"] = "lora"
    image_layout_weight: float = 0.0  # as layout_weight, for the diffusion model
    image_object_weight: float = 1.0  # weight of the image's error where an object is seen; elsewhere it is 1
    high_noise_fraction: float = 0.0  # share of the image's noise levels near pure noise


@dataclass
class JudgeStageConfig(StageConfig):
    steps: int = 3000
    restored: int = 8192  # number of images that are also shown after the autoencoder; they take memory
    twins: int = 1024  # images with two objects of one name, rendered in addition


@dataclass
class TrainConfig:
    run: str | None = None  # the run folder; none: runs/<preset>
    seed: int = 0  # of initial weights, noise and the order of the samples
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"  # auto: a GPU if there is one
    precision: Literal["fp32", "bf16"] = "bf16"  # bf16 is autocast: the weights stay fp32
    compile: bool = False  # compile the networks of vae, language, diffusion and judge: minutes at first, then faster
    threads: int = 0  # torch's threads; 0: as torch decides. Fewer are better where other programs use the cores
    checkpointing: bool = False  # compute the blocks' activations again in the backward pass instead of keeping them
    shard: int = 1  # processes that share one copy of the frozen networks (FSDP2); 1: each holds them whole
    frozen_precision: Literal["fp32", "bf16"] = "fp32"  # precision in which frozen networks are held
    peak_tflops: float = 0.0  # peak of one card, for the MFU; 0: looked up by the card's name
    checkpoint_every: int = 500  # steps between checkpoints; 0: at the end only
    validate_every: int = 500  # steps between validations; 0: at the end only
    log_every: int = 20  # steps between lines of the log
    weight_decay: float = 0.0  # of both optimisers; helps with few images, which are soon known by heart
    clip: float = 1.0  # largest gradient norm; 0: gradients are not clipped
    init: str | None = None  # model folder that run/model starts from; with a base, a SpatialFusion checkpoint
    # A published model that stages 1 and 2 add depth to: a folder, its name on the Hub, or one of qwen-image,
    # qwen-image-edit, qwen-image-2.1, omnigen2 and z-image. The model is not changed or copied: run/model gets the
    # SpatialFusion checkpoint alone.
    base: str | None = None
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    vae: VaeStageConfig = field(default_factory=VaeStageConfig)
    language: LanguageStageConfig = field(default_factory=LanguageStageConfig)
    diffusion: DiffusionStageConfig = field(default_factory=DiffusionStageConfig)
    stage1: SpatialStageConfig = field(default_factory=SpatialStageConfig)
    stage2: Stage2Config = field(default_factory=Stage2Config)
    judge: JudgeStageConfig = field(default_factory=JudgeStageConfig)

    @property
    def folder(self) -> Path:
        """The run folder, which `load_config` has chosen where no key names it."""
        return Path(needed(self.run))


Config = TypeVar("Config", bound=TrainConfig)


@overload
def load_config(preset: str | Path, overrides: dict[str, str] | None = None) -> TrainConfig: ...


@overload
def load_config(preset: str | Path, overrides: dict[str, str] | None, kind: type[Config]) -> Config: ...


def load_config(
    preset: str | Path, overrides: dict[str, str] | None = None, kind: type[TrainConfig] = TrainConfig
) -> TrainConfig:
    """Read a preset (a name in train/presets or the path of a YAML file); apply overrides like {"vae.steps": "100"}."""
    path = _preset_path(preset)
    config = kind()
    values = read_yaml(path, "preset")
    _update(config, {} if values is None else values, config)
    for key, value in (overrides or {}).items():
        _set(config, key, value)
    if config.run is None:
        config.run = str(Path("runs") / path.stem)
    _check(config)
    return config


def save_config(config: TrainConfig, path: Path) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(yaml.safe_dump(to_plain(config), sort_keys=False), encoding="utf-8")


def check_recipe(config: TrainConfig) -> None:
    """Raise InputError if the run folder was made by another recipe: with keys that there are not, or another base."""
    path = config.folder / "config.yaml"
    if not path.is_file():
        return
    saved = _flat(read_yaml(path, "preset"))
    known = dict(flat_keys(config))
    difference = next((f"the key {key}" for key in saved if key not in known), None)
    if difference is None and saved.get("base") != config.base:
        difference = f"base {saved.get('base') or 'none'} and not {config.base or 'none'}"
    if difference is not None:
        raise InputError(
            f"run = {config.run!r} holds a run of another recipe ({path} has {difference}): expected another folder."
        )


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(values, dict):
        return {prefix.rstrip("."): values} if prefix else {}
    return {key: value for name, part in values.items() for key, value in _flat(part, f"{prefix}{name}.").items()}


def stage_configs(config: TrainConfig) -> dict[str, StageConfig]:
    """The stages' own parts of a configuration, by the stages' names."""
    parts = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    return {name: part for name, part in parts.items() if isinstance(part, StageConfig)}


def to_plain(value: Any) -> Any:
    """Turn a configuration into dicts, lists, strings and numbers, as YAML and JSON store them."""
    if dataclasses.is_dataclass(value):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return [to_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def preset_names() -> list[str]:
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def flat_keys(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every key with its value, such as ("vae.steps", 4000)."""
    for f in dataclasses.fields(config):
        value = getattr(config, f.name)
        if dataclasses.is_dataclass(value):
            yield from flat_keys(value, f"{prefix}{f.name}.")
        else:
            yield prefix + f.name, value


def _preset_path(preset: str | Path) -> Path:
    names = preset_names()
    if str(preset) in names:
        return PRESETS / f"{preset}.yaml"
    path = Path(preset)
    if path.is_file():
        return path
    if said := say_successor(str(preset)):
        raise InputError(f"preset {str(preset)!r} {said}.")
    hint = suggest(str(preset), names)
    raise InputError(f"unknown preset {str(preset)!r}{hint}: it must be one of {', '.join(names)}, or a YAML file.")


def _update(config: Any, values: Any, root: TrainConfig, prefix: str = "") -> None:
    if not isinstance(values, dict):
        where = f"key {prefix.rstrip('.')!r}" if prefix else "a preset"
        raise InputError(f"{where} must be a mapping of keys to values, not {values!r}.")
    kinds = field_types(type(config))
    for name, value in values.items():
        if name not in kinds:
            raise _unknown_key(f"{prefix}{name}", root)
        if dataclasses.is_dataclass(kinds[name]):
            _update(getattr(config, name), value, root, f"{prefix}{name}.")
        else:
            setattr(config, name, convert(value, kinds[name], f"{prefix}{name}"))


def _set(config: TrainConfig, key: str, value: str) -> None:
    owner: Any = config
    *parents, name = key.split(".")
    for parent in parents:
        owner = getattr(owner, parent, None)
        if not dataclasses.is_dataclass(owner):
            raise _unknown_key(key, config)
    kinds = field_types(type(owner))
    if name not in kinds:
        raise _unknown_key(key, config)
    if dataclasses.is_dataclass(kinds[name]):
        example, _ = next(flat_keys(getattr(owner, name)))
        raise InputError(f"key {key!r} is a group: set one of its keys, such as {key}.{example}.")
    setattr(owner, name, convert(value, kinds[name], key))


def _unknown_key(key: str, root: TrainConfig) -> InputError:
    if said := say_successor(key, [f.name for f in dataclasses.fields(root)]):
        return InputError(f"key {key!r} {said}.")
    known = [name for name, _ in flat_keys(root)]
    return InputError(f"unknown key {key!r}{suggest(key, [*known, 'stage'])}; --keys lists all keys.")


def weighted_folders(key: str, entries: list[str]) -> list[tuple[Path, float]]:
    """(folder, weight) of entries such as "data/photos" and "data/scenes:0.5"."""
    folders = []
    for entry in entries:
        folder, colon, text = entry.rpartition(":")
        try:
            weight = float(text) if colon else 1.0
        except ValueError:  # a colon in the folder's name
            folder, weight = "", 1.0
        if not 0 < weight < math.inf:
            raise InputError(f"{key}: the weight in {entry!r} must be a positive number, such as 0.5.")
        folders.append((Path(folder or entry), weight))
    return folders


def _check(config: TrainConfig) -> None:
    for key in ("records", "validation_records"):
        weighted_folders(f"data.{key}", getattr(config.data, key))
    if config.data.side is not None and config.data.side < 16:
        raise InputError(f"data.side = {config.data.side} must be at least 16.")
    if config.base is not None and config.stage2.dit == "full":
        raise InputError("stage2.dit = full must be lora with a base, which stays as it is.")
    for name, stage in stage_configs(config).items():
        for key in ("batch", "accumulate"):
            if getattr(stage, key) < 1:
                raise InputError(f"{name}.{key} = {getattr(stage, key)} must be at least 1.")
        for f in dataclasses.fields(StageConfig):
            if getattr(stage, f.name) < 0:
                raise InputError(f"{name}.{f.name} = {getattr(stage, f.name)} must not be negative.")
        if stage.ema >= 1:
            raise InputError(f"{name}.ema = {stage.ema} must be below 1.")
        if isinstance(stage, Stage2Config) and stage.depth_every < 1:
            raise InputError(f"{name}.depth_every = {stage.depth_every} must be at least 1.")
        if isinstance(stage, SpatialStageConfig) and stage.kv_noise < 0:
            raise InputError(f"{name}.kv_noise = {stage.kv_noise} must not be negative.")
        if stage.batch % stage.accumulate:
            raise InputError(f"{name}.batch = {stage.batch} must be a multiple of accumulate = {stage.accumulate}.")
    for key in ("checkpoint_every", "validate_every", "weight_decay", "clip", "peak_tflops"):
        if getattr(config, key) < 0:
            raise InputError(f"{key} = {getattr(config, key)} must not be negative.")
    if config.log_every < 1:
        raise InputError(f"log_every = {config.log_every} must be at least 1.")
    if config.shard < 1:
        raise InputError(f"shard = {config.shard} must be at least 1.")
    if config.shard > 1 and config.precision != config.frozen_precision:
        # Autocast would make whole copies of the shards, and the backward pass would keep them.
        raise InputError(f"shard = {config.shard} needs frozen_precision = precision = {config.precision}.")
    if config.frozen_precision == "bf16" and config.precision == "fp32":
        raise InputError("frozen_precision = bf16 needs precision = bf16.")
    if min(config.data.size) < 1 or config.data.train_scenes < 1:
        raise InputError("data.size and data.train_scenes must be positive.")
    if any(side % 16 for side in config.data.size):
        raise InputError(f"data.size = {list(config.data.size)} must be multiples of 16, the side of a latent's patch.")
    if config.vae.crop < 8 or config.vae.crop % 8:
        raise InputError(f"vae.crop = {config.vae.crop} must be a positive multiple of 8, the side of a latent's cell.")
