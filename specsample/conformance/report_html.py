"""The report for people who did not run it: a page, or a piece of one."""

from html import escape
from typing import Any

from specsample.conformance.diagnosis import Guess
from specsample.conformance.in_words import CATALOGUE
from specsample.conformance.laws.wrong_samplers import WRONG
from specsample.conformance.results import bars

IN_WORDS = {
    "PASS": "No deviation from the target model was found.",
    "FAIL": "A deviation from the target model was found.",
    "INCONCLUSIVE": "Nothing was found, but too little was looked at to say so.",
    "INVALID": "No verdict: the sampler could not be judged.",
}
# expected and observed are colours of the viewer, for p and for what was drafted; all are legible on their ground
LIGHT = {"fg": "#1c2430", "bg": "#ffffff", "mute": "#566273", "line": "#cdd5de", "link": "#1f5f9f"}
LIGHT |= {"PASS": "#1a7f37", "FAIL": "#cf222e", "INCONCLUSIVE": "#8a5c00", "INVALID": "#8250df"}
DARK = {"fg": "#e6ebf2", "bg": "#12171e", "mute": "#a3b0c0", "line": "#3a4655", "link": "#7db7f0"}
DARK |= {"PASS": "#57c274", "FAIL": "#ff7b72", "INCONCLUSIVE": "#d9a441", "INVALID": "#b794f6"}
BARS = {"expected": "#2f78c4", "observed": "#be5911"}
STYLE = """
.ss-report { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; color: var(--fg); background: var(--bg);
  max-width: 60rem; margin: 0 auto; padding: 1rem 1.5rem; overflow-wrap: anywhere; }
.ss-report h1 { font-size: 1.5rem; margin: 0 0 .2rem; } .ss-report h2 { font-size: 1.15rem; margin: 1.6rem 0 .4rem; }
.ss-report .verdict { font-size: 1.15rem; } .ss-report a { color: var(--link); }
.ss-report .mute, .ss-report figcaption { color: var(--mute); }
.ss-report .scroll { overflow-x: auto; } .ss-report table { border-collapse: collapse; background: none; }
.ss-report th, .ss-report td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
.ss-report .number { font-variant-numeric: tabular-nums; } .ss-report figure { margin: 1rem 0; }
.ss-report svg { width: 100%; max-width: 630px; height: auto; }
.ss-report svg text { fill: var(--fg); font: 13px monospace; }
.ss-report .expected { fill: none; stroke: var(--expected); stroke-width: 2; }
.ss-report .observed { fill: var(--observed); }
.ss-report .key { display: inline-block; width: 1.4em; height: .7em; margin: 0 .3em 0 .8em; }
.ss-report .key.expected { border: 2px solid var(--expected); }
.ss-report .key.observed { background: var(--observed); }
"""
LOSSLESS = "Lossless: with the help of a draft model, every text comes as often as from the target model alone."
LOG_E = (
    "E is the evidence that the text does not follow the target's law: were the sampler lossless, E would ever reach "
    "1/a with probability a at most, however long one looks. log E is its natural logarithm: near 0 or below it "
    "nothing speaks against the sampler; from the last column on it is rejected."
)
PROBE = (
    "Each probe is a pair of small models whose probabilities are all known, so that the law of the text is known "
    "exactly. A stream is one text of the sampler."
)


def to_html(given: Any) -> str:
    """Write a report as a piece of HTML, for a notebook or a page; everything that comes from outside is escaped."""
    # what was asked, and the answer, in words
    head = f'<h1>Is <code>{escape(given.sampler)}</code> lossless?</h1><p class="mute">{LOSSLESS}</p>'
    name = f'<b style="color:var(--{given.verdict})">{given.verdict}</b>'
    verdict = f'<p class="verdict">{name}: {IN_WORDS[given.verdict]}</p>'
    items = "".join(f"<li>{_lines(reason)}</li>" for reason in given.reasons)
    items += "".join(f"<li>Warning: {_lines(each)}</li>" for each in given.warnings)
    reasons = f"<h2>What was found</h2><ul>{items}</ul>" if items else ""
    # what is wrong, the picture, the probes, and how it was drawn
    parts = [head, verdict, f"<p>{escape(given.meaning)}</p>", reasons, _diagnosis(given.diagnosis), _picture(given)]
    parts += [_probes(given), f"<h2>Speed</h2><p>OPTIMAL: {escape(given.optimal)}</p>"]
    drawn = f"{escape(given.kind)}, {given.streams:,} streams, {given.seconds:.1f} s, seed {given.seed}"
    asked = f"alpha {given.alpha:g}, eps {given.eps:g}, power {given.power:g}"
    parts.append(f'<p class="mute">{drawn}; {asked}. Made by <code>specsample check</code>.</p>')
    return f'<div class="ss-report"><style>{_colours()}{STYLE}</style>{"".join(parts)}</div>'


