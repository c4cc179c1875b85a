"""`python -m spatialfusion.evaluate.judges.accuracy`: how far can the scene judge be trusted?

Scenes that training never saw (held-out pairs of colour and kind) are rendered, and also sent through the tiny model's
autoencoder, as its images are. The judge's scores of statements and edits are held against the exact ones.

Statements: every one that `propose` finds in a scene, and for each of them an altered one, with another relation of its
sub-domain or a value that is 0.4 to 3 times the true one (uniform in the logarithm). Edits: the edited scene, the scene
as it was, and a scene that was edited otherwise, each as an answer to the instruction. A score passes from 0.5 on;
agreement is the share of cases in which both scores pass or both fail. An object that the judge does not find scores 0.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from ...errors import run_command
from ...files import atomic_file
from ...needed import needed
from ...progress import progress_bar
from ...scenes.edits import Edit, EditPair, apply_edit, sample_edit, score_edit
from ...scenes.render import render
from ...scenes.sample import sample_scene, well_composed
from ...scenes.scene import COLORS, KINDS, Scene
from ...scenes.statements import RELATIONS, Observation, ObservedObject, Statement, observe, propose, score, side_angle
from .judge import Asked, Judge, Seen
from .scene import EMBEDDED, SceneJudge

SCENES, EDITS = 1000, 400
PASS = 0.5
RELIABLE = 0.95
FILE_NAME = "accuracy.json"
PART = 64  # scenes that are judged at a time


def reliability(path: str | Path = EMBEDDED / FILE_NAME) -> dict[str, float]:
    """Agreement of the judge with exact scores by sub-domain, such as "camera_pose" or "edit/move", on images that
    went through the autoencoder. Below RELIABLE a score should be marked as unreliable."""
    report = json.loads(Path(path).read_text(encoding="utf-8"))
    return {name: figures["agreement"] for name, figures in report["restored"]["scores"].items()}


# Cases ---------------------------------------------------------------------------------------------------------------


def draw_statements(scene: Scene, rng: random.Random) -> list[Statement]:
    """The true statements of a scene, each followed by an altered one."""
    found = []
    for statement in propose(scene):
        if statement.value is None:
            others = [relation for relation in RELATIONS[statement.domain] if relation != statement.relation]
            altered = replace(statement, relation=rng.choice(others))
        else:
            altered = replace(statement, value=statement.value * math.exp(rng.uniform(math.log(0.4), math.log(3))))
        found += [statement, altered]
    return found


def edit_answers(pair: EditPair, rng: random.Random) -> list[Scene]:
    """Scenes that someone may give as the answer to the edit: right, unchanged, and changed otherwise (if one fits)."""
    answers = [pair.target, pair.source]
    for _ in range(20):
        other = _edited_otherwise(pair, rng)
        if other is not None and well_composed(other):
            return [*answers, other]
    return answers


def _edited_otherwise(pair: EditPair, rng: random.Random) -> Scene | None:
    source, edit = pair.source, pair.edit
    if edit.kind == "add":
        way = rng.choice(("left", "right", "closer", "farther"))
        far = math.dist(pair.target.camera.position, edit.thing.position)
        return apply_edit(pair.target, Edit("move", len(source.objects), way, rng.uniform(0.1, 0.5) * far))
    if edit.kind == "remove":
        others = [i for i in range(len(source.objects)) if i != edit.index]
        return apply_edit(source, Edit("remove", rng.choice(others)))
    if edit.kind == "recolor":
        taken = {edit.color, *(thing.color for thing in source.objects)}
        return apply_edit(source, replace(edit, color=rng.choice([color for color in COLORS if color not in taken])))
    if edit.value is not None and rng.random() < 0.5:
        return apply_edit(source, replace(edit, value=edit.value * math.exp(rng.uniform(math.log(0.4), math.log(2.5)))))
    ways = {
        "move": ("left", "right", "closer", "farther"),
        "camera": ("left", "right", "forward", "back") if edit.index is None else ("front", "back", "left", "right"),
        "rotate": ("front", "back", "left", "right"),
        "resize": (edit.direction,),
    }[edit.kind]
    return apply_edit(source, replace(edit, direction=rng.choice(ways)))


# What the judge says --------------------------------------------------------------------------------------------------


def names(scene: Scene) -> list[Asked]:
    return [Asked(thing.kind, thing.color) for thing in scene.objects]


def judged_score(seen: Seen, statement: Statement) -> float:
    """Of a statement whose objects were asked for in the order of its indices; 0 where one of them was not found."""
    objects = [None if one is None else one.observed for one in seen.objects]
    if any(objects[i] is None for i in (statement.subject, statement.reference) if i is not None):
        return 0.0
    nowhere = ObservedObject((0.0, 0.0, 1.0))  # not looked at by this statement
    return score(Observation(tuple(one or nowhere for one in objects)), statement)


def asked_after(source: Scene, edit: Edit) -> list[Asked]:
    """What to look for in the answer to an edit: the objects that should be there, then the one that should not."""
    gone = names(source)[edit.place : edit.place + 1] if edit.kind == "remove" else []
    return names(apply_edit(source, edit)) + gone


def judged_edit(before: Seen, after: Seen, edit: Edit) -> float:
    """The score of an edit; `before` was asked for the source's objects, `after` as `asked_after` says."""
    objects = after.objects
    if edit.kind == "remove":
        if objects[-1] is not None:
            return 0.0
        objects = objects[:-1]
    source, target = before.observation, replace(after, objects=objects).observation
    return 0.0 if source is None or target is None else score_edit(source, target, edit)


