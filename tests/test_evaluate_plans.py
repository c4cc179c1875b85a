"""Scenes that planners write for questions are scored exactly, without images."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from spatialfusion.errors import InputError
from spatialfusion.evaluate import __main__ as command
from spatialfusion.evaluate.plans import evaluate_plans, find_writer, judge_scene, read_plans
from spatialfusion.evaluate.questions import public_questions, select
from spatialfusion.scenes.write import scene_to_text

QUESTIONS = select(public_questions(40), ["t2i"], ["egocentric", "object_distance"], 2)


def write_plans(path, texts):
    path.write_text("".join(json.dumps({"id": name, "scene": text}) + "\n" for name, text in texts.items()))


def run(folder, plans, *more):
    asked = ["--sub-domains", "egocentric", "object_distance", "--count", "2"]
    command.main(["--plans", str(plans), *asked, "--out", str(folder), *more])
    return json.loads((folder / "report.json").read_text())


def test_a_questions_own_scene_is_right_and_the_mirrored_one_is_not():
    for question in QUESTIONS:
        assert judge_scene(question, question.scene).score == 1.0
    question = QUESTIONS[2]  # on the left
    assert question.statement.relation == "left" or question.statement.domain == "object_distance"
    far = tuple(
        replace(thing, position=(2 * i * 9.0, 0.0, 5 + 9.0 * i)) for i, thing in enumerate(question.scene.objects)
    )
    assert judge_scene(question, replace(question.scene, objects=far)).score < 1.0


def test_what_was_not_asked_for_counts_as_for_images():
    question = QUESTIONS[0]
    alone = replace(question.scene, objects=question.scene.objects[:1])
    assert judge_scene(question, alone).reason.startswith("not found")
    crowd = replace(question.scene, objects=(*question.scene.objects, question.scene.objects[0]))
    assert judge_scene(question, crowd).reason.startswith("too many")


def test_a_file_of_plans_is_scored(tmp_path, capsys):
    texts = {question.id: scene_to_text(question.scene) for question in QUESTIONS}
    write_plans(tmp_path / "plans.jsonl", texts)
    report = run(tmp_path / "right", tmp_path / "plans.jsonl")
    assert report["scores"]["t2i"]["average"]["strict"]["mean"] == 100
    assert "strict 100.0, skipped 0 of 4 scenes" in capsys.readouterr().out
    first, second, *_ = texts
    texts[first] = "no scene at all"
    del texts[second]
    write_plans(tmp_path / "plans.jsonl", texts)
    report = run(tmp_path / "half", tmp_path / "plans.jsonl")
    average = report["scores"]["t2i"]["average"]
    assert average["strict"]["mean"] == 50 and average["skipped"] == 2 and report["skipped"] == {"no scene": 2}
    kept = [json.loads(line) for line in (tmp_path / "half" / "plans.jsonl").read_text().splitlines()]
    assert kept[0]["settings"]["plans"] == "plans.jsonl" and kept[2]["error"] == "not in the file"
    # What was written can be given back.
    assert read_plans(tmp_path / "half" / "plans.jsonl") == texts


def test_the_built_in_reader_is_scored_under_several_seeds(tmp_path):
    report = run(tmp_path, "built-in", "--seeds", "0,1")
    average = report["scores"]["t2i"]["average"]
    assert average["images"] == 8 and average["strict"]["mean"] == 100


def test_texts_of_an_earlier_start_are_taken(tmp_path):
    asked = []

    def write(question):
        asked.append(question.id)
        return scene_to_text(question.scene)

    first = evaluate_plans(tmp_path, QUESTIONS[:2], [0], write, {"plans": "a"})
    evaluate_plans(tmp_path, QUESTIONS, [0], write, {"plans": "a"})
    assert asked == [question.id for question in QUESTIONS] and first["questions"]["count"] == 2
    evaluate_plans(tmp_path, QUESTIONS[:1], [0], write, {"plans": "b"})
    assert len(asked) == 5  # of another planner: not taken


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "a"}', '{"id": "a", "scene": 3}', "3"])
def test_what_is_no_plan_is_refused(tmp_path, line):
    file = tmp_path / "plans.jsonl"
    file.write_text('{"id": "a", "scene": "dog"}\n' + line)
    with pytest.raises(InputError, match=r"line 2 of .* is no plan: expected lines such as"):
        read_plans(file)
    with pytest.raises(InputError, match="cannot be read"):
        find_writer(str(tmp_path / "none.jsonl"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--plans", "built-in", "--rendered"], "expected one source of images"),
        (["--plans", "built-in", "--task", "edit"], "--plans is of text-to-image questions"),
        (["--plans", "no-such-folder"], "there is no folder no-such-folder"),
    ],
)
def test_what_the_command_refuses(tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        command.main([*arguments, "--out", str(tmp_path)])
