"""A scene text becomes a scene. docs/scene-text.md describes the language.

Positions count from the ground below a camera at rest: x to the right, z forward, heights upwards. `scene_from_text`
reads, `scene_to_text` (in write.py) writes what reads back as the same scene, `compose.py` draws. A text of numbers
alone means what they say, with a default for each that is missing; any other is solved.
"""

from __future__ import annotations

from collections.abc import Iterable

from .language import read_scene_text
from .plain import plain_layout
from .program import Layout
from .render import Progress
from .solver import solve

EXAMPLE = """\
# two metres between a red car and the blue house behind it; a mug on a table, near the camera
camera height 1.6 pitch 5 fov 60
outdoor
house blue at 0.5 13.4 size 6 5 7
car red at 0 7 facing left
table white at 1 3.4 yaw 20
mug yellow on table
"""


def scene_from_text(text: str, seed: int = 0, aspect: float = 1.0, progress: Progress | None = None) -> Layout:
    """The scene of a text. Raises InputError, with the numbers of lines, for what is not in the language or impossible.

    seed: of what a text with relations leaves open. aspect: width of the image over its height, for which such a
    text is composed. progress: as for `solver.solve`.
    """
    program = read_scene_text(text)
    return solve(program, seed, aspect, progress) if program.solved else plain_layout(program)


def spread(text: str, seeds: Iterable[int], aspect: float = 1.0) -> list[Layout]:
    """Layouts of the same text under several seeds: what it leaves open."""
    program = read_scene_text(text)
    return [solve(program, seed, aspect) if program.solved else plain_layout(program) for seed in seeds]
