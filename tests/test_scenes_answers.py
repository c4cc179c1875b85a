"""Scene texts as an LLM answers them: they promise what the caption said, and show what the image shows."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialfusion.scenes.answers import numbers_answer, program_of, relations_answer, seen_from_camera
from spatialfusion.scenes.captions import caption
from spatialfusion.scenes.language import read_scene_text
from spatialfusion.scenes.program import program_statements
from spatialfusion.scenes.render import render
from spatialfusion.scenes.sample import sample_scene
from spatialfusion.scenes.statements import Statement
from spatialfusion.scenes.text import scene_from_text


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31))
def test_relations_promise_what_the_caption_said(seed):
    scene = sample_scene(seed)
    said = caption(scene, torch.Generator().manual_seed(seed)).statements
    program = read_scene_text(relations_answer(scene, said))
    promised = {statement for _, statement in program_statements(program)}
    assert set(said) <= promised
    assert [(thing.noun, thing.color) for thing in program.things] == [(t.kind, t.color) for t in scene.objects]
    assert read_scene_text(relations_answer(scene, said)) == program_of(scene, said)


def test_an_answer_follows_the_words_of_its_caption():
    scene = next(s for s in map(sample_scene, range(100)) if len(s.objects) == 3 and s.environment == "room")
    names = [f"{thing.color} {thing.kind}" for thing in scene.objects]
    text = f"a {names[2]}, a {names[0]} and a {names[1]}"
    for words, place in ((text, ""), (f"{text} in a room", "room")):
        program = read_scene_text(relations_answer(scene, [], words))
        assert [f"{thing.color} {thing.noun}" for thing in program.things] == [names[2], names[0], names[1]]
        assert program.place == place
    said = [Statement("egocentric", "left", 0, 1), Statement("camera_pose", "front", 1)]
    program = read_scene_text(relations_answer(scene, said, text))
    promised = {statement for _, statement in program_statements(program)}
    assert promised == {Statement("egocentric", "left", 1, 2), Statement("camera_pose", "front", 2)}


def test_numbers_show_the_same_view():
    shares, errors = [], []
    for seed in range(40):
        scene = sample_scene(seed)
        read = scene_from_text(numbers_answer(scene)).scene
        assert [thing.size for thing in read.objects] == [thing.size for thing in seen_from_camera(scene).objects]
        drawn, wanted = (render([each], (64, 64), samples=1) for each in (read, scene))
        both = (drawn.instance[0] >= 0) & (wanted.instance[0] >= 0)
        either = (drawn.instance[0] >= 0) | (wanted.instance[0] >= 0)
        shares.append((both.sum() / either.sum()).item())
        errors.append(((drawn.depth[0] - wanted.depth[0]).abs() / wanted.depth[0])[both].median().item())
    # Rounded to decimetres and degrees; mirrored or turned scenes share about a third.
    assert sum(shares) / len(shares) > 0.9
    assert max(errors) < 0.05
