"""What does one verification cost from logits, beside Hugging Face's `_speculative_sampling` on the same numbers?

    python docs/measure_verify.py

prints the table of docs/backends.md: B = 1, K = 5, float32, one thread. Per vocabulary two cases: drafts refused as
they come (logits of target and draft such that α is about 0.8; the mean over 30 rounds), and all drafts kept, the
most work there is. The functions run in turn in one process; a round's figure is the median of its repeats. Needs the
extra [peers].
"""

from typing import Any

import numpy as np
import torch
from pages import row, table
from transformers.generation.utils import _speculative_sampling

from specsample import batched
from specsample.bench import timed
from specsample.distributions import softmax

K = 5
ROUNDS = 30
REPEATS = 7
NOISE = 0.38  # between the two models' logits: gives α = 0.8


def draw(rng: Any, V: int, *, is_kept: bool) -> tuple[Any, ...]:
    """Draw one round's logits, drafts and uniform numbers; u = 0 keeps every draft."""
    p = rng.normal(0, 2, (1, K + 1, V)).astype(np.float32)
    q = p[:, :K] + (NOISE * rng.normal(size=(1, K, V))).astype(np.float32)
    x = np.argmax(q + rng.gumbel(size=q.shape), axis=-1)
    if is_kept:
        q = p[:, :K].copy()  # Hugging Face draws its own uniforms: equal models keep every draft whatever they are
    return x, q, p, np.zeros((1, K)) if is_kept else rng.random((1, K)), rng.random(1)


def measure(V: int, *, is_kept: bool) -> tuple[list[float], float]:
    """Return the seconds of Hugging Face, of `verify_logits` and of softmax and `verify`, and the drafts kept."""
    rng = np.random.default_rng(V)
    times = []
    kept = []
    for _ in range(ROUNDS):
        x, q, p, u, u_emit = draw(rng, V, is_kept=is_kept)
        ids = torch.tensor(x)
        q_there = torch.tensor(q)
        p_there = torch.tensor(p)
        calls = [
            lambda: _speculative_sampling(ids, q_there, K, p_there),  # noqa: B023
            lambda: batched.verify_logits(x, q, p, u_accept=u, u_emit=u_emit),  # noqa: B023
            lambda: batched.verify(x, softmax(q), softmax(p), u_accept=u, u_emit=u_emit),  # noqa: B023
        ]
        times.append(np.median([[timed(call)[1] for call in calls] for _ in range(REPEATS)], axis=0))
        kept.append(int(batched.verify_logits(x, q, p, u_accept=u, u_emit=u_emit).n_accepted[0]))
    return np.mean(times, axis=0).tolist(), float(np.mean(kept))


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print(table(["V", "drafts kept of 5", "Hugging Face", "`verify_logits`", "ratio", "softmax, then `verify`"], []))
    for V in (97, 32_000, 128_000):
        for is_kept in (False, True):
            (theirs, ours, both), kept = measure(V, is_kept=is_kept)
            cells = [f"{V:,}", f"{kept:.1f}", f"{1e3 * theirs:.2f} ms", f"{1e3 * ours:.2f} ms"]
            print(row(*cells, f"{ours / theirs:.2f}", f"{1e3 * both:.2f} ms"), flush=True)


if __name__ == "__main__":
    main()
