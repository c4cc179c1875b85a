"""OmniGen2: its transformer, how it is called and sampled, how depth enters it, and the pipeline on a tiny one."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file
from tiny import SIZE, omnigen2_transformer, tiny_omnigen2_components
from tiny_inputs import CAR, FAST, HOUSE, load, random_context, random_latents, seed
from torch import Tensor, nn
from torch.testing import assert_close

from spatialfusion.backbones import omnigen2 as og
from spatialfusion.backbones.depth_injection import base_state_dict
from spatialfusion.backbones.omnigen2_transformer import OmniGen2Transformer2DModel, positions
from spatialfusion.backbones.sampling import Draw, draw_noise
from spatialfusion.errors import InputError
from spatialfusion.latents import decode_latents, encode_latents
from spatialfusion.model.context import PromptEncoder, SemanticContext, chat
from spatialfusion.model.model import FILE_NAME
from spatialfusion.pipeline import SpatialFusionPipeline

WIDTH = 64
SHAPE = (16, 4, 6)


def make_context(lengths: list[int], seed: int = 0) -> SemanticContext:
    return random_context(lengths, WIDTH, seed=seed)


def make_latents(batch: int = 2, shape: tuple[int, int, int] = SHAPE, seed: int = 0) -> Tensor:
    return random_latents(batch, shape, seed)


def call(transformer: nn.Module, latents: Tensor, references: list[Tensor] | None = None, lengths=(5, 3)) -> Tensor:
    context = make_context(list(lengths))
    t = torch.linspace(0.2, 0.9, len(latents))
    return og.velocity(transformer, latents, references or [], t, context.prompt_embeds, context.prompt_mask)


# The transformer


def test_full_size_has_the_published_names_shapes_and_number() -> None:
    with torch.device("meta"):
        transformer = OmniGen2Transformer2DModel()
    width, text, time, mlp, patch = 2520, 2048, 1024, 10240, 64
    expected: dict[str, tuple[int, ...]] = {"image_index_embedding": (5, width)}

    def linear(name: str, outputs: int, inputs: int, bias: bool = True) -> None:
        expected[f"{name}.weight"] = (outputs, inputs)
        if bias:
            expected[f"{name}.bias"] = (outputs,)

    linear("x_embedder", width, patch)
    linear("ref_image_patch_embedder", width, patch)
    linear("time_caption_embed.timestep_embedder.linear_1", time, 256)
    linear("time_caption_embed.timestep_embedder.linear_2", time, time)
    expected["time_caption_embed.caption_embedder.0.weight"] = (text,)
    linear("time_caption_embed.caption_embedder.1", width, text)
    linear("norm_out.linear_1", width, time)
    linear("norm_out.linear_2", patch, width)
    for group, count in (("layers", 32), ("noise_refiner", 2), ("ref_image_refiner", 2), ("context_refiner", 2)):
        for block in (f"{group}.{i}" for i in range(count)):
            for name, outputs in (("to_q", width), ("to_k", width // 3), ("to_v", width // 3), ("to_out.0", width)):
                linear(f"{block}.attn.{name}", outputs, width, bias=False)
            for name in ("norm_q", "norm_k"):
                expected[f"{block}.attn.{name}.weight"] = (120,)
            linear(f"{block}.feed_forward.linear_1", mlp, width, bias=False)
            linear(f"{block}.feed_forward.linear_2", width, mlp, bias=False)
            linear(f"{block}.feed_forward.linear_3", mlp, width, bias=False)
            for name in ("ffn_norm1", "norm2", "ffn_norm2"):
                expected[f"{block}.{name}.weight"] = (width,)
            if group == "context_refiner":
                expected[f"{block}.norm1.weight"] = (width,)
            else:
                expected[f"{block}.norm1.norm.weight"] = (width,)
                linear(f"{block}.norm1.linear", 4 * width, time)
    assert {name: tuple(tensor.shape) for name, tensor in transformer.state_dict().items()} == expected
    count = sum(parameter.numel() for parameter in transformer.parameters())
    # ComfyUI's file of it, omnigen2_fp16.safetensors, has 7.93 GB.
    assert count == 3_967_161_400 and round(2 * count / 1e9, 2) == 7.93


def test_the_published_configuration_is_understood(tmp_path) -> None:
    # The sizes of the published options/ft.yml, in the form in which diffusers saves what that class was made with.
    published = {"_class_name": "OmniGen2Transformer2DModel", "_diffusers_version": "0.33.1", "patch_size": 2,
        "in_channels": 16, "out_channels": None, "hidden_size": 2520, "num_layers": 32, "num_refiner_layers": 2,
        "num_attention_heads": 21, "num_kv_heads": 7, "multiple_of": 256, "ffn_dim_multiplier": None, "norm_eps": 1e-05,
        "axes_dim_rope": [40, 40, 40], "axes_lens": [10000, 10000, 10000], "text_feat_dim": 2048,
        "timestep_scale": 1000.0}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(published))
    config = OmniGen2Transformer2DModel.load_config(tmp_path)
    with torch.device("meta"):
        transformer, ignored = OmniGen2Transformer2DModel.from_config(config, return_unused_kwargs=True)
        standard = OmniGen2Transformer2DModel()
    assert {name for name in ignored if not name.startswith("_")} == set()
    shapes = [{name: tensor.shape for name, tensor in t.state_dict().items()} for t in (transformer, standard)]
    assert shapes[0] == shapes[1]
    with pytest.raises(InputError, match="do not fit: expected heads"):
        omnigen2_transformer(num_attention_heads=4)


def test_saving_and_loading_give_the_same_network(tmp_path) -> None:
    transformer = omnigen2_transformer()
    transformer.save_pretrained(tmp_path)
    assert {file.suffix for file in tmp_path.iterdir()} == {".json", ".safetensors"}
    stored = load_file(tmp_path / "diffusion_pytorch_model.safetensors")
    assert stored.keys() == transformer.state_dict().keys()
    loaded = OmniGen2Transformer2DModel.from_pretrained(tmp_path, use_safetensors=True).eval()
    assert torch.equal(call(loaded, make_latents()), call(transformer, make_latents()))


def test_positions_count_text_and_then_pictures() -> None:
    ours = positions(3, torch.tensor([3, 2]), [(2, 1), (1, 2), (1, 1)])
    text, pictures = [[0, 0, 0], [1, 1, 1], [2, 2, 2]], [[3, 0, 0], [3, 1, 0], [5, 0, 0], [5, 0, 1], [7, 0, 0]]
    assert ours[0].tolist() == text + pictures
    # The second prompt is a token shorter, so its pictures stand one earlier.
    assert ours[1, 3:].tolist() == [[s - 1, row, column] for s, row, column in pictures]


@settings(deadline=None, max_examples=10)
@given(
    lengths=st.lists(st.integers(1, 7), min_size=1, max_size=3),
    size=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    sources=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3)), max_size=2),
)
def test_a_batch_equals_singles_at_any_size(lengths: list[int], size: tuple, sources: list) -> None:
    transformer, context = omnigen2_transformer(), make_context(lengths)
    batch = len(lengths)
    latents = make_latents(batch, (16, 2 * size[0], 2 * size[1]))
    references = [make_latents(batch, (16, 2 * h, 2 * w), seed=i + 1) for i, (h, w) in enumerate(sources)]
    t = torch.linspace(0.1, 1.0, batch)
    together = og.velocity(transformer, latents, references, t, context.prompt_embeds, context.prompt_mask)
    assert together.shape == latents.shape
    for i in range(batch):
        alone = context[i]
        rows = [reference[i : i + 1] for reference in references]
        single = og.velocity(
            transformer, latents[i : i + 1], rows, t[i : i + 1], alone.prompt_embeds, alone.prompt_mask
        )
        assert_close(single, together[i : i + 1], atol=1e-5, rtol=1e-4)


def test_text_padding_changes_nothing_that_is_read() -> None:
    transformer, latents, context = omnigen2_transformer(), make_latents(), make_context([5, 3])
    t = torch.tensor([0.3, 0.8])
    expected = og.velocity(transformer, latents, [], t, context.prompt_embeds, context.prompt_mask)
    embeds = torch.cat([context.prompt_embeds, torch.full((2, 7, WIDTH), 9.0)], dim=1)
    mask = torch.cat([context.prompt_mask, torch.zeros(2, 7, dtype=torch.bool)], dim=1)
    assert_close(og.velocity(transformer, latents, [], t, embeds, mask), expected, atol=1e-5, rtol=1e-4)


def test_more_references_than_it_was_trained_with_are_refused() -> None:
    with pytest.raises(InputError, match="6 reference images were given: OmniGen2 reads at most 5"):
        call(omnigen2_transformer(), make_latents(), [make_latents()] * 6)


def test_neighbouring_times_are_told_apart_in_bf16() -> None:
    embed = omnigen2_transformer().to(torch.bfloat16).time_caption_embed
    time, _ = embed(torch.tensor([0.9700, 0.9705]), torch.zeros(2, 1, WIDTH, dtype=torch.bfloat16))
    assert time.dtype == torch.bfloat16 and not torch.equal(time[0], time[1])


def test_gradient_checkpointing_gives_the_same_gradients() -> None:
    gradients = []
    for checkpointed in (False, True):
        transformer = omnigen2_transformer()
        if checkpointed:
            transformer.enable_gradient_checkpointing()
        call(transformer, make_latents(), [make_latents(seed=1), make_latents(seed=2)]).square().sum().backward()
        gradients.append({name: parameter.grad for name, parameter in transformer.named_parameters()})
    for name, gradient in gradients[0].items():
        assert gradient is not None and torch.equal(gradient, gradients[1][name]), name
    # Two references have one row each.
    assert gradients[0]["image_index_embedding"].any(dim=1).tolist() == [True, True, False, False, False]


# The network call


def test_velocity_turns_time_and_sign() -> None:
    transformer, latents, reference = omnigen2_transformer(), make_latents(), make_latents(seed=1)
    context, t = make_context([5, 3]), torch.tensor([0.3, 0.8])
    ours = og.velocity(transformer, latents, [reference], t, context.prompt_embeds, context.prompt_mask)
    network = transformer(latents, 1 - t, context.prompt_embeds, context.prompt_mask, [reference]).sample
    assert torch.equal(ours, -network)


class Oracle(OmniGen2Transformer2DModel):
    """A network that knows the picture, and says so as OmniGen2 does: picture - noise, with time from noise to it."""

    def forward(self, hidden_states: Tensor, timestep: Tensor, **_kwargs) -> tuple[Tensor]:
        t = timestep[:, None, None, None]
        noise = (hidden_states - t * self.picture) / (1 - t)
        return (self.picture - noise,)


def test_a_network_that_knows_the_picture_is_led_to_it() -> None:
    oracle = Oracle(**omnigen2_transformer().config)
    oracle.picture = make_latents(seed=7)
    for steps in (1, 4):
        assert_close(draw(oracle, steps=steps, guidance=1.0), oracle.picture, atol=1e-5, rtol=1e-5)


# Depth


# Sampling


def draw(transformer: nn.Module, **options) -> Tensor:
    options = {"steps": 4, "guidance": 3.0, "references": []} | options
    noise = draw_noise([torch.Generator().manual_seed(i) for i in range(2)], SHAPE)
    contexts = make_context([5, 3]), make_context([2, 2], seed=1)
    return og.BACKBONE.sample_latents(transformer, og.scheduler(), Draw(*contexts, noise=noise, **options))


class Constant(OmniGen2Transformer2DModel):
    """A network that answers the means of prompt and references, whatever its latents are."""

    def forward(
        self, hidden_states: Tensor, encoder_hidden_states: Tensor, reference_hidden_states: list[Tensor], **_kwargs
    ) -> tuple[Tensor]:
        value = encoder_hidden_states.mean() + sum(10 * reference.mean() for reference in reference_hidden_states)
        return (value.expand_as(hidden_states),)


def test_guidance_by_prompt_and_by_source_image() -> None:
    stub = Constant(**omnigen2_transformer().config)
    noise = draw_noise([torch.Generator().manual_seed(i) for i in range(2)], SHAPE)
    reference = make_latents(seed=5) + 1
    prompt, null = (c.prompt_embeds.mean() for c in (make_context([5, 3]), make_context([2, 2], seed=1)))
    image = 10 * reference.mean()
    # picture - noise of one step from pure noise is what the step adds.
    for options, wanted in (
        ({"guidance": 1.0}, prompt),
        ({"guidance": 3.0}, null + 3 * (prompt - null)),
        ({"guidance": 3.0, "image_guidance": 2.0}, null + 3 * (prompt - null)),
        ({"guidance": 3.0, "references": [reference]}, null + 3 * (prompt + image - null)),
        ({"guidance": 3.0, "image_guidance": 2.0, "references": [reference]}, null + 2 * image + 3 * (prompt - null)),
        ({"guidance": 1.0, "image_guidance": 2.0, "references": [reference]}, prompt + image),
    ):
        added = draw(stub, steps=1, **options) - noise
        assert_close(added, wanted.expand_as(added), atol=1e-4, rtol=1e-4)


@settings(deadline=None, max_examples=20)
@given(steps=st.integers(1, 60), rows=st.integers(2, 160), columns=st.integers(2, 160))
def test_noise_levels_are_the_published_ones(steps: int, rows: int, columns: int) -> None:
    # There in times from noise to picture: i / n, then t / (m - m t + t), m = sqrt(latent cells) / 40.
    m = math.sqrt(4 * rows * columns) / 40
    times = [i / steps for i in range(steps)]
    published = [1 - t / (m - m * t + t) for t in times] + [0.0]
    assert_close(og.set_steps(og.scheduler(), steps, rows * columns), torch.tensor(published), atol=1e-6, rtol=1e-5)


def test_a_constant_shift_is_kept_and_the_schedule_survives_saving(tmp_path) -> None:
    constant = FlowMatchEulerDiscreteScheduler(shift=2.6)  # as ComfyUI samples it
    for tokens in (16, 4096):
        expected = [2.6 * s / (1 + 1.6 * s) for s in (1.0, 0.75, 0.5, 0.25)] + [0.0]
        assert_close(og.set_steps(constant, 4, tokens), torch.tensor(expected), atol=1e-6, rtol=1e-5)
    og.scheduler().save_pretrained(tmp_path)
    loaded = FlowMatchEulerDiscreteScheduler.from_pretrained(tmp_path)
    assert torch.equal(og.set_steps(loaded, 8, 64), og.set_steps(og.scheduler(), 8, 64))
    with pytest.raises(InputError, match="at least 1"):
        draw(omnigen2_transformer(), steps=0)


# Prompt and picture


@pytest.fixture(scope="module")
def components() -> dict:
    return tiny_omnigen2_components()


def test_prompt_embeddings_are_those_of_the_whole_published_chat(components) -> None:
    encoder = PromptEncoder(
        *(components[name] for name in ("text_encoder", "tokenizer", "image_processor")), 2, og.TEMPLATE
    )
    prompts = ["a red car", "a blue house in front of a red car"]
    context = encoder.encode(prompts, [[torch.zeros(3, 32, 32)], [torch.zeros(3, 32, 32)]])
    for i, prompt in enumerate(prompts):
        # No generation prompt, no picture, nothing cut off.
        text = (
            "<|im_start|>system\nYou are a helpful assistant that generates high-quality images based on user "
            f"instructions.<|im_end|>\n<|im_start|>user\n{prompt}<|im_end|>\n"
        )
        assert chat(prompt, 0, og.TEMPLATE) == text
        ids = components["tokenizer"](text, return_tensors="pt").input_ids
        hidden = components["text_encoder"](ids, output_hidden_states=True).hidden_states[-1]
        assert int(context.prompt_mask[i].sum()) == ids.shape[1]
        assert_close(context.prompt_embeds[i : i + 1, : ids.shape[1]], hidden, atol=1e-5, rtol=1e-4)
    assert torch.equal(context.prompt_mask, context.mask)


def test_latents_are_shifted_and_scaled_as_flux_does(components) -> None:
    vae, images = components["vae"], torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    latents = encode_latents(vae, images)
    assert_close(latents, (vae.encode(2 * images - 1).latent_dist.mode() - 0.1159) * 0.3611)
    assert latents.shape == (2, 16, 4, 6)
    assert_close(decode_latents(vae, latents), (vae.decode(latents / 0.3611 + 0.1159).sample / 2 + 0.5).clamp(0, 1))
    with pytest.raises(InputError, match="multiples of 8"):
        encode_latents(vae, images[..., :12])


# The pipeline


@pytest.fixture(scope="module")
def tiny_folder(components, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("omnigen2") / "model"
    SpatialFusionPipeline(**components, default_size=SIZE).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def picture() -> Tensor:
    return torch.rand(3, SIZE, SIZE, generator=seed(0))


def test_text_to_image_and_editing(pipe, picture) -> None:
    output = pipe(CAR, num_inference_steps=2, depth_steps=2, generator=seed(0))
    assert isinstance(output.images[0], Image.Image) and output.images[0].size == (SIZE, SIZE)
    assert output.geometry.depth.shape == (1, SIZE, SIZE) and output.geometry.depth.isfinite().all()
    base = pipe(CAR, generator=seed(0), **FAST)
    for name, changes in {
        "prompt": {"prompt": HOUSE},
        "negative prompt": {"negative_prompt": HOUSE},
        "guidance": {"guidance_scale": 2.0},
        "image": {"image": picture},
        "strength": {"controlnet_conditioning_scale": 0.5},
        "end": {"control_guidance_end": 0.4},
    }.items():
        other = pipe(**{"prompt": CAR, "generator": seed(0), **FAST, **changes})
        assert not torch.allclose(base.images, other.images, atol=1e-3), name
    wide = pipe(CAR, height=SIZE // 2, width=SIZE, generator=seed(0), **FAST)
    assert wide.images.shape == (1, 16, SIZE // 16, SIZE // 8)


def test_the_image_scale_matters_when_editing_alone(pipe, picture) -> None:
    def image(**options) -> Tensor:
        return pipe(CAR, generator=seed(0), **FAST, **options).images

    assert torch.equal(image(image_guidance_scale=2.0), image())
    assert not torch.allclose(image(image=picture, image_guidance_scale=2.0), image(image=picture), atol=1e-4)


def test_the_published_layout_is_loaded_without_running_its_code(pipe, tmp_path) -> None:
    save_as_published(pipe, tmp_path)
    pipe.spatialfusion.save(tmp_path / FILE_NAME)
    loaded = load(tmp_path, default_size=SIZE)
    assert torch.equal(loaded(CAR, generator=seed(0), **FAST).images, pipe(CAR, generator=seed(0), **FAST).images)
    assert load(tmp_path).config.default_size == 1024
    half = load(tmp_path, dtype={"transformer": torch.bfloat16})
    assert half.transformer.dtype == torch.bfloat16 and half.vae.dtype == torch.float32
    (tmp_path / "mllm" / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(InputError, match="cannot be loaded"):
        load(tmp_path)
    (tmp_path / "processor").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="no folder processor"):
        load(tmp_path, text_encoder=pipe.text_encoder)


def save_as_published(pipe: SpatialFusionPipeline, folder: Path) -> None:
    """Folders and index as the authors' model has them; its classes lie in files that would run if they were read."""
    for name, subfolder in (("text_encoder", "mllm"), ("tokenizer", "processor"), ("vae", "vae")):
        getattr(pipe, name).save_pretrained(folder / subfolder)
    base = OmniGen2Transformer2DModel.from_config(pipe.transformer.config)
    base.load_state_dict(base_state_dict(pipe.transformer))
    base.save_pretrained(folder / "transformer")
    (folder / "transformer" / "transformer_omnigen2.py").write_text("raise RuntimeError('code of a model was run')")
    (folder / "scheduler").mkdir()
    scheduler = {"_class_name": "FlowMatchEulerDiscreteScheduler", "dynamic_time_shift": True}
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))
    index = {
        "_class_name": "OmniGen2Pipeline",
        "mllm": ["transformers", "Qwen2_5_VLForConditionalGeneration"],
        "processor": ["transformers", "Qwen2_5_VLProcessor"],
        "scheduler": ["scheduling_flow_match_euler_discrete", "FlowMatchEulerDiscreteScheduler"],
        "transformer": ["transformer_omnigen2", "OmniGen2Transformer2DModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
