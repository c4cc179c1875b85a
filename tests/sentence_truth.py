"""Whether a solved layout shows what a sentence of tests/data/sentences.jsonl says.

The sentences were written down before there was a reader of sentences. Whoever works on the reader does not look at
them: a look makes the figure that they give worthless.

An entry's `objects` are numbered; one with a `count` (a number, or the least and the most) is a group, and what is said
of a group holds for each member. `statements` are those of `spatialfusion.scenes.statements` and have to score 1.0; of
those under `either`, which are readings of the same words, one has to. `other` relations and the camera are judged by
the formulas and tolerances below. `not_understood` are words that a reader may list as not understood; an object that
is `unknown` may be missing if its noun is listed. `may_add` are nouns of things that may be in the scene, also under
longer names that end so, without being asked for. Whatever else is in the scene is wrong. An object's `words` are kept
with it, or as a thing that may be added, or listed; `words_as` has other words or colours that say the same.

Things that nothing tells apart (two figures without a word about them) are assigned to the sentence's objects as suits
the sentence best.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from spatialfusion.scenes.scene import Scene, SceneObject
from spatialfusion.scenes.statements import Statement, camera_distance_window, observe, score
from spatialfusion.scenes.text import Layout

SENTENCES = Path(__file__).parent / "data" / "sentences.jsonl"
PRACTICE = SENTENCES.with_name("practice.jsonl")  # of the same form, to work with

# Nouns that may stand for each other. Where a scene names things more exactly, the exact name decides.
SYNONYMS = (
    "figure person human man woman boy girl child kid lady policeman police_officer knight pirate nurse doctor "
    "shepherd pedestrian walker standing_person walking_person sitting_person old_man old_woman",
    "car automobile sedan limousine taxi sports_car jeep",
    "jeep off-roader suv pickup pickup_truck truck lorry van fire_engine fire_truck",
    "bus school_bus coach",
    "motorcycle motorbike scooter moped",
    "bicycle bike cycle",
    "excavator digger backhoe",
    "boat rowing_boat rowboat canoe sailing_boat sailboat",
    "tree oak oak_tree pine pine_tree fir_tree palm_tree cherry_tree baobab",
    "house cabin log_cabin barn home cottage hut building",
    "castle fortress",
    "cathedral church",
    "tower lighthouse",
    "sofa couch",
    "chair armchair office_chair dining_chair stool",
    "table dining_table kitchen_table round_table coffee_table desk counter kitchen_counter side_table "
    "nightstand bedside_table",
    "cabinet nightstand cupboard tv_stand",
    "bookcase bookshelf shelf",
    "lamp floor_lamp table_lamp desk_lamp lantern",
    "lamp_post lamppost street_lamp street_light",
    "television tv tv_set screen",
    "cube box crate chest",
    "chest treasure_chest",
    "ball sphere globe",
    "cone traffic_cone",
    "mug cup teacup coffee_mug coffee_cup",
    "bottle wine_bottle",
    "jug pitcher jar vase",
    "bowl food_bowl",
    "refrigerator fridge",
    "stove oven cooker",
    "dog poodle puppy",
    "cat kitten",
    "horse pony",
    "mouse hamster rat",
    "fence picket_fence wooden_fence",
    "bench park_bench",
    "painting picture",
    "fire_hydrant hydrant",
    "campfire fire bonfire",
    "piano grand_piano",
    "rug carpet",
    "tyre tire wheel",
    "potted_plant plant houseplant",
    "post pole",
    "bus_stop shelter bus_shelter",
    "shopping_cart cart trolley",
    "barrel keg",
    "trough basin",
    "statue sculpture",
    "cake birthday_cake",
    "robot android",
    "lemon fruit",
    "hill mountain",
    "pond lake water",
)
COLORS_MEANT = {
    "grey": ("gray", "silver"),
    "silver": ("grey", "gray"),
    "gold": ("golden", "yellow"),
    "turquoise": ("cyan", "teal"),
}

RELATIVE = 1 / 3  # of a length that was said: a gap, read as the gap or as the distance of the centres
BASE = 0.05  # of the height of what a thing stands on, and at least 2 cm: how far its base may be from the top
SEATS = frozenset("chair armchair sofa bed bench boat motorcycle bicycle horse".split())  # sat on below their tops
SEAT = 0.25  # of such a thing's height: the lowest seat
BESIDE = (0.3, 0.75)  # metres, and parts of the larger footprint's longer side: the widest gap that is "next to"
BETWEEN = (0.2, 0.8, 0.25)  # of the way from the first to the second, and how far aside, as a part of the way
FACING = 20.0  # degrees between a front and the direction to what it faces
AROUND = (1.75, 220.0)  # widest angle between neighbours: times 360 degrees / number, and at most degrees
ROW = (0.25, 2.0)  # off the line, as a part of the mean step; the longest step as a multiple of the shortest
CIRCLE = 0.25  # how far a radius may differ from the mean radius, as a part of it
HANGS = 0.3  # metres above the floor: the least for a thing on a wall
LOW, LEVEL, HIGH, TOP = 5.0, 12.0, 20.0, 60.0  # degrees downwards, of the line from the camera to the things' middle
LOW_HEIGHT, EYE_HEIGHT = 0.6, (1.2, 1.9)  # metres; a camera at these heights is low, at eye level, whatever the angle
CLOSE, WIDE, MEDIUM = 0.4, 0.6, (0.2, 0.9)  # part of the picture's width or height that the largest subject takes
WIDE_ANGLE = 65.0  # degrees across the picture: a lens of 28 mm; it is asked for as such, or is meant as a wide shot

# Words that mean nothing without the words they stand with. They do not count in a listed phrase of which a word may
# be listed: what a preposition relates is judged by the relation itself.
FUNCTION_WORDS = frozenset(
    "a an the this that these those and or of to in on at by with from for as into onto over than off up down out "
    "beside under against i you he she it we they me him her us them my your his its our their is are was were "
    "be".split()
)


def read_sentences(file: Path = SENTENCES) -> list[dict]:
    """All entries of a file, in their order."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def check(entry: dict, layout: Layout, not_understood: Iterable[str] = (), aspect: float = 1.0) -> list[str]:
    """What is wrong with the layout as a reading of the entry's sentence; nothing if it is right.

    not_understood: words or phrases that the reader lists. aspect: of the picture, width over height.
    """
    phrases = [_words(phrase) for phrase in not_understood]
    listed = {word for phrase in phrases for word in phrase}
    reading = _Reading(entry, layout, listed, aspect)
    wrong = min((reading.wrong(groups) for groups in reading.assignments()), key=len)
    setting = entry["setting"]
    if setting is not None and layout.scene.environment != setting:
        wrong.append(f"setting: {layout.scene.environment}, not {setting}")
    allowed = {word for said in entry["not_understood"] for word in _words(said)}
    for thing in entry["objects"]:
        allowed.update(thing.get("words", ()))
        if thing.get("unknown"):
            allowed.update(_words(thing["noun"]))
    amiss = set()
    for phrase in phrases:
        excused = allowed | FUNCTION_WORDS if allowed & set(phrase) - FUNCTION_WORDS else allowed
        amiss.update(set(phrase) - excused)
    return wrong + [f"listed as not understood: {word}" for word in sorted(amiss)]


