"""Gravity: which way is down, seen in the depth of an image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from ...geometry.geometry import Geometry
from .named import Named

POINTS = 8192  # number of points that are looked at, spread evenly over the image
TRIALS = 512
NEAR = 0.02  # how far from a plane one of its points may lie, as a part of the point's distance from the camera
MAX_TILT = 45.0  # degrees between the camera's up and the ground's; a steeper plane is a wall
FLAT = 20.0  # most degrees between the surface at a point and the plane that the point belongs to
MIN_SHARE = 0.05  # the least share of the valid points that a plane must hold to say where down is


@dataclass(frozen=True)
class Level:
    """The level axes of a camera.

    rotation: [3, 3] from camera axes (x right, y down, z forward) to level ones; its rows are right, down and forward.
    source: "seen", or "assumed" where the image shows no way to tell.
    """

    rotation: Tensor
    source: str


class Gravity(Named, Protocol):
    """Finds the level axes."""

    def __call__(self, geometry: Geometry) -> Level:
        """geometry: of one image."""


class GroundPlane:
    """Gravity is at right angles to the largest plane that could be a ground: floor, street, table or ceiling.

    Planes through three points each are tried (RANSAC, always with the same seed) among the points whose surface is
    within 45 degrees of the camera's own level, and the one with the most points is fitted to them. Without such a
    plane the camera is taken to be level.
    """

    name: ClassVar[str] = "ground_plane"
    weights: ClassVar[str] = "none"
    licence: ClassVar[str] = "none"

    def __call__(self, geometry: Geometry) -> Level:
        points, normals = _sample(geometry)
        lying = normals[:, 1].abs() >= math.cos(math.radians(MAX_TILT))
        if lying.sum() < max(3, MIN_SHARE * len(points)):
            return CameraLevel()(geometry)
        ground, surfaces = points[lying], normals[lying]
        inside = _largest_plane(ground, surfaces)
        if inside.sum() < max(3, MIN_SHARE * len(points)):
            return CameraLevel()(geometry)
        for _ in range(3):
            normal, center = _fit(ground[inside])
            inside = _part_of_plane(ground, surfaces, normal[None], center[None])[0]
            if inside.sum() < 3:
                return CameraLevel()(geometry)
        normal = normal * -normal[1].sign()
        if normal[1] > -math.cos(math.radians(MAX_TILT)):
            return CameraLevel()(geometry)
        return Level(level_axes(normal), "seen")


class CameraLevel:
    """The camera is taken to be level."""

    name: ClassVar[str] = "camera_level"
    weights: ClassVar[str] = "none"
    licence: ClassVar[str] = "none"

    def __call__(self, geometry: Geometry) -> Level:
        return Level(torch.eye(3), "assumed")


def level_axes(up: Tensor) -> Tensor:
    """[3, 3] rotation from camera axes to level ones, of the unit vector that points up in camera axes."""
    down = -up
    ahead = torch.tensor([0.0, 0.0, 1.0])
    forward = torch.nn.functional.normalize(ahead - (ahead @ down) * down, dim=0)
    return torch.stack([torch.linalg.cross(down, forward), down, forward])


def _sample(geometry: Geometry) -> tuple[Tensor, Tensor]:
    """Points and surface normals [N, 3] of the pixels that have both, at most about POINTS of them."""
    points, normals = geometry.points()[0], geometry.normals()[0]
    step = max(1, math.ceil(math.sqrt(geometry.depth.numel() / POINTS)))
    points, normals = (x[::step, ::step].reshape(-1, 3) for x in (points, normals))
    known = normals.abs().sum(-1) > 0
    return points[known], normals[known]


def _largest_plane(points: Tensor, normals: Tensor) -> Tensor:
    """[N] bool, the points of the best of TRIALS planes."""
    generator = torch.Generator().manual_seed(0)
    corners = points[torch.randint(len(points), (TRIALS, 3), generator=generator)]
    across = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    # Three points in a row, or one twice, give no plane: their normal is 0, and nothing is parallel to it.
    inside = _part_of_plane(points, normals, torch.nn.functional.normalize(across, dim=-1), corners[:, 0])
    return inside[inside.sum(-1).argmax()]


def _part_of_plane(points: Tensor, normals: Tensor, plane: Tensor, through: Tensor) -> Tensor:
    """[planes, N] bool: near the plane and parallel to it. plane, through: [planes, 3] unit normals, points on them."""
    off = (points @ plane.T - (plane * through).sum(-1)).abs().T
    near = off <= NEAR * points.norm(dim=-1)
    return near & ((plane @ normals.T).abs() >= math.cos(math.radians(FLAT)))


def _fit(points: Tensor) -> tuple[Tensor, Tensor]:
    """Unit normal and centre [3] of the plane nearest to points [N, 3], each error counted over its distance."""
    weight = 1 / points.square().sum(-1, keepdim=True)
    center = (weight * points).sum(0) / weight.sum()
    spread = (points - center) * weight.sqrt()
    return torch.linalg.eigh((spread.T @ spread).double()).eigenvectors[:, 0].float(), center
