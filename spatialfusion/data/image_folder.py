"""Images in a folder, each with a text file of its name beside it, as trainers of LoRAs (kohya) take them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from .image_files import RecordError
from .items import Columns, Item, decoded, digest, read_bounded

CAPTION_ENDINGS = (".txt", ".caption")


class ImageFolderInput:
    """
    Args:
        names: of the images, relative to the folder.
    """

    def __init__(self, folder: Path, names: Sequence[str]):
        self.folder, self.names = folder, names

    def __len__(self) -> int:
        return len(self.names)

    def read(self, start: int, stop: int) -> Iterator[Item | tuple[str, str]]:
        for name in self.names[start:stop]:
            path = self.folder / name
            try:
                row = {"image": read_bounded(path, "image"), "caption": decoded(self._caption(path), "caption")}
                yield Columns().item(row, name)
            except RecordError as reason:
                yield name, str(reason)

    def fingerprint(self) -> str:
        return digest(self.names)

    def _caption(self, path: Path) -> bytes:
        for ending in CAPTION_ENDINGS:
            if os.path.isfile(path.with_suffix(ending)):
                return read_bounded(path.with_suffix(ending), "caption")
        raise RecordError(f"there is no caption: {path.with_suffix('.txt').name} is missing")
