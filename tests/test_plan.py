"""A plan, and the command that writes one."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import command
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from spatialfusion import plan as module
from spatialfusion.errors import InputError
from spatialfusion.files import run_folder
from spatialfusion.geometry.files import load_geometry
from spatialfusion.plan import main, mask_files
from spatialfusion.planner.plan import plan, plan_scene, plan_text
from spatialfusion.scenes.compose import compose
from spatialfusion.scenes.mesh import encode_scene_glb
from spatialfusion.scenes.scene import Scene
from spatialfusion.scenes.statements import Statement, score
from spatialfusion.scenes.text import scene_from_text

SENTENCE = "a red car two metres in front of a blue house, and a green tree to the left of the house"
FILES = {"scene.txt", "depth.png", "depth.npz", "picture.png", "boxes.json", "scene.glb", "plan.json"}
MASKS = {"masks/red-car.png", "masks/blue-house.png", "masks/green-tree.png"}
SMALL = ("--size", "96x64")
SIZE = (64, 64)

run, fail = command(main)


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


# The library ----------------------------------------------------------------------------------------------------------


def test_a_plan_is_what_its_text_draws():
    made = plan(SENTENCE, seed=3, size=(96, 64))
    drawn = compose(made.text, (96, 64), seed=3)
    assert made.scene == drawn.scene and made.names == drawn.names
    assert torch.equal(made.geometry.depth, drawn.geometry.depth) and torch.equal(made.masks, drawn.masks)
    assert torch.equal(made.image, drawn.image)
    assert made.prompt == SENTENCE and made.seed == 3 and not made.not_understood and not made.warnings
    assert score(made.scene, Statement("egocentric", "closer", 0, 1)) == 1
    assert plan(SENTENCE, seed=4, size=(96, 64)).scene != made.scene


def test_the_order_in_which_a_plan_is_drawn_does_not_matter():
    first, second = plan(SENTENCE, size=(48, 48)), plan(SENTENCE, size=(48, 48))
    depth, image = first.geometry.depth, first.image
    assert torch.equal(second.image, image) and torch.equal(second.geometry.depth, depth)


def test_boxes_are_those_of_the_masks():
    made = plan_text("car red at 0 6\nball at 0.4 3 size 0.5\nhouse at 40 10\ntree at 0 -5\n", size=(96, 64))
    for index, box in enumerate(made.boxes):
        mask = made.masks[index].numpy()
        if not mask.any():
            assert box.box is None and box.depth is None
            continue
        left, top, width, height = box.box
        inside = np.zeros_like(mask)
        inside[top : top + height, left : left + width] = True
        assert (mask <= inside).all()
        assert mask[top].any() and mask[top + height - 1].any()
        assert mask[:, left].any() and mask[:, left + width - 1].any()
        metres = made.geometry.depth[0].numpy()[mask]
        assert box.depth == (metres.min(), metres.max())
    assert [box.box is None for box in made.boxes] == [False, False, True, True]
    assert len(made.warnings) == 2 and all("cannot be seen" in warning for warning in made.warnings)
    car = made.boxes[0]
    # Of the centre: 0.75 m high, 6 m forward, seen from a height of 1.6 m.
    assert car.distance == pytest.approx((6**2 + 0.85**2) ** 0.5, abs=1e-4)
    assert car.to_dict()["metres"]["size"] == {"width": 1.8, "height": 1.5, "length": 4.2}


def test_words_of_the_prompt_are_kept_or_listed():
    made = plan("an old wooden table, zorply", size=(32, 32))
    assert "wooden" in made.boxes[0].to_dict()["words"]
    assert made.not_understood == ("zorply",)


def test_a_solved_scene_is_planned_as_it_is():
    layout = scene_from_text("car red at 0 6")
    made = plan_scene(layout.scene, (32, 32))
    assert made.scene == layout.scene == scene_from_text(made.text).scene


NO_ROOM = (
    "two red balls on a table",
    "five red balls on a table",
    "three small yellow boxes on a large blue box",
    "four backpacks, two peaches and three trains on a platform",
    "four friends sit in a circle on a blanket",
    "eight cats under a piano",
    "six men under a stage",
)


@pytest.mark.parametrize("prompt", NO_ROOM)
def test_what_has_no_room_in_usual_sizes_gets_some(prompt):
    made = plan(prompt, size=SIZE)
    assert any("so that" in said or "no room" in said for said in made.said)
    on = [thing for thing in made.scene.objects if thing.position[1] < 0]
    assert len(on) == len(made.scene.objects) - 1 or "under" in prompt


_THINGS = ("balls", "boxes", "cats", "chairs", "cups", "books", "children", "cars", "trees", "lamps", "apples", "sheep")
_PLACES = (
    *("on a table", "on a bed", "on a car", "around a tree", "around a table", "next to a sofa", "in front of a house"),
    *("behind a bench", "in a row", "in a circle", "in a row on a stage", "above a boat"),
)


@given(st.integers(2, 8), st.sampled_from(_THINGS), st.sampled_from(_PLACES), st.integers(0, 3))
@settings(max_examples=25, deadline=None)
def test_so_many_things_find_their_places(count, things, place, seed):
    made = plan(f"{count} {things} {place}", seed=seed, size=SIZE)
    others = place.count(" a ") - place.startswith("in a ")
    assert len(made.scene.objects) == count + others


@pytest.mark.parametrize("size", [(0, 8), (8, -1), (100_000, 100_000)])
def test_impossible_sizes_are_refused(size):
    with pytest.raises(InputError, match="expected"):
        plan(SENTENCE, size=size)


def test_a_prompt_is_text():
    with pytest.raises(InputError, match="the prompt is a int"):
        plan(3)


# The 3D file ----------------------------------------------------------------------------------------------------------


def read_glb(data: bytes) -> tuple[dict, bytes]:
    magic, version, length = struct.unpack_from("<III", data)
    assert (magic, version, length) == (0x46546C67, 2, len(data))
    size = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[20 : 20 + size]), data[28 + size :]


def triangles(document: dict, binary: bytes, node: dict) -> np.ndarray:
    """[n, 3, 3] corners of a node's triangles."""

    def array(number: int, kind: str) -> np.ndarray:
        accessor = document["accessors"][number]
        view = document["bufferViews"][accessor["bufferView"]]
        data = binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
        found = np.frombuffer(data, kind)
        return found.reshape(-1, 3) if accessor["type"] == "VEC3" else found

    found = []
    for part in document["meshes"][node["mesh"]]["primitives"]:
        points = array(part["attributes"]["POSITION"], "<f4")
        found.append(points[array(part["indices"], "<u4")].reshape(-1, 3, 3))
    return np.concatenate(found).astype(float)


