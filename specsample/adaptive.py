"""Adaptive K: as many drafts a round as the last rounds suggest.

The answer looks back only, so that the text keeps its law. A round of any K emits tokens of the target's law
(`speculative.step`), whatever stands before it. So K may be chosen anew for each round, from anything that is known
before its first draft: `choose_K` is handed the finished rounds and nothing else. It must not look at the round's own
drafts: who stops drafting because a draft will be rejected, or looks unlikely, gives the token after it another law
(tests/test_adaptive.py has such a chooser, and it is caught).
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import ceil
from typing import Any, Unpack

from specsample.language_model import LanguageModel
from specsample.request import Request, check_count
from specsample.rounds import play_rounds, play_step
from specsample.streaming import handed_on
from specsample.trace import Round, Trace

ChooseK = Callable[[Sequence[Round]], int]
GRID = 200  # acceptance rates for which the best K is worked out beforehand


@dataclass(frozen=True)
class BestRecentK:
    """A chooser: the K with the largest speed-up at the acceptance rate of the last rounds.

    The speed-up is (1 + α + ... + α^K) / (K c + ρ) (Leviathan et al., theorem 3.8, with a measured ρ), and α is
    accepted / tested drafts of the last `window` rounds that drafted (of four times as many). A prior counts as that
    many drafts more, so that a few unlucky rounds do not end the drafting. Where no K is faster than autoregressive
    steps it is 0. Such rounds teach nothing, so one draft is tried again, as seldom as `tries` says.

    Parameters
    ----------
    cost_ratio : float > 0, c: time of a draft step / time of an autoregressive step
    verify_ratio : function from K to ρ, time of the rest of a round / time of an autoregressive step
    max_K : int >= 1
    window : int >= 1, rounds
    prior : (float, float), accepted and tested drafts that are always counted
    tries : float > 0, share of the time that may be lost on tries where K is 0

    Examples
    --------
    >>> choose = BestRecentK(cost_ratio=0.1)
    >>> choose([])
    6
    """

    cost_ratio: float
    verify_ratio: Callable[[int], float] = lambda K: 1.0
    max_K: int = 12
    window: int = 48
    prior: tuple[float, float] = (4.0, 5.0)
    tries: float = 0.02
    table: tuple[int, ...] = field(init=False, repr=False)  # the answer at each acceptance rate, worked out once

    def __post_init__(self) -> None:
        if self.max_K < 1 or self.window < 1 or self.cost_ratio <= 0 or self.tries <= 0:
            raise ValueError(
                "max_K and window must be at least 1, cost_ratio and tries positive; "
                f"got {self.max_K}, {self.window}, {self.cost_ratio} and {self.tries}. Was no draft step measured?"
            )
        # a search over K at every round would cost more than it gains
        object.__setattr__(self, "table", tuple(self._fastest(i / GRID) for i in range(GRID + 1)))

    def __call__(self, rounds: Sequence[Round]) -> int:
        """Return K for the round that comes after `rounds`."""
        # α of the last rounds, with the prior's drafts counted in
        recent = [one for one in rounds[-4 * self.window :] if one.K][-self.window :]
        accepted = self.prior[0] + sum(one.n_accepted for one in recent)
        tested = self.prior[1] + sum(one.n_tested for one in recent)
        K = self.table[round(GRID * accepted / tested)]
        return K or _one_try(rounds, self.cost_ratio, self.verify_ratio, self.tries)

    def _fastest(self, alpha: float) -> int:
        """Try every K; of equally fast ones take the smallest, and none where an autoregressive step is as fast."""
        best, fastest = 0, 1.0
        tokens, power = 1.0, 1.0
        for K in range(1, self.max_K + 1):
            # E[tokens a round] = 1 + α + ... + α^K
            power *= alpha
            tokens += power
            speed = tokens / (K * self.cost_ratio + self.verify_ratio(K))
            if speed > fastest:
                best, fastest = K, speed
        return best


@dataclass(frozen=True)
class WhilePaying:
    """A chooser for sources that decline by themselves: K drafts while drafting pays, and none where it does not.

    Such a source ends a run where it is unsure, so its drafts are of different worth, and one α for all of them says
    little. What is compared is what came out: the tokens of the last `window` rounds that asked for drafts, and what
    as many autoregressive steps would have cost. A prior counts as rounds more. Where it does not pay one draft is
    tried now and then, as in `BestRecentK`.

    Parameters
    ----------
    K : int >= 1, drafts at most
    cost_ratio : float > 0, c: time of a draft step / time of an autoregressive step
    verify_ratio : function from K to ρ, time of the rest of a round / time of an autoregressive step
    window : int >= 1, rounds
    prior : (float, float), tokens and autoregressive steps of time that are always counted
    tries : float > 0, share of the time that may be lost on tries

    Examples
    --------
    >>> choose = WhilePaying(7, cost_ratio=0.1)
    >>> choose([])
    7
    """

    K: int
    cost_ratio: float
    verify_ratio: Callable[[int], float] = lambda K: 1.0
    window: int = 16
    prior: tuple[float, float] = (4.0, 3.0)
    tries: float = 0.02

    def __post_init__(self) -> None:
        if min(self.K, self.window) < 1 or min(self.cost_ratio, self.tries) <= 0:
            raise ValueError(
                "K and window must be at least 1, cost_ratio and tries positive; "
                f"got {self.K}, {self.window}, {self.cost_ratio} and {self.tries}. Was no draft step measured?"
            )

    def __call__(self, rounds: Sequence[Round]) -> int:
        """Return K for the round that comes after `rounds`."""
        # tokens and time of the last rounds that asked for drafts, with the prior's counted in
        recent = list(islice((one for one in reversed(rounds) if one.K or one.n_declined), self.window))
        tokens = self.prior[0] + sum(len(one.emitted) for one in recent)
        time = self.prior[1] + sum(map(self._time, recent))
        return self.K if tokens >= time else _one_try(rounds, self.cost_ratio, self.verify_ratio, self.tries)

    def _time(self, played: Round) -> float:
        """Say how many autoregressive steps a round takes; who declines has been asked."""
        asked = played.K + (played.n_declined > 0)
        return asked * self.cost_ratio + (self.verify_ratio(played.K) if played.K else 1.0)


def _one_try(rounds: Sequence[Round], cost_ratio: float, verify_ratio: Callable[[int], float], tries: float) -> int:
    """Return 1, a draft to learn from, after so many rounds without one that a share `tries` of the time pays it."""
    # a try that fails costs K c + ρ - 1 steps at K = 1
    pause = ceil((cost_ratio + verify_ratio(1) - 1) / tries)
    return int(not any(one.K for one in rounds[-max(pause, 1) :]))


def generate_adaptive(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    choose_K: ChooseK,
    **request: Unpack[Request],
) -> tuple[list[int], Trace]:
    """Generate text from the target model with another number of drafts in each round.

    Where choose_K always answers the same, the tokens are those of `speculative.generate`.

    Parameters and Returns: as for `speculative.generate`.

    Parameters
    ----------
    choose_K : function from the finished rounds to the drafts of the next, an int >= 0; no randomness of its own
    **request : max_new_tokens, rng, transform, draft_transform, stop

    Raises
    ------
    TypeError, ValueError
        If the request cannot be served (`request.check_request`) or choose_K does not answer with an integer >= 0.

    Examples
    --------
    >>> import numpy as np
    >>> from specsample.language_model import TableModel
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> one_more, rng = lambda rounds: len(rounds) + 1, np.random.default_rng(0)
    >>> _, trace = generate_adaptive([0], other, other, choose_K=one_more, max_new_tokens=9, rng=rng)
    >>> [played.K for played in trace.rounds]
    [1, 2, 3]
    """
    trace = Trace(tuple(prompt_tokens))
    for _ in stream_adaptive(prompt_tokens, target_model, draft_model, choose_K=choose_K, trace=trace, **request):
        pass  # each round is in the trace
    return trace.tokens, trace


def stream_adaptive(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    choose_K: ChooseK,
    trace: Trace | None = None,
    **request: Unpack[Request],
) -> Generator[list[int], None, None]:
    """Generate text as `generate_adaptive` does, and hand on the tokens of each round as soon as it is finished.

    Parameters and Raises: as for `adaptive.generate_adaptive`.

    Parameters
    ----------
    trace : Trace that collects the finished rounds, or None

    Returns
    -------
    generator of lists of int, the new tokens of one round after the other

    Examples
    --------
    >>> import numpy as np
    >>> from specsample.language_model import TableModel
    >>> other = TableModel(np.array([[0.0, 1.0], [1.0, 0.0]]))
    >>> one_more, rng = lambda rounds: len(rounds) + 1, np.random.default_rng(0)
    >>> list(stream_adaptive([0], other, other, choose_K=one_more, max_new_tokens=5, rng=rng))
    [[1, 0], [1, 0, 1]]
    """
    kept = Trace(tuple(prompt_tokens)) if trace is None else trace

    # the round of the paper, with the K that is chosen for it
    def play(*state: Any, **rest: Any) -> Round:
        K = choose_K(kept.rounds)  # before any number of this round is drawn
        check_count("the answer of choose_K", K)
        return play_step(*state, **rest, K=K)

    return handed_on(play_rounds(prompt_tokens, target_model, draft_model, play=play, **request), kept)
