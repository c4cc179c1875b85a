"""The bar of a node that works on one image after the other."""

from __future__ import annotations

from collections.abc import Callable

import comfy.model_management
import comfy.utils


def image_progress(total: int) -> Callable[[], None]:
    """What to call after each of `total` images: it moves the bar, and ends the node when the user has cancelled."""
    bar = comfy.utils.ProgressBar(total)

    def step() -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        bar.update(1)

    return step
