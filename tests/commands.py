"""The library's commands as a user calls them, without a process of their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from spatialfusion.errors import run_command


def command(main: Callable[[list[str]], None], silent: bool = False) -> tuple[Callable[..., None], Callable[..., str]]:
    """`run(*arguments)`, and `fail(capsys, *arguments)`: the one sentence with which the command ends.

    silent: nothing else is on stderr then, such as a progress bar or a warning.
    """

    def run(*arguments: object) -> None:
        run_command(main, [str(argument) for argument in arguments])

    def fail(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            run(*arguments)
        assert end.value.code == 2
        lines = capsys.readouterr().err.strip().splitlines()
        assert lines[-1].startswith("error: ") and (len(lines) == 1 or not silent)
        return lines[-1]

    return run, fail
