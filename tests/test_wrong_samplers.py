"""Every wrong sampler is caught by exact laws, every right one passes, and the printed table is what they give."""

from fractions import Fraction

import make_wrong_samplers as docs  # its laws are computed once and shared with the tests
import numpy as np
import pytest

from specsample import TableModel, generate, residual
from specsample.conformance.laws.exact import total_variation
from specsample.conformance.laws.open_round import Seen, accept_draft, is_renewal, judge, one_round, speculate
from specsample.conformance.laws.probes import PROBES, Penalised, Positional, first_token, reweigh, sharpen
from specsample.conformance.laws.right_samplers import RIGHT
from specsample.conformance.laws.wrong_blocks import kept_by_product
from specsample.conformance.laws.wrong_rounds import Rereading, bonus_less_q, draft_with_stale_q
from specsample.conformance.laws.wrong_rules import Leaky, shared_noise
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.strategies import temperature

LISTED = [
    *("M01", "M02", "M03", "M04", "M05", "M06", "M08", "M09", "M10", "M11", "M12", "M13", "M15", "M17", "M18", "M19"),
    *("M20", "M21", "M22", "M24", "M26", "M28", "M29", "M30", "M31", "M32", "M33", "M34", "M36", "M37", "M38", "M39"),
    *("M40", "M41", "M42", "M43", "M44", "M45", "M46", "M47", "M48", "M49", "M50", "M51", "M52"),
    *("C0", "C1", "C2", "C3", "C4", "C7", "C8", "C9", "C10"),
]
RIGHT_FIRST_TOKEN = ["M13", "M15", "M17", "M18", "M19", "M24", "M30", "M32", "M33", "M34", "M37", "M40", "M41"]
RIGHT_FIRST_TOKEN += ["M44", "M46", "M47", "M51"]
RIGHT_CONTEXT_FREE = ["M13", "M15", "M18", "M30", "M36", "M46", "M47"]
NAMES = [*PROBES]
EVERY = [*WRONG.values(), *RIGHT.values()]


class Scripted:
    """Uniform numbers from a list, then from its last entry on."""

    def __init__(self, *values):
        self.values = list(values)

    def random(self, n):
        """Hand out the next n."""
        taken = [self.values.pop(0) if len(self.values) > 1 else self.values[0] for _ in range(n)]
        return np.array(taken, object)


def as_floats(model):
    """The same model in floats."""
    if isinstance(model, Penalised):
        return Penalised(as_floats(model.model), float(model.factor))
    if isinstance(model, Positional):
        return Positional(tuple(map(as_floats, model.tables)))
    return TableModel(model.table.astype(float))


def test_every_listed_rule_is_there_once():
    assert [rule.id for rule in EVERY] == LISTED


@pytest.mark.parametrize("rule", WRONG.values(), ids=lambda rule: rule.id)
def test_a_wrong_sampler_differs_from_the_target_on_its_probe(rule):
    assert (docs.distance(rule.id, rule.probe) > 0) == (rule.id != "M40")  # M40: see the scripted numbers below


@pytest.mark.parametrize("probe", NAMES)
@pytest.mark.parametrize("rule", RIGHT.values(), ids=lambda rule: rule.id)
def test_a_right_rule_has_the_targets_law_on_every_probe(rule, probe):
    assert docs.law(rule.id, probe) == docs.target(probe)


@pytest.mark.parametrize("rule", RIGHT_FIRST_TOKEN)
def test_a_first_token_that_is_exactly_right_hides_a_wrong_text(rule):
    assert [docs.first_distance(rule, probe) for probe in NAMES] == [0] * len(NAMES)


@pytest.mark.parametrize("rule", RIGHT_CONTEXT_FREE)
def test_tables_that_ignore_the_text_hide_mistakes_about_rows(rule):
    assert [docs.distance(rule, probe) for probe in ("flat", "paper", "block")] == [0, 0, 0]


def test_a_leaky_target_cache_shows_only_where_the_target_looks_back_two_tokens():
    orders = {
        probe.name: probe.setting.target_model.table.ndim - 1
        for probe in PROBES.values()
        if probe.name not in ("repeats", "position")
    }
    assert all(docs.distance("M30", name) == 0 for name, order in orders.items() if order < 2)
    assert docs.distance("M30", "drift") > Fraction(1, 20)


SETTINGS = {"M31": "stop", "M32": "stop", "M33": "stop", "M37": "repeats", "M46": "rounds", "M47": "position"}
SETTINGS |= {"M51": "filters"}


@pytest.mark.parametrize(("rule", "probe"), SETTINGS.items())
def test_without_its_setting_the_mistake_is_not_there(rule, probe):
    assert {name for name in NAMES if docs.distance(rule, name) > 0} == {probe}


