"""Random scenes: objects arranged as people describe them, seen by a camera that shows them well.

Plain floats throughout: thousands of candidates are drawn and tested for each second of training.
"""

from __future__ import annotations

import itertools
import math
import random
import zlib
from collections.abc import Sequence

from ..errors import InputError
from .scene import COLORS, KINDS, Camera, Scene, SceneObject

Vector = tuple[float, float, float]

CARDINAL = (0.0, 90.0, 180.0, 270.0)
PALETTES = 6
TILE = {"small": 0.1, "medium": 0.5, "large": 1.0}
DISTANCES = {"small": (0.2, 0.3, 0.5), "medium": (0.5, 1.0, 1.5, 2.0), "large": (2.0, 3.0, 4.0, 5.0, 6.0, 8.0)}
CAMERA_DISTANCES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0)
# Share of the projected box that an object of the kind covers.
SOLIDITY = {"chair": 0.5, "table": 0.45, "lamp": 0.4, "cone": 0.5, "dog": 0.55, "figure": 0.6, "tree": 0.65}


def sample_scene(seed: int, split: str = "train") -> Scene:
    """Draw the scene of `seed`: one to three objects; "test" gives two objects in a held-out combination."""
    if split not in ("train", "test"):
        raise InputError(f'split is "{split}"; it must be "train" or "test".')
    # A string seeds every bit of the generator, and keeps the splits apart.
    rng = random.Random(f"{split} {seed}")
    while True:
        looks = _draw_objects(rng, 2 if split == "test" else rng.choices((1, 2, 3), (25, 60, 15))[0])
        if _any_held_out([(color, kind) for kind, color, _ in looks]) != (split == "test"):
            continue
        for _ in range(60):
            scene = _arrange(rng, looks)
            if well_composed(scene):
                return scene


def held_out(scene: Scene) -> bool:
    """Whether two objects of the scene form a (colour, kind) combination that training never sees."""
    return _any_held_out([(item.color, item.kind) for item in scene.objects])


def _any_held_out(looks: list[tuple[str, str]]) -> bool:
    names = sorted(f"{color} {kind}" for color, kind in looks)
    return any(zlib.crc32("|".join(pair).encode()) % 8 == 0 for pair in itertools.combinations(names, 2))


def _draw_objects(rng: random.Random, count: int) -> list[tuple[str, str, Vector]]:
    """Kinds, distinct colours and sizes. Small things keep to themselves; medium and large ones mix."""
    pool = rng.choices(("small", "medium", "large", "mixed"), (22, 40, 22, 16 if count > 1 else 0))[0]
    if pool == "mixed":
        kinds = [_draw_kind(rng, scales) for scales in (("medium",), ("large",), ("medium", "large"))[:count]]
        rng.shuffle(kinds)
    else:
        kinds = [_draw_kind(rng, (pool,)) for _ in range(count)]
        if len(set(kinds)) < count:  # few kinds are small or large, so free choice would give too many twins
            kinds = [_draw_kind(rng, (pool,)) for _ in range(count)]
    looks = [(kind, color, _draw_size(rng, kind)) for kind, color in zip(kinds, rng.sample(list(COLORS), count))]
    if count > 1 and rng.random() < 0.14:
        kind, _, size = looks[0]
        looks[1] = (kind, looks[1][1], _differ(rng, kind, size))
        if rng.random() < 0.5:
            looks[0], looks[1] = looks[1], looks[0]
    return looks


def _draw_kind(rng: random.Random, scales: tuple[str, ...]) -> str:
    """A kind of the given scales; those with a front come twice as often, since most statements need one."""
    kinds = [kind for kind in KINDS.values() if kind.scale in scales]
    return rng.choices(kinds, [2 if kind.has_front else 1 for kind in kinds])[0].name


def _draw_size(rng: random.Random, kind: str) -> Vector:
    scale = rng.uniform(0.82, 1.18)
    width, height, length = (round(edge * scale * rng.uniform(0.97, 1.03), 3) for edge in KINDS[kind].size)
    return width, height, length


def _differ(rng: random.Random, kind: str, size: Vector) -> Vector:
    """A second size of the same kind: taller, wider, longer or larger by a definite amount."""
    width, height, length = size
    if KINDS[kind].scale == "small":
        choice = rng.choice(("volume", "twice", "height"))
        rise = 0.1 if height > 0.2 else 0.05
    else:
        choice = rng.choice(("volume", "twice", "height", "width", "length"))
        rise = 0.2
    if choice == "height":
        return width, round(height + rise, 3), length
    if choice == "width":
        return round(width + 0.3, 3), height, length
    if choice == "length":
        return width, height, round(length + 0.5, 3)
    scale = (1.2 if choice == "volume" else 2.0) ** (1 / 3)
    return round(width * scale, 3), round(height * scale, 3), round(length * scale, 3)


