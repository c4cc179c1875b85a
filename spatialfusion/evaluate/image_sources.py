"""Where images come from: what every source of images is, a folder of files, and the renderer.

The pipeline (`pipeline_images.py`) and ComfyUI (`workflow_images.py`) are the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from ..errors import InputError
from ..geometry.geometry import Geometry
from ..images import read_image
from ..needed import needed
from ..scenes.render import render
from .question_images import scene_geometry
from .questions import Question

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class Request:
    """One image to draw: of a question, with a sampling seed; `source` [3, H, W] if it is an edit."""

    question: Question
    seed: int
    source: Tensor | None = None

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return f"{self.question.id}-{self.seed}"

    @property
    def noise_seed(self) -> int:
        """Below 2^42; no two images of a run share it."""
        return self.question.seed * 1000 + self.seed


@dataclass(frozen=True)
class Drawn:
    """image: [3, H, W] in [0, 1], or None and why. geometry: the depth that it was drawn from, a batch of one.

    file: where the image already is, if it need not be written.
    """

    image: Tensor | None
    problem: str = ""
    geometry: Geometry | None = None
    file: Path | None = None


class ImageSource(Protocol):
    """Draws the images of questions; `settings` is what an image depends on, for the report."""

    settings: dict[str, Any]
    source_size: tuple[int, int]  # (width, height) of the rendered source images that it is given

    def draw(self, requests: Sequence[Request]) -> list[Drawn]:
        """The images, in order; the requests are all of one task."""
        ...


class FolderImages:
    """Files named by the question's id: `<id>.png` (for seed 0) or `<id>-<seed>.png`, also .jpg, .jpeg and .webp."""

    def __init__(self, folder: Path, source_size: tuple[int, int]) -> None:
        if not folder.is_dir():
            raise InputError(f"--images is {folder}, which is no folder: expected one of images named by question.")
        self.folder = folder
        self.source_size = source_size
        self.settings = {"images": str(folder.resolve()), "source_size": list(source_size)}
        self._files: dict[str, list[Path]] = {}
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in SUFFIXES:
                self._files.setdefault(path.stem, []).append(path)

    def check(self, requests: Sequence[Request]) -> list[str]:
        """Sentences on what is missing and what no question asks for. Raises InputError if nothing fits."""
        found = {request.name: self._find(request) for request in requests}
        missing = [name for name, path in found.items() if path is None]
        if len(missing) == len(found):
            raise InputError(
                f"{self.folder} holds no image of the {len(found)} that are asked for: expected files such as "
                f"{requests[0].question.id}.png (python -m spatialfusion.evaluate.write_questions writes prompts and "
                "ids)."
            )
        known = {path.stem for path in found.values() if path is not None}
        sentences = []
        if missing:
            sentences.append(f"{self.folder} lacks {_some(missing)}: counted as images without objects.")
        if strange := [stem for stem in self._files if stem not in known]:
            sentences.append(f"{self.folder} has images that no question here asks for: {_some(strange)}.")
        return sentences

    def draw(self, requests: Sequence[Request]) -> list[Drawn]:
        drawn = []
        for request in requests:
            path = self._find(request)
            if path is None:
                drawn.append(Drawn(None, "no image"))
                continue
            try:
                drawn.append(Drawn(read_image(path), file=path))
            except InputError as error:
                drawn.append(Drawn(None, f"unreadable image: {error}"))
        return drawn

    def _find(self, request: Request) -> Path | None:
        stems = (request.name, request.question.id) if request.seed == 0 else (request.name,)
        found = [path for stem in stems for path in self._files.get(stem, ())]
        if len(found) > 1:
            raise InputError(
                f"{self.folder} has {' and '.join(path.name for path in found)}, both for {request.question.id} and "
                f"seed {request.seed}: expected one."
            )
        return found[0] if found else None


class RenderedImages:
    """The renderer, as a model that does all that it is told: shows what a judge makes of right images."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.source_size = size
        self.settings = {"rendered": True, "size": list(size)}

    def draw(self, requests: Sequence[Request]) -> list[Drawn]:
        scenes = []
        for request in requests:
            if request.question.target is None:
                raise InputError(f"{request.question.id} has no scene to render: --rendered needs our own questions.")
            scenes.append(request.question.target)
        images = needed(render(scenes, self.source_size).image)
        geometry = scene_geometry(scenes, self.source_size)
        return [Drawn(images[i], geometry=geometry[i]) for i in range(len(requests))]


def _some(names: Sequence[str]) -> str:
    """A few of the names, and how many there are."""
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{len(names)} ({shown} ...)"
