"""A prompt, or a scene text, as a plan: the solved scene and all that is known of it before anything is drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..geometry.geometry import Geometry
from ..needed import needed
from ..scenes.compose import Composition, check_image_size, draw
from ..scenes.edits import Edit, apply_edit
from ..scenes.program import Layout, object_names
from ..scenes.render import Progress
from ..scenes.scene import Camera, Scene, SceneObject
from ..scenes.statements import observe
from ..scenes.text import scene_from_text
from ..scenes.write import scene_to_text
from ..texts import check_text
from .instruction import read_instruction
from .sentence import read_sentence

SIZE = (1024, 1024)
# How a sentence is read until the solver finds a layout: whether with what is assumed of places, and with how much
# room on things that carry others, in times of what is needed; 0 for usual sizes.
_READINGS = ((True, 0.0), (True, 1.8), (False, 0.0), (False, 1.8), (False, 4.0))
_LEFT_OUT = "what was only assumed of places cannot hold and is left out."
SAMPLES = 2  # rays along each side of a pixel of the picture


def plan(prompt: str, seed: int = 0, size: tuple[int, int] = SIZE, progress: Progress | None = None) -> Plan:
    """Read a sentence in plain English, place what it names, and find the view.

    seed: another one gives another layout of the same sentence. size: (width, height) of the picture, in pixels.
    progress: as for `scenes.solver.solve`. Raises InputError for a sentence that names no thing, and for one whose
    relations cannot hold.
    """
    if not isinstance(prompt, str):
        raise InputError(f"the prompt is a {type(prompt).__name__}: expected a sentence.")
    check_text(prompt, "the prompt")
    tried: set[str] = set()
    first: InputError | None = None
    for assume, spare in _READINGS:
        reading = read_sentence(prompt, assume, spare)
        if reading.text in tried:
            continue
        tried.add(reading.text)
        said = reading.warnings if assume else (*reading.warnings, _LEFT_OUT)
        try:
            return plan_text(reading.text, seed, size, prompt, reading.not_understood, said, progress)
        except InputError as error:
            first = first or error
    raise needed(first)


def plan_text(
    text: str,
    seed: int = 0,
    size: tuple[int, int] = SIZE,
    prompt: str = "",
    not_understood: tuple[str, ...] = (),
    said: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> Plan:
    """The plan of a scene text; see `scenes.text.scene_from_text`, also for errors."""
    check_image_size(size, 0)
    layout = scene_from_text(text, seed, size[0] / size[1], progress)
    return Plan(prompt, text, layout, seed, size, not_understood, said)


def plan_scene(scene: Scene, size: tuple[int, int] = SIZE) -> Plan:
    """The plan of a scene that has its coordinates."""
    check_image_size(size, 0)
    return Plan("", scene_to_text(scene), Layout(scene, object_names(scene.objects)), 0, size)


def plan_edit(instruction: str, source: Plan) -> Plan:
    """The plan of a scene after what an instruction says, such as "move the car 2 m to the left"; the rest stays.

    Raises InputError as `read_instruction`, which see.
    """
    edits = read_instruction(instruction, source.scene, source.names)
    scene = source.scene
    for edit in [edits] if isinstance(edits, Edit) else edits:
        scene = apply_edit(scene, edit)
    return replace(plan_scene(_readable(scene, source.scene), source.size), prompt=instruction)


def _readable(scene: Scene, before: Scene) -> Scene:
    """The scene with the numbers of what has changed rounded to a tenth of a millimetre and a hundredth of a degree, as
    people read its text."""

    def metres(values: tuple[float, float, float]) -> tuple[float, float, float]:
        x, y, z = (round(value, 4) + 0.0 for value in values)
        return x, y, z

    objects = [
        one
        if one in before.objects
        else replace(one, position=metres(one.position), size=metres(one.size), yaw=round(one.yaw, 2))
        for one in scene.objects
    ]
    camera = scene.camera
    if camera != before.camera:
        camera = replace(camera, position=metres(camera.position), yaw=round(camera.yaw, 2))
    return replace(scene, objects=tuple(objects), camera=camera)


@dataclass(frozen=True)
class Box:
    """What is known of one object.

    box: left, top, width and height in pixels of the part that is seen; None where it is not seen. depth: nearest and
    farthest metres of that part, None where none is known. distance: metres from the camera to its centre.
    """

    name: str
    thing: SceneObject
    box: tuple[int, int, int, int] | None
    depth: tuple[float, float] | None
    distance: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON; lengths are metres, and the position is that of the base: right, up, forward."""
        x, y, z = self.thing.position
        edges = None if self.box is None else dict(zip(("x", "y", "width", "height"), self.box))
        return {
            "name": self.name,
            "noun": self.thing.kind,
            "color": self.thing.color,
            "words": self.thing.words,
            "box": edges,
            "metres": {
                "distance": round(self.distance, 3),
                "depth": None if self.depth is None else [round(metres, 3) for metres in self.depth],
                "size": dict(zip(("width", "height", "length"), self.thing.size)),
                "position": [x, -y + 0.0, z],
            },
        }


