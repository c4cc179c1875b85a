"""A ComfyUI with a long queue: prompts of the template Text-to-Image, every tenth of them cancelled.

    COMFYUI_PATH=... python .ci/queue_load.py [--prompts N] [--steps N]

All prompts are queued at once, each with a seed of its own. Of every ten one is cancelled: half of these while they
wait, half while they run. At last every other prompt must have succeeded, a few of them must have the image that the
same seed has when it runs alone, and the server must still answer. Prints seconds and memory; exit code 1 at a fault.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from host_server import Host  # noqa: E402

WORKFLOW = ROOT / "workflows" / "api" / "SpatialFusion-Text-to-Image.json"
CHECKED = 5  # prompts that are run again alone


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=300)
    parser.add_argument("--steps", type=int, default=2, help="of depth and of the image (default: 2)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        host = Host(Path(folder))
        host.start()
        try:
            return load(host, options.prompts, options.steps)
        finally:
            host.stop()


def load(host: Host, count: int, steps: int) -> int:
    host.wait(host.queue(prompt_of(10**6, steps)))  # loading is over
    before, start = memory(host), time.monotonic()
    ids = [host.queue(prompt_of(seed, steps)) for seed in range(count)]
    waiting = ids[9::20]
    host.fetch("/queue", {"delete": waiting})
    interrupted = []
    for wanted in ids[19::20]:
        while not (running := host.get("/queue")["queue_running"]) or running[0][1] != wanted:
            if host.get(f"/history/{wanted}"):
                break  # it was too fast to be caught
            time.sleep(0.01)
        host.fetch("/interrupt", {"prompt_id": wanted})
        interrupted.append(wanted)
    entries = {name: host.wait(name, 3600) for name in ids if name not in waiting}
    seconds, after = time.monotonic() - start, memory(host)
    states = {name: entry["status"]["status_str"] for name, entry in entries.items()}
    caught = [name for name in interrupted if states[name] != "success"]
    failed = [name for name, state in states.items() if state != "success" and name not in interrupted]
    ran_though_deleted = [name for name in waiting if host.get(f"/history/{name}")]
    kept = [seed for seed in range(count) if states.get(ids[seed]) == "success"]
    differing = []
    for seed in kept[:: max(1, len(kept) // CHECKED)][:CHECKED]:
        again = host.run(prompt_of(seed, steps))
        if image_of(host, again) != image_of(host, entries[ids[seed]]["outputs"]):
            differing.append(seed)
    print(
        f"{count} prompts in {seconds:.0f} s: {len(kept)} images, {len(waiting)} deleted while they waited, "
        f"{len(caught)} of {len(interrupted)} interrupted while they ran; {len(failed)} failed, "
        f"{len(ran_though_deleted)} ran although deleted, {len(differing)} of {CHECKED} differ when run again; "
        f"memory {before:.0f} MiB before, {after:.0f} MiB after"
    )
    for name in failed[:3]:
        print(json.dumps(entries[name]["status"])[:1000])
    return int(bool(failed or ran_though_deleted or differing))


def prompt_of(seed: int, steps: int) -> dict:
    """The template with a seed of its own and few steps."""
    prompt = copy.deepcopy(json.loads(WORKFLOW.read_text()))
    for node in prompt.values():
        for name in node["inputs"]:
            if name in ("seed", "noise_seed"):
                node["inputs"][name] = seed
            if name in ("steps", "depth_steps"):
                node["inputs"][name] = steps
    return prompt


def image_of(host: Host, outputs: dict) -> bytes:
    return b"".join(host.file(image) for node in sorted(outputs) for image in outputs[node].get("images", []))


def memory(host: Host) -> float:
    """MiB that the server's process holds."""
    for line in Path(f"/proc/{host.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    sys.exit(main())
