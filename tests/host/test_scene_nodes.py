"""The nodes around a scene, in the host: regions and controls in real samplers, comparison, and the viewer's camera."""

from __future__ import annotations

import comfy.ldm.lumina.controlnet
import comfy.ldm.lumina.model
import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.ops
import comfy.sd1_clip
import comfy.supported_models
import pytest
import torch
from comfy_api.latest import Types
from comfy_extras.nodes_mesh_postprocess import RenderMesh
from comfy_extras.nodes_model_patch import (
    QwenImageBlockWiseControlNet,
    QwenImageDiffsynthControlnet,
    ZImageFunControlnet,
)
from conftest import CLASSES, SIZE, InputError, run, sample

TEXT = "camera height 1.6 pitch 8\noutdoor\nold car red at -0.8 6 facing left\nball blue at 1.2 4\n"


def composed(text=TEXT, size=SIZE):
    """The outputs of Compose Scene Depth: geometry, image, masks, names, scene."""
    return run("ComposeScene", text=text, width=size, height=size, supersampling=1)


def difference(a, b):
    return (a - b).abs().max().item()


# Scene to Regions -----------------------------------------------------------------------------------------------------


def to_regions(clip, scene, style="", prompt="", strength=1.0):
    return run("SceneRegions", clip=clip, scene=scene, style=style, prompt=prompt, strength=strength)


class Clip:
    """A text encoder of one made-up number for each letter; what matters is the host's interface."""

    def tokenize(self, text):
        return text

    def encode_from_tokens_scheduled(self, tokens):
        return [[torch.tensor([float(ord(c)) for c in tokens])[None, :, None], {"pooled_output": tokens}]]


def test_each_object_has_its_words_in_its_mask():
    *_, masks, _, scene = composed()
    conditioning, prompts = to_regions(Clip(), scene, style="oil painting")
    assert prompts.splitlines() == [
        "an old red car, a blue ball, outdoors, oil painting",
        "an old red car, oil painting",
        "a blue ball, oil painting",
    ]
    assert [more["pooled_output"] for _, more in conditioning] == prompts.splitlines()
    assert "mask" not in conditioning[0][1]
    for (_, more), mask in zip(conditioning[1:], masks):
        assert torch.equal(more["mask"], mask[None]) and not more["set_area_to_bounds"]
        assert more["mask_strength"] == 1.0
    assert len(to_regions(Clip(), scene, strength=0.0)[0]) == 1
    assert to_regions(Clip(), scene, prompt="a quiet street")[1].splitlines()[0] == "a quiet street"


def test_words_take_effect_in_their_region_alone(tiny):
    """One step, one call of the model for each prompt: outside of a region nothing changes, inside it does."""
    *_, masks, _, scene = composed()
    whole, regional = (to_regions(tiny.spatialfusion, scene, strength=s)[0] for s in (0.0, 1.0))
    assert len(regional) == 3
    plain, changed = (sample(tiny.model, c, tiny.negative, steps=1)[:, :, 0] for c in (whole, regional))
    latent = torch.nn.functional.interpolate(masks[:, None], (16, 16), mode="bilinear")[:, 0]
    inside = latent.amax(0) > 0
    assert difference(plain[0, :, ~inside], changed[0, :, ~inside]) < 1e-5
    for mask in latent:
        assert difference(plain[0, :, mask > 0.9], changed[0, :, mask > 0.9]) > 1e-3
    # In a region both prompts count alike: by hand, from a sample of each.
    (_, car, _) = regional
    alone = sample(tiny.model, [[car[0], {"pooled_output": None}]], tiny.negative, steps=1, cfg=1.0)
    both, base = (sample(tiny.model, c, tiny.negative, steps=1, cfg=1.0) for c in (regional, whole))
    here = latent[0] == 1
    torch.testing.assert_close(both[0, :, 0, here], (base + alone)[0, :, 0, here] / 2, atol=1e-3, rtol=1e-3)


def test_regions_go_together_with_depth(tiny):
    geometry, *_, scene = composed()
    conditioning, _ = to_regions(tiny.spatialfusion, scene)
    model = run(
        "ApplyDepth", model=tiny.model, spatialfusion=tiny.spatialfusion, geometry=geometry, strength=1.0, start=0.0,
        end=1.0, cond_only=False,
    )  # fmt: skip
    drawn = sample(model, conditioning, tiny.negative, steps=2, batch=2)
    assert (
        drawn.isfinite().all()
        and difference(drawn, sample(tiny.model, conditioning, tiny.negative, steps=2, batch=2)) > 1e-2
    )


