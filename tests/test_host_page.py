"""The page itself, in a browser: open a template, press Run, see the pictures. Skipped without a host or a browser."""

from __future__ import annotations

import shutil

import pytest
from host_server import Host, NoHostError

TEMPLATE = "text_to_image"
PATIENCE = 240_000  # milliseconds, for a busy machine
# Nothing that calls home.
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A browser's page with the template open."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium to open the page with")
    try:
        host = Host(tmp_path_factory.mktemp("comfyui"))
    except NoHostError as missing:
        pytest.skip(str(missing))
    host.start()
    try:
        with playwright.sync_playwright() as driver:
            chromium = driver.chromium.launch(executable_path=browser, args=FLAGS)
            page = chromium.new_page(viewport={"width": 1680, "height": 1000})
            page.set_default_timeout(PATIENCE)
            # The link behind a template's picture in the template browser.
            page.goto(f"http://127.0.0.1:{host.port}/?template={TEMPLATE}&source=installed-pack")
            page.wait_for_function("() => window.app?.graph?._nodes?.length > 5")
            yield page
            chromium.close()
    finally:
        host.stop()


def test_a_template_runs_and_shows_its_pictures(page):
    page.get_by_role("button", name="Run", exact=True).first.click()
    # A node's own pictures: of the depth and of the image.
    page.wait_for_function("() => window.app.graph._nodes.filter((node) => node.imgs?.length).length >= 2")
    shown = page.evaluate("() => window.app.graph._nodes.filter((n) => n.imgs?.length).map((n) => n.type).sort()")
    assert shown == ["PreviewImage", "SaveImage"]
    sizes = page.evaluate("() => window.app.graph._nodes.flatMap((n) => n.imgs ?? []).map((i) => i.naturalWidth)")
    assert sizes == [128, 128]
    assert page.locator("text=/error/i").count() == 0
