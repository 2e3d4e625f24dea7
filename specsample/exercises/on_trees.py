"""Exercises of notebook 10 on trees: who sees whom, which path is kept."""

from collections.abc import Sequence

import numpy as np

from specsample.distributions import Array
from specsample.exercises.exercise import Case, Exercise, Mistake
from specsample.verifiers.tree_context import path_to

SHAPES = ((-1,), (-1, 0), (-1, -1), (-1, 0, 0), (-1, -1, 0, 1), (-1, 0, 1, 2), (-1, 0, -1, 2, 2), (-1, -1, 0, 0, 1))


def _drawn(seed: int) -> list[tuple[int, ...]]:
    """Draw shapes of seven nodes; a parent stands before its children."""
    rng = np.random.default_rng(seed)
    return [tuple(int(rng.integers(-1, i)) if i else -1 for i in range(7)) for _ in range(4)]


def shapes(seed: int) -> list[Case]:
    """List trees, small ones first."""
    return [Case(f"parents = {parents}", (parents,)) for parents in (*SHAPES, *_drawn(seed))]


def tested(seed: int) -> list[Case]:
    """List trees with the outcome that each node's test would have."""
    rng = np.random.default_rng(seed)
    cases = [((-1,), [False]), ((-1, 0), [False, True]), ((-1, -1), [True, True]), ((-1, -1, 1), [True, True, True])]
    cases += [(parents, (rng.random(len(parents)) < 0.6).tolist()) for parents in (*SHAPES[3:], *_drawn(seed)) * 2]
    found = [Case(f"parents = {parents}, passes = {passes}", (parents, passes)) for parents, passes in cases]
    return sorted(found, key=lambda case: len(case.arguments[0]))


# --- who sees whom -----------------------------------------------------------------------------------------------


def ancestors(parents: Sequence[int], *, itself: bool = True) -> Array:
    """Say which nodes each node sees: those on its path. (n, n)."""
    seen = np.zeros((len(parents), len(parents)), bool)
    for node in range(len(parents)):
        seen[node, path_to(node, parents)] = True
        seen[node, node] = itself
    return seen


def _nearest(parents: Sequence[int]) -> Array:
    """See oneself and the parent only."""
    seen = np.eye(len(parents), dtype=bool)
    for node, parent in enumerate(parents):
        seen[node, parent] |= parent >= 0
    return seen


def _without_the_first(parents: Sequence[int]) -> Array:
    """Walk up while the number is above 0."""
    seen = ancestors(parents)
    seen[1:, 0] = False
    return seen


def _with_siblings(parents: Sequence[int]) -> Array:
    """See the siblings that stand before, too."""
    same = np.equal.outer(parents, parents)
    return ancestors(parents) | np.tril(same)


MASK = (
    Mistake(
        "a node sees all nodes before it, as in a chain",
        "Nodes 1 and 2 may be two continuations of one text. May one know of the other?",
        lambda parents: np.tri(len(parents), dtype=bool),
    ),
    Mistake(
        "a node sees itself and its parent, and no further up",
        "What does the text look like that ends in this node?",
        _nearest,
    ),
    Mistake(
        "a node does not see itself",
        "Its row predicts what comes after it. Has it read its own token?",
        lambda parents: ancestors(parents, itself=False),
    ),
    Mistake("the way up ends before node 0", "Which number stands for the text: 0 or -1?", _without_the_first),
    Mistake(
        "a node sees its elder siblings", "At most one of two siblings comes into the text. Which?", _with_siblings
    ),
    Mistake(
        "a node sees what hangs below it, and not what it hangs from",
        "Which axis is that of the node that looks?",
        lambda parents: ancestors(parents).T,
    ),
    Mistake(
        "a mask to add is given, 0 and -inf",
        "True where a node may see another, and False where not.",
        lambda parents: np.where(ancestors(parents), 0, -np.inf),
    ),
)


# --- which path is kept ------------------------------------------------------------------------------------------


def path(parents: Sequence[int], passes: Sequence[bool], *, order: int = 1) -> list[int]:
    """Go down from the text, at each node to its first child that passes."""
    here = -1
    found: list[int] = []
    while True:
        at = [i for i, parent in enumerate(parents) if parent == here and passes[i]][::order]
        if not at:
            return found
        here = at[0]
        found.append(here)


def _whole(parents: Sequence[int], passes: Sequence[bool]) -> list[int]:
    """List the nodes whose whole path passes."""
    return [i for i in range(len(parents)) if all(passes[j] for j in path_to(i, parents))]


def _longest(parents: Sequence[int], passes: Sequence[bool]) -> list[int]:
    """Take the longest path that passes."""
    return max([path_to(i, parents) for i in _whole(parents, passes)], key=len, default=[])


def _eldest(parents: Sequence[int], passes: Sequence[bool]) -> list[int]:
    """Look at the first child only."""
    found: list[int] = []
    while (found[-1] if found else -1) in parents and passes[parents.index(found[-1] if found else -1)]:
        found.append(parents.index(found[-1] if found else -1))
    return found


def _leading(parents: Sequence[int], passes: Sequence[bool]) -> list[int]:
    """Stop at the first refusal, in the order of numbers."""
    return [i for i in range(len(parents)) if all(passes[: i + 1])]


PATH = (
    Mistake(
        "the longest path that passes is taken",
        "The second sibling is tested only if the first is refused. What have you looked at before you chose?",
        _longest,
    ),
    Mistake(
        "every node that passes is kept, wherever it hangs",
        "What of a node that hangs below a refused one?",
        lambda parents, passes: [i for i, passed in enumerate(passes) if passed],
    ),
    Mistake(
        "two siblings are kept",
        "Siblings are tokens for one and the same place. How many of them can stand there?",
        _whole,
    ),
    Mistake(
        "the last sibling that passes is kept",
        "In which order are siblings tested, and when does it end?",
        lambda parents, passes: path(parents, passes, order=-1),
    ),
    Mistake("only the first child is looked at", "What are the other candidates there for?", _eldest),
    Mistake(
        "it ends at the first node that is refused, as in a chain",
        "After a refused sibling, who is tested next?",
        _leading,
    ),
)

TREES = (
    # a tree in one pass: whose keys and values may a node look at?
    Exercise(
        id="10.4",
        kind="implement",
        title="the mask of a tree: each node sees its ancestors and itself",
        key=lambda parents: ancestors(parents),
        cases=shapes,
        mistakes=MASK,
    ),
    # down from the text; the order of siblings was fixed before anybody looked
    Exercise(
        id="10.5",
        kind="implement",
        title="the path that is kept",
        key=lambda parents, passes: path(parents, passes),
        cases=tested,
        mistakes=PATH,
    ),
)