def test_what_is_no_encoder_or_no_scene_is_one_sentence(tiny):
    *_, scene = composed()
    for clip in (None, object()):
        with pytest.raises(InputError, match=r"clip is .*: expected the text encoder"):
            to_regions(clip, scene)
    with pytest.raises(InputError, match="scene is a dict: expected the scene of Plan Scene"):
        to_regions(Clip(), {})
    with pytest.raises(InputError, match="strength is nan"):
        to_regions(Clip(), scene, strength=float("nan"))


# Limit Control to Steps -----------------------------------------------------------------------------------------------


def random_weights(network, seed=0):
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        spread = 0.2 if parameter.ndim > 1 else 0.02
        parameter.data = spread * torch.randn(parameter.shape, generator=generator)
    return network


def patcher(network):
    cpu = torch.device("cpu")
    return comfy.model_patcher.ModelPatcher(network.requires_grad_(False), load_device=cpu, offload_device=cpu)


@pytest.fixture(scope="module")
def diffsynth(tiny):
    """The built-in Qwen-Image, without and with a random DiffSynth control."""
    blocks = len(tiny.model.model.diffusion_model.transformer_blocks)
    width = tiny.model.model.diffusion_model.inner_dim
    control = QwenImageBlockWiseControlNet(blocks, dim=width, operations=comfy.ops.manual_cast)
    with torch.inference_mode():
        _, image, *_ = composed()
        (controlled,) = QwenImageDiffsynthControlnet().diffsynth_controlnet(
            tiny.model, patcher(random_weights(control)), tiny.vae, image, strength=0.5
        )
    return tiny.model, controlled, tiny.positive, tiny.negative


class FlatVae:
    """The built-in VAE without its axis of time: Z-Image's has none."""

    def __init__(self, vae):
        self.vae = vae

    def encode(self, image):
        return self.vae.encode(image)[:, :, 0]

    def spacial_compression_encode(self):
        return self.vae.spacial_compression_encode()


@pytest.fixture(scope="module")
def z_image(tiny):
    """A random Z-Image of the core's class in miniature, without and with a random Fun control."""
    sizes = {"dim": 256, "n_heads": 4, "n_kv_heads": 4, "multiple_of": 32}
    unet = {
        "patch_size": 2, "in_channels": 16, "cap_feat_dim": 32, "n_layers": 10, "n_refiner_layers": 2, "qk_norm": True,
        "axes_dims": [16, 24, 24], "axes_lens": [64, 64, 64], "rope_theta": 256.0, "ffn_dim_multiplier": 8 / 3,
        "z_image_modulation": True, "time_scale": 1000.0, "pad_tokens_multiple": 32, "image_model": "lumina2", **sizes,
    }  # fmt: skip
    config = comfy.supported_models.ZImage(unet)
    config.set_inference_dtype(torch.float32, torch.float32)
    with torch.inference_mode():
        base = comfy.model_base.Lumina2(config, device=torch.device("cpu"))
        random_weights(base.diffusion_model)
        cpu = torch.device("cpu")
        model = comfy.model_patcher.ModelPatcher(base, load_device=cpu, offload_device=cpu)
        control = comfy.ldm.lumina.controlnet.ZImage_Control(**sizes, operations=comfy.ops.manual_cast)
        _, image, *_ = composed()
        (controlled,) = ZImageFunControlnet().diffsynth_controlnet(
            model, patcher(random_weights(control, 1)), FlatVae(tiny.vae), image, strength=0.8
        )
        text = [[torch.randn(1, 32, 32, generator=torch.Generator().manual_seed(2)), {"num_tokens": 32}]]
    return model, controlled, text, text


class Steps:
    """What the diffusion model answers in each step of a run from the same latents: the run follows `plain` always."""

    def __init__(self, model, positive, negative, steps=4):
        self.answers = []
        model = model.clone()
        model.set_model_unet_function_wrapper(self)
        self.plain = None
        sample(model, positive, negative, steps=steps, cfg=1.0)

    def __call__(self, apply, given):
        x = torch.randn(given["input"].shape, generator=torch.Generator().manual_seed(len(self.answers)))
        self.answers.append((given["timestep"][0].item(), apply(x, given["timestep"], **given["c"]).clone()))
        return self.answers[-1][1]


