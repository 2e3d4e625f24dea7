"""A name is given only where it fits everything that was seen; nobody is told a mistake that was not looked for."""

from dataclasses import replace

import numpy as np
import pytest
import samplers_under_test as s

from specsample import generate
from specsample.conformance import check, from_engine, from_generate, from_verify
from specsample.conformance.adapters import Sample
from specsample.conformance.alone import right_alone
from specsample.conformance.diagnosis import (
    EXTRA,
    LAWFUL,
    UNCOMPARED,
    UNEXPLAINED,
    follows_target,
    guess,
    separating,
)
from specsample.conformance.in_words import diagnosis_lines
from specsample.conformance.laws.rule import judged
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.conformance.pack.packed import load_probes
from specsample.conformance.questions import questions_for, tallies_for


def shown(sampler, name="own"):
    """Show the kit a function with the arguments of `speculative.generate`, one text a call."""

    def run(prompt, n, *, target_model, draft_model, K, stop, seed, transform):
        setting = {"K": K, "max_new_tokens": n, "stop": stop, "transform": transform}
        return sampler(prompt, target_model, draft_model, rng=np.random.default_rng(seed), **setting)[0]

    return from_generate(run, name=name)


def too_strict(seen, n):
    """p over its largest value: on P1 alone it looks like M08."""
    return seen.p[n, seen.x[n]] / seen.p[n].max()


@pytest.mark.parametrize(
    ("name", "probe"),
    [
        ("M43", "P6"),
        *(
            pytest.param(*both, marks=pytest.mark.thorough)
            for both in [("M44", "P1"), ("M45", "P4"), ("M46", "P11"), ("M47", "P12")]
        ),
    ],
)
def test_the_newest_of_the_catalogue_are_named_by_the_kit(name, probe):
    found = check(shown(WRONG[name].generate), probes=["P2", probe])
    assert (found.verdict, found.diagnosis.id) == ("FAIL", name)


@pytest.mark.thorough
def test_a_name_that_fits_on_one_probe_alone_is_not_given():
    sampler = shown(judged(accept=too_strict))
    alone, together = (check(sampler, probes=probes) for probes in (["P1"], ["P1", "P6", "P11"]))
    assert alone.diagnosis.id == "M08"  # its law fits there
    assert (together.diagnosis.id, together.diagnosis.nearest) == ("unknown", "M08")
    # the second probe had its own streams, though no FAIL asked for it
    assert EXTRA in [probe.streams for probe in together.probes]


def test_odds_stand_with_a_name_alone_and_what_is_nearest_does_not_fit():
    named, unknown = (check(from_verify(f), probes=["P1"]) for f in (s.replaced_from_p, s.ratio_of_the_whole_run))
    assert "odds over the catalogue: 1.000" in "\n".join(diagnosis_lines(named.diagnosis))
    lines = diagnosis_lines(unknown.diagnosis)
    assert lines[0] == f"Diagnosis: unknown. {UNEXPLAINED}"
    nearest = unknown.diagnosis.nearest
    assert lines[1].startswith(
        f"  nearest: {nearest} (does not fit). {WRONG[nearest].mechanism} (docs/wrong-samplers.md#"
    )
    assert unknown.diagnosis.posterior == {}
    assert not any("odds" in line for line in lines)


@pytest.mark.parametrize("probe", ["P1", "P4", "P7"])
def test_a_mistake_that_the_probe_cannot_show_is_no_candidate(probe):
    found = check(from_verify(s.square_root_ratio), probes=[probe])
    assert found.verdict == "FAIL"
    assert found.diagnosis.nearest not in load_probes([probe])[0].blind_to


def test_on_own_models_nothing_is_said_about_the_catalogue():
    def biased(prompt, n, *, seed):
        return (np.random.default_rng(seed).random(n) < 0.8).astype(int).tolist()

    found = check(from_engine(biased, next_probs=lambda text: [0.5, 0.5], prompt=[1]), eps=0.3)
    assert (found.verdict, found.diagnosis.mechanism, found.diagnosis.nearest) == ("FAIL", UNCOMPARED, "")


