"""Writes the workflow templates of workflows/ from the descriptions below, which are where to change them.

    python .ci/workflows.py HOST [--thumbnails]

HOST is a running ComfyUI with the pack, such as http://127.0.0.1:8188, or a file with its saved /object_info. Each
description gives workflows/NAME.json, for the page, and workflows/api/NAME.json, for POST /prompt. With --thumbnails
(which needs the running host) each workflow is run, or the part of it that needs no download, and workflows/NAME.jpg is
made of its pictures. Run it again whenever the inputs of a node or the embedded weights change.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "workflows"
PROMPT = "a red car in front of a blue house"
SENTENCE = "a giraffe two metres behind a red jeep, and a tree to the left of the giraffe"
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "LOAD_3D"}
# Rows of the page, in pixels.
SLOT, WIDGET, TEXT, PICTURE, TITLE = 20, 24, 96, 280, 30
PICTURES = {"PreviewImage", "SaveImage", "SpatialFusionSaveDepth", "SaveGLB", "Preview3D", "MaskPreview"}
TEXTS = {
    "PreviewAny",
    *("SpatialFusion" + name for name in ("MeasureDepth", "ComposeScene", "PlanScene", "SceneRegions")),
    *("SpatialFusion" + name for name in ("OrbitCamera", "CompareScene", "PickBest")),
}
BESIDE, BELOW = 70, 60  # between columns, and between the nodes of one


# Describing -----------------------------------------------------------------------------------------------------------


@dataclass
class Node:
    """A node: its inputs are values of widgets, and outputs of other nodes. Widgets not named have their defaults.

    after: what the page does with the seed after a run, "fixed" or "randomize"; None for the input's own way. size:
    (width, height) on the page, where the usual one does not show enough.
    """

    type: str
    inputs: dict[str, Any]
    title: str | None = None
    models: tuple[dict[str, str], ...] = ()
    after: str | None = None
    id: int = 0
    size: tuple[int, int] | None = None

    def __getitem__(self, output: str) -> Output:
        return Output(self, output)


@dataclass
class Output:
    node: Node
    name: str


@dataclass
class Workflow:
    """Columns of nodes from left to right, each under a heading, the first below a note.

    thumbnail: the nodes whose pictures are shown. Where weights have to be downloaded, only these nodes and what they
    need are run for it.
    """

    note: str
    columns: list[tuple[str, list[Node]]] = field(default_factory=list)
    thumbnail: list[Node] = field(default_factory=list)

    def column(self, heading: str) -> None:
        self.columns.append((heading, []))

    def add(self, kind: str, /, *, title: str | None = None, models=(), after=None, **inputs) -> Node:
        node = Node(kind, inputs, title, tuple(models), after, id=2 + len(self.nodes))
        self.columns[-1][1].append(node)
        return node

    @property
    def nodes(self) -> list[Node]:
        return [node for _, nodes in self.columns for node in nodes]


def weights(repo: str, path: str, directory: str) -> tuple[str, dict[str, str]]:
    """A public file's name, and what the page's dialog for missing models wants to know of it."""
    name = path.rsplit("/", 1)[-1]
    return name, {"name": name, "url": f"https://huggingface.co/{repo}/resolve/main/{path}", "directory": directory}


# As the core's own templates name them.
QWEN = "Comfy-Org/Qwen-Image_ComfyUI"
DIFFUSION = weights(QWEN, "split_files/diffusion_models/qwen_image_fp8_e4m3fn.safetensors", "diffusion_models")
TEXT_ENCODER = weights(QWEN, "split_files/text_encoders/qwen_2.5_vl_7b_fp8_scaled.safetensors", "text_encoders")
VAE = weights(QWEN, "split_files/vae/qwen_image_vae.safetensors", "vae")
CONTROLNET = weights(
    "Comfy-Org/Qwen-Image-InstantX-ControlNets",
    "split_files/controlnet/Qwen-Image-InstantX-ControlNet-Union.safetensors",
    "controlnet",
)
Z_IMAGE = "Comfy-Org/z_image_turbo"
Z_DIFFUSION = weights(Z_IMAGE, "split_files/diffusion_models/z_image_turbo_bf16.safetensors", "diffusion_models")
Z_TEXT_ENCODER = weights(Z_IMAGE, "split_files/text_encoders/qwen_3_4b.safetensors", "text_encoders")
Z_VAE = weights(Z_IMAGE, "split_files/vae/ae.safetensors", "vae")
Z_CONTROL = weights(
    "alibaba-pai/Z-Image-Turbo-Fun-Controlnet-Union",
    "Z-Image-Turbo-Fun-Controlnet-Union.safetensors",
    "model_patches",
)
MOGE = weights("Comfy-Org/MoGe", "geometry_estimation/moge_2_vitl_normal_fp16.safetensors", "geometry_estimation")


def needs(*files: tuple[str, dict[str, str]]) -> str:
    lines = [f"- [{name}]({model['url']}) in models/{model['directory']}" for name, model in files]
    return "\n".join(["**To download**", *lines])


NOTHING_TO_DOWNLOAD = "It needs nothing but this node pack: the tiny model is built in and runs on a CPU."


# The workflows --------------------------------------------------------------------------------------------------------


def load_tiny(flow: Workflow) -> tuple[Node, Node]:
    flow.column("Load")
    return flow.add("SpatialFusionLoader"), flow.add("SpatialFusionLoadBase")


def show(flow: Workflow, geometry: Output, title: str = "Depth", **options) -> Node:
    """Depth as a picture: near is white."""
    picture = flow.add("SpatialFusionRenderDepth", geometry=geometry, **options)
    return flow.add("PreviewImage", title=title, images=picture["image"])


def decode(flow: Workflow, latent: Output, vae: Output, name: str) -> Node:
    image = flow.add("VAEDecode", samples=latent, vae=vae)
    return flow.add("SaveImage", images=image["IMAGE"], filename_prefix=f"SpatialFusion/{name}")


def sample(
    flow: Workflow, model: Output, positive: Output, negative: Output, size: int = 128, batch: int = 1, **options
) -> Node:
    """The core's KSampler on an empty latent; options override those of the tiny model."""
    latent = flow.add("EmptySD3LatentImage", width=size, height=size, batch_size=batch)
    settings = {"steps": 20, "cfg": 4.0, "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0, **options}
    return flow.add(
        "KSampler", model=model, positive=positive, negative=negative, latent_image=latent["LATENT"], **settings
    )


def sentence_to_depth() -> Workflow:
    flow = Workflow(
        "## Sentence to depth\n\nA sentence becomes a scene in metres: picture, exact depth, and the mask of each "
        "thing. Change the sentence, or the seed for another layout of it. Give the depth to a depth ControlNet of any "
        "model, with the same sentence as its prompt.\n\nIt needs nothing but this node pack, and no model: it runs on "
        "a CPU."
    )
    flow.column("Say what is where")
    plan = flow.add("SpatialFusionPlanScene", sentence=SENTENCE)
    flow.column("The scene")
    picture = flow.add("PreviewImage", title="Picture", images=plan["image"])
    rendered = flow.add("SpatialFusionRenderDepth", geometry=plan["geometry"])
    mask = flow.add("SpatialFusionSceneMask", masks=plan["masks"], names=plan["names"], objects="giraffe")
    text = flow.add("PreviewAny", title="Scene text", source=plan["text"])
    flow.column("Its depth")
    depth = flow.add("PreviewImage", title="Depth", images=rendered["image"])
    shown = flow.add("MaskPreview", title="Mask", mask=mask["mask"])
    picture.size, depth.size, shown.size, text.size = (420, 400), (560, 540), (560, 340), (420, 150)
    flow.thumbnail = [picture, depth]
    return flow


def text_to_image() -> Workflow:
    flow = Workflow(
        "## Text to image\n\nThe sentence becomes a depth map in metres, and the depth map guides the image. Change "
        "the prompt, or only one of the two seeds: that of the depth for another layout, that of KSampler for another "
        f"picture of the same layout.\n\n{NOTHING_TO_DOWNLOAD}"
    )
    model, base = load_tiny(flow)
    flow.column("Plan the depth")
    plan = flow.add("SpatialFusionPredictDepth", spatialfusion=model["spatialfusion"], prompt=PROMPT)
    negative = flow.add("SpatialFusionEncodePrompt", title="Negative prompt", spatialfusion=model["spatialfusion"])
    flow.column("Look at it")
    depth = show(flow, plan["geometry"])
    flow.column("Draw the image")
    patched = flow.add(
        "SpatialFusionApplyDepth",
        model=base["model"],
        spatialfusion=model["spatialfusion"],
        geometry=plan["geometry"],
    )
    latent = sample(flow, patched["model"], plan["positive"], negative["conditioning"])
    flow.column("Result")
    image = decode(flow, latent["LATENT"], base["vae"], "text_to_image")
    flow.thumbnail = [depth, image]
    return flow


SOURCE_SCENE = (
    "camera height 1.5 pitch 8 fov 55\noutdoor\ncar red at -0.7 7.5 facing right\nball yellow at 1.1 4.5 size 0.9\n"
)


def image_edit() -> Workflow:
    flow = Workflow(
        "## Edit an image\n\nAn instruction and a source image become the depth of the edited image, and both guide "
        "the model. The source is drawn by Compose Scene Depth, so there is nothing to upload; connect Load Image in "
        f"its place for a picture of your own.\n\n{NOTHING_TO_DOWNLOAD}"
    )
    model, base = load_tiny(flow)
    flow.column("Source image")
    scene = flow.add("SpatialFusionComposeScene", text=SOURCE_SCENE, width=128, height=128)
    source = flow.add("PreviewImage", title="Source", images=scene["image"])
    flow.column("Plan the depth")
    edit = {"spatialfusion": model["spatialfusion"], "image": scene["image"], "vae": base["vae"]}
    mean = {"depth_steps": 1, "depth_guidance": 1.0}
    plan = flow.add("SpatialFusionPredictDepth", prompt="move the ball 1 m to the left", **mean, **edit)
    negative = flow.add("SpatialFusionEncodePrompt", title="Negative prompt", **edit)
    flow.column("Look at it")
    show(flow, plan["geometry"], "Depth after the edit")
    flow.column("Draw the image")
    patched = flow.add(
        "SpatialFusionApplyDepth",
        model=base["model"],
        spatialfusion=model["spatialfusion"],
        geometry=plan["geometry"],
    )
    latent = sample(flow, patched["model"], plan["positive"], negative["conditioning"])
    flow.column("Result")
    image = decode(flow, latent["LATENT"], base["vae"], "image_edit")
    flow.thumbnail = [source, image]
    return flow


def plan_edit_sample() -> Workflow:
    flow = Workflow(
        "## Plan, edit, sample\n\nThe predicted depth is changed before the image is drawn: what lies in the white "
        "part of the mask comes to half its distance. Measure Depth reads the metres there, before and after. The seed "
        f"of the depth is fixed, so that the mask keeps fitting.\n\n{NOTHING_TO_DOWNLOAD}"
    )
    model, base = load_tiny(flow)
    flow.column("Plan the depth")
    plan = flow.add("SpatialFusionPredictDepth", after="fixed", spatialfusion=model["spatialfusion"], prompt=PROMPT)
    negative = flow.add("SpatialFusionEncodePrompt", title="Negative prompt", spatialfusion=model["spatialfusion"])
    flow.column("Where to edit")
    black = flow.add("SolidMask", title="Everywhere", value=0.0, width=128, height=128)
    white = flow.add("SolidMask", title="Middle", value=1.0, width=72, height=48)
    mask = flow.add("MaskComposite", destination=black["MASK"], source=white["MASK"], x=28, y=60, operation="add")
    flow.add("MaskPreview", mask=mask["MASK"])
    flow.column("Edit the depth")
    edited = flow.add(
        "SpatialFusionEditDepth",
        geometry=plan["geometry"],
        operation="scale",
        amount=0.5,
        feather=3.0,
        mask=mask["MASK"],
    )
    flow.add("SpatialFusionMeasureDepth", title="Metres before", geometry=plan["geometry"], mask_a=mask["MASK"])
    flow.add("SpatialFusionMeasureDepth", title="Metres after", geometry=edited["geometry"], mask_a=mask["MASK"])
    flow.column("Look at it")
    fixed = {"mode": "log", "range": "fixed", "near": 1.0, "far": 30.0}
    show(flow, plan["geometry"], "Depth before", **fixed)
    after = show(flow, edited["geometry"], "Depth after", **fixed)
    flow.column("Draw the image")
    patched = flow.add(
        "SpatialFusionApplyDepth",
        model=base["model"],
        spatialfusion=model["spatialfusion"],
        geometry=edited["geometry"],
    )
    latent = sample(flow, patched["model"], plan["positive"], negative["conditioning"])
    flow.column("Result")
    image = decode(flow, latent["LATENT"], base["vae"], "plan_edit_sample")
    flow.thumbnail = [after, image]
    return flow


def swap_the_sampler() -> Workflow:
    flow = Workflow(
        "## Swap the sampler\n\nApply Depth to Model gives an ordinary MODEL, so every sampler, scheduler and guider "
        "of ComfyUI works on it. Here it is SamplerCustomAdvanced with res_multistep: choose another in "
        f"KSamplerSelect.\n\n{NOTHING_TO_DOWNLOAD}"
    )
    model, base = load_tiny(flow)
    flow.column("Plan the depth")
    plan = flow.add("SpatialFusionPredictDepth", spatialfusion=model["spatialfusion"], prompt=PROMPT)
    negative = flow.add("SpatialFusionEncodePrompt", title="Negative prompt", spatialfusion=model["spatialfusion"])
    flow.column("Look at it")
    depth = show(flow, plan["geometry"])
    flow.column("Choose the sampler")
    patched = flow.add(
        "SpatialFusionApplyDepth",
        model=base["model"],
        spatialfusion=model["spatialfusion"],
        geometry=plan["geometry"],
    )
    noise = flow.add("RandomNoise", noise_seed=0)
    guider = flow.add(
        "CFGGuider", model=patched["model"], positive=plan["positive"], negative=negative["conditioning"], cfg=4.0
    )
    sampler = flow.add("KSamplerSelect", sampler_name="res_multistep")
    sigmas = flow.add("BasicScheduler", model=patched["model"], scheduler="simple", steps=20, denoise=1.0)
    latent = flow.add("EmptySD3LatentImage", width=128, height=128, batch_size=1)
    flow.column("Draw the image")
    sampled = flow.add(
        "SamplerCustomAdvanced",
        noise=noise["NOISE"],
        guider=guider["GUIDER"],
        sampler=sampler["SAMPLER"],
        sigmas=sigmas["SIGMAS"],
        latent_image=latent["LATENT"],
    )
    image = decode(flow, sampled["output"], base["vae"], "swap_the_sampler")
    flow.thumbnail = [depth, image]
    return flow


def one_node_sampler() -> Workflow:
    flow = Workflow(
        "## One node from depth to image\n\nSample with Depth applies the depth and samples with the settings of the "
        f"loaded model. It is Apply Depth to Model and KSampler in one.\n\n{NOTHING_TO_DOWNLOAD}"
    )
    model, base = load_tiny(flow)
    flow.column("Plan the depth")
    plan = flow.add("SpatialFusionPredictDepth", spatialfusion=model["spatialfusion"], prompt=PROMPT)
    negative = flow.add("SpatialFusionEncodePrompt", title="Negative prompt", spatialfusion=model["spatialfusion"])
    flow.column("Look at it")
    depth = show(flow, plan["geometry"])
    flow.column("Draw the image")
    latent = flow.add("EmptySD3LatentImage", width=128, height=128, batch_size=1)
    sampled = flow.add(
        "SpatialFusionSampler",
        model=base["model"],
        spatialfusion=model["spatialfusion"],
        positive=plan["positive"],
        negative=negative["conditioning"],
        latent=latent["LATENT"],
        geometry=plan["geometry"],
    )
    flow.column("Result")
    image = decode(flow, sampled["latent"], base["vae"], "one_node_sampler")
    flow.thumbnail = [depth, image]
    return flow


def load_qwen(flow: Workflow) -> tuple[Node, Node, Node, Node]:
    """Qwen-Image's diffusion model, text encoder and VAE, and InstantX's ControlNet."""
    flow.column("Load Qwen-Image")
    net = flow.add("UNETLoader", models=DIFFUSION[1:], unet_name=DIFFUSION[0], weight_dtype="default")
    clip = flow.add("CLIPLoader", models=TEXT_ENCODER[1:], clip_name=TEXT_ENCODER[0], type="qwen_image")
    vae = flow.add("VAELoader", models=VAE[1:], vae_name=VAE[0])
    control = flow.add("ControlNetLoader", models=CONTROLNET[1:], control_net_name=CONTROLNET[0])
    return net, clip, vae, control


def draw_with_qwen(flow: Workflow, loaded: tuple[Node, ...], depth: Output, prompt: Any, name: str) -> None:
    """The core's nodes for a depth ControlNet, on 1024 x 1024 pixels."""
    net, clip, vae, control = loaded
    flow.column("Give it the depth")
    positive = flow.add("CLIPTextEncode", title="Prompt", clip=clip["CLIP"], text=prompt)
    negative = flow.add("CLIPTextEncode", title="Negative prompt", clip=clip["CLIP"], text=" ")
    both = flow.add(
        "ControlNetApplyAdvanced",
        positive=positive["CONDITIONING"],
        negative=negative["CONDITIONING"],
        control_net=control["CONTROL_NET"],
        image=depth,
        vae=vae["VAE"],
        strength=1.0,
    )
    flow.column("Draw the image")
    shifted = flow.add("ModelSamplingAuraFlow", model=net["MODEL"], shift=3.1)
    latent = sample(flow, shifted["MODEL"], both["positive"], both["negative"], 1024, cfg=2.5)
    flow.column("Result")
    decode(flow, latent["LATENT"], vae["VAE"], name)


CONTROLNET_FILES = needs(DIFFUSION, TEXT_ENCODER, VAE, CONTROLNET)


def depth_to_controlnet() -> Workflow:
    flow = Workflow(
        "## Depth to ControlNet\n\nThe tiny model plans the depth of a sentence, and a depth ControlNet of the core "
        "draws it with Qwen-Image. The depth is a picture like any other, with near in white, so any depth ControlNet "
        f"takes it.\n\n{CONTROLNET_FILES}"
    )
    loaded = load_qwen(flow)
    flow.column("Plan the depth")
    model = flow.add("SpatialFusionLoader")
    text = flow.add("PrimitiveStringMultiline", title="Prompt", value=PROMPT)
    plan = flow.add("SpatialFusionPredictDepth", spatialfusion=model["spatialfusion"], prompt=text["STRING"])
    flow.column("As a picture")
    picture = flow.add("SpatialFusionRenderDepth", geometry=plan["geometry"])
    large = flow.add(
        "ImageScale", image=picture["image"], upscale_method="bicubic", width=1024, height=1024, crop="disabled"
    )
    depth = flow.add("PreviewImage", title="Depth", images=large["IMAGE"])
    draw_with_qwen(flow, loaded, large["IMAGE"], text["STRING"], "depth_to_controlnet")
    flow.thumbnail = [depth]
    return flow


def scene_to_controlnet() -> Workflow:
    flow = Workflow(
        "## Scene to ControlNet\n\nA scene written line by line, in metres, becomes exact depth without any model, and "
        "a depth ControlNet of the core draws it with Qwen-Image. Say in the prompt what the things of the scene "
        f"are.\n\n{CONTROLNET_FILES}"
    )
    loaded = load_qwen(flow)
    flow.column("Compose the scene")
    scene = flow.add("SpatialFusionComposeScene", width=1024, height=1024)
    blockout = flow.add("PreviewImage", title="Scene", images=scene["image"])
    flow.column("As a picture")
    picture = flow.add("SpatialFusionRenderDepth", geometry=scene["geometry"])
    depth = flow.add("PreviewImage", title="Depth", images=picture["image"])
    prompt = "a photo of a yellow mug on a white table in a garden, a red car and a blue house behind it"
    draw_with_qwen(flow, loaded, picture["image"], prompt, "scene_to_controlnet")
    flow.thumbnail = [blockout, depth]
    return flow


def scene_to_z_image() -> Workflow:
    flow = Workflow(
        "## Scene to Z-Image\n\nA sentence becomes a scene in metres, and Z-Image-Turbo draws it with the Fun Union "
        "ControlNet. Blocks are no silhouettes: Limit Control to Steps lets the depth rule the first half of the steps "
        f"alone, at a strength of 0.6.\n\n{needs(Z_DIFFUSION, Z_TEXT_ENCODER, Z_VAE, Z_CONTROL)}"
    )
    flow.column("Load Z-Image-Turbo")
    net = flow.add("UNETLoader", models=Z_DIFFUSION[1:], unet_name=Z_DIFFUSION[0], weight_dtype="default")
    clip = flow.add("CLIPLoader", models=Z_TEXT_ENCODER[1:], clip_name=Z_TEXT_ENCODER[0], type="lumina2")
    vae = flow.add("VAELoader", models=Z_VAE[1:], vae_name=Z_VAE[0])
    control = flow.add("ModelPatchLoader", models=Z_CONTROL[1:], name=Z_CONTROL[0])
    flow.column("Say what is where")
    text = flow.add("PrimitiveStringMultiline", title="Sentence", value=SENTENCE)
    plan = flow.add("SpatialFusionPlanScene", sentence=text["STRING"])
    flow.column("As a picture")
    picture = flow.add("SpatialFusionRenderDepth", geometry=plan["geometry"])
    depth = flow.add("PreviewImage", title="Depth", images=picture["image"])
    flow.column("Give it the depth")
    controlled = flow.add(
        "ZImageFunControlnet",
        model=net["MODEL"],
        model_patch=control["MODEL_PATCH"],
        vae=vae["VAE"],
        image=picture["image"],
        strength=0.6,
    )
    limited = flow.add("SpatialFusionLimitControl", model=controlled["MODEL"])
    positive = flow.add("CLIPTextEncode", title="Prompt", clip=clip["CLIP"], text=text["STRING"])
    negative = flow.add("ConditioningZeroOut", conditioning=positive["CONDITIONING"])
    flow.column("Draw the image")
    shifted = flow.add("ModelSamplingAuraFlow", model=limited["model"], shift=3.0)
    turbo = {"steps": 8, "cfg": 1.0, "sampler_name": "res_multistep"}
    latent = sample(flow, shifted["MODEL"], positive["CONDITIONING"], negative["CONDITIONING"], 1024, **turbo)
    flow.column("Result")
    decode(flow, latent["LATENT"], vae["VAE"], "scene_to_z_image")
    flow.thumbnail = [depth]
    return flow


PAIR = "a yellow ball on the left of a red chair"


def scene_to_regions() -> Workflow:
    flow = Workflow(
        "## Scene to regions\n\nA sentence becomes a scene, and the scene becomes regional prompts: each thing's own "
        "words where it shall be seen, the whole sentence everywhere. No ControlNet takes part, so this works with "
        f"every model: connect its CLIP to Scene to Regions.\n\n{NOTHING_TO_DOWNLOAD}"
    )
    model, base = load_tiny(flow)
    flow.column("Say what is where")
    plan = flow.add("SpatialFusionPlanScene", sentence=PAIR, width=128, height=128)
    flow.column("Words for regions")
    scene = flow.add("PreviewImage", title="Scene", images=plan["image"])
    regions = flow.add("SpatialFusionSceneRegions", clip=model["spatialfusion"], scene=plan["scene"])
    negative = flow.add("SpatialFusionEncodePrompt", title="Negative prompt", spatialfusion=model["spatialfusion"])
    flow.column("Draw the image")
    flow.add("PreviewAny", title="Prompts", source=regions["prompts"])
    latent = sample(flow, base["model"], regions["conditioning"], negative["conditioning"])
    flow.column("Result")
    image = decode(flow, latent["LATENT"], base["vae"], "scene_to_regions")
    flow.thumbnail = [scene, image]
    return flow


def best_of_four() -> Workflow:
    flow = Workflow(
        "## Best of four\n\nFour pictures of one scene are drawn, MoGe measures each of them, and the one whose things "
        "stand where the scene has them is kept. Use a model of your own in place of the tiny one: all that matters is "
        f"that the pictures have the shape of the scene.\n\n{needs(MOGE)}"
    )
    model, base = load_tiny(flow)
    flow.column("Say what is where")
    text = flow.add("PrimitiveStringMultiline", title="Sentence", value=PAIR)
    plan = flow.add("SpatialFusionPlanScene", sentence=text["STRING"], width=128, height=128)
    scene = flow.add("PreviewImage", title="Scene", images=plan["image"])
    flow.column("Give it the depth")
    patched = flow.add(
        "SpatialFusionApplyDepth",
        model=base["model"],
        spatialfusion=model["spatialfusion"],
        geometry=plan["geometry"],
    )
    encode = {"spatialfusion": model["spatialfusion"]}
    positive = flow.add("SpatialFusionEncodePrompt", title="Prompt", prompt=text["STRING"], **encode)
    negative = flow.add("SpatialFusionEncodePrompt", title="Negative prompt", **encode)
    flow.column("Draw four")
    latent = sample(flow, patched["model"], positive["conditioning"], negative["conditioning"], batch=4)
    drawn = flow.add("VAEDecode", samples=latent["LATENT"], vae=base["vae"])
    four = flow.add("PreviewImage", title="All four", images=drawn["IMAGE"])
    flow.column("Measure them")
    loader = flow.add("LoadMoGeModel", models=MOGE[1:], model_name=MOGE[0])
    moge = flow.add("MoGeInference", moge_model=loader["MOGE_MODEL"], image=drawn["IMAGE"], batch_size=1)
    compared = flow.add(
        "SpatialFusionCompareScene", scene=plan["scene"], geometry=moge["moge_geometry"], scale="fitted"
    )
    flow.column("Keep the best")
    flow.add("PreviewImage", title="Metres asked and found", images=compared["overlay"])
    best = flow.add("SpatialFusionPickBest", images=drawn["IMAGE"], scores=compared["score"])
    kept = flow.add("SpatialFusionSelectDepth", geometry=moge["moge_geometry"], index=best["index"])
    flow.column("Result")
    flow.add("SaveImage", images=best["image"], filename_prefix="SpatialFusion/best_of_four")
    show(flow, kept["geometry"], "Its depth")
    flow.thumbnail = [scene, four]
    return flow


def orbit_camera() -> Workflow:
    flow = Workflow(
        "## Turn the camera\n\nA scene in the 3D viewer: run once, turn the view with the mouse, and run again. The "
        "second Orbit Scene Camera sees the scene from there, with exact depth and masks for all that comes "
        "after.\n\nIt needs nothing but this node pack, and no model: it runs on a CPU."
    )
    flow.column("Say what is where")
    plan = flow.add("SpatialFusionPlanScene", sentence=SENTENCE, width=768, height=768)
    before = flow.add("PreviewImage", title="Before", images=plan["image"])
    flow.column("Turn the view")
    solid = flow.add("SpatialFusionOrbitCamera", title="For the viewer", scene=plan["scene"])
    # Where the page has no viewer open yet, the second node looks from here.
    turned_view = {
        "position": {"x": 13.0, "y": 7.0, "z": 10.0},
        "target": {"x": 0.0, "y": 1.5, "z": 0.0},
        "zoom": 1,
        "cameraType": "perspective",
        "fov": 40,
    }
    viewer = flow.add(
        "Preview3DAdvanced",
        model_3d=solid["model_3d"],
        viewport_state={"camera_info": turned_view},
        width=768,
        height=768,
    )
    flow.column("Seen from there")
    turned = flow.add(
        "SpatialFusionOrbitCamera",
        scene=plan["scene"],
        camera_info=viewer["camera_info"],
        model_3d_info=viewer["model_3d_info"],
    )
    after = flow.add("PreviewImage", title="After", images=turned["image"])
    flow.column("Its depth")
    show(flow, turned["geometry"])
    viewer.size, before.size, after.size = (560, 640), (420, 420), (420, 420)
    flow.thumbnail = [before, after]
    return flow


def estimator_to_adapter() -> Workflow:
    flow = Workflow(
        "## Depth of another image\n\nMoGe estimates the depth of a picture in metres, and the tiny model draws "
        "something else in the same space. Connect Load Image in place of Compose Scene Depth for a picture of your "
        f"own; Import Depth also takes Depth Anything 3 and grey depth images.\n\n{needs(MOGE)}"
    )
    model, base = load_tiny(flow)
    flow.column("A picture")
    scene = flow.add("SpatialFusionComposeScene", width=512, height=512)
    source = flow.add("PreviewImage", title="Picture", images=scene["image"])
    flow.column("Estimate its depth")
    loader = flow.add("LoadMoGeModel", models=MOGE[1:], model_name=MOGE[0])
    moge = flow.add("MoGeInference", moge_model=loader["MOGE_MODEL"], image=scene["image"], batch_size=1)
    imported = flow.add("SpatialFusionImportDepth", moge_geometry=moge["moge_geometry"])
    flow.column("Look at it")
    show(flow, imported["geometry"])
    flow.column("Draw the image")
    positive = flow.add(
        "SpatialFusionEncodePrompt",
        title="Prompt",
        spatialfusion=model["spatialfusion"],
        prompt="a green car in front of an orange house",
    )
    negative = flow.add("SpatialFusionEncodePrompt", title="Negative prompt", spatialfusion=model["spatialfusion"])
    patched = flow.add(
        "SpatialFusionApplyDepth",
        model=base["model"],
        spatialfusion=model["spatialfusion"],
        geometry=imported["geometry"],
    )
    flow.column("Result")
    latent = sample(flow, patched["model"], positive["conditioning"], negative["conditioning"])
    decode(flow, latent["LATENT"], base["vae"], "estimator_to_adapter")
    flow.thumbnail = [source]
    return flow


def geometry_to_mesh() -> Workflow:
    flow = Workflow(
        "## Depth to mesh and point cloud\n\nPredicted depth has metres and a camera, so it is a surface in space. The "
        "core's MoGe node turns it into a mesh, and Save Metric Depth writes a point cloud (.ply) and a mesh (.glb) to "
        f"the output folder.\n\n{NOTHING_TO_DOWNLOAD}"
    )
    flow.column("Plan the depth")
    model = flow.add("SpatialFusionLoader")
    plan = flow.add("SpatialFusionPredictDepth", spatialfusion=model["spatialfusion"], prompt=PROMPT)
    flow.column("Look at it")
    grey = show(flow, plan["geometry"])
    color = show(flow, plan["geometry"], "Colour map", mode="color map")
    flow.column("Mesh by the core")
    mesh = flow.add("MoGePointMapToMesh", moge_geometry=plan["geometry"])
    flow.add("SaveGLB", mesh=mesh["MESH"], filename_prefix="SpatialFusion/mesh")
    flow.column("Files by this pack")
    flow.add(
        "SpatialFusionSaveDepth",
        title="Save point cloud",
        geometry=plan["geometry"],
        filename_prefix="SpatialFusion/points",
        format="ply",
    )
    saved = flow.add(
        "SpatialFusionSaveDepth",
        title="Save mesh",
        geometry=plan["geometry"],
        filename_prefix="SpatialFusion/surface",
        format="glb",
    )
    flow.column("See it")
    flow.add("Preview3D", model_file=saved["files"])
    flow.thumbnail = [grey, color]
    return flow


WORKFLOWS: dict[str, Callable[[], Workflow]] = {
    make.__name__: make
    for make in (
        sentence_to_depth,
        text_to_image,
        image_edit,
        plan_edit_sample,
        swap_the_sampler,
        one_node_sampler,
        depth_to_controlnet,
        scene_to_controlnet,
        scene_to_z_image,
        scene_to_regions,
        best_of_four,
        orbit_camera,
        estimator_to_adapter,
        geometry_to_mesh,
    )
}


# Writing --------------------------------------------------------------------------------------------------------------


@dataclass
class Input:
    """An input as /object_info has it."""

    name: str
    type: str
    options: dict[str, Any]
    optional: bool

    @property
    def is_widget(self) -> bool:
        return self.options.get("widgetType", self.type) in WIDGETS and not self.options.get("forceInput")

    @property
    def default(self) -> Any:
        if "default" in self.options:
            return self.options["default"]
        if self.type == "COMBO":
            return self.options["options"][0]
        return {"STRING": "", "BOOLEAN": False, "LOAD_3D": ""}.get(self.type, 0)


def inputs_of(info: dict[str, Any]) -> list[Input]:
    found = []
    for section in ("required", "optional"):
        for name, spec in info["input"].get(section, {}).items():
            kind, options = spec[0], dict(spec[1]) if len(spec) > 1 else {}
            if isinstance(kind, list):  # the older way to write a combo
                kind, options = "COMBO", {"options": kind, **options}
            found.append(Input(name, kind, options, section == "optional"))
    return found


def output_slot(output: Output, infos: dict[str, Any]) -> tuple[int, str]:
    info = infos[output.node.type]
    slot = info["output_name"].index(output.name)
    return slot, info["output"][slot]


def values_of(node: Node, infos: dict[str, Any]) -> dict[str, Any]:
    """Every widget's value and every link of a node, in the order of its inputs."""
    inputs = inputs_of(infos[node.type])
    unknown = set(node.inputs) - {i.name for i in inputs}
    assert not unknown, f"{node.type} has no input {', '.join(unknown)}"
    defaults = {i.name: i.default for i in inputs if i.is_widget and i.name not in node.inputs}
    values = {**defaults, **node.inputs}
    return {i.name: values[i.name] for i in inputs if i.name in values}


def api_prompt(flow: Workflow, infos: dict[str, Any]) -> dict[str, Any]:
    prompt = {}
    for node in flow.nodes:
        values = {
            name: [str(value.node.id), output_slot(value, infos)[0]] if isinstance(value, Output) else value
            for name, value in values_of(node, infos).items()
        }
        title = node.title or infos[node.type]["display_name"]
        prompt[str(node.id)] = {"class_type": node.type, "inputs": values, "_meta": {"title": title}}
    return prompt


def page_graph(name: str, flow: Workflow, infos: dict[str, Any], versions: dict[str, tuple[str, str]]) -> dict:
    """The workflow as the page opens and saves it, format 0.4."""
    links, nodes = [], {}
    for node in flow.nodes:
        info = infos[node.type]
        values, sockets, widgets = values_of(node, infos), [], []
        # As the page has them: sockets first, then the sockets of widgets.
        for item in sorted(inputs_of(info), key=lambda i: i.is_widget):
            socket = {"name": item.name, "type": item.type, "link": None}
            if item.optional:
                socket["shape"] = 7
            if item.is_widget:
                socket["widget"] = {"name": item.name}
            value = values.get(item.name)
            if isinstance(value, Output):
                slot, kind = output_slot(value, infos)
                links.append([len(links) + 1, value.node.id, slot, node.id, len(sockets), kind])
                nodes[value.node.id]["outputs"][slot]["links"].append(len(links))
                socket["link"] = len(links)
                value = item.default
            if item.is_widget:
                widgets.append(value)
                if way := item.options.get("control_after_generate"):
                    widgets.append(node.after or (way if isinstance(way, str) else "randomize"))
            sockets.append(socket)
        cnr, version = versions["ours" if node.type.startswith("SpatialFusion") else "core"]
        properties = {"Node name for S&R": node.type, "cnr_id": cnr, "ver": version}
        if node.models:
            properties["models"] = list(node.models)
        nodes[node.id] = {
            "id": node.id,
            "type": node.type,
            "pos": [0, 0],
            "size": size_of(node, info),
            "flags": {},
            "order": node.id - 1,  # a node is described after those that it needs
            "mode": 0,
            "inputs": sockets,
            "outputs": [{"name": n, "type": t, "links": []} for n, t in zip(info["output_name"], info["output"])],
            **({"title": node.title} if node.title else {}),
            "properties": properties,
            "widgets_values": widgets,
        }

    note = {
        "id": 1,
        "type": "MarkdownNote",
        "pos": [0, 0],
        "size": [380, 80 + 18 * sum(1 + len(line) // 60 for line in re.sub(r"\(http.*?\)", "", flow.note).split("\n"))],
        "flags": {},
        "order": 0,
        "mode": 0,
        "inputs": [],
        "outputs": [],
        "title": "What this does",
        "properties": {},
        "widgets_values": [flow.note],
        "color": "#222",
        "bgcolor": "#000",
    }
    groups, left, bottom = [], 0, 0
    for number, (heading, members) in enumerate(flow.columns, 1):
        under = note["size"] if number == 1 else [0, 0]
        width = max(under[0], *(nodes[node.id]["size"][0] for node in members))
        top = start = under[1] + 3 * TITLE + BELOW if number == 1 else 0
        for node in members:
            nodes[node.id]["pos"] = [left, top]
            nodes[node.id]["size"][0] = width
            top += nodes[node.id]["size"][1] + BELOW
        height = top - BELOW - start
        box = [left - 15, start - TITLE - 50, width + 30, height + TITLE + 65]
        groups.append(
            {
                "id": number,
                "title": f"{number} - {heading}",
                "bounding": box,
                "color": "#3f789e",
                "font_size": 24,
                "flags": {},
            }
        )
        left, bottom = left + width + BESIDE, max(bottom, start + height)
    # So that the whole of it is seen on a screen of usual size.
    scale = round(min(1.0, 1600 / left, 800 / (bottom + 150)), 3)
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"spatialfusion/workflows/{name}")),
        "revision": 0,
        "last_node_id": max(nodes),
        "last_link_id": len(links),
        "nodes": [note, *nodes.values()],
        "links": links,
        "groups": groups,
        "config": {},
        "extra": {"ds": {"scale": scale, "offset": [round(80 / scale), round(160 / scale)]}},
        "version": 0.4,
    }


