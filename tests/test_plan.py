"""Does `specsample plan` say what the roofline says, and does it say what it assumed?"""

import re
from xml.etree import ElementTree

import make_plan as docs
import pytest
from matplotlib.colors import to_hex

from specsample.cli import main
from specsample.commands.plan import numbers
from specsample.figures.heat_map import DEEP, PALE, draw
from specsample.figures.style import write_svg
from specsample.theory import Work, outlook
from specsample.theory.deployment import Deployment
from specsample.theory.machines import device, shape

COMMAND = ["plan", "--target", "70B", "--draft", "4B", "--device", "h100"]


def rows(out):
    """Read the numbers of the table: batch, context, ms, c, rho, K, tokens, speed-up, tokens/s."""
    found = [re.findall(r"[\d.]+", line)[:9] for line in out.splitlines() if re.match(r" *\d+ +\d+ +\d", line)]
    return [tuple(map(float, row)) for row in found]


def words(path):
    """Read the words of an SVG, in order."""
    return [element.text for element in ElementTree.parse(path).iter() if element.tag.endswith("}text")]


def test_the_table_has_a_row_for_every_batch_with_the_rooflines_numbers(capsys):
    assert main([*COMMAND, "--count", "8", "--batch", "1..256", "--context", "2048"]) == 0
    table = rows(capsys.readouterr().out)
    assert [row[0] for row in table] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    for batch, context, ms, c, _, K, _, speed, rate in table:
        work = Work(int(batch), int(context))
        found = outlook(0.8, shape("70B"), shape("4B"), device("h100", count=8), work=work)
        assert (ms, c, K) == (round(1e3 * found.target_seconds, 2), round(found.cost_ratio, 3), found.K)
        assert (speed, rate) == (round(found.speedup, 2), round(batch * found.speedup / found.target_seconds))


def test_the_devices_are_the_fewest_that_hold_everything(capsys):
    for batch, count in (("1", 2), ("256", 8)):
        main([*COMMAND, "--batch", batch])
        out = capsys.readouterr().out
        assert f"on {count} x NVIDIA H100" in out
        assert not re.search(r"\d !", out)
    main([*COMMAND, "--count", "1"])
    assert "149 !" in capsys.readouterr().out


@pytest.mark.parametrize("width", [40, 80, 100])
def test_the_table_is_cut_at_no_width_and_every_part_of_it_says_which_row_is_which(width, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    main([*COMMAND, "--context", "131072"])
    table = capsys.readouterr().out.partition("at context")[0]
    assert "…" not in table
    heads = [line.split() for line in table.splitlines() if "batch" in line]
    assert max(len(line) for line in table.splitlines()[1:]) <= width
    assert all(head[:2] == ["batch", "context"] for head in heads)
    named = [name for head in heads for name in head[2:]]
    assert named == ["ms", "c", "ρ", "K", "tokens", "speed-up", "tok/s", "limit", "GB"]


def pays(batch, context):
    """Whether speculation pays on eight H100s."""
    return outlook(0.8, shape("70B"), shape("4B"), device("h100", count=8), work=Work(batch, context)).speedup > 1


def test_the_remarks_name_the_batch_and_the_context_at_which_it_stops_paying(capsys):
    main([*COMMAND, "--count", "8", "--context", "256", "--batch", "512"])
    out = capsys.readouterr().out
    batch = int(re.search(r"at context 256, speculation pays up to a batch of (\d+)", out)[1])
    assert (pays(batch, 256), pays(batch + 1, 256)) == (True, False)
    context = int(re.search(r"at a batch of 512, speculation pays beyond a context of (\d+)", out)[1])
    assert (pays(512, context), pays(512, context + 1)) == (False, True)


def test_what_was_assumed_is_said(capsys):
    main([*COMMAND, "--batch", "1"])
    out = capsys.readouterr().out
    assert "data sheet" in out
    assert "4B: layers and widths as llama-3b" in out


def test_a_useless_draft_is_not_used(capsys):
    main([*COMMAND, "--alpha", "0", "--batch", "1"])
    out = capsys.readouterr().out
    assert [row[5:8] for row in rows(out)] == [(0, 1, 1)]
    assert "does not pay at a batch of 1" in out


def test_the_map_is_an_svg_with_a_cell_for_every_batch_and_context(tmp_path, capsys):
    main([*COMMAND, "--count", "8", "--batch", "1..4", "--plot", str(tmp_path / "map.svg")])
    said = words(tmp_path / "map.svg")
    assert sum(word.startswith("K = ") for word in said) == 3 * 11
    assert "map.svg" in capsys.readouterr().out


def test_the_map_says_what_the_question_answers_and_hatches_what_does_not_fit():
    deployment = Deployment(shape("70B"), shape("4B"), device("h100", count=2), 0.8, None, 2.0, 2.0)
    batches, contexts = [1, 64, 512], [128, 8192]
    ax = draw(deployment, batches, contexts, title="a").axes[0]
    answers = [deployment.answer(batch, context) for batch in batches for context in contexts]
    assert [text.get_text() for text in ax.texts] == [f"{a.speedup:.2f}\nK = {a.K}" for a in answers]
    full = {(c, b) for b in range(3) for c in range(2) if not deployment.fits(batches[b], contexts[c])}
    assert {patch.get_xy() for patch in ax.patches if patch.get_hatch()} == full != set()
    (mesh,) = ax.collections
    assert min(a.speedup for a in answers) == 1  # the largest batch at the short context
    assert [to_hex(mesh.to_rgba(speed)) for speed in (1, max(a.speedup for a in answers))] == [PALE, DEEP]


def test_without_matplotlib_a_map_is_refused_before_anything_is_printed(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("specsample.figures.style.find_spec", lambda name: None)
    assert main([*COMMAND, "--plot", str(tmp_path / "map.svg")]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert "a figure needs matplotlib: pip install matplotlib" in error


def test_the_page_holds_what_follows_from_the_measurements_and_the_papers():
    assert docs.PAGE.read_text(encoding="utf-8") == docs.page(), "run: python docs/make_plan.py"


def test_the_map_of_the_page_says_what_the_command_draws(tmp_path):
    write_svg(docs.drawn_map(), tmp_path / "map.svg")
    assert words(docs.MAP) == words(tmp_path / "map.svg"), "run: python docs/make_plan.py"


def test_one_time_a_layer_explains_all_costs_of_leviathan_et_al():
    layer = docs.leviathan_layer()
    costs = [round(docs.leviathan_cost(draft, layer), 2) for draft in ("small", "base", "large")]
    assert costs == [0.02, 0.04, 0.11]  # the first is fitted
    assert [round(docs.leviathan_cost(draft, 0.0), 2) for draft in ("small", "base", "large")] == [0.01, 0.02, 0.07]


def test_the_roofline_is_a_lower_bound_of_the_times_of_chen_et_al():
    assert all(measured > predicted for measured, predicted in docs.chen_rows(0.0).values())


def test_ranges_double_and_lists_are_sorted():
    assert numbers("1..256") == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert (numbers("3..20"), numbers("5"), numbers("9,1")) == ([3, 6, 12, 20], [5], [1, 9])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch", "0"], "a range must be written"),
        (["--context", "many"], "a range must be written"),
        (["--alpha", "80"], "alpha must lie in [0, 1]"),
        (["--target", "big"], "a size such as 70B"),
    ],
)
def test_senseless_arguments_end_with_status_2(arguments, message, capsys):
    assert main([*COMMAND, *arguments]) == 2
    assert message in capsys.readouterr().err
