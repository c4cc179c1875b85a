"""GenSpace's own prompts, from the Parquet files of its authors, which are not part of this project.

Which columns the files have is not documented. Usual names are looked for, and others can be given. A row is mapped by
its template id; what this protocol does not know is not asked, and said so.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import atomic_file
from ..scenes.edits import Edit
from ..scenes.scene import SceneObject
from ..scenes.statements import RELATIONS, Statement
from .judges.judge import Asked
from .questions import EDITS, Question

COLUMNS = {
    "template": ("template_id", "template", "prompt_id", "type_id", "type", "task_id", "category_id"),
    "prompt": ("prompt", "instruction", "text", "caption"),
    "classes": ("classes", "class_names", "objects", "object", "labels", "categories"),
    "image": ("image", "source_image", "input_image", "source"),
}
# Template id: sub-domain, relation, value.
T2I: list[tuple[str, str, float | None]] = [
    *[("camera_pose", side, None) for side in ("front", "back", "left", "right")],
    *[("object_pose", side, None) for side in ("front", "back", "left", "right")],
    *[("intrinsic", relation, None) for relation in RELATIONS["intrinsic"]],
    *[("allocentric", side, None) for side in ("front", "back", "left", "right")],
    *[("egocentric", relation, None) for relation in ("closer", "farther", "left", "right")],
    *[("object_distance", "apart", metres) for metres in (0.5, 1.0, 1.5, 2.0)],
    *[("camera_distance", "away", metres) for metres in (1.0, 2.0, 3.0, 4.0)],
    *[("object_size", "volume", 1.2), ("object_size", "height", 0.2)],
    *[("object_size", "length", 0.5), ("object_size", "width", 0.3)],
    *[("complex_pose", side, None) for side in ("front", "left", "right", "back")],
]
EDIT: list[tuple[str, str, float | None]] = [
    *T2I[:8],
    *[(f"insert_{domain}", relation, None) for domain, relation, _ in T2I[8:20]],
    *[("move_object", side, 1.0) for side in ("closer", "farther", "left", "right")],
    *[("move_camera", side, 1.0) for side in ("forward", "left", "right", "back")],
    *[("resize_object", "volume", 1.2), ("resize_object", "height", 0.2)],
    *[("resize_object", "length", 0.5), ("resize_object", "width", 0.4)],
]
ALONE = ("camera_pose", "object_pose", "camera_distance", "move_object", "move_camera", "resize_object")


def official_questions(
    path: Path, task: str, folder: Path, columns: Mapping[str, str] | None = None
) -> tuple[list[Question], list[str]]:
    """
    Args:
        folder: where source images of edits are written.
        columns: names of columns by what they hold (see COLUMNS), where they are unusual.

    Returns:
        The questions, and sentences on the rows that are not asked.
    """
    rows = _read(path, task, columns or {})
    questions: list[Question] = []
    refused: Counter[str] = Counter()
    numbers: Counter[int] = Counter()
    for row in rows:
        try:
            template = _template(row["template"], EDIT if task == "edit" else T2I)
            number = numbers[template]
            numbers[template] += 1
            name = f"official-{task}-{template:02d}-{number:04d}"
            classes = _classes(row)
            prompt = re.sub(r"[<>]", "", str(row["prompt"])).strip()
            if not prompt:
                raise InputError("the prompt is empty")
            if task == "t2i":
                questions.append(_t2i(name, template, prompt, classes))
            else:
                questions.append(_edit(name, template, prompt, classes, _write_image(row["image"], folder, name)))
        except InputError as error:
            refused[str(error)] += 1
    if not questions:
        raise InputError(
            f"no row of {path} can be asked ({refused.most_common(1)[0][0] if refused else 'it is empty'})."
        )
    return questions, [f"{count} rows of {path.name} are not asked: {reason}." for reason, count in refused.items()]


def _read(path: Path, task: str, columns: Mapping[str, str]) -> list[dict[str, Any]]:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise InputError("--official needs pyarrow, which is not installed: pip install pyarrow.") from None
    try:
        table = parquet.read_table(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}): expected a Parquet file of GenSpace.") from None
    wanted = ["template", "prompt", "classes", *(["image"] if task == "edit" else [])]
    found: dict[str, str] = {}
    for what in wanted:
        names = (columns[what],) if what in columns else COLUMNS[what]
        name = next((name for name in names if name in table.column_names), None)
        if name is not None:
            found[what] = name
        elif what != "classes":
            raise InputError(
                f"{path} has the columns {', '.join(table.column_names)}, and none of them is known to hold the "
                f"{what}: expected --columns {what}=NAME."
            )
    return [{what: row[name] for what, name in found.items()} for row in table.select(list(found.values())).to_pylist()]


def _template(value: Any, known: Sequence[Any]) -> int:
    text = str(value).strip()
    if not re.fullmatch(r"\d+(\.0)?", text) or int(float(text)) >= len(known):
        raise InputError(f"template id {text[:40]!r} is none of 0 to {len(known) - 1}, whose rules are known")
    return int(float(text))


def _classes(row: Mapping[str, Any]) -> list[str]:
    """The class names in their order; in the prompt's <brackets> where no column has them."""
    value = row.get("classes")
    if isinstance(value, str):
        names = re.findall(r"<([^<>]+)>", value) or re.split(r"[,;]", value)
    elif isinstance(value, (list, tuple)):
        names = [str(name) for name in value]
    else:
        names = list(dict.fromkeys(re.findall(r"<([^<>]+)>", str(row["prompt"]))))
    return [name.strip(" <>").lower() for name in names if name.strip(" <>")]


