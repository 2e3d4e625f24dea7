"""Others with the same weights, in the same run.

Hugging Face transformers, and a loop without a cache. torch gets all cores and one core, and the faster counts. Needs
the extra [peers], imported only here and only when asked for.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from specsample.autoregressive import autoregressive
from specsample.bench.clock import Spread, in_turns, spread
from specsample.distributions import pick, softmax
from specsample.language_model import Transformed
from specsample.speculative import generate
from specsample.transformer.huggingface import llama_from_params
from specsample.transformer.lm import TransformerLM
from specsample.transformer.model import forward

ROWS = 6  # the pass of a round with K = 5


class Peer(NamedTuple):
    """Times of one way to run one model, in seconds; None where it was not measured."""

    name: str
    token: Spread  # a token of a text
    one_row: Spread | None = None  # a pass of 1 row after the prompt
    six_rows: Spread | None = None

    @property
    def verify_ratio(self) -> float | None:
        """The peer's own ρ at K = 5."""
        return self.six_rows.median / self.one_row.median if self.six_rows and self.one_row else None


def to_llama(model: TransformerLM) -> Any:
    """Make a Hugging Face Llama with a model's weights."""
    import torch
    import transformers

    c = model.config
    sizes: dict[str, Any] = {"vocab_size": c.vocab_size, "hidden_size": c.width, "intermediate_size": c.hidden}
    sizes |= {"num_hidden_layers": c.n_layers, "num_attention_heads": c.n_heads}
    sizes |= {"num_key_value_heads": c.n_kv_heads, "max_position_embeddings": c.max_length}
    sizes |= {"rms_norm_eps": c.norm_eps, "tie_word_embeddings": c.tied, "bos_token_id": None, "eos_token_id": None}
    rope = {"rope_type": "default", "rope_theta": c.rope_theta}
    # the weights come from us, so none are drawn
    with torch.device("meta"):
        llama: Any = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, rope_parameters=rope))
    llama = llama.to_empty(device="cpu")
    llama.model.rotary_emb = type(llama.model.rotary_emb)(llama.config)
    tensors = {name: torch.from_numpy(array) for name, array in llama_from_params(model.params, c).items()}
    llama.load_state_dict(tensors, strict=False)
    llama.tie_weights()
    llama.eval()
    return llama


def measure_peers(
    target: TransformerLM,
    drafter: TransformerLM | None = None,
    *,
    prompt_tokens: list[int],
    max_new_tokens: int,
    repeats: int = 5,
    on_call: Callable[[], Any] = lambda: None,
) -> list[Peer]:
    """Continue one prompt in every way, in turns, and measure everybody's passes of 1 and 6 rows.

    Parameters
    ----------
    target : TransformerLM
    drafter : TransformerLM or None; with it, speculative decoding is measured as well, K = 5
    prompt_tokens : list of int
    max_new_tokens : int >= 1, tokens; the loop without a cache makes an eighth of them
    repeats : int >= 1
    on_call : function without arguments, called after each measurement

    Returns
    -------
    list of Peer, specsample first
    """
    import torch

    # everybody's jobs under one clock; without a cache a text takes so long that an eighth is enough
    few = max(1, max_new_tokens // 8)
    rng = np.random.default_rng
    size: dict[str, Any] = {"max_new_tokens": max_new_tokens}
    jobs: dict[Any, Callable[[], Any]] = {}
    jobs["specsample"] = lambda: autoregressive(prompt_tokens, target, rng=rng(0), **size)
    jobs["without a cache"] = lambda: without_cache(prompt_tokens, target, max_new_tokens=few)
    if drafter is not None:
        jobs["specsample, K = 5"] = lambda: generate(prompt_tokens, target, drafter, rng=rng(0), **size)
    # torch with one thread and with all of them: the faster counts
    for threads in sorted({1, torch.get_num_threads()}):
        jobs |= _hugging_face(target, drafter, prompt_tokens=prompt_tokens, new=max_new_tokens, threads=threads)
    jobs |= _own_passes(target, prompt_tokens)
    measured = in_turns(jobs, repeats, is_warm=True, on_call=on_call)
    found = {name: spread(seconds) for name, seconds in measured.items()}
    return [
        Peer(
            name,
            found[name].scaled(1 / (few if name == "without a cache" else max_new_tokens)),
            found.get((name, 1)),
            found.get((name, ROWS)),
        )
        for name in jobs
        if isinstance(name, str)
    ]


def without_cache(prompt_tokens: list[int], model: TransformerLM, *, max_new_tokens: int) -> list[int]:
    """Sample as the shortest programs do: read the whole text again for each token."""
    tokens = list(prompt_tokens)
    rng = np.random.default_rng(0)
    for _ in range(max_new_tokens):
        logits = forward(model.config, model.params, np.array([tokens]))[0, -1]
        tokens.append(pick(softmax(logits), rng.random()))
    return tokens[len(prompt_tokens) :]


def _own_passes(model: TransformerLM, prompt_tokens: list[int]) -> dict[Any, Callable[[], Any]]:
    """Return our passes of 1 and 6 rows after the prompt."""
    context = Transformed(model).start()
    context.extend(prompt_tokens)

    def one_pass(rows: int) -> None:
        context.extend(prompt_tokens[:rows])
        context.rollback(len(prompt_tokens))

    return {("specsample", rows): partial(one_pass, rows) for rows in (1, ROWS)}


def _hugging_face(
    target: TransformerLM, drafter: TransformerLM | None, *, prompt_tokens: list[int], new: int, threads: int
) -> dict[Any, Callable[[], Any]]:
    """Return `generate`, assisted generation, and passes of 1 and 6 rows."""
    import torch
    import transformers

    llama = to_llama(target)
    prompt = torch.tensor([prompt_tokens])
    all_threads = torch.get_num_threads()
    common = {"do_sample": True, "top_k": 0, "pad_token_id": 0, "max_new_tokens": new, "min_new_tokens": new}
    settings = transformers.GenerationConfig(**common)
    name = f"Hugging Face, {threads} thread{'s' * (threads > 1)}"
    cache = transformers.DynamicCache(config=llama.config)
    names = inspect.signature(llama.forward).parameters
    # releases differ in the name of this argument
    cached = {"cache" if "cache" in names else "past_key_values": cache}
    with torch.no_grad():
        llama(prompt, **cached)

    def with_threads(job: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> None:
            torch.set_num_threads(threads)
            with torch.no_grad():
                job()
            torch.set_num_threads(all_threads)

        return run

    def one_pass(rows: int) -> None:
        llama(prompt[:, :rows], **cached)
        cache.crop(-rows)

    jobs: dict[Any, Callable[[], Any]] = {}
    jobs[name] = with_threads(lambda: llama.generate(prompt, generation_config=settings))
    jobs |= {(name, rows): with_threads(partial(one_pass, rows)) for rows in (1, ROWS)}
    # assisted generation with as many drafts as ours, none of them given up for lack of confidence
    if drafter is not None:
        assistant = to_llama(drafter)
        for key, value in {"num_assistant_tokens": 5, "num_assistant_tokens_schedule": "constant"}.items():
            setattr(assistant.generation_config, key, value)
        assistant.generation_config.assistant_confidence_threshold = 0.0
        assisted = lambda: llama.generate(prompt, assistant_model=assistant, generation_config=settings)  # noqa: E731
        jobs[f"{name}, assisted, K = 5"] = with_threads(assisted)
    return jobs
