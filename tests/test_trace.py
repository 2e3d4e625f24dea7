"""Round and Trace: counters by hand, rendering, and a JSON round trip that loses nothing."""

import json
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from specsample import Round, TableModel, Trace, generate
from specsample.trace import record
from specsample.viewer.origins import STYLES
from specsample.viewer.text import added

REJECTED = Round(
    draft_tokens=(2, 0, 1),
    p_x=(0.5, 0.1, 0.2),
    q_x=(0.4, 0.6, 0.2),
    u=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7),
    n_accepted=1,
    emitted=(2, 1),
    target_length=(0, 4),
    draft_length=(0, 4),
)
KEPT = replace(REJECTED, n_accepted=3, emitted=(2, 0, 1, 1), target_length=(4, 8), draft_length=(4, 7))
WITHOUT_DRAFT = replace(REJECTED, draft_tokens=(), p_x=(), q_x=(), u=(0.5,), n_accepted=0, emitted=(0,))
RUN = Trace((1, 1, 1), [REJECTED, KEPT, WITHOUT_DRAFT])


def real_run(**options):
    """Generate a trace with accepted, correction and bonus tokens."""
    target, draft = TableModel(np.array([[0.6, 0.4], [0.3, 0.7]])), TableModel(np.array([0.5, 0.5]))
    return generate([0], target, draft, K=3, max_new_tokens=40, rng=np.random.default_rng(0), **options)[1]


def test_sources_name_the_accepted_run_and_then_correction_or_bonus():
    assert REJECTED.sources == ("accepted", "correction")
    assert KEPT.sources == ("accepted", "accepted", "accepted", "bonus")
    assert WITHOUT_DRAFT.sources == ("bonus",)


def test_tested_counts_the_rejected_draft_but_not_the_discarded_ones():
    assert [round.n_tested for round in RUN.rounds] == [2, 3, 0]
    assert replace(REJECTED, n_accepted=0, emitted=(1,)).n_tested == 1


def test_until_cuts_after_the_first_stop_token_and_keeps_the_counters():
    cut = KEPT.until({0, 1})
    assert cut.emitted == (2, 0)
    assert cut.sources == ("accepted", "accepted")
    assert (cut.n_accepted, cut.n_tested, cut.K) == (3, 3, 3)


def test_until_without_a_stop_token_is_the_same_round():
    assert KEPT.until({7}) is KEPT
    assert KEPT.until(()) is KEPT


def test_record_takes_the_probabilities_of_the_drafts_and_rows_only_on_request():
    q, p = np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([[0.1, 0.9], [0.8, 0.2], [1.0, 0.0]])
    arguments = {"u": [0.5] * 5, "n_accepted": 1, "token": 0, "lengths": ((1, 3), (1, 3))}
    round = record([1, 0], q, p, keep_rows=False, **arguments)
    assert (round.p_x, round.q_x, round.emitted) == ((0.9, 0.8), (0.75, 0.5), (1, 0))
    assert (round.target_rows, round.draft_rows) == (None, None)
    kept = record([1, 0], q, p, keep_rows=True, **arguments)
    assert kept.target_rows is p
    assert kept.draft_rows is q


def test_the_counters_of_a_run_add_up_by_hand():
    assert RUN.tokens == [2, 1, 2, 0, 1, 1, 0]
    assert RUN.sources == ["accepted", "correction", "accepted", "accepted", "accepted", "bonus", "bonus"]
    assert (RUN.drafted, RUN.tested, RUN.accepted, RUN.target_passes) == (6, 5, 4, 3)
    assert (RUN.acceptance_rate, RUN.tokens_per_target_pass) == (4 / 5, 7 / 3)


def test_counts_holds_what_the_command_line_prints():
    assert RUN.counts() == {
        "rounds": 3,
        "drafted": 6,
        "declined": 0,
        "tested": 5,
        "accepted": 4,
        "corrections": 1,
        "bonuses": 2,
        "acceptance_rate": 0.8,
        "tokens_per_target_pass": 7 / 3,
        "target_passes": 3,
        "draft_passes": 6,
    }


def test_rates_of_an_empty_run_are_nan_and_null_in_json():
    empty = Trace((0,))
    assert math.isnan(empty.acceptance_rate)
    assert math.isnan(empty.tokens_per_target_pass)
    assert json.loads(json.dumps(empty.counts()))["acceptance_rate"] is None


def test_a_trace_comes_back_from_json_unchanged():
    assert Trace.from_json(RUN.to_json()) == RUN
    assert Trace.from_json(Trace((0,)).to_json()) == Trace((0,))


@pytest.mark.parametrize("keep_rows", [False, True])
def test_a_real_trace_comes_back_from_json_unchanged_with_its_rows(keep_rows):
    trace = real_run(keep_rows=keep_rows)
    back = Trace.from_json(trace.to_json())
    assert back == trace
    assert back.counts() == trace.counts()
    for old, new in zip(trace.rounds, back.rounds, strict=True):
        assert type(new.target_rows) is type(old.target_rows)
        assert not keep_rows or np.array_equal(new.target_rows, old.target_rows)
        assert new.K == 0 or not keep_rows or np.array_equal(new.draft_rows, old.draft_rows)


def test_uniforms_come_back_from_json_bit_for_bit_so_that_a_run_can_be_replayed():
    trace = real_run()
    again = Trace.from_json(trace.to_json())
    assert [round.u for round in again.rounds] == [round.u for round in trace.rounds]


def test_fractions_and_float32_become_json_numbers():
    round = replace(REJECTED, p_x=(Fraction(1, 2), np.float32(0.1), 0.2), target_rows=np.array([[Fraction(1, 4)]]))
    entry = json.loads(Trace((np.int64(3),), [round]).to_json())
    assert entry["rounds"][0]["p_x"] == [0.5, float(np.float32(0.1)), 0.2]
    assert entry["rounds"][0]["target_rows"] == [[0.25]]
    assert entry["prompt_tokens"] == [3]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"prompt_tokens": [0], "rounds": [{"u": []}]}', "3"])
def test_what_is_no_trace_is_refused(text):
    with pytest.raises(ValueError, match=r"text must be a trace that Trace\.to_json wrote; got"):
        Trace.from_json(text)


def test_render_colours_every_token_by_its_source():
    text = RUN.render(lambda tokens: "abc"[tokens[0]])
    assert text.plain == "cbcabba"
    assert [(span.start, span.style) for span in text.spans] == [(i, STYLES[s]) for i, s in enumerate(RUN.sources)]


def test_render_shows_a_character_of_several_tokens_once_it_is_whole():
    played = replace(KEPT, emitted=tuple("é€".encode()[:4]))
    rest = replace(WITHOUT_DRAFT, emitted=("€".encode()[-1],))
    text = Trace((0,), [played, rest]).render(lambda tokens: bytes(tokens).decode(errors="replace"))
    assert text.plain == "é€"
    assert text.spans[-1].style == STYLES["bonus"]


@given(st.binary(max_size=12))
def test_what_the_tokens_add_is_the_whole_text(raw):
    assert "".join(added(raw, lambda tokens: bytes(tokens).decode(errors="replace"))) == raw.decode(errors="replace")
