"""The demo: what a race shows, how K is chosen, what is said of the times. No time is asserted."""

import io
import re
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

from specsample import cli, generate, load_pair
from specsample.bench import Comparison, Costs
from specsample.commands import demo, race
from specsample.transformer.lm import TransformerLM

PROMPT = "def f("
REQUEST = {"seed": 0, "max_new_tokens": 12, "transform": None}


@pytest.fixture(scope="module")
def pair():
    return load_pair()


def terminal(width, height=30):
    """Make a terminal that keeps what it was sent."""
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, highlight=False)


@pytest.mark.parametrize("width", [60, 100])
def test_both_lanes_reach_the_finish_with_the_texts_of_generate(pair, monkeypatch, width):
    monkeypatch.setattr(race, "SHOWN", 0)
    lanes = [race.lane(PROMPT, *pair, K=K, **REQUEST) for K in (0, 3)]
    console = terminal(width)
    race.run_race(console, lanes)
    tokens = pair[0].tokenizer.encode(PROMPT)
    for lane, K in zip(lanes, (0, 3), strict=True):
        expected, _ = generate(tokens, *pair, K=K, max_new_tokens=12, rng=np.random.default_rng(0))
        assert lane.trace.tokens == expected
    # the finish of both is what stays on the screen
    assert console.file.getvalue().count("finished in") >= 2


def test_the_lane_that_is_behind_takes_the_next_step(monkeypatch):
    costs = {"a": 1.0, "b": 3.0}
    order = []

    def steps(name, trace):
        while True:
            order.append(name)
            trace.tokens.append(0)
            yield [0]

    def lane(name, total):
        trace = SimpleNamespace(tokens=[])
        return race.Lane(name, steps(name, trace), trace, total, lambda: Text(name))

    # a clock that shows what a step of each is said to take
    monkeypatch.setattr(race, "timed", lambda function: (function(), costs[order[-1]]))
    monkeypatch.setattr(race.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(race, "PACED", 5)
    race.run_race(terminal(100), [lane("a", 12), lane("b", 4)])
    # both read their prompts, five steps tell the pace; then the clocks are 6 and 3, 6 and 6, 7 and 6, 7 and 9 ...
    assert "".join(order) == "ab" + "aaaaa" + "babaaabaa"


def test_a_lane_shows_its_newest_lines_and_both_fit_the_screen(pair):
    prompt = "".join(f"line {n}\n" for n in range(40)) + "end"
    lanes = [race.lane(prompt, *pair, K=K, **REQUEST) for K in (0, 3)]
    for width, height in ((40, 16), (120, 16), (40, 8)):
        console = terminal(width, height)
        console.print(race.drawing(console, lanes, "said"))
        shown = console.file.getvalue()
        assert shown.count("\n") <= height
        assert shown.count("end") == 2
        assert "line 3\n" not in shown


def test_the_dearer_passes_are_the_fewer_drafts_and_one_at_least(monkeypatch):
    def chosen(cost_ratio, slope):
        monkeypatch.setattr(demo, "pass_costs", lambda *_, K, repeats: Costs(1.0, cost_ratio, 1 + slope * K))
        return demo.fastest_K(None, None, [0])

    assert chosen(0.0, 0.0) == demo.LARGEST_K
    assert demo.LARGEST_K > chosen(0.1, 0.1) > chosen(0.1, 0.3) > 1
    # where none pays the demo shows that
    assert chosen(0.9, 1.0) == 1


@pytest.mark.parametrize(("seconds", "said"), [(0.5, "It pays here"), (1.0, "It hardly pays"), (1.5, "Try --K 1")])
def test_a_reason_is_given_and_where_it_does_not_pay_something_to_do(pair, seconds, said):
    tokens = pair[0].tokenizer.encode(PROMPT)
    _, trace = generate(tokens, *pair, K=2, max_new_tokens=12, rng=np.random.default_rng(0))
    seen = Comparison(trace.tokens, 1.0, trace, seconds)
    assert said in demo.reason(seen, Costs(1.0, 0.1, 1.5), K=2)


def test_what_is_no_terminal_gets_both_texts_and_no_race(capsys):
    assert cli.main(["demo", "--max-new-tokens", "8", "--K", "2"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("autoregressive, one target pass a token") == 2
    assert "finished" not in shown
    assert "pays here" in shown
    assert "\x1b" not in shown
    # letters alone tell the origins
    assert "[correction after a rejection], {bonus after 2}" in shown
    assert re.search(r"\[.\]|\{.\}", shown.split("tokens a target pass")[1], re.DOTALL)


def test_the_new_text_is_not_dimmed_with_the_prompt(monkeypatch, pair):
    new = race.lane(PROMPT, *pair, K=0, **REQUEST).text()
    assert new.style == ""
    assert [str(span.style) for span in new.spans] == ["dim"]


def test_weights_are_laid_out_before_a_clock_runs(monkeypatch, capsys):
    from specsample.commands import generate as command

    happened = []
    start, timed = TransformerLM.start, command.timed
    monkeypatch.setattr(TransformerLM, "start", lambda self: happened.append("start") or start(self))
    monkeypatch.setattr(command, "timed", lambda function: happened.append("clock") or timed(function))
    assert cli.main(["generate", "--prompt", "def ", "--max-new-tokens", "0", "--json"]) == 0
    assert happened[:3] == ["start", "start", "clock"]
