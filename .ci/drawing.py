"""Times drawing scene texts, each in a process of its own: seconds, memory, and how long it goes without progress.

    PYTHON .ci/drawing.py [OTHER_CHECKOUT]

Prints Markdown. With the folder of another checkout both are measured in turn, and ratios to the other are printed.
Seconds are of the wall and of all cores; memory is the growth of the resident set at its peak.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parents[1]
ROUNDS = 2
# Objects (0: the example of the documentation), width and height, rays along a side of a pixel (0: depth and masks).
CASES = ((0, 1024, 0), (0, 1024, 1), (0, 1024, 2), (0, 2048, 2), (0, 2048, 4), (100, 1024, 2), (1000, 1024, 2))


def main() -> None:
    folders = [HERE, *map(Path, sys.argv[1:])]
    print(
        "| objects | pixels | rays | wall (s) | cores (s) | memory (MB) | silence (s) | ratio, wall / cores / memory |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for objects, edge, samples in CASES:
        found = [[] for _ in folders]
        for _ in range(ROUNDS if objects < 1000 else 1):
            for folder, runs in zip(folders, found):
                runs.append(in_process(folder, objects, edge, samples))
        ours, *others = ([min(run[key] for run in runs) for key in ("wall", "cores", "memory")] for runs in found)
        silence = min(run["silence"] for run in found[0])
        ratio = " / ".join(f"{theirs / our:.1f}" for our, theirs in zip(ours, *others)) if others else ""
        wall, cores, memory = ours
        print(
            f"| {objects or 'example'} | {edge}x{edge} | {f'{samples}x{samples}' if samples else 'depth alone'} | "
            f"{wall:.2f} | {cores:.2f} | {memory:.0f} | {silence:.2f} | {ratio} |",
            flush=True,
        )


def in_process(folder: Path, objects: int, edge: int, samples: int) -> dict[str, float]:
    arguments = [sys.executable, __file__, "--once", str(folder), str(objects), str(edge), str(samples)]
    return json.loads(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)


def once(folder: str, objects: int, edge: int, samples: int) -> dict[str, float]:
    import resource

    sys.path.insert(0, folder)
    from spatialfusion.scenes.compose import compose
    from spatialfusion.scenes.text import EXAMPLE

    text = EXAMPLE if objects == 0 else field_of(objects)
    last, silence = 0.0, 0.0

    def progress(done: int, total: int) -> None:
        nonlocal last, silence
        silence, last = max(silence, time.perf_counter() - last), time.perf_counter()

    last = time.perf_counter()
    compose(EXAMPLE, (64, 64), 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    silence, last, cores = 0.0, time.perf_counter(), time.process_time()
    wall = last
    compose(text, (edge, edge), samples, progress=progress)
    return {
        "wall": time.perf_counter() - wall,
        "cores": time.process_time() - cores,
        "memory": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
        "silence": silence,
    }


def field_of(objects: int) -> str:
    """A text of things that stand about on a field, seen from above."""
    draw = random.Random(1)
    kinds = "car house tree chair sofa figure dog table barrel cube ball cone lamp mug bottle".split()
    lines = (
        f"{draw.choice(kinds)} at {draw.uniform(-25, 25):.2f} {draw.uniform(5, 60):.2f} yaw {draw.randrange(360)}"
        for _ in range(objects)
    )
    return "\n".join(("camera height 6 pitch 15", *lines))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--once"]:
        print(json.dumps(once(sys.argv[2], *map(int, sys.argv[3:]))))
    else:
        main()
