"""A client of a running ComfyUI: queue a workflow in API format, wait for it, fetch what it has made.

Notable: urllib, as the HTTP package below huggingface_hub is another from one version to the next.
"""

from __future__ import annotations

import http.client
import json
import math
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from typing import Any

TIMEOUT = 60.0  # seconds for one answer of the server; an image may take as long as it likes
POLL = 0.1  # seconds between two questions whether a prompt is done


class RefusedError(Exception):
    """The server has refused what was sent to `path`. answer: what it said, {} if that was no JSON object."""

    def __init__(self, path: str, text: str, status: int = 200):
        self.path, self.text, self.status = path, text, status
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {}
        self.answer: dict[str, Any] = answer if isinstance(answer, dict) else {}
        super().__init__(text)

    @property
    def reason(self) -> str:
        """Which nodes are wrong and why, or else what the server said."""
        try:
            errors = [
                f"node {number}: {error['message']} ({error['details']})"
                for number, node in self.answer["node_errors"].items()
                for error in node["errors"]
            ]
            return "; ".join(errors) or self.answer["error"]["message"]
        except (KeyError, TypeError, AttributeError):
            return f"{self.status} {self.text[:200]}".strip()


class DroppedError(Exception):
    """A prompt was taken off the queue before it ran."""


class ComfyUI:
    """
    Args:
        address: of the server, such as http://127.0.0.1:8188.
    """

    def __init__(self, address: str):
        self.address = address.rstrip("/")

    def fetch(self, path: str, data: Any = None) -> bytes:
        """The answer to GET, or to POST of `data` as JSON. Raises RefusedError; ConnectionError if nothing answers."""
        return self._open(path, None if data is None else json.dumps(data).encode(), "application/json")

    def get(self, path: str) -> Any:
        return json.loads(self.fetch(path))

    def queue(self, prompt: dict[str, Any], **extra: Any) -> str:
        """Post a prompt and return its id. Raises RefusedError unless every part of it is valid.

        The server runs the valid part of a prompt, and says what is wrong with the rest: here that is a refusal too.
        """
        text = self.fetch("/prompt", {"prompt": prompt, **extra})
        answer = json.loads(text)
        if answer["node_errors"]:
            self.fetch("/queue", {"delete": [answer["prompt_id"]]})
            raise RefusedError("/prompt", text.decode("utf-8", "replace"))
        return answer["prompt_id"]

    def wait(self, prompt_id: str, seconds: float = math.inf) -> dict[str, Any]:
        """What /history says of a prompt when it is done, failed or interrupted.

        Raises DroppedError if it is no more in the queue, and TimeoutError after `seconds`.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            # In this order: a prompt that is done in between is in both.
            waits = prompt_id in self.fetch("/queue").decode()
            if entry := self.get(f"/history/{prompt_id}").get(prompt_id):
                return entry
            if not waits:
                raise DroppedError(f"prompt {prompt_id} was taken off the queue")
            time.sleep(POLL)
        raise TimeoutError(f"prompt {prompt_id} is not done after {seconds:g} s")

    def file(self, result: dict[str, Any]) -> bytes:
        """The content of a file that a node has named among its outputs."""
        names = {name: result[name] for name in ("filename", "subfolder", "type")}
        return self.fetch(f"/view?{urllib.parse.urlencode(names)}")

    def upload(self, name: str, image: bytes) -> str:
        """Put an image file among the server's inputs, over one of the same name; returns its name there."""
        boundary = uuid.uuid4().hex
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="overwrite"\r\n\r\ntrue\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'
            f"Content-Type: image/png\r\n\r\n"
        )
        body = head.encode() + image + f"\r\n--{boundary}--\r\n".encode()
        answer = json.loads(self._open("/upload/image", body, f"multipart/form-data; boundary={boundary}"))
        return f"{answer['subfolder']}/{answer['name']}" if answer.get("subfolder") else answer["name"]

    def _open(self, path: str, body: bytes | None, kind: str) -> bytes:
        try:
            request = urllib.request.Request(self.address + path, body, {"Content-Type": kind} if body else {})
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise RefusedError(path, error.read().decode("utf-8", "replace"), error.code) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise ConnectionError(f"no ComfyUI answers at {self.address} ({error})") from None


def error_of(entry: dict[str, Any]) -> dict[str, Any]:
    """What a failed prompt's history says: node_id, node_type, exception_message ...; or {} if it says nothing."""
    for event, content in entry["status"]["messages"]:
        if event in ("execution_error", "execution_interrupted"):
            return {"event": event, **content}
    return {}
