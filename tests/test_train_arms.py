"""The arms that depth injection is compared with: concatenated or no depth, other layers of the LLM, a ControlNet."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from tiny import SIZE, tiny_components
from tiny_inputs import load
from torch import nn

from research.adapter import AdapterStage
from research.controlnet_stage import ControlNetStage
from research.stages import ResearchConfig
from research.train import with_preset
from spatialfusion.backbones.depth_injection import backbone_tensors
from spatialfusion.errors import InputError
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.model.config import SpatialFusionConfig, sample_layers
from spatialfusion.model.context import PromptEncoder
from spatialfusion.model.model import FILE_NAME, SpatialFusionModel
from spatialfusion.pipeline import SpatialFusionPipeline
from spatialfusion.train.config import load_config
from spatialfusion.train.data_stage import prepare_data
from spatialfusion.train.engine import config_changes
from spatialfusion.train.layout import covered, layouts
from spatialfusion.train.stage1 import Stage1
from spatialfusion.train.stage2 import Stage2

CPU = torch.device("cpu")
FAST = {"num_inference_steps": 2, "depth_steps": 1, "guidance_scale": 1.0, "output_type": "latent"}


def make_config(run: Path, **changes: str) -> ResearchConfig:
    values = {"run": str(run), "device": "cpu", "stage2.lora_rank": "2", "stage2.depth_dropout": "0"}
    values |= {"controlnet.layers": "1", "stage2.dit": "lora", "stage2.injection": "add"}
    return load_config("smoke", values | {"data.train_scenes": "12"} | changes, ResearchConfig)


@pytest.fixture(scope="module")
def start(tiny_folder, tmp_path_factory) -> Path:
    """A run after stage 1: the diffusion model has no changes, and the adapter was never trained."""
    run = tmp_path_factory.mktemp("arms") / "run"
    shutil.copytree(tiny_folder, run / "model")
    model = SpatialFusionModel.load(run / "model")
    model.backbone_tensors = {}
    for parameter in model.adapter.out.parameters():
        nn.init.zeros_(parameter)
    model.save(run / "model" / FILE_NAME)
    prepare_data(make_config(run), run)
    return run


@pytest.fixture(scope="module")
def arms(start, tmp_path_factory) -> dict[str, SimpleNamespace]:
    """Of each injection a run of six steps on one batch: folder, stage, first metrics and last, what was there."""
    found = {}
    for name in ("add", "concat", "none"):
        run = tmp_path_factory.mktemp("arms") / name
        shutil.copytree(start / "model", run / "model")
        folder = {"data.folder": str(start / "data")}
        torch.manual_seed(0)
        stage = Stage2(make_config(run, **folder, **{"stage2.injection": name}), run, CPU)
        before = {key: tensor.clone() for key, tensor in stage.trained.state_dict().items()}
        base = {key: tensor.clone() for key, tensor in stage.transformer.state_dict().items()}
        first, last = train(stage, 6)
        stage.export(run / "model")
        found[name] = SimpleNamespace(run=run, stage=stage, first=first, last=last, before=before, base=base)
    return found


def train(stage, steps: int) -> tuple[dict, dict]:
    """The metrics of the first and the last of some steps on the same batch, an edit among it."""
    edit = len(stage.data) - 1
    optimizer = torch.optim.AdamW([p for p in stage.trained.parameters() if p.requires_grad], 3e-3, weight_decay=0)
    batch = stage.batch([0, 1, 2, edit], [torch.Generator().manual_seed(i) for i in range(4)])
    assert isinstance(stage, AdapterStage) or batch["edits"] == [3]
    seen = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss, metrics = stage.loss(batch)
        loss.backward()
        optimizer.step()
        seen.append(metrics | {"loss": loss.detach()})
    return seen[0], seen[-1]


def changed(module: nn.Module, before: dict[str, torch.Tensor]) -> set[str]:
    return {name for name, tensor in module.state_dict().items() if not torch.equal(tensor, before[name])}


def draw(pipe: SpatialFusionPipeline, **options) -> torch.Tensor:
    return pipe("a red car", generator=torch.Generator().manual_seed(0), **FAST | options).images


def flat(metres: float) -> Geometry:
    return Geometry.from_depth(torch.full((1, SIZE, SIZE), float(metres)), focal=1.0)


# Injection ------------------------------------------------------------------------------------------------------------


def test_every_arm_starts_as_the_base_and_learns(arms):
    for name, arm in arms.items():
        assert torch.equal(arm.first["loss_diffusion"], arms["add"].first["loss_diffusion"]), name
        assert arm.last["loss_diffusion"] < arm.first["loss_diffusion"], name
    # The same depth branch learns in all of them.
    assert torch.equal(arms["none"].first["loss_depth"], arms["concat"].first["loss_depth"])


@pytest.mark.parametrize("name", ["add", "concat", "none"])
def test_an_arm_trains_what_it_should_and_that_alone(arms, name):
    arm = arms[name]
    moved = changed(arm.stage.trained, arm.before)
    adapter = {key for key in moved if ".adapter." in key}
    everything = {key for key in arm.before if ".adapter." in key}
    assert adapter == (set() if name == "none" else everything)
    assert {"delta.weight", "delta.bias", "spatial.depth_head.fov.weight"} <= moved
    assert any(key.startswith("lora.") for key in moved)
    assert {key for key in changed(arm.stage.transformer, arm.base) if ".lora_" not in key} == set()
    delta = arm.stage.delta.weight
    assert delta.shape[1] == (128 if name == "concat" else 64)
    assert delta[:, 64:].any() == (name == "concat")
    residual = arm.last["residual_rms"]
    assert residual == 0 if name == "none" else residual > 0


@pytest.mark.parametrize("name", ["add", "concat", "none"])
def test_an_arm_is_drawn_as_it_was_trained(arms, start, name):
    pipe = load(arms[name].run / "model")
    assert pipe.spatialfusion.config.injection == name
    base = draw(load(start / "model"), controlnet_conditioning_scale=0)
    assert torch.equal(draw(pipe, controlnet_conditioning_scale=0), base)
    near, far = (draw(pipe, geometry=flat(metres)) for metres in (1, 40))
    assert torch.equal(near, far) == (name == "none")
    # LoRA and delta stay, whatever the depth, and strength scales all that is left.
    assert not torch.equal(near, base)
    assert not torch.equal(draw(pipe, geometry=flat(1), controlnet_conditioning_scale=0.5), near)
    # What was saved is what the stage has.
    again = Stage2(arms[name].stage.config, arms[name].run, CPU)
    assert again.model.config == arms[name].stage.model.config
    assert changed(again.trained, arms[name].stage.trained.state_dict()) == set()


def test_the_adapter_learns_the_latent_and_is_silent_until_it_is_read(arms, start, tmp_path):
    """It starts anew from any model, and forgets what an earlier stage 2 made of the diffusion model."""
    data = {"data.folder": str(start / "data")}
    base = draw(load(start / "model"), controlnet_conditioning_scale=0)
    shutil.copytree(arms["concat"].run / "model", tmp_path / "model")
    assert not torch.equal(draw(load(tmp_path / "model")), base)
    torch.manual_seed(0)
    stage = AdapterStage(make_config(tmp_path, **data), tmp_path, CPU)
    assert {p for p in stage.trained.parameters() if p.requires_grad} == set(stage.trained.parameters())
    batch = stage.batch([0, 1, 2, 3], [torch.Generator().manual_seed(i) for i in range(4)])
    first, last = train(stage, 30)
    assert last["loss"] < 0.9 * first["loss"] and last["residual_rms"] > 0
    # Depth of an unknown camera says nothing: not even if it is all there is.
    unknown = batch | {"has_camera": torch.tensor([True, True, False, False])}
    known = {name: tensor[:2] for name, tensor in batch.items()}
    torch.testing.assert_close(stage.loss(unknown)[0], stage.loss(known)[0])
    assert stage.loss(batch | {"has_camera": torch.zeros(4, dtype=torch.bool)})[0] == 0

    stage.export(tmp_path / "model")
    assert torch.equal(draw(load(tmp_path / "model")), base)
    assert SpatialFusionModel.load(tmp_path / "model").config.projection_shape is None
    weights = stage.trained.state_dict()
    assert changed(AdapterStage(make_config(tmp_path, **data), tmp_path, CPU).trained, weights) == set(weights)
    for injection, share in (("add", 0.2), ("concat", 1.0)):
        run = tmp_path / injection
        shutil.copytree(tmp_path / "model", run / "model")
        read = Stage2(make_config(run, **data, **{"stage2.injection": injection}), run, CPU).model.adapter
        torch.testing.assert_close(read.out.weight, share * weights["out.weight"])
        torch.testing.assert_close(read.out.bias, share * weights["out.bias"])
        assert changed(read, weights) <= {"out.weight", "out.bias"}


def test_the_adapter_is_trained_after_stage_1(start, tmp_path):
    shutil.copytree(start / "model", tmp_path / "model")
    (tmp_path / "model" / FILE_NAME).unlink()
    with pytest.raises(InputError, match=r"has no spatialfusion.safetensors; train it with the stage `stage1` first"):
        AdapterStage(make_config(tmp_path, **{"data.folder": str(start / "data")}), tmp_path, CPU)


def test_another_injection_is_not_trained_on(arms):
    config = make_config(arms["add"].run, **{"stage2.injection": "none", "data.folder": str(arms["add"].run)})
    stage = arms["add"].stage
    stage.model.backbone_tensors = backbone_tensors(stage.transformer, stage.delta)
    options, stage.options = stage.options, config.stage2
    with pytest.raises(InputError, match=r"stage2\.injection = none differs from add, with which .* was trained"):
        stage.choose_injection()
    stage.options = options
    saved = SimpleNamespace(state={"config": {"stage2.injection": "add"}})
    for finished in (False, True):
        with pytest.raises(InputError, match=r"stage2\.injection = none differs from add"):
            config_changes(saved, config, Stage2, finished)
    old = SimpleNamespace(state={"config": {"seed": 0}})  # of a run from before there was a choice
    assert config_changes(old, config, Stage2, False) == []


def test_what_changes_the_diffusion_model_is_trained_on_as_it_is(arms):
    stage = arms["add"].stage
    stage.model.backbone_tensors = backbone_tensors(stage.transformer, stage.delta)
    rank, full = stage.model.config.lora_rank, stage.full
    try:
        stage.model.config.lora_rank = stage.options.lora_rank
        stage.check_start()
        stage.full = True
        with pytest.raises(
            InputError, match=r"stage2\.dit = full trains the diffusion model itself, but .* has a LoRA"
        ):
            stage.check_start()
        stage.full, stage.model.config.lora_rank = False, stage.options.lora_rank + 1
        with pytest.raises(InputError, match=r"stage2\.lora_rank = 2 differs from 3, .* set stage2\.lora_rank=3 or"):
            stage.check_start()
    finally:
        stage.model.config.lora_rank, stage.full, stage.model.backbone_tensors = rank, full, {}


def test_the_preset_of_the_arms_has_the_sizes_of_tiny():
    evidence, tiny = load_config(with_preset(["evidence"])[0], kind=ResearchConfig), load_config("tiny")
    assert evidence.model == tiny.model and evidence.data == tiny.data
    for key in ("steps", "batch", "muon_lr", "adamw_lr", "ema"):
        assert getattr(evidence.stage2, key) == getattr(evidence.controlnet, key)


def test_older_checkpoints_add_and_read_uniformly(tiny_folder):
    written = json.loads(SpatialFusionModel.load(tiny_folder).config.to_json())
    older = {key: value for key, value in written.items() if key not in ("injection", "llm_layers")}
    assert len(older) == len(written) - 2
    config = SpatialFusionConfig.from_json(json.dumps(older))
    assert (config.injection, config.llm_layers) == ("add", "uniform")
    for key in ("injection", "llm_layers"):
        with pytest.raises(InputError, match=f"{key} is 'unifrom'"):
            SpatialFusionConfig.from_json(json.dumps(older | {key: "unifrom"}))


# Layers of the LLM ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "count", "shallow", "deep"),
    [
        (36, 10, list(range(10)), list(range(26, 36))),  # the paper's: the first and the last ten
        (4, 4, [0, 0, 1, 1], [2, 2, 3, 3]),  # the tiny model's
        (2, 2, [0, 0], [1, 1]),
        (1, 2, [0, 0], [0, 0]),
    ],
)
def test_which_layers_are_read(total, count, shallow, deep):
    assert sample_layers(total, count, "shallow") == shallow
    assert sample_layers(total, count, "deep") == deep
    assert sample_layers(total, count) == [i * total // count for i in range(count)]
    config = SpatialFusionConfig(mllm_layers=total, num_layers=count, llm_layers="deep")
    assert config.layer_map() == deep


def test_the_encoder_hands_on_the_layers_that_are_read(tiny_folder):
    contexts = {
        choice: PromptEncoder.load(tiny_folder, 2, llm_layers=choice).encode(["a red car"])
        for choice in ("uniform", "shallow", "deep")
    }
    first, second = contexts["uniform"].keys
    assert not torch.equal(first, second)
    for choice, expected in (("shallow", first), ("deep", second)):
        assert all(torch.equal(keys, expected) for keys in contexts[choice].keys)


def test_the_pipeline_reads_the_layers_of_the_checkpoint(tmp_path):
    components = tiny_components()
    model = components["spatialfusion"]

    def depth(choice: str, prompt: str = "a red car") -> torch.Tensor:
        model.config.llm_layers = choice
        pipe = SpatialFusionPipeline(**components, default_size=SIZE)
        pipe.set_progress_bar_config(disable=True)
        return pipe.predict_geometry(prompt, depth_steps=2, generator=torch.Generator().manual_seed(0)).depth

    found = {choice: depth(choice) for choice in ("uniform", "shallow", "deep", "none")}
    assert len({tensor.sum().item() for tensor in found.values()}) == 4
    # Without the LLM neither a prompt's words nor their number are seen, to the last bit.
    other = "two blue houses behind a small green tree"
    assert torch.equal(depth("none", other), found["none"])
    assert not torch.equal(depth("deep", other), found["deep"])
    model.save(tmp_path / FILE_NAME)
    assert SpatialFusionModel.load(tmp_path).config.llm_layers == "deep"


def test_stage_1_makes_a_model_of_the_layers_and_keeps_to_them(start, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(start / "model", run / "model")
    layers = {"data.folder": str(start / "data"), "model.spatial.llm_layers": "deep"}
    with pytest.raises(InputError, match=r"model\.spatial\.llm_layers = deep differs from uniform, with which"):
        Stage1(make_config(run, **layers), run, CPU)
    (run / "model" / FILE_NAME).unlink()
    stage = Stage1(make_config(run, **layers), run, CPU)
    assert stage.model.config.layer_map() == stage.encoder.layers == [1, 1]
    stage = Stage1(make_config(run, **layers | {"model.spatial.llm_layers": "none"}), run, CPU)
    first, last = train(stage, 2)
    assert last["loss"] < first["loss"]


# ControlNet -----------------------------------------------------------------------------------------------------------


def test_a_controlnet_learns_beside_a_frozen_model_and_draws_our_depth(start, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(start / "model", run / "model")
    base = draw(load(run / "model"), controlnet_conditioning_scale=0)
    stage = ControlNetStage(make_config(run, **{"data.folder": str(start / "data")}), run, CPU)
    frozen = {id(m): {k: v.clone() for k, v in m.state_dict().items()} for m in (*stage.frozen(), stage.vae)}
    before = {name: tensor.clone() for name, tensor in stage.trained.state_dict().items()}
    muon, adamw = stage.parameter_groups()
    assert len(muon) == 9 and all(p.ndim == 2 for p in muon)  # the last block's text output is not trained
    assert {id(p) for p in (*muon, *adamw)} == {id(p) for p in stage.trained.parameters() if p.requires_grad}

    stage.export(run / "model")
    assert torch.equal(draw(load(run / "model")), base)  # untrained
    first, last = train(stage, 4)
    assert last["loss"] < first["loss"]
    for module in (*stage.frozen(), stage.vae):
        assert changed(module, frozen[id(module)]) == set()
    silent = {name for name in before if "txt_mlp" in name or "to_add_out" in name}
    assert changed(stage.trained, before) & silent == set()
    assert {"controlnet_x_embedder.weight", "controlnet_blocks.0.weight", "img_in.weight"} <= changed(
        stage.trained, before
    )

    stage.export(run / "model")
    pipe = load(run / "model")
    assert torch.equal(draw(pipe, controlnet_conditioning_scale=0), base)
    tilted = Geometry.from_depth(torch.linspace(1, 9, SIZE)[None, :, None].expand(1, SIZE, SIZE), focal=1.0)
    own, given, half = (
        draw(pipe),
        draw(pipe, geometry=tilted),
        draw(pipe, geometry=tilted, controlnet_conditioning_scale=0.5),
    )
    assert not torch.equal(own, base) and not torch.equal(given, own) and not torch.equal(half, given)
    assert torch.equal(draw(pipe, control_guidance_start=1.0), base)
    image = torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    assert not torch.equal(draw(pipe, image=image), draw(pipe, image=image, controlnet_conditioning_scale=0))
    # A metre more or less is no other disparity picture: a ControlNet is told of none.
    assert torch.equal(draw(pipe, geometry=flat(3)), draw(pipe, geometry=flat(30)))
    pipe.save_pretrained(tmp_path / "copy")
    torch.testing.assert_close(draw(load(tmp_path / "copy")), own)


def test_a_controlnet_is_held_against_the_scene_of_each_sample(start, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(start / "model", run / "model")
    config = make_config(run, **{"data.folder": str(start / "data"), "controlnet.image_layout_weight": "0.5"})
    told = ControlNetStage(config, run, CPU)
    data = told.data.data
    batch = told.batch([0, len(data), 2, 3], [torch.Generator().manual_seed(i) for i in range(4)])
    scenes = [data.scenes[i] for i in (0, data.edits[0][1], 2, 3)]  # the second is an edit
    assert torch.equal(batch["image_layout"], layouts(scenes, SIZE // 16, SIZE // 16))
    head = told.trained["image_layout"]
    told.loss(batch)[0].backward()
    assert head.project.bias.grad.any() and not told.transformer.img_in.weight.grad
    nn.init.normal_(head.project.weight)
    singles = []
    for i in range(4):
        edit = i == 1
        one = {name: value[[i]] for name, value in batch.items() if name in ("latents", "disparity", "level", "noise")}
        one |= {"texts": [batch["texts"][i]], "edits": [0] if edit else [], "image_layout": batch["image_layout"][[i]]}
        one |= {name: batch[name] if edit else batch[name][:0] for name in ("sources", "reference_latents")}
        singles.append(told.loss(one)[1]["loss_image_layout"])
    torch.testing.assert_close(told.loss(batch)[1]["loss_image_layout"], torch.stack(singles).mean())
    # The error counts for more where the sample's own objects are.
    batch["level"] = torch.tensor([0.05, 0.15, 0.25, 0.35])
    plain, metrics = told.loss(batch)
    told.options.image_object_weight = 5.0
    batch["cells"] = torch.zeros(4, SIZE // 8, SIZE // 8, dtype=torch.bool)
    batch["cells"][1] = True
    torch.testing.assert_close(told.loss(batch)[0] - plain, 4 / 4 * metrics["loss_t/0.1-0.2"])
    cells = told.batch([0, len(data), 2, 3], [torch.Generator().manual_seed(i) for i in range(4)])["cells"]
    assert torch.equal(cells, covered(scenes, SIZE // 8, SIZE // 8))
