"""Every stage of the smoke preset, one after another, interrupted and resumed."""

from __future__ import annotations

import math
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from spatialfusion.data.rendered import RenderedScenes
from spatialfusion.depth_head import block_average
from spatialfusion.errors import InputError
from spatialfusion.model import SpatialFusionModel
from spatialfusion.scenes.captions import (
    POSES,
    caption,
    egocentric_caption,
    order_caption,
    plain_caption,
    pose_caption,
)
from spatialfusion.scenes.sample import sample_scene
from spatialfusion.scenes.statements import RELATIONS, propose
from spatialfusion.state import geometry_to_state, restore_fov
from spatialfusion.train.__main__ import _stage_class
from spatialfusion.train.config import STAGES, TrainConfig, load_config
from spatialfusion.train.data_stage import prepare_data
from spatialfusion.train.engine import make_accelerator, train_stage
from spatialfusion.train.layout import CELLS, CLASSES, MAPS, covered, layouts
from spatialfusion.train.samples import load_fixed, rare_orders


class KilledError(Exception):
    pass


def smoke(run: Path, **options: str) -> TrainConfig:
    return load_config("smoke", {"run": str(run), "device": "cpu", "precision": "fp32", **options})


def train(name: str, run: Path, killed_at: int | None = None) -> None:
    """Train one stage; with `killed_at`, lose the process's state in the middle of that step."""
    stage_class = _stage_class(name)
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
    for name in STAGES[1:]:
        whole = run.with_name(f"{name}.whole")
        shutil.copytree(run, whole)
        train(name, whole)
        with pytest.raises(KilledError):
            train(name, run, killed_at=6)
        assert max((run / name / "checkpoints").glob("step-*")).name.endswith("4")
        train(name, run)
    return run


@pytest.mark.parametrize("name", STAGES[1:])
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


def test_shares_of_captions_are_as_asked(finished):
    stage = _stage_class("stage1")(smoke(finished), finished, torch.device("cpu"))
    scene = next(s for s in map(sample_scene, range(100)) if len({thing.kind for thing in s.objects}) == 2)

    def share(plain: float, egocentric: float, words: str) -> float:
        """Of 100 captions, those that have one of the words."""
        stage.options.plain_fraction, stage.options.egocentric_fraction = plain, egocentric
        texts = [stage.data.write_caption(scene, torch.Generator().manual_seed(i)) for i in range(100)]
        return sum(re.search(words, text) is not None for text in texts) / len(texts)

    places = "left|right|front|behind|closer|nearer|farther|distant|foreground"
    assert share(0.0, 1.0, places) == 1
    assert share(1.0, 1.0, "closer|nearer|farther|distant|foreground") == 0  # plain captions do not say it so
    assert 0.3 < share(0.5, 0.5, places) < 1


def test_a_still_sample_is_a_picture_and_its_own_source(finished):
    stage = _stage_class("stage1")(smoke(finished), finished, torch.device("cpu"))
    last = len(stage.data) - 1  # an edit
    stage.data.options.still_fraction = 1.0
    samples = stage.data.load([0, 3, last], [torch.Generator().manual_seed(i) for i in range(3)])
    assert samples.texts == ["", "", ""] and samples.edits == [0, 1, 2]
    assert torch.equal(samples.sources, samples.images)
    assert torch.equal(samples.images[0] * 255, stage.data.data.images[0].float())
    stage.data.options.still_fraction = 0.5
    drawn = [stage.data.draw(0, torch.Generator().manual_seed(i)) for i in range(200)]
    still = sum(source is not None for _, source, _ in drawn)
    assert 70 < still < 130


