"""From input to shard: read items, show the images to a teacher, write records, note what was rejected and why.

Notable: a shard is written first and its note (JSON) last; the note marks the shard as done. A process that is killed
in between leaves no note, and the shard is made again, under the same name. So every record is there exactly once.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import InputError
from ..files import write_text
from ..geometry.geometry import Geometry
from ..texts import printable
from .image_files import ImageFile, RecordError, read_image_file
from .items import Input, Item
from .records import ASSUMED_HFOV, make_record, write_shard
from .teachers.teacher import Teacher

DEPTH_BINS = [10 ** (k / 10) for k in range(-20, 31)]  # metres, ten to a decade
FOV_BIN = 5  # degrees


@dataclass(frozen=True)
class Options:
    """How records are made; see `python -m spatialfusion.label --help`."""

    out: Path
    shard_size: int
    batch: int
    fov: float | str | None  # degrees for images whose EXIF has none, "unknown", or None: they are rejected
    licence: str | None
    licence_allow: tuple[str, ...]
    max_side: int | None
    min_valid: float


def shard_path(out: Path, shard: int) -> Path:
    return out / "data" / f"train-{shard:05d}.parquet"


def note_path(out: Path, shard: int) -> Path:
    return out / "done" / f"{shard:05d}.json"


def label_shard(
    shard: int, items: Input, teacher: Teacher, options: Options, progress: Callable[[int], None] = lambda count: None
) -> None:
    """Label the items shard * shard_size ... and write them; `progress` is told how many more have been dealt with."""
    start = shard * options.shard_size
    stop = min(start + options.shard_size, len(items))
    work = _Shard(teacher, options, progress)
    for number, item in enumerate(items.read(start, stop), start):
        if isinstance(item, Item):
            work.take(number, item)
        else:
            work.reject(number, *item)
    work.finish()
    records = [work.records[number] for number in sorted(work.records)]
    if records:
        write_shard(shard_path(options.out, shard), records)
    else:
        shard_path(options.out, shard).unlink(missing_ok=True)
    note = {
        "items": stop - start,
        "records": len(records),
        "rejected": sorted(work.rejected, key=lambda entry: entry["id"]),
        "depth": work.depth,
        "hfov": dict(sorted(work.hfov.items())),
        "hfov_source": dict(work.hfov_source),
        "licences": dict(Counter(record["licence"] for record in records)),
        "edits": sum(record["instruction"] is not None for record in records),
    }
    write_text(note_path(options.out, shard), json.dumps(note))


class _Shard:
    """The records of one shard in the making. Images of one size go to the teacher together."""

    def __init__(self, teacher: Teacher, options: Options, progress: Callable[[int], None]):
        self.teacher, self.options, self.progress = teacher, options, progress
        self.waiting: dict[tuple[int, int], list[tuple[int, Item, ImageFile, bytes | None]]] = defaultdict(list)
        self.records: dict[int, dict[str, Any]] = {}
        self.rejected: list[dict[str, str]] = []
        self.depth = [0] * (len(DEPTH_BINS) + 1)
        self.hfov: Counter[int] = Counter()
        self.hfov_source: Counter[str] = Counter()

    def take(self, number: int, item: Item) -> None:
        try:
            self._check_licence(item)
            image = read_image_file(item.image, None if item.geometry else self.options.max_side)
            source = None if item.source is None else _read_source(item.source, self.options.max_side)
        except RecordError as reason:
            self.reject(number, item.origin, str(reason))
            return
        if item.geometry is not None:
            self._keep(number, item, image, source, item.geometry, "exact")
            self.progress(1)
            return
        entries = self.waiting[image.image.size]
        entries.append((number, item, image, source))
        if len(entries) == self.options.batch:
            self._ask(self.waiting.pop(image.image.size))

    def finish(self) -> None:
        for size in list(self.waiting):
            self._ask(self.waiting.pop(size))

    def reject(self, number: int, origin: str, reason: str) -> None:
        self.rejected.append({"id": f"{number:08d}", "origin": printable(origin), "reason": printable(reason)})
        self.progress(1)

    def _check_licence(self, item: Item) -> None:
        allowed = {name.lower() for name in self.options.licence_allow}
        licence = item.licence or self.options.licence or "unknown"
        if allowed and licence.lower() not in allowed:
            raise RecordError(f"the licence {licence} is not allowed")

    def _ask(self, entries: list[tuple[int, Item, ImageFile, bytes | None]]) -> None:
        asked, cameras = [], []
        for entry in entries:
            number, item, image, _ = entry
            camera = self._camera(item, image)
            if camera is None:
                self.reject(number, item.origin, "EXIF has no field of view (--fov DEGREES or --fov unknown takes it)")
            else:
                asked.append(entry)
                cameras.append(camera)
        if not asked:
            return
        images = torch.stack([image.tensor for _, _, image, _ in asked])
        hfov = None if self.teacher.gives_fov else torch.tensor([degrees for degrees, _ in cameras])
        try:
            geometry = self.teacher(images, hfov).to("cpu")
        except torch.OutOfMemoryError:
            size = f"{images.shape[3]}x{images.shape[2]}"
            raise InputError(f"{len(images)} images of {size} do not fit the memory: lower --batch.") from None
        for i, (number, item, image, source) in enumerate(asked):
            if geometry.valid[i].float().mean() < max(self.options.min_valid, 1e-9):
                self.reject(number, item.origin, f"{self.teacher.name} gives no usable depth")
                continue
            self._keep(number, item, image, source, geometry[i], cameras[i][1])
            self.progress(1)

    def _camera(self, item: Item, image: ImageFile) -> tuple[float, str] | None:
        """The field of view to tell the teacher, and where it is from."""
        if self.teacher.gives_fov:
            return ASSUMED_HFOV, "teacher"
        for degrees, source in ((item.hfov, "given"), (image.hfov, "exif"), (self.options.fov, "given")):
            if isinstance(degrees, str):
                return ASSUMED_HFOV, "unknown"
            if degrees is not None:
                return degrees, source
        return None

    def _keep(
        self, number: int, item: Item, image: ImageFile, source: bytes | None, geometry: Geometry, hfov_source: str
    ) -> None:
        self.records[number] = make_record(
            id=f"{number:08d}",
            image=image.data,
            caption=item.caption,
            geometry=geometry,
            hfov_source=hfov_source,
            licence=item.licence or self.options.licence or "unknown",
            origin=printable(item.origin),
            teacher=self.teacher.name,
            teacher_licence=self.teacher.licence,
            source_image=source,
            instruction=item.instruction,
        )
        metres = geometry.depth[geometry.valid]
        bins = torch.bucketize(metres, torch.tensor(DEPTH_BINS), right=True)
        counts = torch.bincount(bins, minlength=len(self.depth)).tolist()
        self.depth = [a + b for a, b in zip(self.depth, counts)]
        self.hfov_source[hfov_source] += 1
        if hfov_source != "unknown":
            self.hfov[math.floor(geometry.hfov[0].item() / FOV_BIN) * FOV_BIN] += 1


def _read_source(data: bytes, max_side: int | None) -> bytes:
    try:
        return read_image_file(data, max_side).data
    except RecordError as reason:
        raise RecordError(str(reason).replace("the image", "the source image", 1)) from None
