"""Widgets in a real browser: sliders, keys and fingers move them, and the script computes what the library does."""

import json
from fractions import Fraction as F

import numpy as np
import pytest
from test_viewer import HOSTILE
from test_widgets import EACH, P, Q, played

import specsample as ss
from specsample.theory import best_K, expected_tokens, speedup
from specsample.viewer import widgets
from specsample.viewer.page import document

pytestmark = pytest.mark.browser
SCREENS = [(width, scheme) for width in (1000, 380) for scheme in ("light", "dark")]
INSIDE = """box => [...box.querySelectorAll("p, svg, button, label")].every(node =>
    node.getBoundingClientRect().right <= box.getBoundingClientRect().right)"""
NEAR = {"rtol": 0, "atol": 1e-12}


def opened(chromium, tmp_path, *shown, width=1000, scheme="light"):
    """Open a page of widgets and collect what should not happen."""
    file = tmp_path / "widgets.html"
    file.write_text(document("".join(widget._repr_html_() for widget in shown), title="widgets", about="widgets"))
    page, wrong = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme), []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.on("request", lambda request: request.url == file.as_uri() or wrong.append(request.url))
    page.goto(file.as_uri())
    return page, wrong


def values(page):
    """Read what the script has computed."""
    return json.loads(page.locator(".box").first.get_attribute("data-values"))


def put(page, **positions):
    """Move sliders."""
    for name, value in positions.items():
        page.locator(f"input[name={name}]").fill(str(value))


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_every_widget_fits_every_screen_follows_the_scheme_and_asks_nobody(chromium, tmp_path, width, scheme):
    page, wrong = opened(chromium, tmp_path, *(make() for make in EACH.values()), width=width, scheme=scheme)
    assert page.locator(".box").count() == len(EACH)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for box in page.locator(".box").all():
        ground = box.evaluate("box => getComputedStyle(box).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
        assert box.evaluate(INSIDE)
    assert wrong == []
    page.close()


def test_the_strategies_are_the_library_s(chromium, tmp_path):
    probs = np.random.default_rng(0).dirichlet(np.ones(20))
    page, wrong = opened(chromium, tmp_path, widgets.strategies(probs))
    for T, k, mass in [(0, 20, 1), (0.35, 20, 1), (1, 3, 1), (1, 20, 0.6), (1.7, 9, 0.85), (0.7, 1, 0.05)]:
        put(page, T=T, k=k, mass=mass)
        wanted = ss.decoding_strategy(temperature=T, top_k=k, top_p=mass)(probs)
        np.testing.assert_allclose(values(page)["row"], wanted, **NEAR)
        assert values(page)["kept"] == (wanted > 0).sum()
        assert f"{wanted[np.argmax(probs)]:.3f}".rstrip("0").rstrip(".") in page.locator(".say").inner_text()
    assert wrong == []
    page.close()


@pytest.mark.parametrize("replacement", ["residual", "p", "q"])
def test_dragged_bars_have_the_library_s_overlap_residual_and_law(chromium, tmp_path, replacement):
    page, wrong = opened(chromium, tmp_path, widgets.overlap(P, Q))
    page.locator("select").select_option(replacement)
    for bar, key, times in [
        ("p0", "ArrowUp", 7),
        ("q2", "PageUp", 4),
        ("p1", "End", 1),
        ("p1", "PageDown", 3),
        ("q0", "Home", 1),
    ]:
        page.locator(f"[data-bar={bar}]").focus()
        for _ in range(times):
            page.keyboard.press(key)
        seen = values(page)
        p, q = np.array(seen["p"]), np.array(seen["q"])
        np.testing.assert_allclose([p.sum(), q.sum()], 1, **NEAR)
        beta, residual = ss.overlap(p, q), ss.residual(p, q)
        law = np.minimum(p, q) + (1 - beta) * {"residual": residual, "p": p, "q": q}[replacement]
        np.testing.assert_allclose(seen["beta"], beta, **NEAR)
        np.testing.assert_allclose(seen["residual"], residual, **NEAR)
        np.testing.assert_allclose(seen["emitted"], law, **NEAR)
        assert ("exactly" in page.locator(".say").inner_text()) == (np.abs(law - p).sum() < 1e-9)
    assert wrong == []
    page.close()


@pytest.mark.parametrize("width", [1000, 380])
def test_a_bar_follows_the_mouse_and_the_others_make_room(chromium, tmp_path, width):
    page, wrong = opened(chromium, tmp_path, widgets.overlap([0.5, 0.25, 0.25], [F(1, 3)] * 3), width=width)
    box = page.locator("[data-bar=p0]").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 0.2 * 170)
    page.mouse.up()
    np.testing.assert_allclose(values(page)["p"], [0.8, 0.1, 0.1], **NEAR)
    page.mouse.move(box["x"] + 2, box["y"] + 140)  # it was let go
    assert values(page)["p"][0] == 0.8
    page.locator(".reset").click()
    assert values(page)["p"] == [0.5, 0.25, 0.25]
    assert wrong == []
    page.close()


