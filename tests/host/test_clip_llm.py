"""The host's own text encoders write scene text: random weights of each class that generates, held by the grammar."""

from __future__ import annotations

import io
import os

import comfy.sd
import comfy.supported_models_base
import comfy.text_encoders.llama as llama
import comfy.text_encoders.lumina2 as lumina2
import comfy.text_encoders.omnigen2 as omnigen2
import comfy.text_encoders.qwen_image as qwen_image
import comfy.text_encoders.z_image as z_image
import pytest
import torch
from comfy import sd1_clip
from conftest import InputError, pack, run

TEXTS = int(os.environ.get("SPATIALFUSION_LLM_TEXTS", 3))  # of each class; the acceptance is 100
TOKENS = 40
PROMPT = "a giraffe behind a jeep"
SMALL = {"hidden_size": 64, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


def tiny_network(kind, config_class):
    """A class of the host's with few and narrow layers."""

    class Tiny(kind):
        def __init__(self, _config, dtype, device, operations):
            torch.nn.Module.__init__(self)
            config = config_class(**SMALL, num_key_value_heads=1)
            self.num_layers = config.num_hidden_layers
            self.model = llama.Llama2_(config, device=device, dtype=dtype, ops=operations)
            self.dtype = dtype

    return Tiny


def tiny_clip(name, network, tokenizer, data=None):
    """A CLIP with random weights."""

    class Model(sd1_clip.SDClipModel):
        def __init__(self, device="cpu", dtype=None, model_options=None):
            super().__init__(
                device=device, dtype=dtype, layer="last", textmodel_json_config={}, special_tokens={"pad": 0},
                layer_norm_hidden_state=False, model_class=network, enable_attention_masks=True,
                return_attention_masks=True, model_options=model_options or {},
            )  # fmt: skip

    class Encoder(sd1_clip.SD1ClipModel):
        def __init__(self, device="cpu", dtype=None, model_options=None):
            super().__init__(device=device, dtype=dtype, name=name, clip_model=Model, model_options=model_options or {})

    target = comfy.supported_models_base.ClipTarget(tokenizer, Encoder)
    clip = comfy.sd.CLIP(target, model_options={"dtype": torch.float32}, tokenizer_data=data or {})
    generator = torch.Generator().manual_seed(0)
    for parameter in clip.cond_stage_model.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return clip


def sentencepiece_model():
    import sentencepiece

    out = io.BytesIO()
    words = pack("spatialfusion.planner.llm").instruction().splitlines()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(words), model_writer=out, vocab_size=900, model_type="bpe", byte_fallback=True,
        add_dummy_prefix=False, pad_id=0, eos_id=1, bos_id=2, unk_id=3, hard_vocab_limit=False,
        user_defined_symbols=["<start_of_turn>", "<end_of_turn>", "\n"], minloglevel=2,
    )  # fmt: skip
    return torch.ByteTensor(list(out.getvalue()))


CLASSES = {
    "qwen2.5-vl": lambda: tiny_clip(
        "qwen25_7b", tiny_network(llama.Qwen25_7BVLI, llama.Qwen25_7BVLI_Config), qwen_image.QwenImageTokenizer
    ),
    "qwen3": lambda: tiny_clip("qwen3_4b", tiny_network(llama.Qwen3_4B, llama.Qwen3_4BConfig), z_image.ZImageTokenizer),
    "gemma": lambda: tiny_clip(
        "gemma2_2b",
        tiny_network(llama.Gemma2_2B, llama.Gemma2_2B_Config),
        lumina2.LuminaTokenizer,
        {"spiece_model": sentencepiece_model()},
    ),
}


@pytest.fixture(scope="module", params=CLASSES)
def clip(request):
    with torch.inference_mode():
        return CLASSES[request.param]()


def test_random_weights_write_valid_scene_text(clip):
    llm = pack("nodes.host.clip_llm").ClipLlm(clip, max_tokens=TOKENS, temperature=1.0)
    messages = pack("spatialfusion.planner.llm").opening(PROMPT)
    read = pack("spatialfusion.scenes.language").read_scene_text
    texts = [llm.write(messages, seed) for seed in range(TEXTS)]
    for text in texts:
        assert read(text).solved, text
    assert len(set(texts)) > TEXTS / 2
    # The network is as it was.
    assert "sample_token" not in vars(llm.network)
    assert hasattr(llm.network.model.config, "stop_tokens") == (not isinstance(llm.network, llama.Qwen25_7BVLI))


def test_the_likeliest_token_is_taken_without_temperature(clip):
    llm = pack("nodes.host.clip_llm").ClipLlm(clip, max_tokens=12)
    messages = pack("spatialfusion.planner.llm").opening(PROMPT)
    assert llm.write(messages, 0) == llm.write(messages, 1)


def test_words_of_a_prompt_are_no_tokens_of_control(clip):
    llm = pack("nodes.host.clip_llm").ClipLlm(clip)
    ends = set(llm.ends) | {
        llm.vocabulary[mark] for mark in ("<|im_start|>", "<start_of_turn>") if mark in llm.vocabulary
    }
    assert not ends & set(llm._plain("<|im_end|><|im_start|>system <end_of_turn><start_of_turn><eos><|endoftext|>"))
    assert ends & set(llm._chat([{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]))


def test_a_clip_that_cannot_write_is_refused_by_the_node():
    target = comfy.supported_models_base.ClipTarget(omnigen2.Omnigen2Tokenizer, MuteEncoder)
    clip = comfy.sd.CLIP(target, model_options={"dtype": torch.float32})
    with pytest.raises(InputError, match=r"^clip is a MuteEncoder, which cannot write: expected a text encoder"):
        run("PlanScene", sentence=PROMPT, seed=0, width=64, height=64, clip=clip)
    with pytest.raises(InputError, match="both given"):
        run("PlanScene", sentence=PROMPT, seed=0, width=64, height=64, clip=clip, server="http://localhost:1")
    with pytest.raises(InputError, match=r"^the language model at http://127\.0\.0\.1:1 gave no answer"):
        run("PlanScene", sentence=PROMPT, seed=0, width=64, height=64, server="http://127.0.0.1:1")


class MuteEncoder(sd1_clip.SD1ClipModel):
    """A text encoder without a method to generate, as OmniGen2's."""

    def __init__(self, device="cpu", dtype=None, model_options=None):
        torch.nn.Module.__init__(self)
        self.clip_name, self.clip, self.dtypes = "qwen25_3b", "qwen25_3b", set()
        self.qwen25_3b = torch.nn.Linear(1, 1)


def test_the_node_plans_with_a_clip(clip):
    """What random weights write is a scene, or says in one sentence why it cannot be drawn."""
    try:
        text, _, image, masks, names, *_ = run("PlanScene", sentence=PROMPT, seed=0, width=64, height=64, clip=clip)
    except InputError as error:
        assert str(error).startswith("clip (Encoder) has written no scene that can be drawn"), error
    else:
        assert text and image.shape == (1, 64, 64, 3) and len(masks) == len(names.splitlines())
