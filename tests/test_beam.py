"""Beam search with guesses: the beams of the target alone, step for step, from fewer passes."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tree_context import transformer
from verifier_cases import PROBES, pairs

from specsample.conformance import target_law
from specsample.verifiers import beam

P, Q = PROBES["drift"].setting.target_model, PROBES["drift"].setting.draft_model


@settings(max_examples=60, deadline=None)
@given(pairs(), st.integers(1, 3), st.integers(0, 2), st.integers(0, 3), st.sets(st.integers(0, 1), max_size=1))
def test_the_beams_are_those_of_the_target_alone(pair, width, wider, K, stop):
    request = {"max_new_tokens": 5, "stop": stop, "width": width}
    beams, steps = beam.generate([0], *pair, K=K, draft_width=width + wider, **request)
    assert beams == beam.search([0], pair[0], **request)
    assert sum(steps) == 5
    assert all(1 <= n <= K + 1 for n in steps)


@pytest.mark.parametrize("stop", [(), (2,)])
def test_a_beam_as_wide_as_all_texts_finds_the_best_ones(stop):
    law = target_law(P, [0], 4, stop=stop)
    ranked = sorted(law.values(), reverse=True)
    beams = beam.search([0], P, width=81, max_new_tokens=4, stop=stop)
    assert [each.weight * ranked[0] for each in beams] == ranked
    assert all(law[each.tokens] == each.weight * ranked[0] for each in beams)


@pytest.mark.parametrize("n", [0, 1, 4])
def test_with_equal_models_every_guess_is_right(n):
    beams, steps = beam.generate([0], P, P, K=3, max_new_tokens=n, width=2, draft_width=2)
    assert steps == [4] * (n // 4) + [n % 4] * (n % 4 > 0)
    assert all(len(each.tokens) == n for each in beams)


def test_a_wider_draft_guesses_more():
    passes = [len(beam.generate([0], P, Q, K=3, max_new_tokens=30, draft_width=u)[1]) for u in (2, 4, 9)]
    assert passes[0] > passes[1] > passes[2]


def test_every_row_that_is_used_is_that_of_its_own_text():
    reader = beam.Reader(P, [1, 0])
    texts = [text for n in range(4) for text in product(range(3), repeat=n)]
    for some in (texts[:1], texts[:5], texts[5:20], texts):
        reader.read(some)
    assert all((reader.rows[text] == P.start().extend([1, 0, *text])[-1]).all() for text in texts)
    assert reader.n_rows == len(texts) - 1


def narrowed(prompt, p, q, *, K, width, max_new_tokens, draft_width):
    """Keep only those of the target's beams that the draft guessed: the mistake of never leaving its beams."""
    target, drafter, beams = beam.Reader(p, prompt), beam.Reader(q, prompt), [beam.Beam((), 1)]
    for _ in range(max_new_tokens // K):
        guesses = beam.guess(drafter, beams, K, width=draft_width, stop=())
        target.read([text for level in [[each.tokens for each in beams], *guesses] for text in level])
        for level in guesses:
            among = [each for each in beam.best(beams, target.rows.__getitem__, 99, ()) if each.tokens in level]
            beams = [beam.Beam(text, weight / among[0].weight) for text, weight in among[:width]]
    return beams


def test_a_sibling_that_stays_inside_the_drafts_beams_is_rejected():
    request = {"max_new_tokens": 6, "width": 2}
    right = beam.search([0], P, **request)
    assert narrowed([0], P, Q, K=2, draft_width=9, **request) == right
    assert narrowed([0], P, Q, K=2, draft_width=2, **request) != right


@pytest.mark.thorough
def test_the_transformer_reads_the_beams_in_one_pass_and_finds_the_same():
    p, q = transformer(seed=1), transformer(seed=2)
    request = {"max_new_tokens": 8, "width": 3}
    ours = beam.generate([0, 1], p, q, K=2, draft_width=5, **request)[0]
    assert [each.tokens for each in ours] == [each.tokens for each in beam.search([0, 1], p, **request)]


def test_a_draft_narrower_than_the_target_is_refused():
    with pytest.raises(ValueError, match="draft_width must be at least width"):
        beam.generate([0], P, Q, max_new_tokens=1, width=3, draft_width=2)
