"""Kills label, generate, evaluate and train at random moments, and looks at what they leave behind.

    python .ci/kill_sweep.py [--kills N] [--seed N] [label generate evaluate train]

A command runs through once: that gives the time it takes, and what it makes. Then it is started in another folder and
killed (SIGKILL) after a random part of that time, N times over, always in the same folder. After each kill every file
that has its final name must be whole, and nothing that was finished before may be gone. At last the command runs
through, and must have made what it made when nobody killed it, with nothing left over. Commands are forked from a
process that has all imports behind it, so that kills fall into the work. One thread; ends with exit code 1 at a fault.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1]))

import accelerate  # noqa: F401
import peft  # noqa: F401
import pyarrow.parquet as pq
import tokenizers  # noqa: F401
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from spatialfusion import generate, label, pipeline  # noqa: F401
from spatialfusion.data.records import shard_paths
from spatialfusion.errors import run_command
from spatialfusion.evaluate import __main__ as evaluate
from spatialfusion.evaluate import evaluation, pipeline_images  # noqa: F401
from spatialfusion.evaluate.judges import load, scene  # noqa: F401
from spatialfusion.geometry.files import load_geometry
from spatialfusion.images import open_image
from spatialfusion.train import __main__ as train
from spatialfusion.train import engine  # noqa: F401

PROMPT = "a red car in front of a blue house"
READERS: dict[str, Callable[[Path], object]] = {
    ".png": open_image,
    ".npz": load_geometry,
    ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    ".md": lambda path: path.read_text(encoding="utf-8"),
    ".parquet": lambda path: pq.ParquetFile(path).read(),
    ".safetensors": load_file,
}


class Label:
    main = staticmethod(label.main)

    def arguments(self, out: Path, start: int) -> list[str]:
        return ["--teacher", "scenes", "--count", "24", "--size", "48x48", "--shard-size", "2", "--out", str(out)]

    def finished(self, out: Path) -> set[str]:
        return {path.name for path in (out / "done").glob("*.json")}

    def made(self, out: Path) -> object:
        return [row for path in shard_paths(out) for row in pq.read_table(path).to_pylist()], (
            out / "rejected.jsonl"
        ).read_text()


class Generate:
    """Other seeds into one folder: what stands beside run.json must be of the seed that it names."""

    main = staticmethod(generate.main)

    def arguments(self, out: Path, start: int) -> list[str]:
        steps = ["--steps", "1", "--depth-steps", "1", "--device", "cpu"]
        return [PROMPT, *steps, "--seed", str(start % 2), "--out", str(out)]

    def finished(self, out: Path) -> set[str]:
        return set()

    def made(self, out: Path) -> object:
        seed = json.loads((out / "run.json").read_text())["seed"]
        return seed, [(out / name).read_bytes() for name in ("image.png", "depth.png")], *_depth(out / "depth.npz")


class Evaluate:
    main = staticmethod(evaluate.main)

    def arguments(self, out: Path, start: int) -> list[str]:
        steps = ["--steps", "1", "--depth-steps", "1", "--device", "cpu", "--batch", "2"]
        return ["--count", "1", *steps, "--out", str(out)]

    def finished(self, out: Path) -> set[str]:
        path = out / "records.jsonl"
        lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else [""]
        # What comes after the last line end was cut off by the kill; the run knows.
        return {json.dumps(json.loads(line), sort_keys=True) for line in lines[:-1]}

    def made(self, out: Path) -> object:
        images = {path.name: path.read_bytes() for path in sorted((out / "images").iterdir())}
        return self.finished(out), images, json.loads((out / "report.json").read_text())["scores"]


class Train:
    main = staticmethod(train.main)

    def arguments(self, out: Path, start: int) -> list[str]:
        return ["smoke", f"run={out}"]

    def finished(self, out: Path) -> set[str]:
        """What has been done of each stage: a later checkpoint stands for the earlier ones, which are deleted."""
        newest = [(path.parent, int(path.name[5:])) for path in out.rglob("step-*") if path.is_dir()]
        return {f"{folder} {step}" for folder, last in newest for step in range(last + 1)}

    def made(self, out: Path) -> object:
        files = sorted(path for path in (out / "model").rglob("*") if path.is_file() and path.suffix != ".md")
        return {str(path.relative_to(out)): content(path) for path in files}


COMMANDS = {"label": Label, "generate": Generate, "evaluate": Evaluate, "train": Train}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commands", nargs="*", choices=[[], *COMMANDS], default=list(COMMANDS))
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for stage in train.STAGES.values():
        stage.load()
    faults = 0
    for name in options.commands:
        with tempfile.TemporaryDirectory() as folder:
            faults += sweep(name, COMMANDS[name](), Path(folder), options.kills, random.Random(options.seed))
    raise SystemExit(bool(faults))


def sweep(name: str, command: Label | Generate | Evaluate | Train, folder: Path, kills: int, rng: random.Random) -> int:
    """Kill one command again and again; returns the number of faults, each of which is printed."""
    start = time.monotonic()
    expected = []
    for seed in range(2 if name == "generate" else 1):
        whole = folder / f"whole-{seed}"
        if wait(launch(command.main, command.arguments(whole, seed), folder / "log.txt"), None) != 0:
            raise SystemExit(f"{name} fails when nobody kills it:\n{(folder / 'log.txt').read_text()[-3000:]}")
        expected.append(command.made(whole))
    seconds = (time.monotonic() - start) / len(expected)
    out, faults, killed, started, known = folder / "killed", [], 0, 0, set()
    while killed < kills:
        # Into what is left to do: of a run that goes on that is ever less.
        limit = rng.uniform(0.05, 1.0) * seconds / (1 if name == "generate" else max(1, kills / 3))
        code = wait(launch(command.main, command.arguments(out, started), folder / "log.txt"), limit)
        started += 1
        killed += code == -signal.SIGKILL
        if code not in (0, -signal.SIGKILL):
            faults.append(f"start {started} ended with {code}: {(folder / 'log.txt').read_text()[-600:]}")
        faults += [f"kill {killed}: {fault}" for fault in broken(out)]
        now = command.finished(out)
        faults += [f"kill {killed}: {lost} is gone" for lost in sorted(known - now)[:3]]
        known = now
        if name == "generate" and (out / "run.json").exists() and command.made(out) not in expected:
            faults.append(f"kill {killed}: files of several runs stand beside one run.json")
        if code == 0 and name != "generate":
            # All was done before the kill came: the rest of the kills falls into a new run.
            out, known = folder / f"killed-{started}", set()
    if wait(launch(command.main, command.arguments(out, started), folder / "log.txt"), None) != 0:
        faults.append(f"the last start fails: {(folder / 'log.txt').read_text()[-600:]}")
    else:
        faults += differences(expected[started % len(expected)], command.made(out))
    faults += [f"left over: {path.relative_to(out)}" for path in out.rglob(".*")]
    print(f"{name}: {killed} kills in {started} starts, {seconds:.1f} s a whole run, {len(faults)} faults", flush=True)
    for fault in faults:
        print(f"  {fault}", flush=True)
    return len(faults)


def launch(run: Callable[[list[str]], None], arguments: list[str], log: Path) -> int:
    """Start a command in a process of its own; returns its id."""
    process = os.fork()
    if process:
        return process

    def write_to_log() -> None:
        with log.open("w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)

    end_as(run, arguments, write_to_log)


def end_as(run: Callable[[list[str]], None], arguments: list[str], prepare: Callable[[], None]) -> NoReturn:
    """In a forked process: prepare, run a command, and end as a process of its own would."""
    code = 1
    try:
        prepare()
        run_command(run, arguments)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(process: int, limit: float | None) -> int:
    """Wait for a process, and kill it after `limit` seconds; returns its exit code, -9 if it was killed."""
    end = None if limit is None else time.monotonic() + limit
    while True:
        done, status = os.waitpid(process, 0 if end is None else os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.kill(process, signal.SIGKILL)
            end = time.monotonic() + 60
        time.sleep(0.001)


def content(path: Path) -> object:
    """The bytes of a file; of a .safetensors metadata and tensors, as it holds them in an order that is not fixed."""
    if path.suffix != ".safetensors":
        return path.read_bytes()
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        kinds = {name: (tensor.dtype, tensor.shape) for name, tensor in tensors.items()}
        return file.metadata(), kinds, {n: t.flatten().view(torch.uint8).numpy().tobytes() for n, t in tensors.items()}


def broken(out: Path) -> list[str]:
    """What is not whole of the files that have their final names."""
    found = []
    for path in out.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(out).parts)
        reader = READERS.get(path.suffix)
        if hidden or reader is None or not path.is_file():
            continue
        try:
            reader(path)
        except Exception as error:
            found.append(f"{path.relative_to(out)} is not whole ({error})")
    return found


def differences(expected: object, made: object) -> list[str]:
    """Which files differ, where a command names those that it makes."""
    if not isinstance(expected, dict):
        return [] if expected == made else ["what was made is not what is made when nothing happens"]
    return [f"{name} is not what is made when nothing happens" for name in sorted(expected.keys() | made.keys())
            if expected.get(name) != made.get(name)]  # fmt: skip


def _depth(path: Path) -> tuple[bytes, bytes]:
    geometry = load_geometry(path)
    return geometry.depth.numpy().tobytes(), geometry.valid.numpy().tobytes()


if __name__ == "__main__":
    main()
