"""A recurrent head on the target's last hidden state.

Can one small layer draft from what the target has in mind? Its features, its last stream scaled to unit length, hold
far more of the text than its next token. The head carries them on, one draft token at a time, without ever asking the
target again::

    s_0 = features before the last token,    s_k = s_{k-1} + swiglu([norm(s_{k-1}), norm(e(x_k))]) @ down,
    q_k = softmax(norm(s_k) @ target's head).

A layer of the target's own width and the target's own head: about a tenth of the target's work and no cache (compare
Medusa, arXiv 2401.10774; EAGLE, 2401.15077; recurrent drafters, 2403.09919). In training K steps are unrolled from
every position at once and the gradient flows back through all of them. Forward and backward stand side by side, as in
`transformer.layers`.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from specsample.distributions import Array
from specsample.transformer.blocks import Params
from specsample.transformer.config import Config
from specsample.transformer.layers import (
    linear_backward,
    rms_norm,
    rms_norm_backward,
    swiglu,
    swiglu_backward,
)
from specsample.transformer.lm import TransformerLM
from specsample.transformer.model import Criterion, forward

EPS = 1e-5


def shapes(width: int, hidden: int) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every parameter, for the target's width D and F hidden numbers in the SwiGLU."""
    D, F = width, hidden
    # matrices first, then the norms' vectors: parameters are drawn in this order
    matrices = {"gate_up": (2 * D, 2 * F), "down": (F, D)}
    return matrices | dict.fromkeys(("norm_state", "norm_token", "norm"), (D,))


def init_params(width: int, hidden: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw float32 parameters, in the order of `shapes`.

    Norms 1, matrices N(0, 0.02²), so that a new head says what the target said one token ago.
    """
    drawn = {
        name: np.ones(shape) if len(shape) == 1 else rng.standard_normal(shape) * 0.02
        for name, shape in shapes(width, hidden).items()
    }
    return {name: value.astype(np.float32) for name, value in drawn.items()}


def output_matrix(target: TransformerLM) -> np.ndarray:
    """Return the target's (D, V) output head, which the draft head shares."""
    params = target.params
    matrix: np.ndarray = params["head"] if "head" in params else params["embedding"].T
    return matrix


def features(target: TransformerLM, tokens: np.ndarray) -> np.ndarray:
    """Read (B, T) tokens and return the target's normed last stream, (B, T, D), before the norm's weights.

    Rows have root mean square 1; times norm, @ head, they are the target's logits.
    """
    found: np.ndarray = forward(*featured(target), tokens)
    return found


def featured(target: TransformerLM) -> tuple[Config, dict[str, np.ndarray]]:
    """Replace a Transformer's head by the identity: what `model.forward` then gives are its features."""
    D = target.config.width
    dtype = target.params["embedding"].dtype
    # the norm scales to unit length but has no weights of its own: those are folded into the head that reads it
    outputs = {"head": np.eye(D, dtype=dtype), "norm": np.ones(D, dtype)}
    return replace(target.config, tied=False), {**target.params, **outputs}


def advance(params: Params, state: Array, embedded: Array) -> tuple[Array, tuple[Any, ...]]:
    """Carry the state over one token: s' = s + swiglu([norm(s), norm(e)] @ gate_up) @ down.

    s and e, the token's row of the target's embedding, are (..., D). What the backward needs comes second.
    """
    # both are scaled alike, so that neither drowns the other
    normed, kept_state = rms_norm(state, params["norm_state"], EPS)
    token, kept_token = rms_norm(embedded, params["norm_token"], EPS)
    joined = np.concatenate([normed, token], axis=-1)  # (..., 2D)
    gate_up = joined @ params["gate_up"]
    hidden, sigmoid = swiglu(gate_up)
    # the state is a stream, as in the target: each token adds to it
    moved = hidden @ params["down"]
    moved += state
    return moved, (kept_state, kept_token, joined, gate_up, sigmoid, hidden)


def advance_backward(dy: np.ndarray, kept: tuple[Any, ...], params: Params, *, grads: dict[str, Array]) -> np.ndarray:
    """Add the gradients of one step to `grads` and return that of the state before it, (..., D) as dy."""
    kept_state, kept_token, joined, gate_up, sigmoid, hidden = kept
    # from the last line of `advance` up to the first
    dhidden, ddown = linear_backward(dy, hidden, params["down"])
    djoined, dgate_up = linear_backward(swiglu_backward(dhidden, gate_up, sigmoid), joined, params["gate_up"])
    D = dy.shape[-1]
    dstate, dnorm_state = rms_norm_backward(djoined[..., :D], kept_state, params["norm_state"])
    # the token's row is the target's embedding, which is fixed: only the norm's weights learn from it
    _, dnorm_token = rms_norm_backward(djoined[..., D:], kept_token, params["norm_token"])
    found = {"down": ddown, "gate_up": dgate_up, "norm_state": dnorm_state, "norm_token": dnorm_token}
    for name, grad in found.items():
        grads[name] += grad
    # and straight through, for s' = s + ...
    dstate += dy
    return dstate


def loss_and_grads(
    params: dict[str, np.ndarray],
    known: np.ndarray,
    embedded: np.ndarray,
    targets: np.ndarray,
    *,
    output: np.ndarray,
    K: int,
    criterion: Criterion,
) -> tuple[list[float], dict[str, np.ndarray]]:
    """Unroll K steps from every position and return each step's loss and the gradient of their mean.

    Step k from position t starts at the features of t, has read the tokens t+1 ... t+k, and is compared with the
    target's distribution after them.

    Parameters
    ----------
    params : dict of NumPy arrays, as `init_params` makes them
    known : (B, T, D) array, the target's features
    embedded : (B, T, D) array, the tokens' rows of its embedding
    targets : (B, T, V) array, its distributions
    output : (D, V) array, its head
    K : int >= 1, steps
    criterion : function of logits and targets; returns the loss and its gradient with respect to the logits

    Returns
    -------
    losses : list of K floats
    grads : dict of arrays, names and shapes of `params`
    """
    grads = {name: np.zeros_like(value) for name, value in params.items()}
    # forward: K steps from each of T positions, all positions at once
    T = known.shape[1] - K
    states = [known[:, :-K]]  # K+1 of (B, T, D)
    kept: list[Any] = []
    for k in range(1, K + 1):
        state, kept_step = advance(params, states[-1], embedded[:, k : T + k])
        states.append(state)
        kept.append(kept_step)
    # backward: a state is charged with its own row's loss and with all that the later steps made of it
    losses: list[float] = []
    dstate = np.zeros_like(states[0])
    for k in range(K, 0, -1):
        normed, kept_norm = rms_norm(states[k], params["norm"], EPS)
        loss, dlogits = criterion(normed @ output, targets[:, k : T + k])
        dnormed = dlogits @ output.T * (1.0 / K)
        dhere, dnorm = rms_norm_backward(dnormed, kept_norm, params["norm"])
        grads["norm"] += dnorm
        dstate = advance_backward(dstate + dhere, kept[k - 1], params, grads=grads)
        losses.insert(0, loss)
    return losses, grads
