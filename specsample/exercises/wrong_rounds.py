"""Known mistakes about a whole round, of notebook 04."""

from collections.abc import Callable
from typing import Any

import numpy as np

from specsample.acceptance import residual
from specsample.conformance.laws.open_round import Seen, ratio
from specsample.exercises.exercise import Mistake
from specsample.exercises.scripted import by_pieces, by_the_library


def _x(seen: Seen, n: int) -> int:
    """Draft n."""
    return seen.x[n]


def _counting(extra: Callable[[int, int], Any]) -> Callable[..., Any]:
    """Answer with another number of accepted drafts, made from n and K."""

    def wrong(x: Any, q: Any, p: Any, *, u_accept: Any, u_emit: Any) -> Any:
        n, emitted = by_the_library(x, q, p, u_accept=u_accept, u_emit=u_emit)
        return extra(n, len(x)), emitted

    return wrong


def _without_bonus(otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """Answer otherwise where every draft was accepted."""

    def wrong(x: Any, q: Any, p: Any, *, u_accept: Any, u_emit: Any) -> Any:
        n, emitted = by_the_library(x, q, p, u_accept=u_accept, u_emit=u_emit)
        return (n, emitted) if n < len(x) else otherwise(x, q, p, u_emit)

    return wrong


def _emitting(x: Any, q: Any, p: Any, *, u_accept: Any, u_emit: Any) -> Any:
    """Answer with the emitted tokens."""
    n, emitted = by_the_library(x, q, p, u_accept=u_accept, u_emit=u_emit)
    return [*x[:n], emitted]


def _summing(x: Any, q: Any, p: Any, *, u_accept: Any, u_emit: Any) -> Any:
    """Count every draft that would pass, and go on from the row of that number."""
    n = sum(bool(u_accept[i] < p[i, token] / q[i, token]) for i, token in enumerate(x))
    pieces: Any = {"accept": lambda seen, i: int(i < n)}
    return by_pieces(**pieces)(x, q, p, u_accept=u_accept, u_emit=u_emit)


ROUND = (
    Mistake(
        "the rejected draft is counted as accepted: n + 1",
        "How many drafts are accepted if the first one is refused?",
        _counting(lambda n, K: min(n + 1, K)),
    ),
    Mistake(
        "the emitted tokens are counted, and not the accepted drafts",
        "How many drafts are accepted if the first one is refused?",
        _counting(lambda n, K: n + 1),
    ),
    Mistake(
        "the emitted tokens are returned, and not how many drafts were accepted",
        "Two things are asked for: a number of drafts, and the token that follows them.",
        _emitting,
    ),
    Mistake("the rejected drafts are counted", "How many are accepted?", _counting(lambda n, K: K - n)),
    Mistake(
        "all drafts that would pass are summed, also those after a rejection (M18)",
        "They were drafted after a token that is gone: count the leading run.",
        _summing,
    ),
    Mistake(
        "the test is u < p, without q (M12)",
        "x was drawn from q. By what is p to be divided?",
        by_pieces(accept=lambda seen, n: seen.p[n, _x(seen, n)]),
    ),
    Mistake(
        "the ratio is upside down: q/p (M09)",
        "Which drafts are to be refused sometimes?",
        by_pieces(accept=lambda seen, n: ratio(seen.q[n, _x(seen, n)], seen.p[n, _x(seen, n)] or 1)),
    ),
    Mistake(
        "the ratio takes p from the row after: p[n + 1]",
        "Row 0 of p is the distribution of which token?",
        by_pieces(accept=lambda seen, n: ratio(seen.p[n + 1, _x(seen, n)], seen.q[n, _x(seen, n)])),
    ),
    Mistake(
        "p is read from the row after everywhere: p[n + 1]",
        "Row 0 of p is the distribution of which token?",
        by_pieces(
            accept=lambda seen, n: ratio(seen.p[n + 1, _x(seen, n)], seen.q[n, _x(seen, n)]),
            correct=lambda seen, n: residual(seen.p[n + 1], seen.q[n]),
        ),
    ),
    Mistake(
        "the correction takes p from the row after: p[n + 1]",
        "Which row of p is the distribution of the token that was refused?",
        by_pieces(correct=lambda seen, n: residual(seen.p[n + 1], seen.q[n])),
    ),
    Mistake("every draft is accepted (M10)", "When is one refused?", by_pieces(accept=lambda seen, n: 1)),
    Mistake(
        "a draft is accepted if p >= q, whatever u is (M11)",
        "What are the uniform numbers for?",
        by_pieces(accept=lambda seen, n: int(seen.p[n, _x(seen, n)] >= seen.q[n, _x(seen, n)])),
    ),
    Mistake(
        "the comparison is turned round: u > p/q accepts",
        "Should a large p/q make acceptance likelier or rarer?",
        by_pieces(passes=lambda u, a: u > a),
    ),
    Mistake(
        "the comparison is turned round: u >= p/q accepts",
        "Should a large p/q make acceptance likelier or rarer?",
        by_pieces(passes=lambda u, a: u >= a),
    ),
    Mistake(
        "the correction is drawn from max(0, q - p)",
        "What is still missing after a rejection?",
        by_pieces(correct=lambda seen, n: residual(seen.q[n], seen.p[n])),
    ),
    Mistake(
        "the correction is drawn from q",
        "What is still missing after a rejection?",
        by_pieces(correct=lambda seen, n: seen.q[n]),
    ),
    Mistake(
        "the correction is drawn from max(0, p - q), not normalised",
        "What do the numbers sum to from which you pick?",
        by_pieces(correct=lambda seen, n: np.maximum(seen.p[n] - seen.q[n], 0 * seen.p[n])),
    ),
    Mistake(
        "the correction is the likeliest token of the residual (M29)",
        "A correction is drawn like any other token, with u_emit.",
        by_pieces(correct=lambda seen, n: np.eye(seen.p.shape[1])[np.argmax(residual(seen.p[n], seen.q[n]))]),
    ),
    Mistake(
        "the correction is drawn with the number that refused the draft (M20)",
        "What do you know about that number? What is u_emit for?",
        by_pieces(u_emit=lambda u, n: u[n]),
    ),
    Mistake(
        "the bonus is forgotten: q has no row K, which is read for it",
        "What may follow if all K drafts are accepted, and which row of p is it drawn from?",
        _without_bonus(lambda x, q, p, u: residual(p[len(x)], q[len(x)])),
    ),
    Mistake(
        "the bonus is forgotten: the last draft is given in its place",
        "One token more follows if all K drafts are accepted.",
        _without_bonus(lambda x, q, p, u: (len(x), x[-1])),
    ),
    Mistake(
        "the bonus is forgotten: -1 is given in its place",
        "One token more follows if all K drafts are accepted.",
        _without_bonus(lambda x, q, p, u: (len(x), -1)),
    ),
    Mistake(
        "the bonus is forgotten: nothing is given in its place",
        "One token more follows if all K drafts are accepted.",
        _without_bonus(lambda x, q, p, u: (len(x), None)),
    ),
)
