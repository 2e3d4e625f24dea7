"""Samplers in any language: a program is started and talked with.

`from_command` makes an adapter of a program that speaks the protocol of docs/wire.md. It gets its seeds from the
judge, one for each request, and says at the start how it wants its arrays, and how many streams at once.
"""

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from shutil import which
from time import monotonic
from typing import Any

import numpy as np

from specsample.conformance.adapters.adapter import Adapter, Broken, Kind
from specsample.conformance.adapters.rounds import from_step, from_verify
from specsample.conformance.adapters.session import BATCH, MOST, MOST_A_TOKEN, Session, rows_of
from specsample.conformance.adapters.tabled import TabledModel
from specsample.conformance.adapters.watched import FIRST_CALL, LastCall, before_the_first
from specsample.conformance.adapters.whole import from_generate
from specsample.conformance.evidence.cells import PADDING
from specsample.distributions import Array

SEEDS = 2**53  # below it every JSON reader keeps a number whole
MAX_NUMBERS = 1 << 20  # in a request
MAX_ENTRIES = 1_000_000  # of a table of states


def from_command(command: str | Sequence[str], *, kind: Kind, name: str = "") -> Adapter:
    """Show the kit a program that speaks the wire protocol.

    Parameters
    ----------
    command : str as in a shell, without its expansions, or a sequence of str: the program and its arguments
    kind : "verify", "step" or "generate", what it is asked for
    name : str, for the report; the command if empty

    Returns
    -------
    Adapter

    Raises
    ------
    ValueError
        If there is no such program or kind.
    RuntimeError
        On systems whose pipes cannot be waited for.

    Examples
    --------
    >>> import sys
    >>> from specsample.conformance import check
    >>> refuses = [sys.executable, "-c", "print('{\\"error\\": \\"I speak version 2\\"}')"]
    >>> print(check(from_command(refuses, kind="verify")).reasons[0])
    the program says: I speak version 2
    It had been asked '{"specsample":1,"kind":"verify"}'.
    """
    if os.name != "posix":
        raise RuntimeError("from_command waits for pipes, which this system cannot: use Linux, macOS or WSL.")
    words = shlex.split(command) if isinstance(command, str) else [os.fspath(word) for word in command]
    if not words or which(words[0]) is None:
        raise ValueError(
            f"command must name a program that can be started; got {command!r}. Is it built, and executable, and is "
            "its path written as from this folder, ./program?"
        )
    session = Session(words, kind)
    client = Client(session)
    named: dict[str, Any] = {"batched": True, "batch": BATCH, "name": name or shlex.join(words)}
    made: dict[str, Callable[[], Adapter]] = {
        "verify": lambda: from_verify(client.verify, **named),
        "step": lambda: from_step(client.step, **named),
        "generate": lambda: from_generate(client.generate, **named),
    }
    if kind not in made:
        raise ValueError(f"kind must be one of {', '.join(made)}; got {kind!r}.")
    # its uniform numbers cannot be scripted; its clock runs for a request, not for all of a call
    return replace(made[kind](), call=None, last=client.last, end=session.end)


