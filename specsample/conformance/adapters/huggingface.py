"""The installed Hugging Face transformers: its verifier, its `generate`.

Needs torch and transformers (extra [peers]); nothing is downloaded, the models are random.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np

from specsample.conformance.adapters.adapter import Adapter
from specsample.conformance.adapters.libraries import required, seeded
from specsample.conformance.adapters.rounds import from_verify
from specsample.conformance.adapters.whole import from_engine
from specsample.distributions import Array

TINY = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}


def speculative_sampling(fn: Callable[..., Any] | None = None) -> Adapter:
    """Show the kit `_speculative_sampling` of the installed transformers, one sequence at a time.

    Parameters
    ----------
    fn : function with the same arguments to judge in its place, or None

    Raises
    ------
    RuntimeError
        If torch or transformers cannot be imported, or has no such function.
    """
    required("torch")
    version = required("transformers").__version__
    given = fn or installed_verifier()
    name = f"transformers {version} _speculative_sampling" if fn is None else getattr(fn, "__name__", "patched")
    adapter = from_verify(TransformersCall(given), batched=False, logits=True, name=name)
    # torch draws: numbers cannot be scripted
    return replace(adapter, call=None)


def installed_verifier() -> Callable[..., Any]:
    """Find `_speculative_sampling` in the installed transformers.

    Raises
    ------
    RuntimeError
        If the installed version has none.
    """
    module = required("transformers.generation.utils")
    if not hasattr(module, "_speculative_sampling"):
        raise RuntimeError("the installed transformers has no generation.utils._speculative_sampling: use 4.45 to 5.")
    found: Callable[..., Any] = module._speculative_sampling
    return found


def assisted_generation(*, K: int = 3, max_new_tokens: int = 3, vocab_size: int = 6) -> Adapter:
    """Show the kit `model.generate(..., assistant_model=...)` of two tiny random Llamas.

    The target's law comes from the target's own logits, without speculation. A call takes about 10 ms: ask for a
    large eps or a long time limit.

    Parameters
    ----------
    K : int, drafts a round
    max_new_tokens : int, tokens
    vocab_size : int, V

    Raises
    ------
    RuntimeError
        If torch or transformers cannot be imported.
    """
    version = required("transformers").__version__
    required("torch")
    return from_engine(
        partial(_generate, K, vocab_size),
        next_probs=partial(_next_probs, vocab_size),
        prompt=(1, 2),
        max_new_tokens=max_new_tokens,
        name=f"transformers {version} generate(assistant_model=...)",
    )


@cache
def tiny_llama(vocab_size: int, seed: int) -> Any:
    """Make a random Llama whose logits are lively."""
    transformers = required("transformers")
    torch = required("torch")
    config = transformers.LlamaConfig(
        vocab_size=vocab_size, **TINY, initializer_range=0.6, bos_token_id=None, eos_token_id=None, pad_token_id=0
    )
    with seeded(seed):
        model = transformers.LlamaForCausalLM(config)
    assert isinstance(model, torch.nn.Module)
    return model.eval()


@dataclass(frozen=True)
class TransformersCall:
    """`_speculative_sampling`, called with one sequence: (1, T), (1, K, V), K, (1, K+1, V)."""

    fn: Callable[..., Any]

    def __call__(self, draft_tokens: Any, draft_logits: Any, target_logits: Any, rng: Any) -> Any:
        """Call it; the emitted tokens come back."""
        torch = required("torch")
        # any prefix will do: only the last K ids are looked at
        ids = torch.tensor(np.concatenate([[0], draft_tokens])[None])
        q = torch.tensor(draft_logits[None], dtype=torch.float32)
        p = torch.tensor(target_logits[None], dtype=torch.float32)
        with seeded(int(rng.integers(2**31))):
            tokens, _ = self.fn(ids, q, len(draft_tokens), p)
        return tokens[0].numpy()


def _generate(K: int, vocab_size: int, prompt: list[int], max_new_tokens: int, *, seed: int) -> list[int]:
    """Generate one text with speculation."""
    torch = required("torch")
    # as many drafts as asked for, whatever the assistant's confidence
    target = tiny_llama(vocab_size, 0)
    assistant = tiny_llama(vocab_size, 1)
    assistant.generation_config.update(
        num_assistant_tokens=K, num_assistant_tokens_schedule="constant", assistant_confidence_threshold=0.0
    )
    ids = torch.tensor([prompt])
    # T = 1 and nothing cut: the target's own law
    with seeded(seed), torch.no_grad():
        settings = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "pad_token_id": 0}
        text = target.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            assistant_model=assistant,
            max_new_tokens=max_new_tokens,
            **settings,
        )
    return list(text[0, len(prompt) :].tolist())


def _next_probs(vocab_size: int, tokens: Sequence[int]) -> Array:
    """Ask the target model alone."""
    torch = required("torch")
    with torch.no_grad():
        return tiny_llama(vocab_size, 0)(torch.tensor([list(tokens)])).logits[0, -1].double().softmax(-1).numpy()
