"""The picture of the viewer at one test, docs/viewer-round.svg, drawn from a recorded run.

    python docs/make_viewer_round.py

It has what the viewer shows when a draft is tested: the text so far, the round's tokens and what became of them, the
test on the line from 0 to 1, and both distributions. Numbers and colours are the viewer's own (`record`, `origins`).
The run is one of SmolLM2 (`make_recorded_runs.py`), and round 15 has all there is to see: drafts kept, one replaced,
one never tested. The draft wanted to end the answer there.
"""

from html import escape
from pathlib import Path

from specsample.viewer.origins import COLORS
from specsample.viewer.recorded import load_run

PICTURE = Path(__file__).resolve().parent / "viewer-round.svg"
RUN = "question"
ROUND = 14  # counted from 0
WIDTH = 760
HEIGHT = 452
LEFT = 24
CHARACTER = 8.5  # pixels
FACES = {
    "both": "accepted",
    "q_only": "drafted",
    "p_only": "correction",
}  # what p and q share, or one of them has more
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1c2430} .mute{fill:#566273;font-size:11.5px} .gone{"
    "text-decoration:line-through} .head{font-size:16px;font-weight:600} "
    ".token{font:600 15px ui-monospace,monospace} .flow{font:14px ui-monospace,monospace;white-space:pre}"
)


def text(x, y, words, kind="", **more):
    """Draw a text; `kind` is its class."""
    extra = "".join(f" {name.replace('_', '-')}='{value}'" for name, value in more.items())
    return f"<text x='{x:.1f}' y='{y:.1f}' class='{kind}'{extra}>{escape(words)}</text>"


def name(x, y, words, room, kind, **more):
    """Draw the text of a token, smaller and then cut short where there is no room."""
    size = max(11, min(15, room / len(words) / 0.62))
    fits = int(room / size / 0.62 + 1e-6)
    cut = words if len(words) <= fits else words[: fits - 1] + "…"
    return text(x, y, cut, kind, style=f"font-size:{size:.1f}px", **more)


def box(x, y, width, height, color, *, fill=None, opacity=0.2, dash="none"):
    """Draw a rectangle with an edge of the full colour and a pale face of it, or of another."""
    face = f"fill='{fill or color}' fill-opacity='{opacity}' stroke='{color}' stroke-dasharray='{dash}'"
    return f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height:.1f}' rx='3' {face}/>"


def card(parts, width, height, *, title, head):
    """Put parts on a white card of rounded corners; `head` stands behind the title."""
    lines = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' role='img'>",
        f"<title>{escape(title, quote=False)}</title>{head}",
        f"<rect width='{width}' height='{height}' rx='12' fill='#ffffff' stroke='#cdd5de'/>",
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def hatches():
    """Define the hatches of mass that only q has, or only p: colour is not all that tells."""
    for face, angle in (("q_only", 45), ("p_only", -45)):
        color = COLORS[FACES[face]]
        yield (
            f"<pattern id='{face}' width='6' height='6' patternUnits='userSpaceOnUse' "
            f"patternTransform='rotate({angle})'><rect width='6' height='6' fill='{color}' opacity='0.16'/>"
            f"<line y2='6' stroke='{color}' stroke-width='2.4'/></pattern>"
        )


def flow(run, y):
    """Draw the end of the text so far, every emitted token in the colour of its origin."""
    said = [(token, source) for entry in run["rounds"][: ROUND + 1] for token, source in origins(entry)]
    line = [(run["texts"][token][1], source) for token, source in said]
    # as many of the last tokens as there is room for
    while CHARACTER * sum(len(words) for words, _ in line) + 2 * len(line) > WIDTH - 2 * LEFT:
        line.pop(0)
    x = LEFT
    for words, source in line:
        width = CHARACTER * len(words)
        yield box(x, y, width + 1, 20, COLORS[source])
        yield text(x + 0.5, y + 15, words, "flow")
        x += width + 2


def origins(entry):
    """Pair the emitted tokens of a round with their origins."""
    return zip(entry["emitted"], entry["sources"], strict=True)


