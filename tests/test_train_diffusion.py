"""The diffusion stage: its samples, its loss, what it trains and what it writes."""

from __future__ import annotations

import copy
import dataclasses
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from PIL import Image
from safetensors.torch import load_file
from tiny import CONFIG, SIZE
from torch import Tensor

from spatialfusion import SpatialFusionPipeline
from spatialfusion.backbones.qwen_image import (
    BACKBONE,
    TINY_SHIFT,
    last_states,
    token_grid,
    velocity,
)
from spatialfusion.data import rendered
from spatialfusion.data.rendered import VALIDATION_SEED, RenderedScenes, render_folder
from spatialfusion.errors import InputError
from spatialfusion.latents import decode_latents, encode_latents
from spatialfusion.model.model import SpatialFusionModel
from spatialfusion.model.region_words import RegionWords, paint, words_embedding
from spatialfusion.scenes.captions import describe
from spatialfusion.scenes.render import instances
from spatialfusion.tiny import diffusion
from spatialfusion.tiny.diffusion import (
    DiffusionStage,
    cached_latents,
    draw_samples,
)
from spatialfusion.train.config import MixConfig
from spatialfusion.train.data_stage import data_folders
from spatialfusion.train.layout import CLASSES, MAPS, covered, layouts
from spatialfusion.train.noise_levels import draw_noise_levels, shift_level
from spatialfusion.train.optim import Optimizers
from spatialfusion.train.transformer import load_transformer

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run(tiny_folder, tmp_path_factory) -> Path:
    """A run folder with images and all earlier components."""
    run = tmp_path_factory.mktemp("run")
    for part in ("vae", "text_encoder", "tokenizer", "image_processor"):
        shutil.copytree(tiny_folder / part, run / "model" / part)
    for folder, count, seed in zip(data_folders(CONFIG, run), (12, 8), (0, VALIDATION_SEED), strict=True):
        render_folder(folder, count, (SIZE, SIZE), 0.5, seed)
    return run


@pytest.fixture
def stage(run) -> DiffusionStage:
    config = copy.deepcopy(CONFIG)
    config.model.diffusion.layers = 2
    torch.manual_seed(0)
    return DiffusionStage(config, run, CPU)


def generators(count: int, seed: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(1000 * seed + i) for i in range(count)]


def errors_of(stage: DiffusionStage, batch: dict) -> Tensor:
    """Of every sample [B]."""
    return stage.error_maps(batch).mean(dim=(1, 2))


def stir(stage: DiffusionStage) -> None:
    """Leave no layer at zero: behind one, nothing gets a gradient."""
    torch.manual_seed(1)
    for parameter in stage.transformer.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)


def test_a_batch_follows_from_indices_and_generators(stage):
    indices = [3, 0, 7, 5, 9, 1, 2, 11]
    first, again = (stage.batch(indices, generators(8)) for _ in range(2))
    other = stage.batch(indices, generators(8, seed=1))
    for name, value in first.items():
        same = torch.equal(value, again[name]) if isinstance(value, Tensor) else value == again[name]
        assert same, name
    assert not torch.equal(first["noise"], other["noise"]) and first["texts"] != other["texts"]
    # A sample does not depend on its neighbours.
    part = stage.batch(indices[4:], generators(8)[4:])
    for target in (9, 1):
        row, whole = part["targets"].index(target), first["targets"].index(target)
        for name in ("noise", "level", "has_depth"):
            assert torch.equal(part[name][row], first[name][whole]), name


def test_samples_come_in_the_order_of_their_texts(stage):
    batch = stage.batch([3, 0, 7, 5, 9, 1, 2, 11], generators(8))
    lengths = [len(text) for text in batch["texts"][:6]]
    assert lengths == sorted(lengths) and len(set(lengths)) > 2
    for text, target in zip(batch["texts"][:6], batch["targets"]):
        names = [f"{thing.color} {thing.kind}" for thing in stage.data.scenes[target].objects]
        assert not text or any(name in text for name in names)


