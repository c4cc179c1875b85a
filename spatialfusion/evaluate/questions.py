"""What is asked of a model: prompts of GenSpace's sub-domains, each about a scene in which it is true.

These are GenSpace-style templates of our own, not the benchmark's 1,800 prompts (`official.py` reads those). Every
prompt says one thing, of two objects whose combination of colour and kind no training scene has. Questions are
functions of their number: `public_questions` gives the first 200 of each sub-domain from a file, and more by drawing
them. `python -m spatialfusion.evaluate.write_questions` writes them, with the source images of edits, for other models.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import math
import random
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..errors import InputError
from ..files import atomic_file
from ..needed import needed
from ..progress import progress_bar
from ..scenes.captions import caption
from ..scenes.edits import Edit, EditPair, apply_edit, instruction, sample_edit
from ..scenes.sample import sample_scene
from ..scenes.scene import Scene
from ..scenes.statements import MEASURED, PAIRED, RELATIONS, Statement, propose
from ..texts import check_text
from .judges.judge import Asked

# The edits of each sub-domain, which take turns: kind and direction for `sample_edit`, or where something is inserted.
EDITS: dict[str, tuple[tuple[str, str], ...]] = {
    "camera_pose": tuple(("view", side) for side in RELATIONS["camera_pose"]),
    "object_pose": tuple(("rotate", side) for side in RELATIONS["object_pose"]),
    "complex_pose": tuple(("view", side) for side in RELATIONS["complex_pose"]),
    "insert_egocentric": tuple(("egocentric", relation) for relation in RELATIONS["egocentric"]),
    "insert_allocentric": tuple(("allocentric", relation) for relation in RELATIONS["allocentric"]),
    "insert_intrinsic": tuple(("intrinsic", relation) for relation in RELATIONS["intrinsic"]),
    "resize_object": tuple(("resize", extent) for extent in RELATIONS["object_size"]),
    "move_object": tuple(("move", side) for side in ("closer", "farther", "left", "right")),
    "move_camera": tuple(("camera", side) for side in ("forward", "left", "right", "back")),
}
SUB_DOMAINS: dict[str, tuple[str, ...]] = {"t2i": tuple(RELATIONS), "edit": tuple(EDITS)}
PUBLIC = 40  # questions of each sub-domain that are asked unless more are wanted
STORED = 200  # questions of each sub-domain in the file
FILE = Path(__file__).parents[1] / "assets" / "evaluate" / "questions.jsonl.gz"
# Of all sub-domains with so many questions each: another digest is another set.
DIGESTS = {40: "59c11d3b7135f65c", 200: "fd6498fcc6f4c7d2"}


@dataclass(frozen=True)
class Question:
    """One prompt, and what must be true of its image.

    Attributes:
        id: also the name of its image's file.
        asked: the objects that the image must show, in the order in which statement and edit number them.
        statement: of a text-to-image question.
        edit: of an editing question; an added object is the last of `asked`.
        scene: one in which the statement holds; of an edit, the source. None if only an image is known.
        picture: file of an edit's source image, where there is no scene.
        seed: for the noise of its image.
    """

    id: str
    task: str
    sub_domain: str
    prompt: str
    asked: tuple[Asked, ...]
    statement: Statement | None = None
    edit: Edit | None = None
    scene: Scene | None = None
    picture: str | None = None
    seed: int = 0

    @property
    def asked_before(self) -> tuple[Asked, ...]:
        """The objects of the source image."""
        return self.asked[:-1] if self.edit is not None and self.edit.kind == "add" else self.asked

    @property
    def target(self) -> Scene | None:
        """A scene that answers the question."""
        return self.scene if self.edit is None or self.scene is None else apply_edit(self.scene, self.edit)

    def to_json(self) -> str:
        """One line of JSON; `from_json` restores an equal question."""
        data = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        data["asked"] = [[asked.kind, asked.color] for asked in self.asked]
        if self.statement is not None:
            data["statement"] = dataclasses.asdict(self.statement)
        for name in ("edit", "scene"):
            if data[name] is not None:
                data[name] = json.loads(data[name].to_json())
        return json.dumps({k: v for k, v in data.items() if v is not None}, separators=(",", ":"), ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Question:
        """Read what `to_json` wrote. Raises InputError for what is no question of the protocol."""
        try:
            data = json.loads(text)
            data["asked"] = tuple(Asked(*asked) for asked in data["asked"])
            if data.get("statement") is not None:
                data["statement"] = Statement(**data["statement"])
            for name, kind in (("edit", Edit), ("scene", Scene)):
                if data.get(name) is not None:
                    data[name] = kind.from_json(json.dumps(data[name]))
            question = Question(**data)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"it is not a question ({type(error).__name__}: {error})") from None
        question.check()
        return question

    def check(self) -> None:
        """Raise InputError unless the protocol knows this question."""
        if self.task not in SUB_DOMAINS:
            raise InputError(f"its task is {self.task!r}: expected t2i or edit")
        if self.sub_domain not in SUB_DOMAINS[self.task]:
            known = ", ".join(SUB_DOMAINS[self.task])
            raise InputError(f"{self.task} has no sub-domain {self.sub_domain!r}: expected one of {known}")
        if not isinstance(self.prompt, str) or not self.prompt.strip():
            raise InputError(f"its prompt is {self.prompt!r}: expected a sentence")
        for words in (self.prompt, *(str(word) for asked in self.asked for word in (asked.kind, asked.color))):
            check_text(words, "it")
        if not isinstance(self.id, str) or not re.fullmatch("[a-z0-9_-]+", self.id):
            raise InputError(f"its id is {self.id!r}: expected small letters, digits, - and _")
        if (self.statement is None) == (self.edit is None) or (self.edit is None) != (self.task == "t2i"):
            raise InputError("a t2i question has a statement, an edit has an edit, and neither has both")
        if self.statement is not None and self.statement.domain != self.sub_domain:
            raise InputError(f"its statement is of {self.statement.domain!r}, not of {self.sub_domain}, its sub-domain")
        statement, edit = self.statement, self.edit
        for said in (statement, None if edit is None else edit.statement):
            if said is not None:
                _check_statement(said)
        numbers = [statement.subject, statement.reference] if statement else [needed(edit).index]
        if not all(number is None or number in range(len(self.asked)) for number in numbers):
            raise InputError(f"it is about object {max(filter(None, numbers))}, but asks for {len(self.asked)}")
        if self.edit is not None and self.scene is None and self.picture is None:
            raise InputError("it is an edit without a source: expected a scene or an image")


def _check_statement(statement: Statement) -> None:
    domain, relation, value = statement.domain, statement.relation, statement.value
    if relation not in RELATIONS.get(domain, ()):
        raise InputError(f"{domain} has no relation {relation!r}")
    if statement.subject is None or (statement.reference is None and (domain in PAIRED or relation == "volume")):
        raise InputError(f"its statement of {domain} lacks an object: expected the numbers of subject and reference")
    if domain in MEASURED and not (isinstance(value, (int, float)) and 0 < value < math.inf):
        raise InputError(f"its statement of {domain} has the value {value!r}: expected a number above 0")


# Sets ----------------------------------------------------------------------------------------------------------------


def public_questions(count: int = PUBLIC) -> list[Question]:
    """The first `count` questions of every sub-domain; more than 200 are drawn, some twenty a second."""
    stored = read_questions(FILE)
    if count > STORED:
        have = {question.id for question in stored}
        names = [(task, name, k) for task, group in SUB_DOMAINS.items() for name in group for k in range(count)]
        names = [name for name in names if _id(*name) not in have]
        drawn = [make_question(*name) for name in progress_bar(names, what="questions", unit="question")]
        stored += drawn
    found = select(stored, count=count)
    if count in DIGESTS and digest(found) != DIGESTS[count]:
        raise InputError(
            f"the set of {count} questions a sub-domain has the digest {digest(found)}, not {DIGESTS[count]}: this "
            "version has other questions than the one that fixed the set."
        )
    return found


def read_questions(path: str | Path) -> list[Question]:
    """A file of one question a line, compressed if its name ends in .gz."""
    try:
        data = Path(path).read_bytes()
        lines = (gzip.decompress(data) if Path(path).suffix == ".gz" else data).decode("utf-8-sig").split("\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"the questions {path} cannot be read ({error}): expected a file of JSON lines.") from None
    questions = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                questions.append(Question.from_json(line))
            except InputError as error:
                raise InputError(f"line {number} of {path}: {error}.") from None
    if not questions:
        raise InputError(f"{path} holds no question: expected one JSON object a line.")
    ids = [question.id for question in questions]
    twice = next((name for name in ids if ids.count(name) > 1), None) if len(set(ids)) < len(ids) else None
    if twice is not None:
        raise InputError(f"{path} has two questions with the id {twice!r}: expected each id once.")
    return questions


def write_questions(path: Path, questions: Sequence[Question]) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text("".join(f"{question.to_json()}\n" for question in questions), encoding="utf-8")


def select(
    questions: Iterable[Question],
    tasks: Sequence[str] = tuple(SUB_DOMAINS),
    sub_domains: Sequence[str] | None = None,
    count: int | None = None,
) -> list[Question]:
    """Those of some tasks and sub-domains, at most `count` of each, in the protocol's order."""
    groups: dict[tuple[str, str], list[Question]] = {
        (task, name): [] for task in SUB_DOMAINS for name in SUB_DOMAINS[task]
    }
    for question in questions:
        groups[question.task, question.sub_domain].append(question)
    return [
        question
        for (task, name), group in groups.items()
        if task in tasks and (sub_domains is None or name in sub_domains)
        for question in sorted(group, key=lambda question: question.id)[:count]
    ]


