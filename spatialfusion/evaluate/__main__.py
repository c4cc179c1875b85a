"""python -m spatialfusion.evaluate: do a model's images show what prompts say of space? See docs/evaluation.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..defaults import DEPTH_GUIDANCE_HELP, DEPTH_STEPS_HELP, GUIDANCE, STEPS, STRENGTH
from ..devices import usable_device
from ..errors import CommandParser, InputError, read_size, run_command, suggest

if TYPE_CHECKING:
    from .image_sources import ImageSource
    from .questions import Question

EXAMPLES = """examples:
  python -m spatialfusion.evaluate --count 10 --out outputs/quick
  python -m spatialfusion.evaluate --count 10 --no-depth --out outputs/quick-base
  python -m spatialfusion.evaluate --images mine --judge foundation --judge-options trained_with=unknown
  python -m spatialfusion.evaluate --workflow mine.json --host http://127.0.0.1:8188 --out outputs/comfyui
  python -m spatialfusion.evaluate --rendered --judge exact --out outputs/check
  python -m spatialfusion.evaluate --plans http://localhost:11434#qwen3:4b --out outputs/qwen3
"""


def main(argv: list[str]) -> None:
    options = read_arguments(argv)
    from .evaluation import PROTOCOL, run_evaluation
    from .image_sources import FolderImages, Request
    from .judges.load import judge_settings, load_judge

    questions, notes, settings = _questions(options)
    if options.plans is not None:
        return _evaluate_plans(options, questions, settings)
    source, device = _source(options, questions)
    settings |= {"protocol": PROTOCOL, **source.settings, **judge_settings(options.judge, options.judge_options)}
    if isinstance(source, FolderImages):
        notes += source.check([Request(question, seed) for question in questions for seed in options.seeds])
    for note in notes:
        print(f"warning: {note}", file=sys.stderr)
    judge = load_judge(options.judge, options.judge_options, questions, source.source_size, device)
    report, _ = run_evaluation(
        options.out, questions, options.seeds, source, judge, settings, notes=notes, batch=options.batch
    )
    _say(report, "images")
    for name in ("report.md", "report.json", "sheet.png"):
        print(options.out / name)


def _evaluate_plans(options: argparse.Namespace, questions: Sequence[Question], settings: dict[str, Any]) -> None:
    from ..progress import progress_bar
    from .plans import evaluate_plans, find_writer

    write, named = find_writer(options.plans, options.device)
    report = evaluate_plans(
        options.out,
        questions,
        options.seeds,
        write,
        settings | named,
        lambda questions: progress_bar(questions, what="plans", unit="plan"),
    )
    _say(report, "scenes")
    for name in ("plans.jsonl", "report.md", "report.json"):
        print(options.out / name)


def _say(report: dict[str, Any], what: str) -> None:
    for task, scores in report["scores"].items():
        average = scores["average"]
        figures = [
            f"{key} {'-' if average[key] is None else round(average[key]['mean'], 1)}" for key in ("released", "strict")
        ]
        print(f"{task}: {', '.join(figures)}, skipped {average['skipped']} of {average['images']} {what}")


def read_arguments(argv: list[str]) -> argparse.Namespace:
    """Parse and check; whatever is wrong is an InputError, before a model is loaded."""
    parser = CommandParser(
        prog="python -m spatialfusion.evaluate",
        description="Draw the images of spatial prompts, or take them from elsewhere, and score them by GenSpace's "
        "formulas. Started again with the same --out it goes on where it was.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_what(parser)
    _add_how(parser)
    options = parser.parse_args(argv)
    _check(options)
    return options


def _add_what(parser: CommandParser) -> None:
    """What is judged, what is asked of it, and who judges."""
    add = parser.add_argument_group("images from (one of them)").add_argument
    add("--model", metavar="NAME", help="model folder, or one of the Hugging Face Hub (default: the embedded one)")
    add("--images", type=Path, metavar="FOLDER", help="files named by question: <id>.png, or <id>-<seed>.png")
    add("--workflow", type=Path, metavar="FILE", help="ComfyUI workflow in API format, with {prompt} in a text")
    add("--rendered", action="store_true", help="the renderer, which does all that it is told: checks a judge")
    add = parser.add_argument_group("scenes instead of images").add_argument
    add(
        "--plans",
        metavar="FILE.jsonl|MODEL|URL",
        help="scene texts by question, or the language model that writes them (as plan --llm), or built-in, the reader "
        "of plain sentences: scored exactly, without images (docs/plans.md)",
    )
    add = parser.add_argument_group("what is asked").add_argument
    add("--task", choices=("t2i", "edit", "both"), default="both")
    add("--sub-domains", nargs="+", metavar="NAME", help="these alone")
    add("--count", type=int, metavar="N", help="questions of each sub-domain (default: the public 40)")
    add("--seeds", default="0", metavar="0,1,2", help="sampling seeds (default: 0)")
    add("--questions", type=Path, metavar="FILE", help="questions.jsonl of your own")
    add("--official", type=Path, metavar="FILE", help="Parquet file of GenSpace's authors; needs --task")
    add("--columns", nargs="+", default=[], metavar="WHAT=NAME", help="its columns: template, prompt, classes, image")
    add = parser.add_argument_group("who judges").add_argument
    add("--judge", choices=("scene", "foundation", "exact"), default="scene", help="(default: scene)")
    add(
        "--judge-options",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="arguments of the judge's `load`, such as folder=... for scene, trained_with=... for foundation",
    )


def _add_how(parser: CommandParser) -> None:
    """How a model draws, and how the evaluation runs."""
    add = parser.add_argument_group("of --model").add_argument
    add("--steps", type=int, default=STEPS, metavar="N", help=f"steps of the image (default: {STEPS})")
    add("--guidance", type=float, default=GUIDANCE, metavar="G", help=f"follow the prompt (default: {GUIDANCE:g})")
    add("--depth-steps", type=int, metavar="N", help=DEPTH_STEPS_HELP)
    add("--depth-guidance", type=float, metavar="G", help=DEPTH_GUIDANCE_HELP)
    add("--strength", type=float, default=STRENGTH, metavar="S", help=f"follow the depth (default: {STRENGTH:g})")
    add("--no-depth", action="store_true", help="the base model alone, with the same noise")
    add(
        "--geometry-from",
        choices=("oracle", "shuffled", "planned"),
        help="exact depth of the question's scene, of another question's, or of the scene that the prompt is read as",
    )
    add("--no-region-words", action="store_true", help="tell the model its depth alone, not which object is where")
    add = parser.add_argument_group("how").add_argument
    add("--out", type=Path, default=Path("outputs/evaluate"), metavar="FOLDER", help="(default: outputs/evaluate)")
    add(
        "--size",
        metavar="WxH",
        help="pixels of what is drawn, and of sources of edits (default: the model's own; 128x128 with --rendered; "
        "512x512 for others' images)",
    )
    add("--batch", type=int, default=16, metavar="N", help="images at a time (default: 16)")
    add("--precision", default="fp32", choices=("fp32", "bf16"), help="of products while drawing; bf16 is faster")
    add("--host", default="http://127.0.0.1:8188", metavar="URL", help="ComfyUI (default: %(default)s)")
    add("--device", metavar="NAME", help="cpu, cuda, cuda:1, mps (default: a GPU if there is one)")


def _check(options: argparse.Namespace) -> None:
    from .judges.load import OPTIONS, check_options
    from .questions import SUB_DOMAINS, read_seeds

    ways = {"--model": options.model, "--images": options.images, "--workflow": options.workflow,
            "--rendered": options.rendered, "--plans": options.plans}  # fmt: skip
    given = [name for name, value in ways.items() if value]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} were given: expected one source of images.")
    drawn_here = not given or given == ["--model"]
    if not drawn_here and (options.no_depth or options.geometry_from):
        raise InputError(f"--no-depth and --geometry-from are of --model, but {given[0]} was given.")
    if options.no_region_words and options.geometry_from not in ("oracle", "planned"):
        raise InputError("--no-region-words is of --geometry-from oracle and planned, but neither was given.")
    if options.no_depth and options.geometry_from:
        raise InputError("--no-depth and --geometry-from were both given: expected one of them.")
    if options.judge == "exact" and not options.rendered:
        raise InputError("--judge exact knows rendered images alone: expected --rendered with it.")
    if options.official is not None and options.questions is not None:
        raise InputError("--official and --questions were both given: expected one of them.")
    if options.official is not None and options.task == "both":
        raise InputError("--official is one file of one task: expected --task t2i or --task edit with it.")
    for name in ("count", "batch", "steps", "depth_steps"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            raise InputError(f"--{name.replace('_', '-')} is {getattr(options, name)}: expected at least 1.")
    if options.depth_guidance is not None and options.depth_guidance < 0:
        raise InputError(f"--depth-guidance is {options.depth_guidance}: expected at least 0.")
    if options.plans is not None and options.task == "edit":
        raise InputError("--plans is of text-to-image questions, but --task is edit: expected --task t2i.")
    if options.plans is not None:
        options.task = "t2i"
    options.seeds = read_seeds(options.seeds)
    options.size = None if options.size is None else read_size(options.size)
    options.tasks = tuple(SUB_DOMAINS) if options.task == "both" else (options.task,)
    known = [name for task in options.tasks for name in SUB_DOMAINS[task]]
    for name in options.sub_domains or ():
        if name not in known:
            raise InputError(
                f"--sub-domains has {name!r}{suggest(name, known)}: expected some of {', '.join(dict.fromkeys(known))}."
            )
    options.columns = _pairs("--columns", options.columns, ("template", "prompt", "classes", "image"))
    options.judge_options = _pairs("--judge-options", options.judge_options, OPTIONS[options.judge])
    check_options(options.judge_options)
    if options.judge == "foundation" and "trained_with" not in options.judge_options:
        if not drawn_here or options.model is not None:
            raise InputError(
                "--judge foundation does not judge with what taught the model: expected --judge-options "
                "trained_with=NAME, the teacher of its depth, or trained_with=unknown."
            )
        options.judge_options["trained_with"] = "scenes"  # the embedded model's
    if options.out.exists() and not options.out.is_dir():
        raise InputError(f"--out is {options.out}, which is a file: expected a folder.")


def _pairs(option: str, texts: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    pairs = dict(text.partition("=")[::2] for text in texts)
    for name, value in pairs.items():
        if name not in known or not value:
            raise InputError(
                f"{option} has {name + '=' + value!r}{suggest(name, known)}: expected NAME=VALUE with a name of "
                f"{', '.join(known) or 'none, as this judge has no options'}."
            )
    return pairs


def _questions(options: argparse.Namespace) -> tuple[list[Question], list[str], dict[str, Any]]:
    """The questions, sentences on what is not asked, and where they are from."""
    from .questions import PUBLIC, public_questions, read_questions, select

    notes: list[str] = []
    if options.official is not None:
        from .official import official_questions

        folder = options.out / "official"
        everything, notes = official_questions(options.official, options.task, folder, options.columns)
        origin = {"official": options.official.name}
    elif options.questions is not None:
        everything, origin = read_questions(options.questions), {"set": options.questions.name}
    else:
        everything, origin = public_questions(options.count or PUBLIC), {"set": "public"}
    questions = select(everything, options.tasks, options.sub_domains, options.count)
    if not questions:
        raise InputError("no question is left by --task and --sub-domains: expected some that are in the set.")
    return questions, notes, origin


def _source(options: argparse.Namespace, questions: Sequence[Question]) -> tuple[ImageSource, Any]:
    """Where images come from, and the device for the judge."""
    from .image_sources import FolderImages, RenderedImages

    size = options.size or (512, 512)
    if options.images is not None:
        return FolderImages(options.images, size), usable_device(options.device)
    if options.workflow is not None:
        from .workflow_images import WorkflowImages

        return WorkflowImages(options.workflow, options.host, size), usable_device(options.device)
    if options.rendered:
        return RenderedImages(options.size or (128, 128)), usable_device(options.device)
    from ..files import weights_digest
    from ..generate import TINY, load_pipeline
    from .pipeline_images import PipelineImages

    pipeline = load_pipeline(options.model, options.device)
    source = PipelineImages(
        pipeline,
        options.model or "embedded",
        questions,
        options.size,
        options.geometry_from,
        not options.no_region_words,
        options.precision,
        num_inference_steps=options.steps,
        guidance_scale=options.guidance,
        depth_steps=options.depth_steps,
        depth_guidance_scale=options.depth_guidance,
        controlnet_conditioning_scale=0.0 if options.no_depth else options.strength,
    )
    folder = Path(options.model or TINY)
    if folder.is_dir():
        # A model that is trained again under the same name is another one.
        source.settings["weights"] = weights_digest(*sorted(folder.rglob("*.safetensors")))
    return source, pipeline.device


if __name__ == "__main__":
    run_command(main)
