"""Coupled drafts: the autoregressive text whatever drafts, exact laws and agreements, and noise shared wrongly."""

from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specsample import TableModel, autoregressive, generate, load_pair, overlap, residual
from specsample.conformance.laws.accepted import expected_accepted, ideal_accepted
from specsample.conformance.laws.exact import exact_law, total_variation
from specsample.conformance.laws.probes import PROBES
from specsample.distributions import pick
from specsample.drafts.early_exit import ExitLM
from specsample.drafts.ngram import train_ngram
from specsample.verifiers import coupled
from specsample.verifiers.coupled import COMMON_UNIFORM, GUMBEL, Coupling

PAIR = [TableModel(np.random.default_rng(seed).dirichlet(np.ones(5), size=(5, 5))) for seed in (0, 1)]
COUPLINGS = pytest.mark.parametrize("coupling", [COMMON_UNIFORM, GUMBEL], ids=["uniform", "gumbel"])
weights = st.lists(st.integers(0, 4), min_size=2, max_size=4).filter(any)


@st.composite
def rows(draw):
    """Two distributions of small fractions over the same tokens."""
    p = draw(weights)
    q = draw(st.lists(st.integers(0, 4), min_size=len(p), max_size=len(p)).filter(any))
    return [np.array([Fraction(w, sum(row)) for w in row], object) for row in (p, q)]


def uniform_generate(*models, **setting):
    """Generate with common uniforms, which only compares them."""
    return coupled.generate(*models, coupling=COMMON_UNIFORM, **setting)


# --- two races in exact fractions ----------------------------------------------------------------------------------


def race_joint(p, q):
    """P(q's race is won by a and p's by b), by the integral over r = E_b / E_a of (Σ of the later clocks)^-2 dr."""
    agree = coupled.race_agreement(p, q)
    off = {(a, b): won_by(a, b, p, q) for a in range(len(p)) for b in range(len(p)) if a != b and q[a] and p[b]}
    return off | {(v, v): mass for v, mass in enumerate(agree) if mass}


def won_by(a, b, p, q):
    """a wins q's race and another, b, wins p's: q_b / q_a < r < p_b / p_a, and E_w > max(q_w / q_a, r p_w / p_b)."""
    low, high = q[b] / q[a], p[b] / p[a] if p[a] else None
    others = [w for w in range(len(p)) if w not in (a, b)]
    bends = {q[w] / q[a] * p[b] / p[w] for w in others if p[w]}
    edges = [low, *sorted(r for r in bends if r > low and (high is None or r < high)), *([high] if p[a] else [])]
    late = [1 + r + sum(max(q[w] / q[a], r * p[w] / p[b]) for w in others) for r in edges]  # linear in between
    mass = sum((edges[i + 1] - r) / (late[i] * late[i + 1]) for i, r in enumerate(edges[:-1]) if edges[i + 1] > r)
    slope = 1 + sum(p[w] / p[b] for w in others)  # behind the last bend
    return (mass if high is None or high > low else 0) + (1 / (slope * late[-1]) if high is None else 0)


class TwoRaces(list):
    """The noise of a position that at most two models race on: the second winner is drawn given the first."""

    first = None


class RaceTape:
    """Hand out two uniforms a position in place of V clocks."""

    def __init__(self, tape):
        self.tape = tape

    def random(self, size):
        """Wrap what the tape hands out."""
        return TwoRaces(self.tape.random(size))


def race_in_law(probs, noise):
    """Pick as `race` does, in law: uniform numbers are only compared."""
    if noise.first is None:
        winner = pick(probs, noise[0])
        noise.first = (probs, winner)
        return winner
    q, a = noise.first
    joint = race_joint(probs, q)
    return pick(np.array([joint.get((a, b), Fraction(0)) / q[a] for b in range(len(q))], object), noise[1])


RACE_IN_LAW = Coupling(lambda V: 2, race_in_law, coupled.race_agreement)


@settings(max_examples=100)
@given(rows())
def test_the_joint_law_of_two_races_has_both_rows_as_margins(pair):
    p, q = pair
    joint = race_joint(p, q)
    assert [sum(m for (_, b), m in joint.items() if b == v) for v in range(len(p))] == p.tolist()
    assert [sum(m for (a, _), m in joint.items() if a == v) for v in range(len(p))] == q.tolist()


