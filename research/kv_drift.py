"""Measures how far 8-bit weights move the keys and values of a Qwen2.5-VL-7B, on RANDOM weights of its real widths.

    python -m research.kv_drift [LAYERS] [TOKENS]

The layers are made, used and thrown away one after another, so that it takes 4 GB of memory. Three prefills of the same
embeddings run beside each other: bf16 weights and fp32 activations, which the others are compared with; the same in
bf16 throughout; and weights in float8_e4m3fn with a scale for each matrix, as in ComfyUI's `fp8_scaled` files, with
fp32 activations, as ComfyUI has. Printed for each layer is |difference| / |keys| and the same of the values.

Random networks are not trained ones: this gives the order of magnitude.
"""

from __future__ import annotations

import sys

import torch
from torch import Tensor, nn
from transformers import DynamicCache, Qwen2_5_VLTextConfig
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLTextModel

from spatialfusion.single_file import dequantise

LAYERS = int(sys.argv[1]) if len(sys.argv) > 1 else 28
TOKENS = int(sys.argv[2]) if len(sys.argv) > 2 else 48
LARGEST = torch.finfo(torch.float8_e4m3fn).max


def one_layer() -> Qwen2_5_VLTextModel:
    """A layer of the published widths, without the final norm: what comes out is the residual stream."""
    config = Qwen2_5_VLTextConfig(
        vocab_size=8,
        hidden_size=3584,
        intermediate_size=18944,
        num_hidden_layers=1,
        num_attention_heads=28,
        num_key_value_heads=4,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
        pad_token_id=0,
    )
    with torch.device("meta"):
        model = Qwen2_5_VLTextModel(config)
    rotary = type(model.rotary_emb)(config)
    model.to_empty(device="cpu")
    model.rotary_emb = rotary
    model.norm = nn.Identity()
    return model.eval().requires_grad_(False)


def fill(model: nn.Module, seed: int) -> None:
    """Initial weights of transformers (deviation 0.02, norms 1), rounded to bf16."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            parameter.normal_(0, 0.02, generator=generator)
            parameter.copy_(parameter.bfloat16())
        else:
            parameter.fill_(1.0 if name.endswith("norm.weight") else 0.0)


def cast(model: nn.Module, dtype: torch.dtype) -> None:
    """The weights alone: the table of rotary frequencies stays fp32, as in a loaded model."""
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)


def quantise(model: nn.Module) -> None:
    for parameter in model.layers.parameters():
        if parameter.ndim == 2:
            scale = parameter.abs().amax() / LARGEST
            parameter.copy_(dequantise((parameter / scale).to(torch.float8_e4m3fn), scale, torch.float32))


def prefill(model: nn.Module, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    cache = DynamicCache()
    output = model(inputs_embeds=hidden, past_key_values=cache, use_cache=True)
    return output.last_hidden_state, cache.layers[0].keys.float(), cache.layers[0].values.float()


def distance(a: Tensor, b: Tensor) -> str:
    return f"{100 * float((a - b).norm() / b.norm()):.2f} %"


@torch.inference_mode()
def main() -> None:
    model = one_layer()
    exact = 0.02 * torch.randn(1, TOKENS, 3584, generator=torch.Generator().manual_seed(0))
    coarse, quantised = exact.bfloat16(), exact.clone()
    print(f"{LAYERS} random layers of Qwen2.5-VL-7B's widths, {TOKENS} tokens")
    print("layer | bf16: keys, values | 8 bits: keys, values")
    for layer in range(LAYERS):
        fill(model, layer + 1)
        exact, keys, values = prefill(model, exact)
        cast(model, torch.bfloat16)
        coarse, coarse_keys, coarse_values = prefill(model, coarse)
        cast(model, torch.float32)
        quantise(model)
        quantised, quantised_keys, quantised_values = prefill(model, quantised)
        row = [(coarse_keys, coarse_values), (quantised_keys, quantised_values)]
        shown = " | ".join(f"{distance(k, keys)}, {distance(v, values)}" for k, v in row)
        print(f"{layer} | {shown}", flush=True)


if __name__ == "__main__":
    main()
