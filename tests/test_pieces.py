"""What a wrong piece does is written down only where it fits, and what has no formula is called unknown."""

import held_samplers as h
import numpy as np
import pytest

from specsample.conformance import check, from_verify
from specsample.conformance.families import FAMILIES, Rows
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.conformance.pack.packed import load_probes
from specsample.conformance.pieces import masses_of
from specsample.conformance.questions import questions_for

MOST_UNKNOWN = 20  # of the fifty; docs/check.md has the number


@pytest.mark.parametrize("name", ["a_lenient_factor", "the_residual_squared"])
def test_a_slip_with_a_number_gets_a_formula_with_that_number(name):
    said, is_true, formulas = h.said_of(name)
    assert (said, is_true) == ("unlisted", True), formulas


@pytest.mark.thorough
def test_most_of_the_fifty_get_a_name_and_none_a_false_one():
    found = {name: h.said_of(name) for name in h.HELD}
    assert len(found) == 50
    assert not {name: formulas for name, (_, is_true, formulas) in found.items() if not is_true}
    assert [said for said, _, _ in found.values()].count("unknown") <= MOST_UNKNOWN


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(12))
def test_acceptance_by_a_table_of_chance_has_no_formula(seed):
    table = np.random.default_rng(seed).random(1024)

    def chance(x, q, p, rng):
        # a number of its own for each pair of rows and each token
        places = (np.round(p[:, :-1].max(axis=2) * 991) + np.round(q.max(axis=2) * 997)).astype(int)
        return h.ruled(x, q, p, rng, accept=table[(places + 31 * x) % 1024])

    found = check(from_verify(chance), seed=seed)
    assert (found.verdict, found.diagnosis.id, found.diagnosis.formulas) == ("FAIL", "unknown", [])


def rows_after_some_texts(name):
    """Look some rows of a shipped probe up, at each place of a round of three."""
    setting = questions_for(from_verify(h.ruled), [name])[0].setting
    V = setting.vocab_size
    nodes = np.concatenate([np.arange(1 + V), 1 + np.arange(V), 1 + V + np.arange(V * V)])
    place = np.repeat([0, 1, 2], [1 + V, V, V * V])
    return Rows(setting, nodes, place, 3 - place)


@pytest.mark.parametrize("piece", FAMILIES)
def test_every_formula_is_a_law_wherever_rows_are_known(piece):
    for name in ("P1", "P4", "P10-filters", "P12"):
        rows = rows_after_some_texts(name)
        for family in FAMILIES[piece]:
            for number in {family.numbers[0], family.numbers[-1]}:
                masses = masses_of(family, piece, number, rows)
                assert masses.min() > -1e-12, (name, family.said)
                assert np.abs(masses.sum(axis=1) - 1).max() < 1e-9, (name, family.said)


@pytest.mark.parametrize("piece", FAMILIES)
def test_no_formula_says_twice_what_another_says(piece):
    rows = rows_after_some_texts("P1")
    laws = [masses_of(family, piece, family.numbers[len(family.numbers) // 3], rows) for family in FAMILIES[piece]]
    apart = [np.abs(a - b).max() for i, a in enumerate(laws) for b in laws[:i]]
    assert min(apart) > 1e-3


def test_a_place_before_and_the_first_of_a_round_are_found_again():
    rows = rows_after_some_texts("P1")
    V = rows.setting.vocab_size
    assert rows.before.tolist() == [*range(1 + V), *[0] * V, *(1 + i // V for i in range(V * V))]
    assert rows.first.tolist() == [*range(1 + V), *[0] * (V + V * V)]
    assert rows.after[0].tolist() == [1, 2, 3, 4]


def test_the_fifty_are_not_in_the_catalogue():
    assert not {*h.HELD} & {*WRONG}
    assert len({probe.name for probe in load_probes()}) > 3
