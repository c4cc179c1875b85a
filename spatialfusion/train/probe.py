"""What training costs, looked at before it starts: one forward pass of the first samples, whose graph is thrown away.

Notable:
- Activations are the storages that the pass made and that its graph keeps alive. So recomputed blocks, fused attention
  and autocast count as they are, on any device.
- Operations are those of the model: two for each multiplication and addition of matrix products, attention and
  convolutions, once more for every factor that gradients are computed for. What is recomputed in the backward pass is
  not counted, so that a utilisation made from it (MFU) compares runs with and without.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry, sdpa_flop_count

from .optim import Optimizers
from .shard import gathered_bytes, local, stacks
from .stage import Stage


@dataclass(frozen=True)
class SampleCost:
    """Of one training sample: bytes of activations, operations of forward and backward pass, tokens. `copies`: bytes of
    weights in another precision that a pass makes, whatever the number of samples."""

    activations: int
    copies: int
    flops: float
    tokens: float


def measure(stage: Stage, batch: dict[str, Any], samples: int) -> SampleCost:
    """Run the loss of a batch once; neither weights, buffers nor the random state are changed.

    Tokens are the positions in the longest stack of blocks of each of `stage.transformers()`.
    """
    tokens = 0

    def count_tokens(_block: nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        nonlocal tokens
        inputs = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor) and x.is_floating_point()]
        tokens += sum(x.shape[0] * x.shape[1] for x in inputs if x.ndim == 3)

    first = [max(stacks(network), key=len)[0] for network in stage.transformers()]
    handles = [block.register_forward_pre_hook(count_tokens, with_kwargs=True) for block in first]
    buffers = [(buffer, buffer.clone()) for buffer in stage.trained.buffers()]
    devices = [stage.device] if stage.device.type == "cuda" else []
    weights = [*stage.trained.parameters(), *(p for network in stage.frozen() for p in network.parameters())]
    try:
        with torch.random.fork_rng(devices), ForwardPass(weights) as passed:
            loss = stage.loss(batch)
            activations, copies = passed.kept()
            del loss
    finally:
        for handle in handles:
            handle.remove()
        for buffer, value in buffers:
            buffer.copy_(value)
    return SampleCost(activations // samples, copies, passed.flops / samples, tokens / samples)


class ForwardPass(TorchDispatchMode):
    """Notes the storages that operations make, and how many floating-point operations training takes."""

    def __init__(self, weights: Iterable[Tensor]):
        super().__init__()
        self.weights = {_storage(local(weight)) for weight in weights}
        self.made: list[tuple[StorageWeakRef, bool]] = []
        self.flops = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        output = function(*args, **(kwargs or {}))
        inputs = {_storage(x) for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)}
        is_copy = function is torch.ops.aten._to_copy.default and not inputs.isdisjoint(self.weights)
        for x in tree_leaves(output):
            if isinstance(x, Tensor) and _storage(x) not in inputs:
                self.made.append((StorageWeakRef(x.untyped_storage()), is_copy))
        self.flops += training_flops(function, args, kwargs or {}, output)
        return output

    def kept(self) -> tuple[int, int]:
        """Bytes that are still there: of activations, and of copies of weights."""
        total = [0, 0]
        for reference, is_copy in self.made:
            if not reference.expired():
                # Now, not when it was made: sharded networks give back the memory of a storage that stays.
                total[is_copy] += torch.UntypedStorage._new_with_weak_ptr(reference.cdata).nbytes()
        return total[0], total[1]


def training_flops(function: Any, args: tuple, kwargs: dict[str, Any], output: Any) -> int:
    """Floating-point operations of a call, and of the gradients that it will take part in."""
    name = function._overloadpacket.__name__
    factors = [x for x in args if isinstance(x, Tensor) and x.ndim > 1]
    if name.startswith("_scaled_dot_product"):
        flops = sdpa_flop_count(*(x.shape for x in factors[:3]))
        # Two products forward, four backward.
        gradients = 2 * any(x.requires_grad for x in factors[:3])
    elif function._overloadpacket in flop_registry:
        flops = flop_registry[function._overloadpacket](*args, **kwargs, out_val=output)
        # Last of a matrix product (there may be a summand before), first of a convolution.
        pair = factors[:2] if "convolution" in name else factors[-2:]
        gradients = sum(x.requires_grad for x in pair)
    else:
        return 0
    return flops * (1 + gradients * torch.is_grad_enabled())


def _storage(x: Tensor) -> int:
    return x.untyped_storage()._cdata


# Memory ---------------------------------------------------------------------------------------------------------------


def memory_lines(
    stage: Stage, optimizers: Optimizers, average: dict[str, Tensor], cost: SampleCost, samples: int
) -> tuple[str, str]:
    """Two lines about the memory of this process, which passes so many samples through the network at a time."""
    trained = [p for p in stage.trained.parameters() if p.requires_grad]
    own = {id(p) for p in trained}
    networks = [*stage.frozen(), *(x for x in vars(stage).values() if isinstance(x, nn.Module))]
    frozen = {id(p): p for network in networks for p in network.parameters() if id(p) not in own}.values()
    moments = {"muon": 1, "adamw": 2}
    weights = sum(p.nbytes for p in trained)
    sizes = {
        "frozen": sum(local(p).nbytes for p in frozen),
        "trained": weights,
        "gradients": weights,
        "optimisers": sum(moments[part] * p.nbytes for part, members in optimizers.members.items() for p in members),
        "average": sum(x.nbytes for x in average.values()),
        "copies in bf16": cost.copies,
        "gathered": max(map(gathered_bytes, stage.frozen()), default=0) if stage.config.shard > 1 else 0,
        f"activations of {samples} samples": samples * cost.activations,
    }
    counts = [sum(p.numel() for p in parameters) / 1e6 for parameters in (trained, frozen)]
    total = sum(sizes.values())
    unit, name = (2**30, "GiB") if total >= 2**30 else (2**20, "MiB")
    text = ", ".join(f"{key} {size / unit:.2f}" for key, size in sizes.items() if size)
    return (
        f"{stage.name}: {counts[0]:,.2f} M parameters are trained, {counts[1]:,.2f} M are frozen",
        f"{stage.name}: memory of a process in {name}: {text}; together {total / unit:.2f}",
    )
