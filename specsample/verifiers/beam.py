"""Beam search with a draft, several steps a target pass.

Does speculation help where nothing is sampled and several texts are kept? Leviathan et al., appendix A.4. The draft
model runs a beam search of its own, of width u at least that of the target's, w, for K steps. The target reads all
those beams in one pass and does its own search on the rows: step k is a guess that was right if the w beams that the
target wants to keep are among the u of the draft, for then their rows are there and step k+1 can be done too. The
first step that needs a row which is not there ends the round; it is itself still right, as a correction is. So the
beams are those of beam search with the target alone, step for step, and a pass is worth 1 to K+1 steps; it reads up
to w + u K rows (a tree: beams share their beginnings).
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from specsample.distributions import Array
from specsample.language_model import LanguageModel, Transformed
from specsample.request import check_request
from specsample.strategies import Transform
from specsample.verifiers.tree_context import tree_of

Text = tuple[int, ...]  # the tokens after the prompt


class Beam(NamedTuple):
    """One of the texts that are kept."""

    tokens: Text
    weight: Any  # its probability, relative to that of the best one


class Reader:
    """A model's rows after any text that it has been shown, whatever order they come in."""

    def __init__(self, model: LanguageModel, prompt_tokens: Sequence[int]) -> None:
        self.prompt = list(prompt_tokens)
        self.tree = tree_of(model.start())
        self.n_rows = 0  # that the model has given, the prompt's not counted
        # one tree that keeps growing: each text is a node of it, the empty one the end of the prompt
        self.node: dict[Text, int] = {(): len(prompt_tokens) - 1}
        self.rows: dict[Text, Array] = {}

    def read(self, texts: Sequence[Text]) -> None:
        """Read, in one pass, those texts that are new, and what is new of their beginnings."""
        # a text needs its beginnings as nodes to stand on; the shorter come first
        starts = (text[:n] for text in texts for n in range(1, len(text) + 1))
        new = [text for text in dict.fromkeys(starts) if text not in self.node]
        # the first pass reads the prompt as well; after it there is a row for the empty text
        unread = [] if self.rows else self.prompt
        if not new and not unread:
            return
        # nodes are numbered in the order in which they are read
        first = len(self.prompt) + len(self.node) - 1
        self.node.update(zip(new, range(first, first + len(new)), strict=True))
        parents = [*range(-1, len(unread) - 1), *(self.node[text[:-1]] for text in new)]
        # one pass for all
        rows = self.tree.extend_tree([*unread, *(text[-1] for text in new)], parents)
        if unread:
            self.rows[()] = rows[len(unread) - 1]
        self.rows.update(zip(new, rows[len(unread) :], strict=True))
        self.n_rows += len(new)


def best(beams: Sequence[Beam], row_of: Callable[[Text], Array], width: int, stop: Collection[int]) -> list[Beam]:
    """Extend every beam by every token and keep the most likely ones: one step of beam search.

    Parameters
    ----------
    beams : sequence of Beam
    row_of : the (V,) distribution after a text
    width : int >= 1, beams to keep
    stop : token ids; a beam that ends in one is kept as it is

    Returns
    -------
    list of at most `width` Beams, the most likely one first (among equals the earlier beam, then the lower token)
    """
    # a tie goes to the earlier beam and the lower token: `sorted` keeps the order in which they are found
    found: list[Beam] = []
    for text, weight in beams:
        if text and text[-1] in stop:
            found.append(Beam(text, weight))
        else:
            found += [Beam((*text, x), weight * p_x) for x, p_x in enumerate(row_of(text).tolist()) if p_x > 0]
    kept = sorted(found, key=lambda beam: -beam.weight)[:width]
    # relative to the best one, or long texts would weigh less than a float can hold
    return [Beam(text, weight / kept[0].weight) for text, weight in kept]


