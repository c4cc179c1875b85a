"""The scene language, version 2: what its words mean as data, and that writing loses nothing."""

import dataclasses
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialfusion.errors import InputError
from spatialfusion.scenes.keywords import LEVELS, SHOTS
from spatialfusion.scenes.language import read_scene_text
from spatialfusion.scenes.primitives import BLOCK, FRUSTUM, Primitive
from spatialfusion.scenes.program import (
    ALLOCENTRIC,
    COMPARED,
    EGOCENTRIC,
    INTRINSIC,
    CameraLine,
    Reference,
    Relation,
    SceneProgram,
    Thing,
    member_names,
    program_statements,
)
from spatialfusion.scenes.scene import COLORS, SHADES, Scene, SceneObject
from spatialfusion.scenes.sizes import resolve_sizes
from spatialfusion.scenes.statements import Statement, observe
from spatialfusion.scenes.text import scene_from_text
from spatialfusion.scenes.words import MAX_LINE, MAX_TEXT
from spatialfusion.scenes.write import program_to_text, scene_to_text


def first(line, others="house; dog; cat"):
    return read_scene_text(f"{line}\n{others}").things[0]


# --- what the words mean -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clause", "relation"),
    [
        ("left of house", Relation("left of", (Reference(1),))),
        ("to the left of the house", Relation("left of", (Reference(1),))),
        ("right of house by 2", Relation("right of", (Reference(1),), 2.0)),
        ("in front of house by 50cm", Relation("in front of", (Reference(1),), 0.5)),
        ("behind the house", Relation("behind", (Reference(1),))),
        ("closer than house", Relation("nearer than", (Reference(1),))),
        ("further than house", Relation("farther than", (Reference(1),))),
        ("beside house", Relation("next to", (Reference(1),))),
        ("between house and dog", Relation("between", (Reference(1), Reference(2)))),
        ("on top of house", Relation("on", (Reference(1),))),
        ("below house", Relation("under", (Reference(1),))),
        ("above house by 3", Relation("above", (Reference(1),), 3.0)),
        ("at front of house by 1", Relation("at front of", (Reference(1),), 1.0)),
        ("facing dog", Relation("facing", (Reference(2),))),
        ("looking towards the dog", Relation("facing", (Reference(2),))),
        ("face to face with dog", Relation("face to face with", (Reference(2),))),
        ("side by side with dog", Relation("side by side same way", (Reference(2),))),
        ("side by side with dog opposite ways", Relation("side by side opposite ways", (Reference(2),))),
        ("2 m from dog", Relation("from", (Reference(2),), 2.0)),
        ("2 metres away from the dog", Relation("from", (Reference(2),), 2.0)),
        ("3 from camera", Relation("from camera", (), 3.0)),
        ("0.5 taller than dog", Relation("taller than", (Reference(2),), 0.5)),
        ("narrower than dog", Relation("narrower than", (Reference(2),))),
        ("twice as big as dog", Relation("times as big as", (Reference(2),), 2.0)),
        ("1.5 times as large as dog", Relation("times as big as", (Reference(2),), 1.5)),
        ("around house", Relation("around", (Reference(1),))),
        ("in a row", Relation("in a row")),
    ],
)
def test_each_clause_is_its_relation(clause, relation):
    assert first(f"figure {clause}").relations == (relation,)
    assert first(f"figure red {clause} as it").relations == (relation,)


def test_a_line_takes_clauses_in_any_order():
    same = [
        "old wooden chair red left of house by 2 3 from dog facing cat size 0.5 hidden as throne",
        "facing cat, as throne, hidden, 3 from dog, red chair size 0.5, old, wooden, left of house by 2",
        "“old wooden” chair red hidden size 0.5 left of house by 2 facing cat 3 from dog as throne",
    ]
    things = [first(line) for line in same]
    for thing in things:
        assert (thing.noun, thing.color, thing.name, thing.size, thing.hidden) == (
            "chair",
            "red",
            "throne",
            (0.5,),
            True,
        )
        assert thing.words == "old wooden" and set(thing.relations) == set(things[0].relations)


def test_the_camera_is_wished_for_or_given():
    camera = read_scene_text("camera 3 from dog, sees its left side, close, low, fov 40; dog").camera
    assert camera == CameraLine(
        (("fov", (40.0,)),), True, ((3.0, Reference(0)),), (("left", Reference(0)),), "close", "low"
    )
    assert read_scene_text("camera auto; dog").camera == CameraLine(auto=True)
    assert not read_scene_text("camera fov 40; dog").camera.auto
    for wish in (*SHOTS, *LEVELS, "eye-level", "top down", "sees front of dog"):
        assert read_scene_text(f"camera {wish}; dog").solved