def size_of(node: Node, info: dict[str, Any]) -> list[int]:
    inputs = inputs_of(info)
    sockets, widgets = [i for i in inputs if not i.is_widget], [i for i in inputs if i.is_widget]
    texts = sum(bool(i.options.get("multiline")) for i in widgets)
    seeds = sum(bool(i.options.get("control_after_generate")) for i in widgets)
    height = SLOT * max(len(sockets), len(info["output"])) + WIDGET * (len(widgets) + seeds) + TEXT * texts + 20
    height += PICTURE if node.type in PICTURES else TEXT if node.type in TEXTS else 0
    return list(node.size or (340 if texts else 300, height))


# Talking to the host --------------------------------------------------------------------------------------------------


def request(url: str, data: Any = None) -> bytes:
    body = None if data is None else json.dumps(data).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body), timeout=60) as answer:
        return answer.read()


def run(host: str, prompt: dict[str, Any], targets: list[str]) -> dict[str, Any]:
    """The outputs of a prompt, of the target nodes only."""
    queued = json.loads(request(f"{host}/prompt", {"prompt": prompt, "partial_execution_targets": targets}))
    while not (history := json.loads(request(f"{host}/history/{queued['prompt_id']}"))):
        time.sleep(1)
    (entry,) = history.values()
    assert entry["status"]["status_str"] == "success", entry["status"]["messages"][-1]
    return entry["outputs"]


