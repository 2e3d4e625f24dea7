"""The moving picture of a race, docs/race.svg, drawn from a measured run.

    python docs/make_race.py

Both ways of decoding continue one prompt; every piece of text appears when its pass had ended, by the times that
`bench.race` measured, and all of it slower by a factor that the picture says. Where nothing moves, on paper or for
readers who ask for less motion, the whole text stands there with both times.
"""

from html import escape
from pathlib import Path

import numpy as np
from make_viewer_round import box, card, text

import specsample as ss
from specsample.bench.race import race
from specsample.commands.demo import PROMPTS, SEED, TEMPERATURE
from specsample.viewer.origins import COLORS
from specsample.viewer.text import added

PICTURE = Path(__file__).resolve().parent / "race.svg"
K = 3
TOKENS = 130
WIDTH = 760
LANE = 372  # wide
LEFT = 14
LINE = 17  # high
LETTER = 7.2  # wide
COLUMNS = 48  # letters that fit in a lane
SHOWN = 6.0  # seconds in which the slower lane arrives
STILL = 3.0  # seconds for which the end stands, before it begins again
STYLE = (
    "text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#1c2430;white-space:pre} "
    ".head{font:600 14px system-ui,sans-serif} .mute{fill:#566273} "
    ".said{font:11.5px system-ui,sans-serif;fill:#566273}"
)


def measured():
    """Run the race, with the time of every pass."""
    target, draft = ss.load_pair()
    ids = target.tokenizer.encode(PROMPTS["code"])
    how = {"max_new_tokens": TOKENS, "transform": ss.temperature(TEMPERATURE)}
    _, found = race(ids, target, draft, K=K, rng=np.random.default_rng(SEED), repeats=15, keep_rows=False, **how)
    return found, target.tokenizer.decode


def arrivals(found, decode):
    """List the pieces of each lane: (text, origin, seconds at which it was there)."""
    ends = np.cumsum([sum(one) for one in found.baseline_passes])
    plain = [(piece, "", end) for piece, end in zip(added(found.baseline_tokens, decode), ends, strict=True)]
    ends = np.cumsum([sum(map(sum, played)) for played in found.passes])
    tokens = [token for played in found.trace.rounds for token in played.emitted]
    sources = [source for played in found.trace.rounds for source in played.sources]
    of_round = [i for i, played in enumerate(found.trace.rounds) for _ in played.emitted]
    pieces = zip(added(tokens, decode), sources, of_round, strict=True)
    return plain, [(piece, source, ends[i]) for piece, source, i in pieces]


def placed(pieces):
    """Break a lane's pieces into lines: (text, origin, seconds, column, line), neighbours of one kind joined."""
    column = line = 0
    made = []
    for piece, origin, seconds in pieces:
        for letter in piece:
            if letter == "\n" or column == COLUMNS:
                column = 0
                line += 1
            if letter == "\n":
                continue
            if made and made[-1][1:3] == [origin, seconds] and made[-1][4] == line:
                made[-1][0] += letter
            else:
                made.append([letter, origin, seconds, column, line])
            column += 1
    return made


def keyframes(times, whole):
    """Let each of some moments have an animation that shows from then on."""
    for i, seconds in enumerate(times):
        yield f"@keyframes t{i}{{0%{{opacity:0}}{100 * seconds / whole:.2f}%,to{{opacity:1}}}}"
    rules = "".join(f".t{i}{{animation-name:t{i}}}" for i in range(len(times)))
    moving = (
        f"[class^=t]{{animation-duration:{whole:.1f}s;animation-timing-function:step-end;animation-iteration-count:"
    )
    yield f"@media (prefers-reduced-motion:no-preference){{{moving}infinite}}{rules}}}"


def picture(found, decode):
    """Draw the whole picture as SVG."""
    plain, coloured = arrivals(found, decode)
    prompt = decode(list(found.trace.prompt_tokens))
    lanes = [placed([(prompt, "prompt", 0.0), *pieces]) for pieces in (plain, coloured)]
    ends = [pieces[-1][2] for pieces in (plain, coloured)]
    slower = SHOWN / max(ends)
    times = sorted({piece[2] for lane in lanes for piece in lane})
    n_lines = 1 + max(piece[4] for lane in lanes for piece in lane)
    height = 124 + LINE * n_lines
    names = ("autoregressive: one token a target pass", f"speculative: up to {K + 1} tokens a target pass")
    parts = []
    for i, (lane, end) in enumerate(zip(lanes, ends, strict=True)):
        x = LEFT + i * (LANE + 4)
        parts += [
            text(x + 6, 26, names[i], "head"),
            box(x - 4, 36, LANE - 8, 18 + LINE * n_lines, "#cdd5de", opacity=0),
        ]
        for piece, origin, seconds, column, line in lane:
            color = f"fill:{COLORS[origin]}" if origin in COLORS else ""
            heavy = ";font-weight:700" if origin in ("correction", "bonus") else ""
            kind = "mute" if origin == "prompt" else f"t{times.index(seconds)}"
            style = {"style": color + heavy} if color else {}
            where = (x + 4 + LETTER * column, 56 + LINE * line)
            parts.append(text(*where, piece, kind, textLength=f"{LETTER * len(piece):.1f}", **style))
        finish = f"{end:.2f} s, {TOKENS / end:.0f} tokens/s"
        parts.append(text(x + 6, 76 + LINE * n_lines, finish, f"t{times.index(end)} head"))
    rules = "".join(keyframes([slower * seconds for seconds in times], SHOWN + STILL))
    ratio = f"{ends[0] / ends[1]:.2f} times as fast, by the time of every pass. Shown {slower:.0f} times slower."
    origins = "Green: accepted drafts. Blue: corrections, purple: bonus tokens, both from the target."
    parts.append(text(LEFT + 6, height - 28, ratio, "said"))
    parts.append(text(LEFT + 6, height - 12, origins, "said"))
    title = f"A race: {TOKENS} tokens take {ends[0]:.2f} s one by one, and {ends[1]:.2f} s with drafts"
    head = f"<desc>{escape(found.how)}</desc><style>{STYLE}{rules}</style>"
    return card(parts, WIDTH, height, title=title, head=head)


if __name__ == "__main__":
    found, decode = measured()
    PICTURE.write_text(picture(found, decode), encoding="utf-8")
