"""Text that a chat model writes itself, and what it had in mind.

A draft head must learn the target's own text, not anybody's: prompts of many kinds, temperatures from 0 to 1. B
conversations are written side by side, in step with each other, so that one pass reads the weights for all of them.
When an answer ends, the model goes on as the user. What the head needs of each position, the target's features and
the normalizer of its distribution, falls out of the pass that writes the text and is kept.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from specsample.drafts.head_lm import FeaturedLM
from specsample.files import read_arrays, write_arrays
from specsample.training.prompts import HELD_OUT, opening
from specsample.transformer import ragged_numpy
from specsample.transformer.bpe import BytePairTokenizer
from specsample.transformer.chat import chat_tokens
from specsample.transformer.linear import product
from specsample.transformer.lm import load
from specsample.transformer.ragged_cache import RaggedCache

LONGEST_QUESTION = 48  # tokens that the model may write as the user
EDITED = 80  # tokens of an earlier answer that is to be edited, at most


class OwnText(NamedTuple):
    """B conversations of L tokens, and what the target had in mind at each of them."""

    tokens: np.ndarray  # (B, L) int32
    features: np.ndarray  # (B, L, D) float16, as `head.features`
    normalizers: np.ndarray  # (B, L) float32, log Σ exp of the logits: p = exp(logits − normalizer)
    is_answer: np.ndarray  # (B, L) bool: the token was written by the model, as the assistant


class Conversation:
    """Whose turn it is in one conversation, and which tokens are given before the model writes on.

    Parameters
    ----------
    tokenizer : BytePairTokenizer
    message : str, the first of the user; "" lets the model write it
    """

    def __init__(self, tokenizer: BytePairTokenizer, message: str) -> None:
        start = tokenizer.special["<|im_start|>"]
        line_end = tokenizer.encode("\n")
        # what comes between two turns, when one has ended
        self.to_answer = [*line_end, start, *tokenizer.encode("assistant\n")]
        self.to_question = [*line_end, start, *tokenizer.encode("user\n")]
        self.end = tokenizer.special["<|im_end|>"]
        given = chat_tokens(tokenizer, [{"role": "user", "content": message}])
        # without a message it stops before the end of the user's turn
        self.is_answer = bool(message)
        self.given = given if message else given[: -len(self.to_answer) - 1]
        self.n_written = 0

    def next(self, written: int) -> tuple[int, bool]:
        """Return the next token and whether it is part of an answer: a given one, or what the model has written."""
        if self.given:
            return self.given.pop(0), False
        self.n_written += 1
        is_answer = self.is_answer
        token = written if is_answer or self.n_written < LONGEST_QUESTION else self.end
        # the other one's turn
        if token == self.end:
            self.given = list(self.to_question if is_answer else self.to_answer)
            self.is_answer = not is_answer
            self.n_written = 0
        return token, is_answer


def write_text(
    target: FeaturedLM, messages: Sequence[str], *, temperatures: np.ndarray, length: int, rng: np.random.Generator
) -> OwnText:
    """Let the model write conversations.

    Parameters
    ----------
    target : FeaturedLM of a chat model
    messages : sequence of B str, the users' first ones; "" for one of the model's own
    temperatures : (B,) array, numbers in [0, 1]
    length : int, L, tokens of each, the template's included
    rng : Generator

    Returns
    -------
    OwnText
    """
    B = len(messages)
    config = target.config
    talks = [Conversation(target.tokenizer, message) for message in messages]
    cache = RaggedCache(config, B, like=target.embedding)
    text = OwnText(
        np.zeros((B, length), np.int32),
        np.zeros((B, length, config.width), np.float16),
        np.zeros((B, length), np.float32),
        np.zeros((B, length), bool),
    )
    written = np.zeros(B, np.int64)
    for t in range(length):
        # one token of each, given or written
        for b, talk in enumerate(talks):
            text.tokens[b, t], text.is_answer[b, t] = talk.next(int(written[b]))
        places = cache.places(np.full(B, t), np.ones(B, np.int64), 1)
        features = ragged_numpy.forward(target.packed, text.tokens[:, t : t + 1], cache=cache, places=places)[:, 0]
        logits = product(features, target.output)
        # what the head will need of it
        text.features[:, t] = features
        top = logits.max(axis=-1, keepdims=True)
        logits -= top
        text.normalizers[:, t] = top[:, 0] + np.log(np.exp(logits).sum(axis=-1))
        # questions at temperature 1, lest greedy users all ask the same
        answers = np.array([talk.is_answer for talk in talks])
        written = _drawn(logits, np.where(answers, temperatures, 1.0), rng.random(B))
    return text


def write_files(
    target: FeaturedLM,
    folder: str | Path,
    *,
    n_files: int,
    B: int,
    length: int,
    seed: int,
    on_file: Callable[[int, OwnText], None] = lambda number, text: None,
) -> None:
    """Write own text to files 000.npz ... of a folder; those that are there stay.

    File n is a function of (seed, n) and of the files before it, whose answers it may edit.

    Parameters
    ----------
    target : FeaturedLM of a chat model
    folder : str or Path, made if need be
    n_files, B, length : int, files, conversations in each, their tokens
    seed : int
    on_file : function of a file's number and its text, called after each that was written
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(n_files):
        path = folder / f"{number:03d}.npz"
        if path.exists():
            continue
        rng = np.random.default_rng((seed, number))
        answers = first_answers(load_text(folder / f"{number - 1:03d}.npz"), target.tokenizer) if number else []
        messages = [opening(rng, answers) for _ in range(B)]
        # a sixth greedy, a sixth at 1, the rest between
        temperatures = np.clip(1.5 * rng.random(B) - 0.25, 0.0, 1.0)
        text = write_text(target, messages, temperatures=temperatures, length=length, rng=rng)
        write_arrays(path, text._asdict())
        on_file(number, text)


