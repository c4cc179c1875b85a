"""What training reads: labelled folders, mixed by weight, shuffled, in batches of one shape each.

Notable: nothing has a state. Which records stand in which batch is a function of (seed, epoch), computed as a whole, so
a run resumes at any position and the number of ranks does not matter. Dropping captions or source images is the stage's
business, as all that is random about a sample is.
"""

from __future__ import annotations

import hashlib
import math
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from ..geometry.geometry import Geometry
from .records import image_tensor, open_shard, read_record, shard_paths

_OPEN_FILES = 32
_RATIOS = (1 / 2, 9 / 16, 2 / 3, 3 / 4, 1, 4 / 3, 3 / 2, 16 / 9, 2)


@dataclass(frozen=True)
class Sample:
    """A record at its bucket's size.

    image, source: [3, H, W] in [0, 1]; source is None but for edits. geometry: a batch of one. hfov_known: whether its
    camera is; where it is not, losses on the field of view and on canonical depth must be masked.
    """

    image: Tensor
    geometry: Geometry
    hfov_known: bool
    caption: str
    source: Tensor | None
    instruction: str | None
    folder: int
    id: str


@dataclass(frozen=True)
class Batch:
    """size: (width, height) of the bucket. places: [B, 2], the number of each sample's folder and of its record."""

    size: tuple[int, int]
    places: np.ndarray


class RecordFolder:
    """A labelled folder as a sequence of records, each read from its shard when it is asked for.

    Attributes:
        sizes: [N, 2] width and height of the images.
        has_camera: [N] bool, whether the field of view is known.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.paths = shard_paths(self.folder)
        sizes, has_camera = [], []
        self.ends: list[int] = []
        for path in self.paths:
            with open_shard(path) as file:
                table = file.read(columns=["width", "height", "hfov"])
            sizes.append(np.stack([table["width"].to_numpy(), table["height"].to_numpy()], axis=1))
            has_camera.append(table["hfov"].is_valid().to_numpy())
            self.ends.append((self.ends[-1] if self.ends else 0) + len(table))
        self.sizes, self.has_camera = np.concatenate(sizes), np.concatenate(has_camera)
        self._files: OrderedDict[int, Any] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """A row as `records.read_record` takes it."""
        shard, row = self.locate(index)
        # A batch is loaded in a thread beside others; a Parquet file is for one reader at a time.
        with self._lock:
            file, groups = self._open(shard)
            group = int(np.searchsorted(groups, row, side="right"))
            table = file.read_row_group(group)
        return table.slice(row - (groups[group - 1] if group else 0), 1).to_pylist()[0]

    def locate(self, index: int) -> tuple[int, int]:
        """The number of a record's shard, and of its row there."""
        if not 0 <= index < len(self):
            raise IndexError(f"record {index} of {len(self)}")
        shard = int(np.searchsorted(self.ends, index, side="right"))
        return shard, index - (self.ends[shard - 1] if shard else 0)

    def _open(self, shard: int) -> tuple[Any, np.ndarray]:
        if shard not in self._files:
            file = open_shard(self.paths[shard])
            rows = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
            self._files[shard] = file, np.cumsum(rows)
            if len(self._files) > _OPEN_FILES:
                self._files.popitem(last=False)[1][0].close()
        self._files.move_to_end(shard)
        return self._files[shard]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_files", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _files=OrderedDict(), _lock=threading.Lock())


