"""The viewer shows what was recorded, says it in text as well, and takes no token's text for markup."""

import json
import re
from base64 import b64decode
from fractions import Fraction
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from test_layout import ROOT

from specsample import TableModel, figures, generate
from specsample.cli import main
from specsample.trace import Trace
from specsample.viewer import page as viewer_page
from specsample.viewer.columns import TOP, columns
from specsample.viewer.origins import COLORS, properties
from specsample.viewer.page import POLICY, fragment, page
from specsample.viewer.record import describe
from specsample.viewer.text import visible

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><b>",
    "<|im_end|>",
    "\"'&",
    "\x00\x1b[31m",
    "\u202eabc",
    "\u2028",
    "",
]


def run(V=3, K=2, n=9, seed=0, keep_rows=True):
    """Generate with two random tables."""
    rng = np.random.default_rng(seed)
    models = [TableModel(rng.dirichlet(np.ones(V), V)) for _ in range(2)]
    return generate([0], *models, K=K, max_new_tokens=n, rng=rng, keep_rows=keep_rows)[1]


def record_of(html):
    """Read back the record that a page carries."""
    return json.loads(re.search(r'\((\{"prompt".*?\}), "', html, re.DOTALL)[1])


def test_the_record_says_what_the_trace_says():
    trace = run()
    record = record_of(trace.to_html())
    assert record["prompt"] == [0]
    assert [token for entry in record["rounds"] for token in entry["emitted"]] == trace.tokens
    assert [entry["n_accepted"] for entry in record["rounds"]] == [round.n_accepted for round in trace.rounds]
    assert record["rounds"][-1]["so_far"]["acceptance_rate"] == trace.acceptance_rate
    assert record["rounds"][-1]["so_far"]["tokens_per_target_pass"] == trace.tokens_per_target_pass


def test_columns_are_the_rows_of_p_and_q():
    round = run().rounds[0]
    row = describe([0], [next(iter(round.facts()[1]))], None)["rounds"][0]["rows"][0]
    np.testing.assert_allclose(row["p"], round.target_rows[0], rtol=1e-5)
    np.testing.assert_allclose(row["q"], round.draft_rows[0], rtol=1e-5)
    np.testing.assert_allclose(row["both"], np.minimum(round.target_rows[0], round.draft_rows[0]), rtol=1e-5)


def test_a_large_vocabulary_keeps_its_largest_tokens_and_the_ones_that_were_used_and_sums_the_rest():
    p, q = np.random.default_rng(0).dirichlet(np.ones(97), 2)
    shown = columns(p, q, tokens=[96, 5])
    assert len(shown["token"]) == TOP + 1
    assert {96, 5, -1} <= {*shown["token"]}
    assert sum(shown["p"]) == pytest.approx(1, abs=1e-5)
    assert int(np.argmax(np.maximum(p, q))) in shown["token"]


def test_what_is_shown_of_q_alone_does_not_tell_p():
    p, other_p, q = np.random.default_rng(0).dirichlet(np.ones(97), 3)
    shown = columns(p, q, tokens=[96, 5])["drafted"]
    assert shown == columns(other_p, q, tokens=[96, 7])["drafted"]
    assert sum(shown["q"]) == pytest.approx(1, abs=1e-5)
    assert shown["q"][:-1] == sorted(shown["q"][:-1], reverse=True)
    assert 96 in shown["token"]


def test_the_interval_of_a_column_holds_the_uniform_number_that_picked_it():
    round = run(V=97, K=4).rounds[0]
    rows = describe([0], round.facts()[1], None)["rounds"][0]["rows"]
    for row, token, u in zip(rows, round.draft_tokens, round.u):
        i = row["drafted"]["token"].index(token)
        low = row["drafted"]["q_from"][i]
        assert low - 1e-5 <= u <= low + row["drafted"]["q"][i] + 1e-5


@pytest.mark.parametrize("keep_rows", [True, False])
def test_hostile_texts_never_become_markup(keep_rows):
    html = run(V=8, n=40, keep_rows=keep_rows).to_html(HOSTILE)
    assert html.count("<script>") == html.count("</script>") == 1
    assert "alert(1)<" not in html
    assert not re.search("[\x00\x1b\u202e\u2028]", html)


def test_what_cannot_be_seen_is_named():
    assert [visible(text) for text in ("\u202e", "\u200b", "\n", "")] == ["‹202E›", "‹200B›", "↵", "‹empty›"]


def test_a_page_may_ask_for_nothing():
    html = page(describe(*run().facts(), None), "a <run>")
    assert POLICY in html
    assert "default-src 'none'" in POLICY
    assert "&lt;run&gt;" in html
    asked = re.findall(r"""(?:src|href)=["']?([^"'> ]*)""", html.split("<script>")[0])
    assert asked
    assert all(address.startswith("data:") for address in asked)


def test_without_scripts_a_picture_and_a_table_remain():
    trace = run()
    html = fragment(describe(*trace.facts(), None))
    before_script = html.split("<script>")[0]
    assert "data:image/svg+xml;base64," in before_script
    assert before_script.count("correction") + before_script.count("bonus") >= len(trace.rounds)


