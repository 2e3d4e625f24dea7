"""The viewer in a real browser: every step by mouse and by keyboard, wide and narrow, light and dark, no request.

Needs the extra [browser] and Chromium; left out of the default run by its marker.
"""

import json
import re

import numpy as np
import pytest
from test_viewer import HOSTILE

from specsample import TableModel, generate
from specsample.bench.race import race

pytestmark = pytest.mark.browser
SCREENS = [(width, scheme) for width in (1200, 380) for scheme in ("light", "dark")]


def trace_of(name):
    """Make a run to look at: small and large vocabularies, without rows, without drafts, with a stop token."""
    V, K, settings = {
        "small": (3, 2, {}),
        "large": (97, 5, {}),
        "long": (97, 5, {"max_new_tokens": 40}),
        "no rows": (8, 3, {"keep_rows": False}),
        "no drafts": (8, 0, {}),
        "stopped": (4, 5, {"stop": [2]}),
    }[name]
    rng = np.random.default_rng(1)
    models = [TableModel(rng.dirichlet(np.ones(V), V)) for _ in range(2)]
    return generate([0], *models, K=K, rng=rng, **({"keep_rows": True, "max_new_tokens": 8} | settings))[1]


def raced():
    """Make a race to look at."""
    rng = np.random.default_rng(1)
    models = [TableModel(rng.dirichlet(np.ones(97), 97)) for _ in range(2)]
    return race([0], *models, K=5, rng=rng, max_new_tokens=40)[1]


def opened(chromium, tmp_path, name, *, width=1200, height=800, scheme="light", has_clock=False):
    """Open a run's page and collect what should not happen; with a clock, time passes when `page.clock` says so."""
    texts = (HOSTILE * 13)[:97]
    file = tmp_path / "run.html"
    seen = raced() if name == "raced" else trace_of(name)
    file.write_text(seen.to_html(texts), encoding="utf-8")
    page, wrong = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme), []
    if has_clock:
        page.clock.install()
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.on("request", lambda request: request.url == file.as_uri() or wrong.append(request.url))
    page.goto(file.as_uri())
    return page, wrong


def step_of(page):
    """Read which step is shown."""
    return int(page.locator(".box").get_attribute("data-step"))


@pytest.mark.parametrize("name", ["small", "large", "no rows", "no drafts", "stopped"])
@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_every_step_by_keyboard_and_back_by_mouse(chromium, tmp_path, name, width, scheme):
    page, wrong = opened(chromium, tmp_path, name, width=width, scheme=scheme)
    last = int(page.locator("nav input").get_attribute("max"))
    page.locator(".box").focus()
    seen = []
    for step in range(last + 1):
        assert step_of(page) == step
        seen.append(page.locator(".say").inner_text())
        page.keyboard.press("ArrowRight")
    for step in range(last, 0, -1):
        assert page.locator(".say").inner_text() == seen[step]
        page.locator("button[aria-label='previous step']").click()
    assert (step_of(page), wrong) == (0, [])
    assert len({*seen}) > last / 2  # the steps say different things
    page.close()


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_nothing_is_wider_than_the_screen_and_the_page_follows_the_scheme(chromium, tmp_path, width, scheme):
    page, wrong = opened(chromium, tmp_path, "large", width=width, scheme=scheme)
    page.locator(".box").focus()
    for _ in range(12):
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.keyboard.press("ArrowRight")
    light = page.evaluate(
        "getComputedStyle(document.querySelector('.specsample-trace').shadowRoot.querySelector('.box')).backgroundColor"
    )
    assert (light == "rgb(255, 255, 255)") == (scheme == "light")
    assert wrong == []
    page.close()


OUTSIDE = """svg => [...svg.querySelectorAll(":scope > rect")].map(rect => rect.getBBox()).filter(box =>
    box.y < -0.01 || box.y + box.height > svg.viewBox.baseVal.height || box.x + box.width > svg.viewBox.baseVal.width
    ).map(box => [box.x, box.y, box.width, box.height])"""


