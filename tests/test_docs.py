"""The documentation leads somewhere, and stays short."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "research/LOG.md")), *DOCS]
PAGES += sorted((ROOT / "web" / "docs").glob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
NAMED = re.compile(r"(?<![\w/.-])docs/[\w./-]*\w")  # a file or folder of docs/ in a comment, a message or a link
SOURCES = {".py", ".md", ".yaml", ".yml", ".json", ".toml", ".sh", ".js", ""}


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def broken(page: Path) -> list[str]:
    found = []
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        other = page.parent / name if name else page
        if not other.exists() or (anchor and anchor not in anchors(other)):
            found.append(target)
    return found


def sources() -> list[Path]:
    """The text files of the repository: those that git knows, or all where there is no git."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        files = [ROOT / name for name in listed.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        rooms = ("spatialfusion", "nodes", "research", "tests", "docs", "web", "locales", ".ci", ".github")
        files = [*ROOT.glob("*"), *(file for room in rooms for file in (ROOT / room).rglob("*"))]
    return [file for file in files if file.suffix in SOURCES and file.is_file() and file != Path(__file__)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    assert broken(page) == []


def test_every_page_that_code_and_messages_name_exists():
    missing = {}
    for file in sources():
        for name in set(NAMED.findall(file.read_text(encoding="utf-8", errors="replace"))):
            if not any((folder / name).exists() for folder in (ROOT, ROOT / "web")):
                missing[str(file.relative_to(ROOT))] = name
    assert missing == {}


def test_a_broken_link_is_found(tmp_path):
    """The test itself: files, anchors of this page and of another one, and what stands in code."""
    (tmp_path / "other.md").write_text("# A title, with `code`\n\n```\n# no title\n```\n")
    page = tmp_path / "page.md"
    good = ("other.md", "other.md#a-title-with-code", "#here", "https://a.b/c.md")
    bad = ("none.md", "other.md#no-title", "#up")
    page.write_text("# Here\n\n" + "\n".join(f"[a\nlink]({link})" for link in good + bad))
    assert broken(page) == list(bad)
    assert NAMED.findall("see docs/a-b.md. (docs/c.md#d) web/docs/E.md ../docs/f.md https://g/docs/h") == [
        "docs/a-b.md",
        "docs/c.md",
    ]


def test_pages_are_short():
    limits = {page: 250 for page in DOCS} | {ROOT / "README.md": 150, ROOT / "docs" / "architecture.md": 150}
    lines = {page.name: len(page.read_text(encoding="utf-8").splitlines()) for page in limits}
    assert {page.name: lines[page.name] for page, limit in limits.items() if lines[page.name] > limit} == {}


def test_the_files_of_the_architecture_exist():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = set(re.findall(r"`([\w/]+(?:\.py|/))`", text))
    assert len(names) > 20
    assert [name for name in names if not any((base / name).exists() for base in (ROOT, ROOT / "spatialfusion"))] == []


def test_the_readme_has_its_two_commands():
    """`.ci/run` takes the one that runs the tests from the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    install = "python3 -m venv .venv && .venv/bin/pip install -c tests/constraints.txt "
    assert [line for line in text.splitlines() if line.startswith("python3")] == [
        f'{install}. && .venv/bin/python -m spatialfusion.generate "a red car in front of a blue house"',
        f'{install}".[test]" && .venv/bin/python -m pytest tests',
    ]


def test_the_tests_that_contributing_names_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:host/)?test_\w+\.py)(?:::(test_\w+))?`", text)
    assert len(named) > 10
    for file, test in named:
        source = (ROOT / "tests" / file).read_text(encoding="utf-8")
        assert not test or f"def {test}(" in source, f"{file} has no {test}"
