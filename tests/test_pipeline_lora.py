"""LoRAs of others through the pipeline's own methods, as diffusers' pipelines have them, beside ours."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from diffusers import QwenImagePipeline
from safetensors.torch import load_file, save_file
from tiny import SIZE, TINY_BACKBONES, tiny_components
from tiny_inputs import CAR, FAST, quiet
from torch.testing import assert_close

from spatialfusion.errors import InputError
from spatialfusion.pipeline import SpatialFusionPipeline

# Linears on which our LoRA is, too.
TARGETS = {
    "qwen-image": ["transformer_blocks.0.attn.to_q", "transformer_blocks.0.img_mlp.net.2"],
    "omnigen2": ["layers.0.attn.to_q", "layers.0.feed_forward.linear_1"],
    "qwen-image-2.1": ["transformer_blocks.0.attn.to_q", "transformer_blocks.0.img_mlp.out"],
    "z-image": ["layers.0.attention.to_q", "layers.0.feed_forward.w1"],
}
RANK = 3


def build(name: str = "qwen-image") -> SpatialFusionPipeline:
    return quiet(SpatialFusionPipeline(**TINY_BACKBONES[name].components(), default_size=SIZE))


def draw(pipe, strength: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return pipe(CAR, generator=generator, controlnet_conditioning_scale=strength, **FAST).images


def lora(transformer, name: str = "qwen-image", number: int = 0) -> dict[str, torch.Tensor]:
    """Of rank RANK, by the names that diffusers gives its tensors; alpha is the rank."""
    generator, tensors = torch.Generator().manual_seed(number), {}
    for target in TARGETS[name]:
        module = transformer.get_submodule(target)
        for side, shape in (("A", (RANK, module.in_features)), ("B", (module.out_features, RANK))):
            tensors[f"transformer.{target}.lora_{side}.weight"] = torch.randn(shape, generator=generator) / 5
    return tensors


def merged(name: str, tensors: dict[str, torch.Tensor]) -> SpatialFusionPipeline:
    """A pipeline whose transformer's own weights have the LoRA in them."""
    pipe = build(name)
    with torch.no_grad():
        for target in TARGETS[name]:
            down, up = (tensors[f"transformer.{target}.lora_{side}.weight"] for side in "AB")
            pipe.transformer.get_submodule(target).weight.add_(up @ down)
    return pipe


@pytest.mark.parametrize("name", TINY_BACKBONES)
def test_a_lora_and_ours_apply_together_and_each_alone(name, tmp_path):
    pipe = build(name)
    usual, base = draw(pipe), draw(pipe, 0)
    tensors = lora(build(name).transformer, name)
    save_file(tensors, tmp_path / "style.safetensors")
    pipe.load_lora_weights(tmp_path / "style.safetensors", adapter_name="style")
    reference = merged(name, tensors)
    for strength, without in ((0, base), (1.0, usual)):
        with_lora = draw(pipe, strength)
        assert_close(with_lora, draw(reference, strength), atol=1e-4, rtol=1e-4)
        assert not torch.allclose(with_lora, without, atol=1e-3)
    pipe.disable_lora()
    assert torch.equal(draw(pipe, 0), base)
    assert_close(draw(pipe), usual, atol=1e-4, rtol=1e-4)
    pipe.enable_lora()
    assert_close(draw(pipe), draw(reference), atol=1e-4, rtol=1e-4)
    pipe.unload_lora_weights()
    assert torch.equal(draw(pipe, 0), base) and torch.equal(draw(pipe), usual)


def test_at_strength_0_a_lora_is_to_the_bit_as_in_diffusers_own_pipeline():
    """Whose transformer never saw ours."""
    pipe, parts = build(), tiny_components()
    names = ("scheduler", "vae", "text_encoder", "tokenizer", "transformer")
    own = QwenImagePipeline(**{name: parts[name] for name in names})
    tensors = lora(parts["transformer"])
    steps = []
    for one in (pipe, own):
        one.load_lora_weights(dict(tensors), adapter_name="style")
        one.set_adapters("style", 0.7)
    draw(pipe)  # a call with depth leaves nothing behind
    handle = pipe.transformer.register_forward_hook(
        lambda _module, _args, kwargs, output: steps.append((kwargs, output[0])), with_kwargs=True
    )
    draw(pipe, 0)
    handle.remove()
    with torch.no_grad():
        assert steps and all(torch.equal(own.transformer(**given)[0], output) for given, output in steps)


