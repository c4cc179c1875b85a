"""Images and captions to be labelled: a folder with captions.jsonl, metadata.csv or a text file beside each image,
WebDataset tars, Parquet files, a `datasets` folder or a data set of the Hugging Face Hub.

Notable: every input is a numbered sequence that can be read from any position, so a shard of the output is a function
of its number, and a run can go on where it was killed. What is wrong with one record stays with that record.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from ..errors import InputError
from .image_folder import CAPTION_ENDINGS, ImageFolderInput
from .items import IMAGE_ENDINGS, Columns, Input
from .parquet import DatasetInput, ParquetInput
from .tables import CsvInput, JsonlInput
from .tars import TarInput

_TABLES = {"captions.jsonl": JsonlInput, "metadata.jsonl": JsonlInput, "metadata.csv": CsvInput}
_FILES: dict[str, Callable[[list[Path], Columns], Input]] = {".tar": TarInput, ".parquet": ParquetInput}
_PACKED = (".gz", ".tgz", ".bz2", ".tbz", ".xz", ".txz", ".zst", ".zip", ".7z", ".rar")
_EXPECTED = "captions.jsonl, metadata.csv, .tar or .parquet files, or images with a .txt beside each"


def open_input(name: str, columns: Columns, split: str = "train") -> Input:
    """The input of this name; see the top of this file for what it may be."""
    path = Path(name)
    if os.path.isdir(path):
        return _open_folder(path, columns, split)
    if os.path.isfile(path):
        ending = path.suffix.lower()
        if ending in _FILES:
            return _FILES[ending]([path], columns)
        if ending in (".jsonl", ".csv"):
            return (JsonlInput if ending == ".jsonl" else CsvInput)(path, columns)
        if ending in _PACKED:
            raise InputError(f"{name} is compressed: decompress or unpack it first, and give the .tar or the folder.")
        raise InputError(f"{name} is neither a .tar nor a .parquet nor a .jsonl nor a .csv file: convert it first.")
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        return DatasetInput(name, columns, split)
    raise InputError(
        f"there is nothing at {name}: expected a folder with {_EXPECTED}, or OWNER/NAME of a data set of the Hugging "
        "Face Hub."
    )


def _open_folder(path: Path, columns: Columns, split: str) -> Input:
    for folder in (path, path / split):
        for table, kind in _TABLES.items():
            if (folder / table).is_file():
                return kind(folder / table, columns)
    if (path / "dataset_info.json").is_file() and (path / "state.json").is_file():
        return DatasetInput(str(path), columns, split)
    if (path / "dataset_dict.json").is_file():
        if not (path / split).is_dir():
            raise InputError(f"{path} has no split {split!r}: choose one with --split.")
        return DatasetInput(str(path / split), columns, split)
    names = _names(path)
    for ending, packed_kind in _FILES.items():
        if found := [path / name for name in names if name.lower().endswith(ending)]:
            return packed_kind(found, columns)
    images = [name for name in names if name.lower().endswith(tuple(f".{ending}" for ending in IMAGE_ENDINGS))]
    if images:
        if any(name.endswith(CAPTION_ENDINGS) for name in names):
            return ImageFolderInput(path, images)
        raise InputError(f"{path} has images without captions: expected {_EXPECTED}.")
    if packed := [name for name in names if name.lower().endswith(_PACKED)]:
        raise InputError(f"{path} holds compressed files, such as {packed[0]}: decompress or unpack them.")
    raise InputError(f"{path} has no images with captions: expected {_EXPECTED}.")


def _names(folder: Path) -> list[str]:
    """The names of all files in a folder, in order, but hidden ones."""
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [os.path.relpath(os.path.join(place, name), folder) for name in files if not name.startswith(".")]
    return sorted(found)
