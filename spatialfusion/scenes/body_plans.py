"""Body plans: what things look like, each a few convex primitives in the unit frame of kinds.py.

`like giraffe` in a scene text and the nouns of lexicon.tsv mean these by name. The drawings are in plans/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from .kinds import PRIMITIVES
from .primitives import Primitive
from .scene import KINDS


class _BodyPlans(Mapping[str, tuple[Primitive, ...]]):
    """The kinds' primitives and the drawings, which are read and fitted when they are asked for."""

    def __init__(self) -> None:
        self._plans = dict(PRIMITIVES)

    @cached_property
    def _drawings(self) -> dict:
        # Some thousand primitives, which a scene of the usual kinds never needs.
        from .plans import (
            animals,
            buildings,
            clothes,
            electronics,
            food,
            furniture,
            household,
            music,
            nature,
            people,
            play,
            tools,
            vehicles,
        )

        return {
            **people.PEOPLE,
            **animals.ANIMALS,
            **vehicles.VEHICLES,
            **nature.PLANTS,
            **buildings.BUILDINGS,
            **furniture.FURNITURE,
            **household.HOUSEHOLD,
            **food.FOOD,
            **music.MUSIC,
            **play.PLAY,
            **tools.TOOLS,
            **clothes.CLOTHES,
            **electronics.ELECTRONICS,
        }

    def __getitem__(self, name: str) -> tuple[Primitive, ...]:
        if name not in self._plans:
            from .plans.strokes import fit

            self._plans[name] = fit(self._drawings[name])
        return self._plans[name]

    def __contains__(self, name: object) -> bool:
        return name in PRIMITIVES or name in self._drawings

    def __iter__(self) -> Iterator[str]:
        yield from PRIMITIVES
        yield from self._drawings

    def __len__(self) -> int:
        return len(PRIMITIVES) + len(self._drawings)


BODY_PLANS: Mapping[str, tuple[Primitive, ...]] = _BodyPlans()

# Plans of which no side is the front.
FRONTLESS: frozenset[str] = frozenset(
    {
        *(name for name, kind in KINDS.items() if not kind.has_front),
        *("jellyfish", "canoe", "kayak", "train car", "skateboard", "hot air balloon", "flying saucer", "rocket"),
        *("conifer", "palm tree", "bare tree", "bush", "hedge", "potted plant", "rose", "tulip", "cactus", "mushroom"),
        *("grass", "wheat", "log", "stump", "rock", "mountain", "cloud", "campfire", "pyramid", "wall", "fence"),
        *("gate", "arch", "bridge", "parasol", "pavilion", "lantern post", "picnic table", "fountain", "well"),
        *("column", "obelisk", "cross", "trash can", "swing", "seesaw", "pool", "trampoline", "water tower"),
        *("ferris wheel", "flag", "round table", "low table", "stool", "pouf", "cradle", "floor lamp", "table lamp"),
        *("hanging lamp", "chandelier", "rug", "curtain", "radiator", "coat rack", "ironing board", "hammock"),
        *("wine glass", "tumbler", "plate", "bowl", "fruit bowl", "pot", "covered pot", "jar", "vase", "bucket"),
        *("basket", "crate", "cardboard box", "parcel", "gift", "book", "stack of books", "open book", "sheet"),
        *("shopping bag", "sack", "pillow", "blanket", "towel", "candle", "candlestick", "lantern", "light bulb"),
        *("rolling pin", "umbrella", "broom", "mop", "toaster", "scales", "hourglass", "knife", "fork", "spoon"),
        *("scissors", "sponge", "roll", "can", "carton", "keg", "tire", "ring", "wagon wheel", "anchor", "bell"),
        *("globe", "trophy", "crown", "coin", "gem", "ball on a stand", "apple", "pear", "round fruit", "melon"),
        *("lemon", "banana", "cherries", "grapes", "pineapple", "strawberry", "carrot", "corn", "pepper", "eggplant"),
        *("cabbage", "broccoli", "pumpkin", "egg", "bread", "baguette", "bun", "croissant", "pretzel", "donut"),
        *("cookie", "cupcake", "cake", "tiered cake", "wedge", "cheese", "pizza", "hamburger", "hot dog", "sandwich"),
        *("french fries", "ice cream cone", "ice pop", "lollipop", "candy", "sushi", "roast chicken", "drumstick"),
        *("steak", "sausage", "pancakes", "bowl of food", "plate of food", "drum", "flute", "record", "toy blocks"),
        *("studded brick", "spinning top", "balloon", "football", "bowling ball", "bowling pin", "racket"),
        *("table tennis bat", "baseball bat", "hockey stick", "golf club", "surfboard", "skis", "snowboard"),
        *("dumbbell", "barbell", "billiard table", "table tennis table", "chess board", "chess piece", "die"),
        *("hammer", "axe", "pickaxe", "saw", "screwdriver", "wrench", "shovel", "rake", "pitchfork", "paintbrush"),
        *("pencil", "stick", "stick upright", "key", "padlock", "sword", "bow", "bomb", "hat", "top hat"),
        *("party hat", "skirt", "glove", "tie", "watch", "crutch", "cane", "gear", "magnet", "heart", "cylinder"),
        *("slab", "headphones", "remote", "bunk bed", "shorts", "dress", "bow tie", "sewing machine"),
    }
)
