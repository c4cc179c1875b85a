"""What the multimodal LLM understood of a prompt: its prompt embeddings and the keys and values of one prefill."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from PIL import Image
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ..errors import InputError
from ..images import to_image, to_rgb, to_tensor
from ..needed import needed
from ..texts import check_text, plain_ids
from .config import sample_layers

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, Qwen2VLImageProcessorPil

IMAGE_TEXT = "Picture {}: <|vision_start|><|image_pad|><|vision_end|>"
CHAT_SUFFIX = "<|im_end|>\n<|im_start|>assistant\n"

IMAGE_PIXELS = 384 * 384  # the area at which Qwen-Image-Edit-Plus shows source images to the MLLM
IMAGE_MULTIPLE = 32
NO_TOKEN = -1  # the id of a token that an LLM does not have
MAX_ASPECT = 200


@dataclass(frozen=True)
class LanguageModel:
    """A family of LLMs whose keys and values are read: causal, with rotary positions.

    class_name: of transformers. sees: whether it has a vision tower. image_mean, image_std: of the images that it
    is shown; None for those of the image processor's class.
    """

    class_name: str
    sees: bool = True
    image_mean: float | None = None
    image_std: float | None = None


# By the model_type of its configuration.
LANGUAGE_MODELS = {
    "qwen2_5_vl": LanguageModel("Qwen2_5_VLForConditionalGeneration"),
    "qwen3_vl": LanguageModel("Qwen3VLForConditionalGeneration", image_mean=0.5, image_std=0.5),
    "qwen3": LanguageModel("Qwen3Model", sees=False),
}


def language_model(kind: str) -> LanguageModel:
    """That of a configuration's model_type; an InputError if its keys and values cannot be read."""
    if kind not in LANGUAGE_MODELS:
        raise InputError(f"the text encoder is of the kind {kind}: expected {' or '.join(LANGUAGE_MODELS)}.")
    return LANGUAGE_MODELS[kind]


def without_head(text_encoder: PreTrainedModel) -> Any:
    """The network that is called, without the head that gives the next token."""
    return getattr(text_encoder, "model", text_encoder)


def decoder_of(text_encoder: PreTrainedModel) -> Any:
    """The layers that read text, with the final norm after them."""
    model = without_head(text_encoder)
    return getattr(model, "language_model", model)


@dataclass(frozen=True)
class ChatTemplate:
    """The chat in which a diffusion model's prompts stand before the MLLM.

    system: the instruction before a prompt; None for a chat without. system_edit: the one before an instruction about
    images; None where the MLLM is not shown source images. suffix: what follows the prompt. keeps_prefix: whether
    the prompt embeddings have the tokens before the user's own content; keeps_turn: of these, whether they have those
    that open the user's turn.
    hidden_layer: which hidden states they are: None for those after the MLLM's final norm, -1 for those of its last
    layer, -2 for those of the one before. image, image_separator: how image number {} is written before the
    prompt, and what stands between two. image_pixels: the area at which the MLLM is shown them; None for their own.
    empty: what stands for an empty prompt.
    """

    system: str | None
    system_edit: str | None
    suffix: str = CHAT_SUFFIX
    keeps_prefix: bool = False
    keeps_turn: bool = False
    hidden_layer: int | None = None
    image: str = IMAGE_TEXT
    image_separator: str = ""
    image_pixels: int | None = IMAGE_PIXELS
    empty: str = ""


# To the letter as the diffusion model was trained with it: without images that of Qwen-Image, with images that of
# Qwen-Image-Edit-Plus. It is also that of the tiny model; those of other backbones are in their files.
QWEN_IMAGE = ChatTemplate(
    system="Describe the image by detailing the color, shape, size, texture, quantity, text, spatial relationships of "
    "the objects and background:",
    system_edit="Describe the key features of the input image (color, shape, size, texture, objects, background), then "
    "explain how the user's text instruction should alter or modify the image. Generate a new image that meets the "
    "user's requirements while maintaining consistency with the original input where appropriate.",
)


def chat_prefix(num_images: int, template: ChatTemplate = QWEN_IMAGE) -> str:
    """Everything of the chat that stands before the user's own content (images and prompt)."""
    return _system_turn(num_images, template) + "<|im_start|>user\n"


def chat(prompt: str, num_images: int = 0, template: ChatTemplate = QWEN_IMAGE) -> str:
    """The whole text that the MLLM reads for `prompt`, with one <|image_pad|> for each image."""
    images = template.image_separator.join(template.image.format(i + 1) for i in range(num_images))
    return chat_prefix(num_images, template) + images + (prompt or template.empty) + template.suffix


