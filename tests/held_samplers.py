"""Fifty wrong samplers that the catalogue does not have, to see what the diagnosis says of them.

They are slips that authors of engines make: a row too far, a test left out, a temperature applied twice. They were
written before the kit looked for formulas, by the same hands, and are as they were. They tell how often the answer
is `unknown`, a name that is true, or one that is false. `true` lists what may truly be said: an id of the catalogue,
or words of the formulas, one for each wrong piece; where it is empty every name is false.

They stand at the top of a module, in order of what they get wrong.
"""

import re
from typing import NamedTuple

import numpy as np
from samplers_under_test import drafted, rows_of

from specsample import generate
from specsample.acceptance import residual
from specsample.batched import pick
from specsample.conformance import check
from specsample.conformance.adapters import from_generate, from_step, from_verify


class Held(NamedTuple):
    """A wrong sampler, and what may truly be said of it."""

    kind: str
    sampler: object
    true: tuple = ()


HELD = {}
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def held(kind, *true):
    """List a function under its name."""

    def listed(function):
        HELD[function.__name__] = Held(kind, function, true)
        return function

    return listed


def adapter_of(name):
    """Show the kit one of them."""
    kind, sampler, _ = HELD[name]
    make = {"verify": from_verify, "step": from_step, "generate": from_generate}[kind]
    return make(sampler, name=name)


def said_of(name, **settings):
    """Judge one: what it is called, whether that is true, and the formulas that fit."""
    found = check(adapter_of(name), **settings)
    assert found.verdict == "FAIL", found
    said, formulas, true = found.diagnosis.id, found.diagnosis.formulas, HELD[name].true
    is_true = said in ("unknown", *true) or (
        said == "unlisted" and len(true) == len(formulas) and all(map(says, formulas, true))
    )
    return said, is_true, formulas


def says(text, words):
    """Whether a formula says some words, and numbers near theirs: a tenth of them off, or 0.02."""
    found = [float(number) for number in NUMBER.findall(text)]
    near = [any(abs(a - b) <= max(0.1 * b, 0.02) for a in found) for b in map(float, NUMBER.findall(words))]
    return NUMBER.sub("#", words) in NUMBER.sub("#", text) and all(near)


def at(rows, x):
    """Read (N, K, V) rows at (N, K) tokens."""
    return np.take_along_axis(rows, x[..., None], axis=2)[..., 0]


def normed(weights):
    """Divide by the sums of the last axis; where they are 0, all tokens are alike."""
    total = weights.sum(axis=-1, keepdims=True)
    return np.where(total > 0, weights / np.where(total > 0, total, 1), 1 / weights.shape[-1])


def ruled(x, q, p, rng, *, accept=None, replace=None, bonus=None, u=None):
    """Verify with (N, K) probabilities of acceptance, (N, K, V) replacements and (N, V) bonus rows of one's own."""
    N, K = x.shape
    rows = np.arange(N)
    with np.errstate(all="ignore"):
        a = np.minimum(1, at(p[:, :-1], x) / at(q, x)) if accept is None else accept
    is_kept = (rng.random((N, K)) if u is None else u) < a
    n = np.where(is_kept.all(axis=1), K, is_kept.argmin(axis=1))
    r = residual(p[:, :-1], q) if replace is None else replace
    last = p[:, -1] if bonus is None else bonus
    probs = np.concatenate([r, last[:, None]], axis=1)[rows, n]
    return rows_of(x, n, pick(probs, rng.random(N)))


def ratio(x, q, p):
    """p/q of the drafts, (N, K)."""
    with np.errstate(all="ignore"):
        return at(p[:, :-1], x) / at(q, x)


def sharp(rows, power=2.0):
    """Rows at temperature 1/power."""
    return normed(rows**power)


# --- which drafts are accepted ---


@held("verify", "min(1, (p/q)^c), c = 0.5")
def a_root_over_the_ratio(x, q, p, rng):
    return ruled(x, q, p, rng, accept=np.sqrt(ratio(x, q, p)))


@held("verify")
def the_ratio_of_the_whole_run(x, q, p, rng):
    return ruled(x, q, p, rng, accept=np.cumprod(ratio(x, q, p), axis=1))


@held("verify")
def a_uniform_against_log_ratio(x, q, p, rng):
    with np.errstate(all="ignore"):
        return ruled(x, q, p, rng, accept=1 + np.log(ratio(x, q, p)))


@held("verify")
def p_against_p_plus_q(x, q, p, rng):
    p_x, q_x = at(p[:, :-1], x), at(q, x)
    return ruled(x, q, p, rng, accept=p_x / (p_x + q_x))


