"""The commands by one name: `spatialfusion plan ...` is `python -m spatialfusion.plan ...`."""

from __future__ import annotations

import importlib
import sys

from .errors import InputError, run_command, suggest

COMMANDS = {
    "plan": "plan",
    "generate": "generate",
    "label": "label",
    "train": "train.__main__",
    "evaluate": "evaluate.__main__",
    "benchmark": "benchmark",
}
USAGE = f"usage: spatialfusion {{{','.join(COMMANDS)}}} ... (each has --help)"


def main(argv: list[str]) -> None:
    """Hand the arguments after the command's name to that command.

    Raises:
        InputError: when the first argument names no command.
    """
    if not argv or argv[0] in ("-h", "--help"):
        print(USAGE)
        return
    name, *arguments = argv
    if name not in COMMANDS:
        raise InputError(f"there is no command {name!r}{suggest(name, COMMANDS)}: expected {', '.join(COMMANDS)}.")
    importlib.import_module(f"spatialfusion.{COMMANDS[name]}").main(arguments)


def command() -> None:
    """The console script."""
    run_command(main, sys.argv[1:])


if __name__ == "__main__":
    command()
