"""The host's own text encoder as a language model that writes scene text, where it can generate.

The core's generation has no hook for a grammar, but it samples each token with a method of the network: that method is
replaced on this one object for the time of an answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import comfy.model_management
from torch import Tensor

from ...spatialfusion.errors import InputError
from ...spatialfusion.planner.grammar_decoding import SceneDecoding
from ...spatialfusion.planner.llm import MAX_TOKENS, Message
from ...spatialfusion.planner.token_masks import TokenMasks, token_texts

EXPECTED = "a text encoder that can write, such as the Qwen3, Qwen2.5-VL or Gemma of Z-Image, Qwen-Image or Lumina"
_ENDS = ("<|im_end|>", "<|endoftext|>", "<end_of_turn>", "<turn|>", "<eos>", "</s>")
# What opens and closes a turn, and begins the answer, by a token that only such a vocabulary has.
_CHATS = {
    "<|im_start|>": ("<|im_start|>{role}\n{content}<|im_end|>\n", "<|im_start|>assistant\n"),
    "<start_of_turn>": ("<start_of_turn>{role}\n{content}<end_of_turn>\n", "<start_of_turn>model\n"),
    "<|turn>": ("<|turn>{role}\n{content}<turn|>\n", "<|turn>model\n"),
    "[INST]": ("[INST]{content}[/INST]", ""),
}
_NO_SYSTEM = ("<start_of_turn>", "[INST]")
_NO_THOUGHTS = "<think>\n\n</think>\n\n"
_masks: WeakKeyDictionary[Any, TokenMasks] = WeakKeyDictionary()


class ClipLlm:
    """
    Args:
        clip: a CLIP of the host.
        temperature: 0 takes the likeliest token each time.

    Raises:
        InputError: for a CLIP that cannot generate.
    """

    def __init__(self, clip: Any, max_tokens: int = MAX_TOKENS, temperature: float = 0.0):
        kind = type(getattr(clip, "cond_stage_model", clip)).__name__
        self.name = f"clip ({kind})"
        found = _writer(clip)
        if found is None:
            raise InputError(f"clip is a {kind}, which cannot write: expected {EXPECTED}, or nothing at clip.")
        self.key, self.network, self.tokenizer = found
        self.clip, self.max_tokens, self.temperature = clip, max_tokens, temperature
        self.vocabulary: dict[str, int] = self.tokenizer.get_vocab()
        if self.tokenizer not in _masks:
            _masks[self.tokenizer] = TokenMasks(token_texts(self.vocabulary))
        self.masks = _masks[self.tokenizer]
        made = getattr(self.network.model.config, "stop_tokens", None)
        self.ends = list(made or (self.vocabulary[token] for token in _ENDS if token in self.vocabulary))

    def write(self, messages: list[Message], seed: int = 0) -> str:
        """A scene text, valid in its language though not always possible."""
        tokens = {self.key: [[(token, 1.0) for token in self._chat(messages)]]}
        decoding = SceneDecoding(self.masks, self.ends)
        with self._writing(decoding):
            try:
                self.clip.generate(
                    tokens,
                    do_sample=self.temperature > 0,
                    max_length=self.max_tokens,
                    temperature=self.temperature or 1.0,
                    top_k=0,
                    top_p=1.0,
                    seed=seed,
                )
            except _WrittenError:
                pass
        return decoding.text

    @contextmanager
    def _writing(self, decoding: SceneDecoding) -> Iterator[None]:
        """Within the block, the network samples only tokens of valid scene text."""
        original, config, ends = self.network.sample_token, self.network.model.config, set(self.ends)
        lacks_stop = not hasattr(config, "stop_tokens")
        over = False

        def sample_token(logits: Tensor, *args: Any, **options: Any) -> Tensor:
            nonlocal over
            if over:  # some networks know fewer tokens that end a text
                raise _WrittenError
            comfy.model_management.throw_exception_if_processing_interrupted()
            token = original(decoding.mask(logits), *args, **options)
            number = int(token[0])
            over = number in ends
            decoding.take(number)
            return token

        self.network.sample_token = sample_token
        if lacks_stop:
            config.stop_tokens = self.ends
        try:
            yield
        finally:
            del self.network.sample_token
            if lacks_stop:
                del config.stop_tokens

    def _chat(self, messages: list[Message]) -> list[int]:
        """The tokens of a chat that ends where the answer begins. Words of the user never become control tokens."""
        mark = next((mark for mark in _CHATS if mark in self.vocabulary), None)
        turn, answer = _CHATS.get(mark, ("{content}\n\n", ""))
        if mark in _NO_SYSTEM:
            first, second, *rest = messages
            messages = [{"role": "user", "content": f"{first['content']}\n\n{second['content']}"}, *rest]
        names = {"assistant": "model"} if answer.endswith("model\n") else {}
        ids = [self.vocabulary[token] for token in ("<bos>", "<s>") if token in self.vocabulary][:1]
        for message in messages:
            before, after = turn.format(role=names.get(message["role"], message["role"]), content="\0").split("\0")
            ids += [*self._control(before), *self._plain(message["content"]), *self._control(after)]
        ids += self._control(answer)
        if "<think>" in self.vocabulary:
            ids += self._control(_NO_THOUGHTS)
        return ids

    def _control(self, text: str) -> list[int]:
        """Tokens of a template, whose marks are one token each."""
        ids: list[int] = []
        for piece in re.split(r"(<[^<> ]+>|\[/?INST\])", text):
            if piece:
                ids += [self.vocabulary[piece]] if piece in self.vocabulary else self._encode(piece)
        return ids

    def _plain(self, text: str) -> list[int]:
        # All marks begin with one of these: cut behind it, none is left.
        return [token for piece in re.split(r"(?<=[<\[])", text) if piece for token in self._encode(piece)]

    def _encode(self, text: str) -> list[int]:
        inner = getattr(self.tokenizer, "tokenizer", None)
        if inner is not None and hasattr(inner, "id_to_piece"):  # sentencepiece
            return list(inner.encode(text, add_bos=False, add_eos=False))
        if hasattr(self.tokenizer, "encode"):
            return list(self.tokenizer.encode(text, add_special_tokens=False))
        return list(self.tokenizer(text)["input_ids"])


class _WrittenError(Exception):
    """The text is at its end."""


def _writer(clip: Any) -> tuple[str, Any, Any] | None:
    """The name in the CLIP, the network and the tokenizer of what can generate; None if nothing can."""
    model, tokenizers = getattr(clip, "cond_stage_model", None), getattr(clip, "tokenizer", None)
    if model is None or not callable(getattr(clip, "generate", None)):
        return None
    for key, module in model.named_children():
        network = getattr(module, "transformer", None)
        if not all(callable(getattr(network, name, None)) for name in ("generate", "sample_token", "logits")):
            continue
        wrapper = getattr(tokenizers, key, None) or getattr(tokenizers, getattr(tokenizers, "clip", ""), None)
        tokenizer = getattr(wrapper, "tokenizer", None)
        if callable(getattr(tokenizer, "get_vocab", None)):
            return key, network, tokenizer
    return None