def _system_turn(num_images: int, template: ChatTemplate) -> str:
    system = template.system_edit if num_images else template.system
    return "" if system is None else f"<|im_start|>system\n{system}<|im_end|>\n"


@dataclass
class SemanticContext:
    """One prefill of the MLLM for a batch of prompts; everything is right-padded.

    prompt_embeds [B, Tp, D]: last hidden states, as the chat's template says: after or before the final norm, with or
        without its prefix.
    prompt_mask [B, Tp] bool: true where `prompt_embeds` holds a token.
    keys, values: for each of L sampled layers [B, kv_heads, T, head_dim], with the template's prefix; keys after RoPE.
    mask [B, T] bool: true where `keys` and `values` hold a token.
    next_position [B] long: the RoPE position at which the next token would stand.
    image_mask [B, Tp] bool: true where `prompt_embeds` holds a token of an image; nowhere if it is not given.
    """

    prompt_embeds: Tensor
    prompt_mask: Tensor
    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    mask: Tensor
    next_position: Tensor
    image_mask: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.bool))

    def __post_init__(self) -> None:
        if self.image_mask.numel() == 0:
            self.image_mask = torch.zeros_like(self.prompt_mask)
        batch, tokens = self.mask.shape
        shapes = {tensor.shape for tensor in (*self.keys, *self.values)}
        if len(self.keys) != len(self.values) or len(shapes) > 1:
            raise ValueError(f"keys and values must be equally many tensors of one shape, not {sorted(shapes)}")
        if any(shape[0] != batch or shape[2] != tokens for shape in shapes):
            raise ValueError(f"keys {tuple(shapes.pop())} do not fit a mask of {tuple(self.mask.shape)}")
        if self.prompt_embeds.shape[:2] != self.prompt_mask.shape or len(self.prompt_mask) != batch:
            raise ValueError(
                f"prompt_embeds {tuple(self.prompt_embeds.shape)} do not fit a prompt_mask of "
                f"{tuple(self.prompt_mask.shape)} and a batch of {batch}"
            )
        if self.image_mask.shape != self.prompt_mask.shape:
            raise ValueError(
                f"an image_mask of {tuple(self.image_mask.shape)} does not fit a prompt_mask of "
                f"{tuple(self.prompt_mask.shape)}"
            )
        if any(mask.dtype != torch.bool for mask in (self.mask, self.prompt_mask, self.image_mask)):
            raise ValueError("mask, prompt_mask and image_mask must be boolean")
        if self.next_position.shape != (batch,):
            raise ValueError(f"next_position must have shape [{batch}], not {list(self.next_position.shape)}")

    def __len__(self) -> int:
        return len(self.mask)

    @property
    def device(self) -> torch.device:
        return self.mask.device

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> SemanticContext:
        """Move everything to `device` and the floating-point tensors to `dtype`."""
        return SemanticContext(
            self.prompt_embeds.to(device, dtype),
            self.prompt_mask.to(device),
            tuple(k.to(device, dtype) for k in self.keys),
            tuple(v.to(device, dtype) for v in self.values),
            self.mask.to(device),
            self.next_position.to(device),
            self.image_mask.to(device),
        )

    def select(self, indices: Sequence[int] | Tensor | slice) -> SemanticContext:
        """The samples at `indices` (an index may occur more than once), with padding that none needs cut off."""
        if not isinstance(indices, slice):
            indices = torch.as_tensor(indices, dtype=torch.long, device=self.device)
        mask, prompt_mask = self.mask[indices], self.prompt_mask[indices]
        t, tp = _longest(mask), _longest(prompt_mask)
        return SemanticContext(
            self.prompt_embeds[indices, :tp],
            prompt_mask[:, :tp],
            tuple(k[indices, :, :t] for k in self.keys),
            tuple(v[indices, :, :t] for v in self.values),
            mask[:, :t],
            self.next_position[indices],
            self.image_mask[indices, :tp],
        )

    def with_noise(self, amount: float, generators: Sequence[torch.Generator]) -> SemanticContext:
        """Gaussian noise on keys and values, as weights of few bits would move them.

        Its deviation is `amount` times the root mean square that a channel of a head has over the sample's tokens, so
        that channels which the MLLM makes large do not drown the others. A sample's noise comes from its own CPU
        generator and does not depend on the batch that it is in.
        """
        lengths = self.mask.sum(1).tolist()

        def noised(tensor: Tensor) -> Tensor:
            noise = torch.zeros_like(tensor)
            for i, (length, generator) in enumerate(zip(lengths, generators, strict=True)):
                part = tensor[i, :, :length].detach().float()
                scale = part.square().mean(1, keepdim=True).sqrt()
                noise[i, :, :length] = amount * scale * torch.randn(part.shape, generator=generator).to(scale)
            return tensor + noise

        pairs = [(noised(k), noised(v)) for k, v in zip(self.keys, self.values)]
        keys, values = zip(*pairs)
        return replace(self, keys=keys, values=values)

    def __getitem__(self, index: int | slice | Sequence[int] | Tensor) -> SemanticContext:
        """As `select`; a single index keeps a batch of one."""
        if isinstance(index, int):
            if not -len(self) <= index < len(self):
                raise IndexError(index)
            index = [index]
        return self.select(index)

    @staticmethod
    def of_embeds(prompt_embeds: Tensor, prompt_mask: Tensor) -> SemanticContext:
        """Of embeddings alone, without keys and values: the diffusion model can read it, and depth cannot be drawn."""
        batch, device = len(prompt_mask), prompt_mask.device
        nothing = torch.zeros(batch, 0, dtype=torch.bool, device=device)
        return SemanticContext(prompt_embeds, prompt_mask, (), (), nothing, nothing.sum(1))

    @staticmethod
    def cat(contexts: Sequence[SemanticContext]) -> SemanticContext:
        """Join batches; shorter ones are padded on the right to the longest."""
        t = max(context.mask.shape[1] for context in contexts)
        tp = max(context.prompt_mask.shape[1] for context in contexts)
        layers = range(len(contexts[0].keys))
        return SemanticContext(
            torch.cat([_pad(context.prompt_embeds, 1, tp) for context in contexts]),
            torch.cat([_pad(context.prompt_mask, 1, tp) for context in contexts]),
            tuple(torch.cat([_pad(context.keys[i], 2, t) for context in contexts]) for i in layers),
            tuple(torch.cat([_pad(context.values[i], 2, t) for context in contexts]) for i in layers),
            torch.cat([_pad(context.mask, 1, t) for context in contexts]),
            torch.cat([context.next_position for context in contexts]),
            torch.cat([_pad(context.image_mask, 1, tp) for context in contexts]),
        )