CUT = """box => [...box.querySelectorAll("td, th, small, p, h2, h3, .count, .key span, button")].filter(node => {
    const [inner, outer] = [node.getBoundingClientRect(), box.getBoundingClientRect()]
    return inner.width && (inner.right > outer.right - 1 || inner.left < outer.left)
}).map(node => node.textContent)"""


@pytest.mark.parametrize("width", [1200, 920, 760, 600, 380])
def test_no_text_is_cut_at_any_width(chromium, tmp_path, width):
    page, _ = opened(chromium, tmp_path, "raced", width=width)
    for _ in range(14):  # a round and the beginning of the next
        assert page.locator(".box").evaluate(CUT) == []
        page.keyboard.press("ArrowRight")
    page.locator("button[data-view=race]").click()
    page.keyboard.press("End")
    assert page.locator(".box").evaluate(CUT) == []
    page.close()


@pytest.mark.parametrize("width", [1200, 380])
def test_no_bar_reaches_out_of_its_picture(chromium, tmp_path, width):
    """Of the tokens in the column "rest" some are drafted too often and some too rarely: it is stacked of three."""
    page, _ = opened(chromium, tmp_path, "large", width=width)
    page.locator(".box").focus()
    n_drawn = 0
    for _ in range(12):
        pictures = page.locator(".art svg").all()
        assert [picture.evaluate(OUTSIDE) for picture in pictures] == [[]] * len(pictures)
        n_drawn += len(pictures)
        page.keyboard.press("ArrowRight")
    assert n_drawn > 12
    page.close()


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (1440, 1100), (1366, 700), (390, 844)])
@pytest.mark.parametrize("scrolled", [False, True])
def test_30_clicks_at_one_point_are_30_steps(chromium, tmp_path, width, height, scrolled):
    page, wrong = opened(chromium, tmp_path, "long", width=width, height=height)
    if scrolled:  # as far down as it goes: what grows and shrinks must not move the page either
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    box = page.locator("button[aria-label='next step']").bounding_box()
    for step in range(30):
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert step_of(page) == step + 1
    assert (page.locator("button[aria-label='next step']").bounding_box(), wrong) == (box, [])
    page.close()


def test_keys_work_at_once_and_after_a_click_beside_the_viewer(chromium, tmp_path):
    page, wrong = opened(chromium, tmp_path, "small")
    page.keyboard.press("ArrowRight")
    assert step_of(page) == 1
    page.mouse.click(3, 3)
    page.keyboard.press("ArrowRight")
    assert (step_of(page), wrong) == (2, [])
    page.close()


def test_it_says_what_one_is_looking_at(chromium, tmp_path):
    page, _ = opened(chromium, tmp_path, "large")
    assert page.locator("h1:visible").inner_text() == "Speculative sampling, step by step"
    assert "proposes up to 5 tokens" in page.locator(".title p").inner_text()
    page.close()


def test_it_plays_at_a_speed_until_the_end_and_any_step_stops_it(chromium, tmp_path):
    page, wrong = opened(chromium, tmp_path, "small", has_clock=True)
    play = page.locator("button.play")
    page.keyboard.press(" ")
    page.clock.run_for(6_000)
    assert (play.inner_text(), 2 <= step_of(page) <= 6) == ("❚❚ pause", True)
    page.keyboard.press("ArrowLeft")
    stopped = step_of(page)
    page.clock.run_for(6_000)
    assert (play.inner_text(), step_of(page)) == ("▶ play", stopped)
    page.locator("select").select_option("fast")
    play.click()
    page.clock.run_for(120_000)
    last = int(page.locator("nav input").get_attribute("max"))
    assert (play.inner_text(), step_of(page), wrong) == ("▶ play", last, [])
    page.close()


