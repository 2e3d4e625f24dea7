"""What a one-layer head learns from its target's own text.

The target's part of a step: features, embeddings and probabilities, of a text that `own_text` kept; the two losses
over a cut vocabulary; the start by least squares; and the measure that counts, the overlap on prompts kept apart.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from specsample.distributions import softmax
from specsample.drafts import layer_head
from specsample.training.distil import acceptance_criterion
from specsample.training.own_text import OwnText, load_text
from specsample.transformer.config import Config
from specsample.transformer.layers import cross_entropy
from specsample.transformer.lm import TransformerLM

DEPTH = 5  # drafts in a row that are measured


class Side(NamedTuple):
    """What the head borrows of its target."""

    embedded: np.ndarray  # (V, D) rows of the embedding, of root mean square 1
    output: np.ndarray  # (D, V') head, with the norm's weights, cut
    ids: np.ndarray  # (V',) tokens


def load_texts(folder: str | Path) -> OwnText:
    """Read all files that `own_text.write_files` wrote, as one."""
    texts = [load_text(path) for path in sorted(Path(folder).glob("*.npz"))]
    return OwnText(*(np.concatenate(parts) for parts in zip(*texts, strict=True)))


def borrow(target: TransformerLM, ids: np.ndarray) -> Side:
    """Cut the target's head to some ids, and scale its embedding."""
    return Side(layer_head.normed(target.params["embedding"]), layer_head.cut_output(target, ids), ids)


def linear_start(text: OwnText, embedded: np.ndarray, rows: int = 32) -> np.ndarray:
    """Solve for fc, (2D, D), on all positions of the text, some conversations at a time."""
    D = embedded.shape[1]
    moment = np.zeros((2 * D, 2 * D))
    product = np.zeros((2 * D, D))
    for start in range(0, len(text.tokens), rows):
        known = text.features[start : start + rows].astype(np.float32)
        read = embedded[text.tokens[start : start + rows]]
        x = np.concatenate([known[:, :-1], read[:, 1:]], axis=-1).reshape(-1, 2 * D)
        moment += x.T @ x
        product += x.T @ known[:, 1:].reshape(-1, D)
    return layer_head.least_squares(moment, product)


def wanted_rows(side: Side, text: OwnText) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return what the head reads of a text, which rows count, and the target's probabilities there.

    Returns
    -------
    known, embedded : (B, L-1, D) arrays
    is_wanted : (B, L-1) bool array, an answer's token comes next
    target_probs : (n, V') array, rows sum to 1 or less: what the cut leaves of p
    """
    known = text.features[:, :-1].astype(np.float32)
    is_wanted = text.is_answer[:, 1:]
    logits = known[is_wanted] @ side.output
    logits -= text.normalizers[:, :-1][is_wanted][:, None]
    return known, side.embedded[text.tokens[:, :-1]], is_wanted, np.exp(logits)


def cross_entropy_of_cut(logits: np.ndarray, target_probs: np.ndarray) -> tuple[float, np.ndarray]:
    """Compute the cross-entropy to p given that its token is one of the ids; as `layers.cross_entropy`."""
    return cross_entropy(logits, target_probs / target_probs.sum(axis=-1, keepdims=True))


def overlap_of_cut(logits: np.ndarray, target_probs: np.ndarray) -> tuple[float, np.ndarray]:
    """Follow the overlap with all of p, what the cut has lost included; as `distil.acceptance_criterion`."""
    return cross_entropy_of_cut(logits, target_probs)[0], acceptance_criterion(logits, target_probs)[1]


def overlaps(
    config: Config, params: dict[str, np.ndarray], side: Side, text: OwnText, *, depth: int = DEPTH
) -> list[float]:
    """Measure the mean Σ min(p, q) at temperature 1 over a text's answers, for the 1st, 2nd ... draft in a row."""
    total = np.zeros(depth)
    count = np.zeros(depth)
    # one conversation at a time: rows of V' numbers fill memory
    for b in range(len(text.tokens)):
        known, embedded, is_wanted, target_probs = wanted_rows(side, OwnText(*(part[b : b + 1] for part in text)))
        T = known.shape[1] - depth
        number = np.cumsum(is_wanted).reshape(is_wanted.shape) - 1
        for k, (states, _) in enumerate(layer_head.unroll(config, params, known, embedded, K=depth)):
            here = is_wanted[:, k + 1 : T + k + 1]
            q = softmax(states[here] @ side.output)
            p = target_probs[number[:, k + 1 : T + k + 1][here]]
            total[k] += np.minimum(p, q).sum(dtype=np.float64)
            count[k] += len(q)
    return [float(value) for value in total / count]
