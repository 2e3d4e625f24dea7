"""Verifiers for the tests of the conformance kit: a right one, ones of the catalogue, and ones invented here.

They stand at the top of a module so that they can be sent to other processes.
"""

import time
from dataclasses import replace
from functools import cache

import numpy as np

from specsample import generate
from specsample.acceptance import residual
from specsample.batched import pick
from specsample.conformance.adapters import from_generate, from_step
from specsample.conformance.laws.probes import PROBES
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.conformance.pack.packed import PackedProbe
from specsample.language_model import TableModel
from specsample.verifiers import block

KNOWN = ("M01", "M02", "M04", "M05", "M09", "M10", "M12", "M13", "M15", "M17", "M19", "M22", "M29")


@cache
def small_probe():
    """Pack a probe of fractions with the exact laws of some wrong samplers."""
    probe = PROBES["drift"]
    law, rules = probe.target_law(), {rule.id: rule.law(probe) for rule in WRONG.values() if rule.id in KNOWN}
    cells = tuple(sorted(law))

    def vector(law):
        masses = [float(law.get(cell, 0)) for cell in cells]
        return np.array([*masses, max(0.0, 1 - sum(masses))])

    models = (probe.setting.target_model, probe.setting.draft_model)
    p, q = (TableModel(model.table.astype(float)) for model in models)
    setting = replace(probe.setting, target_model=p, draft_model=q)
    seen = {"positions": None, "bins": None, "cells": cells, "law": vector(law)}
    laws = {name: vector(rule) for name, rule in rules.items()}
    known = {"rule_laws": laws, "blind_to": (), "required_n": {}, "weight": 1.0}
    return PackedProbe(probe.name, probe.purpose, setting, **seen, **known)


def rows_of(x, n, token):
    """Lay out accepted drafts and one token more, padded with -1."""
    N, K = x.shape
    out = np.full((N, K + 1), -1)
    out[:, :K] = np.where(np.arange(K) < n[:, None], x, -1)
    out[np.arange(N), n] = token
    return out


def judged(x, q, p, rng, *, ratio=lambda p, q: p / q, replace=residual, u=None, bonus=None):
    """Verify with a piece replaced: the ratio, the residual, the uniform numbers, the bonus rows."""
    (N, K), i = x.shape, np.arange(len(x))
    at = i[:, None], np.arange(K), x
    with np.errstate(all="ignore"):
        a = ratio(p[at], q[at])
    is_kept = (rng.random((N, K)) if u is None else u(rng, (N, K))) < a
    n = np.where(is_kept.all(axis=1), K, is_kept.argmin(axis=1))
    q_n = np.where((n < K)[:, None], q[i, np.minimum(n, K - 1)], 0.0)
    rows = np.where((n < K)[:, None], replace(p[i, n], q_n), p[:, -1] if bonus is None else bonus(p))
    return rows_of(x, n, pick(rows, rng.random(N)))


# --- right ----------------------------------------------------------------------------------------------------------


def right(x, q, p, rng):
    return judged(x, q, p, rng)


def right_alone(x, q, p, rng):
    return [token for token in judged(x[None], q[None], p[None], rng)[0] if token >= 0]


def right_logits(x, q, p, rng):
    return judged(x, np.exp(q), np.exp(p), rng)


def right_generate(prompt, max_new_tokens, *, target_model, draft_model, K, stop, seed, transform):
    setting = {"K": K, "max_new_tokens": max_new_tokens, "stop": stop, "transform": transform}
    return generate(prompt, target_model, draft_model, rng=np.random.default_rng(seed), **setting)[0]


def drafted(prefixes, draft_model, K, choose):
    """Draft K tokens of each row with a rule of one's own."""
    text, rows = prefixes, []
    for _ in range(K):
        rows.append(draft_model(text)[:, -1])
        text = np.concatenate([text, choose(rows[-1])[:, None]], axis=1)
    return text, np.stack(rows, axis=1)


def right_step(prefixes, draft_model, target_model, K, rng):
    text, q = drafted(prefixes, draft_model, K, lambda q: pick(q, rng.random(len(q))))
    return judged(text[:, -K:], q, target_model(text)[:, -K - 1 :], rng)


def one_hot(x, V):
    """(N, K) tokens as (N, K, V) rows with all mass on one token."""
    return (x[..., None] == np.arange(V)).astype(float)


