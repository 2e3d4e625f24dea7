"""The search finds bad tables by itself and shrinks them to something that fits on a blackboard."""

from fractions import Fraction

import pytest

from specsample import generate
from specsample.conformance.laws.exact import total_variation
from specsample.conformance.laws.right_samplers import RIGHT
from specsample.conformance.laws.search import worst_case
from specsample.conformance.laws.wrong_samplers import WRONG

SAMPLER = {id: rule.generate for id, rule in (WRONG | RIGHT).items()}


def denominators(model):
    """The denominators in a table."""
    return [p.denominator for p in model.table.ravel()]


@pytest.fixture(scope="module")
def found():
    """What the search finds against block verification with the wrong residual."""
    return worst_case(SAMPLER["M41"], 3, 2, 3)


def test_it_finds_a_pair_for_the_wrong_block_residual_unaided(found):
    assert found.total_variation > 0
    assert max(denominators(found.probe.setting.target_model) + denominators(found.probe.setting.draft_model)) <= 4


def test_the_pair_exposes_the_executable_rule_under_plain_enumeration(found):
    law = found.probe.law(SAMPLER["M41"])
    assert law == found.law
    assert total_variation(law, found.probe.target_law()) == found.total_variation


def test_right_block_verification_is_right_on_that_pair(found):
    assert found.probe.law(SAMPLER["C3"]) == found.probe.target_law()


def test_the_record_prints_tables_setting_and_texts(found):
    text = str(found)
    assert text.startswith("p = ")
    assert "K = 2 drafts, n = 3 tokens" in text
    assert f"total variation {found.total_variation}" in text


def test_a_right_sampler_leaves_nothing_to_find():
    assert worst_case(generate, 2, 1, 2, restarts=2, steps=10).total_variation == 0


def test_a_mistake_about_drafts_is_not_shrunk_to_a_text_without_room_for_one():
    found = worst_case(SAMPLER["M10"], 2, 1, 2, restarts=2, steps=15)
    assert found.probe.setting.max_new_tokens == 2  # the last token of a text is never drafted
    assert found.total_variation >= Fraction(1, 2)


def test_a_wrong_bonus_row_needs_tables_that_look_at_the_text():
    assert worst_case(SAMPLER["M15"], 2, 1, 2, restarts=2, steps=10).total_variation == 0
    found = worst_case(SAMPLER["M15"], 2, 1, 2, order=1, restarts=2, steps=10)
    assert found.total_variation > 0
    assert "p(. | 0) = " in str(found)


def test_the_same_seed_finds_the_same_tables():
    first, second = (worst_case(SAMPLER["M01"], 2, 1, 2, restarts=1, steps=5, seed=3) for _ in range(2))
    assert str(first) == str(second)


def test_a_search_with_nothing_to_get_wrong_is_refused():
    with pytest.raises(ValueError, match="at least 2"):
        worst_case(generate, 1, 1, 2)