def test_the_last_samples_are_edits_of_their_source(stage):
    indices = list(range(8))
    batch = stage.batch(indices, generators(8))
    pairs = stage.data.edits
    assert len(pairs) == 3 and len(batch["references"]) == len(batch["sources"]) == 2
    for row, index in enumerate(indices[6:]):
        source, target, _ = pairs[index % len(pairs)]
        assert torch.equal(batch["references"][row], stage.latents[source].float())
        assert torch.equal(batch["sources"][row], stage.data.images[source])
        assert torch.equal(batch["latents"][6 + row], stage.latents[target].float())
    assert sorted(batch["targets"][:6]) == indices[:6]
    assert torch.equal(batch["latents"][:6], stage.latents[batch["targets"][:6]].float())
    assert len(stage.batch([0], generators(1))["references"]) == 0


def test_parts_without_an_edit_are_refused(run):
    config = copy.deepcopy(CONFIG)
    config.diffusion.batch, config.diffusion.accumulate = 64, 32
    with pytest.raises(InputError, match=r"32 x 1 parts leaves 2 samples a part, .* expected at least 3 samples"):
        DiffusionStage(config, run, CPU)
    config.diffusion.edit_fraction = 0.0
    DiffusionStage(config, run, CPU)


def test_latents_of_images_that_came_later_are_added(tmp_path, monkeypatch):
    monkeypatch.setattr(rendered, "SHARD", 4)
    encoded = []

    def encode(images: Tensor) -> Tensor:
        encoded.append(len(images))
        return images[:, :, ::8, ::8]

    for count, expected in ((4, [4]), (8, [4, 4]), (8, [4, 4])):
        render_folder(tmp_path, count, (SIZE, SIZE), 0.5, 0)
        data = RenderedScenes(tmp_path)
        latents = data.latents(encode, "abc")
        assert encoded == expected
        torch.testing.assert_close(latents, (data.images[:, :, ::8, ::8].float() / 255).half())


def test_captions_are_dropped_as_often_as_asked(stage):
    def empty(dropout: float) -> int:
        indices = [i % len(stage) for i in range(300)]
        batch = draw_samples(
            stage.data, stage.latents, indices, 150, generators(300), MixConfig(caption_dropout=dropout)
        )
        halves = batch["texts"][:150], batch["texts"][150:]
        return [sum(text == "" for text in half) for half in halves]

    assert empty(0.0) == [0, 0]
    assert all(30 < count < 60 for count in empty(0.3))


def test_noise_levels_lean_to_high_noise_and_leave_none_out():
    levels = draw_noise_levels(generators(4000))
    assert 0 < levels.min() and levels.max() < 1
    assert abs(levels.median() - 1 / (1 + math.exp(-TINY_SHIFT))) < 0.02
    assert 0.015 < (levels < 0.2).float().mean() < 0.06
    t = torch.tensor([0.1, 0.5, 0.9])
    torch.testing.assert_close(shift_level(t), math.exp(TINY_SHIFT) / (math.exp(TINY_SHIFT) + 1 / t - 1))


def test_a_share_of_the_noise_levels_stands_near_pure_noise_and_the_others_stay():
    levels, usual = draw_noise_levels(generators(4000), 0.4), draw_noise_levels(generators(4000))
    moved = levels != usual
    assert 0.37 < moved.float().mean() < 0.43
    assert levels.max() < 1 and abs(levels[moved].median() - 0.982) < 0.003
    assert (levels[moved] > 0.9).float().mean() > 0.95


