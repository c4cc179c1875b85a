"""Scenes given to the pipeline: exact depth, or where the flow of depth starts."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny import SIZE, in_own_memory, region_components
from tiny_inputs import seed
from torch.testing import assert_close

from spatialfusion.errors import InputError
from spatialfusion.generate import TINY
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.model.flow import depth_generators, sample
from spatialfusion.pipeline import SpatialFusionPipeline
from spatialfusion.planner.plan import plan, plan_scene, plan_text
from spatialfusion.scenes.compose import compose
from spatialfusion.scenes.scene import Scene
from spatialfusion.scenes.text import scene_from_text

PROMPT = "a red car in front of a blue house"
TEXT = "car red at 0 7\nhouse blue at 1 14\n"
FAST = {"num_inference_steps": 2, "depth_steps": 3, "output_type": "latent"}


@pytest.fixture(scope="module")
def told():
    """A pipeline whose depth adapter reads region words."""
    pipe = SpatialFusionPipeline(**region_components(), default_size=SIZE)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def exact(text: str = TEXT) -> Geometry:
    return compose(text, (SIZE, SIZE), samples=0).geometry


def test_a_scene_is_its_exact_depth(pipe):
    output = pipe(PROMPT, scene=TEXT, generator=seed(0), **FAST)
    assert "scene" in output.seconds
    given = pipe(PROMPT, geometry=exact(), generator=seed(0), **FAST)
    assert torch.equal(output.geometry.depth, exact().depth)
    assert torch.equal(output.images, given.images)
    assert output.scene == scene_from_text(TEXT).scene and output.plans[0].names == ("red car", "blue house")
    assert given.scene is None and given.plans is None
    assert not torch.equal(output.images, pipe(PROMPT, generator=seed(0), **FAST).images)


def test_a_scene_tells_the_adapter_what_is_where(told):
    def draw(text: str | Scene, **options):
        return told(PROMPT, generator=seed(0), **FAST, **options | ({"scene": text} if text else {})).images

    swapped = TEXT.replace("red", "x").replace("blue", "red").replace("x", "blue")
    assert torch.equal(exact(swapped).depth, exact().depth)
    assert not torch.equal(draw(TEXT), draw(swapped))
    # Depth alone does not tell, and with no strength nothing does.
    alone = draw("", geometry=exact())
    assert not torch.equal(draw(TEXT), alone)
    assert torch.equal(draw(TEXT, controlnet_conditioning_scale=0.0), draw(swapped, controlnet_conditioning_scale=0.0))
    # Words that depth cannot show are told too; of an empty scene there are none.
    assert not torch.equal(draw(TEXT), draw(TEXT.replace("car red", "old car red")))
    assert draw(replace(scene_from_text(TEXT).scene, objects=())).isfinite().all()


def test_each_image_of_a_batch_is_told_of_its_own_scene(told):
    swapped = TEXT.replace("red", "x").replace("blue", "red").replace("x", "blue")
    both = told([PROMPT] * 2, scene=[TEXT, swapped], generator=[seed(0), seed(0)], **FAST).images
    for text, image in zip((TEXT, swapped), both):
        assert_close(told(PROMPT, scene=text, generator=seed(0), **FAST).images[0], image, atol=1e-4, rtol=1e-4)


def test_a_model_with_region_words_is_saved_and_loaded(told, tmp_path):
    told.save_pretrained(tmp_path / "model")
    loaded = in_own_memory(SpatialFusionPipeline.from_pretrained(tmp_path / "model"))
    loaded.set_progress_bar_config(disable=True)
    again = loaded(PROMPT, scene=TEXT, generator=seed(0), **FAST)
    assert torch.equal(again.images, told(PROMPT, scene=TEXT, generator=seed(0), **FAST).images)


def test_auto_reads_the_prompt_with_the_generators_seed(pipe):
    output = pipe(PROMPT, scene="auto", generator=seed(5), **FAST)
    expected = plan(PROMPT, 5, (SIZE, SIZE))
    assert output.scene == expected.scene
    assert torch.equal(output.geometry.depth, expected.geometry.depth)
    assert pipe(PROMPT, scene="auto", generator=seed(6), **FAST).scene != output.scene


def test_a_scene_and_a_plan_are_taken_as_they_are(pipe):
    layout = scene_from_text(TEXT)
    for scene in (layout.scene, plan_scene(layout.scene), plan_text(TEXT, size=(64, 64))):
        output = pipe(PROMPT, scene=scene, generator=seed(0), **FAST)
        assert torch.equal(output.geometry.depth, exact().depth) and output.scene == layout.scene


def test_every_image_has_its_scene(pipe):
    options = FAST | {"num_inference_steps": 1}
    prompts = [PROMPT, "a green tree"]
    output = pipe(prompts, scene=[TEXT, "auto"], num_images_per_prompt=2, generator=seed(0), **options)
    assert [one.prompt for one in output.plans] == [PROMPT] * 2 + ["a green tree"] * 2
    assert output.plans[0].scene == output.plans[1].scene  # numbers alone leave nothing open
    assert output.plans[2].scene != output.plans[3].scene
    assert len(output.geometry) == len(output.images) == 4
    single = pipe("a green tree", scene="auto", generator=seed(2), **options)
    assert single.scene == output.plans[2].scene


def test_strength_goes_from_no_scene_to_the_scene():
    """With the embedded model, whose depth is near what it starts from."""
    pipe = SpatialFusionPipeline.from_pretrained(TINY)
    pipe.set_progress_bar_config(disable=True)

    def depth(**options) -> Geometry:
        return pipe.predict_geometry(PROMPT, generator=seed(0), depth_steps=4, depth_guidance_scale=1.0, **options)

    def distance(geometry: Geometry) -> tuple[float, float]:
        both = geometry.valid & scene.valid
        metres = (geometry.depth[both].log() - scene.depth[both].log()).abs().mean()
        return metres.item(), (geometry.valid != scene.valid).float().mean().item()

    scene, free = depth(scene=TEXT), depth()
    assert torch.equal(scene.depth, compose(TEXT, (128, 128), samples=0).geometry.depth)
    assert torch.equal(depth(scene=TEXT, scene_strength=0).depth, free.depth)
    drawn = depth(scene=TEXT, scene_strength=0.8)
    assert all(near < 0.6 * far for near, far in zip(distance(drawn), distance(free)))
    assert not torch.equal(drawn.depth, scene.depth)


def test_the_flow_starts_from_what_it_is_given():
    """A denoiser that knows the answer in part shows which noise it was given, and at which times it was called."""
    clean, noise, times = torch.full((1, 2, 4, 4), 3.0), torch.zeros(1, 2, 4, 4), []

    def denoise(state, fov, t):
        times.append(t.item())
        return state, fov, None

    state, fov, _ = sample(denoise, (0.4 * noise + 0.6 * clean, torch.ones(1)), 4, start=0.4)
    assert times[0] == pytest.approx(0.4) and times == sorted(times, reverse=True) and len(times) == 4
    assert_close(state, 0.6 * clean)
    assert fov == torch.ones(1)
    begin = times.copy()
    times.clear()
    sample(denoise, (noise, torch.ones(1)), 4)
    assert begin == pytest.approx([0.4 * t for t in times])


def test_a_start_is_the_scene_with_its_noise(pipe, monkeypatch):
    model = pipe.spatialfusion
    clean, fov = model.clean_state(exact())
    seen = []
    denoise = model.denoise
    monkeypatch.setattr(model, "denoise", lambda *inputs: seen.append(inputs[:3]) or denoise(*inputs))
    pipe.predict_geometry(
        PROMPT, scene=TEXT, scene_strength=0.75, depth_steps=2, depth_guidance_scale=1.0, generator=seed(0)
    )
    state, u, t = seen[0]
    (generator,) = depth_generators([seed(0)])
    noise = torch.randn(2, *clean.shape[-2:], generator=generator), torch.randn((), generator=generator)
    assert_close(state[0], 0.75 * clean[0] + 0.25 * noise[0])
    assert_close(u[0], 0.75 * fov[0] + 0.25 * noise[1])
    assert t.tolist() == [0.25]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scene": TEXT, "geometry": exact()}, "scene and geometry were both given"),
        ({"scene": 3}, "scene is a int"),
        ({"scene": ["auto", 3]}, "expected 'auto', a scene text"),
        ({"scene": [TEXT] * 3}, "scene holds 3 scenes"),
        ({"scene": TEXT, "scene_strength": 1.5}, "scene_strength is 1.5: expected a number from 0 to 1"),
        ({"scene": TEXT, "scene_strength": float("nan")}, "scene_strength is nan"),
        ({"scene": TEXT, "scene_strength": "much"}, "scene_strength is 'much'"),
        ({"scene": "auto", "image": torch.zeros(3, SIZE, SIZE)}, "says only what changes"),
        ({"scene": "zorply at 0 5"}, "zorply"),
    ],
)
def test_bad_scenes_are_one_sentence(pipe, options, words):
    with pytest.raises(InputError, match=words) as error:
        pipe(PROMPT, **FAST, **options)
    assert "\n" not in str(error.value) and str(error.value).endswith(".")