# --- arrangement ---------------------------------------------------------------------------------------------------

# Bearing of the second object from the first in the first's own frame (degrees to its left), and its turn against it.
PATTERNS = {
    "side by side": ((90.0, 270.0), 0.0),
    "opposite": ((90.0, 270.0), 180.0),
    "face to face": ((0.0,), 180.0),
    "back to back": ((180.0,), 180.0),
    "in a row": ((0.0, 180.0), 0.0),
    "around": (CARDINAL, None),
    "free": (None, None),
}
WEIGHTS_TWO_FRONTS = (17, 11, 14, 13, 4, 23, 18)
WEIGHTS = (8, 4, 3, 3, 2, 46, 34)


def _draw_yaw(rng: random.Random) -> float:
    """Facing relative to the viewer."""
    return rng.choice(CARDINAL) + rng.uniform(-8, 8) if rng.random() < 0.6 else rng.uniform(0, 360)


def _reach(size: Vector, angle: float) -> float:
    """Distance from the centre of a footprint to its edge, towards `angle` (degrees) off its front."""
    sine, cosine = abs(math.sin(math.radians(angle))), abs(math.cos(math.radians(angle)))
    return min(size[0] / 2 / max(sine, 1e-6), size[2] / 2 / max(cosine, 1e-6))


def _arrange(rng: random.Random, looks: list[tuple[str, str, Vector]]) -> Scene:
    """One candidate: place the objects, then look for a camera."""
    scales = {KINDS[kind].scale for kind, _, _ in looks}
    scale = "large" if "large" in scales else "medium" if "medium" in scales else "small"
    placed = _draw_places(rng, looks, DISTANCES[scale])
    objects, bearing, spread = _turned(rng, looks, placed)
    lowest = 0.12 if "small" in scales else 0.4
    camera, hfov = _stand_back(rng, objects, bearing, spread, lowest)
    camera = _at_round_distance(rng, camera, objects[0], lowest)
    yaw, pitch = _aim(camera, objects)
    frame = hfov / 2
    yaw += rng.gauss(0, 0.10) * frame
    pitch += rng.gauss(-0.04, 0.07) * frame
    x, y, z = (round(value, 4) for value in camera)
    view = Camera((x, y, z), round(yaw, 2), round(pitch, 2), round(hfov, 2))
    room = None
    if "large" not in scales and rng.random() < 0.42:
        room = _draw_room(rng, objects, view, "small" in scales)
    azimuth = rng.uniform(-75, 75)
    elevation = rng.uniform(45, 75) if room else rng.uniform(32, 65)
    return Scene(
        objects=tuple(objects),
        camera=view,
        environment="room" if room else "outdoor",
        light=(round(azimuth, 1), round(elevation, 1)),
        ground=rng.randrange(PALETTES),
        backdrop=rng.randrange(PALETTES),
        room=room,
        tile=TILE[scale],
    )


def _draw_places(
    rng: random.Random, looks: list[tuple[str, str, Vector]], distances: Sequence[float]
) -> list[tuple[float, float, float]]:
    """x, z and yaw of each object, each beside one of those before it."""
    placed = [(0.0, 0.0, _draw_yaw(rng))]
    for index in range(1, len(looks)):
        anchor = rng.randrange(index)
        ax, az, ayaw = placed[anchor]
        fronts = KINDS[looks[anchor][0]].has_front and KINDS[looks[index][0]].has_front
        bearings, turn = PATTERNS[rng.choices(list(PATTERNS), WEIGHTS_TWO_FRONTS if fronts else WEIGHTS)[0]]
        bearing = rng.uniform(0, 360) if bearings is None else rng.choice(bearings) + rng.uniform(-7, 7)
        yaw = _draw_yaw(rng) if turn is None else ayaw + turn + rng.uniform(-6, 6)
        direction = ayaw + bearing
        touching = _reach(looks[anchor][2], bearing) + _reach(looks[index][2], direction - yaw)
        far_enough = [distance for distance in distances if distance > 1.08 * touching]
        if far_enough and rng.random() < 0.65:
            distance = far_enough[min(int(rng.expovariate(1.4)), len(far_enough) - 1)] * rng.uniform(0.97, 1.03)
        else:
            distance = touching * (1.1 + rng.expovariate(2.8))
        angle = math.radians(direction)
        placed.append((ax + distance * math.sin(angle), az - distance * math.cos(angle), yaw))
    return placed


