"""Plain sentences as scene text: what is read, what is assumed, and what is not understood."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialfusion.errors import InputError
from spatialfusion.evaluate.questions import FILE, Question, read_questions
from spatialfusion.planner.hypernyms import general
from spatialfusion.planner.numbers import angle, length, ratio
from spatialfusion.planner.plan import plan
from spatialfusion.planner.sentence import read_draft, read_sentence
from spatialfusion.planner.tokens import tokenize
from spatialfusion.planner.vocabulary import clauses, predicates, viewpoints
from spatialfusion.planner.words import FOLD
from spatialfusion.scenes.language import read_scene_text
from spatialfusion.scenes.lexicon import ATTRIBUTES, NOUNS, noun
from spatialfusion.scenes.program import program_statements
from spatialfusion.scenes.statements import Statement, score
from spatialfusion.scenes.text import scene_from_text

# A sentence, and the lines of its scene text. Only kinds that every version of the lexicon has.
CASES = [
    (
        "A red car stands two metres in front of a blue house.",
        "camera auto; car red in front of house by 2; house blue",
    ),
    ("Behind the house there is a tree.", "camera auto; tree behind house; house"),
    ("The cat under the table faces right.", "camera auto; cat under table facing right; table"),
    ("An apple is in a bowl on a table.", "camera auto; apple on bowl; bowl on table; table"),
    ("A dog whose ball lies behind it faces a house.", 'camera auto; dog facing house; ball "lying" behind dog; house'),
    ("The tree is taller than the dog under it.", "camera auto; tree 0.2 taller than dog; dog under tree"),
    ("Five cubes, three of them red and two blue", "camera auto; cube red; cube red; cube red; cube blue; cube blue"),
    ("A flock of sheep, 9 of them", "camera auto; 9 sheep"),
    ("a three-legged dog", 'camera auto; dog "three legged"'),
    (
        "A ball next to a bus, from the driver's point of view on its left",
        "camera auto; ball next to bus at left of bus; bus",
    ),
    ("On a table are two yellow and one green pear", "camera auto; 2 pear yellow on table; pear green on table; table"),
    ("two red and three blue cars", "camera auto; 2 car red; 3 car blue"),
    ("a red kite, two blue", "camera auto; kite red; 2 kite blue"),
    ("Next to the red car is a blue one.", "camera auto; car red; car blue next to red car"),
    (
        "On the left a lamp, on the right a mug, and a cube in between",
        "camera auto; lamp left of cube; mug right of cube; cube",
    ),
    ("Two dogs, 60 cm and 40 cm high", "camera auto; dog height 0.6; dog height 0.4"),
    (
        "Three cones: the nearest is red.",
        "camera auto; cone red nearer than cone-2 nearer than cone-3; cone as cone-2; cone as cone-3",
    ),
    (
        "The cube on the table is red. The cube under the table is blue.",
        "camera auto; cube red on table; table; cube blue under table",
    ),
    ("A dog and a car, both seen from the front", "camera sees front of dog; dog; car facing viewer"),
    ("a sofa in front of a tree, a lamp to its left", "camera auto; sofa in front of tree; tree; lamp left of sofa"),
    ("There is a painting above the sofa.", "camera auto; painting above sofa; sofa"),
    ("A 40 x 30 cm cube", "camera auto; cube width 0.4 length 0.3"),
    ("To the left of a tree stands a red car.", "camera auto; car red left of tree; tree"),
    ("The dog is on the right-hand side of the sofa.", "camera auto; dog right of sofa; sofa"),
    ("A chair, half a metre to the left of a table", "camera auto; chair left of table by 0.5; table"),
    (
        "A ball lies 20 cm to the right of a cube and 1 m in front of a cone.",
        'camera auto; ball "lying" right of cube by 0.2 in front of cone by 1; cube; cone',
    ),
    ("a lamp on the left, a mug on the right", "camera auto; lamp left of mug; mug"),
    ("In the foreground, a mug; in the background, a bottle.", "camera auto; mug nearer than bottle; bottle"),
    ("From left to right: a cone, a cube and a ball.", "camera auto; cone left of cube; cube left of ball; ball"),
    ("The dog is closer to us than the chair.", "camera auto; dog nearer than chair; chair"),
    ("The barrel is farther away than the ball.", "camera auto; barrel farther than ball; ball"),
    ("Of the tree and the car, the tree is the closest to the camera.", "camera auto; tree nearer than car; car"),
    ("A dog to the left of the car, from the car's own point of view", "camera auto; dog at left of car; car"),
    ("A dog stands at the car's left side.", "camera auto; dog at left of car; car"),
    (
        "There is a ball at the front of the house and a tree at its back.",
        "camera auto; ball at front of house; house; tree at back of house",
    ),
    ("From the sofa's perspective, the table is in front of it.", "camera auto; sofa; table at front of sofa"),
    ("A car has a cone on its right.", "camera auto; car; cone at right of car"),
    (
        "A figure and a dog stand side by side, facing the same way.",
        "camera auto; figure side by side with dog same way; dog",
    ),
    (
        "A car next to another car, facing the opposite direction",
        "camera auto; car side by side with car-2 opposite ways; car as car-2",
    ),
    ("Two dogs face each other.", "camera auto; dog face to face with dog-2; dog as dog-2"),
    (
        "A man and a woman stand back to back, two metres apart.",
        'camera auto; figure "man" back to back with figure-2 2 from figure-2; figure "woman" as figure-2',
    ),
    ("The chair looks at the sofa.", "camera auto; chair facing sofa; sofa"),
    ("A dog turned towards the house", "camera auto; dog facing house; house"),
    ("The figure faces the camera and the dog looks away.", "camera auto; figure facing viewer; dog facing away"),
    ("A car facing left, a dog facing right", "camera auto; car facing left; dog facing right"),
    ("A dog with its back to us", "camera auto; dog facing away"),
    ("A car seen from behind", "camera sees back of car; car"),
    ("We see the left side of a sofa.", "camera sees left of sofa; sofa"),
    ("A front view of a house", "camera sees front of house; house"),
    ("The camera sees the mug's right side.", "camera sees right of mug; mug"),
    (
        "Two cars side by side, facing the same way, seen from their left",
        "camera sees left of car-1; car side by side with car-2 same way as car-1; car as car-2",
    ),
    ("A figure who is two metres tall", "camera auto; figure height 2"),
    ("a table 1.5 m long, 80 cm wide and 70 cm high", "camera auto; table size 0.8 0.7 1.5"),
    ("a five-foot-tall figure", "camera auto; figure height 1.524"),
    ("The height of the tree is six and a half metres.", "camera auto; tree height 6.5"),
    (
        "The red barrel is 20 cm taller than the blue barrel.",
        "camera auto; barrel red 0.2 taller than blue barrel; barrel blue",
    ),
    ("The sofa is wider than the table by half a metre.", "camera auto; sofa 0.5 wider than table; table"),
    ("A cube half as big as a ball", "camera auto; cube 0.5 times as big as ball; ball"),
    ("a red cube three times the size of a blue cube", "camera auto; cube red 3 times as big as blue cube; cube blue"),
    ("The tree is twice as tall as the house.", "camera auto; tree height 10; house height 5"),
    ("The ball and the cone are 3 m apart.", "camera auto; ball 3 from cone; cone"),
    ("The distance between the car and the tree is ten metres.", "camera auto; car 10 from tree; tree"),
    ("A dog four metres from the camera", "camera auto; dog 4 from camera"),
    ("The camera is 2.5 m from a chair.", "camera auto; chair 2.5 from camera"),
    ("A house about twenty metres away", "camera auto; house 20 from camera"),
    ("A mug on a table, a ball under it", "camera auto; mug on table; table; ball under table"),
    ("A cone between a car and a house", "camera auto; cone between car and house; car; house"),
    ("A ball between two trees", "camera auto; ball between tree-1 and tree-2; tree as tree-1; tree as tree-2"),
    ("Four chairs around a table", "camera auto; 4 chair around table; table"),
    ("A table with a lamp on it and a chair next to it", "camera auto; table; lamp on table; chair next to table"),
    ("A table surrounded by six chairs", "camera auto; table; 6 chair around table"),
    ("five cones in a row behind a car", "camera auto; 5 cone behind car in a row; car"),
    ("a pair of dogs near a tree", "camera auto; 2 dog next to tree; tree"),
    ("Several bottles stand on a table.", "camera auto; 4 bottle on table; table"),
    (
        "Two balls: the first is red, the second is blue and lies behind the first.",
        'camera auto; ball red; ball blue "lying" behind red ball',
    ),
    (
        "two mugs, one red, the other yellow, in front of a bottle",
        "camera auto; mug red in front of bottle; mug yellow in front of bottle; bottle",
    ),
    ("The left cone is red and the right cone is blue.", "camera auto; cone red left of blue cone; cone blue"),
    (
        "a dog that stands behind a tree which is next to a house",
        "camera auto; dog behind tree; tree next to house; house",
    ),
    (
        "A dog sits beside a chair. It faces the camera. Behind it is a sofa.",
        'camera auto; dog "sitting" next to chair facing viewer; chair; sofa behind dog',
    ),
    ("There is a table. On it stand two mugs.", "camera auto; table; 2 mug on table"),
    (
        "A sofa, with a lamp to its left and a table in front of it, in a living room",
        "camera auto; room; sofa; lamp left of sofa; table in front of sofa",
    ),
    (
        "an old wooden chair next to a small red ball",
        'camera auto; old wooden chair next to ball; ball red "small" size 0.525',
    ),
    ("An empty street with a car and, behind the car, a house", "camera auto; outdoor; car; house behind car"),
    ("close-up of a mug on a table", "camera close; mug on table; table"),
    ("a wide shot, low angle, of a house with a tree on its left", "camera wide low; house; tree left of house"),
    ("a dog seen from above", "camera high; dog"),
    ("red car, blue house, car left of house, 8k, oil painting", "camera auto; car red left of house; house blue"),
    ("a zorgle on a table", "camera auto; zorgle size 1 on table; table"),
    (
        "a street without people, two cars, one behind the other",
        "camera auto; outdoor; car in front of car-2; car as car-2",
    ),
    ("A dog chases a ball.", 'camera auto; dog "chases"; ball next to dog'),
    ("The camera has been placed directly behind a car.", "camera sees back of car; car"),
    ("A dog turns its back on the viewer.", "camera sees back of dog; dog"),
    ("A sofa shows us its right-hand side.", "camera sees right of sofa; sofa"),
    (
        "Shown from the back, a woman walks towards a house.",
        'camera sees back of figure; figure "woman" facing house; house',
    ),
    (
        "Next to each other and facing the same way, a car and a dog are seen from behind.",
        "camera sees back of car; car side by side with dog same way; dog",
    ),
    ("Two dogs are nose to nose.", "camera auto; dog face to face with dog-2; dog as dog-2"),
    (
        "The left chair faces the camera and the right chair faces away from it.",
        "camera auto; chair facing viewer left of chair-2; chair facing away as chair-2",
    ),
    (
        "The ball on the left is bigger than the one on the right.",
        "camera auto; ball 2 times as big as ball-2 left of ball-2; ball as ball-2",
    ),
    (
        "One dog lies in front of the sofa and another one behind it.",
        'camera auto; dog "lying" in front of sofa; sofa; dog behind sofa',
    ),
    ("The blue ball is smaller than the red one.", "camera auto; ball blue 0.5 times as big as red ball; ball red"),
    ("A barrel with a ball on each side", "camera auto; barrel; ball left of barrel; ball right of barrel"),
    (
        "The barrel is a metre taller and half a metre wider than the cone.",
        "camera auto; barrel 1 taller than cone 0.5 wider than cone; cone",
    ),
    (
        "There is a chair; behind it, two trees; in front of it, a dog.",
        "camera auto; chair; 2 tree behind chair; dog in front of chair",
    ),
    ("A dog in front of and to the left of a car", "camera auto; dog in front of car left of car; car"),
    (
        "A car, a house and a tree, from nearest to farthest",
        "camera auto; car nearer than house; house nearer than tree; tree",
    ),
    ("The dog isn't behind the sofa.", "camera auto; dog; sofa"),
    ("Between the house and the tree there are five metres.", "camera auto; house 5 from tree; tree"),
    (
        "A man 1.80 m tall next to a woman 1.65 m tall",
        'camera auto; figure "man" height 1.8 next to figure-2; figure "woman" height 1.65 as figure-2',
    ),
    ("the second of three chairs is green", "camera auto; chair; chair green; chair"),
]

# Lengths, ratios and angles in words, and what they are.
MEASURES = [
    (length, "half a metre", 0.5),
    (length, "about two and a half metres", 2.5),
    (length, "a metre and a half", 1.5),
    (length, "1,5 m", 1.5),
    (length, "2m", 2.0),
    (length, "30cm", 0.3),
    (length, "twenty-five centimetres", 0.25),
    (length, "6 feet 6 inches", 1.9812),
    (length, "three quarters of a metre", 0.75),
    (length, "one hundred and twenty cm", 1.2),
    (length, "½ m", 0.5),
    (length, "a couple of meters", 2.0),
    (ratio, "twice", 2.0),
    (ratio, "one and a half times", 1.5),
    (ratio, "half", 0.5),
    (ratio, "2x", 2.0),
    (ratio, "150 %", 1.5),
    (angle, "ninety degrees", 90.0),
    (angle, "45°", 45.0),
    (angle, "half a turn", 180.0),
]


def lines(prompt: str) -> list[str]:
    """The lines of the scene text of a prompt, without its remark."""
    return [line for line in read_sentence(prompt).text.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize(("prompt", "text"), CASES)
def test_a_sentence_is_read(prompt: str, text: str) -> None:
    reading = read_sentence(prompt)
    assert lines(prompt) == text.split("; ")
    read_scene_text(reading.text)


@pytest.mark.parametrize(("read", "words", "value"), MEASURES)
def test_measures(read, words: str, value: float) -> None:
    tokens = tokenize(words)
    assert read(tokens, 0) == (pytest.approx(value), len(tokens))


def test_what_is_not_understood_is_listed_word_by_word() -> None:
    reading = read_sentence("A dog gallivants past a tree near a bar stool of Uncle Bob.")
    assert "gallivants" in reading.not_understood
    assert read_sentence("A red car next to a house").not_understood == ()


def test_looks_are_kept_as_words_of_the_picture() -> None:
    reading = read_sentence("An oil painting of a dog on a beach at sunset, highly detailed, 8k, in the style of Monet")
    assert reading.not_understood == ()
    (remark,) = [line for line in reading.text.splitlines() if line.startswith("#")]
    for words in ("oil painting", "beach", "at sunset", "highly detailed", "8k", "in the style of monet"):
        assert words in remark


def test_assumptions_are_warnings() -> None:
    assert sum("zorgle" in warning for warning in plan("a zorgle on a table", size=(64, 64)).warnings) == 1
    assert any("several" in warning for warning in read_sentence("several dogs").warnings)
    assert any("without cars" in warning for warning in read_sentence("a house without cars").warnings)
    assert any("no front" in warning for warning in read_sentence("a ball facing the camera").warnings)
    assert any("read as kite" in warning for warning in read_sentence("a red kite, two blue").warnings)
    assert any("read as 2" in warning for warning in read_sentence("a sofa flanked by lamps").warnings)
    assert any("viewer's left" in warning for warning in read_sentence("a sofa and a lamp to its left").warnings)
    # A number that is said takes away the warning of its own group alone.
    both = read_sentence("cats next to dogs, 17 of them").warnings
    assert ['"cat" without a number is read as 3.'] == [said for said in both if "read as" in said]


def test_a_hand_is_no_side_that_the_camera_sees() -> None:
    assert lines("a man holds a cup in his right hand")[0] == "camera auto"


def test_the_same_noun_with_and_without_article_is_the_same_thing() -> None:
    assert lines("dog, cone, dog left of cone") == ["camera auto", "dog left of cone", "cone"]
    assert lines("A dog. A dog left of it.")[1:] == ["dog as dog-1", "dog left of dog-1"]


def test_signs_of_typography_are_plain() -> None:
    plain = read_sentence("a dog 2 m from a ball, in front of the dog's left side")
    assert read_sentence("\ufeffa dog 2 m from a ball – in front of the dog’s left side").text == plain.text


@pytest.mark.parametrize("prompt", ["", "  \n", "how lovely it all is", "8k, masterpiece"])
def test_a_prompt_without_things_is_refused(prompt: str) -> None:
    with pytest.raises(InputError, match="names no thing"):
        read_sentence(prompt)


@pytest.mark.parametrize("prompt", ["a dog " * 5000, "10,000 dogs", "900 dogs and 900 balls"])
def test_too_much_is_refused(prompt: str) -> None:
    with pytest.raises(InputError, match="at most"):
        read_sentence(prompt)


_WORDS = sorted(predicates.words | clauses.words | viewpoints.words)
_PHRASES = ["a red car", "the car", "two dogs", "it", "them", "a zorgle", "the other dog", "a room", "2 m", "the wall"]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([*_WORDS, *_PHRASES, ",", ".", "and", "with", "that", "is", "of", "the"]), max_size=24))
def test_whatever_is_read_is_scene_text(words: list[str]) -> None:
    try:
        text = read_sentence(" ".join(words)).text
    except InputError:
        return
    read_scene_text(text)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(prompt: str) -> None:
    try:
        read_scene_text(read_sentence(prompt).text)
    except InputError:
        pass


# General words may be other words for a thing that was named before.
_SINGLE = [name for name in sorted(NOUNS) if name.isalpha() and general(name) is None]
# "parked" and "lit" also say no more than that a thing is there, and may be passed over.
_PLAIN = [word for word in sorted(ATTRIBUTES - {"parked", "lit"}) if word.isalpha() and noun(word) is None]
_VERBS = ["stands", "zorgs", "burns", "looks", "is kept", "has fallen", "hangs", "is not", "zorging", ""]
_PREPOSITIONS = [
    "behind",
    "on",
    "to the left of",
    "near",
    "opposite",
    "despite",
    "against",
    "in",
    "under",
    "of",
    "with",
]
_TAILS = [
    "",
    "with a {0}",
    "and its {0} is {1}",
    "holding a {0}",
    "filled with {0}",
    "wearing a {1} zorgle",
    "made of {0}",
]


_NUMBERED = [
    "{0} {1} behind the house",
    "a row of {0} {1}",
    "a flock of geese, {0} of them, next to a {2}",
    "a {2} {0} m tall next to a house",
    "a {2} {0} metres to the left of a house",
    "a {2} {0} m from the camera",
    "a {2} and a house {0} m apart",
    "a {2} {0} times as tall as a house",
    "a {2} that weighs {0} kg",
    "a {0}-legged {2} on a {0} m long table",
    "a {2}, number {0}, in front of a house",
    "a {0} year old {2}",
    "a {2} turned by {0} degrees",
]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(_NUMBERED), st.integers(2, 40), st.sampled_from(_SINGLE))
def test_every_number_is_in_the_scene_or_is_told(form: str, number: int, name: str) -> None:
    """A number is a count, an extent, a distance or a factor of the scene text, or among what is not understood."""
    try:
        draft = read_draft(form.format(number, NOUNS[name].plural, name))
        reading = read_sentence(form.format(number, NOUNS[name].plural, name))
    except InputError:
        return
    told = " ".join((reading.text, *reading.not_understood, *reading.warnings))
    counted = sum(thing.count for thing in draft.things)
    sizes = {round(value) for thing in draft.things for value in thing.sizes.values()}
    values = {round(relation.value) for relation in draft.relations if relation.value is not None}
    assert re.search(rf"\b{number}\b", told) or counted >= number or number in sizes | values, f"{number}: {reading}"


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_every_noun_and_adjective_is_in_the_scene_or_is_told(data: st.DataObject) -> None:
    """A content word is in the scene text, or among the words not understood, or in a warning."""
    first, second, third = (data.draw(st.sampled_from(_SINGLE)) for _ in range(3))
    one, other = (data.draw(st.sampled_from(_PLAIN)) for _ in range(2))
    tail = data.draw(st.sampled_from(_TAILS)).format(third, other)
    verb, place = data.draw(st.sampled_from(_VERBS)), data.draw(st.sampled_from(_PREPOSITIONS))
    prompt = f"a {one} {first} {verb} {place} the {second} {tail}"
    try:
        reading = read_sentence(prompt)
    except InputError:
        return
    told = " ".join((reading.text, *reading.not_understood, *reading.warnings)).lower()
    for word in (first, second, one, *(each for each in (third, other) if each in tail)):
        found = noun(word)
        names = (word, FOLD.get(word, word), *(() if found is None else (found.name, found.plural)))
        assert any(name in told for name in names), f"{word!r} of {prompt!r} is lost:\n{reading}"


# --- the public questions ------------------------------------------------------------------------------------------

_OPPOSITE = {"left": "right", "right": "left", "closer": "farther", "farther": "closer"}


def _same(said: Statement, wanted: Statement) -> bool:
    """Whether two statements say the same, in whichever order of the two things."""
    if said == wanted:
        return True
    turned = Statement(said.domain, said.relation, said.reference, said.subject, said.value)
    if said.domain in ("intrinsic", "object_distance"):
        return turned == wanted
    if said.domain == "egocentric":
        return Statement(said.domain, _OPPOSITE[said.relation], said.reference, said.subject) == wanted
    return False


_PUBLIC = [question for question in read_questions(FILE) if question.task == "t2i"]


@pytest.mark.parametrize("question", _PUBLIC[::20], ids=lambda question: question.id)
def test_public_questions_are_read_as_they_are_meant(question: Question) -> None:
    reading = read_sentence(question.prompt)
    program = read_scene_text(reading.text)
    asked = [(thing.kind, thing.color) for thing in question.asked]
    numbers = [asked.index((thing.noun, thing.color)) for thing in program.things]
    assert len(numbers) == len(asked)
    found = [
        Statement(
            said.domain,
            said.relation,
            numbers[said.subject],
            None if said.reference is None else numbers[said.reference],
            said.value,
        )
        for _, said in program_statements(program)
    ]
    assert any(_same(said, question.statement) for said in found)
    assert reading.not_understood == ()


def _solved(question: Question) -> float:
    """The exact score of the scene that the solver makes of a question's text."""
    objects = scene_from_text(read_sentence(question.prompt).text)
    looks = [(thing.kind, thing.color) for thing in objects.scene.objects]
    order = [looks.index((thing.kind, thing.color)) for thing in question.asked]
    assert sorted(order) == list(range(len(looks)))
    scene = replace(objects.scene, objects=tuple(objects.scene.objects[index] for index in order))
    return score(scene, question.statement)


@pytest.mark.parametrize("question", _PUBLIC[7::90], ids=lambda question: question.id)
def test_solved_public_questions_are_true(question: Question) -> None:
    assert _solved(question) == 1.0


@pytest.mark.slow
def test_all_public_questions() -> None:
    good = 0
    for question in _PUBLIC:
        try:
            assert _solved(question) == 1.0, question.prompt
        except InputError:
            continue
        good += 1
    assert good >= 0.98 * len(_PUBLIC)
