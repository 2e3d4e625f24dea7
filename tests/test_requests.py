"""Requests that differ in one batch, and requests with seeds of their own: right engines pass, wrong ones fail."""

from functools import partial

import numpy as np
import pytest
import samplers_under_test as s

from specsample.batched import pick
from specsample.conformance import check, from_seeded, from_verify
from specsample.conformance.adapters import Seeds, Tabled
from specsample.conformance.adapters.verifier import GREEDY, NOT_KEPT
from specsample.conformance.laws.probes import PROBES

DRIFT = PROBES["drift"].setting
P1 = {"probes": ["P1"], "eps": 0.1}


# --- requests of 0 to K drafts, greedy and sampled ----------------------------------------------------------------


def ragged(x, q, p, rng, *, n_drafts, temperature, bonus_row=None):
    """Verify requests of different numbers of drafts; where the temperature is 0, by argmax."""
    (N, K), every = x.shape, np.arange(len(x))
    at = every[:, None], np.arange(K), np.maximum(x, 0)
    is_greedy = temperature == 0
    best = p.argmax(axis=2)
    is_kept = np.where(is_greedy[:, None], best[:, :K] == x, rng.random((N, K)) * q[at] < p[at])
    n = np.cumprod(is_kept & (np.arange(K) < n_drafts[:, None]), axis=1).sum(axis=1)
    # after the last draft nothing is taken off
    behind = np.where((n < n_drafts)[:, None], q[every, np.minimum(n, K - 1)], 0)
    row = n if bonus_row is None else np.where(n < n_drafts, n, bonus_row)
    left = np.maximum(p[every, row] - behind, 0)
    token = pick(left / left.sum(axis=1, keepdims=True), rng.random(N))
    return s.rows_of(x, n, np.where(is_greedy, best[every, n], token))


def all_sampled(x, q, p, rng, *, n_drafts, temperature):
    return ragged(x, q, p, rng, n_drafts=n_drafts, temperature=np.ones(len(x)))


def last_row_for_the_bonus(x, q, p, rng, *, n_drafts, temperature):
    return ragged(x, q, p, rng, n_drafts=n_drafts, temperature=temperature, bonus_row=x.shape[1])


def all_full(x, q, p, rng, *, n_drafts, temperature):
    return ragged(np.maximum(x, 0), q, p, rng, n_drafts=np.full(len(x), x.shape[1]), temperature=temperature)


def greedy_keeps_all(x, q, p, rng, *, n_drafts, temperature):
    out = ragged(x, q, p, rng, n_drafts=n_drafts, temperature=temperature)
    full = np.where(np.arange(x.shape[1] + 1) < n_drafts[:, None], np.pad(x, ((0, 0), (0, 1))), -1)
    full[np.arange(len(x)), n_drafts] = p[np.arange(len(x)), n_drafts].argmax(axis=1)
    return np.where((temperature == 0)[:, None], full, out)


def test_requests_have_0_to_k_drafts_and_some_are_greedy():
    seen = []

    def look(x, q, p, rng, *, n_drafts, temperature):
        seen.append((n_drafts, temperature, (x >= 0).sum(axis=1)))
        return ragged(x, q, p, rng, n_drafts=n_drafts, temperature=temperature)

    sample = sampled(look)
    n_drafts, temperature, given = seen[0]
    assert len(temperature) == 500  # one greedy request for four streams
    assert (np.unique(temperature, return_counts=True)[1] == [100, 400]).all()
    assert (n_drafts == given).all()
    assert set(n_drafts.tolist()) == {0, 1, 2}
    assert (sample.tokens >= 0).all()


def test_a_right_verifier_of_mixed_requests_passes():
    found = check(from_verify(ragged, ragged=True), probes=["P1", "P4"], eps=0.1)
    assert (found.verdict, found.reasons) == ("PASS", [])
    assert found.optimal.startswith("as the token rule")


def sampled(fn, n=400):
    setting = Tabled(DRIFT.target_model, DRIFT.draft_model, (0,), 2, 3)
    return from_verify(fn, ragged=True).sample(setting, n, Seeds(*map(np.random.SeedSequence, (0, 1))))


def test_what_goes_wrong_with_fewer_drafts_alone_is_seen():
    found = check(from_verify(last_row_for_the_bonus, ragged=True), **P1)
    assert (found.verdict, found.reasons[0][:37]) == ("FAIL", "the law of the text on probe P1 is no")
    found = check(from_verify(all_full, ragged=True), **P1)
    assert (found.verdict, "must emit at most" in found.reasons[0]) == ("INVALID", True)


