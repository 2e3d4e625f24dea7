"""A scripted generator is a NumPy generator; its script comes first, then drawn numbers."""

import copy

import numpy as np

from specsample.conformance.uniforms import ScriptedBits, word_of

TOP = 1 - 2.0**-53


def scripted(*us):
    return np.random.Generator(ScriptedBits(script=[word_of(u) for u in us]))


def test_it_is_a_generator_to_every_check_of_types():
    rng = scripted(0.5)
    assert type(rng) is np.random.Generator
    assert isinstance(rng.bit_generator, np.random.BitGenerator)
    assert np.random.default_rng(rng) is rng


def test_the_script_comes_out_exactly_at_the_ends_too():
    assert scripted(0.0, 2.0**-53, 0.25, 1).random(4).tolist() == [0.0, 2.0**-53, 0.25, TOP]
    assert scripted(0.0, 0.25, 1).random(3, dtype=np.float32).tolist() == [0.0, 0.25, 1 - 2.0**-24]
    assert scripted(0.25).uniform(2, 4) == 2.5
    assert scripted(0.5).choice(4, p=[0.25] * 4) == 2


def test_a_drawn_word_above_0_gives_no_number_0():
    rng = np.random.Generator(ScriptedBits(script=[2**11] * 2))
    assert rng.random(dtype=np.float32) > 0
    assert rng.random() > 0


def test_behind_the_script_numbers_are_drawn_so_that_loops_end():
    rng = scripted(*[0.0] * 10)
    while rng.random() < 0.5:
        pass
    assert rng.bit_generator.asked > 10
    assert rng.exponential() > 0


def test_it_counts_what_it_was_asked_for_and_can_be_copied_and_spawned():
    rng = scripted(0.5)
    assert rng.bit_generator.state["asked"] == 0
    rng.integers(1000, size=7)
    assert rng.bit_generator.state["asked"] > 0
    assert 0 <= copy.deepcopy(rng).random() < 1
    assert 0 <= rng.spawn(1)[0].random() < 1
