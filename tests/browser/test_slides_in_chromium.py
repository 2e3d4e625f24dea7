"""The slides in a real browser: keys, notes, print, light and dark, no message, no request."""

import make_slides
import pytest

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("slides") / "slides.html"
    path.write_text(make_slides.page(), encoding="utf-8")
    return path


def opened(chromium, file, **how):
    """Open the slides and collect what should not happen."""
    page, wrong = chromium.new_page(**({"viewport": {"width": 1280, "height": 720}} | how)), []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: request.url.startswith(("data:", file.as_uri())) or wrong.append(request.url))
    page.goto(file.as_uri())
    return page, wrong


def shown(page):
    """Number the slides that are seen."""
    return page.eval_on_selector_all("section", "all => all.flatMap((e, i) => e.offsetParent ? [i] : [])")


def test_keys_turn_the_slides_and_nothing_is_asked_for(chromium, file):
    page, wrong = opened(chromium, file)
    last = len(make_slides.slides()) - 1
    for key, at in [("ArrowRight", 1), (" ", 2), ("ArrowLeft", 1), ("End", last), ("ArrowRight", last), ("Home", 0)]:
        page.keyboard.press(key)
        assert shown(page) == [at], key
    assert page.text_content("#where") == f"1 of {last + 1}, minute 0"
    page.reload()
    page.goto(file.as_uri() + "#5")
    assert page.text_content("#where").startswith("5 of ")
    assert not wrong


def test_what_to_say_is_shown_when_asked_for_and_printed(chromium, file):
    page, wrong = opened(chromium, file)
    assert not page.is_visible("section.here aside")
    page.keyboard.press("n")
    assert page.is_visible("section.here aside")
    page.keyboard.press("n")
    page.emulate_media(media="print")
    assert shown(page) == [*range(len(make_slides.slides()))]
    assert page.eval_on_selector_all("aside", "all => all.every(e => e.offsetParent)")
    assert not wrong


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 720), (1024, 768), (390, 844)])
def test_every_slide_fits_its_screen_in_width_and_every_picture_loads(chromium, file, scheme, size):
    page, wrong = opened(chromium, file, viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    for i in range(len(make_slides.slides())):
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), i
        if size[0] > 1000:
            assert page.evaluate("document.querySelector('section.here').scrollHeight <= innerHeight"), i
        page.keyboard.press("ArrowRight")
    assert page.eval_on_selector_all("img", "all => all.every(e => e.complete && e.naturalWidth > 0)")
    assert not wrong
