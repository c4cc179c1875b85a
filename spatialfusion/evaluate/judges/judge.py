"""What a judge says of an image: the objects that were asked for, where they are, and the camera.

Everything that scores images goes through this: formulas (`scenes/statements.py`, `scenes/edits.py`) take the
`Observation` of a `Seen`, whichever network or renderer it came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from ...scenes.statements import Observation, ObservedObject


@dataclass(frozen=True)
class Asked:
    """An object that a prompt names: "red car", or "car" alone."""

    kind: str
    color: str | None = None


@dataclass(frozen=True)
class SeenObject:
    """An object that a judge found.

    Attributes:
        mask: [H, W] bool, the object's visible pixels.
        observed: position (centre of its box), front and size, in metres and level camera axes.
        confidence: of being what was asked for, 0 to 1.
    """

    mask: Tensor
    observed: ObservedObject
    confidence: float


@dataclass(frozen=True)
class Seen:
    """What a judge found in one image.

    Attributes:
        objects: one for each object asked for, in that order; None where it was not found.
        surplus: how many more objects of the asked kinds and colours there are.
        hfov: horizontal field of view of the image in degrees, None where the judge cannot tell.
    """

    objects: tuple[SeenObject | None, ...]
    surplus: int = 0
    hfov: float | None = None

    @property
    def observation(self) -> Observation | None:
        """For the formulas; None where an object is missing."""
        if None in self.objects:
            return None
        return Observation(tuple(seen.observed for seen in self.objects if seen is not None))


class Judge(Protocol):
    """Looks at images and finds what was asked for."""

    name: str

    def look(self, images: Sequence[Tensor], asked: Sequence[Sequence[Asked]]) -> list[Seen]:
        """
        Args:
            images: [3, H, W] in [0, 1] each; sizes may differ.
            asked: for each image the objects to look for.
        """
        ...
