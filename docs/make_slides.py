"""Write the slides of a lecture of 45 minutes as one file that needs nothing else.

    python docs/make_slides.py slides.html

Pictures are drawn by `specsample.figures`, or are those of the pages, and travel inside the file. Arrow keys turn the
slides, `n` shows what to say, and a browser prints a page for each slide with what to say below it.
"""

import base64
import sys
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from specsample import TableModel, generate, residual
from specsample.figures import acceptance_by_position, draft_trees, lanes, speedup_map, target_against_draft
from specsample.figures import tokens_per_pass as passes_figure
from specsample.figures.style import write_svg
from specsample.files import write_whole
from specsample.theory import best_K, expected_tokens, speedup

DOCS = Path(__file__).parent
P = np.array([0.5, 0.3, 0.2])
Q = np.array([0.2, 0.5, 0.3])


class Slide(NamedTuple):
    """A slide: what is shown, and what is said."""

    minutes: float
    title: str
    body: str  # HTML
    say: str
    picture: str = ""  # key of `pictures`
    alt: str = ""


def drawn(figure):
    """Draw a figure as SVG."""
    with TemporaryDirectory() as place:
        path = Path(place) / "figure.svg"
        write_svg(figure, path)
        return path.read_text(encoding="utf-8")


def runs():
    """Play runs of a pair of tables with several K, for the pictures that count."""
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(12), 12)
    models = TableModel(p), TableModel(0.6 * p + 0.4 * rng.dirichlet(np.ones(12), 12))
    play = {"max_new_tokens": 1500, "rng": rng}
    return {K: generate([0], *models, K=K, **play)[1] for K in (1, 2, 3, 5, 8)}


def pictures():
    """Draw every picture: SVG by name."""
    played = runs()
    step = [("step", 1.0, "target pass")]
    one_round = [("d", 0.15, "draft pass")] * 4 + [("5 rows in one pass", 1.15, "target pass")]
    return {
        "overlap": drawn(target_against_draft(P, Q, labels=["sat", "ran", "lay"])),
        "lanes": drawn(lanes({"one by one": step * 4, "a round": one_round}, xlabel="target passes of one row")),
        "positions": drawn(acceptance_by_position(played[5])),
        "passes": drawn(passes_figure(played)),
        "map": drawn(speedup_map()),
        "trees": drawn(draft_trees({"a chain": [-1, 0, 1], "siblings": [-1, -1, -1], "a tree": [-1, -1, 0, 0, 1]})),
        **{
            name: (DOCS / f"{name}.svg").read_text(encoding="utf-8") for name in ("one-round", "viewer-round", "race")
        },
    }