def test_a_notebook_gets_html_and_text_of_a_round_a_trace_and_an_empty_trace():
    trace = run()
    for shown in (trace, trace.rounds[0], Trace((0,))):
        bundle = shown._repr_mimebundle_()
        assert {*bundle} == {"text/html", "text/plain"}
    assert bundle["text/plain"].startswith("an empty run")


def test_fractions_and_a_run_without_drafts_are_shown():
    half = np.array([[Fraction(1, 2)] * 2] * 2, dtype=object)
    trace = generate(
        [0], *[TableModel(half)] * 2, K=1, max_new_tokens=3, rng=np.random.default_rng(0), keep_rows=True
    )[1]
    assert record_of(trace.to_html())["rounds"][0]["p"] == [0.5]
    assert [entry["drafts"] for entry in record_of(run(K=0).to_html())["rounds"]] == [[]] * 9


def test_a_trace_written_as_json_is_shown_alike():
    trace = run()
    assert Trace.from_json(trace.to_json()).to_html() == trace.to_html()


def test_the_command_writes_a_page_and_says_what_it_lacks(tmp_path, capsys):
    asked = ["trace", "--prompt", "def f(", "--max-new-tokens", "6"]
    assert main([*asked, "--html", str(tmp_path / "run.html")]) == 0
    assert (tmp_path / "run.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert main(asked) == 2
    assert "trace needs --out RUN.json or --html RUN.html" in capsys.readouterr().err


# --- one colour a meaning ----------------------------------------------------------------------------------------

LIGHT, DARK = ("#ffffff", "#f3f5f8"), ("#12171e", "#1c242e")  # the viewer's own grounds, with its inks:
INK = {**dict.fromkeys(LIGHT, "#1c2430"), **dict.fromkeys(DARK, "#e6ebf2")}
SHEETS = sorted(Path(viewer_page.__file__).parent.rglob("*.css"))
CSS = "".join(path.read_text(encoding="utf-8") for path in SHEETS)
EMITTED = ("accepted", "correction", "bonus")


def channels(color):
    """Read #rrggbb as three numbers in [0, 1]."""
    return [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def contrast(one, other):
    """Compare two colours by WCAG's formula: 1 for equal ones, 21 for black and white."""
    linear = lambda v: v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4  # noqa: E731
    darker, lighter = sorted(np.dot([0.2126, 0.7152, 0.0722], [*map(linear, color)]) for color in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("origin", COLORS)
def test_a_colour_is_readable_on_black_on_white_and_on_the_viewers_grounds(origin):
    mark = channels(COLORS[origin])
    assert contrast(mark, channels("#ffffff")) >= 4.5
    assert contrast(mark, channels("#000000")) >= 4.5
    assert all(contrast(mark, channels(ground)) >= 3 for ground in INK)
    for ground, ink in INK.items():  # texts: 65 % of the colour in the theme's ink
        text = 0.65 * np.array(mark) + 0.35 * np.array(channels(ink))
        assert contrast(text, channels(ground)) >= 4.5


def test_the_style_sheet_has_these_grounds_and_inks_and_takes_the_origins_from_the_table():
    assert {*re.findall(r"--(?:fg|bg|soft): (#\w{6})", CSS)} == {*INK, *INK.values()}
    assert {*re.findall(r"(\d+)%, var\(--fg\)", CSS)} == {"65"}
    declared = {*re.findall(r"--([\w]+):", CSS + properties())}
    assert {*re.findall(r"var\(--(\w+)\)", run().to_html())} <= declared
    assert not {*COLORS} & {*re.findall(r"--([\w]+):", CSS)}


def test_terminal_viewer_still_picture_and_figures_have_one_colour_an_origin():
    trace = run(n=60)
    assert {*trace.sources} == {*EMITTED}
    strip = figures.trace_strip(trace, lambda tokens: "abc"[tokens[0]])
    faces = {mpl.colors.to_hex(cell.get_facecolor()) for cell in strip.axes[0].patches}
    image = b64decode(re.search(r"svg\+xml;base64,([^\"]+)", fragment(describe(*trace.facts(), None)))[1]).decode()
    spans = {span.style.split()[-1] for span in trace.render(lambda tokens: "abc"[tokens[0]]).spans}
    assert faces == spans == {*re.findall("fill='(#.{6})'", image)} == {COLORS[origin] for origin in EMITTED}
    assert all(f"--{origin}: {color}" in trace.to_html() for origin, color in COLORS.items())


def test_the_drawing_of_one_round_has_the_same_colours():
    drawn = (ROOT / "docs" / "one-round.svg").read_text(encoding="utf-8")
    classes = dict(re.findall(r"\.(\w+)\{fill:#\w{6};stroke:(#\w{6})\}", drawn))
    origins = {"plain": "drafted", "acc": "accepted", "rej": "rejected", "gone": "discarded", "cor": "correction"}
    assert {name: classes[name] for name in origins} == {name: COLORS[origin] for name, origin in origins.items()}
