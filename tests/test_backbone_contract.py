"""What a backbone is: all that is promised of one, run for each. What is particular to one has a file of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import SIZE, TINY_BACKBONES, in_own_memory
from tiny_inputs import random_context, random_latents, stir_lora, stirred_delta
from torch import Tensor, nn
from torch.testing import assert_close

from spatialfusion.backbones import BACKBONES, backbone_of, backbone_of_class
from spatialfusion.backbones.backbone import Backbone
from spatialfusion.backbones.depth_injection import backbone_tensors, base_state_dict
from spatialfusion.backbones.published import PRESETS
from spatialfusion.backbones.sampling import Draw, draw_noise
from spatialfusion.errors import InputError
from spatialfusion.latents import encode_latents
from spatialfusion.model.config import SpatialFusionConfig
from spatialfusion.model.context import PromptEncoder, SemanticContext, decoder_of
from spatialfusion.pipeline import SpatialFusionPipeline

WIDTH = 64  # channels of the tiny LLM's prompt embeddings
CELLS = (4, 6)  # of a latent
LENGTHS = (9, 8)  # of prompts
# Of the tensors of a LoRA: those that no gradient reaches, because the text of the last block goes nowhere.
UNREACHED = {"qwen-image": 8}
CAR, HOUSE = "a red car in front of a blue house", "a blue house"
FAST: dict[str, Any] = {"num_inference_steps": 2, "depth_steps": 2, "output_type": "latent"}


@pytest.fixture(params=BACKBONES, ids=lambda backbone: backbone.name)
def backbone(request) -> Backbone:
    return request.param


@pytest.fixture
def transformer(backbone) -> nn.Module:
    return TINY_BACKBONES[backbone.name].transformer()


def make_context(lengths=LENGTHS, images: int = 0, seed: int = 0) -> SemanticContext:
    """Prompts of random embeddings; from their second token on there are those of `images`, a token for 4 cells."""
    return random_context(list(lengths), WIDTH, images * CELLS[0] * CELLS[1] // 4, seed)


def make_latents(backbone: Backbone, batch: int = 2, cells=CELLS, seed: int = 0) -> Tensor:
    return random_latents(batch, (TINY_BACKBONES[backbone.name].channels, *cells), seed)


def call(backbone: Backbone, transformer: nn.Module, latents: Tensor, references=(), lengths=LENGTHS) -> Tensor:
    t = torch.linspace(0.2, 0.9, len(latents))
    return backbone.predict(transformer, latents, references, t, make_context(lengths, len(references)))


def draw(backbone: Backbone, transformer: nn.Module, **options) -> Tensor:
    options = {"steps": 4, "guidance": 3.0, "references": []} | options
    images = len(options["references"])
    noise = draw_noise(generators(0, 1), (TINY_BACKBONES[backbone.name].channels, *CELLS))
    contexts = make_context(images=images), make_context((7, 7), images, seed=1)
    return backbone.sample_latents(transformer, new_scheduler(), Draw(*contexts, noise=noise, **options))


def new_scheduler() -> FlowMatchEulerDiscreteScheduler:
    return FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, base_shift=0.5, max_shift=0.9)


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def record(backbone: Backbone, transformer: nn.Module) -> list[Tensor]:
    """What reaches the input projection from now on."""
    inputs: list[Tensor] = []
    projection = backbone.projection_of(transformer)
    projection.register_forward_pre_hook(lambda _, args: inputs.append(args[0].clone()))
    return inputs


def some_references(backbone: Backbone, count: int) -> list[Tensor]:
    if count and not backbone.edits:
        pytest.skip("it reads no source images")
    return [make_latents(backbone, seed=20 + i) for i in range(count)]


# The record -----------------------------------------------------------------------------------------------------------


def test_names_are_unique_and_each_has_a_preset() -> None:
    for name in ("name", "class_name"):
        assert len({getattr(backbone, name) for backbone in BACKBONES}) == len(BACKBONES)
    assert {preset.backbone.name for preset in PRESETS.values()} == {backbone.name for backbone in BACKBONES}


def test_it_is_found_by_its_network_and_refuses_others_by_name(backbone, transformer) -> None:
    assert backbone_of(transformer) is backbone and backbone_of_class(type(transformer).__name__) is backbone
    residual = make_latents(backbone)
    for other in BACKBONES:
        if other is not backbone:
            with pytest.raises(InputError, match=f"{backbone.class_name}: supported is {other.class_name}"):
                other.inject(transformer, residual)
    for act in (backbone.inject, backbone.add_lora, backbone.load_backbone_tensors):
        with pytest.raises(InputError, match=f"Linear: supported is {backbone.class_name}"):
            act(nn.Linear(2, 2), {})
    with pytest.raises(InputError, match=f"Linear: supported are .*{BACKBONES[-1].class_name}"):
        backbone_of(nn.Linear(2, 2))


@settings(deadline=None, max_examples=20)
@given(batch=st.integers(1, 3), rows=st.integers(1, 4), columns=st.integers(1, 4), channels=st.sampled_from([4, 16]))
@pytest.mark.parametrize("backbone", BACKBONES, ids=lambda backbone: backbone.name)
def test_packing_can_be_undone(backbone, batch: int, rows: int, columns: int, channels: int) -> None:
    latents = torch.randn(batch, channels, 2 * rows, 2 * columns)
    assert torch.equal(backbone.unpack(backbone.pack(latents), 2 * rows, 2 * columns), latents)


def test_the_published_network_has_every_layer_that_is_named(backbone) -> None:
    """The LoRA's and the input projection, of its presets; in ComfyUI each is a module, or a part of one."""
    for preset in PRESETS.values():
        if preset.backbone is not backbone:
            continue
        network = preset.transformer.build("meta", torch.float32)
        linears = {name: m for name, m in network.named_modules() if isinstance(m, nn.Linear)}
        projection = linears[backbone.projection]
        assert preset.spatial.projection_shape == tuple(projection.weight.shape)
        cells = preset.pixels_per_token // preset.spatial.latent_stride
        assert cells == backbone.patch and projection.in_features == preset.spatial.latent_channels * cells**2
        targets = backbone.lora_targets
        if isinstance(targets, str):
            found = [name for name in linears if re.fullmatch(targets, name)]
        else:
            found = [name for name in linears if name.endswith(tuple(f".{target}" for target in targets))]
            assert all(any(name.endswith(f".{target}") for name in linears) for target in targets)
        blocks = {name.split(".")[0] + name.split(".")[1] for name in found}
        assert len(found) % len(blocks) == 0 and len(blocks) >= 30
        if backbone.host is not None:
            parts = [backbone.host.part_of(name, linears[name].out_features) for name in found]
            assert len({(name, None if part is None else part.start) for name, part in parts}) == len(found)


