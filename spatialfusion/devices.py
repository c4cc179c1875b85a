"""The device that a command uses."""

from __future__ import annotations

from .errors import InputError


def usable_device(name: str | None, mps: bool = False) -> str:
    """The device of this name; without one a GPU if there is one, with `mps` also Apple's.

    Raises:
        InputError: if the device cannot be used.
    """
    import torch

    if name is None:
        return "cuda" if torch.cuda.is_available() else "mps" if mps and torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"--device is {name!r}, which cannot be used ({reason}): try cpu.") from None
    return name
