"""Writes the workflow templates and blueprints from the descriptions below, which are where to change them.

    python .ci/workflows.py HOST [--thumbnails]

HOST is a running ComfyUI with the pack, such as http://127.0.0.1:8188, or a file with its saved /object_info. Each
description gives workflows/NAME.json, for the page, and workflows/api/NAME.json, for POST /prompt; some give a
blueprint in subgraphs/ too, or NAME.app.json, the same in app mode. With --thumbnails (which needs the running host)
each workflow is run, or the part of it that needs no download, and workflows/NAME.jpg is made of its images. Run it
again whenever the inputs of a node or the embedded weights change.

The page's template browser shows and searches nothing but the file's name: hence the pack's name in each.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workflow_files import Blueprint, Node, Output, Workflow, api_prompt, blueprint_file, page_graph

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from workflow_thumbnails import thumbnail  # noqa: E402

from spatialfusion.evaluate.comfyui import ComfyUI  # noqa: E402

FOLDER, BLUEPRINTS = ROOT / "workflows", ROOT / "subgraphs"
PROMPT = "a red car in front of a blue house"
SENTENCE = "a giraffe two metres behind a red jeep, and a tree to the left of the giraffe"
PAIR = "a yellow ball on the left of a red chair"
SEA = "a sailing boat in front of a lighthouse"
ROOM = "a piano in a room, a cat on the piano, a floor lamp to the left of it"
MEETING = "a robot facing a dinosaur"
STREET = "a bicycle in front of a red telephone box, a dog to the left of the bicycle"
HOME = "a green tree to the left of a white house"


# Files to download ----------------------------------------------------------------------------------------------------


def weights(repo: str, path: str, directory: str, size: str = "") -> tuple[str, dict[str, str], str]:
    """A public file's name, what the page's dialog for missing models wants to know of it, and its size where known."""
    name = path.rsplit("/", 1)[-1]
    url = f"https://huggingface.co/{repo}/resolve/main/{path}"
    return name, {"name": name, "url": url, "directory": directory}, size


# As the core's own templates name them; sizes as their repositories list them, MoGe's by its 331 million numbers of 16
# bits.
QWEN = "Comfy-Org/Qwen-Image_ComfyUI"
QWEN_MODEL = weights(
    QWEN, "split_files/diffusion_models/qwen_image_fp8_e4m3fn.safetensors", "diffusion_models", "20.4 GB"
)
QWEN_TEXT = weights(QWEN, "split_files/text_encoders/qwen_2.5_vl_7b_fp8_scaled.safetensors", "text_encoders", "9.38 GB")
QWEN_VAE = weights(QWEN, "split_files/vae/qwen_image_vae.safetensors", "vae", "254 MB")
QWEN_CONTROL = weights(
    "Comfy-Org/Qwen-Image-InstantX-ControlNets",
    "split_files/controlnet/Qwen-Image-InstantX-ControlNet-Union.safetensors",
    "controlnet",
    "3.54 GB",
)
QWEN_FILES = QWEN_MODEL, QWEN_TEXT, QWEN_VAE, QWEN_CONTROL
Z_IMAGE = "Comfy-Org/z_image_turbo"
Z_MODEL = weights(Z_IMAGE, "split_files/diffusion_models/z_image_turbo_bf16.safetensors", "diffusion_models", "12.3 GB")
Z_TEXT = weights(Z_IMAGE, "split_files/text_encoders/qwen_3_4b.safetensors", "text_encoders", "8.04 GB")
Z_VAE = weights(Z_IMAGE, "split_files/vae/ae.safetensors", "vae", "335 MB")
Z_CONTROL = weights(
    "alibaba-pai/Z-Image-Turbo-Fun-Controlnet-Union",
    "Z-Image-Turbo-Fun-Controlnet-Union.safetensors",
    "model_patches",
    "3.1 GB",
)
FLUX = weights("Comfy-Org/flux1-dev", "flux1-dev-fp8.safetensors", "checkpoints", "17.2 GB")
FLUX_CONTROL = weights(
    "Shakker-Labs/FLUX.1-dev-ControlNet-Union-Pro-2.0", "diffusion_pytorch_model.safetensors", "controlnet", "4.28 GB"
)
SDXL = weights("stabilityai/stable-diffusion-xl-base-1.0", "sd_xl_base_1.0.safetensors", "checkpoints", "6.94 GB")
SDXL_CONTROL = weights(
    "diffusers/controlnet-depth-sdxl-1.0", "diffusion_pytorch_model.fp16.safetensors", "controlnet", "2.5 GB"
)
MOGE = weights(
    "Comfy-Org/MoGe", "geometry_estimation/moge_2_vitl_normal_fp16.safetensors", "geometry_estimation", "about 0.7 GB"
)


def needs(*files: tuple[str, dict[str, str], str]) -> str:
    lines = [
        f"- [{name}]({model['url']}){', ' + size if size else ''}, in models/{model['directory']}"
        for name, model, size in files
    ]
    return "\n".join(["**To download**", *lines])


NOTHING_TO_DOWNLOAD = "It needs nothing but this node pack: the tiny model is built in and runs on a CPU."
NO_MODEL = "It needs nothing but this node pack, and no model: it runs on a CPU."


# Parts that workflows share -------------------------------------------------------------------------------------------


def load_tiny(flow: Workflow) -> tuple[Node, Node]:
    flow.column("Load")
    return flow.add("SpatialFusionLoader"), flow.add("SpatialFusionLoadBase")


def latent_of(flow: Workflow, size: int = 128, batch: int = 1) -> Node:
    return flow.add("EmptySD3LatentImage", title="Size of the image", width=size, height=size, batch_size=batch)


def sample(flow: Workflow, model: Output, positive: Output, negative: Output, latent: Node, **options) -> Node:
    """The core's KSampler on an empty latent; options override those of the tiny model."""
    settings = {"steps": 20, "cfg": 4.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0, **options}
    return flow.add(
        "KSampler", model=model, positive=positive, negative=negative, latent_image=latent["LATENT"], **settings
    )


