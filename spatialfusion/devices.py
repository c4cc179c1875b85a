"""Where and in which numbers networks compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from .errors import InputError, short

if TYPE_CHECKING:
    import torch
    from torch import nn

Network = TypeVar("Network", bound="nn.Module")


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


def usable_dtype(dtype: Any) -> torch.dtype:
    """A floating-point dtype of 16 bits or more, or that of this name; InputError for anything else."""
    import torch

    found = getattr(torch, dtype.removeprefix("torch."), None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or not found.is_floating_point or found.itemsize < 2:
        raise InputError(
            f"dtype is {short(dtype)}: expected torch.float32, torch.bfloat16 or torch.float16, or its name."
        )
    return found


def channels_last(network: Network, device: torch.device | str) -> Network:
    """The network itself on a device, in the layout of bf16 convolutions on CPUs and of tensor cores."""
    import torch

    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch types no layout
