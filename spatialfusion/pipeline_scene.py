"""From the pipeline's argument `scene` to one plan for each image, and to their depth."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import torch

from .errors import InputError
from .geometry.geometry import Geometry
from .planner.plan import Plan, plan, plan_scene, plan_text
from .scenes.scene import Scene

AUTO = "auto"
SceneInput = str | Scene | Plan


def plan_images(
    scene: SceneInput | Sequence[SceneInput],
    prompts: Sequence[str],
    rows: Sequence[int],
    generators: Sequence[torch.Generator],
    size: tuple[int, int],
    is_edit: bool = False,
) -> list[Plan]:
    """One plan for each image.

    A text is solved with the seed of the image's generator, and with the next one for each further image of the same
    generator: so the images of one text have layouts of their own.

    Args:
        scene: "auto" to read the image's prompt, a scene text, or what is solved already; one for all images, for each
            prompt or for each image.
        rows: the number of the prompt of every image.
        size: (height, width) of the images in pixels.
        is_edit: whether the prompts are instructions, which say nothing of what stays.
    """
    scenes = [scene] if isinstance(scene, (str, Scene, Plan)) else scene
    if not isinstance(scenes, (list, tuple)) or not all(isinstance(item, (str, Scene, Plan)) for item in scenes):
        raise InputError(f"scene is a {type(scene).__name__}: expected 'auto', a scene text, a Scene or a Plan.")
    if len(scenes) not in (1, len(prompts), len(rows)):
        raise InputError(
            f"scene holds {len(scenes)} scenes for {len(prompts)} prompts and {len(rows)} images: expected one for "
            "all, one for each prompt or one for each image."
        )
    if is_edit and AUTO in scenes:
        raise InputError(
            "scene is 'auto', but the prompt of an edit says only what changes: expected the scene after the edit, "
            "such as plan_edit of spatialfusion.planner.plan gives."
        )
    if AUTO in scenes and not all(prompts):
        raise InputError("scene is 'auto', but there is no prompt to read: expected a prompt, or another scene.")
    height, width = size
    used: Counter[int] = Counter()
    solved: dict[int, Plan] = {}  # one plan for all images of a scene that is solved, so that it is drawn once
    plans = []
    for number, (row, generator) in enumerate(zip(rows, generators)):
        item = scenes[0 if len(scenes) == 1 else number if len(scenes) == len(rows) else row]
        seed = generator.initial_seed() + used[id(generator)]
        used[id(generator)] += 1
        if not isinstance(item, str):
            if id(item) not in solved:
                resized = isinstance(item, Plan) and dataclasses.replace(item, size=(width, height))
                solved[id(item)] = resized or plan_scene(item, (width, height))
            plans.append(solved[id(item)])
        elif item == AUTO:
            plans.append(plan(prompts[row], seed, (width, height)))
        else:
            plans.append(plan_text(item, seed, (width, height), prompts[row]))
    return plans


def plan_depth(plans: Sequence[Plan], strength: float) -> tuple[Geometry | None, tuple[Geometry, float] | None]:
    """The depth of planned images: as it is, or as the start of the flow that predicts depth; one of the two, or none.

    strength: 1 takes the scenes' exact depth; below it the flow starts from that depth, noised to t = 1 - strength, and
    draws on; at 0 it starts from noise alone, as without scenes.
    """
    if isinstance(strength, bool) or not isinstance(strength, (int, float)) or not 0 <= strength <= 1:
        raise InputError(f"scene_strength is {strength!r}: expected a number from 0 to 1.")
    if strength == 0:
        return None, None
    exact = Geometry.cat([one.geometry for one in plans])
    return (exact, None) if strength == 1 else (None, (exact, 1.0 - strength))
