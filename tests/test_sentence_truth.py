import math
from dataclasses import replace

import pytest
from sentence_truth import OTHER, check, plain_statements, read_sentences

from spatialfusion.scenes.statements import MEASURED, PAIRED, RELATIONS
from spatialfusion.scenes.text import Layout, scene_from_text


def entry(*objects, statements=(), other=(), **more):
    plain = {"id": "", "text": "", "setting": None, "camera": None, "not_understood": []}
    return {**plain, "objects": list(objects), "statements": list(statements), "other": list(other), **more}


def said(domain, relation, subject, reference=None, value=None):
    return {"domain": domain, "relation": relation, "subject": subject, "reference": reference, "value": value}


CAR, HOUSE = {"noun": "car", "color": "red"}, {"noun": "house"}
BEHIND = said("egocentric", "farther", 1, 0)
CAR_AND_HOUSE = "outdoor; car red at 0 7 facing left; house blue at 0.5 14"


# --- objects ---------------------------------------------------------------------------------------------------------


def test_a_scene_that_shows_the_sentence_is_right():
    assert check(entry(CAR, HOUSE, statements=[BEHIND], setting="outdoor"), scene_from_text(CAR_AND_HOUSE)) == []


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (entry({"noun": "car", "color": "green"}, HOUSE), "0 of green car"),
        (entry(CAR, HOUSE, {"noun": "dog"}), "0 of dog"),
        (entry({**CAR, "count": 2}, HOUSE), "1 of red car, not 2"),
        (entry({**CAR, "count": [2, 4]}, HOUSE), "not 2 to 4"),
        (entry(CAR), "not asked for: blue house"),
        (entry(CAR, HOUSE, setting="room"), "setting"),
        (entry(CAR, HOUSE, statements=[said("egocentric", "farther", 0, 1)]), "egocentric"),
        (entry(CAR, HOUSE, statements=[said("object_distance", "apart", 0, 1, 3.0)]), "object_distance"),
        (entry(CAR, {**HOUSE, "words": ["old"]}), "house: nothing says old"),
    ],
)
def test_what_a_scene_lacks_or_adds_is_told(wanted, complaint):
    wrong = check(wanted, scene_from_text(CAR_AND_HOUSE))
    assert any(complaint in told for told in wrong), wrong


def test_a_group_is_counted_and_every_member_judged():
    wanted = entry({"noun": "chair", "count": [2, 4]}, {"noun": "table"}, statements=[said("egocentric", "left", 0, 1)])
    left = "table at 2 5; chair at -1 5; chair at 0 4; chair at {} 5"
    assert check(wanted, scene_from_text(left.format(0.9))) == []
    assert len(check(wanted, scene_from_text(left.format(3)))) == 1


def test_things_that_nothing_tells_apart_are_given_to_the_sentence_as_it_fits():
    wanted = entry({"noun": "dog"}, {"noun": "dog"}, statements=[said("object_pose", "right", 0)])
    assert check(wanted, scene_from_text("dog at 1 4 facing viewer; dog at -1 4 facing right")) == []
    assert check(wanted, scene_from_text("dog at 1 4 facing viewer; dog at -1 4 facing left"))


def test_synonyms_count_and_the_more_exact_name_decides():
    left = [said("egocentric", "left", 0, 1)]
    wanted = entry({"noun": "man"}, {"noun": "woman"}, statements=left)
    assert check(wanted, scene_from_text("figure at -1 4; figure at 1 4")) == []
    assert check(wanted, scene_from_text("figure at -1 4 as man; figure at 1 4 as woman")) == []
    assert check(wanted, scene_from_text("figure at 1 4 as man; figure at -1 4 as woman"))
    assert check(entry({"noun": "couch"}), scene_from_text("sofa at 0 4")) == []
    assert check(entry({"noun": "tree"}), scene_from_text("sofa at 0 4"))


def test_nouns_that_a_reader_cannot_know_may_be_missing_if_it_says_so():
    wanted = entry(CAR, {"noun": "glorp", "unknown": True}, statements=[said("egocentric", "left", 1, 0)])
    wanted["not_understood"] = ["glorp", "cinematic"]
    layout = scene_from_text("car red at 0 6")
    assert check(wanted, layout, ["glorp"]) == check(wanted, layout, ["cinematic", "glorp"]) == []
    assert check(wanted, layout) == ["0 of glorp, not 1"]
    assert check(wanted, layout, ["glorp", "red car"])[0] == "listed as not understood: car"


