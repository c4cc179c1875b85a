"""VAE latents of labelled records, encoded once and kept beside them.

Notable: one safetensors file for each shard, autoencoder and size: FOLDER/latents/<digest>-<width>x<height>/00000, with
tensors named by the record's row (and "<row>.source" of edits). A file is written whole, so a run that was stopped
goes on with the next; of a file that lacks records, because buckets have changed, only these are encoded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..files import atomic_file
from ..progress import progress_bar
from .reader import Reader

ENCODED_TOGETHER = 4  # records that are encoded at once
WAIT_TIMEOUT = timedelta(hours=6)  # how long others wait for the process with the largest share of the work

Encode = Callable[[Tensor], Tensor]  # images [B, 3, H, W] in [0, 1] -> normalised latents [B, C, h, w]


@dataclass(frozen=True)
class _File:
    """The latents of one shard's records of one size. identity: of the shard that they were made from."""

    folder: int
    first: int  # the number of the record that is row 0
    path: Path
    rows: list[int]
    identity: dict[str, str]

    def names(self) -> set[str]:
        """Names of the tensors that are there already; none if the shard was written anew since."""
        try:
            with safe_open(self.path, framework="pt") as file:
                return set(file.keys()) if file.metadata() == self.identity else set()
        except (FileNotFoundError, SafetensorError):
            return set()


class RecordLatents:
    """Normalised latents of all images and source images of a reader, at their buckets' sizes.

    Args:
        digest: names the autoencoder's weights; other weights get other files.
        encode: used for what is missing, here and now. Several processes share the work and wait for each other.
    """

    def __init__(self, reader: Reader, digest: str, encode: Encode):
        self.reader, self.digest = reader, digest
        rank, ranks = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        missing = []
        # Shared by number, not by what is missing: another process may be writing already.
        for file in list(self._files())[rank::ranks]:
            names = file.names()
            if rows := [row for row in file.rows if str(row) not in names]:
                missing.append((file, rows))
        if missing:
            total = sum(len(rows) for _, rows in missing)
            with progress_bar(total=total, what="encode latents", unit="record", disable=rank > 0) as bar:
                for file, rows in missing:
                    self._add(file, rows, encode, bar.update)
        if ranks > 1:
            # Shards differ in size, and there may be fewer of them than processes.
            patient = dist.new_group(backend="gloo", timeout=WAIT_TIMEOUT)
            dist.barrier(patient)
            dist.destroy_process_group(patient)

    def load(self, folder: int, record: int) -> tuple[Tensor, Tensor | None]:
        """Latents [C, h, w] float16 of a record's image and of its source image, if it is an edit."""
        shard, row = self.reader.folders[folder].locate(record)
        with safe_open(self._path(folder, shard, self.reader.size(folder, record)), framework="pt") as file:
            names = set(file.keys())
            source = file.get_tensor(f"{row}.source") if f"{row}.source" in names else None
            return file.get_tensor(str(row)), source

    def _path(self, folder: int, shard: int, size: tuple[int, int]) -> Path:
        records = self.reader.folders[folder]
        # Not called train-...: `datasets` would take it for data.
        name = records.paths[shard].stem.removeprefix("train-")
        return records.folder / "latents" / f"{self.digest}-{size[0]}x{size[1]}" / f"{name}.safetensors"

    def _files(self) -> Iterator[_File]:
        for folder, records in enumerate(self.reader.folders):
            first = 0
            for shard, end in enumerate(records.ends):
                rows: dict[tuple[int, int], list[int]] = defaultdict(list)
                for record in range(first, end):
                    rows[self.reader.size(folder, record)].append(record - first)
                identity = {"shard_bytes": str(records.paths[shard].stat().st_size)}
                for size, members in rows.items():
                    yield _File(folder, first, self._path(folder, shard, size), members, identity)
                first = end

    def _add(self, file: _File, rows: list[int], encode: Encode, done: Callable[[int], object]) -> None:
        """Encode some rows of a file and write it anew."""
        tensors: dict[str, Tensor] = {}
        if names := file.names():
            with safe_open(file.path, framework="pt") as old:
                tensors = {name: old.get_tensor(name) for name in names}
        for start in range(0, len(rows), ENCODED_TOGETHER):
            images: dict[str, Tensor] = {}
            members = rows[start : start + ENCODED_TOGETHER]
            for row in members:
                images[str(row)], source = self.reader.images(file.folder, file.first + row)
                if source is not None:
                    images[f"{row}.source"] = source
            latents = encode(torch.stack(list(images.values()))).half().cpu()
            tensors |= {n: latent.clone(memory_format=torch.contiguous_format) for n, latent in zip(images, latents)}
            done(len(members))
        with atomic_file(file.path) as temporary:
            save_file(tensors, temporary, file.identity)
