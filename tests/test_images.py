"""One reader of images: every command sees the same image in a file, or refuses it."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile
from torch import Tensor

from spatialfusion import generate, images, pipeline_inputs
from spatialfusion.data import image_files, records
from spatialfusion.errors import InputError
from spatialfusion.evaluate.image_sources import FolderImages, Request
from spatialfusion.evaluate.questions import public_questions
from spatialfusion.images import MAX_PIXELS, open_image, read_image, to_image, to_rgb, to_tensor

SIZE = 32


def encoded(image: Image.Image | np.ndarray, format: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, format, **options)
    return buffer.getvalue()


def png(width: int, height: int, bits: int, kind: int, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of raw rows, as no writer of Pillow makes it."""
    head = (b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    all_chunks = [head, *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in all_chunks
    )


def colours(seed: int = 0, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE, channels), dtype=np.uint8)


GREY16 = np.linspace(0, 65535, SIZE * SIZE).astype(np.uint16).reshape(SIZE, SIZE)
GREY8 = np.rint(GREY16 / 257).astype(np.uint8)
CLEAR = colours(1, 4)
# Over white, by the definition of alpha.
OVER = np.rint(255 + (CLEAR[..., :3].astype(float) - 255) * CLEAR[..., 3:] / 255).astype(np.uint8)
SIDEWAYS = Image.Exif()
SIDEWAYS[0x0112] = 6
PALETTE = Image.new("P", (SIZE, SIZE), 1)
PALETTE.putpalette([255, 0, 0, 0, 0, 255])


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, axis=2)


# What is in the file, and what is to be seen: [H, W, 3].
CASES = {
    "colour": (encoded(colours()), colours()),
    "grey": (encoded(GREY8), grey(GREY8)),
    "alpha": (encoded(CLEAR), OVER),
    "transparent colour of a palette": (encoded(PALETTE, transparency=1), np.full((SIZE, SIZE, 3), 255)),
    "transparent GIF": (encoded(PALETTE, "GIF", transparency=1), np.full((SIZE, SIZE, 3), 255)),
    "16-bit grey": (encoded(GREY16), grey(GREY8)),
    "16-bit grey TIFF": (encoded(GREY16, "TIFF"), grey(GREY8)),
    "16-bit grey TIFF, white is zero": (encoded(GREY16, "TIFF", tiffinfo={262: 0}), grey(255 - GREY8)),
    "16-bit grey, one value transparent": (
        png(SIZE, SIZE, 16, 0, b"".join(b"\0" + row.astype(">u2").tobytes() for row in GREY16), (b"tRNS", b"\0\0")),
        grey(np.where(GREY16 == 0, 255, GREY8).astype(np.uint8)),
    ),
    "16-bit colour": (
        png(SIZE, SIZE, 16, 2, b"".join(b"\0" + (257 * row.astype(">u2")).tobytes() for row in colours())),
        colours(),
    ),
    "on its side": (encoded(colours(), exif=SIDEWAYS), np.rot90(colours(), -1)),
    "on its side, TIFF": (encoded(colours(), "TIFF", exif=SIDEWAYS), np.rot90(colours(), -1)),
}
REFUSED = {
    "float": encoded(np.linspace(0, 1, SIZE * SIZE, dtype=np.float32).reshape(SIZE, SIZE), "TIFF"),
    "32-bit integers": encoded(GREY16.astype(np.int32), "TIFF"),
}


def from_file(folder: Path, data: bytes) -> Path:
    path = folder / "t2i-position-0000.png"
    path.write_bytes(data)
    return path


def of_evaluate(path: Path) -> Tensor:
    question = next(q for q in public_questions(1) if q.task == "t2i")
    path.rename(path.with_stem(question.id))
    (drawn,) = FolderImages(path.parent, (SIZE, SIZE)).draw([Request(question, 0)])
    if drawn.image is None:
        raise InputError(drawn.problem)
    return drawn.image