def result(flow: Workflow, latent: Output, vae: Output, name: str, size: tuple[int, int] = (260, 340)) -> Node:
    flow.column("Result")
    image = flow.add("VAEDecode", samples=latent, vae=vae, size=(130, 60))
    flow.column()
    return flow.add("SaveImage", images=image["IMAGE"], filename_prefix=f"SpatialFusion/{name}", size=size)


def apply(flow: Workflow, model: Node, base: Node, geometry: Output, **options: Any) -> Node:
    given = {"model": base["model"], "spatialfusion": model["spatialfusion"], "geometry": geometry}
    return flow.add("SpatialFusionApplyDepth", **given, **options)


# With the tiny model --------------------------------------------------------------------------------------------------


def sentence_to_depth() -> Workflow:
    flow = Workflow(
        "## Sentence to depth\n\nA sentence becomes a scene in metres: picture, exact depth, and the mask of each "
        "thing. Change the sentence, or the seed for another layout of it. Give the depth to a depth ControlNet of any "
        f"model, with the same sentence as its prompt.\n\n{NO_MODEL}"
    )
    flow.column("Say what is where")
    plan = flow.add("SpatialFusionPlanScene", sentence=SENTENCE)
    flow.column("The scene")
    image = flow.add("PreviewImage", title="Picture", images=plan["image"], size=(420, 420))
    rendered = flow.add("SpatialFusionRenderDepth", geometry=plan["geometry"])
    mask = flow.add("SpatialFusionSceneMask", masks=plan["masks"], names=plan["names"], objects="giraffe")
    flow.add("PreviewAny", title="Scene text", source=plan["text"], size=(420, 150))
    flow.column("Its depth")
    depth = flow.add("PreviewImage", title="Depth", images=rendered["image"], size=(560, 560))
    flow.add("MaskPreview", title="Mask", mask=mask["mask"], size=(560, 340))
    flow.thumbnail, flow.corner, flow.tint = [image, depth], "left", ("#0b1030", "#fff2b0")
    flow.blueprint = Blueprint(
        "Sentence to Depth",
        [(plan, "sentence", "sentence"), (plan, "seed", "seed"), (plan, "width", "width"), (plan, "height", "height")],
        {"depth": rendered["image"], "image": plan["image"], "geometry": plan["geometry"], "scene": plan["scene"]},
    )
    flow.app = [(plan, "sentence"), (plan, "seed")], [image, depth]
    return flow


def text_to_image() -> Workflow:
    flow = Workflow(
        "## Text to image\n\nThe sentence becomes a scene in metres. The scene's depth, and what each thing in it is, "
        "guide the image. Change the sentence, or only one of the two seeds: that of Plan Scene for another layout, "
        f"that of KSampler for another picture of the same layout.\n\n{NOTHING_TO_DOWNLOAD}"
    )
    model, base = load_tiny(flow)
    flow.column("Say what is where")
    text = flow.add("PrimitiveStringMultiline", title="Sentence", value=PROMPT, size=(290, 130))
    plan = flow.add("SpatialFusionPlanScene", sentence=text["STRING"], width=128, height=128, seed=2, size=(290, 400))
    flow.column("Use the scene")
    encode = {"spatialfusion": model["spatialfusion"]}
    positive = flow.add("SpatialFusionEncodePrompt", title="Prompt", prompt=text["STRING"], **encode)
    negative = flow.add("SpatialFusionEncodePrompt", title="Negative prompt", **encode)
    patched = apply(flow, model, base, plan["geometry"], scene=plan["scene"])
    latent = latent_of(flow)
    flow.column("Draw the image")
    rendered = flow.add("SpatialFusionRenderDepth", geometry=plan["geometry"])
    depth = flow.add("PreviewImage", title="Depth", images=rendered["image"], size=(260, 310))
    sampled = sample(flow, patched["model"], positive["conditioning"], negative["conditioning"], latent, seed=2)
    image = result(flow, sampled["LATENT"], base["vae"], "text_to_image")
    flow.thumbnail, flow.corner, flow.tint = [image, depth], "right", ("#10002b", "#ffd6ff")
    return flow


SOURCE_SCENE = "camera height 1.5 pitch 8 fov 55\noutdoor\ncar red at -0.7 7.5 facing right\n"
EDIT = "add a yellow ball to the right of the car"


