"""The floor plan in ComfyUI's page, in both of its renderers, and its route. Skipped without a host or a browser."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest
from host_page import NoBrowserError, open_page
from host_server import Host, NoHostError

from spatialfusion.scenes.text import EXAMPLE

pytestmark = pytest.mark.host

COMPOSE, PLAN = "SpatialFusionComposeScene", "SpatialFusionPlanScene"
CAR, TABLE = 1, 2  # of EXAMPLE


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    try:
        host = Host(tmp_path_factory.mktemp("comfyui"))
        host.start()
    except NoHostError as missing:
        pytest.skip(str(missing))
    yield host
    host.stop()


@pytest.fixture(scope="module")
def browser(host):
    try:
        with open_page(host.address) as page:
            page.page.set_default_timeout(60_000)
            page.open("SpatialFusion-Sentence-to-Depth")  # the templates, which a first visit shows, are then closed
            yield page
    except NoBrowserError as missing:
        pytest.skip(str(missing))


@pytest.fixture(params=["canvas", "vue"])
def plan(browser, request):
    return FloorPlan(browser.page, request.param == "vue")


class FloorPlan:
    """One Compose Scene Depth in an otherwise empty graph."""

    def __init__(self, page, vue: bool, kind: str = COMPOSE):
        self.page = page
        page.evaluate("(vue) => window.app.extensionManager.setting.set('Comfy.VueNodes.Enabled', vue)", vue)
        page.evaluate(
            """(kind) => {
                const { graph, canvas } = window.app;
                for (const node of [...graph._nodes]) graph.remove(node);
                const node = window.LiteGraph.createNode(kind);
                graph.add(node);
                node.pos = [120, 90];
                canvas.ds.scale = 1;
                canvas.ds.offset = [0, 0];
                canvas.setDirty(true, true);
            }""",
            kind,
        )
        # From here on undo leads back to this one node; the graph that was opened before may still be loading.
        self.wait(
            """() => {
                const tracker = window.app.extensionManager.workflow.activeWorkflow?.changeTracker;
                tracker?.captureCanvasState();
                return tracker?.activeState?.nodes.length === 1 && window.app.graph._nodes.length === 1;
            }"""
        )
        if kind == COMPOSE:
            self.wait("() => document.querySelectorAll('.sf-thing').length === 4")
            self.wait("() => document.querySelector('.sf-picture img').naturalWidth >= 256")
        assert (page.locator(".dom-widget .sf-floor-plan").count() == 0) == vue

    def wait(self, function: str, value=None) -> None:
        self.page.wait_for_function(function, arg=value)

    def text(self) -> str:
        return self.page.evaluate(
            "() => window.app.graph._nodes[0].widgets.find((widget) => widget.name === 'text').value"
        )

    def line(self, number: int) -> str:
        return self.text().splitlines()[number - 1]

    def wait_line(self, number: int, line: str) -> None:
        self.wait(
            """([number, line]) => window.app.graph._nodes[0].widgets.find((widget) => widget.name === 'text')
                .value.split("\\n")[number - 1] === line""",
            [number, line],
        )

    def label(self, thing: int) -> str:
        return self.page.locator(".sf-thing").nth(thing).get_attribute("aria-label")

    def wait_label(self, thing: int, start: str) -> None:
        self.wait(
            "([n, start]) => document.querySelectorAll('.sf-thing')[n]?.getAttribute('aria-label').startsWith(start)",
            [thing, start],
        )

    def picture(self) -> str:
        return self.page.locator(".sf-picture img").get_attribute("src")

    def wait_picture(self, other_than: str) -> None:
        self.wait("(old) => document.querySelector('.sf-picture img').src !== old", other_than)

    def status(self) -> str:
        return self.page.locator(".sf-status").inner_text()

    def drag(self, selector: str, dx: float, dy: float) -> None:
        # Handles are drawn anew with every change: one that is just being replaced has no box.
        box = next(box for _ in range(100) if (box := self.page.locator(selector).bounding_box()))
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        for share in (0.3, 0.7, 1):
            self.page.mouse.move(x + share * dx, y + share * dy)
        self.page.mouse.up()

    def type(self, text: str) -> None:
        box = next(box for box in self.page.locator("textarea").all() if box.input_value() == self.text())
        box.fill(text)


def test_what_is_dragged_changes_its_line_and_the_picture_and_undo_takes_it_back(plan):
    before, start = plan.picture(), plan.label(CAR)
    plan.drag('.sf-thing[data-part="thing:1"] .sf-outline', 30, -12)
    plan.wait("(text) => window.app.graph._nodes[0].widgets.find((w) => w.name === 'text').value !== text", EXAMPLE)
    words = plan.line(5).split()
    assert words[:3] == ["car", "red", "at"] and words[5:] == ["facing", "left"]
    assert float(words[3]) > 0.5 and float(words[4]) > 7.2
    assert plan.text() == EXAMPLE.replace("car red at 0 7 facing left", plan.line(5))
    plan.wait_label(CAR, f"red car, x {float(words[3]):.1f}, z {float(words[4]):.1f}")
    plan.wait_picture(before)
    moved = plan.text()
    # One step of undo; the focus stays where it was.
    plan.page.keyboard.press("Control+z")
    plan.wait_line(5, "car red at 0 7 facing left")
    plan.wait_label(CAR, start)
    plan.wait("() => document.activeElement?.dataset.part === 'thing:1'")
    assert plan.text() == EXAMPLE
    plan.page.keyboard.press("Control+y")
    plan.wait_line(5, moved.splitlines()[4])
    assert plan.text() == moved


def test_handles_turn_and_resize_and_the_camera_can_be_dragged(plan):
    plan.page.locator(".sf-thing").nth(CAR).focus()
    plan.drag(".sf-handle.sf-turn", 40, -60)
    plan.wait(
        "() => / yaw /.test(window.app.graph._nodes[0].widgets.find((w) => w.name === 'text').value.split('\\n')[4])"
    )
    assert plan.line(5).startswith("car red at 0 7 yaw ")
    plan.drag(".sf-handle.sf-size >> nth=0", 9, 9)
    plan.wait(
        "() => / size /.test(window.app.graph._nodes[0].widgets.find((w) => w.name === 'text').value.split('\\n')[4])"
    )
    assert plan.line(5).startswith("car red at 0 7 size ") and " 1.5 " in plan.line(5)
    plan.page.locator(".sf-camera-glyph").focus()
    plan.drag(".sf-camera-glyph .sf-body", 25, -15)
    plan.wait(
        "() => / at /.test(window.app.graph._nodes[0].widgets.find((w) => w.name === 'text').value.split('\\n')[1])"
    )
    assert plan.line(2).startswith("camera height 1.6 pitch 5 fov 60 at ")
    plan.drag(".sf-handle.sf-fov >> nth=1", 15, 0)
    plan.wait("() => !/ fov 60 /.test(window.app.graph._nodes[0].widgets.find((w) => w.name === 'text').value)")
    assert [plan.line(n) for n in (1, 3, 4, 6, 7)] == [EXAMPLE.splitlines()[n - 1] for n in (1, 3, 4, 6, 7)]


def test_text_that_is_typed_moves_the_plan(plan):
    before = plan.picture()
    plan.type(EXAMPLE.replace("at 0 7 facing left", "at -2.5 9 facing left") + "ball green at 2 5\n")
    plan.wait_label(CAR, "red car, x -2.5, z 9.0")
    plan.wait_label(4, "green ball, x 2.0, z 5.0")
    plan.wait_picture(before)


def test_text_that_is_typed_at_any_moment_moves_the_plan(plan):
    """A moment after each change a finer picture is asked for, which must not take the place of the next change."""
    for i in range(8):
        plan.type(EXAMPLE.replace("at 0 7 facing left", f"at -{i + 1} 9 facing left"))
        plan.wait_label(CAR, f"red car, x -{i + 1}.0, z 9.0")
        plan.page.wait_for_timeout(80 * i)


def test_the_keyboard_does_all_that_the_mouse_does(plan):
    keys = plan.page.keyboard
    plan.page.locator(".sf-thing").nth(CAR).focus()
    keys.press("Tab")
    plan.wait("() => document.activeElement?.dataset.part === 'thing:2'")
    assert plan.label(TABLE).startswith("white table")
    for key in ("ArrowRight", "Shift+ArrowUp", "ArrowLeft", "ArrowLeft"):
        keys.press(key)
    plan.wait_line(6, "table white at 0.9 4.4 yaw 20")
    keys.press("r")
    plan.wait_line(6, "table white at 0.9 4.4 yaw 35")
    keys.press("Shift+R")
    plan.wait_line(6, "table white at 0.9 4.4 yaw 20")
    keys.press("+")
    plan.wait_line(6, "table white at 0.9 4.4 size 1.32 0.825 0.88 yaw 20")
    keys.press("Delete")  # which deletes nodes
    assert plan.page.evaluate("() => window.app.graph._nodes.length") == 1
    plan.page.locator(".sf-camera-glyph").focus()
    keys.press("ArrowDown")
    plan.wait_line(2, "camera height 1.6 pitch 5 fov 60 at 0 -0.1")
    keys.press("r")
    plan.wait_line(2, "camera height 1.6 pitch 5 fov 60 at 0 -0.1 yaw 5")
    keys.press("-")
    plan.wait_line(2, "camera height 1.6 pitch 5 fov 55 at 0 -0.1 yaw 5")
    outline = plan.page.evaluate("() => getComputedStyle(document.activeElement.querySelector('.sf-body')).strokeWidth")
    assert outline == "3px"


def test_an_error_greys_the_last_plan_and_the_page_goes_on(plan):
    before = plan.picture()
    plan.type(EXAMPLE + "houze blue at 0 20\n")
    plan.wait("() => document.querySelector('.sf-floor-plan.sf-stale')")
    assert plan.status().startswith('line 8 of the scene text: "houze" is not known')
    assert plan.page.locator(".sf-thing").count() == 4 and plan.picture() == before
    plan.type(EXAMPLE + "house green at 0 20\n")
    plan.wait("() => !document.querySelector('.sf-floor-plan.sf-stale')")
    plan.wait_label(4, "green house, x 0.0, z 20.0")


def test_what_cannot_hold_is_not_moved(plan):
    text = "room size 4 3 6\ncamera height 1.5 at 1.5 1\nsofa at 0 4\n"
    plan.type(text)
    plan.wait("() => document.querySelectorAll('.sf-thing').length === 1")
    plan.page.locator(".sf-camera-glyph").focus()
    plan.page.keyboard.press("Shift+ArrowRight")
    plan.wait("() => document.querySelector('.sf-floor-plan.sf-refused')")
    assert plan.status().startswith("Not moved: line 1 of the scene text: the camera (x 2.5, height 1.5, z 1) is out")
    assert plan.text() == text
    plan.wait("() => document.querySelector('.sf-camera-glyph').getAttribute('aria-label').startsWith('camera, x 1.5')")


def test_a_small_scene_after_a_large_one_is_shown_as_large_as_it_can_be(plan):
    plan.type("camera height 0.4 pitch 20\nball red at 0 0.8 size 0.1 0.1 0.1\n")
    plan.wait("() => document.querySelectorAll('.sf-thing').length === 1")
    plan.wait("() => document.querySelector('.sf-thing .sf-outline').getBoundingClientRect().width > 10")


def test_relations_are_pinned_by_a_button(plan):
    plan.type("camera auto\ndog left of cat # mine\ncat\n")
    plan.wait("() => document.querySelectorAll('.sf-thing.sf-free').length === 2")
    label = plan.label(0)
    plan.page.locator(".sf-pin").press("Enter")
    plan.wait("() => document.querySelectorAll('.sf-thing.sf-free').length === 0")
    assert plan.label(0) == label and plan.line(2).startswith("dog brown at ") and plan.line(2).endswith(" # mine")


def test_a_page_that_is_loaded_anew_shows_what_the_server_has_planned_before(browser):
    for _ in range(2):
        browser.open("SpatialFusion-Sentence-to-Depth")
        for widget in ("width", "height"):
            browser.set(PLAN, widget, 192)
        browser.run()
        browser.page.locator(".sf-fold").press("Enter")
        browser.page.wait_for_function("() => document.querySelectorAll('.sf-thing').length === 3")
        assert browser.said(PLAN) == "All of it is understood and in view."


@pytest.mark.parametrize("vue", [False, True])
@pytest.mark.parametrize(
    ("template", "kind", "widget"),
    [("Sentence-to-Depth", PLAN, "sentence"), ("Image-Edit", COMPOSE, "text")],
)
def test_a_floor_plan_that_is_opened_covers_no_other_node_and_folds_again(browser, template, kind, widget, vue):
    page = browser.page
    page.evaluate("(vue) => window.app.extensionManager.setting.set('Comfy.VueNodes.Enabled', vue)", vue)
    browser.open(f"SpatialFusion-{template}")
    title = page.evaluate("(kind) => window.app.graph._nodes.find((node) => node.type === kind).title", kind)

    def look() -> tuple:
        """The node's box, and the height of its text."""
        page.wait_for_timeout(1500)
        text = browser._widget(kind, widget)
        height = next(
            each.bounding_box()["height"] for each in page.locator("textarea").all() if each.input_value() == text
        )
        return next(box for name, box in browser.boxes().items() if name.endswith(title)), height

    folded, text = look()
    assert page.locator(".sf-bar button:visible").count() == 1
    page.locator(".sf-fold").press("Enter")
    opened, text_then = look()
    assert opened[:3] == folded[:3] and opened[3] > folded[3] + 300  # downwards alone
    assert text_then > 0.5 * text
    assert page.locator(".sf-bar button:visible").count() == 1
    page.locator(".sf-fold").press("Enter")
    again, text_then = look()
    assert again == pytest.approx(folded, abs=1) and text_then == pytest.approx(text, rel=0.1)
    page.evaluate("() => window.app.extensionManager.setting.set('Comfy.VueNodes.Enabled', false)")


