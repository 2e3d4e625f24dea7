"""Batches of verify calls, random and on every boundary, for the tests that compare implementations.

`batches` mixes smooth, sparse, one-hot, equal, disjoint and loosely normalised rows, with uniform numbers on and
beside the thresholds of acceptance.
`dyadic_batches` has probabilities whose every sum is exact in any order and type, so that a uniform number may stand
exactly on a threshold of the inverse CDF and implementations still have to agree.
"""

import numpy as np

from specsample import batched
from specsample.acceptance import accept_probability, residual

KINDS = ("smooth", "sharp", "sparse", "one-hot", "equal", "disjoint", "loose")
SIZES = [
    (1, 1),
    (0, 3),
    (1, 2),
    (5, 3),
    (3, 5),
    (4, 31),
    (2, 32),
    (5, 33),
    (1, 64),
    (3, 65),
    (6, 97),
    (2, 257),
    (4, 600),
]
BELOW_1 = [1 - 2.0**-24, 1 - 2.0**-53]
TINY = [0.0, 5e-324, 2.0**-53]


def rows(rng, kind, shape):
    """Draw rows of p or q: (..., V), sum 1."""
    V = shape[-1]
    weights = rng.gamma(0.05 if kind == "sharp" else 1.0, size=shape) + 1e-30
    if kind == "one-hot":
        weights = np.eye(V)[rng.integers(0, V, shape[:-1])]
    if kind == "sparse":
        weights = weights * (rng.random(shape) < 0.2)
        weights[..., rng.integers(0, V)] += 0.5
    return weights / weights.sum(axis=-1, keepdims=True)


def pair(rng, kind, *, B, K, V):
    """Draw p (B, K+1, V) and q (B, K, V) that meet in the way `kind` says."""
    p, q = rows(rng, kind, (B, K + 1, V)), rows(rng, kind, (B, K, V))
    if kind == "equal":  # with zeros: a token that q cannot draft is refused, and the residual has no mass
        p = rows(rng, "sparse", (B, K + 1, V))
        q = p[:, :K].copy()
    if kind == "loose":  # sums that are off by as much as half precision makes them
        p, q = (array * rng.uniform(0.9995, 1.0005, (*array.shape[:2], 1)) for array in (p, q))
    if kind == "disjoint" and V > 1:
        half = np.arange(V) < V // 2
        p, q = np.where(half, p, 0), np.where(half, 0, q)
        p, q = p / p.sum(axis=-1, keepdims=True), q / q.sum(axis=-1, keepdims=True)
    return p, q


def drafts(rng, q):
    """Draw tokens (B, K) from q; every eighth is any token, perhaps one that q cannot draft."""
    B, K, V = q.shape
    noise = rng.gumbel(size=q.shape)
    with np.errstate(divide="ignore"):
        x = np.argmax(np.log(q) + noise, axis=-1) if K else np.zeros((B, 0), np.int64)
    return np.where(rng.random((B, K)) < 0.125, rng.integers(0, V, (B, K)), x)


def choose(rng, columns):
    """Take each entry from one of the arrays, chosen at random."""
    stacked = np.stack(np.broadcast_arrays(*columns))
    return np.take_along_axis(stacked, rng.integers(0, len(columns), (1, *stacked.shape[1:])), axis=0)[0]


def around(thresholds):
    """List the numbers just below, on and just above thresholds, inside [0, 1)."""
    beside = [
        thresholds,
        np.nextafter(thresholds, thresholds.dtype.type(-1)),
        np.nextafter(thresholds, 2 * thresholds),
    ]
    return [np.clip(column.astype(np.float64), 0.0, BELOW_1[1]) for column in beside]


def uniforms(rng, p, q, x):
    """Draw u_accept (B, K): half of the entries random, the others on a boundary."""
    p_x = np.take_along_axis(p[:, : x.shape[1]], x[..., None], axis=-1)[..., 0]
    a = accept_probability(p_x, np.take_along_axis(q, x[..., None], axis=-1)[..., 0])
    random = rng.random(x.shape)
    return choose(rng, [*[random] * 8, *around(a), *[np.full(x.shape, value) for value in TINY + BELOW_1]])


def batch(rng, kind, *, B, K, V, dtype):
    """Make one batch of B verify calls: a dict of arrays, as `batched.verify` takes them."""
    p, q = (array.astype(dtype) for array in pair(rng, kind, B=B, K=K, V=V))
    x = drafts(rng, q.astype(np.float64))
    u_emit = choose(rng, [*[rng.random(B)] * 4, *[np.full(B, value) for value in TINY + BELOW_1]])
    return {
        "draft_tokens": x,
        "draft_probs": q,
        "target_probs": p,
        "u_accept": uniforms(rng, p, q, x),
        "u_emit": u_emit,
    }