def image_edit() -> Workflow:
    flow = Workflow(
        "## Edit an image\n\nEdit Scene reads the instruction against the scene of the source image. The depth after "
        "the change, the source image and the instruction guide the model. For a picture whose scene nobody knows, "
        f"Predict Metric Depth takes the place of Edit Scene.\n\n{NOTHING_TO_DOWNLOAD}"
    )
    model, base = load_tiny(flow)
    flow.column("Source image")
    scene = flow.add("SpatialFusionComposeScene", text=SOURCE_SCENE, width=128, height=128)
    flow.column("Say what changes")
    text = flow.add("PrimitiveStringMultiline", title="Instruction", value=EDIT, size=(290, 130))
    edited = flow.add("SpatialFusionEditScene", scene=scene["scene"], instruction=text["STRING"], size=(290, 300))
    source = flow.add("PreviewImage", title="Source", images=scene["image"], size=(260, 310))
    flow.column("Use the scene")
    words = {"spatialfusion": model["spatialfusion"], "image": scene["image"], "vae": base["vae"]}
    positive = flow.add("SpatialFusionEncodePrompt", title="Prompt", prompt=text["STRING"], **words)
    negative = flow.add("SpatialFusionEncodePrompt", title="Negative prompt", **words)
    patched = apply(flow, model, base, edited["geometry"], scene=edited["scene"])
    latent = latent_of(flow)
    flow.column("Draw the image")
    sampled = sample(flow, patched["model"], positive["conditioning"], negative["conditioning"], latent)
    image = result(flow, sampled["LATENT"], base["vae"], "image_edit")
    flow.thumbnail, flow.corner = [image, source], "right"
    return flow


def plan_edit_sample() -> Workflow:
    flow = Workflow(
        "## Plan, edit, sample\n\nThe depth of the scene is changed before the image is drawn: the car comes to two "
        "thirds of its distance. Measure Depth reads its metres before and after. To move a thing of the scene itself, "
        f"Edit Scene is simpler; Edit Depth works on any depth.\n\n{NOTHING_TO_DOWNLOAD}"
    )
    model, base = load_tiny(flow)
    flow.column("Say what is where")
    text = flow.add("PrimitiveStringMultiline", title="Sentence", value=PROMPT, size=(290, 130))
    plan = flow.add("SpatialFusionPlanScene", sentence=text["STRING"], width=128, height=128, seed=1, size=(290, 400))
    flow.column("Edit the depth, and measure it")
    mask = flow.add("SpatialFusionSceneMask", masks=plan["masks"], names=plan["names"], objects="car")
    edited = flow.add(
        "SpatialFusionEditDepth",
        geometry=plan["geometry"],
        operation="scale",
        amount=0.67,
        feather=0.0,
        mask=mask["mask"],
    )
    flow.column()
    flow.add("SpatialFusionMeasureDepth", title="Metres before", geometry=plan["geometry"], mask_a=mask["mask"])
    flow.add("SpatialFusionMeasureDepth", title="Metres after", geometry=edited["geometry"], mask_a=mask["mask"])
    flow.column("Edited depth")
    fixed = {"mode": "log", "range": "fixed", "near": 1.0, "far": 30.0}
    rendered = flow.add("SpatialFusionRenderDepth", geometry=edited["geometry"], **fixed)
    after = flow.add("PreviewImage", title="Depth", images=rendered["image"], size=(260, 310))
    flow.column("Draw the image", row=1)
    encode = {"spatialfusion": model["spatialfusion"]}
    positive = flow.add("SpatialFusionEncodePrompt", title="Prompt", prompt=text["STRING"], **encode)
    flow.column()
    negative = flow.add("SpatialFusionEncodePrompt", title="Negative prompt", **encode)
    flow.column()
    patched = apply(flow, model, base, edited["geometry"], scene=plan["scene"])
    flow.column()
    latent = latent_of(flow)
    flow.column()
    sampled = sample(flow, patched["model"], positive["conditioning"], negative["conditioning"], latent)
    image = result(flow, sampled["LATENT"], base["vae"], "plan_edit_sample", (260, 300))
    flow.thumbnail, flow.corner, flow.tint = [image, after], "right", ("#2b0505", "#ffe8a3")
    return flow


def swap_the_sampler() -> Workflow:
    flow = Workflow(
        "## Any sampler\n\nApply Depth to Model gives an ordinary MODEL, so every sampler, scheduler and guider "
        "of ComfyUI works on it. Here it is SamplerCustomAdvanced with res_multistep: choose another in "
        f"KSamplerSelect.\n\n{NOTHING_TO_DOWNLOAD}"
    )
    model, base = load_tiny(flow)
    flow.column("Say what is where")
    prompt = "a yellow ball in front of a red barrel"
    text = flow.add("PrimitiveStringMultiline", title="Sentence", value=prompt, size=(290, 130))
    plan = flow.add("SpatialFusionPlanScene", sentence=text["STRING"], width=128, height=128, seed=2, size=(290, 400))
    encode = {"spatialfusion": model["spatialfusion"]}
    positive = flow.add("SpatialFusionEncodePrompt", title="Prompt", prompt=text["STRING"], **encode)
    negative = flow.add("SpatialFusionEncodePrompt", title="Negative prompt", **encode)
    flow.column("Use the scene")
    patched = apply(flow, model, base, plan["geometry"], scene=plan["scene"])
    noise = flow.add("RandomNoise", noise_seed=2)
    sampler = flow.add("KSamplerSelect", sampler_name="res_multistep")
    latent = latent_of(flow)
    flow.column("Guide it")
    guider = flow.add(
        "CFGGuider",
        model=patched["model"],
        positive=positive["conditioning"],
        negative=negative["conditioning"],
        cfg=4.0,
    )
    sigmas = flow.add("BasicScheduler", model=patched["model"], scheduler="simple", steps=20, denoise=1.0)
    flow.column("Draw the image")
    sampled = flow.add(
        "SamplerCustomAdvanced",
        noise=noise["NOISE"],
        guider=guider["GUIDER"],
        sampler=sampler["SAMPLER"],
        sigmas=sigmas["SIGMAS"],
        latent_image=latent["LATENT"],
    )
    image = result(flow, sampled["output"], base["vae"], "swap_the_sampler")
    flow.thumbnail = [image]
    return flow


