"""What is asked in notebook 04, a whole round?"""

from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from specsample.conformance.laws.open_round import Seen
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.distributions import Array, Uniforms
from specsample.exercises.exercise import Case, Exercise, Mistake, call, one_question, take
from specsample.exercises.showing import show
from specsample.exercises.tables import model_pair, row
from specsample.exercises.unit_00 import traces
from specsample.language_model import TableModel
from specsample.speculative import generate, step, verify


class Script(NamedTuple):
    """Uniform numbers that were written down before: a tape."""

    numbers: Any

    def random(self, n: int) -> Any:
        """Give the first n."""
        return self.numbers[:n]


# the round of exercise 04.2, which notebook 04 prints
HAND: dict[str, Any] = {
    "draft_tokens": [2, 0, 1],
    "draft_probs": np.array([row(1, 1, 2), row(2, 1, 1), row(1, 2, 1)]),
    "target_probs": np.array([row(1, 2, 1), row(1, 2, 1), row(1, 1, 2), row(1, 1, 1)]),
    "u_accept": [Fraction(1, 4), Fraction(3, 4), Fraction(1, 8)],
    "u_emit": Fraction(1, 2),
}


def _rounds(seed: int) -> list[Case]:
    """List drafts, rows and uniform numbers, among them u = 0 and u exactly at its threshold."""
    rng, cases = np.random.default_rng(seed), list[Case]()
    for K, V in [(1, 2)] * 6 + [(2, 2)] * 8 + [(2, 3)] * 12 + [(3, 3)] * 12:
        p, q = (_rows(rng, n, V) for n in (K + 1, K))
        x = [int(rng.choice(np.flatnonzero(rows > 0))) for rows in q]
        at = [p[i, x[i]] / q[i, x[i]] for i in range(K)]
        u = [
            [Fraction(0), min(at[i], Fraction(7, 8)), Fraction(int(rng.integers(8)), 8)][rng.integers(3)]
            for i in range(K)
        ]
        cases.append(_case(x, q, p, u=u, u_emit=Fraction(int(rng.integers(16)), 16)))
    return sorted(cases, key=lambda case: len(case.label))


def _rows(rng: np.random.Generator, n: int, V: int) -> Array:
    """Draw n rows of small fractions."""
    return np.array(
        [row(*(rng.integers(0, 4, V) + np.eye(V, dtype=int)[rng.integers(V)]).tolist()) for _ in range(n)]
    )


def _case(x: list[int], q: Array, p: Array, *, u: list[Any], u_emit: Any) -> Case:
    """Write a round out."""
    rows = f"drafts {x}, q = {show(q)}, p = {show(p)}, u = {show(u)}, u_emit = {u_emit}"
    return Case(rows, (x, q, p, u, u_emit))


def _verify(x: Any, q: Any, p: Any, *, u_accept: Any, u_emit: Any) -> tuple[int, int]:
    """Call the library."""
    return tuple(verify(x, q, p, u_accept=u_accept, u_emit=u_emit))  # type: ignore[return-value]


def _ask(answer: Any, case: Case) -> Any:
    """Call a function as `verify` is called."""
    *rows, u_accept, u_emit = case.arguments
    return answer(*rows, u_accept=u_accept, u_emit=u_emit)


def _by_hand() -> list[int]:
    """Play the round of exercise 04.2."""
    n, token = verify(**HAND)
    return [*HAND["draft_tokens"][:n], token]


def _by_catalogue(id: str) -> Any:
    """Turn a wrong sampler of the catalogue into a function like verify."""
    sampler: Any = WRONG[id].generate

    def wrong(x: Any, q: Any, p: Any, *, u_accept: Any, u_emit: Any) -> tuple[int, int]:
        ruling = sampler.keywords["judging"](Seen([0], [], x, q, p, ()), Script([*u_accept, u_emit]))
        return ruling.n_accepted, ruling.emitted[-1]

    return wrong


def _count_all(x: Any, q: Any, p: Any, *, u_accept: Any, u_emit: Any) -> tuple[int, int]:
    """Count every draft that would pass, also behind a rejection."""
    passed = sum(bool(u_accept[i] < p[i, x[i]] / q[i, x[i]]) for i in range(len(x)))
    return passed, _verify(x, q, p, u_accept=u_accept, u_emit=u_emit)[1]


