"""Records: what goes into a shard comes out again, through our own reader and through Hugging Face datasets."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from shards import read_shard

from spatialfusion.data.image_files import RecordError, exif_hfov, read_image_file
from spatialfusion.data.records import (
    ASSUMED_HFOV,
    COLUMNS,
    make_record,
    open_shard,
    read_record,
    write_shard,
)
from spatialfusion.errors import InputError
from spatialfusion.geometry.geometry import Geometry, focal_length
from spatialfusion.geometry.log_depth import decode_log_depth, encode_log_depth


def image_file(width=24, height=16, mode="RGB", format="PNG", seed=0, **options) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 4), dtype=np.uint8)
    buffer = io.BytesIO()
    image = Image.fromarray(pixels)
    image = image.convert("L").convert(mode) if mode == "I;16" else image.convert(mode)
    image.save(buffer, format, **options)
    return buffer.getvalue()


def geometry(width=24, height=16, seed=0, hfov=50.0) -> Geometry:
    depth = 0.3 * 300 ** torch.rand(1, height, width, generator=torch.Generator().manual_seed(seed))
    depth[:, 0] = torch.inf
    return Geometry.from_depth(depth, focal_length(hfov))


def record(number=0, **changes) -> dict:
    values = {
        "id": f"{number:08d}",
        "image": image_file(seed=number),
        "caption": "a red car",
        "geometry": geometry(seed=number),
        "hfov_source": "teacher",
        "licence": "cc-by-4.0",
        "origin": "a.tar/1",
        "teacher": "moge",
        "teacher_licence": "mit",
    }
    return make_record(**(values | changes))


@settings(deadline=None, max_examples=40)
@given(
    near=st.floats(1e-4, 1e3),
    ratio=st.one_of(st.just(1.0), st.floats(1.0, 1e3)),
    seed=st.integers(0, 999),
)
def test_log_depth_keeps_to_its_stated_error(near, ratio, seed):
    random = np.random.default_rng(seed)
    depth = np.float32(near * ratio ** random.random((9, 11)))
    valid = random.random((9, 11)) > 0.2
    codes, low, high = encode_log_depth(depth, valid)
    again, known = decode_log_depth(codes, low, high)
    assert codes.dtype == np.uint16 and np.array_equal(known, valid) and not again[~valid].any()
    if valid.any():
        error = np.abs(again[valid].astype(np.float64) / depth[valid] - 1)
        assert error.max() <= math.log(high / low) / 131068 * 1.001 + 1.2e-7  # and the last bit of a float32
        assert again[valid].min() == depth[valid].min() and again[valid].max() == depth[valid].max()


def test_nothing_valid_is_no_error():
    codes, near, far = encode_log_depth(np.zeros((2, 3), np.float32), np.zeros((2, 3), bool))
    assert not codes.any() and near == far == 1.0


def test_a_record_comes_back(tmp_path):
    source = image_file(format="JPEG", seed=7)
    edit = record(1, source_image=source, instruction="paint it blue", hfov_source="exact")
    write_shard(tmp_path / "a.parquet", [record(0), edit, record(2, hfov_source="unknown")])
    first, second, third = read_shard(tmp_path / "a.parquet")
    assert list(first) == list(COLUMNS)
    image, again = read_record(first)
    expected = geometry(seed=0)
    assert torch.equal(again.valid, expected.valid)
    torch.testing.assert_close(again.depth[again.valid], expected.depth[expected.valid], rtol=5e-5, atol=0)
    assert torch.equal(again.intrinsics, expected.intrinsics)
    with Image.open(io.BytesIO(image_file(seed=0))) as pixels:
        assert torch.equal((image * 255).round().to(torch.uint8).permute(1, 2, 0), torch.tensor(np.array(pixels)))
    assert first["hfov"] == pytest.approx(50.0, abs=1e-4) and first["valid"] == pytest.approx(15 / 16)
    assert (first["width"], first["height"]) == (24, 16) and first["source_image"] is None
    # Bytes stay the bytes that they were.
    assert second["source_image"]["bytes"] == source and second["instruction"] == "paint it blue"
    assert third["hfov"] is None and third["fx"] is None
    assert read_record(third)[1].hfov.item() == pytest.approx(ASSUMED_HFOV, abs=1e-4)


def test_datasets_opens_a_shard(tmp_path):
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / "labelled"
    write_shard(folder / "data" / "train-00000.parquet", [record(k) for k in range(6)])
    # What else lies in a labelled folder is not taken for records.
    for name in ("rejected.jsonl", "label.json", "report.md", "sheet.png", "done/00000.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    cache = str(tmp_path / "cache")
    files = {"train": str(folder / "data" / "*.parquet")}
    for loaded in (
        datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=cache),
        datasets.load_dataset(str(folder), split="train", cache_dir=cache),
    ):
        assert len(loaded) == 6 and loaded.column_names == list(COLUMNS)
        row = loaded[3]
        assert row["image"].size == (24, 16) and row["depth"].mode == "I;16" and row["source_image"] is None
        image, again = read_record(row)
        expected = geometry(seed=3)
        assert image.shape == (3, 16, 24) and torch.equal(again.valid, expected.valid)
        torch.testing.assert_close(again.depth[again.valid], expected.depth[expected.valid], rtol=5e-5, atol=0)


def test_a_record_can_be_read_alone(tmp_path):
    write_shard(tmp_path / "a.parquet", [record(k) for k in range(10)])
    file = open_shard(tmp_path / "a.parquet")
    assert file.num_row_groups == 3
    pictures = sum(len(record(k)[name]["bytes"]) for k in range(10) for name in ("image", "depth"))
    assert (tmp_path / "a.parquet").stat().st_size < pictures + 1200 * 10  # the footer holds no images again
    assert [row["id"] for row in file.read_row_group(1).to_pylist()] == ["00000004", "00000005", "00000006", "00000007"]


def test_a_damaged_shard_is_one_sentence(tmp_path):
    path = tmp_path / "a.parquet"
    with pytest.raises(InputError, match="there is no file"):
        open_shard(path)
    write_shard(path, [record()])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="not a whole Parquet file"):
        open_shard(path)
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": ["a"]}), path)
    with pytest.raises(InputError, match="no column 'id'"):
        open_shard(path)


def test_depth_of_another_size_is_refused():
    row = record() | {"image": image_file(8, 8)}
    with pytest.raises(InputError, match="record 00000000 has depth of shape"):
        read_record(row)


# Images


@pytest.mark.parametrize(("mode", "format"), [("RGB", "PNG"), ("L", "PNG"), ("RGB", "JPEG"), ("L", "JPEG")])
def test_usual_images_are_kept_as_they_are(mode, format):
    data = image_file(32, 20, mode, format)
    result = read_image_file(data)
    assert result.data == data and result.image.mode == "RGB" and result.image.size == (32, 20)
    assert result.tensor.shape == (3, 20, 32) and result.hfov is None


@pytest.mark.parametrize(
    ("mode", "format"),
    [("RGBA", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("CMYK", "JPEG"), ("RGB", "WEBP"), ("RGB", "BMP")],
)
def test_other_images_become_png_or_jpeg(mode, format):
    result = read_image_file(image_file(32, 20, mode, format))
    with Image.open(io.BytesIO(result.data)) as stored:
        assert stored.mode == "RGB" and stored.format == ("JPEG" if format in ("JPEG", "WEBP") else "PNG")
        # The teacher sees what is stored.
        assert np.array_equal(np.array(stored), np.array(result.image))


def test_transparent_is_white():
    buffer = io.BytesIO()
    Image.new("RGBA", (20, 20), (255, 0, 0, 0)).save(buffer, "PNG")
    assert (read_image_file(buffer.getvalue()).tensor == 1).all()


def test_images_are_turned_upright_and_made_smaller():
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    data = image_file(64, 32, format="JPEG", exif=exif)
    assert read_image_file(data).image.size == (32, 64)
    smaller = read_image_file(data, max_side=32)
    assert smaller.image.size == (16, 32)
    with Image.open(io.BytesIO(smaller.data)) as stored:
        assert stored.size == (16, 32) and not stored.getexif()


def shot(focal, taken, size=(300, 200), orientation=1) -> Image.Image:
    """An image whose EXIF says so; `taken` is its size when it was taken."""
    image = Image.new("RGB", size)
    exif = image.getexif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769).update({0xA405: focal, 0xA002: taken[0], 0xA003: taken[1]})
    return image


def test_field_of_view_from_exif():
    usual = pytest.approx(math.degrees(2 * math.atan(0.5)))
    assert exif_hfov(shot(36, (300, 200))) == usual
    # Made smaller since; upright; on its side.
    assert exif_hfov(shot(36, (3000, 2000))) == usual
    assert exif_hfov(shot(36, (300, 200), orientation=6)) == pytest.approx(math.degrees(2 * math.atan(1 / 3)))
    # Cut to another shape; without a focal length; without sense.
    assert exif_hfov(shot(36, (300, 200), (200, 200))) is None
    assert exif_hfov(Image.new("RGB", (300, 200))) is None
    for focal in (0, 60000, -36, math.inf, math.nan, "wide", (36, 1)):
        assert exif_hfov(shot(focal, (300, 200))) is None
    # Sizes without sense say nothing of a cut.
    for taken in ((-300, 200), (0, 0), (math.nan, 200), (math.inf, math.inf)):
        assert exif_hfov(shot(36, taken)) == usual
    exif = shot(28, (48, 32)).getexif()
    assert read_image_file(image_file(48, 32, format="JPEG", exif=exif)).hfov == pytest.approx(65.47, abs=0.01)


def test_sizes_below_zero_in_exif_do_not_reject_an_image():
    exif = Image.Exif()
    # Signed, as some programs write them.
    exif.get_ifd(0x8769).update({0xA405: 36, 0xA002: -300, 0xA003: 200})
    data = image_file(300, 200, format="JPEG", exif=exif)
    assert read_image_file(data).image.size == (300, 200)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not an image"),
        (b"<html>not found</html>", "not an image"),
        (image_file(64, 64, format="JPEG")[:900], "cannot be read"),
        (image_file(64, 64)[:900], "cannot be read"),
        (image_file(8, 64), "fewer than 16"),
        (image_file(400, 17), "a strip"),
        (image_file(32, 32, "F", "TIFF"), "32 bits a channel"),
    ],
)
def test_what_is_no_image_is_said(data, words):
    with pytest.raises(RecordError, match=words):
        read_image_file(data)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(["PNG", "JPEG", "WEBP"]), st.integers(0, 2**32), st.integers(1, 40))
def test_damaged_images_never_crash(format, seed, changes):
    random = np.random.default_rng(seed)
    data = np.frombuffer(image_file(20, 20, format=format), np.uint8).copy()
    data[random.integers(0, len(data), changes)] = random.integers(0, 255, changes)
    try:
        assert read_image_file(data.tobytes()).tensor.shape[0] == 3
    except RecordError:
        pass
