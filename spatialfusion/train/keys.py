"""The list of all keys of the configuration: each with its default and the comment that the code has on it."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

from ..needed import needed
from .config import to_plain

WIDTH = 100


def key_lines(config: Any, prefix: str = "") -> Iterator[str]:
    """Lines such as "vae.steps=4000", each behind the lines of its comment; groups behind their docstrings."""
    explained = key_comments(type(config))
    groups = []
    for f in dataclasses.fields(config):
        value = getattr(config, f.name)
        if dataclasses.is_dataclass(value):
            groups.append((f.name, value))
            continue
        for line in _wrap(explained.get(f.name, "")):
            yield f"# {line}"
        yield f"{prefix}{f.name}={'none' if value is None else to_plain(value)}"
    for name, value in groups:
        yield ""
        if own := type(value).__dict__.get("__doc__"):
            if not own.startswith(type(value).__name__ + "("):  # the one that dataclasses write themselves
                yield from (f"## {line}" for line in _wrap(" ".join(own.split())))
        yield from key_lines(value, f"{prefix}{name}.")


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_on_hyphens=False)


def key_comments(kind: type) -> dict[str, str]:
    """What the code says of the fields of a dataclass: the comment behind a field, or the one above it."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if not dataclasses.is_dataclass(base):
            continue
        source = textwrap.dedent(inspect.getsource(base))
        lines = source.splitlines()
        (definition,) = ast.parse(source).body
        for node in definition.body if isinstance(definition, ast.ClassDef) else ():
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
                continue
            behind = lines[needed(node.end_lineno) - 1].encode()[node.end_col_offset :].decode().strip()
            above: list[str] = []
            for line in reversed(lines[: node.lineno - 1]):
                if not line.strip().startswith("#"):
                    break
                above.insert(0, line.strip().lstrip("# "))
            if text := behind.lstrip("# ") or " ".join(above):
                found[node.target.id] = text
    return found
