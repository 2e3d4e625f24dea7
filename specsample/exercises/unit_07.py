"""The exercises of notebook 07, training a pair."""

import math
from typing import Any

import numpy as np

from specsample.acceptance import overlap
from specsample.distributions import Array, softmax
from specsample.exercises.exercise import Case, Exercise, Mistake, one_question
from specsample.exercises.showing import show
from specsample.exercises.wrong_losses import BITS, GRADIENT, divergence, of_rows
from specsample.transformer.layers import cross_entropy


def _predictions(seed: int) -> list[Case]:
    """List logits of T positions and the tokens that came."""
    rng = np.random.default_rng(seed)
    cases: list[Case] = []
    for T, V in ((1, 2), (2, 2), (3, 3), (4, 5)):
        logits = rng.normal(size=(T, V)).round(1)  # one digit, so that a failure can be worked out by hand
        tokens = rng.integers(V, size=T)
        cases.append(Case(f"logits = {show(logits)}, tokens = {show(tokens)}", (logits, tokens)))
    return cases


def _bits(logits: Array, tokens: Array) -> float:
    """Bits per character."""
    return float(cross_entropy(logits, tokens)[0]) / math.log(2)


def _soft(seed: int) -> list[Case]:
    """List logits of the draft and distributions of the target."""
    rng = np.random.default_rng(seed)
    cases: list[Case] = []
    for V in (2, 2, 3, 5):
        logits = rng.normal(size=V).round(1)
        p = softmax(rng.normal(size=V).round(1))
        cases.append(Case(f"logits = {show(logits)}, p = {show(p)}", (logits, p)))
    return cases


def _contest(answer: Any, case: Case) -> dict[str, float]:
    """Compare two drafts for one target: which has the smaller loss, which the larger overlap?"""
    p, first, second = (np.array(row, float) for row in answer)
    # a token of probability 0 would make a loss infinite: the point is to be made with finite ones
    for name, row in zip(("p", "first", "second"), (p, first, second)):
        if row.min() <= 0 or abs(row.sum() - 1) > 1e-9:
            raise ValueError(f"{name} must be positive and sum to 1; got {show(row)}.")
    return {
        "loss of first": divergence(p, first),
        "loss of second": divergence(p, second),
        "overlap of first": float(overlap(p, first)),
        "overlap of second": float(overlap(p, second)),
    }


def _is_upset(got: Any, wanted: Any) -> bool:
    """Say whether the first draft has the smaller loss, and is accepted less often."""
    is_better = got["loss of first"] < got["loss of second"]
    is_worse = got["overlap of first"] < got["overlap of second"] - 0.05
    return bool(is_better and is_worse)


def _disagree(answer: Any) -> bool:
    """Say whether the draft with the smaller loss has the smaller overlap, if by little."""
    got = _contest(answer, Case(""))
    by_loss = got["loss of first"] - got["loss of second"]
    return bool(by_loss * (got["overlap of first"] - got["overlap of second"]) > 0)


EXERCISES = (
    # the one number by which the notebook compares models
    Exercise(
        id="07.1",
        kind="measure",
        title="bits per character of a model on a text",
        key=_bits,
        cases=_predictions,
        mistakes=(
            Mistake(
                "the logarithm is natural: nats, not bits",
                "How many bits is a fair coin?",
                of_rows(lambda p: -np.log(p).mean()),
            ),
            # smaller than the right number, for -log is convex
            Mistake(
                "probabilities are averaged before the logarithm",
                "What is to be averaged: how likely the characters were, or what each of them cost?",
                of_rows(lambda p: -np.log2(p.mean())),
            ),
            Mistake("the costs are summed, not averaged", "Per character.", of_rows(lambda p: -np.log2(p).sum())),
            *BITS,
        ),
        passes=(1, 0),
    ),
    # the loss is KL(p || softmax(logits)); through the softmax its gradient is a difference of rows
    Exercise(
        id="07.2",
        kind="implement",
        title="the gradient of the distillation loss",
        key=lambda logits, p: softmax(logits) - p,
        cases=_soft,
        mistakes=(
            Mistake(
                "the sign is turned: p - q",
                "The gradient points uphill. Which sign should it have where the draft likes a token too much?",
                lambda logits, p: p - softmax(logits),
            ),
            # half way: the gradient before the softmax
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
            *GRADIENT,
        ),
    ),
    # what distillation minimises is not what speculative sampling is paid for
    Exercise(
        id="07.3",
        kind="break it",
        title="a target and two drafts, where the one with the smaller loss is accepted less often",
        # the second draft misses a rare token: much loss, 0.02 of overlap
        key=([0.98, 0.02], [0.8, 0.2], [1 - 1e-9, 1e-9]),
        cases=one_question,
        ask=_contest,
        mistakes=(
            Mistake(
                "the two drafts are in the other order",
                "The first is to have the smaller loss.",
                ([0.98, 0.02], [1 - 1e-9, 1e-9], [0.8, 0.2]),
                lambda answer: _is_upset(_contest((answer[0], answer[2], answer[1]), Case("")), None),
            ),
            # whatever else there is: three rows that make no upset
            Mistake(
                "loss and overlap agree on which draft is better",
                "KL(p || q) punishes one thing without limit. How much overlap does that thing cost?",
                ([0.5, 0.5], [0.5, 0.5], [0.25, 0.75]),
                lambda answer: not _disagree(answer),
            ),
            Mistake(
                "the overlaps differ by 0.05 or less",
                "Let the better one lose more of it.",
                ([0.98, 0.02], [0.95, 0.05], [1 - 1e-9, 1e-9]),
                lambda answer: _disagree(answer),
            ),
        ),
        agrees=_is_upset,
        wanted=lambda wanted: "loss of first < loss of second, and its overlap smaller by more than 0.05",
    ),
)
