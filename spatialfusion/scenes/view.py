"""Cameras that show layouts well: the prior of the rendered world, many layouts at once.

The view frame is that of relations.py: the cameras look along z, turned down by their pitch. Arrays are [N] for cameras
and [N, n] for objects.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .program import CameraLine

Array = np.ndarray

FILL = {"": (0.70, 1.04), "wide": (0.35, 0.55), "medium": (0.66, 0.86), "close": (0.94, 1.06)}
HFOV = {"": (35.0, 75.0), "wide": (50.0, 80.0), "medium": (38.0, 60.0), "close": (30.0, 50.0)}
SLOPES = {"": (3.0, 34.0), "high": (30.0, 46.0), "top-down": (66.0, 80.0)}
HIGHEST = 3.0  # metres: the highest camera for which no level is wished
NEAREST = 0.08  # metres along the optical axis from the camera to the nearest corner of a thing
SEEN = 0.4  # the least share of each object that is seen
WITHIN = 0.85  # the least share of each object's box that lies in the frame


@dataclass
class Boxes:
    """Where objects are layed out: [N, n] each."""

    x: Array
    z: Array
    base: Array
    yaw: Array

    def take(self, chosen: Array) -> Boxes:
        return Boxes(self.x[chosen], self.z[chosen], self.base[chosen], self.yaw[chosen])


@dataclass
class Cameras:
    """Place, height, pitch (radians, down) and tangent of half the horizontal field of view, [N] each."""

    x: Array
    z: Array
    height: Array
    pitch: Array
    half: Array

    def take(self, chosen: Array) -> Cameras:
        return Cameras(self.x[chosen], self.z[chosen], self.height[chosen], self.pitch[chosen], self.half[chosen])


@dataclass
class Wish:
    """What the camera is to be like, drawn for N layouts. NaN: free."""

    fill: Array  # of the larger side of the frame
    half: Array
    slope: Array  # tangent, from the ground below the things to the camera; NaN where the height is given
    height: Array
    pitch: Array
    aside: Array  # of the aim, in halves of the frame
    above: Array
    lowest: float
    highest: float
    half_fixed: bool
    place_fixed: bool


def draw_wish(
    rng: np.random.Generator, count: int, line: CameraLine, tops: Array, aspect: float, small: bool, anchored: bool
) -> Wish:
    """Draw what the cameras are to be like. tops: heights of the objects [n]."""
    numbers = dict(line.numbers)
    nan = np.full(count, math.nan)
    fill = rng.uniform(*FILL[line.shot], count)
    hfov = rng.uniform(*HFOV[line.shot], count)
    # The prior is that of square images; others see as much by area.
    half = np.minimum(np.tan(np.radians(hfov) / 2) * math.sqrt(aspect), math.tan(math.radians(50)))
    if "fov" in numbers:
        half = np.full(count, math.tan(math.radians(numbers["fov"][0]) / 2))
    height, slope, pitch = nan, nan, nan
    highest = HIGHEST
    top = float(tops.max())
    if "pitch" in numbers:
        pitch = np.full(count, math.radians(numbers["pitch"][0]))
    if "height" in numbers:
        height = np.full(count, numbers["height"][0])
    elif line.level == "low":
        height = np.clip(rng.uniform(0.08, 0.25, count) * top, 0.04, 0.7)
    elif line.level == "eye level":
        height = rng.uniform(0.45, 0.85, count) * top if small else rng.uniform(1.45, 1.75, count)
    elif "pitch" in numbers:
        slope, highest = np.tan(pitch), math.inf
    else:
        low, high = SLOPES[line.level]
        crowd = 0.0 if line.level else min(2.0 * max(0, len(tops) - 5), 25.0)  # is looked at from above
        slope = np.tan(np.radians(rng.uniform(low + crowd, high + 0.6 * crowd, count)))
        highest = math.inf if line.level or crowd else max(HIGHEST, 0.4 * top)
    return Wish(
        fill=fill,
        half=half,
        slope=slope,
        height=height,
        pitch=pitch,
        aside=rng.normal(0, 0.08, count),
        above=rng.normal(-0.04, 0.06, count),
        lowest=0.12 if small else 0.4,
        highest=highest,
        half_fixed="fov" in numbers,
        place_fixed="at" in numbers or anchored,
    )


def camera_height(wish: Wish, distance: Array, top: float) -> Array:
    """Heights of cameras at level distances [N] from the things."""
    sloped = np.clip(distance * wish.slope + 0.3 * top, wish.lowest, wish.highest)
    return np.where(np.isnan(wish.height), sloped, wish.height)


def corners(boxes: Boxes, sizes: Array, cameras: Cameras) -> tuple[Array, Array, Array]:
    """Right, down (level axes) and forward of the boxes' eight corners from the cameras, [N, n, 8]."""
    half_w = sizes[:, 0, None] / 2 * np.array([-1, -1, 1, 1, -1, -1, 1, 1])
    half_l = sizes[:, 2, None] / 2 * np.array([-1, 1, -1, 1, -1, 1, -1, 1])
    tall = sizes[:, 1, None] * np.array([0, 0, 0, 0, 1, 1, 1, 1])
    cosine, sine = np.cos(boxes.yaw)[..., None], np.sin(boxes.yaw)[..., None]
    right = (boxes.x - cameras.x[:, None])[..., None] + cosine * half_w - sine * half_l
    ahead = (boxes.z - cameras.z[:, None])[..., None] + sine * half_w + cosine * half_l
    down = (cameras.height[:, None] - boxes.base)[..., None] - tall
    return right, down, ahead


