"""What the files beside this one share: settings of an engine, judged one after the other.

Each of those files runs in an environment with one engine, by `docs/make_engines.py` or by hand, and prints a line of
JSON for every setting. It is an adapter as well: what has to be written to show the kit that engine.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from time import process_time
from typing import Any

import numpy as np

from specsample.conformance import check
from specsample.conformance.adapters import Adapter

MARK = "verdict "  # before the lines that are for the script


@dataclass(frozen=True)
class Case:
    """One setting of an engine."""

    path: str  # which function, and how it ran here
    option: str
    make: Callable[[], Adapter]
    settings: dict[str, Any] = field(default_factory=dict)  # of `check`
    explained: dict[str, str] = field(default_factory=dict)  # verdict -> its cause, as found in the engine's source


def judge(case: Case) -> dict[str, Any]:
    """Judge one setting."""
    began = process_time()
    asked = {"eps": 0.1, "time_limit": 600.0} | case.settings
    report = check(case.make(), seed=0, **asked)
    found = {"path": case.path, "option": case.option, "verdict": report.verdict, "eps": report.eps}
    found |= {"probes": ", ".join(probe.name for probe in report.probes if probe.streams)}
    found |= {"streams": report.streams, "seconds": round(process_time() - began, 1)}
    # of a long message the first sentence: what follows are lines of files in the environment
    reasons = [reason.partition(". It was called with")[0].splitlines()[0] for reason in report.reasons]
    found |= {"named": report.diagnosis.id if report.diagnosis else "", "reasons": reasons}
    needs_none = report.verdict in ("PASS", "INCONCLUSIVE")
    return found | {"explained": case.explained.get(report.verdict, "" if needs_none else "unexplained")}


def judge_all(cases: list[Case], *packages: str) -> None:
    """Judge all settings whose option is not named on the command line; the first line says the versions."""
    print(MARK + json.dumps({"versions": {name: version(name) for name in packages}}), flush=True)
    for case in cases:
        if f"{case.path}: {case.option}" not in sys.argv[1:]:
            print(MARK + json.dumps(judge(case)), flush=True)


@dataclass(frozen=True)
class Texts:
    """Whole texts from an engine's way of drafting and of verifying, with a seed of its own for every text.

    `draft(logits, seeds, positions)`: (N, V), (N,), (N,) -> (N,) ids. `verify(drafts, q_logits, p_logits, seeds,
    positions)`: (N, K), (N, K, V), (N, K+1, V), (N,), (N,) -> (N, K+1) ids, padded with -1. Whoever gives a draft and
    its verdict the same random numbers is seen here only: a verifier that is handed drafts cannot show it.
    """

    draft: Callable[..., Any]
    verify: Callable[..., Any]
    K: int = 1
    V: int = 4
    rows: tuple[Any, Any] | None = None  # p and q, (V,) each, where they are to be the same after every token

    def logits(self, which: int) -> Any:
        """Make the table of the target (0) or of the draft model (1): row i follows token i."""
        if self.rows is not None:
            return np.log(np.tile(self.rows[which], (self.V, 1)))
        return 1.5 * np.random.default_rng(which).standard_normal((self.V, self.V))

    def next_probs(self, tokens: Any) -> Any:
        """Say what the target says after a text."""
        return softmax(self.logits(0)[tokens[-1]])

    def __call__(self, prompts: Any, max_new_tokens: int, *, seed: int) -> Any:
        """Generate a text after each prompt, all at once."""
        p_table = self.logits(0)
        q_table = self.logits(1)
        seeds = np.random.default_rng(seed).integers(2**31, size=len(prompts))
        tokens = np.pad(np.array(prompts)[:, -1:], ((0, 0), (0, max_new_tokens + self.K)))
        length = np.ones(len(prompts), np.int64)
        # round by round, the texts that are not long enough yet
        while (on := np.flatnonzero(length <= max_new_tokens)).size:
            at = length[on]
            path = tokens[on, at - 1][:, None]
            for i in range(self.K):
                drafted = self.draft(q_table[path[:, -1]], seeds[on], at + i)
                path = np.concatenate([path, np.asarray(drafted)[:, None]], axis=1)
            made = np.asarray(self.verify(path[:, 1:], q_table[path[:, :-1]], p_table[path], seeds[on], at))
            # append what was emitted
            for j in range(self.K + 1):
                is_token = made[:, j] >= 0
                tokens[on[is_token], length[on[is_token]]] = made[is_token, j]
                length[on[is_token]] += 1
        return tokens[:, 1 : max_new_tokens + 1].tolist()


def softmax(logits: Any) -> Any:
    """Turn the last axis of logits of any library into probabilities, in float64."""
    scores = np.exp(np.asarray(logits, np.float64) - np.max(np.asarray(logits, np.float64), axis=-1, keepdims=True))
    return scores / scores.sum(axis=-1, keepdims=True)