# The network call -----------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=6)
@given(
    lengths=st.lists(st.integers(8, 10), min_size=1, max_size=3),
    size=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    images=st.integers(0, 1),
)
@pytest.mark.parametrize("backbone", BACKBONES, ids=lambda backbone: backbone.name)
def test_a_batch_equals_singles_at_any_size(backbone, lengths: list[int], size: tuple, images: int) -> None:
    transformer, batch = TINY_BACKBONES[backbone.name].transformer(), len(lengths)
    images = images if backbone.edits else 0
    context, t = make_context(lengths, images), torch.linspace(0.1, 1.0, batch)
    latents, residual = (make_latents(backbone, batch, (2 * size[0], 2 * size[1]), seed) for seed in (0, 9))
    references = [make_latents(backbone, batch, seed=1)] * images

    def answer(rows: slice) -> Tensor:
        with backbone.inject(transformer, residual[rows]):
            part = [reference[rows] for reference in references]
            return backbone.predict(transformer, latents[rows], part, t[rows], context[rows])

    together = answer(slice(0, batch))
    assert together.shape == latents.shape and together.dtype == torch.float32
    for i in range(batch):
        assert_close(answer(slice(i, i + 1)), together[i : i + 1], atol=1e-5, rtol=1e-4)


def test_everything_given_to_the_network_matters(backbone, transformer) -> None:
    latents = make_latents(backbone)
    references = some_references(backbone, 2) if backbone.edits else []
    # Room for the images' own tokens.
    lengths = (15, 14)
    base = call(backbone, transformer, latents, references, lengths)
    others = {
        "latents": call(backbone, transformer, make_latents(backbone, seed=3), references, lengths),
        "prompt": call(backbone, transformer, latents, references, (16, 13)),
    }
    if references:
        others["no references"] = call(backbone, transformer, latents, (), lengths)
        others["one reference"] = call(backbone, transformer, latents, references[:1], lengths)
        others["their order"] = call(backbone, transformer, latents, references[::-1], lengths)
    context = make_context(lengths, len(references))
    others["time"] = backbone.predict(transformer, latents, references, torch.tensor([0.4, 0.5]), context)
    for name, other in others.items():
        assert (other - base).abs().max() > 1e-4, name
    with pytest.raises(InputError, match=r"even|multiples of 2"):
        call(backbone, transformer, make_latents(backbone, cells=(4, 5)))
    if not backbone.edits:
        with pytest.raises(InputError, match=f"{backbone.name} draws from text alone"):
            call(backbone, transformer, latents, [latents])


