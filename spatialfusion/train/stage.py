"""The interface of a training stage: what is trained, on which samples, with which loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..backbones.depth_injection import checkpoint_blocks
from ..model.spatial_transformer import SpatialTransformer
from .config import TrainConfig


class Stage(ABC):
    """One stage of training. The constructor builds or loads the networks and opens the data; it raises InputError
    when an earlier component is missing in run/model. The global random state is seeded when it is called."""

    name: ClassVar[str]
    network: ClassVar[str] = ""  # the group of `model` whose sizes its weights have; other sizes may change
    trained: nn.Module  # holds exactly the trained parameters and buffers; often a ModuleDict

    def __init__(self, config: TrainConfig, run: Path, device: torch.device):
        self.config = config
        self.run = run
        self.device = device
        # Frozen networks that are to be sharded reach the device part by part: see engine.py.
        self.load_device = torch.device("cpu") if config.shard > 1 else device

    @abstractmethod
    def __len__(self) -> int:
        """Number of training samples."""

    def indices(self, step: int, places: range) -> list[Any] | None:
        """The samples at some places of a step's batch, as `batch` takes them; None: every epoch is a permutation."""
        return None

    @abstractmethod
    def batch(self, indices: list[Any], generators: list[torch.Generator]) -> dict[str, Any]:
        """Load the samples. Each has a CPU generator of its own, and all randomness comes from there.

        Tensors may be returned on the CPU: they are moved to the device. On a GPU the call is made one step ahead, from
        another thread, so it must not look at the trained weights.
        """

    @abstractmethod
    def loss(self, batch: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the scalar loss and what to log; losses by noise level have keys such as "loss_t/0.0-0.1".

        A metric that is NaN (a bin without a sample) is left out of the average.
        """

    @abstractmethod
    def validate(self, folder: Path, step: int) -> dict[str, float]:
        """Write sheet-<step>.png into `folder` and return metrics. Called with the averaged weights, no gradients."""

    @abstractmethod
    def export(self, model_folder: Path) -> None:
        """Write this stage's components into the model folder. Called with the averaged weights."""

    def parameter_groups(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Return the parameters for Muon (weights of linear layers inside blocks) and those for AdamW (the rest)."""
        lists = tuple(f"{name}." for name, m in self.trained.named_modules() if name and isinstance(m, nn.ModuleList))
        matrices = {
            id(module.weight)
            for name, module in self.trained.named_modules()
            if isinstance(module, nn.Linear) and name.startswith(lists or ("\0",))
        }
        parameters = [p for p in self.trained.parameters() if p.requires_grad]
        muon = [p for p in parameters if id(p) in matrices]
        return muon, [p for p in parameters if id(p) not in matrices]

    def frozen(self) -> list[nn.Module]:
        """The networks that the loss runs and does not train; a LoRA in them may be trained."""
        return []

    def transformers(self) -> list[nn.Module]:
        """The transformers that are trained, or hold what is: they can recompute, and what they read is counted."""
        return []

    def recompute(self) -> None:
        """Keep only the inputs of these transformers' blocks for the backward pass (gradient checkpointing)."""
        from diffusers import ModelMixin
        from transformers import PreTrainedModel

        for network in self.transformers():
            if isinstance(network, ModelMixin):
                checkpoint_blocks(network)
            elif isinstance(network, PreTrainedModel):
                network.activation_checkpointing_enable({"use_reentrant": False})
            elif isinstance(network, SpatialTransformer):
                network.gradient_checkpointing = True
            else:
                raise TypeError(f"{type(network).__name__} cannot recompute")

    def anywhere(self, flags: list[bool]) -> list[bool]:
        """Whether each flag is set on any process. Without sharding the flags are returned as they are.

        Processes that share a network gather its blocks together, so it runs on all of them or on none.
        """
        if self.config.shard == 1:
            return flags
        found = torch.tensor(flags, dtype=torch.int32, device=self.device)
        torch.distributed.all_reduce(found, torch.distributed.ReduceOp.MAX)
        return found.bool().tolist()

    def compile(self) -> None:
        """Compile the trained networks in place (the names in their state dicts stay as they are)."""
        networks = self.trained.children() if isinstance(self.trained, nn.ModuleDict) else [self.trained]
        for network in networks:
            network.compile()


def noise_bins(name: str, losses: Tensor, t: Tensor, bins: int = 10) -> dict[str, Tensor]:
    """Mean of per-sample losses [B] by noise level t [B] in [0, 1]: "name/0.0-0.1" and so on; an empty bin is NaN."""
    index = (t * bins).long().clamp(max=bins - 1)
    metrics = {}
    for i in range(bins):
        chosen = index == i
        # 0 / 0 of an empty bin is NaN.
        metrics[f"{name}/{i / bins:.1f}-{(i + 1) / bins:.1f}"] = (losses * chosen).sum() / chosen.sum()
    return metrics
