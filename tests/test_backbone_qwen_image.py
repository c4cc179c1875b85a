"""How Qwen-Image is called and sampled, and how depth enters it."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, QwenImagePipeline, QwenImageTransformer2DModel
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_inputs import random_context, random_latents, stir_lora, stirred_delta
from torch import Tensor, nn

from spatialfusion.backbones import qwen_image as qi
from spatialfusion.backbones.depth_injection import backbone_tensors
from spatialfusion.backbones.sampling import Draw, draw_noise, set_steps
from spatialfusion.errors import InputError
from spatialfusion.model.context import SemanticContext, fit_text

WIDTH = 24
SHAPE = (16, 4, 6)


def make_transformer(seed: int = 0, **changes) -> QwenImageTransformer2DModel:
    torch.manual_seed(seed)
    sizes = {"num_layers": 2, "attention_head_dim": 16, "num_attention_heads": 2, "axes_dims_rope": (4, 6, 6)}
    sizes |= {"patch_size": 2, "in_channels": 64, "out_channels": 16, "joint_attention_dim": WIDTH}
    return QwenImageTransformer2DModel(**(sizes | changes)).eval()


def make_context(lengths: list[int], seed: int = 0) -> SemanticContext:
    return random_context(lengths, WIDTH, seed=seed)


def make_latents(batch: int = 2, shape: tuple[int, int, int] = SHAPE, seed: int = 0) -> Tensor:
    return random_latents(batch, shape, seed)


def call(transformer: nn.Module, latents: Tensor, references: list[Tensor] | None = None, lengths=(5, 3)) -> Tensor:
    context = make_context(list(lengths))
    t = torch.linspace(0.2, 0.9, len(latents))
    return qi.velocity(transformer, latents, references or [], t, context.prompt_embeds, context.prompt_mask)


class Recorder:
    """Records the tokens that reach a transformer's input projection."""

    def __init__(self, transformer: nn.Module):
        self.inputs: list[Tensor] = []
        self.handle = transformer.img_in.register_forward_pre_hook(lambda _, args: self.inputs.append(args[0].clone()))


# Tokens and the network call


@settings(deadline=None, max_examples=20)
@given(batch=st.integers(1, 3), h=st.integers(1, 5), w=st.integers(1, 5), channels=st.sampled_from([4, 16]))
def test_packing_is_diffusers_own_and_can_be_undone(batch: int, h: int, w: int, channels: int) -> None:
    latents = torch.randn(batch, channels, 2 * h, 2 * w)
    tokens = qi.pack(latents)
    assert torch.equal(tokens, QwenImagePipeline._pack_latents(latents, batch, channels, 2 * h, 2 * w))
    assert torch.equal(qi.unpack(tokens, 2 * h, 2 * w), latents)
    assert torch.equal(
        qi.unpack(tokens, 2 * h, 2 * w), QwenImagePipeline._unpack_latents(tokens, 16 * h, 16 * w, 8)[:, :, 0]
    )


def test_velocity_calls_the_network_as_diffusers_pipelines_do() -> None:
    transformer = make_transformer()
    latents, reference = make_latents(), make_latents(shape=(16, 6, 4), seed=1)
    context, t = make_context([5, 3]), torch.tensor([0.3, 0.8])
    ours = qi.velocity(transformer, latents, [reference], t, context.prompt_embeds, context.prompt_mask)
    packed = QwenImagePipeline._pack_latents(latents, 2, *SHAPE)
    packed_reference = QwenImagePipeline._pack_latents(reference, 2, 16, 6, 4)
    theirs = transformer(
        hidden_states=torch.cat([packed, packed_reference], dim=1),
        encoder_hidden_states=context.prompt_embeds,
        encoder_hidden_states_mask=context.prompt_mask,
        timestep=t,
        img_shapes=[[(1, 2, 3), (1, 3, 2)]] * 2,
        return_dict=False,
    )[0][:, :6]
    assert torch.equal(ours, QwenImagePipeline._unpack_latents(theirs, 32, 48, 8)[:, :, 0])


def test_text_padding_changes_nothing_that_is_read() -> None:
    transformer, latents, context = make_transformer(), make_latents(), make_context([5, 3])
    t = torch.tensor([0.3, 0.8])
    expected = qi.velocity(transformer, latents, [], t, context.prompt_embeds, context.prompt_mask)
    padded_embeds = torch.cat([context.prompt_embeds, torch.full((2, 7, WIDTH), 9.0)], dim=1)
    padded_mask = torch.cat([context.prompt_mask, torch.zeros(2, 7, dtype=torch.bool)], dim=1)
    for multiple in (1, 4, 16):
        v = qi.velocity(transformer, latents, [], t, padded_embeds, padded_mask, multiple)
        torch.testing.assert_close(v, expected, atol=1e-5, rtol=1e-4)
    embeds, mask = fit_text(padded_embeds, padded_mask, 4)
    assert embeds.shape == (2, 8, WIDTH) and mask.sum(1).tolist() == [5, 3]
    assert fit_text(padded_embeds[:1], padded_mask[:1])[1] is None


