"""Parts of a pipeline from single files in ComfyUI's layout: the same networks as from a folder; wrong files."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from diffusers import AutoencoderKLQwenImage
from diffusers.loaders.single_file_utils import convert_wan_vae_to_diffusers
from safetensors.torch import load_file, save_file
from tiny import omnigen2_transformer, tiny_omnigen2_components
from torch import Tensor
from torch.testing import assert_close

from spatialfusion.backbones import omnigen2
from spatialfusion.errors import InputError
from spatialfusion.model.model import FILE_NAME
from spatialfusion.pipeline import SpatialFusionPipeline
from spatialfusion.single_file import dequantise, load_part
from spatialfusion.wan_names import wan_name

CAR = "a red car"
FAST = {"num_inference_steps": 1, "depth_steps": 1, "output_type": "pt"}
FP8 = torch.float8_e4m3fn
FILES = {
    "transformer": "qwen_image.safetensors",
    "text_encoder": "qwen_2.5_vl_7b.safetensors",
    "vae": "qwen_image_vae.safetensors",
}
WEIGHTS = {
    "transformer": "transformer/diffusion_pytorch_model.safetensors",
    "text_encoder": "text_encoder/model.safetensors",
    "vae": "vae/diffusion_pytorch_model.safetensors",
}


@pytest.fixture(scope="module")
def bf16_folder(tiny_folder, tmp_path_factory):
    """The tiny model with its weights in bf16."""
    folder = tmp_path_factory.mktemp("single") / "bf16"
    SpatialFusionPipeline.from_pretrained(tiny_folder, dtype=torch.bfloat16).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def bf16_pipe(bf16_folder):
    return SpatialFusionPipeline.from_pretrained(bf16_folder, dtype=torch.bfloat16)


@pytest.fixture(scope="module")
def bare_folder(bf16_folder, tmp_path_factory):
    """The same folder without the weights of the parts that single files replace."""
    folder = tmp_path_factory.mktemp("single") / "bare"
    shutil.copytree(bf16_folder, folder)
    for file in WEIGHTS.values():
        (folder / file).unlink()
    return folder


def comfy_weights(folder, part: str) -> dict[str, Tensor]:
    """The weights of a part under ComfyUI's names. Those of transformer and text encoder are the folder's own."""
    weights = load_file(folder / WEIGHTS[part])
    return {wan_name(name, 1): tensor for name, tensor in weights.items()} if part == "vae" else weights


def quantise(weights: dict[str, Tensor], style: str) -> tuple[dict[str, Tensor], dict[str, str], dict[str, Tensor]]:
    """A file's tensors and metadata in one of the ways of keeping 8-bit floats, and the weights in fp32 that it means.

    Apart from "plain", matrices alone are in 8 bits.
    """
    stored, metadata, meant = {}, {"format": "pt"}, {}
    layers = {}
    for name, weight in weights.items():
        if style == "plain":
            stored[name] = weight.to(FP8)
            meant[name] = stored[name].float()
            continue
        if weight.ndim != 2 or not name.endswith(".weight"):
            stored[name], meant[name] = weight, weight.float()
            continue
        layer = name.removesuffix(".weight")
        scale = (weight.float().abs().amax(*([1, True] if style == "rows" else [])) / 448).clamp(min=1e-12)
        stored[name] = (weight.float() / scale).to(FP8)
        meant[name] = stored[name].float() * scale
        if style == "scaled":
            stored[f"{layer}.scale_weight"], stored[f"{layer}.scale_input"] = scale, torch.ones(())
        else:
            stored[f"{layer}.weight_scale"] = scale
            layers[layer] = {"format": "float8_e4m3fn"}
    if style == "scaled":
        stored["scaled_fp8"] = torch.zeros(2, dtype=FP8)
    if style == "comfy_quant":
        for layer, entry in layers.items():
            stored[f"{layer}.comfy_quant"] = torch.tensor(list(json.dumps(entry).encode()), dtype=torch.uint8)
    if style == "rows":
        metadata["_quantization_metadata"] = json.dumps({"layers": layers})
    return stored, metadata, meant


def draw(pipe) -> Tensor:
    """An image made from another one: every part has a say."""
    pipe.set_progress_bar_config(disable=True)
    image = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(1))
    return pipe(CAR, image, generator=torch.Generator().manual_seed(0), **FAST).images


# What is loaded -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefixed", [False, True], ids=["plain names", "names of a checkpoint"])
def test_bf16_files_are_the_folder_bit_for_bit(bf16_folder, bf16_pipe, bare_folder, tmp_path, prefixed):
    prefixes = {"transformer": "model.diffusion_model.", "vae": "vae."}
    prefixes["text_encoder"] = "text_encoders.qwen25_7b.transformer."
    everything = {}
    for part, file in FILES.items():
        prefix = prefixes[part] if prefixed else ""
        tensors = {f"{prefix}{name}": tensor for name, tensor in comfy_weights(bf16_folder, part).items()}
        save_file(tensors, tmp_path / file, {"format": "pt"})
        everything |= tensors
    files = {part: tmp_path / file for part, file in FILES.items()}
    if prefixed:
        save_file(everything, tmp_path / "all.safetensors")
        files = dict.fromkeys(FILES, tmp_path / "all.safetensors")
    loaded = SpatialFusionPipeline.from_pretrained(bare_folder, **files, dtype=torch.bfloat16)
    assert {loaded.transformer.dtype, loaded.text_encoder.dtype, loaded.vae.dtype} == {torch.bfloat16}
    assert loaded.text_encoder.lm_head.weight is loaded.text_encoder.model.language_model.embed_tokens.weight
    same_weights(loaded, bf16_pipe)
    if prefixed:
        assert torch.equal(draw(loaded), draw(bf16_pipe))
    else:
        loaded.save_pretrained(tmp_path / "saved")
        same_weights(SpatialFusionPipeline.from_pretrained(tmp_path / "saved", dtype=torch.bfloat16), bf16_pipe)


LAYERS = {
    "text_encoder": "num_hidden_layers",
    "vae": "num_res_blocks",
}


@pytest.mark.parametrize("part", LAYERS)
def test_a_configuration_that_asks_for_more_layers_than_the_file_has_is_refused(bf16_folder, tmp_path, part):
    """Before a network is made of it. The sizes of a Qwen-Image transformer come from the file alone."""
    save_file(comfy_weights(bf16_folder, part), tmp_path / FILES[part])
    config = json.loads((bf16_folder / part / "config.json").read_text())
    within = config["text_config"] if part == "text_encoder" else config
    assert LAYERS[part] in within
    within[LAYERS[part]] = 10_000_000
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=f"says {LAYERS[part]} 1e.07, but there are .* tensors beside it"):
        load_part(part, tmp_path / FILES[part], tmp_path)


def same_weights(first, second) -> None:
    for part in FILES:
        ours, theirs = (getattr(pipe, part).state_dict() for pipe in (first, second))
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours), part


@pytest.mark.parametrize("style", ["plain", "scaled", "comfy_quant", "rows"])
@pytest.mark.parametrize("part", ["transformer", "text_encoder"])
def test_8_bit_floats_are_what_they_mean(bf16_folder, bare_folder, tmp_path, part, style):
    stored, metadata, meant = quantise(comfy_weights(bf16_folder, part), style)
    save_file(stored, tmp_path / FILES[part], metadata)
    for dtype in (torch.float32, torch.bfloat16):
        model = load_part(part, tmp_path / FILES[part], bare_folder / part, dtype)
        loaded = model.state_dict()
        for name, weight in meant.items():
            if part == "text_encoder":
                name = f"model.{name}" if name.startswith("visual.") else f"model.language_{name}"
            assert torch.equal(loaded[name], weight.to(dtype)), name
        assert not any(parameter.is_meta for parameter in model.parameters())


def test_an_8_bit_pipeline_draws_what_dequantised_weights_draw(bf16_folder, bare_folder, tmp_path):
    by_hand = tmp_path / "by_hand"
    shutil.copytree(bf16_folder, by_hand)
    files = {}
    for part in ("transformer", "text_encoder"):
        stored, metadata, meant = quantise(comfy_weights(bf16_folder, part), "scaled")
        save_file(stored, tmp_path / FILES[part], metadata)
        save_file(meant, by_hand / WEIGHTS[part], {"format": "pt"})
        files[part] = str(tmp_path / FILES[part])
    vae = bf16_folder / WEIGHTS["vae"]  # with the names of diffusers
    loaded = SpatialFusionPipeline.from_pretrained(bare_folder, **files, vae=vae)
    expected = SpatialFusionPipeline.from_pretrained(by_hand)
    same_weights(loaded, expected)
    # To rounding: a CPU's kernels add up in another order where a tensor lies otherwise in memory.
    assert_close(draw(loaded), draw(expected), atol=1e-5, rtol=0)


def test_sizes_come_from_the_tensors(bf16_folder, bare_folder, tmp_path):
    weights = load_file(bf16_folder / WEIGHTS["transformer"])
    save_file(weights, tmp_path / "a.safetensors")
    expected = json.loads((bare_folder / "transformer" / "config.json").read_text())
    for folder in (bare_folder / "transformer", tmp_path / "nowhere"):
        config = load_part("transformer", tmp_path / "a.safetensors", folder).config
        assert {name: value for name, value in config.items() if not name.startswith("_")} == {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in expected.items()
            if not name.startswith("_")
        }
    # The mark of Qwen-Image-Edit-2511.
    save_file(weights | {"__index_timestep_zero__": torch.empty(0)}, tmp_path / "b.safetensors")
    assert load_part("transformer", tmp_path / "b.safetensors", bare_folder / "transformer").config.zero_cond_t


def test_the_published_autoencoder_needs_no_config():
    """Its names are Wan's, all of them, as diffusers' own conversion has it; its constants are the class's."""
    with torch.device("meta"):
        weights = AutoencoderKLQwenImage().state_dict()
    wan = {wan_name(name, 2): name for name in weights}
    assert len(wan) == len(weights) == 194
    assert all(name == ours for ours, name in convert_wan_vae_to_diffusers(wan).items())