def one_node_sampler() -> Workflow:
    flow = Workflow(
        "## One node from depth to image\n\nThe network predicts the depth of the image from the prompt, and Sample "
        "with Depth applies it and samples with the settings of the loaded model. The tiny model predicts depth "
        f"roughly, so its strength is 0.5. Plan Scene gives exact depth.\n\n{NOTHING_TO_DOWNLOAD}"
    )
    model, base = load_tiny(flow)
    flow.column("Plan the depth")
    plan = flow.add(
        "SpatialFusionPredictDepth",
        spatialfusion=model["spatialfusion"],
        prompt="a green tree",
        seed=1,
    )
    negative = flow.add("SpatialFusionEncodePrompt", title="Negative prompt", spatialfusion=model["spatialfusion"])
    latent = latent_of(flow)
    flow.column("Draw the image")
    sampled = flow.add(
        "SpatialFusionSampler",
        model=base["model"],
        spatialfusion=model["spatialfusion"],
        positive=plan["positive"],
        negative=negative["conditioning"],
        latent=latent["LATENT"],
        geometry=plan["geometry"],
        strength=0.5,
        seed=1,
    )
    image = result(flow, sampled["latent"], base["vae"], "one_node_sampler")
    flow.thumbnail, flow.slant, flow.tint = [plan, image], -0.4, ("#001d3d", "#caf0f8")
    return flow


def scene_to_regions() -> Workflow:
    flow = Workflow(
        "## Regional prompts\n\nA sentence becomes a scene, and the scene becomes regional prompts: each thing's own "
        "words where it shall be seen, the whole sentence everywhere. No ControlNet takes part, so this works with "
        f"every model: connect its CLIP to Scene to Regions.\n\n{NOTHING_TO_DOWNLOAD}"
    )
    model, base = load_tiny(flow)
    flow.column("Say what is where")
    plan = flow.add("SpatialFusionPlanScene", sentence=PAIR, width=128, height=128)
    negative = flow.add("SpatialFusionEncodePrompt", title="Negative prompt", spatialfusion=model["spatialfusion"])
    flow.column("Words for regions")
    regions = flow.add("SpatialFusionSceneRegions", clip=model["spatialfusion"], scene=plan["scene"])
    scene = flow.add("PreviewImage", title="Scene", images=plan["image"], size=(260, 310))
    latent = latent_of(flow)
    flow.column("Draw the image")
    flow.add("PreviewAny", title="Prompts", source=regions["prompts"], size=(270, 180))
    sampled = sample(flow, base["model"], regions["conditioning"], negative["conditioning"], latent)
    image = result(flow, sampled["LATENT"], base["vae"], "scene_to_regions")
    flow.thumbnail, flow.corner = [image, scene], "right"
    flow.blueprint = Blueprint(
        "Regional Prompts of a Scene",
        [(plan, "sentence", "sentence"), (plan, "seed", "layout seed"), (regions, "clip", "clip")],
        {"conditioning": regions["conditioning"], "scene": plan["scene"], "image": plan["image"]},
    )
    return flow


def best_of_four() -> Workflow:
    flow = Workflow(
        "## Best of four\n\nFour pictures of one scene are drawn, MoGe measures each of them, and the one whose things "
        "stand where the scene has them is kept. Use a model of your own in place of the tiny one: all that matters is "
        f"that the pictures have the shape of the scene.\n\n{needs(MOGE)}"
    )
    flow.column("Load")
    loader = flow.add("LoadMoGeModel", models=MOGE[1:2], model_name=MOGE[0])
    flow.column("Load, and say what is where")
    text = flow.add("PrimitiveStringMultiline", title="Sentence", value=PAIR, size=(260, 130))
    model = flow.add("SpatialFusionLoader")
    base = flow.add("SpatialFusionLoadBase")
    flow.column()
    plan = flow.add("SpatialFusionPlanScene", sentence=text["STRING"], width=128, height=128, size=(290, 400))
    flow.column("Draw four")
    encode = {"spatialfusion": model["spatialfusion"]}
    positive = flow.add("SpatialFusionEncodePrompt", title="Prompt", prompt=text["STRING"], **encode)
    negative = flow.add("SpatialFusionEncodePrompt", title="Negative prompt", **encode)
    flow.column()
    patched = apply(flow, model, base, plan["geometry"], scene=plan["scene"])
    latent = latent_of(flow, batch=4)
    flow.column()
    sampled = sample(flow, patched["model"], positive["conditioning"], negative["conditioning"], latent)
    flow.column()
    drawn = flow.add("VAEDecode", samples=sampled["LATENT"], vae=base["vae"], size=(130, 60))
    flow.column("Measure them", row=1)
    four = flow.add("PreviewImage", title="All four", images=drawn["IMAGE"], size=(260, 290))
    flow.column()
    moge = flow.add("MoGeInference", moge_model=loader["MOGE_MODEL"], image=drawn["IMAGE"], batch_size=1)
    flow.column()
    compared = flow.add(
        "SpatialFusionCompareScene", scene=plan["scene"], geometry=moge["moge_geometry"], scale="fitted"
    )
    flow.column("Keep the best")
    flow.add("PreviewImage", title="Metres asked and found", images=compared["overlay"], size=(250, 170))
    best = flow.add("SpatialFusionPickBest", images=drawn["IMAGE"], scores=compared["score"])
    flow.column()
    kept = flow.add("SpatialFusionSelectDepth", geometry=moge["moge_geometry"], index=best["index"])
    flow.add("SaveImage", images=best["image"], filename_prefix="SpatialFusion/best_of_four", size=(260, 270))
    flow.column()
    rendered = flow.add("SpatialFusionRenderDepth", geometry=kept["geometry"], size=(220, 150))
    flow.column()
    flow.add("PreviewImage", title="Its depth", images=rendered["image"], size=(220, 260))
    flow.thumbnail = [four]
    return flow