def test_the_papers_pair_is_blind_to_block_verification_with_the_wrong_residual():
    assert docs.distance("M41", "paper") == 0
    assert docs.distance("M41", "block") == Fraction(1, 45)


def test_at_u_zero_a_test_with_or_equal_accepts_a_token_of_probability_zero():
    seen = Seen([0], [], [0], np.array([[0.5, 0.5]]), np.array([[0.0, 1.0], [0.5, 0.5]]), ())
    loose = WRONG["M40"].generate.keywords["judging"]
    assert loose(seen, Scripted(0.0)).emitted == [0, 0]
    assert judge(seen, Scripted(0.0)).emitted == [1]


def test_with_the_same_seed_all_texts_are_one():
    rule = WRONG["M39"]
    texts = [tuple(PROBES["drift"].run(rule.generate, np.random.default_rng(seed))[0]) for seed in range(5)]
    assert len(set(texts)) == 1


@pytest.mark.parametrize("probe", PROBES.values(), ids=lambda probe: probe.name)
def test_the_open_round_with_right_pieces_is_the_shipped_code_token_for_token(probe):
    probe = probe.but(max_new_tokens=9)
    for seed in range(20):
        shipped, trace = probe.run(generate, np.random.default_rng(seed))
        opened, accepted = probe.run(speculate, np.random.default_rng(seed))
        assert (opened, accepted) == (shipped, [round.n_accepted for round in trace.rounds])


@pytest.mark.parametrize("rule", [rule for rule in EVERY if is_renewal(rule.generate)], ids=lambda rule: rule.id)
def test_the_law_by_rounds_is_the_law_by_enumeration_of_whole_runs(rule):
    probe = PROBES["sharp"].but(stop=(1,))
    assert rule.law(probe) == probe.law(rule.generate)


@pytest.mark.parametrize("rule", EVERY, ids=lambda rule: rule.id)
def test_every_rule_samples_floats_with_a_numpy_generator(rule):
    probe = PROBES[rule.probe]
    p, q = as_floats(probe.setting.target_model), as_floats(probe.setting.draft_model)
    probe, rng = probe.but(target_model=p, draft_model=q), np.random.default_rng(0)
    law = docs.law(rule.id, probe.name)
    assert all(law.get(tuple(probe.run(rule.generate, rng)[0]), 0) > 0 for _ in range(20))


def test_a_single_round_notes_whether_the_run_had_ended():
    ends = []
    PROBES["drift"].run(one_round(WRONG["M01"].generate, ends), np.random.default_rng(0))
    assert ends == [False]


def test_shared_gumbel_noise_has_the_law_that_the_races_say():
    p, q, n = np.array([0.1, 0.3, 0.6]), np.array([0.6, 0.2, 0.2]), 40_000
    noise = np.random.default_rng(0).gumbel(size=(n, 3))
    drafted = np.argmax(np.log(q) + noise, axis=1)
    with np.errstate(divide="ignore"):
        redrawn = np.argmax(np.log(residual(p, q)) + noise, axis=1)[drafted == 0]
    reach = np.sqrt(np.log(2e9) / (2 * len(redrawn)))  # Hoeffding: false alarm 1e-9, sees errors of twice this
    assert abs(np.mean(redrawn == 1) - shared_noise(p, q)[1]) < reach
    assert abs(np.mean(redrawn == 1) - residual(p, q)[1]) > reach


def test_the_law_of_the_races_is_a_distribution_in_exact_fractions():
    p, q = (np.array([Fraction(w, 20) for w in row], object) for row in ((2, 4, 6, 8), (17, 0, 1, 2)))
    law = shared_noise(p, q)
    assert law.sum() == 1
    assert law[0] == 0
    assert total_variation(dict(enumerate(law)), dict(enumerate(residual(p, q)))) > 0


def test_a_leaky_cache_keeps_one_stale_token_for_each_rejection():
    context = Leaky(PROBES["drift"].setting.target_model).start()
    context.extend([0, 1, 2])
    context.rollback(1)
    assert (context.length, context.context.tokens) == (1, [0, 1])
    context.extend([2, 2])
    context.rollback(2)
    assert (context.length, context.context.tokens) == (2, [0, 1, 2, 2])


def test_the_count_of_accepted_drafts_is_not_their_leading_run():
    # the first draft is refused and the second accepted: one passes, and the refused one is kept
    q = np.array([[0.5, 0.5], [0.5, 0.5]])
    seen = Seen([0], [], [0, 1], q, np.array([[0.25, 0.75], [0.25, 0.75], [1.0, 0.0]]), ())
    assert judge(seen, Scripted(0.9, 0.9, 0.0)) == (0, [1])
    assert WRONG["M43"].generate.keywords["judging"](seen, Scripted(0.9, 0.9, 0.0)) == (1, [0, 1])


