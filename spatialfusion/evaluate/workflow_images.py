"""Images of a ComfyUI that runs elsewhere: a workflow in API format is filled in and posted for every image.

Filled in are `{prompt}` wherever a text holds it, every whole number called `seed` or `noise_seed`, and, for edits, the
image of every node LoadImage.
"""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from ..errors import InputError
from ..images import read_image, to_image
from .comfyui import ComfyUI, DroppedError, RefusedError, error_of
from .image_sources import Drawn, Request

PLACEHOLDER = "{prompt}"
SEEDS = ("seed", "noise_seed")
T = TypeVar("T")


class WorkflowImages:
    """
    Args:
        path: the workflow, saved with "Export (API)".
        host: address of the server.
    """

    def __init__(self, path: Path, host: str, source_size: tuple[int, int]) -> None:
        self.workflow = read_workflow(path)
        self.path = path
        self.server = ComfyUI(host)
        self.source_size = source_size
        self.settings = {"workflow": self.workflow, "source_size": list(source_size)}
        self._ask(self.server.get, "/system_stats")

    def draw(self, requests: Sequence[Request]) -> list[Drawn]:
        # All are queued before the first is waited for: the server is never idle.
        queued = [self._queue(request) for request in requests]
        return [Drawn(self._wait(number, request)) for number, request in zip(queued, requests)]

    def _queue(self, request: Request) -> str:
        source = None if request.source is None else self._upload(request.question.id, request.source)
        filled = fill(self.workflow, request.question.prompt, request.noise_seed, source)
        if source is not None and not any(node["class_type"] == "LoadImage" for node in filled.values()):
            raise InputError(f"{self.path} has no node LoadImage to take the source image of {request.question.id}.")
        return self._ask(self.server.queue, filled)

    def _wait(self, prompt_id: str, request: Request) -> Tensor:
        try:
            entry = self._ask(self.server.wait, prompt_id)
        except DroppedError:
            raise InputError(
                f"{request.name} was taken off the queue of {self.server.address}: start again to go on."
            ) from None
        if entry["status"]["status_str"] != "success":
            reason = error_of(entry).get("exception_message", "it was interrupted").strip()
            raise InputError(f"{self.path} failed in ComfyUI at {request.name}: {reason[:300]}.")
        images = [image for output in entry["outputs"].values() for image in output.get("images", ())]
        saved = [image for image in images if image["type"] == "output"] or images
        if len(saved) != 1:
            raise InputError(f"{self.path} gives {len(saved)} images at {request.name}: expected one node SaveImage.")
        return read_image(self._ask(self.server.file, saved[0]), f"{self.path}'s image of {request.name}")

    def _upload(self, name: str, image: Tensor) -> str:
        """Put a source image among the server's inputs; returns its name there."""
        file = io.BytesIO()
        to_image(image).save(file, "PNG")
        return self._ask(self.server.upload, f"spatialfusion-{name}.png", file.getvalue())

    def _ask(self, method: Callable[..., T], *arguments: Any) -> T:
        """Call a method of the server; that it refuses, or does not answer, is an InputError."""
        try:
            return method(*arguments)
        except RefusedError as error:
            raise InputError(f"{self.server.address} refuses {error.path} for {self.path}: {error.reason}.") from None
        except ConnectionError as error:
            raise InputError(f"{error}: start it, or give its address with --host.") from None


def read_workflow(path: Path) -> dict[str, Any]:
    """A workflow in API format with a place for the prompt."""
    try:
        workflow = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"the workflow {path} cannot be read ({error}): expected a JSON file.") from None
    if (
        not isinstance(workflow, dict)
        or not workflow
        or not all(isinstance(node, dict) and "class_type" in node and "inputs" in node for node in workflow.values())
    ):
        raise InputError(f'{path} is not a workflow in API format: save it in ComfyUI with "Export (API)".')
    texts = [value for node in workflow.values() for value in node["inputs"].values() if isinstance(value, str)]
    if not any(PLACEHOLDER in text for text in texts):
        raise InputError(f"{path} has no {PLACEHOLDER} in any text: write {PLACEHOLDER} where the prompt belongs.")
    return workflow


def fill(workflow: dict[str, Any], prompt: str, seed: int, source: str | None) -> dict[str, Any]:
    """The workflow of one image; `source` is the name of the source image on the server."""
    filled = copy.deepcopy(workflow)
    for node in filled.values():
        for name, value in node["inputs"].items():
            if isinstance(value, str) and PLACEHOLDER in value:
                node["inputs"][name] = value.replace(PLACEHOLDER, prompt)
            elif name in SEEDS and isinstance(value, int):
                node["inputs"][name] = seed
        if source is not None and node["class_type"] == "LoadImage":
            node["inputs"]["image"] = source
    return filled
