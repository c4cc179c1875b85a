"""Geometry: depth in metres, where it is known, and the camera that sees it.

Axes are OpenCV's: x right, y down, z forward. Depth is the distance along z. Intrinsics are normalised by the image's
size, so that they do not depend on its resolution; pixel (row, column) has its centre at
((column + 0.5) / width, (row + 0.5) / height).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..errors import InputError

DEPTH_RANGE = (1e-4, 1e6)  # metres; outside of it float32 arithmetic on points and disparities loses its meaning
# Degrees. Intrinsics in pixels fall below the horizontal range; the vertical one leaves room for panoramas.
FIELD_OF_VIEW_RANGE = {"horizontal": (1.0, 175.0), "vertical": (0.1, 179.5)}

# Two neighbours whose depths differ by less than this are on one surface.
_JUMP = 0.05
# A larger difference is still one surface where the slope this many pixels away explains it. Planes are linear in
# 1 / depth, so the ground keeps its slope up to the horizon; the blurred edge of an object is narrower than this.
_REACH = 4


@dataclass(frozen=True, eq=False)
class Geometry:
    """Metric depth of a batch of images.

    depth: [B, H, W] float32, metres along the optical axis; where not valid any finite number (others become 0).
    valid: [B, H, W] bool, false for sky and for unknown depth.
    intrinsics: [B, 3, 3] float32, normalised: fx / width, fy / height, cx / width, cy / height, without skew. The
        principal point is (0.5, 0.5) unless the image is a crop.

    The constructor refuses what is not a geometry; the tensors are shared, not copied, and gradients flow through.
    """

    depth: Tensor
    valid: Tensor
    intrinsics: Tensor

    def __post_init__(self) -> None:
        for name in ("depth", "valid", "intrinsics"):
            if not isinstance(getattr(self, name), Tensor):
                raise InputError(f"{name} is a {type(getattr(self, name)).__name__}; expected a torch.Tensor.")
        if self.depth.ndim != 3 or self.depth.numel() == 0:
            raise InputError(f"depth has shape {list(self.depth.shape)}; expected [batch, height, width].")
        if not self.depth.is_floating_point():
            raise InputError(f"depth has dtype {self.depth.dtype}; expected floating-point metres.")
        if self.valid.shape != self.depth.shape:
            raise InputError(
                f"valid has shape {list(self.valid.shape)}; expected depth's shape {list(self.depth.shape)}."
            )
        if self.valid.dtype != torch.bool:
            raise InputError(f"valid has dtype {self.valid.dtype}; expected torch.bool, true where depth is known.")
        if self.intrinsics.shape != (len(self.depth), 3, 3):
            raise InputError(
                f"intrinsics have shape {list(self.intrinsics.shape)}; expected [{len(self.depth)}, 3, 3], "
                "one matrix for each depth map."
            )
        if not self.intrinsics.is_floating_point():
            raise InputError(f"intrinsics have dtype {self.intrinsics.dtype}; expected floating point.")
        if not self.depth.device == self.valid.device == self.intrinsics.device:
            raise InputError(
                f"depth, valid and intrinsics are on {self.depth.device}, {self.valid.device} and "
                f"{self.intrinsics.device}; expected one device."
            )
        object.__setattr__(self, "depth", self.depth.float())
        object.__setattr__(self, "intrinsics", self.intrinsics.float())
        _check_depth(self.depth, self.valid)
        _check_intrinsics(self.intrinsics)
        if not all(one.isfinite().all() for one in self.depth):
            object.__setattr__(self, "depth", self.depth.masked_fill(~self.depth.isfinite(), 0))

    @classmethod
    def from_depth(
        cls, depth: Tensor, focal: float | Tensor | None = None, *, hfov: float | Tensor | None = None
    ) -> Geometry:
        """Geometry of a centred camera with square pixels; zero, negative, infinite and NaN depth becomes invalid.

        Args:
            depth: [B, H, W] metres along the optical axis.
            focal: focal length over the image's width, one number or [B].
            hfov: horizontal field of view in degrees, one number or [B], in place of `focal`.

        Raises:
            InputError: when depth or camera have other shapes, or when not exactly one of focal and hfov is given.
        """
        if (focal is None) == (hfov is None):
            raise InputError(f"focal is {focal} and hfov is {hfov}: expected one of them.")
        if hfov is not None:
            focal = focal_length(hfov)
        if not isinstance(depth, Tensor) or depth.ndim != 3:
            what = f"has shape {list(depth.shape)}" if isinstance(depth, Tensor) else f"is a {type(depth).__name__}"
            raise InputError(f"depth {what}; expected a torch.Tensor [batch, height, width].")
        focal = torch.as_tensor(focal, dtype=torch.float32, device=depth.device)
        if focal.ndim > 1 or focal.numel() not in (1, len(depth)):
            raise InputError(
                f"focal has shape {list(focal.shape)} for {len(depth)} depth maps; expected one number for all, or "
                "one for each."
            )
        focal = focal.expand(len(depth))
        valid = (depth >= DEPTH_RANGE[0]) & (depth <= DEPTH_RANGE[1])
        return cls(depth, valid, centred_intrinsics(focal, *depth.shape[1:]))

    @classmethod
    def cat(cls, geometries: Sequence[Geometry]) -> Geometry:
        """Join batches; all must have one height and width and be on one device."""
        if not geometries:
            raise InputError("there is no geometry to join; expected at least one.")
        for kind, values in (
            ("sizes", {f"{geometry.width}x{geometry.height}" for geometry in geometries}),
            ("devices", {str(geometry.depth.device) for geometry in geometries}),
        ):
            if len(values) > 1:
                raise InputError(f"the geometries to join have {kind} {' and '.join(sorted(values))}; expected one.")
        return cls(
            *(torch.cat([getattr(geometry, name) for geometry in geometries]) for name in cls.__dataclass_fields__)
        )

    @classmethod
    def from_frames(
        cls, count: int, frame: Callable[[int], Geometry], progress: Callable[[], None] | None = None
    ) -> Geometry:
        """A batch of images that are made one at a time, so that the memory that making takes is that of one.

        frame: gives image i as a batch of one; all have one size. progress: called after each image; if it raises,
            no more are made.
        """
        if count < 1:
            raise InputError("there are no images; expected at least one.")
        parts: list[Tensor] = []
        for i in range(count):
            made = [getattr(frame(i), name) for name in cls.__dataclass_fields__]
            if count == 1:
                parts = made
            elif not parts:
                parts = [part.new_empty(count, *part.shape[1:]) for part in made]
            if count > 1:
                for part, one in zip(parts, made):
                    part[i] = one[0]
            if progress is not None:
                progress()
        return cls(*parts)

    def __len__(self) -> int:
        return len(self.depth)

    def __getitem__(self, index: int | slice | Sequence[int] | Tensor) -> Geometry:
        """Select from the batch; one index keeps the batch axis, with length 1."""
        if isinstance(index, int):
            if not -len(self) <= index < len(self):
                raise IndexError(f"image {index} of a batch of {len(self)}")
            index = [index]
        return Geometry(self.depth[index], self.valid[index], self.intrinsics[index])

    def to(self, device: torch.device | str) -> Geometry:
        return Geometry(self.depth.to(device), self.valid.to(device), self.intrinsics.to(device))

    @property
    def height(self) -> int:
        return self.depth.shape[1]

    @property
    def width(self) -> int:
        return self.depth.shape[2]

    @property
    def focal(self) -> Tensor:
        """[B] horizontal focal length over the image's width."""
        return self.intrinsics[:, 0, 0]

    @property
    def hfov(self) -> Tensor:
        """[B] horizontal field of view in degrees: the angle between the image's left and right edges."""
        return _field_of_view(self.intrinsics, axis=0)

    def filled(self, value: float) -> Tensor:
        """[B, H, W] depth in metres, with `value` where it is not valid."""
        return self.depth.masked_fill(~self.valid, value)

    def rays(self) -> Tensor:
        """[B, H, W, 3] unit directions in which the camera sees the pixel centres."""
        return F.normalize(self._plane_points(), dim=-1)

    def points(self) -> Tensor:
        """[B, H, W, 3] positions in metres, x right, y down, z forward; (0, 0, 0) where depth is not valid."""
        return self._plane_points() * self.filled(0)[..., None]

    def normals(self) -> Tensor:
        """[B, H, W, 3] unit surface normals that face the camera; (0, 0, 0) where unknown.

        A normal is the mean over the corners that a pixel makes with two neighbours on the same surface: beside a
        discontinuity it is one-sided, and unknown for an isolated pixel.
        """
        points = self.points()
        right, down = self.connected()
        step_x = F.normalize(points[:, :, 1:] - points[:, :, :-1], dim=-1) * right[..., None]
        step_y = F.normalize(points[:, 1:] - points[:, :-1], dim=-1) * down[..., None]
        to_right, to_left = F.pad(step_x, (0, 0, 0, 1)), F.pad(step_x, (0, 0, 1, 0))
        to_below, to_above = F.pad(step_y, (0, 0, 0, 0, 0, 1)), F.pad(step_y, (0, 0, 0, 0, 1, 0))
        # down x right points at the camera; steps to the left and upwards are stored towards the pixel, so all agree.
        normals = torch.zeros_like(points)
        for vertical in (to_below, to_above):
            for horizontal in (to_right, to_left):
                normals = normals + F.normalize(torch.linalg.cross(vertical, horizontal), dim=-1)
        return F.normalize(normals, dim=-1)

    def connected(self) -> tuple[Tensor, Tensor]:
        """Whether a pixel and its right neighbour [B, H, W-1], its lower neighbour [B, H-1, W] share a surface.

        They do not where one is invalid, nor where depth jumps by more than 5 % without the slope around explaining it.
        """
        right = _same_surface(self.depth, self.valid)
        down = _same_surface(self.depth.mT, self.valid.mT).mT
        return right, down

    def resize(self, height: int, width: int) -> Geometry:
        """The same view with another number of pixels; depth stays metres and no two surfaces are mixed.

        Depth is interpolated as 1 / depth, which is exact on planes, among the pixels on the surface of the nearest
        one. A pixel that covers several source pixels takes the surface of their median (of the nearer of two equal
        halves), and is valid if at least half of them are. Invalid pixels get 0.

        Normalised intrinsics stay as they are. If the aspect ratio changes, the image is stretched: the view stays,
        pixels are no longer square. To cut instead, `crop` first.
        """
        if height < 1 or width < 1:
            raise InputError(f"the new size is {width}x{height} pixels; expected at least 1x1.")
        if (height, width) == (self.height, self.width):
            return self
        rows, columns = (
            _sample_positions(source, target).flatten().to(self.depth.device)
            for source, target in ((self.height, height), (self.width, width))
        )
        samples = torch.stack([*self._sample(rows, columns), self._change_over_cell(height, width, rows, columns)])
        samples = rearrange(samples, "k b (h sy) (w sx) -> k b h w (sy sx)", h=height, w=width)
        depth, valid = _majority_surface(samples[0], samples[1] > 0, samples[2])
        return Geometry(depth, valid, self.intrinsics)

    def crop(self, top: int, left: int, height: int, width: int) -> Geometry:
        """Cut out a rectangle of pixels; the principal point moves and the field of view shrinks with it."""
        if top < 0 or left < 0 or height < 1 or width < 1 or top + height > self.height or left + width > self.width:
            raise InputError(
                f"the crop of {width}x{height} pixels at left {left}, top {top} is not inside the image of "
                f"{self.width}x{self.height} pixels."
            )
        # Normalised coordinates of the crop in terms of the image's: u' = (u * W - left) / width, v' likewise.
        change = self.intrinsics.new_tensor(
            [[self.width / width, 0, -left / width], [0, self.height / height, -top / height], [0, 0, 1]]
        )
        window = (slice(None), slice(top, top + height), slice(left, left + width))
        return Geometry(self.depth[window], self.valid[window], change @ self.intrinsics)

    def _plane_points(self) -> Tensor:
        """[B, H, W, 3] where the rays of the pixel centres meet the plane z = 1."""
        k = self.intrinsics[:, :, :, None, None]
        v = (torch.arange(self.height, device=k.device)[:, None] + 0.5) / self.height
        u = (torch.arange(self.width, device=k.device) + 0.5) / self.width
        x, y = torch.broadcast_tensors((u - k[:, 0, 2]) / k[:, 0, 0], (v - k[:, 1, 2]) / k[:, 1, 1])
        return torch.stack([x, y, torch.ones_like(x)], dim=-1)

    def _sample(self, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """Depth and validity [B, rows, columns] at a grid of continuous pixel positions, pixel centres at integers."""
        row, other_row, row_weight = _nearest_two(rows, self.height)
        column, other_column, column_weight = _nearest_two(columns, self.width)

        def take(x: Tensor, at_rows: Tensor, at_columns: Tensor) -> Tensor:
            return x[:, at_rows[:, None], at_columns]

        # Padded because a position on the last row or column has no other neighbour; its weight is 0 anyway.
        right, down = self.connected()
        right, down = F.pad(right, (0, 1)), F.pad(down, (0, 0, 0, 1))
        left_of_two, upper_of_two = torch.minimum(column, other_column), torch.minimum(row, other_row)
        across, along = take(right, row, left_of_two), take(down, upper_of_two, column)
        across_then_along = across & take(down, upper_of_two, other_column)
        along_then_across = along & take(right, other_row, left_of_two)

        valid = take(self.valid, row, column)
        row_weight = row_weight[:, None]
        corners = [
            (row, column, (1 - row_weight) * (1 - column_weight) * valid),
            (row, other_column, (1 - row_weight) * column_weight * across),
            (other_row, column, row_weight * (1 - column_weight) * along),
            (other_row, other_column, row_weight * column_weight * (across_then_along | along_then_across)),
        ]
        depth = self.filled(1)
        depths = torch.stack([take(depth, r, c) for r, c, _ in corners])
        weights = torch.stack([weight for *_, weight in corners])
        return _mean_surface(depths, weights, dim=0), valid

    def _change_over_cell(self, height: int, width: int, rows: Tensor, columns: Tensor) -> Tensor:
        """How much 1 / depth changes on a pixel's own surface over a pixel of the new size [B, rows, columns]."""
        right, down = self.connected()
        disparity = 1 / self.filled(1)
        across, along = disparity.diff(dim=2).abs() * right, disparity.diff(dim=1).abs() * down
        across = torch.maximum(F.pad(across, (0, 1)), F.pad(across, (1, 0)))
        along = torch.maximum(F.pad(along, (0, 0, 0, 1)), F.pad(along, (0, 0, 1, 0)))
        change = across * (self.width / width) + along * (self.height / height)
        (row, *_), (column, *_) = _nearest_two(rows, self.height), _nearest_two(columns, self.width)
        return change[:, row[:, None], column]


def focal_length(hfov: float | Tensor) -> Tensor:
    """Focal length over the image's width of a centred camera with this horizontal field of view in degrees."""
    return 0.5 / torch.tan(torch.deg2rad(torch.as_tensor(hfov, dtype=torch.float32)) / 2)


def centred_intrinsics(focal: Tensor, height: int, width: int) -> Tensor:
    """[B, 3, 3] normalised intrinsics of cameras with square pixels; focal: [B] focal length over the width."""
    zero, one, half = torch.zeros_like(focal), torch.ones_like(focal), torch.full_like(focal, 0.5)
    rows = (focal, zero, half), (zero, focal * (width / height), half), (zero, zero, one)
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def _check_depth(depth: Tensor, valid: Tensor) -> None:
    near, far = DEPTH_RANGE
    # One image at a time: of a video the comparisons are gigabytes.
    wrong = torch.cat([one[known & ~((one >= near) & (one <= far))] for one, known in zip(depth, valid)])
    if len(wrong):
        raise InputError(
            f"depth is out of range at {len(wrong)} valid pixels (the first holds {wrong[0].item():g}); expected "
            f"metres between {near:g} and {far:g}, and valid = false where depth is unknown."
        )


def _check_intrinsics(intrinsics: Tensor) -> None:
    if not intrinsics.isfinite().all():
        raise InputError("intrinsics are not finite; expected normalised intrinsics.")
    zero_one = intrinsics[:, [0, 1, 2, 2, 2], [1, 0, 0, 1, 2]]
    if (zero_one - zero_one.new_tensor([0, 0, 0, 0, 1])).abs().max() > 1e-6:
        raise InputError(
            f"intrinsics are {intrinsics[0].tolist()}; expected rows [fx, 0, cx], [0, fy, cy], [0, 0, 1], without skew."
        )
    form = "expected normalised intrinsics (fx and cx over the width, fy and cy over the height), not pixels"
    focal = intrinsics[:, [0, 1], [0, 1]]
    if focal.min() <= 0:
        raise InputError(f"intrinsics have focal length {focal.min().item():g}; {form}.")
    for axis, (name, (low, high)) in enumerate(FIELD_OF_VIEW_RANGE.items()):
        angle = _field_of_view(intrinsics, axis)
        wrong = (angle < low) | (angle > high)
        if wrong.any():
            raise InputError(
                f"intrinsics have focal length {focal[wrong, axis][0].item():g}, a {name} field of view of "
                f"{angle[wrong][0].item():.3g} degrees; {form}, with a field of view of {low:g} to {high:g} degrees."
            )


def _field_of_view(intrinsics: Tensor, axis: int) -> Tensor:
    focal, centre = intrinsics[:, axis, axis], intrinsics[:, axis, 2]
    return torch.rad2deg(torch.atan(centre / focal) + torch.atan((1 - centre) / focal))


def _same_surface(depth: Tensor, valid: Tensor) -> Tensor:
    """Whether neighbours along the last axis [..., n-1] are valid and on one surface."""
    disparity = 1 / depth.masked_fill(~valid, 1)
    both = valid[..., 1:] & valid[..., :-1]
    slope = disparity.diff(dim=-1) * both
    close = slope.abs() <= _JUMP * torch.maximum(disparity[..., 1:], disparity[..., :-1])
    before, after = F.pad(slope, (_REACH, 0))[..., :-_REACH], F.pad(slope, (0, _REACH))[..., _REACH:]
    explained = slope.abs() <= 2 * torch.maximum(before * slope.sign(), after * slope.sign())
    return both & (close | explained)


def _sample_positions(source: int, target: int) -> Tensor:
    """[target, samples] pixel positions, evenly spread over what each target pixel covers, at most one pixel apart."""
    samples = math.ceil(source / target)
    return (torch.arange(target * samples).reshape(target, samples) + 0.5) * (source / (target * samples)) - 0.5


def _nearest_two(position: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """The nearest pixel, the next nearest, and the weight of the latter in linear interpolation."""
    position = position.clamp(0, size - 1)
    nearest = (position + 0.5).floor().clamp(max=size - 1)
    other = torch.where(position >= nearest, nearest + 1, nearest - 1).clamp(0, size - 1)
    return nearest.long(), other.long(), (position - nearest).abs()


def _majority_surface(depth: Tensor, valid: Tensor, change: Tensor) -> tuple[Tensor, Tensor]:
    """Depth and validity [...] of cells of samples [..., n]: the mean over the median sample's surface.

    change: [..., n] how much 1 / depth changes over the cell on a sample's surface.
    """
    count = valid.sum(-1, keepdim=True)
    order = depth.masked_fill(~valid, torch.inf).argsort(dim=-1, stable=True)
    median = order.gather(-1, (count - 1).clamp(min=0) // 2)
    disparity = 1 / depth
    middle, change = disparity.gather(-1, median), change.gather(-1, median)
    surface = (disparity - middle).abs() <= torch.maximum(_JUMP * middle, 1.01 * change)
    known = 2 * count[..., 0] >= depth.shape[-1]
    mean = _mean_surface(depth, (valid & surface).to(depth.dtype), dim=-1)
    return mean.masked_fill(~known, 0), known


def _mean_surface(depth: Tensor, weight: Tensor, dim: int) -> Tensor:
    """Weighted mean in 1 / depth, kept within the depths that have weight; 1 where nothing has."""
    used = weight > 0
    total = weight.sum(dim)
    none = total == 0
    mean = total.masked_fill(none, 1) / (weight / depth).sum(dim).masked_fill(none, 1)
    low = depth.masked_fill(~used, torch.inf).amin(dim).masked_fill(none, 1)
    high = depth.masked_fill(~used, 0).amax(dim).masked_fill(none, 1)
    # Rounding could leave the range: a constant has to stay that constant.
    return mean.clamp(low, high)
