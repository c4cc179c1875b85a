"""The command line: what it writes, and that whatever is wrong is one sentence and no file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import command
from PIL import Image
from tiny import SIZE

from spatialfusion.files import slug
from spatialfusion.generate import main
from spatialfusion.geometry.files import load_geometry, save_geometry
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.model.model import FILE_NAME
from spatialfusion.planner.plan import plan, plan_text

PROMPT = "a red car in front of a blue house"


run, fail = command(main, silent=True)


@pytest.fixture
def geometry(tmp_path) -> Path:
    path = tmp_path / "mine.npz"
    save_geometry(path, Geometry.from_depth(torch.full((1, 20, 20), 3.0), focal=1.0))
    return path


def test_a_whole_run_in_its_own_process(tiny_folder, tmp_path):
    command = [sys.executable, "-m", "spatialfusion.generate", PROMPT, "--model", str(tiny_folder)]
    command += ["--steps", "2", "--depth-steps", "2", "--device", "cpu", "--seed", "7"]
    environment = {"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "", "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    out = tmp_path / "outputs" / "a-red-car-in-front-of-a-blue-house-7"
    written = ["image.png", "depth.png", "depth.npz", "run.json"]
    assert [Path(line).name for line in ended.stdout.splitlines()] == written
    assert sorted(path.name for path in out.iterdir()) == sorted(written)
    assert "depth" in ended.stderr and "image" in ended.stderr and "Warning" not in ended.stderr
    with Image.open(out / "image.png") as image:
        assert image.size == (SIZE, SIZE)
    assert load_geometry(out / "depth.npz").depth.shape == (1, SIZE, SIZE)
    record = json.loads((out / "run.json").read_text())
    assert record["prompt"] == PROMPT and record["seed"] == 7 and record["size"] == [SIZE, SIZE]
    assert set(record["seconds"]) == {"load", "prompt", "depth", "image", "decode", "total"}
    assert record["versions"]["torch"] == torch.__version__


def test_an_edit_with_own_depth_and_size(tiny_folder, tmp_path, geometry):
    Image.new("RGB", (90, 70), "red").save(tmp_path / "source.png")
    out = tmp_path / "out"
    run("paint the car blue", "--image", tmp_path / "source.png", "--geometry", geometry, "--size", "48x32",
        "--steps", 1, "--model", tiny_folder, "--out", out, "--device", "cpu")  # fmt: skip
    with Image.open(out / "image.png") as image:
        assert image.size == (48, 32)
    assert np.allclose(load_geometry(out / "depth.npz").depth, 3.0)


def test_a_single_file_takes_the_place_of_a_part(capsys, tiny_folder, tmp_path):
    images = []
    for name, files in {
        "whole": (),
        "file": ("--vae", tiny_folder / "vae" / "diffusion_pytorch_model.safetensors"),
    }.items():
        run(PROMPT, "--steps", 1, "--depth-steps", 1, "--model", tiny_folder, "--out", tmp_path / name, *files)
        images.append((tmp_path / name / "image.png").read_bytes())
    assert images[0] == images[1]
    assert json.loads((tmp_path / "file" / "run.json").read_text())["vae"].endswith(".safetensors")
    capsys.readouterr()  # progress bars
    assert "--vae needs --model" in fail(capsys, PROMPT, "--vae", "vae.safetensors")
    nowhere = fail(capsys, PROMPT, "--model", tiny_folder, "--vae", "nowhere.safetensors", "--out", tmp_path / "no")
    assert "nowhere.safetensors" in nowhere and not (tmp_path / "no").exists()


def test_a_scene_is_drawn_from_its_exact_depth(tiny_folder, tmp_path, capsys):
    options = ("--seed", 3, "--steps", 1, "--depth-steps", 1, "--model", tiny_folder, "--device", "cpu")
    run("a red car, zorply", "--scene", "auto", *options, "--out", tmp_path / "auto")
    assert "not understood: zorply" in capsys.readouterr().err
    made = plan("a red car, zorply", 3, (SIZE, SIZE))
    assert np.array_equal(load_geometry(tmp_path / "auto" / "depth.npz").depth, made.geometry.depth)
    assert (tmp_path / "auto" / "scene.txt").read_text() == made.text
    record = json.loads((tmp_path / "auto" / "run.json").read_text())
    assert (record["scene"], record["scene_strength"], record["depth_steps"]) == ("auto", 1.0, None)

    text = "ball at 0 4\n"
    (tmp_path / "ball.txt").write_text(text)
    for strength, name in ((1.0, "exact"), (0.3, "start")):
        run(
            "a ball", "--scene", tmp_path / "ball.txt", "--scene-strength", strength, *options, "--out", tmp_path / name
        )
    exact, start = (load_geometry(tmp_path / name / "depth.npz").depth for name in ("exact", "start"))
    assert np.array_equal(exact, plan_text(text, size=(SIZE, SIZE)).geometry.depth)
    assert not np.array_equal(exact, start)
    assert json.loads((tmp_path / "start" / "run.json").read_text())["depth_steps"] == 1


def test_a_scene_is_planned_unless_something_else_is_said_of_depth(tiny_folder, tmp_path, capsys):
    options = ("--steps", 1, "--model", tiny_folder, "--device", "cpu")

    def scene(name: str, prompt: str, *arguments: object) -> str | None:
        run(prompt, *arguments, *options, "--out", tmp_path / name)
        record = json.loads((tmp_path / name / "run.json").read_text())
        assert (record["scene"] == "auto") == (tmp_path / name / "scene.txt").exists()
        assert (record["depth_steps"] is None) == (record["scene"] == "auto")
        return record["scene"]

    assert scene("usual", PROMPT) == "auto"
    assert scene("none", PROMPT, "--scene", "none", "--depth-steps", 1) == "none"
    assert scene("steps", PROMPT, "--depth-steps", 1) is None
    capsys.readouterr()
    assert scene("unreadable", "quickly and without delay") is None
    said = capsys.readouterr().err
    assert "note: " in said and "The model predicts the depth." in said


def test_an_instruction_is_read_against_the_scene_of_the_image_that_it_changes(tiny_folder, tmp_path, capsys):
    options = ("--steps", 1, "--model", tiny_folder, "--device", "cpu")
    run("a red car in front of a blue house", *options, "--out", tmp_path / "first")
    first = plan("a red car in front of a blue house", 0, (SIZE, SIZE)).scene

    def edit(instruction: str, source: str, *arguments: object) -> dict:
        image = tmp_path / source / "image.png"
        run(instruction, "--image", image, *options, *arguments, "--out", tmp_path / "next")
        return json.loads((tmp_path / "next" / "run.json").read_text())

    def things() -> tuple:
        text = (tmp_path / "next" / "scene.txt").read_text()
        return plan_text(text, 0, (SIZE, SIZE)).scene.objects

    assert edit("paint the car green", "first")["scene"] == "auto"
    car, house = things()
    assert (car.color, house.color) == ("green", "blue")
    assert house.position == pytest.approx(first.objects[1].position, abs=0.01)
    # An edit of the edited image goes on from there.
    (tmp_path / "next").rename(tmp_path / "second")
    edit("remove the house", "second")
    (left,) = things()
    assert (left.kind, left.color) == ("car", "green")
    assert edit("zorply it", "first")["scene"] is None and "The model predicts the depth" in capsys.readouterr().err
    assert edit("remove the house", "first", "--scene", "none", "--depth-steps", 1)["scene"] == "none"
    # Of an image of one's own nothing is known, wherever it lies.
    (tmp_path / "first" / "mine.png").write_bytes((tmp_path / "first" / "image.png").read_bytes())
    run("remove the house", "--image", tmp_path / "first" / "mine.png", *options, "--out", tmp_path / "mine")
    assert json.loads((tmp_path / "mine" / "run.json").read_text())["scene"] is None
    (tmp_path / "own").mkdir()
    (tmp_path / "first" / "image.png").rename(tmp_path / "own" / "image.png")
    assert edit("remove the house", "own")["scene"] is None
    message = fail(capsys, "remove it", "--image", tmp_path / "own" / "image.png", "--scene", "auto", *options)
    assert "beside it there is no scene.txt" in message
    (tmp_path / "own" / "scene.txt").write_text("car red at 0 6")
    (tmp_path / "own" / "run.json").write_text("{")
    assert edit("remove the car", "own")["scene"] is None and "run.json is damaged" in capsys.readouterr().err


def test_no_depth_writes_no_depth(tiny_folder, tmp_path):
    out = tmp_path / "out"
    run(PROMPT, "--no-depth", "--steps", 1, "--model", tiny_folder, "--out", out, "--device", "cpu")
    assert sorted(path.name for path in out.iterdir()) == ["image.png", "run.json"]
    record = json.loads((out / "run.json").read_text())
    assert (record["strength"], record["depth_steps"]) == (0, None)
    # What an earlier run with depth has left there would be taken for this image's.
    (out / "depth.npz").write_bytes(b"earlier")
    (out / "mine.txt").write_text("mine")
    run(PROMPT, "--no-depth", "--steps", 1, "--model", tiny_folder, "--out", out, "--device", "cpu")
    assert sorted(path.name for path in out.iterdir()) == ["image.png", "mine.txt", "run.json"]


def test_unknown_words_are_named_with_what_is_known(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("spatialfusion.generate.TINY", tmp_path / "nowhere")
    with pytest.raises(SystemExit):
        run("a purple unicorn in front of a house", "--out", tmp_path / "out")
    warning, *rest = capsys.readouterr().err.splitlines()
    assert "'unicorn'" in warning and "house" not in warning
    known = "\n".join(rest)
    assert "objects: " in known and "house" in known and "red" in known and "behind" in known
    with pytest.raises(SystemExit):
        run(PROMPT, "--out", tmp_path / "out")
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required: prompt"),
        ([" "], "prompt is empty"),
        ([PROMPT, "--sise", "3"], "unrecognized arguments"),
        ([PROMPT, "--size", "128"], "WIDTHxHEIGHT"),
        ([PROMPT, "--seed", "many"], "invalid int value"),
        ([PROMPT, "--seed", "-1"], "--seed is -1"),
        ([PROMPT, "--image", "nowhere.png"], "there is no file nowhere.png"),
        ([PROMPT, "--geometry", "nowhere.npz"], "there is no file nowhere.npz"),
        ([PROMPT, "--geometry", "a.npz", "--no-depth"], "one of them"),
        ([PROMPT, "--device", "abacus"], "try cpu"),
        ([PROMPT, "--model", "no/such/model"], "is not a model folder"),
    ],
)
def test_wrong_arguments_are_one_sentence(capsys, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    model = [] if "--model" in arguments or not arguments else ["--model", str(tmp_path)]
    assert words in fail(capsys, *arguments, *model)
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_of_its_own_takes_the_models_place(capsys, tiny_folder, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(tiny_folder, own)
    (own / FILE_NAME).rename(tmp_path / "mine.safetensors")
    arguments = [PROMPT, "--steps", 1, "--depth-steps", 1, "--out", tmp_path / "out", "--device", "cpu"]
    assert FILE_NAME in fail(capsys, *arguments, "--model", own)
    run(*arguments, "--model", own, "--spatialfusion", tmp_path / "mine.safetensors")
    assert (tmp_path / "out" / "image.png").is_file()
    capsys.readouterr()
    assert "--spatialfusion needs --model" in fail(capsys, PROMPT, "--spatialfusion", tmp_path / "mine.safetensors")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--size=50x64", "width is 50, but must be a multiple of 16 up to 16384, such as 48 or 64"),
        ("--steps=0", "num_inference_steps is 0"),
        ("--depth-steps=0", "depth_steps is 0"),
        ("--depth-guidance=nan", "depth_guidance_scale is nan"),
        ("--guidance=nan", "guidance_scale is nan"),
        ("--image-guidance=2", "has no guidance by the source image"),
        ("--strength=inf", "controlnet_conditioning_scale is inf"),
    ],
)
def test_wrong_settings_are_one_sentence(capsys, tiny_folder, tmp_path, option, words):
    assert words in fail(capsys, PROMPT, option, "--model", tiny_folder, "--device", "cpu", "--out", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_wrong_files_are_one_sentence(capsys, tmp_path, geometry):
    (tmp_path / "text.png").write_text("not a picture")
    Image.new("RGB", (64, 64)).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:60])
    arrays = {name: array for name, array in np.load(geometry).items()}
    np.savez(tmp_path / "nan.npz", **arrays | {"depth": np.full((1, 20, 20), np.nan, np.float32)})
    np.savez(tmp_path / "shape.npz", **arrays | {"depth": np.ones((20, 20), np.float32)})
    two = {name: np.concatenate([array, array]) for name, array in arrays.items()}
    np.savez(tmp_path / "two.npz", **two)
    for option, name, words in (
        ("--image", "text.png", "is not an image"),
        ("--image", "cut.png", "cannot be read"),
        ("--geometry", "nan.npz", "nan.npz"),
        ("--geometry", "shape.npz", "shape.npz"),
        ("--geometry", "two.npz", "holds 2 depth maps"),
        ("--geometry", "cut.png", "cut.json"),
        ("--out", "mine.npz", "is a file"),
    ):
        assert words in fail(capsys, PROMPT, "--model", tmp_path, option, tmp_path / name)


def test_text_that_is_none_is_one_sentence(capsys, tiny_folder, tmp_path):
    out = tmp_path / "out"
    said = fail(capsys, "a car \ud83d", "--model", tiny_folder, "--out", out)
    assert "the prompt has a broken character ('\\ud83d') at position 7" in said and not out.exists()


def test_names_that_are_not_utf8_are_taken_and_printed(capsys, tiny_folder, tmp_path):
    name = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    Image.new("RGB", (32, 32), "red").save(name + ".png")
    run("paint it", "--image", name + ".png", "--steps", 1, "--size", "32x32", "--model", tiny_folder, "--out", name)
    assert "caf\\udce9/image.png" in capsys.readouterr().out
    record = json.loads(Path(name, "run.json").read_text(encoding="utf-8"))
    assert record["image"] == name + ".png"


def test_a_failed_write_leaves_nothing(tiny_folder, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device", "depth.npz")

    monkeypatch.setattr("spatialfusion.geometry.files.save_geometry", full)
    arguments = ("--steps", 1, "--depth-steps", 1, "--model", tiny_folder, "--device", "cpu")
    with pytest.raises(SystemExit) as end:
        run(PROMPT, *arguments, "--out", tmp_path / "out")
    assert end.value.code == 2 and "No space left" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_folder_of_any_prompt_has_a_name_that_fits():
    for letter in "aé红𠀀":
        name = f"{slug(letter * 100)}-{2**63 - 1}-no-depth"
        assert len(name.encode()) < 240 and name.startswith(letter) and slug(letter * 101) != slug(letter * 100)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--scene", "auto", "--geometry", "mine.npz"), "--scene and --geometry were both given"),
        (("--scene", "auto", "--scene-strength", 2), "--scene-strength is 2"),
        (("--scene", "gone.txt"), "there is no file gone.txt"),
    ],
)
def test_scenes_that_cannot_be_are_one_sentence_before_anything_is_loaded(arguments, words, capsys, tmp_path):
    assert words in fail(capsys, PROMPT, *arguments, "--model", "nowhere", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_slug():
    assert slug("A red car, 2 m in front!") == "a-red-car-2-m-in-front"
    assert slug("../../etc") == "etc"
    assert slug("?!") == "image"
    long = "word " * 100
    assert len(slug(long)) <= 60 and slug(long) == slug(long) != slug(long + "more")