class Reader:
    """Batches from several labelled folders.

    folders: (folder, weight). A weight of 1 shows every record of the folder once an epoch, 2 twice, 0.5 half of them
        in one epoch and the other half in the next.
    batch: samples of a batch, over all ranks.
    buckets: the sizes (width, height) that images are cut and resized to; each goes to the one nearest in shape. See
        `aspect_buckets`.
    """

    def __init__(
        self, folders: Sequence[tuple[Path | str, float]], batch: int, buckets: Sequence[tuple[int, int]], seed: int = 0
    ):
        if not folders or not buckets or batch < 1:
            raise InputError("a reader needs at least one folder, one bucket and one sample a batch.")
        self.folders = [RecordFolder(Path(folder)) for folder, _ in folders]
        self.weights = [float(weight) for _, weight in folders]
        for (folder, _), weight, records in zip(folders, self.weights, self.folders):
            if not 0 < weight < math.inf:
                raise InputError(f"the weight of {folder} is {weight:g}: expected a positive number.")
            if not len(records):
                raise InputError(f"{folder} has no records: leave it out.")
        self.batch, self.seed = batch, seed
        self.buckets = [tuple(size) for size in buckets]
        self._bucket_of = self._assign()
        self.plan = lru_cache(maxsize=2)(self._plan)
        self._starts = [0]  # the step at which each epoch begins, as far as they have been counted

    def _plan(self, epoch: int) -> tuple[Batch, ...]:
        """All batches of an epoch, in order.

        Every record drawn for the epoch stands in at least one batch; the last batch of a bucket is filled up with
        records of the same bucket.
        """
        places = self._draw(epoch)
        places = places[_permutation(len(places), self.seed, "epoch", epoch)]
        bucket = np.empty(len(places), dtype=np.int64)
        for folder, of_record in enumerate(self._bucket_of):
            here = places[:, 0] == folder
            bucket[here] = of_record[places[here, 1]]
        batches = []
        for number in np.unique(bucket):
            members = places[bucket == number]
            count = -(-len(members) // self.batch)
            members = np.resize(members, (count * self.batch, 2))
            batches += [Batch(self.buckets[number], part) for part in np.split(members, count)]
        return tuple(batches[i] for i in _permutation(len(batches), self.seed, "batches", epoch))

    def locate(self, step: int) -> tuple[int, int]:
        """(epoch, number of the batch in it) of a step counted from the start of training."""
        while self._starts[-1] <= step:
            self._starts.append(self._starts[-1] + len(self.plan(len(self._starts) - 1)))
        epoch = bisect_right(self._starts, step) - 1
        return epoch, step - self._starts[epoch]

    def load(self, batch: Batch) -> list[Sample]:
        """Read, cut and resize the samples of a batch."""
        return [self._sample(int(folder), int(record), batch.size) for folder, record in batch.places]

    def _draw(self, epoch: int) -> np.ndarray:
        """[N, 2] folder and record of what an epoch shows, in no particular order."""
        drawn = []
        for folder, (records, weight) in enumerate(zip(self.folders, self.weights)):
            # The folder's own endless sequence of permutations, of which each epoch takes the next part.
            start, stop = (round(e * weight * len(records)) for e in (epoch, epoch + 1))
            parts, position = [], start
            while position < stop:
                cycle, offset = divmod(position, len(records))
                order = _permutation(len(records), self.seed, "folder", folder, cycle)
                parts.append(order[offset : offset + stop - position])
                position += len(parts[-1])
            chosen = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
            drawn.append(np.stack([np.full(len(chosen), folder), chosen], axis=1))
        return np.concatenate(drawn)

    def _assign(self) -> list[np.ndarray]:
        """Of each folder [N], the number of every record's bucket: the one nearest in shape.

        A bucket that cannot fill a single batch in an average epoch is joined to the nearest one that can. So a record
        has one size throughout, whatever an epoch draws.
        """
        ratios = np.log([width / height for width, height in self.buckets])
        nearest = [
            np.abs(np.log(records.sizes[:, 0] / records.sizes[:, 1])[:, None] - ratios).argmin(axis=1)
            for records in self.folders
        ]
        counts = np.zeros(len(ratios))
        for weight, numbers in zip(self.weights, nearest):
            counts = counts + weight * np.bincount(numbers, minlength=len(ratios))
        full = np.flatnonzero(counts >= self.batch)
        if not len(full):
            full = np.array([counts.argmax()])
        joined = full[np.abs(ratios[:, None] - ratios[full]).argmin(axis=1)]
        return [joined[n] for n in nearest]

    def size(self, folder: int, record: int) -> tuple[int, int]:
        """(width, height) of the bucket that a record is in."""
        return self.buckets[self._bucket_of[folder][record]]

    def images(self, folder: int, record: int) -> tuple[Tensor, Tensor | None]:
        """The image [3, H, W] of a record and its source image, if it is an edit; both at the bucket's size."""
        size = self.size(folder, record)
        with self._naming(folder, record) as row:
            source = row["source_image"]
            return fit(image_tensor(row["image"]), size), None if source is None else fit(image_tensor(source), size)

    @contextmanager
    def _naming(self, folder: int, record: int) -> Iterator[dict[str, Any]]:
        """A row, to be read inside; what is wrong with it is an InputError that names it."""
        row = self.folders[folder][record]
        try:
            yield row
        except InputError as error:
            raise InputError(f"record {row['id']} of {self.folders[folder].folder}: {error}") from None

    def _sample(self, folder: int, index: int, size: tuple[int, int]) -> Sample:
        with self._naming(folder, index) as record:
            image, geometry = read_record(record)
            image, geometry = fit(image, size), fit_geometry(geometry, size)
            source = None if record["source_image"] is None else fit(image_tensor(record["source_image"]), size)
        return Sample(
            image=image,
            geometry=geometry,
            hfov_known=record["hfov"] is not None,
            caption=record["caption"],
            source=source,
            instruction=record["instruction"],
            folder=folder,
            id=record["id"],
        )


def aspect_buckets(side: int, multiple: int = 16, ratios: Sequence[float] = _RATIOS) -> list[tuple[int, int]]:
    """Sizes (width, height) of about side x side pixels in the shapes width / height = ratios; edges are multiples."""
    sizes: list[tuple[int, int]] = []
    for ratio in ratios:
        edges = side * math.sqrt(ratio), side / math.sqrt(ratio)
        width, height = (max(multiple, round(edge / multiple) * multiple) for edge in edges)
        if (width, height) not in sizes:
            sizes.append((width, height))
    return sizes


def fit(image: Tensor, size: tuple[int, int]) -> Tensor:
    """An image [3, H, W], cut to the shape of size (width, height) about its centre and resized to it."""
    top, left, height, width = _middle(image.shape[1], image.shape[2], size)
    image = image[:, top : top + height, left : left + width]
    if (width, height) == size:
        return image.contiguous()
    resized = F.interpolate(image[None], size[::-1], mode="bicubic", align_corners=False, antialias=True)
    return resized[0].clamp(0, 1)


def fit_geometry(geometry: Geometry, size: tuple[int, int]) -> Geometry:
    """Geometry cut and resized as `fit` does with the image; its camera follows."""
    return geometry.crop(*_middle(geometry.height, geometry.width, size)).resize(size[1], size[0])


def _middle(height: int, width: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Top, left, height, width of the largest rectangle of size's shape in the middle of an image."""
    ratio = size[0] / size[1]
    cut_width = min(width, max(1, round(height * ratio)))
    cut_height = min(height, max(1, round(width / ratio)))
    return (height - cut_height) // 2, (width - cut_width) // 2, cut_height, cut_width


def _permutation(count: int, *seed: object) -> np.ndarray:
    number = int.from_bytes(hashlib.blake2b(repr(seed).encode(), digest_size=8).digest(), "big")
    return torch.randperm(count, generator=torch.Generator().manual_seed(number)).numpy()