def test_the_layout_is_told_of_each_target(stage, run):
    stage.options.layout_weight = 0.5
    asked = DiffusionStage(dataclasses.replace(stage.config, diffusion=stage.options), run, CPU)
    indices = [3, 0, 7, 5, 9, 1, 2, 11]
    batch = asked.batch(indices, generators(8))
    targets = batch["targets"]
    side = SIZE // 16
    assert torch.equal(batch["layout"], layouts([asked.data.scenes[i] for i in targets], side, side))
    loss, metrics = asked.loss(batch)
    uniform = MAPS * torch.tensor(CLASSES).log().sum()
    torch.testing.assert_close(metrics["loss_layout"], uniform)  # a new head gives all classes the same chance
    torch.testing.assert_close(loss, asked.error_maps(batch).mean() + 0.5 * uniform)
    # Without zeros on its way the gradient reaches the blocks, and only the target's tokens have one.
    stir(asked)
    torch.nn.init.normal_(asked.trained["layout"].project.weight)
    with last_states(asked.transformer) as states:
        asked.error_maps(batch)
    assert [len(part) for part in states] == [2, 2, 2, 2] and states[3].shape[
        1
    ] == 2 * side**2  # with a source's tokens
    numbered = torch.arange(2.0 * side**2)[None, :, None]  # the target's tokens row by row, then the source's
    assert torch.equal(token_grid([numbered], batch["latents"])[0, 0], torch.arange(1.0 * side**2).view(side, side))
    asked.trained["layout"].loss(token_grid(states, batch["latents"]), batch["layout"]).backward()
    assert asked.transformer.transformer_blocks[0].attn.to_q.weight.grad.any()
    _, adamw = asked.parameter_groups()
    assert any(p is asked.trained["layout"].project.weight for p in adamw)
    asked.export(run / "told")
    assert not [
        name for name in load_file(run / "told/transformer/diffusion_pytorch_model.safetensors") if "layout" in name
    ]


