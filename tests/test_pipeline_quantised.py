"""Weights of few bits through the whole pipeline, where the packages that make them are installed."""

from __future__ import annotations

import pytest
import torch
from diffusers import GGUFQuantizationConfig, PipelineQuantizationConfig, QuantoConfig, QwenImageTransformer2DModel
from safetensors.torch import load_file
from tiny_inputs import FAST
from torch.testing import assert_close

from spatialfusion.errors import InputError
from spatialfusion.pipeline import SpatialFusionPipeline


def draw(pipe, **changes):
    pipe.set_progress_bar_config(disable=True)
    return pipe("a red car", generator=torch.Generator().manual_seed(0), **FAST, **changes)


@pytest.fixture(scope="module")
def whole(tiny_folder):
    pipe = SpatialFusionPipeline.from_pretrained(tiny_folder)
    return draw(pipe).images, draw(pipe, controlnet_conditioning_scale=0).images


def check(pipe, whole, kind: str, bits: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Depth has the effect that it has with whole weights, up to the base's rounding. Returns the latents."""
    assert kind in {type(module).__name__ for module in pipe.transformer.modules()}
    ours = {p.dtype for name, p in pipe.transformer.named_parameters() if ".spatialfusion." in name}
    assert ours == {pipe.delta.weight.dtype} == {dtype}
    output, base = draw(pipe), draw(pipe, controlnet_conditioning_scale=0)
    assert output.geometry.depth.dtype == torch.float32
    effect, expected = ((a - b).abs().mean() for a, b in ((output.images, base.images), whole))
    assert abs(effect / expected - 1) < (0.2 if bits == 4 else 0.05)
    assert (output.images - whole[0]).abs().mean() / whole[0].abs().mean() < (0.2 if bits == 4 else 0.05)
    return output.images


@pytest.fixture
def on_the_cpu(monkeypatch):
    """diffusers runs bitsandbytes on accelerators alone; the package itself has a CPU."""
    pytest.importorskip("bitsandbytes")
    from diffusers.quantizers.bitsandbytes import bnb_quantizer

    for quantizer in (bnb_quantizer.BnB4BitDiffusersQuantizer, bnb_quantizer.BnB8BitDiffusersQuantizer):
        monkeypatch.setattr(quantizer, "validate_environment", lambda self, *args, **kwargs: None)
        monkeypatch.setattr(quantizer, "update_device_map", lambda self, device_map: {"": "cpu"})


@pytest.mark.parametrize("bits", [4, 8])
def test_bitsandbytes_loads_draws_and_is_saved(tiny_folder, whole, tmp_path, on_the_cpu, bits):
    options = {"bnb_4bit_compute_dtype": torch.float32} if bits == 4 else {}
    config = PipelineQuantizationConfig(
        quant_backend=f"bitsandbytes_{bits}bit",
        quant_kwargs={f"load_in_{bits}bit": True, **options},
        components_to_quantize=["transformer", "text_encoder"],
    )
    pipe = SpatialFusionPipeline.from_pretrained(tiny_folder, quantization_config=config)
    images = check(pipe, whole, {4: "Linear4bit", 8: "Linear8bitLt"}[bits], bits)
    pipe.save_pretrained(tmp_path / "model")
    assert_close(draw(SpatialFusionPipeline.from_pretrained(tmp_path / "model")).images, images)


def test_quanto_loads_and_draws(tiny_folder, whole, tmp_path):
    pytest.importorskip("optimum.quanto")
    config = PipelineQuantizationConfig(quant_mapping={"transformer": QuantoConfig(weights_dtype="int8")})
    pipe = SpatialFusionPipeline.from_pretrained(tiny_folder, quantization_config=config)
    check(pipe, whole, "QLinear", 8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gguf_draws_and_is_not_saved(tiny_folder, whole, tmp_path, dtype):
    gguf = pytest.importorskip("gguf")
    file = tmp_path / "tiny.gguf"
    writer = gguf.GGUFWriter(str(file), "qwen_image")
    kind = gguf.GGMLQuantizationType.Q8_0
    for name, tensor in load_file(tiny_folder / "transformer" / "diffusion_pytorch_model.safetensors").items():
        values = tensor.float().numpy()
        if values.ndim == 2 and values.shape[1] % 32 == 0:
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, values)
    for write in ("write_header_to_file", "write_kv_data_to_file", "write_tensors_to_file", "close"):
        getattr(writer, write)()
    transformer = QwenImageTransformer2DModel.from_single_file(
        str(file),
        quantization_config=GGUFQuantizationConfig(compute_dtype=dtype),
        config=str(tiny_folder),
        subfolder="transformer",
        torch_dtype=dtype,
    )
    pipe = SpatialFusionPipeline.from_pretrained(tiny_folder, transformer=transformer)
    check(pipe, whole, "GGUFLinear", 8, transformer.dtype)
    with pytest.raises(InputError, match=r"the transformer cannot be saved \(The model is quantized with"):
        pipe.save_pretrained(tmp_path / "model")
