"""What a labelling run made: rejected.jsonl, and a report with histograms and images."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from ..files import atomic_file, write_text
from ..sheet import figure_tile, image_tile, write_sheet
from .labeller import DEPTH_BINS, FOV_BIN, note_path, shard_path
from .records import image_tensor, open_shard, read_record

SHOWN = 16
_REASONS = 12


def write_report(out: Path, shards: int, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Write rejected.jsonl, report.md and its images from the notes of all shards; returns the totals, and
    the most frequent reason of rejection."""
    notes = [json.loads(note_path(out, shard).read_text(encoding="utf-8")) for shard in range(shards)]
    totals = {name: sum(note[name] for note in notes) for name in ("items", "records", "edits")}
    rejected = [entry for note in notes for entry in note["rejected"]]
    totals["rejected"] = len(rejected)
    totals["reason"] = Counter(entry["reason"] for entry in rejected).most_common(1)[0][0] if rejected else ""
    write_text(out / "rejected.jsonl", "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in rejected))
    depth = [sum(counts) for counts in zip(*(note["depth"] for note in notes))]
    hfov = _add(note["hfov"] for note in notes)
    _save(out / "depth.png", _histogram(_depth_bars(depth), "valid pixels by depth in metres"))
    _save(out / "hfov.png", _histogram(_fov_bars(hfov), "images by horizontal field of view in degrees"))
    counts = [note["records"] for note in notes]
    if totals["records"]:
        write_sheet(out / "sheet.png", [_row(out, number) for number in _spread(counts)])
    write_text(out / "report.md", _text(plan, totals, depth, notes, rejected))
    return totals


def _text(
    plan: Mapping[str, Any], totals: Mapping[str, int], depth: Sequence[int], notes: list[dict], rejected: list[dict]
) -> str:
    def table(head: str, counts: Mapping[str, int]) -> list[str]:
        rows = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
        return [f"| {head} | records |", "|---|---|", *(f"| {name} | {count} |" for name, count in rows), ""]

    pixels = max(1, sum(depth))
    below, middle = 0, ["unknown"] * 3
    for index, count in enumerate(depth):
        for k, share in enumerate((0.05, 0.5, 0.95)):
            if below < share * pixels <= below + count:
                middle[k] = f"{DEPTH_BINS[min(index, len(DEPTH_BINS) - 1)]:.2g} m"
        below += count
    lines = [
        "# Labelled images",
        "",
        f"{totals['records']} records, {totals['edits']} of them edits, from {totals['items']} items "
        f"{'of ' + plan['input'] if plan['input'] else 'rendered'}; {totals['rejected']} rejected.",
        f"Teacher: {plan['teacher']}, weights {plan['weights']}, licence {plan['teacher_licence']}.",
        "",
        "## Depth",
        "",
        f"5 % of the valid pixels are nearer than {middle[0]}, half than {middle[1]}, 95 % than {middle[2]}.",
        "",
        "![depth](depth.png)",
        "",
        "## Field of view",
        "",
        "![field of view](hfov.png)",
        "",
        *table("field of view from", _add(note["hfov_source"] for note in notes)),
        "## Licences",
        "",
        *table("licence", _add(note["licences"] for note in notes)),
        "## Rejected",
        "",
    ]
    if rejected:
        reasons = Counter(entry["reason"] for entry in rejected).most_common()
        shown = {reason.replace("|", "/"): count for reason, count in reasons[:_REASONS]}
        rest = sum(count for _, count in reasons[_REASONS:])
        lines += table("reason", shown | ({"other reasons": rest} if rest else {}))
        lines += ["Each is listed in rejected.jsonl.", ""]
    else:
        lines += ["None.", ""]
    if totals["records"]:
        lines += ["## Images", "", "![images and depth](sheet.png)", ""]
    return "\n".join(lines)


def _row(out: Path, place: tuple[int, int]) -> tuple[str, list[Image.Image]]:
    """A row of the sheet: the image, its depth, and the source image of an edit."""
    shard, number = place
    file = open_shard(shard_path(out, shard))
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if number < rows:
            record = file.read_row_group(group).slice(number, 1).to_pylist()[0]
            break
        number -= rows
    image, geometry = read_record(record)
    tiles = [image_tile(image), figure_tile(geometry)]
    if record["source_image"] is not None:
        tiles.insert(0, image_tile(image_tensor(record["source_image"])))
    return (record["instruction"] or record["caption"])[:200], tiles


def _spread(counts: Sequence[int]) -> list[tuple[int, int]]:
    """(shard, number in it) of SHOWN records, evenly spread."""
    total = sum(counts)
    found, before = [], 0
    wanted = sorted({k * total // min(SHOWN, total) for k in range(min(SHOWN, total))})
    for shard, count in enumerate(counts):
        found += [(shard, number - before) for number in wanted if before <= number < before + count]
        before += count
    return found


def _depth_bars(depth: Sequence[int]) -> list[tuple[str, int]]:
    """Bars with a label at every decade; what is below and above all bins is at the ends."""
    labels = {round(edge, 6): f"{edge:g}" for edge in (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)}
    used = [index for index, count in enumerate(depth) if count] or [0]
    first, last = max(0, used[0] - 1), min(len(depth) - 1, used[-1] + 1)
    # A bar begins at the edge before it.
    return [(labels.get(round(DEPTH_BINS[k - 1], 6), "") if k else "", depth[k]) for k in range(first, last + 1)]


def _fov_bars(hfov: Mapping[str, int]) -> list[tuple[str, int]]:
    edges = sorted(map(int, hfov)) or [0]
    return [(str(edge), hfov.get(str(edge), 0)) for edge in range(edges[0], edges[-1] + FOV_BIN, FOV_BIN)]


def _histogram(bars: Sequence[tuple[str, int]], title: str) -> Image.Image:
    width, height, foot = max(360, 20 * len(bars) + 40), 220, 34
    image = Image.new("RGB", (width, height), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(12)
    draw.text((20, 6), title, "black", font)
    step, top, floor = (width - 40) / len(bars), 28, height - foot
    tallest = max(1, max(count for _, count in bars))
    for k, (label, count) in enumerate(bars):
        left = 20 + k * step
        if count:
            draw.rectangle((left, floor - max(1, count / tallest * (floor - top)), left + step - 2, floor), "#5002a2")
        if label:
            draw.line((left, floor, left, floor + 4), "black")
            draw.text((left, floor + 5), label, "black", font)
    draw.line((20, floor, width - 20, floor), "black")
    draw.text((width - 20, 6), f"tallest bar: {tallest}", "black", font, anchor="ra")
    return image


def _save(path: Path, image: Image.Image) -> None:
    with atomic_file(path) as temporary:
        image.save(temporary)


def _add(counts: Any) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total