# Figures --------------------------------------------------------------------------------------------------------------


def object_figures(judge: Judge, scenes: Sequence[Scene], images: Sequence[Tensor], masks: Sequence[Tensor]) -> dict:
    """How well objects are found and measured.

    Args:
        masks: for each scene the instance map [H, W] (-1: none).
    """
    rng = random.Random(0)
    seen = judge.look(images, [names(scene) for scene in scenes])
    values: dict[str, list[float]] = defaultdict(list)
    for scene, one, instance in zip(scenes, seen, masks):
        values["surplus"].append(float(one.surplus > 0))
        values["hfov_error_degrees"].append(abs(needed(one.hfov) - scene.camera.hfov))
        for number, (thing, exact, found) in enumerate(zip(scene.objects, observe(scene).objects, one.objects)):
            values["recall"].append(float(found is not None))
            if found is None:
                continue
            own, far = instance == number, math.hypot(*exact.position)
            values["mask_iou"].append(float((own & found.mask).sum() / (own | found.mask).sum()))
            values["distance_error"].append(abs(math.hypot(*found.observed.position) / far - 1))
            values["position_error"].append(math.dist(found.observed.position, exact.position) / far)
            values["size_error"] += [abs(a / b - 1) for a, b in zip(found.observed.extents, exact.extents)]
            if KINDS[thing.kind].has_front:
                angle = side_angle(found.observed, "front", (exact.facing[0], exact.facing[2]))
                values["front_error_degrees"].append(angle)
                values["front_within_15"].append(float(angle <= 15))
    for key, ask in (("false_kind", wrong_kind), ("false_color", wrong_color), ("false_swap", swapped)):
        absent = [ask(scene, rng) for scene in scenes]
        for one in judge.look(images, absent):
            values[key] += [float(found is not None) for found in one.objects]
    medians = ("distance_error", "position_error", "size_error", "front_error_degrees", "hfov_error_degrees")
    return {
        **{f"{key}_median" if key in medians else key: _middle(key in medians, v) for key, v in values.items()},
        "scenes": len(scenes),
    }


def _middle(median: bool, values: list[float]) -> float:
    return round((torch.tensor(values).median() if median else torch.tensor(values).mean()).item(), 4)


def wrong_kind(scene: Scene, rng: random.Random) -> list[Asked]:
    """An object's colour on a kind that the scene has not."""
    kinds = [kind for kind in KINDS if all(kind != thing.kind for thing in scene.objects)]
    return [Asked(rng.choice(kinds), rng.choice(scene.objects).color)]


def wrong_color(scene: Scene, rng: random.Random) -> list[Asked]:
    colors = [color for color in COLORS if all(color != thing.color for thing in scene.objects)]
    return [Asked(rng.choice(scene.objects).kind, rng.choice(colors))]


def swapped(scene: Scene, rng: random.Random) -> list[Asked]:
    """Kinds and colours that are there, but not together; nothing where all objects are of one kind."""
    there = {(thing.kind, thing.color) for thing in scene.objects}
    return [Asked(a.kind, b.color) for a in scene.objects for b in scene.objects if (a.kind, b.color) not in there][:1]


def score_figures(cases: Iterable[tuple[str, float, float]]) -> dict[str, dict[str, float]]:
    """By sub-domain, of (sub-domain, exact score, judged score)."""
    sorted_cases: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for domain, exact, judged in cases:
        sorted_cases[domain].append((exact, judged))
    figures = {}
    for domain, pairs in sorted_cases.items():
        agreed = [(exact >= PASS) == (judged >= PASS) for exact, judged in pairs]
        figures[domain] = {
            "agreement": round(sum(agreed) / len(pairs), 4),
            "score_difference": round(sum(abs(exact - judged) for exact, judged in pairs) / len(pairs), 4),
            "exact_mean": round(sum(exact for exact, _ in pairs) / len(pairs), 4),
            "judged_mean": round(sum(judged for _, judged in pairs) / len(pairs), 4),
            "cases": len(pairs),
        }
    return figures


