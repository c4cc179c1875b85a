"""Questions: true of their scenes, held out, fixed; files of them; GenSpace's own in Parquet."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
from collections import Counter

import pytest
from PIL import Image

from spatialfusion.errors import InputError, run_command
from spatialfusion.evaluate import official, questions
from spatialfusion.evaluate.judges.judge import Asked
from spatialfusion.evaluate.official import official_questions
from spatialfusion.evaluate.questions import (
    DIGESTS,
    EDITS,
    PUBLIC,
    STORED,
    SUB_DOMAINS,
    Question,
    digest,
    make_question,
    public_questions,
    read_questions,
    select,
    write_questions,
)
from spatialfusion.evaluate.write_questions import main as write_questions_command
from spatialfusion.scenes.edits import score_edit
from spatialfusion.scenes.sample import held_out
from spatialfusion.scenes.statements import RELATIONS, score
from spatialfusion.scenes.vocabulary import unknown_words


@pytest.fixture(scope="module")
def public() -> list[Question]:
    return public_questions(STORED)


def test_the_public_set_is_fixed(public):
    assert digest(public) == DIGESTS[STORED] and digest(public_questions()) == DIGESTS[PUBLIC]
    counts = Counter((question.task, question.sub_domain) for question in public)
    assert counts == {(task, name): STORED for task, names in SUB_DOMAINS.items() for name in names}
    # Drawn anew they are the same, and so are those that are in no file.
    for number in (0, STORED - 1):
        drawn = [make_question(task, name, number) for task, names in SUB_DOMAINS.items() for name in names]
        assert drawn == [question for question in public if question.id.endswith(f"-{number:04d}")]


def test_questions_beyond_the_file_are_fixed_too():
    drawn = [make_question(task, name, 1997) for task, names in SUB_DOMAINS.items() for name in names]
    assert digest(drawn) == "dccc5d84fcbd4f45"


def test_every_question_is_true_of_its_scene_and_false_of_little(public):
    for question in public:
        assert Question.from_json(question.to_json()) == question
        names = [(thing.kind, thing.color) for thing in question.target.objects]
        assert names == [(asked.kind, asked.color) for asked in question.asked]
        assert not unknown_words(question.prompt)
        if question.task == "t2i":
            assert score(question.scene, question.statement) == 1.0
            assert all(f"{color} {kind}" in question.prompt for kind, color in names)
        else:
            assert score_edit(question.scene, question.target, question.edit) == 1.0
            assert score_edit(question.scene, question.scene, question.edit) < 1.0
        if (question.task, question.sub_domain) == ("edit", "camera_pose"):
            assert len(question.scene.objects) == 1
        else:
            assert held_out(question.target)
    assert len({question.seed for question in public}) == len({question.id for question in public}) == len(public)


def test_every_relation_and_every_edit_is_asked_alike(public):
    # The released evaluator runs two of the four views of Complex.
    for task, names in SUB_DOMAINS.items():
        for name in names:
            group = [question for question in public if (question.task, question.sub_domain) == (task, name)]
            if task == "t2i":
                said = Counter(question.statement.relation for question in group)
                expected = set(RELATIONS[name])
            else:
                of = [q.edit.statement.relation if name.startswith("insert") else q.edit.direction for q in group]
                said, expected = Counter(of), {direction for _, direction in EDITS[name]}
            assert said == {relation: STORED // len(expected) for relation in expected}


def test_sizes_are_compared_within_one_kind(public):
    sizes = [question for question in public if question.sub_domain == "object_size"]
    assert sizes and all(question.asked[0].kind == question.asked[1].kind for question in sizes)


def test_select(public):
    few = select(public, ("edit",), ["move_object", "camera_pose"], 3)
    assert [question.id for question in few] == [
        f"edit-{n}-000{i}" for n in ("camera_pose", "move_object") for i in range(3)
    ]
    assert select(reversed(public)) == public


# Files ---------------------------------------------------------------------------------------------------------------


def test_files(public, tmp_path):
    write_questions(tmp_path / "mine.jsonl", public[:5])
    assert read_questions(tmp_path / "mine.jsonl") == public[:5]
    packed = gzip.compress((tmp_path / "mine.jsonl").read_bytes())
    (tmp_path / "mine.jsonl.gz").write_bytes(packed)
    assert read_questions(tmp_path / "mine.jsonl.gz") == public[:5]
    for broken in (packed[:-9], b"plain", packed[:30] + b"????" + packed[34:]):
        (tmp_path / "mine.jsonl.gz").write_bytes(broken)
        with pytest.raises(InputError, match=r"mine\.jsonl\.gz cannot be read"):
            read_questions(tmp_path / "mine.jsonl.gz")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sub_domain": "above"}, "t2i has no sub-domain 'above'"),
        ({"task": "video"}, "its task is 'video'"),
        ({"id": "../x"}, "its id is '../x'"),
        ({"id": 5}, "its id is 5"),
        ({"statement": None}, "a t2i question has a statement"),
        ({"statement": {"domain": "camera_pose", "relation": "above", "subject": 0}}, "no relation 'above'"),
        ({"statement": {"domain": "camera_pose", "relation": "front", "subject": 2}}, "about object 2, but asks for 2"),
        ({"statement": {"domain": "camera_pose"}}, "it is not a question"),
        ({"statement": {"domain": "camera_pose", "relation": "front", "subject": None}}, "lacks an object"),
        (
            {"statement": {"domain": "egocentric", "relation": "left", "subject": 0}},
            "of 'egocentric', not of camera_pose",
        ),
        ({"surprise": 1}, "it is not a question"),
        ({"asked": 3}, "it is not a question"),
    ],
)
def test_what_the_protocol_does_not_know_is_named(public, tmp_path, change, sentence):
    data = json.loads(public[0].to_json()) | change
    (tmp_path / "mine.jsonl").write_text(public[1].to_json() + "\n" + json.dumps(data) + "\n")
    with pytest.raises(InputError, match=f"line 2 of .*{sentence}"):
        read_questions(tmp_path / "mine.jsonl")


@pytest.mark.parametrize(
    ("domain", "change", "sentence"),
    [
        ("egocentric", {"reference": None}, "its statement of egocentric lacks an object"),
        ("object_size", {"relation": "volume", "reference": None}, "its statement of object_size lacks an object"),
        ("camera_distance", {"value": None}, "has the value None: expected a number above 0"),
        ("camera_distance", {"value": 0}, "has the value 0: expected a number above 0"),
        ("object_distance", {"value": "near"}, "has the value 'near': expected a number above 0"),
    ],
)
def test_a_statement_that_could_not_be_scored_is_refused_when_read(public, domain, change, sentence):
    data = json.loads(next(question for question in public if question.sub_domain == domain).to_json())
    data["statement"] |= change
    with pytest.raises(InputError, match=sentence):
        Question.from_json(json.dumps(data))


def test_prompts_may_hold_any_character_but_half_of_one(public, tmp_path):
    path = tmp_path / "mine.jsonl"
    # Line ends of other kinds, and the mark that some editors put first.
    question = dataclasses.replace(public[0], prompt="a car\u2028\x85 红 🚗")
    path.write_text("\ufeff" + question.to_json() + "\r\n", encoding="utf-8")
    assert read_questions(path) == [question]
    for broken in ("a car \\ud83d", ""):
        path.write_text(public[0].to_json().replace(public[0].prompt, broken), encoding="utf-8")
        with pytest.raises(InputError, match=r"line 1 of .*(has a broken character .*at position 7|its prompt is '')"):
            read_questions(path)


def test_files_that_are_none(public, tmp_path):
    file = tmp_path / "mine.jsonl"
    for text, sentence in (
        ("", "holds no question"),
        ("no json\n", "line 1 of"),
        (f"{public[0].to_json()}\n" * 2, "two questions with the id 't2i-camera_pose-0000'"),
    ):
        file.write_text(text)
        with pytest.raises(InputError, match=sentence):
            read_questions(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_questions(tmp_path / "absent.jsonl")


def test_the_command_writes_prompts_and_sources(tmp_path, capsys):
    command = ["--out", str(tmp_path), "--count", "1", "--task", "edit", "--size", "48x32"]
    run_command(write_questions_command, command)
    asked = read_questions(tmp_path / "questions.jsonl")
    assert [question.sub_domain for question in asked] == list(EDITS)
    for question in asked:
        with Image.open(tmp_path / "sources" / f"{question.id}.png") as image:
            assert image.size == (48, 32)
    with pytest.raises(SystemExit):
        run_command(write_questions_command, ["--out", str(tmp_path), "--size", "large"])
    assert "--size is 'large'" in capsys.readouterr().err


@pytest.mark.parametrize("count", [PUBLIC, 201])
def test_another_set_than_the_fixed_one_is_refused(monkeypatch, count):
    monkeypatch.setattr(questions, "DIGESTS", {count: "another"})
    with pytest.raises(InputError, match=f"set of {count} questions a sub-domain has the digest"):
        public_questions(count)


# GenSpace's own ------------------------------------------------------------------------------------------------------


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "PNG")
    return file.getvalue()


def parquet(path, rows: list[dict]):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_official_prompts_are_mapped_by_template(tmp_path):
    rows = [
        {"template_id": 2, "prompt": "The left view of a <car>.", "classes": "<car> "},
        {
            "template_id": 12,
            "prompt": "A chair in front of a cow, from the cow's perspective.",
            "classes": "<cow> <chair> ",
        },
        {"template_id": 23, "prompt": "A man and a cat, 2 m apart.", "classes": "<man> <cat> "},
        {"template_id": 29, "prompt": "Two <cups>, one 20 cm taller.", "classes": "<cup> "},
        {"template_id": 33, "prompt": "A dog and a cat ...", "classes": "<dog> <cat> "},
        {"template_id": 77, "prompt": "?", "classes": "<dog> "},
        {"template_id": 16, "prompt": "one class only", "classes": "<dog> "},
    ]
    asked, notes = official_questions(parquet(tmp_path / "t2i.parquet", rows), "t2i", tmp_path)
    said = [(q.statement.domain, q.statement.relation, q.statement.subject, q.statement.reference) for q in asked]
    assert said == [
        ("camera_pose", "left", 0, None),
        ("allocentric", "front", 1, 0),
        ("object_distance", "apart", 0, 1),
        ("object_size", "height", 0, 1),
        ("complex_pose", "left", 0, 1),
    ]
    assert asked[0].prompt == "The left view of a car." and asked[2].statement.value == 2.0
    assert asked[3].asked == (Asked("cup"), Asked("cup")) and asked[1].asked == (Asked("cow"), Asked("chair"))
    assert [question.id for question in asked][:2] == ["official-t2i-02-0000", "official-t2i-12-0000"]
    for question in asked:
        question.check()
    assert any("1 rows of t2i.parquet are not asked: template id '77' is none of 0 to 35" in note for note in notes)
    assert any("egocentric needs 2 class names, and the row has 1" in note for note in notes)


def test_official_edits_have_images(tmp_path):
    prompt = "There is a <cow>. Set <chair> in front of <cow>, from the <cow>'s perspective."
    rows = [
        {"id": 12, "instruction": prompt, "photo": {"bytes": png(), "path": "0.png"}},
        {
            "id": 25,
            "instruction": "Move the camera 1 m to the left of the <cow>.",
            "photo": {"bytes": png(), "path": ""},
        },
        {"id": 5, "instruction": "Turn the <cow> around.", "photo": {"bytes": None, "path": ""}},
    ]
    file = parquet(tmp_path / "edit.parquet", rows)
    with pytest.raises(
        InputError, match=r"columns id, instruction, photo, and none of them .* template: .*template=NAME"
    ):
        official_questions(file, "edit", tmp_path / "sources")
    names = {"template": "id", "image": "photo"}
    (inserted, moved), notes = official_questions(file, "edit", tmp_path / "sources", names)
    assert inserted.asked == (Asked("cow"), Asked("chair")) and inserted.asked_before == (Asked("cow"),)
    assert (inserted.edit.statement.subject, inserted.edit.statement.reference) == (1, 0)
    assert (moved.edit.kind, moved.edit.direction, moved.edit.value, moved.edit.index) == ("camera", "left", 1.0, None)
    with Image.open(inserted.picture) as image:
        assert image.size == (8, 8)
    assert notes == ["1 rows of edit.parquet are not asked: the source image is missing."]
    for question in (inserted, moved):
        question.check()


def test_official_tables_have_every_sub_domain():
    assert {name for name, _, _ in official.T2I} == set(SUB_DOMAINS["t2i"]) and len(official.T2I) == 36
    # Complex edits have another layout of files, which is not mapped.
    assert {name for name, _, _ in official.EDIT} == set(SUB_DOMAINS["edit"]) - {"complex_pose"}
    assert len(official.EDIT) == 32


def test_no_official_file(tmp_path):
    (tmp_path / "x.parquet").write_text("nothing")
    with pytest.raises(InputError, match="cannot be read"):
        official_questions(tmp_path / "x.parquet", "t2i", tmp_path)
    file = parquet(tmp_path / "t2i.parquet", [{"template_id": 99, "prompt": "p", "classes": "<a>"}])
    with pytest.raises(InputError, match=r"no row of .* can be asked"):
        official_questions(file, "t2i", tmp_path)
