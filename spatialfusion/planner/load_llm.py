"""A language model by what a user calls it."""

from __future__ import annotations

import re

from .llm import Llm


def load_llm(where: str, device: str | None = None) -> Llm:
    """A model by its folder or its name on the hub, or a server by its address.

    An address is that of an OpenAI-compatible server (llama.cpp, Ollama, vLLM, LM Studio), with the name of the model
    behind a # where it has several: "http://localhost:11434#qwen3:4b". Raises InputError for what is no such model.
    """
    if re.match(r"https?://", where, re.IGNORECASE):
        from .llm_server import ServerLlm

        return ServerLlm(where)
    from .llm_transformers import load_transformers_llm

    return load_transformers_llm(where, device)