def sampler_match(x, q, p, rng):  # C1: keep a draft if the target's own draw is the same, else emit that draw
    N, K = x.shape
    own = pick(p.reshape(-1, p.shape[2]), rng.random(N * (K + 1))).reshape(N, K + 1)
    is_kept = own[:, :K] == x
    n = np.where(is_kept.all(axis=1), K, is_kept.argmin(axis=1))
    return rows_of(x, n, own[np.arange(N), n])


def one_hot_rule(x, q, p, rng):  # C7: q is not known
    return judged(x, one_hot(x, p.shape[2]), p, rng)


def without_bonus(x, q, p, rng):  # C9
    out = judged(x, q, p, rng)
    out[:, -1] = -1
    return out


def block_rule(x, q, p, rng):  # C3, a row at a time
    u = rng.random((len(x), x.shape[1] + 1))
    rows = [block.verify(x[b], q[b], p[b], u_accept=u[b, :-1], u_emit=u[b, -1]) for b in range(len(x))]
    return rows_of(x, np.array([row.n_accepted for row in rows]), np.array([row.token for row in rows]))


# --- of the catalogue -----------------------------------------------------------------------------------------------


def replaced_from_p(x, q, p, rng):  # M01
    return judged(x, q, p, rng, replace=lambda p, q: p)


def absolute_residual(x, q, p, rng):  # M02
    return judged(x, q, p, rng, replace=lambda p, q: abs(p - q) / abs(p - q).sum(axis=1, keepdims=True))


def swapped_ratio(x, q, p, rng):  # M09
    return judged(x, q, p, rng, ratio=lambda p, q: q / p)


def bonus_from_last_draft_row(x, q, p, rng):  # M15
    return judged(x, q, p, rng, bonus=lambda p: p[:, -2])


def bonus_argmax(x, q, p, rng):  # M17
    return judged(x, q, p, rng, bonus=lambda p: (p[:, -1] == p[:, -1].max(axis=1, keepdims=True)).astype(float))


def one_uniform(x, q, p, rng):  # M19
    return judged(x, q, p, rng, u=lambda rng, shape: np.repeat(rng.random((shape[0], 1)), shape[1], axis=1))


def greedy_step(prefixes, draft_model, target_model, K, rng):  # M05
    text, q = drafted(prefixes, draft_model, K, lambda q: q.argmax(axis=1))
    return judged(text[:, -K:], q, target_model(text)[:, -K - 1 :], rng)


def gumbel_step(prefixes, draft_model, target_model, K, rng):  # M21: a draft and its replacement share their noise
    noise = rng.gumbel(size=(K, len(prefixes), target_model.vocab_size))
    with np.errstate(divide="ignore"):
        text, q = prefixes, []
        for g in noise:
            q.append(draft_model(text)[:, -1])
            text = np.concatenate([text, (np.log(q[-1]) + g).argmax(axis=1)[:, None]], axis=1)
        x, q, p = text[:, -K:], np.stack(q, axis=1), target_model(text)[:, -K - 1 :]
        out = judged(x, q, p, rng)
        for b, n in enumerate((out >= 0).sum(axis=1) - 1):
            if n < K:
                out[b, n] = (np.log(residual(p[b, n], q[b, n])) + noise[n, b]).argmax()
    return out


def at_most(x, q, p, rng):  # M40
    return judged(x, q, p, rng, ratio=lambda p, q: np.nextafter(p / q, 2))


# --- invented: none of these is in the catalogue --------------------------------------------------------------------


def square_root_ratio(x, q, p, rng):
    return judged(x, q, p, rng, ratio=lambda p, q: np.sqrt(p / q))


def epsilon_in_residual(x, q, p, rng):
    excess = lambda p, q: np.maximum(p - q, 0) + 0.2  # noqa: E731
    return judged(x, q, p, rng, replace=lambda p, q: excess(p, q) / excess(p, q).sum(axis=1, keepdims=True))


def mixed_rows(x, q, p, rng):
    return judged(x, np.roll(q, 1, axis=0), p, rng)


def coarse_uniforms(x, q, p, rng):
    return judged(x, q, p, rng, u=lambda rng, shape: rng.integers(2, size=shape) / 2)


