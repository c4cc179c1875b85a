"""Relations in the words of different people: chatty, terse, passive, inverted, misspelt."""

from __future__ import annotations

from pathlib import Path

import pytest

from spatialfusion.planner.plan import plan
from spatialfusion.planner.sentence import read_sentence
from spatialfusion.planner.wordings import PREDICATES
from spatialfusion.planner.wordings.arrangements import ARRANGEMENTS
from spatialfusion.planner.wordings.contact import CONTACT
from spatialfusion.planner.wordings.directions import DIRECTIONS
from spatialfusion.planner.wordings.measures import MEASURES
from spatialfusion.planner.wordings.sides import SIDES
from spatialfusion.planner.wordings.views import VIEWS
from spatialfusion.scenes.language import read_scene_text

# A sentence, and a scene text that says the same.
CASES = [
    (
        "hey can you make me a pic of a bicycle parked to the left of a mailbox please",
        "camera auto; bicycle left of mailbox; mailbox",
    ),
    (
        "mailbox, bicycle on its left as you look at it, photo",
        "camera auto; mailbox; bicycle left of mailbox",
    ),
    (
        "a cat, with a lamp off to its right",
        "camera auto; cat; lamp at right of cat",
    ),
    (
        "The bench can be found on the right of the tree.",
        'camera auto; park bench "bench" right of tree; tree',
    ),
    (
        "Right of the fountain, a statue",
        "camera auto; statue right of fountain; fountain",
    ),
    (
        "on the left hand side we have a bus and on the right a truck",
        "camera auto; bus left of truck; truck",
    ),
    (
        "the barrel sits further back than the crate",
        'camera auto; barrel "sitting" farther than crate; crate',
    ),
    (
        "The piano stands in back of the armchair.",
        "camera auto; piano behind armchair; armchair",
    ),
    (
        "in front of the wardrobe you'll find a stool",
        "camera auto; stool in front of wardrobe; wardrobe",
    ),
    (
        "A motorcycle has been parked before a garage door, house behind",
        'camera auto; motorcycle in front of door; door "garage"; house behind door',
    ),
    (
        "The cow is obscured partly by the fence because it stands behind it",
        "camera auto; cow behind fence; fence",
    ),
    (
        "a guitar leans up against a sofa",
        'camera auto; guitar "leaning" next to sofa; sofa',
    ),
    (
        "cheek by jowl, a fridge and a stove",
        'camera auto; refrigerator "fridge" next to stove; stove',
    ),
    (
        "A horse flanked by two dogs",
        "camera auto; horse between dog-1 and dog-2; dog as dog-1; dog as dog-2",
    ),
    (
        "a table with candles in a ring around it",
        "camera auto; table; 3 candle around table",
    ),
    (
        "a cat beneath a table and a bowl atop it",
        "camera auto; cat under table; table; bowl on table",
    ),
    (
        "a drone hovering 2 m above a car",
        'camera auto; drone "hovering" above car by 2; car',
    ),
    (
        "the bus is parked on the car's driver's side",
        "camera auto; bus at left of car; car",
    ),
    (
        "A trash can stands on the passenger side of the van",
        "camera auto; trash can at right of van; van",
    ),
    (
        "a dog is at the woman's left hand",
        'camera auto; dog at left of figure; figure "woman"',
    ),
    (
        "A bike on the far side of the truck, as seen by us",
        'camera auto; bicycle "bike" behind truck; truck',
    ),
    (
        "The tree is to the car's rear",
        "camera auto; tree at back of car; car",
    ),
    (
        "a ball lies directly in front of the dog's nose, half a metre off",
        'camera auto; ball "lying" at front of dog by 0.5; dog',
    ),
    (
        "From where the cat is sitting, the vase is to the right",
        "camera auto; cat; vase at right of cat",
    ),
    (
        "looking from the chair, the table's at the left",
        "camera auto; chair; table at left of chair",
    ),
    (
        "If you were sitting on the sofa, the plant would be to your right",
        'camera auto; sofa; potted plant "plant" at right of sofa',
    ),
    (
        "a mailbox on the house's left flank",
        "camera auto; mailbox at left of house; house",
    ),
    (
        "a man and a woman stand nose to nose",
        'camera auto; figure "man" face to face with figure-2; figure "woman" as figure-2',
    ),
    (
        "Two cars parked bumper to bumper facing in the opposite direction",
        "camera auto; car side by side with car-2 opposite ways; car as car-2",
    ),
    (
        "two soldiers stand with their backs to each other",
        "camera auto; soldier back to back with soldier-2; soldier as soldier-2",
    ),
    (
        "A chair and a sofa turned away from each other",
        "camera auto; chair back to back with sofa; sofa",
    ),
    (
        "a bus next to a truck, both pointing in the same direction",
        "camera auto; bus side by side with truck same way; truck",
    ),
    (
        "The two horses stand abreast, heads in opposite directions",
        "camera auto; horse side by side with horse-2 opposite ways; horse as horse-2",
    ),
    (
        "two armchairs opposite one another",
        "camera auto; armchair face to face with armchair-2; armchair as armchair-2",
    ),
    (
        "A tractor sits alongside a van, pointing the other way",
        'camera auto; tractor "sitting" side by side with van opposite ways; van',
    ),
    (
        "The lion and the tiger confront each other",
        "camera auto; lion face to face with tiger; tiger",
    ),
    (
        "A girl with her back to us",
        "camera auto; girl facing away",
    ),
    (
        "the van points away from us",
        "camera auto; van facing away",
    ),
    (
        "the truck is heading to the left",
        "camera auto; truck facing left",
    ),
    (
        "A duck in profile, looking to the right",
        "camera auto; duck facing right",
    ),
    (
        "a dog gazing at a cat",
        "camera auto; dog facing cat; cat",
    ),
    (
        "the robot has its back turned to the camera",
        "camera auto; robot facing away",
    ),
    (
        "A statue whose face is turned to the viewer",
        "camera auto; statue facing viewer",
    ),
    (
        "shot from behind the car",
        "camera sees back of car; car",
    ),
    (
        "we look at the dog's left flank",
        "camera sees left of dog; dog",
    ),
    (
        "a horse, seen in profile from its right",
        "camera sees right of horse; horse",
    ),
    (
        "the camera shows us the rear of a bus",
        "camera sees back of bus; bus",
    ),
    (
        "Photo of a van taken from its right side",
        "camera sees right of van; van",
    ),
    (
        "A view onto the back of an armchair",
        "camera sees back of armchair; armchair",
    ),
    (
        "left flank of a cow visible",
        "camera sees left of cow; cow",
    ),
    (
        "a motorcycle as seen from its left-hand side",
        "camera sees left of motorcycle; motorcycle",
    ),
    (
        "camera pointed at the front of a truck",
        "camera sees front of truck; truck",
    ),
    (
        "the viewer is standing to the right of the elephant, looking at its right side",
        "camera sees right of elephant; elephant",
    ),
    (
        "overhead shot of a table with two plates",
        "camera top-down; table; 2 plate on table",
    ),
    (
        "worm's-eye view of a tower",
        "camera low; tower",
    ),
    (
        "extreme closeup of a teapot",
        "camera close; teapot",
    ),
    (
        "a giraffe, 5 metres in height",
        "camera auto; giraffe height 5",
    ),
    (
        "a boat measuring 12 feet in length",
        "camera auto; boat length 3.658",
    ),
    (
        "The bookcase has a height of 2.2m and a width of 90 cm",
        'camera auto; bookshelf "bookcase" height 2.2 width 0.9',
    ),
    (
        "The fridge is 40 cm taller than the stove",
        'camera auto; refrigerator "fridge" 0.4 taller than stove; stove',
    ),
    (
        "the bus exceeds the car in length by 3 m",
        "camera auto; bus 3 longer than car; car",
    ),
    (
        "An elephant thrice as large as a horse",
        "camera auto; elephant 3 times as big as horse; horse",
    ),
    (
        "The two chairs are 1.5m apart",
        "camera auto; chair 1.5 from chair-2; chair as chair-2",
    ),
    (
        "a stool 50cm left of a piano",
        "camera auto; stool left of piano by 0.5; piano",
    ),
    (
        "the tree is a metre and a half to the right of the car",
        "camera auto; tree right of car by 1.5; car",
    ),
    (
        "There are 4 m between the bus and the kiosk",
        "camera auto; bus 4 from kiosk; kiosk",
    ),
    (
        "a cone, a metre behind it a barrel",
        "camera auto; cone; barrel behind cone by 1",
    ),
    (
        "separated by 2 meters: a bench and a fountain",
        'camera auto; park bench "bench" next to fountain by 2; fountain',
    ),
    (
        "the boy is standing 2 meters away from the camera",
        "camera auto; boy 2 from camera",
    ),
    (
        "camera distance to the statue: 5 m",
        "camera auto; statue 5 from camera",
    ),
    (
        "A cosy bedroom with a bed, a lamp on a table and a wardrobe",
        "camera auto; room; bed; lamp on table; table; wardrobe",
    ),
    (
        "a house with a red roof and a green door next to a tree",
        'camera auto; house "with a red roof and a green door" next to tree; tree',
    ),
    (
        "a picture of a lovely meadow with a cow and a horse to the right of it",
        "camera auto; outdoor; cow; horse right of cow",
    ),
    (
        "a car with black wheels and tinted windows in front of a house",
        'camera auto; car "with black wheels and tinted windows" in front of house; house',
    ),
    (
        "A truck betwen a house and a tree",
        "camera auto; truck between house and tree; house; tree",
    ),
    (
        "a red car next too a blue house",
        "camera auto; car red next to house; house blue",
    ),
    (
        "sandwiched between a bus and a wall there is a bicycle",
        "camera auto; bicycle between bus and wall-1; bus; wall as wall-1",
    ),
    (
        "a bus and a car next to one another facing opposite ways and we see the bus from its back",
        "camera sees back of bus; bus side by side with car opposite ways; car",
    ),
]