def search(
    prompt_tokens: Sequence[int],
    model: LanguageModel,
    *,
    width: int,
    max_new_tokens: int,
    transform: Transform | None = None,
    stop: Collection[int] = (),
) -> list[Beam]:
    """Run beam search with one model, a pass a step: what `generate` has to equal.

    Parameters: as for `verifiers.beam.generate`.

    Parameters
    ----------
    model : LanguageModel

    Returns
    -------
    list of at most `width` Beams, the most likely one first

    Examples
    --------
    >>> import numpy as np
    >>> from specsample import TableModel
    >>> model = TableModel(np.array([[0.25, 0.75], [1.0, 0.0]]))
    >>> [beam.tokens for beam in search([0], model, width=2, max_new_tokens=2)]  # 0.75, then 0.25 * 0.75
    [(1, 0), (0, 1)]
    """
    reader = Reader(Transformed(model, transform), prompt_tokens)
    beams = [Beam((), 1)]
    for _ in range(max_new_tokens):
        reader.read([beam.tokens for beam in beams])
        beams = best(beams, reader.rows.__getitem__, width, stop)
    return beams


def generate(
    prompt_tokens: Sequence[int],
    target_model: LanguageModel,
    draft_model: LanguageModel,
    *,
    max_new_tokens: int,
    K: int = 5,
    width: int = 2,
    draft_width: int = 4,
    transform: Transform | None = None,
    stop: Collection[int] = (),
) -> tuple[list[Beam], list[int]]:
    """Run the target's beam search, several steps a target pass (Leviathan et al., appendix A.4).

    Parameters: as for `speculative.generate`.

    Parameters
    ----------
    max_new_tokens : int >= 0, steps
    K : int >= 0, steps of the draft's search a round, shortened where fewer are left
    width : int >= 1, w, beams of the target
    draft_width : int >= w, u, beams of the draft
    transform : decoding strategy of both models or None
    stop : token ids that end a beam

    Returns
    -------
    (list of at most `width` Beams, the most likely one first; list of int, the steps of each target pass)

    Raises
    ------
    ValueError
        If the request cannot be served, or draft_width < width.

    Examples
    --------
    >>> import numpy as np
    >>> from specsample import TableModel
    >>> model = TableModel(np.array([[0.25, 0.75], [1.0, 0.0]]))
    >>> beams, steps = generate([0], model, model, max_new_tokens=2, K=1, width=1, draft_width=1)
    >>> [beam.tokens for beam in beams], steps  # both steps in one target pass
    ([(1, 0)], [2])
    """
    check_request(prompt_tokens, (target_model, draft_model), max_new_tokens, K=K, stop=stop)
    if not 1 <= width <= draft_width:
        raise ValueError(
            f"draft_width must be at least width >= 1; got {draft_width} and {width}: no guess would do."
        )
    target = Reader(Transformed(target_model, transform, "target_probs"), prompt_tokens)
    drafter = Reader(Transformed(draft_model, transform, "draft_probs"), prompt_tokens)
    beams = [Beam((), 1)]
    steps: list[int] = []
    room = max_new_tokens
    while room > 0:
        # appendix A.4: the draft's own search, of width u, from where the target's stands
        guesses = guess(drafter, beams, min(K, room - 1), width=draft_width, stop=stop)
        # one target pass reads all of it
        target.read([text for level in [[beam.tokens for beam in beams], *guesses] for text in level])
        # the target's own search goes on while the rows of all its w beams are there; its first step always is
        n = 0
        for level in [*guesses, []]:
            beams = best(beams, target.rows.__getitem__, width, stop)
            n += 1
            if not {beam.tokens for beam in beams} <= {*level}:
                break
        steps.append(n)
        room -= n
    return beams, steps


def guess(drafter: Reader, beams: Sequence[Beam], K: int, *, width: int, stop: Collection[int]) -> list[list[Text]]:
    """Run the draft's own beam search from the target's beams.

    Parameters: as for `verifiers.beam.best`.

    Parameters
    ----------
    drafter : Reader of the draft model
    K : int >= 0, steps

    Returns
    -------
    list of K lists of at most `width` texts
    """
    levels: list[list[Text]] = []
    for _ in range(K):
        drafter.read([beam.tokens for beam in beams])
        beams = best(beams, drafter.rows.__getitem__, width, stop)
        levels.append([beam.tokens for beam in beams])
    return levels
