"""Rendered scenes on disk: images, exact metric depth, the scenes behind them, and editing pairs.

Notable: rendering is the slow part of a training step on a CPU, so it happens once. A folder holds shards of 256
images (safetensors beside JSON); a broken-off run goes on with the first shard that is missing. Captions are not
stored: they are drawn anew from the scene in every epoch.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..errors import InputError
from ..files import atomic_file
from ..geometry.geometry import Geometry
from ..progress import progress_bar
from ..scenes.edits import Edit, sample_edit
from ..scenes.render import render
from ..scenes.sample import sample_scene
from ..scenes.scene import Scene

SHARD = 256
VALIDATION_SEED = 1_000_000_000  # training scenes are drawn from seeds below this


class RenderedScenes:
    """A folder of rendered scenes.

    Attributes:
        scenes: the N scenes.
        edits: (source index, target index, Edit) of every editing pair.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self.shards = sorted(self.folder.glob("shard-*.json"))
        if not self.shards:
            raise InputError(f"{folder} has no rendered scenes; run the stage `data` first.")
        self.scenes: list[Scene] = []
        self.edits: list[tuple[int, int, Edit]] = []
        for shard in self.shards:
            content = json.loads(shard.read_text(encoding="utf-8"))
            start = len(self.scenes)
            self.scenes += [Scene.from_json(text) for text in content["scenes"]]
            self.edits += [(start + i, start + j, Edit.from_json(text)) for i, j, text in content["edits"]]

    def __len__(self) -> int:
        return len(self.scenes)

    @functools.cached_property
    def images(self) -> Tensor:
        """[N, 3, H, W] uint8."""
        return self._column("images")

    @functools.cached_property
    def depth(self) -> Tensor:
        """[N, H, W] float16 metres, 0 where invalid."""
        return self._column("depth")

    @functools.cached_property
    def valid(self) -> Tensor:
        """[N, H, W] bool."""
        return self.depth > 0

    @functools.cached_property
    def intrinsics(self) -> Tensor:
        """[N, 3, 3], normalised by the image's size."""
        height, width = self.depth.shape[-2:]
        return torch.stack([scene.camera.intrinsics(width / height) for scene in self.scenes])

    def geometry(self, indices: list[int]) -> Geometry:
        """The exact depth of some images, with their cameras."""
        depth = self.depth[indices].float()
        return Geometry(depth=depth, valid=depth > 0, intrinsics=self.intrinsics[indices])

    def latents(self, encode: Callable[[Tensor], Tensor], identity: str) -> Tensor:
        """Normalised latents [N, C, h, w] float16 of all images, computed once and kept beside them; images that
        came later are added.

        Args:
            encode: images [B, 3, H, W] in [0, 1] -> normalised latents.
            identity: names the encoder's weights (see `weights_digest`); other weights get another file.
        """
        path = self.folder / f"latents-{identity}.safetensors"
        parts = [load_file(path)["latents"]] if path.exists() else []
        known = sum(map(len, parts))
        if known < len(self):
            batches = progress_bar(self.images[known:].split(32), what="encode latents", leave=False)
            parts += [encode(images.float() / 255).half() for images in batches]
            parts = [torch.cat(parts).contiguous()]
            with atomic_file(path) as temporary:
                save_file({"latents": parts[0]}, temporary)
        return parts[0]

    def _column(self, name: str) -> Tensor:
        # Autocast on a CPU refuses to join float16, and validation opens images inside of it.
        with torch.autocast("cpu", enabled=False):
            return torch.cat([load_file(shard.with_suffix(".safetensors"))[name] for shard in self.shards])


def render_folder(
    folder: Path,
    count: int,
    size: tuple[int, int],
    edit_fraction: float,
    seed: int,
    device: torch.device | str = "cpu",
) -> None:
    """Render at least `count` images of `size` (width, height) into `folder`; whole shards that exist are kept."""
    folder = Path(folder)
    shards = -(-count // SHARD)
    missing = [i for i in range(shards) if not (folder / f"shard-{i:05d}.json").exists()]
    if not missing:
        return
    with progress_bar(
        total=shards * SHARD, initial=(shards - len(missing)) * SHARD, what=f"render {folder.name}", unit="scene"
    ) as bar:
        for i in missing:
            scenes, edits = draw_scenes(min(SHARD, count), edit_fraction, seed + i * SHARD)
            images, depth = [], []
            for start in range(0, len(scenes), 32):
                rendering = render(scenes[start : start + 32], size=size, device=device)
                assert rendering.image is not None
                images.append((rendering.image * 255).round().to(torch.uint8).cpu())
                depth.append(torch.where(rendering.valid, rendering.depth, 0).half().cpu())
                bar.update(len(images[-1]))
            stem = folder / f"shard-{i:05d}"
            with atomic_file(stem.with_suffix(".safetensors")) as temporary:
                save_file({"images": torch.cat(images), "depth": torch.cat(depth)}, temporary)
            # The JSON is written last: it marks the shard as whole.
            with atomic_file(stem.with_suffix(".json")) as temporary:
                text = {
                    "scenes": [scene.to_json() for scene in scenes],
                    "edits": [[source, target, edit.to_json()] for source, target, edit in edits],
                }
                temporary.write_text(json.dumps(text), encoding="utf-8")


def draw_scenes(count: int, edit_fraction: float, seed: int) -> tuple[list[Scene], list[tuple[int, int, Edit]]]:
    """`count` scenes from the seeds that start at `seed`; about `edit_fraction` of them stand in editing pairs."""
    scenes: list[Scene] = []
    edits: list[tuple[int, int, Edit]] = []
    pairs = round(count * edit_fraction / 2)
    for i in range(count - pairs):
        if i < pairs:
            pair = sample_edit(seed + i)
            edits.append((len(scenes), len(scenes) + 1, pair.edit))
            scenes += [pair.source, pair.target]
        else:
            scenes.append(sample_scene(seed + i))
    return scenes, edits
