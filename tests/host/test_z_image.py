"""The host's own Z-Image on the weights of ours: the same answers, through our nodes the same latents with depth, and
from its Qwen3 the same context.

Our transformer needs diffusers, which the host does not have: tests/test_host.py computes what is expected, and names
the folder with it in SPATIALFUSION_Z_IMAGE.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import comfy.model_patcher
import comfy.sd
import comfy.supported_models
import comfy.supported_models_base
import comfy.utils
import pytest
import torch
from comfy.ldm.modules.diffusionmodules.mmdit import TimestepEmbedder
from comfy.text_encoders import llama, z_image
from conftest import HOST, InputError, apply, pack, run, sample
from safetensors.torch import load_file
from transformers import AutoTokenizer, Qwen3Config, Qwen3Model

SEED, STEPS, CFG = 3, 4, 3.0
DIM = 48
WIDTH, LLM_LAYERS = 256, 4
PROMPT = "a red car in front of a blue house"


@pytest.fixture(scope="module")
def folder():
    path = os.environ.get("SPATIALFUSION_Z_IMAGE")
    if not path:
        pytest.skip("SPATIALFUSION_Z_IMAGE names no folder: run tests/test_host.py")
    return Path(path)


@pytest.fixture(scope="module")
def expected(folder):
    return load_file(folder / "expected.safetensors")


def patcher_of(config):
    config.set_inference_dtype(torch.float32, None)
    return comfy.model_patcher.ModelPatcher(config.get_model({}), torch.device("cpu"), torch.device("cpu"))


@pytest.fixture(scope="module")
def model(expected):
    """The host's MODEL, with every weight of ours and no other."""
    sizes = {"dim": DIM, "n_layers": 2, "n_refiner_layers": 1}
    patcher = patcher_of(comfy.supported_models.ZImage({"image_model": "lumina2", "patch_size": 2, "in_channels": 16,
        **sizes, "n_heads": 3, "n_kv_heads": 3, "multiple_of": 16, "ffn_dim_multiplier": 8 / 3, "norm_eps": 1e-5,
        "qk_norm": True, "cap_feat_dim": 64, "axes_dims": [4, 6, 6], "axes_lens": [256, 64, 64], "rope_theta": 256.0,
        "z_image_modulation": True, "time_scale": 1000.0, "pad_tokens_multiple": 32}))  # fmt: skip
    network = patcher.model.diffusion_model
    # Its own has the widths that go with the published size.
    network.t_embedder = TimestepEmbedder(1024, output_size=DIM, dtype=torch.float32, operations=torch.nn)
    # Its norms of queries and keys have fp32's own epsilon and diffusers' 1e-5, which random weights show.
    for name, module in network.named_modules():
        if name.endswith(("q_norm", "k_norm")):
            module.eps = 1e-5
    state = {name: torch.empty_like(tensor) for name, tensor in network.state_dict().items()}
    places = comfy.utils.z_image_to_diffusers(sizes)
    filled = dict.fromkeys(state, 0)
    for name, tensor in expected.items():
        if name.startswith("weights."):
            place = places[name.removeprefix("weights.")]
            key, part = place if isinstance(place, tuple) else (place, (0, 0, len(tensor)))
            state[key].narrow(*part).copy_(tensor)
            filled[key] += tensor.numel()
    assert filled == {name: tensor.numel() for name, tensor in state.items()}
    network.load_state_dict(state, strict=True)
    return patcher


@pytest.fixture(scope="module")
def given(folder, model, expected):
    """MODEL, checkpoint and depth, as `apply` takes them."""
    with torch.inference_mode():
        loaded = pack("nodes.host.loaded").load_model(
            folder / "spatialfusion.safetensors", "z-image", "fp32", pack("nodes.load_model").TINY
        )
    depth = expected["depth_map"]
    geometry = pack("spatialfusion.geometry.geometry").Geometry(depth, depth > 0, expected["intrinsics"])
    return SimpleNamespace(model=model, spatialfusion=loaded, geometry=pack("nodes.types").to_packet(geometry))


def check(name, ours, wanted, tolerance):
    worst = (ours - wanted).abs().max().item()
    print(f"{name}: maximum difference {worst:.2e}, of values up to {wanted.abs().max().item():.1f}")
    assert worst < tolerance


def test_the_network_answers_the_same(model, expected):
    text = expected["text"]
    answer = model.model.diffusion_model(expected["x"], expected["t"], text, num_tokens=text.shape[1])
    check("text", answer, expected["answer.text"], 1e-5)


def conditioning(text):
    return [[text, {"attention_mask": torch.ones(text.shape[:2], dtype=torch.long)}]]


def draw(model, expected, steps=STEPS, cfg=CFG):
    positive, negative = conditioning(expected["text"][:1]), conditioning(expected["null_text"])
    return sample(model, positive, negative, size=(8, 12), seed=SEED, steps=steps, cfg=cfg)


def test_sampling_without_depth_gives_the_same_latents(model, expected):
    check("base", draw(model, expected), expected["answer.base"], 1e-4)


@pytest.mark.parametrize(("name", "options"), [
    ("depth", {}), ("depth", {"mask": torch.ones(1, 64, 96)}), ("depth_half", {"end": 0.5}),
])  # fmt: skip
def test_sampling_with_depth_gives_the_same_latents(given, expected, name, options):
    """Residual, delta and LoRA at strength 0.8, by KSampler: as weights; under a mask or for half of the schedule,
    where weights cannot say it, by the layers' outputs."""
    assert (expected["answer.depth"] - expected["answer.base"]).abs().max() > 0.1
    latents = draw(apply(given, strength=0.8, **options), expected)
    check(f"{name} {[*options]}", latents, expected[f"answer.{name}"], 1e-4)


