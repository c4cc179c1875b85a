"""The training reader: which record stands where, and what comes out of it."""

from __future__ import annotations

import io
import pickle
from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from spatialfusion.data.reader import Reader, RecordFolder, aspect_buckets, fit, fit_geometry
from spatialfusion.data.records import make_record, write_shard
from spatialfusion.errors import InputError
from spatialfusion.geometry.geometry import Geometry, focal_length

SIZES = ((32, 32), (48, 32), (32, 48), (64, 32))
BUCKETS = ((32, 32), (48, 32), (32, 48))


def png(width, height, number) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (number % 256, 80, 200)).save(buffer, "PNG")
    return buffer.getvalue()


def make_folder(folder: Path, count: int, shard: int = 7, edits: int = 0) -> Path:
    """Records whose red is their number, of the SIZES in turn, flat at (1 + number) metres."""
    records = []
    for number in range(count):
        width, height = SIZES[number % len(SIZES)]
        records.append(
            make_record(
                id=f"{number:08d}",
                image=png(width, height, number),
                caption=f"picture {number}",
                geometry=Geometry.from_depth(torch.full((1, height, width), 1.0 + number), focal_length(60.0)),
                hfov_source="unknown" if number == 1 else "exact",
                licence="mit",
                origin="here",
                teacher="scenes",
                teacher_licence="mit",
                source_image=png(width, height, 255) if number < edits else None,
                instruction="brighter" if number < edits else None,
            )
        )
    for start in range(0, count, shard):
        write_shard(folder / "data" / f"train-{start // shard:05d}.parquet", records[start : start + shard])
    return folder


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("first"), 30, edits=6)


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("second"), 12)


def seen(reader: Reader, epoch: int) -> Counter:
    return Counter((int(f), int(r)) for batch in reader.plan(epoch) for f, r in batch.places)


def test_a_folder_is_a_sequence(first):
    records = RecordFolder(first)
    assert len(records) == 30 and len(records.paths) == 5
    assert [records[i]["id"] for i in (0, 6, 7, 29, 3)] == [f"{i:08d}" for i in (0, 6, 7, 29, 3)]
    assert records.sizes[:4].tolist() == [list(size) for size in SIZES]
    for wrong in (-1, 30):
        with pytest.raises(IndexError):
            records[wrong]
    assert pickle.loads(pickle.dumps(records))[13]["id"] == "00000013"


def test_every_record_once_an_epoch_and_whole_batches_of_one_bucket(first):
    reader = Reader([(first, 1.0)], 4, BUCKETS)
    for epoch in (0, 1, 5):
        counts = seen(reader, epoch)
        assert set(counts) == {(0, i) for i in range(30)}
        # Buckets hold 8, 15 and 7 records; each has a last batch that is filled up.
        assert sum(counts.values()) == 32 and max(counts.values()) <= 2
        for batch in reader.plan(epoch):
            assert batch.places.shape == (4, 2) and batch.size in BUCKETS
            widths, heights = RecordFolder(first).sizes[batch.places[:, 1]].T
            nearest = {(32, 32): (32, 32), (48, 32): (48, 32), (64, 32): (48, 32), (32, 48): (32, 48)}
            assert {nearest[size] for size in zip(widths.tolist(), heights.tolist())} == {batch.size}
    assert [b.places.tolist() for b in reader.plan(0)] != [b.places.tolist() for b in reader.plan(1)]


def test_the_plan_is_a_function_of_seed_and_epoch(first, second):
    folders = [(first, 0.7), (second, 2.0)]
    one, other = Reader(folders, 4, BUCKETS, seed=3), Reader(folders, 4, BUCKETS, seed=3)
    late = [batch.places.tolist() for batch in one.plan(4)]
    for epoch in range(4):
        one.plan(epoch)
    assert late == [batch.places.tolist() for batch in other.plan(4)]
    assert late != [batch.places.tolist() for batch in Reader(folders, 4, BUCKETS, seed=4).plan(4)]


@settings(deadline=None, max_examples=15)
@given(weight=st.sampled_from([0.1, 0.5, 1.0, 1.3, 2.0]), seed=st.integers(0, 99))
def test_weights_show_all_records_equally_often(first, second, weight, seed):
    reader = Reader([(first, 1.0), (second, weight)], 1, BUCKETS, seed)
    total: Counter = Counter()
    for epoch in range(10):
        total += seen(reader, epoch)
    of_second = [total[1, record] for record in range(12)]
    # With batches of one nothing is filled up, so the numbers are exact.
    assert sum(of_second) == round(10 * weight * 12) and max(of_second) - min(of_second) <= 1
    assert {total[0, record] for record in range(30)} == {10}