def fraction(value):
    """Write a number to three places, without zeros at its end."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def row(values):
    """Write a row of probabilities."""
    return "(" + ", ".join(fraction(value) for value in values) + ")"


def slides():
    """List the slides; numbers on them are computed."""
    kept = np.minimum(P, Q)
    left = residual(P, Q)
    alpha, c, K = 0.8, 0.05, 5
    tokens = expected_tokens(alpha, K)
    times = speedup(alpha, K, c)
    best = best_K(alpha, c)
    return [
        Slide(
            1,
            "Speculative sampling",
            "<p class='lead'>The same text law, in fewer passes of the large model.</p>"
            "<p>Leviathan, Kalman, Matias: arXiv 2211.17192<br>Chen et al.: arXiv 2302.01318</p>",
            "Say the promise in one sentence: not nearly the same text, the same distribution. Everything today is a "
            "consequence of four lines of code.",
        ),
        Slide(
            2,
            "Two lanes, one law",
            "",
            "Let it run once without a word. Then ask: where does the lower lane wait, and "
            "where does it jump? A jump is a round. Do not explain colours yet.",
            "race",
            "Two lanes of text over time: one token a pass, and several",
        ),
        Slide(
            1,
            "What costs time",
            "<p>One pass of a large model reads all its weights.</p><p>For one token, or for six: "
            "nearly the same time.</p>",
            "Memory, not arithmetic. If somebody asks about batches: there the second row "
            "is no longer free, we come to it at ρ.",
        ),
        Slide(
            2,
            "Guess, then check in one pass",
            "",
            "A small model guesses four tokens, one after another. The large one "
            "reads all four in one pass. Common mistake: people count the draft passes as free; here they have a "
            "width.",
            "lanes",
            "A lane of four single passes above a lane of four short passes and one long one",
        ),
        Slide(
            2,
            "One round",
            "",
            "Go through the picture from the top: five drafts, six rows, three kept, one replaced, the "
            "rest discarded. Ask how many tokens a round can give. The answer is 1 to K + 1; most say K, for the "
            "bonus "
            "is forgotten.",
            "one-round",
            "Five drafts, six rows of the target, three kept, one replaced, one discarded",
        ),
        Slide(
            1,
            "Words",
            "<dl><dt>p</dt><dd>row of the target</dd><dt>q</dt><dd>row of the draft model</dd><dt>K</dt>"
            "<dd>drafts a round</dd><dt>correction</dt><dd>what replaces a refused "
            "draft</dd><dt>bonus</dt><dd>one token "
            "more where all were kept</dd></dl>",
            "Write p and q at the edge of the board and leave them there. Half of all mistakes swap the two.",
        ),
        Slide(
            2,
            "The wrong thing first",
            "<p>Keep a draft if the target's favourite is the same.</p><p class='question'>What "
            "is the law of the text?</p>",
            "Let them answer in pairs. It is the greedy text with some noise of the draft: "
            "no sampling at all. Medusa's typical acceptance and argmax comparison are relatives, and lossy.",
        ),
        Slide(
            2,
            "Two rows",
            f"<p>p = {row(P)}</p><p>q = {row(Q)}</p>",
            "Where is q too large? Those tokens will be drafted "
            "too often, and must sometimes be refused. Where is p larger? Those have to come from elsewhere.",
            "overlap",
            "Columns of p and q for three tokens with their overlap",
        ),
        Slide(
            2,
            "The test",
            "<p class='formula'>keep x with probability min(1, p(x)/q(x))</p>"
            f"<p>here with {row(np.minimum(1, P / Q))}</p>",
            "Every draft that q does not "
            "like more than p is kept. Ask for the token `ran`: 0.3/0.5. Common mistake: q/p. It also gives numbers "
            "below 1, which is why tests of shapes never find it.",
        ),
        Slide(
            2,
            "What is kept",
            f"<p class='formula'>q(x) · min(1, p(x)/q(x)) = min(p(x), q(x))</p><p>{row(kept)}, "
            f"in all α = {fraction(kept.sum())}</p>",
            "The overlap of the picture. α is its area, and nothing else: not a property of the draft model alone.",
        ),
        Slide(
            2,
            "What is missing",
            f"<p class='formula'>p − min(p, q) = max(0, p − q)</p><p>normalised: {row(left)}</p>",
            "The correction is drawn from here. Common mistakes, all seen in released code: from p itself (M01), "
            "from "
            "abs(p − q) (M02), by softmax of it (M03).",
        ),
        Slide(
            2,
            "The proof",
            "<p class='formula'>min(p, q) + (1 − α) · norm(max(0, p − q))<br>= min(p, q) + max(0, p − q)<br>= p</p>",
            "Four lines, no approximation, any q. Stop and ask: where was it used that q is the "
            "distribution the draft was drawn from? In line one. M05, M06 and M08 break it there.",
        ),
        Slide(
            1,
            "A bad draft",
            "<p class='question'>What happens to the text if q is uniform?</p>",
            "Nothing. It is slower. "
            "This is the slide that people remember: quality of the draft is speed, never text.",
        ),
        Slide(
            2,
            "K drafts",
            "<p>Row i of the target is about draft i, <em>given the drafts before it</em>.</p><p>Stop at the "
            "first refusal.</p>",
            "After a refusal the later rows are about a text that does not exist. M18 tests on: its "
            "first token is right, its text is not.",
        ),
        Slide(
            2,
            "In the viewer",
            "",
            "Step through it live with the arrow keys: specsample trace --prompt 'def f' --html "
            "run.html. Read one test aloud with its numbers: u, p/q, kept or not.",
            "viewer-round",
            "The viewer at the test of a draft, with both distributions",
        ),
        Slide(
            2,
            "Four lines of code",
            "<pre>while n &lt; K and u[n] &lt; p[n, x[n]] / q[n, x[n]]:\n    n += 1\nrow = "
            "residual(p[n], q[n]) if n &lt; K else p[K]\ntoken = pick(row, u_emit)</pre>",
            "u < a, and not u <= a: at "
            "u = 0 a token of p = 0 would pass (M40). Fresh numbers: the u of the test must not draw the "
            "correction (M20).",
        ),
        Slide(
            2,
            "Is it lossless?",
            "<p>Compare the law of the <em>text</em>, not of the first token.</p><p>p and q must depend "
            "on the text.</p>",
            "Ask which mistakes a test of the first token cannot see: the bonus row (M15), drafts "
            "behind a refusal (M18), a stale cache (M30).",
        ),
        Slide(
            2,
            "A judge",
            "<pre>$ specsample check my_sampler:verify --kind verify\nFAIL\nDiagnosis: M01. The replacement of a "
            "rejected\ndraft is drawn from p.</pre>",
            "PASS says what would have been found, with which probability. "
            "A verdict is never 'correct'. Homework: break your own verifier, let a neighbour name the mistake.",
        ),
        Slide(
            1,
            "How many tokens a pass?",
            f"<p class='formula'>E = (1 − α<sup>K+1</sup>) / (1 − α)</p><p>α = {alpha}, K = "
            f"{K}: {fraction(tokens)} tokens</p>",
            "A geometric sum: each draft is reached only if all before were kept. Common mistake: 1 + K α.",
        ),
        Slide(
            2,
            "Measured and predicted",
            "",
            "Dots are runs of a pair of tables, the line is the sum. They cannot leave the band between 1 and K + 1.",
            "passes",
            "Tokens per target pass against K, measured and predicted",
        ),
        Slide(
            1,
            "Position by position",
            "",
            "The formula takes one α for all positions. Here it holds about; for real models "
            "it falls with the position. Error bars first, then conclusions.",
            "positions",
            "Acceptance rate at each position of a round with intervals",
        ),
        Slide(
            2,
            "How fast?",
            f"<p class='formula'>S = E / (1 + K c)</p><p>c = {c}: S = {fraction(times)}, best K = {best}</p>",
            "c is the time of a draft pass against a target pass of one row. Measured, not counted in parameters.",
        ),
        Slide(
            2,
            "When it pays",
            "",
            "Find the line of 1. Above it one loses. Points are measured by the paper's authors. Ask "
            "where a lookup without a model lies: c near 0.",
            "map",
            "Predicted speed-up over acceptance rate and cost",
        ),
        Slide(
            2,
            "When it loses",
            "<p>ρ = time of a pass with K + 1 rows / with one row</p><p class='formula'>S = E / (ρ + K c)</p>",
            "On a small model, on a processor without spare arithmetic, in a large batch: ρ is far above 1. Say "
            "plainly that it can be slower.",
        ),
        Slide(
            1,
            "Other drafts",
            "<p>A smaller model. A head on the target's own states. The text itself, looked up.</p><p>The "
            "rule is the same: q is what the draft was drawn from.</p>",
            "A lookup has a one-hot q. Then min(1, p/q) is p(x), and the residual is p without x.",
        ),
        Slide(
            1,
            "Beyond",
            "",
            "Siblings need residuals of residuals, in order. Block verification keeps more of a chain and "
            "stays lossless; its residual has a weight that ports forget (M41).",
            "trees",
            "A chain, three siblings and a tree of drafts",
        ),
        Slide(
            1,
            "Three questions to take home",
            "<ol><li>Which distribution were your drafts drawn from?</li><li>Which law "
            "did you compare, and on which models?</li><li>What are α, c and ρ on your machine?</li></ol>",
            "The three in this order: right, known to be right, fast. Then the notebooks 03 and 04.",
        ),
    ]


STYLE = """
:root { color-scheme: light dark; --bg: #ffffff; --fg: #1c2430; --mute: #566273; --line: #cdd5de; --mark: #2f78c4; }
@media (prefers-color-scheme: dark) { :root { --bg: #12171e; --fg: #e6ebf2; --mute: #a3b0c0; --line: #3a4655;
  --mark: #7db7f0; } }
* { box-sizing: border-box; } body { margin: 0; background: var(--bg); color: var(--fg);
  font: clamp(18px, 2.6vw, 34px)/1.4 system-ui, sans-serif; }
section { min-height: 100vh; padding: 4vh 6vw 9vh; display: flex; flex-direction: column; }
h1 { font-size: 1.5em; line-height: 1.2; margin: 0 0 .6em; padding-bottom: .25em;
  border-bottom: 3px solid var(--mark); }
.body { flex: 1; display: flex; flex-direction: column; justify-content: center; gap: .3em; }
.body p { margin: .3em 0; }
img { background: #ffffff; border-radius: 8px; padding: 8px; width: 100%; max-height: 50vh;
  object-fit: contain; }
pre, .formula { font-family: ui-monospace, monospace; overflow-wrap: anywhere;
  white-space: pre-wrap; }
.lead { font-size: 1.25em; } .question { font-style: italic; } dl { display: grid; grid-template-columns: auto 1fr;
  gap: .2em 1em; margin: 0; } dt { font-weight: 700; } dd { margin: 0; }
aside { border-left: 4px solid var(--mark); color: var(--mute); font-size: .62em; padding: .2em .8em;
  margin-top: .8em; }
footer { position: fixed; inset: auto 0 0 0; padding: .5em 6vw; display: flex; justify-content: space-between;
  font-size: .5em; color: var(--mute); background: var(--bg); border-top: 1px solid var(--line); }
.js section { display: none; } .js section.here { display: flex; } .js:not(.notes) aside { display: none; }
@media print { body { font-size: 14pt; } .js section, section { display: flex; min-height: 0; break-after: page;
  break-inside: avoid; padding: 0; } .js:not(.notes) aside, aside { display: block; } footer { display: none; }
  img { max-height: 11cm; } }
"""
SCRIPT = """
const all = [...document.querySelectorAll("section")], root = document.documentElement;
const where = document.getElementById("where"), asked = () => parseInt(location.hash.slice(1)) - 1 || 0;
let at = 0;
function show(i) {
  at = Math.min(Math.max(i, 0), all.length - 1);
  all.forEach((each, j) => each.classList.toggle("here", j === at));
  where.textContent = `${at + 1} of ${all.length}, minute ${all[at].dataset.from}`;
  history.replaceState(null, "", `#${at + 1}`);
  scrollTo(0, 0);
}
const turns = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 };
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in turns) show(at + (event.key === " " && event.shiftKey ? -1 : turns[event.key]));
  else if (event.key === "Home") show(0);
  else if (event.key === "End") show(all.length - 1);
  else if (event.key === "n") root.classList.toggle("notes");
  else return;
  event.preventDefault();
});
addEventListener("hashchange", () => show(asked()));
addEventListener("click", (event) => show(at + (event.clientX < innerWidth / 3 ? -1 : 1)));
root.classList.add("js");
show(asked());
"""


def page():
    """Compose the file."""
    images = {
        name: "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()
        for name, text in pictures().items()
    }
    sections = []
    minute = 0.0
    for each in slides():
        image = f'<img src="{images[each.picture]}" alt="{escape(each.alt)}">' if each.picture else ""
        said = f"<aside><b>{each.minutes:g} min.</b> {escape(each.say)}</aside>"
        body = f'<h1>{escape(each.title)}</h1><div class="body">{each.body}{image}</div>{said}'
        sections.append(f'<section data-from="{minute:g}">{body}</section>')
        minute += each.minutes
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Speculative sampling</title>'
    )
    keys = "arrows or space: turn · n: what to say · print: a page each"
    foot = f'<footer><span id="where"></span><span>{keys}</span></footer>'
    top = f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head>'
    return f"{top}<body>{''.join(sections)}{foot}<script>{SCRIPT}</script></body></html>\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write_whole(sys.argv[1], page())
