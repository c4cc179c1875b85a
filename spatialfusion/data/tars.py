"""WebDataset tars: files of one name are a record (a.jpg, a.txt or a.json; a.source.jpg and a.instruction.txt of an
edit). A name may hold dots, and the files of a record may lie anywhere in the tar."""

from __future__ import annotations

import json
import posixpath
import tarfile
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import InputError
from .image_files import RecordError
from .items import IMAGE_ENDINGS, NAMES, Columns, Item, check_bytes, decoded, digest

_SOURCE = ("source", "src", "src0", "input", "original", "source_image", "input_image")
_TARGET = ("target", "output", "edited", "image")
_TEXTS = {
    **dict.fromkeys(("caption", "text", "prompt"), "caption"),
    **dict.fromkeys(("instruction", "instruct", "edit"), "instruction"),
}
_KINDS = ("image", "source", "caption", "instruction", "json")
_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZ": "bzip2", b"\xfd7": "xz", b"\x28\xb5": "zstd"}
# A record's files by kind: where their bytes begin and how many they are; None if they are not in the tar.
_Files = dict[str, tuple[int, int] | None]


class TarInput:
    """The records of several tars, in the order in which their first files lie there."""

    def __init__(self, paths: list[Path], columns: Columns):
        self.paths, self.columns = paths, columns
        # Flat arrays, not objects: a million records have to fit beside the teacher in every worker.
        self.keys: list[str] = []
        self.tar, self.first = array("i"), array("q", [0])
        self.kind, self.offset, self.size = array("b"), array("q"), array("q")
        for number, path in enumerate(paths):
            for key, files in _records(path).items():
                self.keys.append(key)
                self.tar.append(number)
                for kind, place in files.items():
                    offset, size = place or (-1, 0)
                    self.kind.append(_KINDS.index(kind))
                    self.offset.append(offset)
                    self.size.append(size)
                self.first.append(len(self.kind))
        if not self.keys:
            raise InputError(f"{paths[0].parent} holds tars without images: expected files such as a.jpg and a.txt.")

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
                kind = _KINDS[self.kind[member]]
                if self.offset[member] < 0:
                    raise RecordError(f"the {kind} is a link to what the tar does not hold")
                check_bytes(self.size[member], kind)
                file.seek(self.offset[member])
                data = file.read(self.size[member])
                if kind == "json":
                    try:
                        content = json.loads(data)
                    except (ValueError, RecursionError):
                        raise RecordError("its .json is not JSON") from None
                    row.update(content if isinstance(content, dict) else {})
                elif kind in ("image", "source"):
                    files[kind] = data
                else:
                    files[kind] = decoded(data, kind)
        # Files win over fields of the .json: there, "image" may be an address or a number.
        for name in ("image", "source", "caption", "instruction"):
            if name in files or name in ("image", "source"):
                row[self.columns.named.get(name) or NAMES[name][0]] = files.get(name)
        return row

    def fingerprint(self) -> str:
        return digest([[path.name for path in self.paths], self.keys, self.size.tolist()])


def _records(path: Path) -> dict[str, _Files]:
    """The files of each record of a tar, by the record's name."""
    with path.open("rb") as file:
        packed = _COMPRESSED.get(file.read(2))
    if packed is not None:
        raise InputError(f"{path} is compressed ({packed}), so nothing can be read from its middle: decompress it.")
    places: dict[str, tuple[int, int] | None] = {}
    links: dict[str, str] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                if member.isfile():
                    # A sparse file does not lie there as it is.
                    places[member.name] = None if member.issparse() else (member.offset_data, member.size)
                elif member.islnk():
                    links[member.name] = member.linkname
                    places[member.name] = None
                elif member.issym():
                    folder = posixpath.dirname(member.name)
                    links[member.name] = posixpath.normpath(posixpath.join(folder, member.linkname))
                    places[member.name] = None
            # tarfile takes a damaged header for the end.
            tar.fileobj.seek(tar.offset)
            while block := tar.fileobj.read(1 << 20):
                if block.strip(b"\0"):
                    raise tarfile.ReadError(f"there is something else after byte {tar.offset}")
    except tarfile.TarError as error:
        raise InputError(f"{path} is not a whole tar ({error}): fetch it again, or take it away.") from None
    records: dict[str, _Files] = {}
    for name in places:
        key, kind = _record_of(name)
        if kind is not None:
            records.setdefault(key, {}).setdefault(kind, places.get(_target(name, links)))
    _join_dotted(records)
    return records


def _record_of(name: str) -> tuple[str, str | None]:
    """The record that a file of this name is of, and as what; None for what is of no use."""
    folder, slash, name = name.rpartition("/")
    *stem, ending = name.split(".")
    if not stem or not stem[0]:
        return "", None
    ending, role = ending.lower(), stem[-1].lower() if len(stem) > 1 else ""
    kind: str | None
    if ending in IMAGE_ENDINGS:
        kind = "source" if role in _SOURCE else "image"
        has_role = role in _SOURCE or role in _TARGET
    elif ending == "txt":
        kind, has_role = _TEXTS.get(role, "caption"), role in _TEXTS
    else:
        kind, has_role = "json" if ending == "json" else _TEXTS.get(ending), False
    return folder + slash + ".".join(stem[:-1] if has_role else stem), kind


def _join_dotted(records: dict[str, _Files]) -> None:
    """Settle whether a.b.png is the image of a record "a.b", of a record "a", or something beside the image of "a",
    such as its mask: by what else is there."""
    children: dict[str, list[str]] = {}
    for key in records:
        parent = _parent(key, records)
        if parent is not None and not _is_whole(records[key]):
            children.setdefault(parent, []).append(key)
    for parent, keys in children.items():
        images = [key for key in keys if "image" in records[key]]
        if "image" not in records[parent] and len(images) == 1:
            records[parent]["image"] = records[images[0]]["image"]
        elif "image" not in records[parent]:
            keys = [key for key in keys if key not in images]  # which of them is meant cannot be known
        for key in keys:
            del records[key]


def _parent(key: str, records: dict[str, _Files]) -> str | None:
    folder, slash, name = key.rpartition("/")
    while "." in name:
        name = name.rpartition(".")[0]
        if folder + slash + name in records:
            return folder + slash + name
    return None


def _is_whole(files: _Files) -> bool:
    return "image" in files and any(kind in files for kind in ("caption", "instruction", "json"))


def _target(name: str, links: dict[str, str]) -> str:
    """The name of the file that a name means, through links."""
    for _ in range(8):
        if name not in links:
            break
        name = links[name]
    return name