GLB_TEXT = (
    "camera height 2 pitch 12 fov 70 yaw 8 at 0.3 -0.5\ncar red at -1.2 6 yaw 30\nlamp at 1.5 4 size 1.5 yaw 200\n"
    "tree at 4.6 9 size 3\ncube at 1 14 yaw 20 parts block 0 0 0 1 1 1 cone 0 1 0 1 2 1\n"
)


def test_the_3d_file_has_each_object_where_the_camera_sees_it():
    made = plan_text(GLB_TEXT, size=(480, 320))
    document, binary = read_glb(encode_scene_glb(made.scene, made.names, 1.5))
    nodes = {node["name"]: node for node in document["nodes"]}
    assert set(nodes) == {*made.names, "ground", "camera"}
    view = np.linalg.inv(np.array(nodes["camera"]["matrix"]).reshape(4, 4).T)
    lens = document["cameras"][nodes["camera"]["camera"]]["perspective"]
    for box in made.boxes:
        surface = triangles(document, binary, nodes[box.name])
        points = surface.reshape(-1, 3) @ view[:3, :3].T + view[:3, 3]
        half = np.tan(lens["yfov"] / 2)
        x = (points[:, 0] / -points[:, 2] / (half * lens["aspectRatio"]) + 1) * 480 / 2
        y = (1 - points[:, 1] / -points[:, 2] / half) * 320 / 2
        left, top, width, height = box.box
        assert np.allclose([x.min(), x.max(), y.min(), y.max()], [left, left + width, top, top + height], atol=2)
        assert -points[:, 2].max() <= box.depth[0] + 0.02
        # Turned outwards: the volume within is positive, and no more than that of the object's box.
        volume = np.linalg.det(surface).sum() / 6
        assert 0 < volume
        edges = np.ptp(surface.reshape(-1, 3)[:, 1])
        assert edges == pytest.approx(box.thing.size[1], rel=1e-3)


def test_a_room_has_walls_in_the_3d_file():
    made = plan_text("room size 6 3 9\nchair at 0 4", size=(64, 64))
    document, binary = read_glb(encode_scene_glb(made.scene, made.names))
    room = next(node for node in document["nodes"] if node["name"] == "room")
    points = triangles(document, binary, room).reshape(-1, 3)
    assert points[:, 0].min() == -3 and points[:, 0].max() == 3
    assert points[:, 1].max() == 3 and points[:, 2].min() == -9