def test_a_round_a_key_skips_to_what_was_decided_and_so_does_the_speed_of_that_name(chromium, tmp_path):
    page, wrong = opened(chromium, tmp_path, "large", has_clock=True)
    rounds = trace_of("large").rounds
    for r, played in enumerate(rounds):
        page.keyboard.press("ArrowDown")
        assert page.locator(".say h2").inner_text().startswith(f"What round {r + 1} decided")
        fates = [text.split()[-1] for text in page.locator("td.fate").all_inner_texts()]
        assert [fates.count(fate) for fate in ("accepted", "rejected", played.sources[-1])] == [
            played.n_accepted,
            played.n_tested - played.n_accepted,
            1,
        ]
    page.keyboard.press("ArrowUp")
    assert page.locator(".say h2").inner_text().startswith(f"What round {len(rounds) - 1} decided")
    page.keyboard.press("Home")
    page.locator("select").select_option("rounds")
    page.locator("button.play").click()
    page.clock.run_for(1_000)
    assert page.locator(".say h2").inner_text().startswith("What round 1 decided")
    assert wrong == []
    page.close()


def at_the_race(chromium, tmp_path, name="large", **screen):
    """Open a run's page and go to the race."""
    page, wrong = opened(chromium, tmp_path, name, **screen)
    page.locator("button[data-view=race]").click()
    return page, wrong


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (1440, 1100), (1366, 700), (390, 844)])
def test_the_buttons_of_the_race_stand_still_too(chromium, tmp_path, width, height):
    page, wrong = at_the_race(chromium, tmp_path, "long", width=width, height=height)
    box = page.locator("button[aria-label='next step']").bounding_box()
    for step in range(30):
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert step_of(page) == step + 1
    page.keyboard.press("End")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (page.locator("button[aria-label='next step']").bounding_box(), wrong) == (box, [])
    page.close()


def test_a_race_without_times_says_so_and_is_predicted_from_what_one_supposes(chromium, tmp_path):
    page, wrong = at_the_race(chromium, tmp_path)
    assert "Predicted, not measured" in page.locator(".race").inner_text()
    page.locator(".race input").nth(0).fill("0.25")
    page.locator(".race input").nth(1).fill("1.5")
    passes = [played.K * 0.25 + 1 + 0.5 * played.K / 5 for played in trace_of("large").rounds]
    gain = len(trace_of("large").tokens) / sum(passes)
    outcome = page.locator(".outcome").inner_text()
    assert f"{gain:.2f}" in outcome
    assert outcome.startswith("Predicted: ")
    assert wrong == []
    page.close()


def test_a_measured_race_shows_every_pass_to_scale(chromium, tmp_path):
    page, wrong = at_the_race(chromium, tmp_path, "raced")
    assert page.locator(".race").inner_text().count("Measured, every pass: medians of 5 runs of each") == 1
    times = json.loads(re.search(r'"times":(\{.*?\}),"texts"', page.content())[1])
    both = [times["passes"], [measured for played in times["rounds"] for measured in played]]
    total = max(sum(map(sum, passes)) for passes in both)
    width = page.locator(".lanes").evaluate("lanes => Math.floor(lanes.getBoundingClientRect().width)")
    for svg, passes in zip(page.locator(".lanes svg").all(), both, strict=False):
        widths = svg.evaluate(
            "svg => [...svg.querySelectorAll('rect.target, rect.qx')].map(r => r.width.baseVal.value)"
        )
        wanted = [max(busy / total * width, 0.4) for _, busy in passes]
        assert widths == pytest.approx(wanted, abs=0.01)
    assert wrong == []
    page.close()


