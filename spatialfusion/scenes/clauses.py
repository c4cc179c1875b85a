"""The clauses of a line while it is read: which of its words say one thing."""

from __future__ import annotations

from dataclasses import dataclass, field

from .words import Words


@dataclass
class Clause:
    """Words of a statement that say one thing: the character where they start, the one behind them, and what they say.

    says: kinds of relations, and "count", "kind", "position", "size", "direction", "name" and so on, or nothing.
    """

    start: int
    end: int = 0
    says: set[str] = field(default_factory=set)


class Clauses(list[Clause]):
    """The clauses of a statement while it is read."""

    def begin(self, words: Words) -> None:
        """The next word begins a clause."""
        self.end(words)
        self.append(Clause(words.spans[words.place][0] if words.spans else 0))

    def end(self, words: Words) -> None:
        if self and words.spans:
            self[-1].end = words.spans[words.place - 1][1]
