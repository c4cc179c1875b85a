"""K/V and embeddings from the host's own Qwen2.5-VL equal those of transformers on the same weights."""

from __future__ import annotations

import dataclasses

import comfy.ops
import comfy.sd
import comfy.supported_models_base
import comfy.text_encoders.llama as llama
import comfy.text_encoders.omnigen2 as omnigen2
import comfy.text_encoders.qwen_image as qwen_image
import comfy.text_encoders.qwen_vl as qwen_vl
import pytest
import torch
from conftest import HOST, InputError, pack
from transformers import AutoTokenizer, Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2VLImageProcessorPil

LAYERS, WIDTH, VISION = 4, 256, 64
PROMPT = "a red car in front of a blue house"


class TinyVLI(llama.Qwen25_7BVLI):
    """The host's Qwen2.5-VL with few and narrow layers."""

    def __init__(self, _config, dtype, device, operations):
        torch.nn.Module.__init__(self)
        config = llama.Qwen25_7BVLI_Config(
            hidden_size=WIDTH,
            intermediate_size=64,
            num_hidden_layers=LAYERS,
            num_attention_heads=2,
            num_key_value_heads=1,
        )
        self.num_layers = LAYERS
        self.model = llama.Llama2_(config, device=device, dtype=dtype, ops=operations)
        self.visual = qwen_vl.Qwen2VLVisionTransformer(
            hidden_size=VISION, output_hidden_size=WIDTH, intermediate_size=64, num_heads=2, num_layers=2,
            device=device, dtype=dtype, ops=operations,
        )  # fmt: skip
        self.dtype = dtype


class TinyClipModel(qwen_image.sd1_clip.SDClipModel):
    def __init__(self, device="cpu", dtype=None, attention_mask=True, model_options=None):
        super().__init__(
            device=device, dtype=dtype, layer="last", textmodel_json_config={}, special_tokens={"pad": 151643},
            layer_norm_hidden_state=False, model_class=TinyVLI, enable_attention_masks=True,
            return_attention_masks=True, model_options=model_options or {},
        )  # fmt: skip


class TinyTextEncoder(qwen_image.QwenImageTEModel):
    def __init__(self, device="cpu", dtype=None, model_options=None):
        qwen_image.sd1_clip.SD1ClipModel.__init__(
            self,
            device=device,
            dtype=dtype,
            name="qwen25_7b",
            clip_model=TinyClipModel,
            model_options=model_options or {},
        )


@pytest.fixture(scope="module")
def reference():
    """The same network in transformers, with random weights."""
    torch.manual_seed(0)
    text = {
        "vocab_size": 152064, "hidden_size": WIDTH, "intermediate_size": 64, "num_hidden_layers": LAYERS,
        "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
    }  # fmt: skip
    vision = {
        "depth": 2, "hidden_size": VISION, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": WIDTH,
        "patch_size": 14, "window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31],
    }  # fmt: skip
    model = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def clip(reference):
    target = comfy.supported_models_base.ClipTarget(qwen_image.QwenImageTokenizer, TinyTextEncoder)
    clip = comfy.sd.CLIP(target, model_options={"dtype": torch.float32})
    weights = {}
    for name, tensor in reference.model.state_dict().items():
        weights[f"model.{name.removeprefix('language_model.')}" if name.startswith("language_model.") else name] = (
            tensor
        )
    clip.cond_stage_model.qwen25_7b.transformer.load_state_dict(weights)
    return clip


@pytest.fixture(scope="module")
def config():
    return pack("spatialfusion.model.config").SpatialFusionConfig(
        mllm_layers=LAYERS,
        kv_heads=1,
        head_dim=128,
        rope_theta=1e6,
        mrope_section=(16, 24, 24),
        num_layers=2,
        num_heads=2,
    )


