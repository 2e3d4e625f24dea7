"""What a build shows of a report: a summary, JUnit's XML, a badge.

A build log is read by people who have one minute: which sampler, which verdict, which mistake, and what it rests on.
"""

import re
from html import escape
from xml.etree import ElementTree

from specsample.conformance.in_words import diagnosis_lines
from specsample.conformance.report import Report
from specsample.conformance.report_html import IN_WORDS, LIGHT

LETTER, PAD, HEIGHT = 7, 8, 20  # of a badge, in pixels
LABEL = "lossless"
LABEL_GROUND = "#3f4650"
NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 cannot hold


def headline(given: Report) -> str:
    """Say in a few lines which sampler got which verdict, and why: the message of a failed test."""
    lines = [f"{given.verdict}: {given.sampler} ({given.kind}): {IN_WORDS[given.verdict]}", *given.reasons]
    return "\n".join([*lines, *diagnosis_lines(given.diagnosis)[:1]])


def properties(given: Report) -> dict[str, str]:
    """List what a verdict rests on, by names under which a dashboard finds it."""
    values = {
        "sampler": given.sampler,
        "verdict": given.verdict,
        "diagnosis": given.diagnosis.id if given.diagnosis else "",
        "streams": given.streams,
        "probes": " ".join(probe.name for probe in given.asked),
        "rejected_on": " ".join(probe.name for probe in given.asked if probe.is_rejected),
        **{name: getattr(given, name) for name in ("seed", "eps", "alpha", "power")},
    }
    return {f"specsample.{name}": f"{value}" for name, value in values.items()}


def to_markdown(given: Report) -> str:
    """Write a report for the summary of a build, such as the file that GITHUB_STEP_SUMMARY names."""
    # what comes from outside stands in a block of code, whose fence is longer than any inside
    said = "\n".join([*given.reasons, *(f"WARNING: {each}" for each in given.warnings)])
    said = "\n".join(each for each in (said, *diagnosis_lines(given.diagnosis)) if each)
    fence = "`" * max(3, *(1 + len(run) for run in re.findall("`+", f"`{said}`")))
    block = [f"{fence}text\n{said}\n{fence}", ""] if said else []
    # the probes that were asked, as in the terminal
    rows = [given.heads, ("---",) * len(given.heads), *(probe.row for probe in given.asked)]
    table = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows] if given.asked else []
    head = f"### {given.verdict}: {_cell(given.sampler)}, {IN_WORDS[given.verdict]}"
    asked = f"seed {given.seed}, eps {given.eps:g}, alpha {given.alpha:g}, power {given.power:g}"
    drawn = f"{given.streams:,} streams, {given.seconds:.1f} s; {asked}. OPTIMAL: {_cell(given.optimal)}"
    lines = [
        head,
        "",
        _cell(given.meaning),
        "",
        *block,
        *table,
        "",
        *([given.not_asked, ""] if given.not_asked else []),
    ]
    return "\n".join([*lines, drawn]) + "\n"


def to_junit(given: Report, *, file: str = "") -> str:
    """Write a report as JUnit's XML: one test, with the verdict and what it rests on as its properties.

    FAIL is a failure; INCONCLUSIVE and INVALID are errors, for nothing was found and the build must not go on.

    Parameters
    ----------
    given : Report
    file : str, where the sampler stands, for builds that link to it
    """
    is_failed = given.verdict == "FAIL"
    is_error = given.verdict in ("INCONCLUSIVE", "INVALID")
    counts = {"tests": "1", "failures": str(int(is_failed)), "errors": str(int(is_error)), "skipped": "0"}
    named = {"name": "specsample", "time": f"{given.seconds:.3f}"}
    suites = ElementTree.Element("testsuites", counts | named)
    suite = ElementTree.SubElement(suites, "testsuite", counts | named)
    # the test, where it stands, and what its verdict rests on
    place = {"file": NO_XML.sub("?", file)} if file else {}
    test = {"classname": NO_XML.sub("?", given.sampler), "name": LABEL, "time": named["time"]}
    case = ElementTree.SubElement(suite, "testcase", test | place)
    listed = ElementTree.SubElement(case, "properties")
    for name, value in properties(given).items():
        ElementTree.SubElement(listed, "property", {"name": name, "value": NO_XML.sub("?", value)})
    if is_failed or is_error:
        message = {"type": given.verdict, "message": NO_XML.sub("?", headline(given))}
        ElementTree.SubElement(case, "failure" if is_failed else "error", message).text = NO_XML.sub("?", str(given))
    ElementTree.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(suites, encoding="unicode")}\n'


def to_badge(given: Report) -> str:
    """Draw the verdict as a badge, an SVG with grounds of its own, legible on white and on black.

    A badge says what a PASS excludes, for there is no other meaning of it.
    """
    value = f"PASS, eps {given.eps:g}" if given.verdict == "PASS" else given.verdict
    parts = []
    x = 0
    for text, ground in ((LABEL, LABEL_GROUND), (value, LIGHT[given.verdict])):
        # letters are made to fit their width, whichever font is there
        length = LETTER * len(text)
        width = length + 2 * PAD
        parts.append(f'<rect x="{x}" width="{width}" height="{HEIGHT}" fill="{ground}"/>')
        parts.append(f'<text x="{x + PAD}" y="14" textLength="{length}">{escape(text)}</text>')
        x += width
    title = f"{LABEL}: {value}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{x}" height="{HEIGHT}" role="img" aria-label="{title}">'
    font = '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
    return f"{head}<title>{title}</title>{font}{''.join(parts)}</g></svg>\n"


def _cell(text: str) -> str:
    """Keep a text from being taken for Markdown or HTML, or from ending a cell."""
    return escape(re.sub(r"\s+", " ", text), quote=False).replace("|", "&#124;").replace("`", "&#96;")
