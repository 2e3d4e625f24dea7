"""Quoted lines are in the code, links lead somewhere, and numbers have a source or come out again.

That printed outputs are what comes out is held in `test_readme.py`; the pages that a script writes (plan, strategies,
verifiers, wrong samplers) have tests of their own.
"""

import json
import re
import tomllib
from statistics import median
from xml.etree import ElementTree

import make_race
import make_reference
import make_viewer_round
import numpy as np
import pytest
from test_layout import PACKAGE, ROOT, name_of
from test_readme import BLOCK, LINES_OF_CODE, algorithm_lines, commands, pages, readme

from specsample import autoregressive, generate, load_pair, temperature
from specsample.bench.quality import measure_pair
from specsample.drafts.head_lm import load_head
from specsample.theory import speedup
from specsample.viewer.recorded import load_run

DOCS, CARD = ROOT / "docs", "specsample/pretrained/README.md"
PAGES = {name_of(path): path.read_text(encoding="utf-8") for path in [*pages(), ROOT / CARD]}
WRITTEN_AT_BUILD = {DOCS / "reference" / "api" / name for name in make_reference.files()}
NUMBER = re.compile(r"\d+\.\d+")
FILES = ("target", "draft", "head", "smollm2-head")


def numbers(text):
    """List the numbers in a text; thousands have commas."""
    return [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def table(page, heading):
    """List the cells of the rows of the table whose first line begins with `heading`."""
    lines = PAGES[page].split(heading, 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


# --- quotations and links ----------------------------------------------------------------------------------------


def quoted_lines():
    """List (file, numbers in the first column, quoted code) of the tables of docs/explanation/algorithm.md."""
    file = "speculative.py"
    for line in PAGES["docs/explanation/algorithm.md"].splitlines():
        if line.startswith("| Alg. 1 |") or line.startswith("| what |"):
            file = "acceptance.py" if "acceptance.py" in line else "speculative.py"
        elif found := re.search(r"\| `(.*)` \|$", line):
            yield file, numbers(line.split("|")[1]), found[1]


def test_every_line_of_code_beside_the_paper_is_in_the_file_and_has_its_number():
    found = list(quoted_lines())
    for file, cited, code in found:
        lines = [line for line in (PACKAGE / file).read_text(encoding="utf-8").splitlines() if code in line]
        assert len(lines) == 1, f"{file} has {len(lines)} lines with {code}"
        says = re.findall(r"# .*?\bline (\d+)", lines[0].split(code)[1])
        assert not says or int(says[0]) in cited, f"{code}: the comment says {says}, the page {cited}"
    commented = re.findall(r"# [^#]*?line (\d+)[:, ]", (PACKAGE / "speculative.py").read_text(encoding="utf-8"))
    assert {int(n) for n in commented} <= {n for _, cited, _ in found for n in cited}
    assert len(found) > 15


def test_the_shown_sampler_is_the_file():
    blocks = [body for language, body in BLOCK.findall(PAGES["docs/howto/own-sampler.md"]) if language == "python"]
    assert blocks[0] == (DOCS / "howto" / "my_sampler.py").read_text(encoding="utf-8")


def test_the_workflow_runs_a_command_that_is_run_here():
    page = PAGES["docs/howto/ci-gate.md"]
    line = re.search(r"- run: (specsample .*)", page)[1]
    assert any(line in command for command, _ in commands(page))


def test_both_pages_on_gpus_say_alike_whether_anything_ran_there():
    pages = PAGES["docs/backends.md"], PAGES["docs/howto/gpu.md"]
    assert ["Not yet run on a GPU" in pages[0]] == ["Nothing here has run on a GPU yet" in pages[1]]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page):
    text = re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.DOTALL | re.MULTILINE)
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    files = [(ROOT / page).parent / link for link in links if link and "://" not in link]
    assert not [file for file in files if not file.exists() and file not in WRITTEN_AT_BUILD]


# --- measured figures have a command and a date --------------------------------------------------------------------