def _asked(sub_domain: str, classes: Sequence[str]) -> tuple[Asked, ...]:
    expected = 1 if sub_domain in ALONE else 2
    names = list(classes)
    if sub_domain == "object_size" and len(names) == 1:
        names *= 2  # two of one class
    if len(names) != expected:
        raise InputError(f"{sub_domain} needs {expected} class names, and the row has {len(names)}")
    return tuple(Asked(name) for name in names)


def _t2i(name: str, template: int, prompt: str, classes: Sequence[str]) -> Question:
    sub_domain, relation, value = T2I[template]
    asked = _asked(sub_domain, classes)
    subject, reference = 0, None if sub_domain in ALONE else 1
    if sub_domain == "allocentric":
        subject, reference = 1, 0  # where the second is, seen by the first
    statement = Statement(sub_domain, relation, subject, reference, value)
    return Question(name, "t2i", sub_domain, prompt, asked, statement, seed=zlib.crc32(name.encode()))


def _edit(name: str, template: int, prompt: str, classes: Sequence[str], picture: str) -> Question:
    sub_domain, relation, value = EDIT[template]
    asked = _asked(sub_domain, classes)
    if sub_domain.startswith("insert_"):
        domain = sub_domain.removeprefix("insert_")
        # Where it will stand is for the model to find: kind and colour alone are judged.
        added = SceneObject(asked[1].kind, "", (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), 0.0)
        edit = Edit("add", added=added, statement=Statement(domain, relation, 1, 0))
    elif sub_domain == "move_camera":
        edit = Edit("camera", None, relation, value)
    else:
        kind = EDITS[sub_domain][0][0]
        edit = Edit("camera" if kind == "view" else kind, 0, relation, value)
    return Question(name, "edit", sub_domain, prompt, asked, edit=edit, picture=picture, seed=zlib.crc32(name.encode()))


def _write_image(value: Any, folder: Path, name: str) -> str:
    data = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(data, bytes):
        raise InputError("the source image is missing")
    path = folder / f"{name}.png"
    if not path.exists():
        with atomic_file(path) as temporary:
            temporary.write_bytes(data)
    return str(path)