def test_one_step_lands_on_the_networks_estimate(backbone, transformer) -> None:
    """1 is pure noise, and the velocity is noise - x0: also where the network counts otherwise."""
    channels = TINY_BACKBONES[backbone.name].channels
    noise = draw_noise(generators(0, 1), (channels, *CELLS))
    v = backbone.predict(transformer, noise, [], torch.ones(2), make_context())
    assert_close(draw(backbone, transformer, steps=1, guidance=1.0), noise - v, atol=1e-5, rtol=1e-4)
    with pytest.raises(InputError, match="at least 1"):
        draw(backbone, transformer, steps=0)


# Depth ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("images", [0, 1])
def test_only_the_target_in_the_networks_input_is_shifted(backbone, transformer, images: int) -> None:
    references = some_references(backbone, images)
    latents, residual = make_latents(backbone), make_latents(backbone, seed=2)
    inputs, runs = record(backbone, transformer), []
    for sample, strength in ((latents, None), (latents, 0.5), (latents, None), (latents + 0.5 * residual, None)):
        if strength is None:
            call(backbone, transformer, sample, references)
        else:
            with backbone.inject(transformer, residual, strength=strength):
                call(backbone, transformer, sample, references)
        runs.append(torch.cat(inputs))
        inputs.clear()
    base, shifted, after, expected = runs
    assert torch.equal(shifted, expected) and torch.equal(after, base) and not torch.equal(shifted, base)


def test_without_effect_it_is_the_base_to_the_bit(backbone, transformer) -> None:
    latents, references = make_latents(backbone), some_references(backbone, 1) if backbone.edits else []
    expected = call(backbone, transformer, latents, references)
    zeros, residual = torch.zeros_like(latents), make_latents(backbone, seed=2)
    backbone.add_lora(transformer, 4)
    with backbone.inject(transformer, zeros, backbone.projection_delta(transformer)):
        assert torch.equal(call(backbone, transformer, latents, references), expected), "untrained"
    stir_lora(transformer)
    delta = stirred_delta(backbone, transformer)
    assert torch.equal(call(backbone, transformer, latents, references), expected), "a LoRA outside of an injection"
    with backbone.inject(transformer, residual, delta, strength=0.0):
        assert torch.equal(call(backbone, transformer, latents, references), expected), "strength 0"
    with backbone.inject(transformer, residual, delta) as injection:
        assert not torch.allclose(call(backbone, transformer, latents, references), expected, atol=1e-3)
        injection.active = False
        assert torch.equal(call(backbone, transformer, latents, references), expected), "inactive"
        injection.active = True
        assert not torch.allclose(call(backbone, transformer, latents, references), expected, atol=1e-3)
    assert torch.equal(call(backbone, transformer, latents, references), expected), "after"
    with backbone.inject(transformer, zeros):
        # The LoRA works also where depth was dropped.
        assert not torch.allclose(call(backbone, transformer, latents, references), expected, atol=1e-4)


