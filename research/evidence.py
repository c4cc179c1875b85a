"""python -m research.evidence: trained arms to one table of what depth changes. See docs/evidence.md.

Every arm is a run of `python -m spatialfusion.evaluate` in a folder of its own, so a broken-off command goes on where
it was. What is compared is compared in pairs: all arms answer the same questions from the same noise.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spatialfusion.devices import usable_device
from spatialfusion.errors import CommandParser, InputError, run_command, suggest
from spatialfusion.evaluate.evaluation import PROTOCOL, run_evaluation
from spatialfusion.evaluate.image_sources import FolderImages, ImageSource, RenderedImages, Request
from spatialfusion.evaluate.judges.accuracy import FILE_NAME as ACCURACY
from spatialfusion.evaluate.judges.accuracy import reliability
from spatialfusion.evaluate.judges.judge import Judge
from spatialfusion.evaluate.judges.load import judge_settings, load_judge
from spatialfusion.evaluate.judges.scene import EMBEDDED as EMBEDDED_JUDGE
from spatialfusion.evaluate.judges.scene import SceneJudge
from spatialfusion.evaluate.pipeline_images import PipelineImages
from spatialfusion.evaluate.questions import Question, digest, public_questions, read_seeds, select
from spatialfusion.evaluate.run_records import Records
from spatialfusion.evaluate.scores import compare
from spatialfusion.files import weights_digest, write_text
from spatialfusion.images import read_image
from spatialfusion.model.model import FILE_NAME as DEPTH_WEIGHTS
from spatialfusion.versions import versions

from . import quality
from .arms import EMBEDDED, Arm, Experiment, check_experiment, read_experiment
from .diversity import diversity, mean_distance
from .evidence_report import to_markdown

if TYPE_CHECKING:
    from spatialfusion.pipeline import SpatialFusionPipeline

SIZE = (128, 128)  # (width, height) where no model has a size of its own
EXAMPLES = """examples:
  python -m research.evidence research/experiments/arms.yaml --out outputs/evidence
  python -m research.evidence research/experiments/arms.yaml --skip-missing --count 4 --seeds 0 --plain 20