def orbit_camera() -> Workflow:
    flow = Workflow(
        "## Turn the camera\n\nA scene in the 3D viewer: run once, turn the view with the mouse, and run again. The "
        "second Orbit Scene Camera sees the scene from there, with exact depth and masks for all that comes "
        f"after.\n\n{NO_MODEL}"
    )
    flow.column("Say what is where")
    plan = flow.add("SpatialFusionPlanScene", sentence=SENTENCE, width=768, height=768)
    flow.column("Turn the view")
    before = flow.add("PreviewImage", title="Before", images=plan["image"], size=(300, 350))
    solid = flow.add("SpatialFusionOrbitCamera", title="For the viewer", scene=plan["scene"])
    # Where the page has no viewer open yet, the second node looks from here.
    turned_view = {
        "position": {"x": 13.0, "y": 7.0, "z": 10.0},
        "target": {"x": 0.0, "y": 1.5, "z": 0.0},
        "zoom": 1,
        "cameraType": "perspective",
        "fov": 40,
    }
    flow.column()
    viewer = flow.add(
        "Preview3DAdvanced",
        model_3d=solid["model_3d"],
        viewport_state={"camera_info": turned_view},
        width=768,
        height=768,
        size=(420, 600),
    )
    flow.column("The scene from there")
    turned = flow.add(
        "SpatialFusionOrbitCamera",
        scene=plan["scene"],
        camera_info=viewer["camera_info"],
        model_3d_info=viewer["model_3d_info"],
    )
    flow.column()
    rendered = flow.add("SpatialFusionRenderDepth", geometry=turned["geometry"])
    after = flow.add("PreviewImage", title="After", images=turned["image"], size=(300, 350))
    flow.column()
    flow.add("PreviewImage", title="Depth", images=rendered["image"], size=(300, 350))
    flow.thumbnail, flow.slant = [before, after], 0.0
    return flow


def estimator_to_adapter() -> Workflow:
    flow = Workflow(
        "## Depth of a picture\n\nMoGe estimates the depth of a picture in metres, and the tiny model draws "
        "something else in the same space. Connect Load Image in place of Compose Scene Depth for a picture of your "
        f"own; Import Depth also takes Depth Anything 3 and grey depth images.\n\n{needs(MOGE)}"
    )
    flow.column("A picture")
    loader = flow.add("LoadMoGeModel", models=MOGE[1:2], model_name=MOGE[0])
    flow.column()
    scene = flow.add("SpatialFusionComposeScene", width=512, height=512)
    flow.column("Estimate its depth")
    source = flow.add("PreviewImage", title="Picture", images=scene["image"], size=(260, 240))
    moge = flow.add("MoGeInference", moge_model=loader["MOGE_MODEL"], image=scene["image"], batch_size=1)
    flow.column()
    imported = flow.add("SpatialFusionImportDepth", moge_geometry=moge["moge_geometry"])
    flow.column("Load", row=1)
    model, base = flow.add("SpatialFusionLoader"), flow.add("SpatialFusionLoadBase")
    flow.column("Draw the image")
    words = {"spatialfusion": model["spatialfusion"]}
    prompt = "a green car in front of an orange house"
    positive = flow.add("SpatialFusionEncodePrompt", title="Prompt", prompt=prompt, **words)
    negative = flow.add("SpatialFusionEncodePrompt", title="Negative prompt", **words)
    flow.column()
    patched = apply(flow, model, base, imported["geometry"])
    latent = latent_of(flow)
    flow.column()
    sampled = sample(flow, patched["model"], positive["conditioning"], negative["conditioning"], latent)
    result(flow, sampled["LATENT"], base["vae"], "estimator_to_adapter", (250, 330))
    flow.thumbnail = [source]
    return flow


def geometry_to_mesh() -> Workflow:
    flow = Workflow(
        "## Depth to mesh and point cloud\n\nDepth in metres with a camera is a surface in space. The core's MoGe node "
        "turns it into a mesh, and Save Metric Depth writes a point cloud (.ply) and a mesh (.glb) to the output "
        f"folder. The depth of every other node of the pack can be connected instead.\n\n{NO_MODEL}"
    )
    flow.column("Say what is where")
    plan = flow.add("SpatialFusionPlanScene", sentence=ROOM, seed=1, width=512, height=512)
    flow.column("Make files")
    mesh = flow.add("MoGePointMapToMesh", moge_geometry=plan["geometry"])
    saved = flow.add(
        "SpatialFusionSaveDepth",
        title="Save mesh",
        geometry=plan["geometry"],
        filename_prefix="SpatialFusion/surface",
        format="glb",
    )
    color = flow.add("SpatialFusionRenderDepth", geometry=plan["geometry"], mode="color map")
    flow.column("See it")
    flow.add("SaveGLB", mesh=mesh["MESH"], filename_prefix="SpatialFusion/mesh", size=(320, 340))
    flow.add(
        "SpatialFusionSaveDepth",
        title="Save point cloud",
        geometry=plan["geometry"],
        filename_prefix="SpatialFusion/points",
        format="ply",
    )
    flow.column()
    flow.add("Preview3D", model_file=saved["files"], size=(420, 480))
    colored = flow.add("PreviewImage", title="Colour map", images=color["image"], size=(420, 420))
    flow.thumbnail = [colored]
    return flow