def batches(seed, n_cases, dtype=np.float64):
    """Yield batches of all kinds and sizes, n_cases verify calls or a few more."""
    rng, B = np.random.default_rng(seed), -(-n_cases // (len(KINDS) * len(SIZES)))
    for kind in KINDS:
        for K, V in SIZES:
            yield batch(rng, kind, B=B, K=K, V=V, dtype=dtype)


def dyadic_rows(rng, V, *, grid):
    """Draw p and q on multiples of 1/grid with a residual of mass 1/4: a common part, and 1/4 on disjoint halves."""
    half = rng.permutation(V) < max(1, V // 2)
    parts = [rng.multinomial(n, side / side.sum()) for n, side in ((grid // 4, half), (grid // 4, ~half))]
    common = rng.multinomial(grid - grid // 4, rng.dirichlet(np.ones(V)))
    return (common + parts[0]) / grid, (common + parts[1]) / grid


def dyadic_batches(seed, n_cases, dtype=np.float64, grid=128):
    """Yield batches whose uniform numbers stand on and beside thresholds, where every sum is exact."""
    rng, sizes = np.random.default_rng(seed), [(2, 2), (1, 5), (3, 40), (2, 100), (1, 300)]
    B = -(-n_cases // len(sizes))
    for K, V in sizes:
        made = [[dyadic_rows(rng, V, grid=grid) for _ in range(K + 1)] for _ in range(B)]
        p = np.array([[row[0] for row in case] for case in made]).astype(dtype)
        q = np.array([[row[1] for row in case[:K]] for case in made]).astype(dtype)
        x = drafts(rng, q.astype(np.float64))
        u_accept = uniforms(rng, p.astype(np.float64), q.astype(np.float64), x)
        n = rng.integers(0, K + 1, B)  # the row whose thresholds u_emit stands on, if the round ends there
        q_all = np.concat([q, np.zeros((B, 1, V))], axis=1).astype(np.float64)
        law = residual(p.astype(np.float64)[np.arange(B), n], q_all[np.arange(B), n])
        threshold = np.cumsum(law, axis=-1)[np.arange(B), rng.integers(0, V, B)]
        u_accept[np.arange(K) < n[:, None]] = 0.0
        u_accept[np.arange(K) == n[:, None]] = BELOW_1[1]
        u_emit = choose(rng, around(threshold))
        yield {"draft_tokens": x, "draft_probs": q, "target_probs": p, "u_accept": u_accept, "u_emit": u_emit}


def distance(case, b, n, tokens):
    """Measure how far u_emit is from the thresholds between two tokens of row b, in exact float64 sums."""
    p, q = (case[name][b].astype(np.float64) for name in ("target_probs", "draft_probs"))
    law = residual(p[n], q[n] if n < len(q) else np.zeros_like(p[n]))
    low, high = sorted(int(token) for token in tokens)
    return float(np.abs(np.cumsum(law)[low:high] - case["u_emit"][b]).max())


def as_float32(case):
    """Read bfloat16 bits as the floats they are."""
    rows = {name: case[name] for name in ("draft_probs", "target_probs") if case[name].dtype == np.uint16}
    return case | {name: (array.astype(np.uint32) << 16).view(np.float32) for name, array in rows.items()}


def as_bfloat16(case):
    """Cut float32 rows to the bits of bfloat16."""
    rows = ("draft_probs", "target_probs")
    return case | {name: (case[name].view(np.uint32) >> 16).astype(np.uint16) for name in rows}


def near_ties(cases, answers, *, within):
    """Count the rows with another token than batched.verify; each must be within rounding of a threshold."""
    ties = 0
    for case, (n, token) in zip(cases, answers, strict=True):
        case = as_float32(case)
        want = batched.verify(**case)
        assert n.tolist() == want.n_accepted.tolist(), "another number of accepted drafts"
        for b in np.flatnonzero(token != want.token):
            assert 0 <= token[b] < case["target_probs"].shape[-1], f"row {b}: {token[b]} is no token"
            assert distance(case, b, n[b], (want.token[b], token[b])) <= within, f"row {b}: {token[b]}"
            ties += 1
        assert (case["target_probs"][np.arange(len(n)), n, token] > 0).all(), "a token of probability zero"
    return ties
