"""python -m spatialfusion.evaluate.write_questions: the questions and the source images of edits, for other models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import CommandParser, InputError, read_size, run_command
from ..progress import progress_bar
from .question_images import save_image, source_images
from .questions import PUBLIC, SUB_DOMAINS, Question, digest, public_questions, select, write_questions


def main(argv: list[str]) -> None:
    parser = CommandParser(
        prog="python -m spatialfusion.evaluate.write_questions",
        description="Write the questions as questions.jsonl, and the source images of edits, for a model of your own.",
    )
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="FOLDER")
    add("--count", type=int, default=PUBLIC, metavar="N", help=f"of each sub-domain (default: {PUBLIC})")
    add("--task", choices=(*SUB_DOMAINS, "both"), default="both")
    add("--size", default="512x512", metavar="WxH", help="of source images (default: %(default)s)")
    options = parser.parse_args(argv)
    if options.count < 1:
        raise InputError(f"--count is {options.count}: expected at least 1.")
    size = read_size(options.size)
    tasks = tuple(SUB_DOMAINS) if options.task == "both" else (options.task,)
    questions = select(public_questions(options.count), tasks)
    write_sources(options.out / "sources", [question for question in questions if question.edit], size)
    write_questions(options.out / "questions.jsonl", questions)
    print(f"{len(questions)} questions, digest {digest(questions)}: {options.out / 'questions.jsonl'}")


def write_sources(folder: Path, questions: Sequence[Question], size: tuple[int, int]) -> None:
    """The rendered source image of each edit as <id>.png."""
    for start in progress_bar(range(0, len(questions), 8), what="sources", disable=not questions):
        part = questions[start : start + 8]
        for question, picture in zip(part, source_images(part, size)):
            save_image(folder / f"{question.id}.png", picture)


if __name__ == "__main__":
    run_command(main)
