"""Distillation: a small model learns what a large one will say.

The acceptance rate is the overlap of draft and target, so the draft learns from the target's distributions instead of
from the text: at every position of the corpus its loss is the cross-entropy to p, which is KL(p ‖ q) plus a constant
(DistillSpec, Zhou et al., arXiv 2310.08461, studies the choices). In the second half of the run it follows the
gradient of the overlap itself.
"""

import hashlib
import math

import numpy as np

from specsample.distributions import softmax
from specsample.transformer.layers import cross_entropy, rejection_rate
from specsample.transformer.lm import TransformerLM
from specsample.transformer.model import forward

ROWS = 8  # windows in one pass


def next_token_probs(model: TransformerLM, tokens: np.ndarray) -> np.ndarray:
    """Return a model's distributions over whole windows of text, without a cache.

    Parameters
    ----------
    model : TransformerLM
    tokens : (B, T) int array

    Returns
    -------
    (B, T, V) array, row t is the distribution of the token after tokens[:, t], in the float type of the parameters
    """
    probs: np.ndarray = softmax(forward(model.config, model.params, tokens))
    return probs


def acceptance_criterion(logits: np.ndarray, target_probs: np.ndarray) -> tuple[float, np.ndarray]:
    """Learn to be accepted: the gradient is the rejection rate's, the loss reported is still the cross-entropy.

    Parameters
    ----------
    logits : (..., V) array, the draft's
    target_probs : (..., V) array, the target's distributions

    Returns
    -------
    loss : float, cross-entropy, nats per position, so that one loss curve can be read through the whole run
    dlogits : (..., V) array, gradient of 1 − Σ min(p, q)
    """
    # one curve for the whole run: the loss that is shown stays the cross-entropy
    return cross_entropy(logits, target_probs)[0], rejection_rate(logits, target_probs)[1]


def acceptance_on_text(target: TransformerLM, draft: TransformerLM, windows: np.ndarray, *, skip: int = 0) -> float:
    """Measure the expected acceptance rate at temperature 1 on given text: the mean of Σ min(p, q).

    That is α of Leviathan et al., section 3.2, with the positions of a text in place of those of generated text.

    Parameters
    ----------
    target, draft : TransformerLM, p and q, over one vocabulary
    windows : (B, T+1) int array
        Text as `data.held_out_windows` cuts it; the last token of each window is only predicted, never read.
    skip : int, positions at the start of each window that do not count

    Returns
    -------
    float, in [0, 1]; 1 for equal models
    """
    # β at every position, a few windows at a time
    total = 0.0
    for rows in np.array_split(windows[:, :-1], math.ceil(len(windows) / ROWS)):
        p = next_token_probs(target, rows)[:, skip:]
        q = next_token_probs(draft, rows)[:, skip:]
        total += float(np.minimum(p, q).sum(dtype=np.float64))
    return total / windows[:, skip:-1].size


def fingerprint(model: TransformerLM) -> str:
    """Name a model by 16 digits of the SHA-256 of its parameters: a run is only resumed with the same teacher."""
    digest = hashlib.sha256()
    for name in sorted(model.params):
        digest.update(name.encode() + np.ascontiguousarray(model.params[name]).tobytes())
    return digest.hexdigest()[:16]
