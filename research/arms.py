"""The arms of an experiment, read from a YAML file: models, or ways to use one, that answer the same questions.

A file holds, with the keys that `Experiment` and `Arm` explain:

    baseline: base
    reference: add
    judge: scene
    judge_options: {folder: runs/judge/model/judge}
    tasks: [t2i, edit]
    count: 200
    seeds: [0, 1, 2]
    plain: 500
    arms:
      base: {model: runs/evidence/add/model, depth: false, budget: {steps: 0}}
      add: {model: runs/evidence/add/model, label: SpatialFusion, budget: {steps: 4000, seconds: 2300}}
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spatialfusion.defaults import GUIDANCE, STEPS, STRENGTH
from spatialfusion.errors import InputError, suggest
from spatialfusion.evaluate.judges.load import OPTIONS, check_options
from spatialfusion.evaluate.questions import PUBLIC, SUB_DOMAINS
from spatialfusion.train.values import convert, field_types, read_yaml

EMBEDDED = "embedded"  # as `model`: the one in the package
PLAIN = 200


@dataclass(frozen=True)
class Arm:
    """One row of the table.

    Attributes:
        name: also of its folder.
        label: in the table; the name without one.
        model: folder, or "embedded"; images: folder of images named by question, drawn by anything; rendered: the
            renderer, whose answers are right. One of the three.
        image_side: a checkpoint, of which the model is given what draws from depth, and not what plans it.
        depth: False for the base model alone, with the same noise.
        geometry_from, region_words, depth_steps, depth_guidance, strength, steps, guidance: as the options of
            `python -m spatialfusion.evaluate`.
        budget: what the arm has cost, shown as given.
    """

    name: str
    label: str = ""
    model: str | None = None
    images: str | None = None
    rendered: bool = False
    image_side: str | None = None
    depth: bool = True
    geometry_from: str | None = None
    region_words: bool = True
    depth_steps: int | None = None
    depth_guidance: float | None = None
    strength: float = STRENGTH
    steps: int = STEPS
    guidance: float = GUIDANCE
    budget: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return self.label or self.name

    @property
    def missing(self) -> str:
        """A sentence if its model or its images are not there, else an empty text."""
        for what, folder in (("model", self.model), ("images", self.images)):
            if folder is not None and folder != EMBEDDED and not Path(folder).is_dir():
                return f"arm {self.name} has no {what}: there is no folder {folder}."
        if self.image_side is not None and not Path(self.image_side).is_file():
            return f"arm {self.name} has no image side: there is no file {self.image_side}."
        return ""


@dataclass(frozen=True)
class Experiment:
    """What is asked of all arms alike, and who judges.

    Attributes:
        baseline: the arm that is subtracted from every other; reference: the arm from which every other is subtracted.
        count: questions of each sub-domain.
        seeds: of sampling, for each question.
        plain: captions and rendered scenes for general quality; 0 leaves it out.
        size: (width, height) of the images; None for the models' own, and 128x128 where there is no model.
        precision: of the products of matrices while drawing, fp32 or bf16.
        steps: of the arms that are drawn by a model and do not say themselves.
    """

    arms: dict[str, Arm]
    baseline: str
    reference: str
    judge: str = "scene"
    judge_options: dict[str, str] = field(default_factory=dict)
    tasks: tuple[str, ...] = tuple(SUB_DOMAINS)
    count: int = PUBLIC
    seeds: tuple[int, ...] = (0,)
    plain: int = PLAIN
    size: tuple[int, int] | None = None
    precision: str = "fp32"
    steps: int = STEPS


def read_experiment(path: str | Path) -> Experiment:
    """Read and check a file of arms. Raises InputError, which names the key, for all that is wrong with it."""
    values = read_yaml(path, "file of arms")
    given = _fields(values, Experiment, "the file")
    for name in ("arms", "baseline", "reference"):
        if name not in given:
            raise InputError(
                f"{path} has no key {name}: expected arms, and the names of two as baseline and reference."
            )
    arms = {}
    for name, options in given["arms"].items():
        if not re.fullmatch(r"[\w.+-]+", str(name)) or not re.match(r"\w", str(name)):
            raise InputError(f"arms has {name!r}: expected a name of letters, digits and - that a folder can have.")
        own = _fields(options, Arm, f"arm {name}", without=("name",))
        if "model" in own:
            own.setdefault("steps", given.get("steps", STEPS))
        arms[str(name)] = Arm(name=str(name), **own)
    experiment = Experiment(**(given | {"arms": arms}))
    check_experiment(experiment)
    return experiment


def check_experiment(experiment: Experiment) -> None:
    """Raise InputError for values that do not fit each other."""
    arms = experiment.arms
    for role in ("baseline", "reference"):
        name = getattr(experiment, role)
        if name not in arms:
            raise InputError(f"{role} is {name!r}{suggest(name, arms)}: expected one of the arms, {', '.join(arms)}.")
    if experiment.judge not in OPTIONS:
        raise InputError(f"judge is {experiment.judge!r}: expected one of {', '.join(OPTIONS)}.")
    known = OPTIONS[experiment.judge]
    for name, value in experiment.judge_options.items():
        if name not in known or not isinstance(value, str):
            raise InputError(
                f"judge_options has {name}: {value!r}{suggest(str(name), known)}: expected texts under "
                f"{', '.join(known) or 'no name, as this judge has no options'}."
            )
    check_options(experiment.judge_options)
    if experiment.judge == "foundation" and "trained_with" not in experiment.judge_options:
        raise InputError(
            "the foundation judge does not judge with what taught the models: expected trained_with under "
            "judge_options, the teacher of their depth, or unknown."
        )
    if experiment.precision not in ("fp32", "bf16"):
        raise InputError(f"precision is {experiment.precision!r}: expected fp32 or bf16.")
    for task in experiment.tasks:
        if task not in SUB_DOMAINS:
            raise InputError(f"tasks has {task!r}: expected some of {', '.join(SUB_DOMAINS)}.")
    for name, least in (("count", 1), ("plain", 0), ("steps", 1)):
        if getattr(experiment, name) < least:
            raise InputError(f"{name} is {getattr(experiment, name)}: expected at least {least}.")
    if experiment.plain == 1:
        raise InputError("plain is 1: expected 0, or at least 2, as one image has no covariance.")
    seeds = experiment.seeds
    if not seeds or len(set(seeds)) < len(seeds) or not all(0 <= seed <= 999 for seed in seeds):
        raise InputError(f"seeds are {list(seeds)}: expected different whole numbers from 0 to 999.")
    if not experiment.tasks:
        raise InputError("tasks is empty: expected t2i, edit or both.")
    if experiment.size is not None and min(experiment.size) < 1:
        raise InputError(f"size is {list(experiment.size)}: expected width and height in pixels.")
    for arm in arms.values():
        _check_arm(arm, experiment)


def _check_arm(arm: Arm, experiment: Experiment) -> None:
    ways = [name for name in ("model", "images", "rendered") if getattr(arm, name)]
    if len(ways) != 1:
        raise InputError(
            f"arm {arm.name} has {' and '.join(ways) or 'no images'}: expected one of model, images and rendered."
        )
    of_model = {f.name: f.default for f in dataclasses.fields(Arm) if f.name in _OF_MODEL}
    changed = [name for name, usual in of_model.items() if getattr(arm, name) != usual]
    if arm.model is None and changed:
        raise InputError(f"arm {arm.name} has {changed[0]}, which is of a model, but its images are from {ways[0]}.")
    if arm.geometry_from not in (None, "oracle", "shuffled", "planned"):
        raise InputError(
            f"arm {arm.name} has geometry_from {arm.geometry_from!r}: expected oracle, shuffled or planned."
        )
    if not arm.depth and arm.geometry_from is not None:
        raise InputError(f"arm {arm.name} has depth: false and geometry_from: expected one of them.")
    for name, least in (("depth_steps", 1), ("steps", 1), ("depth_guidance", 0)):
        if getattr(arm, name) is not None and getattr(arm, name) < least:
            raise InputError(f"arm {arm.name} has {name} {getattr(arm, name):g}: expected at least {least}.")
    if arm.model is not None and experiment.judge == "exact":
        raise InputError(f"judge exact knows rendered images alone, but arm {arm.name} is of a model.")


_OF_MODEL = (
    *("image_side", "depth", "geometry_from", "region_words"),
    *("depth_steps", "depth_guidance", "strength", "steps", "guidance"),
)


def _fields(values: Any, kind: type, where: str, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The arguments of a dataclass from a mapping of YAML, each checked by its type."""
    if not isinstance(values, Mapping):
        raise InputError(f"{where} holds {values!r}: expected keys with values.")
    types = {name: one for name, one in field_types(kind).items() if name not in without}
    given = {}
    for name, value in values.items():
        if name not in types:
            known = ", ".join(types)
            raise InputError(f"{where} has the key {name!r}{suggest(str(name), types)}: expected some of {known}.")
        given[name] = convert(value, types[name], f"{where}: {name}")
    return given
