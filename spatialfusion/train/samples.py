"""What stages 1 and 2 learn from, with one interface: rendered scenes, or records that were labelled with depth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from ..data.reader import Batch, Reader, aspect_buckets
from ..data.record_latents import RecordLatents
from ..data.records import open_shard
from ..data.rendered import RenderedScenes
from ..errors import InputError
from ..geometry.geometry import Geometry
from ..needed import needed
from ..scenes.answers import numbers_answer
from ..scenes.captions import Caption, caption, egocentric_caption, plain_caption, pose_caption
from ..scenes.descriptions import full_caption
from ..scenes.edits import instruction
from ..scenes.scene import Scene
from .config import MixConfig, TrainConfig, weighted_folders
from .data_stage import data_folders

SHEET_PROMPTS = (
    "a red car in front of a blue house",
    "a yellow chair to the left of a green table",
    "a purple ball 2 metres from the camera",
    "a pink figure behind an orange barrel",
    "a cyan cube to the right of a white cone",
    "a green dog facing left",
    "a blue mug and a red bottle",
    "a black sofa in a room",
)
SHEET_EDITS = SHEET_RECORDS = 4
# Keys that need rendered scenes, with the values that turn them off.
MIX_OFF = {
    "full_fraction": 0,
    "egocentric_fraction": 0,
    "pose_fraction": 0,
    "answer_fraction": 0,
}
WEIGHTS_OFF = {
    "layout_weight": 0,
    "image_layout_weight": 0,
    "image_object_weight": 1,
    "change_weight": 1,
    "source_weight": 0,
}
VALIDATION_SCENES, VALIDATION_RECORDS = 256, 64

Encode = Callable[[Tensor], Tensor]  # images [B, 3, H, W] in [0, 1] -> normalised latents [B, C, h, w]


@dataclass
class Samples:
    """Training samples whose images have one size.

    texts: B prompts, "" where the prompt was dropped. images: [B, 3, H, W] in [0, 1]. geometry: of these.
    has_camera [B] bool: where false, the geometry's intrinsics are made up. edits: which samples have a source image;
    sources: these, [E, 3, H, W] in [0, 1]. latents [B, C, h, w], source_latents [E, C, h, w]: normalised, float32; None
    unless latents were encoded. source_geometry: of the sources, where it is known and there are any. scenes: what is
    seen in the images, where it is known. answers: scene texts that the LLM is taken to have answered to the prompts,
    "" for none.
    """

    texts: list[str]
    images: Tensor
    geometry: Geometry
    has_camera: Tensor
    edits: list[int]
    sources: Tensor
    latents: Tensor | None = None
    source_latents: Tensor | None = None
    source_geometry: Geometry | None = None
    scenes: list[Scene] | None = None
    answers: list[str] | None = None


@dataclass
class Example:
    """A row of a validation sheet. size: (height, width). image and geometry: what was wanted, if that is known."""

    text: str
    size: tuple[int, int]
    source: Tensor | None = None
    image: Tensor | None = None
    geometry: Geometry | None = None


class Data(Protocol):
    """Where samples come from. All that is random about a sample is drawn from its own generator."""

    def __len__(self) -> int: ...

    def indices(self, step: int, places: range) -> list[Any] | None:
        """As in `Stage`."""

    def load(self, indices: list[Any], generators: list[torch.Generator]) -> Samples: ...

    def encode_latents(self, encode: Encode, digest: str) -> None:
        """Give samples latents: encode those that are missing on disk. digest: a name for the encoder's weights."""

    def captions(self, count: int) -> list[str]:
        """The first `count` captions, or as many as there are."""

    def chunks(self) -> Iterator[list[Any]]:
        """Indices of samples to validate on, always the same."""

    def examples(self) -> list[Example]: ...


def open_data(config: TrainConfig, run: Path, stage: str, multiple: int) -> tuple[Data, Data | None]:
    """Training and validation data of a stage; None if no records were held out.

    multiple: of pixels that the sides of images must be.
    """
    mix = config.data.mix
    if config.data.records and config.data.side is not None:
        buckets = aspect_buckets(config.data.side, multiple)
    else:
        buckets = [config.data.size]
    if any(side % multiple for size in buckets for side in size):
        raise InputError(f"data.size = {list(config.data.size)} must be multiples of {multiple}.")
    if not config.data.records:
        rendered, held_out = (RenderedSamples(folder, mix) for folder in data_folders(config, run))
        return rendered, held_out
    if refused := keys_of_rendered_scenes(config, stage):
        raise InputError(
            f"{', '.join(refused)} must be off with data.records, as rendered scenes alone tell so much: "
            f"give {' '.join(f'{key}={off}' for key, off in refused.items())}."
        )
    folders = weighted_folders("data.records", config.data.records)
    batch = getattr(config, stage).batch
    train = RecordSamples(Reader(folders, batch, buckets, config.seed), mix)
    validation = weighted_folders("data.validation_records", config.data.validation_records)
    if not validation:
        return train, None
    return train, RecordSamples(Reader(validation, SHEET_RECORDS, buckets, config.seed), mix)


