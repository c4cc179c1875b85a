"""The foundation judge: what open networks see in any image, of what was asked for.

Parts, each replaceable: detection (Grounding DINO), segmentation (SAM 2), metric depth and field of view (a teacher's
network that did not teach the model), gravity (the ground in the depth), orientation (Orient-Anything). Orientation may
be missing; `parts` says so, and what it makes of the scores. Nothing is skipped: what a part cannot tell is None in
what is `Seen`, which the formulas score 0, and is counted in `tally`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ...data.teachers import NAMES, find_licensed, find_teacher, open_teacher, teacher_class
from ...data.teachers.teacher import Teacher
from ...errors import InputError
from ...geometry.geometry import Geometry
from ...scenes.statements import ObservedObject
from ..foundation.detect import Detector, GroundingDino
from ..foundation.gravity import Gravity, GroundPlane
from ..foundation.match import match
from ..foundation.measure import measure
from ..foundation.named import Named
from ..foundation.orient import OrientAnything, Orienter, towards
from ..foundation.segment import Sam2, Segmenter, apart
from .judge import Asked, Seen, SeenObject

WITHOUT_ORIENTATION = (
    "missing: no front is known, so camera pose, object pose, complex pose, allocentric and intrinsic relations score "
    "0; width and length are those across and along the line of sight"
)
MIN_LEVEL = 0.3  # the least level part of a front's length with which the front says where a thing faces


@dataclass(frozen=True)
class Part:
    """A part of the judge. name: None where it is missing; then `note` says what follows from that."""

    role: str
    name: str | None
    weights: str = "none"
    licence: str = "none"
    note: str = ""


class FoundationJudge:
    """See Judge.

    Args:
        detector, segmenter, depth, gravity, orienter: the parts; without an orienter no front is known. depth is a
            teacher: it gives a Geometry in metres.
        hfov: horizontal field of view of all images in degrees, for a depth network that does not give it.
        depth_weights: what `parts` says of them.

    Attributes:
        tally: counts over all images looked at: "images", "level assumed" (no ground seen), "objects asked",
            "objects not found", "objects without depth" (found, but too few pixels have one, so counted as not found)
            and "objects without front".
    """

    name = "foundation"

    def __init__(
        self,
        detector: Detector,
        segmenter: Segmenter,
        depth: Teacher,
        gravity: Gravity | None = None,
        orienter: Orienter | None = None,
        hfov: float | None = None,
        depth_weights: str = "not stated",
    ):
        _check_depth(depth, hfov)
        self.detector, self.segmenter, self.depth = detector, segmenter, depth
        self.gravity, self.orienter = gravity or GroundPlane(), orienter
        self.hfov, self.depth_weights = hfov, depth_weights
        self.tally: Counter[str] = Counter()

    @classmethod
    def load(
        cls,
        detector: str | None = None,
        segmenter: str | None = None,
        depth: str = "moge",
        depth_weights: str | None = None,
        orienter: str | None = None,
        *,
        trained_with: str | None,
        accepted: Sequence[str] = (),
        hfov: float | None = None,
        device: torch.device | str = "cpu",
    ) -> FoundationJudge:
        """Load the parts' weights.

        Args:
            detector, segmenter, depth_weights: folders or names of the Hugging Face Hub; None: the part's own there.
            depth: name of a teacher whose depth is metric: moge, depth_pro or depth_anything.
            orienter: folder of Orient-Anything's weights as safetensors; None: without orientation.
            trained_with: name of the teacher that the judged model was trained with, as its records state it, such as
                "scenes" or "vggt+moge"; None: not known. A network does not judge what it taught.
            accepted: licences that are not open and are taken nevertheless.
        """
        if depth not in _metric_names():
            raise InputError(f"depth is {depth!r}: expected one of {', '.join(_metric_names())}.")
        if trained_with is not None and depth in trained_with.split("+"):
            others = [name for name in _metric_names() if name not in trained_with.split("+")]
            raise InputError(
                f"depth is {depth!r}, which taught the model that is judged ({trained_with}): expected "
                f"{' or '.join(others)}."
            )
        _check_depth(teacher_class(depth), hfov)
        # All licences are asked before anything is loaded.
        to_detect = _find(GroundingDino, detector or GroundingDino.WEIGHTS, accepted)
        to_segment = _find(Sam2, segmenter or Sam2.WEIGHTS, accepted)
        to_orient = None if orienter is None else _find(OrientAnything, orienter, accepted)
        folder, licence = find_teacher(depth, depth_weights, accepted)
        return cls(
            GroundingDino(*to_detect, device),
            Sam2(*to_segment, device),
            open_teacher(depth, folder, licence, device),
            orienter=None if to_orient is None else OrientAnything(*to_orient, device),
            hfov=hfov,
            depth_weights=depth_weights or teacher_class(depth).WEIGHTS,
        )

    @property
    def parts(self) -> tuple[Part, ...]:
        """Each part with its weights and licence, and what is missing."""
        orientation = Part("orientation", None, note=WITHOUT_ORIENTATION)
        return (
            _part("detection", self.detector),
            _part("segmentation", self.segmenter),
            Part("depth", self.depth.name, self.depth_weights, self.depth.licence),
            _part("gravity", self.gravity),
            orientation if self.orienter is None else _part("orientation", self.orienter),
        )

    def look(self, images: Sequence[Tensor], asked: Sequence[Sequence[Asked]]) -> list[Seen]:
        """See Judge."""
        if len(images) != len(asked):
            raise InputError(
                f"there are {len(images)} images and {len(asked)} lists of objects; expected one for each."
            )
        for index, (image, things) in enumerate(zip(images, asked)):
            _check(index, image, things)
        return [self._look(image.float().cpu(), things) for image, things in zip(images, asked)]

    def _look(self, image: Tensor, asked: Sequence[Asked]) -> Seen:
        self.tally.update({"images": 1, "objects asked": len(asked)})
        hfov = None if self.hfov is None else torch.tensor([self.hfov])
        geometry = self.depth(image[None], hfov).to("cpu")
        level = self.gravity(geometry)
        self.tally["level assumed"] += level.source == "assumed"

        names = [" ".join(filter(None, (thing.color, thing.kind))) for thing in asked]
        queries = list(dict.fromkeys(names))
        found = self.detector(image, queries)
        chosen, surplus = match(found.boxes, found.scores, [queries.index(name) for name in names])
        seen = [row for row in chosen if row is not None]
        masks = iter(apart(self.segmenter(image, found.boxes[seen])) if seen else ())
        objects: list[SeenObject | None] = []
        for thing, name, row in zip(asked, names, chosen):
            if row is None:
                self.tally["objects not found"] += 1
                objects.append(None)
                continue
            confidence = found.scores[row, queries.index(name)].item()
            objects.append(
                self._place(thing, image, found.boxes[row], next(masks), geometry, level.rotation, confidence)
            )
        return Seen(tuple(objects), surplus, geometry.hfov.item() if geometry.valid.any() else None)

    def _place(
        self,
        thing: Asked,
        image: Tensor,
        box: Tensor,
        mask: Tensor,
        geometry: Geometry,
        level: Tensor,
        confidence: float,
    ) -> SeenObject | None:
        """A thing that was found, in level axes."""
        front = self._front(image, box, mask, geometry, level)
        measured = measure(geometry, mask, level, front)
        if measured is None:
            self.tally["objects without depth"] += 1
            return None
        if front is None:
            self.tally["objects without front"] += 1
        position, size = measured
        facing = None if front is None else (front[0], 0.0, front[1])
        return SeenObject(mask, ObservedObject(position, facing, size, thing.kind, thing.color or ""), confidence)

    def _front(
        self, image: Tensor, box: Tensor, mask: Tensor, geometry: Geometry, level: Tensor
    ) -> tuple[float, float] | None:
        """The level direction (x, z) in which a thing faces; None where that is not known, or up or down."""
        facing = None if self.orienter is None else self.orienter(image, box, mask)
        if facing is None:
            return None
        # The orienter is shown a cutting, as a camera that looks straight at the thing would see it.
        height, width = image.shape[-2:]
        middle = (box[:2] + box[2:]) / 2 / torch.tensor([width, height])
        (fx, _, cx), (_, fy, cy), _ = geometry.intrinsics[0].tolist()
        ray = torch.tensor([(middle[0].item() - cx) / fx, (middle[1].item() - cy) / fy, 1.0])
        x, _, z = (level @ towards(ray) @ facing.direction).tolist()
        flat = torch.tensor([x, z])
        if flat.norm() < MIN_LEVEL:
            return None
        x, z = F.normalize(flat, dim=0).tolist()
        return x, z


def _find(
    kind: type[GroundingDino] | type[Sam2] | type[OrientAnything], weights: str, accepted: Sequence[str]
) -> tuple[Path, str, str]:
    """A network's folder, the weights' name and their licence, with which it is loaded."""
    kind.check_package()
    folder, licence = find_licensed(kind.name, weights, kind.LICENCES, accepted)
    return folder, weights, licence


def _part(role: str, part: Named) -> Part:
    return Part(role, part.name, part.weights, part.licence)


def _metric_names() -> list[str]:
    """Teachers that can judge alone: vggt's depth is known up to a factor."""
    return [name for name in NAMES if name != "vggt"]


