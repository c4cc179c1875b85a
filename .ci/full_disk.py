"""Lets the disk be full while label, generate, evaluate and train write, and looks at what they leave behind.

    python .ci/full_disk.py [label generate evaluate train]

A command runs through once. Then it starts in another folder several times over with a limit on the bytes of a file
(RLIMIT_FSIZE: the write that goes beyond it fails, as on a full disk), from the smallest file that it makes to the
largest. Each time it must end with exit code 2 and one sentence, and every file that has its final name must be whole.
At last it runs without a limit in the same folder, and must have made what it made with room enough. Ends with exit
code 1 at a fault.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from kill_sweep import COMMANDS, broken, differences, end_as


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commands", nargs="*", choices=[[], *COMMANDS], default=list(COMMANDS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    faults = 0
    for name in options.commands:
        with tempfile.TemporaryDirectory() as folder:
            faults += fill(name, Path(folder))
    raise SystemExit(bool(faults))


def fill(name: str, folder: Path) -> int:
    """Run one command with ever more room for a file; returns the number of faults, each of which is printed."""
    command = COMMANDS[name]()
    whole, out, faults = folder / "whole", folder / "full", []
    code, said = start(command.main, command.arguments(whole, 0), None)
    if code:
        raise SystemExit(f"{name} fails with room enough:\n{said}")
    sizes = sorted({path.stat().st_size for path in whole.rglob("*") if path.is_file() and path.stat().st_size})
    limits = sorted({1, *(sizes[len(sizes) * k // 6] - 1 for k in range(6)), sizes[-1] - 1})
    sentences = 0
    for limit in limits:
        code, said = start(command.main, command.arguments(out, 0), limit)
        # Files that are rewritten in place when they are whole already fit under no limit, and need none.
        last = (said.strip().splitlines() or ["nothing"])[-1]
        sentences += code == 2 and last.startswith("error: ")
        if code not in (0, 2) or (code == 2 and not last.startswith("error: ")) or "Traceback" in said:
            faults.append(f"with files up to {limit} bytes: exit code {code}, {last[:300]}")
        faults += [f"with files up to {limit} bytes: {fault}" for fault in broken(out)]
    code, said = start(command.main, command.arguments(out, 0), None)
    if code:
        faults.append(f"with room again: exit code {code}, {said[-300:]}")
    else:
        faults += differences(command.made(whole), command.made(out))
    faults += [f"left over: {path.relative_to(out)}" for path in out.rglob(".*")]
    print(f"{name}: {len(limits)} limits, {sentences} sentences, {len(faults)} faults", flush=True)
    for fault in faults:
        print(f"  {fault}", flush=True)
    return len(faults)


def start(run: Callable[[list[str]], None], arguments: list[str], limit: int | None) -> tuple[int, str]:
    """Run a command in a process of its own; returns its exit code and what it said."""
    read, write = os.pipe()
    process = os.fork()
    if process == 0:

        def write_there() -> None:
            os.dup2(write, 1)
            os.dup2(write, 2)
            os.close(read)
            os.close(write)
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

        end_as(run, arguments, write_there)
    os.close(write)
    with os.fdopen(read, encoding="utf-8", errors="replace") as said:
        text = said.read()
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), text


if __name__ == "__main__":
    main()
