"""The face of the library: what `import spatialfusion` offers, and the one command that has all others."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import spatialfusion
from spatialfusion import Geometry, InputError, SpatialFusionModel, SpatialFusionPipeline
from spatialfusion.__main__ import COMMANDS
from spatialfusion.__main__ import main as command
from spatialfusion.model.model import FILE_NAME
from spatialfusion.versions import versions

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", spatialfusion.__all__)
def test_what_is_offered_is_there_and_is_listed(name):
    assert getattr(spatialfusion, name).__name__ == name
    assert name in dir(spatialfusion)


def test_the_library_and_the_package_have_one_version():
    line = next(line for line in (ROOT / "pyproject.toml").read_text().splitlines() if line.startswith("version"))
    assert line == f'version = "{spatialfusion.__version__}"'
    assert versions()["spatialfusion"] == spatialfusion.__version__


def test_versions_leave_out_what_is_not_installed():
    assert "no-such-library" not in versions("no-such-library")
    assert versions("pillow")["torch"] == torch.__version__


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_a_module_that_runs_by_itself(name):
    assert callable(importlib.import_module(f"spatialfusion.{COMMANDS[name]}").main)
    assert COMMANDS[name] in (name, f"{name}.__main__")


def test_the_one_command_hands_arguments_on(tmp_path):
    command(["plan", "a red cube", "--size", "32x32", "--out", str(tmp_path / "plan")])
    assert (tmp_path / "plan" / "scene.txt").exists()


def test_an_unknown_command_is_one_sentence():
    run = [sys.executable, "-m", "spatialfusion", "genrate"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no command 'genrate' (did you mean 'generate'?): expected plan,")
    assert len(done.stderr.splitlines()) == 1


def test_a_field_of_view_stands_for_a_focal_length():
    depth = torch.full((2, 4, 6), 3.0)
    by_angle = Geometry.from_depth(depth, hfov=90)
    assert torch.allclose(by_angle.intrinsics, Geometry.from_depth(depth, focal=0.5).intrinsics)
    for camera in ({}, {"focal": 0.5, "hfov": 90}):
        with pytest.raises(InputError, match="expected one of them"):
            Geometry.from_depth(depth, **camera)


def test_the_types_of_no_module_are_left_unchecked():
    assert "ignore_errors" not in (ROOT / "pyproject.toml").read_text()


# The spatial model by itself -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tiny_folder) -> SpatialFusionModel:
    return SpatialFusionModel.load(tiny_folder)


def same(one: SpatialFusionModel, other: SpatialFusionModel) -> bool:
    states = {**one.state_dict(), **one.backbone_tensors}, {**other.state_dict(), **other.backbone_tensors}
    return one.config == other.config and all(torch.equal(states[0][k], states[1][k]) for k in {*states[0], *states[1]})


def test_a_saved_model_is_loaded_as_it_was(model, tmp_path):
    for folder in (tmp_path / "own", tmp_path / "own", tmp_path / "a" / "b"):  # also onto an older one
        model.save_pretrained(folder)
        assert sorted(path.name for path in folder.iterdir()) == ["config.json", FILE_NAME]
        loaded = SpatialFusionModel.from_pretrained(folder)
        assert same(loaded, model) and model.backbone_tensors and not loaded.training
    assert same(SpatialFusionModel.load(tmp_path / "own"), model)
    half = SpatialFusionModel.from_pretrained(tmp_path / "own", dtype="bfloat16")
    assert half.dtype == torch.bfloat16
    half.save_pretrained(tmp_path / "half")
    assert same(SpatialFusionModel.from_pretrained(tmp_path / "half", dtype=torch.bfloat16), half)


def test_a_pipeline_takes_a_saved_model_and_the_model_that_of_a_pipeline(model, tiny_folder, tmp_path):
    assert same(SpatialFusionModel.from_pretrained(tiny_folder), model)
    model.save_pretrained(tmp_path)
    assert same(SpatialFusionPipeline.from_pretrained(tiny_folder, spatialfusion=tmp_path).spatialfusion, model)


def test_a_model_of_the_hub_is_the_copy_on_this_machine(model, tmp_path):
    """In the layout of huggingface_hub's cache, so without the network."""
    repository = tmp_path / "models--someone--depth"
    model.save_pretrained(repository / "snapshots" / ("0" * 40))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    options = {"cache_dir": tmp_path, "local_files_only": True}
    assert same(SpatialFusionModel.from_pretrained("someone/depth", **options), model)
    with pytest.raises(InputError, match="there is no folder someone/other, and the Hub gives no model of that name"):
        SpatialFusionModel.from_pretrained("someone/other", **options)


def damage(folder: Path, kind: str) -> str:
    """Spoil a saved model; returns what is said of it."""
    path = folder / "config.json"
    if kind == "changed":
        path.write_text(json.dumps(json.loads(path.read_text()) | {"num_layers": 10**9}))
        return f"config.json says num_layers 1000000000, but {FILE_NAME} beside it 2"
    if kind == "cut":
        path.write_text(path.read_text()[:100])
        return "config.json is damaged"
    if kind == "huge":
        path.write_bytes(b" " * 2**20)
        return "config.json is damaged"
    if kind == "list":
        path.write_text("[]")
        return "config.json is damaged"
    if kind == "no weights":
        (folder / FILE_NAME).unlink()
        return f"{FILE_NAME} does not exist"
    (folder / FILE_NAME).write_bytes(b"PK\x03\x04 whatever")
    return "pickle"


@pytest.mark.parametrize("kind", ["changed", "cut", "huge", "list", "no weights", "pickle"])
def test_a_damaged_model_is_one_sentence_before_a_network_is_made(model, tmp_path, monkeypatch, kind):
    model.save_pretrained(tmp_path)
    words = damage(tmp_path, kind)
    monkeypatch.setattr(SpatialFusionModel, "__init__", None)  # whoever makes one fails otherwise
    with pytest.raises(InputError, match=words) as error:
        SpatialFusionModel.from_pretrained(tmp_path)
    assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dtype": "int8"}, "dtype is 'int8'"),
        ({"torch_dtype": torch.float16}, "there is no option torch_dtype: expected dtype, cache_dir"),
    ],
)
def test_a_wrong_option_of_a_model_is_one_sentence(tiny_folder, options, words):
    with pytest.raises(InputError, match=words):
        SpatialFusionModel.from_pretrained(tiny_folder, **options)


def test_a_full_disk_leaves_the_older_model(model, tmp_path, monkeypatch):
    model.save_pretrained(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("spatialfusion.model.model.save_file", full)
    with pytest.raises(OSError, match="No space left"):
        model.save_pretrained(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
