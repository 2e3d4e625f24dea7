"""The page "Try it" in a real browser, offline: the command line's tokens, stop, race, judge, hostile prompts.

Needs the built site with what runs in the browser (`python docs/make_lite.py docs/_build --pyodide DIR`), the extra
[browser] and Chromium; left out of the default run by its marker: pytest -m lite tests/lite
"""

import json

import numpy as np
import pytest
from test_viewer import HOSTILE

from specsample import decoding_strategy, generate, load_pair

pytestmark = pytest.mark.lite
SLOW = 600_000  # milliseconds; a busy machine takes its time
FAITHFUL = [("def f(x):", 5, 0.5, 4), ("The value of ", 3, 1.0, 0), ("import ", 8, 0.0, 1), ("class A:\n", 0, 0.8, 7)]
PROMPTS = [
    *HOSTILE[:10],
    "",
    "\x00",
    "</textarea><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)//",
    "'; import os; os._exit(1) #",
    "${alert(1)} `alert(1)` {{1}}",
    "\u202e\u2066abc",
    "\U0001f600",
    "a" * 20_000,
]

PRESS_STOP = """() => {
    const text = document.querySelector("[data-part=text]")
    const watch = new MutationObserver(() => {
        if (!text.querySelector(".ends")) return
        watch.disconnect()
        document.querySelector("#try-text button[data-stops]").click()
    })
    watch.observe(text, { childList: true })
}"""  # as soon as the first round is seen


def state(page):
    """Read what the page says."""
    return page.locator("[data-part=state]").inner_text()


def wait_for(page, *words):
    """Wait until the page says one of some words."""
    page.wait_for_function(
        "words => words.some(word => document.querySelector('[data-part=state]').textContent.includes(word))",
        arg=list(words),
        timeout=SLOW,
    )


def speculate(page, prompt, *, K=5, T=0.5, seed=4, n=30):
    """Fill the form, and press the button."""
    page.locator("[data-part=prompt]").fill(prompt)
    for name, value in {"K": K, "temperature": T, "seed": seed, "n": n}.items():
        page.locator(f"[data-part={name}]").fill(str(value))
    page.locator("button[data-does=speculate]").click()


def judge(page, source, *, is_quick=True):
    """Paste a text into the second tab, and have it judged."""
    page.locator("#try-tab-judge").click()
    page.locator("[data-part=source]").fill(source)
    page.locator("[data-part=eps]").select_option("0.05" if is_quick else "0.02")
    page.locator("button[data-does=judge]").click()


def shown_run(page):
    """Read the record that the viewer's frame holds."""
    text = page.locator("[data-part=viewer]").get_attribute("srcdoc")
    return json.JSONDecoder().raw_decode(text, text.rindex("})({") + 3)[0]


@pytest.fixture(scope="module")
def tab(served):
    """Open the page once: Python is loaded once, as for a reader."""
    page, wrong = served("try.html")
    page.wait_for_selector(".try:not([hidden])")
    yield page, wrong
    page.close()


@pytest.fixture(scope="module")
def sample(tab):
    """Read the `verify` that the second tab begins with."""
    return tab[0].locator("[data-part=source]").input_value()


def test_the_page_gives_the_command_lines_tokens_for_the_same_seed(tab):
    page, wrong = tab
    target, draft = load_pair()
    n_numbers = n_different = 0
    largest = 0.0
    for prompt, K, T, seed in FAITHFUL:
        speculate(page, prompt, K=K, T=T, seed=seed, n=60)
        wait_for(page, "done after")
        request = {"K": K, "max_new_tokens": 60, "rng": np.random.default_rng(seed)}
        tokens, trace = generate(
            target.tokenizer.encode(prompt), target, draft, transform=decoding_strategy(temperature=T), **request
        )
        assert page.locator("[data-part=text]").text_content() == prompt + target.tokenizer.decode(tokens)
        assert page.locator("[data-part=text] span:not(.prompt)").count() == 60
        # the probabilities of drafts, float32 there as here, and summed in another order
        for there, here in zip(shown_run(page)["rounds"], trace.rounds, strict=True):
            found = np.array([*there["p"], *there["q"]])
            wanted = np.array([*map(float, here.p_x), *map(float, here.q_x)])
            n_numbers += len(found)
            n_different += int((found != wanted).sum())
            largest = max([largest, *(np.abs(found - wanted) / np.maximum(wanted, 1e-6)).tolist()])
    print(state(page))
    print(f"{n_different} of {n_numbers} probabilities differ in their last bits, by {largest:.1e} at most")
    assert largest < 1e-3
    assert wrong == []