def test_each_part_scales_with_strength(backbone) -> None:
    make, latents, strength = TINY_BACKBONES[backbone.name].transformer, make_latents(backbone), 0.4
    zeros = torch.zeros_like(latents)
    # The delta: as if the projection's own weights had been changed.
    changed, transformer = make(), make()
    delta, projection = stirred_delta(backbone, transformer), backbone.projection_of(changed)
    with torch.no_grad():
        projection.weight += strength * delta.weight
        bias = torch.zeros(projection.out_features) if projection.bias is None else projection.bias
        projection.bias = nn.Parameter(bias + strength * delta.bias)
    with backbone.inject(transformer, zeros, delta, strength):
        ours, theirs = (call(backbone, network, latents) for network in (transformer, changed))
    assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
    # The LoRA: as if B A had been added to the weights.
    changed, transformer = make(), make()
    backbone.add_lora(transformer, 4)
    stir_lora(transformer)
    tensors, modules = backbone_tensors(transformer, None), dict(changed.named_modules())
    names = {key.rsplit(".lora_", 1)[0] for key in tensors}
    with torch.no_grad():
        for name in names:
            product = tensors[f"{name}.lora_B.weight"] @ tensors[f"{name}.lora_A.weight"]
            modules[name.removeprefix("lora.")].weight += strength * product
    with backbone.inject(transformer, zeros, strength=strength):
        assert_close(call(backbone, transformer, latents), call(backbone, changed, latents), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("checkpointed", [False, True])
def test_gradients_reach_what_is_trained_and_nothing_else(backbone, transformer, checkpointed: bool) -> None:
    transformer.requires_grad_(False)
    if checkpointed:
        transformer.enable_gradient_checkpointing()
    lora = backbone.add_lora(transformer, 4)
    stir_lora(transformer)
    delta, residual = stirred_delta(backbone, transformer), make_latents(backbone, seed=2).requires_grad_()
    references = some_references(backbone, 1) if backbone.edits else []
    with backbone.inject(transformer, residual, delta):
        call(backbone, transformer, make_latents(backbone), references).square().sum().backward()
    assert residual.grad.abs().sum((1, 2, 3)).all()
    assert delta.weight.grad.abs().sum() > 0 and delta.bias.grad.abs().sum() > 0
    assert all(parameter.requires_grad for parameter in lora)
    reached = [p for p in lora if p.grad is not None and p.grad.abs().sum() > 0]
    assert len(reached) == len(lora) - UNREACHED.get(backbone.name, 0)
    assert not any(p.grad is not None for n, p in transformer.named_parameters() if ".lora_" not in n)


def test_batches_of_guidance_repeat_the_residual_and_other_sizes_are_refused(backbone, transformer) -> None:
    latents, residual = make_latents(backbone, 1), make_latents(backbone, 1, seed=2)
    inputs = record(backbone, transformer)
    for lengths in ((8, 8), LENGTHS):
        with backbone.inject(transformer, residual):
            call(backbone, transformer, latents.repeat(2, 1, 1, 1), lengths=lengths)
        call(backbone, transformer, (latents + residual).repeat(2, 1, 1, 1), lengths=lengths)
        half = len(inputs) // 2
        assert all(torch.equal(a, b) for a, b in zip(inputs[:half], inputs[half:], strict=True))
        inputs.clear()
    with backbone.inject(transformer, residual), pytest.raises(InputError, match="same image size"):
        call(backbone, transformer, make_latents(backbone, 1, (2, 2)), lengths=(3,))


def test_saved_tensors_restore_the_change_and_the_base_keeps_its_names(backbone, transformer) -> None:
    make, latents = TINY_BACKBONES[backbone.name].transformer, make_latents(backbone)
    base = {name: tensor.clone() for name, tensor in transformer.state_dict().items()}
    backbone.add_lora(transformer, 4)
    stir_lora(transformer)
    delta, residual = stirred_delta(backbone, transformer), make_latents(backbone, seed=2)
    with backbone.inject(transformer, residual, delta, 0.7):
        expected = call(backbone, transformer, latents)
    tensors = {name: tensor.clone() for name, tensor in backbone_tensors(transformer, delta).items()}
    assert {"projection.weight", "projection.bias"} <= tensors.keys()
    kept = base_state_dict(transformer)
    assert kept.keys() == base.keys() and all(torch.equal(kept[name], base[name]) for name in base)

    fresh = make()
    loaded = backbone.load_backbone_tensors(fresh, tensors)
    with backbone.inject(fresh, residual, loaded, 0.7):
        assert torch.equal(call(backbone, fresh, latents), expected)
    assert backbone.load_backbone_tensors(make(), {}) is None
    layers = "n_layers" if "n_layers" in transformer.config else "num_layers"
    with pytest.raises(InputError, match="another diffusion model"):
        backbone.load_backbone_tensors(make(**{layers: 1}), tensors)
    with pytest.raises(InputError, match="input projection"):
        backbone.load_backbone_tensors(make(), {"projection.weight": torch.zeros(3, 64)})


# Sampling -------------------------------------------------------------------------------------------------------------


def test_the_shift_stays_in_the_networks_input(backbone, transformer) -> None:
    """The sampler's own latent is never shifted: a network that answers the same whatever it is given is not moved."""
    answer: Callable[..., Any] = transformer.forward

    def deaf(*args: Any, **kwargs: Any) -> tuple[Any]:
        (output, *_) = answer(*args, **kwargs)
        constant = [torch.full_like(one, 0.3) for one in output]
        return (constant if isinstance(output, list) else torch.stack(constant),)

    transformer.forward = deaf
    without = draw(backbone, transformer)
    injection = backbone.inject(transformer, 5 * make_latents(backbone, seed=2))
    assert torch.equal(draw(backbone, transformer, injection=injection), without)


def test_depth_holds_for_its_part_of_the_schedule(backbone, transformer) -> None:
    backbone.add_lora(transformer, 4)
    stir_lora(transformer)
    delta, residual = stirred_delta(backbone, transformer), make_latents(backbone, seed=2)
    without = draw(backbone, transformer)

    def with_depth(strength: float = 1.0, **options) -> Tensor:
        injection = backbone.inject(transformer, residual, delta, strength)
        return draw(backbone, transformer, injection=injection, **options)

    assert torch.equal(with_depth(0.0), without)
    for nothing in ((0.0, 0.0), (1.0, 1.0)):
        assert torch.equal(with_depth(depth_range=nothing), without)
    assert not torch.allclose(with_depth(), without, atol=1e-3)
    assert not torch.allclose(with_depth(depth_range=(0.5, 1.0)), with_depth(), atol=1e-4)


def test_a_sample_depends_on_its_own_generator_alone(backbone, transformer) -> None:
    references = some_references(backbone, 1) if backbone.edits else []
    both = draw(backbone, transformer, references=references)
    images = len(references)
    context, null = make_context(images=images), make_context((7, 7), images, seed=1)
    noise = draw_noise(generators(1), (TINY_BACKBONES[backbone.name].channels, *CELLS))
    alone = Draw(context[1], null[1], [reference[1:] for reference in references], noise, 4, 3.0)
    second = backbone.sample_latents(transformer, new_scheduler(), alone)
    assert_close(second, both[1:], atol=2e-5, rtol=1e-4)


# The pipeline ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=BACKBONES, ids=lambda backbone: backbone.name)
def pipe(request) -> SpatialFusionPipeline:
    pipe = SpatialFusionPipeline(**TINY_BACKBONES[request.param.name].components(), default_size=SIZE)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture
def image(pipe) -> Tensor | None:
    return torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)) if pipe.backbone.edits else None