def test_a_language_model_that_is_away_is_told_on_its_node_and_the_page_goes_on(browser):
    browser.open("SpatialFusion-Sentence-to-Depth")
    page = browser.page
    for widget in ("width", "height"):
        browser.set(PLAN, widget, 128)
    browser.set(PLAN, "server", "http://127.0.0.1:1")
    page.get_by_role("button", name="Run", exact=True).first.click()
    page.get_by_role("button", name="View details").click()
    page.get_by_text("the language model at http://127.0.0.1:1 gave no answer").first.wait_for()
    browser.set(PLAN, "server", "")
    browser.run()
    assert browser.errors() == 0


@pytest.mark.parametrize("vue", [False, True])
def test_a_planned_sentence_goes_on_as_scene_text(browser, vue):
    browser.open("SpatialFusion-Sentence-to-Depth")
    browser.page.evaluate("(vue) => window.app.extensionManager.setting.set('Comfy.VueNodes.Enabled', vue)", vue)
    for widget in ("width", "height"):
        browser.set(PLAN, widget, 256)
    browser.run()
    page = browser.page
    page.locator(".sf-fold").press("Enter")  # a saved graph keeps the room that it has
    page.wait_for_function("() => document.querySelectorAll('.sf-thing').length === 3")
    page.locator(".sf-action").press("Enter")
    page.wait_for_function("(kind) => window.app.graph._nodes.some((node) => node.type === kind)", arg=COMPOSE)
    links = page.evaluate(
        """(kind) => {
            const node = window.app.graph._nodes.find((node) => node.type === kind);
            return node.outputs.map((output) => output.links?.length ?? 0);
        }""",
        COMPOSE,
    )
    assert min(links[:4]) >= 1  # the template uses all but the scene
    text = browser._widget(COMPOSE, "text")
    assert "giraffe at " in text and "behind" not in text
    assert browser.errors() == 0


def post(host: Host, body: bytes) -> tuple[int, dict]:
    asked = urllib.request.Request(
        f"{host.address}/spatialfusion/scene/preview", body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_the_route_answers_or_says_what_is_wrong(host):
    status, answer = post(host, json.dumps({"text": EXAMPLE}).encode())
    assert status == 200 and len(answer["objects"]) == 4 and answer["image"].startswith("data:image/png")
    assert post(host, b"not JSON") == (200, {"error": "the request is not JSON.", "line": None})
    assert post(host, b"[" * 100_000)[1]["line"] is None
    status, answer = post(host, json.dumps({"text": "houze"}).encode())
    assert (status, answer["line"]) == (200, 1)
    status, answer = post(host, b" " * (4 << 20) + b"{}")
    assert status == 413 and "longer than 4 MB" in answer["error"]
