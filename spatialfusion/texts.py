"""Text that UTF-8 can hold. A string may hold half of a surrogate pair, or an undecodable byte of a file's name; a file
and a tokenizer take neither."""

from __future__ import annotations

from .errors import InputError


def check_text(text: str, name: str) -> str:
    """Return the text; raise InputError if it holds what is no character. `name` is its name in the message."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"{name} has a broken character ({text[error.start]!a}) at position {error.start + 1}: expected text "
            "that UTF-8 can hold."
        ) from None
    return text


def printable(text: str) -> str:
    """The text with what is no character written as its escape, such as \\udce9."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