def test_weights_are_set_and_several_loras_mixed():
    pipe, plain = build(), build().transformer
    one, two = lora(plain), lora(plain, number=1)
    pipe.load_lora_weights(one, adapter_name="one")
    pipe.load_lora_weights(two, adapter_name="two")
    pipe.set_adapters(["one", "two"], [0.5, -1.0])
    assert sorted(pipe.get_list_adapters()["transformer"]) == ["one", "spatialfusion", "two"]
    scaled = {
        key: torch.cat([0.5 * one[key], -1.0 * two[key]], dim=1)
        if ".lora_B." in key
        else torch.cat([one[key], two[key]])
        for key in one
    }
    reference = merged("qwen-image", scaled)
    for strength in (0, 1.0):
        assert_close(draw(pipe, strength), draw(reference, strength), atol=1e-4, rtol=1e-4)


def test_a_fused_lora_is_in_the_weights_and_ours_is_not():
    pipe = build()
    base, usual = draw(pipe, 0), draw(pipe)
    tensors = lora(build().transformer)
    pipe.load_lora_weights(tensors, adapter_name="style")
    beside = draw(pipe)
    pipe.fuse_lora()
    assert pipe.fused_loras == {"style"}
    assert_close(draw(pipe), beside, atol=1e-4, rtol=1e-4)
    assert_close(draw(pipe, 0), draw(merged("qwen-image", tensors), 0), atol=1e-4, rtol=1e-4)
    pipe.unfuse_lora()
    assert_close(draw(pipe), beside, atol=1e-4, rtol=1e-4)
    pipe.delete_adapters("style")
    assert_close(draw(pipe, 0), base, atol=1e-4, rtol=1e-4)
    assert_close(draw(pipe), usual, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("how", ["deleted", "set"])
def test_ours_is_idle_without_depth_whatever_was_done_to_others(how):
    """peft activates another adapter in place of one that is deleted."""
    pipe = build()
    base, usual = draw(pipe, 0), draw(pipe)
    pipe.load_lora_weights(lora(build().transformer), adapter_name="style")
    if how == "set":
        pipe.transformer.set_adapters(["style", "spatialfusion"], [0.0, 1.0])
    else:
        pipe.delete_adapters("style")
    assert torch.equal(draw(pipe, 0), base)
    assert_close(draw(pipe), usual, atol=1e-4, rtol=1e-4)


def layouts(tensors: dict[str, torch.Tensor], folder: Path) -> dict[str, dict]:
    """One LoRA in the layouts that people have, as arguments."""
    bare = {key.removeprefix("transformer."): tensor for key, tensor in tensors.items()}
    kohya = {}
    for key, tensor in bare.items():
        module, _, side = key.removesuffix(".weight").rpartition(".lora_")
        kohya[f"diffusion_model.{module}.lora_{'down' if side == 'A' else 'up'}.weight"] = (
            tensor if side == "A" else tensor / 2
        )
        kohya[f"diffusion_model.{module}.alpha"] = torch.tensor(2.0 * RANK)  # twice the rank: a scale of 2
    files = {"diffusers": tensors, "adapter": bare, "comfyui": kohya}
    for name, content in files.items():
        save_file(content, folder / f"{name}.safetensors")
    return {
        **{name: {"pretrained_model_name_or_path_or_dict": folder / f"{name}.safetensors"} for name in files},
        "folder": {"pretrained_model_name_or_path_or_dict": folder, "weight_name": "diffusers.safetensors"},
        "tensors": {"pretrained_model_name_or_path_or_dict": tensors},
    }


def test_every_layout_of_a_file_is_the_same_lora(tmp_path):
    tensors = lora(build().transformer)
    reference = draw(merged("qwen-image", tensors))
    for name, arguments in layouts(tensors, tmp_path).items():
        pipe = build()
        pipe.load_lora_weights(**arguments)
        assert_close(draw(pipe), reference, atol=1e-4, rtol=1e-4, msg=lambda text, name=name: f"{name}: {text}")


def test_what_the_transformer_saves_is_loaded_again(tmp_path):
    pipe = build()
    pipe.load_lora_weights(lora(build().transformer), adapter_name="style")
    images = draw(pipe)
    pipe.transformer.save_lora_adapter(tmp_path, adapter_name="style")
    again = build()
    again.load_lora_weights(tmp_path)
    assert torch.equal(draw(again), images)
    with pytest.raises(InputError, match=r"expected pipe\.transformer\.save_lora_adapter"):
        pipe.save_lora_weights(tmp_path)


def broken(kind: str, folder: Path) -> tuple[dict, str]:
    """Arguments of `load_lora_weights` that cannot be, and what is said of them."""
    path = folder / "style.safetensors"
    save_file(lora(build().transformer), path)
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:200])
    elif kind == "pickle":
        path = folder / "style.bin"
        path.write_bytes(pickle.dumps({"a": 1}))
    elif kind == "pickle by name":
        (folder / "style.bin").write_bytes(pickle.dumps({"a": 1}))
        return {"source": folder, "weight_name": "style.bin"}, "weight_name is 'style.bin': expected a .safetensors"
    elif kind == "missing":
        path = folder / "other.safetensors"
    elif kind == "other shapes":
        save_file({key: torch.cat([tensor, tensor], dim=1) for key, tensor in load_file(path).items()}, path)
    elif kind == "other network":
        save_file({key.replace("transformer_blocks", "unet"): t for key, t in load_file(path).items()}, path)
    elif kind == "no lora":
        save_file({"transformer.a.weight": torch.zeros(2)}, path)
    elif kind == "no tensors":
        return {"source": {}}, "the LoRA that was given"
    elif kind == "our name":
        return {"source": path, "adapter_name": "spatialfusion"}, "is loaded with the SpatialFusion checkpoint"
    return {"source": path}, f"the LoRA {path} (cannot be loaded|has no weights for the transformer)"


