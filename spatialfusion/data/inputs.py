"""Images and captions to be labelled: a folder with captions.jsonl, WebDataset tars, Parquet files, a `datasets` folder
or a data set of the Hugging Face Hub.

Notable: every input is a numbered sequence that can be read from any position, so a shard of the output is a function
of its number, and a run can go on where it was killed. What is wrong with one record stays with that record.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..errors import InputError
from ..geometry import Geometry
from ..texts import check_text
from .pictures import RecordError

# Under which names a field is looked for, unless the user says which column it is.
NAMES = {
    "image": ("image", "file_name", "target_image", "edited_image", "jpg", "jpeg", "png", "webp", "img"),
    "caption": ("caption", "text", "prompt", "txt", "output_caption"),
    "source": ("source_image", "input_image", "original_image", "source"),
    "instruction": ("instruction", "edit_instruction", "edit", "edit_prompt"),
    "licence": ("licence", "license"),
    "fov": ("fov", "hfov"),
}
JSONL = ("captions.jsonl", "metadata.jsonl")
_IMAGE_ENDINGS = ("jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "gif")
_SOURCE_ENDINGS = ("source", "src", "src0", "input", "original", "source_image", "input_image")
_KINDS = ("image", "source", "caption", "instruction", "json")


@dataclass(frozen=True)
class Item:
    """What is known of a record before it is labelled. Images are the bytes of a picture file; hfov is in degrees."""

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
        return next((row[key] for key in NAMES[name] if row.get(key) is not None), None)

    def used(self, available: list[str], where: str) -> list[str]:
        """Those of the available columns that are needed; InputError if there is no image among them."""
        for name, column in self.named.items():
            if column not in available:
                raise InputError(
                    f"{where} has no column {column!r} for the {name}; it has {', '.join(map(repr, available))}."
                )
        found = {
            name: self.named.get(name) or next((key for key in keys if key in available), None)
            for name, keys in NAMES.items()
        }
        if not found["image"]:
            raise InputError(
                f"{where} has no image column; it has {', '.join(map(repr, available))}: name one with --image-column."
            )
        return [column for column in found.values() if column]

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
        fov = self.pick(row, "fov")
        if fov is not None and (isinstance(fov, bool) or not isinstance(fov, int | float) or not 1 <= fov <= 175):
            raise RecordError(f"the field of view is {fov!r}, not 1 to 175 degrees")
        licence = _text(self.pick(row, "licence"), "licence")
        return Item(image, caption or "", origin, source, instruction, licence, None if fov is None else float(fov))


def open_input(name: str, columns: Columns, split: str = "train") -> Input:
    """The input of this name; see the top of this file for what it may be."""
    path = Path(name)
    if path.is_dir():
        for table in JSONL:
            if (path / table).is_file():
                return JsonlInput(path / table, columns)
        if (path / "dataset_info.json").is_file() and (path / "state.json").is_file():
            return DatasetInput(name, columns, split)
        if (path / "dataset_dict.json").is_file():
            if not (path / split).is_dir():
                raise InputError(f"{name} has no split {split!r}: choose one with --split.")
            return DatasetInput(str(path / split), columns, split)
        for ending, kind in ((".tar", TarInput), (".parquet", ParquetInput)):
            found = sorted(file for file in path.rglob(f"*{ending}") if not file.name.startswith("."))
            if found:
                return kind(found, columns)
        raise InputError(f"{name} has neither captions.jsonl nor .tar nor .parquet files: expected one of these.")
    if path.is_file():
        if path.suffix == ".tar":
            return TarInput([path], columns)
        if path.suffix == ".parquet":
            return ParquetInput([path], columns)
        if path.suffix == ".jsonl":
            return JsonlInput(path, columns)
        raise InputError(f"{name} is neither a .tar nor a .parquet nor a .jsonl file: unpack or convert it first.")
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        return DatasetInput(name, columns, split)
    raise InputError(
        f"there is nothing at {name}: expected a folder with captions.jsonl, .tar or .parquet files, or OWNER/NAME of "
        "a data set of the Hugging Face Hub."
    )


class JsonlInput:
    """Images in a folder, and a line of JSON for each: {"image": "a.jpg", "caption": "..."}."""

    def __init__(self, path: Path, columns: Columns):
        self.path, self.columns = path, columns
        self.lines = array("q")
        with path.open("rb") as file:
            position = 0
            for line in file:
                if line.strip():
                    self.lines.append(position)
                position += len(line)
        if not self.lines:
            raise InputError(f'{path} is empty: expected lines of {{"image": "a.jpg", "caption": "..."}}.')

    def __len__(self) -> int:
        return len(self.lines)

    def read(self, start: int, stop: int) -> Iterator[Item | tuple[str, str]]:
        with self.path.open("rb") as file:
            for number in range(start, stop):
                origin = f"{self.path.name}:{number + 1}"
                file.seek(self.lines[number])
                try:
                    row = json.loads(file.readline())
                    if not isinstance(row, dict):
                        raise RecordError("the line is not a JSON object")
                    image = self.columns.pick(row, "image")
                    origin = image if isinstance(image, str) else origin
                    yield self.columns.item(row, origin, self.path.parent)
                except UnicodeDecodeError:
                    yield origin, "the line is not in UTF-8: convert the file"
                except (ValueError, RecursionError):
                    yield origin, "the line is not JSON"
                except RecordError as reason:
                    yield origin, str(reason)

    def fingerprint(self) -> str:
        return _digest([len(self), self.lines.tolist(), self.path.stat().st_size])


class TarInput:
    """WebDataset tars: files of one name up to its first dot are a record (a.jpg, a.txt or a.json; a.source.jpg and
    a.instruction.txt of an edit)."""

    def __init__(self, paths: list[Path], columns: Columns):
        self.paths, self.columns = paths, columns
        # Flat arrays, not objects: a million records have to fit beside the teacher in every worker.
        self.keys: list[str] = []
        self.tar, self.first = array("i"), array("q", [0])
        self.kind, self.offset, self.size = array("b"), array("q"), array("q")
        for number, path in enumerate(paths):
            self._index(number, path)
        if not self.keys:
            raise InputError(f"{paths[0].parent} holds tars without pictures: expected files such as a.jpg and a.txt.")

    def _index(self, number: int, path: Path) -> None:
        key = None
        try:
            with tarfile.open(path, "r:") as tar:
                for member in tar:
                    folder, _, name = member.name.rpartition("/")
                    stem, dot, ending = name.partition(".")
                    kind = _member_kind(ending.lower())
                    if not member.isfile() or not stem or not dot or kind is None:
                        continue
                    if (folder, stem) != key:
                        key = folder, stem
                        self.keys.append(f"{folder}/{stem}" if folder else stem)
                        self.tar.append(number)
                        self.first.append(len(self.kind))
                    self.kind.append(_KINDS.index(kind))
                    self.offset.append(member.offset_data)
                    self.size.append(member.size)
                    self.first[-1] = len(self.kind)
                # tarfile takes a damaged header for the end.
                tar.fileobj.seek(tar.offset)
                while block := tar.fileobj.read(1 << 20):
                    if block.strip(b"\0"):
                        raise tarfile.ReadError(f"there is something else after byte {tar.offset}")
        except tarfile.TarError as error:
            raise InputError(f"{path} is not a whole tar ({error}): fetch it again, or take it away.") from None

    def __len__(self) -> int:
        return len(self.keys)

    def read(self, start: int, stop: int) -> Iterator[Item | tuple[str, str]]:
        for number in range(start, stop):
            path = self.paths[self.tar[number]]
            origin = f"{path.name}/{self.keys[number]}"
            try:
                yield self.columns.item(self._row(path, number), origin)
            except RecordError as reason:
                yield origin, str(reason)

    def _row(self, path: Path, number: int) -> dict[str, Any]:
        row: dict[str, Any] = {}
        files: dict[str, Any] = {}
        with path.open("rb") as file:
            for member in range(self.first[number], self.first[number + 1]):
                file.seek(self.offset[member])
                data, kind = file.read(self.size[member]), _KINDS[self.kind[member]]
                if kind == "json":
                    try:
                        content = json.loads(data)
                    except (ValueError, RecursionError):
                        raise RecordError("its .json is not JSON") from None
                    row.update(content if isinstance(content, dict) else {})
                elif kind in ("image", "source"):
                    files[kind] = data
                else:
                    files[kind] = _decoded(data, kind)
        # Files win over fields of the .json: there, "image" may be an address or a number.
        for name in ("image", "source", "caption", "instruction"):
            if name in files or name in ("image", "source"):
                row[self.columns.named.get(name) or NAMES[name][0]] = files.get(name)
        return row

    def fingerprint(self) -> str:
        return _digest([[path.name for path in self.paths], self.keys, self.size.tolist()])


class ParquetInput:
    """Parquet files, read where they lie."""

    def __init__(self, paths: list[Path], columns: Columns):
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.paths, self.columns = paths, columns
        self.ends, self.names = [], []
        for path in paths:
            try:
                with pq.ParquetFile(path) as file:
                    self.ends.append((self.ends[-1] if self.ends else 0) + file.metadata.num_rows)
                    self.names.append(columns.used(file.schema_arrow.names, str(path)))
            except (pa.ArrowException, OSError) as error:
                reason = str(error).splitlines()[0]
                raise InputError(f"{path} is not whole ({reason}): fetch it again, or take it away.") from None
        if not self.ends[-1]:
            raise InputError(f"{paths[0]} has no rows: expected images and captions.")

    def __len__(self) -> int:
        return self.ends[-1]

    def read(self, start: int, stop: int) -> Iterator[Item | tuple[str, str]]:
        import pyarrow.parquet as pq

        while start < stop:
            number = bisect_right(self.ends, start)
            position, end = (self.ends[number - 1] if number else 0), min(stop, self.ends[number])
            with pq.ParquetFile(self.paths[number], pre_buffer=False) as file:
                for group in range(file.num_row_groups):
                    rows = file.metadata.row_group(group).num_rows
                    if position < end and position + rows > start:
                        yield from self._read_group(file, number, group, position, max(start, position), end)
                    position += rows
            start = end

    def _read_group(
        self, file: Any, number: int, group: int, position: int, start: int, stop: int
    ) -> Iterator[Item | tuple[str, str]]:
        """The items start ... stop - 1, as far as they lie in a row group that begins at `position`."""
        import pyarrow as pa

        path, first = self.paths[number], self.ends[number - 1] if number else 0
        stop = min(stop, position + file.metadata.row_group(group).num_rows)
        try:
            for batch in file.iter_batches(16, row_groups=[group], columns=self.names[number]):
                rows = batch.slice(min(max(0, start - position), len(batch)), max(0, stop - max(start, position)))
                position += len(batch)
                for row in rows.to_pylist():
                    yield _item(self.columns, row, f"{path.name}:{start - first}", path.parent)
                    start += 1
                if position >= stop:
                    return
        except (pa.ArrowException, OSError) as error:
            reason = f"the file is damaged here ({str(error).splitlines()[0]})"
            for row in range(start, stop):
                yield f"{path.name}:{row - first}", reason

    def fingerprint(self) -> str:
        return _digest([[path.name for path in self.paths], self.ends])


class DatasetInput:
    """A data set of the Hub, or a folder that `Dataset.save_to_disk` wrote."""

    def __init__(self, name: str, columns: Columns, split: str):
        self.name, self.columns = name, columns
        self.dataset = _load_dataset(name, split)
        self.dataset = self.dataset.select_columns(columns.used(self.dataset.column_names, name))
        import datasets

        for column, feature in self.dataset.features.items():
            if isinstance(feature, datasets.Image):
                self.dataset = self.dataset.cast_column(column, datasets.Image(decode=False))
        if not len(self.dataset):
            raise InputError(f"{name} has no rows: expected images and captions.")

    def __len__(self) -> int:
        return len(self.dataset)

    def read(self, start: int, stop: int) -> Iterator[Item | tuple[str, str]]:
        for number in range(start, stop):
            yield _item(self.columns, self.dataset[number], f"{self.name}:{number}", None)

    def fingerprint(self) -> str:
        return _digest([self.name, len(self), self.dataset._fingerprint])


def _load_dataset(name: str, split: str) -> Any:
    try:
        import datasets
    except ImportError:
        raise InputError(f"{name} needs the package datasets: pip install datasets.") from None
    if Path(name).is_dir():
        return datasets.load_from_disk(name)
    from .hub import check_reachable

    advice = "download it where there is a network and give the folder of its .parquet or .tar files instead"
    check_reachable(name, "dataset", advice)
    try:
        return datasets.load_dataset(name, split=split)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"the data set {name} cannot be loaded ({reason}): {advice}.") from None


def _item(columns: Columns, row: Mapping[str, Any], origin: str, folder: Path | None) -> Item | tuple[str, str]:
    try:
        return columns.item(row, origin, folder)
    except RecordError as reason:
        return origin, str(reason)


def _image_bytes(value: Any, name: str, folder: Path | None) -> bytes | None:
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if value is None or isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise RecordError(f"the {name} is of type {type(value).__name__}, neither a picture nor a file name")
    try:
        return ((folder or Path()) / value).read_bytes()
    except (OSError, ValueError) as error:
        raise RecordError(f"the {name} cannot be read ({getattr(error, 'strerror', None) or error})") from None


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


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RecordError(f"the {name} is not in UTF-8: convert it") from None


def _member_kind(ending: str) -> str | None:
    *first, last = ending.split(".")
    role = first[-1] if first else None
    if last in _IMAGE_ENDINGS:
        if role in _SOURCE_ENDINGS:
            return "source"
        return "image" if role in (None, "target", "output", "edited", "image") else None
    if last == "json":
        return "json" if role is None else None
    names = {"instruction": ("instruction", "instruct", "edit"), "caption": ("caption", "text", "prompt")}
    for kind, endings in names.items():
        if last in endings or (last == "txt" and role in endings):
            return kind
    return "caption" if ending == "txt" else None


def _digest(content: Any) -> str:
    return hashlib.blake2b(json.dumps(content).encode(), digest_size=8).hexdigest()