@pytest.mark.parametrize("fn", [all_sampled, greedy_keeps_all], ids=lambda fn: fn.__name__)
def test_a_greedy_request_must_get_the_likeliest_tokens(fn):
    assert sampled(fn).violations[GREEDY] > 0
    assert not sampled(ragged).violations


@pytest.mark.thorough
@pytest.mark.parametrize("fn", [all_sampled, greedy_keeps_all], ids=lambda fn: fn.__name__)
def test_a_greedy_request_that_is_not_greedy_fails(fn):
    found = check(from_verify(fn, ragged=True), **P1)
    assert (found.verdict, found.reasons[0].startswith(GREEDY)) == ("FAIL", True)


def test_a_greedy_request_that_does_not_follow_its_draft_is_seen():
    def swapped(x, q, p, rng, *, n_drafts, temperature):
        out = ragged(x, q, p, rng, n_drafts=n_drafts, temperature=temperature)
        is_long = (temperature == 0) & (out[:, 1] >= 0)
        out[:, 0] = np.where(is_long, (out[:, 0] + 1) % p.shape[2], out[:, 0])
        return out

    assert sampled(swapped).violations[NOT_KEPT] > 0


def test_requests_that_differ_come_in_batches():
    with pytest.raises(ValueError, match="batched=True"):
        from_verify(ragged, ragged=True, batched=False)


# --- a seed for every request -------------------------------------------------------------------------------------


def noise(seeds, positions, what, V):
    """Make (N, V) uniform numbers in (0, 1) that follow from a seed, a position and what they are for."""
    with np.errstate(over="ignore"):
        z = seeds.astype(np.uint64)[:, None] + np.uint64(0x9E3779B97F4A7C15) * np.arange(1, V + 1, dtype=np.uint64)
        for each in (positions.astype(np.uint64)[:, None], np.uint64(what)):
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9) + each
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(12)) + np.float64(0.5)) / 2**52


def race(rows, u):
    """Draw a token of each row by Gumbel noise."""
    with np.errstate(divide="ignore"):
        return (np.log(rows) - np.log(-np.log(u))).argmax(axis=1)


def draft(q, seeds, positions):
    return race(q, noise(seeds, positions, 0, q.shape[1]))


def verify(x, q, p, seeds, positions, *, what=2, counts=True):
    """Verify with uniforms of their own, and noise for the token that is that of the draft where `what` is 0."""
    (N, K), every = x.shape, np.arange(len(x))
    steps = np.arange(K + 1) * counts
    u = np.stack([noise(seeds, positions + steps[j], 1, 1)[:, 0] for j in range(K)], axis=1)
    at = every[:, None], np.arange(K), x
    n = np.cumprod(u * q[at] < p[at], axis=1).sum(axis=1)
    behind = np.concatenate([q, np.zeros((N, 1, q.shape[2]))], axis=1)[every, n]
    left = np.maximum(p[every, n] - behind, 0)
    return s.rows_of(x, n, race(left, noise(seeds, positions + steps[n], what, p.shape[2])))


shared_noise = partial(verify, what=0)
one_position = partial(verify, counts=False)


def test_an_engine_whose_noise_follows_from_seeds_and_positions_passes():
    found = check(from_seeded(draft, verify), **P1)
    assert (found.verdict, found.reasons, found.warnings) == ("PASS", [], [])
    assert found.sampler == "draft and verify"


def test_noise_that_draft_and_verify_share_is_seen_in_whole_texts_and_named():
    found = check(from_seeded(draft, shared_noise), probes=["P1"])
    assert (found.verdict, found.diagnosis.id) == ("FAIL", "M21")
    # where the kit drafts, nothing of it can be seen
    with_a_seed = lambda x, q, p, rng: shared_noise(x, q, p, rng.integers(2**62, size=len(x)), 0 * x[:, 0])  # noqa: E731
    assert check(from_verify(with_a_seed), **P1).verdict == "PASS"


@pytest.mark.thorough
def test_noise_that_is_the_same_at_every_position_is_seen():
    assert check(from_seeded(draft, one_position), **P1).verdict == "FAIL"


def test_a_request_keeps_its_seed_and_its_positions_count_on():
    asked = []

    def look(x, q, p, seeds, positions):
        asked.append((set(seeds.tolist()), set(positions.tolist()), x.shape[1]))
        return verify(x, q, p, seeds, positions)

    setting = Tabled(DRIFT.target_model, DRIFT.draft_model, (0,), 2, 4)
    from_seeded(draft, look).sample(setting, 200, Seeds(*map(np.random.SeedSequence, (0, 1))))
    (first, at_first, _), *later = asked
    assert len(first) == 200
    assert at_first == {0}
    assert all(seeds <= first for seeds, _, _ in later)
    assert [(at, k) for _, at, k in later] == [({1}, 2), ({2}, 1)]
