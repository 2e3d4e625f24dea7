"""K may follow the past: the text keeps the target's law exactly. K that follows the round's own drafts does not."""

from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsample.adaptive import BestRecentK, WhilePaying, generate_adaptive
from specsample.conformance import exact_law, target_law, total_variation
from specsample.language_model import TableModel, Transformed
from specsample.speculative import generate, step
from specsample.strategies import top_k
from specsample.trace import Round

QUICK = BestRecentK(cost_ratio=0.2, verify_ratio=lambda K: 1 + 0.1 * K, max_K=2, window=2, prior=(1, 2))
CHOOSERS = {
    "the shipped one": QUICK,
    "after the last round": lambda rounds: 1 + (not rounds or rounds[-1].n_accepted == rounds[-1].K),
    "after a token": lambda rounds: 2 if rounds and rounds[-1].emitted[-1] == 0 else 1,
    "sometimes none": lambda rounds: len(rounds) % 3,
}


def table(rows):
    """Make a first-order model of fractions from integer weights."""
    weights = np.array(rows, object)
    return TableModel(weights * F(1) / weights.sum(-1, keepdims=True))


P, Q = table([[3, 1, 2], [0, 2, 5], [4, 4, 1]]), table([[1, 1, 1], [2, 1, 1], [1, 3, 0]])


def adaptive_law(choose_K, n=4, p=P, q=Q, **settings):
    """Enumerate the law of n tokens."""
    size = {"choose_K": choose_K, "max_new_tokens": n} | settings
    return exact_law(lambda tape: tuple(generate_adaptive([0], p, q, rng=tape, **size)[0]))


@pytest.mark.parametrize("choose_K", CHOOSERS.values(), ids=CHOOSERS)
def test_the_law_of_whole_runs_is_the_targets_whatever_K_follows_of_the_past(choose_K):
    assert adaptive_law(choose_K) == target_law(P, [0], 4)


def test_the_chooser_is_really_heard_on_these_tables():
    seen = set()

    def listen(rounds):
        seen.add((len(rounds), K := QUICK(rounds)))
        return K

    adaptive_law(listen)
    assert {K for n, K in seen if n} == {0, 1, 2}


weights = st.lists(st.lists(st.integers(0, 5), min_size=2, max_size=2).filter(any), min_size=2, max_size=2)


@given(weights, weights)
@settings(max_examples=25)
def test_the_law_is_the_targets_on_tables_that_hypothesis_draws(p_rows, q_rows):
    p, q = table(p_rows), table(q_rows)
    assert adaptive_law(QUICK, n=4, p=p, q=q) == target_law(p, [0], 4)


def test_the_law_holds_with_a_strategy_and_a_stop_token():
    settings = {"transform": top_k(2), "stop": (2,)}
    assert adaptive_law(QUICK, **settings) == target_law(P, [0], 4, **settings)


def peeking(prompt, n, rng):
    """Choose K after a look at the drafts: a round is run again with just the drafts that will be accepted."""
    tokens, models = list(prompt), (Transformed(P), Transformed(Q))
    while (room := len(prompt) + n - len(tokens)) > 0:
        K = min(2, room - 1)
        u = rng.random(2 * K + 1)
        _, round = step(tokens, *(model.start() for model in models), K=K, u=u)
        k = round.n_accepted
        again = [*u[:k], *u[K : K + k], u[2 * K]]  # the same numbers, so the same k drafts, all accepted
        tokens, _ = step(tokens, *(model.start() for model in models), K=k, u=again)
    return tuple(tokens[len(prompt) :])


def test_a_chooser_that_looks_at_the_rounds_own_drafts_is_caught():
    law = exact_law(lambda tape: peeking([0], 3, tape))
    assert total_variation(law, target_law(P, [0], 3)) > F(1, 20)


def test_a_K_that_never_changes_gives_the_text_of_generate():
    size = {"max_new_tokens": 50}
    for K in (0, 1, 4):
        fixed = generate([0], P, Q, K=K, rng=np.random.default_rng(3), **size)
        assert generate_adaptive([0], P, Q, choose_K=lambda _: K, rng=np.random.default_rng(3), **size) == fixed  # noqa: B023


def rounds(*n_accepted, K=4):
    """Make finished rounds of which only the counts matter."""
    return [Round((0,) * K, (), (), (), n, (0,) * (n + 1), (0, 0), (0, 0)) for n in n_accepted]