def thumbnail(host: str, flow: Workflow, prompt: dict[str, Any], file: Path) -> None:
    """The workflow's pictures beside each other, 400 x 300."""
    from PIL import Image

    targets = [str(node.id) for node in flow.thumbnail]
    outputs = run(host, prompt, targets)

    def fetch(image: dict[str, str]) -> Image.Image:
        return Image.open(io.BytesIO(request(f"{host}/view?{urllib.parse.urlencode(image)}"))).convert("RGB")

    def tiled(images: list[Image.Image]) -> Image.Image:
        """Four pictures of a batch as one."""
        if len(images) < 4:
            return images[0]
        width, height = images[0].size
        whole = Image.new("RGB", (2 * width, 2 * height))
        for number, image in enumerate(images[:4]):
            whole.paste(image, (number % 2 * width, number // 2 * height))
        return whole

    pictures = [tiled([fetch(image) for image in outputs[target]["images"]]) for target in targets]
    sheet, side = Image.new("RGB", (400, 300), (24, 24, 27)), 300 if len(pictures) == 1 else 196
    for number, picture in enumerate(pictures):
        left = (400 - side) // 2 if len(pictures) == 1 else number * (400 - side)
        sheet.paste(picture.resize((side, side), Image.Resampling.BICUBIC), (left, (300 - side) // 2))
    sheet.save(file, quality=88)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("host", help="address of a running ComfyUI, or a file with its /object_info")
    parser.add_argument("--thumbnails", action="store_true", help="run the workflows and make NAME.jpg")
    parser.add_argument("--only", nargs="+", choices=WORKFLOWS, default=list(WORKFLOWS), metavar="NAME")
    args = parser.parse_args()

    host, running = args.host.rstrip("/"), args.host.startswith("http")
    infos = json.loads(request(f"{host}/object_info") if running else Path(host).read_bytes())
    project = (ROOT / "pyproject.toml").read_text()
    ours = tuple(re.search(rf'^{key} = "(.+)"', project, re.MULTILINE).group(1) for key in ("name", "version"))
    needed = re.search(r'requires-comfyui = "[>=~]*(.+)"', project)
    versions = {"ours": ours, "core": ("comfy-core", needed.group(1) if needed else "0.33.0")}
    (FOLDER / "api").mkdir(parents=True, exist_ok=True)
    for name in args.only:
        flow = WORKFLOWS[name]()
        prompt = api_prompt(flow, infos)
        for path, content in (
            (FOLDER / f"{name}.json", page_graph(name, flow, infos, versions)),
            (FOLDER / "api" / f"{name}.json", prompt),
        ):
            path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        if args.thumbnails:
            thumbnail(host, flow, prompt, FOLDER / f"{name}.jpg")
        print(name)


if __name__ == "__main__":
    main()
