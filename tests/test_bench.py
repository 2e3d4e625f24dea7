"""The benchmark runs, its files are whole, and its predictions are the formulas; nothing here asserts a time."""

import json
import os
import time
from io import StringIO
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.console import Console

from specsample import theory
from specsample.bench.clock import Spread, in_turns, spread
from specsample.bench.decode import ADAPTIVE, Decoding, Run, prompts_of
from specsample.bench.machine import blas_kernel, describe_machine, header
from specsample.bench.parts import Parts, time_rounds, time_steps, to_parts
from specsample.bench.passes import PassTimes, pass_times
from specsample.bench.peers import Peer
from specsample.bench.plot import draw
from specsample.bench.report import Results, show
from specsample.bench.shapes import RANDOM, random_model
from specsample.cli import main
from specsample.commands import bench as command
from specsample.language_model import TableModel
from specsample.speculative import generate
from specsample.training.data import load_streams
from specsample.transformer.config import Config, n_params

TINY = Config(7, width=8, n_layers=1, n_heads=2, n_kv_heads=1, hidden=8, max_length=64)
QUICK = ["bench", "--quick", "--kinds", "code"]


def exactly(seconds):
    """Make a measurement without spread."""
    return Spread(seconds, seconds, seconds)


def test_jobs_take_turns_and_every_call_is_measured():
    calls, undone = [], []
    jobs = {name: lambda name=name: calls.append(name) for name in "ab"}
    seconds = in_turns(jobs, 2, after=undone.append)
    assert (calls, undone) == (["a", "b", "a", "b"], ["a", "b", "a", "b"])
    assert all(len(times) == 2 and min(times) >= 0 for times in seconds.values())


def test_a_warm_job_is_called_and_undone_twice_and_measured_once():
    calls, undone = [], []
    seconds = in_turns({"a": lambda: calls.append("a")}, 2, is_warm=True, after=undone.append)
    assert (len(calls), len(undone), len(seconds["a"])) == (4, 4, 2)


def test_spread_is_median_and_quartiles_and_scales():
    assert spread([4.0, 1.0, 2.0, 3.0, 5.0]) == (3.0, 2.0, 4.0)
    assert spread([1.0]).scaled(1e3) == (1000.0, 1000.0, 1000.0)


def test_the_machine_is_described_as_text_and_as_json():
    machine = describe_machine()
    assert json.loads(json.dumps(machine)) == machine
    assert machine["numpy"] == np.__version__ in header(machine)
    name, threads = blas_kernel()
    assert (name, threads) == ("unknown", None) or (name and threads >= 1)


def test_the_load_of_a_machine_is_rounded(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (6.37890625, 0, 0), raising=False)
    assert "load 6.38\n" in header(describe_machine())


def test_random_shapes_have_the_parameters_of_their_names():
    sizes = {name: n_params(config) / 1e6 for name, config in RANDOM.items()}
    assert sizes["gpt2-124m"] == pytest.approx(124, abs=1)
    assert sizes["llama-135m"] == pytest.approx(135, abs=1)


def test_passes_are_rolled_back_and_one_row_is_the_unit():
    times = pass_times("tiny", random_model(TINY), rows=(1, 3), context=5, repeats=2)
    assert (times.ratio(1), [*times.seconds], times.weight_bytes) == (1.0, [1, 3], 4 * n_params(TINY))


def test_c_and_rho_are_parts_of_a_round_over_a_step():
    parts = Parts(exactly(2.0), {0: exactly(0.0), 4: exactly(2.0)}, {0: exactly(2.0), 4: exactly(3.0)})
    assert (parts.cost_ratio(4), parts.verify_ratio(0), parts.verify_ratio(4)) == (0.25, 1.0, 1.5)
    assert np.isnan(parts.cost_ratio(0))


def decoding(K=3):
    """Make a decoding with real traces and made-up times: a round costs K c + ρ = 3/4 + 5/4 baseline steps."""
    rng = np.random.default_rng(0)
    p, q = (TableModel(rng.dirichlet(np.ones(3), 3)) for _ in "pq")
    trace = generate([0], p, q, K=K, max_new_tokens=200, rng=rng)[1]
    parts = to_parts([1.0], {0: [(0.0, 1.0)], K: [(0.75, 1.25)]})
    runs = {0: Run(exactly(200.0), [trace]), K: Run(exactly(2.0 * trace.target_passes), [trace])}
    return Decoding("code", 1.0, 200, exactly(200.0), runs, parts), trace


