"""A race is the run and the baseline that they are without a clock, and every pass has its time."""

import json
import re

import numpy as np
import pytest

from specsample import TableModel, autoregressive, generate
from specsample.bench.race import Watched, race
from specsample.cli import main
from specsample.drafts.declining import Confident

rng = np.random.default_rng(3)
TARGET, DRAFT = [TableModel(rng.dirichlet(np.ones(5), 5)) for _ in range(2)]
WANTED = {"K": 3, "max_new_tokens": 20}


def raced(draft=DRAFT, **settings):
    """Race from one seed."""
    return race([0], TARGET, draft, rng=np.random.default_rng(0), **(WANTED | settings))


def times_of(html):
    """Read back the times that a page carries."""
    return json.loads(re.search(r'"times":(null|\{.*?\}),"texts"', html)[1])


def test_the_clock_changes_no_token_of_the_run_or_the_baseline():
    tokens, seen = raced()
    assert tokens == seen.trace.tokens == generate([0], TARGET, DRAFT, rng=np.random.default_rng(0), **WANTED)[0]
    alone = autoregressive([0], TARGET, rng=np.random.default_rng(0), max_new_tokens=20)
    assert seen.baseline_tokens == alone


def test_every_pass_has_its_time_and_a_round_ends_with_the_targets():
    _, seen = raced()
    assert len(seen.baseline_passes) == 20
    assert [len(passes) for passes in seen.passes] == [played.K + 1 for played in seen.trace.rounds]
    flat = np.array([measured for passes in [seen.baseline_passes, *seen.passes] for measured in passes])
    assert (flat.min() >= 0, flat[:, 1].min() > 0) == (True, True)


def test_the_pass_of_a_source_that_declines_is_one_too():
    _, seen = raced(draft=Confident(DRAFT, 0.5))
    asked = [played.K + (played.n_declined > 0) for played in seen.trace.rounds]
    assert [len(passes) - 1 for passes in seen.passes] == asked


def test_a_watched_model_refuses_what_the_model_refuses():
    assert Watched(TARGET, [], is_target=True).vocab_size == 5
    short = TableModel(np.full((5, 5), 0.2))
    short.max_length = 4
    with pytest.raises(ValueError, match="must fit target_model's limit of 4"):
        race([0], short, DRAFT, rng=np.random.default_rng(0), **WANTED)


def test_a_page_carries_the_times_of_a_race_and_none_of_a_trace():
    _, seen = raced()
    times = times_of(seen.to_html())
    assert times["tokens"] == seen.baseline_tokens
    assert times["rounds"][0][0][1] == pytest.approx(1000 * seen.passes[0][0][1], rel=1e-3)
    assert times_of(seen.trace.to_html()) is None


def test_without_scripts_both_times_are_said():
    _, seen = raced()
    before_script = seen.to_html().split("<script>")[0]
    assert re.search(r"autoregressive \d+\.\d{3} s, speculative \d+\.\d{3} s \(medians of 5 runs", before_script)
    assert "autoregressive" not in seen.trace.to_html().split("<script>")[0]


@pytest.mark.parametrize(("more", "has_times"), [([], True), (["--autoregressive"], False), (["--K", "0"], False)])
def test_the_command_races_where_something_is_drafted(tmp_path, more, has_times):
    page = tmp_path / "run.html"
    asked = ["trace", "--prompt", "def f(", "--max-new-tokens", "6", "--html", str(page), *more]
    assert main(asked) == 0
    assert (times_of(page.read_text(encoding="utf-8")) is not None) == has_times
