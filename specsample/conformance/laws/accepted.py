"""How many drafts a rule keeps, and how many any rule could keep.

Two claims that are never mixed: a rule is lossless, or it is fast. A wrong sampler often keeps more drafts, a right
one may keep fewer.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

from specsample.conformance.laws.exact import exact_law, total_variation
from specsample.conformance.laws.open_round import is_renewal, one_round
from specsample.conformance.laws.probes import Probe


def expected_accepted(sampler: Callable[..., Any], probe: Probe) -> Any:
    """Compute how many of K drafts a sampler keeps on average, in the first round: a fraction on tables of fractions.

    E[n] = Σ n P(n); for the standard rule at K = 1 that is β = Σ min(p, q) (Leviathan et al., section 3.1). How many
    tokens the probe asks for does not matter.

    Examples
    --------
    >>> from specsample import generate
    >>> from specsample.conformance.laws.probes import PROBES
    >>> expected_accepted(generate, PROBES["paper"])
    Fraction(10, 9)
    """
    first = probe.but(max_new_tokens=probe.setting.K + 1)  # room for a whole round
    if is_renewal(sampler):
        sampler = one_round(sampler, [])
    else:
        # as stop tokens, all tokens together end a run after its first round
        first = first.but(stop=range(probe.setting.target_model.vocab_size))
    law = exact_law(lambda tape: _first_accepted(first.run(sampler, tape)[1]))
    return sum((n * mass for n, mass in law.items()), Fraction(0))


def ideal_accepted(probe: Probe) -> Any:
    """Compute how many of K drafts a rule could keep that knew all probabilities of the block, not only the drafts'.

    Σ_{i=1}^{K} (1 - TV of the laws of the first i tokens): the largest expected common beginning of a text of p and
    one of q (the ideal of Sun et al.'s example).
    """
    setting = probe.setting
    # the draft's text has the law that a target of its distributions would have
    q = replace(setting, target_model=setting.draft_model)
    kept = Fraction(0)
    for i in range(1, setting.K + 1):
        # stop tokens do not matter here: the drafts of a block are K tokens
        laws = [replace(side, max_new_tokens=i, stop=()).target_law() for side in (setting, q)]
        kept += 1 - total_variation(*laws)
    return kept


def _first_accepted(record: Any) -> int:
    """Read the accepted drafts of the first round from a Trace or from a list of counts."""
    return int(record[0]) if isinstance(record, list) else int(record.rounds[0].n_accepted)