@held("verify", "p^c in place of p, c = 2")
def the_temperature_twice_in_the_test(x, q, p, rng):
    return ruled(x, q, p, rng, accept=at(sharp(p[:, :-1]), x) / at(q, x))


@held("verify", "c min(1, p/q), c = 0.9")
def a_safety_margin_on_the_test(x, q, p, rng):
    return ruled(x, q, p, rng, accept=0.9 * np.minimum(1, ratio(x, q, p)))


@held("verify")
def uniforms_of_three_bits(x, q, p, rng):
    return ruled(x, q, p, rng, u=rng.integers(8, size=x.shape) / 8)


@held("verify")
def p_of_its_two_likeliest_in_the_test(x, q, p, rng):
    top = np.where(p >= np.sort(p, axis=2)[..., -2:-1], p, 0)
    return ruled(x, q, p, rng, accept=at(normed(top)[:, :-1], x) / at(q, x))


@held("verify", "the row of q of the next place")
def q_one_row_late_in_the_test(x, q, p, rng):
    late = np.concatenate([q[:, 1:], q[:, -1:]], axis=1)
    with np.errstate(all="ignore"):
        return ruled(x, q, p, rng, accept=at(p[:, :-1], x) / at(late, x))


@held("verify", "the row of p of the next place")
def p_one_row_late_in_the_test(x, q, p, rng):
    with np.errstate(all="ignore"):
        return ruled(x, q, p, rng, accept=at(p[:, 1:], x) / at(q, x))


@held("verify")
def kept_if_among_the_two_likeliest(x, q, p, rng):
    return ruled(x, q, p, rng, accept=(at(p[:, :-1], x) >= np.sort(p[:, :-1], axis=2)[..., -2]).astype(float))


@held("verify", "if p is at least 0.3")
def kept_anyway_above_a_threshold(x, q, p, rng):
    p_x = at(p[:, :-1], x)
    return ruled(x, q, p, rng, accept=np.where(p_x >= 0.3, 1.0, ratio(x, q, p)))


@held("verify", "min(1, c p/q), c = 1.43")
def a_lenient_factor(x, q, p, rng):
    return ruled(x, q, p, rng, accept=ratio(x, q, p) / 0.7)


@held("verify")
def kept_anyway_where_p_is_unsure(x, q, p, rng):
    with np.errstate(all="ignore"):
        entropy = -np.nansum(p[:, :-1] * np.log2(p[:, :-1]), axis=2)
    return ruled(x, q, p, rng, accept=np.where(entropy > 1.3, 1.0, ratio(x, q, p)))


@held("verify", "with probability 0.7")
def a_rate_of_acceptance_by_decree(x, q, p, rng):
    return ruled(x, q, p, rng, accept=np.full(x.shape, 0.7))


@held("verify", "(1 - c) p + c q in place of p, c = 0.4")
def a_mixture_of_both_models_in_the_test(x, q, p, rng):
    p_x, q_x = at(p[:, :-1], x), at(q, x)
    with np.errstate(all="ignore"):
        return ruled(x, q, p, rng, accept=(0.6 * p_x + 0.4 * q_x) / q_x)


@held("verify")
def q_in_eighths(x, q, p, rng):
    eighths = np.maximum(np.round(8 * at(q, x)), 1) / 8
    return ruled(x, q, p, rng, accept=at(p[:, :-1], x) / eighths)


@held("verify")
def p_over_its_largest(x, q, p, rng):
    return ruled(x, q, p, rng, accept=at(p[:, :-1], x) / p[:, :-1].max(axis=2))


@held("verify", "the first draft of a round is kept without a test")
def the_first_draft_is_not_tested(x, q, p, rng):
    a = ratio(x, q, p)
    a[:, 0] = 1
    return ruled(x, q, p, rng, accept=a)


@held("verify", "the last draft of a round is kept without a test")
def the_last_draft_is_not_tested(x, q, p, rng):
    a = ratio(x, q, p)
    a[:, -1] = 1
    return ruled(x, q, p, rng, accept=a)


@held("verify")
def the_better_of_two_uniforms(x, q, p, rng):
    return ruled(x, q, p, rng, u=rng.random((2, *x.shape)).min(axis=0))


# --- what replaces a rejected draft ---


@held("verify", "from the residual to the power 2")
def the_residual_squared(x, q, p, rng):
    return ruled(x, q, p, rng, replace=sharp(residual(p[:, :-1], q)))


@held("verify", "max(0, p - q) with 0.05 added")
def a_twentieth_added_to_the_residual(x, q, p, rng):
    return ruled(x, q, p, rng, replace=normed(np.maximum(p[:, :-1] - q, 0) + 0.05))