def test_errors_weigh_more_on_objects_where_it_is_plain_where_they_are(stage):
    indices = [3, 0, 7, 5, 9, 1, 2, 11]
    plain, _ = stage.loss(stage.batch(indices, generators(8)))
    stage.options.object_weight = 3.0
    batch = stage.batch(indices, generators(8))
    targets = batch["targets"]
    assert torch.equal(batch["cells"], covered([stage.data.scenes[i] for i in targets], SIZE // 8, SIZE // 8))
    assert 0 < batch["cells"].float().mean() < 1
    batch["level"] = torch.tensor([0.0, 0.2, 0.5, 0.75, 0.9, 1.0, 0.3, 0.6])
    weight = torch.tensor([3.0, 3.0, 3.0, 2.0, 1.4, 1.0, 3.0, 2.6])[:, None, None]
    squares = (batch["noise"] - batch["latents"]).square().mean(dim=1)  # a new network predicts 0
    loss, metrics = stage.loss(batch)
    torch.testing.assert_close(loss, torch.where(batch["cells"], weight * squares, squares).mean())
    # What is reported stays the plain error.
    torch.testing.assert_close(metrics["loss_edit"], squares[6:].mean())
    torch.testing.assert_close((6 * metrics["loss_text"] + 2 * metrics["loss_edit"]) / 8, plain)


def test_an_untrained_network_predicts_nothing_and_the_loss_is_that_of_the_velocity(stage):
    batch = stage.batch(list(range(8)), generators(8))
    loss, metrics = stage.loss(batch)
    target = batch["noise"] - batch["latents"]
    errors = target.square().mean(dim=(1, 2, 3))
    torch.testing.assert_close(errors_of(stage, batch), errors)
    torch.testing.assert_close(loss, errors.mean())
    torch.testing.assert_close(metrics["loss_edit"], errors[6:].mean())
    bins = {name: value for name, value in metrics.items() if name.startswith("loss_t/")}
    assert len(bins) == 10
    index = min(9, int(10 * batch["level"][0]))
    chosen = [i for i in range(8) if int(10 * batch["level"][i]) == index]
    torch.testing.assert_close(bins[f"loss_t/{index / 10:.1f}-{(index + 1) / 10:.1f}"], errors[chosen].mean())


def test_text_and_image_reach_the_prediction(stage):
    stir(stage)
    batch = stage.batch(list(range(8)), generators(8))
    expected = errors_of(stage, batch)
    changed = errors_of(stage, batch | {"texts": ["a white cone", *batch["texts"][1:-1], "remove the cone"]})
    assert ((changed - expected).abs() > 5e-7).tolist() == [True, *[False] * 6, True]
    changed = errors_of(stage, batch | {"sources": 255 - batch["sources"]})
    assert ((changed - expected).abs() > 5e-7).tolist() == [*[False] * 6, True, True]
    changed = errors_of(stage, batch | {"references": -batch["references"]})
    assert ((changed - expected).abs() > 5e-7).tolist() == [*[False] * 6, True, True]


def test_what_is_trained_learns_and_only_block_matrices_go_to_muon(stage):
    stir(stage)
    muon, adamw = stage.parameter_groups()
    names = {parameter: name for name, parameter in stage.transformer.named_parameters()}
    assert {names[p] for p in muon} == {
        f"transformer_blocks.{i}.{module}.weight"
        for i in range(2)
        for module in (
            *(
                f"attn.{name}"
                for name in ("to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj")
            ),
            *("img_mlp.net.0.proj", "img_mlp.net.2"),
            *(("attn.to_add_out", "txt_mlp.net.0.proj", "txt_mlp.net.2") if i == 0 else ()),
        )
    }
    assert not {id(p) for p in muon} & {id(p) for p in adamw}
    trained = [p for p in stage.trained.parameters() if p.requires_grad]
    assert len(muon) + len(adamw) == len(trained)
    stage.loss(stage.batch(list(range(8)), generators(8)))[0].backward()
    without = [names[p] for p in trained if p.grad is None]
    assert without == [], "trained without a gradient"
    assert all(p.grad is None for p in stage.transformer.parameters() if not p.requires_grad)


def test_training_on_one_batch_lowers_its_loss(stage):
    batch = stage.batch(list(range(8)), generators(8))
    optimizers = Optimizers(*stage.parameter_groups(), stage.options)
    losses = []
    for step in range(30):
        loss, _ = stage.loss(batch)
        loss.backward()
        optimizers.step(100 + step)
        optimizers.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_compiled_blocks_learn_the_same(stage):
    stir(stage)
    batch = stage.batch(list(range(8)), generators(8))
    loss, _ = stage.loss(batch)
    loss.backward()
    expected = stage.transformer.transformer_blocks[0].attn.to_q.weight.grad.clone()
    stage.transformer.zero_grad()
    stage.transformer.compile_repeated_blocks(backend="aot_eager", dynamic=False)
    compiled, _ = stage.loss(batch)
    compiled.backward()
    torch.testing.assert_close(compiled, loss, atol=1e-5, rtol=1e-4)
    actual = stage.transformer.transformer_blocks[0].attn.to_q.weight.grad
    torch.testing.assert_close(actual, expected, atol=1e-6, rtol=1e-3)


def test_validation_is_repeatable_and_draws_a_sheet(stage, tmp_path, monkeypatch):
    stir(stage)
    monkeypatch.setattr(diffusion, "SHEET_STEPS", 2)
    figures = stage.validate(tmp_path, 5)
    assert figures == stage.validation_loss() and set(figures) == {
        "loss",
        *(f"loss_{name}{told}" for name in ("text", "edit") for told in ("", "_depth", "_regions")),
    }
    with Image.open(tmp_path / "sheet-5.png") as sheet:
        assert sheet.width > 4 * SIZE and np.asarray(sheet.convert("L")).std() > 10


def test_depth_is_read_through_columns_as_the_injection_reads_it(stage):
    stir(stage)
    torch.nn.init.normal_(stage.columns.weight, std=0.1)
    batch = stage.batch(list(range(8)), generators(8))
    residual = stage.adapter(batch["y"], batch["u"])[:6]
    context = stage.encoder.encode(["a red car"] * 6)
    inputs = batch["noise"][:6], [], batch["level"][:6], context.prompt_embeds, context.prompt_mask
    plain = velocity(stage.transformer, *inputs)
    with stage.columns.added(stage.transformer, residual):
        told = velocity(stage.transformer, *inputs)
    with BACKBONE.inject(stage.transformer, residual, stage.columns.delta(stage.transformer)):
        injected = velocity(stage.transformer, *inputs)
    torch.testing.assert_close(told, injected, atol=1e-5, rtol=1e-5)
    assert (told - plain).abs().max() > 1e-3
    with stage.columns.added(stage.transformer, torch.zeros_like(residual)):
        assert torch.equal(velocity(stage.transformer, *inputs), plain)


def test_so_many_samples_as_asked_have_depth_and_region_words(stage):
    stage.options = dataclasses.replace(stage.options, depth_fraction=0.6, region_fraction=0.5)
    indices = [i % len(stage) for i in range(200)]
    batch = stage.batch(indices, generators(200))
    told, regions = batch["has_depth"], batch["has_regions"]
    assert 100 < told.sum() < 140 and 40 < regions.sum() < 80
    assert not (regions & ~told).any()
    loss, metrics = stage.loss(stage.batch(indices[:8], generators(8)))
    assert {"loss_depth", "loss_no_depth"} <= set(metrics)
    loss.backward()
    assert stage.columns.weight.grad is not None


def test_exported_depth_reaches_the_pipeline(stage, run, tmp_path):
    stir(stage)
    torch.nn.init.normal_(stage.columns.weight, std=0.3)
    run = Path(shutil.copytree(run, tmp_path / "run"))
    stage.export(run / "model")
    model = SpatialFusionModel.load(run / "model")
    assert model.config.injection == "concat"
    delta = BACKBONE.load_backbone_tensors(stage.transformer, model.backbone_tensors)
    assert torch.equal(delta.weight, stage.columns.delta(stage.transformer).weight) and not delta.bias.any()
    again = DiffusionStage(stage.config, run, CPU)
    assert torch.equal(again.columns.weight, stage.columns.weight)
    for name, tensor in stage.adapter.state_dict().items():
        assert torch.equal(tensor, again.adapter.state_dict()[name]), name


def test_the_model_of_a_run_draws_from_a_scene_before_stage_1(stage, run, tmp_path):
    run = Path(shutil.copytree(run, tmp_path / "run"))
    stage.export(run / "model")
    pipe = SpatialFusionPipeline.from_pretrained(run / "model")
    output = pipe("a red cube", scene="auto", num_inference_steps=1, output_type="pt")
    assert output.images.isfinite().all() and output.plans[0].names == ("red cube",)


def test_export_can_be_loaded_and_draws_the_same(stage, tmp_path):
    stir(stage)
    stage.export(tmp_path)
    loaded = load_transformer(tmp_path, CPU)
    for name, tensor in stage.transformer.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name
    assert sorted(path.name for path in (tmp_path / "transformer").iterdir()) == [
        "config.json",
        "diffusion_pytorch_model.safetensors",
    ]
    config = FlowMatchEulerDiscreteScheduler.from_pretrained(tmp_path / "scheduler").config
    assert config.base_shift == config.max_shift == TINY_SHIFT and not config.shift_terminal


def test_latents_are_encoded_once_and_can_be_decoded(run, stage):
    vae, latents = cached_latents(run, stage.data, CPU)
    images = stage.data.images[:2].float() / 255
    torch.testing.assert_close(latents[:2].float(), encode_latents(vae, images), atol=2e-3, rtol=2e-3)
    assert decode_latents(vae, latents[:2].float()).shape == images.shape
    files = list((data_folders(stage.config, run)[0]).glob("latents-*"))
    assert len(files) == 1
    before = files[0].stat().st_mtime_ns
    cached_latents(run, stage.data, CPU)
    assert files[0].stat().st_mtime_ns == before


def test_a_missing_component_is_named(run, tmp_path):
    with pytest.raises(InputError, match="transformer"):
        load_transformer(run / "model", CPU)
    for folder in data_folders(CONFIG, tmp_path):
        shutil.copytree(data_folders(CONFIG, run)[0], folder)
    with pytest.raises(InputError, match="autoencoder"):
        DiffusionStage(CONFIG, tmp_path, CPU)
    shutil.copytree(run / "model" / "vae", tmp_path / "model" / "vae")
    with pytest.raises(InputError, match="text_encoder"):
        DiffusionStage(CONFIG, tmp_path, CPU)


def test_each_object_is_told_in_its_own_words_where_it_is_seen(stage):
    index = next(i for i, scene in enumerate(stage.data.scenes) if len(scene.objects) > 1)
    scene = stage.data.scenes[index]
    batch = stage.batch([index], generators(1))
    painted = paint(batch["seen"], stage.thing_embeddings)[0]
    seen = instances([scene], painted.shape[:0:-1])[0]
    for number, thing in enumerate(scene.objects):
        wanted = words_embedding(stage.encoder.encode([describe(thing)]))[0]
        for cell in (seen == number).nonzero().tolist():
            torch.testing.assert_close(painted[:, cell[0], cell[1]], wanted, atol=1e-5, rtol=1e-5)
    assert not painted[:, seen < 0].any()
    # The same as the pipeline paints of a plan of the scene.
    embeds = words_embedding(stage.encoder.encode([describe(thing) for thing in scene.objects]))
    torch.testing.assert_close(RegionWords(seen, embeds).painted(seen.shape), painted, atol=1e-5, rtol=1e-5)


def test_region_words_come_to_a_model_that_has_read_depth_alone(stage, run, tmp_path):
    """Beside what it has learnt of depth, which stays."""
    stir(stage)
    torch.nn.init.normal_(stage.columns.weight, std=0.1)
    config = copy.deepcopy(CONFIG)
    config.diffusion.region_fraction = 0
    alone = DiffusionStage(config, run, CPU)
    stir(alone)
    torch.nn.init.normal_(alone.columns.weight, std=0.1)
    shutil.copytree(run / "model", tmp_path / "run" / "model")
    for name in ("data",):
        shutil.copytree(run / name, tmp_path / "run" / name)
    alone.export(tmp_path / "run" / "model")
    config.diffusion.region_fraction = 0.5
    config.init = "somewhere"
    both = DiffusionStage(config, tmp_path / "run", CPU)
    batch = alone.batch(list(range(8)), generators(8))
    old = alone.adapter(batch["y"], batch["u"])
    new = both.adapter(batch["y"], batch["u"])
    assert torch.equal(new[:, : old.shape[1]], old) and not new[:, old.shape[1] :].any()
    assert torch.equal(both.columns.weight[:, : alone.columns.weight.shape[1]], alone.columns.weight)
    assert both.model.config.region_width and both.model.config.residual_channels == 2 * old.shape[1]
    both.export(tmp_path / "run" / "model")
    loaded = SpatialFusionModel.load(tmp_path / "run" / "model")
    assert torch.equal(loaded.adapter.words.weight, both.adapter.words.weight)
    assert loaded.config.projection_shape[1] == 3 * both.transformer.img_in.in_features


def test_region_words_get_gradients(stage):
    stir(stage)
    torch.nn.init.normal_(stage.columns.weight, std=0.1)
    batch = stage.batch(list(range(8)), generators(8))
    batch["has_depth"][:] = batch["has_regions"][:] = True
    stage.loss(batch)[0].backward()
    assert stage.adapter.words.weight.grad.abs().max() > 0
    told = stage.error_maps(batch)
    batch["has_regions"][:4] = False
    some = stage.error_maps(batch)
    del batch["seen"]
    none = stage.error_maps(batch)
    assert torch.allclose(some[:4], none[:4], atol=1e-6) and torch.allclose(some[4:], told[4:], atol=1e-6)
    assert (told - none).flatten(1).abs().amax(dim=1).min() > 1e-6