# With models to download ----------------------------------------------------------------------------------------------


STRENGTH, END = 0.6, 0.5
WHY = (
    f"The blocks of a scene are no silhouettes, so depth rules the first half of the steps alone (end {END:g}), at a "
    f"strength of {STRENGTH:g}. Raise both to hold the layout more tightly, lower them for freer shapes."
)


def plan_with_words(
    flow: Workflow,
    sentence: str,
    seed: int,
    cut: float | str,
    tint: tuple[str, str],
    clip: Output | None = None,
) -> tuple[Node, Node, Node]:
    """The first row: a sentence, its scene, and the depth as an image."""
    flow.column("Say what is where", row=0)
    text = flow.add("PrimitiveStringMultiline", title="Sentence", value=sentence, size=(300, 200))
    flow.column()
    writer = {} if clip is None else {"clip": clip}
    plan = flow.add("SpatialFusionPlanScene", sentence=text["STRING"], seed=seed, width=1024, height=1024, **writer)
    flow.column("Its depth")
    rendered = flow.add("SpatialFusionRenderDepth", geometry=plan["geometry"])
    flow.column()
    depth = flow.add("PreviewImage", title="Depth", images=rendered["image"], size=(330, 370))
    flow.column()
    scene = flow.add("PreviewImage", title="Scene", images=plan["image"], size=(330, 370))
    flow.thumbnail, flow.tint = [scene, depth], tint
    if isinstance(cut, str):
        flow.corner = cut
    else:
        flow.slant = cut
    return text, plan, rendered


def sentence_blueprint(name: str, text: Node, plan: Node, depth: Node, sampler: Node, image: Output) -> Blueprint:
    return Blueprint(
        name,
        [
            (text, "value", "sentence"),
            (plan, "seed", "layout seed"),
            (sampler, "seed", "seed"),
            (sampler, "steps", "steps"),
        ],
        {"image": image, "depth": depth["image"], "scene": plan["scene"]},
    )


def z_image() -> Workflow:
    flow = Workflow(
        "## Sentence to Z-Image-Turbo\n\nZ-Image's own text encoder turns a sentence of any language into a scene in "
        f"metres, and the Fun Union ControlNet draws its depth. {WHY}\n\n"
        f"{needs(Z_MODEL, Z_TEXT, Z_VAE, Z_CONTROL)}",
        below_note=False,
    )
    flow.column("Load Z-Image-Turbo", row=1)
    net = flow.add("UNETLoader", models=Z_MODEL[1:2], unet_name=Z_MODEL[0], weight_dtype="default", size=(300, 82))
    clip = flow.add("CLIPLoader", models=Z_TEXT[1:2], clip_name=Z_TEXT[0], type="lumina2")
    vae = flow.add("VAELoader", models=Z_VAE[1:2], vae_name=Z_VAE[0])
    control = flow.add("ModelPatchLoader", models=Z_CONTROL[1:2], name=Z_CONTROL[0])
    text, plan, rendered = plan_with_words(flow, SEA, 3, 0.3, ("#06122e", "#ffd9a0"), clip["CLIP"])
    flow.column("Give it the depth", row=1)
    controlled = flow.add(
        "ZImageFunControlnet",
        model=net["MODEL"],
        model_patch=control["MODEL_PATCH"],
        vae=vae["VAE"],
        image=rendered["image"],
        strength=STRENGTH,
    )
    positive = flow.add("CLIPTextEncode", title="Prompt", clip=clip["CLIP"], text=text["STRING"], size=(250, 130))
    flow.column()
    limited = flow.add("SpatialFusionLimitControl", model=controlled["MODEL"], end_percent=END)
    negative = flow.add("ConditioningZeroOut", title="No negative prompt", conditioning=positive["CONDITIONING"])
    flow.column("Draw the image")
    shifted = flow.add("ModelSamplingAuraFlow", model=limited["model"], shift=3.0, size=(230, 64))
    latent = latent_of(flow, 1024)
    flow.column()
    turbo = {"steps": 8, "cfg": 1.0, "sampler_name": "res_multistep"}
    sampled = sample(flow, shifted["MODEL"], positive["CONDITIONING"], negative["CONDITIONING"], latent, **turbo)
    image = result(flow, sampled["LATENT"], vae["VAE"], "z_image")
    flow.blueprint = sentence_blueprint(
        "Sentence to Image in Space (Z-Image-Turbo)", text, plan, rendered, sampled, image.inputs["images"]
    )
    flow.app = [(node, widget) for node, widget, _ in flow.blueprint.inputs], [image, *flow.thumbnail]
    return flow


def controlled_by_net(
    flow: Workflow, positive: Output, negative: Output, control: Node, depth: Output, vae: Output
) -> Node:
    return flow.add(
        "ControlNetApplyAdvanced",
        positive=positive,
        negative=negative,
        control_net=control["CONTROL_NET"],
        image=depth,
        vae=vae,
        strength=STRENGTH,
        start_percent=0.0,
        end_percent=END,
    )


