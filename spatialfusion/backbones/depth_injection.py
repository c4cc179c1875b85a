"""How depth enters a diffusion transformer, whichever it is.

Notable:
- Depth enters in three places that one strength scales: a residual on the target latent in the network's input, a delta
  of the input projection and a LoRA on the linears of the blocks. All three are hooks that do nothing outside of
  `DepthInjection`: the transformer itself is not changed, and strength 0 is exactly the base.
- The hooks stay on their modules (`Switch`), and are there before the first call (`put_switches`): torch.compile does
  not look for hooks again, and would leave out one that comes after it.
- Weights may be stored in few bits (bitsandbytes, quanto, GGUF, 8-bit floats that are cast for each layer): depth is in
  the dtype that the network computes in.
- The residual is in the network's input only: the Euler step starts from the latent without it.
- Or the residual is concatenated to the latent (an ablation of the paper, which calls it channel concat): then the
  delta has columns for both, and what it makes of the residual is all that is added.
- Which module projects the input, what its tokens are and where the LoRA goes is said by the backbones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..errors import InputError

if TYPE_CHECKING:
    from diffusers.models.modeling_utils import ModelMixin

ADAPTER = "spatialfusion"  # the name of the LoRA among a transformer's adapters


def unwrapped(module: nn.Module) -> nn.Module:
    """The module itself, where `torch.compile` wrapped it."""
    return getattr(module, "_orig_mod", module)


class Switch:
    """A hook that stays on a module, and calls the functions that `runs` holds at the time.

    before: whether it is called before the module's forward, with its arguments, or after it, with its output.
    """

    def __init__(self, before: bool):
        self.before = before
        self.runs: list[Callable[..., Any]] = []

    @staticmethod
    def on(module: nn.Module, before: bool) -> Switch:
        """The module's switch, which it gets if it has none."""
        hooks = module._forward_pre_hooks if before else module._forward_hooks
        found = next((hook for hook in hooks.values() if isinstance(hook, Switch)), None)
        if found is None:
            found = Switch(before)
            if before:
                module.register_forward_pre_hook(found, with_kwargs=True)
            else:
                module.register_forward_hook(found)
        return found

    def __call__(self, module: nn.Module, args: tuple, last: Any) -> Any:
        changed = False
        for run in self.runs:
            result = run(module, args, last)
            if result is not None:
                changed = True
                if self.before:
                    args, last = result
                else:
                    last = result
        if not changed:
            return None
        return (args, last) if self.before else last


def put_switches(transformer: nn.Module, projection: nn.Module) -> None:
    """Put the switches of depth on `transformer`, before it is run for the first time, which may compile it."""
    inner = unwrapped(transformer)
    if not has_switches(inner) and (inner is not transformer or inner._compiled_call_impl is not None):
        # The transformer may have been compiled without them, and compiled code does not look for hooks again.
        torch.compiler.reset()
    Switch.on(inner, before=True)
    Switch.on(projection, before=False)


def has_switches(transformer: nn.Module) -> bool:
    """Whether `put_switches` was called with this transformer."""
    return any(isinstance(hook, Switch) for hook in unwrapped(transformer)._forward_pre_hooks.values())


