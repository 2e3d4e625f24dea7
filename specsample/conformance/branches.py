"""The branch of a round in which a sampler goes wrong.

After every text, a draft x is kept with probability min(p, q)(x), and none with 1 - Σ min(p, q); a replacement comes
from the residual, a bonus token from p. Each branch is compared with its own law, so that a mistake in one does not
show in the others: that works for mistakes that nobody has seen before. It describes, after the verdict; the p-values
are those of Pearson's statistic.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from specsample.acceptance import residual
from specsample.conformance.adapters import Sample, Tabled
from specsample.conformance.adapters.adapter import Played
from specsample.conformance.adapters.text_numbers import child
from specsample.conformance.evidence.cells import PADDING
from specsample.conformance.evidence.sizes import chi_square_tail
from specsample.distributions import Array

LawAfter = Callable[[Array], Array]  # after given texts: nodes (m,) -> (m, outcomes)
WRONG_BELOW = 1e-6  # p-value; small, for a check looks at many branches, and none of them decides its verdict
LARGEST_TREE = 4096  # drafts of a round that are listed, to know how many are kept on average
FEWEST = 5.0  # expected in a cell; rarer ones are merged


class Branch(NamedTuple):
    """One branch, compared with its law."""

    name: str
    n: int  # times it was taken
    p_value: float

    @property
    def is_wrong(self) -> bool:
        """Whether it differs from the standard rule."""
        return self.p_value < WRONG_BELOW


class Taken(NamedTuple):
    """What happened in one branch: the text before it, the outcome, the round's number, the place in the round."""

    nodes: Array
    outcomes: Array
    number: Array
    place: Array  # drafts of the round before it
    left: Array  # and after it


def attribute(sample: Sample, setting: Tabled) -> list[Branch]:
    """Compare each branch of the rounds with its law, and the first round with later ones.

    Parameters
    ----------
    sample : Sample with its rounds; without rounds the positions of the texts are compared instead
    setting : Tabled

    Returns
    -------
    list of Branch, those that were taken
    """
    # an engine's rows are too many to look up: only its law is compared
    if not setting.is_tabled:
        return []
    # whole texts have no rounds that could be seen: their positions are compared
    if not sample.rounds:
        return [branch(f"token {i + 1}", taken, setting.p.rows) for i, taken in _positions(sample, setting)]
    found: list[Branch] = []
    laws = branch_laws(setting)
    for name, taken in taken_in(sample, setting).items():
        first, later = (Taken(*(column[is_in] for column in taken)) for is_in in _by_round(taken))
        found.append(branch(name, taken, laws[name]))
        found += [branch(f"{name} in round 1", first, laws[name]), branch(f"{name} later", later, laws[name])]
    return [each for each in found if each.n]


def branch_laws(setting: Tabled) -> dict[str, LawAfter]:
    """Map each branch to its law after given texts: nodes (m,) -> (m, outcomes)."""

    def acceptance(nodes: Array) -> Array:
        kept = np.minimum(setting.p.rows(nodes), setting.q.rows(nodes))
        return np.concatenate([kept, 1 - kept.sum(axis=1, keepdims=True)], axis=1)

    def replacement(nodes: Array) -> Array:
        return residual(setting.p.rows(nodes), setting.q.rows(nodes))

    return {"acceptance": acceptance, "replacement": replacement, "bonus": setting.p.rows}


def branch(name: str, taken: Taken, law: LawAfter) -> Branch:
    """Compare the outcomes of a branch with its law, after every text.

    Parameters
    ----------
    name : str
    taken : Taken
    law : maps (m,) nodes to (m, outcomes) probabilities
    """
    if not len(taken.nodes):
        return Branch(name, 0, 1.0)
    # count outcomes by the text before them, for each text has a law of its own
    nodes, group = np.unique(taken.nodes, return_inverse=True)
    expected_law = np.clip(law(nodes), 0, 1)
    seen = np.zeros(expected_law.shape)
    np.add.at(seen, (group, taken.outcomes), 1)
    expected = expected_law * seen.sum(axis=1, keepdims=True)
    return Branch(name, len(group), pearson(seen, expected))


def pearson(seen: Array, expected: Array) -> float:
    """Compute the tail of Σ (seen - expected)^2 / expected, a row's rare cells merged into one: a p-value.

    Parameters
    ----------
    seen, expected : (m, outcomes) arrays of counts
    """
    # 0 up to rounding: what cannot happen has happened
    if (seen[expected < 1e-9] > 0).any():
        return 0.0
    # Pearson's statistic is chi-square only where cells are not rare
    statistic, df = 0.0, 0
    for o, e in zip(seen, expected, strict=True):
        is_rare = e < FEWEST
        o = np.append(o[~is_rare], o[is_rare].sum())
        e = np.append(e[~is_rare], e[is_rare].sum())
        n_cells = len(e) if e[-1] >= FEWEST else len(e) - 1
        o = o[:n_cells]
        e = e[:n_cells]
        statistic += float(((o - e) ** 2 / e).sum())
        df += max(n_cells - 1, 0)
    return chi_square_tail(statistic, df) if df else 1.0