def test_a_race_plays_to_its_end_and_both_texts_are_whole(chromium, tmp_path):
    page, wrong = at_the_race(chromium, tmp_path, "raced", has_clock=True)
    page.locator("button.play").click()
    page.clock.run_for(4_000)
    assert page.locator("button.play").inner_text() == "❚❚ pause"
    assert 0 < page.locator(".lanes .flow span:visible").count() < 80
    page.clock.run_for(12_000)
    assert page.locator("button.play").inner_text() == "▶ play"
    assert all("done: 40 tokens" in text for text in page.locator(".lanes .count").all_inner_texts())
    assert "times the" in page.locator(".outcome").inner_text()
    page.locator("button[data-view=steps]").click()
    assert (step_of(page), page.locator(".race").is_visible(), wrong) == (0, False, [])
    page.close()


def test_without_drafts_there_is_no_race(chromium, tmp_path):
    page, _ = opened(chromium, tmp_path, "no drafts")
    assert page.locator("button[data-view=race]").count() == 0
    page.close()


def test_on_a_narrow_screen_all_buttons_are_in_one_row_at_the_bottom_of_the_screen(chromium, tmp_path):
    page, _ = opened(chromium, tmp_path, "large", width=380)
    boxes = [button.bounding_box() for button in page.locator("nav button").all()]
    assert len(boxes) == 5
    assert len({box["y"] for box in boxes}) == 1
    assert boxes[0]["y"] + boxes[0]["height"] <= 800  # the window's height
    page.close()


def test_other_keys_move_by_rounds_and_the_slider_moves_too(chromium, tmp_path):
    page, wrong = opened(chromium, tmp_path, "small")
    page.locator(".box").focus()
    page.keyboard.press("End")
    last = step_of(page)
    assert last == int(page.locator("nav input").get_attribute("max"))
    page.keyboard.press("ArrowUp")
    assert 0 < step_of(page) < last
    page.keyboard.press("Home")
    page.locator("nav input").fill("3")
    assert (step_of(page), wrong) == (3, [])
    page.close()


def test_a_screen_reader_hears_each_step(chromium, tmp_path):
    page, _ = opened(chromium, tmp_path, "small")
    assert page.locator(".say").get_attribute("aria-live") == "polite"
    assert page.locator(".art svg").count() > 0
    assert all(svg.get_attribute("aria-label") for svg in page.locator(".art > svg").all())
    page.close()


def test_hostile_texts_are_shown_as_text(chromium, tmp_path):
    page, wrong = opened(chromium, tmp_path, "no rows")
    page.locator(".box").focus()
    page.keyboard.press("End")
    shown = page.locator(".flow").inner_text()
    markup = {token for token in trace_of("no rows").tokens if token in (0, 1, 2)}
    assert markup
    assert all(HOSTILE[token][:8] in shown for token in markup)
    assert (page.locator(".flow script, .flow b").count(), wrong) == (0, [])
    page.close()


def test_a_round_by_itself_says_how_many_drafts_its_caches_kept(chromium, tmp_path):
    round = next(round for round in trace_of("large").rounds if round.n_accepted < round.K - 1)
    (tmp_path / "round.html").write_text(round.to_html(), encoding="utf-8")
    page = chromium.new_page()
    page.goto((tmp_path / "round.html").as_uri())
    page.locator(".box").focus()
    page.keyboard.press("End")
    rows = page.locator(".facts tr:has(.cells)").all_inner_texts()
    assert [row.split("\t")[-1] for row in rows] == [
        f"{round.n_accepted} of {n} drafts kept" for n in (round.K, round.K - 1)
    ]
    page.close()


def test_the_same_run_shown_twice_is_two_viewers(chromium, tmp_path):
    html = trace_of("small").to_html()
    host, script = html[html.index("<div class") : html.index("<script>")], html[html.index("<script>") :]
    script = script.removesuffix("</html>\n")
    (tmp_path / "twice.html").write_text(f"<!doctype html><body>{host}{host}{script}{script}", encoding="utf-8")
    page = chromium.new_page()
    page.goto((tmp_path / "twice.html").as_uri())
    page.locator(".box").first.focus()
    page.keyboard.press("ArrowRight")
    assert [box.get_attribute("data-step") for box in page.locator(".box").all()] == ["1", "0"]
    page.close()
