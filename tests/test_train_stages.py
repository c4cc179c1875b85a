"""Every stage of the smoke preset, one after another, interrupted and resumed."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from spatialfusion.data.rendered import RenderedScenes
from spatialfusion.errors import InputError
from spatialfusion.model.state import restore_fov
from spatialfusion.scenes.answers import numbers_answer
from spatialfusion.scenes.captions import POSES, caption, egocentric_caption, plain_caption, pose_caption
from spatialfusion.scenes.descriptions import full_caption
from spatialfusion.scenes.sample import sample_scene
from spatialfusion.scenes.statements import RELATIONS, propose
from spatialfusion.train.__main__ import STAGES
from spatialfusion.train.config import MixConfig, TrainConfig, load_config
from spatialfusion.train.data_stage import prepare_data
from spatialfusion.train.engine import make_accelerator, train_stage
from spatialfusion.train.layout import CELLS, CLASSES, MAPS, covered, layouts
from spatialfusion.train.samples import draw_caption


class KilledError(Exception):
    pass


def smoke(run: Path, **options: str) -> TrainConfig:
    return load_config("smoke", {"run": str(run), "device": "cpu", "precision": "fp32", **options})


def train(name: str, run: Path, killed_at: int | None = None) -> None:
    """Train one stage; with `killed_at`, lose the process's state in the middle of that step."""
    stage_class = STAGES[name].load()
    if killed_at is not None:

        class Killed(stage_class):
            calls = -1  # the pass before training is not counted

            def loss(self, batch):
                type(self).calls += 1
                if self.calls > killed_at:
                    raise KilledError
                return super().loss(batch)

        stage_class = Killed
    config = smoke(run)
    train_stage(stage_class, config, make_accelerator(config))


