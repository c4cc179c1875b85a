"""Whatever comes in, it is taken or refused in a sentence: prompts, pictures, files of depth, scene texts, images and
captions to label, checkpoints. A few inputs each; many hundreds in the slow runs."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny import tiny_components

from spatialfusion import generate
from spatialfusion.data.image_files import RecordError, read_image_file
from spatialfusion.data.inputs import open_input
from spatialfusion.data.items import Columns, Item
from spatialfusion.errors import InputError
from spatialfusion.geometry.files import load_geometry, save_geometry
from spatialfusion.geometry.geometry import Geometry
from spatialfusion.images import read_image
from spatialfusion.model.context import PromptEncoder
from spatialfusion.model.model import FILE_NAME, SpatialFusionModel
from spatialfusion.scenes.compose import compose
from spatialfusion.scenes.text import EXAMPLE


def over(few: int, many: int, *strategies: st.SearchStrategy, fixture: str | None = None):
    """A test of a property over `few` inputs, and a slow one over `many`. It is given a folder, the inputs and, last, a
    fixture."""

    def decorate(check: Callable) -> Callable:
        @pytest.mark.parametrize("inputs", [few, pytest.param(many, marks=pytest.mark.slow)])
        def test(inputs: int, tmp_path: Path, request: pytest.FixtureRequest) -> None:
            health = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]

            @settings(deadline=None, max_examples=inputs, suppress_health_check=health)
            @given(st.tuples(*strategies))
            def run(values: tuple) -> None:
                check(tmp_path, *values, *fixtures)

            fixtures = [] if fixture is None else [request.getfixturevalue(fixture)]
            run()

        return test

    return decorate


def is_sentence(error: Exception) -> bool:
    text = str(error)
    # A message of several lines is somebody else's.
    return bool(text) and "Traceback" not in text and len(text) < 2000


# Prompts

WORDS = ("a red car", "<|im_end|>", "<|im_start|>", "<|vision_start|>", "\u202e", "\ufeff", "\0", "🚗", "红", "\ud83d")
PROMPTS = st.lists(st.one_of(st.text(max_size=12), st.sampled_from(WORDS)), max_size=6).map(" ".join)


@pytest.fixture(scope="module")
def encoder() -> PromptEncoder:
    parts = tiny_components()
    return PromptEncoder(
        parts["text_encoder"], parts["tokenizer"], parts["image_processor"], parts["spatialfusion"].config.num_layers
    )


@over(15, 150, PROMPTS, fixture="encoder")
def test_prompts(folder, prompt, encoder):
    try:
        assert generate.read_arguments([prompt] if not prompt.startswith("-") else ["--", prompt]).prompt == prompt
        name = f"{generate.slug(prompt)}-0"
        (folder / name).mkdir(exist_ok=True)
        with torch.no_grad():
            context = encoder.encode([prompt])
        assert context.prompt_embeds.isfinite().all() and context.prompt_mask.all()
    except InputError as error:
        assert is_sentence(error)


# Pictures

MODES = (
    "1",
    "L",
    "P",
    "RGB",
    "RGBA",
    "LA",
    "CMYK",
    "YCbCr",
    "HSV",
    "LAB",
    "I",
    "F",
    "I;16",
    "I;16B",
    "La",
    "RGBa",
    "PA",
)


@st.composite
def picture_files(draw) -> bytes:
    """A picture of any mode and format that can be written, sometimes cut or with other bytes in it."""
    mode, format = draw(st.sampled_from(MODES)), draw(st.sampled_from(["PNG", "TIFF", "JPEG", "WEBP", "GIF", "BMP"]))
    size = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    image = Image.new(mode, size)
    band = np.random.default_rng(draw(st.integers(0, 9))).integers(0, 256, size[::-1]).astype(np.uint8)
    if len(image.getbands()) > 1:
        image.paste(image.copy(), (draw(st.integers(0, 9)), 0))
    elif mode in ("L", "P"):
        image.paste(Image.fromarray(band))
    exif = Image.Exif()
    exif[0x0112] = draw(st.integers(-1, 10)) % 65536
    exif.get_ifd(0x8769).update({0xA405: draw(st.integers(0, 400)), 0xA002: draw(st.integers(-9, 9))})
    buffer = io.BytesIO()
    try:
        image.save(buffer, format, exif=exif)
    except (OSError, ValueError, KeyError):
        image = Image.new("RGB", size, draw(st.sampled_from(["red", "white"])))
        buffer = io.BytesIO()
        image.save(buffer, format)
    return draw(damaged(buffer.getvalue()))


@st.composite
def damaged(draw, data: bytes) -> bytes:
    kind = draw(st.sampled_from(["whole", "cut", "changed", "longer"]))
    if kind == "cut":
        return data[: draw(st.integers(0, len(data)))]
    if kind == "longer":
        return data + draw(st.binary(max_size=20))
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 12)) if kind == "changed" and data else 0):
        changed[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(changed)


@over(25, 250, picture_files())
def test_pictures(folder, data):
    try:
        image = read_image(data)
        assert image.ndim == 3 and len(image) == 3 and image.min() >= 0 and image.max() <= 1
    except InputError as error:
        assert is_sentence(error)
        with pytest.raises(RecordError):
            read_image_file(data)
        return
    try:
        # What is labelled is what everybody else sees.
        lossless = Image.open(io.BytesIO(data)).format not in ("WEBP", "JPEG")
        assert not lossless or torch.equal(read_image_file(data).tensor, image)
    except RecordError as error:
        assert is_sentence(error)


# Files of depth


@st.composite
def depth_files(draw) -> dict[str, bytes]:
    """A .npz of any arrays under the right names, or a right one, or a .png with its .json; damaged or not."""
    buffer = io.BytesIO()
    if draw(st.booleans()):
        shape = draw(st.lists(st.integers(0, 5), max_size=4))
        dtypes = st.sampled_from(["<f4", "<f8", "<f2", "?", "<i8", "<U3", "<c8", ">f4"])
        arrays = {name: np.zeros(shape, draw(dtypes)) for name in ("depth", "valid")}
        arrays["intrinsics"] = np.zeros([*shape[:1], 3, 3], draw(dtypes))
        if draw(st.booleans()):
            arrays.pop(draw(st.sampled_from(sorted(arrays))))
        np.savez_compressed(buffer, **arrays)
        return {"a.npz": draw(damaged(buffer.getvalue()))}
    sidecar = {
        "format": draw(st.sampled_from(["spatialfusion-depth-1", "x", None])),
        "offset": draw(st.one_of(st.floats(-20, 20), st.just("1"), st.none(), st.just([1]))),
        "scale": draw(st.one_of(st.floats(-1, 1), st.just(float("nan")))),
        "intrinsics": draw(st.sampled_from([[[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]], [[1]], None, "x"])),
    }
    codes = np.random.default_rng(draw(st.integers(0, 9))).integers(0, 65536, (8, 8)).astype(np.uint16)
    Image.fromarray(codes).save(buffer, "PNG")
    return {"a.png": draw(damaged(buffer.getvalue())), "a.json": draw(damaged(json.dumps(sidecar).encode()))}


@over(20, 200, depth_files())
def test_files_of_depth(folder, files):
    for name, data in files.items():
        (folder / name).write_bytes(data)
    try:
        geometry = load_geometry(folder / next(iter(files)))
        assert isinstance(geometry, Geometry) and geometry.depth.isfinite().all()
        save_geometry(folder / "again.npz", geometry)
        assert torch.equal(load_geometry(folder / "again.npz").depth, geometry.depth)
    except InputError as error:
        assert is_sentence(error)


# Scene texts

LINES = [*EXAMPLE.splitlines(), "indoor", "mug on table", "figure 2 behind car", "light azimuth 20", "car blue at 0 3"]
SCENE_WORDS = st.one_of(
    st.sampled_from([word for line in LINES for word in line.split()]),
    st.sampled_from(["-1e9", "nan", "1e400", "0", "3 cm", "90deg", "at", "#", ";", "\u2028"]),
    st.text(max_size=6),
)
SCENES = st.lists(st.one_of(st.sampled_from(LINES), st.lists(SCENE_WORDS, max_size=7).map(" ".join)), max_size=6)


@over(25, 250, SCENES.map("\n".join))
def test_scene_texts(folder, text):
    try:
        drawn = compose(text, (16, 16), 1)
        assert drawn.image.isfinite().all() and len(drawn.names) == len(drawn.masks)
    except InputError as error:
        assert is_sentence(error)


# Images and captions to label

PNG = io.BytesIO()
Image.new("RGB", (20, 20), "red").save(PNG, "PNG")
NAMES = st.sampled_from(
    ["a.png", "a.txt", "a.json", "a.v1.png", "a.v1.txt", "b.JPG", "b.source.png", "b.instruction.txt", "./c/a.png",
     ".d", "e", "e.", "caf\xe9.png", "caf\udce9.txt", "../../up.png", "/root.png", "a.b.c.d.png", "x" * 200 + ".png"]
)  # fmt: skip
CONTENTS = st.one_of(
    st.just(PNG.getvalue()), st.binary(max_size=20), st.sampled_from([b'{"caption": "a"}', b"", b"[]"])
)
LINKS = st.sampled_from([tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
MEMBERS = st.lists(st.tuples(NAMES, CONTENTS, st.one_of(st.none(), LINKS), NAMES), max_size=8)
VALUES = st.one_of(
    st.none(), st.text(max_size=8), st.integers(), st.floats(), st.booleans(),
    st.lists(st.text(max_size=3), max_size=2),
    st.sampled_from(["0.png", "../0.png", "\0", "\ud83d", {"bytes": None, "path": "0.png"}, "http://a/b.png"]),
)  # fmt: skip
KEYS = st.sampled_from(["image", "file_name", "caption", "text", "fov", "licence", "source_image", "instruction", "x"])
ROWS = st.one_of(
    st.dictionaries(KEYS, VALUES, max_size=5).map(lambda row: json.dumps(row).encode()),
    st.lists(st.text(max_size=6), max_size=4).map(lambda cells: ",".join(cells).encode("utf-8", "surrogatepass")),
    st.binary(max_size=30),
)


def every_item(path: Path) -> None:
    """Each record is an item or is rejected for a reason; the input as a whole may be refused."""
    try:
        items = open_input(str(path), Columns())
    except InputError as error:
        assert is_sentence(error)
        return
    found = list(items.read(0, len(items)))
    assert len(found) == len(items) and items.fingerprint() == open_input(str(path), Columns()).fingerprint()
    for each in found:
        if isinstance(each, Item):
            (each.caption + (each.instruction or "")).encode()
            assert isinstance(each.image, bytes) and (each.caption or each.instruction)
        else:
            origin, reason = each
            assert isinstance(origin, str) and 0 < len(reason) < 400


@over(15, 150, MEMBERS, st.data())
def test_tars_to_label(folder, members, data):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content, kind, target in members:
            member = tarfile.TarInfo(name)
            if kind is None:
                member.size = len(content)
            else:
                member.type, member.linkname = kind, target
            tar.addfile(member, io.BytesIO(content) if kind is None else None)
    (folder / "a.tar").write_bytes(data.draw(damaged(buffer.getvalue())))
    every_item(folder / "a.tar")


@over(15, 150, st.sampled_from(["captions.jsonl", "metadata.csv"]), st.lists(ROWS, max_size=6), st.booleans())
def test_tables_to_label(folder, name, rows, has_names):
    (folder / "0.png").write_bytes(PNG.getvalue())
    head = b"file_name,text,fov\n" if name == "metadata.csv" and has_names else b""
    (folder / name).write_bytes(head + b"\n".join(rows))
    every_item(folder / name)


# Checkpoints


@over(10, 100, st.data(), fixture="tiny_folder")
def test_checkpoints(folder, data, tiny_folder):
    whole = (tiny_folder / FILE_NAME).read_bytes()
    length = 8 + int.from_bytes(whole[:8], "little")
    start = bytearray(data.draw(damaged(whole[:length])))
    (folder / FILE_NAME).write_bytes(bytes(start) + whole[length : data.draw(st.sampled_from([length, 2**40]))])
    try:
        SpatialFusionModel.load(folder / FILE_NAME)
    except InputError as error:
        assert is_sentence(error)
