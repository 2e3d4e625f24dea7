"""What is asked in notebook 02, rejection sampling?"""

from typing import Any

from specsample.acceptance import accept_probability, overlap, residual
from specsample.conformance.laws.exact import exact_law
from specsample.distributions import Array, pick
from specsample.exercises.exercise import Case, Exercise, Mistake, call, one_question, take
from specsample.exercises.tables import pairs, row
from specsample.theory import classic_acceptance

P, Q = row(3, 2), row(1, 4)  # not the pair that notebook 02 draws and works out


def _bound(p: Array, q: Array) -> Any:
    """The smallest M with p <= M q."""
    return 1 / classic_acceptance(p, q)


def _coupling(p: Array, q: Array, tape: Any) -> tuple[int, int]:
    """Draw x from q and y from p, equal as often as they can be."""
    u = tape.random(3)
    x = pick(q, u[0])
    return x, x if u[1] < accept_probability(p[x : x + 1], q[x : x + 1])[0] else pick(residual(p, q), u[2])


def agreement(answer: Any, case: Case) -> dict[str, Any]:
    """Sum up the exact law of a pair (x, y): that of x, that of y, and how often they are equal.

    Parameters
    ----------
    answer : function of p, q and a tape
    case : Case
    """
    law, summary = exact_law(lambda tape: tuple(map(int, answer(*case.arguments, tape)))), dict[str, Any]()
    for (x, y), mass in law.items():
        for event in (f"x = {x}", f"y = {y}", *["x = y"] * (x == y)):
            summary[event] = summary.get(event, 0) + mass
    return summary


def _independent(p: Array, q: Array, tape: Any) -> tuple[int, int]:
    """Draw both on their own."""
    u = tape.random(2)
    return pick(q, u[0]), pick(p, u[1])


def _same_number(p: Array, q: Array, tape: Any) -> tuple[int, int]:
    """Draw both with one uniform number."""
    u = tape.random(1)
    return pick(q, u[0]), pick(p, u[0])


def _redrawn(p: Array, q: Array, tape: Any) -> tuple[int, int]:
    """Replace a refused x by a draw from p."""
    u = tape.random(3)
    x = pick(q, u[0])
    return x, x if u[1] < accept_probability(p[x : x + 1], q[x : x + 1])[0] else pick(p, u[2])


EXERCISES = (
    Exercise(
        "02.1",
        "implement",
        "the smallest M with p <= M q everywhere",
        _bound,
        lambda seed: pairs(seed, covered=True),
        call,
        (
            Mistake(
                "the ratio is q / p",
                "M q is to lie above p. Which of the two is divided by the other?",
                lambda p, q: max(b / a for a, b in zip(p, q) if a > 0),
            ),
            Mistake(
                "the peaks are compared, and not the values at one token",
                "The envelope must cover p at every token.",
                lambda p, q: max(p) / max(q),
            ),
            Mistake(
                "M is the acceptance rate and not its inverse",
                "M is at least 1, for both rows sum to 1.",
                classic_acceptance,
            ),
        ),
    ),
    Exercise(
        "02.2",
        "predict",
        "how often (envelope, speculative rule) keeps a draft, for p = (3/5, 2/5) and q = (1/5, 4/5)",
        (classic_acceptance(P, Q), overlap(P, Q)),
        one_question,
        take,
        (
            Mistake("M itself is given", "A probability is at most 1.", (_bound(P, Q), overlap(P, Q))),
            Mistake(
                "the two are swapped",
                "Which of them may replace a refused draft, and so can afford to refuse less?",
                (overlap(P, Q), classic_acceptance(P, Q)),
            ),
            Mistake(
                "the distance is given and not the overlap",
                "How much mass do the two bars share?",
                (classic_acceptance(P, Q), 1 - overlap(P, Q)),
            ),
        ),
    ),
    Exercise(
        "02.3",
        "implement",
        "x from q and y from p, equal as often as possible",
        _coupling,
        pairs,
        agreement,
        (
            Mistake(
                "x and y are drawn independently",
                "Both laws are right. Could they be equal more often? y may look at x.",
                _independent,
            ),
            Mistake(
                "one uniform number is shared by both inverse CDFs",
                "Both laws are right, but tokens move along: what if q has its mass on the first tokens?",
                _same_number,
            ),
            Mistake(
                "a refused x is replaced by a draw from p",
                "Which tokens have got their share already, by being kept?",
                _redrawn,
            ),
        ),
        passes=(1, 1),
    ),
)
