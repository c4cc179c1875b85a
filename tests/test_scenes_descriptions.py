"""Complete descriptions: they are true, and they name everything that an image shows."""

from __future__ import annotations

import dataclasses

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialfusion.scenes import descriptions
from spatialfusion.scenes.descriptions import full_caption
from spatialfusion.scenes.sample import sample_scene
from spatialfusion.scenes.statements import score
from spatialfusion.scenes.vocabulary import unknown_words


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31))
def test_a_description_is_true_and_in_the_vocabulary(seed):
    scene = sample_scene(seed)
    said = full_caption(scene, torch.Generator().manual_seed(seed))
    assert all(score(scene, statement) == 1.0 for statement in said.statements)
    assert unknown_words(said.text) == []
    for thing in scene.objects:
        assert f"{thing.color} {thing.kind}" in said.text


def test_it_says_where_how_large_and_in_what_light(monkeypatch):
    monkeypatch.setattr(descriptions, "KEEP", 1.0)
    for seed in range(40):
        scene = sample_scene(seed)
        text = full_caption(scene, torch.Generator().manual_seed(seed)).text
        setting = "in a room" if scene.environment == "room" else "outdoors"
        side = {True: "left", False: "right"}
        assert setting in text and "with tiles" in text
        if abs(scene.light[0]) > 25:
            assert f"light from the {side[scene.light[0] < 0]}" in text
        assert text.count("large") + text.count("small") + text.count("of middle size") >= len(scene.objects)


def test_near_and_far_follow_the_camera(monkeypatch):
    monkeypatch.setattr(descriptions, "KEEP", 1.0)
    scene = next(s for s in map(sample_scene, range(100)) if len(s.objects) == 2)
    text = full_caption(scene, torch.Generator().manual_seed(0)).text
    backwards = dataclasses.replace(scene, objects=scene.objects[::-1])
    names = [f"{thing.color} {thing.kind}" for thing in scene.objects]
    for said in (text, full_caption(backwards, torch.Generator().manual_seed(1)).text):
        near = [name for name in names if ", near" in said.split(name, 1)[1].split(names[1 - names.index(name)])[0]]
        assert len(near) == 1