def test_autocast_keeps_the_noise_level_exact() -> None:
    transformer = make_transformer()
    seen = []
    transformer.time_text_embed.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    context, t = make_context([5, 3]), torch.tensor([0.97, 0.971])
    with torch.autocast("cpu", torch.bfloat16):
        qi.velocity(transformer, make_latents(), [], t, context.prompt_embeds, context.prompt_mask)
    assert torch.equal(seen[0], t)
    assert not transformer.img_in._forward_hooks


def test_the_layered_variant_is_refused() -> None:
    with pytest.raises(InputError, match="layered"):
        qi.BACKBONE.check_architecture(make_transformer(use_additional_t_cond=True))


@pytest.mark.parametrize("lengths", [(5, 3), (4, 4)])
def test_short_attention_equals_diffusers_own(lengths: tuple[int, int]) -> None:
    latents, references = make_latents(), [make_latents(seed=1)]
    expected = call(make_transformer(), latents, references, lengths)
    transformer = make_transformer()
    qi.use_short_attention(transformer)
    torch.testing.assert_close(call(transformer, latents, references, lengths), expected, atol=1e-5, rtol=1e-4)


# Depth


def test_a_concatenated_residual_is_as_columns_of_the_projection() -> None:
    latents, reference, residual = make_latents(), make_latents(seed=5), make_latents(1, seed=2)
    transformer = make_transformer()
    base = call(transformer, latents, [reference])
    delta = qi.BACKBONE.projection_delta(transformer, transformer.img_in.in_features)
    assert delta.in_features == 128
    recorder = Recorder(transformer)
    with qi.BACKBONE.inject(transformer, residual, delta):
        assert torch.equal(call(transformer, latents, [reference]), base)  # the columns start at zero
    nn.init.normal_(delta.weight, std=0.1)
    projected = []
    # What the projection with its hooks returns is the first block's input.
    transformer.transformer_blocks[0].register_forward_pre_hook(
        lambda _, _args, kwargs: projected.append(kwargs["hidden_states"]), with_kwargs=True
    )
    for strength in (1.0, 0.5, 0.0):
        projected.clear()
        with qi.BACKBONE.inject(transformer, residual, delta, strength) as injection:
            result = call(transformer, latents, [reference])
            injection.active = False
            assert torch.equal(call(transformer, latents, [reference]), base)
        # Nothing is added to the latent itself; the reference's tokens have no depth.
        tokens = torch.cat([qi.pack(latents), qi.pack(reference)], dim=1)
        assert torch.equal(recorder.inputs[-1], tokens)
        beside = torch.cat([qi.pack(residual).expand(2, -1, -1), torch.zeros_like(qi.pack(reference))], dim=1)
        expected = transformer.img_in.forward(tokens) + strength * delta(torch.cat([tokens, beside], dim=2))
        assert torch.equal(result, base) == (strength == 0)
        torch.testing.assert_close(projected[0], expected)
    with qi.BACKBONE.inject(transformer, residual, delta), pytest.raises(InputError, match="same image size"):
        call(transformer, make_latents(1, (16, 2, 2)), lengths=(3,))

    residual.requires_grad_()
    with qi.BACKBONE.inject(transformer, residual, delta):
        call(transformer, latents).square().sum().backward()
    assert residual.grad.abs().sum() > 0 and delta.weight.grad[:, 64:].abs().sum() > 0
    tensors = backbone_tensors(transformer, delta)
    assert torch.equal(qi.BACKBONE.load_backbone_tensors(make_transformer(), tensors).weight, delta.weight)


def test_other_adapters_stay_active() -> None:
    from peft import LoraConfig

    transformer, latents = make_transformer(), make_latents()
    transformer.add_adapter(LoraConfig(r=2, lora_alpha=2, target_modules=["attn.to_q"]), adapter_name="style")
    stir_lora(transformer)
    expected = call(transformer, latents)
    qi.BACKBONE.add_lora(transformer, 4)
    assert torch.equal(call(transformer, latents), expected)
    with qi.BACKBONE.inject(transformer, torch.zeros(2, *SHAPE)):
        torch.testing.assert_close(call(transformer, latents), expected)  # ours is untrained, theirs must count
    assert torch.equal(call(transformer, latents), expected)


def test_lora_and_injection_work_with_compiled_blocks() -> None:
    transformer, latents = make_transformer(), make_latents()
    qi.use_short_attention(transformer)
    qi.BACKBONE.add_lora(transformer, 4)
    stir_lora(transformer)
    delta, residual = stirred_delta(qi.BACKBONE, transformer), make_latents(seed=2)

    def results() -> list[Tensor]:
        outputs = [call(transformer, latents)]
        for strength in (1.0, 0.5, 0.0):
            with qi.BACKBONE.inject(transformer, residual, delta, strength):
                outputs.append(call(transformer, latents))
        return [*outputs, call(transformer, latents)]

    expected = results()
    transformer.compile_repeated_blocks(backend="aot_eager")  # the graphs, without the minutes of a C++ compiler
    compiled = results()
    for ours, eager in zip(compiled, expected):
        torch.testing.assert_close(ours, eager, atol=1e-5, rtol=1e-4)
    assert torch.equal(compiled[0], compiled[-1]) and torch.equal(compiled[0], compiled[-2])