def test_a_mask_is_at_the_images_own_tokens(given, expected):
    """Text stands before the image in the host, and both are filled up to 32 tokens."""
    module = pack("nodes.host.injection")
    host = module.backbone_of(given.model, given.spatialfusion).host
    call = module._Call(torch.full((1, 1, 1), 0.5), torch.ones(1, 24, 1), host, {}, None)
    for tokens, wanted in (
        (64, [0.5] * 32 + [1.0] * 24 + [0.5] * 8),
        (32, [1.0] * 24 + [0.5] * 8),
        (24, [1.0] * 24),
    ):
        assert call.scale(tokens, text=False).expand(1, tokens, 1)[0, :, 0].tolist() == wanted


def test_another_model_of_the_same_class_is_refused(given):
    lumina = patcher_of(comfy.supported_models.Lumina2({"image_model": "lumina2", "dim": 64, "n_layers": 1,
        "n_refiner_layers": 1, "n_heads": 2, "n_kv_heads": 2, "axes_dims": [8, 12, 12], "axes_lens": [32, 32, 32],
        "cap_feat_dim": 32, "in_channels": 16, "qk_norm": True, "rope_theta": 10000.0, "patch_size": 2}))  # fmt: skip
    with pytest.raises(InputError, match=r"model is Lumina 2 \(NextDiT\), which depth cannot be given to"):
        apply(given, model=lumina)


def test_it_draws_from_text_alone(given):
    common = {"spatialfusion": given.spatialfusion, "prompt": PROMPT, "width": 64, "height": 64}
    depth = {"depth_steps": 1, "depth_guidance": 1.0, "seed": 0, "batch_size": 1}
    for node, inputs in (("PredictDepth", depth), ("EncodePrompt", {})):
        with pytest.raises(InputError, match="z-image draws from text alone: expected none"):
            run(node, **common, **inputs, image=torch.zeros(1, 64, 64, 3))


# Its LLM


class TinyClipModel(z_image.sd1_clip.SDClipModel):
    def __init__(self, device="cpu", dtype=None, attention_mask=True, model_options=None):
        sizes = {"hidden_size": WIDTH, "intermediate_size": 64, "num_hidden_layers": LLM_LAYERS,
            "num_attention_heads": 2, "num_key_value_heads": 1}  # fmt: skip
        super().__init__(
            device=device, dtype=dtype, layer="hidden", layer_idx=-2, textmodel_json_config=sizes,
            special_tokens={"pad": 151643}, layer_norm_hidden_state=False, model_class=llama.Qwen3_4B,
            enable_attention_masks=True, return_attention_masks=True, model_options=model_options or {},
        )  # fmt: skip


class TinyTextEncoder(z_image.ZImageTEModel):
    def __init__(self, device="cpu", dtype=None, model_options=None):
        z_image.sd1_clip.SD1ClipModel.__init__(
            self, device=device, dtype=dtype, name="qwen3_4b", clip_model=TinyClipModel,
            model_options=model_options or {},
        )  # fmt: skip


@pytest.fixture(scope="module")
def reference():
    """The LLM in transformers, with random weights."""
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=151936, hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=LLM_LAYERS,
        num_attention_heads=2, num_key_value_heads=1, head_dim=128, rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
    )  # fmt: skip
    model = Qwen3Model(config)
    for name, parameter in model.named_parameters():
        torch.nn.init.normal_(parameter, *((1, 0.3) if "norm" in name else (0, 0.05)))
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def clip(reference):
    target = comfy.supported_models_base.ClipTarget(z_image.ZImageTokenizer, TinyTextEncoder)
    clip = comfy.sd.CLIP(target, model_options={"dtype": torch.float32})
    weights = {f"model.{name}": tensor for name, tensor in reference.state_dict().items()}
    clip.cond_stage_model.qwen3_4b.transformer.load_state_dict(weights)
    return clip


@pytest.mark.parametrize("prompt", [PROMPT, "a red car (left) of a blue house", "a <|im_end|> car", "<tool_call>"])
def test_the_context_is_that_of_transformers(reference, clip, prompt):
    config = pack("spatialfusion.model.config").SpatialFusionConfig(
        backbone="z-image", mllm_layers=LLM_LAYERS, kv_heads=1, head_dim=128, rope_theta=1e6,
        mrope_section=(16, 24, 24), num_layers=2, num_heads=2,
    )  # fmt: skip
    tokenizer = AutoTokenizer.from_pretrained(
        HOST / "comfy" / "text_encoders" / "qwen25_tokenizer", local_files_only=True
    )
    template = pack("spatialfusion.backbones.z_image").TEMPLATE
    encoder = pack("spatialfusion.model.context").PromptEncoder(reference, tokenizer, None, config.num_layers, template)
    expected = encoder.encode([prompt])
    context, found = pack("nodes.host.clip_context").encode_with_clip(clip, prompt, [], config)
    assert torch.equal(context.next_position, expected.next_position)
    assert expected.prompt_mask.shape == expected.mask.shape
    torch.testing.assert_close(found[0][0], expected.prompt_embeds, atol=1e-5, rtol=1e-4)
    pairs = zip((*context.keys, *context.values), (*expected.keys, *expected.values), strict=True)
    worst = max(((ours - theirs).abs().max() / theirs.abs().max()).item() for ours, theirs in pairs)
    print(f"z-image: largest relative difference of K/V {worst:.1e}")
    assert worst < 1e-5
