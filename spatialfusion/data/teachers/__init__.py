"""Teachers: models that see the metric depth of an image. One file each.

A teacher is called with images [B, 3, H, W] in [0, 1] and returns a Geometry of the same size. An image of which it can
say nothing comes back without a valid pixel; it raises nothing for a single image.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from ...errors import InputError, suggest
from ...geometry import DEPTH_RANGE, FIELD_OF_VIEW_RANGE, Geometry, centred_intrinsics, focal_length
from ..hub import card_licence, find_weights

# scenes is a teacher too, and exact, but renders its images itself: see scenes.py.
NAMES = ("moge", "depth_pro", "depth_anything", "vggt")
OPEN_LICENCES = ("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0")


class Teacher(Protocol):
    """What the labelling needs of a teacher.

    name: the teacher, as stored in records. licence: of its weights. is_metric: whether depth is in metres by itself.
    gives_fov: whether it knows the field of view; else it has to be told.
    """

    name: str
    licence: str
    is_metric: bool
    gives_fov: bool

    def __call__(self, images: Tensor, hfov: Tensor | None = None) -> Geometry:
        """images: [B, 3, H, W] in [0, 1]; hfov: [B] degrees, for a teacher that does not give it."""


def teacher_class(name: str) -> Any:
    """The class of a teacher. Its file imports nothing heavy before a teacher is made."""
    if name == "depth_pro":
        from .depth_pro import DepthPro as Teacher
    elif name == "depth_anything":
        from .depth_anything import DepthAnything as Teacher
    elif name == "moge":
        from .moge import MoGe as Teacher
    elif name == "vggt":
        from .vggt import Vggt as Teacher
    else:
        raise InputError(f"there is no teacher {name!r}{suggest(name, NAMES)}: expected scenes, {', '.join(NAMES)}.")
    return Teacher


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


def sound_geometry(depth: Tensor, valid: Tensor, hfov: Tensor) -> Geometry:
    """Geometry of a teacher's raw output; an image whose field of view makes no sense has no valid pixel.

    depth: [B, H, W] metres, of which only positive and finite ones count. valid: [B, H, W] bool. hfov: [B] degrees of a
    centred camera with square pixels.
    """
    depth, hfov = depth.float(), hfov.to(depth.device, torch.float32)
    height, width = depth.shape[1:]
    vertical = torch.rad2deg(2 * torch.atan(torch.tan(torch.deg2rad(hfov) / 2) * (height / width)))
    sound = _within(hfov, "horizontal") & _within(vertical, "vertical")
    intrinsics = centred_intrinsics(focal_length(hfov.masked_fill(~sound, 60.0)), height, width)
    valid = valid & (depth >= DEPTH_RANGE[0]) & (depth <= DEPTH_RANGE[1]) & sound[:, None, None]
    return Geometry(depth.masked_fill(~valid, 0), valid, intrinsics)


def require_package(package: str, advice: str) -> None:
    """InputError if a package cannot be imported."""
    from importlib.util import find_spec

    if find_spec(package) is None:
        raise InputError(f"the package {package} is not installed: {advice}.")


def _within(degrees: Tensor, axis: str) -> Tensor:
    low, high = FIELD_OF_VIEW_RANGE[axis]
    # A little inside: what a Geometry computes back from intrinsics is rounded.
    return (degrees >= low + 1e-3) & (degrees <= high - 1e-3)


def _check_licence(name: str, weights: str, licence: str, accepted: Sequence[str]) -> None:
    known = {entry.lower() for entry in (*OPEN_LICENCES, *accepted)}
    if licence.lower() not in known:
        raise InputError(
            f"the licence of {name}'s weights {weights} is {licence}, which is not an open one: read it, and add "
            f"--accept-licence {licence} if you may use them."
        )