def test_stop_ends_a_run_between_two_rounds_and_the_models_stay(tab):
    page, wrong = tab
    page.evaluate(PRESS_STOP)
    speculate(page, "def f(x):", n=200, K=1)
    wait_for(page, "stopped after")
    assert 0 < page.locator("[data-part=text] span:not(.prompt)").count() < 200
    speculate(page, "def f(x):", n=10)
    wait_for(page, "done after")
    assert (page.locator("[data-part=text] span:not(.prompt)").count(), wrong) == (10, [])


def test_the_race_has_the_times_of_this_browser(tab):
    page, wrong = tab
    speculate(page, "def f(x):", n=20)
    wait_for(page, "done after")
    page.locator("button[data-does=race]").click()
    wait_for(page, "s without drafts")
    times = shown_run(page)["times"]
    assert (len(times["passes"]), times["how"]) == (20, "medians of 3 runs of each, in turns, in this browser")
    assert min(busy for _, busy in times["passes"]) > 0
    frame = page.frame_locator("[data-part=viewer]")
    # without waiting for it to stand still: headless Chromium draws no frame inside a frame that is out of sight
    frame.locator("button[data-view=race]").dispatch_event("click")
    assert frame.locator("button[data-view=race]").get_attribute("aria-pressed") == "true"
    assert wrong == []


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: ascii(prompt[:12]))
def test_a_hostile_prompt_is_text_or_is_refused_by_name(tab, prompt):
    page, wrong = tab
    speculate(page, prompt, n=10)
    wait_for(page, "done after", "Error")
    text = page.locator("[data-part=text]")
    assert text.locator("*:not(span)").count() == 0
    assert ("Error" in state(page)) == (text.locator("span:not(.prompt)").count() == 0)
    assert wrong == []


def test_the_judge_passes_the_example_while_the_page_stays_alive(tab, sample):
    page, wrong = tab
    judge(page, sample)
    wait_for(page, "texts, largest log E")
    # the page answers while the worker computes: another tab, and typing
    page.locator("#try-tab-text").click()
    page.locator("[data-part=prompt]").fill("still alive")
    assert page.locator("[data-part=prompt]").input_value() == "still alive"
    assert "log E" in state(page)
    wait_for(page, "PASS after")
    page.locator("#try-tab-judge").click()
    report = page.frame_locator("[data-part=report]")
    assert "No deviation from the target model was found" in report.locator("body").inner_text()
    assert wrong == []


def test_the_judge_names_a_mistake_that_was_put_in(tab, sample):
    page, wrong = tab
    spoiled = sample.replace(" - q[every, n]", "")
    assert spoiled != sample
    judge(page, spoiled)
    wait_for(page, "FAIL after")
    assert "M01" in page.frame_locator("[data-part=report]").locator("body").inner_text()
    assert wrong == []


@pytest.mark.parametrize(("source", "said"), [("def verify(", "SyntaxError"), ("x = 1", "must define a function")])
def test_what_cannot_be_judged_is_refused(tab, source, said):
    judge(tab[0], source)
    wait_for(tab[0], said)


def test_a_loop_that_never_ends_is_no_verdict(tab, sample):
    page, wrong = tab
    page.evaluate("document.querySelector('.try').dataset.limit = 0.5")
    judge(page, "def verify(*given):\n    while True:\n        pass\n")
    wait_for(page, "INVALID after")
    assert "did not return within" in page.frame_locator("[data-part=report]").locator("body").inner_text()
    assert wrong == []


def test_a_call_into_c_that_hangs_is_ended_by_stop_and_python_starts_again(tab, sample):
    page, wrong = tab
    judge(page, "def verify(*given):\n    return sum(iter(int, 1))\n")
    page.wait_for_timeout(500)
    page.locator("#try-judge button[data-stops]").click()
    wait_for(page, "Stopped. The next press starts Python again")
    page.evaluate("document.querySelector('.try').dataset.silence = 3")
    judge(page, "def verify(*given):\n    return sum(iter(int, 1))\n")
    wait_for(page, "Nothing was heard of the sampler for 3 s")
    assert wrong == []
    assert page.locator("button[data-does=judge]").is_enabled()


def test_a_site_without_its_files_says_how_to_make_them(served):
    page, _ = served("try.html")
    page.route("**/lite/try.json", lambda route: route.fulfill(status=404))
    page.locator("button[data-does=speculate]").click()
    wait_for(page, "docs/make_lite.py")
    page.close()


def test_a_page_that_was_opened_as_a_file_says_that_it_needs_a_server(chromium, site):
    page = chromium.new_page()
    page.goto((site / "try.html").as_uri())
    page.locator("button[data-does=speculate]").click()
    wait_for(page, "python -m http.server")
    page.close()