class _Reading:
    """An entry beside a layout."""

    def __init__(self, entry: dict, layout: Layout, listed: set[str], aspect: float) -> None:
        self.entry, self.listed, self.aspect = entry, listed, aspect
        self.scene: Scene = layout.scene
        self.observation = observe(layout.scene)
        self.said = [
            " ".join((thing.kind, name, getattr(thing, "words", ""))).lower()
            for thing, name in zip(layout.scene.objects, layout.names)
        ]

    def assignments(self) -> Iterator[list[tuple[int, ...]]]:
        """Ways to give the sentence's objects things of the scene, at most 5000 of them."""
        candidates = [self._candidates(thing) for thing in self.entry["objects"]]

        def assign(k: int, used: frozenset[int]) -> Iterator[list[tuple[int, ...]]]:
            if k == len(candidates):
                yield []
                return
            free = [i for i in candidates[k] if i not in used]
            low, high = _count(self.entry["objects"][k])
            for size in range(min(high, len(free)), min(low, len(free)) - 1, -1):
                for group in itertools.combinations(free, size):
                    for rest in assign(k + 1, used | set(group)):
                        yield [group, *rest]

        return itertools.islice(assign(0, frozenset()), 5000)

    def _candidates(self, wanted: dict) -> list[int]:
        nouns = _alike(wanted["noun"])
        colors = {wanted["color"], *COLORS_MEANT.get(wanted["color"], ())} if "color" in wanted else None
        alike = [
            i
            for i, thing in enumerate(self.scene.objects)
            if thing.kind.lower() in nouns and (colors is None or thing.color in colors)
        ]
        exact = [i for i in alike if _says(self.said[i], wanted["noun"])]
        return exact if len(exact) >= _count(wanted)[0] else alike

    def wrong(self, groups: Sequence[tuple[int, ...]]) -> list[str]:
        wrong = []
        used = {i for group in groups for i in group}
        extra = {noun for allowed in self.entry.get("may_add", ()) for noun in _alike(allowed)}
        added = [
            i
            for i, thing in enumerate(self.scene.objects)
            if i not in used and any(f" {thing.kind.lower()}".endswith(f" {noun}") for noun in extra)
        ]
        for wanted, group in zip(self.entry["objects"], groups):
            name = " ".join(filter(None, (wanted.get("color"), wanted["noun"])))
            low, high = _count(wanted)
            excused = wanted.get("unknown") and set(_words(wanted["noun"])) <= self.listed
            if not low <= len(group) <= high and not excused:
                wrong.append(f"{len(group)} of {name}, not {low if low == high else f'{low} to {high}'}")
            missing = [
                word
                for word in wanted.get("words", ())
                if group and word not in self.listed and not self._kept(word, wanted, group, added)
            ]
            wrong += [f"{name}: nothing says {word}" for word in missing]
        for i, thing in enumerate(self.scene.objects):
            if i not in used and i not in added:
                wrong.append(f"not asked for: {thing.color} {thing.kind}")
        for data in self.entry["statements"]:
            wrong += min((self._wrong_statement(reading, groups) for reading in data.get("either", [data])), key=len)
        for data in self.entry["other"]:
            wrong += self._wrong_relation(data, groups)
        return wrong + self._wrong_camera(groups)

    def _kept(self, word: str, wanted: dict, group: Sequence[int], added: Sequence[int]) -> bool:
        """Whether all of a group say a word, or have its colour, or a thing that was added says it."""
        alike = [word, *wanted.get("words_as", {}).get(word, ())]
        return any(_says(self.said[i], word) for i in added) or all(
            any(_says(self.said[i], one) or self.scene.objects[i].color == one for one in alike) for i in group
        )

    def _wrong_statement(self, data: dict, groups: Sequence[tuple[int, ...]]) -> list[str]:
        wrong = []
        statement = Statement(**data)
        for pair in itertools.product(
            groups[statement.subject], (None,) if statement.reference is None else groups[statement.reference]
        ):
            value = score(self.observation, Statement(statement.domain, statement.relation, *pair, statement.value))
            if value < 1.0:
                wrong.append(f"{_told(data)} of things {pair} scores {value:.2f}")
        return wrong

    def _wrong_relation(self, data: dict, groups: Sequence[tuple[int, ...]]) -> list[str]:
        objects = self.scene.objects
        subjects = [objects[i] for i in groups[data["subject"]]]
        indices = data.get("references", [data["reference"]] if "reference" in data else [])
        references = [objects[i] for k in indices for i in groups[k]]
        if not subjects or (indices and not references):
            return []  # that they are missing is said already
        relation = data["relation"]
        if relation == "around":
            holds = _around(subjects, references[0])
        elif relation == "in a row":
            holds = _in_a_row(subjects)
        elif relation == "in a circle":
            holds = _in_a_circle(subjects)
        elif relation == "on wall":
            walls = self.scene.environment == "room" or any("wall" in _words(thing.kind) for thing in objects)
            holds = walls and all(-thing.position[1] >= HANGS for thing in subjects)
        elif relation == "between":
            holds = len(references) == 2 and all(_between(thing, *references) for thing in subjects)
        elif relation == "gap":
            across = any(
                s["domain"] == "egocentric"
                and s["relation"] in ("left", "right")
                and (s["subject"], s.get("reference")) == (data["subject"], indices[0])
                for s in plain_statements(self.entry)
            )
            holds = all(
                self._gap_holds(a, b, across, data["value"]) for a, b in itertools.product(subjects, references)
            )
        elif relation == "apart":
            holds = all(_apart_by(a, b, data["value"]) for a, b in itertools.product(subjects, references))
        elif relation == "away":
            holds = all(_away_by(self.scene, thing, data["value"]) for thing in subjects)
        else:
            test = _PAIRS[relation]
            holds = all(test(a, b) for a, b in itertools.product(subjects, references))
        return [] if holds else [f"{_told(data)} does not hold"]

    def _gap_holds(self, a: SceneObject, b: SceneObject, across: bool, wanted: float) -> bool:
        """Between the footprints, between them along the viewer's direction, or from centre to centre."""
        x, _, z = self.scene.camera.position
        if across:
            yaw = math.radians(self.scene.camera.yaw)
            axis = math.cos(yaw), -math.sin(yaw)
        else:
            axis = b.position[0] - x, b.position[2] - z
            length = math.hypot(*axis) or 1.0
            axis = axis[0] / length, axis[1] / length
        first, second = ([px * axis[0] + pz * axis[1] for px, pz in _footprint(thing)] for thing in (a, b))
        readings = (
            _gap(a, b),
            max(min(second) - max(first), min(first) - max(second)),
            math.dist(_ground(a), _ground(b)),
        )
        return any(abs(found - wanted) <= RELATIVE * wanted for found in readings)

    def _wrong_camera(self, groups: Sequence[tuple[int, ...]]) -> list[str]:
        wanted = self.entry["camera"]
        things = [self.scene.objects[i] for group in groups for i in group]
        if wanted is None or not things:
            return []
        wrong = []
        if "height" in wanted and not _seen_from(self.scene, things, wanted["height"]):
            wrong.append(f"camera: not {wanted['height']}")
        if "shot" in wanted:
            if "of" in wanted:
                of = wanted["of"] if isinstance(wanted["of"], list) else [wanted["of"]]
                things = [self.scene.objects[i] for k in of for i in groups[k]]
            taken = max((_part_of_picture(self.scene, thing, self.aspect) for thing in things), default=0.0)
            wide = 0.0, WIDE
            low, high = {"close": (CLOSE, math.inf), "medium": MEDIUM}.get(wanted["shot"], wide)
            lens = wanted["shot"] == "wide angle" and self.scene.camera.hfov >= WIDE_ANGLE
            if not low <= taken <= high and not lens:
                wrong.append(f"camera: not {wanted['shot']}, the subject takes {taken:.2f} of the picture")
        return wrong


