"""Objects of a scene by what people call them."""

from __future__ import annotations

import pytest

from spatialfusion.errors import InputError
from spatialfusion.scenes.selection import select_objects

NAMES = ("red car", "blue car", "green tree", "brown dining table", "chair 1", "chair 2", "Rex", "red car 2")


@pytest.mark.parametrize(
    ("line", "chosen"),
    [
        ("red car", [0]),
        ("car", [0, 1, 7]),
        ("cars", [0, 1, 7]),
        ("automobile", [0, 1, 7]),
        ("red", [0, 7]),
        ("red cars", [0, 7]),
        ("chairs", [4, 5]),
        ("chair 2", [5]),
        ("table", [3]),
        ("dining tables", [3]),
        ("rex", [6]),
        ("tree, Rex", [2, 6]),
        ("the tree and a dining table", [2, 3]),
        ("tree; rex, and chair 1", [2, 4, 6]),
        ("tree, tree", [2]),
        ("all but car", [2, 3, 4, 5, 6]),
        ("everything except the chairs and the red car", [1, 2, 3, 6, 7]),
        ("all except for chair 1", [0, 1, 2, 3, 5, 6, 7]),
        ("", list(range(8))),
        ("  All ", list(range(8))),
    ],
)
def test_a_line_chooses(line, chosen):
    assert select_objects(line, NAMES) == chosen


def test_a_name_with_and_in_it_is_one_name():
    assert select_objects("salt and pepper", ("white salt", "salt and pepper", "pepper mill")) == [1]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("house", 'no object is called "house"'),
        ("red tree", 'no object is called "red tree"'),
        ("car, hause", '"hause"'),
        ("rexx", "did you mean 'rex'"),
        ("all but red car, blue car, tree, table, chairs, rex, red car 2", "leaves none"),
    ],
)
def test_what_chooses_nothing_is_one_sentence(line, words):
    with pytest.raises(InputError) as error:
        select_objects(line, NAMES)
    message = str(error.value)
    assert words in message and "\n" not in message and message.endswith(".")