def test_words_about_a_thing_are_kept_or_listed():
    wanted = entry({"noun": "table", "words": ["wooden", "old"]}, not_understood=[])
    layout = scene_from_text("table at 0 4")
    (table,) = layout.scene.objects
    described = replace(layout.scene, objects=(replace(table, words="old wooden"),))
    assert check(wanted, Layout(described, layout.names)) == []
    assert check(wanted, layout, ["wooden"]) == ["table: nothing says old"]


def test_words_may_be_kept_as_a_thing_of_their_own_or_as_what_says_the_same():
    worn = entry({"noun": "dog", "words": ["hat"]}, may_add=["hat"])
    assert check(worn, scene_from_text("dog at 0 4")) == ["dog: nothing says hat"]
    assert check(worn, scene_from_text("dog at 0 4; hat at 0.5 4")) == []
    assert check(entry({"noun": "dog"}, may_add=["duck"]), scene_from_text("dog at 0 4; rubber duck at 1 4")) == []
    assert check(entry({"noun": "dog"}, may_add=["rubber"]), scene_from_text("dog at 0 4; rubber duck at 1 4"))
    golden = entry({"noun": "cube", "words": ["brass"], "words_as": {"brass": ["gold", "metal"]}})
    assert check(golden, scene_from_text("cube gold at 0 4")) == []
    assert check(golden, scene_from_text("cube red at 0 4")) == ["cube: nothing says brass"]


def test_function_words_count_only_with_the_words_they_stand_with():
    wanted = entry(CAR, not_understood=["driven", "chauffeur"])
    layout = scene_from_text("car red at 0 6")
    assert check(wanted, layout, ["driven by a chauffeur"]) == []
    assert check(wanted, layout, ["chauffeur", "by a"]) == [f"listed as not understood: {word}" for word in ("a", "by")]
    assert check(wanted, layout, ["the red car"]) == [
        f"listed as not understood: {word}" for word in ("car", "red", "the")
    ]


def test_one_of_several_readings_has_to_hold():
    tail = said("allocentric", "back", 1, 0)
    wanted = entry({"noun": "dog"}, {"noun": "ball"}, statements=[{"either": [BEHIND, tail]}])
    dog = "dog at 0 5 facing right; ball at {}"
    assert check(wanted, scene_from_text(dog.format("0 7"))) == []
    assert check(wanted, scene_from_text(dog.format("-1.5 4.7"))) == []
    assert len(check(wanted, scene_from_text(dog.format("2 4")))) == 1


# --- relations -------------------------------------------------------------------------------------------------------

CHAIRS = [(math.sin(turn), 5 + math.cos(turn)) for turn in (0.3, 1.9, 3.4, 5.0)]
AROUND = "table at 0 5;" + ";".join(f"chair at {x:.2f} {z:.2f}" for x, z in CHAIRS)
ROW = "table at 5 9;" + ";".join(f"chair at {k} {4 + k / 2}" for k in range(4))


