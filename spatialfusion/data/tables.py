"""Images in a folder, and a table with a row for each: lines of JSON, or a metadata.csv as `datasets` has it."""

from __future__ import annotations

import csv
import io
import json
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import InputError
from .image_files import RecordError
from .items import Columns, Item, digest


class TableInput:
    """Rows of a text file, found by their first byte. A subclass knows where rows begin and what a row says."""

    def __init__(self, path: Path, columns: Columns):
        self.path, self.columns = path, columns
        # Flat arrays, not objects: a million records have to fit beside the teacher in every worker.
        self.starts = array("q")
        with path.open("rb") as file:
            _check_encoding(path, file.read(4))
            file.seek(0)
            self._index(file)
            self.starts.append(file.seek(0, io.SEEK_END))
        if not len(self):
            raise InputError(f"{path} has no rows: expected an image and a caption in each.")

    def __len__(self) -> int:
        return len(self.starts) - 1

    def read(self, start: int, stop: int) -> Iterator[Item | tuple[str, str]]:
        with self.path.open("rb") as file:
            for number in range(start, stop):
                origin = f"{self.path.name}:{number + 1}"
                file.seek(self.starts[number])
                data = file.read(self.starts[number + 1] - self.starts[number])
                try:
                    row = self._row(data.decode("utf-8-sig"))
                    image = self.columns.pick(row, "image")
                    # A name says more than a number, if it is one.
                    origin = image if isinstance(image, str) and len(image) < 256 else origin
                    yield self.columns.item(row, origin, self.path.parent)
                except UnicodeDecodeError:
                    yield origin, "the line is not in UTF-8: convert the file"
                except RecordError as reason:
                    yield origin, str(reason)

    def fingerprint(self) -> str:
        return digest([len(self), self.starts.tolist()])

    def _index(self, file: io.BufferedReader) -> None:
        raise NotImplementedError

    def _row(self, text: str) -> dict[str, Any]:
        raise NotImplementedError


class JsonlInput(TableInput):
    """A line of JSON for each image: {"image": "a.jpg", "caption": "..."}."""

    def _index(self, file: io.BufferedReader) -> None:
        position = 0
        for line in file:
            if line.strip():
                self.starts.append(position)
            position += len(line)

    def _row(self, text: str) -> dict[str, Any]:
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            raise RecordError("the line is not JSON") from None
        if not isinstance(row, dict):
            raise RecordError("the line is not a JSON object")
        return row


class CsvInput(TableInput):
    """A table with names in its first row: file_name, text."""

    def _index(self, file: io.BufferedReader) -> None:
        position = 0

        def lines() -> Iterator[str]:
            nonlocal position
            for line in file:
                position += len(line)
                # What divides rows and cells is ASCII, which this leaves as it is; the rest is decoded when it is read.
                yield line.decode("latin-1")

        rows = csv.reader(lines())
        try:
            next(rows, None)
            with self.path.open("rb") as head:
                self.names = _cells(head.read(position).decode("utf-8-sig", errors="replace"))
            self.columns.used(self.names, str(self.path))
            start = position
            for row in rows:
                if any(cell.strip() for cell in row):
                    self.starts.append(start)
                start = position
        except csv.Error as error:
            raise InputError(f"{self.path} is not a table of comma-separated values ({error}).") from None

    def _row(self, text: str) -> dict[str, Any]:
        return dict(zip(self.names, _cells(text)))


def _cells(text: str) -> list[str]:
    return next(csv.reader(io.StringIO(text, newline="")), [])


def _check_encoding(path: Path, start: bytes) -> None:
    if start[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in start:
        raise InputError(f"{path} is in UTF-16 or UTF-32: convert it to UTF-8 (iconv -f UTF-16 -t UTF-8).")