def _turned(
    rng: random.Random, looks: list[tuple[str, str, Vector]], placed: list[tuple[float, float, float]]
) -> tuple[list[SceneObject], float, float]:
    """The objects as a camera at rest sees them: turned with its bearing, their middle at the origin.

    Returns also the bearing in degrees, and how far from the middle the farthest one stands.
    """
    middle_x = (min(x for x, _, _ in placed) + max(x for x, _, _ in placed)) / 2
    middle_z = (min(z for _, z, _ in placed) + max(z for _, z, _ in placed)) / 2
    bearing = rng.uniform(-12, 12)
    sine, cosine = math.sin(math.radians(bearing)), math.cos(math.radians(bearing))
    objects = []
    for (x, z, yaw), (kind, color, size) in zip(placed, looks):
        x, z = x - middle_x, z - middle_z
        x, z = cosine * x + sine * z, cosine * z - sine * x
        objects.append(SceneObject(kind, color, size, (round(x, 4), 0.0, round(z, 4)), round((yaw - bearing) % 360, 2)))
    return objects, bearing, max(math.hypot(x - middle_x, z - middle_z) for x, z, _ in placed)


def _stand_back(
    rng: random.Random, objects: list[SceneObject], bearing: float, spread: float, lowest: float
) -> tuple[list[float], float]:
    """The camera's place, from which the objects together fill the wanted part of the frame, and its field of view."""
    sizes = [thing.size for thing in objects]
    top = max(size[1] for size in sizes)
    sine, cosine = math.sin(math.radians(bearing)), math.cos(math.radians(bearing))
    hfov = rng.uniform(35, 75)
    slope = math.tan(math.radians(rng.uniform(3, 34)))

    def stand(distance: float) -> list[float]:
        return [-sine * distance, -min(max(distance * slope + 0.3 * top, lowest), 3.0), -cosine * distance]

    fill = rng.uniform(0.70, 1.04)
    distance = 2.0 * sum(_radius(size) + 0.5 * size[1] for size in sizes)
    nearest = max(_radius(size) for size in sizes) + spread
    for _ in range(4):
        camera = stand(distance)
        distance = max(distance * _extent(camera, objects, hfov) / fill, nearest)
    return stand(distance), hfov


def _at_round_distance(rng: random.Random, camera: list[float], first: SceneObject, lowest: float) -> list[float]:
    """The camera's place, often moved to a round number of metres from the first object."""
    offset = [camera[0] - first.position[0], camera[1] + first.size[1] / 2, camera[2] - first.position[2]]
    length = math.hypot(*offset)
    nice = min(CAMERA_DISTANCES, key=lambda value: abs(math.log(value / length)))
    if not (0.8 < nice / length < 1.25 and rng.random() < 0.6):
        return camera
    scale = nice * rng.uniform(0.98, 1.02) / length
    return [
        first.position[0] + scale * offset[0],
        min(-first.size[1] / 2 + scale * offset[1], -lowest),
        first.position[2] + scale * offset[2],
    ]


def _radius(size: Vector) -> float:
    return math.hypot(size[0], size[2]) / 2


def _aim(camera: list[float], objects: list[SceneObject]) -> tuple[float, float]:
    """The camera's yaw and pitch, in degrees, towards the middle of the objects' angular extent."""
    bearings: list[float] = []
    slopes: list[float] = []
    for item in objects:
        x, z = item.position[0] - camera[0], item.position[2] - camera[2]
        ahead = max(math.hypot(x, z), 1e-3)
        bearing, radius = math.atan2(x, z), _radius(item.size)
        spread = math.atan(radius / ahead)
        bearings += (bearing - spread, bearing + spread)
        slopes.append(math.atan2(-camera[1], max(ahead - 0.7 * radius, 1e-3)))
        slopes.append(math.atan2(-item.size[1] - camera[1], ahead))
    return math.degrees(min(bearings) + max(bearings)) / 2, math.degrees(min(slopes) + max(slopes)) / 2


def _extent(camera: list[float], objects: list[SceneObject], hfov: float) -> float:
    """The larger side of the rectangle round all objects, as a part of the frame of a camera that aims at them."""
    view = Camera((camera[0], camera[1], camera[2]), *_aim(camera, objects), hfov)
    seen = [projected_box(item, view) for item in objects]
    boxes = [box for box in seen if box is not None]
    if len(boxes) < len(seen):
        return 2.0
    width = max(box[2] for box in boxes) - min(box[0] for box in boxes)
    return max(width, max(box[3] for box in boxes) - min(box[1] for box in boxes))


