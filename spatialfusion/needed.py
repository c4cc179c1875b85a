"""A value that may be missing, where what it belongs to says that it is not."""

from __future__ import annotations

from typing import TypeVar

Value = TypeVar("Value")


def needed(value: Value | None) -> Value:
    """The value itself; ValueError if it is None, which a caller could have seen from its kind."""
    if value is None:
        raise ValueError("a value is missing that is there for its kind")
    return value
