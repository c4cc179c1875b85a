"""The pipeline on a whole model with random weights: every stage, what must not change, and what is refused."""

from __future__ import annotations

import copy
import json
import shutil
import socket

import pytest
import torch
from diffusers import DiffusionPipeline, QwenImageTransformer2DModel
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny import SIZE, tiny_components
from tiny_inputs import CAR, FAST, HOUSE, seed
from torch.testing import assert_close

from spatialfusion.backbones.depth_injection import base_parameters
from spatialfusion.backbones.qwen_image import BACKBONE
from spatialfusion.backbones.sampling import Draw
from spatialfusion.errors import InputError
from spatialfusion.geometry.fitting import fit_image
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.latents import decode_latents
from spatialfusion.model.context import PromptEncoder
from spatialfusion.model.model import FILE_NAME
from spatialfusion.model_folder import check_weights, write_model_index
from spatialfusion.pipeline import SpatialFusionPipeline


def picture(height: int, width: int) -> torch.Tensor:
    return torch.rand(3, height, width, generator=seed(height * width))


def ramp(height: int, width: int) -> Geometry:
    return Geometry.from_depth(torch.linspace(1, 20, height)[None, :, None].expand(1, height, width), focal=1.0)


def prefills(pipe):
    """Batch sizes of the LLM's forward passes from now on."""
    sizes = []
    hook = pipe.text_encoder.model.register_forward_hook(
        lambda module, args, kwargs, output: sizes.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    return sizes, hook


# Generating -----------------------------------------------------------------------------------------------------------


def test_text_to_image_gives_a_picture_and_its_geometry(pipe):
    output = pipe(CAR, num_inference_steps=2, depth_steps=2, generator=seed(0))
    assert isinstance(output.images[0], Image.Image) and output.images[0].size == (SIZE, SIZE)
    assert output.geometry.depth.shape == (1, SIZE, SIZE)
    assert output.geometry.depth.isfinite().all()
    assert set(output.seconds) == {"prompt", "depth", "image", "decode"}


def test_output_types_are_one_picture(pipe):
    latents, geometry = pipe(CAR, generator=seed(0), **FAST, return_dict=False)
    tensor = pipe(CAR, generator=seed(0), **FAST | {"output_type": "pt"}).images
    pil = pipe(CAR, generator=seed(0), **FAST | {"output_type": "pil"}).images[0]
    assert latents.shape == (1, 16, SIZE // 8, SIZE // 8)
    assert_close(decode_latents(pipe.vae, latents), tensor)
    shown = torch.tensor(list(pil.tobytes())).view(SIZE, SIZE, 3).permute(2, 0, 1)
    assert (shown - tensor[0] * 255).abs().max() <= 0.5001
    assert isinstance(geometry, Geometry)


@pytest.mark.parametrize("image", [None, picture(SIZE, SIZE)], ids=["text", "edit"])
def test_a_batch_equals_singles(pipe, image):
    prompts, seeds = [CAR, HOUSE], [3, 4]
    batch = pipe(prompts, image, generator=[seed(s) for s in seeds], negative_prompt=["", CAR], **FAST)
    for i in range(2):
        single = pipe(prompts[i], image, generator=seed(seeds[i]), negative_prompt=["", CAR][i], **FAST)
        assert_close(batch.images[i], single.images[0], atol=1e-4, rtol=1e-4)
        assert_close(batch.geometry.depth[i], single.geometry.depth[0], atol=1e-4, rtol=1e-3)


def test_several_images_of_a_prompt_differ_in_their_noise_alone(pipe):
    several = pipe([CAR, HOUSE], num_images_per_prompt=2, generator=[seed(i) for i in range(4)], **FAST)
    single = pipe(HOUSE, generator=seed(3), **FAST)
    assert_close(several.images[3], single.images[0], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(several.images[2], several.images[3], atol=1e-2)
    assert not torch.allclose(several.geometry.depth[2], several.geometry.depth[3], atol=1e-2)


def test_every_input_matters(pipe):
    base = pipe(CAR, generator=seed(0), **FAST)
    for name, changes in {
        "seed": {"generator": seed(1)},
        "prompt": {"prompt": HOUSE},
        "negative prompt": {"negative_prompt": HOUSE},
        "guidance": {"guidance_scale": 1.0},
        "image": {"image": picture(SIZE, SIZE)},
        "geometry": {"geometry": ramp(SIZE, SIZE)},
        "strength": {"controlnet_conditioning_scale": 0.5},
        "start": {"control_guidance_start": 0.4},
        "end": {"control_guidance_end": 0.4},
    }.items():
        other = pipe(**{"prompt": CAR, "generator": seed(0), **FAST, **changes})
        assert not torch.allclose(base.images, other.images, atol=1e-3), name


def test_depth_reads_prompt_source_and_guidance(pipe):
    def depth(prompt=CAR, **changes):
        return pipe.predict_geometry(prompt, generator=seed(0), depth_steps=2, **changes).depth

    base = depth()
    for changes in ({"prompt": HOUSE}, {"image": picture(SIZE, SIZE)}, {"depth_guidance_scale": 1.0}):
        assert not torch.allclose(base, depth(**changes), rtol=1e-5), changes


def test_depth_of_an_edit_is_the_mean_without_guidance_unless_it_is_asked_for(pipe):
    def depth(image=None, **changes):
        return pipe.predict_geometry(HOUSE, image=image, generator=seed(3), **changes).depth

    source = picture(SIZE, SIZE)
    mean, sample = {"depth_steps": 1, "depth_guidance_scale": 1.0}, {"depth_steps": 16, "depth_guidance_scale": 2.0}
    assert torch.equal(depth(source), depth(source, **mean))
    assert torch.equal(depth(), depth(**sample))
    assert not torch.equal(depth(source), depth(source, depth_guidance_scale=2.0))
    assert not torch.equal(depth(source), depth(source, depth_steps=16))
    drawn = pipe(HOUSE, image=source, generator=seed(3), num_inference_steps=1, output_type="latent").geometry
    assert torch.equal(drawn.depth, depth(source))


def test_an_edit_shows_the_source_to_all_that_look_at_it(pipe):
    """The LLM (by its context), the source encoder and the diffusion model (by its number of tokens)."""
    seen = {}
    hooks = [
        pipe.text_encoder.model.visual.register_forward_hook(lambda *_: seen.update(llm=True)),
        pipe.spatialfusion.source_encoder.register_forward_hook(lambda *_: seen.update(spatial=True)),
        pipe.transformer.register_forward_hook(
            lambda module, args, kwargs, output: seen.update(tokens=kwargs["hidden_states"].shape[1]), with_kwargs=True
        ),
    ]
    pipe("move the car", picture(100, 120), height=SIZE, width=SIZE, generator=seed(0), **FAST)
    for hook in hooks:
        hook.remove()
    assert seen == {"llm": True, "spatial": True, "tokens": 2 * (SIZE // 16) ** 2}


# What must not change -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("image", [None, picture(SIZE, SIZE)], ids=["text", "edit"])
def test_strength_0_is_the_base_model_bit_for_bit(pipe, tiny_folder, image):
    pipe(CAR, generator=seed(9), **FAST)  # a call with depth leaves nothing behind
    output = pipe(CAR, image, controlnet_conditioning_scale=0, generator=seed(0), **FAST)
    assert output.geometry is None

    base = QwenImageTransformer2DModel.from_pretrained(tiny_folder / "transformer").eval()
    encoder = PromptEncoder.load(tiny_folder, num_layers=1)
    pictures, references = [[]], []
    if image is not None:
        pictures = [[image]]
        constants = pipe.vae.config.latents_mean, pipe.vae.config.latents_std
        mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in constants)
        with torch.no_grad():
            latents = pipe.vae.encode(2 * image[None, :, None] - 1).latent_dist.mode()[:, :, 0]
        references = [(latents - mean) / std]
    draw = Draw(
        encoder.encode([CAR], pictures),
        encoder.encode([""], pictures, allow_empty=True),
        references,
        noise=torch.randn(1, 16, SIZE // 8, SIZE // 8, generator=seed(0)),
        steps=2,
        guidance=4.0,
    )
    assert torch.equal(output.images, BACKBONE.sample_latents(base, pipe.scheduler, draw))


def test_the_depth_of_a_call_can_be_handed_back(pipe):
    """The same seed, with the depth that it predicted: the same image; and `predict_geometry` is that depth."""
    first = pipe(HOUSE, generator=seed(5), **FAST)
    again = pipe(HOUSE, geometry=first.geometry, generator=seed(5), **FAST)
    assert torch.equal(first.images, again.images)
    alone = pipe.predict_geometry(HOUSE, generator=seed(5), depth_steps=2)
    assert torch.equal(alone.depth, first.geometry.depth) and torch.equal(alone.intrinsics, first.geometry.intrinsics)


def test_the_llm_reads_a_prompt_once(pipe):
    for arguments, expected in (
        ({}, [1, 1]),  # prompt; negative prompt and the empty prompt of depth are one
        ({"num_images_per_prompt": 2}, [1, 1]),
        ({"negative_prompt": HOUSE}, [1, 2]),
        ({"image": picture(SIZE, SIZE)}, [1, 1]),
        ({"geometry": ramp(SIZE, SIZE), "negative_prompt": HOUSE}, [1, 1]),
        ({"guidance_scale": 1.0, "depth_guidance_scale": 1.0}, [1]),
        ({"controlnet_conditioning_scale": 0, "guidance_scale": 1.0}, [1]),
    ):
        sizes, hook = prefills(pipe)
        pipe(CAR, generator=seed(0) if "num_images_per_prompt" not in arguments else None, **FAST, **arguments)
        hook.remove()
        assert sizes == expected, arguments


def test_own_geometry_keeps_its_metres(pipe):
    given = Geometry.from_depth(torch.full((1, 48, 96), 3.0), focal=1.0)
    output = pipe(CAR, geometry=given, height=SIZE, width=SIZE, num_images_per_prompt=2, generator=seed(0), **FAST)
    assert output.geometry.depth.shape == (2, SIZE, SIZE)
    assert torch.equal(output.geometry.depth, torch.full((2, SIZE, SIZE), 3.0))
    # The middle 48 of 96 columns are left: half the width, twice the relative focal length.
    assert_close(output.geometry.focal, torch.full((2,), 2.0))


def test_without_a_size_the_aspect_ratio_is_that_of_what_was_given(pipe):
    wide = picture(50, 200)
    assert pipe(CAR, wide, generator=seed(0), **FAST).images.shape[-2:] == (4, 16)
    assert pipe(CAR, geometry=ramp(50, 200), generator=seed(0), **FAST).images.shape[-2:] == (4, 16)
    assert pipe(CAR, wide, height=SIZE, generator=seed(0), **FAST).images.shape[-2:] == (8, 32)
    assert pipe(CAR, height=32, width=48, generator=seed(0), **FAST).images.shape[-2:] == (4, 6)


def test_pictures_are_cut_around_their_centre():
    image = torch.zeros(3, 40, 80)
    image[:, :, 20:60] = 1
    assert torch.equal(fit_image(image, 20, 20), torch.ones(3, 20, 20))
    assert fit_image(image, 40, 80) is not None and torch.equal(fit_image(image, 40, 80), image)


def test_pil_and_tensor_sources_are_one(pipe):
    image = Image.frombytes("RGB", (SIZE, SIZE), bytes(range(256)) * (SIZE * SIZE * 3 // 256))
    tensor = torch.tensor(list(image.tobytes())).view(SIZE, SIZE, 3).permute(2, 0, 1) / 255
    results = [pipe(CAR, source, generator=seed(0), **FAST).images for source in (image, tensor, tensor[None])]
    assert torch.equal(results[0], results[1]) and torch.equal(results[1], results[2])


def test_a_generator_is_used_up_in_a_fixed_order(pipe):
    """With and without predicted depth, the image's noise is the same and so is what is left of the generator."""
    left = []
    for changes in ({}, {"controlnet_conditioning_scale": 0}, {"geometry": ramp(SIZE, SIZE)}):
        generator = seed(0)
        pipe(CAR, generator=generator, **FAST, **changes)
        left.append(torch.rand((), generator=generator).item())
    assert len(set(left)) == 1
    torch.manual_seed(0)
    first = pipe(CAR, **FAST).images
    torch.manual_seed(0)
    assert torch.equal(first, pipe(CAR, **FAST).images)


# Callbacks ------------------------------------------------------------------------------------------------------------


def test_callbacks_see_replace_and_interrupt(pipe):
    seen = []

    def watch(pipeline, step, timestep, given):
        assert pipeline is pipe
        seen.append((step, float(timestep), given["latents"].clone()))
        return given

    settings = FAST | {"num_inference_steps": 3, "generator": seed(0)}
    whole = pipe(CAR, callback_on_step_end=watch, **settings)
    assert [step for step, _, _ in seen] == [0, 1, 2]
    assert seen[0][1] > seen[1][1] > seen[2][1] and torch.equal(seen[2][2], whole.images)

    def stop(pipeline, step, timestep, given):
        pipeline._interrupt = step == 1
        return {}

    settings["generator"] = seed(0)
    assert torch.equal(pipe(CAR, callback_on_step_end=stop, **settings).images, seen[1][2])

    def restore(pipeline, step, timestep, given):
        return {"latents": seen[1][2]} if step == 1 else {}

    settings["generator"] = seed(1)
    restored = pipe(CAR, geometry=whole.geometry, callback_on_step_end=restore, **settings)
    assert_close(restored.images, whole.images)


# Files ----------------------------------------------------------------------------------------------------------------


def test_a_saved_pipeline_draws_the_same_images(pipe, tmp_path):
    pipe.save_pretrained(tmp_path / "model")
    pipe.save_pretrained(tmp_path / "model")  # onto an older one
    assert not list(tmp_path.glob(".*")) and not list(tmp_path.rglob("*.bin"))
    for file in (tmp_path / "model").rglob("*.json"):
        assert str(tmp_path) not in file.read_text() and "_name_or_path" not in json.loads(file.read_text()), file
    (tmp_path / "made_by_open").touch()
    modes = {file.stat().st_mode for file in tmp_path.rglob("*") if file.is_file()}
    assert modes == {(tmp_path / "made_by_open").stat().st_mode}
    loaded = SpatialFusionPipeline.from_pretrained(tmp_path / "model")
    loaded.set_progress_bar_config(disable=True)
    for arguments in ({}, {"image": picture(SIZE, SIZE)}, {"controlnet_conditioning_scale": 0}):
        images = [p(HOUSE, generator=seed(0), **FAST, **arguments).images for p in (pipe, loaded)]
        assert torch.equal(*images), arguments
    assert loaded.config.default_size == SIZE


def test_the_transformer_is_saved_without_our_changes(tiny_folder):
    saved = load_file(tiny_folder / "transformer" / "diffusion_pytorch_model.safetensors")
    original = tiny_components()["transformer"].state_dict()
    assert saved.keys() == original.keys()
    assert all(torch.equal(saved[name], tensor) for name, tensor in original.items())
    assert any(name.startswith("backbone.lora.") for name in load_file(tiny_folder / FILE_NAME))


def test_a_local_folder_does_not_touch_the_network(tiny_folder, monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert SpatialFusionPipeline.from_pretrained(tiny_folder).config.default_size == SIZE


def test_components_can_be_given_and_reused(pipe, tiny_folder):
    loaded = SpatialFusionPipeline.from_pretrained(tiny_folder, vae=pipe.vae, spatialfusion=tiny_folder / FILE_NAME)
    assert loaded.vae is pipe.vae
    again = SpatialFusionPipeline(**loaded.components, default_size=32)
    again.set_progress_bar_config(disable=True)
    arguments = {"generator": seed(0), "height": SIZE, "width": SIZE, **FAST}
    expected = pipe(CAR, **arguments).images
    assert torch.equal(again(CAR, **arguments | {"generator": seed(0)}).images, expected)
    del loaded.components["image_processor"]
    parts = {name: part for name, part in loaded.components.items() if name != "image_processor"}
    assert SpatialFusionPipeline(**parts).image_processor.patch_size == 16


def test_the_index_of_a_trained_model_can_be_written(tiny_folder, tmp_path):
    shutil.copytree(tiny_folder, tmp_path / "model")
    written = tmp_path / "model" / "model_index.json"
    expected = json.loads(written.read_text())
    written.unlink()
    write_model_index(tmp_path / "model", default_size=SIZE)
    assert json.loads(written.read_text()) == expected


def test_dtype_and_device_reach_every_part(tiny_folder):
    pipe = SpatialFusionPipeline.from_pretrained(tiny_folder, dtype=torch.bfloat16)
    pipe.set_progress_bar_config(disable=True)
    parts = (pipe.vae, pipe.text_encoder, pipe.transformer, pipe.spatialfusion)
    assert {part.dtype for part in parts} == {torch.bfloat16}
    for image in (None, picture(SIZE, SIZE)):
        output = pipe(CAR, image, generator=seed(0), **FAST | {"output_type": "pt"})
        assert output.images.isfinite().all() and output.geometry.depth.isfinite().all()
    assert {part.dtype for part in parts} == {torch.bfloat16}
    pipe.to("meta")
    assert {next(part.parameters()).device.type for part in parts} == {"meta"}


def test_offloading_changes_nothing(tiny_folder, pipe):
    """On this machine the accelerator is the CPU itself: what is tested is that the hooks fit our calls."""
    offloaded = SpatialFusionPipeline.from_pretrained(tiny_folder)
    offloaded.set_progress_bar_config(disable=True)
    offloaded.enable_model_cpu_offload(device="cpu")
    for _ in range(2):
        images = [p(CAR, picture(SIZE, SIZE), generator=seed(0), **FAST).images for p in (pipe, offloaded)]
        print("DIFF", (images[0] - images[1]).abs().max())
        assert_close(*images)


def test_layerwise_offloading_is_refused_in_one_sentence(pipe):
    with pytest.raises(InputError, match=r"enable_sequential_cpu_offload is not supported .* enable_model_cpu_offload"):
        pipe.enable_sequential_cpu_offload()


@pytest.mark.parametrize("name", ["QwenImagePipeline", "QwenImageEditPlusPipeline"])
def test_a_published_qwen_image_draws_as_its_own_pipeline_does(tiny_folder, tmp_path, name):
    folder = tmp_path / "published"
    shutil.copytree(tiny_folder, folder)
    index = json.loads((folder / "model_index.json").read_text())
    own = {"spatialfusion", "default_size", "rescale_guidance"}
    index = {key: value for key, value in index.items() if key not in own} | {"_class_name": name}
    (folder / "model_index.json").write_text(json.dumps(index))
    checkpoint = tiny_folder / FILE_NAME
    config = SpatialFusionPipeline.from_pretrained(folder, spatialfusion=checkpoint).config
    assert (config.default_size, config.rescale_guidance) == (1024, True)
    config = SpatialFusionPipeline.from_pretrained(folder, spatialfusion=checkpoint, default_size=64).config
    assert (config.default_size, config.rescale_guidance) == (64, True)


# Refusals -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"prompt": " "}, "prompt is empty"),
        ({"prompt": []}, "expected a text or a list"),
        ({"prompt": 3 * [None]}, "expected a text or a list"),
        ({"prompt": "car " * 600}, "tokens: at most 512"),
        ({"negative_prompt": ["a", "b"]}, "one for each"),
        ({"height": 100, "width": 64}, "height is 100, but must be a multiple of 16 up to 16384, such as 96 or 112"),
        ({"height": 64, "width": 7}, "multiple of 16 up to 16384, such as 16"),
        ({"width": -16}, "multiple of 16"),
        ({"num_inference_steps": 0}, "num_inference_steps is 0"),
        ({"depth_steps": 1.5}, "depth_steps is 1.5"),
        ({"num_images_per_prompt": 0}, "num_images_per_prompt is 0"),
        ({"guidance_scale": float("nan")}, "guidance_scale is nan"),
        ({"controlnet_conditioning_scale": float("inf")}, "controlnet_conditioning_scale is inf"),
        ({"control_guidance_start": 0.8, "control_guidance_end": 0.2}, "start <= end"),
        ({"output_type": "numpy"}, "output_type is 'numpy'"),
        ({"geometry": "depth.npz"}, "geometry is a str"),
        ({"geometry": Geometry.cat([ramp(8, 8)] * 3)}, "3 depth maps for 1 prompts"),
        ({"image": "source.png"}, "source image is a str"),
        ({"image": torch.zeros(3, 8, 8, dtype=torch.uint8)}, "torch.uint8"),
        ({"image": torch.full((3, 8, 8), 2.0)}, "values from 2 to 2"),
        ({"image": torch.full((3, 8, 8), float("nan"))}, "values from nan"),
        ({"prompt": "a car \ud83d"}, "the prompt has a broken character"),
        ({"negative_prompt": "\udce9"}, "the prompt has a broken character"),
        ({"image": Image.new("F", (8, 8))}, "source image has 32 bits a channel"),
        ({"image": [picture(8, 8)] * 2}, "2 images were given for 1 prompts"),
        ({"generator": [seed(0), seed(1)]}, "generator has 2 generators for 1 images"),
        ({"callback_on_step_end_tensor_inputs": ["prompt_embeds"]}, "only 'latents'"),
    ],
)
def test_bad_input_is_one_sentence(pipe, arguments, words):
    with pytest.raises(InputError, match=words) as error:
        pipe(**{"prompt": CAR, **arguments})
    assert "\n" not in str(error.value) and len(str(error.value)) < 300


def test_a_broken_source_is_one_sentence(pipe, tmp_path):
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    with Image.open(tmp_path / "a.png") as image, pytest.raises(InputError, match="cannot be read"):
        pipe(CAR, image)


def damage(folder, part: str) -> None:
    weights = {
        "vae": "vae/diffusion_pytorch_model.safetensors",
        "transformer": "transformer/diffusion_pytorch_model.safetensors",
        "text_encoder": "text_encoder/model.safetensors",
        "spatialfusion": FILE_NAME,
    }
    kind, _, name = part.partition(" ")
    if kind == "truncated":
        data = (folder / weights[name]).read_bytes()
        (folder / weights[name]).write_bytes(data[: len(data) // 2])
    elif kind == "absent":
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    elif kind == "pickled":
        path = folder / weights[name]
        path.with_name("pytorch_model.bin" if name == "text_encoder" else "diffusion_pytorch_model.bin").write_bytes(
            b"\x80\x02}q\x00."
        )
        path.unlink()
    elif kind == "incomplete":
        tensors = load_file(folder / weights[name])
        tensors.pop(sorted(tensors)[0])
        save_file(tensors, folder / weights[name], {"format": "pt"})
    elif kind == "edited":
        path = folder / name
        path.write_text(path.read_text().replace("64", "80"))
    elif kind == "garbage":
        (folder / name).write_text("{")
    elif kind == "strange":
        path = folder / "model_index.json"
        path.write_text(path.read_text().replace('"transformers"', '"antigravity"'))


@pytest.mark.parametrize(
    "part",
    [
        "truncated vae",
        "truncated text_encoder",
        "truncated spatialfusion",
        "absent model_index.json",
        "absent tokenizer",
        "absent tokenizer/tokenizer.json",
        "absent scheduler/scheduler_config.json",
        f"absent {FILE_NAME}",
        "pickled transformer",
        "pickled text_encoder",
        "incomplete transformer",
        "incomplete vae",
        "incomplete text_encoder",
        "edited transformer/config.json",
        "edited text_encoder/config.json",
        "garbage model_index.json",
        "garbage vae/config.json",
        "garbage tokenizer/tokenizer.json",
        "strange libraries",
    ],
)
def test_a_damaged_model_is_one_sentence(tiny_folder, tmp_path, part):
    folder = tmp_path / "model"
    shutil.copytree(tiny_folder, folder)
    damage(folder, part)
    with pytest.raises(InputError) as error:
        SpatialFusionPipeline.from_pretrained(folder)
    assert "\n" not in str(error.value) and str(folder) in str(error.value)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("transformer", "num_layers"),
        ("text_encoder", "text_config.num_hidden_layers"),
        ("text_encoder", "vision_config.depth"),
        ("vae", "num_res_blocks"),
    ],
)
@pytest.mark.parametrize("number", [10_000_000, 1e300, float("nan")])
def test_a_configuration_that_asks_for_more_than_its_files_hold_is_refused(tiny_folder, tmp_path, part, name, number):
    """Before a network is made of it."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_folder, folder)
    path = folder / part / "config.json"
    config = json.loads(path.read_text())
    *groups, last = name.split(".")
    within = config[groups[0]] if groups else config
    assert last in within
    within[last] = number
    path.write_text(json.dumps(config))
    with pytest.raises(InputError, match=f"says {last} .*, but there are .* tensors beside it") as error:
        SpatialFusionPipeline.from_pretrained(folder)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_scales_of_quantised_weights_need_not_be_stored(tiny_folder, tmp_path):
    """Nor is a weight missing that was stored in pieces."""
    network = torch.nn.Linear(3, 2)
    network.register_buffer("input_scale", torch.ones(()))
    save_file(
        {"weight._data": torch.ones(2, 3), "weight._scale": torch.ones(2), "bias": torch.ones(2)},
        tmp_path / "a.safetensors",
    )
    check_weights(tmp_path, base_parameters(network), renamed=False)
    save_file({"weight._data": torch.ones(2, 3)}, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match=r"lacks 1 of its network's 2 tensors .such as bias."):
        check_weights(tmp_path, base_parameters(network), renamed=False)


def not_a_number(pipe):
    """A copy whose diffusion model has one weight that is none."""
    broken = copy.deepcopy(pipe)
    with torch.no_grad():
        broken.transformer.proj_out.weight[0, 0] = float("nan")
    return broken


def test_an_image_of_nan_is_refused_in_one_sentence(pipe):
    with pytest.raises(InputError, match="the image came out as not a number: expected weights without NaN"):
        not_a_number(pipe)(CAR, generator=seed(0), **FAST)


def test_depth_that_is_unknown_everywhere_is_said(pipe):
    known, unknown = ramp(SIZE, SIZE), Geometry.from_depth(torch.zeros(1, SIZE, SIZE), focal=1.0)
    with pytest.warns(UserWarning, match="^geometry is unknown everywhere: expected depth in metres somewhere"):
        pipe(CAR, geometry=unknown, generator=seed(0), **FAST)
    with pytest.warns(UserWarning, match="image 2 of 2 of geometry is unknown everywhere"):
        pipe([CAR, HOUSE], geometry=Geometry.cat([known, unknown]), **FAST)


def test_names_that_are_no_model_are_refused(tmp_path):
    for name in (tmp_path / "nowhere", "a/b/c", "https://example.org/model"):
        with pytest.raises(InputError, match="is not a model folder"):
            SpatialFusionPipeline.from_pretrained(name)
    with pytest.raises(InputError, match="the Hub gives no model"):
        SpatialFusionPipeline.from_pretrained("nobody/nothing", local_files_only=True, cache_dir=tmp_path)


def test_parts_that_do_not_belong_together_are_refused():
    components = tiny_components()
    components["spatialfusion"].config.mllm_layers = 5
    with pytest.raises(InputError, match="text encoder with 5 layers, but this one has 2"):
        SpatialFusionPipeline(**components)


def test_diffusers_own_loader_says_how_a_model_is_loaded(tiny_folder):
    with pytest.raises(InputError, match=r"expected SpatialFusionPipeline.from_pretrained") as error:
        DiffusionPipeline.from_pretrained(tiny_folder)
    assert "\n" not in str(error.value)


def test_a_variant_that_is_not_there_is_one_sentence(tiny_folder):
    with pytest.raises(InputError, match=r"has no weights of the variant 'fp16': leave variant out"):
        SpatialFusionPipeline.from_pretrained(tiny_folder, variant="fp16")
