"""Times what depth costs inside ComfyUI, with the tiny model: pairs of sampling without and with depth, and prediction.

    COMFYUI_PATH=... PYTHON_OF_COMFYUI .ci/overhead.py [PAIRS]

Prints the medians in seconds. Needs pytest, as it loads the pack the way that the tests in the host do.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

PAIRS = int(sys.argv[1]) if len(sys.argv) > 1 else 15
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "host"))

import torch  # noqa: E402
from conftest import SIZE, apply, predict, run, sample  # noqa: E402

STEPS, DEPTH_STEPS = 20, 16


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


@torch.inference_mode()
def main() -> None:
    loaded = run("Loader", checkpoint="built-in tiny", dtype="default")
    model, _ = run("LoadBase", base="built-in tiny", dtype="default")
    geometry, positive = predict(loaded, steps=DEPTH_STEPS)
    negative = run("EncodePrompt", spatialfusion=loaded, prompt="", width=SIZE, height=SIZE)
    tiny = SimpleNamespace(spatialfusion=loaded, model=model, geometry=geometry)
    ways = {
        "plain": model,
        "with depth": apply(tiny),
        "with depth under a mask": apply(tiny, mask=torch.ones(1, 8, 8)),
    }
    times: dict[str, list[float]] = {name: [] for name in (*ways, "prediction")}
    for pair in range(PAIRS + 1):
        for name, patched in ways.items():
            took = seconds(lambda m=patched, s=pair: sample(m, positive, negative, seed=s, steps=STEPS))
            times[name].append(took)
        times["prediction"].append(seconds(lambda s=pair: predict(loaded, seed=s, steps=DEPTH_STEPS)))
    print(
        f"{PAIRS} pairs, {STEPS} steps of KSampler, {DEPTH_STEPS} of depth; medians in seconds, the first pair left out"
    )
    for name, taken in times.items():
        print(f"{name}: {statistics.median(taken[1:]):.2f}")


if __name__ == "__main__":
    main()
