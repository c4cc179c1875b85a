"""Items to be labelled: what is known of one before it is, and how it is found in a row of a table."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..errors import InputError
from ..geometry.geometry import Geometry
from ..texts import check_text
from .image_files import RecordError

# Under which names a field is looked for, unless the user says which column it is.
NAMES = {
    "image": ("image", "file_name", "target_image", "edited_image", "jpg", "jpeg", "png", "webp", "img"),
    "caption": ("caption", "text", "prompt", "txt", "output_caption"),
    "source": ("source_image", "input_image", "original_image", "source"),
    "instruction": ("instruction", "edit_instruction", "edit", "edit_prompt"),
    "licence": ("licence", "license"),
    "fov": ("fov", "hfov"),
}
IMAGE_ENDINGS = ("jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "gif", "avif")
# Bytes of a file that is read whole.
LARGEST = {"image": 2**29, "source": 2**29, "json": 2**24, "caption": 2**20, "instruction": 2**20}


@dataclass(frozen=True)
class Item:
    """What is known of a record before it is labelled. Images are the bytes of an image file; hfov is in degrees."""

    image: bytes
    caption: str
    origin: str
    source: bytes | None = None
    instruction: str | None = None
    licence: str | None = None
    hfov: float | None = None
    geometry: Geometry | None = None  # exact, where the image was rendered


class Input(Protocol):
    """A numbered sequence of items."""

    def __len__(self) -> int: ...

    def read(self, start: int, stop: int) -> Iterator[Item | tuple[str, str]]:
        """The items start ... stop - 1 in order; (origin, reason) in the place of one that cannot be used."""

    def fingerprint(self) -> str:
        """Changes when the sequence does: a run may go on only with the input that it began with."""


@dataclass(frozen=True)
class Columns:
    """The columns that the user named, by field; the others are looked for under NAMES."""

    named: Mapping[str, str] = field(default_factory=dict)

    def pick(self, row: Mapping[str, Any], name: str) -> Any:
        """The value of a field in a row, or None."""
        if name in self.named:
            return row.get(self.named[name])
        return next((row[key] for key in NAMES[name] if not _is_missing(row.get(key))), None)

    def used(self, available: list[str], where: str) -> list[str]:
        """Those of the available columns that are needed; InputError if there is no image among them."""
        has = f"it has {', '.join(map(repr, available))}"
        for name, column in self.named.items():
            if column not in available:
                raise InputError(f"{where} has no column {column!r} for the {name}; {has}.")
        # All that a field may stand in: one may be empty where another is not.
        found = {
            name: [self.named[name]] if name in self.named else [key for key in keys if key in available]
            for name, keys in NAMES.items()
        }
        if not found["image"]:
            raise InputError(f"{where} has no image column; {has}: name one with --image-column.")
        return list(dict.fromkeys(column for columns in found.values() for column in columns))

    def item(self, row: Mapping[str, Any], origin: str, folder: Path | None = None) -> Item:
        """The item of a row; RecordError says what it lacks. Images that are names are read from `folder`."""
        image, source = (_image_bytes(self.pick(row, name), name, folder) for name in ("image", "source"))
        if image is None:
            raise RecordError("there is no image")
        caption, instruction = (_text(self.pick(row, name), name) for name in ("caption", "instruction"))
        if (source is None) != (instruction is None):
            source = instruction = None  # a pair needs both; without it the image is still an image
        if not caption and instruction is None:
            raise RecordError("there is no caption")
        fov = _number(self.pick(row, "fov"))
        if fov is not None and (isinstance(fov, bool) or not isinstance(fov, int | float) or not 1 <= fov <= 175):
            raise RecordError(f"the field of view is {fov!r}, not 1 to 175 degrees")
        licence = _text(self.pick(row, "licence"), "licence")
        return Item(image, caption or "", origin, source, instruction, licence, None if fov is None else float(fov))

    def try_item(self, row: Mapping[str, Any], origin: str, folder: Path | None = None) -> Item | tuple[str, str]:
        """The same, or (origin, reason) for what is wrong with it."""
        try:
            return self.item(row, origin, folder)
        except RecordError as reason:
            return origin, str(reason)


def read_bounded(path: Path, name: str) -> bytes:
    """The bytes of a file; RecordError if it cannot be read or has more than LARGEST."""
    try:
        check_bytes(path.stat().st_size, name)
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise RecordError(f"the {name} cannot be read ({getattr(error, 'strerror', None) or error})") from None


def check_bytes(size: int, name: str) -> None:
    """Raise RecordError if a file of `size` bytes is too large to be read whole."""
    if size > LARGEST[name]:
        raise RecordError(f"the {name} has {size / 2**20:.0f} MiB, more than {LARGEST[name] >> 20}")


def decoded(data: bytes, name: str) -> str:
    """The text of a file in UTF-8; RecordError if it is in something else."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RecordError(f"the {name} is not in UTF-8: convert it") from None


def digest(content: Any) -> str:
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=8).hexdigest()


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _image_bytes(value: Any, name: str, folder: Path | None) -> bytes | None:
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if value is None or isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise RecordError(f"the {name} is of type {type(value).__name__}, neither an image nor a file name")
    if re.match(r"[a-z0-9]+://", value):
        raise RecordError(f"the {name} is an address and not a file: download the images first (img2dataset does)")
    if value.startswith("data:") or (len(value) > 255 and re.fullmatch(r"[\w+/=\s-]+", value)):
        raise RecordError(f"the {name} is base64 text and not a file name: decode it into bytes (base64.b64decode)")
    return read_bounded((folder or Path()) / value, name)


def _text(value: Any, name: str) -> str | None:
    # Some data sets have several captions of an image.
    if isinstance(value, list) and value:
        value = value[0]
    if value is None:
        return None
    if not isinstance(value, str):
        raise RecordError(f"the {name} is of type {type(value).__name__}, not a text")
    try:
        return check_text(value, f"the {name}").strip() or None
    except InputError as error:
        raise RecordError(str(error).removesuffix(".")) from None


def _number(value: Any) -> Any:
    """A number that stands in a table of texts; anything else as it is."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
