"""The exact law of a sampler, and of its target.

What is the law of a sampler's output? Run it once for every way its comparisons can turn out. A path through the
forks of the lazy uniforms has probability Π (hi - lo), and the paths that end in one outcome sum to its probability:
in exact fractions, for the function that users call, with its caches, its stopping and its rounding.
"""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from specsample.conformance.laws.lazy import Comparison, LazyTape
from specsample.language_model import LanguageModel
from specsample.strategies import Transform

Law = dict[Any, Any]  # outcome -> probability, Fraction or float


def exact_law(function: Callable[[Any], Hashable], *, max_paths: int = 100_000) -> Law:
    """Compute the probability of every outcome of a function of uniform random numbers.

    P(outcome) = Σ over the paths that end in it of Π (hi - lo).

    Parameters
    ----------
    function : maps a tape (an object with `random(n)`, as a NumPy Generator has) to a hashable outcome
    max_paths : int >= 1, runs of the function

    Returns
    -------
    dict from outcome to probability; Fraction, or float if the function compared a uniform with a float

    Raises
    ------
    ValueError
        If there are more than max_paths paths, or the function depends on anything but the tape or does not end.
    TypeError
        If an outcome is not hashable or a uniform is used for anything but a comparison.

    Examples
    --------
    >>> exact_law(lambda tape: sum(int(u < Fraction(1, 3)) for u in tape.random(2)))
    {2: Fraction(1, 9), 1: Fraction(4, 9), 0: Fraction(4, 9)}
    """
    law: Law = {}
    path: list[Comparison] = []
    is_exact = True
    # each run takes one path; the next one turns off at the last fork that has a side left
    for _ in range(max_paths):
        tape = LazyTape(path)
        outcome = _check_outcome(function(tape))
        law[outcome] = law.get(outcome, 0) + tape.probability()
        path = tape.next_path()
        is_exact = is_exact and tape.is_exact
        if not path:  # all of them have been taken, and their probabilities sum to 1
            return law if is_exact else {outcome: float(mass) for outcome, mass in law.items()}
    raise ValueError(
        f"function must have at most max_paths = {max_paths} paths; those tried cover {float(sum(law.values())):.6f} "
        "of the probability. Ask for fewer tokens or drafts, or raise max_paths."
    )


def target_law(
    model: LanguageModel,
    prompt: Sequence[int],
    n: int,
    *,
    transform: Transform | None = None,
    stop: Collection[int] = (),
) -> Law:
    """Multiply a model's own probabilities out: the law that any lossless sampler must have.

    P(x_1, ..., x_n) = Π_i p(x_i | prompt, x_1, ..., x_{i-1}); a text ends early after a stop token.

    Parameters
    ----------
    model : LanguageModel
    prompt : sequence of int, token ids, at least one
    n : int >= 0, tokens
    transform : decoding strategy, a map from distributions to distributions, or None
    stop : token ids that end the text

    Returns
    -------
    dict from tuple of tokens to probability, without the impossible ones; Fraction where the model has fractions

    Examples
    --------
    >>> import numpy as np
    >>> from specsample.language_model import TableModel
    >>> half = Fraction(1, 2)
    >>> target_law(TableModel(np.array([[half, half], [1, 0]])), [0], 2)
    {(0, 0): Fraction(1, 4), (0, 1): Fraction(1, 4), (1, 0): Fraction(1, 2)}
    """
    law: Law = {}

    # a tree: every text has a child for each token that may follow it, and an impossible token has none
    def grow(text: tuple[int, ...], mass: Any) -> None:
        if len(text) == n or (text and text[-1] in stop):
            law[text] = mass
            return
        # read anew each time: nothing is shared with the caches and rollbacks that are judged by this law
        row = model.start().extend([*prompt, *text])[-1]
        p = row if transform is None else transform(row)
        for x, p_x in enumerate(p.tolist()):
            if p_x > 0:
                grow((*text, x), mass * p_x)

    grow((), Fraction(1))
    return law


def total_variation(a: Mapping[Any, Any], b: Mapping[Any, Any]) -> Any:
    """Compute how far two laws are apart: the largest difference in the probability of any event.

    `TV(a, b) = 1/2 Σ_x |a(x) - b(x)|`.

    Parameters
    ----------
    a, b : dict from outcome to probability

    Returns
    -------
    number in [0, 1]; a Fraction where both laws are exact

    Examples
    --------
    >>> total_variation({"x": Fraction(1)}, {"x": Fraction(1, 3), "y": Fraction(2, 3)})
    Fraction(2, 3)
    """
    return Fraction(1, 2) * sum(abs(a.get(x, 0) - b.get(x, 0)) for x in {**a, **b})


def explain(a: Mapping[Any, Any], b: Mapping[Any, Any], n: int = 5) -> str:
    """Show the outcomes on which two laws differ most.

    Parameters: as for `conformance.laws.exact.total_variation`.

    Parameters
    ----------
    n : int, outcomes to show

    Returns
    -------
    str, a table of outcome, a, b and a - b below the total variation

    Examples
    --------
    >>> print(explain({"x": Fraction(1)}, {"x": Fraction(1, 3), "y": Fraction(2, 3)}))
    total variation 2/3, over 2 outcomes
    outcome  a    b  a - b
        'x'  1  1/3    2/3
        'y'  0  2/3   -2/3
    """
    gaps = {x: a.get(x, 0) - b.get(x, 0) for x in {**a, **b}}
    worst = [x for x in sorted(gaps, key=lambda x: -abs(gaps[x])) if gaps[x] != 0][:n]
    # a table of text, right-aligned by columns
    rows: list[tuple[str, ...]] = [("outcome", "a", "b", "a - b")]
    for x in worst:
        masses = (a.get(x, 0), b.get(x, 0), gaps[x])
        rows.append((repr(x), *(_text(mass) for mass in masses)))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([f"total variation {_text(total_variation(a, b))}, over {len(gaps)} outcomes", *lines])


def _text(mass: Any) -> str:
    """Write a fraction as one, a float to six digits."""
    return f"{mass:.6g}" if isinstance(mass, float) else str(mass)


def _check_outcome(outcome: Any) -> Any:
    """Refuse an outcome that cannot be a key."""
    try:
        hash(outcome)
    except TypeError:
        raise TypeError(
            f"function must return something hashable, such as a tuple of tokens; got {type(outcome).__name__}. "
            "Wrap it: tuple(tokens)."
        ) from None
    return outcome
