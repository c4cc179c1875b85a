"""What every part of the foundation judge states of itself."""

from __future__ import annotations

from typing import Protocol


class Named(Protocol):
    """name: the method; weights: where they came from; licence: of the weights. `FoundationJudge.parts` gives them."""

    @property
    def name(self) -> str: ...

    @property
    def weights(self) -> str: ...

    @property
    def licence(self) -> str: ...
