"""Is the installed Hugging Face transformers lossless? Its verifier, and `generate` with an assistant model.

Needs torch and transformers (extra [peers]); nothing is downloaded, the models are random. Before this file:
`torch_callables`; after it: `vllm`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

from specsample.conformance.adapters.adapter import Adapter
from specsample.conformance.adapters.rounds import from_verify
from specsample.conformance.adapters.torch_callables import required, seeded
from specsample.conformance.adapters.whole import from_engine
from specsample.distributions import Array

TINY = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}


def speculative_sampling(fn: Callable[..., Any] | None = None) -> Adapter:
    """Show the kit `_speculative_sampling` of the installed transformers, one sequence at a time.

    Parameters
    ----------
    fn : function with the same arguments to judge in its place, or None

    Returns
    -------
    Adapter

    Raises
    ------
    RuntimeError
        If torch or transformers cannot be imported, or has no such function.
    """
    required("torch")
    version = required("transformers").__version__
    given = fn or installed_verifier()
    name = f"transformers {version} _speculative_sampling" if fn is None else getattr(fn, "__name__", "patched")
    adapter = from_verify(partial(_call, given), batched=False, logits=True, name=name)
    return replace(adapter, call=None)  # torch draws: numbers cannot be scripted


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

    Returns
    -------
    Adapter

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
    transformers, torch = required("transformers"), required("torch")
    config = transformers.LlamaConfig(
        vocab_size=vocab_size, **TINY, initializer_range=0.6, bos_token_id=None, eos_token_id=None, pad_token_id=0
    )
    with seeded(seed):
        model = transformers.LlamaForCausalLM(config)
    assert isinstance(model, torch.nn.Module)
    return model.eval()


def _call(fn: Callable[..., Any], *given: Any) -> Any:
    """Put one sequence into the arguments of `_speculative_sampling`: (1, T), (1, K, V), K, (1, K+1, V)."""
    torch, (drafts, q, p, rng) = required("torch"), given
    ids = torch.tensor(np.concatenate([[0], drafts])[None])  # any prefix: only the last K are looked at
    rows = [torch.tensor(row[None], dtype=torch.float32) for row in (q, p)]
    with seeded(int(rng.integers(2**31))):
        tokens, _ = fn(ids, rows[0], len(drafts), rows[1])
    return tokens[0].numpy()


def _generate(K: int, vocab_size: int, prompt: list[int], max_new_tokens: int, *, seed: int) -> list[int]:
    """Generate one text with speculation."""
    torch = required("torch")
    target, assistant = tiny_llama(vocab_size, 0), tiny_llama(vocab_size, 1)
    assistant.generation_config.update(
        num_assistant_tokens=K, num_assistant_tokens_schedule="constant", assistant_confidence_threshold=0.0
    )
    ids = torch.tensor([prompt])
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
