"""The evaluation from end to end: images from every source, judged exactly, scored, resumed, reported.

SPATIALFUSION_EXACT_SCENES=1000 runs the agreement with the scenes on so many of them.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from commands import command
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny import SIZE, region_components

from spatialfusion.errors import InputError
from spatialfusion.evaluate.__main__ import main
from spatialfusion.evaluate.depth_figures import depth_errors, object_agreement
from spatialfusion.evaluate.evaluation import evaluate
from spatialfusion.evaluate.image_sources import FolderImages, RenderedImages
from spatialfusion.evaluate.judges.exact import ExactJudge
from spatialfusion.evaluate.judges.judge import Asked, Seen, SeenObject
from spatialfusion.evaluate.pipeline_images import PipelineImages
from spatialfusion.evaluate.planned import planned_scene
from spatialfusion.evaluate.question_images import as_saved, save_image, scene_geometry
from spatialfusion.evaluate.questions import Question, public_questions, select, write_questions
from spatialfusion.evaluate.run_records import Records
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.model.model import FILE_NAME
from spatialfusion.pipeline import SpatialFusionPipeline
from spatialfusion.scenes.edits import apply_edit, sample_edit, score_edit
from spatialfusion.scenes.render import render
from spatialfusion.scenes.sample import sample_scene
from spatialfusion.scenes.scene import KINDS, Scene
from spatialfusion.scenes.statements import RELATIONS, Statement, observe, score

SCENES = int(os.environ.get("SPATIALFUSION_EXACT_SCENES", 40))
SMALL = (64, 64)


def asked(scene: Scene) -> tuple[Asked, ...]:
    return tuple(Asked(thing.kind, thing.color) for thing in scene.objects)


@pytest.fixture(scope="module")
def public() -> list[Question]:
    return public_questions()


run, fail = command(main)


def read_records(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]


# The whole chain against the scenes ----------------------------------------------------------------------------------


def said_at_random(scene: Scene, rng: random.Random) -> Statement:
    """A statement about the scene, true or not."""
    domain = rng.choice(
        [name for name in RELATIONS if len(scene.objects) > 1 or "pose" in name[:11] or name[:3] == "cam"]
    )
    if len(scene.objects) == 1 and domain == "complex_pose":
        domain = "camera_pose"
    subject, *others = rng.sample(range(len(scene.objects)), len(scene.objects))
    alone = domain in ("camera_pose", "object_pose", "camera_distance")
    value = rng.choice((0.5, 1.0, 2.0, 4.0, 8.0)) if domain.endswith(("distance", "size")) else None
    return Statement(domain, rng.choice(RELATIONS[domain]), subject, None if alone else others[0], value)


def is_known(scene: Scene, statement: Statement) -> bool:
    """Whether the objects have the fronts that the statement is about."""
    subject, reference = statement.subject, statement.reference
    both = (subject, reference)
    ends = {"allocentric": (reference,), "camera_pose": (subject,), "object_pose": (subject,)}
    ends |= {"intrinsic": both, "complex_pose": both}
    return all(KINDS[scene.objects[i].kind].has_front for i in ends.get(statement.domain, ()))


def test_scores_through_the_whole_chain_are_those_of_the_scenes(tmp_path):
    """Render, write a file, read it, judge, score, write a record: true and false statements about random scenes."""
    rng = random.Random(0)
    scenes = [sample_scene(rng.randrange(2**40)) for _ in range(SCENES)]
    asks = []
    for i, scene in enumerate(scenes):
        for k in range(4):
            said = said_at_random(scene, rng)
            asks.append(Question(f"s{i:05d}-{k}", "t2i", said.domain, "-", asked(scene), said, scene=scene))
    for start in range(0, SCENES, 32):
        for i, image in enumerate(render(scenes[start : start + 32], SMALL).image, start):
            save_image(tmp_path / "images" / f"s{i:05d}-0.png", image)
            for k in range(1, 4):
                os.link(tmp_path / "images" / f"s{i:05d}-0.png", tmp_path / "images" / f"s{i:05d}-{k}.png")
    records = Records(tmp_path / "out", {})
    evaluate(asks, [0], FolderImages(tmp_path / "images", SMALL), ExactJudge(scenes, SMALL), records)
    values = []
    for question in asks:
        record = records.known[question.id, 0]
        if record["score"] is not None:
            assert record["score"] == score(question.scene, question.statement), question
            values.append(record["score"])
        elif record["reason"].startswith("no front"):
            assert not is_known(question.scene, question.statement)
        else:
            assert record["reason"].startswith("not found")  # wholly hidden at this size
    assert len(values) > 0.6 * len(asks)
    # Neither all right nor all wrong, and some in between.
    assert 0.1 < sum(values) / len(values) < 0.9 and any(0 < value < 1 for value in values)


def test_scores_of_edits_are_those_of_the_scenes(tmp_path):
    rng = random.Random(0)
    asks, answers, count = [], [], max(8, SCENES // 2)
    for i in range(count):
        wish = rng.choice(
            [("move", "left"), ("camera", "back"), ("resize", "height"), ("rotate", "left"), ("view", "right")]
        )
        pair = sample_edit(rng.randrange(2**40), wish=wish)
        # The answer goes too far, or not far enough, or is another one.
        other = (
            pair.edit if pair.edit.value is None else replace(pair.edit, value=pair.edit.value * rng.uniform(0.2, 1.8))
        )
        answers.append(apply_edit(pair.source, other) if rng.random() < 0.8 else pair.source)
        name = {"move": "move_object", "camera": "move_camera", "resize": "resize_object", "rotate": "object_pose"}
        sub_domain = "complex_pose" if wish[0] == "view" else name[wish[0]]
        asks.append(Question(f"e{i}", "edit", sub_domain, "-", asked(pair.source), edit=pair.edit, scene=pair.source))
        save_image(tmp_path / "images" / f"e{i}.png", render([answers[-1]], SMALL).image[0])
    judge = ExactJudge([scene for q, answer in zip(asks, answers) for scene in (q.scene, answer)], SMALL)
    records = Records(tmp_path / "out", {})
    evaluate(asks, [0], FolderImages(tmp_path / "images", SMALL), judge, records)
    values = []
    for question, answer in zip(asks, answers):
        record = records.known[question.id, 0]
        if record["score"] is None:
            assert record["reason"].startswith(("not found", "source, not found"))
            continue
        assert record["score"] == pytest.approx(score_edit(question.scene, answer, question.edit), abs=1e-9)
        values.append(record["score"])
    assert len(values) > 0.7 * count and any(0 < value < 1 for value in values) and 0 < sum(values) < len(values)


def test_the_renderer_answers_every_question(tmp_path, capsys):
    out = tmp_path / "out"
    run("--rendered", "--judge", "exact", "--count", 2, "--size", "64x64", "--out", out)
    report = json.loads((out / "report.json").read_text())
    for task in ("t2i", "edit"):
        scores = report["scores"][task]
        assert len(scores["sub_domains"]) == scores["average"]["sub_domains"] == 9
        for figures in (*scores["sub_domains"].values(), scores["average"]):
            assert figures["strict"]["mean"] == figures["released"]["mean"] == 100.0 and figures["skipped"] == 0
    # Exact depth against an exact judge: what is left is the way from a surface to the object's centre.
    assert report["depth"]["median_distance_error"] < 0.05 and report["depth"]["order_agrees"] > 0.95
    assert report["depth"]["edits_against_exact_depth"] == {"images": 18, "abs_rel": 0.0, "delta1": 1.0}
    table = (out / "report.md").read_text()
    assert "| camera_pose | Camera Pose (0-3) | 2 | 0.0 % | 100.0 [100.0, 100.0] | 100.0 [100.0, 100.0] |" in table
    assert "| **average of 9** | | 18 | 0.0 %" in table and "GenSpace-style" in table
    with Image.open(out / "sheet.png") as sheet:
        assert sheet.width > 1500 and len(sheet.getcolors(1 << 22)) > 1000
    assert "t2i: released 100.0, strict 100.0, skipped 0 of 18 images" in capsys.readouterr().out
    # Its images are a folder that can be judged again, or by another judge.
    again = tmp_path / "again"
    images = FolderImages(out / "images", SMALL)
    asks = select(public_questions(), ("t2i",), ["intrinsic"], 2)
    records = Records(again, {})
    evaluate(asks, [0], images, ExactJudge([question.scene for question in asks], SMALL), records)
    assert [records.known[question.id, 0]["score"] for question in asks] == [1.0] * 2


# The exact judge -----------------------------------------------------------------------------------------------------


def test_the_exact_judge_sees_what_is_there():
    scene = next(s for s in map(sample_scene, range(99)) if len(s.objects) == 3)
    image = as_saved(render([scene], SMALL).image[0])
    judge = ExactJudge([sample_scene(500), scene], SMALL)
    first, second, third = asked(scene)
    (seen,) = judge.look([image], [[third, Asked("unicorn"), Asked(first.kind)]])
    assert seen.objects[1] is None and seen.observation is None
    assert seen.objects[0].observed == observe(scene).objects[2] and seen.hfov == scene.camera.hfov
    assert seen.objects[0].mask.any() and not (seen.objects[0].mask & seen.objects[2].mask).any()
    assert judge.look([image], [[first, second]])[0].surplus == 0
    twin = replace(scene, objects=(*scene.objects, replace(scene.objects[0], position=(0.0, 0.0, 0.0))))
    assert ExactJudge([twin], SMALL).look([as_saved(render([twin], SMALL).image[0])], [[first]])[0].surplus == 1
    with pytest.raises(InputError, match="no scene it knows"):
        judge.look([torch.rand(3, 64, 64)], [[first]])


# Folders of images ---------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(public, tmp_path) -> tuple[list[Question], Path]:
    """Three questions, of which one has an image, one a torn file and one nothing; and a file of no question."""
    asks = select(public, ("t2i",), ["egocentric"], 3)
    images = tmp_path / "images"
    save_image(images / f"{asks[0].id}.png", render([asks[0].scene], SMALL).image[0])
    (images / f"{asks[1].id}.jpg").write_bytes((images / f"{asks[0].id}.png").read_bytes()[:300])
    save_image(images / "holiday.png", torch.zeros(3, 8, 8))
    (images / "notes.txt").write_text("not a picture, and none of our business")
    return asks, images


def test_missing_and_unreadable_images_are_named_and_counted(folder, tmp_path):
    asks, images = folder
    source = FolderImages(images, SMALL)
    from spatialfusion.evaluate.image_sources import Request
    from spatialfusion.evaluate.report import make_report, to_markdown

    lacks, strange = source.check([Request(question, 0) for question in asks])
    assert f"lacks {asks[2].id}-0: counted" in lacks and "no question here asks for: holiday." in strange
    judge = ExactJudge([question.scene for question in asks], SMALL)
    records = Records(tmp_path / "out", source.settings)
    evaluate(asks, [0], source, judge, records)
    assert records.known[asks[0].id, 0]["score"] == 1.0
    assert records.known[asks[1].id, 0]["reason"].startswith("unreadable image: ")
    assert records.known[asks[2].id, 0]["reason"] == "no image"
    report = make_report(asks, [0], records, source.settings, [lacks])
    figures = report["scores"]["t2i"]["sub_domains"]["egocentric"]
    assert (figures["released"]["mean"], figures["strict"]["mean"]) == (100.0, 33.33)
    assert report["skipped"] == {"unreadable image": 1, "no image": 1} and asks[1].id in report["unreadable"][0]
    table = to_markdown(report)
    assert "| no image | 1 |" in table and f"{asks[1].id}.jpg cannot be read" in table and lacks in table

    # Once they are there they are looked at; the rest is not judged again.
    for question, name in ((asks[1], "jpg"), (asks[2], "webp")):
        with Image.open(images / f"{asks[0].id}.png") as image:
            image.save(images / f"{question.id}.{name}")
    with pytest.raises(InputError, match="no scene it knows"):
        evaluate(asks, [0], FolderImages(images, SMALL), judge, Records(tmp_path / "out", source.settings))


def test_folders_that_do_not_fit(folder, tmp_path, capsys):
    asks, images = folder
    assert "is no folder" in fail(capsys, "--images", tmp_path / "absent", "--out", tmp_path / "out")
    empty = tmp_path / "empty"
    empty.mkdir()
    sentence = fail(capsys, "--images", empty, "--count", 1, "--task", "t2i", "--out", tmp_path / "out")
    assert "holds no image of the 9 that are asked for" in sentence and "t2i-camera_pose-0000.png" in sentence
    save_image(images / f"{asks[0].id}-0.png", torch.zeros(3, 8, 8))
    from spatialfusion.evaluate.image_sources import Request

    with pytest.raises(InputError, match="both for t2i-egocentric-0000 and seed 0"):
        FolderImages(images, SMALL).check([Request(asks[0], 0)])


# Resuming ------------------------------------------------------------------------------------------------------------


class Stops(RenderedImages):
    """A source that is killed after some images."""

    def __init__(self, after: int):
        super().__init__(SMALL)
        self.left = after

    def draw(self, requests):
        if self.left < len(requests):
            raise KeyboardInterrupt
        self.left -= len(requests)
        return super().draw(requests)


def test_a_stopped_run_goes_on(public, tmp_path):
    asks = select(public, ("t2i",), ["egocentric", "intrinsic"], 4)
    judge = ExactJudge([question.scene for question in asks], SMALL)
    with pytest.raises(KeyboardInterrupt):
        evaluate(asks, [0, 1], Stops(6), judge, Records(tmp_path, {"a": 1}), batch=3)
    with (tmp_path / "records.jsonl").open("a") as file:
        file.write('{"id": "t2i-egocentr')  # killed as it wrote
    kept = read_records_whole(tmp_path)
    assert len(kept) == 6
    evaluate(asks, [0, 1], Stops(10), judge, Records(tmp_path, {"a": 1}), batch=3)
    lines = read_records(tmp_path)
    assert lines[:6] == kept and len(lines) == 16
    assert len({(record["id"], record["seed"]) for record in lines}) == 16
    evaluate(asks, [0, 1], Stops(0), judge, Records(tmp_path, {"a": 1}), batch=3)
    with pytest.raises(InputError, match="as t2i-egocentric-0000, not"):
        Records(tmp_path, {"a": 1}).finished(replace(asks[0], prompt="something else"), 0)
    whole = Records(tmp_path / "whole", {})
    evaluate(asks, [0, 1], RenderedImages(SMALL), judge, whole)
    assert whole.known == Records(tmp_path, {"a": 1}).known


def read_records_whole(folder: Path) -> list[dict]:
    return [
        json.loads(line)
        for line in (folder / "records.jsonl").read_text().splitlines(keepends=True)
        if line[-1] == "\n"
    ]


def test_another_run_in_the_same_folder_is_refused(tmp_path, capsys):
    arguments = ["--rendered", "--judge", "exact", "--task", "t2i", "--sub-domains", "egocentric", "--count", 1]
    arguments += ["--out", tmp_path / "out"]
    run(*arguments, "--size", "64x64")
    sentence = fail(capsys, *arguments, "--size", "32x32")
    assert "other settings (size was [64, 64] and is [32, 32])" in sentence
    (tmp_path / "out" / "records.jsonl").write_text("nonsense\n")
    assert "line 1 of" in fail(capsys, *arguments, "--size", "64x64")
    (tmp_path / "out" / "settings.json").unlink()
    assert "without settings.json" in fail(capsys, *arguments, "--size", "64x64")


def test_a_model_trained_again_under_its_name_is_refused(tiny_folder, tmp_path, capsys):
    model = tmp_path / "model"
    shutil.copytree(tiny_folder, model)
    arguments = ["--model", model, "--task", "t2i", "--sub-domains", "egocentric", "--count", 1, "--steps", 1]
    arguments += ["--depth-steps", 1, "--out", tmp_path / "out"]
    run(*arguments)
    weights = load_file(model / FILE_NAME)
    with safe_open(model / FILE_NAME, "pt") as file:
        metadata = file.metadata()
    weights["model.adapter.out.bias"] += 1
    save_file(weights, model / FILE_NAME, metadata)
    assert "other settings (weights was" in fail(capsys, *arguments, "--seeds", "0,1")
    assert len(read_records(tmp_path / "out")) == 1


# The pipeline --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pipeline(tiny_folder) -> SpatialFusionPipeline:
    return SpatialFusionPipeline.from_pretrained(tiny_folder)


FEW = {"num_inference_steps": 1, "depth_steps": 1, "guidance_scale": 1.0}


class Sees:
    """A judge that finds all that it is asked for, each in its own part of the image, the first one nearest."""

    name = "sees"

    def look(self, images, asked):
        looked = []
        for image, wanted in zip(images, asked):
            masks = torch.arange(image.shape[2]).expand(image.shape[1:]) * len(wanted) // image.shape[2]
            from spatialfusion.scenes.statements import ObservedObject

            found = [
                ObservedObject((float(i), 0.0, 4.0 + i), (0.0, 0.0, -1.0), (1.0, 1.0, 1.0)) for i in range(len(wanted))
            ]
            looked.append(Seen(tuple(SeenObject(masks == i, one, 0.5) for i, one in enumerate(found))))
        return looked


def test_the_pipeline_draws_both_tasks_with_its_own_seeds(pipeline, public, tmp_path):
    asks = select(public, count=2)[::6]
    records = Records(tmp_path, {})
    source = PipelineImages(pipeline, "tiny", asks, **FEW)
    evaluate(asks, [0, 3], source, Sees(), records, batch=4)
    for question in asks:
        first, second = (records.known[question.id, seed] for seed in (0, 3))
        pictures = [(tmp_path / record["image"]).read_bytes() for record in (first, second)]
        assert pictures[0] != pictures[1]
        assert "distances" in first["depth"] and (tmp_path / "depth" / f"{question.id}-3.png").exists()
        assert (
            ("exact" in first["depth"])
            == (question.task == "edit")
            == (tmp_path / "sources" / f"{question.id}.png").exists()
        )
        with Image.open(tmp_path / first["image"]) as image:
            assert image.size == (SIZE, SIZE)
    # An image does not depend on the batch it is in, and is the pipeline's for that seed.
    alone = asks[0]
    direct = pipeline(
        alone.prompt, generator=torch.Generator().manual_seed(alone.seed * 1000 + 3), output_type="pt", **FEW
    )
    with Image.open(tmp_path / records.known[alone.id, 3]["image"]) as image:
        saved = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).reshape(SIZE, SIZE, 3).permute(2, 0, 1)
    assert (as_saved(direct.images[0]) * 255 - saved).abs().max() <= 1


def test_fewer_bits_draw_nearly_the_same_and_are_another_setting(pipeline, public):
    from spatialfusion.evaluate.image_sources import Request

    asks = select(public, ("t2i",), count=1)[:2]
    requests = [Request(question, 0) for question in asks]
    few = PipelineImages(pipeline, "tiny", asks, precision="bf16", **FEW)
    usual = PipelineImages(pipeline, "tiny", asks, **FEW)
    assert few.settings == usual.settings | {"precision": "bf16"}
    for one, other in zip(few.draw(requests), usual.draw(requests)):
        assert 0 < (one.image - other.image).abs().mean() < 0.05
        assert one.image.dtype == one.geometry.depth.dtype == torch.float32


def test_depth_from_elsewhere(pipeline, public):
    from spatialfusion.evaluate.image_sources import Request

    asks = select(public, ("t2i",), count=1)[:4]
    requests = [Request(question, 0) for question in asks]
    oracle = PipelineImages(pipeline, "tiny", asks, geometry_from="oracle", **FEW)
    exact = scene_geometry([question.scene for question in asks], (SIZE, SIZE))
    drawn = [one.geometry for one in oracle.draw(requests)]
    assert torch.equal(Geometry.cat(drawn).depth, exact.depth)
    shuffled = PipelineImages(pipeline, "tiny", asks, geometry_from="shuffled", **FEW)
    others = [one.geometry.depth[0] for one in shuffled.draw(requests)]
    partner = [[i for i in range(4) if torch.equal(depth, exact.depth[i])] for depth in others]
    assert sorted(partner) == [[0], [1], [2], [3]] and all(i != [k] for k, i in enumerate(partner))
    assert shuffled.settings["questions"] and "questions" not in oracle.settings
    base = PipelineImages(pipeline, "tiny", asks, **FEW, controlnet_conditioning_scale=0.0).draw(requests)
    assert base[0].geometry is None and not torch.equal(base[0].image, oracle.draw(requests)[0].image)
    with pytest.raises(InputError, match="one t2i question"):
        PipelineImages(pipeline, "tiny", asks[:1], geometry_from="shuffled")
    with pytest.raises(InputError, match="t2i-camera_pose-0000 has none"):
        PipelineImages(pipeline, "tiny", [replace(asks[0], scene=None)], geometry_from="oracle")


def test_region_words_come_with_the_scene_unless_they_are_not_wanted(public):
    from spatialfusion.evaluate.image_sources import Request

    told = SpatialFusionPipeline(**region_components(), default_size=SIZE)
    asks = select(public, ("t2i",), count=1)[:4]
    requests = [Request(question, 0) for question in asks]

    def draw(**options) -> list:
        source = PipelineImages(told, "tiny", asks, **options, **FEW)
        wanted = None if options["geometry_from"] == "shuffled" else options.get("region_words", True)
        assert source.settings.get("region_words") is wanted
        return source.draw(requests)

    both, alone = draw(geometry_from="oracle"), draw(geometry_from="oracle", region_words=False)
    assert all(torch.equal(a.geometry.depth, b.geometry.depth) for a, b in zip(both, alone))
    assert not any(torch.equal(a.image, b.image) for a, b in zip(both, alone))
    # Words of another question would say what the image is not to show.
    shuffled = draw(geometry_from="shuffled")
    given = Geometry.cat([one.geometry for one in shuffled])
    generators = [torch.Generator().manual_seed(request.noise_seed) for request in requests]
    prompts = [question.prompt for question in asks]
    expected = told(prompts, geometry=given, generator=generators, output_type="pt", **FEW).images
    for one, image in zip(shuffled, expected):
        torch.testing.assert_close(one.image, image, atol=0.02, rtol=0)


def test_depth_of_the_scene_that_a_prompt_is_read_as(pipeline, public, capsys):
    from spatialfusion.evaluate.image_sources import Request
    from spatialfusion.planner.plan import plan

    (asked,) = select(public, ("t2i",), ("egocentric",), count=1)
    unread = replace(asked, id="unread", prompt="zorply zorply")
    planned = PipelineImages(pipeline, "tiny", [asked, unread], geometry_from="planned", **FEW)
    assert planned.settings["geometry_from"] == "planned"
    request = Request(asked, 2)
    (drawn,) = planned.draw([request])
    made = plan(asked.prompt, request.noise_seed, (SIZE, SIZE))
    assert torch.equal(drawn.geometry.depth, made.geometry.depth)
    assert score(made.scene, asked.statement) == 1
    assert "not planned" not in capsys.readouterr().err
    both = planned.draw([request, Request(unread, 0)])
    assert torch.equal(both[0].geometry.depth, made.geometry.depth)
    assert "unread is not planned" in capsys.readouterr().err
    own = PipelineImages(pipeline, "tiny", [unread], **FEW).draw([Request(unread, 0)])
    assert torch.equal(both[1].geometry.depth, own[0].geometry.depth)


def test_an_edit_is_read_against_its_source(public):
    (asked,) = select(public, ("edit",), ("move_object",), count=1)
    moved = planned_scene(asked, 0, (SIZE, SIZE))
    expected = asked.target.objects[asked.edit.index].position
    assert moved.objects[asked.edit.index].position == pytest.approx(expected, abs=1e-3)
    with pytest.raises(InputError, match="expected its scene"):
        planned_scene(replace(asked, scene=None), 0, (SIZE, SIZE))


# Depth ---------------------------------------------------------------------------------------------------------------


def test_depth_figures_by_hand():
    near, far = torch.zeros(2, 4, dtype=torch.bool), torch.zeros(2, 4, dtype=torch.bool)
    near[:, :2], far[:, 2:] = True, True
    depth = torch.full((1, 2, 4), 2.0)
    depth[..., 2:] = 4.0
    geometry = Geometry.from_depth(depth, focal=50.0)  # so narrow that depth is distance
    from spatialfusion.scenes.statements import ObservedObject

    def seen(first: float, second: float, size=None) -> Seen:
        objects = [ObservedObject((0.0, 0.0, z), (0.0, 0.0, -1.0), size) for z in (first, second)]
        return Seen((SeenObject(near, objects[0], 1.0), SeenObject(far, objects[1], 1.0)))

    assert object_agreement(geometry, seen(2.5, 4.0)) == {"distances": [[2.0, 2.5], [4.0, 4.0]], "order": True}
    # Turned to the camera, so that half of its length is behind the surface.
    planned = object_agreement(geometry, seen(2.275, 4.0, (9.0, 9.0, 1.0)))["distances"]
    assert [pair[0] for pair in planned] == [2.275, 4.275]
    assert object_agreement(geometry, seen(4.0, 2.0))["order"] is False
    assert object_agreement(geometry, seen(2.0, 2.1))["order"] is None
    other = Geometry.from_depth(torch.tensor([[[2.0, 2.0, 2.0, 2.0], [2.0, 3.0, 0.0, 5.0]]]), focal=50.0)
    figures = depth_errors(geometry, other)
    assert figures["delta1"] == pytest.approx(3 / 7)  # 5 to 4 is just not within
    assert figures["abs_rel"] == pytest.approx((0 + 0 + 1 + 1 + 0 + 1 / 3 + 0.2) / 7)
    assert depth_errors(geometry, Geometry.from_depth(torch.zeros(1, 2, 4), 1.0)) is None


# The command ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--images", "a", "--model", "b"], "--model and --images were given"),
        (["--rendered", "--no-depth"], "--no-depth and --geometry-from are of --model"),
        (["--no-depth", "--geometry-from", "oracle"], "expected one of them"),
        (["--judge", "exact"], "--judge exact knows rendered images alone"),
        (["--sub-domains", "egocentrc"], "'egocentrc' (did you mean 'egocentric'?)"),
        (["--task", "edit", "--sub-domains", "egocentric"], "--sub-domains has 'egocentric'"),
        (["--seeds", "0;1"], "--seeds is '0;1'"),
        (["--count", "0"], "--count is 0"),
        (["--size", "128"], "--size is '128'"),
        (["--official", "x.parquet"], "expected --task t2i or --task edit"),
        (["--columns", "words=x"], "--columns has 'words=x'"),
        (["--judge-options", "folder"], "--judge-options has 'folder='"),
        (["--judge", "foundation", "--judge-options", "orientor=x"], "(did you mean 'orienter'?)"),
        (["--judge", "foundation", "--judge-options", "hfov=wide"], "hfov is 'wide'"),
        (["--judge", "foundation", "--model", "x"], "trained_with=NAME"),
        (["--questions", "absent.jsonl"], "absent.jsonl cannot be read"),
        (["--workflow", "absent.json"], "absent.json cannot be read"),
        (["--rendered", "--device", "nowhere"], "--device is 'nowhere', which cannot be used"),
        (["--surprise"], "unrecognized arguments"),
    ],
)
def test_wrong_arguments_are_one_sentence(arguments, sentence, tmp_path, capsys):
    assert sentence in fail(capsys, *arguments, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_own_questions(public, tmp_path):
    file = tmp_path / "mine.jsonl"
    write_questions(file, [replace(question, id=f"mine-{i}") for i, question in enumerate(select(public, count=1))])
    run("--rendered", "--judge", "exact", "--questions", file, "--size", "64x64", "--out", tmp_path / "out",
        "--seeds", "0,7", "--sub-domains", "egocentric", "move_object")  # fmt: skip
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["settings"]["set"] == "mine.jsonl" and report["questions"]["seeds"] == [0, 7]
    assert {task: list(scores["sub_domains"]) for task, scores in report["scores"].items()} == {
        "t2i": ["egocentric"],
        "edit": ["move_object"],
    }
    assert len(read_records(tmp_path / "out")) == 4
