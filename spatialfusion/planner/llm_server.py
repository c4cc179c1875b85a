"""An OpenAI-compatible server (llama.cpp, Ollama, vLLM, LM Studio) as planner, at an address that the user gives.

Servers differ in the grammars they take, so none is sent: what comes is checked, and errors go back.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

from ..errors import InputError
from .llm import MAX_ANSWER, MAX_TOKENS, Message

TIMEOUT = 60.0  # seconds without a word
PATIENCE = 300.0  # seconds for an answer
_RIGHT = "expected the address of an OpenAI-compatible server, such as http://localhost:8080"


class ServerLlm:
    """
    Args:
        address: http or https; the model's name behind a #, where the server has several.
        timeout, patience: seconds without a word, and for a whole answer.
        progress: called for each piece of an answer; what it raises ends the answer.
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
        from huggingface_hub import InferenceClient

        # A key is given, and an empty one, so that no token for the hub, which this machine may have, goes anywhere.
        client = InferenceClient(base_url=self.url, api_key="none", timeout=self.timeout)
        end = time.monotonic() + self.patience
        # Also a server that sends a letter now and then comes to an end.
        guard = threading.Timer(self.patience, client.close)
        guard.daemon = True
        guard.start()
        answer = ""
        try:
            stream = client.chat_completion(
                messages,
                model=self.model,
                max_tokens=MAX_TOKENS,
                temperature=0.0,
                seed=seed % 2**31,
                stream=True,
            )
            for piece in stream:
                self.progress()
                answer += (piece.choices[0].delta.content or "") if piece.choices else ""
                if len(answer) > MAX_ANSWER:
                    raise InputError(f"{self.name} does not stop writing: expected a scene text of a few lines.")
                if time.monotonic() > end:
                    break
        except InputError:
            raise
        except Exception as error:  # of whatever library carries the request
            if time.monotonic() <= end:
                raise InputError(f"{self.name} gave no answer ({_reason(error)}): {_RIGHT}.") from None
        finally:
            guard.cancel()
            client.close()
        if time.monotonic() > end:
            raise InputError(f"{self.name} was not done after {self.patience:g} seconds: expected a faster one.")
        if not answer.strip():
            raise InputError(f"{self.name} answered nothing that is a chat's answer: {_RIGHT}.")
        return answer


def _reason(error: Exception) -> str:
    """What a library says, short and in one line."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    words = f"status {status}" if status else " ".join(str(error).split()) or type(error).__name__
    if status in (400, 404):
        words += "; a server with several models takes a name behind the address: #NAME"
    return words if len(words) <= 160 else words[:157] + "..."
