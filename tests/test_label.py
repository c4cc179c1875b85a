"""python -m spatialfusion.label: every record once, whatever happens; and whatever is wrong is one sentence."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import command
from PIL import Image
from shards import read_shard

from spatialfusion.data.inputs import open_input
from spatialfusion.data.items import Columns, Item
from spatialfusion.data.records import read_record, shard_paths
from spatialfusion.errors import InputError
from spatialfusion.label import check_alive, main
from spatialfusion.scenes.edits import sample_edit
from spatialfusion.scenes.render import render
from spatialfusion.scenes.sample import sample_scene

ROOT = Path(__file__).parents[1]


run, fail = command(main)


def rows(out: Path) -> list[dict]:
    return [row for path in shard_paths(out) for row in read_shard(path)]


def rejected(out: Path) -> dict[str, str]:
    """Reasons by origin."""
    lines = (out / "rejected.jsonl").read_text().splitlines()
    return {entry["origin"]: entry["reason"] for entry in map(json.loads, lines)}


def image_file(number: int, width=40, height=32, format="PNG", **options) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 255, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)
    return buffer.getvalue()


def make_folder(folder: Path, count: int) -> Path:
    folder.mkdir()
    with (folder / "captions.jsonl").open("w") as file:
        for number in range(count):
            # Two sizes, so that batches are of mixed order.
            (folder / f"{number}.png").write_bytes(image_file(number, 40 if number % 3 else 48))
            file.write(json.dumps({"image": f"{number}.png", "caption": f"number {number}"}) + "\n")
    return folder


def teacher(folders: dict[str, Path], name: str) -> list[object]:
    return ["--teacher", name, "--weights", folders[name], "--accept-licence", "unknown", "--device", "cpu"]


# The rendered world


def test_rendered_records_are_exact(tmp_path, capsys):
    out = tmp_path / "scenes"
    arguments = ["--teacher", "scenes", "--count", 10, "--size", "64x48", "--shard-size", 4, "--edits", 0.3]
    run(*arguments, "--out", out)
    assert "10 of 10 items labelled, 0 rejected" in capsys.readouterr().out
    records = rows(out)
    assert [row["id"] for row in records] == [f"{k:08d}" for k in range(10)]
    assert [row["instruction"] is not None for row in records] == [k in (3, 6, 9) for k in range(10)]
    for number, row in enumerate(records):
        scene = sample_edit(number).target if row["instruction"] else sample_scene(number)
        exact = render([scene], size=(64, 48))
        image, geometry = read_record(row)
        assert torch.equal(geometry.valid, exact.valid)
        error = (geometry.depth[exact.valid] / exact.depth[exact.valid] - 1).abs()
        # The encoding's own stated error is all there is.
        assert error.max() <= math.log(row["far"] / row["near"]) / 131068 + 1.2e-7
        assert row["hfov"] == pytest.approx(scene.camera.hfov, abs=1e-3) and row["hfov_source"] == "exact"
        torch.testing.assert_close(image, exact.image[0], rtol=0, atol=0.51 / 255)
        assert row["caption"] and row["teacher"] == "scenes" and row["licence"] == "Apache-2.0"
        assert (row["source_image"] is not None) == (row["instruction"] is not None)
    written = {path.name for path in out.iterdir()}
    assert written == {
        "data",
        "done",
        "label.json",
        "rejected.jsonl",
        "report.md",
        "sheet.png",
        "depth.png",
        "hfov.png",
    }
    assert "10 records, 3 of them edits" in (out / "report.md").read_text()
    # A record does not depend on the shard that it is in.
    run(*[7 if each == 4 else each for each in arguments], "--out", tmp_path / "other")
    assert rows(tmp_path / "other") == records


# Killed and resumed


def test_killed_runs_go_on_and_hold_every_record_once(tmp_path, teacher_folders):
    """Two workers, SIGKILL to the command after a few shards, then the same command to the end."""
    photos, out = make_folder(tmp_path / "photos", 24), tmp_path / "out"
    (photos / "5.png").write_bytes(b"corrupt")
    arguments = [photos, *teacher(teacher_folders, "depth_pro"), "--out", out, "--shard-size", 2, "--batch", 2]
    command = [sys.executable, "-m", "spatialfusion.label", *map(str, arguments), "--workers", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None and len(list((out / "done").glob("0*.json"))) < 2:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, process.stderr.read().decode()
    # The pipe closes when the last worker is gone: a killed command leaves none behind.
    process.stderr.read()
    finished = {path.name: path.stat().st_mtime_ns for path in (out / "done").iterdir() if path.name[0] != "."}
    assert 2 <= len(finished) < 12
    # As if it had been killed between a shard and its note, and while writing.
    done = sorted(finished)[0]
    (out / "done" / done).unlink()
    (out / "data" / ".train-00011.partial-x.parquet").write_bytes(b"half")
    run(*arguments)
    records = rows(out)
    assert list(rejected(out)) == ["5.png"]
    assert [row["id"] for row in records] == [f"{k:08d}" for k in range(24) if k != 5]
    assert all(row["caption"] == f"number {int(row['id'])}" for row in records)
    assert all(row["image"]["bytes"] == (photos / row["origin"]).read_bytes() for row in records)
    for path in (out / "done").iterdir():
        # What was finished was not made again.
        assert path.name == done or path.stat().st_mtime_ns == finished.get(path.name, path.stat().st_mtime_ns)
    assert not list(out.rglob(".*"))
    text = (out / "report.md").read_text()
    assert "23 records, 0 of them edits, from 24 items" in text and "licence unknown" in text


def test_a_worker_that_is_killed_ends_the_run():
    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    process.start()
    check_alive([process])
    process.kill()
    process.join()
    with pytest.raises(InputError, match=r"ended with signal 9.*goes on from there"):
        check_alive([process])


# What is wrong with single records


def test_what_cannot_be_used_is_listed_and_skipped(tmp_path, teacher_folders, capsys):
    photos = make_folder(tmp_path / "photos", 6)
    (photos / "1.png").write_bytes(image_file(1)[:600])
    (photos / "page.html").write_text("<html>")
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0xA405: 28, 0xA002: 48, 0xA003: 32})
    (photos / "exif.jpg").write_bytes(image_file(9, 48, 32, "JPEG", exif=exif))
    lines = [
        {"image": "nowhere.png", "caption": "a"},
        {"image": "page.html", "caption": "b"},
        {"image": "2.png"},
        {"image": "3.png", "caption": "c", "licence": "all-rights-reserved"},
        {"image": "4.png", "caption": "d", "license": "MIT"},
        {"image": "exif.jpg", "caption": "e"},
        {"image": "5.png", "source_image": "4.png", "instruction": "turn it"},
        {"image": "5.png", "source_image": "page.html", "instruction": "turn it"},
        {"image": 7, "caption": "f"},
        {"caption": "g"},
        {"image": "0.png", "caption": "h", "fov": 30},
        {"image": "0.png", "caption": "i", "fov": "wide"},
    ]
    with (photos / "captions.jsonl").open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
        file.write('{"image": "0.png", "capt\n\n[1, 2]\n')
    out = tmp_path / "out"
    run(photos, *teacher(teacher_folders, "depth_anything"), "--fov", 50, "--out", out, "--shard-size", 5,
        "--licence", "cc-by-4.0", "--licence-allow", "cc-by-4.0,mit", "--batch", 3)  # fmt: skip
    records = rows(out)
    assert [int(row["id"]) for row in records] == [0, 2, 3, 4, 5, 10, 11, 12, 16]
    entries = [json.loads(line) for line in (out / "rejected.jsonl").read_text().splitlines()]
    reasons = {int(entry["id"]): entry["reason"] for entry in entries}
    assert sorted([*reasons, *(int(row["id"]) for row in records)]) == list(range(20))
    for number, words in {
        1: "cannot be read", 6: "No such file", 7: "not an image", 8: "no caption", 9: "all-rights-reserved is not",
        13: "source image is not an image", 14: "type int", 15: "no image", 17: "'wide'", 18: "not JSON",
        19: "not a JSON object",
    }.items():  # fmt: skip
        assert words in reasons[number]
    by_id = {int(row["id"]): row for row in records}
    assert by_id[0]["hfov"] == pytest.approx(50, abs=1e-3) and by_id[0]["hfov_source"] == "given"
    assert by_id[11]["hfov"] == pytest.approx(65.47, abs=0.01) and by_id[11]["hfov_source"] == "exif"
    assert by_id[16]["hfov"] == pytest.approx(30, abs=1e-3) and by_id[16]["hfov_source"] == "given"
    assert by_id[10]["licence"] == "MIT" and by_id[0]["licence"] == "cc-by-4.0"
    edit = by_id[12]
    assert edit["source_image"]["bytes"] == (photos / "4.png").read_bytes()
    assert (edit["caption"], edit["instruction"]) == ("", "turn it")
    text = (out / "report.md").read_text()
    assert "11 rejected" in text and "| exif | 1 |" in text and "| cc-by-4.0 | 8 |" in text
    assert "9 of 20 items labelled, 11 rejected" in capsys.readouterr().out


def test_broken_text_rejects_its_record_and_no_other(tmp_path, teacher_folders):
    photos = make_folder(tmp_path / "photos", 1)
    with (photos / "captions.jsonl").open("ab") as file:
        for line in (
            b'{"image": "0.png", "caption": "a car \\ud83d"}',
            b'{"image": "0.png", "caption": "b", "licence": "\\udce9"}',
            b'{"image": "\\ud83d.png", "caption": "c"}',
            b'{"image": "0.png", "caption": "caf\xe9"}',
            b'{"image": "0.png", "caption": "\\ud83d\\ude97 d"}',
        ):
            file.write(line + b"\n")
    out = tmp_path / "out"
    run(photos, *teacher(teacher_folders, "depth_anything"), "--fov", 50, "--out", out)
    assert [row["caption"] for row in rows(out)] == ["number 0", "🚗 d"]
    entries = [json.loads(line) for line in (out / "rejected.jsonl").read_text(encoding="utf-8").splitlines()]
    reasons = [entry["reason"] for entry in entries]
    assert "the caption has a broken character ('\\ud83d') at position 7" in reasons[0]
    assert "the licence has a broken character" in reasons[1] and "the image cannot be read" in reasons[2]
    assert entries[2]["origin"] == "\\ud83d.png" and "the line is not in UTF-8" in reasons[3]
    assert "a broken character" in (out / "report.md").read_text(encoding="utf-8")


def test_names_and_captions_of_a_tar_that_are_not_utf8(tmp_path, teacher_folders):
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.GNU_FORMAT, encoding="latin-1") as tar:
        for name, data in {
            "caf\xe9.png": image_file(0),
            "caf\xe9.txt": b"coffee",
            "b.png": image_file(1),
            "b.txt": "caf\xe9".encode("latin-1"),
            "c.png": image_file(2),
            "c.txt": "caf\xe9".encode("utf-8-sig"),
        }.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    out = tmp_path / "out"
    run(tmp_path / "a.tar", *teacher(teacher_folders, "depth_anything"), "--fov", 50, "--out", out)
    assert [(row["origin"], row["caption"]) for row in rows(out)] == [
        ("a.tar/caf\\udce9", "coffee"),
        ("a.tar/c", "caf\xe9"),
    ]
    assert rejected(out) == {"a.tar/b": "the caption is not in UTF-8: convert it"}


def test_a_field_of_view_that_nobody_knows(tmp_path, teacher_folders, capsys):
    photos = make_folder(tmp_path / "photos", 3)
    arguments = [photos, *teacher(teacher_folders, "depth_anything"), "--out"]
    said = fail(capsys, *arguments, tmp_path / "none")
    assert "none of the 3 items" in said and "--fov" in rejected(tmp_path / "none")["0.png"]
    run(*arguments, tmp_path / "unknown", "--fov", "unknown")
    assert [(row["hfov"], row["hfov_source"]) for row in rows(tmp_path / "unknown")] == [(None, "unknown")] * 3


# Inputs


def samples() -> list[dict]:
    plain = [{"image": image_file(k), "caption": f"number {k}", "licence": "mit"} for k in range(5)]
    edit = {"image": image_file(5), "source_image": image_file(6), "instruction": "turn it", "caption": "turned"}
    return [*plain, edit | {"licence": "mit"}]


def make_tar(path: Path) -> Path:
    path.mkdir()
    for shard, part in enumerate((samples()[:4], samples()[4:])):
        with tarfile.open(path / f"{shard}.tar", "w") as tar:
            for number, sample in enumerate(part):
                key = f"sub.folder/{shard}{number}"
                files = {f"{key}.png": sample["image"], f"{key}.txt": sample["caption"].encode()}
                files[f"{key}.json"] = json.dumps({"license": "mit", "caption": "less", "image": "http://x"}).encode()
                files[f"{key}.npy"] = b"something else"
                if "instruction" in sample:
                    files[f"{key}.source.png"] = sample["source_image"]
                    files[f"{key}.instruction.txt"] = sample["instruction"].encode()
                for name, data in files.items():
                    member = tarfile.TarInfo(name)
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
    return path


def make_parquet(path: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.mkdir()
    for shard, part in enumerate((samples()[:4], samples()[4:])):
        table = {name: [sample.get(name) for sample in part] for name in ("caption", "licence", "instruction")}
        for name in ("image", "source_image"):
            table[name] = [{"bytes": each.get(name), "path": None} if each.get(name) else None for each in part]
        pq.write_table(pa.table(table), path / f"{shard}.parquet", row_group_size=3)
    return path


def make_csv(path: Path) -> Path:
    """As `datasets` has it: imagefolder."""
    (path / "train").mkdir(parents=True)
    names = ("file_name", "text", "licence", "source_image", "instruction")
    with (path / "train" / "metadata.csv").open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.DictWriter(file, names)
        table.writeheader()
        for number, sample in enumerate(samples()):
            row = {"file_name": f"{number}, of\n6.png", "text": sample["caption"], "licence": "mit"}
            (path / "train" / row["file_name"]).write_bytes(sample["image"])
            if "source_image" in sample:
                (path / "train" / "source.png").write_bytes(sample["source_image"])
                row |= {"source_image": "source.png", "instruction": sample["instruction"]}
            table.writerow(row)
    return path


def make_jsonl(path: Path) -> Path:
    path.mkdir()
    with (path / "captions.jsonl").open("w") as file:
        for number, sample in enumerate(samples()):
            for name in ("image", "source_image"):
                if name in sample:
                    (path / f"{name}{number}.png").write_bytes(sample[name])
                    sample[name] = f"{name}{number}.png"
            file.write(json.dumps(sample) + "\n")
    return path


def make_saved(path: Path) -> Path:
    datasets = pytest.importorskip("datasets")
    columns = {name: [sample.get(name) for sample in samples()] for name in ("caption", "licence", "instruction")}
    for name in ("image", "source_image"):
        columns[name] = [{"bytes": each.get(name), "path": None} if each.get(name) else None for each in samples()]
    data = datasets.Dataset.from_dict(columns)
    data = data.cast_column("image", datasets.Image()).cast_column("source_image", datasets.Image())
    datasets.DatasetDict({"train": data}).save_to_disk(path)
    return path


@pytest.mark.parametrize("make", [make_tar, make_parquet, make_jsonl, make_csv, make_saved])
def test_all_inputs_say_the_same(tmp_path, make):
    items = open_input(str(make(tmp_path / "in")), Columns())
    assert len(items) == 6
    for start, stop in ((0, 6), (0, 2), (3, 5), (4, 6), (5, 6), (2, 2)):
        found = list(items.read(start, stop))
        assert len(found) == stop - start
        for item, sample in zip(found, samples()[start:stop]):
            assert isinstance(item, Item), item
            assert (item.image, item.caption, item.licence) == (sample["image"], sample["caption"], "mit")
            assert (item.source, item.instruction) == (sample.get("source_image"), sample.get("instruction"))
    assert len({item.origin for item in items.read(0, 6)}) == 6
    assert open_input(str(tmp_path / "in"), Columns()).fingerprint() == items.fingerprint()


def write_tar(path: Path, files: dict[str, bytes | tuple[bytes, str]]) -> Path:
    """A tar of files by name; instead of bytes the type of a link and what it leads to."""
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, tuple):
                member.type, member.linkname = content
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return path


def found_in(path: Path) -> dict[str, str]:
    """What is read from an input: captions, or why there is none, by origin."""
    items = open_input(str(path), Columns())
    return dict(
        (each.origin, each.caption) if isinstance(each, Item) else (each[0], f"rejected: {each[1]}")
        for each in items.read(0, len(items))
    )


def test_names_in_a_tar_may_hold_dots(tmp_path):
    tar = write_tar(
        tmp_path / "a.tar",
        {
            "img.v1.0.png": image_file(0),
            "img.v1.0.txt": b"first",
            "img.v1.1.png": image_file(1),
            "img.v1.1.json": b'{"caption": "second"}',
            # An image beside the image, and a name that its caption knows only the beginning of.
            "plain.png": image_file(2),
            "plain.mask.png": image_file(3),
            "plain.txt": b"third",
            "part.v2.jpg": image_file(4),
            "part.txt": b"fourth",
            "lonely.v1.png": image_file(5),
            "._plain.png": b"of a Mac",
        },
    )
    assert found_in(tar) == {
        "a.tar/img.v1.0": "first",
        "a.tar/img.v1.1": "second",
        "a.tar/plain": "third",
        "a.tar/part": "fourth",
        "a.tar/lonely.v1": "rejected: there is no caption",
    }
    (item,) = (each for each in open_input(str(tar), Columns()).read(2, 3))
    assert item.image == image_file(2)


def test_files_of_a_tar_may_be_apart_or_links(tmp_path):
    tar = write_tar(
        tmp_path / "a.tar",
        {
            "a.png": image_file(0),
            "b.png": image_file(1),
            "late.png": (tarfile.LNKTYPE, "d/real.png"),
            "twice.png": (tarfile.LNKTYPE, "a.png"),
            "soft.png": (tarfile.SYMTYPE, "d/../twice.png"),
            "gone.png": (tarfile.LNKTYPE, "nowhere.png"),
            "round.png": (tarfile.SYMTYPE, "round.png"),
            **{f"{name}.txt": name.encode() for name in ("b", "a", "late", "twice", "soft", "gone", "round")},
            "d/real.png": image_file(2),
        },
    )
    gone = "rejected: the image is a link to what the tar does not hold"
    whole = {f"a.tar/{name}": name for name in ("a", "b", "late", "twice", "soft")}
    assert found_in(tar) == whole | {
        "a.tar/gone": gone,
        "a.tar/round": gone,
        "a.tar/d/real": "rejected: there is no caption",
    }
    images = [item.image for item in open_input(str(tar), Columns()).read(0, 5)]
    assert images == [image_file(0), image_file(1), image_file(2), image_file(0), image_file(0)]


def test_images_with_text_files_beside_them(tmp_path):
    folder = tmp_path / "photos"
    (folder / "10_dog").mkdir(parents=True)
    for name, caption in {"10_dog/a.v1.png": "a dog", "b.JPG": "a cat", "c.png": None, "d.png": b"caf\xe9"}.items():
        (folder / name).write_bytes(image_file(0))
        if caption:
            data = caption if isinstance(caption, bytes) else caption.encode("utf-8-sig")
            (folder / name).with_suffix(".caption" if name[0] == "b" else ".txt").write_bytes(data)
    (folder / "10_dog" / "latents.npz").write_bytes(b"")
    assert found_in(folder) == {
        "10_dog/a.v1.png": "a dog",
        "b.JPG": "a cat",
        "c.png": "rejected: there is no caption: c.txt is missing",
        "d.png": "rejected: the caption is not in UTF-8: convert it",
    }


def test_an_empty_column_leaves_the_field_to_another(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = {"image": [image_file(0)] * 3, "caption": [None, "", "own"], "text": ["a", "b", "c"], "fov": [None] * 3}
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    assert list(found_in(tmp_path / "a.parquet").values()) == ["a", "b", "own"]
    write_tar(tmp_path / "a.tar", {"a.png": image_file(0), "a.json": b'{"caption": null, "text": "a"}'})
    assert found_in(tmp_path / "a.tar") == {"a.tar/a": "a"}


def test_upper_case_endings(tmp_path):
    make_folder(tmp_path / "rows", 1)
    (tmp_path / "rows" / "captions.jsonl").rename(tmp_path / "rows" / "ROWS.JSONL")
    assert list(found_in(tmp_path / "rows" / "ROWS.JSONL").values()) == ["number 0"]
    (tmp_path / "tars").mkdir()
    write_tar(tmp_path / "tars" / "UP.TAR", {"A.PNG": image_file(0), "A.TXT": b"a"})
    assert found_in(tmp_path / "tars") == found_in(tmp_path / "tars" / "UP.TAR") == {"UP.TAR/A": "a"}


def test_what_cannot_be_read_says_what_to_do(tmp_path):
    def said(path: Path) -> str:
        with pytest.raises(InputError) as error:
            open_input(str(path), Columns())
        return str(error.value)

    line = json.dumps({"image": "0.png", "caption": "caf\xe9"}, ensure_ascii=False) + "\n"
    for encoding in ("utf-16", "utf-16-le", "utf-32"):
        (tmp_path / "captions.jsonl").write_text(line, encoding=encoding)
        assert "captions.jsonl is in UTF-16 or UTF-32: convert it to UTF-8 (iconv" in said(tmp_path)
    (tmp_path / "captions.jsonl").write_text(line, encoding="latin-1")
    assert found_in(tmp_path) == {"captions.jsonl:1": "rejected: the line is not in UTF-8: convert the file"}
    (tmp_path / "captions.jsonl").unlink()

    (tmp_path / "metadata.csv").write_text("file_name;text\n0.png;a\n")
    assert "no image column; it has 'file_name;text'" in said(tmp_path)
    (tmp_path / "metadata.csv").unlink()

    tar = write_tar(tmp_path / "a.tar", {"a.png": image_file(0), "a.txt": b"a"})
    (tmp_path / "b").mkdir()
    for name, words in {"b/a.tar": "a.tar is compressed (gzip)", "b/a.tar.gz": "decompress or unpack it"}.items():
        (tmp_path / name).write_bytes(gzip.compress(tar.read_bytes()))
        assert words in said(tmp_path / name)
    (tmp_path / "b" / "a.tar").unlink()
    assert "holds compressed files, such as a.tar.gz: decompress" in said(tmp_path / "b")
    (tmp_path / "b" / "a.png").write_bytes(image_file(0))
    assert "images without captions: expected captions.jsonl, metadata.csv" in said(tmp_path / "b")

    rows = [
        "https://example.com/a.png",
        "data:image/png;base64,AAAA",
        base64.b64encode(image_file(0)).decode(),
        "n" * 300 + ".png",
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"image": i, "caption": "a"}) + "\n" for i in rows))
    reasons = list(found_in(tmp_path / "rows.jsonl").values())
    assert ("download the images first" in reasons[0] and "File name too long" in reasons[3]) or "base64" in reasons[3]
    assert all("base64 text and not a file name: decode it" in reason for reason in reasons[1:3])


def test_files_too_large_to_be_read_whole_are_rejected(tmp_path):
    for name, size in {"a.png": 2**29 + 1, "b.png": None, "b.txt": 2**20 + 1, "c.png": None}.items():
        (tmp_path / name).write_bytes(image_file(0) if size is None else b"")
        if size:
            os.truncate(tmp_path / name, size)  # takes no room on the disk
    for name in "ac":
        (tmp_path / f"{name}.txt").write_text(name)
    reasons = {"a": "the image has 512 MiB, more than 512", "b": "the caption has 1 MiB, more than 1"}
    found = {f"{name}.png": f"rejected: {reason}" for name, reason in reasons.items()} | {"c.png": "c"}
    assert found_in(tmp_path) == found

    member = tarfile.TarInfo("a.png")
    member.size = 2**29 + 1
    path = write_tar(tmp_path / "a.tar", {"a.txt": b"a"})
    data = path.read_bytes()[:1024] + member.tobuf()
    path.write_bytes(data)
    os.truncate(path, len(data) + 2**29 + 512 + 1024)
    assert found_in(path) == {"a.tar/a": f"rejected: {reasons['a']}"}


def test_columns_are_named(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"pixels": [image_file(0)], "words": [["first", "second"]]}), path)
    with pytest.raises(InputError, match=r"no image column; it has 'pixels', 'words'.*--image-column"):
        open_input(str(path), Columns())
    with pytest.raises(InputError, match="no column 'pictures' for the image"):
        open_input(str(path), Columns({"image": "pictures"}))
    (item,) = open_input(str(path), Columns({"image": "pixels", "caption": "words"})).read(0, 1)
    assert (item.image, item.caption) == (image_file(0), "first")


def test_damaged_inputs_are_named(tmp_path):
    tars = make_tar(tmp_path / "tars")
    whole = (tars / "1.tar").read_bytes()
    header = whole.index(b"sub.folder/10.txt")
    for damaged in (whole[:3000], whole[:header] + b"garbage!" * 64 + whole[header + 512 :]):
        (tars / "1.tar").write_bytes(damaged)
        with pytest.raises(InputError, match=r"1.tar is not a whole tar"):
            open_input(str(tars), Columns())
    parquet = make_parquet(tmp_path / "parquet")
    whole = (parquet / "0.parquet").read_bytes()
    (parquet / "0.parquet").write_bytes(whole[:-9])
    with pytest.raises(InputError, match=r"0.parquet is not whole"):
        open_input(str(parquet), Columns())
    # The fourth record has a row group of its own; the others can still be read.
    middle = whole.index(image_file(3)) - 60
    (parquet / "0.parquet").write_bytes(whole[:middle] + bytes(100) + whole[middle + 100 :])
    found = list(open_input(str(parquet), Columns()).read(0, 6))
    assert [isinstance(item, Item) for item in found] == [True] * 3 + [False] + [True] * 2
    assert found[3][0] == "0.parquet:3" and "damaged" in found[3][1]


# What is wrong with the command


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "o"], "there is no input"),
        (["photos"], "required: --out"),
        (["photos", "--out", "o", "--teachr", "x"], "unrecognized arguments"),
        (["nowhere", "--out", "o", "--teacher", "scenes"], "leave the input out"),
        (["--teacher", "scenes", "--out", "o"], "needs --count"),
        (["photos", "--out", "o", "--count", "3"], "--count is for --teacher scenes"),
        (["photos", "--out", "o", "--teacher", "depthpro"], "did you mean 'depth_pro'"),
        (["photos", "--out", "o", "--teacher", "depth_pro"], "--accept-licence apple-amlr"),
        (["photos", "--out", "o", "--teacher", "depth_pro", "--fov", "50"], "gives the field of view itself"),
        (["photos", "--out", "o", "--teacher", "depth_anything", "--fov", "wide"], "1 to 175 degrees, or unknown"),
        (["photos", "--out", "o", "--metric-teacher", "moge"], "is for --teacher vggt"),
        (["photos", "--out", "o", "--teacher", "vggt", "--metric-teacher", "vggt"], "expected moge, depth_pro or"),
        (["photos", "--out", "o", "--batch", "0"], "--batch is 0"),
        (["photos", "--out", "o", "--min-valid", "2"], "--min-valid is 2"),
        (["photos", "--out", "o", "--device", "abacus"], "try cpu"),
        (["--teacher", "scenes", "--count", "3", "--size", "big", "--out", "o"], "WIDTHxHEIGHT"),
        (["--teacher", "scenes", "--count", "3", "--size", "8x64", "--out", "o"], "sides of 16 pixels or more"),
        (["--teacher", "scenes", "--count", "3", "--size", "99999x99999", "--out", "o"], "1 to 134 million"),
    ],
)
def test_wrong_arguments_are_one_sentence(capsys, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert words in fail(capsys, *arguments)
    assert not list(tmp_path.iterdir())


def test_wrong_inputs_are_one_sentence(capsys, tmp_path, monkeypatch, teacher_folders):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.zip").write_bytes(b"")
    for name, words in {
        tmp_path / "nowhere": "there is nothing at",
        tmp_path / "empty": "no images with captions: expected captions.jsonl, metadata.csv, .tar or .parquet",
        tmp_path / "a.zip": "decompress or unpack it first",
        "nobody/nothing": "cannot be reached",
    }.items():
        assert words in fail(
            capsys, name, *teacher(teacher_folders, "depth_anything"), "--fov", 50, "--out", tmp_path / "o"
        )
    assert not (tmp_path / "o").exists()


def test_a_folder_holds_one_run(capsys, tmp_path):
    scenes = ["--teacher", "scenes", "--size", "32x32", "--out", tmp_path / "out"]
    run(*scenes, "--count", 2)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "data").iterdir()}
    run(*scenes, "--count", 2, "--workers", 3)  # done already
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "data").iterdir()}
    assert "was begun with count 2, and now it is 3" in fail(capsys, *scenes, "--count", 3)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("x")
    scenes[-1] = tmp_path / "notes"
    assert "holds other things" in fail(capsys, *scenes, "--count", 2)
