"""AdamW and its schedule: how gradients become better parameters.

AdamW with a warm-up and a cosine schedule, on one flat vector that every parameter is a view of: a step is a few
passes over memory, in chunks that fit a core's cache.
"""

import math
from dataclasses import dataclass, field

import numpy as np

Shapes = dict[str, tuple[int, ...]]
CHUNK = 1 << 15  # numbers updated together: five such float32 rows fit in 1 MiB


def flatten(params: dict[str, np.ndarray], order: Shapes) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Copy parameters into one vector and return it with views into it.

    Parameters
    ----------
    params : dict of arrays, parameters, or their gradients
    order : dict from names to shapes
        As `model.shapes` makes it: matrices first, so that weight decay is a prefix of the vector.

    Returns
    -------
    flat : (n_params,) array, all numbers; writing to it changes the views
    views : dict of arrays, the same names and shapes as `params`
    """
    flat = np.concatenate([params[name].reshape(-1) for name in order])
    views = {}
    start = 0
    for name, shape in order.items():
        stop = start + math.prod(shape)
        views[name] = flat[start:stop].reshape(shape)
        start = stop
    return flat, views


def n_decayed(order: Shapes) -> int:
    """Count the numbers in matrices, the ones that weight decay shrinks."""
    return sum(math.prod(shape) for shape in order.values() if len(shape) == 2)


def learning_rate(step: int, *, steps: int, peak: float, warmup: int = 100, floor: float = 0.1) -> float:
    """Return the learning rate of a step: linear warm-up, then half a cosine down to floor · peak.

    Parameters
    ----------
    step : int, counted from 0
    steps : int, length of the whole run
    peak : float, largest learning rate
    warmup : int, steps until the peak
    floor : float, last learning rate, as a share of the peak

    Returns
    -------
    float, A pure function of its arguments, so a resumed run continues exactly

    Examples
    --------
    >>> learning_rate(49, steps=1000, peak=2.0)
    1.0
    >>> round(learning_rate(1000, steps=1000, peak=2.0), 6)
    0.2
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    return peak * (floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * progress)))


def clip_by_norm(grad: np.ndarray, limit: float) -> float:
    """Scale a gradient in place so that its length is at most `limit`; return its length before that."""
    norm = float(np.sqrt(np.vdot(grad, grad)))
    if norm > limit:
        grad *= limit / norm
    return norm


@dataclass
class AdamW:
    """The moments of AdamW, which update a flat vector in place (Loshchilov and Hutter, 2019)."""

    n: int  # numbers in the vector
    n_decayed: int  # of which weight decay shrinks the first
    betas: tuple[float, float] = (0.9, 0.95)  # decay of the first and second moment
    weight_decay: float = 0.1  # decoupled
    eps: float = 1e-8  # the guard in the denominator
    count: int = 0  # updates so far
    first: np.ndarray = field(init=False)
    second: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.first = np.zeros(self.n, np.float32)
        self.second = np.zeros(self.n, np.float32)

    def update(self, flat: np.ndarray, grad: np.ndarray, lr: float) -> None:
        """Move `flat` one step against the gradient.

        Parameters
        ----------
        flat, grad : (n,) float32 arrays, parameters, changed in place, and their gradient, used up as scratch memory
        lr : float, learning rate of this step
        """
        self.count += 1
        # decay is apart from the gradient ("decoupled"): θ ← (1 − lr · λ) θ
        flat[: self.n_decayed] *= 1.0 - lr * self.weight_decay
        for start in range(0, self.n, CHUNK):
            part = slice(start, start + CHUNK)
            self._update_chunk(flat[part], grad[part], self.first[part], self.second[part], lr=lr)

    def _update_chunk(
        self, flat: np.ndarray, grad: np.ndarray, first: np.ndarray, second: np.ndarray, *, lr: float
    ) -> None:
        """Apply m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², θ ← θ − lr · m̂ / (√v̂ + ε)."""
        beta1, beta2 = self.betas
        # m ← β₁m + (1−β₁)g
        first *= beta1
        first += grad * (1.0 - beta1)
        # v ← β₂v + (1−β₂)g², in the gradient's memory, which is not needed again
        grad *= grad
        grad *= 1.0 - beta2
        second *= beta2
        second += grad
        # √v̂ + ε, then θ ← θ − lr · m̂ / that; the hats correct for the moments' start at zero
        np.sqrt(second, out=grad)
        grad *= (1.0 - beta2**self.count) ** -0.5
        grad += self.eps
        np.divide(first, grad, out=grad)
        grad *= lr / (1.0 - beta1**self.count)
        flat -= grad