def test_omnigen2_takes_its_files_too(tmp_path):
    folder = tmp_path / "model"
    SpatialFusionPipeline(**tiny_omnigen2_components(), default_size=64).save_pretrained(folder)
    weights = {f"model.diffusion_model.{k}": v.bfloat16() for k, v in omnigen2_transformer(seed=1).state_dict().items()}
    save_file(weights, tmp_path / "omnigen2.safetensors")
    loaded = SpatialFusionPipeline.from_pretrained(folder, transformer=tmp_path / "omnigen2.safetensors")
    assert loaded.backbone is omnigen2.BACKBONE
    for name, weight in loaded.transformer.state_dict().items():
        if ".spatialfusion." not in name:
            assert torch.equal(weight, weights[f"model.diffusion_model.{name.replace('.base_layer', '')}"].float())
    with pytest.raises(InputError, match=r"Qwen-Image's autoencoder, but the model has an AutoencoderKL"):
        save_file({"decoder.middle.0.residual.0.gamma": torch.zeros(1)}, tmp_path / "vae.safetensors")
        SpatialFusionPipeline.from_pretrained(folder, vae=tmp_path / "vae.safetensors")


# Wrong files ----------------------------------------------------------------------------------------------------------


def wrong(kind: str, folder, path) -> None:
    """Write to `path` what is not a Qwen-Image transformer."""
    weights = load_file(folder / WEIGHTS["transformer"])
    names = {
        "text encoder": lambda: load_file(folder / WEIGHTS["text_encoder"]),
        "autoencoder": lambda: comfy_weights(folder, "vae"),
        "checkpoint": lambda: load_file(folder / FILE_NAME),
        "lora": lambda: {"diffusion_model.transformer_blocks.0.attn.to_q.lora_A.weight": torch.zeros(2, 64)},
        "kohya": lambda: {"lora_unet_transformer_blocks_0_attn_to_q.lora_down.weight": torch.zeros(2, 64)},
        "flux": lambda: {"double_blocks.0.img_attn.qkv.weight": torch.zeros(2, 2)},
        "layered": lambda: weights | {"time_text_embed.addition_t_embedding.weight": torch.zeros(2, 64)},
        "controlnet": lambda: weights | {"controlnet_blocks.0.weight": torch.zeros(2, 2)},
        "unknown": lambda: {"something.weight": torch.zeros(2)},
        "empty": lambda: {},
        "incomplete": lambda: {name: tensor for name, tensor in weights.items() if name != "txt_norm.weight"},
        "headless": lambda: {name: tensor for name, tensor in weights.items() if name != "img_in.weight"},
        "more": lambda: weights | {"transformer_blocks.0.attn.extra.weight": torch.zeros(2)},
        "shape": lambda: weights | {"norm_out.linear.weight": torch.zeros(2, 64)},
        "int8": lambda: weights | {"img_in.weight": torch.zeros(64, 64, dtype=torch.int8)},
        "blocks": lambda: weights | {"img_in.weight_scale": torch.zeros(2, 2)},
        "nvfp4": lambda: (
            weights | {"img_in.comfy_quant": torch.tensor(list(b'{"format": "nvfp4"}'), dtype=torch.uint8)}
        ),
        "mark": lambda: weights | {"img_in.comfy_quant": torch.tensor(list(b"{"), dtype=torch.uint8)},
    }
    if kind in names:
        save_file({name: tensor.contiguous() for name, tensor in names[kind]().items()}, path)
    elif kind == "truncated":
        data = (folder / WEIGHTS["transformer"]).read_bytes()
        path.write_bytes(data[: len(data) // 2])
    elif kind == "pickle":
        path.write_bytes(b"\x80\x02}q\x00.")
    elif kind == "zipped pickle":
        path.write_bytes(b"PK\x03\x04\x00\x00\x08\x08" + bytes(100))
    elif kind == "gguf":
        path.write_bytes(b"GGUF\x03\x00\x00\x00" + bytes(100))
    elif kind == "pointer":
        path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    elif kind == "folder":
        path.mkdir()
    elif kind == "short":
        path.write_bytes(b"{}")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("text encoder", "is a Qwen2.5-VL: expected the weights of a Qwen-Image transformer or an OmniGen2 transf"),
        ("autoencoder", "is Qwen-Image's autoencoder: expected the weights of"),
        ("checkpoint", "is a SpatialFusion checkpoint: expected the weights of"),
        ("lora", "is a LoRA: expected the weights of"),
        ("kohya", "is a LoRA: expected the weights of"),
        ("flux", "is a FLUX transformer: expected"),
        ("layered", "is a Qwen-Image-Layered transformer: expected"),
        ("controlnet", "is a ControlNet: expected"),
        ("unknown", r"is of an unknown kind \(with tensors such as something.weight\): expected"),
        ("empty", r"is of an unknown kind \(with tensors such as none\): expected"),
        ("incomplete", r"lacks 1 of the 45 tensors of a Qwen-Image transformer \(such as txt_norm.weight\)"),
        ("headless", "lacks img_in.weight: expected all weights of a Qwen-Image transformer"),
        ("more", r"has 1 tensors that .* has not \(such as transformer_blocks.0.attn.extra.weight\)"),
        ("shape", r"has norm_out.linear.weight of \[2, 64\], but \[128, 64\] is expected"),
        ("int8", "with img_in.weight stored as I8: expected bf16, fp16"),
        ("blocks", r"with img_in.weight scaled in blocks \[2, 2\]: expected bf16"),
        ("nvfp4", "quantised as nvfp4: expected bf16, fp16"),
        ("mark", "damaged marks of its quantisation"),
        ("truncated", "truncated or not a safetensors file"),
        ("short", "truncated or not a safetensors file"),
        ("pickle", "is a pickle, which is not opened: expected a .safetensors file"),
        ("zipped pickle", "is a pickle, which is not opened"),
        ("gguf", "is a GGUF file"),
        ("pointer", "is a pointer of Git LFS"),
        ("folder", "is a folder: expected one .safetensors file"),
        ("absent", "cannot be read"),
    ],
)
def test_a_wrong_file_is_one_sentence(bf16_folder, bare_folder, tmp_path, kind, words):
    path = tmp_path / "file.safetensors"
    wrong(kind, bf16_folder, path)
    with pytest.raises(InputError, match=words) as error:
        SpatialFusionPipeline.from_pretrained(bare_folder, transformer=path)
    message = str(error.value)
    assert str(path) in message and "\n" not in message and message.endswith(".") and len(message) < 400


