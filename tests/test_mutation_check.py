"""The mutation check itself: its texts are found, it sees a mutant, and it passes what is not changed."""

import mutation_check
import pytest
from mutation_check import ACCEPTANCE, MUTANTS, kill, stale

TESTS = ["tests/test_acceptance.py"]


def test_every_text_to_replace_occurs_exactly_once():
    assert stale(MUTANTS) == []


def test_there_are_mutants_of_every_file_and_each_differs():
    assert {m.file.split("/")[0] for m in MUTANTS} == {"acceptance.py", "speculative.py", "batched"}
    assert len({(m.file, m.old, m.new) for m in MUTANTS}) == len(MUTANTS) >= 25


@pytest.mark.parametrize("mutant", [m for m in MUTANTS if m.file == ACCEPTANCE][:1], ids=lambda m: m.why)
def test_a_mutant_of_the_rule_is_killed(mutant):
    assert "test_accept_probability" in kill(mutant, TESTS)[0]


def test_without_a_change_nothing_is_killed():
    assert kill(None, TESTS)[0] is None


def test_a_mutant_whose_text_is_gone_is_named():
    (problem,) = stale([mutation_check.Mutant(ACCEPTANCE, "no such text", "", "")])
    assert "'no such text' occurs 0 times" in problem