def _settings(seed: int) -> list[Case]:
    """List whole runs: models, K, tokens, seed."""
    sizes = ((2, 1, 1), (2, 1, 3), (2, 3, 2), (3, 2, 7), (3, 4, 5), (3, 5, 20))
    made = [(*model_pair(seed + i, V), K, n, i) for i, (V, K, n) in enumerate(sizes)]
    return [Case(f"V = {m[0].vocab_size}, K = {m[2]}, n = {m[3]} tokens, seed {m[4]}", m) for m in made]


def _run(answer: Any, case: Case) -> Any:
    """Run a loop over rounds on a generator of its own."""
    target, drafter, K, n, seed = case.arguments
    return [int(x) for x in answer(target, drafter, K=K, n=n, rng=np.random.default_rng(seed))]


def _loop(target: TableModel, drafter: TableModel, *, K: int, n: int, rng: Uniforms) -> list[int]:
    """Call the library."""
    return generate([0], target, drafter, K=K, max_new_tokens=n, rng=rng)[0]


def _overshoot(
    target: TableModel, drafter: TableModel, *, K: int, n: int, rng: Uniforms, cut: bool = False
) -> list[int]:
    """Draft K tokens in the last round too."""
    contexts, tokens = (target.start(), drafter.start()), [0]
    while len(tokens) <= n:
        tokens, _ = step(tokens, *contexts, K=K, u=rng.random(2 * K + 1))
    return tokens[1 : 1 + n] if cut else tokens[1:]


_M = {
    "M18": ("the drafts behind a rejection are still tested", "They were drafted behind a token that is gone."),
    "M15": (
        "the bonus comes from the row before the last one",
        "Which row of p belongs to the token after all K drafts?",
    ),
    "M13": ("the correction always comes from row 0", "Which row of p and q belongs to the draft that was refused?"),
    "M17": ("the bonus is the argmax", "The bonus is a token of the target like any other: it is drawn."),
    "M19": ("one uniform number tests all drafts", "Each draft has a uniform number of its own."),
    "M40": ("the test is u <= p/q", "What happens to a token of p = 0 at u = 0?"),
    "M01": ("the correction is drawn from p", "Notebook 03: what is still missing after a rejection?"),
}

EXERCISES = (
    Exercise(
        "04.1",
        "implement",
        "verify: how many drafts are kept, and which token follows",
        _verify,
        _rounds,
        _ask,
        (
            *(Mistake(f"{name} ({id})", hint, _by_catalogue(id)) for id, (name, hint) in _M.items() if id != "M18"),
            Mistake(f"{_M['M18'][0]} (M18)", _M["M18"][1], _count_all),
        ),
        passes=(1, 3),
    ),
    Exercise(
        "04.2",
        "predict",
        "what a round with scripted uniform numbers emits",
        _by_hand(),
        one_question,
        take,
        (
            Mistake("the correction is left out", "Every round emits one token after the accepted ones.", [2]),
            Mistake(
                "a draft behind the rejected one is kept",
                "Drafts behind the first rejection are discarded unseen.",
                [2, 1, 1],
            ),
            Mistake(
                "the rejected draft is kept",
                "Compare the second draft's u with p/q in the second row.",
                [2, 0],
            ),
            Mistake("all drafts are rejected", "Compare the first draft's u with p/q in the first row.", [1]),
        ),
    ),
    Exercise(
        "04.3",
        "measure",
        "the acceptance rate α of a trace",
        lambda trace: trace.acceptance_rate,
        traces,
        call,
        (
            Mistake(
                "accepted drafts are divided by all drafts",
                "Discarded drafts never met their uniform number. Can they have been refused?",
                lambda trace: trace.accepted / trace.drafted,
            ),
            Mistake(
                "accepted drafts are divided by emitted tokens",
                "Corrections and bonuses were not drafted.",
                lambda trace: trace.accepted / len(trace.tokens),
            ),
            Mistake(
                "emitted tokens are divided by drafts",
                "That is a number of tokens, and can exceed 1.",
                lambda trace: len(trace.tokens) / trace.drafted,
            ),
        ),
        passes=(1, 5),
    ),
    Exercise(
        "04.4",
        "implement",
        "the loop over rounds, for exactly n tokens",
        _loop,
        _settings,
        _run,
        (
            Mistake(
                "the last round drafts K tokens although fewer are wanted",
                "A round of k drafts can emit k + 1 tokens. How many may the last one draft?",
                _overshoot,
            ),
            Mistake(
                "surplus tokens are cut off, and the last round's uniform numbers are others than the library's",
                "The law is right, and passes are wasted: the last round needs fewer drafts.",
                partial(_overshoot, cut=True),
            ),
        ),
        passes=(1, 5),
    ),
)
