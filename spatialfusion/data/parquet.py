"""Images and captions in Parquet files, and in data sets of the Hugging Face libraries."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import InputError
from .items import Columns, Item, digest


class ParquetInput:
    """Parquet files, read where they lie."""

    def __init__(self, paths: list[Path], columns: Columns):
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.paths, self.columns = paths, columns
        self.ends: list[int] = []
        self.names: list[list[str]] = []
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
                    yield self.columns.try_item(row, f"{path.name}:{start - first}", path.parent)
                    start += 1
                if position >= stop:
                    return
        except (pa.ArrowException, OSError) as error:
            reason = f"the file is damaged here ({str(error).splitlines()[0]})"
            for row in range(start, stop):
                yield f"{path.name}:{row - first}", reason

    def fingerprint(self) -> str:
        return digest([[path.name for path in self.paths], self.ends])


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
            yield self.columns.try_item(self.dataset[number], f"{self.name}:{number}")

    def fingerprint(self) -> str:
        return digest([self.name, len(self), self.dataset._fingerprint])


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
