"""Temperature, top-k, top-p, min-p, typical and greedy decoding.

Which distribution is really sampled from? A strategy maps (..., V) distributions to (..., V) distributions, so any of
them composes with any model, on the target's side and on the draft's.
"""

from collections.abc import Callable
from functools import reduce
from numbers import Real

import numpy as np
from array_api_compat import array_namespace, device

from specsample.distributions import Array, widen
from specsample.distributions import Transform as Transform

HEAD = 1024  # rows longer than this are cut before they are sorted


def greedy(probs: Array) -> Array:
    """Put all mass on the most likely token (the lowest id among equals).

    Greedy decoding is sampling from a one-hot distribution (Leviathan et al., section 2.2), not a branch.

    Parameters
    ----------
    probs : (..., V) array, rows sum to 1

    Returns
    -------
    (..., V) array, one-hot rows

    Examples
    --------
    >>> greedy(np.array([0.25, 0.75]))
    array([0., 1.])
    """
    probs = widen(probs)
    xp = array_namespace(probs)
    ids = xp.arange(probs.shape[-1], device=device(probs))
    return _keep(probs, ids == xp.argmax(probs, axis=-1, keepdims=True))


def temperature(T: float) -> Transform:
    """Make the map p -> p^(1/T), normalised.

    Softmax of logits / T equals p^(1/T) normalised (Leviathan et al., section 2.2); zeros stay zero.

    Parameters
    ----------
    T : float >= 0, no unit; 1 changes nothing and 0 is `greedy`

    Returns
    -------
    Transform, (..., V) distributions to (..., V) distributions

    Raises
    ------
    ValueError
        If T is negative or not finite.

    Examples
    --------
    >>> temperature(0.5)(np.array([0.25, 0.75])).round(3)
    array([0.1, 0.9])
    """
    _check_number("temperature", T)
    if not 0 <= T < np.inf:
        raise ValueError(f"temperature must be a finite number >= 0; got {T}. Greedy decoding is temperature 0.")
    if T == 0:
        return greedy
    if T == 1:
        return lambda probs: probs
    # nothing is colder than 1e-30, and 1/T must stay finite
    exponent = float(1 / max(T, 1e-30))
    return lambda probs: _power(probs, exponent)


def top_k(k: int) -> Transform:
    """Make the map that keeps the k most likely tokens (ties go to the lowest ids).

    Parameters
    ----------
    k : int >= 1, tokens

    Returns: as for `strategies.temperature`.

    Raises
    ------
    ValueError
        If k is no integer >= 1.

    Examples
    --------
    >>> top_k(2)(np.array([0.25, 0.25, 0.5]))
    array([0.33333333, 0.        , 0.66666667])
    """
    _check_number("top_k", k)
    if k < 1 or k != int(k):
        raise ValueError(f"top_k must be an integer >= 1; got {k}. Leave it out to keep every token.")
    return lambda probs: _keep_first(probs, k)


def top_p(mass: float) -> Transform:
    """Make the map that keeps the smallest set of most likely tokens holding at least `mass` (nucleus sampling).

    Parameters
    ----------
    mass : number in (0, 1]; ValueError outside

    Returns: as for `strategies.temperature`.

    Examples
    --------
    >>> top_p(0.75)(np.array([0.125, 0.25, 0.625])).round(3)
    array([0.   , 0.286, 0.714])
    """
    _check_mass("top_p", mass)
    return lambda probs: _keep_mass(probs, -widen(probs), mass)


def min_p(ratio: float) -> Transform:
    """Make the map that keeps tokens at least `ratio` times as likely as the most likely one.

    Parameters
    ----------
    ratio : number in (0, 1]; ValueError outside

    Returns: as for `strategies.temperature`.

    Examples
    --------
    >>> min_p(0.5)(np.array([0.125, 0.25, 0.625]))
    array([0., 0., 1.])
    """
    _check_mass("min_p", ratio)

    def keep_likely(probs: Array) -> Array:
        probs = widen(probs)
        xp = array_namespace(probs)
        return _keep(probs, probs >= ratio * xp.max(probs, axis=-1, keepdims=True))

    return keep_likely


