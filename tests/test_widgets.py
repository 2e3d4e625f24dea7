"""Widgets start from the library's numbers, say them without a script, and take no token's text for markup."""

import json
import re
from base64 import b64decode
from fractions import Fraction as F

import numpy as np
import pytest
from test_viewer import HOSTILE

import specsample as ss
from specsample.theory import best_K, expected_tokens, speedup
from specsample.viewer import widgets
from specsample.viewer.origins import COLORS
from specsample.viewer.page import POLICY

P, Q = np.array([F(1, 4), F(1, 2), F(1, 4)]), np.array([F(1, 2), F(1, 4), F(1, 4)])


def played(V=8, K=3, seed=0, keep_rows=True):
    """Play one round with two random tables."""
    rng = np.random.default_rng(seed)
    models = [ss.TableModel(rng.dirichlet(np.ones(V), V)).start() for _ in range(2)]
    return ss.step([0], *models, K=K, u=rng.random(2 * K + 1), keep_rows=keep_rows)[1]


EACH = {
    "pick": lambda labels=None: widgets.pick(np.ones(8) / 8, labels),
    "strategies": lambda labels=None: widgets.strategies(np.arange(8) / 28, labels),
    "overlap": lambda labels=None: widgets.overlap(np.ones(8) / 8, np.arange(8) / 28, labels),
    "one_round": lambda labels=None: widgets.one_round(played(), labels),
    "speed": lambda labels=None: widgets.speed(),
}
each = pytest.mark.parametrize("name", EACH)


def record_of(html):
    """Read back what a widget's script starts from."""
    return json.loads(re.search(r'\((\{"title".*?\}), "', html, re.DOTALL)[1])


@each
def test_a_page_asks_nobody_and_says_without_a_script_what_is_true_at_the_start(name):
    widget = EACH[name]()
    html = widget.to_html()
    assert POLICY in html
    assert not re.findall(r"(?:src|href)=\"(?!data:)", html)
    still = widget.still()
    assert widget.said in still
    image = b64decode(re.search(r"svg\+xml;base64,([^\"]+)", still)[1]).decode()
    assert image.count("<rect") >= 3
    assert {*re.findall("fill='(#.{6})'", image)} <= {*COLORS.values()}


@pytest.mark.parametrize("name", ["pick", "strategies", "overlap", "one_round"])
def test_hostile_texts_stay_text(name):
    html = EACH[name](HOSTILE).to_html()
    assert html.count("</script>") == html.count("<script>") == 1
    assert "<b>" not in html
    assert "alert" in json.dumps(record_of(html)["texts"])


def test_what_is_said_at_the_start_is_what_the_library_computes():
    assert f"{float(ss.overlap(P, Q)):.3f}" in widgets.overlap(P, Q).said
    assert "picks" in widgets.pick([0.25, 0.75]).title
    assert "stretch of 1, from 0.250 to 1.000" in widgets.pick([0.25, 0.75], u=0.25).said
    made = ss.temperature(0.5)(np.array([0.25, 0.75]))
    assert f"has {made.max():.3f}" in widgets.strategies([0.25, 0.75], T=0.5).said
    said = widgets.speed(0.7, 0.2, K=3, row_cost=0.1).said
    assert f"{expected_tokens(0.7, 3):.2f} tokens" in said
    assert f"{speedup(0.7, 3, 0.2, 1.3):.2f}; the best K is {best_K(0.7, 0.2, lambda K: 1 + 0.1 * K)}" in said


def test_a_round_begins_as_it_was_played():
    for seed in range(20):
        round = played(seed=seed)
        record = record_of(widgets.one_round(round).to_html())
        u = [record["start"][f"u{i + 1}"] for i in range(round.K)]
        n = next((i for i in range(round.K) if u[i] >= record["accept"][i]), round.K)
        assert n == round.n_accepted
        assert ss.pick(np.array(record["rows"][n]), record["start"]["u_emit"]) == round.emitted[-1]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: widgets.pick([0.5, 0.4]), "must sum to 1"),
        (lambda: widgets.strategies(np.ones(2000) / 2000), "at most 1000"),
        (lambda: widgets.overlap([0.5, 0.5], [1.0]), "over the same tokens"),
        (lambda: widgets.overlap(np.ones(9) / 9, np.ones(9) / 9), "at most 8"),
        (lambda: widgets.overlap(P, Q, replacement="r"), "replacement must be one of"),
        (lambda: widgets.speed(cost_ratio=2), "cost_ratio must lie"),
        (lambda: widgets.one_round(played(keep_rows=False)), "keep_rows=True"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_a_reason(make, said):
    with pytest.raises(ValueError, match=said):
        make()
