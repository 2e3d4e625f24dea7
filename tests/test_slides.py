"""The slides last 45 minutes, say what to say, and ask nothing of a network."""

import re
from html.parser import HTMLParser

import make_slides
import pytest

pytestmark = pytest.mark.thorough  # every picture is drawn: three seconds


@pytest.fixture(scope="module")
def text():
    return make_slides.page()


def test_the_lecture_lasts_45_minutes_and_every_slide_says_what_to_say():
    given = make_slides.slides()
    assert 25 <= len(given) <= 30
    assert sum(each.minutes for each in given) == 45
    assert all(len(each.say.split()) >= 15 and (each.body or each.picture) for each in given)


def test_every_picture_is_used_once_and_described(text):
    shown = [each.picture for each in make_slides.slides() if each.picture]
    assert sorted(shown) == sorted(make_slides.pictures())
    assert len(re.findall(r'<img src="data:image/svg\+xml;base64,[^"]+" alt="[^"]{10,}">', text)) == len(shown)


def test_the_file_asks_nothing_of_a_network_and_its_tags_are_closed(text):
    assert not re.findall(r'(?:src|href)="(?!data:)', text)
    assert "@import" not in text
    assert len(text) < 1_500_000
    open_tags = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "img", "br"):
                open_tags.append(tag)

        def handle_endtag(self, tag):
            assert open_tags.pop() == tag

    Tags().feed(text)
    assert not open_tags


def test_numbers_on_slides_are_computed():
    bodies = " ".join(each.body for each in make_slides.slides())
    assert "in all α = 0.7" in bodies
    assert "normalised: (1, 0, 0)" in bodies
