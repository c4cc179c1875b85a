"""A language model as planner: a prompt in any language and style becomes scene text, which the solver places.

The model writes relations, not coordinates (scene_writer.md is what it is told). What cannot hold goes back to it as
the error's sentence, at most twice.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Protocol

from ..errors import InputError
from ..scenes.render import Progress
from ..texts import check_text
from .plan import SIZE, Plan, plan_text

INSTRUCTION = Path(__file__).with_name("scene_writer.md")
CORRECTIONS = 2  # how often an error goes back to the model
MAX_ANSWER = 20_000  # characters
MAX_TOKENS = 1024  # of one answer

Message = dict[str, str]  # role: "system", "user" or "assistant"; content


class Llm(Protocol):
    """A language model that can be talked to.

    name: for messages. write: its answer to a chat, the same for the same seed where it can be; raises InputError for
    what a user can change: a model that cannot generate, a server that is away.
    """

    name: str

    def write(self, messages: list[Message], seed: int = 0) -> str: ...


def plan_with_llm(
    prompt: str, llm: Llm, seed: int = 0, size: tuple[int, int] = SIZE, progress: Progress | None = None
) -> Plan:
    """Let a model write the scene text of a prompt, place what it names, and find the view.

    seed, size, progress: as of `plan`. Raises InputError where the model writes no scene text, or one whose relations
    cannot hold also when told so, with the lines at odds.
    """
    if not isinstance(prompt, str) or not prompt.strip():
        raise InputError("the prompt is empty: describe the picture.")
    check_text(prompt, "the prompt")
    messages = opening(prompt)
    for attempt in range(CORRECTIONS + 1):
        answer = llm.write(messages)  # always alike: a seed is of the layout
        text = scene_text_of(answer)
        try:
            return plan_text(text, seed, size, prompt, progress=progress)
        except InputError as error:
            last = str(error)
        if attempt < CORRECTIONS:
            messages += [{"role": "assistant", "content": text or answer[:MAX_ANSWER]}, correction(last)]
    raise InputError(f"{llm.name} has written no scene that can be drawn, also when told what is wrong: {last}")


@cache
def instruction() -> str:
    """What a model is told before the prompt."""
    return INSTRUCTION.read_text(encoding="utf-8")


def examples() -> list[tuple[str, str]]:
    """The instruction's examples: prompts and scene texts."""
    return re.findall(r"^Prompt: (.+)\nScene:\n((?:.+\n)+)", instruction(), re.MULTILINE)


def opening(prompt: str) -> list[Message]:
    """The chat that asks for the scene text of a prompt."""
    return [
        {"role": "system", "content": instruction().rstrip()},
        {"role": "user", "content": f"Prompt: {' '.join(prompt.split())}\nScene:"},
    ]


def correction(error: str) -> Message:
    """What a model is told of its last text."""
    return {"role": "user", "content": f"That cannot be drawn: {error} Write the whole scene text again, mended."}


def scene_text_of(answer: str) -> str:
    """The scene text in an answer: without thoughts, fences, and the words before it."""
    answer = answer[:MAX_ANSWER]
    answer = re.sub(r"<think>.*?(</think>|\Z)", "", answer, flags=re.DOTALL)
    fenced = re.findall(r"```[\w-]*\n(.*?)(?:```|\Z)", answer, re.DOTALL)
    text = fenced[-1] if fenced else answer
    text = re.sub(r"\A\s*scene( text)?:[ ]*\n", "", text, flags=re.IGNORECASE)
    return "\n".join(line.strip() for line in text.strip().splitlines() if line.strip()) + "\n" if text.strip() else ""
