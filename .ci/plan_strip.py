"""Draws docs/images/plan.jpg, the strip that opens the README: sentences, their scene texts, images and depth.

    python .ci/plan_strip.py

Run it again whenever the reader, the solver or the shapes change.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from spatialfusion.geometry.depth_image import depth_figure  # noqa: E402
from spatialfusion.images import to_image  # noqa: E402
from spatialfusion.planner.plan import plan  # noqa: E402

SENTENCES = {
    "a giraffe two metres behind a red jeep, seen from the left": 0,
    "a round table with four chairs around it in a room, a guitar against the wall": 1,
    "a lighthouse behind a sailing boat; a woman stands to the left of it, her dog in front of her": 3,
}
TEXT, WIDTH, HEIGHT, GAP = 400, 384, 288, 12
INK, FADED = (30, 33, 38), (95, 102, 112)


def main() -> None:
    rows = [row(sentence, seed) for sentence, seed in SENTENCES.items()]
    sheet = Image.new("RGB", (rows[0].width, sum(r.height for r in rows) + GAP * (len(rows) - 1)), "white")
    top = 0
    for one in rows:
        sheet.paste(one, (0, top))
        top += one.height + GAP
    path = ROOT / "docs" / "images" / "plan.jpg"
    sheet.save(path, quality=88)
    print(path)


def row(sentence: str, seed: int) -> Image.Image:
    planned = plan(sentence, seed, (WIDTH, HEIGHT))
    picture = to_image(planned.image[0])
    depth = depth_figure(planned.geometry)
    depth = depth.resize((round(depth.width * HEIGHT / depth.height), HEIGHT), Image.Resampling.LANCZOS)
    strip = Image.new("RGB", (TEXT + WIDTH + GAP + depth.width, HEIGHT), "white")
    draw = ImageDraw.Draw(strip)
    top = 14
    for text, size, color, columns in ((sentence, 20, INK, 36), (planned.text.strip(), 15, FADED, 48)):
        font = ImageFont.load_default(size)
        for line in text.splitlines():
            for part in textwrap.wrap(line, columns) or [""]:
                draw.text((6, top), part, fill=color, font=font)
                top += round(size * 1.4)
        top += 16
    strip.paste(picture, (TEXT, 0))
    strip.paste(depth, (TEXT + WIDTH + GAP, 0))
    return strip


if __name__ == "__main__":
    main()