def test_one_number_picks_the_token_that_the_library_picks(chromium, tmp_path):
    probs = np.array([0.25, 0, 0.375, 0.0, 0.375])
    page, wrong = opened(chromium, tmp_path, widgets.pick(probs))
    for u in (0, 0.249, 0.25, 0.251, 0.624, 0.625, 0.999):
        put(page, u=u)
        assert values(page)["token"] == ss.pick(probs, u)
    page.locator("button:has-text('drop')").click()
    counts = values(page)["counts"]
    assert (sum(counts), counts[1], counts[3], wrong) == (100, 0, 0, [])
    page.close()


def test_the_speeds_are_the_theory_s_and_the_best_K_has_its_mark(chromium, tmp_path):
    page, wrong = opened(chromium, tmp_path, widgets.speed())
    for alpha, c, row, K in [
        (0.8, 0.1, 0, 5),
        (0.95, 0.02, 0, 17),
        (0.3, 0.4, 0, 1),
        (0.6, 0.05, 0.2, 0),
        (1, 0, 0.01, 20),
    ]:
        put(page, alpha=alpha, c=c, row=row, K=K)
        seen = values(page)
        wanted = [speedup(alpha, k, c, 1 + row * k) for k in range(21)]
        np.testing.assert_allclose(seen["every_speed"], wanted, **NEAR)
        np.testing.assert_allclose(seen["tokens"], expected_tokens(alpha, K), **NEAR)
        assert seen["best"] == best_K(alpha, c, lambda k, row=row: 1 + row * k, max_K=20)
        assert page.locator("rect.bar").nth(seen["best"]).get_attribute("class") == "bar best"
        assert f"{wanted[K]:.2f}" in page.locator(".say").inner_text()
    assert wrong == []
    page.close()


def test_a_round_with_other_numbers_is_what_verify_makes_of_them(chromium, tmp_path):
    rounds = (played(seed=seed) for seed in range(999))
    round = next(round for round in rounds if (np.array(round.p_x) < 0.9 * np.array(round.q_x)).all())
    page, wrong = opened(chromium, tmp_path, widgets.one_round(round))
    rng = np.random.default_rng(1)
    K = round.K
    drawn = rng.integers(0, 1000, (8, K + 1)) / 1000
    kept = [[0] * n + [0.999] * (K - n) + [0.5] for n in range(K + 1)]  # the first n pass whatever they are
    seen_n = []
    for u in [*drawn, *kept]:
        put(page, **{f"u{i + 1}": u[i] for i in range(K)}, u_emit=u[-1])
        verdict = ss.verify(round.draft_tokens, round.draft_rows, round.target_rows, u_accept=u[:-1], u_emit=u[-1])
        assert (values(page)["accepted"], values(page)["token"]) == (verdict.n_accepted, verdict.token)
        assert page.locator("[data-fate=accepted]").count() == verdict.n_accepted
        seen_n.append(verdict.n_accepted)
    assert {*seen_n} == {*range(K + 1)}
    assert wrong == []
    page.close()


@pytest.mark.parametrize("name", ["pick", "strategies", "overlap", "one_round"])
def test_hostile_texts_are_shown_as_text(chromium, tmp_path, name):
    page, wrong = opened(chromium, tmp_path, EACH[name](HOSTILE))
    assert page.locator(".box script, .box svg b").count() == 0
    assert "<" in page.locator(".box").evaluate("box => box.textContent")
    assert wrong == []
    page.close()


def test_the_same_widget_shown_twice_is_two_widgets_and_keys_move_one(chromium, tmp_path):
    page, _ = opened(chromium, tmp_path, widgets.speed(), widgets.speed())
    page.locator("input[name=K]").first.focus()
    page.keyboard.press("ArrowRight")
    assert [json.loads(box.get_attribute("data-values"))["K"] for box in page.locator(".box").all()] == [6, 5]
    page.close()


def test_where_scripts_may_not_run_a_picture_and_a_sentence_are_left(chromium, tmp_path):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    (tmp_path / "still.html").write_text(widgets.overlap(P, Q).to_html(), encoding="utf-8")
    page.goto((tmp_path / "still.html").as_uri())
    assert page.locator(".specsample-widget img").is_visible()
    assert "0.750" in page.locator(".specsample-widget").inner_text()
    context.close()
