"""The record of a setting: all that a sampler is asked.

A `Probe` and a `PackedProbe` are a setting with a name and what is known about it; an adapter plays streams in one.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from specsample.conformance.laws.exact import Law, target_law
from specsample.distributions import Uniforms
from specsample.language_model import LanguageModel
from specsample.strategies import Transform


@dataclass(frozen=True)
class Setting:
    """What a sampler is asked: two models, a prompt, and the arguments of `speculative.generate` but `rng`."""

    target_model: LanguageModel
    draft_model: LanguageModel
    prompt: tuple[int, ...] = (0,)
    K: int = 2  # drafts a round
    max_new_tokens: int = 3
    stop: Collection[int] = ()  # token ids that end the text
    transform: Transform | None = None  # decoding strategy of both models

    def run(self, generate: Callable[..., Any], rng: Uniforms) -> Any:
        """Call a function with the arguments of `speculative.generate`; its tokens and its record come back."""
        asked = {"K": self.K, "max_new_tokens": self.max_new_tokens, "transform": self.transform, "stop": self.stop}
        return generate(self.prompt, self.target_model, self.draft_model, rng=rng, **asked)

    def target_law(self) -> Law:
        """Multiply the target's own probabilities out: the law of a lossless sampler."""
        return target_law(
            self.target_model, self.prompt, self.max_new_tokens, transform=self.transform, stop=self.stop
        )
