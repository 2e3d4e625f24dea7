"""What must hold before a law is judged: fresh, possible tokens.

Shapes, ids and padding are checked at every call (`adapters.adapter`); here are the checks that need calls of their
own. A finding is a sentence for the report.
"""

from collections.abc import Iterator
from math import exp
from typing import Any

import numpy as np

from specsample.conformance.adapters import Adapter, Broken, Sample, Seeds, Tabled
from specsample.conformance.evidence.cells import PADDING
from specsample.conformance.evidence.dependence import Independence
from specsample.conformance.evidence.e_process import log_e_threshold
from specsample.conformance.evidence.fit import agrawal_bound
from specsample.conformance.watch import guarded
from specsample.distributions import Array

SCRIPTS = {"0": 0.0, "2^-53": 2.0**-53, "1 - 2^-24": 1 - 2.0**-24}
EDGES = (  # p and q rows with zeros in one, in the other, in both; equal rows; one-hot rows
    ([0.5, 0.0, 0.5, 0.0], [0.25, 0.5, 0.25, 0.0]),
    ([0.0, 1.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]),
    ([0.25, 0.25, 0.5, 0.0], [0.25, 0.25, 0.5, 0.0]),
    ([0.0, 0.5, 0.25, 0.25], [0.0, 0.0, 0.0, 1.0]),
    ([0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 0.0, 0.0]),
)


class Unscriptable(Exception):
    """A sampler asks its generator for more than `random`."""


