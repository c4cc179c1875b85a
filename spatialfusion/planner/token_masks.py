"""Which tokens of a vocabulary may come next in a scene text: the vocabulary as a trie, walked by the prefix automaton.

Only small parts of the trie are walked: where any word may stand (a new noun, a quote), all tokens of letters alone are
taken at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from .lexers import ALPHABET, LETTERS, QUOTED
from .prefix import Prefix, Thread, step

MAX_TOKEN = 64  # characters; longer ones are rulers and the like
_KEPT = 64  # masks
_INSIDE = (LETTERS, QUOTED)


class _Branch:
    """A node of the trie. pure: for each of _INSIDE the range, in the list of that kind, of the tokens that go on from
    here with such characters alone. leaves: whether others go on from here."""

    __slots__ = ("branches", "depth", "leaves", "pure", "tokens")

    def __init__(self, depth: int):
        self.depth = depth
        self.branches: dict[str, _Branch] = {}
        self.tokens: list[int] = []
        self.pure: list[tuple[int, int]] = [(0, 0)] * len(_INSIDE)
        self.leaves = [False] * len(_INSIDE)


class TokenMasks:
    """For the vocabulary of one tokenizer; built in seconds, so keep it.

    texts: what each token id adds to a text, None for those that add none (special ones) or are no whole characters.
    """

    def __init__(self, texts: Sequence[str | None]):
        self.texts = texts
        self._root = _Branch(0)
        for token, text in enumerate(texts):
            if text and len(text) <= MAX_TOKEN and ALPHABET.issuperset(text):
                branch = self._root
                for char in text:
                    found = branch.branches.get(char)
                    if found is None:
                        found = branch.branches[char] = _Branch(branch.depth + 1)
                    branch = found
                branch.tokens.append(token)
        self._pure: list[tuple[np.ndarray, np.ndarray]] = []  # token ids and the depths at which they end
        for kind, inside in enumerate(_INSIDE):
            order: list[tuple[int, int]] = []
            regions = [self._root]
            while regions:
                self._gather(regions.pop(), kind, inside, order, regions)
            ids, depths = zip(*order) if order else ((), ())
            self._pure.append((np.array(ids, dtype=np.int64), np.array(depths, dtype=np.int64)))
        self._masks: dict[tuple[Thread, ...], np.ndarray] = {}

    def _gather(self, branch: _Branch, kind: int, inside: frozenset[str], order: list, regions: list) -> bool:
        start = len(order)
        order += [(token, branch.depth) for token in branch.tokens]
        for char, child in branch.branches.items():
            if char not in inside:
                branch.leaves[kind] = True
                regions.append(child)
            elif self._gather(child, kind, inside, order, regions):
                branch.leaves[kind] = True
        branch.pure[kind] = (start, len(order))
        return branch.leaves[kind]

    def allowed(self, prefix: Prefix) -> np.ndarray:
        """[V] bool: after which tokens the prefix is still one of a valid text. Without the tokens that end a text."""
        key = prefix.threads
        mask = self._masks.get(key)
        if mask is None:
            mask = np.zeros(len(self.texts), dtype=bool)
            start = prefix if key else Prefix.begin()
            self._walk(self._root, start.threads, mask, -1)
            if len(self._masks) >= _KEPT:
                self._masks.pop(next(iter(self._masks)))
            self._masks[key] = mask
        return mask

    def _walk(self, branch: _Branch, threads: tuple[Thread, ...], mask: np.ndarray, taken: int) -> None:
        """taken: the kind of characters of which all tokens of such characters alone are in the mask already; or -1."""
        if branch.depth:
            mask[branch.tokens] = True
        lexers = [(node.choices[choice][0], state) for node, choice, state in threads] if taken < 0 else []
        for lexer, state in lexers:
            if lexer.inside:
                kind, reach = _INSIDE.index(lexer.inside), branch.depth + lexer.room(state)
                ids, depths = (found[slice(*branch.pure[kind])] for found in self._pure[kind])
                near = depths <= reach
                # Farther ones are for other lexers to take, if there are any.
                if near.all() or all(other.inside == lexer.inside for other, _ in lexers):
                    mask[ids[near]] = True
                    taken = max(taken, kind)
        for char, child in branch.branches.items():
            within = taken >= 0 and char in _INSIDE[taken]
            if within and not child.leaves[taken]:
                continue
            following = step(threads, char)
            if following:
                self._walk(child, following, mask, taken if within else -1)


# --- vocabularies --------------------------------------------------------------------------------------------------


def token_texts(vocabulary: Mapping[str, int], special: Iterable[int] = (), size: int = 0) -> list[str | None]:
    """What each token adds to a text, from a tokenizer's `get_vocab()`: byte-level or of sentencepiece.

    special: ids that add nothing. size: of the model's output, where it has more than the tokenizer.
    """
    size = max(size, 1 + max(vocabulary.values(), default=-1))
    texts: list[str | None] = [None] * size
    spaces = [sum(token.startswith(mark) for token in vocabulary) for mark in "Ġ▁"]
    read = _byte_level if spaces[0] >= spaces[1] else _sentencepiece
    excluded = frozenset(special)
    for token, number in vocabulary.items():
        if number not in excluded:
            texts[number] = read(token)
    return texts


def _byte_level(token: str) -> str | None:
    # GPT-2's table: printable bytes are themselves, the others follow from U+0100 on.
    try:
        data = bytes(_BYTES[char] for char in token)
        return data.decode("ascii")
    except (KeyError, UnicodeDecodeError):
        return None


def _sentencepiece(token: str) -> str | None:
    byte = re.fullmatch(r"<0x([0-9A-F]{2})>", token)
    text = chr(int(byte[1], 16)) if byte else token.replace("▁", " ")
    return text if text.isascii() else None


def _byte_table() -> dict[str, int]:
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(plain)]
    return {chr(byte): byte for byte in plain} | {chr(256 + place): byte for place, byte in enumerate(others)}


_BYTES = _byte_table()
