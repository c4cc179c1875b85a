"""Other ways to make an image obey depth, counted like SpatialFusion: ControlNets, and estimators to feed them.

    python -m research.alternatives [options of python -m spatialfusion.benchmark]

The ControlNets are those published for Qwen-Image. Where diffusers has the class, it is counted; the other two are
written here from their publications, for their shapes alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spatialfusion.backbones.published import Network, Preset, default_dtype
from spatialfusion.benchmark import main
from spatialfusion.cost.overhead import Cost, Row
from spatialfusion.cost.parts import Request, count_flops, count_parameters
from spatialfusion.errors import run_command

META, BF16 = "meta", torch.bfloat16

# source: config.json of InstantX/Qwen-Image-ControlNet-Union as in huggingface.co/Runware/Qwen-Image-ControlNet-Union.
# Its file has 3.54 GB, which is this class in bf16.
INSTANTX = Network(
    "diffusers",
    "QwenImageControlNetModel",
    {
        "patch_size": 2,
        "in_channels": 64,
        "out_channels": 16,
        "num_layers": 5,
        "attention_head_dim": 128,
        "num_attention_heads": 24,
        "joint_attention_dim": 3584,
        "axes_dims_rope": (16, 56, 56),
        "extra_condition_channels": 0,
    },
)

# source: config.json of apple/DepthPro-hf
DINOV2_LARGE = {"model_type": "dinov2", "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16}
_DEPTH_PRO_ENCODER = {**DINOV2_LARGE, "image_size": 384, "patch_size": 16, "use_mask_token": False}
DEPTH_PRO = Network(
    "transformers",
    "DepthProForDepthEstimation",
    {
        "use_fov_model": True,
        **{f"{part}_model_config": dict(_DEPTH_PRO_ENCODER) for part in ("image", "patch", "fov")},
    },
)
DEPTH_PRO_SIDE = 1536

# source: config.json of Depth Anything V2 large as in huggingface.co/pslime/depth-anything-v2-large-api
DEPTH_ANYTHING = Network(
    "transformers",
    "DepthAnythingForDepthEstimation",
    {
        "backbone_config": {
            **DINOV2_LARGE,
            "image_size": 518,
            "patch_size": 14,
            "out_indices": [5, 12, 18, 24],
            "reshape_hidden_states": False,
        },
        "reassemble_hidden_size": 1024,
        "neck_hidden_sizes": [256, 512, 1024, 1024],
        "fusion_hidden_size": 256,
        "head_hidden_size": 32,
        "patch_size": 14,
    },
)
DEPTH_ANYTHING_SIDE = 518


@dataclass(frozen=True)
class ControlNet:
    """Operations for an image: `once`, then in each step `prompt`, and `null` if the step is guided."""

    name: str
    parameters: int
    once: int
    prompt: int
    null: int

    def total(self, steps: int, guided: bool) -> int:
        return self.once + steps * (self.prompt + guided * self.null)


@dataclass(frozen=True)
class Estimator:
    name: str
    parameters: int
    flops: int


def alternatives(cost: Cost, steps: int, controls: Sequence[ControlNet], known: Sequence[Estimator]) -> Iterator[Row]:
    """ControlNets for a depth that is given; then such a ControlNet fed from a first image: two full runs."""
    guided = cost.guided(steps)
    for control in controls:
        yield Row(control.name, control.parameters, control.total(steps, guided))
    first = controls[0] if controls else None
    for estimator in known:
        plain = cost.plain(steps).flops
        if first is None:
            yield Row(f"first image, {estimator.name}, second image", estimator.parameters, plain + estimator.flops)
        else:
            yield Row(
                f"first image, {estimator.name}, {first.name}",
                estimator.parameters + first.parameters,
                plain + estimator.flops + first.total(steps, guided),
            )


class Published:
    """Those that are published for a preset, counted once."""

    def __init__(self) -> None:
        self.estimators: list[Estimator] = []
        self.controls: dict[str, list[ControlNet]] = {}

    def __call__(self, cost: Cost, steps: int) -> Iterator[Row]:
        name = cost.preset.name
        self.estimators = self.estimators or list(estimators())
        if name not in self.controls:
            self.controls[name] = list(controlnets(cost.preset, cost.request, cost.flops["encode"]))
        return alternatives(cost, steps, self.controls[name], self.estimators)


def controlnets(preset: Preset, request: Request, encode: int) -> Iterator[ControlNet]:
    """Those for `preset`, if any; `encode` are the operations of encoding the depth image with its VAE."""
    if preset.name != "qwen-image":
        return
    rows, columns = request.grid(preset)
    sizes = preset.transformer.config
    dim, tokens = sizes["num_attention_heads"] * sizes["attention_head_dim"], rows * columns
    texts = (preset.text_tokens(request.prompt), preset.text_tokens(0))

    # diffusers' pipeline calls it once in a step, with the prompt, and gives what it returns to both passes.
    network = INSTANTX.build(META, BF16)
    latents = torch.zeros(1, tokens, sizes["in_channels"], device=META, dtype=BF16)
    prompt = torch.zeros(1, texts[0], sizes["joint_attention_dim"], device=META, dtype=BF16)
    flops = count_flops(
        lambda: network(
            hidden_states=latents,
            controlnet_cond=latents,
            encoder_hidden_states=prompt,
            timestep=torch.zeros(1, device=META),
            img_shapes=[[(1, rows, columns)]],
            return_dict=False,
        )
    )
    yield ControlNet("InstantX ControlNet-Union", count_parameters(network), encode, flops, 0)

    with torch.device(META), default_dtype(BF16):
        network = Blockwise(sizes["num_layers"], sizes["in_channels"], dim)
    hidden = torch.zeros(1, tokens, dim, device=META, dtype=BF16)
    once = count_flops(lambda: network.img_in(latents))
    flops = count_flops(lambda: network(hidden, hidden))
    yield ControlNet("DiffSynth blockwise ControlNet", count_parameters(network), encode + once, flops, flops)

    with torch.device(META), default_dtype(BF16):
        network = FunControl(5, dim, sizes["num_attention_heads"])
    control = torch.zeros(1, tokens, network.control_img_in.in_features, device=META, dtype=BF16)
    passes = [count_flops(_fun_call(network, control, hidden, text)) for text in texts]
    yield ControlNet("VideoX-Fun ControlNet-Union", count_parameters(network), encode, *passes)


class Blockwise(nn.Module):
    """source: modelscope/DiffSynth-Studio diffsynth/models/qwen_image_controlnet.py; runs on every block's state."""

    def __init__(self, layers: int, in_channels: int, dim: int):
        super().__init__()
        self.img_in = nn.Linear(in_channels, dim)
        self.norms = nn.ModuleList(nn.RMSNorm(dim) for _ in range(2 * layers))
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim)) for _ in range(layers)
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        for i, block in enumerate(self.blocks):
            x = x + block(self.norms[2 * i](x) + self.norms[2 * i + 1](y))
        return x


