"""What several files of tests share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """A model folder with random weights; see tiny.py. Not to be written to."""
    from tiny import save_tiny

    folder = tmp_path_factory.mktemp("tiny") / "model"
    save_tiny(folder)
    return folder
