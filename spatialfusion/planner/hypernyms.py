"""General words for a thing that was named before: "the animal" of a lion, "the vehicle" of a jeep."""

from __future__ import annotations

from ..scenes.lexicon import Noun

_PLANS = {
    "person": (
        "figure, standing person, walking person, sitting person, lying person, child, person in a gown, angel, "
        "scarecrow, robot"
    ),
    "human": "figure, standing person, walking person, sitting person, lying person, child, person in a gown",
    "animal": (
        "dog, cat, horse, unicorn, cow, goat, sheep, pig, deer, quadruped, giraffe, camel, llama, elephant, rhino, "
        "hippo, bear, lion, big cat, wolf, rabbit, squirrel, mouse, seal, monkey, kangaroo, flying bird, whale, "
        "dolphin, shark, fish, octopus, crab, jellyfish, snail, snake, frog, turtle, lizard, dinosaur, sauropod, "
        "dragon, bird, owl, duck, swan, chicken, peacock, ostrich, penguin, spider, insect, beetle, bee, butterfly, "
        "sausage"
    ),
    "bird": "flying bird, bird, owl, duck, swan, chicken, peacock, ostrich, penguin",
    "vehicle": (
        "car, jeep, pickup, van, bus, truck, dump truck, tank, tractor, excavator, race car, bicycle, motorcycle, "
        "moped, kick scooter, cart, carriage, sled, train, steam locomotive, tram, train car"
    ),
    "boat": "rowing boat, motor boat, canoe, kayak, sailing boat, ship, submarine",
    "aircraft": "plane, propeller plane, fighter jet, helicopter, airship, drone, hot air balloon",
    "building": (
        "house, tower block, skyscraper, tower, castle, church, barn, hut, windmill, lighthouse, temple, pyramid, "
        "dome, igloo, factory, greenhouse, shop, kiosk, pavilion"
    ),
    "furniture": (
        "chair, sofa, table, desk, round table, low table, armchair, office chair, rocking chair, high chair, stool, "
        "pouf, bed, bunk bed, cabinet, wardrobe, chest of drawers, bedside table, shelf, bookshelf, bench"
    ),
    "plant": "tree, conifer, palm tree, bare tree, bush, hedge, potted plant, flower, rose, tulip, cactus",
    "seat": "chair, sofa, armchair, office chair, rocking chair, stool, pouf, bench",
}
PLANS = {name: frozenset(plans.split(", ")) for name, plans in _PLANS.items()}
# What each general word is said of; "" of anything.
_MEANS = {
    **dict.fromkeys("animal creature beast pet critter predator".split(), "animal"),
    **dict.fromkeys("bird".split(), "bird"),
    **dict.fromkeys("vehicle automobile ride".split(), "vehicle"),
    **dict.fromkeys("boat ship vessel craft".split(), "boat"),
    **dict.fromkeys("aircraft plane".split(), "aircraft"),
    **dict.fromkeys("building structure construction edifice".split(), "building"),
    **dict.fromkeys(("furniture", "piece of furniture"), "furniture"),
    **dict.fromkeys("plant".split(), "plant"),
    **dict.fromkeys("seat".split(), "seat"),
    **dict.fromkeys("person figure character subject owner".split(), "person"),
    **dict.fromkeys("man woman guy lady boy girl kid child".split(), "human"),
    **dict.fromkeys("object thing item element".split(), ""),
}
_PLURALS = {"people": "person", "men": "man", "women": "woman", "children": "child"}


def general(word: str) -> str | None:
    """The general word that `word` is, in the singular; None for any other."""
    for single in (word, _PLURALS.get(word, ""), word.removesuffix("s")):
        if single in _MEANS:
            return single
    return None


_HUMANS = frozenset("man woman guy lady boy girl kid child".split())


def differ(word: str, said: str) -> bool:
    """Whether both are words for humans, and not the same: "the girl" is no man that was named before."""
    return word in _HUMANS and said in _HUMANS and word != said


def means(word: str, entry: Noun | None) -> bool:
    """Whether a general word, in the singular, can be said of a noun of the lexicon."""
    wanted = _MEANS[word]
    return not wanted or (entry is not None and entry.plan in PLANS[wanted])