def load_qwen(flow: Workflow) -> tuple[Node, Node, Node, Node]:
    """Qwen-Image's diffusion model, text encoder and VAE, and InstantX's ControlNet."""
    flow.column("Load Qwen-Image", row=1)
    net = flow.add(
        "UNETLoader", models=QWEN_MODEL[1:2], unet_name=QWEN_MODEL[0], weight_dtype="default", size=(310, 82)
    )
    clip = flow.add("CLIPLoader", models=QWEN_TEXT[1:2], clip_name=QWEN_TEXT[0], type="qwen_image")
    vae = flow.add("VAELoader", models=QWEN_VAE[1:2], vae_name=QWEN_VAE[0])
    control = flow.add("ControlNetLoader", models=QWEN_CONTROL[1:2], control_net_name=QWEN_CONTROL[0])
    return net, clip, vae, control


def draw_with_qwen(flow: Workflow, loaded: tuple[Node, ...], text: Node, depth: Output, name: str) -> tuple[Node, Node]:
    """The core's nodes for a depth ControlNet, on 1024 x 1024 pixels."""
    net, clip, vae, control = loaded
    flow.column("Give it the depth", row=1)
    positive = flow.add("CLIPTextEncode", title="Prompt", clip=clip["CLIP"], text=text["STRING"], size=(260, 130))
    negative = flow.add("CLIPTextEncode", title="Negative prompt", clip=clip["CLIP"], text=" ", size=(260, 130))
    flow.column()
    both = controlled_by_net(flow, positive["CONDITIONING"], negative["CONDITIONING"], control, depth, vae["VAE"])
    shifted = flow.add("ModelSamplingAuraFlow", model=net["MODEL"], shift=3.1)
    latent = latent_of(flow, 1024)
    flow.column("Draw the image")
    sampled = sample(flow, shifted["MODEL"], both["positive"], both["negative"], latent, cfg=2.5)
    return sampled, result(flow, sampled["LATENT"], vae["VAE"], name)


def qwen_image() -> Workflow:
    flow = Workflow(
        "## Sentence to Qwen-Image\n\nA plain English sentence becomes a scene in metres, and the InstantX ControlNet "
        f"draws its depth with Qwen-Image. {WHY}\n\n{needs(*QWEN_FILES)}",
        below_note=False,
    )
    loaded = load_qwen(flow)
    text, plan, rendered = plan_with_words(flow, ROOM, 1, -0.25, ("#1b0f2e", "#ffe3f1"))
    sampled, image = draw_with_qwen(flow, loaded, text, rendered["image"], "qwen_image")
    flow.blueprint = sentence_blueprint(
        "Sentence to Image in Space (Qwen-Image)", text, plan, rendered, sampled, image.inputs["images"]
    )
    return flow


def flux() -> Workflow:
    flow = Workflow(
        "## Sentence to FLUX.1-dev\n\nA plain English sentence becomes a scene in metres, and Union Pro 2 draws its "
        f"depth with FLUX.1-dev. {WHY}\n\n{needs(FLUX, FLUX_CONTROL)}",
        below_note=False,
    )
    flow.column("Load FLUX.1-dev", row=1)
    net = flow.add("CheckpointLoaderSimple", models=FLUX[1:2], ckpt_name=FLUX[0], size=(300, 98))
    control = flow.add("ControlNetLoader", models=FLUX_CONTROL[1:2], control_net_name=FLUX_CONTROL[0])
    text, plan, rendered = plan_with_words(flow, MEETING, 3, "right", ("#04211c", "#f4ffe0"))
    flow.column("Give it the depth", row=1)
    positive = flow.add("CLIPTextEncode", title="Prompt", clip=net["CLIP"], text=text["STRING"], size=(250, 130))
    flow.column()
    guided = flow.add("FluxGuidance", conditioning=positive["CONDITIONING"], guidance=3.5, size=(230, 60))
    negative = flow.add("ConditioningZeroOut", title="No negative prompt", conditioning=positive["CONDITIONING"])
    flow.column()
    ends = guided["CONDITIONING"], negative["CONDITIONING"]
    both = controlled_by_net(flow, *ends, control, rendered["image"], net["VAE"])
    latent = latent_of(flow, 1024)
    flow.column("Draw the image")
    sampled = sample(flow, net["MODEL"], both["positive"], both["negative"], latent, cfg=1.0)
    image = result(flow, sampled["LATENT"], net["VAE"], "flux")
    flow.blueprint = sentence_blueprint(
        "Sentence to Image in Space (FLUX.1-dev)", text, plan, rendered, sampled, image.inputs["images"]
    )
    return flow


def sdxl() -> Workflow:
    flow = Workflow(
        "## Sentence to SDXL\n\nA plain English sentence becomes a scene in metres, and a depth ControlNet draws it "
        f"with Stable Diffusion XL. {WHY}\n\n{needs(SDXL, SDXL_CONTROL)}",
        below_note=False,
    )
    flow.column("Load SDXL", row=1)
    net = flow.add("CheckpointLoaderSimple", models=SDXL[1:2], ckpt_name=SDXL[0], size=(310, 98))
    control = flow.add("ControlNetLoader", models=SDXL_CONTROL[1:2], control_net_name=SDXL_CONTROL[0])
    text, plan, rendered = plan_with_words(flow, STREET, 3, 0.3, ("#2a0a06", "#fff3d6"))
    flow.column("Give it the depth", row=1)
    positive = flow.add("CLIPTextEncode", title="Prompt", clip=net["CLIP"], text=text["STRING"], size=(260, 130))
    bad = "blurry, cropped, text"
    negative = flow.add("CLIPTextEncode", title="Negative prompt", clip=net["CLIP"], text=bad, size=(260, 130))
    flow.column()
    ends = positive["CONDITIONING"], negative["CONDITIONING"]
    both = controlled_by_net(flow, *ends, control, rendered["image"], net["VAE"])
    latent = flow.add("EmptyLatentImage", title="Size of the image", width=1024, height=1024, batch_size=1)
    flow.column("Draw the image")
    settings = {"steps": 25, "cfg": 6.0, "sampler_name": "dpmpp_2m", "scheduler": "karras"}
    sampled = sample(flow, net["MODEL"], both["positive"], both["negative"], latent, **settings)
    image = result(flow, sampled["LATENT"], net["VAE"], "sdxl")
    flow.blueprint = sentence_blueprint(
        "Sentence to Image in Space (SDXL)", text, plan, rendered, sampled, image.inputs["images"]
    )
    flow.thumbnail.reverse()
    return flow


