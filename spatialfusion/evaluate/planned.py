"""The scene that the reader of plain sentences makes of a question, without seeing the scene behind it."""

from __future__ import annotations

from ..errors import InputError
from ..planner.plan import plan, plan_edit, plan_scene
from ..scenes.scene import Scene
from .questions import Question


def planned_scene(question: Question, seed: int, size: tuple[int, int]) -> Scene:
    """The scene that the prompt is read as, solved with `seed` for images of `size` (width, height).

    For an edit it is the source scene after the edits that the instruction is read as. Raises InputError for a prompt
    or an instruction that is not understood.
    """
    if question.edit is None:
        return plan(question.prompt, seed, size).scene
    if question.scene is None:
        raise InputError(f"the source of {question.id} is an image alone: expected its scene, to change it.")
    return plan_edit(question.prompt, plan_scene(question.scene, size)).scene