@held("verify", "a replacement is drawn from the row of p of the next place")
def replaced_from_the_row_after(x, q, p, rng):
    return ruled(x, q, p, rng, replace=p[:, 1:])


@held("verify")
def replaced_from_the_last_row(x, q, p, rng):
    return ruled(x, q, p, rng, replace=np.repeat(p[:, -1:], x.shape[1], axis=1))


@held("verify", "a replacement is drawn from q")
def replaced_from_the_draft_model(x, q, p, rng):
    return ruled(x, q, p, rng, replace=q)


@held("verify")
def p_without_any_token_of_the_draft(x, q, p, rng):
    left = p[:, :-1].copy()
    for column in x.T:
        np.put_along_axis(left, np.repeat(column[:, None, None], x.shape[1], axis=1), 0, axis=2)
    return ruled(x, q, p, rng, replace=normed(left))


@held("verify", "from p where p > q")
def p_where_it_exceeds_q(x, q, p, rng):
    return ruled(x, q, p, rng, replace=normed(np.where(p[:, :-1] > q, p[:, :-1], 0)))


@held("verify", "the residual of p and the row of q of the previous place")
def the_residual_of_the_row_before(x, q, p, rng):
    early = np.concatenate([q[:, :1], q[:, :-1]], axis=1)
    return ruled(x, q, p, rng, replace=residual(p[:, :-1], early))


@held("verify", "from max(0, p - c q), 0.5 times q")
def half_of_q_subtracted(x, q, p, rng):
    return ruled(x, q, p, rng, replace=normed(np.maximum(p[:, :-1] - 0.5 * q, 0)))


@held("verify", "the 2 likeliest tokens of the residual")
def the_two_likeliest_of_the_residual(x, q, p, rng):
    r = residual(p[:, :-1], q)
    return ruled(x, q, p, rng, replace=normed(np.where(r >= np.sort(r, axis=2)[..., -2:-1], r, 0)))


@held("verify", "from the residual to the power 0")
def any_token_of_the_residual(x, q, p, rng):
    return ruled(x, q, p, rng, replace=normed((p[:, :-1] > q).astype(float)))


@held("verify")
def the_replacement_one_id_too_high(x, q, p, rng):
    return ruled(x, q, p, rng, replace=np.roll(residual(p[:, :-1], q), 1, axis=2))


@held("verify", "residual of p^c and q, c = 2")
def the_temperature_twice_in_the_residual(x, q, p, rng):
    return ruled(x, q, p, rng, replace=residual(sharp(p[:, :-1]), q))


@held("verify")
def the_residual_by_one_uniform_short_of_1(x, q, p, rng):
    r = residual(p[:, :-1], q)
    mass = np.minimum(np.cumsum(r, axis=2), 0.85)
    return ruled(x, q, p, rng, replace=normed(np.diff(mass, axis=2, prepend=0)))


# --- the bonus ---


@held("verify", "the bonus is drawn from the last row of q")
def the_bonus_from_the_last_row_of_q(x, q, p, rng):
    return ruled(x, q, p, rng, bonus=q[:, -1])


@held("verify", "the bonus is drawn from the first row of p")
def the_bonus_from_the_first_row(x, q, p, rng):
    return ruled(x, q, p, rng, bonus=p[:, 0])


@held("verify", "the bonus is drawn from p to the power 2")
def the_bonus_at_half_the_temperature(x, q, p, rng):
    return ruled(x, q, p, rng, bonus=sharp(p[:, -1]))


@held("verify")
def no_token_twice_at_the_end(x, q, p, rng):
    last = p[:, -1].copy()
    np.put_along_axis(last, x[:, -1:], 0, axis=1)
    return ruled(x, q, p, rng, bonus=normed(last))


@held("verify", "its row of p and the one before it, a share of 0.5")
def the_bonus_from_two_rows(x, q, p, rng):
    return ruled(x, q, p, rng, bonus=(p[:, -1] + p[:, -2]) / 2)


@held("verify", "the bonus is drawn from the 2 likeliest tokens of p")
def the_bonus_among_the_two_likeliest(x, q, p, rng):
    last = p[:, -1]
    return ruled(x, q, p, rng, bonus=normed(np.where(last >= np.sort(last, axis=1)[:, -2:-1], last, 0)))


# --- what is drafted ---


def stepped(prefixes, draft_model, target_model, K, rng, *, choose, told=lambda q: q):
    """Draft by a rule of one's own, and verify rightly with rows that may be others."""
    text, q = drafted(prefixes, draft_model, K, choose)
    return ruled(text[:, -K:], told(q), target_model(text)[:, -K - 1 :], rng)