@pytest.mark.parametrize(
    ("relation", "right", "wrong"),
    [
        ("next to 0 1", "mug at 0 2; bottle at 0.3 2", "mug at 0 2; bottle at 0.8 2"),
        ("near 0 1", "mug at 0 2; bottle at 0.7 2", "mug at 0 2; bottle at 1.2 2"),
        ("on 0 1", "mug on table; table at 0 4", "mug at 0 4 0.5; table at 0 4"),
        ("on 0 1", "dog at 0 4 0.4 size 0.5; sofa at 0 4", "dog at 0 4; sofa at 0 4"),
        ("in 0 1", "ball at 0 4 size 0.3; cube at 0 4", "ball at 0.5 4 size 0.3; cube at 0 4"),
        ("under 0 1", "dog at 0.3 4; table at 0 4", "dog at 0.9 4; table at 0 4"),
        ("under 0 1", "dog at 0.3 4; table at 0 4", "dog at 0.3 4 0.75; table at 0 4"),
        ("above 0 1", "lamp at 0 4 1.5; table at 0 4", "lamp at 0 4 0.5; table at 0 4"),
        ("above 0 1", "lamp at 0 4 1.5; table at 0 4", "lamp at 1.5 4 1.5; table at 0 4"),
        ("above 0 1", "lamp at 0 4 1 size 0.2 0.2 4; table at 0 4 size 4 1 0.2", "lamp at 2 4 1; table at 0 4"),
        ("facing 0 1", "dog at 0 4 yaw 90; ball at 3 4.5", "dog at 0 4 yaw 90; ball at -3 4.5"),
        ("larger 0 1", "dog at 0 4 size 2; table at 3 4", "dog at 0 4; table at 3 4"),
        ("between 0 1 2", "dog at 0 4; cone at -2 4; tree at 3 5", "dog at 0 4; cone at -2 4; tree at -3 5"),
        ("between 0 1 2", "dog at 0 4; cone at -2 4; tree at 3 5", "dog at 0 7; cone at -2 4; tree at 3 5"),
        ("on wall 0", "room; cube at 0 4 1.2 size 0.4", "room; cube at 0 4 size 0.4"),
        ("on wall 0", "room; cube at 0 4 1.2 size 0.4", "outdoor; cube at 0 4 1.2 size 0.4"),
        (
            "on wall 0",
            "outdoor; cube at 0 4 1.2 size 0.4; wall at 0 5",
            "outdoor; cube at 0 4 1.2 size 0.4; house at 0 9",
        ),
    ],
)
def test_relations_hold_within_their_tolerances(relation, right, wrong):
    name = relation.rstrip(" 0123456789")
    subject, *references = map(int, relation[len(name) :].split())
    for text, fits in ((right, True), (wrong, False)):
        layout = scene_from_text(text)
        data = {"relation": name, "subject": subject, "references": references}
        wanted = entry(*({"noun": thing.kind} for thing in layout.scene.objects), other=[data])
        assert (check(wanted, layout) == []) is fits, text


@pytest.mark.parametrize(
    ("relation", "right", "wrong"),
    [
        ("around", AROUND, AROUND.replace("0.30 5.96", "1.10 5.10")),
        ("in a row", ROW, AROUND),
        ("in a row", ROW, ROW.replace("chair at 1 4.5", "chair at 1 5.1")),
        ("in a row", ROW, ROW.replace("chair at 1 4.5", "chair at 1.5 4.75")),
        ("in a circle", AROUND, ROW),
    ],
)
def test_arrangements_of_groups(relation, right, wrong):
    reference = {"reference": 1} if relation == "around" else {}
    wanted = entry(
        {"noun": "chair", "count": 4},
        {"noun": "table"},
        other=[{"relation": relation, "subject": 0, **reference}],
    )
    assert check(wanted, scene_from_text(right)) == []
    assert check(wanted, scene_from_text(wrong)) == [
        " ".join(f"{k} {v}" for k, v in wanted["other"][0].items()) + " does not hold"
    ]


@pytest.mark.parametrize(("z", "fits"), [(10.0, True), (12.35, True), (8.5, False), (15, False)])
def test_a_gap_is_read_from_edge_to_edge_or_from_centre_to_centre(z, fits):
    gap = {"relation": "gap", "subject": 1, "reference": 0, "value": 3.0}
    wanted = entry(CAR, {"noun": "table"}, statements=[BEHIND], other=[gap])
    layout = scene_from_text(f"car red at 0 7; table at 0 {z}")  # 2.1 m from the car's middle to its end
    assert (check(wanted, layout) == []) is fits


@pytest.mark.parametrize(("x", "fits"), [(3.0, True), (5.0, True), (1.5, False), (8.0, False)])
def test_things_are_apart_from_edge_to_edge_or_from_centre_to_centre(x, fits):
    apart = {"relation": "apart", "subject": 0, "reference": 1, "value": 3.0}
    wanted = entry(CAR, {"noun": "cube"}, other=[apart])
    layout = scene_from_text(f"car red at 0 7 facing left; cube at {x} 7")  # 2.1 m from the car's middle to its end
    assert (check(wanted, layout) == []) is fits


@pytest.mark.parametrize(("z", "fits"), [(6.0, True), (8.5, True), (4.0, False), (11, False)])
def test_the_camera_is_away_from_the_nearest_side_or_from_the_middle(z, fits):
    wanted = entry(CAR, other=[{"relation": "away", "subject": 0, "value": 6.0}])
    layout = scene_from_text(f"camera height 1.5; car red at 0 {z} facing viewer")
    assert (check(wanted, layout) == []) is fits


