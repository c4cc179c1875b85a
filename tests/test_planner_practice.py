"""The reader against sentences that were written down beside it: what each must show when it is solved.

`practice.jsonl` has the form of `sentences.jsonl`, which nobody who works on the reader looks at, and is there to be
looked at. It says what has to hold of a layout; `wordings.txt` says which scene text a sentence has to give.
"""

from __future__ import annotations

from sentence_truth import PRACTICE, check, read_sentences

from spatialfusion.errors import InputError
from spatialfusion.planner.plan import plan

RIGHT, SILENT = 314, 5  # of 333: right at least, and wrong without a word at most


def test_practice_sentences_are_read_or_say_what_is_not_understood() -> None:
    entries = read_sentences(PRACTICE)
    wrong: list[str] = []
    silent: list[str] = []
    for entry in entries:
        try:
            made = plan(entry["text"], size=(64, 64))
        except InputError as error:
            wrong.append(f"{entry['id']}: {error}")
            continue
        if faults := check(entry, made.layout, made.not_understood):
            wrong.append(f"{entry['id']}: {'; '.join(faults)}")
            if not made.not_understood and not made.warnings:
                silent.append(entry["id"])
    assert len(silent) <= SILENT, silent
    assert len(entries) - len(wrong) >= RIGHT, "\n".join(wrong)
