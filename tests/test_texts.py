"""Text that is none, and output that cannot show it."""

from __future__ import annotations

import io
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialfusion.errors import InputError, run_command
from spatialfusion.files import write_text
from spatialfusion.texts import check_text, printable

BROKEN = "a car \ud83d"


@given(st.text(st.characters(codec="utf-8")))
def test_text_stays_as_it_is(text):
    assert check_text(text, "x") == text == printable(text)


@given(st.text(), st.characters(categories=["Cs"]), st.text())
def test_what_is_no_character_is_named_and_can_be_printed(before, surrogate, after):
    with pytest.raises(InputError, match=r"^the prompt has a broken character \('\\ud\w{3}'\) at position"):
        check_text(before + surrogate + after, "the prompt")
    assert f"\\u{ord(surrogate):04x}" in printable(before + surrogate + after)


def test_written_json_keeps_what_a_name_was(tmp_path):
    import json

    name = os.fsdecode(b"caf\xe9.png")
    write_text(tmp_path / "a.json", json.dumps([name, "红"], ensure_ascii=False))
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == [name, "红"]
    assert "红" in (tmp_path / "a.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_a_path_that_the_terminal_cannot_show_is_printed_escaped(monkeypatch, encoding):
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding=encoding))
    run_command(lambda argv: print(argv[0]), ["outputs/红-" + os.fsdecode(b"\xe9") + "/image.png"])
    sys.stdout.flush()
    start = "outputs/红" if encoding == "utf-8" else "outputs/\\u7ea2"
    assert shown.getvalue().decode(encoding).strip() == start + "-\\udce9/image.png"
