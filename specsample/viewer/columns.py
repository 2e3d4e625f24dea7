"""The columns of a picture of p against q.

All tokens of a small vocabulary, else the largest and the rest. The numbers are the recorded rows and what
`acceptance` makes of them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from specsample.acceptance import overlap, residual
from specsample.distributions import Array

WHOLE = 12  # a vocabulary of up to 12 is shown whole, in its own order
TOP = 11  # of a larger one the heaviest, and a column for the rest


def columns(p: Array, q: Array | None, *, tokens: Sequence[int], is_end: bool = False) -> dict[str, Any]:
    """Describe one position for the viewer.

    Parameters
    ----------
    p : (V,) array, the target's distribution
    q : (V,) array, the draft's, or None after the last draft
    tokens : token ids that must have a column, the draft first if there is one
    is_end : bool, the round ended here: add the distribution that its last token was picked from

    Returns
    -------
    dict of lists, one entry a column: token (-1 is the rest), p, q, both = min(p, q), the residual r and r_from,
    where on the line from 0 to 1 the stretch of u begins that picks the token; beta, the overlap; and `drafted`, the
    columns to show while only q is known, chosen and ordered by q alone: token, q, q_from
    """
    none = np.zeros_like(p)
    kept = _kept(np.maximum(p, none if q is None else q), tokens)
    shown: dict[str, Any] = {"token": [*kept, -1] if len(kept) < len(p) else kept}
    shown["p"] = _with_rest(p, kept)
    # where something was drafted: q, what both share, and q by itself, whose order must not tell p
    if q is not None:
        shown["q"] = _with_rest(q, kept)
        shown["both"] = _with_rest(np.minimum(p, q), kept)
        shown["drafted"] = _drafted(q, tokens[:1])
        shown["beta"] = float(overlap(p, q))
    # where the round ended: the residual, which is p itself after the last draft, for q is 0 there
    if is_end:
        r = residual(p, none if q is None else q)
        shown["r"] = _with_rest(r, kept)
        shown["r_from"] = _starts(r, kept)
        shown["excess"] = 1.0 if q is None else float(np.maximum(p - q, 0).sum())
    return shown


def _drafted(q: Array, draft: Sequence[int]) -> dict[str, Any]:
    """Describe q by itself: its own columns, and where on the line from 0 to 1 its tokens lie."""
    kept = _kept(q, draft)
    rest = [-1] if len(kept) < len(q) else []
    return {"token": [*kept, *rest], "q": _with_rest(q, kept), "q_from": _starts(q, kept)}


def _kept(weight: Array, tokens: Sequence[int]) -> list[int]:
    """Choose the columns: everything, or the heaviest with the tokens that must be there, the heaviest first."""
    if len(weight) <= WHOLE:
        return list(range(len(weight)))
    wanted = list(dict.fromkeys(tokens))  # each once, in their order
    order = np.argsort(-weight, kind="stable").tolist()
    # the tokens that must be there take room from the heaviest
    heaviest = [token for token in order[:TOP] if token not in wanted]
    chosen = {*wanted, *heaviest[: max(TOP - len(wanted), 0)]}
    return [token for token in order if token in chosen]


def _with_rest(row: Array, kept: list[int]) -> list[float]:
    """Take the entries of the columns, and the sum of all others."""
    rest = [float(np.delete(row, kept).sum())] if len(kept) < len(row) else []
    return [_short(value) for value in [*row[kept].tolist(), *rest]]


def _starts(row: Array, kept: list[int]) -> list[float]:
    """Find for each column the least uniform number that picks its token by inverse CDF."""
    starts = np.cumsum(row) - row
    return [_short(starts[token]) for token in kept]


def _short(value: float) -> float:
    """Keep six significant digits, which is more than a picture shows."""
    return float(f"{value:.6g}")