def test_what_an_edit_changes_weighs_more(finished):
    plain, weighing = (
        _stage_class("stage1")(smoke(finished, **{"stage1.change_weight": weight}), finished, torch.device("cpu"))
        for weight in ("1", "5")
    )
    count = len(weighing.data)
    indices = [0, count - 1, count - 2]  # a caption and two edits

    def batch(stage):
        return stage.batch(indices, [torch.Generator().manual_seed(i) for i in range(3)])

    heavy = batch(weighing)
    assert "weights" not in batch(plain) and heavy["edits"] == [1, 2]
    weights = heavy["weights"]
    assert (weights[0] == 1).all() and weights.min() >= 1 and weights.max() <= 5
    samples = weighing.data.load(indices, [torch.Generator().manual_seed(i) for i in range(3)])
    apart = (samples.geometry.depth[1:] / samples.source_geometry.depth - 1).abs() > 0.2
    both = samples.geometry.valid[1:] & samples.source_geometry.valid
    assert (apart & both).any()
    # Cells all of whose pixels are farther apart than that weigh five times as much, those that are the same once.
    cells = torch.nn.functional.adaptive_avg_pool2d((apart & both).float(), weights.shape[1:])
    assert (weights[1:][cells == 1] == 5).all() and (cells == 1).any()
    same = samples.geometry.depth[1:] == samples.source_geometry.depth
    cells = torch.nn.functional.adaptive_avg_pool2d(same.float(), weights.shape[1:])
    assert (weights[1:][cells == 1] == 1).all() and (cells == 1).any()
    # And the loss is that of the weighted error.
    loss, metrics, (x0, _, _) = weighing.depth_loss(heavy, weighing.encode(heavy))
    unweighted, same_metrics, _ = weighing.depth_loss({k: v for k, v in heavy.items() if k != "weights"},
                                                      weighing.encode(heavy))  # fmt: skip
    factor = heavy["y"].shape[-1] // x0.shape[-1]
    error = (x0 - torch.nn.functional.avg_pool2d(heavy["y"], factor)) ** 2
    more = ((weights - 1)[:, None] * error).mean(dim=(2, 3)) * torch.tensor([1, weighing.options.validity_weight])
    expected = (more.sum(1) / heavy["t"].clamp_min(0.2)).mean()
    assert expected > 0
    torch.testing.assert_close(loss - unweighted, expected)
    assert torch.equal(metrics["loss_depth"], same_metrics["loss_depth"])


def test_rare_orders_in_depth_are_those_against_the_habit_of_a_pair():
    scenes = [sample_scene(seed) for seed in range(800)]
    orders: dict[int, tuple[str, str]] = {}
    for i, scene in enumerate(scenes):
        kinds = [thing.kind for thing in scene.objects]
        said = [s for s in propose(scene) if s.relation == "closer"]
        if said and len(kinds) == len(set(kinds)) == 2:
            orders[i] = kinds[said[0].subject], kinds[said[0].reference]
    found = rare_orders(scenes)
    assert 5 < len(found) < len(orders) / 3
    count = Counter(orders.values())
    assert set(found) == {i for i, (near, far) in orders.items() if count[near, far] < count[far, near]}
    words = "front|behind|closer|nearer|farther|distant|foreground"
    texts = [order_caption(scenes[i], torch.Generator().manual_seed(i)).text for i in found]
    assert all(re.search(words, text) for text in texts)


def test_shares_of_captions_say_where_things_are_and_which_way_they_are_turned(finished):
    shares = {"plain": 0.2, "egocentric": 0.3, "pose": 0.4}
    config = smoke(finished, **{f"stage1.{name}_fraction": str(share) for name, share in shares.items()})
    samples = _stage_class("stage1")(config, finished, torch.device("cpu")).data
    # Each share is what its own words say, for the same draws of chance.
    turned = next(s for s in map(sample_scene, range(99)) if any(said.domain == "object_pose" for said in propose(s)))
    kinds = Counter()
    for seed in range(300):
        first, again = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
        text = samples.write_caption(turned, first)
        drawn = torch.rand((), generator=again).item()
        name = "plain" if drawn < 0.2 else "egocentric" if drawn >= 0.7 else "pose" if drawn >= 0.3 else "any"
        writer = {"plain": plain_caption, "egocentric": egocentric_caption, "pose": pose_caption, "any": caption}[name]
        assert text == writer(turned, again).text
        kinds[name] += 1
    assert kinds["pose"] > kinds["egocentric"] > kinds["any"] > 10


def test_a_pose_caption_says_which_way_something_is_turned():
    domains = Counter()
    for seed in range(300):
        scene = sample_scene(seed)
        said = pose_caption(scene, torch.Generator().manual_seed(seed)).statements
        domains.update(statement.domain for statement in said)
        assert bool(said) == any(statement.domain in POSES for statement in propose(scene))
    assert set(domains) == set(POSES) and set(POSES) < set(RELATIONS)