def held_out_text(target: FeaturedLM, length: int, *, n_prompts: int = 8, seed: int = 77) -> OwnText:
    """Let the model answer n_prompts of each kind that are kept apart, at temperature 0 and at 1, as `write_text`."""
    messages = [prompt for prompts in HELD_OUT.values() for prompt in prompts[:n_prompts] for _ in range(2)]
    temperatures = np.arange(len(messages)) % 2.0
    return write_text(target, messages, temperatures=temperatures, length=length, rng=np.random.default_rng(seed))


def load_text(path: str | Path) -> OwnText:
    """Read a file that `write_files` wrote."""
    return OwnText(**read_arrays(path))


def first_answers(text: OwnText, tokenizer: BytePairTokenizer) -> list[str]:
    """Return the beginning of each conversation's first answer, for later conversations to edit."""
    found = []
    for tokens, is_answer in zip(text.tokens, text.is_answer, strict=True):
        # up to the first gap, for later answers are to other questions, and without the token that ends the turn
        at = np.flatnonzero(is_answer)
        n = int(np.argmax(np.diff(at, append=at[-1:] + 2) > 1)) if len(at) else 0
        found.append(tokenizer.decode(tokens[at[: min(n, EDITED)]].tolist()))
    return [answer for answer in found if answer]


def _drawn(logits: np.ndarray, temperatures: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Draw a token of each row (B, V) of logits whose largest is 0, at the row's temperature."""
    tokens: np.ndarray = logits.argmax(axis=-1)
    for b in np.flatnonzero(temperatures):
        weights = np.cumsum(np.exp(logits[b] / temperatures[b]), dtype=np.float64)
        tokens[b] = np.searchsorted(weights, u[b] * weights[-1], side="right")
    return tokens


def main(arguments: Sequence[str] | None = None) -> int:
    """Let SmolLM2 write what its head learns, and what it is measured on."""
    parser = argparse.ArgumentParser(prog="own_text", description="Let SmolLM2 write text for its draft head.")
    parser.add_argument("--out", type=Path, required=True, help="folder; files that are there stay")
    parser.add_argument("--files", type=int, default=12, help="how many (default: 12)")
    parser.add_argument("--batch", type=int, default=96, help="conversations in each (default: 96)")
    parser.add_argument("--length", type=int, default=288, help="tokens of each (default: 288)")
    parser.add_argument("--seed", type=int, default=15)
    given = parser.parse_args(arguments)
    target = FeaturedLM(load("smollm2", context=given.length))
    # what is held out stands beside the folder, so that nobody learns from it
    held_out = given.out.with_name(given.out.name + "-held-out.npz")
    if not held_out.exists():
        write_arrays(held_out, held_out_text(target, min(given.length, 224))._asdict())
    write_files(target, given.out, n_files=given.files, B=given.batch, length=given.length, seed=given.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
