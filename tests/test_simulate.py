"""The simulated streams are the reference's: exactly its states and rows, and in law its texts."""

from types import SimpleNamespace

import numpy as np
import pytest
from kit_reference import reference_verify, simulate, states

from specsample.conformance.evidence.e_process import EProcess, log_e_threshold
from specsample.conformance.pack.packed import load_probes
from specsample.language_model import TableModel, Transformed
from specsample.speculative import verify

PACK = load_probes()


def keep_every_draft(x, q, p, rng):
    """Accept all drafts (M10), and draw the bonus as the reference does."""
    emitted = reference_verify(x[:, :0], q[:, :0], p[:, -1:], rng)
    return np.concatenate([x, emitted], axis=1)


@pytest.mark.parametrize("probe", PACK, ids=lambda probe: probe.name)
def test_states_give_the_rows_of_the_model(probe):
    setting = probe.setting
    rng, V = np.random.default_rng(0), setting.target_model.vocab_size
    for model in (setting.target_model, setting.draft_model):
        table, text = states(model, setting), rng.integers(V, size=setting.max_new_tokens - 1).tolist()
        at = table.start
        for x in text:
            at = table.next[at, x]
        expected = Transformed(model, setting.transform).start().extend([*setting.prompt, *text])[-1]
        assert table.rows[at].tolist() == pytest.approx(expected.tolist(), abs=1e-15)


@pytest.mark.parametrize("probe", PACK, ids=lambda probe: probe.name)
def test_simulated_texts_have_the_target_law(probe):
    # n = 20,000, mixture e-process at 1e-9: the false-alarm rate of this assertion
    n, batch = (300, 64) if probe.least_eps else (20_000, 8192)  # V = 8,193: few texts, few at once
    texts = simulate(probe.setting, n, np.random.default_rng(), batch=batch)
    evidence = EProcess(probe.law, list(probe.rule_laws.values()))
    assert evidence.update(probe.count(texts)) < log_e_threshold(1e-9)


@pytest.mark.parametrize("name", ["P1", "P3", "P8-ratio", "P10-penalty"])
def test_a_wrong_verify_is_simulated_with_its_own_exact_law(name):
    # M10's exact law is the null hypothesis here, at 1e-9; the target's law is rejected by the same texts
    probe = load_probes([name])[0]
    counts = probe.count(simulate(probe.setting, 20_000, np.random.default_rng(), verify=keep_every_draft))
    law = probe.rule_laws["M10"] / probe.rule_laws["M10"].sum()
    assert EProcess(law).update(counts) < log_e_threshold(1e-9)
    assert EProcess(probe.law).update(counts) > log_e_threshold(1e-9)


def test_reference_verify_is_verify_row_by_row():
    rng, (N, K, V) = np.random.default_rng(0), (50, 3, 4)
    x, q, p = rng.integers(V, size=(N, K)), rng.dirichlet(np.ones(V), (N, K)), rng.dirichlet(np.ones(V), (N, K + 1))
    emitted, u = reference_verify(x, q, p, np.random.default_rng(1)), np.random.default_rng(1).random((K + 1, N))
    for b in range(N):
        n, token = verify(x[b], q[b], p[b], u_accept=u[:K, b], u_emit=u[K, b])
        assert emitted[b].tolist() == [*x[b, :n], token, *[-1] * (K - n)]


def test_every_stream_is_full_unless_a_stop_token_ends_it():
    settings = [load_probes([name])[0].setting for name in ("P1", "P7")]
    plain, stopped = (simulate(setting, 500, np.random.default_rng(0)) for setting in settings)
    assert (plain >= 0).all()
    for row in stopped.tolist():
        text = row[: row.index(-1)] if -1 in row else row
        assert 2 not in text[:-1]
        assert len(text) == 4 or text[-1] == 2
        assert row[len(text) :] == [-1] * (4 - len(text))


def test_no_stream_is_an_empty_array_and_batches_do_not_change_the_number():
    probe = load_probes(["P2"])[0]
    assert simulate(probe.setting, 0, np.random.default_rng(0)).shape == (0, 2)
    assert simulate(probe.setting, 7, np.random.default_rng(0), batch=3).shape == (7, 2)


def test_a_model_of_too_many_texts_is_refused():
    model = SimpleNamespace(vocab_size=50)
    setting = SimpleNamespace(max_new_tokens=5, prompt=(0,), transform=None)
    with pytest.raises(ValueError, match="at most 100000 texts"):
        states(model, setting)


def test_order_zero_and_order_two_tables_have_their_states():
    setting = SimpleNamespace(max_new_tokens=3, prompt=(1,), transform=None)
    flat = states(TableModel(np.array([0.25, 0.75])), setting)
    assert (flat.rows.shape, flat.start, flat.next.tolist()) == ((1, 2), 0, [[0, 0]])
    table = np.full((2, 2, 2), 0.5)
    assert states(TableModel(table), setting).start == 1  # context (0, 1), zeros stand before the prompt