def keys_of_rendered_scenes(config: TrainConfig, stage: str) -> dict[str, float]:
    """Keys of a stage and of the mix that need rendered scenes and are set, each with the value that turns it off."""
    mix: dict[str, float] = {
        f"data.mix.{name}": off for name, off in MIX_OFF.items() if getattr(config.data.mix, name) != off
    }
    options = getattr(config, stage)
    return mix | {f"{stage}.{name}": off for name, off in WEIGHTS_OFF.items() if getattr(options, name, off) != off}


class RenderedSamples:
    """Images of a folder of rendered scenes, and then its editing pairs; captions are written anew every time."""

    def __init__(self, folder: Path, mix: MixConfig):
        self.data, self.mix = RenderedScenes(folder), mix
        self.latents: Tensor | None = None

    def __len__(self) -> int:
        return len(self.data) + len(self.data.edits)

    def indices(self, step: int, places: range) -> None:
        return None

    def load(self, indices: list[int], generators: list[torch.Generator]) -> Samples:
        drawn = [self.draw(index, generator) for index, generator in zip(indices, generators, strict=True)]
        targets, found, texts, answers = (list(column) for column in zip(*drawn))
        edits = [i for i, source in enumerate(found) if source is not None]
        sources = [found[i] for i in edits]
        latents = self.latents
        return Samples(
            texts=texts,
            images=self.data.images[targets].float() / 255,
            geometry=self.data.geometry(targets),
            has_camera=torch.ones(len(texts), dtype=torch.bool),
            edits=edits,
            sources=self.data.images[sources].float() / 255,
            latents=None if latents is None else latents[targets].float(),
            source_latents=None if latents is None else latents[sources].float(),
            source_geometry=self.data.geometry(sources) if sources else None,
            scenes=[self.data.scenes[i] for i in targets],
            answers=answers if any(answers) else None,
        )

    def draw(self, index: int, generator: torch.Generator) -> tuple[int, int | None, str, str]:
        """(target image, source image or None, prompt, answer) of a training sample; the prompt may be dropped to
        "", and the answer with it."""
        mix = self.mix
        if index < len(self.data):
            target, source, text = index, None, draw_caption(self.data.scenes[index], mix, generator).text
        else:
            source, target, edit = self.data.edits[index - len(self.data)]
            text = instruction(self.data.scenes[source], edit, generator)
            if mix.source_dropout and torch.rand((), generator=generator) < mix.source_dropout:
                source, text = None, draw_caption(self.data.scenes[target], mix, generator).text
        if torch.rand((), generator=generator) < mix.caption_dropout:
            return target, source, "", ""
        answered = mix.answer_fraction and torch.rand((), generator=generator) < mix.answer_fraction
        return target, source, text, numbers_answer(self.data.scenes[target]) if answered else ""

    def encode_latents(self, encode: Encode, digest: str) -> None:
        self.latents = self.data.latents(encode, digest)

    def captions(self, count: int) -> list[str]:
        scenes = self.data.scenes[:count]
        return [caption(scene, torch.Generator().manual_seed(i)).text for i, scene in enumerate(scenes)]

    def chunks(self) -> Iterator[list[int]]:
        count = min(len(self.data), VALIDATION_SCENES)
        for start in range(0, count, 64):
            yield list(range(start, min(start + 64, len(self.data))))

    def examples(self) -> list[Example]:
        """Fixed prompts, of which nobody knows the image, and edits."""
        data = self.data
        height, width = data.depth.shape[-2:]
        size = (height, width)
        examples = [Example(text, size) for text in SHEET_PROMPTS]
        for i, (source, target, edit) in enumerate(data.edits[:SHEET_EDITS]):
            text = instruction(data.scenes[source], edit, torch.Generator().manual_seed(i))
            image, wanted = (data.images[j].float() / 255 for j in (source, target))
            examples.append(Example(text, size, image, wanted, self.data.geometry([target])))
        return examples


