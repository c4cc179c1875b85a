"""Help pages and translations belong to the nodes as they are.

No host is needed: the schemas are read with stand-ins for ComfyUI's modules, where `io.X.Input(...)` only remembers
what it was given. `python tests/test_locales.py` writes the English locale anew from the schemas; the Chinese one is
written by hand.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import sys
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest.mock import MagicMock

import pytest

ROOT = Path(__file__).parents[1]
LOCALES = ROOT / "locales"
PACK = "pack_of_test_locales"  # the name of the checkout's folder as a package
OF_HOST = (
    "comfy",
    "comfy.model_management",
    "comfy.samplers",
    "comfy.utils",
    "comfy_api",
    "comfy_api.latest",
    "comfy_execution",
    "comfy_execution.graph_utils",
    "comfyui_version",
    "folder_paths",
    "server",
)


def node_classes() -> dict[str, str]:
    """File name of each node by its id. As ComfyUI-Manager finds them: direct base, and a literal id."""
    found = {}
    for file in sorted((ROOT / "nodes").glob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and any(ast.unparse(b) == "io.ComfyNode" for b in node.bases):
                schemas = [c for c in ast.walk(node) if isinstance(c, ast.Call) and ast.unparse(c.func) == "io.Schema"]
                ids = [k.value.value for s in schemas for k in s.keywords if k.arg == "node_id"]
                assert ids == [node.name], f"{file.name}: class {node.name} has the ids {ids}"
                found[node.name] = file.stem
    return found


class _Slot:
    """An input or output as it was declared."""

    def __init__(self, id: str | None = None, *, display_name: str | None = None, tooltip: str = "", **_: object):
        self.id = id
        self.name = display_name or id
        self.tooltip = tooltip


class _Io:
    """Stand-in for `comfy_api.latest.io`."""

    ComfyNode = type("ComfyNode", (), {})
    Hidden = FolderType = MagicMock()
    Schema = SimpleNamespace

    def __getattr__(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(Input=_Slot, Output=_Slot)

    def Custom(self, _name: str) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(Input=_Slot, Output=_Slot)


@contextmanager
def _host():
    """The stand-ins in place of ComfyUI's modules, and the checkout as a package."""
    before = dict(sys.modules)
    try:
        sys.modules.update({name: MagicMock() for name in OF_HOST})
        sys.modules["comfyui_version"].__version__ = "0.33.0"
        sys.modules["comfy_api.latest"].io = _Io()
        sys.modules["comfy_api.latest"].ComfyExtension = object
        sys.modules["folder_paths"].folder_names_and_paths = defaultdict(lambda: ([], set()))
        sys.modules["folder_paths"].models_dir = "models"
        sys.modules[PACK] = ModuleType(PACK)
        sys.modules[PACK].__path__ = [str(ROOT)]
        yield
    finally:
        for name in [*OF_HOST, *(n for n in sys.modules if n.split(".")[0] == PACK)]:
            sys.modules.pop(name, None)
        sys.modules.update({name: before[name] for name in OF_HOST if name in before})


def read_schemas() -> dict[str, SimpleNamespace]:
    with _host():
        return {
            name: getattr(importlib.import_module(f"{PACK}.nodes.{file}"), name).define_schema()
            for name, file in node_classes().items()
        }


def english(schemas: dict[str, SimpleNamespace]) -> dict[str, dict]:
    """The English locale: the words of the code, in the form of the core's nodeDefs."""

    def words(slot: _Slot) -> dict[str, str]:
        return {"name": slot.name, "tooltip": slot.tooltip}

    return {
        name: {
            "display_name": schema.display_name,
            "description": schema.description,
            "inputs": {slot.id: words(slot) for slot in schema.inputs},
            "outputs": {str(number): words(slot) for number, slot in enumerate(schema.outputs)},
        }
        for name, schema in sorted(schemas.items())
    }


def read_json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def to_json(data: dict) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


@pytest.fixture(scope="module")
def schemas() -> dict[str, SimpleNamespace]:
    return read_schemas()