UNIT = r"(?:ms|µs|s|seconds|MB|GB/s|tokens/s|tokens a second|times as fast|times the speed)"
MEASURED = re.compile(rf"\d\s{UNIT}\b|\|[^|\n]*\b(?:ms|seconds|tokens/s)\b[^|\n]*(?=\|)")  # or a column's heading
COMMAND = re.compile(r"`[^`]*\b(?:python|pytest|specsample (?:bench|evaluate|train|check)|measure_kit\.py)\b[^`]*`")
DATE = re.compile(r"\b20\d\d-\d\d-\d\d\b")
UNMEASURED = {"docs/changelog.md"}  # history, each line of which had its source when it was written


def sections(text):
    """List (heading, own text, own text and that of the sections around it, the page's opening included)."""
    parts = re.split(r"^(#+ .*)$", text, flags=re.MULTILINE)
    around = [(0, parts[0])]
    for heading, body in zip(parts[1::2], parts[2::2]):
        depth = heading.count("#", 0, heading.index(" "))
        around = [(d, own) for d, own in around if d < depth] + [(depth, heading + body)]
        yield heading, body, "\n".join(own for _, own in around)


def unsourced(text):
    """List the headings of sections with a measured figure and neither command and date nor a paper around it."""
    for heading, body, scope in sections(text):
        body = re.sub(r"^```console.*?^```$", "", body, flags=re.DOTALL | re.MULTILINE)  # run, not measured
        is_dated = (COMMAND.search(scope) or "```sh" in scope) and DATE.search(scope)
        if MEASURED.search(body) and not is_dated and "et al." not in scope:
            yield f"{heading}: {MEASURED.findall(body)}"


@pytest.mark.parametrize("page", [page for page in PAGES if page not in UNMEASURED])
def test_measured_figures_have_a_command_and_a_date(page):
    assert not list(unsourced(PAGES[page]))


def test_the_search_for_figures_without_a_source_finds_them():
    page = "# A\nIt takes 3 ms.\n## B\n4 s, by `python x.py` on 2026-01-01\n### C\n5 ms\n"
    assert [found.split(":")[0] for found in unsourced(page)] == ["# A"]


# --- numbers that come out again -----------------------------------------------------------------------------------


FIRST = ["python -m venv .venv", ".venv/bin/pip install -e .", ".venv/bin/specsample demo"]


def test_a_verdict_on_a_sampler_of_ones_own_takes_five_commands_from_the_readmes_first_line():
    line = next(line for line in readme().splitlines() if "docs/howto/my_sampler.py" in line and "&&" in line)
    assert len([*FIRST, *line.split(" && ")]) == 5
    assert " && ".join(FIRST) in readme().splitlines()
    assert line in PAGES["docs/howto/own-sampler.md"].splitlines()


def test_the_citation_names_the_project_and_both_papers():
    text = (DOCS / "CITATION.cff").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = ["cff-version: 1.2.0", "message: ", "authors:", f"version: {project['version']}", "license: MIT"]
    assert all(f"\n{key}" in f"\n{text}" for key in needed)
    assert re.findall(r"arXiv:[\d.]+", text) == ["arXiv:2211.17192", "arXiv:2302.01318"]
    assert "docs/CITATION.cff" in readme()


def test_the_picture_of_the_viewer_is_what_its_script_draws():
    drawn = make_viewer_round.picture(load_run(make_viewer_round.RUN).data)
    kept = make_viewer_round.PICTURE.read_text(encoding="utf-8")
    assert NUMBER.sub("", kept) == NUMBER.sub("", drawn), "run: python docs/make_viewer_round.py"
    found = [[float(number) for number in NUMBER.findall(text)] for text in (kept, drawn)]
    assert found[0] == pytest.approx(found[1], abs=0.2)  # a last digit, on a machine of other kernels


