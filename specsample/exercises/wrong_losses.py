"""Known mistakes about losses and their gradients, of notebook 07."""

import math
from typing import Any

import numpy as np

from specsample.distributions import Array, softmax
from specsample.exercises.exercise import Mistake


def of_rows(formula: Any) -> Any:
    """Make a loss of the probabilities that the tokens had."""
    return lambda logits, tokens: float(formula(softmax(logits)[np.arange(len(tokens)), tokens]))


def divergence(p: Array, q: Array) -> float:
    """KL(p || q), nats."""
    return float(sum(a * math.log(a / b) for a, b in zip(p, q) if a > 0))


BITS = (
    Mistake(
        "the logarithm is that to the base 10",
        "How many bits is a fair coin?",
        of_rows(lambda p: -np.log10(p).mean()),
    ),
    Mistake(
        "2 to the power of it is given: the perplexity",
        "Bits are the exponent.",
        of_rows(lambda p: 2 ** -np.log2(p).mean()),
    ),
    Mistake(
        "the likeliest tokens are scored, and not those that came",
        "What did it cost to say what the text says?",
        lambda logits, tokens: -np.log2(softmax(logits).max(axis=1)).mean(),
    ),
    Mistake(
        "the entropy of the rows is given",
        "What did it cost to say what the text says? The tokens matter.",
        lambda logits, tokens: -(softmax(logits) * np.log2(softmax(logits))).sum(axis=1).mean(),
    ),
)
GRADIENT = (
    Mistake("the softmax is left out", "Logits are no probabilities.", lambda logits, p: logits - p),
    Mistake(
        "the loss itself is differenced: log q - log p",
        "Take the derivative of -Σ p log q with respect to a logit.",
        lambda logits, p: np.log(softmax(logits)) - np.log(p),
    ),
    Mistake(
        "the loss is given and not its gradient",
        "There is one number for each logit.",
        lambda logits, p: divergence(p, softmax(logits)),
    ),
    Mistake(
        "the gradient is divided by the number of tokens",
        "The loss is a sum over tokens.",
        lambda logits, p: (softmax(logits) - p) / len(p),
    ),
    Mistake(
        "the derivative of the softmax is multiplied in once more",
        "The chain rule has used it up already.",
        lambda logits, p: (softmax(logits) - p) * softmax(logits) * (1 - softmax(logits)),
    ),
)
