"""Optimisers, the learning rate as a function of the step, and the moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from .config import StageConfig


class Optimizers:
    """Muon for block matrices and AdamW for the rest, stepped together.

    Muon's update of an [out, in] matrix is scaled by sqrt(max(1, out / in)) ("original"), for which 0.02 is the usual
    rate; with "match_rms_adamw" the rate would have to be AdamW's. `precision` is that of its iteration.
    """

    def __init__(
        self,
        muon: list[nn.Parameter],
        adamw: list[nn.Parameter],
        config: StageConfig,
        weight_decay: float = 0.0,
        precision: torch.dtype = torch.float32,
    ):
        self.config = config
        self.parts: dict[str, torch.optim.Optimizer] = {}
        self.members: dict[str, set[Tensor]] = {"muon": set(muon), "adamw": set(adamw)}
        if muon:
            self.parts["muon"] = Muon(muon, lr=config.muon_lr, weight_decay=weight_decay, precision=precision)
        if adamw:
            self.parts["adamw"] = torch.optim.AdamW(
                adamw, lr=config.adamw_lr, betas=(0.9, 0.95), weight_decay=weight_decay, foreach=True
            )

    def step(self, step: int) -> None:
        factor = learning_rate_factor(step, self.config.steps, self.config.warmup, self.config.floor)
        rates = {"muon": self.config.muon_lr, "adamw": self.config.adamw_lr}
        for name, optimizer in self.parts.items():
            for group in optimizer.param_groups:
                group["lr"] = rates[name] * factor
            optimizer.step()

    def zero_grad(self) -> None:
        for optimizer in self.parts.values():
            optimizer.zero_grad(set_to_none=True)

    def tensors(self, names: Mapping[Tensor, str]) -> dict[str, Tensor]:
        """Return all state as a flat dict with keys such as "adamw/blocks.0.bias/exp_avg"."""
        return {
            f"{part}/{names[parameter]}/{key}": value
            for part, optimizer in self.parts.items()
            for parameter, state in optimizer.state.items()
            for key, value in state.items()
        }

    def load_tensors(self, tensors: dict[str, Tensor], names: Mapping[Tensor, str]) -> None:
        parameters = {name: parameter for parameter, name in names.items()}
        for key, value in tensors.items():
            part, name, slot = key.split("/")
            parameter = parameters.get(name)
            if parameter is None or parameter not in self.members.get(part, ()):
                continue  # the stage has since given it to the other optimiser, where it starts anew
            # AdamW counts its steps on the CPU, wherever the parameter is.
            self.parts[part].state[parameter][slot] = value if slot == "step" else value.to(parameter.device)


class Muon(torch.optim.Muon):
    """torch's Muon with matrices of one shape orthogonalised together, in a precision of choice.

    torch iterates in bf16, one matrix at a time. A processor without bf16 takes four times as long for that as in fp32,
    a third of a tiny network's step, and a GPU is kept waiting by hundreds of small products.
    """

    def __init__(self, params: list[nn.Parameter], lr: float, weight_decay: float, precision: torch.dtype):
        super().__init__(params, lr=lr, weight_decay=weight_decay, adjust_lr_fn="original")
        self.precision = precision

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # none of ours gives a closure
        for group in self.param_groups:
            parameters: list[Tensor] = []
            gradients: list[Tensor] = []
            momenta: list[Tensor] = []
            self._init_group(group, parameters, gradients, momenta)
            torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
            updates = torch._foreach_lerp(gradients, momenta, group["momentum"])  # Nesterov's
            shapes: dict[torch.Size, list[int]] = {}
            for i, parameter in enumerate(parameters):
                shapes.setdefault(parameter.shape, []).append(i)
            for shape, places in shapes.items():
                rate = group["lr"] * math.sqrt(max(1, shape[0] / shape[1]))
                stack = torch.stack([updates[i] for i in places]).to(self.precision)
                stack = orthogonalise(stack, group["ns_coefficients"], group["ns_steps"], group["eps"])
                for i, update in zip(places, stack, strict=True):
                    parameters[i].mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-rate)


def orthogonalise(matrices: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """Newton-Schulz iteration of matrices [N, out, in] towards their polar factors (Muon; Jordan et al. 2024)."""
    a, b, c = coefficients
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.mT
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.baddbmm(x, polynomial, x, beta=a)
    return x.mT if tall else x


def learning_rate_factor(step: int, steps: int, warmup: int, floor: float) -> float:
    """Linear warmup over `warmup` steps to 1, then a cosine that reaches `floor` at the last step."""
    if step < warmup:
        return (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, steps - 1 - warmup))
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress))


class Average:
    """Exponential moving average of parameters, in fp32. Early steps decay faster, so that the start is forgotten."""

    def __init__(self, parameters: dict[str, nn.Parameter], decay: float):
        self.decay = decay
        self.parameters = parameters
        self.shadow = {name: p.detach().to(torch.float32, copy=True) for name, p in parameters.items()} if decay else {}

    @torch.no_grad()
    def update(self, step: int) -> None:
        if not self.decay:
            return
        decay = min(self.decay, (1 + step) / (10 + step))
        live = [self.parameters[name].detach().float() for name in self.shadow]
        torch._foreach_lerp_(list(self.shadow.values()), live, 1 - decay)

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """Put the average into the network for the duration of the block."""
        if not self.decay:
            yield
            return
        live = {name: parameter.detach().clone() for name, parameter in self.parameters.items()}
        self._write(self.shadow)
        try:
            yield
        finally:
            self._write(live)

    @torch.no_grad()
    def _write(self, tensors: dict[str, Tensor]) -> None:
        for name, tensor in tensors.items():
            self.parameters[name].copy_(tensor)
