"""What `demo`, `generate` and `trace` share: arguments and their run."""

import argparse
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from specsample.backend import LIBRARIES
from specsample.speculative import generate
from specsample.strategies import decoding_strategy
from specsample.transformer import ragged
from specsample.transformer.lm import TransformerLM, load_pair

DEFAULT_K = 5
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


def add_backend(add: Callable[..., Any]) -> None:
    """Add the choice of an array library."""
    said = "decode in batched form in this array library (default: NumPy, the text of the paper)"
    add("--backend", choices=LIBRARIES, help=said)


def add_sampling(add: Callable[..., Any]) -> None:
    """Add a prompt and every decoding strategy."""
    add("--prompt", required=True, metavar="TEXT", help="text to continue, or -: read standard input")
    add_basics(add)
    add("--top-k", type=int, metavar="N", help="keep the N most likely tokens")
    add("--top-p", type=float, metavar="P", help="keep the most likely tokens that hold P together")
    add("--min-p", type=float, metavar="P", help="keep tokens P times as likely as the likeliest, or more")
    add("--typical-p", type=float, metavar="P", help="keep the tokens of most usual surprise that hold P")
    add("--autoregressive", action="store_true", help="the baseline: K = 0")


def load_models(given: argparse.Namespace) -> tuple[TransformerLM, TransformerLM, Any]:
    """Load the pair into the array library that the arguments name, and say which function decodes there."""
    target, draft = load_pair()
    if given.backend is None:
        return target, draft, generate
    return target.to(given.backend), draft.to(given.backend), ragged.generate


def continue_prompt(
    given: argparse.Namespace, target: TransformerLM, draft: TransformerLM, *, run: Any = generate, **settings: Any
) -> Any:
    """Run what the arguments ask for; the autoregressive baseline is the case K = 0."""
    if given.autoregressive and given.K:
        raise ValueError(f"--autoregressive is K = 0: it cannot go with --K {given.K}.")
    prompt = given.prompt
    if prompt == "-":
        # a program that was started without standard input has none to read
        if sys.stdin is None or sys.stdin.closed:
            raise ValueError("--prompt - reads standard input, which is closed. Give the text: --prompt TEXT.")
        prompt = sys.stdin.read()
    if not prompt:
        raise ValueError("--prompt must hold at least one character; got none. Models predict what follows a token.")
    strategy = decoding_strategy(**{name: getattr(given, name) for name in STRATEGY})
    settings |= {"max_new_tokens": given.max_new_tokens, "transform": strategy}
    K = DEFAULT_K if given.K is None else given.K
    K = 0 if given.autoregressive else K
    rng = np.random.default_rng(given.seed)
    return run(target.tokenizer.encode(prompt), target, draft, K=K, rng=rng, **settings)
