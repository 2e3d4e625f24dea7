"""What is asked in notebook 07, training a pair and distilling the draft?"""

import math
from typing import Any

import numpy as np

from specsample.acceptance import overlap
from specsample.distributions import Array, softmax
from specsample.exercises.exercise import Case, Exercise, Mistake, call, one_question
from specsample.exercises.showing import show
from specsample.transformer.layers import cross_entropy


def _predictions(seed: int) -> list[Case]:
    """List logits of T positions and the tokens that came."""
    rng, cases = np.random.default_rng(seed), list[Case]()
    for T, V in ((1, 2), (2, 2), (3, 3), (4, 5)):
        logits, tokens = rng.normal(size=(T, V)).round(1), rng.integers(V, size=T)
        cases.append(Case(f"logits = {show(logits)}, tokens = {show(tokens)}", (logits, tokens)))
    return cases


def _bits(logits: Array, tokens: Array) -> float:
    """Bits per character."""
    return float(cross_entropy(logits, tokens)[0]) / math.log(2)


def _of_rows(formula: Any) -> Any:
    """Make a loss of the probabilities that the tokens had."""
    return lambda logits, tokens: float(formula(softmax(logits)[np.arange(len(tokens)), tokens]))


def _soft(seed: int) -> list[Case]:
    """List logits of the draft and distributions of the target."""
    rng, cases = np.random.default_rng(seed), list[Case]()
    for V in (2, 2, 3, 5):
        logits, p = rng.normal(size=V).round(1), softmax(rng.normal(size=V).round(1))
        cases.append(Case(f"logits = {show(logits)}, p = {show(p)}", (logits, p)))
    return cases


def divergence(p: Array, q: Array) -> float:
    """KL(p || q), nats.

    Parameters
    ----------
    p, q : (V,) arrays
    """
    return float(sum(a * math.log(a / b) for a, b in zip(p, q) if a > 0))


def _contest(answer: Any, case: Case) -> dict[str, float]:
    """Compare two drafts for one target: which has the smaller loss, which the larger overlap?"""
    p, first, second = (np.array(row, float) for row in answer)
    for name, row in zip(("p", "first", "second"), (p, first, second)):
        if row.min() <= 0 or abs(row.sum() - 1) > 1e-9:
            raise ValueError(f"{name} must be positive and sum to 1; got {show(row)}.")
    found = {"loss of first": divergence(p, first), "loss of second": divergence(p, second)}
    return found | {"overlap of first": float(overlap(p, first)), "overlap of second": float(overlap(p, second))}


def _is_upset(got: Any, wanted: Any) -> bool:
    """The first draft has the smaller loss, and is accepted less often."""
    return bool(
        got["loss of first"] < got["loss of second"] and got["overlap of first"] < got["overlap of second"] - 0.05
    )


EXERCISES = (
    Exercise(
        "07.1",
        "measure",
        "bits per character of a model on a text",
        _bits,
        _predictions,
        call,
        (
            Mistake(
                "the logarithm is natural: nats, not bits",
                "How many bits is a fair coin?",
                _of_rows(lambda p: -np.log(p).mean()),
            ),
            Mistake(
                "probabilities are averaged before the logarithm",
                "What is to be averaged: how likely the characters were, or what each of them cost?",
                _of_rows(lambda p: -np.log2(p.mean())),
            ),
            Mistake(
                "the costs are summed, not averaged",
                "Per character.",
                _of_rows(lambda p: -np.log2(p).sum()),
            ),
        ),
        passes=(1, 0),
    ),
    Exercise(
        "07.2",
        "implement",
        "the gradient of the distillation loss",
        lambda logits, p: softmax(logits) - p,
        _soft,
        call,
        (
            Mistake(
                "the sign is turned: p - q",
                "The gradient points uphill. Which sign should it have where the draft likes a token too much?",
                lambda logits, p: p - softmax(logits),
            ),
            Mistake(
                "the gradient is that with respect to probabilities, -p / q",
                "Go on through the softmax: the chain rule turns it into something simpler.",
                lambda logits, p: -p / softmax(logits),
            ),
            Mistake(
                "the target is taken to be its likeliest token: hard labels",
                "A teacher gives the whole row.",
                lambda logits, p: softmax(logits) - np.eye(len(p))[np.argmax(p)],
            ),
        ),
    ),
    Exercise(
        "07.3",
        "break it",
        "a target and two drafts, where the one with the smaller loss is accepted less often",
        ([0.98, 0.02], [0.8, 0.2], [1 - 1e-9, 1e-9]),
        one_question,
        _contest,
        (
            Mistake(
                "the two drafts are in the other order",
                "The first is to have the smaller loss.",
                ([0.98, 0.02], [1 - 1e-9, 1e-9], [0.8, 0.2]),
                lambda answer: _is_upset(_contest((answer[0], answer[2], answer[1]), Case("")), None),
            ),
            Mistake(
                "loss and overlap agree on which draft is better",
                "KL(p || q) punishes one thing without limit. How much overlap does that thing cost?",
                ([0.5, 0.5], [0.5, 0.5], [0.25, 0.75]),
                lambda answer: len(answer) == 3,
            ),
        ),
        agrees=_is_upset,
        wanted=lambda wanted: "loss of first < loss of second, and its overlap smaller by more than 0.05",
    ),
)