def _draw_room(rng: random.Random, objects: list[SceneObject], camera: Camera, small: bool) -> Vector:
    """A room round the objects and the camera: half width, height, z of the far wall."""
    side = max(abs(camera.position[0]), *(abs(item.position[0]) + _radius(item.size) for item in objects))
    back = max(item.position[2] + _radius(item.size) for item in objects)
    top = max(-camera.position[1], *(item.size[1] for item in objects))
    if small:
        edges = side + rng.uniform(0.3, 1.5), rng.uniform(2.2, 2.8), back + rng.uniform(0.2, 1.5)
    else:
        wide = max(side + rng.uniform(0.2, 1.5), 1.4)
        edges = wide, max(top + 0.2, rng.uniform(2.3, 3.2)), back + rng.uniform(0.3, 2.5)
    half_width, height, far = (round(edge, 3) for edge in edges)
    return half_width, height, far


# --- what makes a candidate good -----------------------------------------------------------------------------------


def well_composed(scene: Scene, most_hidden: float = 0.6) -> bool:
    """Whether objects stand apart, lie within a square frame at a good size, and are not hidden behind each other."""
    items = scene.objects
    for first, second in itertools.combinations(items, 2):
        if footprints_meet(first, second):
            return False
    boxes = []
    for item in items:
        box = projected_box(item, scene.camera)
        if box is None:
            return False
        left, top, right, bottom, _ = box
        width, height = right - left, bottom - top
        middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
        inside = max(0.0, min(right, 1) - max(left, 0)) * max(0.0, min(bottom, 1) - max(top, 0))
        area = width * height
        if not (0.04 < middle_x < 0.96 and 0.04 < middle_y < 0.96) or inside < 0.85 * area:
            return False
        if max(width, height) < 0.12 or min(width, height) < 0.05 or area > 0.62:
            return False
        boxes.append((box, SOLIDITY.get(item.kind, 0.75) * inside))
    for box, area in boxes:
        hidden = sum(_overlap(box, other) for other, _ in boxes if other is not box and other[4] < box[4])
        hidden /= (box[2] - box[0]) * (box[3] - box[1])
        if hidden > most_hidden or area * (1 - hidden) < 0.018:
            return False
    return True


def projected_box(item: SceneObject, camera: Camera) -> tuple[float, ...] | None:
    """Left, top, right, bottom in a square frame of [0, 1], depth of the centre; None if partly behind the camera."""
    yaw, pitch = math.radians(camera.yaw), math.radians(camera.pitch)
    cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    turn = math.radians(item.yaw)
    ct, st = math.cos(turn), math.sin(turn)
    half = 2 * math.tan(math.radians(camera.hfov) / 2)
    width, height, length = item.size
    cx, c_y, cz = camera.position
    px, py, pz = item.position[0] - cx, item.position[1] - c_y, item.position[2] - cz
    xs, ys = [], []
    for side in (-width / 2, width / 2):
        for end in (-length / 2, length / 2):
            x, z = px + ct * side - st * end, pz + st * side + ct * end
            across, along = cy * x - sy * z, sy * x + cy * z
            for y in (py, py - height):
                depth = along * cp + y * sp
                if depth < 0.08:
                    return None
                xs.append(across / depth)
                ys.append((y * cp - along * sp) / depth)
    depth = (sy * px + cy * pz) * cp + (py - height / 2) * sp
    return min(xs) / half + 0.5, min(ys) / half + 0.5, max(xs) / half + 0.5, max(ys) / half + 0.5, depth


def _overlap(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return max(0.0, width) * max(0.0, height)


def footprints_meet(first: SceneObject, second: SceneObject) -> bool:
    """Whether two rectangles on the ground, with a little room round them, overlap (separating axes)."""
    dx, dz = second.position[0] - first.position[0], second.position[2] - first.position[2]
    a, b = math.radians(first.yaw), math.radians(second.yaw)
    halves_a = (first.size[0] / 2, first.size[2] / 2)
    halves_b = (second.size[0] / 2, second.size[2] / 2)
    across, along = abs(math.cos(a - b)), abs(math.sin(a - b))
    for angle, own, other in ((a, halves_a, halves_b), (b, halves_b, halves_a)):
        c, s = math.cos(angle), math.sin(angle)
        if abs(dx * c + dz * s) > 1.03 * (own[0] + other[0] * across + other[1] * along):
            return False
        if abs(dz * c - dx * s) > 1.03 * (own[1] + other[1] * across + other[0] * along):
            return False
    return True