def fit(boxes: Boxes, sizes: Array, cameras: Cameras, wish: Wish, aspect: float) -> Cameras:
    """Step the cameras back or forth, and aim them, until the objects together fill the wanted part of the frame."""
    top = float((sizes[:, 1]).max())
    x, z, height, half = cameras.x.copy(), cameras.z.copy(), cameras.height.copy(), wish.half.copy()
    middle = (boxes.z.min(1) + boxes.z.max(1)) / 2
    radius = np.hypot(sizes[:, 0], sizes[:, 2]) / 2
    front = (boxes.z - radius).min(1)
    pitch = cameras.pitch
    for _ in range(5):
        now = Cameras(x, z, height, pitch, half)
        right, down, ahead = corners(boxes, sizes, now)
        near = np.maximum(ahead, 0.05)
        if np.isnan(wish.pitch[0]):
            angles = np.arctan2(down, near).reshape(len(x), -1)
            pitch = (angles.min(1) + angles.max(1)) / 2 + wish.above * np.arctan(half)
        else:
            pitch = wish.pitch
        cosine, sine = np.cos(pitch)[:, None, None], np.sin(pitch)[:, None, None]
        depth = near * cosine + down * sine
        behind = (depth < NEAREST).any((1, 2))
        depth = np.maximum(depth, NEAREST)
        across = (right / depth).reshape(len(x), -1)
        upright = ((down * cosine - near * sine) / depth).reshape(len(x), -1)
        width, tall = np.ptp(across, 1) / 2, np.ptp(upright, 1) / 2 * aspect
        filled = np.maximum(width, tall) / half
        filled = np.where(behind, np.maximum(filled, 2.0), filled)
        if not wish.place_fixed:
            distance = middle - z
            x = x + ((across.min(1) + across.max(1)) / 2 + wish.aside * half) * distance
            distance = np.maximum(distance * np.clip(filled / wish.fill, 0.3, 4.0), middle - front + 0.1)
            z = middle - distance
            height = camera_height(wish, distance, top)
        elif not wish.half_fixed:
            reach = np.maximum(np.abs(across).max(1), np.abs(upright).max(1) * aspect)
            half = np.clip(reach / np.minimum(wish.fill, 0.96), math.tan(math.radians(12)), math.tan(math.radians(48)))
    return Cameras(x, z, height, pitch, half)


def composition(
    boxes: Boxes, sizes: Array, cameras: Cameras, aspect: float, hidden: Array, alone: Array
) -> tuple[Array, Array, Array]:
    """How far each object is from being in view [N, n] and from being seen [N, n] (0: it is), and faults of taste [N].

    hidden [n]: objects that may be. alone [n, n]: pairs that do not hide each other, such as table and cup on it.
    """
    right, down, ahead = corners(boxes, sizes, cameras)
    cosine, sine = np.cos(cameras.pitch)[:, None, None], np.sin(cameras.pitch)[:, None, None]
    depth = ahead * cosine + down * sine
    behind = depth.min(2) < NEAREST
    depth_kept = np.maximum(depth, NEAREST)
    half = cameras.half[:, None, None]
    across = right / depth_kept / (2 * half) + 0.5
    upright = (down * cosine - ahead * sine) / depth_kept / (2 * half) * aspect + 0.5
    left, top = across.min(2), upright.min(2)
    width, tall = across.max(2) - left, upright.max(2) - top
    x0, x1 = np.clip(left, 0, 1), np.clip(left + width, 0, 1)
    y0, y1 = np.clip(top, 0, 1), np.clip(top + tall, 0, 1)
    area = np.maximum(width * tall, 1e-9)
    inside = (x1 - x0) * (y1 - y0) / area
    outside = np.maximum(WITHIN - inside, 0.0) + 2.0 * behind
    centre_x, centre_y = left + width / 2, top + tall / 2
    outside += np.maximum(np.abs(centre_x - 0.5) - 0.46, 0) + np.maximum(np.abs(centre_y - 0.5) - 0.46, 0)

    middle = depth.mean(2)
    nearer = (middle[:, :, None] > middle[:, None, :]) & ~alone
    shared_x = np.minimum(x1[:, :, None], x1[:, None, :]) - np.maximum(x0[:, :, None], x0[:, None, :])
    shared_y = np.minimum(y1[:, :, None], y1[:, None, :]) - np.maximum(y0[:, :, None], y0[:, None, :])
    covered = np.maximum(shared_x, 0) * np.maximum(shared_y, 0) * nearer
    share = covered.sum(2) / area
    unseen = np.where(hidden, 0.0, np.maximum(share - (1 - SEEN), 0.0))
    largest, least = np.maximum(width, tall), np.minimum(width, tall)
    faults = (
        (np.maximum(0.12 - largest, 0) * 8 + np.maximum(0.05 - least, 0) * 8 + np.maximum(area - 0.62, 0)).mean(1)
        + 0.8 * share.mean(1)
        + 0.5 * np.maximum(share - 0.3, 0).sum(1)
    )
    return outside, unseen, faults
