"""Siblings: recursive rejection has the target's law, with and without replacement, and its traps are caught."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from verifier_cases import pairs, rows

from specsample.acceptance import accept_probability, residual
from specsample.conformance import exact_law
from specsample.distributions import pick
from specsample.verifiers.siblings import Choice, recursive_rejection, with_replacement, without_replacement


def emit(tape, p, q, k, *, propose, choose=recursive_rejection, judged_by=None):
    """Draw k siblings, test them, and emit the one that is kept or a replacement."""
    u, x, proposals = tape.random(2 * k + 1), [], []
    for i in range(k):
        proposals.append(propose(q, x))
        x.append(pick(proposals[i], u[i]))
    choice = choose(p, x, [judged_by] * k if judged_by is not None else proposals, u[k : 2 * k])
    return pick(choice.probs, u[2 * k]) if choice.kept is None else x[choice.kept]


def law(p, q, k, **rule):
    """Enumerate the law of one token."""
    return exact_law(lambda tape: emit(tape, p, q, k, **rule))


def as_law(p):
    """A row as a law."""
    return {x: mass for x, mass in enumerate(p) if mass}


@settings(max_examples=60, deadline=None)
@given(pairs(orders=(0,)), st.integers(0, 3))
def test_siblings_with_replacement_have_the_targets_law(pair, k):
    p, q = (model.table for model in pair)
    assert law(p, q, k, propose=with_replacement) == as_law(p)


@settings(max_examples=60, deadline=None)
@given(pairs(orders=(0,)), st.integers(0, 3))
def test_siblings_without_replacement_have_the_targets_law(pair, k):
    p, q = (model.table for model in pair)
    assert law(p, q, min(k, len(q)), propose=without_replacement) == as_law(p)


def independent_tries(p, siblings, proposals, u_accept):
    """Test every sibling against p itself, and replace as if there had been one."""
    for i, x in enumerate(siblings):
        if u_accept[i] < accept_probability(p[[x]], proposals[i][[x]])[0]:
            return Choice(i, p)
    return Choice(None, residual(p, proposals[0]) if len(siblings) else p)


def test_independent_tries_are_biased():
    p, q = rows("12", "21")
    assert law(p, q, 1, propose=with_replacement, choose=independent_tries) == as_law(p)
    assert law(p, q, 2, propose=with_replacement, choose=independent_tries) != as_law(p)


def test_siblings_without_replacement_that_are_judged_by_q_itself_are_biased():
    p, q = rows("111", "124")
    assert law(p, q, 2, propose=without_replacement) == as_law(p)
    assert law(p, q, 2, propose=without_replacement, judged_by=q) != as_law(p)


def test_all_tokens_as_siblings_leave_nothing_to_replace():
    p, q = rows("134", "431")

    def is_kept(p, siblings, proposals, u_accept):
        kept.append(recursive_rejection(p, siblings, proposals, u_accept).kept)
        return Choice(kept[-1], p)

    kept = []
    law(p, q, 3, propose=without_replacement, choose=is_kept)
    assert {*kept} == {0, 1, 2}


def test_a_draft_without_tokens_left_goes_on_with_the_others_alike():
    assert without_replacement(rows("0100")[0], [1]).tolist() == rows("1011")[0].tolist()


def test_without_siblings_the_target_draws():
    p = rows("12")[0]
    assert recursive_rejection(p, [], np.empty((0, 2)), []) == (None, p)
