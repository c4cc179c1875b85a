"""Published sizes on the meta device, and what is computed from them. Nothing here allocates a large tensor."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from test_spatial import CONFIG
from torch import nn

from research import alternatives
from spatialfusion.backbones import published
from spatialfusion.backbones.published import PRESETS, Network, Preset
from spatialfusion.benchmark import main
from spatialfusion.cost.overhead import Cost, count
from spatialfusion.cost.parts import Request, count_flops, count_parameters, parts, spatial_parts, transformer_parts
from spatialfusion.cost.training import FusedAttention, Memory, saved_bytes, trained_bytes, training_memory
from spatialfusion.errors import InputError
from spatialfusion.model.model import SpatialFusionModel

META, BF16 = "meta", torch.bfloat16
ROOT = Path(__file__).parents[1]

# Tiny sizes of the same classes ---------------------------------------------------------------------------------------

VISION = {"depth": 2, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "patch_size": 14}
SPATIAL = replace(
    CONFIG,
    backbone="small",
    mllm_layers=3,
    kv_heads=2,
    num_layers=4,
    num_heads=4,
    state_size=32,
    patch_size=8,
    head_scales=(8, 4, 2, 1),
    projection_shape=(32, 64),
    lora_rank=2,
)
SMALL = Preset(
    "none/small",
    Network(
        "transformers",
        "Qwen2_5_VLForConditionalGeneration",
        {
            "text_config": {
                "hidden_size": 64,
                "intermediate_size": 48,
                "num_hidden_layers": 3,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "vocab_size": 160000,
                "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]},
            },
            "vision_config": {**VISION, "out_hidden_size": 64, "window_size": 112, "fullatt_block_indexes": [1]},
        },
    ),
    Network(
        "diffusers",
        "QwenImageTransformer2DModel",
        {
            "in_channels": 64,
            "out_channels": 16,
            "num_layers": 2,
            "attention_head_dim": 16,
            "num_attention_heads": 2,
            "joint_attention_dim": 64,
            "axes_dims_rope": (4, 6, 6),
        },
    ),
    Network("diffusers", "AutoencoderKLQwenImage", {"base_dim": 4, "z_dim": 16, "num_res_blocks": 1}),
    SPATIAL,
    prefix=34,
    dropped=34,
    images=1,
    image_tokens=7,
    mllm_pixels=56 * 56,
)
SMALL_21 = Preset(
    "none/small-2.1",
    Network(
        "transformers",
        "Qwen3VLForConditionalGeneration",
        {
            "text_config": {
                "hidden_size": 64,
                "intermediate_size": 48,
                "num_hidden_layers": 3,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "head_dim": 16,
                "vocab_size": 160000,
                "rope_parameters": {**published.INTERLEAVED, "mrope_section": [4, 2, 2]},
            },
            "vision_config": {**VISION, "patch_size": 16, "out_hidden_size": 64, "deepstack_visual_indexes": [0]},
        },
    ),
    Network(
        "diffusers",
        "QwenImage21Transformer2DModel",
        {
            "num_layers": 2,
            "attention_head_dim": 16,
            "num_attention_heads": 2,
            "context_in_dim": 64,
            "axes_dims_rope": (4, 6, 6),
        },
    ),
    Network(
        "diffusers",
        "AutoencoderKLQwenImage21",
        {"base_dim": 4, "decoder_base_dim": 4, "dim_mult": [1, 1, 1, 1, 1], "num_res_blocks": 1},
    ),
    replace(
        SPATIAL,
        backbone="small-2.1",
        mrope_section=(4, 2, 2),
        mrope_interleaved=True,
        latent_channels=64,
        latent_stride=16,
    ),
    prefix=17,
    dropped=14,
    guided=False,
)

# Published sizes ------------------------------------------------------------------------------------------------------


NETWORKS = {
    network.name + str(network.published or ""): network
    for backbone in PRESETS.values()
    for network in (backbone.mllm, backbone.transformer, backbone.vae)
}


@pytest.mark.parametrize("network", list(NETWORKS.values()), ids=list(NETWORKS))
def test_networks_have_the_published_sizes(network: Network) -> None:
    model = network.build(META, BF16)
    assert all(parameter.is_meta for parameter in model.parameters())
    if network.published is not None:
        assert count_parameters(model) == network.published
    if network.keys is not None:
        assert len(model.state_dict()) == network.keys
    if network.name == "OmniGen2Transformer2DModel":
        assert 2 * count_parameters(model) == pytest.approx(7.93e9, abs=0.01e9)  # bytes of the repackaged file


@pytest.mark.parametrize("name", list(PRESETS))
def test_the_spatial_side_has_the_llms_heads_and_is_slim(name: str) -> None:
    backbone = PRESETS[name]
    config, spatial = backbone.mllm.config, backbone.spatial
    config = config.get("text_config", config)
    rope = config["rope_parameters"]
    assert spatial.mllm_layers == config["num_hidden_layers"] and spatial.kv_heads == config["num_key_value_heads"]
    assert spatial.head_dim == config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])
    assert list(spatial.mrope_section) == rope.get("mrope_section", [16, 24, 24])
    assert spatial.rope_theta == rope["rope_theta"]
    assert spatial.mrope_interleaved == rope.get("mrope_interleaved", False)
    with torch.device(META):
        total = count_parameters(SpatialFusionModel(spatial))
    assert total < 0.4e9 and total < 0.1 * (backbone.transformer.published or 3.965e9)


@pytest.mark.parametrize("name", ["qwen-image", "qwen-image-2.1"])
def test_the_spatial_side_runs_at_full_size(name: str) -> None:
    """Both head geometries, on an image that is not square."""
    sizes = {}
    for part in spatial_parts(PRESETS[name], Request((1664, 928)), META, BF16):
        if part.name in ("head", "detail", "adapter"):
            sizes[part.name] = part.run()
    x0, fov, features = sizes["head"]
    latent, stride = PRESETS[name].spatial.latent_channels, PRESETS[name].spatial.latent_stride
    assert x0.shape == (1, 2, 144, 256) and features.shape[-2:] == (144, 256) and fov.shape == (1,)
    assert sizes["detail"].shape == (1, 2, 576, 1024)
    assert sizes["adapter"].shape == (1, latent, 928 // stride, 1664 // stride)


@pytest.mark.parametrize(
    ("network", "shapes"),
    [
        (
            published.QWEN_IMAGE_TRANSFORMER,
            {
                "img_in.weight": (3072, 64),
                "txt_in.weight": (3072, 3584),
                "time_text_embed.timestep_embedder.linear_1.weight": (3072, 256),
                "transformer_blocks.59.txt_mod.1.weight": (18432, 3072),
                "transformer_blocks.59.txt_mlp.net.0.proj.weight": (12288, 3072),
                "transformer_blocks.0.attn.add_k_proj.weight": (3072, 3072),
                "norm_out.linear.weight": (6144, 3072),
                "proj_out.weight": (64, 3072),
            },
        ),
        (
            published.QWEN_IMAGE_21_TRANSFORMER,
            {
                "img_in.weight": (4096, 64),
                "txt_in.text_norm.weight": (4096,),
                "modulation.1.weight": (16384, 4096),
                "transformer_blocks.31.attn.to_out.0.weight": (4096, 4096),
                "transformer_blocks.31.img_mlp.gate_layer.weight": (12288, 4096),
                "proj_out.weight": (64, 4096),
            },
        ),
        (
            published.QWEN3_VL_8B,
            {
                "model.language_model.layers.35.self_attn.k_proj.weight": (1024, 4096),
                "model.language_model.layers.35.self_attn.k_norm.weight": (128,),
                "lm_head.weight": (151936, 4096),
            },
        ),
    ],
)
def test_names_and_shapes_that_public_files_quote(network: Network, shapes: dict[str, tuple[int, ...]]) -> None:
    state = network.build(META, BF16).state_dict()
    assert {name: tuple(state[name].shape) for name in shapes} == shapes


def test_the_projection_delta_fits_the_diffusion_model() -> None:
    for name in ("qwen-image", "qwen-image-2.1"):
        weight = PRESETS[name].transformer.build(META, BF16).img_in.weight
        assert tuple(weight.shape) == PRESETS[name].spatial.projection_shape


# Operations -----------------------------------------------------------------------------------------------------------


def test_operations_of_the_spatial_transformer_by_hand() -> None:
    request = Request((64, 64), prompt=10)
    part = next(iter(spatial_parts(SMALL, request, META, BF16)))
    c, tokens, context = SPATIAL, 4 * 4 + 1, SMALL.mllm_tokens(10)
    d, queries, keys = c.hidden_size, c.num_heads * c.head_dim, c.kv_heads * c.head_dim
    ends = (tokens - 1) * 2 * c.patch_size**2 * d + d + (256 * d + d * d) + d * 6 * d
    layer = tokens * (2 * d * queries + 2 * d * keys + 2 * d * 4 * d) + 2 * tokens * (context + tokens) * queries
    assert count_flops(part.run) == 2 * (ends + c.num_layers * layer)


def test_operations_of_a_step_by_hand() -> None:
    request = Request((64, 96), prompt=10)
    step = next(transformer_parts(SMALL, request, META, BF16))
    d, image, text = 32, 2 * 4 * 6, SMALL.text_tokens(10)
    assert text == 7 + 4 + 10 + 5  # words around the image, its 2 x 2 tokens, prompt, end of the chat
    tokens = image + text
    ends = image * 64 * d + text * 64 * d + 256 * d + d * d + d * 2 * d + image * d * 64
    block = 2 * d * 6 * d + tokens * (4 + 8) * d * d + 2 * tokens * tokens * d
    assert count_flops(step.run) == 2 * (ends + 2 * block)


def test_lora_costs_two_thin_products_for_each_linear() -> None:
    named = {
        part.name: (part.parameters, count_flops(part.run))
        for part in transformer_parts(SMALL, Request((64, 64), 10), META, BF16)
    }
    parameters, flops = named["step with depth"]
    d, rank, image, target, text = 32, 2, 32, 16, SMALL.text_tokens(10)
    each = rank * (4 * 2 * d + 2 * 5 * d)
    assert parameters == 2 * 2 * each + d * 64 + d
    assert flops - named["step"][1] == 2 * (2 * (image + text) * each + target * 64 * d)


@pytest.mark.parametrize("backbone", [SMALL, SMALL_21], ids=["qwen-image", "qwen-image-2.1"])
def test_the_same_parts_on_a_real_device(backbone: Preset) -> None:
    request = Request((64, 96), prompt=6)
    counted = {part.name: part.parameters for part in parts(backbone, request, META, BF16)}
    networks = {backbone.mllm.name, backbone.transformer.name, backbone.vae.name, "SpatialFusionModel"}
    real, most = {}, 0
    with torch.no_grad():
        for part in parts(backbone, request, "cpu", torch.float32):
            part.run()
            real[part.name] = part.parameters
            most = max(most, sum(type(thing).__name__ in networks for thing in gc.get_objects()))
            del part
    assert real == counted and len(real) == 14
    assert most == 1, "two networks in memory at the same time"


def test_a_cached_step_counts_the_target_alone() -> None:
    """The prompt is read from the cache: it costs its projection and its share of attention."""
    request = Request((64, 64), prompt=10)
    step, null = islice(transformer_parts(SMALL_21, request, META, BF16), 2)
    d, image = 32, 16
    assert count_flops(step.run) - count_flops(null.run) == 2 * 10 * (64 * d + d * d + 2 * 2 * image * d)


def make_cost(guided: bool, images: int = 0) -> Cost:
    flops = {
        "prefill": 100,
        "prefill null": 50,
        "step": 1000,
        "step null": 900,
        "step with depth": 1010,
        "step null with depth": 908,
        "decode": 20,
        "encode": 10,
        "spatial": 7,
        "spatial null": 6,
        "head": 1,
        "detail": 3,
        "adapter": 2,
        "source": 4,
    }
    backbone = replace(SMALL, guided=guided, images=images)
    return Cost(backbone, Request(), dict.fromkeys(flops, 1), flops, depth_steps=2)


def test_sums_over_a_run() -> None:
    cost = make_cost(guided=True)
    assert cost.plain(50).flops == 100 + 50 + 50 * 1900 + 20
    assert cost.depth(50).flops == 2 * (7 + 6 + 2) + 3 + 2
    assert cost.in_model(50).flops == 50 * 18
    assert cost.added(50).flops == 35 + 900
    # Few steps are without guidance, so the empty prompt is read for depth alone.
    assert cost.plain(4).flops == 100 + 4 * 1000 + 20
    assert cost.depth(4).flops == 35 + 50 and cost.in_model(4).flops == 40
    edit = make_cost(guided=False, images=1)
    assert edit.plain(50).flops == 100 + 50 * 1000 + 20 + 10
    # Without guidance of depth, and in one step unless it is said.
    assert edit.depth(50).flops == 2 * (7 + 1) + 3 + 2 + 4
    assert replace(edit, depth_steps=None).depth(50).flops == (7 + 1) + 3 + 2 + 4
    given = alternatives.ControlNet("control", 5, 10, 60, 40), alternatives.Estimator("estimator", 7, 30)
    control, twice = alternatives.alternatives(cost, 50, [given[0]], [given[1]])
    assert control.flops == 10 + 50 * 100
    assert twice.flops == cost.plain(50).flops + 30 + control.flops and twice.parameters == 12


def test_alternatives_have_their_published_sizes() -> None:
    small = Request((64, 64), 8)
    controls = {control.name: control for control in alternatives.controlnets(PRESETS["qwen-image"], small, 0)}
    instantx, blockwise, fun = controls.values()
    assert 2 * instantx.parameters == pytest.approx(3.54e9, abs=0.005e9)
    assert 2 * blockwise.parameters == pytest.approx(2.27e9, abs=0.005e9)
    assert instantx.null == 0 and blockwise.null == blockwise.prompt == 2 * 60 * 2 * 16 * 3072**2
    assert 0 < fun.null < fun.prompt
    assert not list(alternatives.controlnets(PRESETS["omnigen2"], small, 0))
    with torch.device(META):
        assert count_parameters(alternatives.DEPTH_ANYTHING.build(META, BF16)) == 335_315_649


# Memory of training ---------------------------------------------------------------------------------------------------


def test_saved_tensors_by_hand() -> None:
    model = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 4)).to(META)
    x = torch.zeros(5, 8, device=META)
    assert saved_bytes(lambda: model(x), model) == 4 * (5 * 8 + 5 * 16 + 5 * 16)
    # Frozen, a linear keeps nothing of its input; gradients still pass.
    model.requires_grad_(False)
    assert saved_bytes(lambda: model(x), model, inputs=True) == 4 * 5 * 16
    assert saved_bytes(lambda: model(x), model) == 0


def test_fused_attention_keeps_no_scores() -> None:
    q, k = (torch.zeros(1, heads, 512, 16, device=META, dtype=BF16, requires_grad=True) for heads in (4, 2))
    module = nn.Module()

    def run() -> torch.Tensor:
        return F.scaled_dot_product_attention(q, k, k, enable_gqa=True)

    assert saved_bytes(run, module) < 4 * 512 * 512 * 2  # one map of scores
    with FusedAttention():
        assert run().shape == q.shape


def test_bytes_of_what_is_trained() -> None:
    model = nn.Module()
    model.blocks = nn.ModuleList([nn.Linear(3, 5)])
    model.out = nn.Linear(2, 2)
    assert trained_bytes(model) == 15 * 18 + (5 + 6) * 22


@pytest.mark.parametrize("backbone", [SMALL, SMALL_21], ids=["qwen-image", "qwen-image-2.1"])
def test_memory_of_both_stages(backbone: Preset) -> None:
    small, large = (training_memory(backbone, Request((side, side), 6)) for side in (64, 128))
    for stages in (small, large):
        first, second = stages["stage1"], stages["stage2"]
        assert first.frozen == 2 * count_parameters(backbone.mllm.build(META, BF16))
        assert second.frozen - first.frozen == 2 * count_parameters(backbone.transformer.build(META, BF16))
        assert second.trained > first.trained and second.per_sample > first.per_sample
    assert large["stage2"].per_sample > 2 * small["stage2"].per_sample
    with torch.device(META):
        assert small["stage1"].trained == trained_bytes(SpatialFusionModel(backbone.spatial))


def test_batches_that_fit() -> None:
    memory = Memory(frozen=64, trained=16, per_sample=5, gathered=2)
    assert memory.total(2) == 90 and memory.total(2, cards=8) == 8 + 2 + 16 + 10
    assert memory.batch(100) == 2 and memory.batch(100, cards=8) == 12 and memory.batch(80) == 0


# The command ----------------------------------------------------------------------------------------------------------


def test_the_command_counts_and_measures(monkeypatch, capsys, tmp_path) -> None:
    monkeypatch.setitem(PRESETS, "small", SMALL)
    file = tmp_path / "cost.json"
    size = ["--size", "96x64", "--prompt-tokens", "6"]
    main(["--preset", "small", *size, "--steps", "2", "20", "--device", "cpu", "--json", str(file)])
    printed = capsys.readouterr().out
    assert "### small (none/small), 96x64, 6 prompt tokens" in printed
    assert "TFLOP, 2 steps |" in printed and "TFLOP, 20 steps guided |" in printed
    record = json.loads(file.read_text())
    small = record["presets"]["small"]
    assert len(small["parts"]) == 14 and all(part["milliseconds"] > 0 for part in small["parts"].values())
    cost = count(SMALL, Request((96, 64), 6))
    assert small["runs"]["20"]["SpatialFusion"] == {
        "parameters": cost.added(20).parameters,
        "flops": cost.added(20).flops,
    }
    assert small["parts"]["step"]["flops"] == cost.flops["step"]
    assert "Depth Pro" not in printed
    monkeypatch.setattr(alternatives, "estimators", lambda: [alternatives.Estimator("estimator", 7, 30)])
    main(["--preset", "small", *size, "--steps", "2"], alternatives.Published())
    assert "| first image, estimator, second image |" in capsys.readouterr().out

    main(["--training", "--preset", "small", *size])
    printed = capsys.readouterr().out
    assert "Computed, not measured" in printed and "| small | stage2 |" in printed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--preset", "qwen-imag"], "did you mean 'qwen-image'"),
        (["--size", "1024"], "expected WIDTHxHEIGHT"),
        (["--size", "1000x1024"], "expected multiples of 32"),
        (["--steps", "0"], "--steps is 0"),
        (["--depth-steps", "0"], "--depth-steps is 0"),
        (["--device", "cuda:99"], "cannot be used"),
        (["--wrong"], "--help shows all options"),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        main(["--preset", "qwen-image", *arguments] if arguments[0] != "--preset" else arguments)


def test_a_network_that_does_not_fit_is_refused(monkeypatch) -> None:
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=10 * 2**30))
    with pytest.raises(InputError, match=r"'cpu' with 10.0 GiB free, but the largest network of qwen-image has 76.1"):
        main(["--preset", "qwen-image", "--device", "cpu"])


def test_the_command_ends_without_a_traceback() -> None:
    command = [sys.executable, "-m", "spatialfusion.benchmark", "--size", "7"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("error: --size is '7'") and "Traceback" not in done.stderr