def test_a_text_encoder_of_another_size_is_refused(bf16_folder, bare_folder, tmp_path):
    file = bf16_folder / WEIGHTS["text_encoder"]
    folder = tmp_path / "text_encoder"
    with pytest.raises(InputError, match=r"has no config.json: expected that of the text encoder in"):
        load_part("text_encoder", file, folder)
    shutil.copytree(bare_folder / "text_encoder", folder)
    config = json.loads((folder / "config.json").read_text())
    for change, words in (
        ({"num_hidden_layers": 3}, "lacks 12 of the"),
        ({"num_hidden_layers": 1}, "has 12 tensors that a Qwen2.5-VL of this size has not"),
        ({"vocab_size": 600}, r"embed_tokens.weight of \[700, 64\], but \[600, 64\] is expected"),
    ):
        changed = config | {"text_config": config["text_config"] | change | {"layer_types": None}}
        (folder / "config.json").write_text(json.dumps(changed))
        with pytest.raises(InputError, match=words):
            load_part("text_encoder", file, folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        load_part("text_encoder", file, folder)


def test_scales_of_rows_and_tensors_multiply_in_fp32():
    weight = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).to(FP8)
    assert dequantise(weight, torch.tensor([2.0]), torch.float32).tolist() == [[2, 4], [6, 8]]
    assert dequantise(weight, torch.tensor([[1.0], [10.0]]), torch.float32).tolist() == [[1, 2], [30, 40]]
    third = dequantise(weight, torch.tensor(1 / 3), torch.bfloat16)
    assert torch.equal(third, (weight.float() / 3).bfloat16())
