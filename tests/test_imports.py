"""Imports run one way: no module imports one that stands above it, and there is no circle."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From below to above; each line is a room, whose modules may import each other and what stands in the lines before. A
# module belongs to the longest name that fits.
ORDER = [
    "spatialfusion spatialfusion.errors spatialfusion.files spatialfusion.devices spatialfusion.defaults "
    "spatialfusion.wan_names spatialfusion.versions spatialfusion.__main__",
    "spatialfusion.geometry spatialfusion.sheet",
    "spatialfusion.scenes",
    "spatialfusion.planner spatialfusion.plan",
    "spatialfusion.model",
    "spatialfusion.backbones spatialfusion.latents spatialfusion.single_file spatialfusion.model_folder",
    "spatialfusion.pipeline spatialfusion.pipeline_scene spatialfusion.pipeline_inputs spatialfusion.pipeline_files "
    "spatialfusion.pipeline_lora",
    "spatialfusion.generate",
    "spatialfusion.data",
    "spatialfusion.label",
    "spatialfusion.train",
    "spatialfusion.cost",
    "spatialfusion.benchmark",
    "spatialfusion.evaluate",
    "spatialfusion.tiny",
    "spatialfusion.train.__main__",  # the command, which knows the stages of all rooms
    "nodes",
    "research",
]
RANKS = {name: rank for rank, names in enumerate(ORDER) for name in names.split()}


def modules() -> dict[str, Path]:
    """The modules of the library, the nodes and research, by name."""
    found = {}
    for room in ("spatialfusion", "nodes", "research"):
        for path in (ROOT / room).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(name: str, path: Path, own: set[str] | dict[str, Path]) -> set[str]:
    """The modules of our own that a module imports anywhere in it, also for types alone."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = base_of(node, package)
            # What is imported may itself be a module.
            parts = {f"{base}.{alias.name}" for alias in node.names}
            found |= (parts & set(own)) or {base}
            if any(part not in own for part in parts):
                found.add(base)
    return {one for one in found if one in own and one != name}


def base_of(node: ast.ImportFrom, package: Sequence[str]) -> str:
    """The full name of the module that names are imported from, in a module of `package`."""
    parts = package[: len(package) - node.level + 1] if node.level else ()
    return ".".join([*parts, node.module or ""]).strip(".")


GRAPH = {name: imports(name, path, MODULES) for name, path in MODULES.items()}


def rank(name: str) -> int:
    while name not in RANKS:
        assert "." in name, f"{name} is in no room: give it a place in ORDER"
        name = name.rpartition(".")[0]
    return RANKS[name]


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Every circle that a depth-first walk meets, as the modules along it."""
    found, done = [], set()

    def walk(name: str, path: list[str]) -> None:
        if name in path:
            found.append([*path[path.index(name) :], name])
        elif name not in done:
            for other in sorted(graph[name]):
                walk(other, [*path, name])
            done.add(name)

    for name in sorted(graph):
        walk(name, [])
    return found


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_imports_nothing_above_it(name):
    if name == "spatialfusion":  # the library's face shows what is in all rooms
        return
    above = sorted(other for other in GRAPH[name] if rank(other) > rank(name))
    assert not above, f"{name} imports {', '.join(above)}, which stand above it"


def test_there_is_no_circle():
    # The face imports from below only when it is asked for a name.
    graph = {name: others - {"spatialfusion"} for name, others in GRAPH.items() if name != "spatialfusion"}
    assert circles(graph) == []


@pytest.mark.parametrize("room", ["spatialfusion", "nodes", "research", ".ci"])
def test_what_is_imported_is_there(room):
    """Also inside functions, and in scripts that no other test runs."""
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                base = base_of(node, path.relative_to(ROOT).parent.parts)
                if base.partition(".")[0] in ("spatialfusion", "research"):
                    assert base in MODULES, f"{path.name} imports from {base}, which is not there"
                    there = defined(MODULES[base]) | {name.rpartition(".")[2] for name in MODULES if base in name}
                    missing = {alias.name for alias in node.names} - there
                    assert not missing or "__getattr__" in there, f"{path.name} imports {missing}, not in {base}"


def defined(path: Path) -> set[str]:
    """The names that a module defines or imports at its top level."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
            continue
        for part in ast.walk(node):
            if isinstance(part, ast.alias):
                found.add(part.asname or part.name)
            elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                found.add(part.id)
    return found


def test_nobody_imports_research_and_the_library_no_node():
    for name, others in GRAPH.items():
        for other in others:
            if other.partition(".")[0] == "research":
                assert name.partition(".")[0] == "research", f"{name} imports {other}"
            if other.partition(".")[0] == "nodes":
                assert name.partition(".")[0] == "nodes", f"{name} imports {other}"


def test_a_circle_and_an_arrow_up_are_found(tmp_path):
    """The test itself: relative and absolute imports, modules and names, inside functions and for types."""
    files = {
        "spatialfusion/errors.py": "from .train import config\n",
        "spatialfusion/train/config.py": "def f():\n    from ..errors import InputError\n",
        "spatialfusion/train/__init__.py": "",
        "nodes/a.py": "import torch\nif TYPE_CHECKING:\n    from spatialfusion.errors import InputError\n",
    }
    own = {}
    for file, text in files.items():
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        own[file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")] = path
    graph = {name: imports(name, path, own) for name, path in own.items()}
    assert graph == {
        "spatialfusion.errors": {"spatialfusion.train.config"},
        "spatialfusion.train.config": {"spatialfusion.errors"},
        "spatialfusion.train": set(),
        "nodes.a": {"spatialfusion.errors"},
    }
    assert circles(graph) == [["spatialfusion.errors", "spatialfusion.train.config", "spatialfusion.errors"]]
    assert rank("spatialfusion.train.config") > rank("spatialfusion.errors")
    assert rank("spatialfusion.train.__main__") > rank("spatialfusion.tiny.vae") > rank("spatialfusion.evaluate.judges")
