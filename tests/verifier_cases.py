"""Small pairs of models, and the laws of verifiers on them, for the tests of the verifiers."""

import numpy as np
from hypothesis import strategies as st

from specsample.conformance import exact_law, explain
from specsample.conformance.laws.probes import PROBES, Probe, rational_model
from specsample.conformance.laws.setting import Setting

SHORT = PROBES["rounds"]  # V = 2, K = 1, five tokens: every second token starts a round
SHORT_K2 = SHORT.but(K=2, max_new_tokens=4)
SHORT_STOP = SHORT.but(K=2, max_new_tokens=4, stop=(1,))


@st.composite
def pairs(draw, orders=(0, 1), sizes=(2, 3)):
    """Two tables of small fractions, zeros and equal rows included."""
    V, order = draw(st.sampled_from(sizes)), draw(st.sampled_from(orders))
    row = st.lists(st.integers(0, 4), min_size=V, max_size=V).filter(any)
    tables = [" ".join("".join(map(str, draw(row))) for _ in range(V**order)) for _ in range(2)]
    return [rational_model(table, order) for table in tables]


def rows(*weights):
    """Rows of fractions from strings of digits."""
    return np.stack([rational_model(row, 0).table for row in weights])


def probe_of(pair, K, n):
    """Put a pair of models into a probe."""
    return Probe("", "", Setting(*pair, K=K, max_new_tokens=n))


def assert_lossless(generate, probe, transform=None):
    """Enumerate the law of whole runs and compare it with the target's, with ==."""
    law = probe.law(generate)
    expected = probe.but(transform=transform or probe.setting.transform).target_law()
    assert law == expected, explain(law, expected)


def law_of_one_verdict(verify, q, p, x=None):
    """Enumerate the first token that a rule emits with one draft, drawn from q unless given."""

    def emit(tape):
        u = tape.random(3)
        drawn = int(np.argmax(u[0] < np.cumsum(q))) if x is None else x
        n, token = verify([drawn], q[None], np.stack([p, p]), u_accept=u[1:2], u_emit=u[2])
        return drawn if n else token

    return exact_law(emit)
