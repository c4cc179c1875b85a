"""What common nouns mean in metres: which body plan, how large, what colour, where it belongs.

The nouns are in lexicon.tsv, which is read when the first of them is asked for. A noun is found by its singular, its
plural and its synonyms; capitals, hyphens and repeated spaces do not matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import suggest
from .body_plans import BODY_PLANS, FRONTLESS

FILE = Path(__file__).with_name("lexicon.tsv")
# Adjectives that depth cannot show: materials, ages and states, surfaces, patterns, styles, looks and moods, kinds.
# Colours, sizes and places are not among them. A noun may be: "glass table".
ATTRIBUTES: frozenset[str] = frozenset(
    """
    aluminium aluminum bamboo brass brick brushed canvas cardboard cast-iron ceramic chrome chromed clay concrete
    cork corrugated cotton crystal denim earthen enamel enamelled felt fiberglass fibreglass frosted fur furry
    galvanised glass glazed granite iron jade knitted lace lacquered laminated leather linen mahogany marble metal
    metallic mosaic oak oaken paper papier-mâché pewter pine plaster plastic plush porcelain quilted rattan rubber
    sandstone satin silk silken slate stainless steel stone stucco suede terracotta thatched tiled tin titanium
    translucent transparent varnished velvet vinyl walnut waxed wicker wood wooden wool woolen woollen woven
    wrought-iron
    abandoned aged ancient antique battered blooming blossoming burned burning burnt charred chipped clean cracked
    creased crumbling crumpled damaged damp decayed decaying dented derelict dilapidated dirty discarded dry dusty
    faded filthy flowering frayed fresh frozen grimy handmade homemade icy leafless leafy messy moldy mossy mouldy
    muddy neglected new oiled old overgrown peeling polished pristine restored ripe ripped rotten ruined run-down
    rusted rusty scratched scuffed shabby snow-covered snowy soaked soiled spotless stained tarnished tattered
    threadbare torn unfinished unripe untidy vintage weathered well-kept wet wilted withered worn worn-out wrinkled
    young
    bright brilliant bumpy coarse crisp dark dim dull fluffy foamy fuzzy gleaming glittering glittery glossy glowing
    grainy hairy illuminated iridescent lit luminous matt matte opaque painted pearly pixelated powdery reflective
    rough scaly see-through shaded shaggy sheer shimmering shiny silky sleek slick slimy slippery smoky smooth soft
    sparkling sparkly spiky sunlit textured unlit velvety
    banded camouflaged checked checkered chequered dappled decorated dotted embroidered engraved etched floral
    flowered flowery freckled geometric graffitied hand-painted marbled monochrome mottled multi-colored
    multi-coloured multicolored multicoloured ornamental ornate paisley patched patchwork patterned pied pinstriped
    plaid polka-dot polka-dotted printed psychedelic rainbow-colored rainbow-coloured speckled spotted spotty starry
    streaked striped stripy tartan tattooed tie-dyed two-tone two-toned unpainted variegated wavy zigzag
    abstract arabic art-deco asian baroque bohemian boho cartoon cartoonish carved chic chinese classic classical
    contemporary cosy cozy cubist cyberpunk designer edwardian egyptian elegant european exotic fancy fantasy
    fashionable festive folk formal french futuristic georgian german gothic greek hand-carved high-tech hipster
    historic historical indian industrial italian japanese kitschy lavish luxurious luxury majestic medieval mexican
    minimal minimalist minimalistic modern modernist moroccan neoclassical nordic opulent oriental ornamented plain
    posh punk quaint realistic regal renaissance retro rococo romantic royal russian rustic scandinavian sci-fi
    simple sophisticated spanish steampunk sturdy stylised stylish stylized surreal tasteful traditional trendy
    tribal turkish unadorned urban vibrant victorian western wintry
    adorable aggressive alert angry anxious attractive awesome awkward bald bearded beautiful blond blonde bored
    lone jagged rugged burly rocky lush towering gnarled colorful colourful steep solitary winding slender plump chubby
    stout sunny misty foggy sandy grassy craggy angular intricate ergonomic leathery intact
    brave brunette busy calm charming cheerful confident creepy curious curly-haired cute dangerous delicate
    delicious dramatic dreamy eerie elderly energetic enigmatic excited famous fearless ferocious fierce friendly
    funny gentle ghostly glamorous gloomy good-looking gorgeous graceful grim grumpy handsome happy haunted hungry
    innocent inviting joyful juicy laughing lazy lonely lovable lovely lucky magical melancholic melancholy menacing
    mischievous moody muscular mysterious nervous noble noisy odd ordinary peaceful pensive playful pleasant poor
    powerful pretty proud quiet radiant relaxed rich sad scared scary serene serious shy silent silly sinister
    sleepy smiling solemn spooky stern strange strong stunning surprised sweet tame tasty tired typical ugly unusual
    warm wealthy weird whimsical wild wise worried
    alpine automatic baked broken cheap cold comfortable commercial cooked custom domestic domesticated edible
    electric electrical electronic empty expensive fried gilded grilled handcrafted heavy hot lightweight mechanical
    military motorised motorized natural organic padded parked portable private professional public racing
    radioactive raw roasted robotic rural scented sliced solar-powered stuffed tropical upholstered wireless
    """.split()
)


@dataclass(frozen=True)
class Noun:
    """One line of the lexicon.

    name: the singular, one word or several. plan: a key of BODY_PLANS. size: width across the front, height and length
    in metres. color: the usual one, a name of COLORS or SHADES. place: "floor", "wall" (hangs on a wall), "top" (stands
    on furniture) or "air".
    """

    name: str
    plan: str
    size: tuple[float, float, float]
    plural: str
    synonyms: tuple[str, ...]
    color: str
    place: str


def noun(word: str) -> Noun | None:
    """The noun of which `word` is the singular, the plural or a synonym; None when there is none."""
    return _lexicon()[1].get(_key(word))


def singular(word: str) -> str:
    """The singular of a word of the lexicon, its name or a synonym: "women" gives "woman"."""
    return _lexicon()[2][_key(word)]


def words() -> tuple[str, ...]:
    """Every word that means a noun: singulars, plurals and synonyms, with spaces for hyphens."""
    return tuple(_lexicon()[1])


def suggest_noun(word: str) -> str:
    """Return " (did you mean 'x'?)" for the word of the lexicon nearest to `word`, or an empty string."""
    return suggest(_key(word), _lexicon()[1])


def has_front(plan: str) -> bool:
    """Whether one side of the body plan is its front; False for a name that is no plan."""
    return plan in BODY_PLANS and plan not in FRONTLESS


def plural_of(word: str) -> str:
    """The regular plural of an English noun."""
    if re.search(r"(s|x|z|ch|sh)$", word):
        return word + "es"
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + "s"


def _key(word: str) -> str:
    return " ".join(word.lower().replace("-", " ").split())


@cache
def _lexicon() -> tuple[dict[str, Noun], dict[str, Noun], dict[str, str]]:
    """The nouns by name, and by every word that means one of them; and the singular of each such word."""
    nouns: dict[str, Noun] = {}
    words: dict[str, Noun] = {}
    singulars: dict[str, str] = {}
    _, *lines = FILE.read_text(encoding="utf-8").splitlines()
    for line in lines:
        name, plural, synonyms, plan, width, height, length, color, place = line.split("\t")
        # "man/men": a synonym with an irregular plural.
        pairs = [synonym.partition("/")[::2] for synonym in synonyms.split(", ") if synonym]
        entry = Noun(
            name=name,
            plan=plan,
            size=(float(width), float(height), float(length)),
            plural=plural or plural_of(name),
            synonyms=tuple(synonym for synonym, _ in pairs),
            color=color,
            place=place,
        )
        nouns[name] = entry
        for single, several in ((name, entry.plural), *pairs):
            for word in (single, several or plural_of(single)):
                words[_key(word)], singulars[_key(word)] = entry, single
    return nouns, words, singulars


def __getattr__(name: str) -> Any:
    # So that the file is read when it is needed, not at import.
    if name == "NOUNS":
        return _lexicon()[0]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


NOUNS: dict[str, Noun]
