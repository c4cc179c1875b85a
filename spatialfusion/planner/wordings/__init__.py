"""How people say it: every wording that the reader of sentences knows, by what it means.

`patterns` explains the notation. Slots: REF, A, B are things; LENGTH metres; RATIO a factor; SIDE front, back, left or
right; HAND left or right; CAMERA whoever looks; COLOR; LIST several things. A meaning that begins with "<" has its
roles exchanged: "a table surrounded by chairs" is about the chairs.
"""

from .arrangements import ARRANGEMENTS
from .classes import CLASSES
from .clauses import CLAUSES, PARTS_SHOWN
from .contact import CONTACT
from .directions import DIRECTIONS
from .measures import MEASURES
from .openings import OPENINGS
from .points_of_view import VIEWPOINTS
from .sides import SIDES
from .views import VIEWS

# What is said of a subject.
PREDICATES = {**SIDES, **CONTACT, **DIRECTIONS, **MEASURES, **VIEWS, **ARRANGEMENTS}

__all__ = ["CLASSES", "CLAUSES", "OPENINGS", "PARTS_SHOWN", "PREDICATES", "VIEWPOINTS"]