class ScriptedUniforms:
    """A stand-in for a NumPy Generator: every uniform number is one and the same, u in [0, 1)."""

    def __init__(self, u: float) -> None:
        self.u = u

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Return u, or an array of it."""
        if out is not None:
            raise Unscriptable
        return self.u if size is None else np.full(size, self.u, dtype)

    def uniform(self, low: float = 0.0, high: float = 1.0, size: Any = None) -> Any:
        """Return u, or an array of it, where the interval is [0, 1)."""
        if (low, high) != (0.0, 1.0):
            raise Unscriptable
        return self.random(size)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise Unscriptable(name)


def scripted(adapter: Adapter, time_limit: float) -> tuple[bool, list[str]]:
    """Call a verifier with uniform numbers at the ends of [0, 1), on rows with zeros.

    A token of p = 0 must not come out whatever the numbers are: `u <= p / q` lets it pass at u = 0.

    Parameters
    ----------
    adapter : Adapter of kind "verify" with `call`
    time_limit : float, seconds a call

    Returns
    -------
    (whether the numbers could be scripted, findings)
    """
    found: list[str] = []
    if adapter.call is None:
        return False, found
    # every end of [0, 1) on every pair of rows; one finding is enough to mend it
    for name, u in SCRIPTS.items():
        for given in _edge_cases():
            emitted = _call(adapter, (*given, ScriptedUniforms(u)), time_limit)
            if emitted is None:
                return False, []
            found += _impossible(name, emitted[0].tolist(), given)
    more = [f"and in {len(found) - 1} more cases of scripted numbers"] if len(found) > 1 else []
    return True, [*found[:1], *more]


def _impossible(name: str, emitted: list[int], given: tuple[Array, Array, Array]) -> list[str]:
    """Name the first token of p = 0 that was emitted; all rows of p are one, and so are those of q."""
    x, q, p = given
    for token in emitted:
        if token != PADDING and p[0, 0, token] == 0:
            where = f"p = {p[0, 0].tolist()}, q = {q[0, 0].tolist()}, drafts {x[0].tolist()}"
            return [
                f"with every uniform number at u = {name} it emits token {token}, although {where}. "
                "Compare strictly, u < p/q, and never pick a token of probability 0."
            ]
    return []


def _edge_cases() -> Iterator[tuple[Array, Array, Array]]:
    """Yield drafts (1, 2), q (1, 2, V), p (1, 3, V) for each pair of rows and each token that q can draft."""
    for p, q in EDGES:
        for x in np.flatnonzero(q):
            rows_p = np.tile(p, (1, 3, 1))
            rows_q = np.tile(q, (1, 2, 1))
            yield np.array([[x, x]]), rows_q.astype(float), rows_p.astype(float)


def _call(adapter: Adapter, given: Any, time_limit: float) -> Any:
    """Call a verifier; None where its generator is asked for more than uniform numbers."""
    assert adapter.call is not None
    try:
        return guarded(lambda: _unless_unscriptable(adapter.call, given), time_limit, adapter.last)
    except Broken as error:
        raise Broken(f"{error} (All uniform numbers were scripted to {given[3].u!r}.)") from error


def _unless_unscriptable(call: Any, given: Any) -> Any:
    """Call, and return None if the numbers cannot be scripted."""
    try:
        return call(*given)
    except Unscriptable:
        return None


def same_whatever_the_seed(first: Sample, second: Sample, law: Array, setting: Tabled) -> str | None:
    """Compare two samples of equal inputs and different seeds.

    Parameters
    ----------
    first, second : Sample, n streams each
    law : (C,) array, tells how often right streams are equal
    setting : Tabled, of both

    Returns
    -------
    finding, or None
    """
    n = len(first.tokens)
    collision = float((np.asarray(law) ** 2).sum())
    # Both calls verify the same drafts, so that right texts agree more often than independent ones (collision): n / 4
    # leaves room for that, and no verdict where even chance could make all of them equal.
    if collision ** (n / 4) > 1e-12 or not (first.tokens == second.tokens).all():
        return None
    if _is_always_the_likeliest(first, setting):
        return (
            f"two calls with equal inputs and different seeds gave {n} equal texts: every token is the likeliest "
            "of p. Drafts are compared with an argmax, and replaced by it; test them against u < p/q, and sample."
        )
    return (
        f"two calls with equal inputs and different seeds gave {n} equal texts: the seed is fixed. "
        "Draw from the rng (or seed) that the adapter is given, and never seed inside the sampler."
    )


def _is_always_the_likeliest(sample: Sample, setting: Tabled) -> bool:
    """Whether every round of a verifier begins with the argmax of p, which is not the same token everywhere."""
    begun = [played for played in sample.rounds if played.drafts is not None]
    if not begun or not setting.is_tabled:
        return False
    first = np.concatenate([played.emitted[:, 0] for played in begun])
    likeliest = np.concatenate([setting.p.rows(played.nodes).argmax(axis=1) for played in begun])
    return bool((first == likeliest).all()) and len(set(first.tolist())) > 1


class Pairs:
    """Evidence that outputs which should be independent are not: neighbours in a batch, consecutive calls.

    Parameters
    ----------
    law : (C,) array, the target's law over cells
    alpha : float, share of the error budget
    """

    def __init__(self, law: Array, alpha: float) -> None:
        self.evidence = Independence(law)
        self.threshold = log_e_threshold(alpha)
        self.found: list[str] = []

    def update(self, pairs: Array, what: str) -> None:
        """Add (n, 2) pairs of cells."""
        # a wrong law looks dependent too: only what no independent pairs could show is a finding
        log_e = self.evidence.update(pairs)
        if log_e >= self.threshold and mutual_information_bound(self.evidence.group[pairs]) < exp(-self.threshold):
            self.found.append(
                f"{what} depend on each other (log E = {log_e:.1f} over {len(pairs)} pairs): they share a seed or a "
                "random number. Draw fresh numbers for every row and every call."
            )


def mutual_information_bound(pairs: Array) -> float:
    """Bound the probability that independent pairs of whatever law look as dependent as these.

    t = n KL(pairs, product of their own margins) is at most n KL(pairs, product of the true ones), for which
    `fit.agrawal_bound` holds.

    Parameters
    ----------
    pairs : (n, 2) int array, of groups
    """
    # the pairs' own margins are the likeliest ones, and the bound holds for any
    size = int(pairs.max()) + 1
    joint = np.zeros((size, size))
    np.add.at(joint, (pairs[:, 0], pairs[:, 1]), 1)
    product = np.outer(joint.sum(1), joint.sum(0)) / joint.sum()
    t = float((joint[joint > 0] * np.log(joint[joint > 0] / product[joint > 0])).sum())
    return agrawal_bound(t, size**2)


def seeds_of(seed: int, *place: int, sampler: tuple[int, ...] | None = None) -> Seeds:
    """Derive the seeds of one piece of work from its place alone.

    Parameters
    ----------
    seed : int, of the whole check
    *place : int, what the work is
    sampler : another place for the sampler's own seed, or None for the same
    """
    make = np.random.SeedSequence
    return Seeds(make(seed, spawn_key=(0, *place)), make(seed, spawn_key=(1, *(sampler or place))))