def typical(mass: float) -> Transform:
    """Make the map that keeps the tokens whose surprise is closest to the entropy, until they hold `mass`.

    Locally typical sampling: rank by `|-log p(x) - H(p)|` (Meister et al., arXiv 2202.00666, Eq. 8). On
    fractions the entropies are floats, but they only rank tokens: the result stays exact.

    Parameters
    ----------
    mass : number in (0, 1]; ValueError outside

    Returns: as for `strategies.temperature`.

    Examples
    --------
    >>> typical(0.4)(np.array([0.5, 0.2, 0.2, 0.1]))
    array([0. , 0.5, 0.5, 0. ])
    """
    _check_mass("typical_p", mass)

    def keep_typical(probs: Array) -> Array:
        probs = widen(probs)
        xp = array_namespace(probs)
        # logarithms of fractions are floats; they rank the tokens and never become probabilities
        floats = probs.astype(float) if probs.dtype == object else probs
        possible = floats > 0
        surprise = -xp.log(xp.where(possible, floats, xp.ones_like(floats)))  # 0 log 0 = 0
        entropy = xp.sum(floats * surprise, axis=-1, keepdims=True)
        distance = xp.where(possible, xp.abs(surprise - entropy), xp.full_like(floats, np.inf))
        return _keep_mass(probs, distance, mass)

    return keep_typical


def decoding_strategy(
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    typical_p: float | None = None,
) -> Transform:
    """Compose the strategies that are given, in this order: temperature, top-k, top-p, min-p, typical.

    Parameters
    ----------
    temperature : float >= 0; 0 is greedy
    top_k : int >= 1 or None
    top_p : number in (0, 1] or None
    min_p : number in (0, 1] or None
    typical_p : number in (0, 1] or None

    Returns: as for `strategies.temperature`.

    Raises
    ------
    ValueError
        If a number lies outside its range.

    Examples
    --------
    >>> decoding_strategy(temperature=0.5, top_k=1)(np.array([0.25, 0.75]))
    array([0., 1.])
    """
    given: list[tuple[Callable[..., Transform], float | None]]
    given = [(_top_k, top_k), (_top_p, top_p), (_min_p, min_p), (typical, typical_p)]
    transforms = [_temperature(temperature)]
    transforms += [make(value) for make, value in given if value is not None]
    # each strategy sees what the ones before it have left
    return lambda probs: reduce(lambda row, transform: transform(row), transforms, probs)


# `decoding_strategy` has arguments of the same names
_temperature, _top_k, _top_p, _min_p = temperature, top_k, top_p, min_p


def _power(probs: Array, exponent: float) -> Array:
    """p^exponent, normalised, in log space; zeros stay zero."""
    if probs.dtype == object:
        raise TypeError("temperature needs floats: p^(1/T) of a fraction is not a fraction. Use temperature 0 or 1.")
    probs = widen(probs)
    xp = array_namespace(probs)
    # relative to the largest, so that no power underflows everywhere
    scaled = xp.where(probs > 0, probs / xp.max(probs, axis=-1, keepdims=True), xp.ones_like(probs))
    weights = xp.where(probs > 0, xp.exp(xp.log(scaled) * exponent), xp.zeros_like(probs))
    return weights / xp.sum(weights, axis=-1, keepdims=True)


def _keep(probs: Array, mask: Array) -> Array:
    """Set the probabilities outside the mask to zero and normalise the others."""
    xp = array_namespace(probs)
    kept = xp.where(mask, probs, xp.zeros_like(probs))
    return kept / xp.sum(kept, axis=-1, keepdims=True)


def _keep_first(probs: Array, k: int) -> Array:
    """Keep the k most likely tokens of each row; ties go to the lowest ids."""
    probs = widen(probs)
    key = -probs
    xp = array_namespace(probs)
    k = min(int(k), key.shape[-1])
    # to find the k-th key takes no sorting, but the array-API standard has no partition
    ordered = np.partition(key, k - 1, axis=-1) if isinstance(key, np.ndarray) else xp.sort(key, axis=-1)
    kth = ordered[..., k - 1 : k]
    # all that are more likely than it are kept; those as likely as it fill the room that is left, from the lowest id
    is_before = key < kth
    is_tie = key == kth
    room = k - xp.sum(xp.astype(is_before, xp.int64), axis=-1, keepdims=True)
    is_first_tie = xp.cumulative_sum(xp.astype(is_tie, xp.int64), axis=-1) <= room
    return _keep(probs, xp.logical_or(is_before, xp.logical_and(is_tie, is_first_tie)))


