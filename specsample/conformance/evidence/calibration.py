"""How often the test rejects what it should, and what it should not."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from specsample.conformance.evidence.e_process import log_e_threshold
from specsample.conformance.evidence.formulas import log_evidence
from specsample.distributions import Array


class Calibration(NamedTuple):
    """What many runs of the test came to."""

    rejected: float  # share of the runs in which the law was rejected
    n_at_rejection: Any  # (runs,) float array, outputs when it was; infinite where it was not
    log_e: Any  # (runs,) float array, at the last look
    largest_log_e: Any  # (runs,) float array, at any look: rejected at level alpha where it is >= log(1/alpha)


def calibrate(
    law: Array,
    target_law: Array,
    catalogue_laws: Array | Sequence[Array] = (),
    *,
    rng: np.random.Generator,
    runs: int = 200,
    n: int = 10_000,
    looks: int = 50,
    alpha: float = 1e-6,
) -> Calibration:
    """Measure the false-alarm rate (law = target_law) or the power (another law) of the e-process by simulation.

    Parameters
    ----------
    law : (C,) array, outputs are drawn from it
    target_law : (C,) array, against which they are judged
    catalogue_laws : (M, C) array or sequence of (C,) arrays
    rng : numpy.random.Generator
    runs : int >= 1
    n : int >= 1, outputs of each run
    looks : int >= 1, times at which E is compared with 1/alpha, in equal ratios up to n
    alpha : float in (0, 1]

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> calibrate([0.9, 0.1], [0.5, 0.5], rng=rng, runs=20, n=1000).rejected
    1.0
    """
    # looks in equal ratios: E is compared with 1/alpha as often early as late
    times = np.unique(np.geomspace(min(10, n), n, looks).astype(int))
    counts = np.zeros((runs, len(law)), np.int64)
    at = np.full(runs, np.inf)
    largest = np.full(runs, -np.inf)
    # all runs at once, from look to look
    for before, now in zip([0, *times.tolist()], times.tolist(), strict=False):
        counts = counts + rng.multinomial(now - before, np.asarray(law), size=runs)
        log_e = log_evidence(counts, target_law, catalogue_laws)
        largest = np.maximum(largest, log_e)
        at = np.where((log_e >= log_e_threshold(alpha)) & np.isinf(at), now, at)
    return Calibration(float(np.isfinite(at).mean()), at, log_e, largest)
