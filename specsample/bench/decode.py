"""Tokens a second for every K, beside what the theory predicts.

For one kind of text and one strategy: every K, the adaptive one and the baseline continue the same prompts in turns.
Two predictions stand beside each measured speed-up, both from c and ρ as `parts` measures them in other runs of the
same loop: equation 1 with one α (acceptances independent), and the mean run that the rates at each position give.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from specsample.adaptive import BestRecentK, generate_adaptive
from specsample.autoregressive import autoregressive
from specsample.bench.clock import Spread, in_turns, spread
from specsample.bench.parts import Parts, time_rounds, time_steps, to_parts
from specsample.language_model import LanguageModel
from specsample.speculative import generate
from specsample.strategies import Transform
from specsample.theory import best_K, expected_tokens_by_position, rates_by_position, speedup
from specsample.trace import Trace
from specsample.training.data import load_streams

ADAPTIVE, BASELINE = "adaptive", "autoregressive"
Key = int | str  # K, ADAPTIVE or BASELINE


class Run(NamedTuple):
    """What one K did with all prompts: times of all of them together, and their traces."""

    seconds: Spread
    traces: list[Trace]

    @property
    def alpha(self) -> float:
        """Accepted / tested drafts; NaN where nothing was tested."""
        tested = sum(trace.tested for trace in self.traces)
        return sum(trace.accepted for trace in self.traces) / tested if tested else float("nan")

    @property
    def tokens_per_target_pass(self) -> float:
        """Emitted tokens / target passes."""
        return sum(len(trace.tokens) for trace in self.traces) / sum(trace.target_passes for trace in self.traces)

    @property
    def mean_K(self) -> float:
        """Drafts a round, on average."""
        return sum(trace.drafted for trace in self.traces) / sum(trace.target_passes for trace in self.traces)

    def tokens_by_position(self, K: int) -> float:
        """Return the mean tokens of a full round from the acceptance rate at each position."""
        kept = [played.n_accepted for trace in self.traces for played in trace.rounds if played.K == K]
        return float(expected_tokens_by_position(np.nan_to_num(rates_by_position(kept, K)).tolist()))


class Decoding(NamedTuple):
    """All runs on one kind of text with one temperature."""

    kind: str
    temperature: float
    n_tokens: int  # of all prompts together
    baseline: Spread
    runs: dict[Key, Run]
    parts: Parts

    def measured(self, key: Key) -> float:
        """Return the speed-up on the clock: median baseline seconds / median seconds."""
        return self.baseline.median / self.runs[key].seconds.median

    def by_equation_1(self, K: int) -> float:
        """Predict the speed-up from one α, c and ρ (theorem 3.8); NaN for K = 0."""
        if not K:
            return float("nan")
        return float(speedup(self.runs[K].alpha, K, self.parts.cost_ratio(K), self.parts.verify_ratio(K)))

    def by_position(self, K: int) -> float:
        """Predict the speed-up from the rates at each position, c and ρ."""
        cost = (K * self.parts.cost_ratio(K) if K else 0.0) + self.parts.verify_ratio(K)
        return self.runs[K].tokens_by_position(K) / cost

    @property
    def fastest(self) -> int:
        """The K with the largest measured speed-up."""
        return max((key for key in self.runs if isinstance(key, int)), key=self.measured)

    @property
    def predicted_fastest(self) -> int:
        """The K that theorem 3.8 calls the best, at the α of the largest K."""
        Ks = [key for key in self.runs if isinstance(key, int)]
        rho = {K: self.parts.verify_ratio(K) for K in Ks}
        last = max(Ks)
        return best_K(self.runs[last].alpha, self.parts.cost_ratio(last), lambda K: rho[K] if K else 1.0, max_K=last)


def prompts_of(kind: str, *, n: int = 3, length: int = 64) -> list[list[int]]:
    """Cut prompts out of held-out text, evenly spread over it.

    Parameters
    ----------
    kind : {"code", "prose"}
    n : int >= 1, prompts
    length : int >= 1, tokens of each

    Returns
    -------
    list of n lists of int, tokens of `CharTokenizer`
    """
    stream = load_streams()[1][kind]
    starts = np.linspace(0, len(stream) - length, n + 2).astype(int)[1:-1]
    return [stream[start : start + length].tolist() for start in starts]


def measure_decoding(
    prompts: Sequence[list[int]],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    label: tuple[str, float],
    Ks: Sequence[int],
    transform: Transform | None,
    max_new_tokens: int,
    repeats: int,
    seed: int = 0,
    on_call: Callable[[], Any] = lambda: None,
) -> Decoding:
    """Measure the parts and all runs in turns, so that a slow minute of the machine hits prediction and clock alike.

    Parameters
    ----------
    prompts : sequence of lists of int
    target_model, draft_model : LanguageModel
    label : (str, float), kind of text and temperature, for the report
    Ks : sequence of int >= 0, in rising order without gaps from 0
    transform : decoding strategy of both models, or None
    max_new_tokens : int >= 1, tokens a prompt
    repeats : int >= 1
    seed : int, of every run
    on_call : function without arguments, called after each measurement
    """
    size: dict[str, Any] = {"max_new_tokens": max_new_tokens, "transform": transform}
    models = target_model, draft_model
    steps: list[float] = []
    rounds = {K: list[tuple[float, float]]() for K in Ks}
    choosers: list[BestRecentK] = []
    traces: dict[Key, list[Trace]] = {}

    def every_prompt(key: Key, run: Callable[..., Any]) -> Callable[[], None]:
        def job() -> None:
            traces[key] = [run(prompt, rng=np.random.default_rng(seed), **size) for prompt in prompts]

        return job

    def one_round(K: int) -> Callable[[], None]:
        return lambda: rounds[K].append(time_rounds(prompts, *models, K=K, seed=seed, **size))

    jobs: dict[Any, Callable[[], None]] = {}
    jobs["step"] = lambda: steps.append(time_steps(prompts, target_model, seed=seed, **size))
    jobs[BASELINE] = every_prompt(BASELINE, lambda prompt, **s: autoregressive(prompt, target_model, **s))
    for K in Ks:
        jobs["round", K] = one_round(K)
        jobs[K] = every_prompt(K, lambda prompt, K=K, **s: generate(prompt, *models, K=K, **s)[1])
    jobs["chooser"] = lambda: choosers.append(_adaptive_K(to_parts(steps, rounds)))
    adaptive = lambda prompt, **s: generate_adaptive(prompt, *models, choose_K=choosers[-1], **s)[1]  # noqa: E731
    jobs[ADAPTIVE] = every_prompt(ADAPTIVE, adaptive)
    seconds = in_turns(jobs, repeats, on_call=on_call)
    runs = {key: Run(spread(seconds[key]), made) for key, made in traces.items() if key != BASELINE}
    return Decoding(*label, max_new_tokens * len(prompts), spread(seconds[BASELINE]), runs, to_parts(steps, rounds))


def _adaptive_K(parts: Parts) -> BestRecentK:
    """Choose by what has been measured so far."""
    largest = max(parts.rest)
    return BestRecentK(parts.cost_ratio(largest), parts.verify_ratio, max_K=largest)
