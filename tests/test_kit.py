"""The kit gives right samplers PASS, wrong ones FAIL with the name of the mistake, and broken ones INVALID.

At alpha = 1e-6 a right sampler fails once in a million seeds. A probe of 27 cells and eps = 0.1 take about 4,000
streams; a deviation of 0.1 is missed once in a thousand.
"""

import re
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import samplers_under_test as s

from specsample.conformance import (
    assert_lossless,
    check,
    chunks,
    from_engine,
    from_generate,
    from_step,
    from_verify,
    kit,
)
from specsample.conformance.contract import mutual_information_bound, seeds_of
from specsample.conformance.pack.packed import load_probes

DRIFT = {"probes": [s.small_probe()], "eps": 0.1}


@pytest.fixture(scope="module", autouse=True)
def _packed():
    s.small_probe()


# --- verdicts ----------------------------------------------------------------------------------------------------


def test_a_right_verifier_passes():
    found = check(from_verify(s.right), **DRIFT)
    assert (found.verdict, found.reasons, found.exit_status) == ("PASS", [], 0)
    assert found.probes[0].streams == found.probes[0].needed


@pytest.mark.parametrize(
    "adapter", [from_verify(s.right_alone, batched=False), from_verify(s.right_logits, logits=True)]
)
def test_a_right_verifier_passes_in_every_form(adapter):
    assert check(adapter, probes=DRIFT["probes"], eps=0.2).verdict == "PASS"


def test_a_right_step_and_a_right_generate_pass():
    assert check(from_step(s.right_step), **DRIFT).verdict == "PASS"
    assert check(from_generate(s.right_generate), probes=DRIFT["probes"], eps=0.3).verdict == "PASS"


@pytest.mark.parametrize("sampler", s.INVENTED, ids=lambda f: f.__name__)
def test_a_wrong_sampler_that_nobody_listed_fails(sampler):
    found = check(from_verify(sampler), **DRIFT)
    assert found.verdict == "FAIL"
    assert found.probes[0].streams <= 2 * found.probes[0].needed


def test_the_diagnosis_draws_numbers_that_no_chunk_of_the_plan_draws(monkeypatch):
    drawn = []

    def first(task):
        return task.seeds.generators()[0].random()

    monkeypatch.setattr(kit, "run", lambda task: drawn.append(first(task)) or chunks.run(task))
    case = check(from_verify(s.replaced_from_p), probes=DRIFT["probes"], eps=1e-3).probes[0]
    planned = [seeds_of(0, 1, 0, j).generators()[0].random() for j in range(len(chunks.sizes(case.needed)))]
    assert len(planned) > 1000
    assert len(drawn) == 1
    assert drawn[0] not in planned


CATALOGUED = {
    s.replaced_from_p: ("M01", "wrong only on replacement"),
    s.absolute_residual: ("M02", "wrong only on replacement"),
    s.swapped_ratio: ("M09", "wrong only on acceptance"),
    s.bonus_from_last_draft_row: ("M15", "wrong only on the bonus token"),
    s.bonus_argmax: ("M17", "wrong only on the bonus token"),
    s.one_uniform: ("M19", "wrong only on acceptance"),
}


@pytest.mark.parametrize("sampler", CATALOGUED, ids=lambda f: f.__name__)
def test_a_mistake_of_the_catalogue_is_named_and_placed(sampler):
    name, where = CATALOGUED[sampler]
    found = check(from_verify(sampler), **DRIFT)
    assert (found.verdict, found.diagnosis.id) == ("FAIL", name)
    assert found.diagnosis.posterior[name] > 0.99
    assert found.diagnosis.where[0].startswith(where)


def test_a_step_that_drafts_greedily_is_named():
    found = check(from_step(s.greedy_step), **DRIFT)
    assert (found.verdict, found.diagnosis.id) == ("FAIL", "M05")
    assert found.diagnosis.where[0].startswith("wrong only on acceptance")
    assert "slower" in found.optimal


def test_shared_gumbel_noise_is_named_after_a_few_thousand_streams():
    # the catalogue's law of M21 is an integral over the noise; this step really shares it
    found = check(from_step(s.gumbel_step), probes=["P1"])
    assert (found.verdict, found.diagnosis.id) == ("FAIL", "M21")
    assert found.diagnosis.where[0].startswith("wrong only on replacement")
    assert found.probes[0].streams < 20_000


def test_a_mistake_outside_the_catalogue_is_called_unlisted_if_it_can_be_written_down():
    found = check(from_verify(s.epsilon_in_residual), **DRIFT)
    assert found.diagnosis.id == "unlisted"
    assert found.diagnosis.formulas[0].startswith("a replacement is drawn from max(0, p - q) with 0.2")
    assert found.diagnosis.cells
    assert found.diagnosis.where == [
        "wrong only on replacement: the residual, the row it comes from, or the random " + "number it is drawn with"
    ]


def test_rows_mixed_up_in_a_batch_are_placed():
    found = check(from_verify(s.mixed_rows), **DRIFT)
    assert found.diagnosis.where[-1].startswith("right one at a time, wrong in a batch")


def test_an_early_end_of_the_budget_is_inconclusive():
    found = check(from_verify(s.right), **DRIFT, budget=1000)
    assert (found.verdict, found.streams) == ("INCONCLUSIVE", 1000)
    assert 0.1 < found.probes[0].excluded_tv < 0.3


# --- contract ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", s.BROKEN, ids=lambda f: f.__name__)
def test_a_broken_contract_is_invalid_and_says_what_to_do(sampler):
    found = check(from_verify(sampler), **DRIFT)
    assert (found.verdict, found.exit_status) == ("INVALID", 4)
    assert s.BROKEN[sampler] in found.reasons[0]


