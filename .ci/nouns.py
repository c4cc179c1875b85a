"""Draws the sheet of nouns that docs/scene-text.md shows: of each its image, and its depth as a ControlNet gets it.

    python .ci/nouns.py docs/images/nouns.jpg [--tile 160] [--only giraffe bicycle]

Run it again whenever the body plans change, and look whether each can still be told by its depth alone.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from spatialfusion.files import atomic_file  # noqa: E402
from spatialfusion.geometry.depth_image import disparity_image  # noqa: E402
from spatialfusion.images import to_image  # noqa: E402
from spatialfusion.planner.plan import Plan, plan, plan_text  # noqa: E402
from spatialfusion.scenes.lexicon import noun  # noqa: E402

# None of them is among the fifteen kinds of the rendered world. What is more than one thing is a sentence.
NOUNS = (
    "giraffe",
    "elephant",
    "horse",
    "cat",
    "duck",
    "penguin",
    "butterfly",
    "shark",
    "sitting person",
    "bicycle",
    "motorcycle",
    "tractor",
    "steam locomotive",
    "sailing boat",
    "airplane",
    "helicopter",
    "palm tree",
    "cactus",
    "castle",
    "windmill",
    "bridge",
    "street lamp",
    "bed",
    "armchair",
    "bookshelf",
    "grand piano",
    "guitar",
    "umbrella",
    "teapot",
    "four chairs around a dining table, seen from above",
)
SENTENCES = {"four chairs around a dining table, seen from above": 3}  # read, with this seed
YAW = 325.0  # a quarter view from its own left
COLUMNS, LABEL, GAP = 5, 18, 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--tile", type=int, default=160, help="pixels of an image (default: 160)")
    parser.add_argument("--only", nargs="+", default=NOUNS, metavar="NOUN")
    options = parser.parse_args()
    tile, count = options.tile, len(options.only)
    columns = min(COLUMNS, count)
    cell = 2 * tile + GAP, tile + LABEL
    sheet = Image.new("RGB", (columns * cell[0] - GAP, -(-count // columns) * cell[1]), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for number, name in enumerate(options.only):
        left, top = number % columns * cell[0], number // columns * cell[1]
        draw.text((left + 2, top + 1), name, "black", font)
        made = view(name, tile)
        grey = disparity_image(made.geometry)[0].expand(3, -1, -1)
        for place, image in enumerate((made.image[0], grey)):
            sheet.paste(to_image(image), (left + place * tile, top + LABEL))
    with atomic_file(options.file) as temporary:
        sheet.save(temporary, quality=85)
    print(options.file, f"{options.file.stat().st_size / 1000:.0f} kB")


def view(name: str, size: int) -> Plan:
    """The thing alone, a little from above, as large as the image allows."""
    if name in SENTENCES:
        return plan(name, SENTENCES[name], (size, size))
    found = noun(name)
    assert found is not None, f"the lexicon has no {name}"
    width, height, length = found.size
    fov, pitch = 40.0, 12.0
    # A ball round it, with a little room.
    radius = 0.52 * math.sqrt(width**2 + height**2 + length**2)
    distance = radius / math.sin(math.radians(fov / 2))
    forward = distance * math.cos(math.radians(pitch))
    camera = max(0.02, height / 2 + distance * math.sin(math.radians(pitch)))
    text = f"camera height {camera:.3f} pitch {pitch} fov {fov}\n{name} at 0 {forward:.3f} yaw {YAW}"
    return plan_text(text, size=(size, size))


if __name__ == "__main__":
    main()
