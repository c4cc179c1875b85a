"""Qwen-Image 2.1: how its transformer is called and sampled, how depth enters it, its LLM, and the pipeline on a tiny
one, beside diffusers' own pipeline on the same weights."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, QwenImage21Pipeline, QwenImage21Transformer2DModel
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny import (
    SIZE,
    qwen_image_21_transformer,
    tiny_components,
    tiny_qwen_image_21_components,
)
from tiny_inputs import CAR, FAST, HOUSE, load, random_context, random_latents, seed, stir_lora, stirred_delta
from torch import Tensor, nn
from torch.testing import assert_close
from transformers import BatchFeature

from spatialfusion.backbones import backbone_of
from spatialfusion.backbones import qwen_image_21 as q
from spatialfusion.backbones.backbone import Backbone
from spatialfusion.backbones.depth_injection import base_state_dict
from spatialfusion.backbones.sampling import Draw, draw_noise, guided_by_prompt
from spatialfusion.errors import InputError
from spatialfusion.latents import decode_latents, encode_latents
from spatialfusion.model.context import PromptEncoder, SemanticContext, chat, default_image_processor
from spatialfusion.model.model import FILE_NAME
from spatialfusion.pipeline import SpatialFusionPipeline

WIDTH = 64
SHAPE = (8, 4, 6)
SCHEDULER = {"use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 0.9}


def make_context(lengths: list[int], images: int = 0, seed: int = 0) -> SemanticContext:
    return random_context(lengths, WIDTH, images, seed)


def make_latents(batch: int = 2, shape: tuple[int, int, int] = SHAPE, seed: int = 0) -> Tensor:
    return random_latents(batch, shape, seed)


def call(transformer: nn.Module, latents: Tensor, references=(), lengths=(9, 8), context=None) -> Tensor:
    cells = sum(reference.shape[-2] * reference.shape[-1] for reference in references)
    context = make_context(list(lengths), cells // 4) if context is None else context
    t = torch.linspace(0.2, 0.9, len(latents))
    return q.velocity(
        transformer, latents, references, t, context.prompt_embeds, context.prompt_mask, context.image_mask
    )


# The network call


def test_full_size_has_the_published_sizes() -> None:
    with torch.device("meta"):
        transformer = QwenImage21Transformer2DModel()
    q.BACKBONE.check_architecture(transformer)
    assert sum(parameter.numel() for parameter in transformer.parameters()) == 7_115_124_736
    assert transformer.img_in.weight.shape == (4096, 64) and transformer.img_in.bias is None
    linears = [n for n, m in transformer.named_modules() if isinstance(m, nn.Linear) and n.startswith("transformer_b")]
    # The LoRA is on every linear of every block.
    assert len(linears) == 32 * 7 and all(n.endswith(tuple(f".{t}" for t in q.BACKBONE.lora_targets)) for n in linears)


def test_velocity_is_the_networks_answer_at_the_target() -> None:
    transformer, latents, reference = qwen_image_21_transformer(), make_latents(1), make_latents(1, (8, 2, 4), seed=1)
    context, t = make_context([5], 2), torch.tensor([0.3])
    ours = q.velocity(
        transformer, latents, [reference], t, context.prompt_embeds, context.prompt_mask, context.image_mask
    )
    network = transformer(
        hidden_states=torch.cat([reference.flatten(2), latents.flatten(2)], dim=2).transpose(1, 2),
        encoder_hidden_states=context.prompt_embeds,
        timestep=t,
        img_shapes=[[(1, 2, 4), (1, 4, 6)]],
        img_mask=torch.tensor([[False, True, True, False, False] + [True] * 6]),
    ).sample
    assert network.shape[1] == 3 + 8 + 24
    assert torch.equal(ours, network[:, 11:].transpose(1, 2).reshape(1, *SHAPE))


@settings(deadline=None, max_examples=10)
@given(
    lengths=st.lists(st.integers(5, 9), min_size=1, max_size=3),
    size=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pictures=st.integers(0, 2),
)
def test_a_batch_equals_singles_at_any_size(lengths: list[int], size: tuple, pictures: int) -> None:
    transformer, batch = qwen_image_21_transformer(), len(lengths)
    context = make_context(lengths, 2 * pictures)
    latents = make_latents(batch, (8, 2 * size[0], 2 * size[1]))
    references = [make_latents(batch, (8, 2, 4), seed=i + 1) for i in range(pictures)]
    residual = make_latents(batch, latents.shape[1:], seed=9)

    def answer(rows: slice) -> Tensor:
        part = context[rows]
        with q.BACKBONE.inject(transformer, residual[rows]):
            return q.velocity(
                transformer,
                latents[rows],
                [reference[rows] for reference in references],
                torch.linspace(0.1, 1.0, batch)[rows],
                part.prompt_embeds,
                part.prompt_mask,
                part.image_mask,
            )

    together = answer(slice(0, batch))
    assert together.shape == latents.shape
    for i in range(batch):
        assert_close(answer(slice(i, i + 1)), together[i : i + 1], atol=1e-5, rtol=1e-4)


def test_what_does_not_fit_is_refused_in_a_sentence() -> None:
    transformer = qwen_image_21_transformer()
    with pytest.raises(InputError, match="have 24 latent cells, but the prompt was read with 0 image tokens"):
        call(transformer, make_latents(), [make_latents()], context=make_context([9, 8]))
    with pytest.raises(InputError, match="with patches of 2: supported is 1"):
        backbone_of(qwen_image_21_transformer(patch_size=2))


def test_neighbouring_times_are_told_apart_under_autocast() -> None:
    transformer, latents = qwen_image_21_transformer(), make_latents(1).repeat(2, 1, 1, 1)
    context = make_context([5])[[0, 0]]
    with torch.autocast("cpu", torch.bfloat16):
        answers = q.velocity(
            transformer, latents, [], torch.tensor([0.9700, 0.9705]), context.prompt_embeds, context.prompt_mask
        )
    assert not torch.equal(answers[0], answers[1])


# Depth


# Sampling


def draw(transformer: nn.Module, backbone: Backbone = q.BACKBONE, **options) -> Tensor:
    options = {"steps": 4, "guidance": 3.0, "references": []} | options
    pictures = 6 * len(options["references"])
    noise = draw_noise([torch.Generator().manual_seed(i) for i in range(2)], SHAPE)
    contexts = make_context([9, 8], pictures), make_context([7, 7], pictures, seed=1)
    scheduler = FlowMatchEulerDiscreteScheduler(**SCHEDULER)
    return backbone.sample_latents(transformer, scheduler, Draw(*contexts, noise=noise, **options))


@pytest.mark.parametrize("depth_range", [(0.0, 1.0), (0.0, 0.5), (0.5, 1.0), (0.25, 0.75)])
def test_what_is_kept_of_the_prompt_changes_nothing(depth_range: tuple[float, float]) -> None:
    transformer = qwen_image_21_transformer()
    q.BACKBONE.add_lora(transformer, 4)
    stir_lora(transformer)
    delta, residual, references = stirred_delta(q.BACKBONE, transformer), make_latents(seed=2), [make_latents(seed=5)]

    def image(backbone: Backbone) -> Tensor:
        injection = backbone.inject(transformer, residual, delta)
        return draw(transformer, backbone, references=references, injection=injection, depth_range=depth_range)

    keeps_nothing = dataclasses.replace(q.BACKBONE, predictor=guided_by_prompt(q.predict))
    assert_close(image(q.BACKBONE), image(keeps_nothing), atol=2e-5, rtol=1e-4)


def test_the_prompt_is_read_once_for_all_steps() -> None:
    transformer, lengths = qwen_image_21_transformer(), []
    transformer.transformer_blocks[0].register_forward_pre_hook(
        lambda _, _args, kwargs: lengths.append(kwargs["hidden_states"].shape[1]), with_kwargs=True
    )
    draw(transformer)
    assert lengths == [9 + 24, 8 + 24, 7 + 24] + [24] * 9
    lengths.clear()
    injection = q.BACKBONE.inject(transformer, make_latents(seed=2))
    draw(transformer, guidance=1.0, injection=injection, depth_range=(0.0, 0.5))
    assert lengths == [33, 32, 24, 24] * 2
    draw(qwen_image_21_transformer(causal_condition=False))  # which cannot keep it


# Prompt and picture


@pytest.fixture(scope="module")
def components() -> dict:
    return tiny_qwen_image_21_components()


def encoder_of(components: dict, layers: int = 3) -> PromptEncoder:
    parts = (components[name] for name in ("text_encoder", "tokenizer", "image_processor"))
    return PromptEncoder(*parts, layers, q.TEMPLATE)


SYSTEM = "<|im_start|>system\nComprehend and analyze the provided prompt.<|im_end|>\n"
PAD = "<|vision_start|><|image_pad|><|vision_end|>"


class Processor:
    """Does what transformers' Qwen3VLProcessor does, which cannot be made without torchvision."""

    def __init__(self, tokenizer, image_processor):
        self.tokenizer, self.image_processor = tokenizer, image_processor

    def apply_chat_template(self, messages, tokenize: bool, return_dict: bool) -> list[list[int]]:
        (message,) = messages
        return [self.tokenizer.encode(f"<|im_start|>{message['role']}\n{message['content'][0]['text']}<|im_end|>\n")]

    def __call__(self, text, padding, padding_side, return_tensors, images=None) -> BatchFeature:
        vision = self.image_processor(images=images, return_tensors="pt") if images else {}
        counts = iter([int(grid.prod()) // 4 for grid in vision.get("image_grid_thw", [])])
        for i, prompt in enumerate(text):
            head, *rest = prompt.split("<|image_pad|>")
            text[i] = head + "".join("<|image_pad|>" * next(counts) + part for part in rest)
        inputs = self.tokenizer(text, padding=padding, padding_side=padding_side, return_tensors="pt")
        types = (inputs.input_ids == self.tokenizer.convert_tokens_to_ids("<|image_pad|>")).int()
        keys = {"input_ids": inputs.input_ids, "attention_mask": inputs.attention_mask, "mm_token_type_ids": types}
        return BatchFeature(keys | dict(vision))


@pytest.fixture(scope="module")
def reference(components) -> QwenImage21Pipeline:
    """diffusers' own pipeline with the same parts."""
    parts = {name: components[name] for name in ("vae", "text_encoder", "transformer", "scheduler")}
    pipe = QwenImage21Pipeline(
        **parts, processor=Processor(components["tokenizer"], components["image_processor"]), sample_sigmas=None
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def photo(width: int = SIZE, height: int = SIZE, seed: int = 0) -> Image.Image:
    pixels = torch.randint(256, (height, width, 3), generator=torch.Generator().manual_seed(seed))
    return Image.fromarray(pixels.byte().numpy())


def test_the_chat_is_the_published_one() -> None:
    end = "<|im_end|>\n<|im_start|>assistant\n"
    assert chat(CAR, 0, q.TEMPLATE) == f"{SYSTEM}<|im_start|>user\n{CAR}{end}"
    assert chat(CAR, 2, q.TEMPLATE) == f"{SYSTEM}<|im_start|>user\n<image1>{PAD} <image2>{PAD}{CAR}{end}"
    assert chat("", 0, q.TEMPLATE) == f"{SYSTEM}<|im_start|>user\n {end}"


@pytest.mark.parametrize("pictures", [0, 1, 2])
def test_prompt_embeddings_are_those_of_diffusers(components, reference, pictures: int) -> None:
    images = [photo(64, 96, seed=1), photo(64, 32, seed=2)][:pictures]
    prompts = [CAR, HOUSE, ""]
    context = encoder_of(components).encode(prompts, [images] * 3, allow_empty=True)
    # With pictures one by one: diffusers pads on the left, which moves the positions that text and pictures have.
    for i, prompt in enumerate(prompts):
        embeds, mask, pictured = reference._get_qwen_prompt_embeds(prompt, images or None, torch.device("cpu"))
        length = int(mask.sum())
        assert int(context.prompt_mask[i].sum()) == length
        assert_close(context.prompt_embeds[i : i + 1, :length], embeds, atol=1e-5, rtol=1e-4)
        assert torch.equal(context.image_mask[i : i + 1, :length], pictured)
    assert int(context.image_mask[0].sum()) == (0, 6, 8)[pictures]


@pytest.mark.parametrize("edit", [False, True])
def test_keys_and_values_are_those_of_a_forward_pass(components, edit: bool) -> None:
    encoder, text_encoder = encoder_of(components, 2), components["text_encoder"]
    images = [photo(64, 96, seed=1)] if edit else []
    context = encoder.encode([CAR, HOUSE], [images, []])
    assert encoder.layers == [0, 1]
    for i, (prompt, pictures) in enumerate(((CAR, images), (HOUSE, []))):
        text = chat(prompt, len(pictures), q.TEMPLATE)
        inputs = Processor(encoder.tokenizer, encoder.image_processor)([text], False, "left", "pt", pictures)
        seen = {}
        handles = [
            layer.self_attn.register_forward_pre_hook(
                lambda _, args, kwargs, n=n, seen=seen: seen.update({n: kwargs}), with_kwargs=True
            )
            for n, layer in enumerate(text_encoder.model.language_model.layers)
        ]
        output = text_encoder(**inputs, output_hidden_states=True)
        for handle in handles:
            handle.remove()
        # By hand: k_norm, then the interleaved rotation.
        for n in encoder.layers:
            attention, hidden = text_encoder.model.language_model.layers[n].self_attn, seen[n]["hidden_states"]
            length = hidden.shape[1]
            cos, sin = (x[:, None] for x in seen[n]["position_embeddings"])
            keys = attention.k_norm(attention.k_proj(hidden).unflatten(-1, (-1, 32))).transpose(1, 2)
            keys = keys * cos + torch.cat([-keys[..., 16:], keys[..., :16]], dim=-1) * sin
            values = attention.v_proj(hidden).unflatten(-1, (-1, 32)).transpose(1, 2)
            assert_close(context.keys[n][i : i + 1, :, :length], keys, atol=1e-5, rtol=1e-4)
            assert_close(context.values[n][i : i + 1, :, :length], values, atol=1e-5, rtol=1e-4)
        assert length == int(context.mask[i].sum())
        start = len(encoder.tokenizer.encode(SYSTEM))
        normed = text_encoder.model.language_model.norm(context.prompt_embeds[i : i + 1, : length - start])
        assert_close(normed, output.hidden_states[-1][:, start:], atol=1e-5, rtol=1e-4)
        types = inputs["mm_token_type_ids"]
        positions, _ = text_encoder.model.get_rope_index(inputs["input_ids"], types, inputs.get("image_grid_thw"))
        assert context.next_position[i] == positions.max() + 1


def test_pictures_without_an_image_processor_are_seen_in_minus_1_to_1(components) -> None:
    processor = default_image_processor(components["text_encoder"])
    assert (list(processor.image_mean), list(processor.image_std)) == ([0.5] * 3, [0.5] * 3)
    assert (processor.patch_size, processor.merge_size) == (16, 2)
    assert list(default_image_processor(tiny_components()["text_encoder"]).image_mean) != [0.5] * 3


def test_contexts_keep_their_picture_tokens(components) -> None:
    encoder, image = encoder_of(components), photo()
    both = encoder.encode([CAR, HOUSE], [[image], [image]])
    single = encoder.encode([CAR], [[image]])
    assert torch.equal(both[0].image_mask, single.image_mask) and single.image_mask.sum() == 4
    joined = SemanticContext.cat([single, both[1]])
    assert torch.equal(joined.image_mask, both.image_mask)
    assert torch.equal(joined.to("cpu", torch.bfloat16).image_mask, both.image_mask)


def test_latents_have_an_opaque_picture_and_come_out_over_white(components) -> None:
    vae, images = components["vae"], torch.rand(2, 3, 32, 64, generator=torch.Generator().manual_seed(0))
    latents = encode_latents(vae, images)
    assert latents.shape == (2, 8, 2, 4)
    frames = torch.cat([2 * images - 1, torch.ones(2, 1, 32, 64)], dim=1)[:, :, None]
    mean, std = (torch.tensor(x)[:, None, None] for x in (vae.config.latents_mean, vae.config.latents_std))
    assert_close(latents, (vae.encode(frames).latent_dist.mode()[:, :, 0] - mean) / std)
    decoded = (vae.decode((latents * std + mean)[:, :, None]).sample[:, :, 0] / 2 + 0.5).clamp(0, 1)
    rgb, alpha = decoded[:, :3], decoded[:, 3:]
    assert_close(decode_latents(vae, latents), rgb * alpha + 1 - alpha)
    with pytest.raises(InputError, match="multiples of 16"):
        encode_latents(vae, images[..., :24])


# The pipeline


@pytest.fixture(scope="module")
def tiny_folder(components, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("qwen21") / "model"
    SpatialFusionPipeline(**components, default_size=SIZE).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("edit", [False, True])
@pytest.mark.parametrize("guidance", [1.0, 3.0])
@pytest.mark.parametrize("cached", [False, True])
def test_without_depth_it_is_diffusers_own_pipeline(pipe, reference, edit: bool, guidance: float, cached: bool) -> None:
    image = photo() if edit else None
    options = {"num_inference_steps": 4, "generator": seed(0), "output_type": "latent"}
    ours = pipe(
        CAR, image, negative_prompt=HOUSE, guidance_scale=guidance, controlnet_conditioning_scale=0, **options
    ).images
    theirs = reference(
        CAR,
        image,
        negative_prompt=HOUSE if guidance > 1 else None,
        true_cfg_scale=guidance,
        output_resolution=SIZE,
        use_kv_cache=cached,
        **options | {"generator": seed(0)},
    ).images
    assert_close(ours, q.unpack(theirs, 4, 4), atol=2e-5, rtol=1e-4)


def test_text_to_image_and_editing(pipe) -> None:
    output = pipe(CAR, num_inference_steps=2, depth_steps=2, generator=seed(0))
    assert isinstance(output.images[0], Image.Image) and output.images[0].size == (SIZE, SIZE)
    assert output.geometry.depth.shape == (1, SIZE, SIZE) and output.geometry.depth.isfinite().all()
    base = pipe(CAR, generator=seed(0), **FAST)
    for name, changes in {
        "prompt": {"prompt": HOUSE},
        "negative prompt": {"negative_prompt": HOUSE},
        "guidance": {"guidance_scale": 2.0},
        "image": {"image": photo()},
        "strength": {"controlnet_conditioning_scale": 0.5},
        "end": {"control_guidance_end": 0.4},
    }.items():
        other = pipe(**{"prompt": CAR, "generator": seed(0), **FAST, **changes})
        assert not torch.allclose(base.images, other.images, atol=1e-3), name
    wide = pipe(CAR, photo(), height=SIZE // 2, width=SIZE, generator=seed(0), **FAST)
    assert wide.images.shape == (1, 8, SIZE // 32, SIZE // 16)
    with pytest.raises(InputError, match="height is 48, but must be a multiple of 32 up to 16384, such as 32 or 64"):
        pipe(CAR, height=48)


def test_the_published_layout_is_loaded(pipe, tmp_path) -> None:
    for name, subfolder in q.BACKBONE.published.folders.items():
        if name != "transformer":
            getattr(pipe, name).save_pretrained(tmp_path / subfolder)
    base = QwenImage21Transformer2DModel.from_config(pipe.transformer.config)
    base.load_state_dict(base_state_dict(pipe.transformer))
    base.save_pretrained(tmp_path / "transformer")
    index = {
        "_class_name": "QwenImage21Pipeline",
        "processor": ["transformers", "Qwen3VLProcessor"],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", "Qwen3VLForConditionalGeneration"],
        "transformer": ["diffusers", "QwenImage21Transformer2DModel"],
        "vae": ["diffusers", "AutoencoderKLQwenImage21"],
    }
    (tmp_path / "model_index.json").write_text(json.dumps(index))
    pipe.spatialfusion.save(tmp_path / FILE_NAME)
    loaded = load(tmp_path, default_size=SIZE)
    for image in (None, photo()):
        ours, theirs = (p(CAR, image, generator=seed(0), **FAST) for p in (loaded, pipe))
        assert torch.equal(ours.images, theirs.images)
    assert load(tmp_path).config.default_size == 1024
    (tmp_path / "processor").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="no folder processor"):
        load(tmp_path)