class DepthInjection:
    """Within `with DepthInjection(...)`, `transformer` is given depth; after it, it is the base again.

    Works on whatever calls the transformer: `velocity`, a diffusers pipeline, a training step (gradients flow to
    residual, delta and LoRA). A transformer called with k times the residual's batch gets the residual k times.

    `active` may be switched while inside, to leave depth out of some steps. A backbone's own class says how `residual`,
    packed as the network's input, is added to it, and which argument that is. A `delta` with more inputs than the
    projection has them for the residual, which is then concatenated.
    """

    argument: ClassVar[str] = "hidden_states"

    def __init__(
        self,
        transformer: nn.Module,
        projection: nn.Linear,
        residual: Tensor,
        delta: nn.Linear | None,
        strength: float,
    ):
        self.transformer = transformer
        self.projection = projection
        self.residual = residual
        self.delta = delta
        self.strength = strength
        self.concatenates = delta is not None and delta.in_features > projection.in_features
        self._active = True
        self._entered: list[tuple[Switch, Callable[..., Any]]] = []
        self._before = Switch.on(transformer, before=True)
        self._after = Switch.on(projection, before=False)

    def shift(self, sample: Any) -> Any:
        """The network's input with the scaled residual added to the target's part of it."""
        raise NotImplementedError

    def concatenate(self, sample: Tensor) -> Tensor:
        """What the projection is given, with the residual concatenated to the target's part of it; for a backbone whose
        deltas can be that wide."""
        raise NotImplementedError

    def scaled_residual(self, sample: Tensor) -> Tensor:
        """The residual times strength, as often as the batch of `sample` asks for."""
        return self._repeated(self.strength * self.residual, sample)

    def _repeated(self, residual: Tensor, sample: Tensor) -> Tensor:
        repeats = len(sample) // len(residual)
        return residual.to(sample).repeat(repeats, *[1] * (residual.ndim - 1))

    @property
    def active(self) -> bool:
        return self._active

    @active.setter
    def active(self, value: bool) -> None:
        if value != self._active:
            self._active = value
            if self._entered:
                _scale_lora(self.transformer, self.strength if value else 0.0)

    def __enter__(self) -> DepthInjection:
        if self._entered:
            raise RuntimeError("this DepthInjection is already in use")
        check_lora(self.transformer)
        if not self.concatenates:
            self._entered.append((self._before, self._shift_input))
        if self.delta is not None:
            self._entered.append((self._after, self._add_delta))
        for switch, run in self._entered:
            switch.runs.append(run)
        _scale_lora(self.transformer, self.strength if self._active else 0.0)
        return self

    def __exit__(self, *_exception: object) -> None:
        for switch, run in self._entered:
            switch.runs.remove(run)
        self._entered = []
        _scale_lora(self.transformer, 0.0)

    def _shift_input(self, _module: nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict] | None:
        if not self._active or self.strength == 0:
            return None
        if args:
            return (self.shift(args[0]), *args[1:]), kwargs
        return (), {**kwargs, self.argument: self.shift(kwargs[self.argument])}

    def _add_delta(self, _module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor | None:
        if not self._active or self.strength == 0 or self.delta is None:
            return None
        weight, bias = self.delta.weight.to(output.device), self.delta.bias.to(output.device)
        if not torch.is_autocast_enabled(output.device.type):
            weight, bias = weight.to(inputs[0].dtype), bias.to(inputs[0].dtype)
        tokens = self.concatenate(inputs[0]) if self.concatenates else inputs[0]
        return output + self.strength * F.linear(tokens, weight, bias)


def projection_delta(projection: nn.Linear, residual_features: int = 0, dtype: torch.dtype | None = None) -> nn.Linear:
    """A change of an input projection, to be trained; zero, so that it starts as the base.

    residual_features: of each token, those of a residual that is concatenated to the latent; 0 where it is added.
    dtype: None for that of the projection's weights, which may be stored in another one than they are computed in.
    """
    weight, inputs = projection.weight, projection.in_features + residual_features
    delta = nn.Linear(inputs, projection.out_features, device=weight.device, dtype=dtype or weight.dtype)
    nn.init.zeros_(delta.weight)
    nn.init.zeros_(delta.bias)
    return delta


def add_lora(transformer: ModelMixin, rank: int, targets: Sequence[str] | str) -> list[nn.Parameter]:
    """Put an untrained LoRA into `transformer`, inactive until a DepthInjection; return its parameters.

    `targets`: ends of the names of its linears, or an expression that names match as a whole. alpha = rank, so that the
    LoRA's scale is the strength alone. Parameters of the base keep their requires_grad, and other adapters stay active.
    """
    from peft import LoraConfig

    trained = {name for name, parameter in transformer.named_parameters() if parameter.requires_grad}
    others = transformer.active_adapters() if getattr(transformer, "peft_config", {}) else []
    modules = targets if isinstance(targets, str) else list(targets)
    config = LoraConfig(r=rank, lora_alpha=rank, target_modules=modules, init_lora_weights=True)
    transformer.add_adapter(config, adapter_name=ADAPTER)
    transformer.set_adapter([*others, ADAPTER])
    for layer in _lora_layers(transformer):
        if not any(hook is _beside_fused for hook in layer._forward_hooks.values()):
            layer.register_forward_hook(_beside_fused)
    parameters = []
    for name, parameter in transformer.named_parameters():
        if f".{ADAPTER}." in name:
            # peft takes the dtype that the base's weights are stored in.
            parameter.data = parameter.data.to(transformer.dtype)
            parameters.append(parameter)
        else:
            parameter.requires_grad_(name in trained or name.replace(".base_layer", "") in trained)
    _scale_lora(transformer, 0.0)
    return parameters


def backbone_tensors(transformer: nn.Module, delta: nn.Linear | None) -> dict[str, Tensor]:
    """What training changed, by name: projection.{weight,bias} and lora.<module>.lora_{A,B}.weight."""
    tensors = {} if delta is None else {f"projection.{k}": v for k, v in delta.state_dict().items()}
    for name, tensor in transformer.state_dict().items():
        if f".{ADAPTER}." in name:
            tensors[f"lora.{name.replace(f'.{ADAPTER}.', '.')}"] = tensor
    return {name: tensor.detach() for name, tensor in tensors.items()}


def load_backbone_tensors(
    transformer: ModelMixin,
    tensors: dict[str, Tensor],
    projection: nn.Linear,
    targets: Sequence[str] | str,
    concatenates: bool = False,
) -> nn.Linear | None:
    """Put what `backbone_tensors` returned onto `transformer`; return the projection delta, or None without one.

    concatenates: whether the backbone can have a delta with more inputs, for a residual that is concatenated: as many
        as the projection has, or twice as many with region words.
    """
    put_switches(transformer, projection)
    transformer = unwrapped(transformer)
    lora = {name.removeprefix("lora."): tensor for name, tensor in tensors.items() if name.startswith("lora.")}
    if lora:
        if not has_lora(transformer):
            add_lora(transformer, next(t.shape[0] for name, t in lora.items() if ".lora_A." in name), targets)
        state = {
            name.replace(f".{ADAPTER}.", "."): parameter
            for name, parameter in transformer.named_parameters()
            if f".{ADAPTER}." in name
        }
        wrong = sorted(n for n in lora if n not in state or state[n].shape != lora[n].shape)
        if wrong:
            raise InputError(
                f"the checkpoint's LoRA was trained on another diffusion model: {len(wrong)} of {len(lora)} tensors do "
                f"not fit (first: {wrong[0]})."
            )
        if missing := sorted(state.keys() - lora.keys()):
            raise InputError(
                f"the checkpoint's LoRA lacks {len(missing)} of its {len(state)} tensors (first: {missing[0]}): it is "
                "incomplete, or was trained on another diffusion model."
            )
        with torch.no_grad():
            for name, parameter in state.items():
                parameter.copy_(lora[name])
    if "projection.weight" not in tensors:
        return None
    more = tensors["projection.weight"].shape[1] - projection.in_features
    wide = concatenates and more in (projection.in_features, 2 * projection.in_features)
    delta = projection_delta(projection, more if wide else 0, transformer.dtype)
    if tensors["projection.weight"].shape != delta.weight.shape:
        raise InputError(
            f"the checkpoint changes an input projection of {tuple(tensors['projection.weight'].shape)}, but this "
            f"diffusion model's is {tuple(delta.weight.shape)}: they do not belong together."
        )
    delta.load_state_dict({k: tensors[f"projection.{k}"].to(delta.weight) for k in ("weight", "bias")})
    return delta.requires_grad_(False)


def base_state_dict(transformer: nn.Module) -> dict[str, Tensor]:
    """The transformer's own weights under their own names, whether or not a LoRA is in it."""
    return {
        name.replace(".base_layer.", "."): tensor
        for name, tensor in unwrapped(transformer).state_dict().items()
        if f".{ADAPTER}." not in name
    }


def base_parameters(network: nn.Module) -> dict[str, nn.Parameter]:
    """The network's own parameters under their own names, whether or not there are LoRAs in it."""
    return {
        name.replace(".base_layer.", "."): parameter
        for name, parameter in unwrapped(network).named_parameters()
        if ".lora_" not in name
    }


@contextmanager
def saved_without_lora(transformer: nn.Module) -> Iterator[None]:
    """Within the block, its state dict is `base_state_dict`: that is what it saves."""

    def rename(_module: nn.Module, state: dict[str, Tensor], prefix: str, _metadata: Any) -> None:
        for name in list(state):
            tensor = state.pop(name)
            if ".lora_" not in name:
                state[name.replace(".base_layer.", ".")] = tensor

    handle = transformer.register_state_dict_post_hook(rename)
    try:
        yield
    finally:
        handle.remove()


def has_lora(transformer: nn.Module) -> bool:
    """Whether our LoRA is on it. Unloading a user's LoRAs takes it off, too."""
    return ADAPTER in getattr(transformer, "peft_config", {})


def rest_lora(transformer: nn.Module) -> None:
    """Take our LoRA out of the active ones, among which what was done to others may have put it: peft activates another
    adapter in place of one that is deleted."""
    for layer in _lora_layers(transformer) if has_lora(transformer) else []:
        if ADAPTER in layer.active_adapters:
            _scale_layer(layer, 0.0)


def check_lora(transformer: nn.Module) -> None:
    """Raise InputError if our LoRA was fused into the weights, where no strength can reach it."""
    if has_lora(transformer) and any(ADAPTER in layer.merged_adapters for layer in _lora_layers(transformer)):
        raise InputError(
            f"the LoRA {ADAPTER!r}, which brings depth, was fused into the transformer: call unfuse_lora(), and fuse "
            "others by their names, with adapter_names."
        )


def _beside_fused(layer: Any, inputs: tuple[Tensor], output: Tensor) -> Tensor | None:
    """Our LoRA where peft computes none: while another is fused into the layer, or all are disabled."""
    if ADAPTER not in layer.active_adapters or not (layer.merged or layer.disable_adapters):
        return None
    down, up = layer.lora_A[ADAPTER], layer.lora_B[ADAPTER]
    change = up(down(inputs[0].to(down.weight.dtype)))
    return output + (layer.scaling[ADAPTER] * change).to(output.dtype)


def checkpoint_blocks(transformer: ModelMixin) -> None:
    """Compute the blocks' activations again in the backward pass, instead of keeping them (gradient checkpointing).

    By then a DepthInjection has ended, so each block is computed again with the LoRA that it ran with.
    """

    def run(block: nn.Module, *args: Any) -> Any:
        layers = _lora_layers(block)
        scale = layers[0].scaling[ADAPTER] if layers and ADAPTER in layers[0].active_adapters else 0.0

        def with_lora(*args: Any) -> Any:
            with _scaled(layers, scale):
                return block(*args)

        return checkpoint(with_lora, *args, use_reentrant=False)

    transformer.enable_gradient_checkpointing(run)


@contextmanager
def _scaled(layers: list[Any], scale: float) -> Iterator[None]:
    before = [layer.scaling[ADAPTER] if ADAPTER in layer.active_adapters else 0.0 for layer in layers]
    changed = [(layer, value) for layer, value in zip(layers, before) if value != scale]
    for layer, _ in changed:
        _scale_layer(layer, scale)
    try:
        yield
    finally:
        for layer, value in changed:
            _scale_layer(layer, value)


def _scale_lora(transformer: nn.Module, scale: float) -> None:
    """Scale our LoRA; at 0 it is taken out of the active adapters, so that the base is computed exactly.

    Adapters of other names stay as they are; so does every requires_grad, which peft would switch.
    """
    if has_lora(transformer):
        for layer in _lora_layers(transformer):
            _scale_layer(layer, scale)


def _lora_layers(module: nn.Module) -> list[Any]:
    from peft.tuners.lora import LoraLayer

    return [m for m in module.modules() if isinstance(m, LoraLayer) and ADAPTER in m.lora_A]


def _scale_layer(layer: Any, scale: float) -> None:
    others = [name for name in layer.active_adapters if name != ADAPTER]
    required = [(parameter, parameter.requires_grad) for parameter in layer.parameters()]
    layer.set_adapter([*others, ADAPTER] if scale else others)
    layer.set_scale(ADAPTER, scale)
    for parameter, value in required:
        parameter.requires_grad_(value)
