"""What `demo`, `generate` and `trace` share: arguments and their run."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.segment import Segments
from rich.text import Text

from specsample.adaptive import WhilePaying, generate_adaptive, stream_adaptive
from specsample.backend import LIBRARIES
from specsample.bench.machine import blas_kernel
from specsample.drafts.declining import Confident, OrElse
from specsample.drafts.layer_head_lm import layer_head_pair, load_layer_head
from specsample.drafts.prompt_lookup import PromptLookup
from specsample.language_model import LanguageModel
from specsample.speculative import generate
from specsample.strategies import decoding_strategy
from specsample.streaming import generate_stream, stream_text
from specsample.trace import Trace
from specsample.transformer import ragged
from specsample.transformer.lm import TransformerLM, load, load_pair

DEFAULT_K = 5
# for a real model, whose drafts cost next to nothing: after its first draft a head goes on while its run is kept with
# this probability; what rows cost was measured once, and no clock is asked, so that a seed has one text
SURE = 0.3
REAL_K = WhilePaying(7, 0.03, lambda K: 1.07 + 0.075 * K)
# kernels of OpenBLAS with which a few rows cost little more than one; with others the second costs most, and the text
# alone is asked for drafts, which costs nothing: a head that is asked in vain costs more than it gains
AVX512 = ("SkylakeX", "Cooperlake", "SapphireRapids")
DEAR_K = WhilePaying(7, 0.005, lambda K: 1.6 if K < 4 else 1.85, prior=(2.0, 1.8))
ADAPTIVE: dict[Any, Any] = {generate: generate_adaptive, generate_stream: stream_adaptive}
STRATEGY = ("temperature", "top_k", "top_p", "min_p", "typical_p")


def at_least(least: int) -> Callable[[str], int]:
    """Make what argparse reads a number with, and refuses a smaller one by."""

    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}; got {value}.")
        return value

    return number


def add_basics(add: Callable[..., Any], *, K: object = DEFAULT_K, T: float = 1.0, seed: int = 0) -> None:
    """Add what all three can be asked for, with the defaults of each."""
    add("--max-new-tokens", type=int, default=200, metavar="N", help="tokens to add (default: 200)")
    add("--K", type=int, metavar="N", help=f"drafts a round (default: {K})")
    add("--temperature", type=float, default=T, metavar="T", help=f"of both models; 0 is greedy (default: {T:g})")
    add("--seed", type=int, default=seed, metavar="N", help=f"of the random numbers (default: {seed})")


def add_model(add: Callable[..., Any], *, default: str | None = None) -> None:
    """Add the choice of a model that others trained; its drafts come from the text itself."""
    said = 'another model: "smollm2", a .gguf file, or a folder of Hugging Face; the text drafts for it'
    add("--model", default=default, metavar="NAME", help=f"{said} (default: {default or 'the pair that is shipped'})")


def add_backend(add: Callable[..., Any]) -> None:
    """Add the choice of an array library."""
    said = "decode in batched form in this array library (default: NumPy, the text of the paper)"
    add("--backend", choices=LIBRARIES, help=said)


def add_sampling(add: Callable[..., Any]) -> None:
    """Add a prompt and every decoding strategy."""
    add("--prompt", required=True, metavar="TEXT", help="text to continue, or -: read standard input")
    add_strategies(add)


def add_strategies(add: Callable[..., Any]) -> None:
    """Add every decoding strategy."""
    add_basics(add)
    add("--top-k", type=int, metavar="N", help="keep the N most likely tokens")
    add("--top-p", type=float, metavar="P", help="keep the most likely tokens that hold P together")
    add("--min-p", type=float, metavar="P", help="keep tokens P times as likely as the likeliest, or more")
    add("--typical-p", type=float, metavar="P", help="keep the tokens of most usual surprise that hold P")
    add("--autoregressive", action="store_true", help="the baseline: K = 0")


def are_rows_cheap() -> bool:
    """Say whether this NumPy's kernels are of the family in which several rows cost little more than one."""
    return blas_kernel()[0] in AVX512


