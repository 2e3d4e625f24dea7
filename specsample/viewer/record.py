"""What the viewer knows of a run: a record that JSON can hold."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from specsample.acceptance import accept_probability
from specsample.distributions import Array
from specsample.viewer.columns import columns
from specsample.viewer.text import Decode, running, texts, visible


def describe(
    prompt_tokens: Sequence[int],
    rounds: Sequence[Mapping[str, Any]],
    decode: Decode,
    times: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Collect what the viewer shows of a run.

    Parameters
    ----------
    prompt_tokens : sequence of int
    rounds : the fields of each Round, with its `sources`, `n_tested` and `n_declined`
    decode : function from token ids to text, or the texts in the order of their ids, or None
    times : of a race its baseline's tokens and all passes (`Record.times`), or None

    Returns
    -------
    dict : prompt, rounds, times, and of each token that occurs its text by itself and in running text
    """
    described: list[dict[str, Any]] = []
    so_far = {"rounds": 0, "tokens": 0, "tested": 0, "accepted": 0}
    for given in rounds:
        context = len(prompt_tokens) + so_far["tokens"]  # tokens before this round
        so_far = {
            "rounds": so_far["rounds"] + 1,
            "tokens": so_far["tokens"] + len(given["emitted"]),
            "tested": so_far["tested"] + given["n_tested"],
            "accepted": so_far["accepted"] + given["n_accepted"],
        }
        described.append(_round(given) | {"context": context, "so_far": so_far | _rates(so_far)})
    # only the texts of tokens that occur: a vocabulary may have 100,000
    baseline = times["tokens"] if times else ()
    used = sorted(
        {*map(int, [*prompt_tokens, *baseline]), *(token for entry in described for token in _tokens(entry))}
    )
    shown = {token: [visible(text), running(text)] for token, text in zip(used, texts(used, decode), strict=True)}
    return {"prompt": [*map(int, prompt_tokens)], "rounds": described, "times": times, "texts": shown}


def _round(given: Mapping[str, Any]) -> dict[str, Any]:
    """Describe one round; fractions and NumPy's numbers become floats."""
    p_x = np.array([float(value) for value in given["p_x"]])
    q_x = np.array([float(value) for value in given["q_x"]])
    return {
        "drafts": [*map(int, given["draft_tokens"])],
        "p": p_x.tolist(),
        "q": q_x.tolist(),
        "accept": np.asarray(accept_probability(p_x, q_x)).tolist(),
        "u": [float(number) for number in given["u"]],
        "n_accepted": int(given["n_accepted"]),
        "n_tested": int(given["n_tested"]),
        "n_declined": int(given["n_declined"]),
        "emitted": [*map(int, given["emitted"])],
        "sources": [*given["sources"]],
        "target_length": [*map(int, given["target_length"])],
        "draft_length": [*map(int, given["draft_length"])],
        "rows": None if given["target_rows"] is None else [*_rows(given)],
    }


def _rows(given: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """Describe the K+1 positions; the one where the round ended knows what its last token was picked from."""
    K = len(given["draft_tokens"])
    n = given["n_accepted"]
    p = _floats(given["target_rows"])  # (K+1, V)
    q = _floats(given["draft_rows"])  # (K, V)
    last = given["emitted"][n:]  # the correction or bonus; nothing if a stop token ended the text before it
    for i in range(K + 1):
        # a column for the draft that was tested here, and one for what was picked where the round ended
        must = [*given["draft_tokens"][i : i + 1], *(last if i == n else [])]
        is_end = i == n and bool(last)
        yield columns(p[i], q[i] if i < K else None, tokens=[*map(int, must)], is_end=is_end)


def _floats(rows: Any) -> Array:
    """Turn rows into float64."""
    return np.asarray(rows).astype(np.float64)


def _rates(so_far: Mapping[str, int]) -> dict[str, float | None]:
    """Divide the counters: α and tokens per target pass, as in `Trace`."""
    rate = so_far["accepted"] / so_far["tested"] if so_far["tested"] else None
    return {"acceptance_rate": rate, "tokens_per_target_pass": so_far["tokens"] / so_far["rounds"]}


def _tokens(entry: Mapping[str, Any]) -> Iterable[int]:
    """List the tokens that a round shows."""
    yield from entry["drafts"]
    yield from entry["emitted"]
    for row in entry["rows"] or ():
        shown = [*row["token"], *row.get("drafted", row)["token"]]
        yield from (token for token in shown if token >= 0)