@dataclass(frozen=True)
class Plan:
    """A solved scene, drawn when its depth or its picture is first asked for.

    prompt: the sentence, empty where there was none. text: the scene text, which with `seed` and the aspect ratio of
    `size` (width, height; pixels) gives this layout again. not_understood: words of the prompt that nothing in the
    scene comes from, in their order. said: warnings of reading and solving; `warnings` has those of drawing as well.
    """

    prompt: str
    text: str
    layout: Layout
    seed: int = 0
    size: tuple[int, int] = SIZE
    not_understood: tuple[str, ...] = ()
    said: tuple[str, ...] = ()

    @property
    def scene(self) -> Scene:
        return self.layout.scene

    @property
    def names(self) -> tuple[str, ...]:
        """Of the objects, in the order of the text; all differ."""
        return self.layout.names

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence each: what was assumed, left out, or cannot be seen."""
        return (*self.said, *self._depth.warnings)

    @property
    def geometry(self) -> Geometry:
        """The exact depth, of one picture."""
        return self._depth.geometry

    @property
    def masks(self) -> Tensor:
        """[N, H, W] bool, one for each object, true where it is what one sees."""
        return self._depth.masks

    @property
    def instance(self) -> Tensor:
        """[H, W] the number of the object that is seen, -1 for none."""
        return self._depth.instance[0]

    @property
    def image(self) -> Tensor:
        """The scene as drawn, [1, 3, H, W] in [0, 1]."""
        return needed(self.draw().image)

    @cached_property
    def boxes(self) -> tuple[Box, ...]:
        """One for each object, in the order of the text."""
        depth = self.geometry.depth[0].masked_fill(~self.geometry.valid[0], torch.nan)
        at = (self.instance >= 0).nonzero()
        which = self.instance[at[:, 0], at[:, 1]]
        metres = depth[at[:, 0], at[:, 1]]
        count, far = len(self.names), max(self.size)
        # Row and column of the first and of the last pixel, and of those with depth the nearest and farthest metres.
        first = torch.full((count, 2), far).scatter_reduce(0, which[:, None].expand(-1, 2), at, "amin").tolist()
        last = torch.full((count, 2), -1).scatter_reduce(0, which[:, None].expand(-1, 2), at, "amax").tolist()
        known = metres.isfinite()
        which, metres = which[known], metres[known]
        near = torch.full((count,), torch.inf).scatter_reduce(0, which, metres, "amin").tolist()
        away = torch.full((count,), -torch.inf).scatter_reduce(0, which, metres, "amax").tolist()
        found = []
        for i, (thing, seen) in enumerate(zip(self.scene.objects, observe(self.scene).objects)):
            (top, left), (bottom, right) = first[i], last[i]
            box = (left, top, right + 1 - left, bottom + 1 - top) if bottom >= top else None
            reach = (near[i], away[i]) if near[i] <= away[i] else None
            found.append(Box(self.names[i], thing, box, reach, math.hypot(*seen.position)))
        return tuple(found)

    def seen_from(self, camera: Camera) -> Plan:
        """The same scene from elsewhere. Its text has every number written out; prompt and names are this plan's.

        From outside of a room its walls would hide all of it: they are left out.
        """
        scene = replace(self.scene, camera=camera)
        said: tuple[str, ...] = ()
        if scene.room is not None and not _is_inside(camera, scene.room):
            scene = replace(scene, room=None, environment="outdoor")
            said = ("The camera is outside of the room: its walls are left out.",)
        layout = Layout(scene, self.names)
        return Plan(self.prompt, scene_to_text(scene), layout, self.seed, self.size, self.not_understood, said)

    @property
    def is_drawn(self) -> bool:
        """Whether its picture is there already."""
        kept = self.__dict__.get("_depth")
        return kept is not None and kept.image is not None

    def draw(self, samples: int = SAMPLES) -> Composition:
        """Depth and picture together, kept for later; `samples` as in `scenes.compose.draw`."""
        if not self.is_drawn:
            self.take(draw(self.layout, self.size, samples))
        return self._depth

    def take(self, drawn: Composition) -> Composition:
        """Keep what was drawn of this plan's layout, at its size, elsewhere."""
        self.__dict__["_depth"] = drawn
        return drawn

    @cached_property
    def _depth(self) -> Composition:
        return draw(self.layout, self.size, samples=0)


def _is_inside(camera: Camera, room: tuple[float, float, float]) -> bool:
    x, y, z = camera.position
    half_width, height, far = room
    return abs(x) < half_width and -y < height and z < far