def test_races_have_the_joint_law():
    """n = 20,000 pairs of races; largest deviation over 9 events; Hoeffding: 1e-9 false alarms, sees 0.025."""
    p, q = (np.array(row) for row in ([0.5, 0.3, 0.2], [0.1, 0.3, 0.6]))
    n, noise = 20_000, np.random.default_rng(5).random((20_000, 3))
    counts = np.zeros((3, 3))
    for u in noise:
        counts[coupled.race(q, u), coupled.race(p, u)] += 1
    exact = np.array([[race_joint(p, q).get((a, b), 0) for b in range(3)] for a in range(3)])
    limit = np.sqrt(np.log(2 * 9 / 1e-9) / (2 * n))
    assert np.abs(counts / n - exact).max() < limit
    assert np.abs(np.outer(q, p) - exact).max() > 2 * limit  # independent races would be seen


# --- the law -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("probe", PROBES.values(), ids=lambda probe: probe.name)
def test_the_law_with_common_uniforms_is_the_targets(probe):
    assert probe.law(uniform_generate) == probe.target_law()


@pytest.mark.parametrize("probe", PROBES.values(), ids=lambda probe: probe.name)
def test_the_law_with_races_is_the_targets_at_one_draft_a_round(probe):
    """With K = 1 no position is drafted twice, so that its noise is raced on by one draft and the target."""
    single, sampler = probe.but(K=1), partial(coupled.generate, coupling=RACE_IN_LAW)
    assert exact_law(lambda tape: tuple(single.run(sampler, RaceTape(tape))[0])) == probe.target_law()


# --- the text ------------------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(st.integers(0, 99), st.integers(0, 6), st.integers(0, 20), st.sampled_from([(), (2,)]))
def test_with_common_uniforms_it_is_the_autoregressive_text(seed, K, n, stop):
    setting = {"max_new_tokens": n, "stop": stop}
    tokens, trace = uniform_generate([0], *PAIR, K=K, rng=np.random.default_rng(seed), **setting)
    assert tokens == autoregressive([0], PAIR[0], rng=np.random.default_rng(seed), **setting)
    assert trace.tokens == tokens


@settings(max_examples=100)
@given(st.integers(0, 99), st.integers(1, 6), st.integers(0, 20), st.sampled_from([(), (2,)]))
def test_with_races_the_draft_and_k_do_not_matter(seed, K, n, stop):
    setting = {"max_new_tokens": n, "stop": stop}
    texts = [
        coupled.generate([0], PAIR[0], draft, K=k, rng=np.random.default_rng(seed), **setting)[0]
        for draft, k in [(PAIR[1], 0), (PAIR[1], K), (PAIR[0], K)]
    ]
    assert texts[0] == texts[1] == texts[2]
    clocks, text = np.random.default_rng(seed), [0]
    while len(text) <= n and not (len(text) > 1 and text[-1] in stop):
        p = PAIR[0].start().extend(text)[-1]
        text.append(int(np.argmin(-np.log1p(-clocks.random(5)) / p)))
    assert text[1:] == texts[0]


def test_the_token_rule_makes_another_text_of_another_draft():
    texts = [generate([0], PAIR[0], q, max_new_tokens=20, rng=np.random.default_rng(0))[0] for q in PAIR]
    assert texts[0] != texts[1]


@pytest.fixture(scope="module")
def shipped():
    """The shipped target and three ways to draft for it."""
    target, draft = load_pair()
    text = target.tokenizer.encode("def get(self, name):\n    return self.name\n" * 3)
    return target, [draft, train_ngram([text], order=4, vocab_size=97), ExitLM(target, 2)]


@COUPLINGS
def test_the_shipped_target_writes_one_text_whatever_drafts(shipped, coupling):
    """3 seeds of 24 tokens here; `docs/make_drafts.py` runs 200."""
    target, drafts = shipped
    prompt = target.tokenizer.encode("The value of ")
    for seed in range(3):
        plain, *others = (
            coupled.generate(
                prompt, target, draft, K=K, max_new_tokens=24, rng=np.random.default_rng(seed), coupling=coupling
            )[0]
            for draft, K in [(drafts[0], 0), *((draft, 4) for draft in drafts)]
        )
        assert others == [plain] * 3


