"""The bar that shows how far a command is."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def progress_bar(items: Iterable[Any] | None = None, *, what: str, unit: str = "batch", **options: Any) -> tqdm:
    """A tqdm bar over `items`, or one of `total` that `update` moves; in a log file it is a line every 30 s.

    options: of tqdm, such as total, initial, leave and disable.
    """
    every = {} if sys.stderr.isatty() else {"mininterval": 30.0, "maxinterval": 60.0}  # every refresh is a line there
    return tqdm(items, desc=what, unit=unit, **every, **options)