def test_the_bonus_less_q_is_the_bonus_row_where_nothing_was_drafted():
    p, q = np.array([[0.5, 0.5]]), np.empty((0, 2))
    assert bonus_less_q(Seen([0], [], [], q, p, ())).tolist() == [0.5, 0.5]
    drafted = Seen([0], [], [1], np.array([[0.25, 0.75]]), np.array([[0.5, 0.5], [0.5, 0.5]]), ())
    assert bonus_less_q(drafted).tolist() == [1, 0]


def test_a_stale_q_stands_only_behind_a_fully_accepted_round():
    q_of = PROBES["rounds"].setting.draft_model
    for n_read in (0, 1, 2):  # of three tokens; after a full round two are unread
        drafter = q_of.start()
        if n_read:
            drafter.extend([0, 1][:n_read])
        q = draft_with_stale_q(drafter, [0, 1, 1], 1, Scripted(Fraction(1, 2))).probs
        assert (q[0] == q_of.next_probs([0, 1] if n_read == 1 else [0, 1, 1])).all()


def test_a_context_read_twice_ends_with_the_same_tokens_and_stands_elsewhere():
    context = Rereading(PROBES["position"].setting.target_model).start()
    context.extend([0, 1, 1])
    context.rollback(2)
    context.extend([0])
    assert (context.length, context.context.tokens) == (3, [0, 1, 0, 1, 0])


def test_a_positional_model_begins_again_after_its_last_table():
    model = PROBES["position"].setting.target_model
    rows = model.start().extend([0, 0, 0, 0])
    assert [row.tolist() for row in rows[:3]] == [table.table[0].tolist() for table in model.tables]
    assert (rows[3] == rows[0]).all()


def test_a_penalty_counts_the_drafts_before_each_row():
    model = Penalised(TableModel(np.full((2, 2), 0.5)), 1 / 3)
    assert model.start().extend([0, 1]).tolist() == [[0.25, 0.75], [0.5, 0.5]]


def test_a_penalty_can_be_lifted_again():
    p = np.array([Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)], object)
    assert (reweigh(reweigh(p, {1}, Fraction(1, 4)), {1}, 4) == p).all()


def test_sharpening_is_temperature_one_half():
    p = np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]])
    assert np.allclose(sharpen(p), temperature(0.5)(p), rtol=1e-14)


def test_the_first_token_sums_over_the_rest():
    assert first_token(docs.target("flat")) == {0: Fraction(4, 8), 1: Fraction(3, 8), 2: Fraction(1, 8)}


def test_a_draft_is_accepted_with_the_ratio():
    seen = Seen([0], [], [1], np.array([[0.25, 0.75]]), np.array([[0.5, 0.5], [1.0, 0.0]]), ())
    assert accept_draft(seen, 0) == pytest.approx(2 / 3)


def test_the_printed_page_is_what_the_laws_give():
    assert docs.PAGE.read_text(encoding="utf-8") == docs.page()


def test_every_rule_has_an_anchor_on_the_page():
    page = docs.PAGE.read_text(encoding="utf-8")
    assert all(page.count(f'<a id="{rule.id.lower()}"></a>{rule.id} |') == 1 for rule in EVERY)


@pytest.mark.parametrize(
    "weights", [[1, 0.5, 0.3, 0.7], [1, 0.9, 1, 0.2], [1, 0.5, 0, 0.3], [1, 0.4, 0.6, 0], [1, 0.3]]
)
def test_the_law_of_runs_tested_against_a_product_is_what_products_do(weights):
    n = 40_000
    passes = np.random.default_rng(0).random((n, len(weights) - 1)).cumprod(axis=1) <= weights[1:]
    K = passes.shape[1]
    kept = np.where(passes.any(axis=1), K - passes[:, ::-1].argmax(axis=1), 0)
    law = kept_by_product(np.array(weights))
    reach = np.sqrt(np.log(2e9 * K) / (2 * n))  # Hoeffding: false alarm 1e-9, sees errors of twice this
    assert abs(np.bincount(kept, minlength=K + 1) / n - law).max() < reach
    # one uniform number for each test, as it should be, is something else
    right = [w * np.prod([1 - later for later in weights[i + 1 :]]) for i, w in enumerate(weights)]
    assert K == 1 or abs(right - law).max() > 2 * reach


def test_a_run_of_weight_c_is_kept_too_often_by_a_product():
    c = 0.25
    assert kept_by_product(np.array([1, 0, c]))[2] == pytest.approx(c * (1 - np.log(c)))


def test_the_order_of_temperature_and_filter_matters():
    strategy, p = PROBES["filters"].setting.transform, np.array([Fraction(w, 10) for w in (6, 3, 1)], object)
    assert strategy(p).tolist() == [1, 0, 0]
    assert strategy.filters_first(p).tolist() == [Fraction(4, 5), Fraction(1, 5), 0]
