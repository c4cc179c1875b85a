"""The pipeline as people use diffusers' own: its callbacks and arguments, other schedulers, compiled, cached, copied,
fused and with weights of few bits."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FirstBlockCacheConfig,
    FlowMatchEulerDiscreteScheduler,
    FlowMatchHeunDiscreteScheduler,
    PyramidAttentionBroadcastConfig,
    QwenImagePipeline,
    UniPCMultistepScheduler,
)
from peft import LoraConfig
from tiny import (
    SIZE,
    TINY_BACKBONES,
    freeze,
    in_own_memory,
    stir,
    tiny_components,
)
from tiny_inputs import CAR, EDITING, FAST, quiet, seed
from torch.testing import assert_close

from spatialfusion.backbones.depth_injection import backbone_tensors
from spatialfusion.backbones.qwen_image import BACKBONE
from spatialfusion.errors import InputError
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.pipeline import SpatialFusionPipeline
from spatialfusion.tiny.diffusion import new_transformer
from spatialfusion.train.config import DiffusionConfig


def build_deep() -> SpatialFusionPipeline:
    """With more than one block, which a cache of blocks needs; a LoRA has the names of each."""
    parts = tiny_components()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformer, trained = (new_transformer(DiffusionConfig(layers=3, heads=1), 16, 64) for _ in range(2))
        BACKBONE.add_lora(trained, 2)
        delta = BACKBONE.projection_delta(trained)
        stir(transformer, trained, delta)
    parts["spatialfusion"].backbone_tensors = backbone_tensors(trained, delta)
    parts["transformer"] = transformer
    return quiet(SpatialFusionPipeline(**freeze(parts), default_size=SIZE))


def build(name: str = "qwen-image") -> SpatialFusionPipeline:
    return quiet(SpatialFusionPipeline(**TINY_BACKBONES[name].components(), default_size=SIZE))


@pytest.fixture(scope="module")
def shared():
    return build()


@pytest.fixture
def pipe(shared):
    """A pipeline with a scheduler of its own, for tests that change it."""
    return quiet(
        SpatialFusionPipeline(**shared.components | {"scheduler": copy.deepcopy(shared.scheduler)}, default_size=SIZE)
    )


def ramp(height: int = SIZE, width: int = SIZE) -> Geometry:
    return Geometry.from_depth(torch.linspace(1, 20, height)[None, :, None].expand(1, height, width), focal=1.0)


def draw(pipe, prompt=CAR, **changes):
    return pipe(prompt, **{"generator": seed(0), **FAST, **changes}).images


def own_pipeline(pipe) -> QwenImagePipeline:
    """diffusers' own, of the same parts."""
    names = ("scheduler", "vae", "text_encoder", "tokenizer", "transformer")
    return quiet(QwenImagePipeline(**{name: getattr(pipe, name) for name in names}))