@dataclass(frozen=True)
class Client:
    """What `from_verify`, `from_step` and `from_generate` call where a function would be."""

    session: Session
    last: LastCall = field(default_factory=before_the_first)

    def verify(self, draft_tokens: Array, draft_probs: Array, target_probs: Array, rng: Any) -> Any:
        """Let the program verify (N, K) drafts: (N, K+1) tokens, padded with -1."""
        N, K, V = draft_probs.shape

        def ask(part: slice, **asked: int) -> list[list[int]]:
            given = {"drafts": draft_tokens[part], "q": draft_probs[part], "p": target_probs[part]}
            return self._rounds("verify", **asked, K=K, V=V, **given)

        return self._in_batches(ask, N, rng, numbers=(2 * K + 1) * V)

    def step(self, prefixes: Array, draft_model: Any, target_model: Any, *given: Any) -> Any:
        """Let the program play a round after each of N texts: (N, K+1) tokens, padded with -1."""
        K, rng = given
        texts = prefixes[:, len(target_model.prompt) :]

        def ask(part: slice, **asked: int) -> list[list[int]]:
            self._tell(target_model, draft_model, target_model.max_new_tokens)
            return self._rounds("step", **asked, K=K, length=texts.shape[1], texts=texts[part])

        return self._in_batches(ask, len(texts), rng)

    def generate(
        self,
        prompts: Sequence[Any],
        max_new_tokens: int,
        *,
        target_model: Any,
        draft_model: Any,
        K: int,
        **given: Any,
    ) -> Any:
        """Let the program write a text after each of N equal prompts: N lists of new tokens."""
        wanted = {"K": K, "max_new_tokens": max_new_tokens, "stop": list(given["stop"])}

        def ask(part: slice, **asked: int) -> list[list[int]]:
            # an engine may draft beyond the end of a text, and cut it then
            self._tell(target_model, draft_model, max_new_tokens + K)
            most = MOST + MOST_A_TOKEN * asked["n"] * max_new_tokens
            return rows_of(self.session.asked("generate", most, **asked, **wanted), asked["n"])

        return self._in_batches(ask, len(prompts), np.random.default_rng(given["seed"]))

    def _rounds(self, kind: str, *, seed: int, n: int, K: int, **given: Any) -> list[list[int]]:
        """Ask for n rounds: lists of K+1 tokens, padded with -1."""
        most = MOST + MOST_A_TOKEN * n * (K + 1)
        rows = rows_of(self.session.asked(kind, most, seed=seed, n=n, K=K, **given), n)
        longest = max(rows, key=len)
        if len(longest) > K + 1:
            raise Broken(f"a round has at most K+1 = {K + 1} tokens; got {str(longest)[:100]}.")
        return [row + [PADDING] * (K + 1 - len(row)) for row in rows]

    def _tell(self, target_model: TabledModel, draft_model: TabledModel, depth: int) -> None:
        """Send the models' tables, unless the program has them."""
        models = (target_model, draft_model, depth)
        if models != self.session.models:
            self.session.asked("models", **tables(*models))
            self.session.models = models

    def _in_batches(
        self, ask: Callable[..., list[list[int]]], N: int, rng: np.random.Generator, *, numbers: int = 1
    ) -> list[list[int]]:
        """Ask for N streams of some numbers each, as many at once as the program takes, and as a line should hold."""
        session = self.session
        rows: list[list[int]] = []
        # threads of one process share the program
        with session.lock:
            try:
                self.last.at = monotonic()
                if session.program.process is None:
                    self.last.patience = FIRST_CALL
                    session.greet()
                batch = max(1, min(session.batch, MAX_NUMBERS // numbers))
                for start in range(0, N, batch):
                    # every request has a seed of its own
                    n = min(batch, N - start)
                    rows += ask(slice(start, start + n), seed=int(rng.integers(SEEDS)), n=n)
                    # the time limit is one request's, and patience ends with the first
                    self.last.at = monotonic()
                    self.last.patience = 1.0
            except BaseException as error:
                # whoever was interrupted in a line, or has answered something else, has lost its place
                self.last.at = monotonic()
                words = session.program.last_words()
                session.program.kill()
                if isinstance(error, Broken):
                    raise Broken(f"{error}\n{words}") from error
                error.add_note(f"{words}\nDoes it flush its answer, and end it by a newline?")
                raise
        self.last.is_asked = True
        return rows


def tables(target_model: TabledModel, draft_model: TabledModel, depth: int) -> dict[str, Any]:
    """Write both models as one table of states: what each says there, and which state a token leads to.

    Parameters
    ----------
    target_model, draft_model : TabledModel
    depth : int, texts of fewer new tokens than this are read

    Raises
    ------
    Broken
        If there are too many states.
    """
    V = target_model.vocab_size
    models = (target_model, draft_model)
    # texts after which both models go on alike are one state, known by the first of them
    texts = [list(target_model.prompt)]
    known = {_memory(models, texts[0]): 0}
    following: list[list[int]] = []
    for text in texts:
        following.append([])
        for x in range(V):
            longer = [*text, x]
            state = _memory(models, longer)
            if state not in known and len(longer) - len(texts[0]) < depth:
                known[state] = len(texts)
                texts.append(longer)
            following[-1].append(known.get(state, -1))
        if len(texts) * V > MAX_ENTRIES:
            raise Broken(f"the models have more than {len(texts):,} states of {V} tokens: too many for a program.")
    rows = {name: np.array([model.row(text) for text in texts]) for name, model in zip("pq", models)}
    return {"V": V, "states": len(texts), "prompt": texts[0], "next": np.array(following), **rows}


def _memory(models: Sequence[TabledModel], text: list[int]) -> tuple[tuple[int, ...], ...]:
    """List what each model remembers of a text: its last tokens, with zeros before it, or all of it."""
    orders = [len(text) if model.order < 0 else model.order for model in models]
    kept = [([0] * order + text)[len(text) :] for order in orders]
    # tokens that lead to the same row are one
    return tuple(tuple(model.row_of[tokens].tolist()) for model, tokens in zip(models, kept))