@pytest.mark.parametrize("kind", ["diffsynth", "z_image"])
@pytest.mark.parametrize(("start", "end"), [(0.0, 0.5), (0.25, 0.75), (0.5, 1.0), (0.0, 1.0), (0.3, 0.3)])
def test_outside_of_its_steps_a_control_changes_no_bit(kind, start, end, request):
    model, controlled, positive, negative = request.getfixturevalue(kind)
    limited = run("LimitControl", model=controlled, start_percent=start, end_percent=end)
    plain, full, some = (Steps(m, positive, negative).answers for m in (model, controlled, limited))
    sampling = model.get_model_object("model_sampling")
    first, last = sampling.percent_to_sigma(start), sampling.percent_to_sigma(end)
    inside = 0
    for (sigma, without), (_, always), (_, answer) in zip(plain, full, some):
        assert difference(without, always) > 1e-4
        works = start < end and last <= sigma <= first
        assert torch.equal(answer, always if works else without), sigma
        inside += works
    assert inside == {(0.0, 0.5): 2, (0.25, 0.75): 3, (0.5, 1.0): 2, (0.0, 1.0): 4, (0.3, 0.3): 0}[start, end] or (
        0 < inside < 4
    )
    # The model before stays as it was, and the control's network is known to the host.
    assert torch.equal(Steps(controlled, positive, negative).answers[-1][1], full[-1][1])
    assert limited.model_patches_models() and set(map(id, limited.model_patches_models())) == set(
        map(id, controlled.model_patches_models())
    )


def test_a_run_ends_as_without_control_where_it_never_worked(diffsynth):
    model, controlled, positive, negative = diffsynth
    never = run("LimitControl", model=controlled, start_percent=1.0, end_percent=1.0)
    early = run("LimitControl", model=controlled, start_percent=0.0, end_percent=0.5)
    plain = sample(model, positive, negative)
    assert torch.equal(sample(never, positive, negative), plain)
    assert difference(sample(early, positive, negative), plain) > 1e-3


def test_two_controls_have_each_their_own_limits(diffsynth):
    _, controlled, _, _ = diffsynth
    patches = controlled.model_options["transformer_options"]["patches"]["double_block"]
    early = run("LimitControl", model=controlled, start_percent=0.0, end_percent=0.5)
    early.set_model_double_block_patch(patches[0])  # once more, for the other half
    both = run("LimitControl", model=early, start_percent=0.5, end_percent=1.0)
    limits = [
        (p.sigma_start, p.sigma_end) for p in both.model_options["transformer_options"]["patches"]["double_block"]
    ]
    assert limits[0][0] == float("inf") and limits[1][1] == -float("inf") and limits[0][1] == limits[1][0]


def test_a_model_without_such_a_control_is_one_sentence(tiny, diffsynth):
    with pytest.raises(InputError, match="model has no control without a start and an end"):
        run("LimitControl", model=tiny.model, start_percent=0.0, end_percent=0.5)
    limited = run("LimitControl", model=diffsynth[1], start_percent=0.0, end_percent=0.5)
    with pytest.raises(InputError, match="model has no control without a start and an end"):
        run("LimitControl", model=limited, start_percent=0.0, end_percent=0.5)
    with pytest.raises(InputError, match=r"start_percent is 0.7 and end_percent 0.5"):
        run("LimitControl", model=diffsynth[1], start_percent=0.7, end_percent=0.5)


# Compare, pick, select ------------------------------------------------------------------------------------------------


