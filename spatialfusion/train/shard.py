"""Frozen networks spread over several processes (FSDP2): each holds a part of every weight, and gathers a block when
the block runs.

Notable: only what is frozen is sharded. What is trained, a LoRA inside a frozen transformer included, stays whole on
every process, so that DDP, optimisers, average and checkpoints are the same with and without.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard


def shard_frozen(networks: list[nn.Module], size: int, device: torch.device) -> None:
    """Spread the frozen weights of networks, which may still be on the CPU, over every `size` neighbouring processes.

    From then on the processes of such a group must call each network equally often.
    """
    copies = torch.distributed.get_world_size() // size
    mesh = init_device_mesh(device.type, (copies, size), mesh_dim_names=("copies", "shards"))["shards"]
    for network in networks:
        trained = {parameter for parameter in network.parameters() if parameter.requires_grad}
        # Blocks first: what they leave is the network's own group, which is gathered as long as the network runs.
        for part in (*blocks(network), network):
            fully_shard(part, mesh=mesh, reshard_after_forward=True, ignored_params=trained)


def blocks(network: nn.Module) -> list[nn.Module]:
    """The transformer blocks of a network. Of a multimodal LLM only the language model's: whether the vision tower runs
    depends on the batch."""
    return [block for stack in stacks(getattr(network, "language_model", network)) for block in stack]


def stacks(module: nn.Module) -> list[nn.ModuleList]:
    """The outermost lists of modules, which in a transformer are its stacks of blocks."""
    found = []
    for child in module.children():
        found += [child] if isinstance(child, nn.ModuleList) else stacks(child)
    return found


def gathered_bytes(network: nn.Module) -> int:
    """Bytes of frozen weights that a sharded network holds whole while it runs: its own group, one block and the next.

    Also of one on the meta device, which is not sharded.
    """

    def size(module: nn.Module) -> int:
        return sum(p.numel() * p.element_size() for p in module.parameters() if not p.requires_grad)

    sizes = [size(block) for block in blocks(network)]
    return size(network) - sum(sizes) + 2 * max(sizes)


def local(parameter: torch.Tensor) -> torch.Tensor:
    """This process's part of a sharded parameter; any other as it is."""
    return parameter.to_local() if hasattr(parameter, "to_local") else parameter