def draw_own(pipe, prompt=CAR, steps=2, own=None, **changes):
    """What diffusers' own pipeline draws from the noise that ours draws; latents [1, 16, h, w]."""
    noise = torch.randn(1, 1, 16, SIZE // 8, SIZE // 8, generator=seed(0))
    noise = QwenImagePipeline._pack_latents(noise, 1, 16, SIZE // 8, SIZE // 8)
    arguments = {"negative_prompt": "", "true_cfg_scale": 4.0, "height": SIZE, "width": SIZE, "output_type": "latent"}
    own = own or own_pipeline(pipe)
    tokens = own(prompt, num_inference_steps=steps, latents=noise, **arguments | changes).images
    return QwenImagePipeline._unpack_latents(tokens, SIZE, SIZE, 8)[:, :, 0]


# Callbacks ------------------------------------------------------------------------------------------------------------


def test_a_callback_finds_what_diffusers_pipelines_tell(pipe):
    seen = []

    def watch(pipeline, step, timestep, given):
        assert pipeline.current_timestep == timestep == pipeline.scheduler.timesteps[step]
        seen.append((pipeline.num_timesteps, pipeline.guidance_scale, pipeline.attention_kwargs))
        return {}

    draw(pipe, num_inference_steps=3, guidance_scale=2.5, callback_on_step_end=watch)
    assert seen == 3 * [(3, 2.5, {})]
    assert pipe.current_timestep is None


@pytest.mark.parametrize("name", EDITING)
def test_the_guidance_that_a_callback_sets_is_that_of_the_next_step(name):
    pipe = build(name)
    calls = []
    hook = pipe.transformer.register_forward_hook(lambda *_: calls.append(1))

    def drop(pipeline, step, timestep, given):
        calls.append("step")
        pipeline._guidance_scale = 1.0
        return {}

    images = draw(pipe, guidance_scale=4.0, callback_on_step_end=drop)
    hook.remove()
    assert calls == [1, 1, "step", 1, "step"]  # prompt and negative prompt, then the prompt alone
    assert not torch.allclose(images, draw(pipe, guidance_scale=4.0), atol=1e-3)
    assert not torch.allclose(images, draw(pipe, guidance_scale=1.0), atol=1e-3)


def test_guidance_cannot_begin_in_a_callback(pipe):
    def begin(pipeline, step, timestep, given):
        pipeline._guidance_scale = 4.0
        return {}

    with pytest.raises(InputError, match="guidance_scale became 4 in a callback, but the call began with 1"):
        draw(pipe, guidance_scale=1.0, callback_on_step_end=begin)

    def spoil(pipeline, step, timestep, given):
        pipeline._guidance_scale = float("nan")
        return {}

    with pytest.raises(InputError, match="guidance_scale is nan"):
        draw(pipe, callback_on_step_end=spoil)


# Arguments ------------------------------------------------------------------------------------------------------------


def test_none_is_what_is_not_said(pipe):
    usual = draw(pipe)
    assert torch.equal(draw(pipe, negative_prompt=None), usual)
    seen = []

    def watch(pipeline, step, timestep, given):
        seen.append(list(given))
        return None

    draw(pipe, callback_on_step_end=watch, callback_on_step_end_tensor_inputs=None)
    assert seen == 2 * [["latents"]]
    draw(pipe, callback_on_step_end=watch, callback_on_step_end_tensor_inputs=[])
    assert seen[2:] == 2 * [[]]


def test_numbers_of_numpy_are_numbers(pipe):
    whole = {"height": SIZE, "width": SIZE, "num_inference_steps": 2, "depth_steps": 2, "num_images_per_prompt": 1}
    real = {"guidance_scale": 2.5, "depth_guidance_scale": 1.5, "controlnet_conditioning_scale": 0.5}
    real["control_guidance_end"] = 0.5
    numbers = {name: np.int64(value) for name, value in whole.items()}
    numbers |= {name: np.float32(value) for name, value in real.items()}
    assert torch.equal(draw(pipe, **numbers), draw(pipe, **whole, **real))
    numbers = {name: numbers[name] for name in ("height", "width", "depth_steps", "depth_guidance_scale")}
    assert pipe.predict_geometry(CAR, generator=seed(0), **numbers).depth.shape == (1, SIZE, SIZE)


NUMBERS = [0, -3, 2.5, float("nan"), 10**30, True, np.int64(7)]
VALUES = [None, "x", *NUMBERS, np.array([1, 2]), [], {}, object(), torch.ones(2)]
ARGUMENTS = [
    *("height", "width", "num_inference_steps", "guidance_scale", "image_guidance_scale", "depth_steps"),
    *("depth_guidance_scale", "controlnet_conditioning_scale", "control_guidance_start", "control_guidance_end"),
    *("num_images_per_prompt", "prompt"),
    *("negative_prompt", "image", "geometry", "generator", "output_type", "callback_on_step_end"),
    *("callback_on_step_end_tensor_inputs", "latents", "prompt_embeds", "prompt_embeds_mask"),
    *("negative_prompt_embeds", "negative_prompt_embeds_mask"),
]


@pytest.mark.parametrize("name", ARGUMENTS)
def test_whatever_is_given_draws_or_is_refused_in_one_sentence(pipe, monkeypatch, name):
    """No value of any kind is a traceback. What is accepted is not drawn: sizes would be huge."""

    class AcceptedError(Exception):
        pass

    def accept(_request):
        raise AcceptedError

    monkeypatch.setattr(pipe, "_draw_image_noise", accept)
    accepted = []
    for value in VALUES:
        arguments = {"prompt": CAR, "height": SIZE, "width": SIZE, **FAST} | {name: value}
        for absent in ({}, {"height": None}, {"width": None}):
            try:
                pipe(**arguments | {k: v for k, v in absent.items() if k != name})
            except AcceptedError:
                accepted.append(value)
            except InputError as error:
                assert name in str(error) or name == "image", (value, error)
                assert "\n" not in str(error) and len(str(error)) < 300, error
    assert len(accepted) < 3 * len(VALUES)


@pytest.mark.parametrize("dtype", ["bfloat16", "torch.bfloat16", torch.bfloat16, {"default": "bfloat16"}])
def test_a_dtype_may_be_named(tiny_folder, dtype):
    pipe = SpatialFusionPipeline.from_pretrained(tiny_folder, dtype=dtype)
    parts = pipe.vae, pipe.text_encoder, pipe.transformer, pipe.spatialfusion
    assert {part.dtype for part in parts} == {torch.bfloat16}


@pytest.mark.parametrize("dtype", ["auto", "bf17", 16, torch.int64, {"transformer": "auto"}, {"unet": torch.float16}])
def test_what_is_no_dtype_is_refused_in_one_sentence(tiny_folder, dtype):
    for name in ("dtype", "torch_dtype"):
        with pytest.raises(InputError, match=r"dtype .*: expected ") as error:
            SpatialFusionPipeline.from_pretrained(tiny_folder, **{name: dtype})
        assert "\n" not in str(error.value)


# Schedulers -----------------------------------------------------------------------------------------------------------


FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}


def test_unipc_draws_as_in_diffusers_own_pipeline(pipe):
    """Without depth, and with CFG whose norm is kept."""
    pipe.scheduler = UniPCMultistepScheduler.from_config(pipe.scheduler.config, **FLOW)
    pipe.register_to_config(rescale_guidance=True)
    ours = draw(pipe, num_inference_steps=4, controlnet_conditioning_scale=0)
    assert_close(ours, draw_own(pipe, steps=4), atol=2e-3, rtol=2e-3)


SCHEDULERS = {
    "UniPC": lambda config: UniPCMultistepScheduler.from_config(config, **FLOW),
    "UniPC, constant shift": lambda config: UniPCMultistepScheduler(**FLOW, flow_shift=3.0),
    "DPM++": lambda config: DPMSolverMultistepScheduler(**FLOW, flow_shift=3.0),
    "DPM++ of the model's config": lambda config: DPMSolverMultistepScheduler.from_config(config, **FLOW),
    "Heun": lambda config: FlowMatchHeunDiscreteScheduler(shift=3.0),
    "Euler, constant shift": lambda config: FlowMatchEulerDiscreteScheduler(shift=3.0),
    "Euler, published": lambda config: FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True, base_shift=0.5, max_shift=0.9, max_image_seq_len=8192, shift_terminal=0.02
    ),
}