def test_a_sampler_that_hangs_is_invalid():
    found = check(from_verify(s.hangs), **DRIFT, time_limit=0.2)
    assert found.verdict == "INVALID"
    assert "time_limit = 0.2 s" in found.reasons[0]


@pytest.mark.parametrize("kind", ["step", "generate"])
@pytest.mark.parametrize("how", s.SPOILED)
def test_a_step_or_a_generate_that_breaks_the_contract_is_told_what_to_do(kind, how):
    spoiler, verdict, said = s.SPOILED[how]
    found = check(s.spoil(kind, spoiler), probes=["P4"], eps=0.3, time_limit=0.3)
    assert found.verdict == verdict
    assert re.search(said, found.reasons[0])


def test_a_message_says_what_the_function_was_called_with():
    found = check(from_generate(lambda prompts, n: n, batched=True), **DRIFT)
    assert "unexpected keyword argument" in found.reasons[0]
    assert "called with (list of 128, 3, K=2, stop=(), target_model=TabledModel" in found.reasons[0]
    shapes = r"int64 \((\d+), 2\), float64 \(\1, 2, 4\), float64 \(\1, 3, 4\), Generator"
    assert re.search(shapes, check(from_verify(s.crashes), **DRIFT).reasons[0])


def test_a_fixed_seed_fails():
    found = check(from_verify(s.fixed_seed), **DRIFT)
    assert found.verdict == "FAIL"
    assert "the seed is fixed" in found.reasons[0]


def test_neighbours_that_share_their_numbers_fail():
    found = check(from_step(s.step_twins), **DRIFT)
    assert found.verdict == "FAIL"
    assert "neighbouring rows depend on each other" in found.reasons[0]


def test_a_token_before_the_last_that_is_no_draft_fails():
    found = check(from_verify(s.other_than_the_draft), **DRIFT)
    assert found.verdict == "FAIL"
    assert any("not its draft" in reason for reason in found.reasons)


def test_pairs_that_depend_on_each_other_are_told_from_independent_ones():
    cells = np.random.default_rng(0).integers(4, size=(500, 2))  # the bound holds for every n: 1e-9 is one in 1e9
    assert mutual_information_bound(cells) > 1e-9
    assert mutual_information_bound(np.repeat(cells[:, :1], 2, axis=1)) < 1e-9


# --- executors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", [s.right, s.replaced_from_p], ids=lambda f: f.__name__)
def test_the_report_does_not_depend_on_who_does_the_work(sampler):
    alone = check(from_verify(sampler), **DRIFT)
    with ThreadPoolExecutor(3) as threads:
        assert check(from_verify(sampler), **DRIFT, executor=threads) == alone
    with ProcessPoolExecutor(2, get_context("spawn")) as processes:
        assert check(from_verify(sampler), **DRIFT, executor=processes) == alone


def test_an_adapter_that_cannot_be_sent_says_so():
    local = from_verify(lambda x, q, p, rng: s.right(x, q, p, rng))
    with ProcessPoolExecutor(1, get_context("spawn")) as processes, pytest.raises(TypeError, match="top of a module"):
        check(local, **DRIFT, executor=processes)


# --- arguments ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [{"alpha": 0}, {"eps": 1.5}, {"power": 1}, {"budget": 0}, {"time_limit": 0}])
def test_numbers_outside_their_range_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        check(from_verify(s.right), **bad)


def test_a_bare_function_is_refused():
    with pytest.raises(TypeError, match="from_verify"):
        check(s.right)


def test_assert_lossless_raises_with_the_report():
    assert_lossless(from_verify(s.right), **DRIFT)
    with pytest.raises(AssertionError, match="Diagnosis: M01") as raised:
        assert_lossless(from_verify(s.replaced_from_p), **DRIFT)
    # pytest ends its traceback at the line above, not in the kit
    assert str(raised.traceback.filter(raised)[-1].path) == __file__


def test_progress_is_told_after_every_chunk():
    seen = []
    check(from_verify(s.right), **DRIFT, progress=seen.append)
    assert [at.streams for at in seen] == sorted(at.streams for at in seen)
    assert seen[-1].streams == seen[-1].needed


# --- the standard probes -----------------------------------------------------------------------------------------


def test_the_standard_probes_are_all_asked():
    found = check(from_verify(s.right), eps=0.2)
    assert found.verdict == "PASS"
    assert [probe.name for probe in found.probes] == [probe.name for probe in load_probes()]


@pytest.mark.parametrize("sampler", s.INVENTED, ids=lambda f: f.__name__)
def test_an_unlisted_mistake_fails_on_the_standard_probes(sampler):
    assert check(from_verify(sampler), eps=0.05).verdict == "FAIL"


def test_an_engine_with_its_own_models_is_judged_by_its_own_target():
    target, drafter = s.small_probe().setting.target_model, s.small_probe().setting.draft_model

    def right(prompt, n, *, seed, model=target):
        return s.generate(prompt, model, drafter, K=2, max_new_tokens=n, rng=np.random.default_rng(seed))[0]

    def wrong(prompt, n, *, seed):
        return right(prompt, n, seed=seed, model=drafter)

    def alone(text):
        return target.start().extend(text)[-1]

    assert check(from_engine(right, next_probs=alone, prompt=[0]), eps=0.3).verdict == "PASS"
    assert check(from_engine(wrong, next_probs=alone, prompt=[0]), eps=0.3).verdict == "FAIL"