@held("step")
def a_nucleus_of_drafts(prefixes, draft_model, target_model, K, rng):
    def choose(q):
        order = np.argsort(-q, axis=1, kind="stable")
        before = np.cumsum(np.take_along_axis(q, order, 1), axis=1) - np.take_along_axis(q, order, 1)
        kept = np.zeros_like(q)
        np.put_along_axis(kept, order, np.where(before < 0.8, np.take_along_axis(q, order, 1), 0), axis=1)
        return pick(normed(kept), rng.random(len(q)))

    return stepped(prefixes, draft_model, target_model, K, rng, choose=choose)


@held("step", "q mixed with any token, a share of 0.1")
def a_tenth_of_the_drafts_at_random(prefixes, draft_model, target_model, K, rng):
    def choose(q):
        return pick(0.9 * q + 0.1 / q.shape[1], rng.random(len(q)))

    return stepped(prefixes, draft_model, target_model, K, rng, choose=choose)


@held("step", "drafts are drawn from q^c and not from q, c = 0.5")
def drafts_at_twice_the_temperature(prefixes, draft_model, target_model, K, rng):
    def choose(q):
        return pick(sharp(q, 0.5), rng.random(len(q)))

    return stepped(prefixes, draft_model, target_model, K, rng, choose=choose)


@held("step", "with the first row of q", "the residual of p and the first row of q")
def every_row_of_q_is_the_first(prefixes, draft_model, target_model, K, rng):
    def told(q):
        return np.repeat(q[:, :1], q.shape[1], axis=1)

    choose = lambda q: pick(q, rng.random(len(q)))  # noqa: E731
    return stepped(prefixes, draft_model, target_model, K, rng, choose=choose, told=told)


@held("step", "q^c in place of q, c = 2", "residual of p and q^c, c = 2")
def q_told_at_half_the_temperature(prefixes, draft_model, target_model, K, rng):
    choose = lambda q: pick(q, rng.random(len(q)))  # noqa: E731
    return stepped(prefixes, draft_model, target_model, K, rng, choose=choose, told=sharp)


# --- caches and ends of texts ---


class Forgetful:
    """A model whose contexts are made by a class of mistakes."""

    def __init__(self, model, kind):
        self.model, self.vocab_size, self.kind = model, model.vocab_size, kind

    def start(self):
        """Begin."""
        return self.kind(self.model.start())


class Window:
    """It has forgotten all but the last token that it was given."""

    def __init__(self, context):
        self.context, self.length = context, 0

    def extend(self, tokens):
        """Read each token as if it were the first."""
        rows = []
        for token in tokens:
            self.context.rollback(0)
            rows.append(self.context.extend([token])[-1])
        self.length += len(tokens)
        return np.stack(rows)

    def rollback(self, length):
        """Forget."""
        self.length = length


class Deaf:
    """Where it is to read two tokens after a round, it reads the second alone."""

    def __init__(self, context):
        self.context, self.length, self.is_begun = context, 0, False

    def extend(self, tokens):
        """Read, but after the first round not the first of several tokens."""
        kept = list(tokens)[1:] if self.is_begun and len(tokens) > 1 else list(tokens)
        rows = self.context.extend(kept)
        self.length += len(tokens)
        self.is_begun = True
        return rows if len(kept) == len(tokens) else np.concatenate([rows[:1], rows])

    def rollback(self, length):
        """Forget as many as asked for, from what was really read."""
        self.context.rollback(max(self.context.length - (self.length - length), 0))
        self.length = length


def texts(prompt, n, *, target_model, draft_model, K, stop, seed, transform):
    """Generate rightly."""
    setting = {"K": K, "max_new_tokens": n, "stop": stop, "transform": transform}
    return generate(prompt, target_model, draft_model, rng=np.random.default_rng(seed), **setting)[0]


@held("generate")
def the_target_sees_one_token(prompt, n, *, target_model, transform, **asked):
    return texts(prompt, n, target_model=Forgetful(target_model, Window), transform=transform, **asked)


@held("generate")
def the_target_misses_the_first_of_each_pass(prompt, n, *, target_model, transform, **asked):
    return texts(prompt, n, target_model=Forgetful(target_model, Deaf), transform=transform, **asked)


@held("generate", "M38")
def the_strategy_is_left_out_of_both_models(prompt, n, *, transform, **asked):
    return texts(prompt, n, transform=None, **asked)


@held("generate")
def the_first_stop_token_does_not_count(prompt, n, *, stop, transform, **asked):
    text = texts(prompt, n, stop=(), transform=transform, **asked)
    ends = [i for i, token in enumerate(text) if token in stop and i > 0]
    return text[: ends[0] + 1] if ends else text
