"""Detection: where in an image something stands that words describe, by Grounding DINO through transformers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from ...data.hub import read_json
from ...data.teachers.depth_pro import load_model
from ...data.teachers.teacher import require_package
from ...errors import InputError
from .named import Named

BOX_THRESHOLD, TEXT_THRESHOLD = 0.25, 0.20  # the values of GenSpace's evaluator


@dataclass(frozen=True)
class Detections:
    """Boxes of one image.

    boxes: [N, 4] left, top, right, bottom in pixels. scores: [N, Q] confidence of being what each query says, 0 if not.
    """

    boxes: Tensor
    scores: Tensor


class Detector(Named, Protocol):
    """Finds what queries describe."""

    def __call__(self, image: Tensor, queries: Sequence[str]) -> Detections:
        """image: [3, H, W] in [0, 1]; queries: such as "red car"."""


class GroundingDino:
    """See Detector.

    All queries are asked at once ("red car . blue house ."); the network keeps them apart. A box answers a query if its
    strongest token is above 0.25 and every word above 0.20, so that a blue car is no "red car"; its confidence is the
    mean of the words' strongest tokens.
    """

    name: ClassVar[str] = "grounding_dino"
    # SwinT-OGC, as in GenSpace's evaluator.
    WEIGHTS: ClassVar[str] = "IDEA-Research/grounding-dino-tiny"
    LICENCES: ClassVar[dict[str, str]] = {
        f"IDEA-Research/grounding-dino-{size}": "apache-2.0" for size in ("tiny", "base")
    }

    def __init__(self, folder: Path, weights: str, licence: str, device: torch.device | str):
        from tokenizers import Tokenizer
        from transformers import GroundingDinoForObjectDetection, GroundingDinoImageProcessorPil

        if read_json(folder / "config.json").get("model_type") != "grounding-dino":
            raise InputError(f"{folder} is not Grounding DINO: expected weights such as {self.WEIGHTS}.")
        words = folder / "tokenizer.json"
        if not words.is_file():
            raise InputError(f"{folder} has no tokenizer.json: expected the one that is published with the weights.")
        self.weights, self.licence, self.device = weights, licence, torch.device(device)
        self.model = load_model(GroundingDinoForObjectDetection, folder, self.device)
        try:
            self.tokenizer = Tokenizer.from_file(str(words))
        except Exception as error:  # the package raises nothing narrower
            raise InputError(f"{words} cannot be read ({str(error).splitlines()[0]}): fetch it again.") from None
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        settings = read_json(folder / "preprocessor_config.json")
        self.processor = GroundingDinoImageProcessorPil(size=settings.get("size"))

    @staticmethod
    def check_package() -> None:
        require_package("transformers", "pip install transformers")

    @torch.no_grad()
    def __call__(self, image: Tensor, queries: Sequence[str]) -> Detections:
        height, width = image.shape[-2:]
        text, words = _sentence(queries)
        tokens = self.tokenizer.encode(text)
        if len(tokens.ids) > self.model.config.max_text_len:
            raise InputError(
                f"the objects asked for take {len(tokens.ids)} tokens; expected {self.model.config.max_text_len} at "
                "most: ask for fewer, or in fewer words."
            )
        pixels = (image * 255).round().to(torch.uint8).cpu().numpy()
        inputs = self.processor(images=[pixels], return_tensors="pt", input_data_format="channels_first")
        ids = torch.tensor([tokens.ids], device=self.device)
        output = self.model(
            pixel_values=inputs["pixel_values"].to(self.device, self.model.dtype),
            pixel_mask=inputs["pixel_mask"].to(self.device),
            input_ids=ids,
            token_type_ids=torch.zeros_like(ids),
            attention_mask=torch.ones_like(ids),
        )
        center, size = output.pred_boxes[0].float().cpu().split(2, dim=-1)
        boxes = torch.cat([center - size / 2, center + size / 2], dim=-1) * torch.tensor([width, height] * 2)
        boxes = boxes.clamp(torch.zeros(4), torch.tensor([width, height] * 2))
        # [boxes, tokens]: how much each box is what the token says.
        named = output.logits[0].float().cpu().sigmoid()
        scores = torch.stack(
            [agreement(named, [_tokens_of(tokens.offsets, *word) for word in query]) for query in words], dim=-1
        )
        kept = (scores > 0).any(-1) & (boxes[:, 2:] - boxes[:, :2] >= 1).all(-1)
        return Detections(boxes[kept], scores[kept])


def _sentence(queries: Sequence[str]) -> tuple[str, list[list[tuple[int, int]]]]:
    """The text of all queries, and for each of them the [start, end) of its words in the text."""
    text, words = "", []
    for query in queries:
        spans = []
        for word in query.lower().split():
            spans.append((len(text), len(text) + len(word)))
            text += f"{word} "
        words.append(spans)
        text += ". "
    return text.strip(), words


def _tokens_of(offsets: list[tuple[int, int]], start: int, end: int) -> list[int]:
    return [i for i, (first, last) in enumerate(offsets) if first < end and last > start]


def agreement(named: Tensor, words: list[list[int]]) -> Tensor:
    """[N] confidence of boxes in all words of a query, from [N, tokens] and the positions of each word's tokens."""
    # A word may have no token: the tokenizer drops what it cannot print.
    if not any(words):
        return named.new_zeros(len(named))
    strongest = torch.stack([named[:, tokens].amax(-1) for tokens in words if tokens], dim=-1)
    agrees = (strongest.amax(-1) > BOX_THRESHOLD) & (strongest.amin(-1) > TEXT_THRESHOLD)
    return strongest.mean(-1) * agrees
