"""The words that the pipeline shares with diffusers' own: each does what it does there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import QwenImageControlNetPipeline, QwenImagePipeline
from test_backbone_controlnet import make_controlnet
from tiny import SIZE, TINY_BACKBONES, tiny_components, tiny_qwen_image_21_components
from tiny_inputs import CAR, EDITING, FAST, HOUSE, quiet, seed
from torch.testing import assert_close

from spatialfusion.backbones.qwen_image import BACKBONE
from spatialfusion.errors import InputError
from spatialfusion.geometry.depth_image import disparity_image
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.pipeline import SpatialFusionPipeline

SHAPE = (1, 16, SIZE // 8, SIZE // 8)


@pytest.fixture(scope="module")
def pipe():
    return quiet(SpatialFusionPipeline(**tiny_components(), default_size=SIZE, rescale_guidance=True))


@pytest.fixture(scope="module")
def own(pipe) -> QwenImagePipeline:
    """diffusers' own, of the same parts."""
    names = ("scheduler", "vae", "text_encoder", "tokenizer", "transformer")
    return quiet(QwenImagePipeline(**{name: getattr(pipe, name) for name in names}))


def noise(number: int = 7, shape: tuple[int, ...] = SHAPE) -> torch.Tensor:
    return torch.randn(shape, generator=seed(number))


def ramp() -> Geometry:
    return Geometry.from_depth(torch.linspace(1, 20, SIZE)[None, :, None].expand(1, SIZE, SIZE), focal=1.0)


def embeddings(pipe, *prompts: str) -> dict[str, torch.Tensor]:
    """What the pipeline's own LLM makes of prompts."""
    from spatialfusion.model.context import PromptEncoder

    parts = pipe.text_encoder, pipe.tokenizer, pipe.image_processor
    context = PromptEncoder(*parts, 1, pipe.backbone.template).encode(prompts, allow_empty=True)
    return {"prompt_embeds": context.prompt_embeds, "prompt_embeds_mask": context.prompt_mask}


def negative(given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"negative_{name}": tensor for name, tensor in given.items()}


def test_embeddings_and_latents_draw_as_in_diffusers_own_pipeline(pipe, own):
    given = {}
    for kind, prompt in (("", HOUSE), ("negative_", CAR)):
        embeds, mask = own.encode_prompt(prompt)
        given |= {f"{kind}prompt_embeds": embeds, f"{kind}prompt_embeds_mask": mask}
    given |= {"latents": BACKBONE.pack(noise()), "num_inference_steps": 4, "height": SIZE, "width": SIZE}
    theirs = own(**given, true_cfg_scale=3.0, output_type="np").images
    ours = pipe(**given, guidance_scale=3.0, output_type="np", controlnet_conditioning_scale=0).images
    assert isinstance(ours, np.ndarray) and ours.shape == theirs.shape and ours.dtype == theirs.dtype
    assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    other = pipe(**given | {"latents": noise(8)}, output_type="np", controlnet_conditioning_scale=0).images
    assert not np.allclose(ours, other, atol=1e-3)


@pytest.mark.parametrize(
    ("scale", "start", "end"), [(1.0, 0.0, 1.0), (0.7, 0.2, 1.0), (0.7, 0.0, 0.5), (0.7, 0.25, 0.9), (0, 0.0, 1.0)]
)
def test_depth_is_scaled_and_limited_as_in_diffusers_own_controlnet_pipeline(scale, start, end):
    parts = tiny_components()
    with torch.no_grad():
        # diffusers draws the condition from the posterior, of which ours takes the mode: now they are one.
        parts["vae"].quant_conv.weight[16:] = 0
        parts["vae"].quant_conv.bias[16:] = -30
    with torch.random.fork_rng():
        torch.manual_seed(0)
        controlnet = make_controlnet(parts["transformer"])
    pipe = quiet(SpatialFusionPipeline(**parts, controlnet=controlnet, default_size=SIZE, rescale_guidance=True))
    names = ("scheduler", "vae", "text_encoder", "tokenizer", "transformer", "controlnet")
    own = quiet(QwenImageControlNetPipeline(**{name: getattr(pipe, name) for name in names}))
    control = {
        "controlnet_conditioning_scale": scale,
        "control_guidance_start": start,
        "control_guidance_end": end,
        "num_inference_steps": 4,
        "output_type": "np",
        "latents": BACKBONE.pack(noise()),
        **embeddings(pipe, HOUSE),
    }
    image = 2 * disparity_image(ramp())[:, None].expand(-1, 3, -1, -1) - 1  # tensors are taken in [-1, 1] there
    theirs = own(**control, control_image=image, height=SIZE, width=SIZE, true_cfg_scale=1.0).images
    ours = pipe(**control, geometry=ramp(), guidance_scale=1.0).images
    assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    whole = pipe(**control | {"control_guidance_start": 0.0, "control_guidance_end": 1.0}, geometry=ramp()).images
    assert scale == 0 or (start, end) == (0, 1) or not np.allclose(whole, ours, atol=1e-3)