def test_strength_0_is_the_base_model_bit_for_bit(pipe, image) -> None:
    off = pipe(CAR, image, controlnet_conditioning_scale=0, generator=generators(0), **FAST)
    assert off.geometry is None
    backbone, config = pipe.backbone, pipe.spatialfusion.config
    bare = backbone.architecture.from_config(pipe.transformer.config).eval()
    bare.load_state_dict(base_state_dict(pipe.transformer))
    parts = pipe.text_encoder, pipe.tokenizer, pipe.image_processor, config.num_layers, backbone.template
    encoder, images = PromptEncoder(*parts), [[] if image is None else [image]]
    draw = Draw(
        encoder.encode([CAR], images),
        encoder.encode([""], images, allow_empty=True),
        [] if image is None else [encode_latents(pipe.vae, image[None])],
        draw_noise(generators(0), (config.latent_channels, SIZE // config.latent_stride, SIZE // config.latent_stride)),
        2,
        4.0,
    )
    scheduler = type(pipe.scheduler).from_config(pipe.scheduler.config)
    assert torch.equal(off.images, backbone.sample_latents(bare, scheduler, draw))


def test_a_batch_of_unequal_prompts_equals_singles(pipe, image) -> None:
    batch = pipe([CAR, HOUSE], image, generator=generators(3, 4), **FAST)
    for i, prompt in enumerate([CAR, HOUSE]):
        single = pipe(prompt, image, generator=generators(3 + i), **FAST)
        assert_close(batch.images[i], single.images[0], atol=1e-4, rtol=1e-4)
        assert_close(batch.geometry.depth[i], single.geometry.depth[0], atol=1e-4, rtol=1e-3)


def test_a_saved_pipeline_draws_the_same_images(pipe, image, tmp_path) -> None:
    pipe.save_pretrained(tmp_path / "model")
    index = json.loads((tmp_path / "model" / "model_index.json").read_text())
    backbone = pipe.backbone
    assert index["transformer"] == [backbone.library, backbone.class_name]
    assert index["text_encoder"] == ["transformers", type(pipe.text_encoder).__name__]
    loaded = in_own_memory(SpatialFusionPipeline.from_pretrained(tmp_path / "model"))
    loaded.set_progress_bar_config(disable=True)
    ours, theirs = (p(CAR, image, generator=generators(0), **FAST) for p in (loaded, pipe))
    assert torch.equal(ours.images, theirs.images) and torch.equal(ours.geometry.depth, theirs.geometry.depth)


def test_a_checkpoint_that_concatenates_is_for_a_backbone_with_columns_for_it(backbone) -> None:
    config = SpatialFusionConfig(backbone=backbone.name, injection="concat")
    if backbone.concatenates:
        backbone.check_checkpoint(config)
    else:
        with pytest.raises(InputError, match=f"injection is concat, which {backbone.name} does not have"):
            backbone.check_checkpoint(config)


def test_what_it_does_not_have_is_refused(pipe) -> None:
    backbone, parts = pipe.backbone, dict(pipe.components)
    for other in BACKBONES:
        if other is not backbone:
            strange = TINY_BACKBONES[other.name].components()["spatialfusion"]
            with pytest.raises(
                InputError, match=f"trained for {other.name}, but the diffusion model is {backbone.name}"
            ):
                SpatialFusionPipeline(**parts | {"spatialfusion": strange})
            break
    if not backbone.rescales:
        with pytest.raises(InputError, match="rescale_guidance is true"):
            SpatialFusionPipeline(**parts, rescale_guidance=True)
    if not backbone.image_guidance:
        with pytest.raises(InputError, match=f"{re.escape(backbone.name)} has no guidance by the source image"):
            pipe(CAR, image_guidance_scale=2.0)
    if not backbone.edits:
        with pytest.raises(InputError, match="draws from text alone: expected none"):
            pipe(CAR, torch.zeros(3, SIZE, SIZE))


def test_its_llm_is_read_where_the_template_says(pipe) -> None:
    """The prompt embeddings are the hidden states that the template names, and the keys those of the cache."""
    template = pipe.backbone.template
    parts = pipe.text_encoder, pipe.tokenizer, pipe.image_processor, pipe.spatialfusion.config.num_layers, template
    encoder = PromptEncoder(*parts)
    context, ids = encoder.encode([CAR]), encoder.token_ids(CAR)
    decoder = decoder_of(pipe.text_encoder)
    with torch.no_grad():
        output = decoder(ids[None], output_hidden_states=True, use_cache=True)
    # Hidden states end with those after the final norm; before it stand the outputs of the layers.
    before_norm: list[Tensor] = []
    with decoder.norm.register_forward_pre_hook(lambda _, args: before_norm.append(args[0])), torch.no_grad():
        decoder(ids[None])
    outputs = [*output.hidden_states[:-1], before_norm[0]]
    expected = output.last_hidden_state if template.hidden_layer is None else outputs[template.hidden_layer]
    start = 0 if template.keeps_prefix else len(ids) - context.prompt_embeds.shape[1]
    assert_close(context.prompt_embeds, expected[:, start:], atol=1e-5, rtol=1e-4)
    for ours, layer in zip(context.keys, encoder.layers):
        assert_close(ours, output.past_key_values.layers[layer].keys, atol=1e-5, rtol=1e-4)
    assert context.next_position.tolist() == [len(ids)]
