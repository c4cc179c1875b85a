"""The judges that commands offer, by name, with their options as text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...files import weights_digest
from ..questions import Question
from .judge import Judge

# What the judges' `load` takes.
OPTIONS = {
    "scene": ("folder",),
    "foundation": (
        "trained_with",
        "detector",
        "segmenter",
        "depth",
        "depth_weights",
        "orienter",
        "accepted",
        "hfov",
    ),
    "exact": (),
}


def check_options(options: Mapping[str, str]) -> None:
    """Raise InputError for a value that no judge can be loaded with."""
    if "hfov" in options and not re.fullmatch(r"\d{1,3}(\.\d+)?", options["hfov"]):
        raise InputError(f"hfov is {options['hfov']!r}: expected degrees, such as 60.")


def load_judge(
    judge: str, options: Mapping[str, str], questions: Sequence[Question], size: tuple[int, int], device: Any
) -> Judge:
    """
    Args:
        options: some of OPTIONS; for the foundation judge with `trained_with`, which may be "unknown".
        questions: what will be asked, for the exact judge; size: (width, height) of the images rendered for it.
    """
    if judge == "exact":
        from .exact import ExactJudge

        # Sources of a batch are looked at before its images.
        scenes = [scene for question in questions for scene in dict.fromkeys((question.scene, question.target))]
        return ExactJudge([scene for scene in scenes if scene is not None], size)
    given: dict[str, Any] = dict(options)
    if judge == "scene":
        from .scene import SceneJudge

        return SceneJudge.load(**given, device=device)
    from .foundation import FoundationJudge

    given["trained_with"] = None if given["trained_with"] == "unknown" else given["trained_with"]
    given["accepted"] = tuple(given.get("accepted", "").split(",")) if given.get("accepted") else ()
    if "hfov" in given:
        given["hfov"] = float(given["hfov"])
    return FoundationJudge.load(**given, device=device)


def judge_settings(judge: str, options: Mapping[str, str]) -> dict[str, str]:
    """For the settings of a run's records; of the scene judge with a digest of its weights, as it is another judge when
    it is trained again."""
    settings = {"judge": judge, **{f"judge_{name}": value for name, value in options.items()}}
    if judge == "scene":
        from .scene import EMBEDDED, FILE_NAME

        file = Path(options.get("folder", EMBEDDED)) / FILE_NAME
        settings["judge_weights"] = weights_digest(file) if file.is_file() else "missing"
    return settings