@pytest.fixture(scope="module")
def converged():
    """Pictures of many steps, and how to draw them, by backbone."""
    pipes = {name: build(name) for name in EDITING}
    return {name: (pipe, draw(pipe, num_inference_steps=32, guidance_scale=1.0)) for name, pipe in pipes.items()}


PAIRS = [*(("qwen-image", kind) for kind in SCHEDULERS), ("omnigen2", "UniPC"), ("qwen-image-2.1", "UniPC")]


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_a_scheduler_that_follows_a_flow_goes_to_the_same_picture(converged, name, kind):
    """Many steps of any of them solve one equation, with depth in it."""
    pipe, reference = converged[name]
    steps, seen = 16, []

    def watch(pipeline, step, timestep, given):
        seen.append((pipeline.num_timesteps, float(timestep)))
        return {}

    before = pipe.scheduler
    pipe.scheduler = SCHEDULERS[kind](before.config)
    try:
        images = draw(pipe, num_inference_steps=steps, guidance_scale=1.0, callback_on_step_end=watch)
    finally:
        pipe.scheduler = before
    number = 2 * steps - 1 if kind == "Heun" else steps
    assert [n for n, _ in seen] == [number] * number
    assert seen[0][1] > seen[-1][1]
    size = reference.abs().mean()
    assert (images - reference).abs().mean() < 0.1 * size, (images - reference).abs().mean() / size