def test_the_command_compares_an_image_with_its_plan(tmp_path, capsys):
    out = tmp_path / "out"
    run(SENTENCE, "--seed", 2, *SMALL, "--out", out)
    text, depth = out / "scene.txt", tmp_path / "found.npz"
    (out / "depth.npz").rename(depth)
    capsys.readouterr()
    run("--scene", text, "--seed", 2, *SMALL, "--out", out, "--compare", depth)
    printed = capsys.readouterr().out
    assert printed.endswith("score 1.000\n") and "red car" in printed and "+0.00 m" in printed
    assert (out / "comparison.txt").read_text() in printed
    assert set(files_of(out)) == FILES | MASKS | {"comparison.txt", "comparison.png"}
    # Another plan leaves nothing of it behind.
    run(SENTENCE, "--seed", 2, *SMALL, "--out", out)
    assert set(files_of(out)) == FILES | MASKS
    sentence = fail(capsys, "--scene", text, "--out", out, "--compare", depth)
    assert "the geometry is 96x64 pixels and the scene 1024x1024" in sentence
    assert "there is no file" in fail(capsys, "--scene", text, "--out", out, "--compare", tmp_path / "none.npz")


# The command ----------------------------------------------------------------------------------------------------------


def test_the_command_writes_its_files(tmp_path, capsys):
    out = tmp_path / "out"
    run(SENTENCE, "--seed", 2, *SMALL, "--out", out)
    shown = capsys.readouterr()
    written = files_of(out)
    assert set(written) == FILES | MASKS
    assert sorted(shown.out.splitlines()) == sorted(str(out / name) for name in written)
    made = plan(SENTENCE, seed=2, size=(96, 64))
    assert written["scene.txt"].decode() == made.text
    assert torch.equal(load_geometry(out / "depth.npz").depth, made.geometry.depth)
    assert pixels(out / "picture.png").shape == (64, 96, 3)
    grey = pixels(out / "depth.png").astype(float)
    valid = made.geometry.valid[0].numpy()
    assert grey.shape == (64, 96) and (grey[~valid] == 0).all()
    near, far = (np.quantile(made.geometry.depth[0].numpy()[valid], q) for q in (0.1, 0.9))
    assert grey[made.geometry.depth[0].numpy() <= near][:].mean() > grey[made.geometry.depth[0].numpy() >= far].mean()
    for index, name in enumerate(mask_files(made.names)):
        assert np.array_equal(pixels(out / name) > 0, made.masks[index].numpy())
    record = json.loads(written["plan.json"])
    assert Scene.from_json(json.dumps(record["scene"])) == made.scene == scene_from_text(record["layout"]).scene
    assert (record["prompt"], record["seed"], record["size"]) == (SENTENCE, 2, [96, 64])
    assert (record["text"], record["warnings"], record["not_understood"]) == (made.text, [], [])
    assert record["seconds"] > 0
    boxes = json.loads(written["boxes.json"])
    assert [box["name"] for box in boxes] == list(made.names)
    assert {box["mask"] for box in boxes} == MASKS
    assert boxes[1]["noun"] == "house" and set(boxes[1]["box"]) == {"x", "y", "width", "height"}