def of_label(path: Path) -> Tensor:
    try:
        return image_files.read_image_file(path.read_bytes()).tensor
    except image_files.RecordError as error:
        raise InputError(str(error)) from None


READERS = {
    "generate": lambda path: generate.read_source(str(path)),
    "pipeline": lambda path: pipeline_inputs.read_source(Image.open(path)),
    "label": of_label,
    "evaluate": of_evaluate,
    "training": lambda path: records.image_tensor({"bytes": path.read_bytes(), "path": None}),
    "training, decoded by datasets": lambda path: records.image_tensor(Image.open(path)),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("case", CASES)
def test_every_command_sees_the_same_image(tmp_path, case, reader):
    data, seen = CASES[case]
    found = READERS[reader](from_file(tmp_path, data))
    expected = torch.from_numpy(np.array(seen, dtype=np.float32)).permute(2, 0, 1) / 255
    assert found.shape == (3, SIZE, SIZE) and found.dtype == torch.float32
    # The two formulas of blending round differently.
    torch.testing.assert_close(found, expected, rtol=0, atol=1.01 / 255 if case == "alpha" else 0)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_agreed_white_is_refused_everywhere(tmp_path, case, reader):
    with pytest.raises(InputError, match="32 bits a channel"):
        READERS[reader](from_file(tmp_path, REFUSED[case]))


def test_what_is_labelled_is_what_is_stored():
    for data, _ in CASES.values():
        picture = image_files.read_image_file(data)
        torch.testing.assert_close(records.image_tensor(picture.data), picture.tensor, rtol=0, atol=0)


def test_no_pixel_is_read_before_their_number_is_known(tmp_path, monkeypatch):
    side = 20_000
    # Ten kilobytes: one row, and a header that says there are many.
    bomb = png(side, side, 16, 0, b"\0" * (2 * side + 1))
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("pixels were read"))
    # The first is within what Pillow itself takes.
    for picture in (png(13_000, 13_000, 8, 0, b"\0" * 13_001), bomb, png(2**31 - 1, 2**31 - 1, 8, 2, b"")):
        with pytest.raises(InputError, match=f"expected (1|up) to {MAX_PIXELS // 10**6} million"):
            open_image(picture)


def test_programs_are_not_started_for_an_image(tmp_path):
    # Pillow gives PostScript to Ghostscript.
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n%%EndComments\nshowpage\n")
    with pytest.raises(InputError, match=r"a.png is not an image file: expected a PNG"):
        read_image(tmp_path / "a.png")


def test_errors_name_the_file(tmp_path):
    (tmp_path / "cut.png").write_bytes(CASES["colour"][0][:300])
    for name, words in {"absent.png": "there is no file", "cut.png": "cannot be read", ".": "cannot be read"}.items():
        with pytest.raises(InputError, match=words) as error:
            read_image(tmp_path / name)
        assert str(tmp_path / name) in str(error.value)


@pytest.mark.parametrize("value", [9, -1, "up", 2**40, (1, 2)])
def test_an_orientation_without_sense_is_none(value):
    image = Image.fromarray(colours())
    image.getexif()._data[0x0112] = value
    assert images.orientation(image) == 1 and np.array_equal(np.array(to_rgb(image)), colours())


def test_images_and_tensors_are_each_others_inverse():
    image = Image.fromarray(colours(), "RGB")
    assert np.array_equal(np.array(to_image(to_tensor(image))), colours())
    assert to_image(torch.tensor([-1.0, 0.5, 2.0]).view(3, 1, 1)).getpixel((0, 0)) == (0, 128, 255)
    assert to_image(torch.eye(2) > 0).mode == "L" and to_image(torch.eye(2)).getpixel((1, 0)) == 0


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(sorted(CASES)), st.data())
def test_damaged_images_are_read_or_refused(case, data):
    damaged = bytearray(CASES[case][0])
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert read_image(bytes(damaged)).shape[0] == 3
    except InputError as error:
        assert str(error).startswith("the image ")
