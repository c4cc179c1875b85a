"""What a user did wrong, said in one sentence; and the command-line frame that prints it."""

from __future__ import annotations

import argparse
import difflib
import errno
import io
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NoReturn


class InputError(ValueError):
    """Bad input from the user: the message is one sentence that names the input, what was wrong and what is right."""


class CommandParser(argparse.ArgumentParser):
    """An argument parser that raises InputError for bad arguments instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (--help shows all options).")


# Errors with which the operating system refuses to write to a place.
_OUTPUT = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS, errno.ENAMETOOLONG, errno.EIO)


def suggest(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean 'x'?)" for the known name nearest to `name`, or an empty string."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def short(value: object) -> str:
    """A value for a message."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def read_size(text: str) -> tuple[int, int]:
    """(width, height) of --size."""
    found = re.fullmatch(r"(\d{1,6})[xX](\d{1,6})", text)
    if not found:
        raise InputError(f"--size is {text!r}: expected WIDTHxHEIGHT, such as 128x128.")
    return int(found[1]), int(found[2])


def run_command(main: Callable[[list[str]], None], argv: list[str] | None = None) -> None:
    """Run a command-line `main(argv)`: bad input or a full disk ends it with one sentence and exit code 2."""
    # A path that the terminal cannot show must not end in a traceback when all the work is done.
    if isinstance(sys.stdout, io.TextIOWrapper):
        with suppress(OSError):
            sys.stdout.reconfigure(errors="backslashreplace")
    try:
        main(sys.argv[1:] if argv is None else argv)
    except InputError as error:
        raise SystemExit(_fail(str(error))) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except OSError as error:
        if error.errno not in _OUTPUT:
            raise
        doing = "use the name" if error.errno == errno.ENAMETOOLONG else "write"
        raise SystemExit(_fail(f"cannot {doing} {error.filename or 'the output'}: {error.strerror}.")) from None


def _fail(sentence: str) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    return 2