def fit_text(prompt_embeds: Tensor, prompt_mask: Tensor, multiple: int = 1) -> tuple[Tensor, Tensor | None]:
    """Trim to the longest prompt, then pad to a multiple; the mask is None where every token counts."""
    longest = int(prompt_mask.sum(1).max())
    length = -(-longest // multiple) * multiple
    missing = max(0, length - prompt_mask.shape[1])
    embeds = F.pad(prompt_embeds, (0, 0, 0, missing))[:, :length]
    mask = F.pad(prompt_mask, (0, missing))[:, :length]
    return embeds, None if multiple == 1 and bool(mask.all()) else mask


def _longest(mask: Tensor) -> int:
    return int(mask.sum(1).max()) if len(mask) else 0


def _pad(tensor: Tensor, dim: int, length: int) -> Tensor:
    missing = length - tensor.shape[dim]
    return F.pad(tensor, [0, 0] * (tensor.ndim - 1 - dim) + [0, missing]) if missing else tensor


class PromptEncoder:
    """Turns prompts, and the images they talk about, into a SemanticContext with one prefill of a frozen MLLM.

    `num_layers`: how many layers' keys and values are handed on; `llm_layers`: which, see `config.sample_layers`.
    `template`: that of the diffusion model; it also says whether the MLLM is shown images.
    """

    def __init__(
        self,
        text_encoder: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        image_processor: Qwen2VLImageProcessorPil | None,
        num_layers: int,
        template: ChatTemplate = QWEN_IMAGE,
        llm_layers: str = "uniform",
    ) -> None:
        self.template = template
        self.text_encoder = text_encoder
        self.tokenizer = tokenizer
        self.image_processor = image_processor
        config = text_encoder.config
        total = config.get_text_config().num_hidden_layers
        self.layers = sample_layers(total, num_layers, llm_layers)
        self.image_token_id = NO_TOKEN
        if not language_model(config.model_type).sees:
            return
        self.image_token_id = config.image_token_id
        self.merge = config.vision_config.spatial_merge_size
        if tokenizer.convert_tokens_to_ids("<|image_pad|>") != self.image_token_id:
            raise InputError(
                f"the tokenizer and the text encoder do not belong together: <|image_pad|> is token "
                f"{tokenizer.convert_tokens_to_ids('<|image_pad|>')} of the one and {self.image_token_id} of the other."
            )

    @staticmethod
    def load(
        folder: str | Path,
        num_layers: int,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        template: ChatTemplate = QWEN_IMAGE,
        subfolders: Mapping[str, str] | None = None,
        llm_layers: str = "uniform",
    ) -> PromptEncoder:
        """Load text_encoder, tokenizer and image processor from a model folder in the layout of diffusers.

        subfolders: where they are, if not in folders of these names.
        """
        import transformers
        from transformers import AutoConfig, AutoTokenizer, Qwen2VLImageProcessorPil

        folder = Path(folder)
        names = subfolders or {}
        weights, vocabulary = (folder / names.get(part, part) for part in ("text_encoder", "tokenizer"))
        for path in (weights, vocabulary):
            if not path.is_dir():
                raise InputError(
                    f"{folder} has no {path.name} folder: expected a model folder with a trained text encoder."
                )
        family = language_model(AutoConfig.from_pretrained(weights, local_files_only=True).model_type)
        architecture = getattr(transformers, family.class_name)
        model = architecture.from_pretrained(weights, dtype=dtype, use_safetensors=True, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(vocabulary, local_files_only=True)
        # Ours is called image_processor, Qwen-Image-Edit's processor; Qwen-Image has none.
        named = (folder / name for name in ("image_processor", "processor"))
        found = [path for path in named if (path / "preprocessor_config.json").is_file()]
        processor: Qwen2VLImageProcessorPil | None
        if found and family.sees:
            processor = Qwen2VLImageProcessorPil.from_pretrained(found[0], local_files_only=True)
        else:
            processor = default_image_processor(model)
        model = model.to(device).eval().requires_grad_(False)
        return PromptEncoder(model, tokenizer, processor, num_layers, template, llm_layers)

    def encode(
        self,
        prompts: Sequence[str],
        images: Sequence[Sequence[Image.Image | Tensor]] | None = None,
        max_prompt_tokens: int = 512,
        allow_empty: bool = False,
        answers: Sequence[str] | None = None,
    ) -> SemanticContext:
        """Encode a batch; samples with and without images may be mixed.

        `images[i]` are the images that prompt i talks about: PIL images, or tensors [3, H, W] in [0, 1]; not read
        where the template shows the MLLM none.
        `max_prompt_tokens` limits the user's own text; template and images come on top.
        `allow_empty` admits the empty prompt of an unconditional context.
        `answers[i]` is what the MLLM is taken to have answered to prompt i, a scene text, or "" for nothing. Its keys
        and values stand behind the prompt's. The prompt embeddings end before it, so the diffusion model sees none.
        """
        device = self.text_encoder.device
        fitted = self._fit(prompts, images)
        grids = [[grid(image, needed(self.image_processor)) for image in group] for group in fitted]
        for prompt in prompts:
            self._check(prompt, max_prompt_tokens, allow_empty)
        prompt_lengths, tokens = [], []
        for prompt, sizes, answer in zip(prompts, grids, answers or [""] * len(prompts), strict=True):
            asked = self.token_ids(prompt, sizes)
            prompt_lengths.append(len(asked))
            tokens.append(torch.cat([asked, self.answer_ids(answer)]))

        ids = pad_sequence(tokens, batch_first=True, padding_value=self.tokenizer.pad_token_id)
        lengths = torch.tensor([len(t) for t in tokens])
        mask = torch.arange(ids.shape[1]) < lengths[:, None]
        vision = {name: tensor.to(device) for name, tensor in self._vision(fitted, ids).items()}
        read: list[Tensor] = []
        handle = self._hidden_module().register_forward_pre_hook(lambda _module, args: read.append(args[0]))
        try:
            with torch.no_grad():
                output = without_head(self.text_encoder)(
                    input_ids=ids.to(device), attention_mask=mask.long().to(device), use_cache=True, **vision
                )
        finally:
            handle.remove()

        cache = output.past_key_values
        hidden = output.last_hidden_state if self.template.hidden_layer is None else read[0]
        ends = [(self._start(len(sizes)), length) for sizes, length in zip(grids, prompt_lengths)]
        embeds = [hidden[i, start:length] for i, (start, length) in enumerate(ends)]
        embedded = torch.tensor([length - start for start, length in ends])
        of_images = [t[start:length] == self.image_token_id for t, (start, length) in zip(tokens, ends)]
        return SemanticContext(
            prompt_embeds=pad_sequence(embeds, batch_first=True),
            prompt_mask=(torch.arange(int(embedded.max())) < embedded[:, None]).to(device),
            keys=tuple(cache.layers[i].keys for i in self.layers),
            values=tuple(cache.layers[i].values for i in self.layers),
            mask=mask.to(device),
            next_position=torch.tensor([self.next_position(t, s) for t, s in zip(tokens, grids)], device=device),
            image_mask=pad_sequence(of_images, batch_first=True).to(device),
        )

    def _fit(
        self, prompts: Sequence[str], images: Sequence[Sequence[Image.Image | Tensor]] | None
    ) -> list[list[Tensor]]:
        """The images of each prompt, [3, H, W] at the size at which the MLLM sees them; none where it sees none."""
        if images is not None and len(images) != len(prompts):
            raise InputError(f"{len(prompts)} prompts were given with {len(images)} lists of images: one list each.")
        if not prompts:
            raise InputError("no prompt was given: expected at least one.")
        if images is None or self.template.system_edit is None or not any(images):
            return [[] for _ in prompts]
        processor, area = self.image_processor, self.template.image_pixels
        if processor is None:
            raise InputError("images were given, but the text encoder sees none: expected prompts alone.")
        return [[resize_to_area(image, processor, area) for image in group] for group in images]

    def _vision(self, images: Sequence[Sequence[Tensor]], ids: Tensor) -> dict[str, Tensor]:
        """What the MLLM takes for the images of each chat in `ids` [B, T], on the CPU; nothing where there are none."""
        flat = [image for group in images for image in group]
        if not flat:
            return {}
        processor = needed(self.image_processor)
        return {
            "pixel_values": torch.cat([patchify(image[None], processor) for image in flat]),
            "image_grid_thw": torch.tensor([(1, *grid(image, processor)) for image in flat]),
            # Without these the model silently falls back to one-dimensional positions.
            "mm_token_type_ids": (ids == self.image_token_id).int(),
        }

    def _hidden_module(self) -> nn.Module:
        """The module that is given the hidden states of the template's `hidden_layer`."""
        decoder = decoder_of(self.text_encoder)
        return [*decoder.layers, decoder.norm][self.template.hidden_layer or -1]

    def prefix_length(self, num_images: int) -> int:
        """Number of template tokens before the user's content; `prompt_embeds` starts after them, or with them."""
        return len(self.tokenizer.encode(chat_prefix(num_images, self.template), add_special_tokens=False))

    def _start(self, num_images: int) -> int:
        """Where `prompt_embeds` starts."""
        if self.template.keeps_prefix:
            return 0
        if self.template.keeps_turn:
            return len(self.tokenizer.encode(_system_turn(num_images, self.template), add_special_tokens=False))
        return self.prefix_length(num_images)

    def token_ids(self, prompt: str, grids: Sequence[tuple[int, int]] = ()) -> Tensor:
        """Token ids [T] of the whole chat; an image of (h, w) patches takes h * w / merge^2 image tokens.

        The prompt's own are those of plain text, whatever stands in it.
        """
        template, words = self.template, prompt or self.template.empty
        before, _, after = chat("{}", len(grids), template).rpartition("{}")
        # A line break at the end of the template may be one token with those that the prompt begins with.
        cut = before.rfind(">") + 1
        ids = self.tokenizer.encode(before[:cut], add_special_tokens=False)
        ids += plain_ids(self.tokenizer, before[cut:] + words)
        ids += self.tokenizer.encode(after, add_special_tokens=False)
        sizes = iter(grids)
        expanded = []
        for token in ids:
            count = math.prod(next(sizes)) // self.merge**2 if token == self.image_token_id else 1
            expanded += [token] * count
        return torch.tensor(expanded)

    def answer_ids(self, answer: str) -> Tensor:
        """Token ids [T] of what the MLLM answers, which follows the whole chat."""
        return torch.tensor(plain_ids(self.tokenizer, answer), dtype=torch.long)

    def next_position(self, ids: Tensor, grids: Sequence[tuple[int, int]]) -> int:
        # An image of h x w tokens advances the position by max(h, w), not by h * w.
        text = len(ids) - int((ids == self.image_token_id).sum())
        return text + sum(max(size) // self.merge for size in grids)

    def readable(self, prompt: str, max_prompt_tokens: int = 512) -> str:
        """A text from the world as `encode` takes it: cut where it is too long."""
        ids = plain_ids(self.tokenizer, prompt)
        # Cut within a word, the end may be more tokens when it is read again.
        return prompt if len(ids) <= max_prompt_tokens else str(self.tokenizer.decode(ids[: max_prompt_tokens - 8]))

    def _check(self, prompt: str, limit: int, allow_empty: bool) -> None:
        if not prompt.strip() and not allow_empty:
            raise InputError("the prompt is empty: describe the image in a sentence.")
        check_text(prompt, "the prompt")
        count = len(plain_ids(self.tokenizer, prompt))
        if count > limit:
            raise InputError(f"the prompt {_short(prompt)} has {count} tokens: at most {limit} are read.")


def default_image_processor(text_encoder: PreTrainedModel) -> Qwen2VLImageProcessorPil | None:
    """The image processor of a multimodal LLM that comes without one, as Qwen-Image's does; None for an LLM that sees
    nothing."""
    from transformers import Qwen2VLImageProcessorPil

    family = language_model(text_encoder.config.model_type)
    if not family.sees:
        return None
    vision = text_encoder.config.vision_config
    said = {"image_mean": family.image_mean, "image_std": family.image_std}
    statistics: dict[str, Any] = {name: [value] * 3 for name, value in said.items() if value is not None}
    return Qwen2VLImageProcessorPil(
        patch_size=vision.patch_size,
        temporal_patch_size=vision.temporal_patch_size,
        merge_size=vision.spatial_merge_size,
        **statistics,
    )


def resize_to_area(
    image: Image.Image | Tensor, processor: Qwen2VLImageProcessorPil, pixels: int | None = IMAGE_PIXELS
) -> Tensor:
    """Bring an image to the size at which the MLLM sees it: [3, H, W] in [0, 1].

    The area is `pixels`, by default that of Qwen-Image-Edit-Plus, or the image's own for None, or the processor's
    largest if that is less; the aspect ratio is kept.
    """
    height, width = image.shape[-2:] if isinstance(image, Tensor) else (image.height, image.width)
    if min(height, width) == 0 or max(height, width) > MAX_ASPECT * min(height, width):
        raise InputError(
            f"an input image has {width} x {height} pixels: expected sides above zero, neither more than "
            f"{MAX_ASPECT} times the other."
        )
    area = min(height * width if pixels is None else pixels, processor.size["longest_edge"])
    near = [max(1, round(math.sqrt(area * ratio) / IMAGE_MULTIPLE)) for ratio in (width / height, height / width)]
    factor = processor.patch_size * processor.merge_size
    size = [max(1, round(side * IMAGE_MULTIPLE / factor)) * factor for side in near]
    if isinstance(image, Tensor):
        if [width, height] == size:
            return image.float().cpu()
        image = to_image(image)
    image = to_rgb(image, "an input image")
    # Two resizes, as in diffusers: to the area in multiples of 32, then to whole tokens.
    image = image.resize([side * IMAGE_MULTIPLE for side in near], Image.Resampling.LANCZOS)
    image = image.resize(size, Image.Resampling(processor.resample))
    return to_tensor(image)


def grid(image: Tensor, processor: Qwen2VLImageProcessorPil) -> tuple[int, int]:
    """Rows and columns of patches of fitted images [..., H, W]."""
    return image.shape[-2] // processor.patch_size, image.shape[-1] // processor.patch_size


def patchify(images: Tensor, processor: Qwen2VLImageProcessorPil) -> Tensor:
    """Cut fitted images [N, 3, H, W] in [0, 1] into the vision tower's `pixel_values` [N * patches, values]."""
    mean = torch.tensor(processor.image_mean, device=images.device).view(3, 1, 1)
    std = torch.tensor(processor.image_std, device=images.device).view(3, 1, 1)
    patches = rearrange(
        (images - mean) / std,
        "n c (gh mh ph) (gw mw pw) -> (n gh gw mh mw) c ph pw",
        mh=processor.merge_size,
        mw=processor.merge_size,
        ph=processor.patch_size,
        pw=processor.patch_size,
    )
    return repeat(patches, "n c ph pw -> n (c t ph pw)", t=processor.temporal_patch_size)


def _short(prompt: str) -> str:
    return repr(prompt if len(prompt) <= 40 else prompt[:37] + "...")
