"""Text that UTF-8 can hold. A string may hold half of a surrogate pair, or an undecodable byte of a file's name; a file
and a tokenizer take neither. And words that are no tokens of control before a tokenizer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


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


def plain_ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Token ids of somebody's words: what reads like a token of the chat, such as <|im_end|>, is text like any other.

    The tokenizer of transformers may leave special tokens whole or not, but has no choice for the other added ones.
    """
    added = [re.escape(token) for token in tokenizer.get_added_vocab() if len(token) > 1]
    # Between the first and the second letter of each, so that none is left; also of those that overlap.
    cuts = [match.start() + 1 for match in re.finditer(f"(?={'|'.join(added)})", text)] if added else []
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)])]
    return [token for piece in pieces for token in tokenizer.encode(piece, add_special_tokens=False)]
