"""The figures show the numbers of the library: read back from what was drawn, not looked at."""

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest

from specsample import TableModel, Trace, figures, generate, overlap
from specsample.figures.runs import _lay_out, _wilson
from specsample.theory import expected_tokens

mpl.use("Agg")
TARGET, DRAFT = TableModel(np.array([[0.6, 0.4], [0.3, 0.7]])), TableModel(np.array([0.5, 0.5]))


def run(K, seed=0):
    """Generate 40 tokens with a little pair."""
    return generate([0], TARGET, DRAFT, K=K, max_new_tokens=40, rng=np.random.default_rng(seed))[1]


def heights(figure):
    """List the heights of the bars, one list for each of the three parts."""
    return [[bar.get_height() for bar in container] for container in figure.axes[0].containers]


def line(figure, label):
    """Find a drawn line by the start of its label."""
    return next(line for line in figure.axes[0].lines if line.get_label().startswith(label))


def test_the_bars_are_the_overlap_what_was_drafted_too_often_and_the_residual():
    p, q = np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.75, 0.0])
    both, q_only, p_only = heights(figures.target_against_draft(p, q, labels="abc"))
    assert (both, q_only, p_only) == ([0.25, 0.25, 0], [0, 0.5, 0], [0.25, 0, 0.25])


def test_a_large_vocabulary_shows_the_largest_tokens_and_the_rest_in_one_column():
    p, q = np.random.default_rng(0).dirichlet(np.ones(97), 2)
    figure = figures.target_against_draft(p, q, top=10)
    both, q_only, p_only = map(np.array, heights(figure))
    assert len(both) == 11
    assert both.sum() == pytest.approx(overlap(p, q))
    assert ((both + p_only).sum(), (both + q_only).sum()) == pytest.approx((1, 1))
    assert min(both[-1], q_only[-1], p_only[-1]) > 0  # the rest has all three parts, one above the other:
    tops = [container[-1].get_y() for container in figure.axes[0].containers]
    assert tops == pytest.approx([0, both[-1], both[-1] + q_only[-1]])
    names = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert names == [*map(str, np.argsort(-np.maximum(p, q))[:10]), "rest"]


def test_rows_side_by_side_show_the_same_tokens_on_one_scale():
    flat, steep = np.full(97, 1 / 97), np.random.default_rng(0).dirichlet(np.full(97, 0.1))
    left, right = figures.side_by_side({"flat": flat, "steep": steep}, top=10).axes
    for ax, row in ((left, flat), (right, steep)):
        names = [tick.get_text() for tick in ax.get_xticklabels()]
        drawn = [bar.get_height() for bar in ax.patches]
        assert drawn[:10] == [row[int(name)] for name in names[:10]]
        assert (names[10], sum(drawn)) == ("rest", pytest.approx(1))
    assert [*map(str, left.get_xticklabels())] == [*map(str, right.get_xticklabels())]
    assert left.get_ylim() == right.get_ylim()
    assert [ax.get_title() for ax in (left, right)] == ["flat", "steep"]


def test_a_tree_of_drafts_has_a_line_from_every_node_to_its_parent():
    parents = (-1, 0, 1, 2, -1, 4)
    (ax,) = figures.draft_trees({"a": parents}).axes
    places = {text.get_text(): text.get_position() for text in ax.texts}
    assert len({*places.values()}) == len(places) == 7
    above = [places["text" if parent < 0 else str(parent)] for parent in parents]
    drawn = [[*map(tuple, line.get_xydata().tolist())] for line in ax.lines]
    assert drawn == [[above[node], places[str(node)]] for node in range(6)]
    assert [places[str(node)][1] for node in range(6)] == [1, 2, 3, 4, 1, 2]  # depth, from the top down
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_acceptance_by_position_divides_by_the_drafts_tested_there():
    trace = run(3)
    marks, _, _ = figures.acceptance_by_position(trace).axes[0].containers[0]
    for k, rate in enumerate(marks.get_ydata()):
        tested = [round for round in trace.rounds if k < round.K and round.n_accepted >= k]
        assert rate == sum(round.n_accepted > k for round in tested) / len(tested)


def test_acceptance_of_several_runs_by_name_and_of_runs_together():
    named = figures.acceptance_by_position({"a": [run(3), run(3, seed=1)], "b": run(2)})
    assert len(named.axes[0].containers) == 2
    pooled = sum(run(3, seed=s).accepted for s in (0, 1)) / sum(run(3, seed=s).tested for s in (0, 1))
    assert line(named, "a all positions").get_ydata()[0] == pooled


def test_wilsons_interval_is_the_one_in_the_books():
    low, high = _wilson(np.array([8, 0, 0]), np.array([10, 10, 0]))
    assert (low[0], high[0]) == pytest.approx((0.4902, 0.9433), abs=1e-4)  # 8 of 10
    assert (low[1], high[1]) == pytest.approx((0.0, 0.2775), abs=1e-4)  # 0 of 10
    assert (low[2], high[2]) == pytest.approx((0, 1), abs=1e-6)


