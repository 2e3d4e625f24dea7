"""Recorded runs: small, whole, shown without their model, and what the model says where it is installed."""

from argparse import Namespace

import numpy as np
import pytest

from specsample import TableModel, generate, temperature
from specsample.commands.sampling import load_models
from specsample.viewer.record import describe
from specsample.viewer.recorded import RUNS, load_run, save_run

NAMES = sorted(path.stem for path in RUNS.glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_run_is_small_and_shown_with_its_words(name):
    run = load_run(name)
    assert (RUNS / f"{name}.json").stat().st_size < 200_000
    assert run.about["command"] == f"python docs/make_recorded_runs.py {name}"
    shown = run._repr_mimebundle_()
    assert "specsample-trace" in shown["text/html"]
    assert f"{len(run.trace.tokens)} tokens in {run.trace.target_passes} rounds" in shown["text/plain"]
    assert run.decode(run.trace.tokens).replace("↵", "").count(" ") > 20


@pytest.mark.parametrize("name", NAMES)
def test_the_verdicts_of_a_shipped_run_follow_from_its_numbers(name):
    for played in load_run(name).trace.rounds:
        tests = played.u[len(played.u) // 2 :]
        kept = [u < min(1, p / q) for u, p, q in zip(tests, played.p_x, played.q_x)]
        assert played.n_accepted == [*kept, False].index(False)


def test_a_run_comes_back_as_it_was(tmp_path):
    p, q = (
        TableModel(np.array([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1], [0.4, 0.4, 0.2]])),
        TableModel(np.full((3, 3), 1 / 3)),
    )
    _, trace = generate([0], p, q, K=3, max_new_tokens=20, rng=np.random.default_rng(0), keep_rows=True)
    decode = lambda tokens: "".join("a½\n"[token] for token in tokens)  # noqa: E731
    save_run(tmp_path / "run.json", trace, decode, seed=0)
    run = load_run(tmp_path / "run.json")
    assert (run.about, run.trace) == ({"seed": 0}, trace)
    assert run.data == describe(*trace.facts(), decode)
    assert run.decode([1, 2]) == "½↵\n"
    with pytest.raises(FileNotFoundError):
        load_run("no such run")


@pytest.mark.real_model
@pytest.mark.parametrize("name", NAMES)
def test_the_real_model_gives_the_numbers_of_the_recorded_run(name):
    target = load_models(Namespace(model="smollm2"))[0]
    run = load_run(name)
    strategy = temperature(run.about["temperature"])
    text = [*run.data["prompt"], *run.trace.tokens]
    rows = strategy(target.start().extend(text).astype(np.float64))
    for entry in run.data["rounds"]:
        assert rows[entry["context"] - 1 + np.arange(len(entry["emitted"])), entry["emitted"]].all()
        for i, (token, p) in enumerate(zip(entry["drafts"], entry["p"])):
            # of the drafts those that stand after the text itself
            if entry["drafts"][:i] == entry["emitted"][:i]:
                assert rows[entry["context"] - 1 + i, token] == pytest.approx(p, abs=2e-3)