def test_the_picture_of_the_race_is_small_whole_where_nothing_moves_and_has_the_texts_of_the_pair():
    kept = make_race.PICTURE.read_text(encoding="utf-8")
    assert len(kept) < 200_000
    # what moves does so for readers who did not ask for less motion, and for nobody else
    still, _, moving = kept.partition("@media (prefers-reduced-motion:no-preference)")
    assert "opacity:0}" in still
    assert "animation" not in still
    assert "</style>" in moving
    # the letters of both lanes are those of the pair with the same numbers
    target, draft = load_pair()
    ids = target.tokenizer.encode(make_race.PROMPTS["code"])
    how = {"max_new_tokens": make_race.TOKENS, "transform": temperature(make_race.TEMPERATURE)}
    numbers = [np.random.default_rng(make_race.SEED) for _ in range(2)]
    plain = autoregressive(ids, target, rng=numbers[0], **how)
    tokens, _ = generate(ids, target, draft, K=make_race.K, rng=numbers[1], **how)
    found = "".join(element.text for element in ElementTree.fromstring(kept).iter() if element.get("textLength"))
    texts = [make_race.PROMPTS["code"] + target.tokenizer.decode(made) for made in (plain, tokens)]
    assert found == "".join(texts).replace("\n", "")


def test_the_readme_counts_the_lines_of_the_algorithm():
    assert LINES_OF_CODE.findall(readme()) == [str(algorithm_lines())], "run: python tests/test_readme.py --write"


def test_the_card_states_the_sizes_of_the_shipped_files():
    target, draft = load_pair()
    counts = [sum(array.size for array in params.values()) for params in (target.params, draft.params, load_head())]
    sizes = [(PACKAGE / "pretrained" / f"{name}.npz").stat().st_size / 1e6 for name in FILES]
    for count in counts:
        assert f"{count:,}" in PAGES[CARD]
    assert f"{counts[2]:,}" in PAGES["docs/drafts.md"]
    assert [f"{size:.1f} MB" for size in sizes] == re.findall(r"npz`, ([\d.]+ MB)", PAGES[CARD])


@pytest.mark.thorough
def test_the_card_states_the_acceptance_rate_of_the_shipped_pair():
    stated = re.search(r"acceptance rate α .*?([\d.]+) / ([\d.]+)", PAGES[CARD])
    found = measure_pair(*load_pair(), limit=2000)  # of the card's 20,000 characters: standard error about 0.006
    for kind, alpha in zip(("code", "prose"), map(float, stated.groups())):
        assert found[kind]["acceptance_rate"] == pytest.approx(alpha, abs=0.03)


def could_be(value, printed, *, ulp):
    """Whether a computed interval (low, high) meets what is printed, a number rounded to a multiple of ulp."""
    low, high = value
    return low - 1e-9 <= printed + ulp / 2 and printed - ulp / 2 <= high + 1e-9


def quotient(top, bottom, ulp):
    """Bound the quotient of two numbers that were rounded to multiples of ulp."""
    return (top - ulp[0] / 2) / (bottom + ulp[1] / 2), (top + ulp[0] / 2) / (bottom - ulp[1] / 2)


def test_the_readmes_prediction_is_the_theorems_at_the_parts_it_names():
    said = re.search(
        r"α = ([\d.]+)\).*?c = ([\d.]+).*?ρ = ([\d.]+),\s+theory\s+predicts (\d+\.\d+)", readme(), re.DOTALL
    )
    alpha, c, rho, predicted = map(float, said.groups())
    assert round(speedup(alpha, 5, c, rho), 2) == predicted


