"""An evaluation: draw images, look at them, score them, write down what was found, report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..files import atomic_file
from ..geometry.files import save_geometry
from ..geometry.geometry import Geometry
from ..progress import progress_bar
from ..sheet import figure_tile
from .depth_figures import depth_errors, object_agreement
from .image_sources import Drawn, ImageSource, Request
from .judges.judge import Asked, Judge, Seen, SeenObject
from .question_images import as_saved, save_image, scene_geometry, source_images
from .questions import Question
from .report import make_report, write_contact_sheet, write_report
from .run_records import Records
from .verdicts import Verdict, judge_image

PROTOCOL = 1  # to be raised when the same images would get other scores
DEPTH_SIDE = 16  # pixels of the depth that is kept of every image, to see how samples differ


def run_evaluation(
    out: Path,
    questions: Sequence[Question],
    seeds: Sequence[int],
    source: ImageSource,
    judge: Judge,
    settings: dict[str, Any],
    notes: Sequence[str] = (),
    batch: int = 16,
) -> tuple[dict[str, Any], Records]:
    """`evaluate` into the folder `out`, or go on with it, and write its report; returns report and records.

    Raises InputError where the folder holds a run with other settings.
    """
    records = Records(out, settings)
    evaluate(questions, seeds, source, judge, records, batch)
    report = make_report(questions, seeds, records, settings, notes)
    write_report(out, report)
    write_contact_sheet(out / "sheet.png", questions, seeds[0], records)
    return report, records


def evaluate(
    questions: Sequence[Question],
    seeds: Sequence[int],
    source: ImageSource,
    judge: Judge,
    records: Records,
    batch: int = 16,
) -> None:
    """Bring `records` up to date: every question with every seed that is not yet in them.

    In the records' folder, images go to `images/<id>-<seed>.png` unless they are files already, sources of edits to
    `sources/<id>.png`, figures of depth to `depth/<id>-<seed>.png` and the depth itself, DEPTH_SIDE pixels a side, to
    `depth/<id>-<seed>.npz`.
    """
    todo = [(question, seed) for question in questions for seed in seeds if not records.finished(question, seed)]
    total = len(questions) * len(seeds)
    with progress_bar(total=total, initial=total - len(todo), what="images", unit="image") as bar:
        for part in _batches(todo, batch):
            requests, before = _with_sources(part, source, judge, records.folder)
            drawn = source.draw(requests)
            records.add(_judge(requests, before, drawn, judge, records.folder))
            bar.update(len(part))


def _batches(todo: Sequence[tuple[Question, int]], size: int) -> Iterator[list[tuple[Question, int]]]:
    """Batches of one task each."""
    for task in dict.fromkeys(question.task for question, _ in todo):
        group = [one for one in todo if one[0].task == task]
        for start in range(0, len(group), size):
            yield group[start : start + size]


def _with_sources(
    part: Sequence[tuple[Question, int]], source: ImageSource, judge: Judge, folder: Path
) -> tuple[list[Request], list[Seen | None]]:
    """The requests of a batch, and what the judge sees in the source of each."""
    if part[0][0].task == "t2i":
        return [Request(question, seed) for question, seed in part], [None] * len(part)
    edits = list({question.id: question for question, _ in part}.values())
    images = dict(zip((question.id for question in edits), source_images(edits, source.source_size)))
    for name, image in images.items():
        save_image(folder / "sources" / f"{name}.png", image)
    seen = judge.look(list(images.values()), [question.asked_before for question in edits])
    looked = dict(zip(images, seen))
    requests = [Request(question, seed, images[question.id]) for question, seed in part]
    return requests, [looked[question.id] for question, _ in part]


def _judge(
    requests: Sequence[Request], before: Sequence[Seen | None], drawn: Sequence[Drawn], judge: Judge, folder: Path
) -> list[dict[str, Any]]:
    """The records of a batch; images and figures of depth are written on the way."""
    images = {i: as_saved(one.image) for i, one in enumerate(drawn) if one.image is not None}
    asked = [requests[i].question.asked for i in images]
    seen_in = dict(zip(images, judge.look(list(images.values()), asked))) if images else {}
    for i, image in images.items():
        if drawn[i].file is None:
            save_image(folder / "images" / f"{requests[i].name}.png", image)
    records = []
    for i, (request, one) in enumerate(zip(requests, drawn)):
        question, seen = request.question, seen_in.get(i)
        verdict = Verdict(None, one.problem) if seen is None else judge_image(question, seen, before[i])
        record = {"id": question.id, "seed": request.seed, "prompt": question.prompt}
        record |= {"score": verdict.score, "reason": verdict.reason}
        if seen is not None:
            # Relative to the folder, which may be moved, unless the file is somebody else's.
            file = f"images/{request.name}.png" if one.file is None else str(one.file.resolve())
            record |= {"image": file, **_found(question.asked, seen)}
        if seen is not None and one.geometry is not None:
            with atomic_file(folder / "depth" / f"{request.name}.png") as temporary:
                figure_tile(one.geometry).save(temporary)
            save_geometry(folder / "depth" / f"{request.name}.npz", one.geometry.resize(DEPTH_SIDE, DEPTH_SIDE))
            record["depth"] = _depth(question, one.geometry, seen)
        records.append(record)
    return records


def _found(asked: Sequence[Asked], seen: Seen) -> dict[str, Any]:
    """What the judge saw, for the record."""

    def describe(wanted: Asked, one: SeenObject | None) -> dict[str, Any]:
        found: dict[str, Any] = {"kind": wanted.kind, "color": wanted.color, "found": one is not None}
        if one is not None:
            found |= {"confidence": round(float(one.confidence), 4)}
            for name in ("position", "front", "size"):
                value = getattr(one.observed, name)
                found[name] = None if value is None else [round(float(number), 4) for number in value]
        return found

    objects = [describe(wanted, one) for wanted, one in zip(asked, seen.objects)]
    hfov = None if seen.hfov is None else round(float(seen.hfov), 2)
    return {"objects": objects, "surplus": seen.surplus, "hfov": hfov}


def _depth(question: Question, geometry: Geometry, seen: Seen) -> dict[str, Any]:
    figures = object_agreement(geometry, seen)
    if question.edit is not None and question.target is not None:
        # Of an edit the right answer is known to the pixel; a prompt leaves room for many.
        figures["exact"] = depth_errors(geometry, scene_geometry([question.target], (geometry.width, geometry.height)))
    return figures