def test_the_same_seed_is_the_same_plan(tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        run(SENTENCE, "--seed", seed, *SMALL, "--out", tmp_path / name)
    a, b, c = (files_of(tmp_path / name) for name in "abc")
    records = [json.loads(files.pop("plan.json")) for files in (a, b, c)]
    assert a == b and a["picture.png"] != c["picture.png"]
    assert {**records[0], "seconds": 0} == {**records[1], "seconds": 0}


def test_a_scene_text_takes_the_place_of_the_sentence(tmp_path):
    run(SENTENCE, "--seed", 2, *SMALL, "--out", tmp_path / "sentence")
    run("--scene", tmp_path / "sentence" / "scene.txt", "--seed", 2, *SMALL, "--out", tmp_path / "text")
    first, second = (files_of(tmp_path / name) for name in ("sentence", "text"))
    assert json.loads(second.pop("plan.json"))["prompt"] == ""
    del first["plan.json"]
    assert first == second


def test_seeds_show_what_the_text_leaves_open(tmp_path):
    run("a red ball", "--seeds", 3, *SMALL, "--out", tmp_path)
    sheet = pixels(tmp_path / "spread.png")
    assert sheet.shape == (2 * 256 + 4, 3 * 384 + 8, 3)
    tiles = [sheet[:256, left : left + 384] for left in (0, 388, 776)]
    assert not np.array_equal(tiles[0], tiles[1]) and not np.array_equal(tiles[1], tiles[2])
    assert json.loads((tmp_path / "plan.json").read_text())["seed"] == 0


def test_what_was_not_understood_is_said(tmp_path, capsys):
    run("a red car, zorply", *SMALL, "--out", tmp_path / "out")
    assert "not understood: zorply\n" in capsys.readouterr().err


def test_another_plan_leaves_nothing_of_the_one_before_and_keeps_what_is_not_ours(tmp_path):
    (tmp_path / "masks").mkdir()
    for name in ("notes.txt", "masks/mine.txt"):
        (tmp_path / name).write_text("kept")
    run(SENTENCE, "--seeds", 2, *SMALL, "--out", tmp_path)
    run("a red car", *SMALL, "--out", tmp_path)
    assert set(files_of(tmp_path)) == FILES | {"masks/red-car.png", "notes.txt", "masks/mine.txt"}
    (tmp_path / "plan.json").unlink()
    (tmp_path / "spread.png").write_text("mine too")
    run("a red car", *SMALL, "--out", tmp_path)
    assert (tmp_path / "spread.png").read_text() == "mine too"


@pytest.mark.parametrize("exists", [False, True])
def test_a_failure_leaves_nothing(tmp_path, monkeypatch, exists):
    out = tmp_path / "out"
    if exists:
        run(SENTENCE, *SMALL, "--out", out)
    before = files_of(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr(module, "record_of", full)
    with pytest.raises(SystemExit) as end:
        run("a blue ball", *SMALL, "--out", out)
    assert end.value.code == 2
    assert files_of(tmp_path) == before and out.exists() == exists


def test_names_that_come_to_the_same_have_files_of_their_own():
    assert mask_files(["red car", "red-car", "RED car!", "?"]) == [
        "masks/red-car.png",
        "masks/red-car-2.png",
        "masks/red-car-3.png",
        "masks/image.png",
    ]


def test_files_of_a_run_come_whole_or_not_at_all(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(ZeroDivisionError), run_folder(tmp_path, "run", ("x*",)) as folder:
        (folder / "a").write_text("new")
        raise ZeroDivisionError
    assert files_of(tmp_path) == {"a": b"old"}
    for name in ("b/c", "b/d"):
        with run_folder(tmp_path, "run", ("x*", "b/*")) as folder:
            (folder / "b").mkdir()
            for file in ("a", name, "run"):
                (folder / file).write_text("new")
    assert files_of(tmp_path) == {"a": b"new", "b/d": b"new", "run": b"new"}
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o666 & ~mask


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "neither was given"),
        (["a car", "--scene", "x.txt"], "both were given"),
        (["  "], "the prompt is empty"),
        (["a car \ud83d"], "the prompt has a broken character"),
        (["a car", "--seed", -1], "--seed is -1"),
        (["a car", "--size", "big"], "--size is 'big'"),
        (["a car", "--size", "0x64"], "0x64"),
        (["a car", "--size", "99999x99999"], "million pixels"),
        (["a car", "--seeds", 0], "--seeds is 0"),
        (["a car", "--seeds", 1000], "--seeds is 1000"),
        (["xyzzy qwxyz"], "names no thing"),
        (["a red car \udcff"], "UTF-8 can hold"),
        (["--scene", "gone.txt"], "there is no file gone.txt"),
    ],
)
def test_bad_input_is_one_sentence(arguments, words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert words in fail(capsys, *arguments)
    assert not list(tmp_path.iterdir())


def test_files_that_are_no_scene_text_are_one_sentence(tmp_path, capsys):
    for name, data, words in (
        ("binary", b"\xff\xfe\x00car", "is not text in UTF-8"),
        ("long", b"#" * (1 << 21), "is longer than"),
        ("wrong", b"zorply at 0 5", "line 1 of the scene text"),
        ("odds", b"camera auto\ncar left of house\nhouse left of car\n", "line"),
    ):
        (tmp_path / name).write_bytes(data)
        assert words in fail(capsys, "--scene", tmp_path / name, "--out", tmp_path / "out")
    assert "cannot be read" in fail(capsys, "--scene", tmp_path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_starts_without_the_heavy_libraries(tmp_path):
    program = (
        "import sys\n"
        "from spatialfusion.plan import main\n"
        f"main(['a red car', '--size', '64x64', '--out', {str(tmp_path / 'out')!r}])\n"
        "assert not {'transformers', 'diffusers', 'scipy', 'yaml'} & set(sys.modules), sys.modules.keys()\n"
    )
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-c", program], cwd=root, check=True, timeout=120, capture_output=True)


def test_a_word_that_ends_as_an_adverb_is_a_thing_where_a_thing_stands():
    assert any("zorply" in warning for warning in plan("a table and a zorply", size=(32, 32)).warnings)
    assert plan("a dog sleeps peacefully beside a carelessly parked car", size=(32, 32)).not_understood == ()