def _keep_mass(probs: Array, key: Array, mass: float) -> Array:
    """Keep the tokens of smallest key, in that order, until they hold the mass."""
    if mass == 1:
        return probs
    probs = widen(probs)
    # a token is kept while the mass before it is too small; a sum that only rounding keeps below `mass` is enough
    eps = 0 if probs.dtype == object else float(array_namespace(probs).finfo(probs.dtype).eps)
    enough = mass * (1 - 16 * eps)
    if probs.shape[-1] <= HEAD or not isinstance(probs, np.ndarray):
        return _keep(probs, _is_within(probs, key, enough))
    # a large vocabulary, on the host: row by row, for each row is cut elsewhere
    mask = np.zeros(probs.shape, bool)
    for row in np.ndindex(probs.shape[:-1]):
        mask[row] = _is_within_long(probs[row], key[row], enough, eps)
    return _keep(probs, mask)


def _is_within(probs: Array, key: Array, enough: float) -> Array:
    """Mark the tokens before which, in the order of their keys (ties: of their ids), there is less than enough."""
    xp = array_namespace(probs)
    order = xp.argsort(key, axis=-1, stable=True)
    ranked = xp.take_along_axis(probs, order, axis=-1)
    is_kept = xp.cumulative_sum(ranked, axis=-1) - ranked < enough
    # back from ranks to ids: the inverse of a sorting permutation is the rank of each token
    return xp.take_along_axis(is_kept, xp.argsort(order, axis=-1), axis=-1)


def _is_within_long(probs: Array, key: Array, enough: float, eps: float) -> Array:
    """Do what `_is_within` does for one long row, and sort no more of it than is needed.

    The sums over a head of the order are the same numbers, bit for bit, whether or not a tail is sorted after it.
    Once they are above `enough` by more than one sum and one difference can round away, no token of the tail is kept.
    """
    V = len(probs)
    for n in (HEAD, 8 * HEAD, V):
        # zeros change no sum and stay zero, kept or not
        is_head = probs > 0
        # the n tokens of smallest key, and all that tie with the last: no token outside stands before one inside
        if n < V:
            is_head &= key <= np.partition(key, n - 1)[n - 1]
        head = probs[is_head]
        # added in another order this may round differently: here it only says whether sorting is worth while
        if n < V and head.sum() < enough:
            continue
        order = _stable_order(key[is_head])
        ranked = head[order]
        sums = np.cumsum(ranked)
        if n >= V or sums[-1] >= enough + 4 * eps:
            break
    # back from ranks to the head's tokens, and from those to ids
    is_kept = np.empty(len(head), bool)
    is_kept[order] = sums - ranked < enough
    mask = np.zeros(V, bool)
    mask[is_head] = is_kept
    return mask


def _stable_order(key: Array) -> Array:
    """Sort as argsort(kind="stable") does, in half the time: ties are put in order after the others."""
    order = np.argsort(key)
    ordered = key[order]
    # few keys are tied: equal to the next one or to the last one
    is_tie = ordered[1:] == ordered[:-1]
    with_next = np.append(is_tie, False)
    with_last = np.append(False, is_tie)
    tied = np.flatnonzero(with_next | with_last)
    # lowest ids first, run by run: a pair (run, id) as one integer can be sorted by value, which is fast
    run = np.cumsum(~with_last[tied])
    order[tied] = np.sort(run * len(key) + order[tied]) % len(key)
    return order


def _check_number(name: str, value: float) -> None:
    """Refuse what is no number, above all the rows that a strategy without its number was called with."""
    if not isinstance(value, Real):
        got = type(value).__name__
        raise TypeError(f"{name} must be a number; got {got}. Was the strategy handed on without its number?")


def _check_mass(name: str, mass: float) -> None:
    """Refuse a probability outside (0, 1]."""
    _check_number(name, mass)
    if not 0 < mass <= 1:
        raise ValueError(f"{name} must lie in (0, 1]; got {mass}. 1 keeps every token; 0 would keep none.")