def test_the_best_of_a_batch_is_the_one_that_shows_the_scene():
    *_, scene = composed()
    nearer = TEXT.replace("-0.8 6", "-0.8 4.6")
    drawn = [composed(text) for text in (nearer, TEXT, TEXT.replace("1.2 4", "1.2 7"))]
    batch = {
        name: torch.cat([packet[name] for packet, *_ in drawn])
        for name in ("points", "depth", "mask", "intrinsics", "normal", "image")
    }
    images = torch.cat([image for _, image, *_ in drawn])
    table, overlay, scores = run("CompareScene", scene=scene, geometry=batch, scale="as measured")
    assert overlay.shape == images.shape and table.count("red car") == 3 and table.startswith("image 0\n")
    image, index, score = run("PickBest", images=[images], scores=scores)
    assert index == 1 and score == scores[1] == pytest.approx(1, abs=1e-4) and torch.equal(image, images[1:2])
    # As lists, when each picture went through the graph alone.
    assert run("PickBest", images=list(images.split(1)), scores=scores)[1] == 1
    selected = run("SelectDepth", geometry=batch, index=index)
    assert torch.equal(selected["depth"], batch["depth"][1:2]) and torch.equal(selected["image"], images[1:2])
    assert torch.equal(run("SelectDepth", geometry=batch, index=-1)["depth"], batch["depth"][2:])


def test_relative_depth_of_depth_anything_is_fitted():
    geometry, image, masks, _, scene = composed()
    da3 = {"depth": torch.where(geometry["mask"], geometry["depth"] * 0.07, 50.0), "image": image, "mode": "mono"}
    da3["sky"] = (~geometry["mask"]).float()
    table, _, (score,) = run("CompareScene", scene=scene, geometry=da3, scale="fitted", masks=masks)
    assert score > 0.99 and "depth times 14.3" in table
    assert run("CompareScene", scene=scene, geometry=da3, scale="as measured")[2][0] < 0.2


def test_what_cannot_be_compared_or_chosen_is_one_sentence():
    geometry, image, _, _, scene = composed()
    wide, *_ = run("ComposeScene", text=TEXT, width=192, height=128, supersampling=1)
    wrong = {
        "the geometry is 192x128 pixels and the scene 128x128": {"geometry": wide},
        "there are 3 masks: expected 2, one for each object": {"geometry": geometry, "masks": torch.ones(3, 8, 8)},
        "expected the scene of Plan Scene": {"geometry": geometry, "scene": "car"},
        "geometry ": {"geometry": {"depth": None}},
    }
    for sentence, inputs in wrong.items():
        with pytest.raises(InputError, match=sentence):
            run("CompareScene", **{"scene": scene, "scale": "as measured", **inputs})
    with pytest.raises(InputError, match="there are 1 images and 2 scores"):
        run("PickBest", images=[image], scores=[0.5, 0.6])
    with pytest.raises(InputError, match="scores has nan"):
        run("PickBest", images=[image], scores=[float("nan")])
    with pytest.raises(InputError, match="index is 1, and geometry has 1 of them: expected 0"):
        run("SelectDepth", geometry=geometry, index=1)


# Edit Scene -----------------------------------------------------------------------------------------------------------


def edited(scene, instruction):
    """The outputs of Edit Scene by name."""
    names = [output.id for output in CLASSES["SpatialFusionEditScene"].define_schema().outputs]
    return dict(zip(names, run("EditScene", scene=scene, instruction=instruction)))


def test_an_instruction_changes_what_it_names_and_nothing_else():
    *_, scene = composed()
    made = edited(scene, "paint the car green and move the ball 1 m to the left")
    (car, ball), (old_car, old_ball) = made["scene"].scene.objects, scene.scene.objects
    assert (car.color, car.position) == ("green", old_car.position)
    assert (
        ball.position[0] == pytest.approx(old_ball.position[0] - 1) and made["scene"].scene.camera == scene.scene.camera
    )
    assert made["masks"].shape[0] == 2 and not torch.equal(made["masks"][1], composed()[2][1])
    # The text draws the same again, and another change goes on from there.
    again = composed(made["text"])
    assert difference(again[0]["depth"].nan_to_num(posinf=0), made["geometry"]["depth"].nan_to_num(posinf=0)) < 0.02
    assert len(edited(made["scene"], "remove the ball")["scene"].scene.objects) == 1


@pytest.mark.parametrize(
    ("instruction", "words"),
    [("", "asks for nothing"), ("zorply", "zorply"), ("remove the giraffe", "giraffe"), (3, "expected text")],
)
def test_an_instruction_that_cannot_be_is_one_sentence(instruction, words):
    *_, scene = composed()
    with pytest.raises(InputError, match=words):
        edited(scene, instruction)


