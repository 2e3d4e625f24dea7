"""Teachers have a word for every picture of the notebooks, and plans whose minutes add up."""

import re

import make_slides
import make_teach as docs
import pytest
from test_layout import ROOT

from specsample.course.source import sources
from specsample.course.syllabus import lessons

PLANS = (ROOT / "docs" / "howto" / "teach.md").read_text(encoding="utf-8")


def plan(heading):
    """List the cells of a plan's rows."""
    lines = PLANS.split(heading, 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_there_is_something_to_say_at_every_picture(path):
    said = docs.SAY[path.stem[:2]]
    assert [call for call, _ in said] == [call for _, call in docs.pictures(path)]
    assert all(len(text.split()) >= 6 for _, text in said)


def test_the_page_is_what_the_script_writes():
    assert docs.PAGE.read_text(encoding="utf-8") == docs.page(), "run: python docs/make_teach.py"


def test_the_plan_of_the_lecture_has_the_minutes_of_its_slides():
    slides = make_slides.slides()
    upto = 0
    for minutes, shown, _ in plan("| minutes | slides |"):
        first, last = map(int, shown.split("–"))
        begins, ends = map(int, minutes.split("–"))
        assert first == upto + 1
        assert begins == sum(each.minutes for each in slides[:upto])
        upto = last
        assert ends == sum(each.minutes for each in slides[:upto])
    assert upto == len(slides)


def test_the_lab_lasts_two_hours():
    times = [[int(n) for n in row[0].split("–")] for row in plan("| minutes | notebook |")]
    assert [begin for begin, _ in times] == [0, *(end for _, end in times[:-1])]
    assert times[-1][1] == 120


def test_sessions_of_the_course_take_what_their_notebooks_take():
    takes = {each.stem[:2]: each.minutes for each in lessons()}
    for _, notebooks, minutes, *_ in plan("| session | notebooks |"):
        assert int(minutes) == sum(takes[n] for n in re.findall(r"\d\d", notebooks)) <= 90