def digest(questions: Sequence[Question]) -> str:
    """A short name for a set of questions."""
    return hashlib.sha256("\n".join(question.to_json() for question in questions).encode()).hexdigest()[:16]


# Drawing -------------------------------------------------------------------------------------------------------------


def make_question(task: str, sub_domain: str, number: int) -> Question:
    """Question `number` of a sub-domain, always the same. Its relations take turns."""
    name = _id(task, sub_domain, number)
    rng = random.Random(f"question {name}")
    seed = zlib.crc32(name.encode())
    wording = torch.Generator().manual_seed(seed)
    if task == "t2i":
        relation = RELATIONS[sub_domain][number % len(RELATIONS[sub_domain])]
        scene, statement = _draw_scene(sub_domain, relation, rng)
        said = caption(scene, wording, [statement])
        # As said: the caption may have rounded a value.
        return Question(name, task, sub_domain, said.text, _asked(scene), said.statements[0], None, scene, seed=seed)
    pair = _draw_edit(sub_domain, *EDITS[sub_domain][number % len(EDITS[sub_domain])], rng)
    text = instruction(pair.source, pair.edit, wording)
    asked = _asked(pair.source)
    if pair.edit.added is not None:
        asked += (Asked(pair.edit.added.kind, pair.edit.added.color),)
    return Question(name, task, sub_domain, text, asked, None, pair.edit, pair.source, seed=seed)