@pytest.mark.parametrize(("sampler", "verdict"), [(generate, "INVALID"), (WRONG["M01"].generate, "FAIL")])
def test_a_probe_on_which_the_sampler_raises_leaves_the_others_to_be_judged(sampler, verdict):
    def raises_on_short_texts(*models, max_new_tokens, **setting):
        assert max_new_tokens > 2, "too short"
        return sampler(*models, max_new_tokens=max_new_tokens, **setting)

    found = check(shown(raises_on_short_texts), probes=["P2", "P6", "P11"], eps=0.3)
    assert found.verdict == verdict
    assert "on probe P2, the sampler raised AssertionError: too short" in "\n".join(found.reasons)
    assert [probe.streams > 0 for probe in found.probes] == [False, True, True]
    if verdict == "INVALID":
        assert all(probe.streams == probe.needed for probe in found.probes[1:])
        assert "on the others nothing was found" in str(found)


@pytest.mark.thorough
def test_a_law_next_to_the_targets_explains_no_failure():
    # M41 on P1 fails late, when M45, nearly the target's law, still nearly fits: taken for it where M41 is not known
    found = check(shown(WRONG["M41"].generate), probes=[without("M41", "P1")])
    assert (found.verdict, found.diagnosis.id) == ("FAIL", "unknown")


def without(name, probe):
    """Load a probe that does not know one of the mistakes."""
    whole = load_probes([probe])[0]
    return replace(whole, rule_laws={other: law for other, law in whole.rule_laws.items() if other != name})


def test_few_texts_alone_tell_that_only_the_batch_is_wrong():
    # 0.15 of evidence a text, as in a real batch whose padding was not masked: 512 texts alone suffice
    tally = tallies_for(questions_for(shown(generate), ["P9"]), alpha=1e-6, eps=0.1, power=0.999)[0]
    question, rng = tally.question, np.random.default_rng(0)
    wrong = 0.75 * question.law + 0.25 * question.rule_laws["M11"]

    def drawn(law, n):
        return Sample(np.array(question.cells)[rng.choice(len(question.cells), n, p=law[:-1] / law[:-1].sum())])

    assert right_alone(tally, drawn(question.law, 512), drawn(wrong, 3072))
    assert not right_alone(tally, drawn(wrong, 512), drawn(wrong, 3072))
    assert not right_alone(tally, drawn(question.law, 512), drawn(question.law, 3072))


def test_where_the_law_fits_nothing_is_named():
    # what follows a stop token is never looked at: a broken promise, and the right law
    tally = tallies_for(questions_for(shown(generate), ["P7"]), alpha=1e-6, eps=0.1, power=0.999)[0]
    law = tally.question.law
    tally.evidence.update(np.random.default_rng(0).multinomial(3000, law / law.sum()))
    assert follows_target(tally)
    found = guess([tally], tally, Sample(np.full((1, 4), 2)))
    assert (found.id, found.mechanism, found.nearest, found.posterior) == ("unknown", LAWFUL, "", {})
    assert separating([tally], tally) is None


@pytest.mark.parametrize(("sampler", "verdict"), [(generate, "PASS"), (WRONG["M01"].generate, "FAIL")])
def test_texts_that_are_too_long_are_cut_and_convict_nobody_by_themselves(sampler, verdict):
    def one_round_too_many(*models, max_new_tokens, **setting):
        return sampler(*models, max_new_tokens=max_new_tokens + 2, **setting)

    found = check(shown(one_round_too_many), probes=["P1"], eps=0.1)
    assert found.verdict == verdict
    said = "\n".join(found.warnings)
    assert f"cut at max_new_tokens: {found.streams:,} of {found.streams:,} texts had more tokens" in said
    assert (found.diagnosis is None) == (verdict == "PASS")