# Words ---------------------------------------------------------------------------------------------------------------


def _words(text: str) -> list[str]:
    return re.findall(r"[\w'-]+", text.lower().replace("’", "'"))


def _says(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _alike(noun: str) -> set[str]:
    groups = [{word.replace("_", " ") for word in group.split()} for group in SYNONYMS]
    return {noun}.union(*(group for group in groups if noun in group))


def _count(wanted: dict) -> tuple[int, int]:
    count = wanted.get("count", 1)
    return (count, count) if isinstance(count, int) else tuple(count)


def plain_statements(entry: dict) -> list[dict]:
    """All statements of an entry, with each reading of those that have several."""
    return [reading for data in entry["statements"] for reading in data.get("either", [data])]


def _told(data: dict) -> str:
    return " ".join(f"{key} {value}" for key, value in data.items())


# Relations -----------------------------------------------------------------------------------------------------------


def _ground(thing: SceneObject) -> tuple[float, float]:
    return thing.position[0], thing.position[2]


def _base(thing: SceneObject) -> float:
    return -thing.position[1]


def _top(thing: SceneObject) -> float:
    return thing.size[1] - thing.position[1]


def _footprint(thing: SceneObject) -> list[tuple[float, float]]:
    """Corners (x, z) on the ground, in order."""
    x, z = _ground(thing)
    yaw = math.radians(thing.yaw)
    across, along = (math.cos(yaw), math.sin(yaw)), (math.sin(yaw), -math.cos(yaw))
    width, length = thing.size[0] / 2, thing.size[2] / 2
    return [
        (x + i * width * across[0] + k * length * along[0], z + i * width * across[1] + k * length * along[1])
        for i, k in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]


def _over(thing: SceneObject, below: SceneObject) -> bool:
    """Whether the middle of a thing lies within the footprint of another."""
    (x, z), (bx, bz) = _ground(thing), _ground(below)
    yaw = math.radians(below.yaw)
    dx, dz = x - bx, z - bz
    across, along = dx * math.cos(yaw) + dz * math.sin(yaw), dz * math.cos(yaw) - dx * math.sin(yaw)
    return abs(across) <= below.size[0] / 2 and abs(along) <= below.size[2] / 2


def _gap(a: SceneObject, b: SceneObject) -> float:
    """Metres between two footprints; 0 where they overlap."""
    first, second = _footprint(a), _footprint(b)
    if not _apart(first, second) and not _apart(second, first):
        return 0.0
    return min(
        _to_segment(point, one, other)
        for points, edges in ((first, second), (second, first))
        for point in points
        for one, other in zip(edges, [*edges[1:], edges[0]])
    )


def _apart(first: Sequence[tuple[float, float]], second: Sequence[tuple[float, float]]) -> bool:
    """Whether an edge of the first footprint separates the two."""
    for (ax, az), (bx, bz) in zip(first, [*first[1:], first[0]]):
        normal = bz - az, ax - bx
        one, other = ([x * normal[0] + z * normal[1] for x, z in corners] for corners in (first, second))
        if max(one) < min(other) or max(other) < min(one):
            return True
    return False


def _to_segment(point: tuple[float, float], one: tuple[float, float], other: tuple[float, float]) -> float:
    dx, dz = other[0] - one[0], other[1] - one[1]
    along = ((point[0] - one[0]) * dx + (point[1] - one[1]) * dz) / (dx * dx + dz * dz)
    along = min(1.0, max(0.0, along))
    return math.dist(point, (one[0] + along * dx, one[1] + along * dz))


def _middle(thing: SceneObject) -> tuple[float, float, float]:
    x, y, z = thing.position
    return x, y - thing.size[1] / 2, z


def _apart_by(a: SceneObject, b: SceneObject, wanted: float) -> bool:
    """Between the footprints, or between the middles, on the ground or in space."""
    readings = _gap(a, b), math.dist(_ground(a), _ground(b)), math.dist(_middle(a), _middle(b))
    return any(abs(found - wanted) <= RELATIVE * wanted for found in readings)


def _away_by(scene: Scene, thing: SceneObject, wanted: float) -> bool:
    """From the camera to the middle, on the ground or in space, or along the ground to the nearest side."""
    x, _, z = scene.camera.position
    corners = _footprint(thing)
    nearest = min(_to_segment((x, z), one, other) for one, other in zip(corners, [*corners[1:], corners[0]]))
    readings = math.dist(scene.camera.position, _middle(thing)), math.dist((x, z), _ground(thing)), nearest
    return any(abs(found - wanted) <= camera_distance_window(wanted) * wanted for found in readings)


def _beside(a: SceneObject, b: SceneObject) -> float:
    """The widest gap that is "next to"."""
    return BESIDE[0] + BESIDE[1] * max(a.size[0], a.size[2], b.size[0], b.size[2])


def _next_to(a: SceneObject, b: SceneObject) -> bool:
    return _gap(a, b) <= _beside(a, b)


def _near(a: SceneObject, b: SceneObject) -> bool:
    return _gap(a, b) <= 2 * _beside(a, b)


def _on(a: SceneObject, b: SceneObject) -> bool:
    slack = max(0.02, BASE * b.size[1])
    lowest = _base(b) + SEAT * b.size[1] if _alike(b.kind.lower()) & SEATS else _top(b) - slack
    return _over(a, b) and lowest <= _base(a) <= _top(b) + slack


def _in(a: SceneObject, b: SceneObject) -> bool:
    return _over(a, b) and _base(b) - 0.02 <= _base(a) <= _top(b) + max(0.02, BASE * b.size[1])


def _under(a: SceneObject, b: SceneObject) -> bool:
    middle_a, middle_b = (_base(thing) + thing.size[1] / 2 for thing in (a, b))
    return _over(a, b) and middle_a < middle_b and _top(a) <= _top(b)


def _above(a: SceneObject, b: SceneObject) -> bool:
    return _gap(a, b) <= 0.5 and _base(a) >= _top(b) - max(0.02, BASE * b.size[1])


def _facing(a: SceneObject, b: SceneObject) -> bool:
    dx, dz = b.position[0] - a.position[0], b.position[2] - a.position[2]
    off = math.degrees(math.atan2(dx, -dz)) - a.yaw
    return abs((off + 180) % 360 - 180) <= FACING


def _larger(a: SceneObject, b: SceneObject) -> bool:
    return math.prod(a.size) > math.prod(b.size)


_PAIRS = {
    "next to": _next_to,
    "near": _near,
    "on": _on,
    "in": _in,
    "under": _under,
    "above": _above,
    "facing": _facing,
    "larger": _larger,
}
OTHER = frozenset(_PAIRS) | {"around", "in a row", "in a circle", "on wall", "between", "gap", "apart", "away"}


def _between(thing: SceneObject, one: SceneObject, other: SceneObject) -> bool:
    (x, z), (ax, az), (bx, bz) = _ground(thing), _ground(one), _ground(other)
    dx, dz = bx - ax, bz - az
    way = dx * dx + dz * dz
    if way == 0:
        return False
    along = ((x - ax) * dx + (z - az) * dz) / way
    aside = abs((x - ax) * dz - (z - az) * dx) / way
    return BETWEEN[0] <= along <= BETWEEN[1] and aside <= BETWEEN[2]


def _angles_even(members: Sequence[SceneObject], x: float, z: float) -> bool:
    angles = sorted(math.degrees(math.atan2(m.position[2] - z, m.position[0] - x)) for m in members)
    steps = [after - before for before, after in zip(angles, [*angles[1:], angles[0] + 360])]
    return max(steps) <= min(AROUND[0] * 360 / len(members), AROUND[1])


def _around(members: Sequence[SceneObject], middle: SceneObject) -> bool:
    return len(members) > 1 and _angles_even(members, *_ground(middle)) and all(_near(m, middle) for m in members)


def _in_a_circle(members: Sequence[SceneObject]) -> bool:
    if len(members) < 3:
        return False
    x, z = (sum(_ground(m)[axis] for m in members) / len(members) for axis in (0, 1))
    radii = [math.dist(_ground(m), (x, z)) for m in members]
    mean = sum(radii) / len(radii)
    return all(abs(radius - mean) <= CIRCLE * mean for radius in radii) and _angles_even(members, x, z)


def _in_a_row(members: Sequence[SceneObject]) -> bool:
    if len(members) < 3:
        return False
    places = [_ground(m) for m in members]
    one, other = max(itertools.combinations(places, 2), key=lambda pair: math.dist(*pair))
    length = math.dist(one, other)
    if length == 0:
        return False
    axis = (other[0] - one[0]) / length, (other[1] - one[1]) / length
    along = sorted((x - one[0]) * axis[0] + (z - one[1]) * axis[1] for x, z in places)
    aside = max(abs((x - one[0]) * axis[1] - (z - one[1]) * axis[0]) for x, z in places)
    steps = [after - before for before, after in itertools.pairwise(along)]
    return aside <= ROW[0] * length / len(steps) and max(steps) <= ROW[1] * min(steps)


# Camera --------------------------------------------------------------------------------------------------------------


def _seen_from(scene: Scene, things: Sequence[SceneObject], wanted: str) -> bool:
    x, y, z = scene.camera.position
    tx, tz = (sum(_ground(thing)[axis] for thing in things) / len(things) for axis in (0, 1))
    height = sum(_base(thing) + thing.size[1] / 2 for thing in things) / len(things)
    down = math.degrees(math.atan2(-y - height, math.hypot(tx - x, tz - z)))
    if wanted == "low":
        return down <= LOW or -y <= LOW_HEIGHT
    if wanted == "eye level":
        return abs(down) <= LEVEL or EYE_HEIGHT[0] <= -y <= EYE_HEIGHT[1]
    return down >= {"high": HIGH, "top-down": TOP}[wanted]


def _part_of_picture(scene: Scene, thing: SceneObject, aspect: float) -> float:
    """The larger of the parts of the picture's width and height that a thing's box takes; infinite close by."""
    camera = scene.camera
    yaw, pitch = math.radians(camera.yaw), math.radians(camera.pitch)
    half = math.tan(math.radians(camera.hfov) / 2)
    across, down = [], []
    for x, z in _footprint(thing):
        for y in (thing.position[1], thing.position[1] - thing.size[1]):
            dx, dy, dz = x - camera.position[0], y - camera.position[1], z - camera.position[2]
            level = dx * math.sin(yaw) + dz * math.cos(yaw)
            depth = level * math.cos(pitch) + dy * math.sin(pitch)
            if depth <= 0:
                return math.inf
            across.append((dx * math.cos(yaw) - dz * math.sin(yaw)) / depth / (2 * half))
            down.append((dy * math.cos(pitch) - level * math.sin(pitch)) / depth / (2 * half) * aspect)
    return max(max(across) - min(across), max(down) - min(down))