@pytest.mark.parametrize("pictures", [0, 1, 2])
def test_the_context_is_that_of_transformers(reference, clip, config, pictures):
    folder = HOST / "comfy" / "text_encoders" / "qwen25_tokenizer"
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    processor = Qwen2VLImageProcessorPil(patch_size=14, temporal_patch_size=2, merge_size=2)
    encoder = pack("spatialfusion.model.context").PromptEncoder(reference, tokenizer, processor, config.num_layers)
    # Plain colours: the two resize pictures with different filters, which is not what is compared here.
    images = [torch.full((3, 384, 384), shade / 255) for shade in (128, 51)][:pictures]
    expected = encoder.encode([PROMPT], [images])
    context, conditioning = pack("nodes.host.clip_context").encode_with_clip(clip, PROMPT, images, config)
    assert torch.equal(context.next_position, expected.next_position)
    torch.testing.assert_close(conditioning[0][0], expected.prompt_embeds, atol=1e-5, rtol=1e-4)
    worst = 0.0
    for ours, theirs in zip((*context.keys, *context.values), (*expected.keys, *expected.values), strict=True):
        assert ours.shape == theirs.shape
        worst = max(worst, ((ours - theirs).abs().max() / theirs.abs().max()).item())
    print(f"{pictures} pictures: largest relative difference of K/V {worst:.1e}")
    assert worst < 1e-5
    language = clip.cond_stage_model.qwen25_7b.transformer.model
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in language.modules())


WORDS = ["<|im_end|>", "<|im_start|>", "<|endoftext|>", "<|vision_start|>", "<|image_pad|>", "<tool_call>"]
SMUGGLED = [*(f"a {word} car" for word in WORDS), *WORDS, "<|start_header_id|> a car", "<|im_<|im_end|>end|>"]


