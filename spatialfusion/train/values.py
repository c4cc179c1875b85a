"""Values of YAML and of command lines, turned into the types that the fields of a dataclass declare."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from pathlib import Path
from typing import Any, Literal

from ..errors import InputError, suggest


def read_yaml(path: str | Path, what: str) -> Any:
    """What a YAML file holds. Raises InputError, which calls the file a `what`."""
    try:
        import yaml
    except ImportError:
        raise InputError(f"the {what} {path} needs PyYAML, which is not installed: pip install pyyaml.") from None
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the {what} {path} cannot be read ({error}): expected a YAML file.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        raise InputError(f"{what} {path} is not valid YAML{f' (line {where.line + 1})' if where else ''}.") from None


def field_types(kind: type) -> dict[str, Any]:
    """The fields of a dataclass with the types of their values."""
    hints = typing.get_type_hints(kind)
    return {f.name: hints[f.name] for f in dataclasses.fields(kind)}


def convert(value: Any, kind: Any, key: str) -> Any:
    """A value of YAML, or of the command line (a string), as `kind`. Raises InputError, which names `key`."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    wrong = InputError(f"{key} = {value!r} must be {_describe(kind)}.")
    if origin in (typing.Union, types.UnionType):
        inner = next(part for part in parts if part is not type(None))
        absent = value is None or (isinstance(value, str) and value.lower() in ("none", "null", ""))
        return None if absent else convert(value, inner, key)
    if origin is Literal:
        if value not in parts:
            raise InputError(f"{key} = {value!r} must be {_describe(kind)}{suggest(str(value), parts)}.")
        return value
    if origin in (list, tuple):
        return _sequence(value, origin, parts, key, wrong)
    if origin is dict:
        if not isinstance(value, dict) or not value:
            raise wrong
        return value
    if kind is bool:
        word = str(value).lower()
        if word not in ("true", "yes", "on", "1", "false", "no", "off", "0"):
            raise wrong
        return word in ("true", "yes", "on", "1")
    if kind is str:
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            raise wrong
        return str(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise wrong
    try:
        # YAML 1.1 reads 2e-3 as a string, so numbers are parsed from strings whichever way they came.
        number = int(value) if kind is int and not isinstance(value, float) else float(value)
    except ValueError:
        try:
            number = float(value)
        except ValueError:
            raise wrong from None
    if not math.isfinite(number) or (kind is int and number != int(number)):
        raise wrong
    return kind(number)


def _sequence(value: Any, origin: type, parts: tuple, key: str, wrong: InputError) -> Any:
    if isinstance(value, str):
        value = [item.strip() for item in value.strip().strip("[]()").split(",") if item.strip()]
    if not isinstance(value, (list, tuple)):
        raise wrong
    if origin is tuple and parts[-1] is not Ellipsis:
        if len(value) != len(parts):
            raise wrong
        return tuple(convert(item, part, f"{key}[{i}]") for i, (item, part) in enumerate(zip(value, parts)))
    return origin(convert(item, parts[0], f"{key}[{i}]") for i, item in enumerate(value))


def _describe(kind: Any) -> str:
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return f"{_describe(next(part for part in parts if part is not type(None)))} or none"
    if origin is Literal:
        return f"one of {', '.join(map(str, parts))}"
    if origin is tuple and parts[-1] is not Ellipsis:
        return f"{len(parts)} values such as [{', '.join('1' for _ in parts)}], each {_describe(parts[0])}"
    if origin in (list, tuple):
        return f"a list such as [1, 2], each value {_describe(parts[0])}"
    if origin is dict:
        return "a mapping of names to values"
    names = {int: "a whole number", float: "a finite number", bool: "true or false", str: "a text"}
    return names[kind]