def _id(task: str, sub_domain: str, number: int) -> str:
    return f"{task}-{sub_domain}-{number:04d}"


def _asked(scene: Scene) -> tuple[Asked, ...]:
    return tuple(Asked(thing.kind, thing.color) for thing in scene.objects)


def _draw_scene(sub_domain: str, relation: str, rng: random.Random) -> tuple[Scene, Statement]:
    while True:
        scene = sample_scene(rng.randrange(2**40), "test")
        found = [said for said in propose(scene) if (said.domain, said.relation) == (sub_domain, relation)]
        if sub_domain == "object_size":
            # As GenSpace: two of one kind are compared, so that knowing usual sizes does not help.
            alike = scene.objects[0].kind == scene.objects[1].kind
            found = [said for said in found if alike and said.reference is not None]
        if found:
            return scene, rng.choice(found)


def _draw_edit(sub_domain: str, kind: str, direction: str, rng: random.Random) -> EditPair:
    while True:
        seed = rng.randrange(2**40)
        if sub_domain == "camera_pose":
            # Held-out scenes have two objects, this has one: there is no combination to hold out.
            pair = sample_edit(seed, "train", (kind, direction))
            if len(pair.source.objects) == 1:
                return pair
        elif sub_domain.startswith("insert_"):
            pair = sample_edit(seed, "test", ("add", ""))
            last = len(pair.target.objects) - 1
            for said in propose(pair.target):
                if (said.domain, said.relation, said.subject) == (kind, direction, last):
                    return replace(pair, edit=replace(pair.edit, statement=said))
        else:
            return sample_edit(seed, "test", (kind, direction))


def read_seeds(text: str) -> list[int]:
    """The numbers of --seeds, each once."""
    if not re.fullmatch(r"\d{1,3}(,\d{1,3})*", text):
        raise InputError(f"--seeds is {text!r}: expected whole numbers from 0 to 999, such as 0,1,2.")
    return list(dict.fromkeys(int(seed) for seed in text.split(",")))
