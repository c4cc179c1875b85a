"""What several files of tests share."""

from __future__ import annotations

import os

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before torch is imported: processes side by side share the cores.
    os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """A model folder with random weights; see tiny.py. Not to be written to."""
    from tiny import save_tiny

    folder = tmp_path_factory.mktemp("tiny") / "model"
    save_tiny(folder)
    return folder


@pytest.fixture(scope="session")
def teacher_folders(tmp_path_factory):
    """Folders of weights of tiny teachers, by name; see tiny_teachers.py. Not to be written to."""
    from tiny_teachers import save_depth_anything, save_depth_pro

    root = tmp_path_factory.mktemp("teachers")
    return {
        "depth_pro": save_depth_pro(root / "depth_pro"),
        "depth_anything": save_depth_anything(root / "depth_anything"),
    }


@pytest.fixture(scope="module")
def pipe(tiny_folder):
    """The pipeline of `tiny_folder`, one for each file of tests, as tests give it adapters and settings."""
    from tiny_inputs import load

    return load(tiny_folder)
