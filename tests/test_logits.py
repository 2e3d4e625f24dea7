"""Verification from logits is that of their softmax; long rows are searched in blocks, with the same answer."""

import tracemalloc

import array_api_strict
import numpy as np
import pytest
from verify_cases import around, batches, choose

from specsample import batched, distributions
from specsample.acceptance import accept_probability
from specsample.backend import to_device, to_numpy
from specsample.distributions import softmax

STRICT = array_api_strict.asarray([0.0], device=array_api_strict.Device("device1"))
SIZES = [(1, 1, 7), (3, 5, 40), (2, 4, 300), (1, 0, 12), (2, 3, 70_000)]


def cases(seed, dtype, n=40):
    """Draw logits of target and draft that agree more or less, and uniforms on and beside the thresholds."""
    rng = np.random.default_rng(seed)
    for B, K, V in SIZES:
        for _ in range(n if V < 1000 else 2):
            p = (rng.normal(0, 3, (B, K + 1, V)) - 20 * (rng.random((B, K + 1, V)) < 0.3)).astype(dtype)
            q = (p[:, :K] + rng.choice([0, 0.3, 3]) * rng.normal(0, 1, (B, K, V))).astype(dtype)
            x = np.argmax(q + rng.gumbel(size=q.shape), axis=-1) if K else np.zeros((B, 0), int)
            p_x, q_x = (np.take_along_axis(softmax(l), x[..., None], -1)[..., 0] for l in (p[:, :K], q))
            u_accept = choose(rng, [rng.random((B, K)), *around(accept_probability(p_x, q_x))])
            yield {"draft_tokens": x, "u_accept": u_accept, "u_emit": rng.random(B)}, q, p


def both(case, q, p, **more):
    """Verify from logits, and from their softmax."""
    direct = batched.verify_logits(draft_logits=q, target_logits=p, **case, **more)
    return direct, batched.verify(draft_probs=softmax(q), target_probs=softmax(p), **case, **more)