def test_the_readmes_figures_are_those_of_the_page_on_speed():
    rows = {(row[0], row[1]): row[2:] for row in table("docs/speed.md", "| text, kernels | K")}
    tokens, alpha, c, rho, *_ = rows["code, SkylakeX", "5"]
    text = " ".join(readme().split())
    assert f"{float(tokens):.1f} tokens at K = 5 on code (α = {alpha})" in text
    assert f"c = {c} of an autoregressive step and the rest of a round at ρ = {rho}" in text
    # medians of all runs, never the best of them
    code, prose = zip(*((row[3], row[4]) for row in table("docs/speed.md", "| run | prompts")), strict=True)
    assert f"{median(code)} times as fast as by autoregressive sampling on code, and {median(prose)} times on" in text
    ranges = [f"{min(found)} to {max(found)} on {kind}" for kind, found in (("code", code), ("prose", prose))]
    assert " and ".join(ranges) in text
    slow = [f"{float(rows[f'{kind}, Haswell', K][4]):.1f}" for kind, K in (("code", "3"), ("prose", "5"))]
    assert f"nothing is gained ({slow[0]} and {slow[1]})" in text


def test_the_page_on_speed_shows_what_the_bench_wrote_down():
    runs = json.loads((DOCS / "speed" / "pair.json").read_text(encoding="utf-8"))["decoding"]
    rows = {(row[0], row[1]): row[2:] for row in table("docs/speed.md", "| text, kernels | K")}
    for decoding in runs:
        for run in (run for run in decoding["runs"] if run["K"] in range(1, 99)):
            names = ("tokens_per_target_pass", "alpha", "c", "rho", "speedup", "measured_over_predicted")
            assert [f"{run[name]:.2f}" for name in names] == rows[f"{decoding['kind']}, SkylakeX", str(run["K"])]
    assert [decoding["kind"] for decoding in runs] == ["code", "prose"]


def test_the_page_on_speed_divides_right():
    for *_, K, tokens, _, c, rho, speed, ratio in table("docs/speed.md", "| text, kernels | K"):
        K, tokens, c, rho, speed = float(K), *map(float, (tokens, c, rho, speed))
        cost = K * (c - 0.005) + rho - 0.005, K * (c + 0.005) + rho + 0.005
        uncut = (tokens + 0.005) * (1 + K / 256)  # the last round of 256 tokens is cut short, by K tokens at most
        predicted = (tokens - 0.005) / cost[1], uncut / cost[0]
        assert could_be(((speed - 0.005) / predicted[1], (speed + 0.005) / predicted[0]), float(ratio), ulp=0.01)
    for _, one, six, ratio in table("docs/speed.md", "| | 1 row, ms"):
        ulps = [10.0 ** -len(cell.partition(".")[2]) for cell in (six, one)]
        assert could_be(quotient(float(six), float(one), ulps), float(ratio), ulp=0.01)


def test_the_page_on_backends_divides_right():
    for B, plain, drafted, speed, tokens, rho, c, predicted, *_ in table("docs/backends.md", "| B |"):
        plain, drafted = numbers(plain)[0], numbers(drafted)[0]
        assert could_be(quotient(drafted, plain, (1, 1)), float(speed), ulp=0.01), B
        tokens, rho, c = map(float, (tokens, rho, c))
        low, high = (tokens - 0.005) / (rho + 5 * c + 0.03), (tokens + 0.005) / (rho + 5 * c - 0.03)
        assert could_be((low, high), float(predicted), ulp=0.01), B


def test_the_page_on_the_kit_sums_its_table_up_right():
    rows = table("docs/check.md", "| rule |")
    seconds = [float(row[-1]) for row in rows]
    said = re.search(r"The median is ([\d.]+) s, the largest (\d+) s", PAGES["docs/check.md"])
    assert (round(median(seconds), 1), round(max(seconds))) == (float(said[1]), int(said[2]))
    assert all(named in (rule, "-") for rule, *_, named, _ in rows)


def test_the_course_takes_about_as_long_as_it_says():
    minutes = [int(row[1]) for row in table("docs/course.md", "| notebook |")]
    hours = {"twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15}
    for page in ("docs/course.md", "docs/howto/teach.md"):
        said = re.search(r"Thirteen notebooks, about (\w+) hours", PAGES[page])
        assert len(minutes) == 13
        assert abs(sum(minutes) / 60 - hours[said[1]]) <= 1
    assert "Thirteen notebooks" in PAGES["README.md"]
