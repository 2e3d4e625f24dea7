"""Can the target draft for itself? Its first layers, its norm and its head are a smaller model already.

A Transformer adds to one stream of numbers, layer by layer, and reads its prediction off the stream after the last
one. Reading it off earlier gives a worse prediction for a part of the cost: c is about n/L. The draft has the
target's own arrays and no others; its n layers write the keys and values that the target's first n layers write.
Read `transformer.lm` before.
"""

from dataclasses import replace

from specsample.transformer.lm import TransformerLM


def early_exit(target: TransformerLM, n_layers: int) -> TransformerLM:
    """Make the draft that leaves the target after n layers.

    q(x | context) = softmax(head(norm(stream after layer n))).

    Parameters
    ----------
    target : TransformerLM
    n_layers : int, 1 to the target's L

    Returns
    -------
    TransformerLM that shares the target's parameters and tokenizer

    Raises
    ------
    ValueError
        If the target has fewer layers, or n_layers is not positive.
    """
    L = target.config.n_layers
    if not 1 <= n_layers <= L:
        raise ValueError(f"n_layers must lie in 1 .. {L}, the target's layers; got {n_layers}.")
    is_kept = {f"layers.{layer}" for layer in range(n_layers)}
    params = {
        name: value
        for name, value in target.params.items()
        if not name.startswith("layers.") or ".".join(name.split(".")[:2]) in is_kept
    }
    return TransformerLM(replace(target.config, n_layers=n_layers), params, target.tokenizer)