"""


@dataclass(frozen=True)
class Run:
    """An arm that was drawn and judged. plain: its images of plain captions, None where it has none."""

    arm: Arm
    report: dict[str, Any]
    records: Records
    plain: Records | None


def main(argv: list[str]) -> None:
    options = read_arguments(argv)
    experiment = _overridden(read_experiment(options.config), options)
    wanted = _wanted(experiment, options.arms)
    missing = {name: arm.missing for name, arm in wanted.items() if arm.missing}
    if missing and not options.skip_missing:
        raise InputError(f"{next(iter(missing.values()))[:-1]}; --skip-missing goes on without it.")
    if len(missing) == len(wanted):
        raise InputError("none of the arms has its model: nothing is left to run.")
    questions = select(public_questions(experiment.count), experiment.tasks, count=experiment.count)
    device = usable_device(options.device)
    judge = load_judge(experiment.judge, experiment.judge_options, questions, experiment.size or SIZE, device)
    load = lru_cache(maxsize=1)(_load)  # several arms are of one model
    runs = {}
    for name, arm in wanted.items():
        if name in missing:
            print(f"warning: {missing[name]}", file=sys.stderr)
            continue
        print(f"arm {name}", file=sys.stderr)
        folder = options.out / "arms" / name
        runs[name] = run_arm(
            arm, experiment, questions, judge, folder, lambda a: load(a.model, a.image_side, device), options.batch
        )
    reasons = {name: missing.get(name, "not among --arms") for name in experiment.arms if name not in runs}
    report = make_evidence(experiment, questions, runs, reasons, judge, device)
    for name, text in (
        ("evidence.json", json.dumps(report, indent=1, ensure_ascii=False) + "\n"),
        ("evidence.md", to_markdown(report)),
    ):
        write_text(options.out / name, text)
        print(options.out / name)


def read_arguments(argv: list[str]) -> argparse.Namespace:
    parser = CommandParser(
        prog="python -m research.evidence",
        description="Run the arms of an experiment and write evidence.json and evidence.md. Started again with the "
        "same --out it goes on where it was.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("config", type=Path, metavar="CONFIG.yaml", help="the arms, who judges, and what is asked")
    add("--out", type=Path, metavar="FOLDER", help="(default: outputs/evidence/<name of the file>)")
    add("--count", type=int, metavar="N", help="questions of each sub-domain, instead of the file's")
    add("--seeds", metavar="0,1,2", help="sampling seeds, instead of the file's")
    add("--plain", type=int, metavar="N", help="captions for general quality, instead of the file's; 0: none")
    add("--arms", metavar="A,B", help="run these alone")
    add("--skip-missing", action="store_true", help="leave out arms whose model folder is not there")
    add("--batch", type=int, default=16, metavar="N", help="images at a time (default: 16)")
    add("--device", metavar="NAME", help="cpu, cuda, cuda:1, mps (default: a GPU if there is one)")
    options = parser.parse_args(argv)
    if options.batch < 1:
        raise InputError(f"--batch is {options.batch}: expected at least 1.")
    if options.seeds is not None:
        options.seeds = tuple(read_seeds(options.seeds))
    if options.out is None:
        options.out = Path("outputs") / "evidence" / options.config.stem
    if options.out.exists() and not options.out.is_dir():
        raise InputError(f"--out is {options.out}, which is a file: expected a folder.")
    return options


def _overridden(experiment: Experiment, options: argparse.Namespace) -> Experiment:
    given = {name: getattr(options, name) for name in ("count", "seeds", "plain")}
    experiment = replace(experiment, **{name: value for name, value in given.items() if value is not None})
    check_experiment(experiment)
    return experiment


def _wanted(experiment: Experiment, arms: str | None) -> dict[str, Arm]:
    if arms is None:
        return experiment.arms
    names = arms.split(",")
    for name in names:
        if name not in experiment.arms:
            known = ", ".join(experiment.arms)
            raise InputError(f"--arms has {name!r}{suggest(name, experiment.arms)}: expected some of {known}.")
    return {name: arm for name, arm in experiment.arms.items() if name in names}


# One arm -------------------------------------------------------------------------------------------------------------


def run_arm(
    arm: Arm,
    experiment: Experiment,
    questions: Sequence[Question],
    judge: Judge,
    folder: Path,
    load: Callable[[Arm], SpatialFusionPipeline],
    batch: int = 16,
) -> Run:
    """Draw and judge what is not yet in `folder`, and write its report there. `load` gives its pipeline."""

    def source_of(asked: Sequence[Question]) -> ImageSource:
        if arm.rendered:
            return RenderedImages(experiment.size or SIZE)
        if arm.images is not None:
            return FolderImages(Path(arm.images), experiment.size or SIZE)
        return PipelineImages(
            load(arm),
            arm.model,
            asked,
            experiment.size,
            arm.geometry_from,
            arm.region_words,
            experiment.precision,
            num_inference_steps=arm.steps,
            guidance_scale=arm.guidance,
            depth_steps=arm.depth_steps,
            depth_guidance_scale=arm.depth_guidance,
            controlnet_conditioning_scale=arm.strength if arm.depth else 0.0,
        )

    source, notes = source_of(questions), []
    # A model that is trained again under the same name is another one.
    drawn_by = source.settings | _weights(arm)
    settings = {"set": "public", "protocol": PROTOCOL, **drawn_by}
    settings |= judge_settings(experiment.judge, experiment.judge_options)
    if isinstance(source, FolderImages):
        notes = source.check([Request(question, seed) for question in questions for seed in experiment.seeds])
    report, records = run_evaluation(folder, questions, experiment.seeds, source, judge, settings, notes, batch)
    plain = None
    if experiment.plain and arm.images is None:
        captions = quality.plain_questions(experiment.plain)
        source = source_of(captions)
        plain = Records(folder / "plain", source.settings | _weights(arm))
        quality.draw_plain(captions, source, plain, batch)
    return Run(arm, report, records, plain)


def _load(model: str, image_side: str | None, device: str) -> SpatialFusionPipeline:
    from spatialfusion.generate import load_pipeline

    return load_pipeline(None if model == EMBEDDED else model, device, image_side=image_side)


def _weights(arm: Arm) -> dict[str, str]:
    """Digests of the weights that an arm's images and figures depend on; the spatial side's only if it is used."""
    if arm.model is None:
        return {}
    from spatialfusion.generate import TINY

    folder = TINY if arm.model == EMBEDDED else Path(arm.model)
    files = sorted(folder.rglob("*.safetensors"))
    # What cannot be planned from the prompt is predicted.
    exact = arm.geometry_from in ("oracle", "shuffled")
    if not arm.depth or (exact and arm.image_side is not None):
        # Neither plans depth nor draws from it: what only another arm needs may be trained on.
        files.remove(folder / DEPTH_WEIGHTS)
    side = arm.image_side if arm.depth else None
    return _digest("weights", *files) | ({} if side is None else _digest("image_side", Path(side)))


def _digest(name: str, *files: Path) -> dict[str, str]:
    return {name: weights_digest(*files)}


def _judge_folder(experiment: Experiment) -> Path:
    return Path(experiment.judge_options.get("folder", EMBEDDED_JUDGE))


# All arms ------------------------------------------------------------------------------------------------------------


def make_evidence(
    experiment: Experiment,
    questions: Sequence[Question],
    runs: Mapping[str, Run],
    reasons: Mapping[str, str],
    judge: Judge,
    device: str,
) -> dict[str, Any]:
    """Everything that is told, as JSON; see docs/evidence.md.

    Args:
        runs: of the arms that were run; reasons: why the others were not.
    """
    seeds = experiment.seeds
    scores = {
        name: [[record["score"] for record in row] for row in run.records.rows(questions, seeds)]
        for name, run in runs.items()
    }

    def against(ours: str, theirs: str, ratio: bool = False) -> dict[str, Any]:
        return compare(questions, scores[ours], scores[theirs], ratio)

    base, best = experiment.baseline, experiment.reference
    # Whoever scores, features are the scene judge's: by default those of the embedded one.
    features = judge if isinstance(judge, SceneJudge) else SceneJudge.load(device=device)
    general, figures = _quality(experiment, runs, features) if experiment.plain else (None, {})
    unit = general.pop("unit") if general else None
    arms = {}
    for name, arm in experiment.arms.items():
        row: dict[str, Any] = {"title": arm.title, "settings": _settings(arm), "budget": arm.budget}
        if name in runs:
            run = runs[name]
            row |= {key: run.report[key] for key in ("scores", "skipped", "depth", "notes")}
            row["quality"] = figures.get(name)
            row["diversity"] = diversity(questions, seeds, run.records, features if unit else None, unit or 1.0)
        else:
            row["not_run"] = reasons[name]
        arms[name] = row
    oracle = _oracle(experiment, runs)
    return {
        "questions": {"count": len(questions), "digest": digest(questions), "seeds": list(seeds)},
        "judge": {
            "name": experiment.judge,
            "options": experiment.judge_options,
            "agreement": _reliability(experiment),
        },
        "baseline": base,
        "reference": best,
        "arms": arms,
        "minus_baseline": {name: against(name, base) for name in runs if name != base} if base in runs else {},
        "reference_minus": {name: against(best, name) for name in runs if name != best} if best in runs else {},
        "oracle": oracle,
        "reached": against(best, oracle, ratio=True) if oracle else None,
        "quality": general,
        "versions": versions(),
    }


def _settings(arm: Arm) -> dict[str, Any]:
    """What the arm's lines in the file change."""
    usual = asdict(Arm(""))
    hidden = ("name", "label", "budget")
    return {name: value for name, value in asdict(arm).items() if name not in hidden and value != usual[name]}


