"""An OpenAI-compatible server (llama.cpp, Ollama, vLLM, LM Studio) as planner, at an address that the user gives.

Servers differ in the grammars they take, so none is sent: what comes is checked, and errors go back. Notable: urllib.
The clients of huggingface_hub and openai take lines of any length into memory and cannot be cancelled while they wait.
"""

from __future__ import annotations

import json
import queue
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from urllib.parse import urlsplit, urlunsplit

from ..errors import InputError
from .llm import MAX_ANSWER, MAX_TOKENS, Message

TIMEOUT = 60.0  # seconds without a word
PATIENCE = 300.0  # seconds for an answer
MAX_STREAM = 16 << 20  # bytes of an answer, each of whose words comes in a JSON of its own
_POLL = 0.1  # seconds between two looks whether somebody has cancelled
_RIGHT = "expected the address of an OpenAI-compatible server, such as http://localhost:8080"


class ServerLlm:
    """
    Args:
        address: http or https; the model's name behind a #, where the server has several.
        timeout, patience: seconds without a word, and for a whole answer.
        progress: called all the time while an answer is awaited; what it raises ends that.
    """

    def __init__(
        self,
        address: str,
        timeout: float = TIMEOUT,
        patience: float = PATIENCE,
        progress: Callable[[], None] = lambda: None,
    ):
        if not isinstance(address, str) or not re.fullmatch(r"https?://[^\s/#]+\S*", address, re.IGNORECASE):
            raise InputError(f"the server {address!r} is no address: {_RIGHT}.")
        parts = urlsplit(address)
        try:
            found = bool(parts.hostname) and (parts.port or True)
        except ValueError:
            found = False
        if not found:
            raise InputError(f"the server {address!r} is no address: {_RIGHT}.")
        self.model = parts.fragment or None
        self.url = urlunsplit(parts._replace(fragment="")).rstrip("/")
        self.name = f"the language model at {self.url}"
        self.timeout, self.patience, self.progress = timeout, patience, progress

    def write(self, messages: list[Message], seed: int = 0) -> str:
        """Its answer. Raises InputError for a server that is away, too slow, or answers something else."""
        asked = {
            "messages": messages,
            "model": self.model or "default",  # which servers with one model do not read
            "max_tokens": MAX_TOKENS,
            "temperature": 0.0,
            "seed": seed % 2**31,
            "stream": True,
        }
        # The other thread may wait for the server as long as it likes; this one comes to an end.
        said: queue.SimpleQueue[str | Exception | None] = queue.SimpleQueue()
        stopped = threading.Event()
        threading.Thread(target=self._read, args=(json.dumps(asked).encode(), said, stopped), daemon=True).start()
        end = time.monotonic() + self.patience
        answer = ""
        try:
            while True:
                self.progress()
                if time.monotonic() > end:
                    raise InputError(
                        f"{self.name} was not done after {self.patience:g} seconds: expected a faster one."
                    )
                try:
                    piece = said.get(timeout=_POLL)
                except queue.Empty:
                    continue
                if piece is None:
                    break
                if isinstance(piece, InputError):
                    raise piece
                if isinstance(piece, Exception):
                    raise InputError(f"{self.name} gave no answer ({_reason(piece)}): {_RIGHT}.")
                answer += piece
                if len(answer) > MAX_ANSWER:
                    raise self._endless()
        finally:
            stopped.set()
        if not answer.strip():
            raise InputError(f"{self.name} answered nothing that is a chat's answer: {_RIGHT}.")
        return answer

    def _read(self, body: bytes, said: queue.SimpleQueue[str | Exception | None], stopped: threading.Event) -> None:
        """Put the pieces of an answer, and None or what went wrong at its end."""
        request = urllib.request.Request(self._endpoint(), body, {"Content-Type": "application/json"})
        ended = begun = False
        try:
            with _OPENER.open(request, timeout=self.timeout) as response:
                for line in self._lines(response, stopped):
                    if not line.startswith(b"data:"):
                        continue
                    if line[5:].strip() == b"[DONE]":
                        ended = True
                        break
                    piece, last = _piece(line[5:])
                    begun, ended = True, ended or last
                    said.put(piece)
            if begun and not ended:
                raise InputError(f"{self.name} broke off in the middle of its answer: try again.")
            said.put(None)
        except Exception as error:  # whatever comes over a network
            said.put(error)

    def _lines(self, response: HTTPResponse, stopped: threading.Event) -> Iterator[bytes]:
        rest, length = [b""], 0
        while not stopped.is_set() and (part := response.read1(1 << 16)):
            length += len(part)
            if length > MAX_STREAM:
                raise self._endless()
            rest.append(part)
            if b"\n" in part:
                *lines, end = b"".join(rest).split(b"\n")
                yield from lines
                rest = [end]
        yield b"".join(rest)

    def _endpoint(self) -> str:
        """Where chats are answered; the address may end before or behind "v1"."""
        parts = urlsplit(self.url)
        path = parts.path.rstrip("/")
        if not path.endswith("/chat/completions"):
            path = path.removesuffix("/v1") + "/v1/chat/completions"
        return urlunsplit(parts._replace(path=path))

    def _endless(self) -> InputError:
        return InputError(f"{self.name} does not stop writing: expected a scene text of a few lines.")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Nothing is contacted but the address that was given."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def _piece(data: bytes) -> tuple[str, bool]:
    """What a piece of an answer says, and whether it is the last."""
    piece = json.loads(data)
    if piece.get("error"):
        raise ValueError(str(piece["error"]))
    choice = (piece.get("choices") or [{}])[0]
    return str((choice.get("delta") or {}).get("content") or ""), bool(choice.get("finish_reason"))


def _reason(error: Exception) -> str:
    """What went wrong, short and in one line."""
    if isinstance(error, urllib.error.HTTPError):
        words = f"status {error.code}"
        if error.code in (400, 404):
            words += "; a server with several models takes a name behind the address: #NAME"
        return words
    if isinstance(error, urllib.error.URLError):
        error = error.reason if isinstance(error.reason, Exception) else error
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= 160 else words[:157] + "..."