def load_models(given: argparse.Namespace) -> tuple[Any, Any, Any]:
    """Load target and draft as the arguments name them, and say which function decodes with them."""
    backend = getattr(given, "backend", None)
    if given.model is None:
        target, draft = load_pair()
        if backend is None:
            return target, draft, generate
        return target.to(backend), draft.to(backend), ragged.generate
    # for a model that comes alone the text itself drafts
    if backend is not None:
        raise ValueError(f"--model {given.model} cannot go with --backend {backend}, which has both models there.")
    target = load(given.model)
    if target.tokenizer is None:
        raise ValueError(f"--model {given.model} brings no tokenizer.json: there is no text to continue.")
    lookup = PromptLookup(target.vocab_size)
    if given.model != "smollm2" or not are_rows_cheap():
        return target, lookup, generate
    # a head was trained for this one: it drafts where the text does not, if it is sure
    watched, head = layer_head_pair(target, load_layer_head())
    return watched, OrElse(lookup, Confident(head, SURE, free=1)), generate


def ends(target: TransformerLM) -> list[int]:
    """List the tokens that end a text of this model, of which the shipped pair has none."""
    end = getattr(target.tokenizer, "end", None)
    return [] if end is None else [end]


def decoder(target: TransformerLM) -> Callable[[list[int]], str]:
    """Decode as people read it: the token that ends a text is none of its words."""
    hidden = ends(target)
    return lambda tokens: str(target.tokenizer.decode([token for token in tokens if token not in hidden]))


def read_prompt(given: argparse.Namespace, target: TransformerLM) -> list[int]:
    """Turn the prompt, or what standard input holds, into tokens."""
    prompt = given.prompt
    if prompt == "-":
        # a program that was started without standard input has none to read
        if sys.stdin is None or sys.stdin.closed:
            raise ValueError("--prompt - reads standard input, which is closed. Give the text: --prompt TEXT.")
        prompt = sys.stdin.read()
    if not prompt:
        raise ValueError("--prompt must hold at least one character; got none. Models predict what follows a token.")
    tokens: list[int] = target.tokenizer.encode(prompt)
    return tokens


def continue_text(
    given: argparse.Namespace,
    tokens: list[int],
    models: tuple[Any, LanguageModel],
    *,
    run: Any = generate,
    **settings: Any,
) -> Any:
    """Run what the arguments ask for; the autoregressive baseline is the case K = 0."""
    if given.autoregressive and given.K:
        raise ValueError(f"--autoregressive is K = 0: it cannot go with --K {given.K}.")
    strategy = decoding_strategy(**{name: getattr(given, name) for name in STRATEGY})
    rng = np.random.default_rng(given.seed)
    settings = {"max_new_tokens": given.max_new_tokens, "transform": strategy, "stop": ends(models[0])} | settings
    # lookup in a real model drafts as many as paid in the last rounds, unless rows are to be kept
    is_chosen = given.model is not None and given.K is None and not given.autoregressive
    if is_chosen and "keep_rows" not in settings:
        return ADAPTIVE[run](tokens, *models, choose_K=REAL_K if are_rows_cheap() else DEAR_K, rng=rng, **settings)
    K = DEFAULT_K if given.K is None else given.K
    return run(tokens, *models, K=0 if given.autoregressive else K, rng=rng, **settings)


def show_stream(
    pieces: Any,
    trace: Trace,
    decode: Callable[[list[int]], str],
    *,
    head: str = "",
    stop_strings: Sequence[str] = (),
    seconds: float = 0.0,  # that went before
) -> None:
    """Print text as it comes, coloured by origin, and at its end, even if interrupted, the counters."""
    console = Console(highlight=False)
    began = time.perf_counter()
    shown = 0
    # a piece is cut out of all that was made, as it is: nothing wraps it
    texts = stream_text(pieces, decode, stop_strings=stop_strings)
    console.print(Segments(Text(head, "dim").render(console)), end="")
    try:
        for piece in texts:
            console.print(Segments(trace.render(decode)[shown : shown + len(piece)].render(console)), end="")
            console.file.flush()
            shown += len(piece)
    finally:
        print()
        seconds += time.perf_counter() - began
        rate = f"{len(trace.tokens)} tokens in {trace.target_passes} target passes, {seconds:.2f} s"
        Console(stderr=True, highlight=False).print(rate, style="dim")
