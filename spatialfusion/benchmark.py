"""python -m spatialfusion.benchmark: what SpatialFusion costs at full size, beside the plain model."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .defaults import DEPTH_STEPS_HELP
from .devices import usable_device
from .errors import CommandParser, InputError, read_size, run_command
from .versions import versions

if TYPE_CHECKING:
    from .backbones.published import Preset
    from .cost.overhead import Cost, Row
    from .cost.parts import Request, Timing

    Others = Callable[[Cost, int], Iterable[Row]]  # what else could be done, and its cost in so many steps

STEPS = (4, 50)
CARDS = (24, 48, 80, 141)  # GiB
TERA, GIB = 1e12, 2**30
EXAMPLES = """examples:
  python -m spatialfusion.benchmark
  python -m spatialfusion.benchmark --preset qwen-image --size 1328x1328 --json cost.json
  python -m spatialfusion.benchmark --preset qwen-image --device cuda
  python -m spatialfusion.benchmark --training --size 512x512
"""


def no_others(_cost: Cost, _steps: int) -> Iterator[Row]:
    """Nothing to compare with; research/alternatives.py has ControlNets and estimators."""
    return iter(())


def main(argv: list[str], others: Others = no_others) -> None:
    """The command. others: ways to compare with."""
    arguments = read_arguments(argv)
    _quiet()
    from .backbones.published import PRESETS, preset
    from .cost.parts import Request

    presets = [preset(name) for name in arguments.preset or PRESETS]
    request = Request(arguments.size, arguments.prompt_tokens)
    for one in presets:
        _check_size(one, request)
        if arguments.device is not None:
            _check_device(one, arguments.device)
    record = {
        "size": list(request.size),
        "prompt_tokens": request.prompt,
        "versions": versions("diffusers", "transformers"),
    }
    if arguments.training:
        record["training"] = print_training(presets, request)
    else:
        record["presets"] = print_costs(
            presets, request, arguments.steps, arguments.depth_steps, arguments.device, others
        )
    if arguments.json:
        from .files import atomic_file

        with atomic_file(Path(arguments.json)) as temporary:
            temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def read_arguments(argv: list[str]) -> argparse.Namespace:
    parser = CommandParser(
        prog="python -m spatialfusion.benchmark",
        description="Count parameters and floating-point operations of the published models with SpatialFusion, on the "
        "meta device: nothing is downloaded, and no memory is needed. With --device, also time them with random "
        "weights. Prints Markdown.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--preset", nargs="+", metavar="NAME", help="published models (default: all)")
    add("--size", default="1024x1024", metavar="WxH", help="pixels (default: 1024x1024)")
    add("--prompt-tokens", type=int, default=128, metavar="N", help="length of the prompt (default: 128)")
    add("--steps", type=int, nargs="+", default=list(STEPS), metavar="N", help="steps of the image (default: 4 50)")
    add("--depth-steps", type=int, metavar="K", help=DEPTH_STEPS_HELP)
    add("--device", metavar="NAME", help="also measure there: cuda, cuda:1, cpu")
    add("--training", action="store_true", help="memory of the training stages instead")
    add("--json", metavar="FILE", help="also write the numbers here")
    arguments = parser.parse_args(argv)
    arguments.size = read_size(arguments.size)
    for name in ("prompt_tokens", "depth_steps"):
        if (value := getattr(arguments, name)) is not None and value < 1:
            raise InputError(f"--{name.replace('_', '-')} is {value}: expected at least 1.")
    if min(arguments.steps) < 1:
        raise InputError(f"--steps is {min(arguments.steps)}: expected at least 1.")
    return arguments


# Cost of a generation -------------------------------------------------------------------------------------------------


def print_costs(
    presets: list[Preset],
    request: Request,
    steps: Sequence[int],
    depth_steps: int | None,
    device: str | None,
    others: Others = no_others,
) -> dict:

    from .cost.overhead import count

    record = {}
    for preset in presets:
        cost = count(preset, request, depth_steps)
        timings = {} if device is None else measure(preset, request, device)
        for line in cost_lines(cost, timings, steps, others):
            print(line, flush=True)
        record[preset.name] = cost_record(cost, timings, steps, others)
    return record


def measure(preset: Preset, request: Request, device: str) -> dict[str, Timing]:
    """Time every part with random weights: bf16 on a GPU, fp32 on a CPU."""
    import torch

    from .cost.parts import parts, time_call

    dtype = torch.float32 if torch.device(device).type == "cpu" else torch.bfloat16
    timings = {}
    for part in parts(preset, request, device, dtype):
        timings[part.name] = time_call(part.run, device)
        del part  # or the next network would be made while this one is there
    return timings


def cost_lines(cost: Cost, timings: dict[str, Timing], steps: Sequence[int], others: Others) -> Iterator[str]:
    (width, height), prompt = cost.request.size, cost.request.prompt
    yield f"### {cost.preset.name} ({cost.preset.repository}), {width}x{height}, {prompt} prompt tokens"
    yield ""
    columns = ["part", "parameters (M)", "TFLOP", *(["ms", "peak GiB"] if timings else [])]
    rows = []
    for name, flops in cost.flops.items():
        row = [PART_NAMES.get(name, name), f"{cost.parameters[name] / 1e6:,.1f}", f"{flops / TERA:.3f}"]
        if timings:
            timing = timings[name]
            row += [f"{timing.milliseconds:,.1f}", "–" if timing.gib is None else f"{timing.gib:.1f}"]
        rows.append(row)
    yield from table(columns, rows)
    yield ""
    plain = cost.plain(1)
    transformer = cost.parameters["step"]
    columns = ["", "parameters (M)", "of the diffusion model", "of all", *(_steps_name(cost, n) for n in steps)]
    yield from table(
        columns,
        [
            [
                rows[0].name,
                f"{rows[0].parameters / 1e6:,.1f}",
                *([""] * 2 if rows[0].name == plain.name else _shares(rows[0], transformer, plain.parameters)),
                *(_flops(row, cost.plain(n)) for row, n in zip(rows, steps)),
            ]
            for rows in zip(*(cost_rows(cost, n, others) for n in steps))
        ],
    )
    yield ""
    largest = max(cost.parameters[name] for name in ("prefill", "step", "decode"))
    with_depth = max(largest, transformer + cost.parameters["step with depth"])
    yield (
        "Largest network, which is what the card must hold when the others wait in the computer's memory (bf16): "
        f"{2 * largest / GIB:.2f} GiB; with LoRA and delta {2 * with_depth / GIB:.2f} GiB, or as before if they are "
        "merged."
    )
    yield ""


def cost_rows(cost: Cost, steps: int, others: Others) -> list[Row]:
    """The plain model, and what each way adds to it."""
    added = [cost.depth(steps), cost.in_model(steps), cost.added(steps)]
    return [cost.plain(steps), *added, *others(cost, steps)]


def cost_record(cost: Cost, timings: dict[str, Timing], steps: Sequence[int], others: Others) -> dict:
    return {
        "parts": {
            name: {
                "parameters": cost.parameters[name],
                "flops": flops,
                **({} if name not in timings else timings[name].__dict__),
            }
            for name, flops in cost.flops.items()
        },
        "runs": {
            str(n): {row.name: {"parameters": row.parameters, "flops": row.flops} for row in cost_rows(cost, n, others)}
            for n in steps
        },
    }


PART_NAMES = {
    "prefill": "MLLM, prompt",
    "prefill null": "MLLM, empty prompt",
    "step": "diffusion model, a pass with the prompt",
    "step null": "diffusion model, a pass with the empty prompt",
    "step with depth": "the same with LoRA and delta, prompt",
    "step null with depth": "the same with LoRA and delta, empty prompt",
    "decode": "VAE, decoding",
    "encode": "VAE, encoding",
    "spatial": "spatial transformer, a pass with the prompt",
    "spatial null": "spatial transformer, a pass with the empty prompt",
    "head": "depth head, a pass",
    "detail": "depth head, detail (once)",
    "adapter": "depth adapter (once)",
    "source": "source encoder (once, when editing)",
}


def _steps_name(cost: Cost, steps: int) -> str:
    return f"TFLOP, {steps} steps{' guided' if cost.guided(steps) else ''}"


def _shares(row: Row, transformer: int, everything: int) -> list[str]:
    return [f"{100 * row.parameters / whole:.1f} %" for whole in (transformer, everything)]


def _flops(row: Row, plain: Row) -> str:
    share = "" if row.name == plain.name else f" (+{100 * row.flops / plain.flops:.2f} %)"
    return f"{row.flops / TERA:,.1f}{share}"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A Markdown table; all columns but the first are numbers."""
    yield f"| {' | '.join(columns)} |"
    yield f"|---|{'---:|' * (len(columns) - 1)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