def to_page(given: Any) -> str:
    """Write a report as a whole page, for a file."""
    title = f"{given.verdict}: {escape(given.sampler)}"
    ground = f"body {{ margin: 0; background: {LIGHT['bg']}; }}"
    ground += f" @media (prefers-color-scheme: dark) {{ body {{ background: {DARK['bg']}; }} }}"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    top = f'<!doctype html><html lang="en"><head>{head}<style>{ground}</style></head>'
    return f"{top}<body>{to_html(given)}</body></html>\n"


def link(id: str) -> str:
    """Write an id of the catalogue with its name, as a link to where more is said about it."""
    if id not in WRONG:
        return escape(id)
    return f'<a href="{CATALOGUE}#{id.lower()}">{id}</a>, {escape(WRONG[id].mechanism)}'


def _diagnosis(found: Guess | None) -> str:
    """Say what is probably wrong, and where."""
    if found is None:
        return ""
    said = [f"<b>{link(found.id)}</b>" if found.id in WRONG else escape(f"{found.id}: {found.mechanism}")]
    if found.id in WRONG:
        said.append(f"From outside: {escape(WRONG[found.id].symptom)}")
        said += [f"Seen in {escape(found.source)}."] if found.source else []
        odds = {name: share for name, share in found.posterior.items() if share >= 1e-3}
        said += [f"Odds {share:.3f}: {link(name)}" for name, share in odds.items() if len(odds) > 1]
    said += [escape(f"It fits what was seen: {formula}") for formula in found.formulas]
    said += [f"Nearest, but it does not fit: {link(found.nearest)}"] if found.nearest else []
    said += [escape(sentence) for sentence in found.where]
    return "<h2>What is probably wrong</h2>" + "".join(f"<p>{each}</p>" for each in said)


def _picture(given: Any) -> str:
    """Draw the probe that was rejected, or else the one with the most evidence."""
    if not given.asked:
        return ""
    probe = max(given.asked, key=lambda each: (each.is_rejected, each.log_e))
    title = f"Observed and expected texts on probe {probe.name}"
    key = '<span class="key expected"></span>expected of a lossless sampler<span class="key observed"></span>observed'
    said = f"By token ids, the texts furthest off among {probe.streams:,}; shares are observed / expected."
    said += "" if given.verdict == "FAIL" else " Chance alone makes small differences."
    caption = f"<figcaption>{key}. {said}</figcaption>"
    return f"<h2>{escape(title)}</h2><figure>{bars(probe.texts, title)}{caption}</figure>"


def _probes(given: Any) -> str:
    """List the probes, and say what the columns mean."""
    if not given.asked:
        return ""
    heads = "".join(f"<th>{name}</th>" for name in given.heads)
    rows = "".join(
        "<tr>" + "".join(f'<td class="number">{escape(cell)}</td>' for cell in each.row) + "</tr>"
        for each in given.asked
    )
    # without evidence against any deviation there is no log E
    said = f"{PROBE} {LOG_E}" if given.within is None else PROBE
    table = f'<div class="scroll"><table><tr>{heads}</tr>{rows}</table></div>'
    return f"<h2>What was asked</h2><p>{said}</p>{table}<p>{given.not_asked}</p>"


def _colours() -> str:
    """Declare the colours of both schemes."""
    light, dark = ("".join(f"--{name}:{value};" for name, value in each.items()) for each in (LIGHT | BARS, DARK))
    return f".ss-report {{ {light} }} @media (prefers-color-scheme: dark) {{ .ss-report {{ {dark} }} }}"


def _lines(text: str) -> str:
    """Escape a text and keep its lines."""
    return escape(text).replace("\n", "<br>")
