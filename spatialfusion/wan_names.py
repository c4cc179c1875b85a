"""Names of the autoencoder's tensors: AutoencoderKLQwenImage of diffusers is the Wan VAE with other names."""

from __future__ import annotations


def wan_name(name: str, num_res_blocks: int) -> str:
    """One key of diffusers' AutoencoderKLQwenImage as the Wan VAE spells it: the inverse of diffusers' conversion."""
    for ours, theirs in (("quant_conv", "conv1"), ("post_quant_conv", "conv2")):
        if name.startswith(f"{ours}."):
            return theirs + name[len(ours) :]
    half, part, *rest = name.split(".")
    simple = {"conv_in": "conv1", "norm_out": "head.0", "conv_out": "head.2"}
    if part in simple:
        return ".".join([half, simple[part], *rest])
    if part == "mid_block":
        kind, index, *rest = rest
        # resnet, attention, resnet
        place = f"middle.{2 * int(index)}" if kind == "resnets" else "middle.1"
    elif part == "down_blocks":
        index, *rest = rest
        place = f"downsamples.{index}"
    else:
        block, kind, index, *rest = rest
        # A flat list: in each block the resnets, one more than in the encoder, and the upsampler after them.
        length = num_res_blocks + 2
        place = f"upsamples.{int(block) * length + (int(index) if kind == 'resnets' else length - 1)}"
    return ".".join([half, place, _RESNET.get(rest[0], rest[0]), *rest[1:]])


_RESNET = {
    "norm1": "residual.0",
    "conv1": "residual.2",
    "norm2": "residual.3",
    "conv2": "residual.6",
    "conv_shortcut": "shortcut",
}