@pytest.mark.parametrize(
    "scheduler",
    [
        DDIMScheduler(),
        EulerDiscreteScheduler(),
        UniPCMultistepScheduler(),
        DPMSolverMultistepScheduler(prediction_type="flow_prediction"),
    ],
    ids=lambda scheduler: type(scheduler).__name__,
)
def test_a_scheduler_that_follows_no_flow_is_refused_in_one_sentence(pipe, scheduler):
    pipe.scheduler = scheduler
    with pytest.raises(InputError, match=f"{type(scheduler).__name__} does not follow a flow: expected") as error:
        draw(pipe)
    assert "\n" not in str(error.value)


# Caches ---------------------------------------------------------------------------------------------------------------


def test_a_cache_keeps_prompt_and_negative_prompt_apart():
    """One that never holds changes nothing, also where the two have other lengths."""
    pipe = build_deep()
    usual = draw(pipe, num_inference_steps=4)
    pipe.transformer.enable_cache(FirstBlockCacheConfig(threshold=0.0))
    assert_close(draw(pipe, num_inference_steps=4), usual)
    assert_close(draw(pipe, num_inference_steps=4), usual)  # nothing is left of the call before
    pipe.transformer.disable_cache()


def test_attention_broadcast_draws_as_in_diffusers_own_pipeline():
    """It asks the pipeline for the timestep. It knows no contexts, so it is for one prompt without guidance."""
    pipe, steps = build_deep(), 4
    usual = draw(pipe, num_inference_steps=steps, controlnet_conditioning_scale=0, guidance_scale=1.0)
    own = own_pipeline(pipe)
    images = []
    for one in (pipe, own):
        pipe.transformer.enable_cache(
            PyramidAttentionBroadcastConfig(
                spatial_attention_block_skip_range=2,
                spatial_attention_timestep_skip_range=(100, 950),
                current_timestep_callback=lambda one=one: one.current_timestep,
            )
        )
        if one is pipe:
            images.append(draw(pipe, num_inference_steps=steps, controlnet_conditioning_scale=0, guidance_scale=1.0))
        else:
            images.append(draw_own(pipe, steps=steps, own=own, negative_prompt=None))
        pipe.transformer.disable_cache()
    assert_close(*images, atol=2e-3, rtol=2e-3)
    assert not torch.allclose(images[0], usual, atol=1e-4)


def test_first_block_cache_draws_as_in_diffusers_own_pipeline():
    pipe = build_deep()
    pipe.register_to_config(rescale_guidance=True)
    usual = draw(pipe, num_inference_steps=6, controlnet_conditioning_scale=0)
    pipe.transformer.enable_cache(FirstBlockCacheConfig(threshold=0.5))
    ours, own = draw(pipe, num_inference_steps=6, controlnet_conditioning_scale=0), draw_own(pipe, steps=6)
    assert_close(ours, own, atol=2e-3, rtol=2e-3)
    assert not torch.allclose(ours, usual, atol=1e-4)


# Compiled, copied -----------------------------------------------------------------------------------------------------


def in_one_piece(pipe):
    pipe.transformer = torch.compile(pipe.transformer, backend="eager", fullgraph=True)


