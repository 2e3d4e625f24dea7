"""The exercises of notebook 02, rejection sampling."""

from typing import Any

from specsample.acceptance import accept_probability, overlap
from specsample.distributions import Array, pick
from specsample.exercises.exercise import Exercise, Mistake, one_question, take
from specsample.exercises.laws import UNREAD, agreement, at_zero
from specsample.exercises.tables import pairs, row
from specsample.theory import classic_acceptance
from specsample.theory.rejection import independent_coupling, maximal_coupling, quantile_coupling

# not the pair that notebook 02 draws and works out
P = row(3, 2)
Q = row(1, 4)


def _bound(p: Array, q: Array) -> Any:
    """The smallest M with p <= M q."""
    return 1 / classic_acceptance(p, q)


def _redrawn(p: Array, q: Array, tape: Any) -> tuple[int, int]:
    """Replace a refused x by a draw from p."""
    u = tape.random(3)
    x = pick(q, u[0])
    is_kept = u[1] < accept_probability(p[x : x + 1], q[x : x + 1])[0]
    return x, x if is_kept else pick(p, u[2])


def _copied(p: Array, q: Array, tape: Any) -> tuple[int, int]:
    """Say x twice."""
    x = pick(q, tape.random(1)[0])
    return x, x


def _until_kept(p: Array, q: Array, tape: Any) -> tuple[int, int]:
    """Draw x until it is kept, and say it twice."""
    while True:
        u = tape.random(2)
        x = pick(q, u[0])
        if u[1] < accept_probability(p[x : x + 1], q[x : x + 1])[0]:
            return x, x


def _one_number(p: Array, q: Array, tape: Any) -> tuple[int, int]:
    """Test x and draw what replaces it with the same number."""
    return maximal_coupling(p, q, tape.random(2)[[0, 1, 1]])


EXERCISES = (
    # the envelope of the classic method
    Exercise(
        id="02.1",
        kind="implement",
        title="the smallest M with p <= M q everywhere",
        key=_bound,
        cases=lambda seed: pairs(seed, covered=True),
        mistakes=(
            # this is the M of an envelope over q: M p >= q
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
            Mistake(
                "the smallest ratio is taken",
                "M q is to lie above p at every token. Which token needs the largest M?",
                lambda p, q: min(a / b for a, b in zip(p, q) if b > 0),
            ),
            Mistake(
                "the ratios are added up",
                "One M serves all tokens. Which of them needs the largest?",
                lambda p, q: sum(a / b for a, b in zip(p, q) if b > 0),
            ),
            Mistake(
                "a difference is taken: max(p - q)",
                "M multiplies q.",
                lambda p, q: max(p - q),
            ),
        ),
    ),
    # the step from that method to the speculative rule: a refused draft is replaced, so that fewer are refused
    Exercise(
        id="02.2",
        kind="predict",
        title="how often (envelope, speculative rule) keeps a draft, for p = (3/5, 2/5) and q = (1/5, 4/5)",
        key=(classic_acceptance(P, Q), overlap(P, Q)),
        cases=one_question,
        ask=take,
        mistakes=(
            Mistake("M itself is given", "A probability is at most 1.", (_bound(P, Q), overlap(P, Q))),
            # the overlap is never less than the envelope's rate: min(p, q) >= p min(q/p)
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
            Mistake(
                "the overlap is given for both",
                "The envelope keeps less: every draw must lie below p and below M q.",
                (overlap(P, Q), overlap(P, Q)),
            ),
            Mistake(
                "how often draws are refused is given",
                "Survive: kept, not refused.",
                (1 - classic_acceptance(P, Q), 1 - overlap(P, Q)),
            ),
        ),
    ),
    # the speculative rule before it has the name: a maximal coupling, judged by its exact law
    Exercise(
        id="02.3",
        kind="implement",
        title="x from q and y from p, equal as often as possible",
        key=lambda p, q, tape: maximal_coupling(p, q, tape.random(3)),
        cases=lambda seed: [*pairs(seed), *at_zero()],
        ask=agreement,
        mistakes=(
            Mistake(
                "x and y are drawn independently",
                "Both laws are right. Could they be equal more often? y may look at x.",
                lambda p, q, tape: independent_coupling(p, q, tape.random(2)),
            ),
            # a coupling too, but not a maximal one: how often it agrees depends on the order of the tokens
            Mistake(
                "one uniform number is shared by both inverse CDFs",
                "Both laws are right, but tokens move along: what if q has its mass on the first tokens?",
                lambda p, q, tape: quantile_coupling(p, q, tape.random(1)),
            ),
            # here y does not even follow p
            Mistake(
                "a refused x is replaced by a draw from p",
                "Which tokens have got their share already, by being kept?",
                _redrawn,
            ),
            Mistake("y is a copy of x", "Then y follows q.", _copied),
            Mistake(
                "x is drawn again until it is kept: rejection sampling with M = 1",
                "x is to follow q: drawn once, and never again. Let y do the rest.",
                _until_kept,
            ),
            Mistake(
                "one uniform number both refuses x and draws what replaces it",
                "What do you know about u once it has refused x?",
                _one_number,
            ),
            UNREAD,
        ),
        passes=(1, 1),
    ),
)