KINDS = ["truncated", "pickle", "pickle by name", "missing", "other shapes", "other network", "no lora", "no tensors"]


@pytest.mark.parametrize("kind", [*KINDS, "our name"])
def test_what_cannot_be_loaded_is_one_sentence_and_leaves_the_model_as_it_was(kind, tmp_path):
    pipe = build()
    images = draw(pipe, 0), draw(pipe)
    arguments, words = broken(kind, tmp_path)
    with pytest.raises(InputError, match=words) as error:
        pipe.load_lora_weights(arguments.pop("source"), **arguments)
    assert "\n" not in str(error.value)
    assert torch.equal(draw(pipe, 0), images[0]) and torch.equal(draw(pipe), images[1])


def test_a_name_that_is_taken_is_one_sentence():
    pipe, tensors = build(), lora(build().transformer)
    pipe.load_lora_weights(tensors, adapter_name="style")
    with pytest.raises(InputError, match="already in use"):
        pipe.load_lora_weights(tensors, adapter_name="style")
    pipe.load_lora_weights(lora(build().transformer, number=1), adapter_name="style", hotswap=True)
    assert_close(draw(pipe), draw(merged("qwen-image", lora(build().transformer, number=1))), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("method", ["set_adapters", "delete_adapters", "fuse_lora"])
def test_ours_is_the_strengths(method):
    pipe = build()
    arguments = {"adapter_names": ["spatialfusion"]} if method == "fuse_lora" else {"adapter_names": "spatialfusion"}
    with pytest.raises(InputError, match=r"the LoRA 'spatialfusion', which brings depth, .*: expected names of others"):
        getattr(pipe, method)(**arguments)
