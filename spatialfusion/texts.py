"""Text that UTF-8 can hold. Half of a surrogate pair, or the undecodable byte of a file's name, may stand in a string,
but in no file and before no tokenizer."""

from __future__ import annotations

from .errors import InputError


def check_text(text: str, name: str) -> str:
    """Return the text; raise InputError if it holds what is no character. `name` is what the sentence calls it."""
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
