"""Words of a prompt that the built-in model has not learned, said on the node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..spatialfusion.scenes.vocabulary import unknown_words_warning

if TYPE_CHECKING:
    from .host.loaded import LoadedModel


def about_words(loaded: LoadedModel, clip: object, prompt: str) -> list[str]:
    """A warning, or nothing: only the built-in language model reads rendered captions alone."""
    if clip is not None or loaded.encoder is None:
        return []
    warning = unknown_words_warning(prompt)
    return [f"Warning: {warning}"] if warning else []
