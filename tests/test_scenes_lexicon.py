import subprocess
import sys

import numpy as np
import pytest

from spatialfusion.scenes import lexicon
from spatialfusion.scenes.body_plans import BODY_PLANS, FRONTLESS
from spatialfusion.scenes.keywords import FACING, KIND_WORDS, SUBJECTS
from spatialfusion.scenes.kinds import PRIMITIVES, ROLES
from spatialfusion.scenes.lexicon import ATTRIBUTES, has_front, noun, suggest_noun
from spatialfusion.scenes.plans.strokes import bar, egg, fit
from spatialfusion.scenes.primitives import box_of, map_of
from spatialfusion.scenes.scene import COLORS, KINDS, SHADES
from spatialfusion.scenes.words import FILLERS


def spelling(word):
    return " ".join(word.lower().replace("-", " ").split())


def ends(name):
    """Least and greatest coordinates [3] of a plan, by the renderer's own maps."""
    low, high = box_of(BODY_PLANS[name])
    return np.array(low), np.array(high)


def test_there_is_enough_of_everything():
    assert len(lexicon.NOUNS) >= 1300
    assert len(BODY_PLANS) >= 450
    assert len(ATTRIBUTES) >= 500


def test_the_15_kinds_are_nouns_of_today_s_sizes_and_shapes():
    for name, kind in KINDS.items():
        assert noun(name).name == noun(name).plan == name
        assert noun(name).size == kind.size
        assert BODY_PLANS[name] is PRIMITIVES[name]
        assert has_front(name) == kind.has_front
    for word, kind in KIND_WORDS.items():
        assert noun(word).name == kind


def test_every_noun_has_a_plan_a_colour_a_place_and_a_size_that_can_be():
    for entry in lexicon.NOUNS.values():
        assert entry.plan in BODY_PLANS, entry
        assert entry.color in COLORS or entry.color in SHADES, entry
        assert entry.place in ("floor", "wall", "top", "air"), entry
        assert all(0.001 <= edge <= 90 for edge in entry.size), entry
        assert entry.size[1] <= 0.9 or entry.place != "top" or entry.name == "old television", entry
    assert {entry.plan for entry in lexicon.NOUNS.values()} == set(BODY_PLANS)


def test_no_word_means_two_nouns():
    meaning = {}
    for entry in lexicon.NOUNS.values():
        for word in (entry.name, entry.plural, *entry.synonyms):
            assert meaning.setdefault(spelling(word), entry.name) == entry.name, word
            assert noun(word) is entry


def test_no_noun_is_a_colour_or_a_word_of_the_language():
    words = {spelling(word) for entry in lexicon.NOUNS.values() for word in (entry.name, entry.plural, *entry.synonyms)}
    assert not words & (set(COLORS) | set(SHADES) | set(SUBJECTS) | FILLERS | set(FACING))
    assert not ATTRIBUTES & (set(COLORS) | set(SHADES) | set(SUBJECTS) | FILLERS | set(FACING))
    assert words & ATTRIBUTES <= {"brick", "crystal", "glass", "iron", "paper", "stone"}


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("giraffe Giraffes GIRAFFE", "giraffe"),
        ("people persons-not person woman women men", "figure"),
        ("mice", "mouse"),
        ("knives", "knife"),
        ("bookshelves bookcase", "bookshelf"),
        ("sheep", "sheep"),
        ("geese", "goose"),
        ("wolves", "wolf"),
        ("children kids", "child"),
        ("potatoes", "potato"),
        ("cherries", "cherry"),
        ("benches", "park bench"),
        ("glasses", "glasses"),
        ("glass", "drinking glass"),
        ("policemen", "police officer"),
        ("t-shirts", "t-shirt"),
    ],
)
def test_words_find_their_noun(words, name):
    for word in words.split():
        if not word.endswith("-not"):
            assert noun(word).name == name
    assert noun("persons-not") is None


def test_nouns_of_several_words_in_any_spelling():
    assert noun("Street  lamps").name == noun("street-lamp").name == noun("lampposts").name == "street lamp"
    assert noun("loaves of bread").name == "loaf of bread"