def test_a_gap_counts_in_its_direction():
    gap = {"relation": "gap", "subject": 1, "reference": 0, "value": 2.0}
    beside = entry({"noun": "cube"}, {"noun": "ball"}, statements=[said("egocentric", "right", 1, 0)], other=[gap])
    behind = entry({"noun": "cube"}, {"noun": "ball"}, statements=[BEHIND], other=[gap])
    for text, beside_fits, behind_fits in (
        ("cube at 0 6; ball at 2.7 10", True, False),
        ("cube at 0 6; ball at 4 8.7", False, True),
        ("camera yaw 90; cube at 6 0; ball at 10 -2.7", True, False),
        ("camera yaw 90; cube at 6 0; ball at 8.7 -4", False, True),
    ):
        layout = scene_from_text(text)
        assert ((check(beside, layout) == []), (check(behind, layout) == [])) == (beside_fits, behind_fits), text


# --- camera ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("camera", "right", "wrong"),
    [
        ({"height": "low"}, "height 0.3 pitch 0", "height 2 pitch 15"),
        ({"height": "eye level"}, "height 1.5 pitch 5", "height 4 pitch 40"),
        ({"height": "high"}, "height 4 pitch 40", "height 1.5 pitch 5"),
        ({"height": "top-down"}, "height 9 pitch 70", "height 4 pitch 40"),
        ({"shot": "close", "of": 0}, "height 1 fov 20", "height 1 fov 60"),
        ({"shot": "medium"}, "height 1 fov 40", "height 1 fov 120"),
        ({"shot": "wide"}, "height 1 fov 60", "height 1 fov 15"),
        ({"shot": "wide angle"}, "height 1 fov 60", "height 1 fov 15"),
    ],
)
def test_what_the_camera_is_asked_for(camera, right, wrong):
    wanted = entry({"noun": "dog"}, camera=camera)
    layouts = [scene_from_text(f"camera {words}; dog at 0 4 size 1.2") for words in (right, wrong)]
    assert check(wanted, layouts[0]) == []
    assert "camera" in check(wanted, layouts[1])[0]


def test_the_larger_of_width_and_height_counts_in_a_shot():
    wanted = entry({"noun": "figure"}, camera={"shot": "close"})
    layout = scene_from_text("camera height 1 pitch 0 fov 50; figure at 0 6")  # takes 0.1 by 0.31 of a square
    assert check(wanted, layout) == ["camera: not close, the subject takes 0.31 of the picture"]
    assert check(wanted, layout, aspect=2.0) == []


def test_a_wide_angle_is_a_lens_too_and_a_shot_may_be_of_one_of_several_things():
    near = scene_from_text("camera height 1 fov 80; dog at 0 1.5 size 2.4; ball at 4 9")
    things = {"noun": "dog"}, {"noun": "ball"}
    assert check(entry(*things, camera={"shot": "wide"}), near)
    assert check(entry(*things, camera={"shot": "wide angle"}), near) == []
    assert check(entry(*things, camera={"shot": "close", "of": 1}), near)
    assert check(entry(*things, camera={"shot": "close", "of": [0, 1]}), near) == []


# --- the entries -----------------------------------------------------------------------------------------------------


def test_every_entry_can_be_judged():
    entries = read_sentences()
    assert len({data["id"] for data in entries}) == len({data["text"] for data in entries}) == len(entries) == 150
    for data in entries:
        things = range(len(data["objects"]))
        assert things and data["setting"] in ("room", "outdoor", None), data["id"]
        for statement in plain_statements(data):
            domain, reference = statement["domain"], statement.get("reference")
            assert statement["relation"] in RELATIONS[domain] and statement["subject"] in things, data["id"]
            assert reference in things if domain in PAIRED else reference is None or domain == "object_size", data["id"]
            assert ("value" in statement) == (domain in MEASURED), data["id"]
        for relation in data["other"]:
            used = [relation["subject"], *relation.get("references", ()), relation.get("reference", 0)]
            assert relation["relation"] in OTHER and set(used) <= set(things), data["id"]
            assert ("value" in relation) == (relation["relation"] in ("gap", "apart", "away")), data["id"]
        camera = data["camera"] or {}
        assert camera.get("height") in (None, "low", "eye level", "high", "top-down"), data["id"]
        of = camera.get("of", 0)
        assert set(of if isinstance(of, list) else [of]) <= set(things), data["id"]
        assert camera.get("shot") in (None, "wide", "wide angle", "medium", "close"), data["id"]
