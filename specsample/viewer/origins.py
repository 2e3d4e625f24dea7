"""One colour for each origin of a token, in every picture.

Terminal, viewer, still picture and figures take their colours from this table, so that a colour means one thing. Each
has a contrast of 4.5 : 1 or more against white and against black, and serves marks and texts on either ground. Colour
is never all that tells: hatches, marks and the weight of letters say the same again.
"""

COLORS = {
    "drafted": "#be5911",  # orange: proposed by the draft; in pictures of rows q, and q - p, drafted too often
    "accepted": "#00855f",  # green: a draft that was kept; in pictures of rows min(p, q)
    "rejected": "#d63a31",  # red: the draft that failed its test
    "discarded": "#767676",  # grey: the drafts after it, which were never tested
    "correction": "#2f78c4",  # blue: drawn in place of the rejected draft; p - q, of which the residual is made
    "bonus": "#a8579f",  # purple: one token more, after K kept drafts; p where nothing was drafted
}
# what a terminal writes emitted tokens in: a colour, and for the rarer two what is seen without colours as well
STYLES = {
    "accepted": COLORS["accepted"],
    "correction": f"bold {COLORS['correction']}",
    "bonus": f"bold underline {COLORS['bonus']}",
}
# what stands around them where nothing but letters can be written, in a pipe or a file
MARKS = {"accepted": ("", ""), "correction": ("[", "]"), "bonus": ("{", "}")}


def properties() -> str:
    """Write the table as CSS custom properties of the viewer: `--accepted` and so on."""
    declared = " ".join(f"--{origin}: {color};" for origin, color in COLORS.items())
    return f":host {{ {declared} }}\n"
