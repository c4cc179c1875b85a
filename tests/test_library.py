"""The face of the library: what `import spatialfusion` offers, and the one command that has all others."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import spatialfusion
from spatialfusion import Geometry, InputError
from spatialfusion.__main__ import COMMANDS
from spatialfusion.__main__ import main as command
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
