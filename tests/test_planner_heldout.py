"""The reader against sentences that were written down before it, and that nobody who works on it has seen.

The failures are counted by kind and never shown: a look makes the figure worthless. 150 sentences, one seed each.
"""

from __future__ import annotations

import re
from collections import Counter

import pytest
from sentence_truth import check, read_sentences

from spatialfusion.errors import InputError
from spatialfusion.planner.plan import plan

SIZE = (64, 64)
GOAL = 0.85  # not reached yet: 117 of 150 are right, and 9 wrong in silence
FLOOR, SILENT = 0.78, 9


def kind_of(fault: str) -> str:
    """What a fault is about, without the words of its sentence."""
    for kind, pattern in (
        ("a thing that was not asked for", "^not asked for"),
        ("a word listed that should be understood", "^listed as not understood"),
        ("the setting", "^setting"),
        ("words of a thing", "nothing says"),
        ("a statement of the exact scorer", "scores"),
        ("a number of things", r"^\d+ of "),
        ("the camera", "camera|shot|view"),
    ):
        if re.search(pattern, fault):
            return kind
    return "another relation"


@pytest.mark.slow
def test_sentences_in_other_wordings_are_read_or_say_what_is_not_understood():
    right, silent, kinds = 0, 0, Counter()
    entries = read_sentences()
    for entry in entries:
        try:
            made = plan(entry["text"], size=SIZE)
        except InputError:
            kinds["no scene"] += 1
            continue
        faults = check(entry, made.layout, made.not_understood)
        if not faults:
            right += 1
            continue
        kinds.update({kind_of(fault) for fault in faults})
        silent += not made.not_understood and not made.warnings
    print(f"goal {GOAL:.0%}: {right} of {len(entries)} right; {silent} wrong without a word; faults: {dict(kinds)}")
    # Not asserted in one line, which would show the sentences.
    share = right / len(entries)
    assert share >= FLOOR, f"{share:.3f} of the sentences are right"
    assert silent <= SILENT, f"{silent} sentences are read wrongly, and nothing is said"