def test_predictions_are_the_formulas_of_the_theory():
    found, trace = decoding()
    assert found.by_equation_1(3) == theory.speedup(trace.acceptance_rate, 3, 0.25, 1.25)
    rates = theory.rates_by_position([round.n_accepted for round in trace.rounds if round.K == 3], 3)
    assert found.by_position(3) == theory.expected_tokens_by_position(rates) / 2.0


def test_where_every_round_costs_what_its_parts_cost_the_prediction_by_position_is_right():
    found, trace = decoding()
    assert found.measured(3) == pytest.approx(trace.tokens_per_target_pass / 2.0)
    assert found.by_position(3) == pytest.approx(found.measured(3), rel=0.02)  # the last rounds are shorter


class SlowTable(TableModel):
    """A table whose passes take one tick of a clock that only they move."""

    ticks = 0

    def start(self):
        context = super().start()
        read = context.extend

        def extend(tokens):
            SlowTable.ticks += 1
            return read(tokens)

        context.extend = extend
        return context


def test_drafting_and_the_rest_of_a_round_are_told_apart(monkeypatch):
    monkeypatch.setattr(time, "perf_counter", lambda: SlowTable.ticks)
    table, settings = np.eye(3)[[1, 2, 0]], {"seed": 0, "max_new_tokens": 16}
    quick, slow = TableModel(table), SlowTable(table)
    assert time_rounds([[0]], quick, slow, K=3, **settings) == (3.0, 0.0)
    assert time_rounds([[0]], slow, quick, K=3, **settings) == (0.0, 1.0)
    assert time_steps([[0]], slow, **settings) == 1.0


def test_too_short_a_text_has_no_parts():
    model = TableModel(np.eye(3)[[1, 2, 0]])
    assert np.isnan(time_rounds([[0]], model, model, K=3, seed=0, max_new_tokens=4)).all()


def test_prompts_are_held_out_text_of_their_kind():
    held_out = load_streams()[1]
    for kind, other in (("code", "prose"), ("prose", "code")):
        prompts = prompts_of(kind, n=2, length=200)
        assert [len(prompt) for prompt in prompts] == [200, 200]
        assert all(bytes(prompt) in held_out[kind].tobytes() for prompt in prompts)
        assert not any(bytes(prompt) in held_out[other].tobytes() for prompt in prompts)


@pytest.mark.thorough
def test_the_short_form_completes_and_its_json_and_figure_are_whole(tmp_path, capsys):
    paths = {name: tmp_path / f"out.{name}" for name in ("json", "svg")}
    assert main([*QUICK, "--json", str(paths["json"]), "--plot", str(paths["svg"])]) == 0
    record = json.loads(paths["json"].read_text())
    assert record["is_complete"]
    assert [entry["model"] for entry in record["passes"]] == ["pair target", "pair draft"]
    runs = record["decoding"][0]["runs"]
    assert [run["K"] for run in runs] == [0, 1, 2, "adaptive"]
    assert {"measured_over_predicted", "predicted", "rho", "alpha", "tokens_per_second"} <= runs[2].keys()
    words = {element.text for element in ElementTree.parse(paths["svg"]).iter() if element.tag.endswith("}text")}
    assert {"pair target", "pair draft", "code, adaptive K"} <= words
    assert "adaptive" in capsys.readouterr().out


def test_the_figure_shows_what_was_measured_and_what_was_predicted():
    found, _ = decoding()
    found.runs[ADAPTIVE] = found.runs[3]
    times = PassTimes("m", 1, {1: exactly(2.0), 3: exactly(3.0)}, exactly(1.0), 4)
    rows, speeds = draw([times], [found]).axes
    assert rows.lines[0].get_xydata().tolist() == [[1, 1.0], [3, 1.5]]
    dots, by_position, by_equation_1, adaptive, one = ([*line.get_ydata()] for line in speeds.lines)
    assert (dots, adaptive[0], one[0]) == ([found.measured(0), found.measured(3)], found.measured(3), 1)
    assert (by_position[1], by_equation_1[1]) == (found.by_position(3), found.by_equation_1(3))


