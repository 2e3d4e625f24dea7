"""Every page of the built site in a real browser: wide and narrow, light and dark, and nothing asked of any network.

Needs the built site (`python -m sphinx -W docs docs/_build`), the extra [browser] and Chromium. Pages are opened as
files: what works from a folder works from any server.
"""

from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
SITE = Path(__file__).resolve().parents[2] / "docs" / "_build"
SCREENS = [(width, scheme) for width in (1200, 380) for scheme in ("light", "dark")]
READABLE = (Path(__file__).parent / "readable.js").read_text(encoding="utf-8").partition("\n")[2].rstrip().rstrip(";")
FINE = {"wide": [], "faint": []}


def html_pages():
    """List the pages of the site; without a site, one entry that fails."""
    return sorted(SITE.rglob("*.html")) or [SITE / "index.html"]


@pytest.fixture(scope="module")
def tab(chromium):
    """Open one tab whose requests outside the site are stopped, and collect what should not happen."""
    assert (SITE / "index.html").exists(), "build the site first: python -m sphinx -W docs docs/_build"
    context, wrong = chromium.new_context(), []

    def only_the_site(route):
        inside = route.request.url.startswith((SITE.as_uri() + "/", "data:"))
        if not inside:
            wrong.append(f"asked for {route.request.url}")
        route.continue_() if inside else route.abort()

    context.route("**/*", only_the_site)
    page = context.new_page()
    page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(f"not found: {request.url}"))
    yield page, wrong
    context.close()


@pytest.mark.parametrize("path", html_pages(), ids=lambda path: path.relative_to(SITE).as_posix())
def test_a_page_is_readable_on_every_screen_and_asks_nobody(tab, path):
    page, wrong = tab
    wrong.clear()
    page.goto(path.as_uri())
    if page.evaluate("'MathJax' in window"):
        page.evaluate("MathJax.startup.promise")
    assert page.locator(".math").count() == page.locator(".math mjx-container > svg").count()
    for width, scheme in SCREENS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(READABLE) == FINE, (width, scheme)
    assert wrong == []


def test_a_request_a_warning_a_wide_box_and_a_faint_text_would_be_noticed(tab):
    page, wrong = tab
    wrong.clear()
    page.goto((SITE / "index.html").as_uri())
    page.set_viewport_size({"width": 380, "height": 800})
    page.evaluate(
        """document.querySelector("article").innerHTML =
        "<p style='width: 900px; color: #aaa; background: #999'>wide</p><img src='https://example.org/a.png'>" """
    )
    page.evaluate("console.warn('look')")
    page.wait_for_timeout(200)
    found = page.evaluate(READABLE)
    assert ("P " in found["wide"], found["faint"][0]) == (True, "P wide")
    assert {"warning: look", "asked for https://example.org/a.png"} <= {*wrong}


@pytest.mark.parametrize("name", ["index", "viewer/code", "viewer/prose", "tutorial/12_a_real_model"])
def test_a_recorded_run_can_be_stepped_through_without_a_kernel(tab, name):
    page, wrong = tab
    wrong.clear()
    page.goto((SITE / f"{name}.html").as_uri())
    box = page.locator(".specsample-trace .box")
    box.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert (box.get_attribute("data-step"), wrong) == ("2", [])


def test_a_recorded_run_is_a_picture_and_a_table_where_scripts_may_not_run(chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((SITE / "viewer" / "code.html").as_uri())
    left = page.locator(".specsample-trace")
    assert left.locator("img").is_visible()
    left.locator("summary").click()
    assert "accepted" in left.locator("details pre").inner_text()
    context.close()


def test_the_theme_switch_darkens_the_viewer_too(tab):
    page, _ = tab
    page.set_viewport_size({"width": 1200, "height": 800})
    page.emulate_media(color_scheme="light")
    page.goto((SITE / "viewer" / "code.html").as_uri())
    host = page.locator(".specsample-trace")
    seen = {page.evaluate("document.body.dataset.theme"): host.get_attribute("data-theme")}
    for _ in range(2):
        page.locator("button.theme-toggle:visible").first.click()
        seen[page.evaluate("document.body.dataset.theme")] = host.get_attribute("data-theme")
    assert (seen["light"], seen["dark"]) == ("light", "dark")


def test_the_search_finds_a_name_without_a_server(tab):
    page, wrong = tab
    wrong.clear()
    page.goto((SITE / "search.html").as_uri() + "?q=accept_probability")
    page.locator("#search-results li").first.wait_for(timeout=60_000)
    assert "accept_probability" in page.locator("#search-results").inner_text()
    assert wrong == []