# Orbit Scene Camera ---------------------------------------------------------------------------------------------------


def orbit(scene, **inputs):
    names = [output.id for output in CLASSES["SpatialFusionOrbitCamera"].define_schema().outputs]
    return dict(zip(names, run("OrbitCamera", scene=scene, **inputs)))


def test_without_a_camera_it_is_the_scene_itself():
    geometry, image, _, names, scene = composed()
    same = orbit(scene)
    assert torch.equal(same["geometry"]["depth"], geometry["depth"]) and torch.equal(same["image"], image)
    assert same["names"] == names and isinstance(same["model_3d"], Types.File3D)
    again = orbit(scene, camera_info=same["camera"])
    torch.testing.assert_close(again["geometry"]["depth"], geometry["depth"], atol=2e-3, rtol=1e-3)
    assert again["text"].startswith("camera height 1.6 pitch 8 fov 60\n")


def test_the_core_draws_the_mesh_from_the_same_camera_as_we_do():
    """Two renderers, one picture: the core's rasteriser of our MESH, and our rays."""
    *_, scene = composed()
    moved = {
        "position": {"x": 3.2, "y": 2.2, "z": 5.8}, "target": {"x": 0.7, "y": 0.4, "z": 0.3}, "zoom": 1.25, "fov": 60,
        "cameraType": "perspective",
    }  # fmt: skip
    seen = orbit(scene, camera_info=moved)
    for camera in (moved, seen["camera"]):
        (drawn, hit) = RenderMesh.execute(
            seen["mesh"], "vertex colors", SIZE, SIZE, "#000000", camera_info=camera
        ).result
        # The core shades otherwise: colours tell which thing it is, not how bright.
        hue = drawn[0] / drawn[0].amax(-1, keepdim=True).clamp_min(1e-3)
        for index, channel in ((0, 0), (1, 2)):  # the red car, the blue ball
            ours = seen["masks"][index] > 0.5
            theirs = (hue[..., channel] > 0.99) & (hue.amin(-1) < 0.6) & (hit[0] > 0.5)
            both = (ours & theirs).sum() / (ours | theirs).sum()
            assert both > 0.6, (index, both)


def test_a_model_that_was_fitted_in_the_viewer_is_seen_alike():
    """The viewer scales and moves the model; the camera among it sees the same scene."""
    *_, scene = composed()
    s, t = 0.2, (1.0, 0.5, -2.0)
    half = 2**-0.5  # turned by 90 degrees about y: x to -z, z to x
    model = [{
        "position": dict(zip("xyz", t)), "quaternion": {"x": 0, "y": half, "z": 0, "w": half},
        "scale": {"x": s, "y": s, "z": s},
    }]  # fmt: skip

    def placed(point):
        x, y, z = (s * c for c in point)
        return dict(zip("xyz", (z + t[0], y + t[1], -x + t[2])))

    position, target = (2.0, 2.0, 1.0), (0.0, 0.5, -5.0)
    plain = {"position": dict(zip("xyz", position)), "target": dict(zip("xyz", target)), "fov": 50, "zoom": 1}
    fitted = plain | {"position": placed(position), "target": placed(target)}
    a, b = orbit(scene, camera_info=plain), orbit(scene, camera_info=fitted, model_3d_info=model)
    assert a["text"] == b["text"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"position": {"x": 0, "y": -1, "z": 0}}, "camera_info looks from below the ground"),
        ({"position": None}, "camera_info has a position of None"),
        ({"target": {"x": 0, "y": 1, "z": 0}}, "camera_info has its target where its position is"),
        ({"cameraType": "orthographic"}, "camera_info is of a camera that is orthographic"),
        ({"fov": float("nan")}, "camera_info has a fov of nan"),
        ({"zoom": 0}, "camera_info has a zoom of 0"),
    ],
)
def test_a_camera_that_cannot_see_the_scene_is_one_sentence(changes, sentence):
    *_, scene = composed()
    camera = {"position": {"x": 0, "y": 1, "z": 0}, "target": {"x": 0, "y": 1, "z": -5}, "fov": 50, "zoom": 1}
    with pytest.raises(InputError, match=sentence):
        orbit(scene, camera_info=camera | changes)
    with pytest.raises(InputError, match="camera_info is a str"):
        orbit(scene, camera_info="camera")