def taken_in(sample: Sample, setting: Tabled) -> dict[str, Taken]:
    """Sort what happened in the rounds by branch."""
    V = setting.vocab_size
    parts: dict[str, list[Taken]] = {name: [] for name in ("acceptance", "replacement", "bonus")}
    for played in sample.rounds:
        k = played.emitted.shape[1] - 1
        node = played.nodes
        n = (played.emitted != PADDING).sum(axis=1) - 1
        # token by token: those still kept at j, and those whose round ends there
        for j in range(k + 1):
            is_here = n >= j
            x = played.emitted[:, j]
            is_last = n == j
            if j < k:
                outcome = np.where(is_last, V, x)
                parts["acceptance"].append(_taken(node, outcome, played, is_here, place=j))
            last = "replacement" if j < k else "bonus"
            parts[last].append(_taken(node, x, played, is_last, place=j))
            # 0 where the text has ended: it is not looked at again
            node = child(node, np.maximum(x, 0), V)
    return {
        name: Taken(*(np.concatenate([getattr(part, f) for part in every]) for f in Taken._fields))
        for name, every in parts.items()
        if every
    }


def _taken(node: Array, outcome: Array, played: Played, is_in: Array, *, place: int) -> Taken:
    """Note what happened to some streams at one place of their round."""
    n = int(is_in.sum())
    left = played.emitted.shape[1] - 1 - place
    return Taken(node[is_in], outcome[is_in], played.number[is_in], np.full(n, place), np.full(n, left))


def _by_round(taken: Taken) -> tuple[Array, Array]:
    """Tell a stream's first round from later ones."""
    return taken.number == 0, taken.number > 0


def _positions(sample: Sample, setting: Tabled) -> Iterator[tuple[int, Taken]]:
    """Sort the tokens of texts by position."""
    node = np.zeros(len(sample.tokens), np.int64)
    for i in range(sample.tokens.shape[1]):
        x = sample.tokens[:, i]
        is_here = sample.tokens[:, i] != PADDING
        is_here &= node < setting.p.n_nodes
        n = np.zeros(int(is_here.sum()), int)
        yield i, Taken(node[is_here], x[is_here], n, n, n)
        node = child(node, np.maximum(x, 0), setting.vocab_size)


def efficiency(sample: Sample, setting: Tabled) -> Array:
    """Compare emitted tokens with those that the token rule emits on average after the same texts.

    Returns
    -------
    (4,) array: rounds, Σ d, Σ d^2 and Σ expected, with d = emitted - expected
    """
    total = np.zeros(4)
    for played in sample.rounds:
        k = played.emitted.shape[1] - 1
        # given the drafts where they are known, else on average over all drafts, if they can be listed
        if played.drafts is not None:
            expected = 1 + _kept_of(played.drafts, played.nodes, setting)
        elif setting.vocab_size**k <= LARGEST_TREE:
            nodes, group = np.unique(played.nodes, return_inverse=True)
            expected = 1 + np.array([_expected_kept(setting, node, k) for node in nodes.tolist()])[group]
        else:
            continue
        # emitted - expected, with its square, for a standard error
        d = (played.emitted != PADDING).sum(axis=1) - expected
        total += [len(d), d.sum(), (d**2).sum(), expected.sum()]
    return total


def _kept_of(drafts: Array, nodes: Array, setting: Tabled) -> Any:
    """E[accepted | drafts] = Σ_j Π_{i <= j} min(1, p/q)."""
    run = np.ones(len(drafts))
    kept = np.zeros(len(drafts))
    for x in drafts.T:
        run = run * np.minimum(1, setting.p.of(nodes, x) / setting.q.of(nodes, x))
        kept = kept + run
        nodes = child(nodes, x, setting.vocab_size)
    return kept


def _expected_kept(setting: Tabled, node: int, k: int) -> float:
    """E[accepted of k drafts] after a text: Σ_x min(p, q)(x) (1 + E[accepted of k - 1 after x])."""
    # the recursion meets the same texts again and again
    memory = setting.expected_kept
    if (node, k) not in memory:
        at = np.array([node])
        kept = np.minimum(setting.p.rows(at), setting.q.rows(at))[0]
        V = setting.vocab_size
        further = [
            _expected_kept(setting, child(node, x, V), k - 1) if m and k > 1 else 0.0 for x, m in enumerate(kept)
        ]
        memory[node, k] = float(kept @ (1 + np.array(further)))
    return float(memory[node, k])