# Sampling


def draw(transformer: nn.Module, **options) -> Tensor:
    options = {"steps": 4, "guidance": 3.0, "references": []} | options
    noise = draw_noise([torch.Generator().manual_seed(i) for i in range(2)], SHAPE)
    contexts = make_context([5, 3]), make_context([2, 2], seed=1)
    return qi.BACKBONE.sample_latents(transformer, qi.tiny_scheduler(), Draw(*contexts, noise=noise, **options))


def test_depth_is_given_to_the_steps_of_its_range() -> None:
    transformer = make_transformer()
    qi.BACKBONE.add_lora(transformer, 4)
    stir_lora(transformer)
    delta, residual = stirred_delta(qi.BACKBONE, transformer), make_latents(seed=2)
    recorder = Recorder(transformer)

    def with_depth(strength: float = 1.0, **options) -> Tensor:
        return draw(transformer, injection=qi.BACKBONE.inject(transformer, residual, delta, strength), **options)

    with_depth(depth_range=(0.25, 0.75), guidance=1.0)
    late = recorder.inputs[3]
    recorder.inputs.clear()
    steps = []
    with_depth(depth_range=(0.25, 0.75), guidance=1.0, callback=lambda i, z: steps.append((i, qi.pack(z))))
    assert [i for i, _ in steps] == [0, 1, 2, 3]
    # Steps 1 and 2 of 4 see the shifted latent, steps 0 and 3 the latent itself.
    assert torch.equal(recorder.inputs[1], steps[0][1] + qi.pack(residual))
    assert torch.equal(recorder.inputs[2], steps[1][1] + qi.pack(residual))
    assert torch.equal(recorder.inputs[3], steps[2][1]) and torch.equal(recorder.inputs[3], late)


def test_references_and_guidance_reach_the_network() -> None:
    transformer = make_transformer()
    reference = make_latents(seed=5)
    recorder = Recorder(transformer)
    edited = draw(transformer, references=[reference])
    assert all(torch.equal(tokens[:, 6:], qi.pack(reference)) for tokens in recorder.inputs)
    assert len(recorder.inputs) == 2 * 4
    assert not torch.allclose(edited, draw(transformer), atol=1e-4)
    assert not torch.allclose(edited, draw(transformer, references=[reference], guidance=1.0), atol=1e-4)


def test_rescaled_guidance_keeps_the_norm_of_each_token() -> None:
    v, null = make_latents(), make_latents(seed=1)
    guided = qi.guide(v, null, 4.0, rescale=True)
    torch.testing.assert_close(qi.pack(guided).norm(dim=-1), qi.pack(v).norm(dim=-1))
    cosine = nn.functional.cosine_similarity(qi.pack(guided), qi.pack(null + 4 * (v - null)), dim=-1)
    torch.testing.assert_close(cosine, torch.ones_like(cosine))


@pytest.mark.parametrize("steps", [1, 4, 8, 20, 30])
def test_noise_levels_are_those_of_euler_simple_in_comfyui(steps: int) -> None:
    # ModelSamplingFlux with shift 1.15: a table of 10,000 noise levels, of which "simple" picks from the end.
    shift = math.exp(1.15)
    table = [shift / (shift + 10_000 / i - 1) for i in range(1, 10_001)]
    simple = [table[-(1 + int(x * 10_000 / steps))] for x in range(steps)] + [0.0]
    for tokens in (64, 4096):
        ours = set_steps(qi.tiny_scheduler(), steps, tokens)
        # Where 10,000 is no multiple of the steps, the table is up to 1e-4 coarse; the shift's slope is up to 3.2.
        torch.testing.assert_close(ours, torch.tensor(simple), atol=1e-6 if 10_000 % steps == 0 else 3.2e-4, rtol=0)
    assert ours[0] == 1


def test_the_schedule_survives_saving_and_large_presets_keep_theirs(tmp_path) -> None:
    qi.tiny_scheduler().save_pretrained(tmp_path)
    loaded = FlowMatchEulerDiscreteScheduler.from_pretrained(tmp_path)
    assert torch.equal(set_steps(loaded, 8, 64), set_steps(qi.tiny_scheduler(), 8, 64))
    # Qwen-Image's own: the shift grows with the resolution, and a pipeline of diffusers computes the same.
    settings = {"base_shift": 0.5, "max_shift": 0.9, "base_image_seq_len": 256, "max_image_seq_len": 8192}
    real = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift_terminal=0.02, **settings)
    from diffusers.pipelines.qwenimage.pipeline_qwenimage import calculate_shift

    ours = set_steps(real, 8, 4096).clone()
    real.set_timesteps(sigmas=[1 - i / 8 for i in range(8)], mu=calculate_shift(4096, 256, 8192, 0.5, 0.9))
    torch.testing.assert_close(ours, real.sigmas)
    # Its last level is stretched to 0.02, which the only one of a single step cannot be.
    with pytest.raises(InputError, match=r"steps is 1, .* expected at least 2"):
        set_steps(real, 1, 4096)
