"""Whatever is wired to a node or typed into it is taken, or refused in a sentence. A few inputs of each; many hundreds
with HOSTILE_INPUTS=100."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import comfy.utils
import folder_paths
import pytest
import torch
from conftest import InputError, apply, predict, run

pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

INPUTS = int(os.environ.get("HOSTILE_INPUTS", "8"))
SIDES = st.integers(0, 9)
NUMBERS = st.one_of(
    st.sampled_from([0.0, 0.5, 1.0, -1.0, 1e-9, 1e30, math.nan, math.inf, -math.inf]),
    st.floats(-10, 200),
)
WORDS = st.one_of(
    st.text(max_size=9),
    st.sampled_from(
        ["a red car behind a blue house", "car red at 0 5", "car", "<|im_end|>", "\ud83d", "\0", "nan", "-"]
    ),
)
TEXTS = st.lists(WORDS, max_size=4).map("\n".join)


def hostile(*strategies: st.SearchStrategy, needs: str = "") -> Callable:
    """A test of a call of nodes over INPUTS inputs; it is given the inputs and, last, a fixture."""

    def decorate(call: Callable) -> Callable:
        def test(request: pytest.FixtureRequest) -> None:
            fixtures = [request.getfixturevalue(needs)] if needs else []
            health = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]

            @settings(deadline=None, max_examples=INPUTS, suppress_health_check=health, database=None)
            @given(st.tuples(*strategies))
            def over(values: tuple) -> None:
                with torch.inference_mode():
                    try:
                        check(call(*values, *fixtures))
                    except InputError as error:
                        assert "\n" not in str(error) and 0 < len(str(error)) < 400, error

            over()

        return test

    return decorate


def check(made: Any) -> None:
    """What a node gives on holds no value that the next could not take: depth is infinite where it is not valid."""
    if isinstance(made, dict) and "depth" in made:
        assert torch.equal(made["depth"].isfinite(), made["mask"]) and made["intrinsics"].isfinite().all()
        assert made["depth"][made["mask"]].min() > 0 if made["mask"].any() else True
    elif isinstance(made, torch.Tensor):
        assert made.isfinite().all()


@st.composite
def tensors(draw, dimensions: tuple[int, ...]) -> torch.Tensor:
    """Of any sizes and kinds of numbers, with some that are none."""
    count = draw(st.sampled_from(dimensions))
    shape = [draw(SIDES) for _ in range(count)]
    made = torch.rand(shape, generator=torch.Generator().manual_seed(draw(st.integers(0, 9)))) * draw(NUMBERS)
    if made.numel():
        for _ in range(draw(st.integers(0, 3))):
            made.view(-1)[draw(st.integers(0, made.numel() - 1))] = draw(NUMBERS)
    return made.to(draw(st.sampled_from([torch.float32, torch.float32, torch.float16, torch.uint8, torch.bool])))


@st.composite
def images(draw) -> torch.Tensor:
    """Mostly pictures [B, H, W, C], grey or not."""
    if draw(st.integers(0, 3)) == 0:
        return draw(tensors((2, 3, 4, 5)))
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)))
    grey = torch.rand(*shape, 1, generator=torch.Generator().manual_seed(draw(st.integers(0, 9)))) * draw(NUMBERS)
    return grey.repeat(1, 1, 1, draw(st.integers(1, 4)))


def masks() -> st.SearchStrategy:
    return st.one_of(st.none(), tensors((2, 3, 4)), st.just(torch.ones(1, 8, 8)))


@st.composite
def packets(draw) -> Any:
    """What MoGe's and DA3's nodes give, and what only looks like it."""
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)))
    usual = {
        "depth": 1 + 9 * torch.rand(shape, generator=torch.Generator().manual_seed(0)),
        "mask": torch.ones(shape, dtype=torch.bool),
        "sky": torch.zeros(shape),
        "intrinsics": torch.tensor([[0.9, 0, 0.5], [0, 0.9, 0.5], [0, 0, 1]]).repeat(shape[0], 1, 1),
        "image": torch.rand(*shape, 3),
    }
    for name in draw(st.lists(st.sampled_from(sorted(usual)), max_size=2, unique=True)):
        change = draw(st.one_of(st.none(), st.just("x"), tensors((1, 2, 3, 4))))
        if change is None:
            usual.pop(name)
        else:
            usual[name] = change
    return draw(st.sampled_from([usual, usual, usual, usual, "x", {}, []]))


@hostile(images(), packets(), st.integers(0, 7), st.sampled_from(["disparity", "inverted linear", "metres", "?"]),
         NUMBERS, NUMBERS, NUMBERS, st.booleans())  # fmt: skip
def test_import_depth(image, packet, wired, convention, near, far, hfov, zero_is_sky):
    names = ["image", "moge_geometry", "da3_geometry"]
    inputs = {name: value for name, value in zip(names, (image, packet, packet)) if wired in (names.index(name), 7)}
    inputs = inputs or {"image": image}
    widgets = {"convention": convention, "near": near, "far": far, "hfov": hfov, "zero_is_sky": zero_is_sky}
    return run("ImportDepth", **widgets, **inputs)


@hostile(packets(), packets(), st.sampled_from(["move", "scale", "flatten", "replace", "blend"]), NUMBERS, NUMBERS,
         masks())  # fmt: skip
def test_edit_depth(geometry, other, operation, amount, feather, mask):
    return run(
        "EditDepth", geometry=geometry, operation=operation, amount=amount, feather=feather, mask=mask, other=other
    )


@hostile(packets(), NUMBERS, NUMBERS, st.integers(-1, 99), masks(), masks())
def test_measure_depth(geometry, x, y, radius, mask_a, mask_b):
    metres, text = run("MeasureDepth", geometry=geometry, x=x, y=y, radius=radius, mask_a=mask_a, mask_b=mask_b)
    assert all(math.isfinite(one) for one in metres) and text


@hostile(packets(), st.sampled_from(["disparity", "linear", "log", "metres", "color map"]),
         st.sampled_from(["per image", "whole batch", "fixed"]), NUMBERS, NUMBERS)  # fmt: skip
def test_render_depth(geometry, mode, span, near, far):
    image, valid = run("RenderDepth", geometry=geometry, mode=mode, range=span, near=near, far=far)
    check(image), check(valid)


@hostile(tensors((2, 3, 4)), TEXTS, TEXTS)
def test_scene_mask(masks, names, objects):
    run("SceneMask", masks=masks, names=names, objects=objects)


@hostile(TEXTS, st.integers(0, 2**64 - 1), st.sampled_from([64, 72, 2048]), st.sampled_from([64, 80]))
def test_compose_scene(text, seed, width, height):
    check(run("ComposeScene", text=text, seed=seed, width=min(width, 72), height=height, supersampling=1)[0])


@hostile(TEXTS, st.integers(0, 2**64 - 1), st.sampled_from([64, 72]), st.sampled_from([64, 80]))
def test_plan_scene(sentence, seed, width, height):
    run("PlanScene", sentence=sentence, seed=seed, width=width, height=height)


@hostile(packets(), TEXTS, st.sampled_from(["npz", "png 16 bit", "ply", "glb"]), needs="output")
def test_save_and_load_depth(geometry, prefix, format, output):
    for name in run("SaveDepth", geometry=geometry, filename_prefix=prefix, format=format):
        if format in ("npz", "png 16 bit"):
            check(run("LoadDepth", file=f"{name} [output]"))


@hostile(TEXTS)
def test_load_depth(file):
    run("LoadDepth", file=file)


@hostile(packets(), NUMBERS, NUMBERS, NUMBERS, st.booleans(), masks(), needs="tiny")
def test_apply_depth(geometry, strength, start, end, cond_only, mask, tiny):
    apply(tiny, geometry=geometry, strength=strength, start=start, end=end, cond_only=cond_only, mask=mask)


@hostile(TEXTS, st.sampled_from([32, 40, 48]), NUMBERS, st.one_of(st.none(), images()), st.booleans(), needs="tiny")
def test_predict_depth(prompt, width, guidance, image, has_vae, tiny):
    vae = tiny.vae if has_vae else None
    check(predict(tiny.spatialfusion, prompt, width, 32, guidance=guidance, steps=1, image=image, vae=vae)[0])


@pytest.fixture
def output(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_paths, "output_directory", str(tmp_path))
    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", None)