def test_an_unknown_word_is_none_and_a_near_one_is_suggested():
    assert noun("girafe") is None
    assert suggest_noun("girafe") == " (did you mean 'giraffe'?)"
    assert suggest_noun("xqzvw") == ""


@pytest.mark.parametrize("name", BODY_PLANS)
def test_a_plan_fills_its_unit_frame_with_few_primitives(name):
    assert 1 <= len(BODY_PLANS[name]) <= 26
    low, high = ends(name)
    slack = 0.12 if name in PRIMITIVES else 0.01
    assert low == pytest.approx([-0.5, 0.0, -0.5], abs=slack)
    assert high == pytest.approx([0.5, 1.0, 0.5], abs=slack)
    for part in BODY_PLANS[name]:
        assert min(part.size) > 0 and max(part.taper) <= 1
        assert part.color in ("main", "deep", "pale", *ROLES)


def test_a_plan_with_a_front_does_not_look_the_same_from_behind():
    def turned(part):
        x, y, z = part.center
        tilt = -part.tilt if part.axis == "y" else part.tilt
        return (part.shape, round(x, 3), round(y, 3), round(-z, 3), *np.round(part.size, 3), round(tilt % 360, 2))

    def plain(part):
        x, y, z = part.center
        return (part.shape, round(x, 3), round(y, 3), round(z, 3), *np.round(part.size, 3), round(part.tilt % 360, 2))

    for name, parts in BODY_PLANS.items():
        if has_front(name):
            assert {plain(part) for part in parts} != {turned(part) for part in parts}, name
    assert FRONTLESS <= set(BODY_PLANS)
    assert has_front("giraffe") and has_front("bed") and not has_front("bridge") and not has_front("no such plan")


def test_a_drawing_keeps_its_joints_when_it_is_fitted():
    # A slanting bar and egg in a drawing of 4 by 2 by 8: their ends stay where they were, in parts of the frame.
    frame = egg((0, 0, 0), (0, 2, 0), 4, 8)
    for part in (bar((0, 0.5, -2), (0, 1.5, 3), 0.2, 0.1), egg((0, 0.5, -2), (0, 1.5, 3), 0.2, 0.1)):
        fitted = fit((frame, part))[1]
        axis = map_of(fitted) @ np.array([0.0, 1.0, 0.0])
        assert fitted.center == pytest.approx((0.0, 0.5, 0.0625))
        if part.shape == frame.shape:
            # The ellipsoid as a matrix is the stretched one, though its axes need not be.
            ours = map_of(fitted)
            true = np.diag([1 / 4, 1 / 2, 1 / 8]) @ map_of(part)
            assert ours @ ours.T == pytest.approx(true @ true.T, abs=1e-9)
        else:
            assert abs(axis) == pytest.approx([0, 0.25, 0.3125])


def test_the_file_is_read_once_and_not_at_import():
    code = (
        "import sys\n"
        "from spatialfusion.scenes import body_plans, lexicon\n"
        "assert lexicon._lexicon.cache_info().misses == 0\n"
        "assert not any(name.startswith('spatialfusion.scenes.plans') for name in sys.modules)\n"
        "lexicon.noun('car'), lexicon.noun('giraffe'), lexicon.NOUNS\n"
        "assert lexicon._lexicon.cache_info().misses == 1\n"
        "assert lexicon.has_front('car') and len(body_plans.BODY_PLANS['car']) == 10\n"
        "assert not any(name.startswith('spatialfusion.scenes.plans') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_sizes_are_those_of_real_things():
    def size(word):
        return noun(word).size

    assert size("giraffe")[1] > 2 * size("figure")[1]
    assert size("elephant") > size("horse") > size("cat") > size("mouse")
    for larger, smaller in (
        ("bus", "car"),
        ("bicycle", "scooter"),
        ("bed", "chair"),
        ("plate", "coin"),
        ("ship", "boat"),
    ):
        assert np.prod(size(larger)) > np.prod(size(smaller))
