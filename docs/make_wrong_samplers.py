"""Write docs/wrong-samplers.md: the exact distance of every rule of the catalogue from its target.

    python docs/make_wrong_samplers.py

A test says that running it again changes nothing.
"""

from functools import cache
from pathlib import Path

from pages import row

from specsample.conformance.laws.accepted import expected_accepted, ideal_accepted
from specsample.conformance.laws.exact import explain, total_variation
from specsample.conformance.laws.probes import PROBES, first_token
from specsample.conformance.laws.right_samplers import RIGHT
from specsample.conformance.laws.wrong_samplers import WRONG

PAGE = Path(__file__).with_name("wrong-samplers.md")
RULES = WRONG | RIGHT
UNSEEN = {"M39", "M40"}  # by one text under the exact law


@cache
def law(rule, probe):
    """Enumerate the law of a rule on a probe, both given by name."""
    return RULES[rule].law(PROBES[probe])


@cache
def target(probe):
    """Enumerate the target's law on a probe."""
    return PROBES[probe].target_law()


def distance(rule, probe):
    """Compute the total variation of the whole text."""
    return total_variation(law(rule, probe), target(probe))


def first_distance(rule, probe):
    """Compute the total variation of the first token alone."""
    return total_variation(first_token(law(rule, probe)), first_token(target(probe)))


def decimal(x):
    """Write a fraction to three digits, and an exact zero as 0."""
    return f"{float(x):.3g}" if x else "0"


def as_ninths(x):
    """Write a fraction of ninths as the paper does, others as they are."""
    return f"{x * 9}/9" if (x * 9).denominator == 1 else str(x)


def anchored(id):
    """Write an id as the place that links such as wrong-samplers.md#m15 lead to."""
    return f'<a id="{id.lower()}"></a>{id}'


def kept(rule):
    """Compute how many of two drafts a rule keeps on the paper's pair."""
    return as_ninths(expected_accepted(RULES[rule].generate, PROBES["paper"]))


def wrong_row(rule):
    """Write one row of the table of wrong samplers."""
    first = first_distance(rule.id, rule.probe)
    whole = distance(rule.id, rule.probe)
    sees = "—" if rule.id in UNSEEN else "yes" if first else "**no**"
    cells = [
        anchored(rule.id),
        rule.mechanism,
        rule.symptom,
        rule.source or "—",
        rule.probe,
        decimal(first),
        decimal(whole),
    ]
    return row(*cells, decimal(distance(rule.id, "flat")), sees, kept(rule.id))


def right_row(rule):
    """Write one row of the table of right rules."""
    largest = str(max(distance(rule.id, probe) for probe in PROBES))
    return row(anchored(rule.id), rule.mechanism, rule.symptom, rule.source or "—", largest, kept(rule.id))


def probe_row(probe):
    """Write one row of the table of probes."""
    setting = probe.setting
    return row(probe.name, probe.purpose, setting.target_model.vocab_size, setting.K, setting.max_new_tokens)


TEXT = """\
# Wrong samplers, and right ones that look wrong

Each wrong sampler below is a mistake that real code has made; each right one is lossless although people have
reported it as a bug. All are executable (`specsample/conformance/laws/wrong_samplers.py`), take the arguments of
`generate`, and are enumerated here in exact fractions: a 0 is an exact zero, other numbers are rounded to three
digits. They are the same on every machine (except M39's, whose text is NumPy's choice). Made by
`python docs/make_wrong_samplers.py` on 2026-11-27.

*First token* and *text* are total variations between the law of what the sampler emits and the target's law, on the
probe named beside them: of the first token alone, and of the whole text. *Context-free* is the text's distance where
p and q ignore the text (probe flat). *Kept* is the exact number of drafts kept, on average, of K = 2 on the pair of
the block verification paper (arXiv 2403.10444), where the token rule keeps 10/9, block verification 11/9, and no
lossless rule could keep more than {ideal}. A wrong sampler can.

## Must be caught

| id | mistake | from outside | seen in | probe | first token | text | context-free | first token shows it? | kept |
|---|---|---|---|---|---|---|---|---|---|
{wrong}

M39 is seen across samples only (each text looks right, and all are the same: the distance is that of one text), M40
with scripted uniform numbers only (its exact law is right, because u = 0 has probability 0).

## Must pass

| id | rule | from outside | called biased in | largest distance on any probe | kept |
|---|---|---|---|---|---|
{right}

## The probes

| name | question | V | K | tokens |
|---|---|---|---|---|
{probes}

## What the table teaches

1. {blind} wrong samplers emit a first token that is exactly right on their probe. Judge the joint law of the text.
2. {flat} are exactly right on the context-free pair. p and q must depend on the text; for cache mistakes on two
   tokens of it (M30), or on their number (M47).
3. A test that supplies the drafts cannot see M05, M06, M08, M21, M50 and M52: a sampler must draw its own.
4. Texts must outlast a round: M46 needs K + 3 tokens, so that a drafted round follows a fully accepted one.
5. One pair of tables proves little. On the block verification paper's own pair M41 is exactly right; a search over
   small fractions (`specsample.conformance.laws.search.worst_case`) finds one that a student can check by hand.

## A counterexample to check by hand

M41: p = 1/3, 1/3, 1/3 and q = 0, 1/4, 3/4, with K = 2. Suppose that the first draft is token 2. Its weight is
w = min(1, (1/3)/(3/4)) = 4/9, and w·p = 4/27 is less than q at tokens 1 and 2: the block's correction at the second
position is token 0 for certain. The token rule's residual there is max(0, p - q) = 1/3, 1/12, 0, normalised 4/5, 1/5,
0. With it, one correction in five is token 1, and texts that begin with 2, 1 are too frequent:

```text
a: what M41 emits, b: the target
{example}
```
"""


def page():
    """Compose the page."""
    wrong = [id for id in WRONG if id not in UNSEEN]
    return TEXT.format(
        ideal=as_ninths(ideal_accepted(PROBES["paper"])),
        wrong="\n".join(map(wrong_row, WRONG.values())),
        right="\n".join(map(right_row, RIGHT.values())),
        probes="\n".join(map(probe_row, PROBES.values())),
        blind=sum(not first_distance(rule, RULES[rule].probe) for rule in wrong),
        flat=sum(not distance(rule, "flat") for rule in wrong),
        example=explain(law("M41", "block"), target("block"), n=6),
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