class FunControl(nn.Module):
    """source: aigc-apps/VideoX-Fun videox_fun/models/qwenimage_transformer2d_control.py and
    config/qwenimage/qwenimage_control.yaml (5 control blocks, 132 input channels); runs in both passes of a step."""

    def __init__(self, layers: int, dim: int, heads: int, in_channels: int = 132):
        from diffusers.models.transformers.transformer_qwenimage import QwenImageTransformerBlock

        super().__init__()
        self.control_img_in = nn.Linear(in_channels, dim)
        self.before = nn.Linear(dim, dim)
        self.after = nn.ModuleList(nn.Linear(dim, dim) for _ in range(layers))
        self.blocks = nn.ModuleList(QwenImageTransformerBlock(dim, heads, dim // heads) for _ in range(layers))

    def forward(self, control: Tensor, x: Tensor, text: Tensor, temb: Tensor) -> list[Tensor]:
        c = self.before(self.control_img_in(control)) + x
        hints = []
        for block, after in zip(self.blocks, self.after, strict=True):
            text, c = block(c, text, None, temb)
            hints.append(after(c))
        return hints


def _fun_call(network: FunControl, control: Tensor, hidden: Tensor, text: int) -> Callable[[], object]:
    dim = hidden.shape[-1]
    prompt, temb = (hidden.new_zeros(1, *shape) for shape in ((text, dim), (dim,)))
    return lambda: network(control, hidden, prompt, temb)


def estimators() -> Iterator[Estimator]:
    """What would estimate metric depth from a first image."""
    for name, network, side in (
        ("Depth Pro", DEPTH_PRO, DEPTH_PRO_SIDE),
        ("Depth Anything V2 large", DEPTH_ANYTHING, DEPTH_ANYTHING_SIDE),
    ):
        model = network.build(META, BF16)
        pixels = torch.zeros(1, 3, side, side, device=META, dtype=BF16)
        yield Estimator(name, count_parameters(model), count_flops(lambda: model(pixel_values=pixels)))  # noqa: B023


if __name__ == "__main__":
    run_command(lambda argv: main(argv, Published()))
