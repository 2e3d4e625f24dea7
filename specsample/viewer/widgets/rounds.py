"""The widget of a round: its uniform numbers to move."""

import numpy as np

from specsample.acceptance import accept_probability, residual
from specsample.trace import Round
from specsample.viewer.origins import COLORS
from specsample.viewer.text import Decode
from specsample.viewer.widgets.widget import GREY, Widget, labels_of, numbers, row_of


def one_round(played: Round, decode: Decode = None) -> Widget:
    """Show a round whose uniform numbers can be moved: which drafts stay, and what comes after them.

    Parameters
    ----------
    played : Round, recorded with `keep_rows=True`; V <= 1000
    decode : function from token ids to text, or the texts in the order of their ids, or None

    Returns
    -------
    Widget

    Raises
    ------
    ValueError
        If the round has no rows, or a stop token cut it short.

    Examples
    --------
    >>> from specsample import TableModel, step
    >>> model = TableModel(np.array([[0.5, 0.5], [0.5, 0.5]]))
    >>> u = [0.75, 0.0, 0.25]
    >>> one_round(step([0], model.start(), model.start(), K=1, u=u, keep_rows=True)[1])
    A round, played again: 1 of 1 drafts are accepted, then comes 0, the bonus.
    """
    if played.target_rows is None or played.draft_rows is None or len(played.emitted) != played.n_accepted + 1:
        raise ValueError(
            "the round must hold its rows and end in a correction or a bonus; use keep_rows=True, no stop."
        )
    K = len(played.draft_tokens)
    p = [row_of(row, "target_rows") for row in played.target_rows]
    q = [row_of(row, "draft_rows") for row in played.draft_rows]
    # what the last token is picked from, for each number of accepted drafts
    rows = [residual(p[n], q[n]) for n in range(K)] + [p[K]]
    accept = accept_probability(*(np.array(numbers(of_drafts)) for of_drafts in (played.p_x, played.q_x)))
    names = labels_of(len(p[0]), decode)
    fates = ["accepted"] * played.n_accepted + ["rejected"] + ["discarded"] * K
    # at the start the round as it was
    to_test = numbers(played.u)[len(played.u) // 2 :]
    start = {f"u{i + 1}": to_test[i] for i in range(K)} | {"u_emit": to_test[-1]}
    return Widget(
        "rounds",
        "A round, played again",
        "Each draft meets a uniform number, and stays if that falls on the green stretch. Move the numbers.",
        {
            "drafts": [*map(int, played.draft_tokens)],
            "accept": numbers(accept),
            "rows": [numbers(row) for row in rows],
            "texts": names,
            "start": start,
        },
        [
            (names[x][0], [(COLORS[fates[i]] if i < K else GREY, accept[i])])
            for i, x in enumerate(played.draft_tokens)
        ],
        f"{played.n_accepted} of {K} drafts are accepted, then comes {names[played.emitted[-1]][0]}, "
        f"the {played.sources[-1]}.",
    )
