"""Images of a ComfyUI that runs elsewhere: a workflow in API format is filled in and posted for every image.

Filled in are `{prompt}` wherever a text holds it, every whole number called `seed` or `noise_seed`, and, for edits, the
image of every node LoadImage.
"""

from __future__ import annotations

import copy
import http.client
import io
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import InputError
from ..images import read_image, to_image
from .image_sources import Drawn, Request

PLACEHOLDER = "{prompt}"
SEEDS = ("seed", "noise_seed")
TIMEOUT = 60.0  # seconds for one answer of the server; an image may take as long as it likes


class WorkflowImages:
    """
    Args:
        path: the workflow, saved with "Export (API)".
        host: address of the server.
    """

    def __init__(self, path: Path, host: str, source_size: tuple[int, int]) -> None:
        self.workflow = read_workflow(path)
        self.path = path
        self.host = host.rstrip("/")
        self.source_size = source_size
        self.settings = {"workflow": self.workflow, "source_size": list(source_size)}
        self._get("/system_stats")

    def draw(self, requests: Sequence[Request]) -> list[Drawn]:
        # All are queued before the first is waited for: the server is never idle.
        queued = [self._queue(request) for request in requests]
        return [Drawn(self._wait(number, request)) for number, request in zip(queued, requests)]

    def _queue(self, request: Request) -> str:
        picture = None if request.source is None else self._upload(request)
        filled = fill(self.workflow, request.question.prompt, request.noise_seed, picture)
        if picture is not None and not any(node["class_type"] == "LoadImage" for node in filled.values()):
            raise InputError(f"{self.path} has no node LoadImage to take the source image of {request.question.id}.")
        answer = json.loads(self._fetch("/prompt", json.dumps({"prompt": filled}).encode()))
        if answer.get("node_errors"):  # of a part of the workflow, while the rest is queued
            raise InputError(f"{self.host} refuses {self.path}: {json.dumps(answer['node_errors'])[:500]}.")
        return answer["prompt_id"]

    def _wait(self, prompt_id: str, request: Request) -> Tensor:
        while True:
            waits = prompt_id in self._fetch("/queue").decode()
            if entry := self._get(f"/history/{prompt_id}").get(prompt_id):
                break
            if not waits:
                raise InputError(f"{request.name} was taken off the queue of {self.host}: start again to go on.")
            time.sleep(0.2)
        if entry["status"]["status_str"] != "success":
            said = [content for event, content in entry["status"]["messages"] if event == "execution_error"]
            reason = said[0].get("exception_message", "").strip() if said else "it was interrupted"
            raise InputError(f"{self.path} failed in ComfyUI at {request.name}: {reason[:300]}.")
        images = [image for output in entry["outputs"].values() for image in output.get("images", ())]
        saved = [image for image in images if image["type"] == "output"] or images
        if len(saved) != 1:
            raise InputError(f"{self.path} gives {len(saved)} images at {request.name}: expected one node SaveImage.")
        names = urllib.parse.urlencode({key: saved[0][key] for key in ("filename", "subfolder", "type")})
        return read_image(self._fetch(f"/view?{names}"), f"{self.path}'s image of {request.name}")

    def _upload(self, request: Request) -> str:
        """Put the source image among the server's inputs; returns its name there."""
        file = io.BytesIO()
        to_image(request.source).save(file, "PNG")
        boundary = uuid.uuid4().hex
        name = f"spatialfusion-{request.question.id}.png"
        body = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="overwrite"\r\n\r\ntrue\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'
            f"Content-Type: image/png\r\n\r\n"
        ).encode()
        body += file.getvalue() + f"\r\n--{boundary}--\r\n".encode()
        answer = json.loads(self._fetch("/upload/image", body, f"multipart/form-data; boundary={boundary}"))
        return f"{answer['subfolder']}/{answer['name']}" if answer.get("subfolder") else answer["name"]

    def _get(self, path: str) -> dict[str, Any]:
        return json.loads(self._fetch(path))

    def _fetch(self, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
        try:
            request = urllib.request.Request(self.host + path, body, {"Content-Type": kind} if body else {})
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise InputError(f"{self.host} refuses {path} for {self.path}: {_reason(error)}.") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise InputError(
                f"no ComfyUI answers at {self.host} ({error}): start it, or give its address with --host."
            ) from None


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


def fill(workflow: dict[str, Any], prompt: str, seed: int, picture: str | None) -> dict[str, Any]:
    """The workflow of one image; `picture` is the name of the source image on the server."""
    filled = copy.deepcopy(workflow)
    for node in filled.values():
        for name, value in node["inputs"].items():
            if isinstance(value, str) and PLACEHOLDER in value:
                node["inputs"][name] = value.replace(PLACEHOLDER, prompt)
            elif name in SEEDS and isinstance(value, int):
                node["inputs"][name] = seed
        if picture is not None and node["class_type"] == "LoadImage":
            node["inputs"]["image"] = picture
    return filled


def _reason(error: urllib.error.HTTPError) -> str:
    text = error.read().decode("utf-8", "replace")
    try:
        answer = json.loads(text)
        errors = [
            f"node {number}: {error['message']} ({error['details']})"
            for number, node in answer["node_errors"].items()
            for error in node["errors"]
        ]
        return "; ".join(errors) or answer["error"]["message"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{error.code} {text[:200]}".strip()