def test_tokens_per_pass_are_measured_and_predicted():
    traces = {K: run(K) for K in (0, 1, 3)}
    figure = figures.tokens_per_pass(traces, alpha=0.75)
    assert [*line(figure, "measured").get_ydata()] == [traces[K].tokens_per_target_pass for K in (0, 1, 3)]
    assert [*line(figure, "equation 1").get_ydata()] == [expected_tokens(0.75, K) for K in range(4)]


@pytest.mark.parametrize("options", [{}, {"K": 4, "verify_ratio": 1.5}])
def test_the_map_holds_the_papers_points_and_ours(options):
    figure = figures.speedup_map({"ours": (0.8, 0.2, 1.6)}, **options)
    for task in ("translation", "summaries"):
        assert len(line(figure, f"Leviathan et al.: {task}").get_xdata()) == 6
    assert [*line(figure, "ours").get_xydata()[0]] == [0.8, 0.2]
    assert "1.6×" in [text.get_text() for text in figure.axes[0].texts]


def test_the_strip_shows_every_token_and_frames_it_by_its_origin():
    trace = run(3)
    figure = figures.trace_strip(trace, lambda tokens: "a$"[tokens[0]], width=13)
    assert "".join(text.get_text() for text in figure.axes[0].texts) == "".join(["a", r"\$"][t] for t in trace.tokens)
    assert len(figure.axes[0].patches) == 40
    figure.canvas.draw()  # a lone $ would be taken for mathematics


def test_what_cannot_be_seen_is_drawn_as_in_the_viewer():
    trace = Trace((0,), [replace(round, emitted=(0, 1, 2)[: len(round.emitted)]) for round in run(2).rounds])
    figure = figures.trace_strip(trace, lambda tokens: ["\t", " ", "\n"][tokens[0]])
    assert {text.get_text() for text in figure.axes[0].texts} == {"⇥", " ", "↵"}
    figure.canvas.draw()  # every glyph is there, or matplotlib would warn


def test_the_strip_breaks_lines_after_its_width_and_at_newlines():
    cells, n_lines = _lay_out(["ab", "cd", "↵\n", "e", "fghi"], width=4)
    assert cells == [(0, 0, "ab"), (0, 2, "cd"), (1, 0, "↵"), (2, 0, "e"), (3, 0, "fghi")]
    assert n_lines == 4


def test_a_grid_has_a_square_and_a_mark_for_every_entry_and_says_what_rows_and_columns_are():
    tables = {"mask": np.tri(2, 3, 1, dtype=bool), "weights": np.array([[0.25, 0.75, 0], [0, 1, 0]])}
    figure = figures.grids(tables, rows=["a", "b"], columns=["x", "y", "z"], axes=("row", "column"))
    for ax, values in zip(figure.axes, tables.values(), strict=True):
        assert (ax.collections[0].get_array() == values).all()
        assert [tick.get_text() for tick in ax.get_yticklabels()] == ["a", "b"]
        assert [tick.get_text() for tick in ax.get_xticklabels()] == ["x", "y", "z"]
    marks = [[text.get_text() for text in ax.texts] for ax in figure.axes]
    assert marks == [["✓", "✓", "", "✓", "✓", "✓"], [".25", ".75", "0", "0", "1.00", "0"]]


def test_lanes_lay_pieces_side_by_side_and_name_the_kinds_that_are_drawn():
    rows = {"text": [("def", 3, "text"), ("x", 1, "accepted")], "cache": [("", 1, ""), ("y", 2, "forgotten")]}
    ax = figures.lanes(rows, xlabel="tokens").axes[0]
    drawn = [(patch.get_x(), patch.get_y(), patch.get_width()) for patch in ax.patches]
    assert drawn == [(0, 0.1, 3), (3, 0.1, 1), (1, 1.1, 2)]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["text", "accepted", "forgotten"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["text", "cache"]


def test_figures_draw_on_given_axes_and_leave_none_open():
    from matplotlib import pyplot

    ax = mpl.figure.Figure().subplots()
    assert figures.tokens_per_pass({1: run(1)}, ax=ax) is ax.figure
    figures.acceptance_by_position(Trace((0,)))  # an empty run
    assert not pyplot.get_fignums()


def test_no_legend_lies_over_what_is_drawn():
    p, q = np.array([0.25, 0.5, 0.25]), np.array([0.5, 0.25, 0.25])
    drawn = (
        figures.target_against_draft(p, q),
        figures.acceptance_by_position(run(3)),
        figures.tokens_per_pass({K: run(K) for K in (0, 2, 4)}),
    )
    for figure in drawn:
        figure.draw_without_rendering()
        ax = figure.axes[0]
        frame, legend = ax.get_window_extent(), ax.get_legend().get_window_extent()
        assert not frame.overlaps(legend)
        # nor is it cut off
        assert legend.y1 <= figure.bbox.y1 + 1
        assert legend.x1 <= figure.bbox.x1 + 1