@pytest.fixture(scope="module", params=["en", "zh"])
def locale(request) -> dict:
    return read_json(LOCALES / request.param / "nodeDefs.json")


def test_stand_ins_go_away(schemas):
    assert not [name for name in sys.modules if name.split(".")[0] == PACK]


def test_every_node_is_translated(locale):
    assert set(locale) == set(node_classes())


def test_every_node_has_a_help_page():
    assert {page.stem for page in (ROOT / "web" / "docs").glob("*.md")} == set(node_classes())


def test_english_has_the_words_of_the_code(schemas):
    text = (LOCALES / "en" / "nodeDefs.json").read_text(encoding="utf-8")
    assert text == to_json(english(schemas)), "run `python tests/test_locales.py`"


def test_slots_are_those_of_the_code(schemas, locale):
    for name, expected in english(schemas).items():
        for part in ("inputs", "outputs"):
            assert list(locale[name][part]) == list(expected[part]), f"{part} of {name}"
            for slot, words in locale[name][part].items():
                assert set(words) == {"name", "tooltip"} and all(words.values()), f"{slot} of {name}"


def test_chinese_is_chinese():
    def check(words: dict, where: str) -> None:
        for key, value in words.items():
            if isinstance(value, dict):
                check(value, f"{where}.{key}")
            elif key in ("tooltip", "description", "display_name"):
                assert re.search("[\u4e00-\u9fff]", value), f"{where}.{key}"

    check(read_json(LOCALES / "zh" / "nodeDefs.json"), "zh")


def test_chinese_keeps_numbers_and_options(schemas):
    """What a user sees on the widgets (numbers, names of options) is the same in both languages."""
    ours, theirs = english(schemas), read_json(LOCALES / "zh" / "nodeDefs.json")
    for name in ours:
        for slot, words in ours[name]["inputs"].items():
            translated = theirs[name]["inputs"][slot]["tooltip"]
            for option in re.findall(r"^- ([^:]+):", words["tooltip"], re.MULTILINE):
                assert re.search(rf"^- {re.escape(option)}[：:]", translated, re.MULTILINE), f"{option}: {name}.{slot}"
            # Digits within words are names: Qwen2.5-VL, MoGe-2.
            numbers = re.findall(r"(?<![\w.-])\d+(?:\.\d+)?(?![\w-])", words["tooltip"])
            assert [n for n in numbers if n not in translated] == [], f"{name}.{slot}"


def test_page_does_not_read_words_as_messages(locale):
    """vue-i18n gives these signs a meaning in names and descriptions; tooltips it takes as they are."""
    for name, node in locale.items():
        words = [node["display_name"], node["description"]]
        words += [slot["name"] for part in ("inputs", "outputs") for slot in node[part].values()]
        assert not [word for word in words if re.search("[{}@|]", word)], name


@pytest.mark.parametrize("language", ["en", "zh"])
def test_locale_files_are_formatted(language):
    for file in (LOCALES / language).glob("*.json"):
        text = file.read_text(encoding="utf-8")
        assert text == to_json(json.loads(text)), file


def test_help_pages_name_every_input_and_output(schemas):
    for name, schema in schemas.items():
        page = (ROOT / "web" / "docs" / f"{name}.md").read_text(encoding="utf-8")
        assert page.startswith(f"# {schema.display_name}\n"), name
        named = re.findall(r"^- `([^`]+)` \(", page, re.MULTILINE)
        assert named == [slot.name for slot in (*schema.inputs, *schema.outputs)], name


def test_help_pages_have_no_tables():
    """The page shows them in a panel of about 320 pixels, in which the last columns of a table are cut off."""
    pages = (ROOT / "web" / "docs").glob("*.md")
    assert [page.name for page in pages if re.search(r"^\|", page.read_text(encoding="utf-8"), re.MULTILINE)] == []


if __name__ == "__main__":
    file = LOCALES / "en" / "nodeDefs.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(to_json(english(read_schemas())), encoding="utf-8")