@pytest.mark.parametrize("name", EDITING)
def test_what_would_be_read_and_drawn_may_be_given(name):
    """A prompt's own embeddings and the seed's own noise, in both layouts: the same image to the bit, and its depth."""
    pipe = quiet(SpatialFusionPipeline(**TINY_BACKBONES[name].components(), default_size=SIZE))
    usual = pipe([CAR, HOUSE], negative_prompt=CAR, generator=[seed(0), seed(1)], **FAST)
    latents = torch.cat([noise(i, (1, *usual.images.shape[1:])) for i in range(2)])
    given = embeddings(pipe, CAR, HOUSE) | negative(embeddings(pipe, CAR, CAR))
    for tokens in (latents, pipe.backbone.pack(latents)):
        generator = [seed(0), seed(1)]
        again = pipe([CAR, HOUSE], generator=generator, latents=tokens, **given, **FAST)
        assert torch.equal(again.images, usual.images)
        assert torch.equal(again.geometry.depth, usual.geometry.depth)


def test_embeddings_are_of_the_image_and_the_prompt_is_of_the_depth(pipe):
    own = pipe(CAR, generator=seed(0), **FAST)
    other = pipe(CAR, generator=seed(0), **embeddings(pipe, HOUSE), **FAST)
    assert torch.equal(other.geometry.depth, own.geometry.depth)
    assert not torch.allclose(other.images, own.images, atol=1e-3)


def test_embeddings_need_no_prompt_where_no_depth_is_predicted(pipe):
    given = embeddings(pipe, HOUSE)
    arguments = {"negative_prompt": CAR, "num_images_per_prompt": 2}
    for depth in ({"geometry": ramp()}, {"controlnet_conditioning_scale": 0}, {"scene": "car red at 0 7"}):
        images = [
            pipe(**words, **arguments, **depth, generator=[seed(0), seed(1)], **FAST).images
            for words in ({"prompt": HOUSE}, given)
        ]
        assert torch.equal(*images)
    with pytest.raises(InputError, match="without a prompt, which depth is predicted from: expected a prompt too"):
        pipe(**given, **FAST)
    with pytest.raises(InputError, match="scene is 'auto', but there is no prompt"):
        pipe(**given, scene="auto", **FAST)


def test_an_array_is_the_tensor(pipe):
    images = {kind: pipe(CAR, generator=seed(0), **FAST | {"output_type": kind}).images for kind in ("np", "pt")}
    assert np.array_equal(images["np"], images["pt"].permute(0, 2, 3, 1).numpy())


def test_seconds_are_those_of_the_call(pipe):
    given = pipe(CAR, geometry=ramp(), generator=seed(0), **FAST)
    assert list(given.seconds) == ["prompt", "depth", "image", "decode"]
    assert all(value >= 0 for value in given.seconds.values())
    scene = pipe(CAR, scene="auto", generator=seed(0), **FAST)
    assert list(scene.seconds) == ["scene", *given.seconds] and "scene" not in given.seconds


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, r"prompt is None: expected a text"),
        ({"prompt": CAR, "latents": torch.zeros(1, 16, 3, 3)}, r"latents is torch.float32 of shape \[1, 16, 3, 3\]"),
        ({"prompt": CAR, "latents": torch.zeros(SHAPE).long()}, r"latents is torch.int64 .* expected floats \[1, 16"),
        ({"prompt": CAR, "latents": torch.full(SHAPE, float("nan"))}, "latents has values that are not finite"),
        ({"prompt": CAR, "num_images_per_prompt": 2, "latents": torch.zeros(SHAPE)}, r"floats \[2, 16, 8, 8\]"),
        ({"prompt_embeds": torch.zeros(1, 3, 5)}, r"prompt_embeds is .* shape \[1, 3, 5\]: .*\[prompts, tokens, 64\]"),
        ({"prompt_embeds": torch.zeros(1, 0, 64)}, r"prompt_embeds is .* shape \[1, 0, 64\]"),
        ({"prompt_embeds": torch.full((1, 2, 64), float("inf"))}, "prompt_embeds has values that are not finite"),
        ({"prompt_embeds": torch.zeros(1, 2, 64), "prompt_embeds_mask": torch.ones(1, 3)}, r"of shape \[1, 3\]"),
        ({"prompt_embeds": torch.zeros(1, 2, 64), "prompt_embeds_mask": torch.tensor([[0, 1]])}, "one of padding"),
        ({"prompt_embeds": torch.zeros(1, 2, 64), "prompt_embeds_mask": torch.zeros(1, 2)}, "one of padding"),
        ({"prompt": CAR, "prompt_embeds_mask": torch.ones(1, 2)}, "prompt_embeds_mask was given without prompt_embeds"),
        ({"prompt": CAR, "prompt_embeds": torch.zeros(2, 2, 64)}, "holds 2 prompts, but prompt 1"),
        ({"prompt": CAR, "negative_prompt_embeds": torch.zeros(2, 2, 64)}, "holds 2 prompts for 1 prompts"),
        (
            {"prompt": CAR, "negative_prompt": CAR, "negative_prompt_embeds": torch.zeros(1, 2, 64)},
            "negative_prompt and negative_prompt_embeds were both given",
        ),
    ],
)
def test_what_does_not_fit_is_one_sentence(pipe, arguments, words):
    with pytest.raises(InputError, match=words) as error:
        pipe(**arguments)
    assert "\n" not in str(error.value) and len(str(error.value)) < 300


def test_embeddings_of_an_edit_are_refused_where_the_network_has_to_know_which_are_the_images():
    pipe = quiet(SpatialFusionPipeline(**tiny_qwen_image_21_components(), default_size=SIZE))
    with pytest.raises(InputError, match="must be told which tokens are the image's: expected a prompt"):
        pipe(CAR, torch.zeros(3, SIZE, SIZE), **embeddings(pipe, HOUSE), **FAST)
