"""Known mistakes about a token that is drafted, tested and corrected."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from specsample.acceptance import residual
from specsample.conformance.laws.open_round import ratio
from specsample.conformance.laws.wrong_rules import normalised
from specsample.distributions import Array, pick
from specsample.exercises.exercise import Mistake
from specsample.exercises.wrong_tests import excess


def sampler(
    accept: Callable[..., Any], correct: Callable[..., Array], u_emit: int = 2, u_test: int = 1
) -> Callable[..., int]:
    """Make a sampler of one token: draft, test, keep or correct.

    It keeps x with `accept` of p(x) and q(x), and else draws from `correct` of p and q with uniform number `u_emit`.
    """

    def emit(p: Array, q: Array, tape: Any) -> int:
        u = tape.random(3)  # to draft, to test, to correct
        x = pick(q, u[0])
        return x if u[u_test] < accept(p[x], q[x]) else pick(correct(p, q), u[u_emit])

    return emit


def _until_kept(p: Array, q: Array, tape: Any) -> int:
    """Draft until a draft is kept."""
    while True:
        u = tape.random(2)
        x = pick(q, u[0])
        if u[1] < ratio(p[x], q[x]):
            return x


def _at_equality(p: Array, q: Array, tape: Any) -> int:
    """Keep a draft where u = p/q too."""
    u = tape.random(3)
    x = pick(q, u[0])
    return x if u[1] <= ratio(p[x], q[x]) else pick(residual(p, q), u[2])


def _turned(compare: Callable[[Any, Any], Any]) -> Callable[..., int]:
    """Make a sampler that keeps a draft where it is to be refused."""

    def emit(p: Array, q: Array, tape: Any) -> int:
        u = tape.random(3)
        x = pick(q, u[0])
        return x if compare(u[1], ratio(p[x], q[x])) else pick(residual(p, q), u[2])

    return emit


def _from_p(p: Array, q: Array, tape: Any) -> int:
    """Draft from p and test as if it had been q."""
    u = tape.random(3)
    x = pick(p, u[0])
    return x if q[x] == 0 or u[1] < ratio(p[x], q[x]) else pick(residual(p, q), u[2])


def _without_refused(p: Array, q: Array, tape: Any) -> int:
    """Replace a refused draft by any other token of p."""
    u = tape.random(3)
    x = pick(q, u[0])
    if u[1] < ratio(p[x], q[x]):
        return x
    return pick(normalised(np.where(np.arange(len(p)) == x, 0 * p, p)), u[2])


def _greedy(p: Array, q: Array, tape: Any) -> int:
    """Draft the likeliest token."""
    u = tape.random(3)
    x = int(np.argmax(q))
    return x if u[1] < ratio(p[x], q[x]) else pick(residual(p, q), u[2])


def _loose(probs: Array, u: Any) -> int:
    """Pick with <= for <."""
    return int(np.argmax(u <= probs.cumsum()))


def _with_loose(which: int) -> Callable[..., int]:
    """Make a sampler that picks its draft (0), its correction (1) or both (2) with <= for <."""

    def emit(p: Array, q: Array, tape: Any) -> int:
        u = tape.random(3)
        x = pick(q, u[0]) if which == 1 else _loose(q, u[0])
        is_kept = u[1] < min(1, p[x] / q[x])
        return x if is_kept else (pick if which == 0 else _loose)(residual(p, q), u[2])

    return emit


UNENDING = "drafts are drawn again until one is kept: rejection sampling with M = 1, whose law is min(p, q)/β"
NOT_BELOW = ("u <= stands where u < must: a token of probability 0 comes out at u = 0", "Try u = 0 where p(x) = 0.")
SAMPLER = (
    Mistake(
        UNENDING,
        "Which tokens does q draft too rarely, and who makes up for them? No second draft: something is drawn once.",
        _until_kept,
    ),
    Mistake(
        "the token is the same whatever q is: nothing is drafted, or the draft makes no difference",
        "The right law, at the price of the target alone. Where does your function keep what q drafted?",
        lambda p, q, tape: pick(p, tape.random(1)[0]),
    ),
    Mistake(*NOT_BELOW, _at_equality),
    *(Mistake(*NOT_BELOW, _with_loose(which)) for which in range(3)),
    Mistake(
        "the replacement is drawn from p without the refused token (M04)",
        "Other tokens have had part of their share by being kept, too.",
        _without_refused,
    ),
    *(
        Mistake(
            "a draft is kept where it is to be refused", "Which way does the comparison with u point?", _turned(by)
        )
        for by in (operator.gt, operator.ge)
    ),
    Mistake("the draft is drawn from p", "Who drafts: the small model or the large one?", _from_p),
    Mistake(
        "the draft is the likeliest token of q, and the test uses q (M05)",
        "How often should the likeliest token be drafted?",
        _greedy,
    ),
    Mistake(
        "the replacement is drawn from q",
        "q has had its turn. Which tokens are missing?",
        sampler(ratio, lambda p, q: q),
    ),
    Mistake(
        "one uniform number both draws the draft and tests it",
        "What do you know about u once it has picked x? Is it still uniform on [0, 1)?",
        sampler(ratio, residual, u_test=0),
    ),
    Mistake(
        "one uniform number both draws the draft and its replacement",
        "What do you know about u once it has picked x? Is it still uniform on [0, 1)?",
        sampler(ratio, residual, u_emit=0),
    ),
    Mistake(
        "the replacement is drawn from abs(p - q) (M02)",
        "Tokens of which there are too many already would come back.",
        sampler(ratio, lambda p, q: normalised(abs(p - q)) if (p != q).any() else p),
    ),
    Mistake(
        "the replacement is drawn from max(0, p - q), not normalised",
        "What do the numbers sum to from which you pick?",
        sampler(ratio, lambda p, q: excess(p, q)),
    ),
    Mistake(
        "the replacement is the likeliest token of the residual (M29)",
        "A replacement is drawn like any other token.",
        sampler(ratio, lambda p, q: np.eye(len(p), dtype=int)[np.argmax(residual(p, q))]),
    ),
    Mistake(
        "the replacement is the likeliest token of p",
        "A replacement is drawn, and p is not what is missing.",
        sampler(ratio, lambda p, q: np.eye(len(p), dtype=int)[np.argmax(p)]),
    ),
    Mistake(
        "a draft is kept if p > q, with no random number (M11)",
        "A token that the draft likes a little too much should still come up sometimes.",
        sampler(lambda a, b: int(a > b), residual),
    ),
    Mistake(
        "no draft is ever kept",
        "Which of your numbers tests the draft, and against what?",
        sampler(lambda a, b: 0, residual),
    ),
    Mistake(
        "a draft is kept if p >= q, with no random number (M11)",
        "A token that the draft likes a little too much should still come up sometimes.",
        sampler(lambda a, b: int(a >= b), residual),
    ),
    Mistake(
        "drafts are kept with probability p (M12)",
        "x was drawn from q, so it comes out with q(x) times your test. Is that as much as p(x) allows?",
        sampler(lambda a, b: a, residual),
    ),
)
