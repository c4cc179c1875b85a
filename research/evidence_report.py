"""The table of an experiment as markdown, from what `evidence.make_evidence` found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spatialfusion.evaluate.judges.accuracy import RELIABLE
from spatialfusion.evaluate.questions import SUB_DOMAINS
from spatialfusion.evaluate.report import TITLES, interval_text, percent
from spatialfusion.evaluate.scores import WAYS

NOT_RUN, NOTHING = "not run", "-"
# The judge's accuracy is measured by kinds of edits.
_ACCURACY_OF = {
    "camera_pose": "edit/view",
    "object_pose": "edit/rotate",
    "complex_pose": "edit/view",
    "insert_egocentric": "edit/add",
    "insert_allocentric": "edit/add",
    "insert_intrinsic": "edit/add",
    "resize_object": "edit/resize",
    "move_object": "edit/move",
    "move_camera": "edit/camera",
}


def to_markdown(report: dict[str, Any]) -> str:
    """The whole report as tables; an arm that was not run has a row that says so."""
    asked, judge = report["questions"], report["judge"]
    options = "".join(f", {name} {value}" for name, value in judge["options"].items())
    base, best = (report["arms"][report[role]]["title"] for role in ("baseline", "reference"))
    lines = [
        "# Evidence",
        "",
        f"{asked['count']} questions (digest `{asked['digest']}`), seeds {', '.join(map(str, asked['seeds']))}. "
        f"Judge: {judge['name']}{options}.",
        "",
        "Scores are 0 to 100, in brackets the 95 % bootstrap interval over questions. *Strict*: an image in which the "
        "objects are not found counts 0. *Released*: it is dropped, as the benchmark's evaluator does. Differences are "
        "paired: the same questions, the same noise. The prompts are GenSpace-style, not the benchmark's own.",
        "",
        "## Arms",
        "",
        *_table(
            ("arm", "folder", "what it is", "budget"),
            [
                (row["title"], f"arms/{name}", _pairs(row["settings"]), _pairs(row["budget"]))
                for name, row in report["arms"].items()
            ],
        ),
    ]
    notes = [f"{row['title']}: {note}" for row in report["arms"].values() for note in row.get("notes", ())]
    notes += [f"{row['title']}: not run, {row['not_run']}" for row in report["arms"].values() if "not_run" in row]
    lines += ["", *(f"- {note}" for note in notes)] if notes else []
    for task in _tasks(report):
        lines += ["", f"## {TITLES[task]}", "", *_averages(report, task, base)]
        for way in ("strict", "released"):
            lines += ["", f"### {TITLES[task]}, {way}, by sub-domain", "", *_by_sub_domain(report, task, way)]
        lines += _differences(report, task, f"{TITLES[task]}: each arm minus {base}, strict", "minus_baseline")
        lines += _differences(report, task, f"{TITLES[task]}: {best} minus each other arm, strict", "reference_minus")
        if report["reached"] is not None:
            oracle = report["arms"][report["oracle"]]["title"]
            cells = _compared(report["reached"][task], "strict", "")
            lines += ["", f"### {TITLES[task]}: per cent of {oracle} that {best} reaches, strict", ""]
            lines += _table(("", "average", *SUB_DOMAINS[task]), [(best, *cells)])
    lines += ["", "## Quality, depth and diversity", "", *_rest(report)]
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    return "\n".join([*lines, "", f"Versions: {versions}."]) + "\n"


def _tasks(report: dict[str, Any]) -> list[str]:
    return [task for task in SUB_DOMAINS if any(task in row.get("scores", ()) for row in report["arms"].values())]


def _averages(report: dict[str, Any], task: str, base: str) -> list[str]:
    rows = []
    for name, row in report["arms"].items():
        if "scores" not in row:
            rows.append((row["title"], *[NOT_RUN] * 5))
            continue
        average = row["scores"][task]["average"]
        minus = report["minus_baseline"].get(name, {}).get(task, {}).get("average", {})
        rows.append(
            (
                row["title"],
                *(_text(average[way]) for way in ("strict", "released")),
                percent(average["skip_rate"]),
                *(_text(minus.get(way), "+") for way in ("strict", "released")),
            )
        )
    head = ("arm", "strict", "released", "skipped", f"strict minus {base}", f"released minus {base}")
    return ["Averages over the sub-domains:", "", *_table(head, rows)]


def _by_sub_domain(report: dict[str, Any], task: str, way: str) -> list[str]:
    assert way in WAYS
    names = SUB_DOMAINS[task]
    rows = []
    if (agreement := report["judge"]["agreement"]) is not None:
        shares = [agreement.get(_ACCURACY_OF[name] if task == "edit" else name) for name in names]
        cells = [
            NOTHING if share is None else percent(share) + ("" if share >= RELIABLE else ", unreliable")
            for share in shares
        ]
        rows.append(("*the judge agrees with exact scores*", *cells))
    for row in report["arms"].values():
        if "scores" not in row:
            rows.append((row["title"], *[NOT_RUN] * len(names)))
            continue
        figures = row["scores"][task]["sub_domains"]
        rows.append((row["title"], *(_text(figures[name][way]) if name in figures else NOTHING for name in names)))
    return _table(("arm", *names), rows)


def _differences(report: dict[str, Any], task: str, title: str, key: str) -> list[str]:
    found = report[key]
    lines = ["", f"### {title}", ""]
    if not found:
        role = "baseline" if key == "minus_baseline" else "reference"
        return [*lines, f"Not known: no other arm was run, or {report['arms'][report[role]]['title']} was not."]
    rows = []
    for name, row in report["arms"].items():
        if name in found:
            rows.append((row["title"], *_compared(found[name][task], "strict", "+")))
        elif "not_run" in row:
            rows.append((row["title"], *[NOT_RUN] * (1 + len(SUB_DOMAINS[task]))))
    return [*lines, *_table(("arm", "average", *SUB_DOMAINS[task]), rows)]


def _compared(figures: dict[str, Any], way: str, sign: str) -> list[str]:
    parts = figures["sub_domains"]
    return [_text(figures["average"][way], sign)] + [_text(one[way], sign) for one in parts.values()]


def _rest(report: dict[str, Any]) -> list[str]:
    general = report["quality"]
    lines = []
    if general is None:
        lines += ["General quality and distances of features are not measured: plain is 0.", ""]
    else:
        lines += [
            f"General quality is the Frechet distance of images of {general['captions']} plain captions from as many "
            "rendered held-out scenes, in features of the scene judge. *Rendered* is its floor: the captions' own "
            "scenes. Differences are paired over captions.",
            "",
        ]
    lines += [
        "Agreement at objects: the planned distance of each object found against the judge's own. Exact depth: of "
        "edits, over all pixels. Diversity: the mean distance of two samples of a prompt; pixels: root mean square at "
        "16x16; features: 1 is that of images of different scenes; depth: mean absolute difference of its logarithm.",
        "",
    ]
    head = (
        "arm", "Frechet distance", "minus the baseline's", "AbsRel at objects", "delta1 at objects", "order agrees",
        "AbsRel of edits", "delta1 of edits", "pixels", "features", "log depth",
    )  # fmt: skip
    rows = []
    if general is not None:
        rows.append(("*rendered*", f"{general['floor']:g}", *[NOTHING] * 9))
    for row in report["arms"].values():
        if "not_run" in row:
            rows.append((row["title"], *[NOT_RUN] * 10))
            continue
        own = row["quality"]
        cells = ["not measured", NOTHING] if own is None else [f"{own['distance']:g}", NOTHING]
        if own is not None and "minus_baseline" in own:
            cells[1] = _text(own["minus_baseline"], "+", 4)
        depth, varied = row["depth"] or {}, row["diversity"] or {}
        cells += [_text(depth.get("at_objects", {}).get(key), "", 3) for key in ("abs_rel", "delta1")]
        cells.append(percent(depth["order_agrees"]) if depth.get("pairs") else NOTHING)
        exact = depth.get("edits_against_exact_depth")
        cells += [NOTHING if exact is None else f"{exact[key]:.3f}" for key in ("abs_rel", "delta1")]
        cells += [_text(varied.get(key), "", 3) for key in ("pixels", "features", "log_depth")]
        rows.append((row["title"], *cells))
    return [*lines, *_table(head, rows)]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def _text(figures: dict[str, float] | None, sign: str = "", digits: int = 1) -> str:
    return NOTHING if figures is None else interval_text(figures, digits, sign)


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items()) or NOTHING
