"""Single words that the grammar tells apart: colours, adjectives, and the words at which a noun phrase ends."""

from __future__ import annotations

from ..scenes.scene import COLORS, SHADES
from .patterns import Wordings
from .wordings import CLASSES, CLAUSES, OPENINGS, PARTS_SHOWN, PREDICATES, VIEWPOINTS
from .words import GRAMMAR, PARTS, STYLE_PHRASES

COLOR_NAMES = frozenset(COLORS) | frozenset(SHADES)
predicates = Wordings(PREDICATES, CLASSES)
clauses = Wordings(CLAUSES, CLASSES)
viewpoints = Wordings(VIEWPOINTS, CLASSES)
parts = Wordings(PARTS_SHOWN, CLASSES)
openings = Wordings({"opening": OPENINGS}, CLASSES)
styles = Wordings({"style": STYLE_PHRASES}, CLASSES)
# A noun phrase ends before any of these.
ENDS = (
    GRAMMAR
    | predicates.words
    | viewpoints.words
    | CLASSES["stand"]
    | frozenset("camera own without through via onto off away back front side left right top bottom".split())
    | frozenset("past nor down up during".split())
) - PARTS.difference(("front", "back")).union(
    (
        "full panorama medium close wide long extreme direct straight top bird drone high low mid hard greater length "
        "tower ring watch hand toe butt elbow hip cheek tops covers frames films share hood noses eyes flank bumper"
    ).split()
)