@pytest.mark.parametrize(
    ("text", "solved"),
    [
        ("car red at 0 6; mug on car", False),
        ("giraffe like dog height 3; camera height 2", False),
        ("camera auto; car", True),
        ("2 cars", True),
        ("car; dog left of car", True),
        ("car; dog taller than car", True),
    ],
)
def test_relations_groups_and_wishes_need_the_solver(text, solved):
    assert read_scene_text(text).solved == solved


def test_references_are_names_nouns_colours_numbers_and_synonyms():
    text = """
        dog as rex; dog as "Old Rex"; red dog; 3 chairs around table; dining table; 2 women next to rex; man; orange
        cup {}
    """
    for said, expected in {
        "rex": Reference(0),
        '"old rex"': Reference(1),
        "old rex": Reference(1),
        "red dog": Reference(2),
        "dog 2": Reference(1),
        "chairs": Reference(3),
        "chair 3": Reference(3, 3),
        "table": Reference(4),  # nothing else is one
        "the man": Reference(6),
        "women": Reference(5),
        "woman 2": Reference(5, 2),
    }.items():
        things = read_scene_text(text.replace("; orange", "").format(f"left of {said}")).things
        assert things[-1].relations[0].references == (expected,), said
    things = read_scene_text("car red left of house blue; house blue; house white").things
    assert things[0].color == "red" and things[0].relations[0].references == (Reference(1),)


def test_members_of_groups_have_numbered_names():
    program = read_scene_text("chair; 3 chairs in a row; 2 dogs as hounds; lamp on chair 3; cat next to hounds 2")
    assert member_names(program) == ["", "chair 2", "chair 3", "chair 4", "hounds 1", "hounds 2", "", ""]
    layout = scene_from_text(program_to_text(program))
    assert layout.names[1:6] == ("chair 2", "chair 3", "chair 4", "hounds 1", "hounds 2")
    assert scene_from_text(scene_to_text(layout.scene)).names == layout.names


def test_a_word_that_is_no_noun_is_a_box_and_says_so():
    layout = scene_from_text("zorblax red size 2 1 3; gizmo like dog; ca size 1")
    assert [thing.kind for thing in layout.scene.objects] == ["zorblax", "gizmo", "ca"]
    assert layout.scene.objects[0].size == (2.0, 1.0, 3.0)
    assert layout.scene.objects[1].plan == "dog" and layout.scene.objects[1].size == (0.35, 0.65, 0.95)
    boxed, liked, near = layout.warnings
    assert '"zorblax"' in boxed and "a box" in boxed and "like dog" in liked and "did you mean 'ca" in near
    seen = observe(layout.scene).objects
    assert seen[0].front is None and seen[1].front is not None


def test_own_parts_give_the_size_and_a_front():
    thing = first("totem parts block 0 1 0 0.5 2 0.5 wood cone 0 2.5 0 1 1 1 red axis y taper 0.2 tilt 0")
    assert thing.parts == (
        Primitive(BLOCK, (0.0, 1.0, 0.0), (0.5, 2.0, 0.5), "wood"),
        Primitive(FRUSTUM, (0.0, 2.5, 0.0), (1.0, 1.0, 1.0), "red", (0.2, 0.2)),
    )
    layout = scene_from_text(
        "totem parts block 0 1 0 0.5 2 0.5 wood cone 0 2.5 0 1 1 1 red; dog left of totem facing totem"
    )
    assert layout.scene.objects[0].size == (1.0, 3.0, 1.0) and observe(layout.scene).objects[0].front is not None
    assert Scene.from_json(layout.scene.to_json()) == layout.scene


def test_what_is_not_said_is_not_in_the_json():
    plain = scene_from_text("car red at 0 6").scene
    assert "name" not in plain.to_json() and list(plain.objects[0].to_dict()) == [
        "kind",
        "color",
        "size",
        "position",
        "yaw",
    ]
    said = SceneObject(
        "car",
        "navy",
        (1.0, 1.0, 1.0),
        (0.0, 0.0, 5.0),
        0.0,
        "mine",
        "rusty",
        "dog",
        (Primitive(0, (0, 0, 0), (1, 1, 1)),),
    )
    assert SceneObject.from_dict(said.to_dict()) == said