def _check_depth(depth: Teacher | type[Teacher], hfov: float | None) -> None:
    if not depth.is_metric:
        raise InputError(f"the depth of {depth.name} is not metric: expected {', '.join(_metric_names())}.")
    if hfov is None and not depth.gives_fov:
        raise InputError(f"{depth.name} gives no field of view: hfov has to be that of the images, in degrees.")
    if hfov is not None and depth.gives_fov:
        raise InputError(f"hfov is {hfov:g}: {depth.name} gives the field of view itself, leave it out.")


def _check(index: int, image: Tensor, asked: Sequence[Asked]) -> None:
    if not isinstance(image, Tensor) or image.ndim != 3 or image.shape[0] != 3 or min(image.shape[1:]) < 16:
        shape = list(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise InputError(f"image {index} is {shape}; expected a tensor [3, height, width] of 16 pixels or more.")
    if not image.is_floating_point() or not image.isfinite().all() or image.min() < 0 or image.max() > 1:
        raise InputError(f"image {index} has values that are no colours; expected floating point from 0 to 1.")
    if not asked:
        raise InputError(f"nothing is asked of image {index}; expected at least one object.")
    for thing in asked:
        if not thing.kind.strip():
            raise InputError(f"an object asked of image {index} has no kind; expected a word such as car.")
