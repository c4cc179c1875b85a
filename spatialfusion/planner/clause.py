"""What the reader remembers within one sentence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .draft import Thing
from .patterns import Match


@dataclass
class Clause:
    """What the reader remembers within one sentence."""

    subjects: list[Thing] = field(default_factory=list)  # of the main clause
    before: list[Thing] = field(default_factory=list)  # the subjects of the clause before, in the same sentence
    local: list[Thing] = field(default_factory=list)  # of a relative clause or after "with"
    relative: bool = False
    relative_finite: bool = False  # the relative clause has had its verb
    owner: list[Thing] = field(default_factory=list)  # whom "it" means after "with"
    nearest: list[Thing] = field(default_factory=list)  # the last thing named
    pending: list[Match] = field(default_factory=list)  # places said before their subject
    viewpoint: list[Thing] = field(default_factory=list)
    listed: list[Thing] = field(default_factory=list)  # the single things of "one red, the other yellow"
    boundary: str = "start"  # the comma or joint just passed
    finite: bool = False  # a verb since the subject
    named_at: int = 0  # where the last reference ended
    inverted: bool = False  # a place stood before its subject
    verb_last: bool = False  # a verb since the last thing named
    shared: list[tuple[str, float | None]] = field(default_factory=list)  # sides whose reference comes with the next
    last: list[Any] = field(default_factory=list)  # relations made last, for a point of view that follows
    measured: str = ""  # the extent or distance said last, for "and the dog 60 cm"