def test_statements_are_what_the_text_promises():
    text = """
    camera sees left of dog
    dog behind house by 2, facing cat, 3 from cat
    house 2 taller than cat; cat twice as big as dog, side by side with dog same way, 4 from camera
    2 chairs left of house, facing viewer
    """
    found = program_statements(read_scene_text(text))
    assert set(found) == {
        (3, Statement("egocentric", "farther", 0, 1)),
        (3, Statement("allocentric", "front", 2, 0)),
        (3, Statement("object_distance", "apart", 0, 2, 3.0)),
        (4, Statement("object_size", "height", 1, 2, 2.0)),
        (4, Statement("object_size", "volume", 2, 0, 2.0)),
        (4, Statement("intrinsic", "side_by_side_same", 2, 0)),
        (4, Statement("camera_distance", "away", 2, None, 4.0)),
        (5, Statement("egocentric", "left", 3, 1)),
        (5, Statement("egocentric", "left", 4, 1)),
        (5, Statement("object_pose", "front", 3)),
        (5, Statement("object_pose", "front", 4)),
        (2, Statement("camera_pose", "left", 0)),
        (2, Statement("complex_pose", "left", 0, 2)),
    }


# --- sizes ---------------------------------------------------------------------------------------------------------


def sizes(text):
    return resolve_sizes(read_scene_text(text))


def test_sizes_by_comparison():
    dog, house = (0.35, 0.65, 0.95), (6.0, 5.0, 7.0)
    assert sizes("house 2 taller than dog; dog") == [(6.0, 2.65, 7.0), dog]
    assert sizes("dog 1 shorter than house; house") == [(0.35, 4.0, 0.95), house]
    longer = sizes("dog; cat like dog 0.2 longer than dog size 2")[1]
    assert longer == pytest.approx((1.0769, 2, 2.9231), abs=1e-4)
    big, small = sizes("red dog twice as big as blue dog; blue dog")
    assert big[0] * big[1] * big[2] == pytest.approx(2 * small[0] * small[1] * small[2], rel=1e-3)
    assert big[0] / small[0] == pytest.approx(big[1] / small[1], rel=1e-3)
    taller, other = sizes("red dog taller than blue dog; blue dog height 1")
    assert taller[1] == 1.25 and other[1] == 1.0
    assert sizes("dog width 2")[0] == (2.0, 0.65, 0.95) and sizes("house like dog size 13")[0] == pytest.approx(
        (7, 13, 19)
    )


@pytest.mark.parametrize(
    "text",
    [
        "dog 1 taller than cat\ncat 1 taller than dog",
        "dog size 1\ncat height 2\ndog as x 5 taller than cat size 3",
        "dog taller than cat\ncat taller than cow\ncow taller than dog",
        "dog twice as big as cat size 1 1 1\ncat size 1 1 1",
    ],
)
def test_sizes_that_cannot_hold_name_their_lines(text):
    with pytest.raises(InputError, match=r"lines? \d.*no sizes keep"):
        resolve_sizes(read_scene_text(text + "\nhouse 1 taller than tree\ntree"))
    with pytest.raises(InputError) as caught:
        resolve_sizes(read_scene_text(text + "\nhouse 1 taller than tree\ntree"))
    assert str(text.count("\n") + 2) not in re.findall(r"\d+", str(caught.value).split(" of ")[0])