def test_more_acceptances_mean_more_drafts_and_the_window_forgets():
    choose = BestRecentK(cost_ratio=0.1, window=10)
    good, bad = choose(rounds(*[4] * 10)), choose(rounds(*[0] * 10))
    assert 1 == bad < choose([]) < good == 12
    assert choose(rounds(*[0] * 10, *[4] * 10)) == good


def test_dearer_drafts_mean_fewer_of_them():
    chosen = [BestRecentK(cost_ratio=c)(rounds(3, 2, 4)) for c in (0.02, 0.1, 0.5, 2.0)]
    assert chosen == sorted(chosen, reverse=True)
    assert chosen[-2:] == [2, 0]


def test_where_no_draft_pays_none_is_made_but_for_a_try_now_and_then():
    choose = BestRecentK(cost_ratio=0.125, verify_ratio=lambda K: 1 + K / 8, window=20, tries=1 / 64)
    bad = rounds(*[0] * 30, K=2)
    assert choose(bad) == 0
    # a try costs a quarter of a step in vain: 16 rounds without drafts pay for it, with 1/64 of each
    idle = rounds(*[0] * 16, K=0)
    assert [choose(bad + idle[:n]) for n in (1, 15, 16)] == [0, 0, 1]
    assert choose(bad + idle + rounds(0, K=1)) == 0
    # what is accepted again is heard, for rounds without drafts push none of it out
    again = [one for _ in range(3) for one in (*idle, *rounds(1, K=1))]
    assert choose(bad + again) > 0


def test_a_draft_that_never_pays_costs_no_more_than_its_tries():
    choose, played, cost = BestRecentK(cost_ratio=0.1, verify_ratio=lambda K: 1.5 + 0.1 * K), [], 0.0
    for _ in range(1000):
        K = choose(played)
        played += rounds(0, K=K)
        cost += 0.1 * K + 1.5 + 0.1 * K if K else 1
    assert len(played) / cost > 0.97


def test_drafts_are_made_while_their_rounds_pay_and_one_is_tried_where_they_do_not():
    choose = WhilePaying(4, cost_ratio=1 / 8, verify_ratio=lambda K: 1 + K / 8, window=6, tries=1 / 64, prior=(0, 0))
    # four drafts take two autoregressive steps: two tokens of them pay, one does not
    assert choose(rounds(*[1] * 6)) == 4
    bad = rounds(*[0] * 6)
    assert choose(bad) == 0
    # a try takes a quarter of a step too long: sixteen rounds without drafts pay for it
    idle = rounds(*[0] * 16, K=0)
    assert [choose(bad + idle[:n]) for n in (1, 15, 16)] == [0, 0, 1]
    # the window forgets, and rounds without drafts push nothing out of it
    assert choose(bad + rounds(*[4] * 6) + idle) == 4
    # a good round outweighs bad ones, for what they made together is compared with what they took together
    assert [choose(rounds(0, 0, 0, n, 0, 0)) for n in (4, 0)] == [0, 0]
    assert choose(rounds(0, 4, 0, 4)) == 4


def test_drafting_that_never_pays_costs_no_more_than_its_tries():
    choose, played, cost = WhilePaying(6, cost_ratio=0.1, verify_ratio=lambda K: 1.5 + 0.1 * K), [], 0.0
    for _ in range(1000):
        K = choose(played)
        played += rounds(0, K=K)
        cost += 0.1 * K + 1.5 + 0.1 * K if K else 1
    assert len(played) / cost > 0.97


def test_impossible_settings_and_answers_are_refused():
    with pytest.raises(ValueError, match="Was no draft step measured"):
        BestRecentK(cost_ratio=0.0)
    with pytest.raises(ValueError, match=r"got 0, 16, 0\.1 and 0\.02\. Was no draft step measured"):
        WhilePaying(0, cost_ratio=0.1)
    for answer, error in ((-1, ValueError), (2.0, TypeError)):
        request = {"max_new_tokens": 3, "rng": np.random.default_rng(0)}
        with pytest.raises(error, match=f"the answer of choose_K must be an integer >= 0; got {answer}"):
            generate_adaptive([0], P, Q, choose_K=lambda _, answer=answer: answer, **request)