def statement_cases(judge: Judge, scenes: Sequence[Scene], images: Sequence[Tensor]) -> list[tuple[str, float, float]]:
    seen = judge.look(images, [names(scene) for scene in scenes])
    cases = []
    for number, (scene, one) in enumerate(zip(scenes, seen)):
        for statement in draw_statements(scene, random.Random(f"statements {number}")):
            cases.append((statement.domain, score(scene, statement), judged_score(one, statement)))
    return cases


def edit_cases(
    judge: Judge, pairs: Sequence[EditPair], show: Callable[[list[Scene]], Tensor]
) -> list[tuple[str, float, float]]:
    """`show` makes images [B, 3, H, W] of scenes."""
    cases = []
    for number, pair in enumerate(pairs):
        source, edit = pair.source, pair.edit
        answers = edit_answers(pair, random.Random(f"answers {number}"))
        images = list(show([source, *answers]))
        before, *after = judge.look(images, [names(source)] + [asked_after(source, edit)] * len(answers))
        domain = "edit/view" if edit.kind == "camera" and edit.index is not None else f"edit/{edit.kind}"
        for answer, one in zip(answers, after):
            cases.append((domain, score_edit(source, answer, edit), judged_edit(before, one, edit)))
    return cases


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m spatialfusion.evaluate.judges.accuracy", description=__doc__)
    parser.add_argument("--judge", type=Path, default=None, help="folder of a judge; the embedded one without")
    parser.add_argument("--out", type=Path, default=Path("outputs/judge-accuracy"), help=f"folder for {FILE_NAME}")
    parser.add_argument("--scenes", type=int, default=SCENES)
    parser.add_argument("--edits", type=int, default=EDITS)
    parser.add_argument("--size", type=int, default=128, help="side of the images in pixels")
    options = parser.parse_args(arguments)

    judge = SceneJudge.load(options.judge)
    restore = _restorer()

    def rendered(scenes: list[Scene]) -> Tensor:
        return needed(render(scenes, (options.size, options.size)).image)

    scenes = [sample_scene(seed, "test") for seed in range(options.scenes)]
    images: list[Tensor] = []
    maps: list[Tensor] = []
    for start in progress_bar(range(0, len(scenes), PART), what="render"):
        rendering = render(scenes[start : start + PART], (options.size, options.size))
        images += needed(rendering.image)
        maps += rendering.instance
    pairs = [sample_edit(seed, "test") for seed in range(options.edits)]
    report: dict = {"settings": {"scenes": options.scenes, "edits": options.edits, "size": options.size, "pass": PASS}}
    for name, show in (("rendered", rendered), ("restored", lambda scenes: restore(rendered(scenes)))):
        if name == "restored":
            images = [image for part in torch.stack(images).split(PART) for image in restore(part)]
        cases = statement_cases(judge, scenes, images)
        cases += edit_cases(judge, progress_bar(pairs, what=f"edits, {name}", unit="pair"), show)
        report[name] = {"objects": object_figures(judge, scenes, images, maps), "scores": score_figures(cases)}
    with atomic_file(options.out / FILE_NAME) as temporary:
        temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(table(report))
    print(f"wrote {options.out / FILE_NAME}")


def table(report: dict) -> str:
    """The agreements as lines of text."""
    lines = [f"{'sub-domain':20} rendered restored  difference  cases"]
    for name, figures in report["rendered"]["scores"].items():
        other = report["restored"]["scores"][name]
        mark = "" if other["agreement"] >= RELIABLE else "  unreliable"
        lines.append(
            f"{name:20} {figures['agreement']:8.3f} {other['agreement']:8.3f} {other['score_difference']:11.3f} "
            f"{other['cases']:6}{mark}"
        )
    for key, value in report["rendered"]["objects"].items():
        lines.append(f"{key:28} {value:8.4f} {report['restored']['objects'][key]:8.4f}")
    return "\n".join(lines)


def _restorer() -> Callable[[Tensor], Tensor]:
    """Images through the embedded autoencoder and back."""
    from ...backbones.autoencoder_2d import Autoencoder2D
    from ...generate import TINY
    from ...latents import decode_latents, encode_latents, load_vae

    vae = Autoencoder2D.from_video(load_vae(TINY / "vae"))
    return torch.no_grad()(lambda images: decode_latents(vae, encode_latents(vae, images)))


if __name__ == "__main__":
    run_command(main)