def weights(run: Path, name: str) -> dict[str, dict[str, torch.Tensor]]:
    """All tensors of the stage's last checkpoint, and of the model that it exported, by file."""
    checkpoint = max((run / name / "checkpoints").glob("step-*"))
    files = [*checkpoint.glob("*.safetensors"), *(run / "model").rglob("*.safetensors")]
    return {str(file.relative_to(run)): load_file(file) for file in files}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A run folder in which every stage was interrupted once and finished; `<stage>.whole` ran through."""
    run = tmp_path_factory.mktemp("smoke") / "run"
    prepare_data(smoke(run), run)
    for name in STAGES:
        whole = run.with_name(f"{name}.whole")
        shutil.copytree(run, whole)
        train(name, whole)
        with pytest.raises(KilledError):
            train(name, run, killed_at=6)
        assert max((run / name / "checkpoints").glob("step-*")).name.endswith("4")
        train(name, run)
    return run


@pytest.mark.parametrize("name", STAGES)
def test_an_interrupted_stage_ends_with_the_same_bits(finished, name):
    expected, actual = weights(finished.with_name(f"{name}.whole"), name), None
    # Later stages export into the same model folder, so the resumed run is compared by its checkpoint.
    actual = weights(finished, name)
    compared = [file for file in expected if file.startswith(name)]
    assert len(compared) == 3
    for file in compared:
        assert expected[file].keys() == actual[file].keys()
        for key, tensor in expected[file].items():
            assert torch.equal(tensor, actual[file][key]), f"{file}: {key}"


def test_the_trained_model_is_a_pipeline(finished):
    from spatialfusion.pipeline import SpatialFusionPipeline

    pipe = SpatialFusionPipeline.from_pretrained(finished / "model")
    pipe.set_progress_bar_config(disable=True)
    assert pipe.spatialfusion.backbone_tensors
    output = pipe("a red car", num_inference_steps=2, depth_steps=2, generator=torch.Generator().manual_seed(0))
    assert output.images[0].size == (64, 64)
    assert output.geometry.depth.shape == (1, 64, 64)


def test_shares_of_captions_say_what_they_are_to():
    mix = MixConfig(full_fraction=0.2, plain_fraction=0.2, egocentric_fraction=0.2, pose_fraction=0.3)
    # Each share is what its own words say, for the same draws of chance.
    turned = next(s for s in map(sample_scene, range(99)) if any(said.domain == "object_pose" for said in propose(s)))
    kinds = Counter()
    for seed in range(300):
        first, again = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
        said = draw_caption(turned, mix, first)
        drawn = torch.rand((), generator=again).item()
        writers = (
            (full_caption, 0.2),
            (plain_caption, 0.4),
            (egocentric_caption, 0.6),
            (pose_caption, 0.9),
            (caption, 1),
        )
        writer = next(write for write, limit in writers if drawn < limit)
        assert said == writer(turned, again)
        kinds[writer.__name__] += 1
    assert min(kinds.values()) > 10 and len(kinds) == 5 and kinds["pose_caption"] == max(kinds.values())


def test_a_share_of_the_prompts_is_answered_with_the_scene_of_the_target(finished):
    config = smoke(finished, **{"data.mix.answer_fraction": "0.5", "data.mix.caption_dropout": "0.2"})
    stage = STAGES["stage1"].load()(config, finished, torch.device("cpu"))
    count = len(stage.data.data)
    drawn = [stage.data.draw(count, torch.Generator().manual_seed(i)) for i in range(200)]  # an edit
    _, target, _ = stage.data.data.edits[0]
    answers = [answer for _, _, _, answer in drawn]
    assert set(answers) == {"", numbers_answer(stage.data.data.scenes[target])}
    assert 50 < sum(map(bool, answers)) < 110
    assert not any(answer for _, _, text, answer in drawn if not text)
    # The LLM reads it behind the prompt, and the diffusion model does not.
    batch = stage.batch([0, 1, count], [torch.Generator().manual_seed(i) for i in range(3)])
    batch["answers"] = [numbers_answer(stage.data.data.scenes[0]), "", ""]
    answered, alone = stage.encode(batch), stage.encode({**batch, "answers": None})
    assert answered.mask[0].sum() > alone.mask[0].sum() + 20
    assert torch.equal(answered.mask[1:].sum(1), alone.mask[1:].sum(1))
    assert torch.equal(answered.prompt_mask, alone.prompt_mask)


def test_a_pose_caption_says_which_way_something_is_turned():
    domains = Counter()
    for seed in range(300):
        scene = sample_scene(seed)
        said = pose_caption(scene, torch.Generator().manual_seed(seed)).statements
        domains.update(statement.domain for statement in said)
        assert bool(said) == any(statement.domain in POSES for statement in propose(scene))
    assert set(domains) == set(POSES) and set(POSES) < set(RELATIONS)


def with_four_scenes(name, config, finished):
    """A stage, a batch of four samples, and the scenes that their images show; the second is an edit."""
    stage = STAGES[name].load()(config, finished, torch.device("cpu"))
    data = stage.data.data
    batch = stage.batch([0, len(data), 2, 3], [torch.Generator().manual_seed(i) for i in range(4)])
    return stage, batch, [data.scenes[i] for i in (0, data.edits[0][1], 2, 3)]


def test_the_layout_is_told_of_the_target_and_its_head_not_exported(finished):
    config = smoke(finished, **{"stage1.layout_weight": "1"})
    stage, batch, scenes = with_four_scenes("stage1", config, finished)
    expected = layouts(scenes, 4, 4)
    assert expected.unique().numel() > 3
    assert torch.equal(batch["layout"], expected)
    total, metrics = stage.loss(batch)
    # A new head gives all classes the same chance.
    uniform = MAPS * torch.tensor(CLASSES).log().sum()
    torch.testing.assert_close(metrics["loss_layout"], uniform)
    stage.options.layout_weight = 0.0
    torch.testing.assert_close(total - stage.loss(batch)[0], uniform)
    exported = load_file(finished / "model" / "spatialfusion.safetensors")
    assert not [name for name in exported if "layout" in name]


def test_the_diffusion_model_tells_the_layout_in_stage_2(finished):
    config = smoke(finished, **{"stage2.image_layout_weight": "0.5"})
    stage, batch, scenes = with_four_scenes("stage2", config, finished)
    assert torch.equal(batch["image_layout"], layouts(scenes, 4, 4))
    total, metrics = stage.loss(batch)
    head = stage.trained["image_layout"]
    stage.options.image_layout_weight = 0.0
    plain = stage.loss(batch)[0]
    stage.options.image_layout_weight = 0.5
    torch.testing.assert_close(total - plain, 0.5 * metrics["loss_image_layout"])
    # Samples are told apart: one whose layout is right by the bias alone lowers the loss by its share.
    batch["image_layout"] = torch.zeros_like(batch["image_layout"])
    batch["image_layout"][0] = 1
    torch.nn.init.constant_(head.project.bias, 0.0)
    with torch.no_grad():
        logits = head.project.bias.unflatten(0, (MAPS, sum(CLASSES), CELLS**2))
        logits[:, [0, CLASSES[0], CLASSES[0] + CLASSES[1]]] = 50.0
    torch.testing.assert_close(stage.loss(batch)[1]["loss_image_layout"], torch.tensor(0.25 * 3 * MAPS * 50.0))


def test_errors_of_the_image_weigh_more_on_objects_in_stage_2(finished):
    stage = STAGES["stage2"].load()(smoke(finished), finished, torch.device("cpu"))
    batch = one_noise_bin_each(stage)
    plain, metrics = stage.loss(batch)
    stage.options.image_object_weight = 5.0
    batch["cells"] = torch.zeros(4, 8, 8, dtype=torch.bool)
    batch["cells"][1] = True  # the edit, which is called apart
    torch.testing.assert_close(stage.loss(batch)[0] - plain, 4 / 4 * metrics["loss_t/0.1-0.2"])
    data = stage.data.data
    scenes = [data.scenes[i] for i in (0, data.edits[0][1], 2, 3)]
    assert torch.equal(one_noise_bin_each(stage)["cells"], covered(scenes, 8, 8))


def one_noise_bin_each(stage) -> dict:
    """A batch of four samples, the second an edit, whose image errors can be told apart by their level of noise."""
    generators = [torch.Generator().manual_seed(i) for i in range(4)]
    return stage.batch([0, len(stage.data.data), 2, 3], generators) | {"level": torch.tensor([0.05, 0.15, 0.25, 0.35])}


def test_depth_may_be_learnt_from_some_samples_of_stage_2_alone(finished):
    stage = STAGES["stage2"].load()(smoke(finished), finished, torch.device("cpu"))
    count = len(stage.data.data)
    indices = [0, count, count + 2, 3, count + 1, 5, 6, 7]  # the second, third and fifth are edits
    batch = stage.batch(indices, [torch.Generator().manual_seed(i) for i in range(8)])
    batch |= {"t": torch.full((8,), 0.3), "has_depth": torch.ones(8, dtype=torch.bool)}
    few = stage.batch([0, count + 1], [torch.Generator().manual_seed(i) for i in (0, 4)]) | {"t": torch.full((2,), 0.3)}
    stage.options.depth_every = 4
    _, metrics = stage.loss(batch)
    _, expected, estimate = stage.depth_loss(few, stage.encode(few))
    for name in ("loss_depth", "loss_validity", "loss_fov", "loss_detail"):
        torch.testing.assert_close(metrics[name], expected[name])
    # The adapter is given what was estimated of these, and the teacher's depth of the others.
    torch.nn.init.normal_(stage.model.adapter.out.weight)
    residual = stage.residual(batch, [0, 4], estimate)
    teacher = stage.model.adapter(batch["y"], restore_fov(batch["u"], stage.model.config))
    others = [1, 2, 3, 5, 6, 7]
    depth = slice(stage.model.config.latent_channels)
    torch.testing.assert_close(residual[others, depth], teacher[others, depth])
    # Every other of the samples with exact depth is also told what is where.
    told = residual[:, depth.stop :].any(dim=1)
    assert torch.equal(told[[1, 3, 6]], batch["seen"][[1, 3, 6]] > 0) and told[[1, 3, 6]].any()
    assert not told[[0, 2, 4, 5, 7]].any()
    x0, u0, features = estimate
    y0 = stage.model.depth_head.refine(x0, features, batch["y"].shape[-1] // x0.shape[-1])
    expected = stage.model.adapter(y0, restore_fov(u0, stage.model.config))
    # Convolutions of two samples round otherwise than of eight.
    torch.testing.assert_close(residual[[0, 4]], expected, rtol=1e-4, atol=2e-4)
    assert (residual[[0, 4]] - teacher[[0, 4]]).abs().amax(dim=(1, 2, 3)).min() > 1e-3


def test_the_source_encoder_learns_the_depth_of_its_own_image(finished):
    config = smoke(finished, **{"stage1.source_weight": "0.5"})
    stage = STAGES["stage1"].load()(config, finished, torch.device("cpu"))
    count = len(stage.data.data)
    indices = [0, count, count + 2, 3]  # the second and the third are edits
    batch = stage.batch(indices, [torch.Generator().manual_seed(i) for i in range(4)])
    sources = [stage.data.data.edits[i][0] for i in (0, 2)]
    y, u = stage.clean(stage.data.data.geometry(sources))
    assert torch.equal(batch["source_y"], y) and torch.equal(batch["source_u"], u)
    total, metrics = stage.loss(batch)
    stage.options.source_weight = 0.0
    torch.testing.assert_close(total - stage.loss(batch)[0], 0.5 * metrics["loss_source"])
    # What is told exactly costs nothing; what is a unit too far costs one of depth, and less of validity.
    head, p = stage.trained["source"], stage.model.config.patch_size
    features = torch.zeros(2, stage.model.source_encoder.config.hidden_size, 4, 4)
    for parameter in head.parameters():
        torch.nn.init.zeros_(parameter)
    flat = torch.zeros(2, 2, 8 * p, 8 * p)
    assert head.loss(features, flat, torch.zeros(2), 0.3) == 0
    torch.testing.assert_close(head.loss(features, flat + 1, torch.full((2,), 2.0), 0.3), torch.tensor(1 + 0.3 + 4))
    # A linear map over the encoder learns it, the encoder with it; it is not exported.
    optimizer = torch.optim.AdamW([*head.parameters(), *stage.model.source_encoder.parameters()], 3e-3)
    seen = []
    for _ in range(20):
        optimizer.zero_grad()
        features = stage.model.encode_source(batch["sources"])
        loss = head.loss(features, y, u, 0.3)
        loss.backward()
        optimizer.step()
        seen.append(loss.item())
    assert seen[-1] < 0.7 * seen[0]
    exported = load_file(finished / "model" / "spatialfusion.safetensors")
    assert not [name for name in exported if name.startswith("source.")]
    # Without an edit there is nothing to tell.
    plain = stage.batch([0, 3], [torch.Generator().manual_seed(i) for i in range(2)])
    assert "source_y" not in plain and stage.loss(plain)[1]["loss_source"] == 0


def test_every_stage_leaves_a_validation_sheet(finished):
    for name in STAGES:
        assert list((finished / name / "validation").glob("sheet-*.png")), name


def test_a_stage_without_its_forerunner_says_which_is_missing(tmp_path, finished):
    run = tmp_path / "run"
    shutil.copytree(finished / "data", run / "data")
    with pytest.raises(InputError, match="vae"):
        train("diffusion", run)
    with pytest.raises(InputError, match="text_encoder"):
        train("stage1", run)


def test_rendering_goes_on_where_it_was_broken_off(finished):
    folder = finished / "data" / "train"
    before = RenderedScenes(folder)
    shard = before.shards[0].with_suffix(".safetensors")
    images = before.images.clone()
    before.shards[0].unlink()
    prepare_data(smoke(finished), finished)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(RenderedScenes(folder).images, images)
        assert RenderedScenes(folder).depth.dtype == torch.float16
    assert shard.exists()
    assert len(RenderedScenes(folder).scenes) == len(before)


@pytest.mark.parametrize("name", ["stage1", "stage2"])
def test_noise_on_keys_and_values_is_for_training_alone(finished, name, tmp_path):
    def stage(noise: float):
        config = load_config("smoke", {"run": str(finished), "device": "cpu", f"{name}.kv_noise": str(noise)})
        return STAGES[name].load()(config, finished, torch.device("cpu"))

    def batch(stage, seed: int = 0):
        return stage.batch([0, 1], [torch.Generator().manual_seed(seed + i) for i in range(2)])

    plain, noised = stage(0.0), stage(0.5)
    first, again = batch(plain), batch(noised)
    # Without noise nothing more is drawn, so older runs go on as they were.
    assert "kv_seeds" not in first and again.keys() - first.keys() == {"kv_seeds"}
    assert torch.equal(plain.encode(first).keys[0], noised.encode(again).keys[0])
    assert plain.encode_noised(first).keys[0].equal(plain.encode(first).keys[0])
    assert not noised.encode_noised(again).keys[0].equal(noised.encode(again).keys[0])
    with torch.no_grad():
        losses = [made.loss(given)[0] for made, given in ((plain, first), (noised, again), (noised, batch(noised)))]
    assert losses[0] != losses[1] and torch.equal(losses[1], losses[2])


def test_noise_below_zero_is_refused():
    with pytest.raises(InputError, match=r"stage1.kv_noise = -1.0 must not be negative"):
        load_config("smoke", {"stage1.kv_noise": "-1"})