def test_steps_are_located_at_once_or_one_by_one(first, second):
    reader = Reader([(first, 1.0), (second, 0.5)], 3, BUCKETS)
    places = [(epoch, number) for epoch in range(6) for number in range(len(reader.plan(epoch)))]
    assert [reader.locate(step) for step in range(len(places))] == places
    fresh = Reader([(first, 1.0), (second, 0.5)], 3, BUCKETS)
    assert fresh.locate(len(places) - 1) == places[-1] and fresh.locate(0) == (0, 0)


def test_a_bucket_that_fills_no_batch_joins_the_nearest(second):
    # Three of each size: only the joined ones can fill a batch of five.
    reader = Reader([(second, 1.0)], 5, BUCKETS)
    assert {batch.size for batch in reader.plan(0)} == {(48, 32)}
    assert set(seen(reader, 0)) == {(0, i) for i in range(12)}
    lonely = Reader([(second, 1.0)], 50, BUCKETS)
    assert len(lonely.plan(0)) == 1 and set(seen(lonely, 0)) == {(0, i) for i in range(12)}


def test_samples_are_what_the_records_say(first):
    reader = Reader([(first, 1.0)], 4, BUCKETS)
    found = {}
    for batch in reader.plan(0):
        for sample in reader.load(batch):
            number = int(sample.id)
            found[number] = sample
            width, height = batch.size
            assert sample.image.shape == (3, height, width)
            assert (sample.geometry.height, sample.geometry.width) == (height, width)
            assert round(sample.image[0].mean().item() * 255) == number
            torch.testing.assert_close(sample.geometry.depth, torch.full((1, height, width), 1.0 + number))
            assert sample.caption == f"picture {number}" and sample.hfov_known == (number != 1)
            assert (sample.source is not None) == (sample.instruction == "brighter") == (number < 6)
            if sample.source is not None:
                assert sample.source.shape == sample.image.shape
    assert set(found) == set(range(30))
    # A wide image was cut, and sees less from side to side.
    assert found[0].geometry.hfov.item() == pytest.approx(60, abs=1e-3)
    assert found[3].geometry.hfov.item() < 50


@settings(deadline=None, max_examples=25)
@given(st.integers(16, 60), st.integers(16, 60), st.sampled_from([(16, 16), (32, 16), (16, 48), (40, 24)]))
def test_image_and_geometry_are_cut_alike(width, height, size):
    column = torch.linspace(0, 1, width).expand(3, height, width)
    geometry = Geometry.from_depth((1 + column[:1]).clone(), focal_length(70.0))
    image, fitted = fit(column, size), fit_geometry(geometry, size)
    assert image.shape == (3, size[1], size[0]) and fitted.valid.all()
    assert 0 <= image.min() and image.max() <= 1
    # Depth was 1 + the image: it still is, but for what resizing rounds at pixels' edges.
    difference = (fitted.depth[0] - 1 - image[0]).abs()
    assert difference.max() < 2.5 / min(width, size[0])
    # The middle stays the middle.
    # But for half a pixel, where an odd number of columns is cut off.
    assert image[0].mean().item() == pytest.approx(0.5, abs=0.6 / width)
    left = min(width, round(height * size[0] / size[1]))
    assert fitted.intrinsics[0, 0, 2].item() == pytest.approx(0.5, abs=0.51 / left)


def test_buckets_have_their_area():
    sizes = aspect_buckets(1024, 32)
    assert (1024, 1024) in sizes and len(sizes) == len(set(sizes)) == 9
    for width, height in sizes:
        assert width % 32 == height % 32 == 0 and abs(width * height / 1024**2 - 1) < 0.05
    assert aspect_buckets(64, 16)[0] == (48, 96)


def test_wrong_folders_are_one_sentence(first, tmp_path):
    with pytest.raises(InputError, match=r"has no data/train-\*.parquet"):
        Reader([(tmp_path, 1.0)], 4, BUCKETS)
    for weight in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="expected a positive number"):
            Reader([(first, weight)], 4, BUCKETS)
    with pytest.raises(InputError, match="at least one"):
        Reader([], 4, BUCKETS)
    broken = make_folder(tmp_path / "broken", 3)
    (broken / "data" / "train-00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="not a whole Parquet file"):
        Reader([(broken, 1.0)], 4, BUCKETS)