def cards(run, entry, y):
    """Draw the round's drafts with what became of them, and the token that came from the target."""
    kept = entry["n_accepted"]
    marks = {"accepted": "✓ accepted", "rejected": "✗ rejected", "discarded": "– discarded"}
    fates = ["accepted"] * kept + ["rejected"] + ["discarded"] * (len(entry["drafts"]) - kept - 1)
    for i, (token, fate) in enumerate(zip(entry["drafts"], fates, strict=True)):
        x = LEFT + 106 * i
        dash = "2 3" if fate == "discarded" else "none"
        yield box(x, y, 96, 62, COLORS[fate], opacity=0.08 if fate == "rejected" else 0, dash=dash)
        yield text(x + 10, y + 16, f"draft {i + 1}", "mute")
        yield name(x + 10, y + 36, run["texts"][token][0], 86, "token" if fate == "accepted" else "token gone")
        yield text(x + 10, y + 53, marks[fate], "mute", style=f"fill:{COLORS[fate]}")

    # what stands in the rejected draft's place
    x = LEFT + 106 * len(entry["drafts"]) + 20
    yield text(x - 16, y + 37, "+", "mute")
    yield box(x, y, 110, 62, COLORS["correction"])
    yield text(x + 10, y + 16, "from the target", "mute")
    yield name(x + 10, y + 36, run["texts"][entry["emitted"][-1]][0], 96, "token")
    yield text(x + 10, y + 53, entry["sources"][-1], "mute", style=f"fill:{COLORS['correction']}")


def test_line(entry, i, y):
    """Draw the line from 0 to 1: accepted below p/q, and where the draft's uniform number fell."""
    length = WIDTH - 2 * LEFT
    u = entry["u"][len(entry["drafts"]) + i]
    accept = entry["accept"][i]
    at = LEFT + u * length
    yield box(LEFT, y, accept * length, 20, COLORS["accepted"], opacity=0.45)
    yield box(LEFT + accept * length, y, (1 - accept) * length, 20, COLORS["rejected"], opacity=0.12)
    yield text(LEFT + accept * length / 2, y + 14, "accept", text_anchor="middle")
    yield text(LEFT + (1 + accept) * length / 2, y + 14, "reject", text_anchor="middle")
    yield f"<path d='M{at:.1f} {y + 24}v-28m-5 -7h10l-5 8z' stroke='#1c2430' stroke-width='2'/>"
    yield text(at + 10, y - 7, f"u = {u:.3f}", "head")


def bars(run, row, base, height):
    """Draw p and q of one position, column by column: what they share, then what only one of them has."""
    room = (WIDTH - 2 * LEFT) / len(row["token"])
    top = max(max(p, q) for p, q in zip(row["p"], row["q"], strict=True))
    for i, token in enumerate(row["token"]):
        middle = LEFT + (i + 0.5) * room
        both = row["both"][i]
        parts = {"both": both, "q_only": row["q"][i] - both, "p_only": row["p"][i] - both}
        y = base
        for face, mass in parts.items():
            if mass > 0:
                size = mass / top * height
                y -= size
                color = COLORS[FACES[face]]
                fill = color if face == "both" else f"url(#{face})"
                yield box(middle - 17, y, 34, size, color, fill=fill, opacity=1)
        shown = "rest" if token < 0 else run["texts"][token][0]
        yield name(middle, base + 18, shown, room, "token", text_anchor="middle")
        yield text(middle, base + 33, f"p {row['p'][i]:.2f}", "mute", text_anchor="middle")
        yield text(middle, base + 46, f"q {row['q'][i]:.2f}", "mute", text_anchor="middle")


def key(y):
    """Draw what the three faces mean."""
    meanings = ("min(p, q): accepted mass", "q − p: drafted too often", "p − q: what the residual is made of")
    for i, (face, words) in enumerate(zip(FACES, meanings, strict=True)):
        color = COLORS[FACES[face]]
        yield box(LEFT + 215 * i, y - 10, 16, 12, color, fill=color if face == "both" else f"url(#{face})", opacity=1)
        yield text(LEFT + 215 * i + 23, y, words, "mute")


def picture(run):
    """Draw the whole picture as SVG."""
    entry = run["rounds"][ROUND]
    i = entry["n_accepted"]  # the draft whose test failed
    drafted = run["texts"][entry["drafts"][i]][0]
    emitted = run["texts"][entry["emitted"][-1]][0]
    head = f"Test {i + 1}: does “{drafted}” stay?"
    said = f"min(1, p/q) = min(1, {entry['p'][i]:.3f} / {entry['q'][i]:.3f}) = {entry['accept'][i]:.3f}, and u is "
    said += f"larger: rejected. The residual gives “{emitted}”."
    parts = [
        *flow(run, 16),
        *cards(run, entry, 54),
        text(LEFT, 146, head, "head"),
        text(LEFT, 166, said),
        *test_line(entry, i, 204),
        *bars(run, entry["rows"][i], 372, 120),
        *key(438),
    ]
    title = "The viewer at the test of a draft: the round's tokens, the test, and both distributions"
    return card(parts, WIDTH, HEIGHT, title=title, head=f"<style>{STYLE}</style><defs>{''.join(hatches())}</defs>")


if __name__ == "__main__":
    PICTURE.write_text(picture(load_run(RUN).data), encoding="utf-8")