# --- mistakes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("dog left of", ["line 1", '"left of" has nothing after it']),
        ("dog left of hous; house", ["no other object", "did you mean 'house'"]),
        ("dog left of dog", ["no other object"]),
        ("dog left of cat; cat; cat", ["could be any of 2 objects"]),
        ("dog left of cat 3; cat; cat", ["a number up to 2"]),
        ("dog left of cat by; cat", ['"by" has no numbers']),
        ("dog left of cat by -1; cat", ["out of range", "from 0"]),
        ("dog between cat; cat", ['"between" a thing'.replace(" a", ", a")]),
        ("dog between rex and cats; 3 cats; dog as rex", ["more than two ends"]),
        ("dog 3; cat", ['"3" belongs to no key word']),
        ("dog 0 from cat; cat", ["from 0.01"]),
        ("dog 1 times as big as cat; cat", ["no difference"]),
        ("dog 2 times cat; cat", ["as big as"]),
        ("dog face to face; cat", ["group"]),
        ("0 dogs", ["from 1 to 1000"]),
        ("999999999999 dogs", ["from 1 to 1000"]),
        ("600 dogs\n600 cats", ["line 2", "1,000 objects"]),
        ("2 dogs at 0 3", ["one position"]),
        ("dog size 1 height 2", ['both "size" and "height"']),
        ("dog on wall", ["no wall outdoors", '"room"']),
        ("camera sees top of dog; dog", ["not a side"]),
        ("camera sees left; dog", ["does not say of what"]),
        ("camera 3 from; dog", ['"from" has nothing']),
        ("camera low high; dog", ["low and high"]),
        ("camera lo; dog", ["did you mean 'low'"]),
        ("dog like", ['"like" has nothing']),
        ("dog like zorblax", ['"zorblax" after "like" is not known']),
        ("dog parts", ['"parts" has nothing']),
        ("dog parts block 1 2 3", ["3 numbers", "6: x"]),
        ("dog parts block 0 0 0 0 1 1", ["an edge of the block is 0"]),
        ("dog parts block 0 0 0 900 1 1", ["900 m wide"]),
        ("dog zorblax", ['"zorblax" is not known']),
        ("zorblax", ['"zorblax" is not known', "zorblax size 1"]),
        ('dog "big', ["a quote is not closed"]),
        ("dog \x07", ["U+0007"]),
        ("dog \ud800", ["U+D800"]),
        ("3 dogs as a1; cat as a1 2", ["already that of one of a group"]),
        ("dog left of camera", ["no other object"]),
        ("dog as camera", ["cannot be a name"]),
        ("car " + "x" * MAX_LINE, [f"{MAX_LINE:,}"]),
        ("car\n" * MAX_TEXT, [f"{4 * MAX_TEXT:,} characters", f"{MAX_TEXT:,}"]),
        ("car\n" * 10_000, ["10,000 lines", "1,000 objects"]),
        ("car size 1e9", ["out of range"]),
        ("car size -1", ["out of range"]),
        ("car size nan", ['"size" has no numbers']),
        ("200 dogs behind cats; 200 cats", ["20,000 relations"]),
    ],
)
def test_mistakes_are_named_in_one_sentence(text, parts):
    with pytest.raises(InputError) as caught:
        program_statements(read_scene_text(text))
    message = str(caught.value)
    for part in parts:
        assert part in message
    assert "expected" in message and message.endswith(".") and "\n" not in message and len(message) < 700
    assert message.encode()


def test_typographic_characters_are_read_as_plain_ones():
    plain = read_scene_text('dog "so old" left of cat by 1 size 1x2x3 yaw -5; cat')
    assert read_scene_text("\ufeffdog\u00a0„so old“ left of cat by 1 size 1×2×3 yaw −5； cat\u200b") == plain
    assert read_scene_text("dog yaw –5").things == read_scene_text("dog yaw -5").things
    assert read_scene_text('dog "a # b; c × d"').things[0].words == "a # b; c × d"


# --- there and back ------------------------------------------------------------------------------------------------

PARTS = (Primitive(BLOCK, (0.1, 1.0, 0.3), (1.5, 2.0, 0.7), "glass", (0.5, 1.0)),)
WORDS = """
dog cats 3 2 red old left of behind on between and as rex by camera auto sees from than taller times big facing each
other in ; , " parts block like size 1 a row room around with
""".split()
numbers = st.floats(0.01, 99) | st.integers(1, 99).map(float)
NOUNS = ("dog", "chair", "dining table", "giraffe", "side table", "blue whale", "gizmo thing")


cameras = st.builds(
    CameraLine,
    numbers=st.just(()) | numbers.map(lambda n: (("height", (n,)), ("fov", (50.0,)))),
    auto=st.just(True),
    distances=st.just(()) | st.tuples(st.tuples(numbers, st.just(Reference(0)))),
    sees=st.just(()) | st.just((("left", Reference(0)), ("back", Reference(0)))),
    shot=st.sampled_from(["", *SHOTS]),
    level=st.sampled_from(["", *LEVELS]),
)


