"""SpatialFusionModel: spatial transformer, source encoder, depth head and depth adapter, in one safetensors file."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..devices import usable_dtype
from ..errors import InputError, short
from ..files import atomic_file, could_be_safetensors, set_default_modes, temporary_folder
from ..geometry.geometry import Geometry
from ..hub import HUB_OPTIONS, find_folder
from ..images import imagenet_normalised
from .config import SpatialFusionConfig
from .context import SemanticContext
from .depth_adapter import DepthAdapter
from .depth_head import DepthHead, block_average
from .flow import add_noise, draw_noise, sample
from .spatial_transformer import SpatialTransformer
from .state import geometry_to_state, restore_fov, standardise_fov, state_to_geometry

FORMAT = "spatialfusion"
FILE_NAME = "spatialfusion.safetensors"
CONFIG_NAME = "config.json"
_CONFIG_BYTES = 2**16  # more than any configuration has
IMAGE_SIDE = ("model.adapter.", "backbone.")  # tensors of a checkpoint that bring depth into the image


class SpatialFusionModel(nn.Module):
    """Everything that SpatialFusion adds to a multimodal LLM and a diffusion model.

    `backbone_tensors` are the learned changes of the diffusion model (projection delta and LoRA) by name; empty until
    stage 2 was trained. They belong to the checkpoint, and `backbones/` applies them.
    """

    def __init__(self, config: SpatialFusionConfig):
        from transformers import Dinov2Config, Dinov2Model

        super().__init__()
        self.config = config
        self.source_encoder = Dinov2Model(Dinov2Config(**config.source_encoder))
        self.spatial_transformer = SpatialTransformer(config, self.source_encoder.config.hidden_size)
        self.depth_head = DepthHead(config)
        self.adapter = DepthAdapter(config)
        self.backbone_tensors: dict[str, Tensor] = {}

    @property
    def device(self) -> torch.device:
        return self.depth_head.fov.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.depth_head.fov.weight.dtype

    def state_shape(self, height: int, width: int) -> tuple[int, int]:
        """(h, w) of the depth state for an image of height x width pixels."""
        rows, columns = self.config.grid(height, width)
        return rows * self.config.patch_size, columns * self.config.patch_size

    def detail_factor(self, height: int, width: int) -> int:
        """The factor, 1 to 4, by which depth is drawn larger than its state.

        Depth is drawn at least as large as the image, and then only has to shrink, unless that takes more than 4, for
        which the head was not made.
        """
        return min(4, max(1, -(-max(height, width) // max(self.state_shape(height, width)))))

    def clean_state(self, geometry: Geometry) -> tuple[Tensor, Tensor]:
        """The state [B, 2, h, w] and standardised field of view [B] that the flow ends with where depth is this."""
        size = geometry.height, geometry.width
        (rows, columns), factor = self.state_shape(*size), self.detail_factor(*size)
        # As in training, depth is stretched where the cells of the state are not squares of pixels.
        y, u = geometry_to_state(geometry.resize(factor * rows, factor * columns), self.config)
        return block_average(y, factor), standardise_fov(u, self.config)

    def encode_source(self, images: Tensor) -> Tensor:
        """DINOv2 patch features [B, C, rows, columns] of source images [B, 3, H, W] in [0, 1]."""
        patch: Any = self.source_encoder.config.patch_size
        rows, columns = self.config.grid(*images.shape[-2:])
        images = F.interpolate(images, (rows * patch, columns * patch), mode="bilinear", antialias=True)
        tokens = self.source_encoder(imagenet_normalised(images).to(self.dtype)).last_hidden_state[:, 1:]
        return tokens.transpose(1, 2).unflatten(2, (rows, columns))

    def denoise(
        self, state: Tensor, fov: Tensor, t: Tensor, context: SemanticContext, source: Tensor | None, has_source: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One estimate of the clean state; see SpatialTransformer.forward for shapes.

        Returns:
            x0 [B, 2, h, w], standardised field of view [B], features for `depth_head.refine`.
        """
        grids, fov_token = self.spatial_transformer(state, fov, t, context, source, has_source)
        return self.depth_head(grids, fov_token, state.shape[-2:])

    @torch.no_grad()
    def predict_geometry(
        self,
        context: SemanticContext,
        size: tuple[int, int],
        generators: list[torch.Generator],
        null_context: SemanticContext | None = None,
        source: Tensor | None = None,
        steps: int = 16,
        guidance: float = 1.0,
        callback: Callable[[int, Geometry], None] | None = None,
        start: tuple[Geometry, float] | None = None,
    ) -> Geometry:
        """Draw the metric depth of images that do not exist yet.

        Args:
            context: what the LLM understood of B prompts.
            size: (height, width) of the images in pixels; the geometry has the same.
            generators: one CPU generator per sample.
            null_context: of the empty prompt, B times; needed when guidance is not 1.
            source: images to edit [B, 3, H, W] in [0, 1], or None.
            steps: Euler steps; 1 gives the conditional mean.
            guidance: classifier-free guidance on the context; 1 is none.
            callback: called after each step with its index and the depth as far as it is known, on the flow's own grid,
                which is coarser than the images.
            start: depth of this size to begin with, one for each sample, and the time t in (0, 1] of the flow to which
                it is noised: 1 is noise alone, near 0 the depth hardly changes.
        """
        if steps < 1:
            raise InputError(f"depth steps is {steps}, but at least 1 is needed.")
        begin = 1.0 if start is None else start[1]
        if not 0 < begin <= 1:
            raise InputError(f"the flow of depth starts at t = {begin:g}: expected more than 0 and at most 1.")
        if start is not None and (len(start[0]), start[0].height, start[0].width) != (len(generators), *size):
            raise InputError(
                f"the depth to start from is {len(start[0])} images of {start[0].width}x{start[0].height} pixels: "
                f"expected {len(generators)} of {size[1]}x{size[0]}."
            )
        batch = len(generators)
        state_size = self.state_shape(*size)
        features = None if source is None else self.encode_source(source.to(self.device))
        has_source = torch.full((batch,), source is not None, device=self.device)

        def denoise(state: Tensor, fov: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            inputs = state.to(self.dtype), fov.to(self.dtype), t
            x0, u0, maps = self.denoise(*inputs, context, features, has_source)
            if guidance != 1.0 and null_context is not None:
                x0_null, u0_null, _ = self.denoise(*inputs, null_context, features, has_source)
                x0, u0 = (null + guidance * (full - null) for full, null in ((x0, x0_null), (u0, u0_null)))
            return x0.float(), u0.float(), maps

        state, fov = (noise.to(self.device) for noise in draw_noise(generators, state_size))
        if start is not None and begin < 1:
            t = torch.full((batch,), begin, device=self.device)
            clean = self.clean_state(start[0].to(self.device))
            state, fov = (add_noise(c, noise, t) for c, noise in zip(clean, (state, fov)))

        def after_step(step: int, state: Tensor, fov: Tensor) -> None:
            if callback is not None:
                callback(step, state_to_geometry(state, restore_fov(fov, self.config), self.config))

        state, fov, maps = sample(denoise, (state, fov), steps, after_step, begin)
        maps = maps.float() if self.dtype == torch.float32 else maps
        y = self.depth_head.refine(state, maps, self.detail_factor(*size))
        geometry = state_to_geometry(y.float(), restore_fov(fov, self.config), self.config)
        if y.shape[-2:] == tuple(size):
            return geometry
        geometry = geometry.resize(*size)
        # The state's grid has the aspect ratio of the image only nearly, and the image's pixels are square.
        intrinsics = geometry.intrinsics.clone()
        intrinsics[:, 1, 1] = intrinsics[:, 0, 0] * (size[1] / size[0])
        return dataclasses.replace(geometry, intrinsics=intrinsics)

    def save(self, path: str | os.PathLike, dtype: torch.dtype | None = None, only_image_side: bool = False) -> None:
        """Write weights, backbone tensors and configuration to one safetensors file, whole or not at all.

        only_image_side: the depth adapter and the backbone tensors alone, for `take_image_side`.
        """
        tensors = {f"model.{k}": v for k, v in self.state_dict().items()}
        tensors |= {f"backbone.{k}": v for k, v in self.backbone_tensors.items()}
        if only_image_side:
            tensors = {k: v for k, v in tensors.items() if k.startswith(IMAGE_SIDE)}
        tensors = {
            k: (v.to(dtype) if dtype is not None and v.is_floating_point() else v).detach().cpu().contiguous()
            for k, v in tensors.items()
        }
        metadata = {"format": FORMAT, "config": self.config.to_json()}
        with atomic_file(path) as temporary:
            save_file(tensors, temporary, metadata)

    def save_pretrained(self, save_directory: str | os.PathLike) -> None:
        """Write spatialfusion.safetensors, and its configuration as config.json beside it, into a folder.

        Both are written beside the folder first, so that a full disk leaves older ones in it as they were.
        """
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        with temporary_folder(folder) as temporary:
            self.save(temporary / FILE_NAME)
            config = {"_class_name": type(self).__name__, **json.loads(self.config.to_json())}
            (temporary / CONFIG_NAME).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
            set_default_modes(temporary)
            for name in (FILE_NAME, CONFIG_NAME):
                os.replace(temporary / name, folder / name)

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike,
        *,
        dtype: torch.dtype | str = torch.float32,
        **hub_options: Any,
    ) -> SpatialFusionModel:
        """Load what `save_pretrained` wrote, or the spatial part of a pipeline's folder, or either from the Hub.

        A folder never touches the network. From the Hub, spatialfusion.safetensors and config.json alone are fetched.

        Args:
            dtype: of the weights, or its name.
            hub_options: cache_dir, force_download, local_files_only, revision, token; see huggingface_hub.

        Raises:
            InputError: as `load`, and when config.json says otherwise than the weights.
        """
        if strange := hub_options.keys() - set(HUB_OPTIONS):
            raise InputError(f"there is no option {min(strange)}: expected dtype, {', '.join(HUB_OPTIONS)}.")
        dtype = usable_dtype(dtype)
        folder = find_folder(pretrained_model_name_or_path, FILE_NAME, [FILE_NAME, CONFIG_NAME], **hub_options)
        if (folder / CONFIG_NAME).is_file():
            _check_config_file(folder / CONFIG_NAME, read_config(folder / FILE_NAME))
        return cls.load(folder, dtype=dtype)

    def take_image_side(self, path: str | os.PathLike) -> None:
        """Take depth adapter, injection and changes of the diffusion model from another checkpoint.

        How depth is planned stays, so that what was trained to draw from depth can be compared with the same depth.

        Args:
            path: the file of a checkpoint, or what `save(only_image_side=True)` wrote.

        Raises:
            InputError: when it is not such a file, or is for another backbone or other sizes.
        """
        config, tensors = read_checkpoint(path)
        for name in ("backbone", "latent_channels", "latent_stride", "adapter_hidden", "region_width"):
            own, other = getattr(self.config, name), getattr(config, name)
            if own != other:
                raise InputError(f"{path} has {name} {other}, but the model has {own}: expected the same.")
        adapter = {k.removeprefix(IMAGE_SIDE[0]): v for k, v in tensors.items() if k.startswith(IMAGE_SIDE[0])}
        missing = set(self.adapter.state_dict()) - set(adapter)
        if missing:
            raise InputError(f"{path} has no {IMAGE_SIDE[0]}{min(missing)}: expected a whole depth adapter.")
        self.adapter.load_state_dict({k: v.to(self.device, self.dtype) for k, v in adapter.items()})
        taken = ("injection", "projection_shape", "lora_rank")
        self.config = dataclasses.replace(self.config, **{name: getattr(config, name) for name in taken})
        self.adapter.config = self.config  # which says whether it is injected at all
        self.backbone_tensors = {
            k.removeprefix("backbone."): v.to(self.device, self.dtype)
            for k, v in tensors.items()
            if k.startswith("backbone.")
        }

    @classmethod
    def load(
        cls, path: str | os.PathLike, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> SpatialFusionModel:
        """Read what `save` wrote (a file, or a folder that holds spatialfusion.safetensors).

        Raises:
            InputError: when the file is missing, truncated, not safetensors, or of another architecture.
        """
        path = Path(path)
        if path.is_dir():
            path = path / FILE_NAME
        with _opened(path) as (file, config):
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}
            _check_backbone_tensors(path, config, shapes)
            model = _empty(cls, path, config)
            wanted = {f"model.{name}": tuple(tensor.shape) for name, tensor in model.state_dict().items()}
            found = {name for name in shapes if name.startswith("model.")}
            missing, unexpected = wanted.keys() - found, found - wanted.keys()
            wrong = [name for name in wanted.keys() & found if wanted[name] != shapes[name]]
            if missing or unexpected or wrong:
                example = sorted(missing or unexpected or wrong)[0]
                raise InputError(
                    f"{path} does not fit its own configuration: {len(missing)} tensors missing, {len(unexpected)} "
                    f"unexpected, {len(wrong)} of another shape (first: {example}); it needs to be saved again."
                )
            tensors = _read_tensors(path, file)
        model.load_state_dict({name.removeprefix("model."): tensors[name] for name in wanted}, assign=True)
        model.backbone_tensors = {
            k.removeprefix("backbone."): v for k, v in tensors.items() if k.startswith("backbone.")
        }
        return model.to(device=device, dtype=dtype).requires_grad_(False).eval()


