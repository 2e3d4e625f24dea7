"""mlx-lm: `speculative_generate_step` on two tiny random Llamas, its CPU build."""

from functools import cache

import mlx.core as mx
import numpy as np
from cases import Case, judge_all, softmax
from mlx_lm.generate import speculative_generate_step
from mlx_lm.models.llama import Model, ModelArgs

from specsample.conformance import from_engine
from specsample.strategies import temperature

SIZES = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}


@cache
def llama(seed):
    """Make a random Llama whose logits are lively."""
    mx.random.seed(seed)
    model = Model(ModelArgs(model_type="llama", rms_norm_eps=1e-5, vocab_size=6, tie_word_embeddings=False, **SIZES))
    model.lm_head.weight = 6 * model.lm_head.weight
    mx.eval(model.parameters())
    return model


def sampled(T):
    """Make an engine for `from_engine` that draws at a temperature."""

    def engine(prompt, max_new_tokens, *, seed):
        mx.random.seed(seed)
        models = (mx.array(prompt), llama(0), llama(1))
        sampler = lambda logprobs: mx.random.categorical(logprobs / T)  # noqa: E731
        made = speculative_generate_step(*models, num_draft_tokens=3, max_tokens=max_new_tokens, sampler=sampler)
        return [int(token) for token, *_ in made]

    return engine


def next_probs(T):
    """Make the target's own probabilities."""
    return lambda tokens: temperature(T)(softmax(np.array(llama(0)(mx.array([list(tokens)]))[0, -1])))


def case(option, T):
    """Make the case of a temperature."""
    make = lambda: from_engine(sampled(T), next_probs=next_probs(T), prompt=(1, 2), name=f"mlx-lm {option}")  # noqa: E731
    return Case("speculative_generate_step", option, make, {"eps": 0.2})


if __name__ == "__main__":
    judge_all([case("T = 1", 1.0), case("T = .7", 0.7)], "mlx-lm", "mlx")