def test_without_matplotlib_a_figure_is_refused_before_anything_is_measured(monkeypatch, capsys):
    monkeypatch.setattr("specsample.figures.style.find_spec", lambda name: None)
    assert main([*QUICK, "--plot", "out.svg"]) == 2
    assert capsys.readouterr().err == (
        "specsample bench: a figure needs matplotlib: pip install matplotlib, or here pip install -e '.[notebooks]'\n"
    )


def test_an_interrupted_run_leaves_a_whole_file_that_says_so(tmp_path, monkeypatch, capsys):
    def interrupt(*arguments, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "measure_decoding", interrupt)
    assert main([*QUICK, "--json", str(tmp_path / "out.json")]) == 130
    record = json.loads((tmp_path / "out.json").read_text())
    assert (record["is_complete"], len(record["passes"]), record["decoding"]) == (False, 2, [])
    assert "interrupted" in capsys.readouterr().out


def test_a_killed_run_leaves_a_whole_file_of_what_was_measured(tmp_path, monkeypatch):
    out = tmp_path / "out.json"

    def kill(*arguments, **settings):
        raise GeneratorExit  # which nothing on the way handles

    monkeypatch.setattr(command, "measure_decoding", kill)
    with pytest.raises(GeneratorExit):
        main([*QUICK, "--json", str(out)])
    record = json.loads(out.read_text())
    assert (record["is_complete"], len(record["passes"]), record["decoding"]) == (False, 2, [])


def test_json_on_standard_output_is_all_that_is_printed(capsys):
    assert main(["bench", "--quick", "--kinds", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["is_complete"]


def test_numbers_that_json_lacks_become_null():
    times = PassTimes("m", 1, {1: exactly(float("inf"))}, exactly(1.0), 4)
    record = json.loads(Results({}, {}, passes=[times]).to_json())
    assert record["passes"][0]["rows"]["1"]["rho"] is None


# --- tables on terminals -----------------------------------------------------------------------------------------


def printed(width):
    """Print a benchmark of everything for a terminal of some width."""
    found, _ = decoding(K=1)
    found.runs[ADAPTIVE] = found.runs[1]
    times = {1: exactly(0.002), 17: exactly(0.003)}
    passes = [PassTimes(f"pair {name}", 128, times, exactly(0.001), 4) for name in "ab"]
    peers = [
        Peer("Hugging Face, 2 threads", exactly(0.01), exactly(0.02), exactly(0.03)),
        Peer("us", exactly(0.1), None, None),
    ]
    machine = {**describe_machine(), "processor": "x", "environment": {}}
    results = Results(machine, {}, passes, [found], {"pair": peers}, is_complete=True)
    out = StringIO()
    show(results, Console(file=out, width=width))
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 80, 100])
def test_no_head_and_no_cell_is_cut_or_broken_on_a_terminal(width):
    out = printed(width)
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= width
    heads = ("pair a: ms, ρ", "pair b: ms, ρ", "speed-up", "tokens/pass", "by position", "measured/it", "of 6 rows")
    cells = ("weights once", "3.00 (3.00–3.00)  1.50", "20.00 (20.00–20.00)", "Hugging Face, 2 threads")
    for text in (*heads, *cells):
        # where not even two columns fit, a text may go on below, between its words
        is_whole = any(text in line for line in out.splitlines())
        assert is_whole or (width == 40 and {*text.split()} <= {*out.split()}), text


def test_the_adaptive_run_is_one_line_of_each_table():
    found = {width: [line.split() for line in printed(width).splitlines()] for width in (40, 80, 100)}
    lines = {width: [words for words in found[width] if words[:1] == ["adaptive"]] for width in found}
    assert [len(lines[width]) for width in (40, 80, 100)] == [4, 2, 1]
    assert "adaptive K has a mean of 1.0" in " ".join(printed(80).split())
