"""Mistakes in block verification.

Pieces like those of `wrong_rules`: functions with the arguments of `speculative.verify`. All keep a leading run by
its weight, w_i = min(1, w_{i-1} p/q), and go wrong in which one, or in what comes after it.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import exp, factorial, inf, log
from typing import Any

import numpy as np
from numpy.polynomial import Polynomial

from specsample.acceptance import residual
from specsample.conformance.laws.wrong_rules import normalised, shared_noise
from specsample.distributions import Array, pick
from specsample.verifiers import block


def block_with_token_residual(
    x: list[int], q: Array, p: Array, *, u_accept: Sequence[Any], u_emit: Any
) -> tuple[int, int]:
    """Verify the block, and correct as if the drafts had been tested one by one."""
    n = block.verify(x, q, p, u_accept=u_accept, u_emit=0).n_accepted
    # the block's own residual weights p by w, the weight of the run so far
    probs = residual(p[n], q[n]) if n < len(x) else p[n]
    return n, pick(probs, u_emit)


def block_until_refused(x: list[int], q: Array, p: Array, *, u_accept: Sequence[Any], u_emit: Any) -> tuple[int, int]:
    """Verify the block, but end before the first run that does not pass."""
    K = len(x)
    w = block.run_weights(p[np.arange(K), x], q[np.arange(K), x]) if K else p.sum(axis=1)
    h = block.keep_probabilities(w, q, p)
    # the right rule keeps the longest run that passes, though shorter ones may not
    n = 0
    while n < K and u_accept[n] < h[n]:
        n += 1
    probs = residual(w[n] * p[n], q[n]) if n < K else p[n]
    return n, pick(probs, u_emit)


def block_with_shared_noise(
    x: list[int], q: Array, p: Array, *, u_accept: Sequence[Any], u_emit: Any
) -> tuple[int, int]:
    """Verify the block, and correct with the Gumbel noise that chose the refused draft."""
    n = block.verify(x, q, p, u_accept=u_accept, u_emit=0).n_accepted
    probs = shared_noise(weights_of(x, q, p)[n] * p[n], q[n]) if n < len(x) else p[n]
    return n, pick(probs, u_emit)


def block_by_product(x: list[int], q: Array, p: Array, *, u_accept: Sequence[Any], u_emit: Any) -> tuple[int, int]:
    """Test each run against the product of the uniform numbers up to its end, and correct as the token rule does."""
    # no path of comparisons has a product in it: the law of n is known, and one number picks from it
    n = pick(kept_by_product(weights_of(x, q, p)), u_accept[0]) if x else 0
    probs = residual(p[n], q[n]) if n < len(x) else p[n]
    return n, pick(probs, u_emit)


def weights_of(x: list[int], q: Array, p: Array) -> Array:
    """List the weights w_0 = 1, ..., w_K of the leading runs."""
    K = len(x)
    return block.run_weights(p[np.arange(K), x], q[np.arange(K), x]) if K else p.sum(axis=1)


def kept_by_product(weights: Array) -> Array:
    """Compute the law of the last i with u_1 ... u_i <= w_i: (K+1,) probabilities, fractions where weights are.

    With s_i = -log(u_1 ... u_i), a sum of i exponential waiting times, run i passes where s_i >= t_i = -log w_i. Back
    from the last run, the probability that none after i passes is R_i(s) = 1 + e^s P_i(s) for s_i = s below a limit,
    and 0 from there on. P_i is a polynomial: R_{i-1}(s) is the integral of e^(s - v) R_i(v) from s to the smaller of
    t_i and the limit.
    """
    K = len(weights) - 1
    t = [-log(w) if w > 0 else inf for w in map(float, weights)]
    law = np.zeros(K + 1)
    P = Polynomial([0.0])
    limit = inf
    for i in range(K, 0, -1):
        # i passes and no later run does: s_i has the density s^(i-1) e^-s / (i-1)!
        if t[i] < limit:
            area = (Polynomial([0.0] * (i - 1) + [1 / factorial(i - 1)]) * P).integ()
            law[i] = waited(i, t[i]) - waited(i, limit) + (area(limit) - area(t[i]) if limit < inf else 0)
        limit = min(t[i], limit)
        P = P.integ()(limit) - exp(-limit) - P.integ() if limit < inf else P
    law[0] = 1 + P(0.0) if limit > 0 else 0.0
    law = np.maximum(law, 0)
    return normalised(np.array([Fraction(w) for w in law.tolist()], object) if weights.dtype == object else law)


def waited(i: int, s: float) -> float:
    """P(a sum of i exponential waiting times >= s)."""
    return exp(-s) * sum(s**k / factorial(k) for k in range(i)) if s < inf else 0.0
