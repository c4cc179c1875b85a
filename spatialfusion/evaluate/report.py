"""The report of an evaluation: JSON, a table in markdown, a contact sheet."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from ..files import write_text
from ..images import read_image
from ..sheet import TILE, image_tile, write_sheet
from ..versions import versions
from .depth_figures import summarise_depth
from .questions import Question, digest
from .run_records import Records
from .scores import summarise

# Sub-domain: GenSpace's name, and its template ids.
GENSPACE = {
    "t2i": {
        "camera_pose": ("Camera Pose", "0-3"),
        "object_pose": ("Object Pose", "4-7"),
        "complex_pose": ("Complex Pose", "32-35"),
        "egocentric": ("Egocentric Relation", "16-19"),
        "allocentric": ("Allocentric Relation", "12-15"),
        "intrinsic": ("Intrinsic Relation", "8-11"),
        "object_size": ("Object Size", "28-31"),
        "object_distance": ("Object Distance", "20-23"),
        "camera_distance": ("Camera Distance", "24-27"),
    },
    "edit": {
        "camera_pose": ("Camera Pose", "0-3"),
        "object_pose": ("Object Pose", "4-7"),
        "complex_pose": ("Complex Pose", "CR"),
        "insert_egocentric": ("Egocentric Relation", "16-19"),
        "insert_allocentric": ("Allocentric Relation", "12-15"),
        "insert_intrinsic": ("Intrinsic Relation", "8-11"),
        "resize_object": ("Object Size", "28-31"),
        "move_object": ("Object Distance", "20-23"),
        "move_camera": ("Camera Distance", "24-27"),
    },
}
TITLES = {"t2i": "Text to image", "edit": "Editing"}


def make_report(
    questions: Sequence[Question],
    seeds: Sequence[int],
    records: Records,
    settings: dict[str, Any],
    notes: Sequence[str],
) -> dict[str, Any]:
    """Everything that is told, as JSON; see docs/evaluation.md."""
    rows = records.rows(questions, seeds)
    flat = [record for row in rows for record in row]
    reasons = Counter(record["reason"].split(":")[0] for record in flat if record["reason"])
    return {
        "settings": settings,
        "questions": {"count": len(questions), "digest": digest(questions), "seeds": list(seeds)},
        "scores": summarise(questions, [[record["score"] for record in row] for row in rows]),
        "skipped": dict(reasons.most_common()),
        "unreadable": [record["reason"] for record in flat if record["reason"].startswith("unreadable image")],
        "depth": summarise_depth(rows),
        "notes": list(notes),
        "versions": versions(),
    }


def to_markdown(report: dict[str, Any]) -> str:
    """The report as tables."""
    settings = ", ".join(f"{name} {_plain(value)}" for name, value in report["settings"].items() if value is not None)
    asked = report["questions"]
    lines = [
        "# Evaluation",
        "",
        f"{asked['count']} questions (digest `{asked['digest']}`), seeds {', '.join(map(str, asked['seeds']))}.",
        f"Settings: {settings}.",
        "",
        "Scores are 0 to 100, in brackets the 95 % interval over questions. *Strict*: an image in which the objects "
        "are not found counts 0. *Released*: it is dropped, as the benchmark's evaluator does.",
    ]
    if "official" not in report["settings"]:
        lines[-1] += " The prompts are GenSpace-style, not the benchmark's own."
    for task, scores in report["scores"].items():
        lines += [
            "",
            f"## {TITLES[task]}",
            "",
            "| sub-domain | GenSpace's | images | skipped | released | strict |",
            "|---|---|---|---|---|---|",
        ]
        for name, figures in scores["sub_domains"].items():
            title, ids = GENSPACE[task][name]
            lines.append(_row(f"{name} | {title} ({ids})", figures))
        lines.append(_row(f"**average of {scores['average']['sub_domains']}** |", scores["average"]))
    if report["skipped"]:
        lines += ["", "## Skipped images", "", "| why | images |", "|---|---|"]
        lines += [f"| {reason} | {count} |" for reason, count in report["skipped"].items()]
        lines += ["", *(f"- {reason}" for reason in report["unreadable"])] if report["unreadable"] else []
    if (depth := report["depth"]) is not None:
        lines += ["", "## Depth", "", f"Of {depth['images']} images that were drawn from depth:", ""]
        if depth["objects"]:
            lines.append(
                f"- distance of {depth['objects']} objects, planned against judged: median difference "
                f"{percent(depth['median_distance_error'])}"
            )
            lines.append(
                "- the same as AbsRel {abs_rel}, delta1 {delta1} (at objects, questions' means)".format(
                    **{key: interval_text(value, 3) for key, value in depth["at_objects"].items()}
                )
            )
        if depth["pairs"]:
            lines.append(
                f"- {percent(depth['order_agrees'])} of {depth['pairs']} pairs stand in the planned order of distance"
            )
        if exact := depth.get("edits_against_exact_depth"):
            lines.append(
                f"- {exact['images']} edits, against the exact depth of the edited scene: AbsRel "
                f"{exact['abs_rel']:.3f}, delta1 {exact['delta1']:.3f}"
            )
    if report["notes"]:
        lines += ["", "## Notes", "", *(f"- {note}" for note in report["notes"])]
    return "\n".join(lines) + "\n"


def write_report(folder: Path, report: dict[str, Any]) -> None:
    for name, text in (
        ("report.json", json.dumps(report, indent=1, ensure_ascii=False) + "\n"),
        ("report.md", to_markdown(report)),
    ):
        write_text(folder / name, text)


def write_contact_sheet(
    path: Path, questions: Sequence[Question], seed: int, records: Records, per_sub_domain: int = 2
) -> None:
    """The first questions of each sub-domain: [source,] depth, image, and verdict and prompt above them."""
    rows: list[tuple[str, list[Image.Image]]] = []
    shown: Counter[tuple[str, str]] = Counter()
    for question in questions:
        group = question.task, question.sub_domain
        shown[group] += 1
        if shown[group] > per_sub_domain:
            continue
        record = records.known[question.id, seed]
        verdict = f"skipped ({record['reason']})" if record["score"] is None else f"score {record['score']:.2f}"
        files = [records.image(question, seed)]
        if "depth" in record:
            files.insert(0, records.folder / "depth" / f"{question.id}-{seed}.png")
        if question.edit is not None:
            files.insert(0, records.folder / "sources" / f"{question.id}.png")
        text = f"{question.task} {question.sub_domain}, {verdict}: {question.prompt}"
        margin = Image.new("RGB", (TILE // 8, 2 * TILE), "white")
        rows.append((text, [*(_tile(file) for file in files), margin]))
    write_sheet(path, rows, columns=4, text_height=66)


def _tile(file: Path | None) -> Image.Image:
    """An image file as high as the other tiles; grey words where there is none."""
    if file is None or not file.exists():
        blank = Image.new("RGB", (2 * TILE, 2 * TILE), "lightgrey")
        ImageDraw.Draw(blank).text((TILE, TILE), "no image", "black", ImageFont.load_default(13), anchor="mm")
        return blank
    return image_tile(read_image(file))


def _row(first: str, figures: dict[str, Any]) -> str:
    cells = [first, str(figures["images"]), percent(figures["skip_rate"])]
    for key in ("released", "strict"):
        cells.append("none judged" if figures[key] is None else interval_text(figures[key]))
    return f"| {' | '.join(cells)} |"


def interval_text(figures: dict[str, float], digits: int = 1, sign: str = "") -> str:
    """A mean with its interval, "46.3 [44.0, 48.6]", and of how many sub-domains it is if not of all.

    sign: "+" writes one before positive numbers too, as of differences.
    """
    mean, low, high = (f"{figures[name]:{sign}.{digits}f}" for name in ("mean", "low", "high"))
    of = f" of {figures['sub_domains']}" if "sub_domains" in figures else ""
    return f"{mean}{of} [{low}, {high}]"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."