# More of them, one a line: the sentence, "=>", and the scene text.
FILE = Path(__file__).parent / "data" / "wordings.txt"
CASES += [tuple(line.split(" => ")) for line in FILE.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(("prompt", "text"), CASES)
def test_a_wording_is_read(prompt: str, text: str) -> None:
    reading = read_sentence(prompt)
    assert reading.not_understood == ()
    lines = [line for line in reading.text.splitlines() if not line.startswith("#")]
    assert read_scene_text("\n".join(lines)) == read_scene_text(text.replace("; ", "\n"))


def test_a_misspelt_word_is_a_warning() -> None:
    assert any("betwen" in warning for warning in read_sentence("a truck betwen a house and a tree").warnings)


def test_parts_are_no_things() -> None:
    reading = read_sentence("a house with a red roof and a green door next to a tree")
    assert len(read_scene_text(reading.text).things) == 2


def test_the_last_word_of_a_noun_means_the_thing_named_before() -> None:
    text = read_sentence("a dining table with four chairs around it, a cat on the table").text
    assert text.splitlines() == ["camera auto", "dining table", "4 chair around dining table", "cat on dining table"]


def test_what_is_worn_is_told_and_what_is_held_stands_beside() -> None:
    worn = read_sentence("a cat wearing a tiny hat, sitting on a windowsill")
    assert worn.not_understood == ("hat",)
    held = read_sentence("a woman holding a lantern stands behind a fence")
    assert "lantern next to figure" in held.text
    assert any("scene text has no hands" in warning for warning in held.warnings)


def test_a_group_that_others_speak_of_keeps_its_row() -> None:
    text = read_sentence("6 barrels in a row, and two crates in front of them").text
    assert text.splitlines()[1:] == ["6 barrel in a row as barrels", "2 crate in front of barrels"]


def test_what_was_only_assumed_is_dropped_where_it_cannot_hold() -> None:
    made = plan("A herd of elephants at a well.", size=(64, 64))
    assert any("assumed" in warning for warning in made.warnings)


def test_no_table_of_wordings_hides_a_meaning_of_another() -> None:
    tables = (SIDES, CONTACT, DIRECTIONS, MEASURES, VIEWS, ARRANGEMENTS)
    assert sum(map(len, tables)) == len(PREDICATES)


def test_a_length_behind_a_strange_verb_is_told_and_is_no_distance_of_the_camera() -> None:
    assert "by two metres" in read_sentence("A cat zorps the fence by two metres.").not_understood
