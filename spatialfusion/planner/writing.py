"""A settled draft as scene text: one thing in each line, what is said of it behind it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ..scenes.lexicon import ATTRIBUTES
from .draft import Draft, Relation, Thing

# Of a relation: {r} is the reference, {s} the second one, {v} the value, {by} the value where it may be left out.
_CLAUSES = {
    "left": "left of {r}{by}",
    "right": "right of {r}{by}",
    "front": "in front of {r}{by}",
    "behind": "behind {r}{by}",
    "nearer": "nearer than {r}",
    "farther": "farther than {r}",
    "own_left": "at left of {r}{by}",
    "own_right": "at right of {r}{by}",
    "own_front": "at front of {r}{by}",
    "own_back": "at back of {r}{by}",
    "next": "next to {r}{by}",
    "between": "between {r} and {s}",
    "on": "on {r}",
    "on_wall": "on wall",
    "against_wall": "against wall",
    "under": "under {r}",
    "above": "above {r}{by}",
    "around": "around {r}",
    "facing": "facing {r}",
    "pose_front": "facing viewer",
    "pose_back": "facing away",
    "pose_left": "facing left",
    "pose_right": "facing right",
    "face_to_face": "face to face with {r}",
    "back_to_back": "back to back with {r}",
    "abreast_same": "side by side with {r} same way",
    "abreast_opposite": "side by side with {r} opposite ways",
    "apart": "{v} from {r}",
    "camera_distance": "{v} from camera",
    "taller": "{v} taller than {r}",
    "wider": "{v} wider than {r}",
    "longer": "{v} longer than {r}",
    "volume": "{v} times as big as {r}",
}
_VIEWS = {
    "view_wide": "wide",
    "view_medium": "medium",
    "view_close": "close",
    "view_low": "low",
    "view_eye": "eye level",
    "view_high": "high",
    "view_topdown": "top-down",
}
_TAKEN = ("wall", "floor", "ground")  # by scene text itself, in "on wall" and the like
# Relations that hold to every member of a group; the others, to its first.
_OF_EVERY = ("left", "right", "front", "behind", "nearer", "farther", "taller", "wider", "longer")
_SHOTS = ("wide", "medium", "close")
_ARRANGED = {"row": "in a row", "circle": "in a circle"}


def write(draft: Draft) -> str:
    """The scene text of a settled draft."""
    _single_out(draft)
    references = _references(draft)
    lines = [_camera_line(draft, references)]
    if draft.setting:
        lines.append(draft.setting)
    for thing in draft.things:
        said = [relation for relation in draft.relations if relation.subject is thing]
        lines.append(_thing_line(thing, said, references))
    if draft.words:
        lines.append(f"# words of the picture: {', '.join(draft.words)}")
    return "\n".join(lines) + "\n"


def needs_reference(kind: str) -> bool:
    """Whether a relation says something only with a thing to which it is."""
    return "{r}" in _CLAUSES.get(kind, "")


def _single_out(draft: Draft) -> None:
    """Groups that other lines speak of become single things, so that each can be named."""
    for relation in list(draft.relations):
        if relation.kind == "between" and len(relation.references) == 1:
            draft.split(relation.references[0])
    for relation in list(draft.relations):
        for reference in list(relation.references):
            if not _stays_group(draft, reference):
                draft.split(reference)
        if relation.kind.startswith("sees_"):
            draft.split(relation.subject)
    relations: list[Relation] = []
    for relation in draft.relations:
        if relation.kind == "between":
            first, last = relation.references[0], relation.references[-1]
            relation.references = [first, last]
            if first is last:
                relation.kind, relation.references = "next", [first]
            relations.append(relation)
        elif len(relation.references) > 1:
            for reference in relation.references if relation.kind in _OF_EVERY else relation.references[:1]:
                relations.append(replace(relation, references=[reference]))
        else:
            relations.append(relation)
    draft.relations = relations


def _stays_group(draft: Draft, thing: Thing) -> bool:
    """Whether single lines for its members would lose how they stand: in a row, around a table."""
    around = any(relation.kind == "around" and relation.subject is thing for relation in draft.relations)
    ends = any(relation.kind == "between" and thing in relation.references for relation in draft.relations)
    return thing.count > 1 and bool(thing.arrangement or around) and not ends


def _references(draft: Draft) -> dict[int, str]:
    """What other lines call each thing: its noun, its colour and noun, or a name given for that."""
    kinds = Counter(thing.kind for thing in draft.things)
    looks = Counter((thing.color, thing.kind) for thing in draft.things)
    spoken = {id(reference) for relation in draft.relations for reference in relation.references}
    spoken |= {id(thing) for _, thing, _ in draft.camera if thing is not None}
    spoken |= {id(relation.subject) for relation in draft.relations if relation.kind.startswith("sees_")}
    numbers: Counter[str] = Counter()
    found: dict[int, str] = {}
    for thing in draft.things:
        numbers[thing.kind] += 1
        if id(thing) not in spoken:
            continue
        if thing.count > 1:
            plural = f"{thing.said}s" if thing.noun is None else thing.noun.plural
            thing.name = f"{plural.replace(' ', '-')}-{numbers[thing.kind]}" if kinds[thing.kind] > 1 else plural
            thing.name = thing.name.replace(" ", "-")
            found[id(thing)] = thing.name
        elif kinds[thing.kind] == 1 and thing.count == 1 and thing.kind not in _TAKEN:
            found[id(thing)] = thing.kind
        elif thing.color and thing.kind not in _TAKEN and looks[thing.color, thing.kind] == 1 and thing.count == 1:
            found[id(thing)] = f"{thing.color} {thing.kind}"
        else:
            thing.name = f"{thing.kind.replace(' ', '-')}-{numbers[thing.kind]}"
            found[id(thing)] = thing.name
    return found


def _camera_line(draft: Draft, references: dict[int, str]) -> str:
    wishes: list[str] = []
    sides: set[str] = set()
    for relation in draft.relations:
        if relation.kind.startswith("sees_"):
            if relation.kind in sides:
                # "seen from their left": of things side by side, the first one will do.
                continue
            sides.add(relation.kind)
            wish = f"sees {relation.kind.removeprefix('sees_')} of {references[id(relation.subject)]}"
            # One camera cannot be asked for two sides.
            if not any(other.startswith("sees ") for other in wishes):
                wishes.append(wish)
            elif wish not in wishes:
                draft.warn(f'the camera already has a side to see, so "{wish}" is left out.')
    for kind, thing, _ in draft.camera:
        if kind.startswith("sees_"):
            first = thing or (draft.things[0] if draft.things else None)
            if first is not None and id(first) in references:
                wishes.append(f"sees {kind.removeprefix('sees_')} of {references[id(first)]}")
        elif _VIEWS[kind] not in wishes:
            like = [wish for wish in wishes if wish in _VIEWS.values() and (wish in _SHOTS) == (_VIEWS[kind] in _SHOTS)]
            if like:
                draft.warn(f'the camera cannot be both "{like[0]}" and "{_VIEWS[kind]}": the second is left out.')
            else:
                wishes.append(_VIEWS[kind])
    return " ".join(["camera", *wishes]) if wishes else "camera auto"


def _thing_line(thing: Thing, relations: list[Relation], references: dict[int, str]) -> str:
    plain = [word for word in thing.words if word in ATTRIBUTES]
    quoted = [word for word in thing.words if word not in ATTRIBUTES]
    if thing.noun is not None and thing.said != thing.noun.name:
        # "young woman", but "cup of coffee".
        after = next(
            (place for place, word in enumerate(quoted) if word in ("of", "with", "in", "wearing", "dressed", "clad")),
            len(quoted),
        )
        quoted.insert(after, thing.said)
    parts = [*([str(thing.count)] if thing.count > 1 else []), *plain, thing.kind]
    parts += [thing.color] if thing.color else []
    if quoted:
        parts.append('"' + " ".join(quoted) + '"')
    parts += _sizes(thing)
    clauses = [_clause(relation, references) for relation in relations if relation.kind in _CLAUSES]
    parts += dict.fromkeys(clauses)
    if thing.arrangement and thing.count > 1 and not any(relation.kind == "around" for relation in relations):
        parts.append(_ARRANGED[thing.arrangement])
    if thing.name:
        parts.append(f"as {thing.name}")
    return " ".join(parts)


def _sizes(thing: Thing) -> list[str]:
    sizes = dict(thing.sizes)
    largest = sizes.pop("largest", None)
    if largest is not None:
        usual = (1.0, 1.0, 1.0) if thing.noun is None else thing.noun.size
        edges = dict(zip(("height", "width", "length"), (usual[1], usual[0], usual[2])))
        sizes.setdefault(max(edges, key=lambda extent: edges[extent]), largest)
    if thing.noun is None:
        return _box(sizes, thing.scale)
    if not sizes and thing.scale != 1.0:
        return [f"size {_say(thing.extent('height'))}"]
    if set(sizes) == {"width", "height", "length"}:
        return [f"size {' '.join(_say(sizes[extent]) for extent in ('width', 'height', 'length'))}"]
    return [f"{extent} {_say(value)}" for extent, value in sizes.items()]


def _box(sizes: dict[str, float], scale: float) -> list[str]:
    """A box of 1 m for a word that the lexicon lacks, with the extents that are known."""
    if not sizes:
        return [f"size {_say(scale)}"]
    return ["size " + " ".join(_say(sizes.get(extent, scale)) for extent in ("width", "height", "length"))]


def _clause(relation: Relation, references: dict[int, str]) -> str:
    names = [
        references[id(reference)] + (" 1" if reference.count > 1 and relation.kind not in _OF_EVERY else "")
        for reference in relation.references
    ]
    value = "" if relation.value is None else _say(relation.value)
    return _CLAUSES[relation.kind].format(
        r=names[0] if names else "", s=names[-1] if names else "", v=value, by=f" by {value}" if value else ""
    )


def _say(number: float) -> str:
    return f"{round(number, 3):g}"
