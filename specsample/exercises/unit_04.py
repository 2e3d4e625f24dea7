"""The exercises of notebook 04, a whole round."""

from fractions import Fraction
from typing import Any

import numpy as np

from specsample.distributions import Uniforms
from specsample.exercises.exercise import Case, Exercise, Mistake, one_question, take
from specsample.exercises.scripted import as_verify, by_the_catalogue, by_the_library, counting_all, scripted_rounds
from specsample.exercises.showing import token
from specsample.exercises.tables import model_pair, row, traces
from specsample.exercises.wrong_loops import LOOP
from specsample.exercises.wrong_rounds import ROUND
from specsample.language_model import TableModel
from specsample.speculative import generate, verify

# the round of exercise 04.2, which notebook 04 prints
HAND: dict[str, Any] = {
    "draft_tokens": [2, 0, 1],
    "draft_probs": np.array([row(1, 1, 2), row(2, 1, 1), row(1, 2, 1)]),
    "target_probs": np.array([row(1, 2, 1), row(1, 2, 1), row(1, 1, 2), row(1, 1, 1)]),
    "u_accept": [Fraction(1, 4), Fraction(3, 4), Fraction(1, 8)],
    "u_emit": Fraction(1, 2),
}


def _by_hand() -> list[int]:
    """Play the round of exercise 04.2."""
    n, token = verify(**HAND)
    return [*HAND["draft_tokens"][:n], token]


def _settings(seed: int) -> list[Case]:
    """List whole runs: models, K, tokens, seed."""
    sizes = ((2, 1, 1), (2, 1, 3), (2, 3, 2), (3, 2, 7), (3, 4, 5), (3, 5, 20))
    cases: list[Case] = []
    for i, (V, K, n) in enumerate(sizes):
        target, drafter = model_pair(seed + i, V)
        cases.append(Case(f"V = {V}, K = {K}, n = {n} tokens, seed {i}", (target, drafter, K, n, i)))
    return cases


def _run(answer: Any, case: Case) -> Any:
    """Run a loop over rounds on a generator of its own."""
    target, drafter, K, n, seed = case.arguments
    made = answer(target, drafter, K=K, n=n, rng=np.random.default_rng(seed))
    return [token(x) for x in made] if isinstance(made, list | tuple | np.ndarray) else made


def _loop(target: TableModel, drafter: TableModel, *, K: int, n: int, rng: Uniforms) -> list[int]:
    """Call the library."""
    return generate([0], target, drafter, K=K, max_new_tokens=n, rng=rng)[0]


def _known(id: str, name: str, hint: str) -> Mistake:
    """Make a mistake of a wrong sampler of the catalogue."""
    return Mistake(f"{name} ({id})", hint, by_the_catalogue(id))


EXERCISES = (
    # the same as a function; the mistakes are those of the catalogue of wrong samplers
    Exercise(
        id="04.1",
        kind="implement",
        title="verify: how many drafts are kept, and which token follows",
        key=by_the_library,
        cases=scripted_rounds,
        ask=as_verify,
        mistakes=(
            _known(
                "M15",
                "the bonus comes from the row before the last one",
                "Which row of p belongs to the token after all K drafts?",
            ),
            _known(
                "M13",
                "the correction always comes from row 0",
                "Which row of p and q belongs to the draft that was refused?",
            ),
            _known(
                "M17", "the bonus is the argmax", "The bonus is a token of the target like any other: it is drawn."
            ),
            _known("M19", "one uniform number tests all drafts", "Each draft has a uniform number of its own."),
            _known("M40", "the test is u <= p/q", "What happens to a token of p = 0 at u = 0?"),
            _known("M01", "the correction is drawn from p", "Notebook 03: what is still missing after a rejection?"),
            # the catalogue's own M18 emits all that passes; like verify, this one answers with a number and a token
            Mistake(
                "the drafts after a rejection are still tested (M18)",
                "They were drafted after a token that is gone.",
                counting_all,
            ),
            *ROUND,
        ),
        passes=(1, 3),
    ),
    # a round by hand: the second of three drafts is refused
    Exercise(
        id="04.2",
        kind="predict",
        title="what a round with scripted uniform numbers emits",
        key=_by_hand(),
        cases=one_question,
        ask=take,
        mistakes=(
            Mistake("the correction is left out", "Every round emits one token after the accepted ones.", [2]),
            Mistake(
                "a draft after the rejected one is kept",
                "Drafts after the first rejection are discarded unseen.",
                [2, 1, 1],
            ),
            Mistake("the rejected draft is kept", "Compare the second draft's u with p/q in the second row.", [2, 0]),
            Mistake("all drafts are rejected", "Compare the first draft's u with p/q in the first row.", [1]),
            Mistake("no draft is rejected", "Compare the second draft's u with p/q in the second row.", [2, 0, 1]),
            Mistake("no draft is rejected", "Compare the second draft's u with p/q in the second row.", [2, 0, 1, 1]),
            Mistake(
                "how many drafts are accepted is given, and the token that follows",
                "A round emits the accepted drafts themselves.",
                [1, 1],
            ),
            Mistake("only the correction is given", "Which drafts were accepted before it?", 1),
        ),
    ),
    # accepted / tested, and not accepted / drafted: the definition that the papers' α has
    Exercise(
        id="04.3",
        kind="measure",
        title="the acceptance rate α of a trace",
        key=lambda trace: trace.acceptance_rate,
        cases=traces,
        mistakes=(
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
            Mistake(
                "rounds in which every draft was accepted are counted",
                "α is about drafts. How many of them were accepted?",
                lambda trace: sum(r.n_accepted == r.K for r in trace.rounds) / trace.target_passes,
            ),
            Mistake(
                "the rates of the rounds are averaged",
                "A round in which one draft was tested weighs less than one in which five were.",
                lambda trace: np.mean([r.n_accepted / r.K for r in trace.rounds if r.K]),
            ),
            Mistake(
                "accepted drafts are divided by rounds",
                "That is a number of drafts, and can exceed 1.",
                lambda trace: trace.accepted / trace.target_passes,
            ),
        ),
        passes=(1, 5),
    ),
    # the tokens must be the library's, one for one: it is a question of how many numbers a round takes
    Exercise(
        id="04.4",
        kind="implement",
        title="the loop over rounds, for exactly n tokens",
        key=_loop,
        cases=_settings,
        ask=_run,
        mistakes=LOOP,
        passes=(1, 5),
    ),
)