@st.composite
def programs(draw):
    count = draw(st.integers(1, 5))
    nouns = draw(st.lists(st.sampled_from(NOUNS), min_size=count, max_size=count))
    names = draw(
        st.lists(
            st.sampled_from(["rex", "a-1", "seat 3", "Big Bob", "zoe"]), min_size=count, max_size=count, unique=True
        )
    )
    counts = [draw(st.sampled_from([1, 1, 1, 2, 3])) for _ in nouns]
    things = []
    for index, noun in enumerate(nouns):

        def refer(index=index):
            other = draw(st.integers(0, count - 1).filter(lambda j: j != index))
            return Reference(other, draw(st.integers(0, counts[other])) if counts[other] > 1 else 0)

        def relation():
            kind = draw(st.sampled_from([*EGOCENTRIC, *ALLOCENTRIC, *INTRINSIC, *COMPARED, "next to", "facing", "from",
                                         "from camera", "times as big as", "above", "between"]))  # fmt: skip
            if kind == "from camera":
                return Relation(kind, (), draw(numbers))
            if kind == "between":
                ends = [Reference(r.thing, r.member or (1 if counts[r.thing] > 1 else 0)) for r in (refer(), refer())]
                return Relation(kind, tuple(ends))
            if kind in ("from", "times as big as"):
                return Relation(kind, (refer(),), draw(numbers.filter(lambda n: n != 1)))
            gapped = kind in ("left of", "behind", "at left of", "next to", "above") or kind in COMPARED
            return Relation(kind, (refer(),), draw(st.none() | numbers) if gapped else None)

        relations = [relation() for _ in range(draw(st.integers(0, 3)))] if count > 1 else []
        facing = [r for r in relations if r.kind == "facing"]
        turned = draw(st.sampled_from(["", "viewer", "left"])) if not facing else ""
        relations = [r for r in relations if r.kind != "facing" or r is facing[0]]
        alone = nouns.count(noun) == 1
        things.append(
            Thing(
                noun,
                count=counts[index],
                color=draw(st.sampled_from(["", "red", "navy"])),
                words=draw(st.sampled_from(["", "old", "very × shiny", "a; b # c"])),
                name=draw(st.sampled_from(["", names[index]])) if alone else names[index],
                at=draw(st.none() | st.tuples(numbers, numbers)) if counts[index] == 1 else None,
                size=draw(st.none() | st.tuples(numbers)) if noun != "gizmo thing" else (2.0,),
                like=draw(st.sampled_from(["", "dog", "car"])),
                parts=draw(st.sampled_from([(), PARTS])),
                yaw=draw(st.none() | numbers) if not facing and not turned else None,
                facing=turned,
                relations=tuple(relations),
                hidden=draw(st.booleans()),
            )
        )  # fmt: skip
    camera = draw(cameras)
    place = draw(st.sampled_from(["", "room", "outdoor"]))
    return SceneProgram(
        tuple(things),
        camera,
        draw(st.just(()) | numbers.filter(lambda n: n < 90).map(lambda n: (("azimuth", (n,)),))),
        place,
    )


@settings(deadline=None, max_examples=150)
@given(programs())
def test_a_program_comes_back_from_its_text(program):
    text = program_to_text(program)
    assert read_scene_text(text) == program
    assert program_to_text(read_scene_text(text)) == text


@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from([*WORDS, "\n"]) | st.text(max_size=2), max_size=14).map(" ".join))
def test_any_text_is_a_program_or_an_input_error(text):
    try:
        program = read_scene_text(text)
    except InputError as error:
        assert str(error).encode()
        return
    try:
        again = program_to_text(program)
    except InputError as error:  # two groups of one noun, of which another line speaks as a whole
        assert "groups" in str(error)
        return
    assert read_scene_text(again) == program


def test_what_no_text_can_say_is_refused():
    scene = scene_from_text("dog at 0 4").scene

    def text_with(**changes):
        return scene_to_text(dataclasses.replace(scene, objects=(dataclasses.replace(scene.objects[0], **changes),)))

    for name in ('a"b', "a\nb", " a", "Red"):
        with pytest.raises(InputError, match="written"):
            text_with(name=name)
    for words in ("a\nb", "«", "\ud800"):
        with pytest.raises(InputError, match="written"):
            text_with(words=words)
    for kind in ("red thing", "thing left of it", "dogs", ""):
        with pytest.raises(InputError, match="written"):
            text_with(kind=kind)
    back = scene_from_text(text_with(name="Rex the 3rd", words=" two  spaces ")).scene.objects[0]
    assert (back.name, back.words) == ("Rex the 3rd", " two  spaces ")


def test_all_colours_can_be_said():
    for color in (*COLORS, *SHADES):
        assert scene_from_text(f"dog {color}").scene.objects[0].color == color