def in_place(pipe):
    # diffusers' own code of Qwen-Image 2.1 is not one graph.
    pipe.transformer.compile(backend="eager", fullgraph=pipe.backbone.name != "qwen-image-2.1")


def by_blocks(pipe):
    pipe.transformer.compile_repeated_blocks(backend="eager", fullgraph=True)


WAYS = [*(("qwen-image", way) for way in (in_one_piece, in_place, by_blocks)), *((n, in_place) for n in EDITING)]


@pytest.mark.parametrize(("name", "way"), dict.fromkeys(WAYS))
def test_a_compiled_transformer_draws_the_same_with_and_without_depth(name, way):
    """First without: what is compiled then must not be used where there is depth."""
    torch._dynamo.reset()
    plain, pipe = build(name), build(name)
    way(pipe)
    short = {"num_inference_steps": 1, "guidance_scale": 1.0, "geometry": ramp()}
    images = []
    for strength in (0, 1.0, 0.5, 0):
        images.append(draw(pipe, controlnet_conditioning_scale=strength, **short))
        assert_close(images[-1], draw(plain, controlnet_conditioning_scale=strength, **short), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(images[0], images[1], atol=1e-3)


def without_lora() -> dict:
    parts = tiny_components()
    tensors = parts["spatialfusion"].backbone_tensors
    parts["spatialfusion"].backbone_tensors = {k: v for k, v in tensors.items() if not k.startswith("lora.")}
    return parts


@pytest.mark.parametrize("built", ["before it runs", "after it ran"])
def test_depth_without_a_lora_reaches_a_transformer_that_was_compiled_and_run_without_depth(built):
    """Hooks alone bring depth then, and torch.compile does not look for new ones."""
    torch._dynamo.reset()
    plain, parts = quiet(SpatialFusionPipeline(**without_lora(), default_size=SIZE)), without_lora()
    short = {"num_inference_steps": 1, "guidance_scale": 1.0, "geometry": ramp()}
    calls = []
    watch = plain.transformer.register_forward_pre_hook(lambda _, args, kwargs: calls.append(kwargs), with_kwargs=True)
    images = [draw(plain, controlnet_conditioning_scale=strength, **short) for strength in (0, 1.0)]
    watch.remove()
    parts["transformer"].compile(backend="eager", fullgraph=True)
    if built == "after it ran":
        with torch.no_grad():
            parts["transformer"](**calls[0])
    pipe = quiet(SpatialFusionPipeline(**parts, default_size=SIZE))
    for strength, expected in zip((0, 1.0), images):
        assert_close(draw(pipe, controlnet_conditioning_scale=strength, **short), expected, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(*images, atol=1e-3)


def test_a_pipeline_can_be_built_of_and_saved_with_compiled_parts(tmp_path):
    torch._dynamo.reset()
    plain, parts = build(), tiny_components()
    for name in ("transformer", "vae", "text_encoder"):
        parts[name] = torch.compile(parts[name], backend="eager")
    pipe = quiet(SpatialFusionPipeline(**parts, default_size=SIZE))
    short = {"num_inference_steps": 1, "guidance_scale": 1.0, "output_type": "pt"}
    images = draw(plain, **short)
    assert_close(draw(pipe, **short), images, atol=1e-4, rtol=1e-4)
    pipe.save_pretrained(tmp_path / "model")
    loaded = in_own_memory(quiet(SpatialFusionPipeline.from_pretrained(tmp_path / "model")))
    assert torch.equal(draw(loaded, **short), images)


def pickled(pipe):
    return pickle.loads(pickle.dumps(pipe))


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
def test_a_copy_draws_the_same_and_is_another(copied):
    pipe = build()
    images = draw(pipe)
    again = copied(pipe)
    assert torch.equal(draw(again), images)
    with torch.no_grad():
        again.transformer.img_in.weight.zero_()
        again.delta.weight.zero_()
    assert torch.equal(draw(pipe), images) and not torch.equal(draw(again), images)


# LoRAs of others ------------------------------------------------------------------------------------------------------


def add_users_lora(pipe, name="user"):
    """A LoRA with weights, on modules that ours is on, too."""
    config = LoraConfig(r=2, lora_alpha=4, target_modules=["attn.to_q", "attn.to_out.0", "img_mlp.net.2"])
    pipe.transformer.add_adapter(config, adapter_name=name)
    with torch.no_grad():
        for key, parameter in pipe.transformer.named_parameters():
            if f".lora_B.{name}." in key:
                parameter.copy_(torch.randn(parameter.shape, generator=seed(len(key))) / 10)


def test_depth_is_the_same_beside_a_fused_lora():
    pipe = build()
    usual = draw(pipe)
    add_users_lora(pipe)
    beside = draw(pipe)
    assert not torch.allclose(beside, usual, atol=1e-2)
    pipe.transformer.fuse_lora(adapter_names=["user"])
    assert_close(draw(pipe), beside, atol=1e-3, rtol=1e-3)
    base = draw(pipe, controlnet_conditioning_scale=0)
    pipe.transformer.unfuse_lora()
    assert_close(draw(pipe, controlnet_conditioning_scale=0), base, atol=1e-3, rtol=1e-3)
    assert_close(draw(pipe), beside, atol=1e-3, rtol=1e-3)


def test_depth_is_there_when_loras_are_disabled_or_unloaded():
    pipe = build()
    usual = draw(pipe)
    add_users_lora(pipe)
    pipe.transformer.disable_adapters()
    assert_close(draw(pipe), usual, atol=1e-4, rtol=1e-4)
    pipe.transformer.enable_adapters()
    pipe.transformer.unload_lora()
    assert_close(draw(pipe), usual, atol=1e-4, rtol=1e-4)
    add_users_lora(pipe)
    beside = draw(pipe)
    pipe.transformer.fuse_lora(adapter_names=["user"])
    pipe.transformer.unload_lora()  # as is usual after fusing
    assert_close(draw(pipe), beside, atol=1e-3, rtol=1e-3)
    # Another transformer in place of the first has it, too.
    pipe.transformer = tiny_components()["transformer"]
    assert_close(draw(pipe), usual, atol=1e-4, rtol=1e-4)


def test_our_own_lora_is_not_fused():
    pipe = build()
    add_users_lora(pipe)
    pipe.transformer.set_adapters(["user", "spatialfusion"])
    pipe.transformer.fuse_lora()
    for changes in ({}, {"controlnet_conditioning_scale": 0}):
        with pytest.raises(InputError, match=r"'spatialfusion', which brings depth, was fused .* unfuse_lora\(\)"):
            draw(pipe, **changes)


# Weights of few bits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EDITING)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_transformer_that_is_stored_in_8_bit_floats_has_depth_in_its_compute_dtype(name, when):
    parts = TINY_BACKBONES[name].components()
    options = {"storage_dtype": torch.float8_e4m3fn, "compute_dtype": torch.float32}
    if when == "before":
        parts["transformer"].enable_layerwise_casting(**options)
    pipe = quiet(SpatialFusionPipeline(**parts, default_size=SIZE))
    if when == "after":
        pipe.transformer.enable_layerwise_casting(**options)
    # The same weights, rounded by hand.
    rounded = TINY_BACKBONES[name].components()
    reference = quiet(SpatialFusionPipeline(**rounded, default_size=SIZE))
    stored = pipe.transformer.state_dict()
    with torch.no_grad():
        for key, parameter in reference.transformer.named_parameters():
            if ".spatialfusion." not in key:
                parameter.copy_(stored[key].to(parameter.dtype))
    for changes in ({}, {"controlnet_conditioning_scale": 0}):
        assert_close(draw(pipe, **changes), draw(reference, **changes), atol=1e-4, rtol=1e-4)
    assert {t.dtype for k, t in stored.items() if k.endswith("to_q.base_layer.weight")} == {torch.float8_e4m3fn}
    assert pipe.delta.weight.dtype == torch.float32
