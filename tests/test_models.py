"""Code that takes models as functions of a token array is judged in a few lines, right and wrong."""

import numpy as np
import pytest

from specsample.conformance import check, from_models
from specsample.conformance.adapters import Seeds, Tabled
from specsample.conformance.laws.probes import PROBES

NAMES = {"target": "large", "draft": "small", "prompt": "x", "new_tokens": "n", "K": "K"}
DRIFT = PROBES["drift"].setting
ARRAYS = {"plain": True, "library": "numpy"}
P1 = {"probes": ["P1"], "eps": 0.3}


def draw(probs):
    """Draw from weights with NumPy's global generator."""
    return np.random.choice(len(probs), p=probs / probs.sum())  # noqa: NPY002


def sample(x, small, large, n, K, *, ends_exactly=True, drafts_greedily=False):
    """Sample speculatively, all models being functions from a text to the probabilities after each of its tokens."""
    end = len(x) + n
    while len(x) < end:
        k = min(K, end - len(x) - 1) if ends_exactly else K
        text = x
        for _ in range(k):
            q = small(text)[-1]
            text = np.append(text, q.argmax() if drafts_greedily else draw(q))
        p, q = large(text)[-k - 1 :], small(text)[-k - 1 :]
        kept = 0
        for i, token in enumerate(text[len(x) :]):
            if np.random.random() * q[i, token] >= p[i, token]:  # noqa: NPY002
                break
            kept = i + 1
        left = np.maximum(p[kept] - q[kept], 0) if kept < k else p[kept]
        x = np.append(text[: len(x) + kept], draw(left))
    return x


def too_long(x, small, large, n, K):
    return sample(x, small, large, n, K, ends_exactly=False)


def greedy_drafts(x, small, large, n, K):
    return sample(x, small, large, n, K, drafts_greedily=True)


def of_logits(x, small, large, n, K):
    models = [lambda text, model=model: np.exp(model(text)) for model in (small, large)]
    return sample(x, *models, n, K)


def with_a_seed_of_its_own(x, small, large, n, K):
    np.random.seed(0)  # noqa: NPY002
    return sample(x, small, large, n, K)


def judged(fn, *, logits=False, **settings):
    return check(from_models(fn, **NAMES, **ARRAYS, logits=logits), **{**P1, **settings})


@pytest.mark.thorough
def test_a_right_function_of_models_passes():
    found = judged(sample)
    assert (found.verdict, found.reasons, found.warnings) == ("PASS", [], [])


def test_equal_seeds_give_equal_texts_and_global_generators_are_put_back():
    setting = Tabled(DRIFT.target_model, DRIFT.draft_model, (0,), 2, 3)
    before = np.random.get_state()  # noqa: NPY002
    texts = [
        from_models(sample, **NAMES, **ARRAYS, logits=False)
        .sample(setting, 30, Seeds(*map(np.random.SeedSequence, (0, seed))))
        .tokens
        for seed in (1, 1, 2)
    ]
    assert (texts[0] == texts[1]).all()
    assert not (texts[0] == texts[2]).all()
    assert all(np.array_equal(a, b) for a, b in zip(before, np.random.get_state(), strict=True))  # noqa: NPY002


@pytest.mark.thorough
def test_models_give_logits_where_logits_are_wanted():
    assert judged(of_logits, logits=True, eps=0.3).verdict == "PASS"
    assert judged(sample, logits=True, eps=0.3).verdict in ("FAIL", "INVALID")


@pytest.mark.thorough
def test_texts_that_are_too_long_are_cut_and_said():
    found = judged(too_long, eps=0.3)
    assert found.verdict == "PASS"
    assert "cut at max_new_tokens" in " ".join(found.warnings)


@pytest.mark.thorough
def test_code_without_a_rule_for_stop_tokens_is_judged_up_to_them():
    assert judged(sample, probes=["P7"], eps=0.3).verdict == "PASS"


@pytest.mark.thorough
def test_drafts_by_argmax_fail_by_name():
    found = judged(greedy_drafts)
    assert (found.verdict, found.diagnosis.id) == ("FAIL", "M05")


@pytest.mark.thorough
def test_a_global_seed_inside_fails():
    assert "the seed is fixed" in judged(with_a_seed_of_its_own).reasons[0]


def test_a_text_without_its_prompt_is_no_text():
    found = judged(lambda x, small, large, n, K: sample(x, small, large, n, K)[1:])
    assert found.verdict == "INVALID"
    assert "with_prompt=False" in found.reasons[0]


@pytest.mark.parametrize("wrong", [{"target": "huge"}, {"total": "n"}, {"new_tokens": ""}])
def test_names_that_are_no_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must name parameters of sample\(x, small, large, n, K"):
        from_models(sample, **{**NAMES, **wrong}, **ARRAYS)