def draw_caption(scene: Scene, mix: MixConfig, generator: torch.Generator) -> Caption:
    """A caption of one of the kinds of the mix."""
    drawn = float(torch.rand((), generator=generator))
    for share, write in (
        (mix.full_fraction, full_caption),
        (mix.plain_fraction, plain_caption),
        (mix.egocentric_fraction, egocentric_caption),
        (mix.pose_fraction, pose_caption),
    ):
        if drawn < share:
            return write(scene, generator)
        drawn -= share
    return caption(scene, generator)


class Place(NamedTuple):
    """A record in a batch. A record that fills the batch up stands in several places, each with its own noise."""

    folder: int
    record: int
    place: int


class RecordSamples:
    """Records of labelled folders, in the order of their reader."""

    def __init__(self, reader: Reader, mix: MixConfig):
        self.reader, self.mix = reader, mix
        self.latents: RecordLatents | None = None
        if not any(folder.has_camera.any() for folder in reader.folders):
            # There would be nothing to learn but where depth is valid.
            raise InputError(
                f"no record of {reader.folders[0].folder} has a field of view: label again, with --fov DEGREES or "
                "another teacher."
            )

    def __len__(self) -> int:
        return sum(len(folder) for folder in self.reader.folders)

    def indices(self, step: int, places: range) -> list[Place]:
        epoch, number = self.reader.locate(step)
        return self._places(self.reader.plan(epoch)[number], places)

    def load(self, indices: list[Place], generators: list[torch.Generator]) -> Samples:
        size = self.reader.size(indices[0].folder, indices[0].record)
        loaded = self.reader.load(Batch(size, np.array([(place.folder, place.record) for place in indices])))
        mix = self.mix
        texts, sources = [], {}
        for i, (sample, generator) in enumerate(zip(loaded, generators, strict=True)):
            text = sample.caption
            dropped = mix.source_dropout and torch.rand((), generator=generator) < mix.source_dropout
            if sample.source is not None and not dropped:
                text, sources[i] = needed(sample.instruction), sample.source
            texts.append("" if torch.rand((), generator=generator) < mix.caption_dropout else text)
        samples = Samples(
            texts=texts,
            images=torch.stack([sample.image for sample in loaded]),
            geometry=Geometry(
                depth=torch.cat([sample.geometry.depth for sample in loaded]),
                valid=torch.cat([sample.geometry.valid for sample in loaded]),
                intrinsics=torch.cat([sample.geometry.intrinsics for sample in loaded]),
            ),
            has_camera=torch.tensor([sample.hfov_known for sample in loaded]),
            edits=list(sources),
            sources=torch.stack(list(sources.values())) if sources else torch.zeros(0, 3, *size[::-1]),
        )
        if self.latents is not None:
            pairs = [self.latents.load(place.folder, place.record) for place in indices]
            # Autocast on a CPU refuses to join float16, and some batches are made inside of it.
            samples.latents = torch.stack([image.float() for image, _ in pairs])
            found = [needed(pairs[i][1]).float() for i in sources]
            samples.source_latents = torch.stack(found) if found else samples.latents[:0]
        return samples

    def encode_latents(self, encode: Encode, digest: str) -> None:
        self.latents = RecordLatents(self.reader, digest, encode)

    def captions(self, count: int) -> list[str]:
        with open_shard(self.reader.folders[0].paths[0]) as shard:
            return shard.read(columns=["caption"])["caption"].slice(0, count).to_pylist()

    def chunks(self) -> Iterator[list[Place]]:
        for batch in self.reader.plan(0)[: VALIDATION_RECORDS // self.reader.batch]:
            yield self._places(batch, range(self.reader.batch))

    def examples(self) -> list[Example]:
        examples = []
        for record in range(min(SHEET_RECORDS, len(self.reader.folders[0]))):
            size = self.reader.size(0, record)
            (sample,) = self.reader.load(Batch(size, np.array([(0, record)])))
            text = sample.caption if sample.source is None else needed(sample.instruction)
            examples.append(Example(text, size[::-1], sample.source, sample.image, sample.geometry))
        return examples

    @staticmethod
    def _places(batch: Batch, places: range) -> list[Place]:
        return [Place(int(batch.places[i][0]), int(batch.places[i][1]), i) for i in places]
