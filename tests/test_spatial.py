"""The spatial side: shared attention, depth head, adapter, flow, checkpoint."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from spatialfusion.errors import InputError
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.model import flow
from spatialfusion.model.config import SpatialFusionConfig
from spatialfusion.model.context import SemanticContext
from spatialfusion.model.depth_adapter import DepthAdapter, ray_map
from spatialfusion.model.depth_head import block_average, detail
from spatialfusion.model.model import SpatialFusionModel, read_checkpoint, read_config
from spatialfusion.model.region_words import RegionWords
from spatialfusion.model.spatial_transformer import apply_rotary, query_positions, rotary
from spatialfusion.model.state import geometry_to_state, restore_fov, standardise_fov, state_to_geometry

ROOT = Path(__file__).parents[1]
CONFIG = SpatialFusionConfig(
    mllm_layers=2,
    kv_heads=1,
    head_dim=16,
    mrope_section=(2, 3, 3),
    hidden_size=24,
    num_layers=2,
    num_heads=2,
    state_size=16,
    patch_size=4,
    head_features=8,
    head_channels=(8, 8, 8, 8),
    head_scales=(4, 2, 1, 0.5),
    source_encoder={
        "hidden_size": 12,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "image_size": 32,
        "patch_size": 8,
    },
    adapter_hidden=8,
)


def make_model(seed: int = 0, trained: bool = True) -> SpatialFusionModel:
    """A tiny model; `trained` stirs the layers that start at zero, which would hide most mistakes."""
    torch.manual_seed(seed)
    model = SpatialFusionModel(CONFIG).eval()
    if trained:
        for parameter in model.parameters():
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.2)
    return model


def make_context(lengths: list[int], seed: int = 0) -> SemanticContext:
    generator = torch.Generator().manual_seed(seed)
    batch, tokens = len(lengths), max(lengths)
    mask = torch.arange(tokens) < torch.tensor(lengths)[:, None]
    shape = (batch, CONFIG.kv_heads, tokens, CONFIG.head_dim)
    keys, values = (tuple(torch.randn(shape, generator=generator) * 3 for _ in range(2)) for _ in range(2))
    return SemanticContext(
        torch.randn(batch, tokens, 8, generator=generator), mask, keys, values, mask, torch.tensor(lengths)
    )


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def predict(model: SpatialFusionModel, context: SemanticContext, *seeds: int, **options) -> Geometry:
    return model.predict_geometry(context, options.pop("size", (32, 32)), generators(*seeds), **options)


def test_cached_attention_is_joint_attention():
    """Attending to cached keys and values equals one softmax over all tokens, LLM causal and blind to spatial ones."""
    model, context = make_model(), make_context([7])
    layer = model.spatial_transformer.layers[0]
    h = torch.randn(1, 17, CONFIG.hidden_size, generator=torch.Generator().manual_seed(1))
    rope = rotary(query_positions(context.next_position, 4, 4), CONFIG)
    actual = layer.attend(h, rope, context.keys[0], context.values[0], context.mask)

    llm, own, d = 7, 17, CONFIG.head_dim
    q = layer.to_q(h).view(1, own, 2, d).transpose(1, 2)
    k = layer.to_k(h).view(1, own, 1, d).transpose(1, 2)
    v = layer.to_v(h).view(1, own, 1, d).transpose(1, 2)
    q, k = apply_rotary(layer.norm_q(q), rope), apply_rotary(layer.norm_k(k), rope)
    keys = torch.cat([context.keys[0] * layer.key_scale.view(-1, 1, 1), k], dim=2).repeat(1, 2, 1, 1)
    values = torch.cat([context.values[0] * layer.value_scale.view(-1, 1, 1), v], dim=2).repeat(1, 2, 1, 1)
    queries = torch.cat([torch.randn(1, 2, llm, d), q], dim=2)
    allowed = torch.ones(llm + own, llm + own, dtype=torch.bool)
    allowed[:llm] = torch.ones(llm, llm + own, dtype=torch.bool).tril()
    scores = (queries @ keys.transpose(2, 3) / math.sqrt(d)).masked_fill(~allowed, -torch.inf)
    joint = (scores.softmax(dim=-1) @ values)[:, :, llm:]
    expected = layer.to_out(joint.transpose(1, 2).reshape(1, own, 2 * d))
    torch.testing.assert_close(actual, expected, atol=2e-6, rtol=1e-5)


def test_llm_layers_are_sampled_uniformly():
    assert SpatialFusionConfig(mllm_layers=36, num_layers=10).layer_map() == [0, 3, 7, 10, 14, 18, 21, 25, 28, 32]


def test_padding_of_the_prompt_changes_nothing():
    model, both = make_model(), make_context([5, 9])
    together = predict(model, both, 1, 2, steps=2)
    alone = predict(model, both[0], 1, steps=2)
    torch.testing.assert_close(together.depth[:1], alone.depth, atol=1e-4, rtol=1e-5)


def test_prompt_position_and_content_matter():
    model, context = make_model(), make_context([6])
    first = predict(model, context, 3).depth
    assert not torch.allclose(first, predict(model, make_context([6], seed=5), 3).depth)


def test_query_tokens_are_one_image_block_after_the_prompt():
    positions = query_positions(torch.tensor([10]), 2, 3)[:, 0]
    assert positions[0].tolist() == [10] * 6 + [13]
    assert positions[1].tolist() == [10, 10, 10, 11, 11, 11, 13]
    assert positions[2].tolist() == [10, 11, 12, 10, 11, 12, 13]


def test_rotary_equals_transformers():
    from transformers.models.qwen2_5_vl import modeling_qwen2_5_vl as reference
    from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLTextConfig

    config = Qwen2_5_VLTextConfig(
        hidden_size=32,
        num_attention_heads=2,
        num_key_value_heads=2,
        rope_parameters={"rope_type": "default", "rope_theta": CONFIG.rope_theta, "mrope_section": [2, 3, 3]},
    )
    positions = query_positions(torch.tensor([4, 9]), 3, 2)
    x = torch.randn(2, 1, 7, 16, generator=torch.Generator().manual_seed(0))
    cos, sin = reference.Qwen2_5_VLRotaryEmbedding(config)(x, positions)
    if cos.dim() == 4:
        # Older releases return the three axes and leave the choice of sections to the attention.
        expected, _ = reference.apply_multimodal_rotary_pos_emb(x, x, cos, sin, [2, 3, 3])
    else:
        expected = x * cos[:, None] + reference.rotate_half(x) * sin[:, None]
    torch.testing.assert_close(apply_rotary(x, rotary(positions, CONFIG)), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("heads", [(16, 4), (16, 8)])
def test_interleaved_rotary_equals_transformers(heads):
    """The head geometry of Qwen3-VL (and its theta), with as many key/value heads as there are query heads or fewer."""
    from transformers.models.qwen3_vl.configuration_qwen3_vl import Qwen3VLTextConfig
    from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLTextRotaryEmbedding, apply_rotary_pos_emb

    queries, keys = heads
    config = SpatialFusionConfig(
        kv_heads=keys,
        num_heads=queries,
        head_dim=128,
        rope_theta=5e6,
        mrope_section=(24, 20, 20),
        mrope_interleaved=True,
    )
    rope = {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [24, 20, 20], "mrope_interleaved": True}
    reference = Qwen3VLTextRotaryEmbedding(
        Qwen3VLTextConfig(hidden_size=2048, num_attention_heads=16, head_dim=128, rope_parameters=rope)
    )
    positions = query_positions(torch.tensor([40, 217]), 5, 3)
    generator = torch.Generator().manual_seed(0)
    q, k = (torch.randn(2, count, 16, 128, generator=generator) for count in heads)
    expected = apply_rotary_pos_emb(q, k, *reference(q, positions))
    ours = rotary(positions, config)
    for x, y in zip((q, k), expected):
        torch.testing.assert_close(apply_rotary(x, ours), y, atol=2e-6, rtol=1e-5)


def test_query_grid_stands_where_qwen3_vl_would_put_an_image():
    from transformers import Qwen3VLConfig, Qwen3VLModel

    config = Qwen3VLConfig(
        text_config={"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1},
        vision_config={"hidden_size": 8, "depth": 1, "num_heads": 1, "deepstack_visual_indexes": []},
    )
    with torch.device("meta"):
        model = Qwen3VLModel(config)
    prompt, rows, columns = 6, 2, 3
    kinds = torch.tensor([[0] * prompt + [1] * (rows * columns) + [0]])
    grid = torch.tensor([[1, 2 * rows, 2 * columns]])
    expected, _ = model.get_rope_index(torch.zeros_like(kinds), kinds, image_grid_thw=grid)
    assert torch.equal(query_positions(torch.tensor([prompt]), rows, columns), expected[:, :, prompt:])


def test_interleaved_sections_must_fit():
    with pytest.raises(InputError, match="cannot be interleaved"):
        SpatialFusionConfig(mrope_section=(8, 12, 12), mrope_interleaved=True)


def test_calibration_brings_keys_and_values_to_unit_scale():
    model, context = make_model(), make_context([5, 9])
    model.spatial_transformer.calibrate(context)
    layer = model.spatial_transformer.layers[1]
    kept = context.mask[:, None, :, None].expand_as(context.keys[1])
    scaled = (context.keys[1] * layer.key_scale.view(-1, 1, 1))[kept]
    assert scaled.square().mean().sqrt().item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("size", [(32, 32), (32, 64), (64, 32), (24, 40)])
def test_any_size_and_aspect_ratio(size):
    geometry = predict(make_model(), make_context([4]), 0, size=size, steps=2)
    assert geometry.depth.shape == (1, *size)
    assert geometry.depth.isfinite().all()
    # Pixels are square, also where the state's grid has the image's aspect ratio only nearly.
    focal_x, focal_y = geometry.intrinsics[0].diagonal()[:2]
    assert focal_y * size[0] == pytest.approx(float(focal_x * size[1]), rel=1e-5)


def test_same_seed_same_scene_other_seed_another():
    model, context = make_model(), make_context([4])
    first, again, other = (predict(model, context, seed, steps=3).depth for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_guidance_one_is_no_guidance():
    model, context = make_model(), make_context([4])
    null = make_context([4], seed=9)
    assert torch.equal(
        predict(model, context, 1).depth, predict(model, context, 1, null_context=null, guidance=1.0).depth
    )
    guided = predict(model, context, 1, null_context=null, guidance=3.0).depth
    assert not torch.allclose(predict(model, context, 1).depth, guided)
    # Guidance is counted from the empty prompt: 0 has its camera. (The detail of the depth is the prompt's own.)
    away = predict(model, context, 1, null_context=null, guidance=0.0)
    torch.testing.assert_close(away.hfov, predict(model, null, 1).hfov)
    assert not torch.allclose(away.hfov, predict(model, context, 1).hfov)


def test_source_image_matters_and_null_is_used_without():
    model, context = make_model(), make_context([4])
    images = torch.rand(2, 1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    none, first, second = (predict(model, context, 1, source=source).depth for source in (None, *images))
    assert not torch.allclose(first, second)
    assert not torch.allclose(none, first)


def test_one_step_is_the_estimate_from_pure_noise():
    model, context = make_model(), make_context([4])
    state, fov = flow.draw_noise(generators(7), (16, 16))
    x0, u0, features = model.denoise(state, fov, torch.ones(1), context, None, torch.zeros(1, dtype=torch.bool))
    expected = state_to_geometry(model.depth_head.refine(x0, features, 2), restore_fov(u0, CONFIG), CONFIG)
    actual = predict(model, context, 7, steps=1)
    torch.testing.assert_close(actual.depth, expected.depth)
    torch.testing.assert_close(actual.intrinsics, expected.intrinsics)


def test_detail_does_not_touch_the_state_of_the_flow():
    model = make_model()
    x0 = torch.randn(2, 2, 16, 16)
    features = torch.randn(2, CONFIG.head_features, 16, 16)
    for factor in (1, 2, 4):
        refined = model.depth_head.refine(x0, features, factor)
        assert refined.shape[-1] == 16 * factor
        torch.testing.assert_close(block_average(refined, factor), x0, atol=1e-5, rtol=1e-5)
        assert block_average(detail(refined, factor), factor).abs().max() < 1e-5


def test_euler_steps_find_the_data_when_the_denoiser_knows_it():
    clean, fov = torch.randn(2, 2, 8, 8), torch.randn(2)
    noise = flow.draw_noise(generators(1, 2), (8, 8))
    state, u, _ = flow.sample(lambda s, f, t: (clean, fov, None), noise, steps=5)
    torch.testing.assert_close(state, clean)
    torch.testing.assert_close(u, fov)


def test_euler_steps_follow_the_exact_flow_of_a_gaussian():
    """For data N(0, s^2) the best x0 estimate is linear, and the flow carries noise n to s * n."""
    s = 0.5

    def denoise(x, u, t):
        gain = ((1 - t) * s**2 / ((1 - t) ** 2 * s**2 + t**2)).view(-1, 1, 1, 1)
        return gain * x, gain.view(-1) * u, None

    noise = flow.draw_noise(generators(1), (8, 8))
    state, _, _ = flow.sample(denoise, noise, steps=400)
    torch.testing.assert_close(state, s * noise[0], atol=0.02, rtol=0.02)


def test_training_times_stand_at_one_as_often_as_asked():
    times = flow.draw_times(generators(*range(2000)), terminal_fraction=0.15)
    assert (times == 1).float().mean().item() == pytest.approx(0.15, abs=0.03)
    assert times[times < 1].median() > 0.6


@settings(deadline=None, max_examples=25)
@given(
    depth=st.floats(0.5, 40),
    hfov=st.floats(20, 110),
    width=st.sampled_from([16, 24]),
)
def test_state_round_trip_keeps_metres_and_field_of_view(depth, hfov, width):
    focal = 0.5 / math.tan(math.radians(hfov) / 2)
    intrinsics = torch.tensor([[[focal, 0, 0.5], [0, focal * width / 16, 0.5], [0, 0, 1]]])
    valid = torch.ones(1, 16, width, dtype=torch.bool)
    valid[:, :3] = False
    geometry = Geometry(torch.full((1, 16, width), depth), valid, intrinsics)
    y, u = geometry_to_state(geometry, CONFIG)
    back = state_to_geometry(y, restore_fov(standardise_fov(u, CONFIG), CONFIG), CONFIG)
    assert torch.equal(back.valid, valid)
    assert y[:, 0, :3].max().item() == pytest.approx(
        (math.log(CONFIG.far) - CONFIG.log_depth_mean) / CONFIG.log_depth_std
    )
    torch.testing.assert_close(back.intrinsics, intrinsics, atol=1e-4, rtol=1e-4)
    canonical = depth / focal
    if CONFIG.near < canonical < CONFIG.far:
        torch.testing.assert_close(back.depth[valid], geometry.depth[valid], atol=1e-3, rtol=1e-4)


def test_canonical_depth_takes_the_focal_length_out():
    """The same image of a scene twice as far through a lens twice as long is one canonical depth."""
    near = Geometry.from_depth(torch.full((1, 8, 8), 3.0), torch.tensor([1.0]))
    far = Geometry.from_depth(torch.full((1, 8, 8), 6.0), torch.tensor([2.0]))
    (y_near, u_near), (y_far, u_far) = geometry_to_state(near, CONFIG), geometry_to_state(far, CONFIG)
    torch.testing.assert_close(y_near, y_far)
    assert (u_near - u_far).item() == pytest.approx(math.log(2), abs=1e-5)


def test_untrained_adapter_gives_exactly_nothing():
    geometry = predict(make_model(trained=False), make_context([4]), 0)
    model = make_model(trained=False)
    assert not model.adapter.residual(geometry, (4, 4)).any()
    assert make_model().adapter.residual(geometry, (4, 4)).any()


def test_adapter_follows_the_latent_grid():
    model = make_model()
    geometry = predict(model, make_context([4]), 0)
    assert model.adapter.residual(geometry, (8, 12)).shape == (1, CONFIG.latent_channels, 8, 12)


def test_rays_agree_with_geometry():
    geometry = Geometry.from_depth(torch.ones(1, 8, 12), torch.tensor([0.9]))
    rays = ray_map(torch.log(0.5 / geometry.focal), 8, 12)
    torch.testing.assert_close(rays.movedim(1, -1), geometry.rays())


def test_checkpoint_round_trip(tmp_path):
    model = make_model()
    model.backbone_tensors = {"projection.weight": torch.randn(3, 4), "projection.bias": torch.randn(3)}
    model.save(tmp_path / "spatialfusion.safetensors")
    again = SpatialFusionModel.load(tmp_path)
    assert again.config == model.config
    assert torch.equal(again.backbone_tensors["projection.weight"], model.backbone_tensors["projection.weight"])
    context = make_context([4])
    torch.testing.assert_close(predict(model, context, 1).depth, predict(again, context, 1).depth)


def test_the_image_side_of_another_checkpoint_leaves_the_plan_as_it_is(tmp_path):
    ours, theirs = make_model(), make_model(seed=1)
    theirs.config = dataclasses.replace(CONFIG, injection="concat", lora_rank=2)
    theirs.backbone_tensors = {
        "projection.weight": torch.randn(3, 4),
        "projection.bias": torch.randn(3),
        "lora.blocks.0.to_q.lora_A.weight": torch.randn(2, 4),
        "lora.blocks.0.to_q.lora_B.weight": torch.randn(4, 2),
    }
    theirs.save(tmp_path / "whole.safetensors")
    theirs.save(tmp_path / "side.safetensors", only_image_side=True)
    assert (tmp_path / "side.safetensors").stat().st_size < (tmp_path / "whole.safetensors").stat().st_size / 2
    context = make_context([4])
    plan = predict(ours, context, 1)
    for file in ("whole", "side"):
        taker = make_model()
        taker.take_image_side(tmp_path / f"{file}.safetensors")
        assert torch.equal(predict(taker, context, 1).depth, plan.depth)
        residual = taker.adapter.residual(plan, (8, 8))
        assert torch.equal(residual, theirs.adapter.residual(plan, (8, 8)))
        assert not torch.equal(residual, ours.adapter.residual(plan, (8, 8)))
        assert (taker.config.injection, taker.config.lora_rank) == ("concat", 2)
        assert torch.equal(taker.backbone_tensors["projection.weight"], theirs.backbone_tensors["projection.weight"])
    theirs.config = dataclasses.replace(CONFIG, injection="none", lora_rank=2)
    theirs.save(tmp_path / "none.safetensors", only_image_side=True)
    assert taker.adapter.residual(plan, (8, 8)).any()
    taker.take_image_side(tmp_path / "none.safetensors")
    assert not taker.adapter.residual(plan, (8, 8)).any()


def test_region_words_are_beside_depth_and_only_where_something_is_told():
    with pytest.raises(InputError, match="region_width is 12 and injection add"):
        dataclasses.replace(CONFIG, region_width=12)
    config = dataclasses.replace(CONFIG, injection="concat", region_width=12)
    torch.manual_seed(0)
    adapter = DepthAdapter(config)
    torch.nn.init.normal_(adapter.out.weight)
    geometry = Geometry.from_depth(torch.rand(1, 64, 64) + 1, focal=1.0)
    instance = torch.full((64, 128), -1)
    instance[:, :40], instance[20:40, 64:] = 0, 1  # the middle 64 columns are seen; object 0 only to their left edge
    words = RegionWords(instance, torch.randn(2, 12)).painted((8, 8))
    assert not words[:, :, 1:4].any() and words[:, :, 0].any()
    residual = adapter.residual(geometry, (8, 8), words[None])
    depth, told = residual.split(config.latent_channels, dim=1)
    assert torch.equal(depth, adapter.residual(geometry, (8, 8))[:, : config.latent_channels]) and depth.any()
    assert torch.equal(told.any(dim=1)[0], words.any(dim=0))
    assert not adapter.residual(geometry, (8, 8))[:, config.latent_channels :].any()
    with pytest.raises(InputError, match="whole number"):
        dataclasses.replace(config, region_width=-1)


def test_an_image_side_that_does_not_fit_is_named(tmp_path):
    model = make_model()
    other = SpatialFusionModel(dataclasses.replace(CONFIG, adapter_hidden=CONFIG.adapter_hidden + 4))
    other.save(tmp_path / "other.safetensors", only_image_side=True)
    with pytest.raises(InputError, match=f"has adapter_hidden {CONFIG.adapter_hidden + 4}, but the model has"):
        model.take_image_side(tmp_path / "other.safetensors")
    telling = SpatialFusionModel(dataclasses.replace(CONFIG, injection="concat", region_width=12))
    telling.save(tmp_path / "telling.safetensors", only_image_side=True)
    with pytest.raises(InputError, match="has region_width 12, but the model has 0"):
        model.take_image_side(tmp_path / "telling.safetensors")
    model.save(tmp_path / "side.safetensors", only_image_side=True)
    with pytest.raises(InputError, match="does not fit its own configuration"):
        SpatialFusionModel.load(tmp_path / "side.safetensors")


def broken(path, kind: str):
    if kind == "missing":
        return "does not exist"
    if kind == "truncated":
        make_model().save(path)
        path.write_bytes(path.read_bytes()[:5000])
        return "truncated"
    if kind == "pickle":
        path.write_bytes(b"PK\x03\x04 whatever")
        return "pickle"
    if kind == "text":
        path.write_text("not weights at all")
        return "truncated or not a safetensors file"
    save_file({"unet.weight": torch.zeros(2)}, path)
    return "not a SpatialFusion checkpoint"


@pytest.mark.parametrize("kind", ["missing", "truncated", "pickle", "text", "other"])
def test_a_bad_checkpoint_is_named_in_one_sentence(tmp_path, kind):
    path = tmp_path / "spatialfusion.safetensors"
    expected = broken(path, kind)
    with pytest.raises(InputError, match=expected) as error:
        SpatialFusionModel.load(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def rewrite(path, change):
    """Save a file again with other tensors or another configuration."""
    with safe_open(path, "pt") as file:
        tensors, config = {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["config"])
    change(tensors, config)
    save_file(tensors, path, {"format": "spatialfusion", "config": json.dumps(config)})


UNBOUNDED = {
    "num_layers": 10_000_000,
    "mllm_layers": 10**9,
    "hidden_size": 10**12,
    "state_size": -8,
    "patch_size": "8",
    "head_dim": 2.5,
    "num_heads": True,
    "near": float("nan"),
    "far": None,
    "rope_theta": 0,
    "log_depth_std": float("inf"),
    "mrope_section": 3,
    "head_channels": [1, 2],
    "head_scales": [8, 4, 2, "x"],
    "projection_shape": [3, 10**9],
    "source_encoder": {"num_hidden_layers": 10_000_000},
    "source_encoder.hidden_size": {"hidden_size": 10**12},
    "injection": ["add"],
    "backbone": 7,
}


@pytest.mark.parametrize("name", UNBOUNDED)
def test_a_configuration_is_bounded_before_a_network_is_made_of_it(tmp_path, name, monkeypatch):
    path = tmp_path / "spatialfusion.safetensors"
    make_model().save(path)
    rewrite(path, lambda tensors, config: config.update({name.partition(".")[0]: UNBOUNDED[name]}))

    def refuse(*_):
        raise AssertionError("a network was made")

    monkeypatch.setattr("spatialfusion.model.spatial_transformer.SpatialTransformer.__init__", refuse)
    for read in (SpatialFusionModel.load, read_config, read_checkpoint):
        with pytest.raises(InputError, match=name.partition(".")[0]) as error:
            read(path)
        assert str(path) in str(error.value) and "\n" not in str(error.value) and len(str(error.value)) < 400


def without(name):
    return lambda tensors, config: tensors.pop(name)


def of_one(name, value):
    def change(tensors, config):
        tensors[name].view(-1)[-1] = value

    return change


def of_kind(name, dtype):
    def change(tensors, config):
        tensors[name] = tensors[name].to(dtype)

    return change


LORA = "backbone.lora.blocks.0.to_q.lora_"
WRONG = {
    "layers that it has not": (lambda t, c: c.update(num_layers=3), "does not fit its own configuration"),
    "other sizes": (lambda t, c: c.update(adapter_hidden=12), "of another shape .first: model.adapter"),
    "sizes that do not go together": (lambda t, c: c["source_encoder"].update(hidden_act="?"), "makes no network"),
    "no tensor of the head": (without("model.depth_head.fov.weight"), "1 tensors missing.*model.depth_head.fov.weight"),
    "no bias of the delta": (without("backbone.projection.bias"), "lacks 1 tensors.*backbone.projection.bias"),
    "no weight of the delta": (without("backbone.projection.weight"), "lacks 1 tensors.*backbone.projection.weight"),
    "half of a LoRA": (without(f"{LORA}B.weight"), f"lacks 1 tensors.*{LORA}B.weight"),
    "another rank": (lambda t, c: c.update(lora_rank=3), "LoRA of rank 2, but its configuration says 3"),
    "NaN": (of_one("model.depth_head.fov.weight", float("nan")), "values in model.depth_head.fov.weight that are not"),
    "infinity": (of_one(f"{LORA}A.weight", float("inf")), f"values in {LORA}A.weight that are not finite"),
    "whole numbers": (
        of_kind("model.depth_head.fov.weight", torch.int32),
        "fov.weight as torch.int32: expected",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_checkpoint_that_is_not_whole_is_named_in_one_sentence(tmp_path, what):
    path, (change, words) = tmp_path / "spatialfusion.safetensors", WRONG[what]
    model = make_model()
    model.config = dataclasses.replace(CONFIG, lora_rank=2)
    model.backbone_tensors = {
        "projection.weight": torch.randn(3, 4),
        "projection.bias": torch.randn(3),
        "lora.blocks.0.to_q.lora_A.weight": torch.randn(2, 4),
        "lora.blocks.0.to_q.lora_B.weight": torch.randn(4, 2),
    }
    model.save(path)
    SpatialFusionModel.load(path)
    rewrite(path, change)
    with pytest.raises(InputError, match=words) as error:
        SpatialFusionModel.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("length", [0x4B50, 0x10280])
def test_a_header_whose_length_begins_as_a_pickle_does_is_read(tmp_path, length):
    """A file begins with the length of its header: 0x4B50 is "PK"."""
    path = tmp_path / "spatialfusion.safetensors"
    model = make_model()
    model.save(path)
    shorter = int.from_bytes(path.read_bytes()[:8], "little")
    data = path.read_bytes()
    assert shorter <= length
    header = data[8 : 8 + shorter].ljust(length)  # spaces are allowed there
    path.write_bytes(length.to_bytes(8, "little") + header + data[8 + shorter :])
    assert SpatialFusionModel.load(path).config == model.config


def test_configuration_with_an_unknown_key_is_refused():
    with pytest.raises(InputError, match="did you mean 'num_layers'"):
        SpatialFusionConfig.from_json('{"num_layer": 3}')


def test_loss_weight_falls_with_noise():
    weights = flow.loss_weight(torch.tensor([0.0, 0.2, 0.5, 1.0]))
    assert weights.tolist() == pytest.approx([5, 5, 2, 1])


def test_library_imports_without_transformers_diffusers_or_comfy():
    """Every module that the nodes need must import where only torch, einops, safetensors, numpy and Pillow exist."""
    modules = (
        "geometry geometry.depth_image geometry.files model.context model.spatial_transformer model.depth_head "
        "model.depth_adapter model.region_words model.flow planner.plan"
    )
    code = (
        "import sys\n"
        "for name in ('transformers', 'diffusers', 'accelerate', 'peft', 'datasets', 'comfy', 'huggingface_hub'):\n"
        "    sys.modules[name] = None\n"
        "import spatialfusion\n"
        + "".join(f"import spatialfusion.{name}\n" for name in modules.split())
        + "import spatialfusion.scenes.render, spatialfusion.scenes.captions, spatialfusion.scenes.edits\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr


def test_gradients_reach_every_parameter():
    model, context = make_model(), make_context([4, 6])
    state, fov = flow.draw_noise(generators(1, 2), (16, 16))
    source = model.encode_source(torch.rand(2, 3, 32, 32))
    x0, u0, features = model.denoise(state, fov, torch.rand(2), context, source, torch.tensor([True, False]))
    y = model.depth_head.refine(x0, features, 2)
    residual = model.adapter(F.interpolate(y, (32, 32)), restore_fov(u0, CONFIG))
    (residual.square().mean() + y.square().mean() + u0.square().mean()).backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == ["source_encoder.embeddings.mask_token"]