# Memory of training ---------------------------------------------------------------------------------------------------


def print_training(presets: list[Preset], request: Request) -> dict:
    from .cost.training import training_memory

    width, height = request.size
    print(f"Computed, not measured; samples of {width}x{height}, {request.prompt} prompt tokens. GiB.\n")
    columns = ["preset", "stage", "frozen", "trained", "activations, a sample", "one sample in all"]
    columns += [f"samples on {card} GiB, alone / one of 8" for card in CARDS]
    rows: list[list[str]] = []
    record: dict[str, dict[str, Any]] = {}
    for preset in presets:
        record[preset.name] = {}
        for stage, memory in training_memory(preset, request).items():
            sizes = (memory.frozen, memory.trained, memory.per_sample, memory.total(1))
            batches = ((memory.batch(card * GIB), memory.batch(card * GIB, 8)) for card in CARDS)
            row = [preset.name, stage, *(f"{size / GIB:.1f}" for size in sizes)]
            rows.append(row + [" / ".join(str(batch or "–") for batch in pair) for pair in batches])
            record[preset.name][stage] = memory.__dict__
    for line in table(columns, rows):
        print(line)
    return record


# Checks ---------------------------------------------------------------------------------------------------------------


def _check_size(preset: Preset, request: Request) -> None:
    multiple = 2 * preset.pixels_per_token
    if min(request.size) < 1 or any(side % multiple for side in request.size):
        width, height = request.size
        raise InputError(f"--size is {width}x{height}: expected multiples of {multiple}, such as 1024x1024.")


def _check_device(preset: Preset, name: str) -> None:
    """The device is there, and holds the largest network; the others are not there at the same time."""
    import psutil  # comes with accelerate
    import torch

    from .cost.parts import count_parameters

    device = torch.device(usable_device(name))
    if device.type == "cuda":
        free, size = torch.cuda.mem_get_info(device)[0], 2
    else:
        free, size = psutil.virtual_memory().available, 4
    networks = (network.build("meta", torch.bfloat16) for network in (preset.mllm, preset.transformer))
    needed = size * max(map(count_parameters, networks))
    if needed > free:
        raise InputError(
            f"--device is {name!r} with {free / GIB:.1f} GiB free, but the largest network of {preset.name} has "
            f"{needed / GIB:.1f} GiB: leave --device out, or take a larger one."
        )


def _quiet() -> None:
    import diffusers
    import transformers

    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()


if __name__ == "__main__":
    run_command(main)
