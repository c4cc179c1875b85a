"""The experiment: arms from a file to one table, differences in pairs, general quality, diversity."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from commands import command
from tiny import SIZE

from research import quality
from research.arms import read_experiment
from research.diversity import diversity, log_difference, mean_distance
from research.evidence import main
from research.quality import (
    Gaussian,
    distance_difference,
    frechet_distance,
    gaussian,
    plain_questions,
    pooled_features,
    reference_scenes,
    rendered_images,
)
from spatialfusion.defaults import STEPS
from spatialfusion.errors import InputError
from spatialfusion.evaluate.image_sources import RenderedImages
from spatialfusion.evaluate.judges.scene import SceneJudge
from spatialfusion.evaluate.judges.scene_network import JudgeNetwork
from spatialfusion.evaluate.question_images import save_image
from spatialfusion.evaluate.questions import Question, public_questions, select
from spatialfusion.evaluate.run_records import Records
from spatialfusion.evaluate.scores import compare, mean_interval, summarise
from spatialfusion.geometry.files import save_geometry
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.model.model import SpatialFusionModel
from spatialfusion.scenes.render import render
from spatialfusion.scenes.sample import held_out

SMALL = (64, 64)


run, fail = command(main)


def write(path: Path, **values: object) -> Path:
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def random_judge(tmp_path_factory) -> Path:
    """A folder with a scene judge that has learnt nothing: a real network, for the mechanics."""
    folder = tmp_path_factory.mktemp("judge")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        SceneJudge(JudgeNetwork(width=16, layers=1)).save(folder)
    return folder


# Differences in pairs ------------------------------------------------------------------------------------------------


def of(sub_domain: str, number: int, task: str = "t2i") -> Question:
    return Question(f"{sub_domain}-{number}", task, sub_domain, "-", ())


def test_paired_differences_see_what_unpaired_intervals_hide():
    """Questions differ much, two models little: by 5 points on every one."""
    rng = np.random.default_rng(1)
    questions = [of("egocentric", i) for i in range(60)]
    hard = rng.uniform(0, 0.9, 60)
    theirs, ours = [[value] for value in hard], [[value + 0.05 + rng.normal(0, 0.01)] for value in hard]
    figures = [summarise(questions, scores)["t2i"]["average"]["strict"] for scores in (ours, theirs)]
    assert figures[0]["low"] < figures[1]["high"]  # side by side nothing is known
    found = compare(questions, ours, theirs)["t2i"]
    strict = found["average"]["strict"]
    assert found["sub_domains"]["egocentric"]["strict"] == strict
    assert strict["mean"] == pytest.approx(5, abs=0.5) and 4 < strict["low"] < strict["high"] < 6
    assert strict["mean"] == pytest.approx(figures[0]["mean"] - figures[1]["mean"], abs=0.02)
    # In the other order it is the same with the other sign, and nothing differs from itself.
    assert compare(questions, theirs, ours)["t2i"]["average"]["strict"]["low"] == pytest.approx(-strict["high"])
    nothing = {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert compare(questions, ours, ours)["t2i"]["average"] == {"released": nothing, "strict": nothing}


def test_the_interval_of_a_difference_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    questions, covered = [of("intrinsic", i) for i in range(50)], 0
    for _ in range(60):
        hard = rng.uniform(0, 0.8, 50)
        ours, theirs = ([[float(v)] for v in hard + shift + rng.normal(0, 0.05, 50)] for shift in (0.1, 0.0))
        found = compare(questions, ours, theirs)["t2i"]["average"]["strict"]
        covered += found["low"] <= 10 <= found["high"]
    assert 51 <= covered <= 60


def test_differences_of_skipped_images_and_of_several_sub_domains():
    questions = [of("egocentric", 0), of("egocentric", 1), of("intrinsic", 0), of("intrinsic", 1)]
    ours, theirs = [[1.0], [None], [0.5], [0.5]], [[0.5], [0.5], [None], [None]]
    found = compare(questions, ours, theirs)["t2i"]
    parts = found["sub_domains"]
    assert (parts["egocentric"]["strict"]["mean"], parts["egocentric"]["released"]["mean"]) == (0.0, 50.0)
    assert (parts["intrinsic"]["strict"]["mean"], parts["intrinsic"]["released"]) == (50.0, None)
    # The average in the released way is over the one sub-domain that both know, and says so.
    assert (found["average"]["strict"]["mean"], found["average"]["released"]["mean"]) == (25.0, 50.0)
    assert found["average"]["released"]["sub_domains"] == 1 and "sub_domains" not in found["average"]["strict"]


def test_how_much_of_the_oracle_is_reached():
    questions = [of("egocentric", i) for i in range(4)] + [of("move_object", i, "edit") for i in range(2)]
    ours, theirs = [[0.4], [0.2], [0.6], [0.8], [0.1], [0.1]], [[0.5], [0.25], [0.75], [1.0], [0.0], [0.0]]
    found = compare(questions, ours, theirs, ratio=True)
    assert found["t2i"]["average"]["strict"] == {"mean": 80.0, "low": 80.0, "high": 80.0}
    assert found["edit"]["average"]["strict"] is None  # of nothing


def test_the_mean_of_values_has_an_interval():
    assert mean_interval([]) is None
    assert mean_interval([0.25] * 7) == {"mean": 0.25, "low": 0.25, "high": 0.25}
    values = np.random.default_rng(0).normal(3, 1, 400)
    found = mean_interval(list(values))
    assert found["mean"] == pytest.approx(values.mean(), abs=1e-4)
    assert found["high"] - found["low"] == pytest.approx(2 * 1.96 / 20, rel=0.15)


# General quality -----------------------------------------------------------------------------------------------------


def test_the_frechet_distance_is_that_of_the_closed_form():
    first = Gaussian(np.array([1.0, 2.0, 3.0]), np.diag([4.0, 9.0, 0.0]))
    second = Gaussian(np.array([1.0, 0.0, 3.5]), np.diag([1.0, 16.0, 0.25]))
    # Diagonal: the squared difference of means and of deviations.
    assert frechet_distance(first, second) == pytest.approx(4 + 0.25 + 1 + 1 + 0.25, abs=1e-12)
    # Not commuting: in two dimensions tr sqrt(M) = sqrt(tr M + 2 sqrt(det M)).
    a, b = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, -0.7], [-0.7, 3.0]])
    product = a @ b
    root = math.sqrt(np.trace(product) + 2 * math.sqrt(np.linalg.det(product)))
    zero = np.zeros(2)
    expected = np.trace(a) + np.trace(b) - 2 * root
    assert frechet_distance(Gaussian(zero, a), Gaussian(zero, b)) == pytest.approx(expected, abs=1e-12)
    assert frechet_distance(Gaussian(zero, b), Gaussian(zero, a)) == pytest.approx(expected, abs=1e-12)


def test_the_frechet_distance_of_samples():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(500, 6)) * [1, 2, 3, 1, 1, 0.5]
    assert frechet_distance(gaussian(features), gaussian(features)) == pytest.approx(0, abs=1e-10)
    # Fewer images than channels: the covariance is singular, and nothing breaks.
    few = rng.normal(size=(3, 6))
    assert frechet_distance(gaussian(few), gaussian(few)) == pytest.approx(0, abs=1e-6)
    shifted = features + np.array([0, 0, 0, 2.0, 0, 0])
    assert frechet_distance(gaussian(features), gaussian(shifted)) == pytest.approx(4, abs=1e-9)
    own, other = rng.normal(size=(20000, 2)) * [1, 3], rng.normal(size=(20000, 2)) * [2, 3] + [0, 1]
    assert frechet_distance(gaussian(own), gaussian(other)) == pytest.approx(1 + 1, rel=0.05)
    # Paired over captions: what both have in common does not widen the interval.
    reference = gaussian(features)
    found = distance_difference(shifted, features, reference)
    assert found["mean"] == pytest.approx(4, abs=1e-3) and 3 < found["low"] < found["high"] < 5
    assert distance_difference(features, features, reference) == {"mean": 0.0, "low": 0.0, "high": 0.0}


def test_worse_images_are_farther_from_rendered_ones(random_judge):
    judge = SceneJudge.load(random_judge)
    captions = plain_questions(24)
    assert captions[:3] == plain_questions(3) and len({question.id for question in captions}) == 24
    assert all(held_out(question.scene) for question in captions)
    assert not {question.scene for question in captions} & set(reference_scenes(24))
    shown = rendered_images(reference_scenes(24), SMALL)
    reference = gaussian(pooled_features(judge, shown))
    right = rendered_images([question.scene for question in captions], SMALL)
    generator = torch.Generator().manual_seed(0)
    noise = [torch.randn(picture.shape, generator=generator) for picture in right]
    sets = [[(a + scale * b).clamp(0, 1) for a, b in zip(right, noise)] for scale in (0, 0.2, 0.5)]
    floor, bad, worse = (frechet_distance(reference, gaussian(pooled_features(judge, those))) for those in sets)
    assert 0 < floor < bad < worse and worse > 3 * floor
    assert pooled_features(judge, right).shape == (24, 48) and pooled_features(judge, right).dtype == np.float64


def test_plain_captions_go_on_where_they_were(tmp_path):
    captions = plain_questions(5)

    class Counts(RenderedImages):
        drawn = 0

        def draw(self, requests):
            if Counts.drawn == 4:
                raise KeyboardInterrupt
            Counts.drawn += len(requests)
            return super().draw(requests)

    with pytest.raises(KeyboardInterrupt):
        quality.draw_plain(captions, Counts(SMALL), Records(tmp_path, {}), batch=2)
    Counts.drawn = 0
    records = Records(tmp_path, {})
    quality.draw_plain(captions, Counts(SMALL), records, batch=2)
    assert Counts.drawn == 1 and len({records.image(question, 0) for question in captions}) == 5
    with pytest.raises(InputError, match="other settings"):
        Records(tmp_path, {"weights": "others"})


# Diversity -----------------------------------------------------------------------------------------------------------


def test_diversity_by_hand(tmp_path, random_judge):
    asked = select(public_questions(), ("t2i",), ["egocentric"], 2)
    records = Records(tmp_path, {})
    for question, shades in zip(asked, ((0.0, 0.5, 1.0), (0.2, 0.2, 0.2))):
        for seed, shade in enumerate(shades):
            name = f"{question.id}-{seed}"
            save_image(tmp_path / "images" / f"{name}.png", torch.full((3, 32, 32), shade))
            geometry = Geometry.from_depth(torch.full((1, 16, 16), math.exp(shade)), 1.0)
            save_geometry(tmp_path / "depth" / f"{name}.npz", geometry)
            records.add([{"id": question.id, "seed": seed, "prompt": question.prompt, "score": None, "reason": "",
                          "image": f"images/{name}.png"}])  # fmt: skip
    judge = SceneJudge.load(random_judge)
    found = diversity(asked, [0, 1, 2], records, judge, unit=2.0)
    # (0.5 + 1 + 0.5) / 3 of the first, 0 of the second.
    assert found["prompts"] == 2
    assert found["pixels"]["mean"] == pytest.approx(1 / 3, abs=2e-3)
    assert found["log_depth"]["mean"] == pytest.approx(1 / 3, abs=1e-4)
    greys = [torch.full((3, 32, 32), shade) for shade in (0.0, 0.5, 1.0)]
    by_hand = mean_distance(pooled_features(judge, greys)) / 2 / 2
    assert found["features"]["mean"] == pytest.approx(by_hand, rel=0.02) and by_hand > 0
    assert diversity(asked, [0, 1, 2], records)["features"] is None
    assert diversity(asked, [0], records) is None and diversity([], [0, 1], records) is None
    sky = Geometry.from_depth(torch.zeros(1, 16, 16), 1.0)
    assert log_difference(sky, sky) is None


# The command ---------------------------------------------------------------------------------------------------------


def test_rendered_arms_and_folders_with_an_exact_judge(tmp_path):
    """Two folders of images: one right throughout, of the other a third is missing. All figures can be told."""
    asked = select(public_questions(), ("t2i",), count=3)
    for question, image in zip(asked, render([question.scene for question in asked], SMALL).image):
        save_image(tmp_path / "whole" / f"{question.id}.png", image)
        if not question.id.endswith("0"):
            save_image(tmp_path / "part" / f"{question.id}.png", image)
    arms = {
        "part": {"images": str(tmp_path / "part"), "label": "a third lost", "budget": {"steps": 0, "seconds": 12.5}},
        "whole": {"images": str(tmp_path / "whole")},
        "rendered": {"rendered": True},
    }
    config = write(tmp_path / "arms.yaml", baseline="part", reference="whole", judge="exact", tasks=["t2i"], count=3,
                   plain=0, size=list(SMALL), arms=arms)  # fmt: skip
    run(config, "--out", tmp_path / "out")
    report = json.loads((tmp_path / "out" / "evidence.json").read_text())
    average = {name: row["scores"]["t2i"]["average"] for name, row in report["arms"].items()}
    assert average["whole"]["strict"]["mean"] == average["rendered"]["strict"]["mean"] == 100.0
    assert (average["part"]["strict"]["mean"], average["part"]["released"]["mean"]) == (66.67, 100.0)
    assert average["part"]["skip_rate"] == 0.3333
    difference = report["minus_baseline"]["whole"]["t2i"]
    assert difference["average"]["strict"]["mean"] == 33.33 and difference["average"]["strict"]["low"] > 5
    assert difference["average"]["released"]["mean"] == 0.0 and len(difference["sub_domains"]) == 9
    assert set(report["reference_minus"]) == {"part", "rendered"} and report["oracle"] is None
    assert report["reference_minus"]["rendered"]["t2i"]["average"]["strict"]["mean"] == 0.0
    assert report["arms"]["rendered"]["depth"]["at_objects"]["delta1"]["mean"] > 0.95
    assert report["arms"]["whole"]["depth"] is None
    table = (tmp_path / "out" / "evidence.md").read_text()
    assert "| a third lost | arms/part | images" in table and "steps 0, seconds 12.5 |" in table
    assert "| whole | 100.0 [100.0, 100.0] | 100.0 [100.0, 100.0] | 0.0 % | +33.3 [" in table
    assert "not measured: plain is 0." in table and "a third lost: " in table


@pytest.fixture(scope="module")
def experiment(tiny_folder, random_judge, tmp_path_factory) -> Path:
    """Four arms of one tiny random pipeline, one whose model is not there, and the renderer."""
    folder = tmp_path_factory.mktemp("experiment")
    model = {"model": str(tiny_folder), "steps": 1, "depth_steps": 1, "guidance": 1.0}
    arms = {
        "base": model | {"depth": False},
        "add": model | {"label": "SpatialFusion", "budget": {"steps": 7}},
        "oracle": model | {"geometry_from": "oracle"},
        "shuffled": model | {"geometry_from": "shuffled"},
        "concat": {"model": str(folder / "absent")},
        "rendered": {"rendered": True},
    }
    return write(folder / "arms.yaml", baseline="base", reference="add", judge="scene", tasks=["t2i"],
                 judge_options={"folder": str(random_judge)}, count=1, seeds=[0, 1], plain=6, size=[SIZE, SIZE],
                 arms=arms)  # fmt: skip


def test_arms_of_a_pipeline_from_end_to_end_and_again(experiment, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    sentence = fail(capsys, experiment, "--out", out)
    assert "arm concat has no model" in sentence and "--skip-missing" in sentence and not out.exists()
    arguments = (experiment, "--skip-missing", "--out", out, "--arms", "base,add,oracle,concat,rendered")
    run(*arguments)
    assert "warning: arm concat has no model" in capsys.readouterr().err
    report = json.loads((out / "evidence.json").read_text())
    rows = report["arms"]
    assert "there is no folder" in rows["concat"]["not_run"] and rows["shuffled"]["not_run"] == "not among --arms"
    assert set(report["minus_baseline"]) == {"add", "oracle", "rendered"} and report["oracle"] == "oracle"
    assert rows["add"]["budget"] == {"steps": 7} and rows["base"]["settings"]["depth"] is False
    for name in ("base", "add", "oracle", "rendered"):
        assert rows[name]["scores"]["t2i"]["average"]["images"] == 18
        assert rows[name]["quality"]["distance"] > 0
        assert rows[name]["diversity"]["prompts"] == 9
    # The renderer shows the captions' own scenes, which is the floor; and one scene of a prompt whatever the seed.
    assert rows["rendered"]["quality"]["distance"] == report["quality"]["floor"]
    assert rows["rendered"]["diversity"]["pixels"]["mean"] == 0.0 < rows["add"]["diversity"]["pixels"]["mean"]
    assert rows["oracle"]["diversity"]["log_depth"]["mean"] == 0.0
    assert rows["base"]["depth"] is None and rows["base"]["diversity"]["log_depth"] is None
    assert rows["add"]["quality"]["minus_baseline"]["low"] <= rows["add"]["quality"]["minus_baseline"]["high"]
    table = (out / "evidence.md").read_text()
    assert "| concat | not run | not run | not run | not run | not run |" in table and "| SpatialFusion |" in table

    # Once more: nothing that is there is drawn or judged again, and the figures are the same.
    for kind in (
        "spatialfusion.evaluate.pipeline_images.PipelineImages",
        "spatialfusion.evaluate.image_sources.RenderedImages",
    ):
        monkeypatch.setattr(f"{kind}.draw", lambda *_: pytest.fail("an image was drawn again"))
    monkeypatch.setattr(SceneJudge, "look", lambda *_: pytest.fail("an image was judged again"))
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*/images/*.png")}
    run(*arguments)
    assert json.loads((out / "evidence.json").read_text()) == report
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*/images/*.png")} and len(before) == 72


def test_a_model_that_was_trained_again_is_another_one(tiny_folder, random_judge, tmp_path, capsys):
    import shutil

    model = shutil.copytree(tiny_folder, tmp_path / "model")
    arm = {"model": str(model), "steps": 1, "depth_steps": 1, "guidance": 1.0}
    side = tmp_path / "side.safetensors"
    SpatialFusionModel.load(model).save(side, only_image_side=True)
    exact = arm | {"geometry_from": "oracle"}
    arms = {"base": arm | {"depth": False}, "own": arm, "exact": exact, "exact-side": exact | {"image_side": str(side)}}
    config = write(tmp_path / "arms.yaml", baseline="base", reference="own", judge="scene", tasks=["t2i"], plain=0,
                   judge_options={"folder": str(random_judge)}, count=1, arms=arms)  # fmt: skip
    arguments = (config, "--out", tmp_path / "out", "--arms")
    run(*arguments, ",".join(arms))
    change_last_bit(model / "spatialfusion.safetensors")
    for name in ("own", "exact"):
        assert "other settings (weights was" in fail(capsys, *arguments, name)
    # These use nothing of it, and go on.
    run(*arguments, "base,exact-side")
    change_last_bit(next((model / "transformer").glob("*.safetensors")))
    for name in arms:
        assert "other settings (weights was" in fail(capsys, *arguments, name)


def change_last_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_an_arm_with_the_image_side_of_another_checkpoint(tiny_folder, random_judge, tmp_path, capsys):
    other = SpatialFusionModel.load(tiny_folder)
    with torch.no_grad():
        other.adapter.out.bias.add_(1)
    side = tmp_path / "side.safetensors"
    arm = {"model": str(tiny_folder), "steps": 1, "depth_steps": 1, "guidance": 1.0}
    arms = {"own": arm, "other": arm | {"image_side": str(side)}, "exact": arm | {"geometry_from": "oracle"}}
    arms["other-exact"] = arms["other"] | {"geometry_from": "oracle"}
    config = write(tmp_path / "arms.yaml", baseline="own", reference="other", judge="scene", tasks=["t2i"], plain=0,
                   judge_options={"folder": str(random_judge)}, count=1, size=[SIZE, SIZE], arms=arms)  # fmt: skip
    assert f"arm other has no image side: there is no file {side}" in fail(capsys, config, "--out", tmp_path / "out")
    other.save(side, only_image_side=True)
    run(config, "--out", tmp_path / "out")
    report = json.loads((tmp_path / "out" / "evidence.json").read_text())
    assert report["oracle"] == "other-exact"
    own, others = (sorted((tmp_path / "out" / "arms" / name).glob("*/*.*")) for name in ("own", "other"))
    same = {a.parent.name: [] for a in own}
    for a, b in zip(own, others, strict=True):
        same[a.parent.name].append(a.name == b.name and a.read_bytes() == b.read_bytes())
    # The plan is the model's own, and is drawn by the other.
    assert all(same["depth"]) and not any(same["images"])
    with torch.no_grad():
        other.adapter.out.bias.add_(1)
    other.save(side, only_image_side=True)
    assert "other settings" in fail(capsys, config, "--out", tmp_path / "out")


def test_quality_is_measured_with_the_embedded_judge_whoever_scores(tmp_path):
    config = write(tmp_path / "arms.yaml", baseline="a", reference="a", judge="exact", count=1, plain=2,
                   size=list(SMALL), arms={"a": {"rendered": True}})  # fmt: skip
    run(config, "--out", tmp_path / "out")
    report = json.loads((tmp_path / "out" / "evidence.json").read_text())
    assert report["arms"]["a"]["scores"]["edit"]["average"]["strict"]["mean"] == 100.0
    assert report["quality"]["floor"] > 0
    assert report["arms"]["a"]["quality"]["distance"] == report["quality"]["floor"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"baseline": "bas"}, "baseline is 'bas' (did you mean 'base'?)"),
        ({"judge": "me"}, "judge is 'me'"),
        ({"judge_options": {"foldr": "x"}}, "(did you mean 'folder'?)"),
        ({"judge": "foundation"}, "expected trained_with under judge_options"),
        ({"tasks": ["t2v"]}, "tasks has 't2v'"),
        ({"count": 0}, "count is 0"),
        ({"count": "many"}, "the file: count = 'many' must be a whole number"),
        ({"plain": 1}, "one image has no covariance"),
        ({"seeds": [0, 0]}, "seeds are [0, 0]"),
        ({"seeds": 3}, "the file: seeds = 3 must be a list such as [1, 2], each value a whole number"),
        ({"size": [64]}, "the file: size = [64] must be 2 values"),
        ({"cont": 3}, "the file has the key 'cont' (did you mean 'count'?)"),
        ({"arms": {"base": {"model": "x", "dept": False}}}, "arm base has the key 'dept'"),
        ({"arms": {"base": {}}}, "arm base has no images"),
        ({"arms": {"base": {"model": "x", "rendered": True}}}, "arm base has model and rendered"),
        ({"arms": {"base": {"rendered": True, "strength": 0.5}}}, "arm base has strength, which is of a model"),
        ({"arms": {"base": {"rendered": True, "image_side": "x"}}}, "arm base has image_side, which is of a model"),
        ({"arms": {"base": {"model": "x", "depth": False, "geometry_from": "oracle"}}}, "expected one of them"),
        ({"arms": {"base": {"model": "x", "geometry_from": "thin air"}}}, "expected oracle, shuffled or planned"),
        ({"arms": {"base": {"model": "x", "depth_guidance": -1}}}, "depth_guidance -1: expected at least 0"),
        ({"arms": {"base": {"model": "x", "depth_steps": 0}}}, "depth_steps 0: expected at least 1"),
        ({"arms": {"../base": {"model": "x"}}}, "arms has '../base'"),
        ({"judge": "exact"}, "judge exact knows rendered images alone"),
        ({"arms": [1]}, "the file: arms = [1] must be a mapping of names to values"),
    ],
)
def test_a_wrong_file_is_one_sentence(changes, sentence, tmp_path, capsys):
    usual = {"baseline": "base", "reference": "base", "arms": {"base": {"model": "x"}}}
    config = write(tmp_path / "arms.yaml", **(usual | changes))
    assert sentence in fail(capsys, config, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_other_wrong_arguments(tmp_path, capsys):
    assert "cannot be read" in fail(capsys, tmp_path / "absent.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("arms: [")
    assert "not valid YAML" in fail(capsys, broken)
    assert "no key reference" in fail(capsys, write(tmp_path / "a.yaml", arms={"a": {"rendered": True}}, baseline="a"))
    config = write(tmp_path / "b.yaml", baseline="a", reference="a", judge="exact", arms={"a": {"rendered": True}})
    assert "--arms has 'b'" in fail(capsys, config, "--arms", "b")
    assert "--seeds is '0;1'" in fail(capsys, config, "--seeds", "0;1")
    assert "count is 0" in fail(capsys, config, "--count", 0)
    absent = write(tmp_path / "c.yaml", baseline="a", reference="a", arms={"a": {"model": str(tmp_path / "no")}})
    assert "none of the arms has its model" in fail(capsys, absent, "--skip-missing")


def test_steps_of_the_file_are_those_of_arms_that_do_not_say_themselves(tmp_path):
    arms = {"usual": {"model": "embedded"}, "own": {"model": "embedded", "steps": 3}, "drawn": {"rendered": True}}
    config = {"arms": arms, "baseline": "usual", "reference": "own", "judge": "scene"}
    read = read_experiment(write(tmp_path / "arms.yaml", **config, steps=7)).arms
    assert [arm.steps for arm in read.values()] == [7, 3, STEPS]
    assert read_experiment(write(tmp_path / "arms.yaml", **config)).arms["usual"].steps == STEPS
    with pytest.raises(InputError, match="steps is 0: expected at least 1"):
        read_experiment(write(tmp_path / "arms.yaml", **config, steps=0))


def test_the_committed_files_of_arms_can_be_read():
    folder = Path(__file__).parents[1] / "research" / "experiments"
    small = read_experiment(folder / "small.yaml")
    assert {arm.model for arm in small.arms.values()} == {"embedded"} and not any(
        arm.missing for arm in small.arms.values()
    )
    experiment = read_experiment(folder / "arms.yaml")
    assert experiment.count >= 100 and experiment.tasks == ("t2i", "edit")
    arms = experiment.arms
    exact = ("oracle", "shuffled", "planned")
    assert [arms[name].geometry_from for name in exact] == list(exact)
    assert {arms[name].model for name in (*exact, "own", experiment.baseline)} == {"embedded"}
    assert not arms[experiment.baseline].depth