def depth_to_controlnet() -> Workflow:
    flow = Workflow(
        "## Predicted depth to ControlNet\n\nThe tiny model plans the depth of a sentence, and a depth ControlNet of "
        "the core draws it with Qwen-Image. Any depth ControlNet takes the picture, as near is white. What the tiny "
        f"model draws is coarse, so depth ends at half the steps (end {END:g}), at a strength of {STRENGTH:g}.\n\n"
        f"{needs(*QWEN_FILES)}",
        below_note=False,
    )
    loaded = load_qwen(flow)
    flow.column("Plan the depth", row=0)
    model = flow.add("SpatialFusionLoader")
    text = flow.add("PrimitiveStringMultiline", title="Sentence", value=HOME, size=(280, 150))
    flow.column()
    plan = flow.add(
        "SpatialFusionPredictDepth",
        spatialfusion=model["spatialfusion"],
        prompt=text["STRING"],
        seed=4,
        size=(280, 560),
    )
    flow.column("As a picture")
    small = flow.add("SpatialFusionRenderDepth", geometry=plan["geometry"])
    flow.column()
    image = flow.add(
        "ImageScale", image=small["image"], upscale_method="bicubic", width=1024, height=1024, crop="disabled"
    )
    flow.column()
    depth = flow.add("PreviewImage", title="Depth", images=image["IMAGE"], size=(330, 370))
    draw_with_qwen(flow, loaded, text, image["IMAGE"], "depth_to_controlnet")
    flow.thumbnail, flow.tint = [depth], ("#03071e", "#ffba08")
    return flow


WORKFLOWS: dict[str, Callable[[], Workflow]] = {
    "SpatialFusion-Sentence-to-Depth": sentence_to_depth,
    "SpatialFusion-Z-Image-Turbo": z_image,
    "SpatialFusion-Qwen-Image": qwen_image,
    "SpatialFusion-FLUX.1-dev": flux,
    "SpatialFusion-SDXL": sdxl,
    "SpatialFusion-Regional-Prompts": scene_to_regions,
    "SpatialFusion-Best-of-Four": best_of_four,
    "SpatialFusion-Orbit-Camera": orbit_camera,
    "SpatialFusion-Text-to-Image": text_to_image,
    "SpatialFusion-Image-Edit": image_edit,
    "SpatialFusion-Edit-the-Depth": plan_edit_sample,
    "SpatialFusion-Any-Sampler": swap_the_sampler,
    "SpatialFusion-One-Node": one_node_sampler,
    "SpatialFusion-Depth-to-ControlNet": depth_to_controlnet,
    "SpatialFusion-Depth-of-a-Picture": estimator_to_adapter,
    "SpatialFusion-Depth-to-Mesh": geometry_to_mesh,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("host", help="address of a running ComfyUI, or a file with its /object_info")
    parser.add_argument("--thumbnails", action="store_true", help="run the workflows and make NAME.jpg")
    parser.add_argument("--only", nargs="+", choices=WORKFLOWS, default=list(WORKFLOWS), metavar="NAME")
    args = parser.parse_args()

    server = ComfyUI(args.host)
    infos = server.get("/object_info") if args.host.startswith("http") else json.loads(Path(args.host).read_bytes())
    project = (ROOT / "pyproject.toml").read_text()
    ours = tuple(re.search(rf'^{key} = "(.+)"', project, re.MULTILINE).group(1) for key in ("name", "version"))
    needed = re.search(r'requires-comfyui = "[>=~]*(.+)"', project)
    versions = {"ours": ours, "core": ("comfy-core", needed.group(1) if needed else "0.33.0")}
    for folder in (FOLDER / "api", BLUEPRINTS):
        folder.mkdir(parents=True, exist_ok=True)
    for name in args.only:
        flow = WORKFLOWS[name]()
        prompt = api_prompt(flow, infos)
        write(FOLDER / f"{name}.json", page_graph(name, flow, infos, versions))
        write(FOLDER / "api" / f"{name}.json", prompt)
        if flow.app is not None:
            write(FOLDER / f"{name}.app.json", page_graph(f"{name}.app", flow, infos, versions, app=True))
        if flow.blueprint is not None:
            write(BLUEPRINTS / f"{flow.blueprint.name}.json", blueprint_file(flow, infos, versions))
        if args.thumbnails:
            thumbnail(server, flow, prompt, FOLDER / f"{name}.jpg")
            if flow.app is not None:
                flow.thumbnail.reverse()
                thumbnail(server, flow, prompt, FOLDER / f"{name}.app.jpg")
        print(name)


def write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