def _check_config_file(path: Path, config: SpatialFusionConfig) -> None:
    """Raise InputError unless config.json says what the weights beside it do: there it can be read, and not changed."""
    try:
        if path.stat().st_size > _CONFIG_BYTES:
            raise ValueError
        said = json.loads(path.read_text(encoding="utf-8"))
        values = {name: value for name, value in said.items() if not name.startswith("_")}
    except (OSError, ValueError, AttributeError, RecursionError):
        raise InputError(f"{path} is damaged: expected the file that save_pretrained writes.") from None
    stored = json.loads(config.to_json())
    for name in sorted(stored.keys() | values.keys()):
        if name not in values or name not in stored or values[name] != stored[name]:
            raise InputError(
                f"{path} says {name} {short(values.get(name))}, but {FILE_NAME} beside it {short(stored.get(name))}: "
                "save the model again."
            )


def read_config(path: str | os.PathLike) -> SpatialFusionConfig:
    """The configuration alone of a SpatialFusion safetensors file; errors are those of `read_checkpoint`."""
    with _opened(Path(path)) as (_, config):
        return config


def read_checkpoint(path: str | os.PathLike) -> tuple[SpatialFusionConfig, dict[str, Tensor]]:
    """Configuration and tensors of a SpatialFusion safetensors file, or an InputError that says what it is instead.

    What a configuration may ask for is bounded, and no tensor has a value that is not a number.
    """
    path = Path(path)
    with _opened(path) as (file, config):
        _check_backbone_tensors(path, config, {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()})
        return config, _read_tensors(path, file)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, SpatialFusionConfig]]:
    """The open file and its configuration; nothing else is read yet."""
    if not path.is_file():
        raise InputError(f"{path} does not exist; a SpatialFusion checkpoint is a file named {FILE_NAME}.")
    with path.open("rb") as file:
        head = file.read(8)
    if not could_be_safetensors(head) and head.startswith((b"PK", b"\x80")):
        raise InputError(f"{path} is a pickle, which is never loaded; convert it to safetensors.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                first = next(iter(file.keys()), "no tensor")
                raise InputError(
                    f"{path} is not a SpatialFusion checkpoint (its first tensor is {first!r} and its metadata has no "
                    f"format={FORMAT!r})."
                )
            try:
                config = SpatialFusionConfig.from_json(metadata["config"])
            except InputError as error:
                raise InputError(f"{path}: {error}") from None
            yield file, config
    except (SafetensorError, json.JSONDecodeError, RecursionError, KeyError) as error:
        raise InputError(f"{path} is truncated or not a safetensors file ({error}); fetch or save it again.") from None


def _empty(kind: type[SpatialFusionModel], path: Path, config: SpatialFusionConfig) -> SpatialFusionModel:
    """The network of a configuration, without memory for its weights."""
    try:
        with torch.device("meta"):
            return kind(config)
    except Exception as error:  # whatever a layer raises for sizes that do not go together
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} has a configuration that makes no network ({reason}); save it again.") from None


