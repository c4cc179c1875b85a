"""A language model's tokens held to valid scene text while it writes: the state of one text, and transformers' hook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from .prefix import Prefix
from .token_masks import TokenMasks


class SceneDecoding:
    """One text while it is written token by token.

    Args:
        masks: of the tokenizer's vocabulary.
        ends: ids of the tokens that end a text.
    """

    def __init__(self, masks: TokenMasks, ends: Iterable[int]):
        self.masks = masks
        self.ends = sorted(set(ends))
        self.prefix = Prefix.begin()

    def mask(self, scores: Tensor) -> Tensor:
        """Scores of the next token [..., V], with those that may not come set to minus infinity."""
        allowed = torch.from_numpy(self._allowed(scores.shape[-1])).to(scores.device)
        return scores.masked_fill(~allowed, -torch.inf)

    def _allowed(self, size: int) -> np.ndarray:
        mask = self.masks.allowed(self.prefix)
        found = np.zeros(size, dtype=bool)
        found[: len(mask)] = mask[:size]
        ends = [token for token in self.ends if token < size]
        found[ends] = self.prefix.complete
        # A vocabulary that lacks a letter can come to where nothing goes on: `text` completes what there is.
        if ends and not found.any():
            found[ends] = True
        return found

    def take(self, token: int) -> None:
        """The token that was chosen. One that does not fit, as an end may not, changes nothing."""
        text = self.masks.texts[token] if token < len(self.masks.texts) and token not in self.ends else None
        self.prefix = (self.prefix.feed(text) if text else None) or self.prefix

    @property
    def text(self) -> str:
        """What was written, completed where it was broken off."""
        text = self.prefix.text + self.prefix.finish()
        return text if text.endswith("\n") else text + "\n"


class SceneLogitsProcessor:
    """A `LogitsProcessor` of transformers for one text: scores [1, V] of tokens that are valid scene text alone.

    Args:
        decoding: the text, as it is written.
        start: how many tokens the prompt has.
    """

    def __init__(self, decoding: SceneDecoding, start: int):
        self.decoding = decoding
        self.seen = start

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        self.follow(input_ids[0].tolist())
        return self.decoding.mask(scores)

    def follow(self, ids: Sequence[int]) -> None:
        """Take the tokens that have come since the last call."""
        for token in ids[self.seen :]:
            self.decoding.take(token)
        self.seen = max(self.seen, len(ids))