def same(one, other):
    """Compare two verdicts."""
    return all((to_numpy(a) == to_numpy(b)).all() for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_the_verdict_is_that_of_the_softmax_bit_for_bit(dtype):
    for case, q, p in cases(0, dtype):
        wide = [array.astype(np.float32) if dtype == np.float16 else array for array in (q, p)]
        assert same(batched.verify_logits(draft_logits=q, target_logits=p, **case), both(case, *wide)[1])


def test_rows_with_fewer_drafts_than_k_are_cut():
    rng = np.random.default_rng(1)
    for case, q, p in cases(2, np.float64, n=10):
        n_drafts = rng.integers(0, q.shape[1] + 1, len(q))
        q[np.arange(q.shape[1]) >= n_drafts[:, None]] = np.nan
        assert same(*both(case, q, p, n_drafts=n_drafts))


def test_the_strict_library_on_another_device_gives_the_numpy_verdict():
    for case, q, p in cases(3, np.float64, n=10):
        there = [to_device(array, like=STRICT) for array in (q, p)]
        moved = {name: to_device(array, like=STRICT) for name, array in case.items()}
        assert same(both(moved, *there)[0], both(case, q, p)[0])


@pytest.mark.peers
def test_torch_gives_the_numpy_verdict_where_no_uniform_stands_on_a_threshold():
    torch = pytest.importorskip("torch", reason="needs the extra [peers]")
    for case, q, p in cases(4, np.float64, n=5):
        case["u_accept"] = np.random.default_rng(5).random(case["u_accept"].shape)
        there = [torch.asarray(array) for array in (q, p)]
        moved = {name: torch.asarray(array) for name, array in case.items()}
        assert same(both(moved, *there)[0], both(case, q, p)[0])


def test_what_stands_after_the_last_refusal_is_not_read_on_the_host():
    V = 140_000
    q = np.random.default_rng(6).normal(size=(1, 4, V)).astype(np.float32)
    p = np.concat([q, q[:, :1]], axis=1)
    case = {"draft_tokens": np.array([[1, 2, 3, 4]]), "u_accept": np.array([[0.0, 1 - 1e-9, 0, 0]])}
    case |= {"u_emit": np.array([0.5])}
    q[:, 1] += np.where(np.arange(V) == 2, 9, 0)  # the second draft is refused
    want = both(case, q, p)[0]
    q[:, 2:] = p[:, 2:] = np.nan
    found = batched.verify_logits(draft_logits=q, target_logits=p, **case)
    assert (int(want.n_accepted[0]), same(found, want)) == (1, True)


def test_no_array_of_k_rows_is_made():
    K, V = 8, 200_000
    rng = np.random.default_rng(7)
    p, q = rng.normal(size=(1, K + 1, V)), rng.normal(size=(1, K, V))
    x, u = rng.integers(0, V, (1, K)), np.zeros((1, K))
    tracemalloc.start()
    batched.verify_logits(x, q, p, u_accept=u, u_emit=np.array([0.5]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * V * 8, f"{peak / V / 8:.1f} times V numbers of 8 bytes"


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_long_row_is_picked_from_as_the_reference_does_it_wherever_u_stands(dtype):
    rng = np.random.default_rng(8)
    for V in (8193, 20_000, 20_480):
        probs = (rng.gamma(0.1, size=(50, V)) * (rng.random((50, V)) < 0.5)).astype(dtype)
        probs /= probs.sum(axis=-1, keepdims=True)
        running = np.cumsum(probs, axis=-1, dtype=np.float64)
        on = running[np.arange(50), rng.integers(0, V, 50)]
        u = choose(rng, [rng.random(50), *around(on), np.zeros(50), np.full(50, 1 - 2.0**-53)])
        assert batched.pick(probs, u).tolist() == [distributions.pick(*row) for row in zip(probs, u)]


def test_a_long_row_is_seldom_searched_twice():
    rng = np.random.default_rng(9)
    probs, u = rng.dirichlet(np.ones(9000), 200), rng.random(200)
    _, is_sure = batched.picking._pick_in_blocks(probs, u)
    assert is_sure.all()  # u within 4e-12 of one of 256 sums: 200 rows have one such with probability 4e-7


def test_verify_of_long_rows_agrees_with_logits_in_blocks():
    for case in batches(10, 78):
        with np.errstate(divide="ignore"):
            logits = [np.log(case[name]) for name in ("draft_probs", "target_probs")]
        rest = {name: case[name] for name in ("draft_tokens", "u_accept", "u_emit")}
        assert same(*both(rest, *logits))


BAD = {"NaN": [np.nan, 1.0, 2.0], "+inf": [np.inf, 1.0, 2.0], "all -inf": [-np.inf] * 3}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("at", ["target", "draft"])
def test_one_bad_logit_is_refused_on_the_host_and_marked_on_a_device(name, at):
    good = np.zeros((1, 2, 3))
    bad = good.copy()
    bad[0, 0] = BAD[name]
    given = {"draft_logits": good[:, :1], "target_logits": good} | {
        f"{at}_logits": bad if at == "target" else bad[:, :1]
    }
    given |= {"draft_tokens": np.array([[1]]), "u_accept": np.array([[0.5]]), "u_emit": np.array([0.9])}
    with pytest.raises(ValueError, match="logits must be finite or -inf"):
        batched.verify_logits(**given)
    there = {key: to_device(array, like=STRICT) for key, array in given.items()}
    assert to_numpy(batched.verify_logits(**there).token).tolist() == [-1]


@pytest.mark.parametrize("name", ["target_probs", "draft_probs"])
def test_probabilities_with_nan_are_refused_padding_apart(name):
    given = {"draft_probs": np.full((1, 2, 2), 0.5), "target_probs": np.full((1, 3, 2), 0.5)}
    given |= {"draft_tokens": np.array([[1, 0]]), "u_accept": np.full((1, 2), 0.9), "u_emit": np.array([0.9])}
    given[name][0, 1, 0] = np.nan
    with pytest.raises(ValueError, match=f"{name} must be finite"):
        batched.verify(**given)
    assert batched.verify(**given, n_drafts=np.array([0])).token.tolist() == [1]