def _oracle(experiment: Experiment, runs: Mapping[str, Run]) -> str | None:
    """The arm that gives exact depth to the reference's own model, if both were run."""
    best = experiment.reference
    if best not in runs:
        return None

    def drawn_by(arm: Arm) -> tuple[str | None, str | None, bool]:
        return arm.model, arm.image_side, arm.region_words

    ours = drawn_by(runs[best].arm)
    others = {name: run.arm for name, run in runs.items() if name != best}
    return next((name for name, arm in others.items() if arm.geometry_from == "oracle" and drawn_by(arm) == ours), None)


def _quality(
    experiment: Experiment, runs: Mapping[str, Run], features: SceneJudge
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The floor and what it is of; and for each arm its distance, and how much farther it is than the baseline's."""
    captions = quality.plain_questions(experiment.plain)
    size = experiment.size or _size(runs)
    shown = quality.rendered_images(quality.reference_scenes(experiment.plain), size)
    reference_features = quality.pooled_features(features, shown)
    reference = quality.gaussian(reference_features)
    floor = quality.pooled_features(features, quality.rendered_images([question.scene for question in captions], size))
    general = {
        "captions": experiment.plain,
        "size": list(size),
        "floor": _rounded(quality.frechet_distance(reference, quality.gaussian(floor))),
        "unit": mean_distance(reference_features),
    }
    found: dict[str, np.ndarray] = {}
    for name, run in runs.items():
        files = [run.plain.image(question, 0) for question in captions] if run.plain else []
        if files and None not in files:
            found[name] = quality.pooled_features(features, [read_image(file) for file in files])
    figures = {}
    for name, own in found.items():
        figures[name] = {"distance": _rounded(quality.frechet_distance(reference, quality.gaussian(own)))}
        if experiment.baseline in found and name != experiment.baseline:
            difference = quality.distance_difference(own, found[experiment.baseline], reference)
            figures[name]["minus_baseline"] = difference
    return general, figures


def _size(runs: Mapping[str, Run]) -> tuple[int, int]:
    """Of the images of plain captions: rendered ones are compared at the same size."""
    for run in runs.values():
        if run.plain is not None:
            record = next(iter(run.plain.known.values()))
            height, width = read_image(run.plain.folder / record["image"]).shape[-2:]
            return width, height
    return SIZE


def _reliability(experiment: Experiment) -> dict[str, float] | None:
    """The scene judge's own agreement with exact scores, where `judges/accuracy.py` has left it beside the weights."""
    path = _judge_folder(experiment) / ACCURACY
    return reliability(path) if experiment.judge == "scene" and path.is_file() else None


def _rounded(value: float) -> float:
    return round(value, quality.DIGITS)


if __name__ == "__main__":
    run_command(main)
