"""The folder of an evaluation: its settings, and one line for every image that was judged, written as it is judged."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import remove_leftovers, write_text
from .questions import Question

# Of an image that was not there: it may be by now.
TRY_AGAIN = ("no image", "unreadable image")


class Records:
    """What is known so far; opening the folder of an earlier run goes on with it.

    Args:
        settings: what an image and its verdict depend on; those of the folder's earlier run must be the same.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder = folder
        self.path = folder / "records.jsonl"
        self.known: dict[tuple[str, int], dict[str, Any]] = {}
        for part in (folder, *(folder / name for name in ("images", "sources", "depth"))):
            remove_leftovers(part)
        settings = json.loads(json.dumps(settings))
        self._check_settings(settings)
        if self.path.exists():
            self._read()

    def _check_settings(self, settings: dict[str, Any]) -> None:
        path = self.folder / "settings.json"
        if not path.exists():
            if self.path.exists():
                raise InputError(f"{self.folder} has records without settings.json: expected another --out.")
            write_text(path, json.dumps(settings, indent=1) + "\n")
            return
        try:
            earlier = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read ({error}): expected another --out.") from None
        names = [name for name in (earlier | settings) if earlier.get(name) != settings.get(name)]
        if names:
            changes = ", ".join(f"{n} was {_short(earlier.get(n))} and is {_short(settings.get(n))}" for n in names)
            raise InputError(f"{self.folder} holds a run with other settings ({changes}): expected another --out.")

    def _read(self) -> None:
        text = self.path.read_text(encoding="utf-8")
        whole, _, torn = text.rpartition("\n")
        if torn:
            # A run that was killed as it wrote.
            write_text(self.path, f"{whole}\n" if whole else "")
        # Not splitlines: JSON may hold other line ends as they are.
        for number, line in enumerate(whole.split("\n") if whole else (), 1):
            try:
                record = json.loads(line)
                self.known[record["id"], record["seed"]] = record
            except (ValueError, KeyError, TypeError):
                raise InputError(f"line {number} of {self.path} is not a record: expected another --out.") from None

    def finished(self, question: Question, seed: int) -> bool:
        """Whether the image need not be drawn and judged again. Raises InputError if it was of another question."""
        record = self.known.get((question.id, seed))
        if record is None:
            return False
        if record["prompt"] != question.prompt:
            raise InputError(
                f"{self.path} has asked {_short(record['prompt'])} as {question.id}, not {_short(question.prompt)}: "
                "expected another --out for other questions."
            )
        return not record["reason"].startswith(TRY_AGAIN)

    def rows(self, questions: Sequence[Question], seeds: Sequence[int]) -> list[list[dict[str, Any]]]:
        """For each question the records of its images, one a seed. All must be finished."""
        return [[self.known[question.id, seed] for seed in seeds] for question in questions]

    def image(self, question: Question, seed: int) -> Path | None:
        """The file of an image; None where there was none to look at."""
        file = self.known[question.id, seed].get("image")
        return None if file is None else self.folder / file

    def add(self, records: Sequence[dict[str, Any]]) -> None:
        """Append them to the file; a record of an image that was tried again replaces the older one."""
        with self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
            file.flush()
            os.fsync(file.fileno())
        for record in records:
            self.known[record["id"], record["seed"]] = record


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
