"""ComfyUI's page in a browser: opens a template, presses Run, waits for the result, takes pictures of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 240_000  # milliseconds, for a busy machine
# Nothing that calls home.
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


class NoBrowserError(Exception):
    """There is nothing to open the page with; the message says what is missing."""


class Page:
    """The page of a running server; `pack` is the folder's name in its custom_nodes."""

    def __init__(self, page: Any, address: str, pack: str = "installed-pack"):
        self.page, self.address, self.pack = page, address, pack

    def open(self, template: str) -> None:
        """Open a template by the link behind its picture in the template browser."""
        # Another page first: the same address with another query would keep the graph that is open.
        self.page.goto("about:blank")
        self.page.goto(f"{self.address}/?template={template}&source={self.pack}")
        file = self.page.request.get(f"{self.address}/api/workflow_templates/{self.pack}/{template}.json").json()
        self.page.wait_for_function(
            "(types) => window.app?.graph?._nodes?.map((n) => n.type).sort().join() === types",
            arg=",".join(sorted(node["type"] for node in file["nodes"])),
            polling=200,  # not with each frame drawn: app mode draws none of the graph
        )

    def run(self) -> None:
        """Press Run, and wait until the queue is empty and every output node has shown something."""
        self.page.evaluate("() => { window.app.nodeOutputs = {} }")
        self.page.get_by_role("button", name="Run", exact=True).first.click()
        self.page.wait_for_function(
            """() => window.app.graph._nodes.filter((n) => n.constructor.nodeData?.output_node)
                   .every((n) => window.app.nodeOutputs[n.id])"""
        )
        # Pictures are fetched after the run has ended.
        self.page.wait_for_function(
            """() => window.app.graph._nodes.every((n) => !window.app.nodeOutputs[n.id]?.images?.length
                   || (n.imgs?.length && n.imgs.every((i) => i.naturalWidth > 0)))"""
        )

    def boxes(self) -> dict[str, tuple[float, float, float, float]]:
        """Left, top, right and bottom of every node with its title bar, by "id title"."""
        found = self.page.evaluate(
            "() => window.app.graph._nodes.map((n) => [`${n.id} ${n.title}`, ...n.pos, ...n.size])"
        )
        return {name: (x, y - 30, x + width, y + height) for name, x, y, width, height in found}

    def zoom(self) -> tuple[float, bool]:
        """The zoom, and whether text is drawn at it."""
        return self.page.evaluate("() => [window.app.canvas.ds.scale, !window.app.canvas.low_quality]")

    def found_templates(self, query: str) -> list[str]:
        """The names that the template browser shows for a query."""
        if not self.page.get_by_role("dialog").count():
            self.page.get_by_role("button", name="Templates").first.click()
        box = self.page.get_by_role("dialog").locator("input").first
        box.fill(query)
        self.page.wait_for_timeout(2000)
        return self.page.evaluate(
            "() => [...document.querySelectorAll('[data-testid^=template-workflow-]')].map((e) => e.dataset.testid)"
        )

    def found_nodes(self, query: str, press: str = "Escape") -> list[str]:
        """What the search for nodes shows for a query, best first; `press` "Enter" puts the first in the graph."""
        for _ in range(20):  # a busy page lets the first clicks go by
            self.page.mouse.dblclick(250, 900)  # where templates have no node
            self.page.wait_for_timeout(1500)
            if self.page.evaluate("() => document.activeElement.tagName === 'INPUT'"):
                break
        self.page.keyboard.type(query, delay=30)
        options = self.page.get_by_role("option")
        options.first.wait_for()
        self.page.wait_for_timeout(1500)
        found = options.all_inner_texts()
        self.page.keyboard.press(press)
        self.page.wait_for_timeout(1500)
        if press == "Enter":
            self.page.mouse.click(250, 700)  # where the new node is let go
            self.page.wait_for_timeout(500)
        return found

    def prompt(self) -> dict[str, Any]:
        """What the page would queue."""
        return self.page.evaluate("async () => (await window.app.graphToPrompt()).output")

    def run_app(self, results: int) -> list[tuple[int, int]]:
        """Press Run in app mode, and wait for so many pictures; their sizes."""
        skip = self.page.get_by_role("button", name="Skip")
        self.page.wait_for_timeout(3000)
        if skip.count():
            skip.click()
        self.page.get_by_role("button", name="Run", exact=True).first.click()
        self.page.wait_for_function(
            """(count) => Object.values(window.app.nodeOutputs).filter((o) => o?.images?.length).length >= count""",
            arg=results,
        )
        self.page.wait_for_timeout(3000)
        return self.page.evaluate(
            """() => [...document.querySelectorAll("img")].filter((i) => i.src.includes("/view"))
                   .map((i) => [i.naturalWidth, i.naturalHeight])"""
        )

    def type(self, kind: str, widget: str, text: str) -> None:
        """Type a text into a box of the first node of a type, as a user does."""
        before = self._widget(kind, widget)
        boxes = self.page.locator("textarea")
        box = next(boxes.nth(i) for i in range(boxes.count()) if boxes.nth(i).input_value() == before)
        box.fill(text)
        assert self._widget(kind, widget) == text

    def set(self, kind: str, widget: str, value: Any) -> None:
        """Give a widget of the first node of a type another value."""
        self.page.evaluate(
            """([kind, name, value]) => {
                const node = window.app.graph._nodes.find((n) => n.type === kind);
                node.widgets.find((w) => w.name === name).value = value;
            }""",
            [kind, widget, value],
        )

    def said(self, kind: str) -> str:
        """The text that the first node of a type shows below its widgets."""
        return self._widget(kind, "$$node-text-preview")

    def pictures(self) -> dict[str, bytes]:
        """The files of the pictures that nodes show, by the title of the node."""
        found = self.page.evaluate(
            "() => window.app.graph._nodes.filter((n) => n.imgs?.length).map((n) => [n.title, n.imgs[0].src])"
        )
        return {title: self.page.request.get(source).body() for title, source in found}

    def _widget(self, kind: str, widget: str) -> Any:
        return self.page.evaluate(
            """([kind, name]) => window.app.graph._nodes.find((n) => n.type === kind)
                   .widgets.find((w) => w.name === name)?.value""",
            [kind, widget],
        )

    def shown(self) -> dict[str, list[tuple[int, int]]]:
        """The sizes of the pictures that nodes show, by the type of node."""
        found: dict[str, list[tuple[int, int]]] = {}
        nodes = self.page.evaluate(
            """() => window.app.graph._nodes.filter((n) => n.imgs?.length)
                   .map((n) => [n.type, n.imgs.map((i) => [i.naturalWidth, i.naturalHeight])])"""
        )
        for kind, sizes in nodes:
            found.setdefault(kind, []).extend(map(tuple, sizes))
        return found

    def errors(self) -> int:
        """How many dialogs or nodes speak of an error."""
        marked = self.page.evaluate("() => window.app.graph._nodes.filter((n) => n.has_errors).length")
        return marked + self.page.get_by_role("dialog").count()

    def screenshot(self, kinds: Sequence[str], path: Path, scale: float = 0.8, margin: int = 16) -> None:
        """A picture of the part of the graph that holds the first node of each of these types."""
        box = self.page.evaluate(
            """([kinds, scale, margin]) => {
                const { graph, canvas } = window.app, title = 50;  // with the pack's badge above
                const nodes = kinds.map((kind) => graph._nodes.find((n) => n.type === kind));
                const left = Math.min(...nodes.map((n) => n.pos[0])), top = Math.min(...nodes.map((n) => n.pos[1]));
                const right = Math.max(...nodes.map((n) => n.pos[0] + n.size[0]));
                const bottom = Math.max(...nodes.map((n) => n.pos[1] + n.size[1]));
                // Clear of the page's own bars.
                const x = 90, y = 110;
                canvas.ds.scale = scale;
                canvas.ds.offset = [x / scale + margin - left, y / scale + margin + title - top];
                canvas.deselectAll?.();
                canvas.setDirty(true, true);
                const rect = canvas.canvas.getBoundingClientRect();
                return { x: rect.left + x, y: rect.top + y, width: (right - left + 2 * margin) * scale,
                         height: (bottom - top + title + 2 * margin) * scale };
            }""",
            [list(kinds), scale, margin],
        )
        self.page.wait_for_timeout(500)
        self.page.screenshot(path=str(path), clip=box, type="jpeg", quality=85)


@contextmanager
def open_page(address: str, width: int = 1680, height: int = 1000, **options: Any) -> Iterator[Page]:
    """A browser with an empty page for the server at `address`. Raises NoBrowserError."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NoBrowserError("playwright is not installed") from None
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise NoBrowserError("no chromium to open the page with")
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=browser, args=FLAGS)
        page = chromium.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(PATIENCE)
        # The page would show the graph of last time first, which may look like the one that is opened.
        page.add_init_script("if (location.protocol !== 'about:') { localStorage.clear(); sessionStorage.clear() }")
        yield Page(page, address, **options)
        chromium.close()
