"""python -m spatialfusion.label INPUT --out FOLDER: images and captions in, records with metric depth out.

INPUT is a folder with captions.jsonl, metadata.csv or a .txt beside each image, WebDataset tars, Parquet files, or a
data set of the Hugging Face Hub. With --teacher scenes there is none: the records are rendered, and their depth is
exact.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .devices import usable_device
from .errors import CommandParser, InputError, read_size, run_command
from .files import remove_leftovers, write_text
from .geometry.geometry import FIELD_OF_VIEW_RANGE
from .images import check_pixels
from .progress import progress_bar
from .texts import check_text

if TYPE_CHECKING:
    from .data.items import Input
    from .data.teachers.teacher import Teacher

EXAMPLES = """examples:
  python -m spatialfusion.label photos --teacher moge --weights models/moge-2 --out data/photos
  python -m spatialfusion.label photos --teacher depth_pro --accept-licence apple-amlr --out data/photos --workers 2
  python -m spatialfusion.label shards --teacher depth_anything --fov 60 --licence-allow cc-by-4.0 --out data/shards
  python -m spatialfusion.label --teacher scenes --count 1000 --size 128x128 --out data/scenes
A run that was stopped goes on when the same command is given again.
"""
PLAN = "label.json"
# What may differ when a run goes on: it changes how records are made, not which.
_FREE = ("workers", "batch", "device", "accept_licence")


def main(argv: list[str]) -> None:
    arguments = read_arguments(argv)

    # torch takes seconds to import: a mistyped option should not wait for it.
    from .data.label_report import write_report
    from .data.labeller import note_path

    job = Job(arguments)
    items = job.open_input()
    out = job.options.out
    shards = -(-len(items) // job.options.shard_size)
    plan = {
        **{name: value for name, value in vars(arguments).items() if name not in _FREE and name != "out"},
        "items": len(items),
        "fingerprint": items.fingerprint(),
        "weights": job.weights,
        "teacher_licence": job.licence,
    }
    _check_plan(out, plan)
    print(f"teacher {arguments.teacher}: weights {job.weights}, licence {job.licence}", file=sys.stderr)
    todo = [shard for shard in range(shards) if not note_path(out, shard).is_file()]
    if todo:
        _run(job, items, todo)
    totals = write_report(out, shards, plan)
    if not totals["records"]:
        raise InputError(
            f"none of the {totals['items']} items could be labelled, mostly because {totals['reason']}; "
            f"{out / 'rejected.jsonl'} has all reasons."
        )
    print(
        f"{totals['records']} of {totals['items']} items labelled, {totals['rejected']} rejected; {out / 'report.md'}"
    )


def read_arguments(argv: list[str]) -> argparse.Namespace:
    """Parse and check what can be checked before anything slow is imported."""
    parser = CommandParser(
        prog="python -m spatialfusion.label",
        description="Label images with metric depth: Parquet shards that datasets.load_dataset opens, rejected.jsonl "
        "and report.md.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("input", nargs="?", help="folder, .tar, .parquet, .jsonl or .csv file, or OWNER/NAME of the Hugging Face Hub")
    add("--out", required=True, metavar="FOLDER", help="where to write; a run that was stopped goes on there")
    add(
        "--teacher",
        default="moge",
        metavar="NAME",
        help="scenes, moge, depth_pro, depth_anything or vggt (moge)",
    )
    add("--weights", metavar="NAME", help="folder or Hub name of the teacher's weights (default: the teacher's own)")
    add("--metric-teacher", metavar="NAME", help="makes vggt's depth metric (default: moge)")
    add("--metric-weights", metavar="NAME", help="folder or Hub name of the metric teacher's weights")
    add("--accept-licence", action="append", default=[], metavar="NAME", help="take weights of this licence")
    add("--licence", metavar="NAME", help="licence of images and captions that state none")
    add("--licence-allow", action="append", default=[], metavar="NAMES", help="keep these licences only (a,b,c)")
    add("--fov", metavar="DEGREES", help="horizontal field of view where EXIF has none, or: unknown (depth_anything)")
    for name in ("image", "caption", "source", "instruction", "licence", "fov"):
        add(f"--{name}-column", metavar="NAME", help=argparse.SUPPRESS if name == "fov" else f"where the {name} stands")
    add("--split", default="train", metavar="NAME", help="of a data set (default: train)")
    add("--max-side", type=int, metavar="N", help="make larger images smaller, to N pixels on the longer side")
    add("--min-valid", type=float, default=0.01, metavar="SHARE", help="of valid pixels that is usable (default: 0.01)")
    add("--count", type=int, metavar="N", help="records to render (scenes)")
    add("--size", default="128x128", metavar="WxH", help="of rendered images (scenes; default: 128x128)")
    add("--edits", type=float, default=0.25, metavar="SHARE", help="of editing pairs (scenes; default: 0.25)")
    add("--seed", type=int, default=0, metavar="N", help="of the first record (scenes; default: 0)")
    add("--shard-size", type=int, default=256, metavar="N", help="records of a shard (default: 256)")
    add("--batch", type=int, default=8, metavar="N", help="images of one size that the teacher sees together (8)")
    add("--workers", type=int, default=1, metavar="N", help="processes; each loads the teacher (default: 1)")
    add("--device", metavar="NAME", help="cpu, cuda, cuda:1, mps (default: all GPUs in turn, if there are any)")
    arguments = parser.parse_args(argv)
    _check_arguments(arguments)
    return arguments


def _check_arguments(arguments: argparse.Namespace) -> None:
    is_rendered = arguments.teacher == "scenes"
    if is_rendered and arguments.input is not None:
        raise InputError("--teacher scenes renders its own images: leave the input out, and give --count.")
    if is_rendered and arguments.count is None:
        raise InputError("--teacher scenes needs --count: how many records to render.")
    if not is_rendered and not arguments.input:
        raise InputError("there is no input: give a folder with captions.jsonl, metadata.csv, .tar or .parquet files.")
    if not is_rendered and arguments.count is not None:
        raise InputError("--count is for --teacher scenes: an input is labelled whole.")
    if arguments.teacher != "vggt" and (arguments.metric_teacher or arguments.metric_weights):
        raise InputError(f"--metric-teacher is for --teacher vggt: the depth of {arguments.teacher} is metric.")
    if arguments.teacher == "vggt":
        arguments.metric_teacher = arguments.metric_teacher or "moge"
        if arguments.metric_teacher not in ("moge", "depth_pro", "depth_anything"):
            raise InputError(
                f"--metric-teacher is {arguments.metric_teacher!r}: expected moge, depth_pro or depth_anything."
            )
    for name, least in (("shard_size", 1), ("batch", 1), ("workers", 1), ("count", 1), ("max_side", 16)):
        value = getattr(arguments, name)
        if value is not None and value < least:
            raise InputError(f"--{name.replace('_', '-')} is {value}: expected {least} or more.")
    for name in ("min_valid", "edits"):
        if not 0 <= getattr(arguments, name) <= 1:
            raise InputError(f"--{name.replace('_', '-')} is {getattr(arguments, name):g}: expected 0 to 1.")
    if not 0 <= arguments.seed < 2**40:
        raise InputError(f"--seed is {arguments.seed}: expected a whole number from 0 to 2^40 - 1.")
    arguments.size = read_size(arguments.size)
    check_pixels(arguments.size, "--size")
    if min(arguments.size) < 16:
        width, height = arguments.size
        raise InputError(f"--size is {width}x{height}: expected sides of 16 pixels or more.")
    for name in (arguments.licence, *arguments.licence_allow):
        check_text(name or "", "--licence")
    if arguments.fov is not None:
        if arguments.teacher != "depth_anything":
            raise InputError(f"--fov is for depth_anything: {arguments.teacher} gives the field of view itself.")
        if arguments.fov != "unknown":
            arguments.fov = _degrees(arguments.fov)
    arguments.licence_allow = [name.strip() for names in arguments.licence_allow for name in names.split(",")]


def _degrees(text: str) -> float:
    low, high = FIELD_OF_VIEW_RANGE["horizontal"]
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not low <= value <= high:
        raise InputError(f"--fov is {text!r}: expected {low:g} to {high:g} degrees, or unknown.")
    return value


class Job:
    """What a worker needs to know: where the weights are, what to make, on which device."""

    def __init__(self, arguments: argparse.Namespace):
        from .data.labeller import Options
        from .data.teachers import find_teacher
        from .data.teachers.teacher import require_package

        require_package("pyarrow", "pip install datasets")
        self.arguments = arguments
        self.options = Options(
            out=Path(arguments.out),
            shard_size=arguments.shard_size,
            batch=arguments.batch,
            fov=arguments.fov,
            licence=arguments.licence,
            licence_allow=tuple(arguments.licence_allow),
            max_side=arguments.max_side,
            min_valid=arguments.min_valid,
        )
        self.device = usable_device(arguments.device)
        self.teachers: list[tuple[str, Path, str]] = []
        self.weights, self.licence = "rendered", "Apache-2.0"
        if arguments.teacher == "scenes":
            return
        wanted = [(arguments.teacher, arguments.weights)]
        if arguments.teacher == "vggt":
            wanted.append((arguments.metric_teacher, arguments.metric_weights))
        for name, weights in wanted:
            self.teachers.append((name, *find_teacher(name, weights, arguments.accept_licence)))
        self.weights = " + ".join(_weights_name(name, weights) for name, weights in wanted)
        self.licence = " + ".join(licence for _, _, licence in self.teachers)

    def open_input(self) -> Input:
        arguments = self.arguments
        if arguments.teacher == "scenes":
            from .data.teachers.scenes import Scenes

            return Scenes(arguments.count, arguments.size, arguments.edits, arguments.seed)
        from .data.inputs import open_input
        from .data.items import Columns

        fields = ("image", "caption", "source", "instruction", "licence", "fov")
        named = {name: getattr(arguments, f"{name}_column") for name in fields}
        return open_input(
            arguments.input, Columns({name: column for name, column in named.items() if column}), arguments.split
        )

    def open_teacher(self, items: Input, worker: int) -> Teacher:
        """Load the teacher; the workers take the GPUs in turn."""
        if not self.teachers:
            return items  # type: ignore[return-value]  # the rendered world labels itself: Scenes is never called
        import torch

        from .data.teachers import open_teacher
        from .data.teachers.vggt import Rescaled

        device = self.device
        if device == "cuda":
            device = f"cuda:{worker % torch.cuda.device_count()}"
        teachers = [open_teacher(*each, device) for each in self.teachers]
        return Rescaled(*teachers) if len(teachers) == 2 else teachers[0]


def _weights_name(name: str, weights: str | None) -> str:
    from .data.teachers import teacher_class

    return weights or teacher_class(name).WEIGHTS


def _check_plan(out: Path, plan: dict[str, Any]) -> None:
    """Write down what the folder holds, or refuse to mix it with something else."""
    path = out / PLAN
    if not path.exists():
        # A command that was killed may have left a part of the plan.
        if out.exists() and (not out.is_dir() or any(not file.name.startswith(".label.") for file in out.iterdir())):
            raise InputError(f"--out is {out}, which holds other things: expected a new or empty folder.")
        write_text(path, json.dumps(plan, indent=2, ensure_ascii=False) + "\n")
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise InputError(f"{path} is damaged: use another --out, or delete that folder.") from None
    # The stored plan went through JSON, so this one does too.
    now = json.loads(json.dumps(plan))
    for name, value in now.items():
        if before.get(name) != value:
            raise InputError(
                f"{out} was begun with {name} {before.get(name)!r}, and now it is {value!r}: use another --out, or "
                "what it was begun with."
            )
    # Files that a killed process had not renamed yet.
    for folder in (out, out / "data", out / "done"):
        remove_leftovers(folder)


def _run(job: Job, items: Input, todo: list[int]) -> None:
    """Label the shards, in this process or in several."""
    size = job.options.shard_size
    left = sum(min((shard + 1) * size, len(items)) - shard * size for shard in todo)
    bar = progress_bar(total=len(items), initial=len(items) - left, what="label", unit="image")
    workers = min(job.arguments.workers, len(todo))
    with bar:
        if workers == 1:
            from .data.labeller import label_shard

            teacher = job.open_teacher(items, 0)
            for shard in todo:
                label_shard(shard, items, teacher, job.options, bar.update)
        else:
            for count in _in_workers(job, items, todo, workers):
                bar.update(count)


def _in_workers(job: Job, items: Input, todo: list[int], workers: int) -> Iterator[int]:
    """Several processes that take shards from a queue. What goes wrong in one ends the run."""
    context = multiprocessing.get_context("spawn")
    shards, messages = context.Queue(), context.Queue()
    for shard in [*todo, *[None] * workers]:
        shards.put(shard)
    processes = [
        context.Process(target=_work, args=(job, items, worker, workers, shards, messages), daemon=True)
        for worker in range(workers)
    ]
    for process in processes:
        process.start()
    try:
        finished = 0
        while finished < workers:
            try:
                message = messages.get(timeout=1)
            except queue.Empty:
                check_alive(processes)
                continue
            if isinstance(message, BaseException):
                raise message
            if message is None:
                finished += 1
            else:
                yield message
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def check_alive(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        if process.exitcode:
            how = f"signal {-process.exitcode}" if process.exitcode < 0 else f"exit code {process.exitcode}"
            raise InputError(
                f"a worker ended with {how} (a full memory gives signal 9): the same command goes on from there, with "
                "fewer --workers if memory was the reason."
            )


def _work(
    job: Job, items: Input, worker: int, workers: int, shards: multiprocessing.Queue, messages: multiprocessing.Queue
) -> None:
    """A worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the first one ends the others
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import torch

    from .data.labeller import label_shard

    torch.set_num_threads(max(1, torch.get_num_threads() // workers))
    try:
        teacher = job.open_teacher(items, worker)
        while (shard := shards.get()) is not None:
            label_shard(shard, items, teacher, job.options, messages.put)
        messages.put(None)
    except (InputError, OSError) as error:
        messages.put(error)


def _end_with_parent() -> None:
    # A killed command must not leave workers behind.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


if __name__ == "__main__":
    run_command(main)
