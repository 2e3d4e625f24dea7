"""The widget of speed: what acceptance, costs and K make of it."""

from specsample.theory import best_K, expected_tokens, speedup
from specsample.viewer.origins import COLORS
from specsample.viewer.widgets.widget import Widget

MAX_K = 20


def speed(alpha: float = 0.8, cost_ratio: float = 0.1, *, K: int = 5, row_cost: float = 0.0) -> Widget:
    """Show tokens a pass and speed-up for every K up to 20, with a mark at the best one.

    Parameters
    ----------
    alpha : float in [0, 1], acceptance rate at which the slider begins
    cost_ratio : float in [0, 1], c, the time of a draft pass over the time of a target pass with one row
    K : int in 0 .. 20, drafts a round
    row_cost : float in [0, 0.5], what each further row of a target pass costs: verify_ratio = 1 + row_cost · K

    Returns
    -------
    Widget

    Raises
    ------
    ValueError
        If a number lies outside its range.

    Examples
    --------
    >>> speed(0.8, 0.1, K=5)
    How many drafts a round: 5 drafts give 3.69 tokens a pass and a speed-up of 2.46; the best K is 6, with 2.47.
    """
    if not (0 <= cost_ratio <= 1 and 0 <= row_cost <= 0.5 and 0 <= K <= MAX_K):
        raise ValueError(
            f"cost_ratio must lie in [0, 1], row_cost in [0, 0.5] and K in 0 .. {MAX_K}; "
            f"got {cost_ratio}, {row_cost}, {K}. Is a cost given in milliseconds?"
        )
    # theorem 3.8 for every K, with rho = 1 + row_cost K
    fast = [float(speedup(alpha, k, cost_ratio, 1 + row_cost * k)) for k in range(MAX_K + 1)]
    best = best_K(alpha, cost_ratio, lambda k: 1 + row_cost * k, max_K=MAX_K)
    given = f"{K} draft{'s' * (K != 1)} give{'s' * (K == 1)} {expected_tokens(alpha, K):.2f} tokens a pass"
    return Widget(
        "speed",
        "How many drafts a round",
        "Bars: speed-up at each K, theorem 3.8 of Leviathan et al. Circles: tokens a target pass, equation 1.",
        {"max_K": MAX_K, "start": {"alpha": alpha, "c": cost_ratio, "row": row_cost, "K": K}},
        [(str(k), [(COLORS["accepted" if k == best else "discarded"], fast[k])]) for k in range(MAX_K + 1)],
        f"{given} and a speed-up of {fast[K]:.2f}; the best K is {best}, with {fast[best]:.2f}.",
    )