def bonus_from_first_row(x, q, p, rng):
    return judged(x, q, p, rng, bonus=lambda p: p[:, 0])


def squared_residual(x, q, p, rng):
    return judged(x, q, p, rng, replace=lambda p, q: residual(p, q) ** 2 / (residual(p, q) ** 2).sum(1)[:, None])


def ratio_of_the_whole_run(x, q, p, rng):
    return judged(x, q, p, rng, ratio=lambda p, q: np.multiply.accumulate(p / q, axis=1))


INVENTED = (
    square_root_ratio,
    epsilon_in_residual,
    mixed_rows,
    coarse_uniforms,
    bonus_from_first_row,
    squared_residual,
    ratio_of_the_whole_run,
)


# --- contract breakers ----------------------------------------------------------------------------------------------


def crashes(x, q, p, rng):
    raise ZeroDivisionError("no residual")


def hangs(x, q, p, rng):
    time.sleep(60)


def without_bonus_column(x, q, p, rng):
    return judged(x, q, p, rng)[:, :-1]


def gives_nan(x, q, p, rng):
    return np.full((len(x), x.shape[1] + 1), np.nan)


def out_of_range(x, q, p, rng):
    return np.full((len(x), x.shape[1] + 1), p.shape[2])


def gives_nothing(x, q, p, rng):
    return np.full((len(x), x.shape[1] + 1), -1)


def padding_in_front(x, q, p, rng):
    return judged(x, q, p, rng)[:, ::-1]


def gives_text(x, q, p, rng):
    return "tokens"


BROKEN = {
    crashes: "ZeroDivisionError: no residual",
    without_bonus_column: "Is the bonus column missing",
    gives_nan: "NaN",
    out_of_range: "must lie in 0 .. V-1",
    gives_nothing: "at least one token a row",
    padding_in_front: "must stand behind all tokens",
    gives_text: "got dtype",
}


def spoil(kind, how):
    """Show the kit a step or a generate that is right but for one thing: `how` spoils what it returns."""
    if kind == "step":
        return from_step(lambda text, q, p, K, rng: how(right_step(text, q, p, K, rng), p.vocab_size), name="spoilt")

    def run(prompt, n, *, seed, **asked):
        return how(np.array([right_generate(prompt, n, seed=seed, **asked)]), asked["target_model"].vocab_size)[0]

    def with_transform(prompt, n, *, target_model, draft_model, K, stop, seed, transform):
        models = {"target_model": target_model, "draft_model": draft_model, "transform": transform}
        return run(prompt, n, K=K, stop=stop, seed=seed, **models)

    return from_generate(with_transform, name="spoilt")


SPOILED = {  # what happens to the (N, L) token ids: the verdict, and a piece of what the report says
    "crash": (lambda out, V: out[9999], "INVALID", "IndexError: index 9999"),
    "hang": (lambda out, V: time.sleep(60), "INVALID", "did not return within time_limit"),
    "shape": (lambda out, V: out[..., None], "INVALID", "the sampler must return|must be a flat sequence"),
    "NaN": (lambda out, V: out * np.nan, "INVALID", "NaN or infinity. Was a residual of mass 0"),
    "id": (lambda out, V: np.where(out >= 0, V, out), "INVALID", r"must lie in 0 .. V-1 = 3"),
    "impossible": (lambda out, V: np.where(out == 0, 1, out), "FAIL", "the target's law gives it probability 0"),
    "seed": (lambda out, V: np.zeros_like(out), "FAIL", "the seed is fixed"),
}


def fixed_seed(x, q, p, rng):
    return judged(x, q, p, np.random.default_rng(0))


def twins(x, q, p, rng):
    """Give every second row the text of its neighbour."""
    out = judged(x, q, p, rng)
    out[1::2] = out[: len(out) // 2 * 2 : 2]
    return out


def other_than_the_draft(x, q, p, rng):
    out = judged(x, q, p, rng)
    out[:, 0] = np.where(out[:, 1] >= 0, (out[:, 0] + 1) % p.shape[2], out[:, 0])
    return out


def step_twins(prefixes, draft_model, target_model, K, rng):
    out = right_step(prefixes, draft_model, target_model, K, rng)
    out[1::2] = np.where(len(prefixes) > 1, out[: len(out) // 2 * 2 : 2], out[1::2])
    return out
