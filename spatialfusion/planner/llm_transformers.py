"""A language model of transformers as planner: a causal one, or a Qwen2.5-VL such as a pipeline's own MLLM."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..errors import InputError
from ..texts import plain_ids
from .grammar_decoding import SceneDecoding, SceneLogitsProcessor
from .llm import MAX_TOKENS, Message
from .token_masks import TokenMasks, token_texts

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_PLACE = "SCENE-WRITER-{}"  # for somebody's words in the chat, while the template is filled in
_ENDS = ("<|im_end|>", "<|endoftext|>", "<end_of_turn>", "<|eot_id|>", "</s>", "<eos>")


class TransformersLlm:
    """Writes under the grammar of scene text, so that whatever it writes can be read.

    Args:
        model: a model that generates.
        tokenizer: with a chat template, or the chat is plain text.
        max_tokens: after which the text is brought to an end.
        temperature: 0 takes the likeliest token each time.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        name: str = "the language model",
        max_tokens: int = MAX_TOKENS,
        temperature: float = 0.0,
    ):
        if not callable(getattr(model, "generate", None)):
            raise InputError(f"{name} is a {type(model).__name__}, which cannot generate: expected a causal model.")
        self.tokenizer, self.name = tokenizer, name
        self.model: Any = model  # what generates has no type of its own in transformers
        self.max_tokens, self.temperature = max_tokens, temperature
        special = [*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()]
        self.masks = TokenMasks(token_texts(tokenizer.get_vocab(), special))
        self.ends = self._ends()

    def write(self, messages: list[Message], seed: int = 0) -> str:
        """A scene text, valid in its language though not always possible."""
        from transformers import LogitsProcessorList

        ids = torch.tensor([chat_ids(self.tokenizer, messages)], device=self.model.device)
        decoding = SceneDecoding(self.masks, self.ends)
        processor = SceneLogitsProcessor(decoding, ids.shape[1])
        sampling: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        if self.temperature > 0:
            sampling = {"do_sample": True, "temperature": self.temperature, "top_k": 0, "top_p": 1.0}
        devices = [self.model.device] if self.model.device.type == "cuda" else []
        with torch.random.fork_rng(devices), torch.inference_mode():
            torch.manual_seed(seed % 2**63)
            found = self.model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                logits_processor=LogitsProcessorList([processor]),
                max_new_tokens=self.max_tokens,
                eos_token_id=self.ends or None,
                pad_token_id=self.ends[0] if self.ends else None,
                **sampling,
            )
        processor.follow(found[0].tolist())
        return decoding.text

    def _ends(self) -> list[int]:
        """The tokens that end a text: those that the model was made with, and those of chats."""
        made = getattr(getattr(self.model, "generation_config", None), "eos_token_id", None)
        ends = [made] if isinstance(made, int) else list(made or ())
        vocabulary = self.tokenizer.get_vocab()
        known = [vocabulary[token] for token in _ENDS if token in vocabulary]
        return list(
            dict.fromkeys(filter(lambda token: token is not None, [*ends, self.tokenizer.eos_token_id, *known]))
        )


def chat_ids(tokenizer: PreTrainedTokenizerBase, messages: list[Message]) -> list[int]:
    """The tokens of a chat that ends where the answer begins. What somebody has written never is one of control."""
    places = [{**message, "content": _PLACE.format(i)} for i, message in enumerate(messages)]
    said = [message["content"] for message in messages]
    options: dict[str, Any] = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}
    if not tokenizer.chat_template:
        text = "\n\n".join(message["content"] for message in places) + "\n"
    else:
        try:
            text = str(tokenizer.apply_chat_template(places, **options))
        except Exception:  # a template of Jinja: some know no "system"
            first, second, *rest = places
            merged = {"role": "user", "content": f"{first['content']}\n\n{second['content']}"}
            text = str(tokenizer.apply_chat_template([merged, *rest], **options))
    ids: list[int] = []
    for piece in re.split(f"({_PLACE.format('[0-9]+')})", text):
        found = re.fullmatch(_PLACE.format("([0-9]+)"), piece)
        if found:
            ids += plain_ids(tokenizer, said[int(found[1])])
        elif piece:
            ids += tokenizer.encode(piece, add_special_tokens=False)
    if not tokenizer.chat_template and tokenizer.bos_token_id is not None:
        ids = [tokenizer.bos_token_id, *ids]
    return ids


def load_transformers_llm(where: str, device: str | None = None) -> TransformersLlm:
    """A model by its folder or its name on the hub. Raises InputError for what is none that generates."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText, AutoTokenizer

    from ..devices import usable_device

    folder = Path(where).expanduser()
    if not folder.is_dir() and not re.fullmatch(r"[\w.-]+/[\w.-]+", where):
        raise InputError(f"there is no folder {where}: expected a language model's folder or hub name, or an address.")
    place = usable_device(device)
    try:
        options: dict[str, Any] = {"trust_remote_code": False}
        config = AutoConfig.from_pretrained(where, **options)
        tokenizer = AutoTokenizer.from_pretrained(where, **options)
        kind = AutoModelForImageTextToText if hasattr(config, "vision_config") else AutoModelForCausalLM
        model: Any = kind.from_pretrained(where, dtype="auto", use_safetensors=True, **options)
    except (OSError, ValueError, KeyError, ImportError, json.JSONDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{where} cannot be read as a language model ({reason[:200]}): expected one of transformers that "
            "generates, with its tokenizer, in safetensors."
        ) from None
    return TransformersLlm(model.to(place).eval(), tokenizer, name=where)
