"""What must hold before a law is judged: fresh random numbers.

Shapes, ids and padding are checked at every call (`adapters.adapter`), possible tokens in `edges`; here are seeds and
independence. A finding is a sentence for the report.
"""

from math import exp
from typing import Any

import numpy as np

from specsample.conformance.adapters import Adapter, Sample, Seeds, Tabled
from specsample.conformance.evidence.dependence import Independence
from specsample.conformance.evidence.e_process import log_e_threshold
from specsample.conformance.evidence.fit import agrawal_bound
from specsample.distributions import Array


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


def own_ways(adapter: Adapter, first: Sample, again: Sample) -> list[str]:
    """Warn of randomness of the sampler's own, and of changed arguments.

    Parameters
    ----------
    adapter : Adapter, whose last calls were watched
    first, again : Sample of equal inputs and equal seeds
    """
    said: list[str] = []
    last = adapter.last
    is_repeatable = np.array_equal(first.tokens, again.tokens)
    if adapter.kind != "generate" and not last.is_asked:
        said.append("it never asked the random generator that it was given.")
    if not is_repeatable:
        said.append(
            "equal inputs with equal seeds gave different texts: it draws random numbers of its own, or remembers "
            "earlier calls. The same check may end with another verdict; draw from the rng (or seed) that is given."
        )
    if last.is_spoiling:
        said.append("it changes the arrays that it is given; the kit hands out copies, a caller may not.")
    return said


def adjacent(cells: Any) -> Any:
    """Pair rows 0 and 1, 2 and 3, and so on."""
    return cells[: len(cells) // 2 * 2].reshape(-1, 2)


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