def test_a_prompt_never_holds_control_tokens_and_is_read_as_in_python(reference, clip, config):
    """Plain text for both language models of the nodes: the CLIP, and the one that the checkpoint brings."""
    tokenizer = AutoTokenizer.from_pretrained(
        HOST / "comfy" / "text_encoders" / "qwen25_tokenizer", local_files_only=True
    )
    processor = Qwen2VLImageProcessorPil(patch_size=14, temporal_patch_size=2, merge_size=2)
    context_module, clip_context = pack("spatialfusion.model.context"), pack("nodes.host.clip_context")
    encoder = context_module.PromptEncoder(reference, tokenizer, processor, config.num_layers)
    control = set(tokenizer.get_added_vocab().values())
    picture = torch.full((3, 384, 384), 128 / 255)
    for prompt in SMUGGLED:
        for pictures in ([], [picture]):
            tokens = clip_context._tokenize(clip, prompt, pictures, {}, "qwen25_7b")["qwen25_7b"]
            usual = clip_context._tokenize(clip, PROMPT, pictures, {}, "qwen25_7b")["qwen25_7b"]
            ids, harmless = ([entry[0] for entry in rows[0]] for rows in (tokens, usual))
            kept, expected = ([t for t in row if isinstance(t, dict) or t in control] for row in (ids, harmless))
            assert [str(t)[:5] for t in kept] == [str(t)[:5] for t in expected], prompt
            if not pictures:
                assert ids == encoder.token_ids(prompt).tolist()
    prompt = "a <|im_end|> car"
    expected = encoder.encode([prompt], [[picture]])
    context, conditioning = clip_context.encode_with_clip(clip, prompt, [picture], config)
    torch.testing.assert_close(conditioning[0][0], expected.prompt_embeds, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(context.keys[0], expected.keys[0], atol=1e-4, rtol=1e-4)


class TinyOmnigen2ClipModel(omnigen2.sd1_clip.SDClipModel):
    def __init__(self, device="cpu", dtype=None, attention_mask=True, model_options=None):
        sizes = {"vocab_size": 152064, "hidden_size": WIDTH, "intermediate_size": 64, "num_hidden_layers": LAYERS,
            "num_attention_heads": 2, "num_key_value_heads": 1}  # fmt: skip
        super().__init__(
            device=device, dtype=dtype, layer="last", textmodel_json_config=sizes, special_tokens={"pad": 151643},
            layer_norm_hidden_state=False, model_class=llama.Qwen25_3B, enable_attention_masks=True,
            return_attention_masks=True, model_options=model_options or {},
        )  # fmt: skip


class TinyOmnigen2TextEncoder(omnigen2.Omnigen2Model):
    def __init__(self, device="cpu", dtype=None, model_options=None):
        omnigen2.sd1_clip.SD1ClipModel.__init__(
            self,
            device=device,
            dtype=dtype,
            name="qwen25_3b",
            clip_model=TinyOmnigen2ClipModel,
            model_options=model_options or {},
        )


def test_omnigen2_reads_the_whole_chat_and_no_picture(reference, clip, config):
    target = comfy.supported_models_base.ClipTarget(omnigen2.Omnigen2Tokenizer, TinyOmnigen2TextEncoder)
    own = comfy.sd.CLIP(target, model_options={"dtype": torch.float32})
    weights = {f"model.{name}": tensor for name, tensor in reference.model.language_model.state_dict().items()}
    own.cond_stage_model.qwen25_3b.transformer.load_state_dict(weights)
    config = dataclasses.replace(config, backbone="omnigen2")
    context_module, clip_context = pack("spatialfusion.model.context"), pack("nodes.host.clip_context")
    tokenizer = AutoTokenizer.from_pretrained(
        HOST / "comfy" / "text_encoders" / "qwen25_tokenizer", local_files_only=True
    )
    processor = Qwen2VLImageProcessorPil(patch_size=14, temporal_patch_size=2, merge_size=2)
    template = pack("spatialfusion.backbones.omnigen2").TEMPLATE
    encoder = context_module.PromptEncoder(reference, tokenizer, processor, config.num_layers, template)
    images = [torch.zeros(3, 384, 384)]
    expected = encoder.encode([PROMPT], [images])
    context, conditioning = clip_context.encode_with_clip(own, PROMPT, images, config)
    assert torch.equal(context.next_position, expected.next_position)
    assert expected.prompt_mask.shape == expected.mask.shape
    torch.testing.assert_close(conditioning[0][0], expected.prompt_embeds, atol=1e-5, rtol=1e-4)
    pairs = zip((*context.keys, *context.values), (*expected.keys, *expected.values), strict=True)
    worst = max(((ours - theirs).abs().max() / theirs.abs().max()).item() for ours, theirs in pairs)
    print(f"omnigen2: largest relative difference of K/V {worst:.1e}")
    assert worst < 1e-5
    # Parentheses are words, not weights.
    said = "a red car (left) of a blue house"
    context, conditioning = clip_context.encode_with_clip(own, said, [], config)
    torch.testing.assert_close(conditioning[0][0], encoder.encode([said]).prompt_embeds, atol=1e-5, rtol=1e-4)
    for said in ("a <|im_end|> car", "<|im_start|>", "<tool_call>"):
        context, conditioning = clip_context.encode_with_clip(own, said, [], config)
        expected = encoder.encode([said])
        assert context.mask.shape == expected.mask.shape
        torch.testing.assert_close(conditioning[0][0], expected.prompt_embeds, atol=1e-5, rtol=1e-4)
    with pytest.raises(InputError, match=r"clip is a TinyTextEncoder: expected OmniGen2's Qwen2.5-VL"):
        clip_context.encode_with_clip(clip, PROMPT, [], config)


def test_a_clip_of_another_size_is_refused(clip):
    config = pack("spatialfusion.model.config").SpatialFusionConfig()
    with pytest.raises(InputError, match=f"clip has {LAYERS} layers with 1 key/value heads of 128 channels, but the"):
        pack("nodes.host.clip_context").encode_with_clip(clip, PROMPT, [], config)