# --- agreement -----------------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(rows())
def test_agreement_lies_between_its_bounds(pair):
    shared = overlap(*pair)
    assert shared / (2 - shared) <= sum(coupled.race_agreement(*pair)) <= shared
    assert sum(coupled.inverse_cdf_agreement(*pair)) <= shared


@settings(max_examples=100)
@given(rows())
def test_equal_rows_always_agree(pair):
    assert coupled.race_agreement(pair[0], pair[0]).tolist() == pair[0].tolist()
    assert coupled.inverse_cdf_agreement(pair[0], pair[0]).tolist() == pair[0].tolist()


@settings(max_examples=100)
@given(rows())
def test_agreement_with_common_uniforms_is_what_the_picks_do(pair):
    law = exact_law(lambda tape: (lambda u: tuple(coupled.inverse_cdf(row, u) for row in pair))(tape.random(1)))
    agree = [law.get((v, v), 0) for v in range(len(pair[0]))]
    assert agree == coupled.inverse_cdf_agreement(*pair).tolist()


def kept(coupling, probe, text=(), k=0):
    """Expected accepted drafts of a round: Σ over the next token of P(both pick it) (1 + those behind it)."""
    setting = probe.setting
    if k == setting.K:
        return Fraction(0)
    models = (setting.target_model, setting.draft_model)
    p, q = (model.start().extend([*setting.prompt, *text])[-1] for model in models)
    if setting.transform:
        p, q = setting.transform(p), setting.transform(q)
    agree = coupling.agreement(p, q)
    return sum((mass * (1 + kept(coupling, probe, (*text, v), k + 1)) for v, mass in enumerate(agree)), Fraction(0))


@pytest.mark.parametrize("probe", PROBES.values(), ids=lambda probe: probe.name)
def test_agreement_foretells_how_many_drafts_are_kept(probe):
    assert expected_accepted(uniform_generate, probe) == kept(COMMON_UNIFORM, probe)
    token, block = (expected_accepted(generate, probe), ideal_accepted(probe))
    assert max(kept(COMMON_UNIFORM, probe), kept(GUMBEL, probe)) <= token <= block


def test_on_two_tokens_both_couplings_keep_what_the_token_rule_keeps_and_on_three_less():
    assert kept(GUMBEL, PROBES["paper"]) == kept(COMMON_UNIFORM, PROBES["paper"]) == Fraction(10, 9)
    p, q = (np.array([Fraction(w, 2) for w in row], object) for row in ([1, 1, 0], [0, 1, 1]))
    assert (overlap(p, q), sum(coupled.race_agreement(p, q))) == (Fraction(1, 2), Fraction(1, 3))
    assert sum(coupled.inverse_cdf_agreement(p, q)) == 0


# --- noise shared wrongly ------------------------------------------------------------------------------------------


def corrected_with_the_drafts_noise(p, q, noise, u):
    """The token rule whose correction is picked with the uniform that picked the draft (M21's mistake)."""
    x = coupled.inverse_cdf(q, noise)
    return x if u < min(1, p[x] / q[x]) else coupled.inverse_cdf(residual(p, q), noise)


def test_a_correction_from_the_drafts_own_noise_is_not_the_targets():
    p, q = (np.array([Fraction(w, 12) for w in row], object) for row in ([3, 3, 6], [8, 2, 2]))
    wrong = exact_law(lambda tape: corrected_with_the_drafts_noise(p, q, tape.random(1), tape.random(1)[0]))
    right = exact_law(lambda tape: coupled.verify([0], np.stack([p, p]), [tape.random(1)] * 2, COMMON_UNIFORM)[1])
    assert total_variation(wrong, dict(enumerate(p))) == Fraction(1, 24)
    assert total_variation(right, dict(enumerate(p))) == 0


def test_a_token_of_probability_zero_never_rings_even_if_its_clock_is_the_first():
    assert coupled.race(np.array([0.0, 0.25, 0.75]), [0.0, 0.9, 0.9]) == 2
    assert coupled.race(np.array([0.0, 1.0]), [0.0, 0.999999]) == 1