def _check_backbone_tensors(path: Path, config: SpatialFusionConfig, shapes: dict[str, tuple[int, ...]]) -> None:
    """Raise InputError unless a delta is whole, and a LoRA has both matrices of each module, of the rank it says."""
    found = {k.removeprefix("backbone."): shape for k, shape in shapes.items() if k.startswith("backbone.")}
    if not found:
        return
    wanted = {name for name in ("projection.weight", "projection.bias") if any("projection." in k for k in found)}
    modules = {name.rpartition(".lora_")[0] for name in found if ".lora_" in name}
    wanted |= {f"{module}.lora_{side}.weight" for module in modules for side in "AB"}
    missing, unexpected = wanted - found.keys(), found.keys() - wanted
    if missing or unexpected:
        raise InputError(
            f"{path} lacks {len(missing)} tensors of what it changes in the diffusion model and has {len(unexpected)} "
            f"too many (first: backbone.{sorted(missing or unexpected)[0]}); fetch or save it again."
        )
    ranks = {found[f"{m}.lora_A.weight"][0] for m in modules} | {found[f"{m}.lora_B.weight"][-1] for m in modules}
    if ranks != ({config.lora_rank} if config.lora_rank else set()):
        raise InputError(
            f"{path} has a LoRA of rank {', '.join(map(str, sorted(ranks))) or 'none'}, but its configuration says "
            f"{config.lora_rank or 'none'}; fetch or save it again."
        )


def _read_tensors(path: Path, file: Any) -> dict[str, Tensor]:
    tensors = {}
    for name in file.keys():
        tensor = file.get_tensor(name)
        if not tensor.is_floating_point():
            raise InputError(f"{path} has {name} as {tensor.dtype}: expected floating-point weights.")
        # 8-bit floats have no test of their own.
        if not (tensor.float() if tensor.itemsize < 2 else tensor).isfinite().all():
            raise InputError(f"{path} has values in {name} that are not finite (NaN): fetch or save it again.")
        tensors[name] = tensor
    return tensors
