"""Captions of scenes, true by construction, in a small vocabulary.

Plain captions are what the web says: objects, colours, simple left and right, in front and behind. Spatial captions
add statements of all nine GenSpace sub-domains. Frames of reference are kept apart by wording: "in front of", "behind",
"left" and "right" alone are the viewer's; an object's own frame is always named ("from the car's perspective", "its own
left").
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from .scene import Scene, SceneObject
from .statements import Observation, Statement, in_depth, observe, propose, round_metres, score, sides

POSES = ("camera_pose", "object_pose", "complex_pose", "allocentric", "intrinsic")  # facings and sides

# {a} and {b} stand for subject and reference ("a red car" at first mention, "the car" later), {B} for a second mention
# of the reference, {v} for a measurement. [x|y] is x in a phrase that introduces its objects, y in a sentence about
# objects already named.
_SIDE_SEEN = {
    "front": ("the front", "from the front", "a front view"),
    "back": ("the back", "from behind", "a back view"),
    "left": ("the left side", "from {its} left side", "a left side view"),
    "right": ("the right side", "from {its} right side", "a right side view"),
}
_FACING = {
    "front": ("facing the camera", "facing the viewer", "looking at the camera", "turned towards the camera"),
    "back": ("facing away from the camera", "facing away", "looking away from the camera", "turned away"),
    "left": ("facing left", "facing to the left", "looking to the left", "turned to the left"),
    "right": ("facing right", "facing to the right", "looking to the right", "turned to the right"),
}
_TEMPLATES: dict[tuple[str, str], tuple[str, ...]] = {
    ("egocentric", "closer"): (
        "{a} [|is] closer to the camera than {b}",
        "{a} [|is] nearer than {b}",
        "{a} [|is] nearer to the camera than {b}",
        "{a} [|is] in the foreground and {b} [|is] in the background",
    ),
    ("egocentric", "farther"): (
        "{a} [|is] farther from the camera than {b}",
        "{a} [|is] farther away than {b}",
        "{a} [|is] more distant than {b}",
        "{a} [|is] in the background and {b} [|is] in the foreground",
    ),
    # "in front of" and "behind" are said where the step is more in depth than sideways.
    ("egocentric", "in front of"): (
        *["{a} [|is] in front of {b}"] * 3,
        "{a} [|is] standing in front of {b}",
        "{b} [with|has] {a} in front of it",
        "in front of {b} [there|] is {a}",
    ),
    ("egocentric", "behind"): (
        *["{a} [|is] behind {b}"] * 3,
        "{a} [|is] standing behind {b}",
        "{b} [with|has] {a} behind it",
        "behind {b} [there|] is {a}",
    ),
    ("egocentric", "left"): (
        "{a} [|is] to the left of {b}",
        "{a} [|is] on the left of {b}",
        "{a} [|is] left of {b}",
        "{a} [|is] on the left and {b} [|is] on the right",
        "{b} [with|has] {a} to the left of it",
    ),
    ("egocentric", "right"): (
        "{a} [|is] to the right of {b}",
        "{a} [|is] on the right of {b}",
        "{a} [|is] right of {b}",
        "{a} [|is] on the right and {b} [|is] on the left",
        "{b} [with|has] {a} to the right of it",
    ),
    ("allocentric", "front"): (
        "{a} [|is] in front of {b}, from {B}'s perspective",
        "{a} [|is] in front of {b} from the point of view of {B}",
        "{a} [|is] at the front side of {b}",
        "{b} [facing|is facing] {a}",
        "from the perspective of {b}, {a} is in front of it",
    ),
    ("allocentric", "back"): (
        "{a} [|is] behind {b}, from {B}'s perspective",
        "{a} [|is] behind {b} from the point of view of {B}",
        "{a} [|is] at the back side of {b}",
        "{b} [with|has] its back to {a}",
        "from the perspective of {b}, {a} is behind it",
    ),
    ("allocentric", "left"): (
        "{a} [|is] to the left of {b}, from {B}'s perspective",
        "{a} [|is] on the left from the point of view of {b}",
        "{b} [with|has] {a} on its own left side",
        "{a} [|is] at the left side of {b}, from {B}'s perspective",
        "from the perspective of {b}, {a} is on its left",
    ),
    ("allocentric", "right"): (
        "{a} [|is] to the right of {b}, from {B}'s perspective",
        "{a} [|is] on the right from the point of view of {b}",
        "{b} [with|has] {a} on its own right side",
        "{a} [|is] at the right side of {b}, from {B}'s perspective",
        "from the perspective of {b}, {a} is on its right",
    ),
    ("intrinsic", "side_by_side_same"): (
        "{a} and {b} [|are] side by side, facing the same way",
        "{a} and {b} [|are] side by side, facing the same direction",
        "{a} and {b} [|are] next to each other, both facing the same way",
        "{a} [|is] beside {b}, turned the same way",
    ),
    ("intrinsic", "side_by_side_opposite"): (
        "{a} and {b} [|are] side by side, facing opposite ways",
        "{a} and {b} [|are] side by side, facing opposite directions",
        "{a} and {b} [|are] next to each other, facing opposite ways",
        "{a} [|is] beside {b}, turned the opposite way",
    ),
    ("intrinsic", "face_to_face"): (
        "{a} and {b} [|are] face to face",
        "{a} and {b} [|are] facing each other",
        "{a} and {b} [|are] looking at each other",
        "{a} and {b} [|are] turned towards each other",
    ),
    ("intrinsic", "back_to_back"): (
        "{a} and {b} [|are] back to back",
        "{a} and {b} [|are] facing away from each other",
        "{a} and {b} [|are] turned away from each other",
        "{a} and {b} [with|have] their backs to each other",
    ),
    ("object_distance", "apart"): (
        "{a} [|is] {v} from {b}",
        "{a} [|is] {v} away from {b}",
        "{a} and {b} [|are] {v} apart",
        "{a} and {b} [|are] at a distance of {v} from each other",
    ),
    ("camera_distance", "away"): (
        "{a} [|is] {v} from the camera",
        "{a} [|is] {v} away from the camera",
        "{a} [|is] {v} away",
        "{a} [|is] at a distance of {v}",
        "the camera is {v} from {a}",
    ),
    ("object_size", "volume"): (
        "{a} [|is] {v} as big as {b}",
        "{a} [|is] {v} as large as {b}",
        "{a} [|is] {v} the size of {b}",
        "{a} [with|has] {v} the volume of {b}",
    ),
    # Combined with a distance, where the step runs along the direction.
    ("egocentric", "metres in front of"): (
        "{a} [|is] {v} in front of {b}",
        "{a} [|is] standing {v} in front of {b}",
        "{b} [with|has] {a} {v} in front of it",
        "{v} in front of {b} [there|] is {a}",
    ),
    ("egocentric", "metres behind"): (
        "{a} [|is] {v} behind {b}",
        "{a} [|is] standing {v} behind {b}",
        "{b} [with|has] {a} {v} behind it",
        "{v} behind {b} [there|] is {a}",
    ),
    ("egocentric", "metres left"): (
        "{a} [|is] {v} to the left of {b}",
        "{a} [|is] {v} left of {b}",
        "{a} [|is] standing {v} to the left of {b}",
        "{b} [with|has] {a} {v} to the left of it",
    ),
    ("egocentric", "metres right"): (
        "{a} [|is] {v} to the right of {b}",
        "{a} [|is] {v} right of {b}",
        "{a} [|is] standing {v} to the right of {b}",
        "{b} [with|has] {a} {v} to the right of it",
    ),
}
for _side, (_seen, _from, _view) in _SIDE_SEEN.items():
    _TEMPLATES["camera_pose", _side] = (
        f"{{a}} [|is] seen {_from.format(its='its')}",
        f"{{a}} [|is] viewed {_from.format(its='its')}",
        f"[|this is] {_view} of {{a}}",
        f"the camera sees {_seen} of {{a}}",
        f"the camera is looking at {_seen} of {{a}}",
    )
    _from = _from.format(its="their")
    _TEMPLATES["complex_pose", _side] = (
        f"{{a}} and {{b}} [|are] side by side, facing the same way, seen {_from}",
        f"{{a}} [|is] beside {{b}}, facing the same way, viewed {_from}",
        f"{{a}} and {{b}} [|are] next to each other, facing the same direction, seen {_from}",
        f"[|this is] {_view} of {{a}} and {{b}} side by side, facing the same way",
    )
    _TEMPLATES["object_pose", _side] = tuple(f"{{a}} [|is] {words}" for words in _FACING[_side])
for _relation, _tall, _more, _less in (
    ("height", "tall", "taller", "lower"),
    ("width", "wide", "wider", "narrower"),
    ("length", "long", "longer", "shorter"),
):
    _TEMPLATES["object_size", _relation] = (
        f"{{a}} [|is] {{v}} {_tall}",
        f"{{a}} [with|has] a {_relation} of {{v}}",
        f"the {_relation} of {{a}} is {{v}}",
        f"{{a}} [|is] {{v}} in {_relation}",
    )
    _TEMPLATES["object_size", f"{_relation} than"] = (
        f"{{a}} [|is] {{v}} {_more} than {{b}}",
        f"{{b}} [|is] {{v}} {_less} than {{a}}",
        f"{{a}} [|is] {_more} than {{b}} by {{v}}",
        f"{{a}} [with|has] {{v}} more {_relation} than {{b}}",
    )

_PHRASES: dict[tuple[str, str], list[str]] = {}
_CLAUSES: dict[tuple[str, str], list[str]] = {}
for _key, _texts in _TEMPLATES.items():
    for _table, _group in ((_PHRASES, r"\1"), (_CLAUSES, r"\2")):
        _table[_key] = [" ".join(re.sub(r"\[([^|]*)\|([^]]*)\]", _group, text).split()) for text in _texts]

_LEFT_RIGHT = (
    "{a} to the left of {b}",
    "{a} on the left of {b}",
    "{a} on the left and {b} on the right",
    "{b} to the right of {a}",
    "{b} on the right of {a}",
    "{b} on the right and {a} on the left",
    "on the left {a}, on the right {b}",
)
_FRONT_BEHIND = (
    "{a} in front of {b}",
    "{a} standing in front of {b}",
    "{b} with {a} in front of it",
    "in front of {b} there is {a}",
    "{b} behind {a}",
    "{b} standing behind {a}",
    "{a} with {b} behind it",
    "behind {a} there is {b}",
)
SETTINGS = {"outdoor": ("outdoors", "outside", "in the open"), "room": ("in a room", "indoors", "inside a room")}
_EMPTY = {"outdoor": "an empty place", "room": "an empty room"}
_OPENINGS = ("a picture of", "an image of", "a scene with", "there is")
_ABOUT = ("about", "around", "roughly")
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_UNITS = ("m", "metre", "metres", "meter", "meters", "cm", "centimetres", "centimeters", "times", "twice", "half")
ASIDE = 60.0  # degrees off the line of sight up to which a nearer object is "in front"
ALONG = 30.0  # degrees off a direction up to which a distance is said along it
# How often each sub-domain is drawn where it is available (the rare ones more), and each egocentric relation.
_DOMAIN_WEIGHTS = {
    "egocentric": 10.0,
    "camera_pose": 1.5,
    "object_pose": 1.5,
    "complex_pose": 12.0,
    "allocentric": 3.0,
    "intrinsic": 5.0,
    "object_size": 1.0,
    "object_distance": 1.2,
    "camera_distance": 1.5,
}
_EGOCENTRIC_WEIGHTS = {"closer": 10.0, "farther": 2.0, "left": 2.0, "right": 2.0}


@dataclass(frozen=True)
class Caption:
    """A caption and the statements that it makes."""

    text: str
    statements: tuple[Statement, ...]


def describe(thing: SceneObject) -> str:
    """The object with its article, "a red car", "an old red car"."""
    return with_article(" ".join(filter(None, (thing.words, thing.color, thing.kind))))


def with_article(words: str) -> str:
    return f"{'an' if words[0].lower() in 'aeiou' else 'a'} {words}"


def plain_caption(scene: Scene, generator: torch.Generator) -> Caption:
    """A caption as the web has them: objects and colours, often left and right or in front and behind, the setting."""
    rng = draw_random(generator)
    text, statements = _content(scene, observe(scene), rng, 0.7)
    if rng.random() < 0.1:
        text = f"{rng.choice(_OPENINGS)} {text}"
    return Caption(_with_setting(scene, text, rng, 0.35), statements)


def caption(scene: Scene, generator: torch.Generator, statements: Sequence[Statement] | None = None) -> Caption:
    """The objects and spatial statements about them: those given, or one or two drawn from `propose`.

    Values may be said more roughly than given ("about 3 metres"); the statements returned have them as said.
    """
    rng = draw_random(generator)
    observation = observe(scene)
    related = 0.0
    if statements is None:
        statements = _draw_statements(scene, observation, rng)
        related = 0.15
    names = _Names(scene, rng)
    parts: list[str] = []
    used: list[Statement] = []
    pending = list(statements)
    while pending:
        statement = pending.pop(0)
        key, measured = _choose_wording(statement, pending, observation, rng)
        value, said = "", statement
        if measured is not None:
            value, said = _say_value(measured, observation, rng)
            if measured is not statement:
                used.append(statement)
                pending.remove(measured)
        used.append(said)
        if not parts and rng.random() < 0.7:
            parts.append(names.fill(rng.choice(_PHRASES[key]), statement, value, first=True))
            rest = [i for i in range(len(scene.objects)) if i not in (statement.subject, statement.reference)]
            if rest:
                parts.append("there is also " + _listing([names.indefinite[i] for i in rest]))
            continue
        if not parts:
            text, places = _content(scene, observation, rng, related)
            parts.append(text)
            used += places
        parts.append(names.fill(rng.choice(_CLAUSES[key]), statement, value, first=False))
    if not parts:
        text, places = _content(scene, observation, rng, related)
        parts.append(text)
        used += places
    text = (". " if rng.random() < 0.6 else ", ").join(parts)
    return Caption(_with_setting(scene, text, rng, 0.2), tuple(dict.fromkeys(used)))


def egocentric_caption(scene: Scene, generator: torch.Generator) -> Caption:
    """A caption that says left or right, nearer or farther, or both, where the scene allows it."""
    rng = draw_random(generator)
    groups: dict[str, list[Statement]] = {}
    for statement in propose(scene):
        if statement.domain == "egocentric":
            groups.setdefault(statement.relation, []).append(statement)
    relations = rng.sample(sorted(groups), min(len(groups), 1 if rng.random() < 0.7 else 2))
    return caption(scene, generator, [rng.choice(groups[relation]) for relation in relations])


def pose_caption(scene: Scene, generator: torch.Generator) -> Caption:
    """A caption that says which way an object is turned, or where another stands to one that is turned, where the scene
    allows it: all sub-domains alike."""
    rng = draw_random(generator)
    groups: dict[str, list[Statement]] = {}
    for statement in propose(scene):
        if statement.domain in POSES:
            groups.setdefault(statement.domain, []).append(statement)
    return caption(scene, generator, [rng.choice(groups[rng.choice(sorted(groups))])] if groups else [])


def caption_templates() -> list[str]:
    """All texts of captions, without those that say where a scene is."""
    texts = [text for table in (_PHRASES, _CLAUSES) for group in table.values() for text in group]
    texts += [*_LEFT_RIGHT, *_FRONT_BEHIND, *_ABOUT, *_NUMBERS, *_UNITS, *_OPENINGS, *_EMPTY.values()]
    return [*texts, "there is also", "another"]


def setting_templates() -> list[str]:
    """All texts that say where a scene is."""
    return [text for group in SETTINGS.values() for text in group]


# Wording -------------------------------------------------------------------------------------------------------------


def draw_random(generator: torch.Generator) -> random.Random:
    """Python's generator, seeded by torch's: a hundred times cheaper per draw than tensors."""
    return random.Random(int(torch.randint(2**62, (), generator=generator)))


class _Names:
    """What each object is called at its first mention, and what it is called later."""

    def __init__(self, scene: Scene, rng: random.Random) -> None:
        kinds = [thing.kind for thing in scene.objects]
        self.indefinite = _indefinite(scene)
        self.definite = [
            f"the {name}" if kinds.count(name) == 1 and rng.random() < 0.6 else f"the {thing.color} {name}"
            for thing, name in zip(scene.objects, kinds)
        ]

    def fill(self, template: str, statement: Statement, value: str, first: bool) -> str:
        names = self.indefinite if first else self.definite
        a, b = statement.subject, statement.reference
        if b is None:
            return template.format(a=names[a], v=value)
        return template.format(a=names[a], b=names[b], B=self.definite[b], v=value)


def _indefinite(scene: Scene) -> list[str]:
    names: list[str] = []
    for thing in scene.objects:
        name = describe(thing)
        names.append(f"another {thing.color} {thing.kind}" if name in names else name)
    return names


def _listing(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def _content(
    scene: Scene, observation: Observation, rng: random.Random, related: float
) -> tuple[str, tuple[Statement, ...]]:
    """All objects in one sentence; with probability `related` it says how two of them stand to the viewer."""
    names = _indefinite(scene)
    count = len(names)
    if count == 0:
        return _EMPTY[scene.environment], ()
    if count >= 2 and rng.random() < related and len({describe(thing) for thing in scene.objects}) == count:
        i, j = rng.sample(range(count), 2)
        choices: list[tuple[tuple[str, ...], list[Statement]]] = []
        for first, second in ((i, j), (j, i)):
            if across := sides(scene, observation, first, second):
                choices.append((_LEFT_RIGHT, across))
            along = in_depth(observation, first, second)
            if along and off_direction(along[0], observation) <= ASIDE:
                choices.append((_FRONT_BEHIND, along))
        if choices:
            # The rarer one weighs more: nearly all scenes have a left and a right, half of them a front and a back.
            templates, said = rng.choices(choices, [1 if t is _LEFT_RIGHT else 2 for t, _ in choices])[0]
            text = rng.choice(templates).format(a=names[said[0].subject], b=names[said[0].other])
            rest = [name for k, name in enumerate(names) if k not in (i, j)]
            if rest:
                text = f"{text}. there is also {_listing(rest)}"
            return text, tuple(said)
    if not any(name.startswith("another") for name in names):
        rng.shuffle(names)
    return _listing(names), ()


def _with_setting(scene: Scene, text: str, rng: random.Random, chance: float) -> str:
    if rng.random() >= chance:
        return text
    setting = rng.choice(SETTINGS[scene.environment])
    return f"{setting}, {text}" if rng.random() < 0.3 else f"{text}, {setting}"


def _draw_statements(scene: Scene, observation: Observation, rng: random.Random) -> list[Statement]:
    domains: dict[str, list[Statement]] = {}
    for statement in propose(scene):
        domains.setdefault(statement.domain, []).append(statement)
    chosen: list[Statement] = []
    for _ in range(1 if rng.random() < 0.6 else 2):
        if not domains:
            break
        names = list(domains)
        domain = rng.choices(names, [_DOMAIN_WEIGHTS[name] for name in names])[0]
        group = domains.pop(domain)
        if domain != "egocentric":
            chosen.append(rng.choice(group))
            continue
        # Few scenes have one object plainly in front of another, and prompts ask for that most: it weighs more.
        weights = [
            _EGOCENTRIC_WEIGHTS[s.relation]
            * (3 if s.relation == "closer" and off_direction(s, observation) <= ASIDE else 1)
            for s in group
        ]
        statement = rng.choices(group, weights)[0]
        chosen.append(statement)
        if rng.random() < 0.35 and off_direction(statement, observation) <= ALONG:
            pair = {statement.subject, statement.reference}
            apart = domains.pop("object_distance", [])
            chosen += [distance for distance in apart if {distance.subject, distance.reference} == pair]
    return chosen


def off_direction(statement: Statement, observation: Observation) -> float:
    """Degrees, seen from above, between an egocentric relation's direction and the step from reference to subject.

    Depth may be read along the line of sight or along the optical axis: the larger angle counts.
    """
    ax, _, az = observation.objects[statement.subject].position
    bx, _, bz = observation.objects[statement.other].position
    x, z = ax - bx, az - bz
    if statement.relation in ("left", "right"):
        return math.degrees(math.atan2(abs(z), x if statement.relation == "right" else -x))
    if statement.relation == "closer":
        x, z = -x, -z
    sight = math.degrees(math.atan2(abs(x * bz - z * bx), x * bx + z * bz))
    return max(sight, math.degrees(math.atan2(abs(x), z)))


def _choose_wording(
    statement: Statement, pending: Sequence[Statement], observation: Observation, rng: random.Random
) -> tuple[tuple[str, str], Statement | None]:
    """The key into the templates and the statement whose value is said: this one, a pending distance, or none."""
    domain, relation = statement.domain, statement.relation
    if domain == "object_size" and statement.reference is not None and relation != "volume":
        return (domain, f"{relation} than"), statement
    if domain != "egocentric":
        return (domain, relation), statement if statement.value is not None else None
    off = off_direction(statement, observation)
    plain = {"closer": "in front of", "farther": "behind"}.get(relation, relation)
    if off <= ALONG:
        pair = {statement.subject, statement.reference}
        for other in pending:
            if other.domain == "object_distance" and {other.subject, other.reference} == pair:
                return (domain, f"metres {plain}"), other
    if plain != relation and (off > ASIDE or rng.random() < 0.15):
        return (domain, relation), None
    return (domain, plain), None


def _say_value(statement: Statement, observation: Observation, rng: random.Random) -> tuple[str, Statement]:
    """The value in words, and the statement with the value as the words have it."""
    if statement.relation == "volume":
        said = round(statement.amount, 1)
        return _say_ratio(said, rng), replace(statement, value=said)
    said, about = round_metres(statement.amount), ""
    if rng.random() < 0.3:
        about = rng.choice(_ABOUT) + " "
        step = 0.5 if said >= 1 else 0.1
        rough = round(round(said / step) * step, 1)
        if abs(rough - said) <= 0.1 * said and score(observation, replace(statement, value=rough)) == 1.0:
            said = rough
    return about + say_metres(said, rng), replace(statement, value=said)


def _say_ratio(ratio: float, rng: random.Random) -> str:
    if ratio == 2 and rng.random() < 0.6:
        return "twice"
    if ratio == int(ratio) <= len(_NUMBERS) and rng.random() < 0.25:
        return f"{_NUMBERS[int(ratio) - 1]} times"
    return f"{ratio:g} times"


def say_metres(length: float, rng: random.Random) -> str:
    """A length that `round_metres` has rounded, in one of the ways in which people write it."""
    if length == 0.5 and rng.random() < 0.1:
        return rng.choice(("half a metre", "half a meter"))
    if length < 0.3 or (length < 1 and rng.random() < 0.85):
        return f"{round(100 * length)} {rng.choices(('cm', 'centimetres', 'centimeters'), (8, 1, 1))[0]}"
    metres = ("metre", "meter") if length == 1 else ("metres", "meters")
    if length == int(length) <= len(_NUMBERS) and rng.random() < 0.25:
        return f"{_NUMBERS[int(length) - 1]} {rng.choice(metres)}"
    return f"{length:g} {rng.choices(('m', *metres), (6, 2, 2))[0]}"