def test_a_share_of_the_samples_shows_rare_orders(finished):
    config = smoke(finished, **{"stage1.rare_order_fraction": "0.5"})
    stage = _stage_class("stage1")(config, finished, torch.device("cpu"))
    stage.data.rare = [2]  # of eight pictures hardly a pair is there twice
    drawn = [stage.data.draw(0, torch.Generator().manual_seed(i)) for i in range(200)]
    assert {target for target, _, _ in drawn} == {0, 2} and all(source is None for _, source, _ in drawn)
    assert 70 < sum(target == 2 for target, _, _ in drawn) < 130


def test_the_layout_is_told_of_the_target_and_its_head_not_exported(finished):
    config = smoke(finished, **{"stage1.layout_weight": "1"})
    stage = _stage_class("stage1")(config, finished, torch.device("cpu"))
    data = stage.data.data
    scenes = [data.scenes[i] for i in (0, data.edits[0][1], 2, 3)]  # the second is an edit
    batch = stage.batch([0, len(data), 2, 3], [torch.Generator().manual_seed(i) for i in range(4)])
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
    stage = _stage_class("stage2")(config, finished, torch.device("cpu"))
    data = stage.data.data
    scenes = [data.scenes[i] for i in (0, data.edits[0][1], 2, 3)]  # the second is an edit
    batch = stage.batch([0, len(data), 2, 3], [torch.Generator().manual_seed(i) for i in range(4)])
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
    stage = _stage_class("stage2")(smoke(finished), finished, torch.device("cpu"))
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
    stage = _stage_class("stage2")(smoke(finished), finished, torch.device("cpu"))
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
    torch.testing.assert_close(residual[others], teacher[others])
    x0, u0, features = estimate
    y0 = stage.model.depth_head.refine(x0, features, batch["y"].shape[-1] // x0.shape[-1])
    expected = stage.model.adapter(y0, restore_fov(u0, stage.model.config))
    # Convolutions of two samples round otherwise than of eight.
    torch.testing.assert_close(residual[[0, 4]], expected, rtol=1e-4, atol=2e-4)
    assert (residual[[0, 4]] - teacher[[0, 4]]).abs().amax(dim=(1, 2, 3)).min() > 1e-3


def test_the_source_encoder_starts_anew_and_learns_depth_that_is_not_read_yet(finished, tmp_path):
    """Of an existing model too: another size, and until stage 1 a source says no more than none."""
    before = SpatialFusionModel.load(finished / "model")
    shutil.copytree(finished / "model", tmp_path / "model")
    sizes = {"model.spatial.source_hidden": "48", "model.spatial.source_layers": "3"}
    config = smoke(tmp_path, **sizes, **{"data.folder": str(finished / "data")})
    stage = _stage_class("source")(config, tmp_path, torch.device("cpu"))
    optimizer = torch.optim.AdamW(stage.trained.parameters(), 3e-3)
    batch = stage.batch([0, 1, 2, 3], [torch.Generator().manual_seed(i) for i in range(4)])
    seen = []
    for _ in range(30):
        optimizer.zero_grad()
        loss, metrics = stage.loss(batch)
        loss.backward()
        optimizer.step()
        seen.append(metrics)
    for name in ("depth", "validity", "fov", "layout"):
        assert seen[-1][f"loss_{name}"] < 0.8 * seen[0][f"loss_{name}"], name
    stage.export(tmp_path / "model")
    model = SpatialFusionModel.load(tmp_path / "model")
    assert model.source_encoder.config.hidden_size == 48 and model.source_encoder.config.num_hidden_layers == 3
    changed = "source_encoder.", "spatial_transformer.source_in."
    for key in [key for key in before.state_dict() if not key.startswith(changed)]:
        assert torch.equal(before.state_dict()[key], model.state_dict()[key]), key
    assert model.backbone_tensors.keys() == before.backbone_tensors.keys()
    features = model.encode_source(stage.data.data.images[:2].float() / 255)
    tokens = model.spatial_transformer._source_tokens(features, torch.ones(2, dtype=torch.bool), *features.shape[-2:])
    torch.testing.assert_close(tokens, model.spatial_transformer.source_null.expand_as(tokens))


def test_a_frozen_source_encoder_is_not_trained(finished):
    for value in ("false", "true"):
        config = smoke(finished, **{"stage1.freeze_source": value})
        stage = _stage_class("stage1")(config, finished, torch.device("cpu"))
        trained = {id(p) for group in stage.parameter_groups() for p in group}
        encoder = [id(p) in trained for p in stage.model.source_encoder.parameters()]
        assert all(encoder) if value == "false" else not any(encoder)
        assert id(stage.model.spatial_transformer.source_in.weight) in trained


def test_pictures_of_the_source_stage_are_mirrored_with_their_depth(finished):
    stage = _stage_class("source")(smoke(finished), finished, torch.device("cpu"))
    generators = [torch.Generator().manual_seed(i) for i in range(8)]
    stage.options.layout_weight = 1.0
    batch = stage.batch([0] * 8, generators)
    picture = stage.data.data.images[0].float() / 255
    exact, _ = geometry_to_state(stage.data.data.geometry([0]), stage.model.config)
    plain = layouts(stage.data.data.scenes[:1], *stage.model.config.grid(64, 64))[0]
    mirrored = 0
    for image, y, layout in zip(batch["images"], batch["y"], batch["layout"]):
        turn = torch.equal(image, picture.flip(-1))
        mirrored += turn
        for actual, wanted in ((image, picture), (y, exact[0]), (layout, plain)):
            assert torch.equal(actual, wanted.flip(-1) if turn else wanted)
    assert 0 < mirrored < 8


def test_the_source_stage_is_validated_in_metres(finished, tmp_path):
    stage = _stage_class("source")(smoke(finished), finished, torch.device("cpu"))
    (indices,) = stage.validation.chunks()
    y, u = stage.clean(load_fixed(stage.validation, indices))
    state = block_average(y, y.shape[-1] // stage.model.state_shape(64, 64)[1])
    for farther, least, most in ((1.0, 0.0, 0.1), (2.0, 0.9, 1.2)):
        moved = state.clone()
        moved[:, 0] += math.log(farther) / stage.model.config.log_depth_std
        stage.tell = lambda images, moved=moved: (moved[: len(images)], u[: len(images)], None)
        assert least <= stage.validate(tmp_path, 0)["abs_rel"] <= most


def test_a_published_source_encoder_is_not_trained_from_nothing(finished):
    options = {"model.spatial.dinov2": "facebook/dinov2-small"}
    with pytest.raises(
        InputError, match=r"model\.spatial\.dinov2 is facebook/dinov2-small, but the stage source trains"
    ):
        _stage_class("source")(smoke(finished, **options), finished, torch.device("cpu"))


def test_grounding_changes_what_the_spatial_side_reads_and_holds_what_the_diffusion_model_reads(finished):
    stage = _stage_class("grounding")(smoke(finished), finished, torch.device("cpu"))
    before = load_file(finished / "grounding" / "text_encoder" / "model.safetensors")
    after = load_file(finished / "model" / "text_encoder" / "model.safetensors")
    assert {name for name in before if not torch.equal(before[name], after[name])} == {
        name for name in before if ".layers." in name and "visual" not in name
    }
    # The teacher is what the stage started from, also in a run that goes on; nothing of it is learnt.
    held = stage.teacher.text_encoder.state_dict()
    assert torch.equal(held["model.language_model.norm.weight"], before["model.norm.weight"])
    batch = stage.batch([0, 1, 2, 3], [torch.Generator().manual_seed(i) for i in range(4)])
    loss, metrics = stage.loss(batch)
    assert 0 < metrics["change"] < 1
    loss.backward()
    gradients = [p.grad for p in stage.trained["language"].parameters()]
    assert all(g is not None and g.isfinite().all() for g in gradients)
    assert not [p for p in stage.teacher.text_encoder.parameters() if p.requires_grad]
    stage.options.hold_weight = 0.0
    torch.testing.assert_close(loss - stage.loss(batch)[0], 5 * metrics["change"])


def test_every_stage_leaves_a_validation_sheet(finished):
    for name in STAGES[1:]:
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
        return _stage_class(name)(config, finished, torch.device("cpu"))

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
