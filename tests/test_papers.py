"""Does `specsample papers` show every printed number, and mark those that do not follow from the equations?"""

from fractions import Fraction as F

from specsample.cli import main
from specsample.papers import DATA, DIFFERS, FOLLOWS, ROUNDING, Figure, figures, printed_figures

TABLES_2_TO_4 = "Leviathan et al., tables 2 and 4: speed-up, expected and measured"
A5 = "Leviathan et al., appendix A.5: speed-up at T = 1"

# Every printed number that does not recompute, with what does.
ONLY_UNROUNDED = {(TABLES_2_TO_4, 2.4, 2.35), (TABLES_2_TO_4, 2.0, 1.93), (TABLES_2_TO_4, 1.6, 1.54)}
DIFFERENT = {(A5, 2.5, 2.33), (A5, 3.1, 2.94), (A5, 3.6, 3.45), (A5, 5.0, 4.79)}
DIFFERENT |= {("Chen et al., table 1: ms a token, speed-up", 1.92, 1.88)}


def marked(verdict):
    """List (table, printed, recomputed to two digits) of the figures with a verdict."""
    return {(f.table, f.printed, round(float(f.recomputed), 2)) for f in figures() if f.verdict == verdict}


def test_the_numbers_that_do_not_recompute_are_exactly_the_listed_ones():
    assert marked(DIFFERS) == DIFFERENT
    assert marked(ROUNDING) == ONLY_UNROUNDED


def test_every_printed_number_is_shown():
    leviathan, chen = printed_figures()["leviathan"], printed_figures()["chen"]["table1"]
    shown = [f.printed for f in figures()]
    n = 2 * len(leviathan["table1"]["rows"]) + 2 * len(leviathan["tables2_4"]) + 2 * len(leviathan["table3_alpha"])
    n += 4 * len(leviathan["table5_alpha_T1"]["l"]) + len(leviathan["lenience_speed_T1"]["printed"])
    n += len(chen) + sum(row["method"] == "SpS" for row in chen) + 3
    assert len(shown) == n
    assert sum(f.verdict == DATA for f in figures()) == 12 + 20 + 16 + 6  # measured: nothing to recompute


def test_a_figure_follows_only_within_the_digits_that_are_printed():
    assert Figure("", "", 1.6, 1, 1.64).verdict == FOLLOWS
    assert Figure("", "", 1.6, 1, 1.66).verdict == DIFFERS
    assert Figure("", "", 1.6, 1, 1.70, 1.66, 1.75).verdict == DIFFERS
    assert Figure("", "", 1.6, 1, 1.70, 1.64, 1.75).verdict == ROUNDING
    assert Figure("", "", F(10, 9), 4, F(10, 9)).verdict == FOLLOWS


def test_the_command_prints_the_tables_and_the_count(capsys):
    assert main(["papers"]) == 0
    out = capsys.readouterr().out
    assert "Leviathan et al., table 1" in out
    assert out.splitlines()[-1] == "26 follows, 3 if inputs are unrounded, 5 differs, 54 data"
    assert main(["papers", "--differing"]) == 0
    differing = capsys.readouterr().out
    assert "appendix A.5" in differing
    assert "table 3" not in differing
