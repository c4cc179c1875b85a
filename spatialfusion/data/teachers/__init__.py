"""Teachers: models that see the metric depth of an image. One file each.

A teacher is called with images [B, 3, H, W] in [0, 1] and returns a Geometry of the same size. An image of which it can
say nothing comes back without a valid pixel; it raises nothing for a single image.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ...errors import InputError, suggest
from ..hub import card_licence, find_weights
from .teacher import Teacher

# scenes is a teacher too, and exact, but renders its images itself: see scenes.py.
NAMES = ("moge", "depth_pro", "depth_anything", "vggt")
OPEN_LICENCES = ("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0")


def teacher_class(name: str) -> Any:
    """The class of a teacher. Its file imports nothing heavy before a teacher is made."""
    if name == "depth_pro":
        from .depth_pro import DepthPro

        return DepthPro
    if name == "depth_anything":
        from .depth_anything import DepthAnything

        return DepthAnything
    if name == "moge":
        from .moge import MoGe

        return MoGe
    if name == "vggt":
        from .vggt import Vggt

        return Vggt
    raise InputError(f"there is no teacher {name!r}{suggest(name, NAMES)}: expected scenes, {', '.join(NAMES)}.")


def find_teacher(name: str, weights: str | None, accepted: Sequence[str]) -> tuple[Path, str]:
    """The folder of a teacher's weights and their licence; InputError if that is not open and was not accepted.

    weights: a folder, or a name of the Hub; None: the teacher's own on the Hub. accepted: licences that the user takes.
    """
    kind = teacher_class(name)
    kind.check_package()
    return find_licensed(name, weights or kind.WEIGHTS, kind.LICENCES, accepted)


def find_licensed(name: str, weights: str, licences: dict[str, str], accepted: Sequence[str]) -> tuple[Path, str]:
    """The folder of weights, a folder or a name of the Hub, and their licence; InputError if that is not accepted.

    name: of the network. licences: of weights whose licence is known by their name.
    """
    # Asked before hundreds of megabytes are fetched, where the licence is known by the weights' name.
    licence = licences.get(weights)
    if licence is not None:
        _check_licence(name, weights, licence, accepted)
    folder = find_weights(weights)
    if licence is None:
        licence = card_licence(folder) or "unknown"
        _check_licence(name, weights, licence, accepted)
    return folder, licence


def open_teacher(name: str, folder: Path, licence: str, device: torch.device | str) -> Teacher:
    """Load a teacher from the folder that `find_teacher` found."""
    return teacher_class(name)(folder, licence, device)


def _check_licence(name: str, weights: str, licence: str, accepted: Sequence[str]) -> None:
    known = {entry.lower() for entry in (*OPEN_LICENCES, *accepted)}
    if licence.lower() not in known:
        raise InputError(
            f"the licence of {name}'s weights {weights} is {licence}, which is not an open one: read it, and add "
            f"--accept-licence {licence} if you may use them."
        )
