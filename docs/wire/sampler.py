"""A sampler for `specsample check --command`, in Python without NumPy: it verifies, steps and generates.

    specsample check --command "python sampler.py" --kind verify

`--wrong M02` takes abs(p - q) for the residual, `--wrong M05` drafts the likeliest token of q: the judge must say so.
"""

import json
import random
import sys

WRONG = sys.argv[2] if sys.argv[1:2] == ["--wrong"] else ""


def pick(weights, rng):
    """Draw a token in proportion to its weight."""
    return rng.choices(range(len(weights)), weights)[0]


def verify(drafts, q, p, rng):
    """Keep a leading run of K drafts and add a token: K rows of q, K+1 rows of p -> 1 to K+1 tokens."""
    for i, x in enumerate(drafts):
        if rng.random() * q[i][x] >= p[i][x]:
            # rejected: what is left of p where q is taken away
            left = [abs(a - b) if WRONG == "M02" else max(a - b, 0) for a, b in zip(p[i], q[i])]
            return [*drafts[:i], pick(left, rng)]
    return [*drafts, pick(p[-1], rng)]


def play(models, text, K, rng):
    """Play a round after a text: draft K tokens, and verify them."""
    # a state stands for a text; the first one is the prompt
    state = 0
    for x in text:
        state = models["next"][state][x]
    drafts = []
    q = []
    p = [models["p"][state]]
    for _ in range(K):
        row = models["q"][state]
        drafts.append(row.index(max(row)) if WRONG == "M05" else pick(row, rng))
        q.append(row)
        state = models["next"][state][drafts[-1]]
        p.append(models["p"][state])
    return verify(drafts, q, p, rng)


def generate(models, K, max_new_tokens, stop, rng):
    """Write a text, round by round, to its last token or a stop token."""
    text = []
    while len(text) < max_new_tokens:
        # near the end fewer drafts: a round adds up to K+1 tokens
        for x in play(models, text, min(K, max_new_tokens - len(text) - 1), rng):
            text.append(x)
            if x in stop:
                return text
    return text


def answer(request, models):
    """Answer a request: the tokens of n streams, drawn with its seed."""
    rng = random.Random(request["seed"])
    n = request["n"]
    if request["kind"] == "verify":
        streams = zip(request["drafts"], request["q"], request["p"])
        return [verify(drafts, q, p, rng) for drafts, q, p in streams]
    if request["kind"] == "step":
        return [play(models, text, request["K"], rng) for text in request["texts"]]
    asked = (request["K"], request["max_new_tokens"], request["stop"])
    return [generate(models, *asked, rng) for _ in range(n)]


# the version comes first, both ways
sys.stdin.readline()
print(json.dumps({"specsample": 1, "arrays": "json"}), flush=True)
models = None
for line in sys.stdin:
    request = json.loads(line)
    said = {"id": request["id"]}
    if request["kind"] == "models":
        models = request
    else:
        said["tokens"] = answer(request, models)
    print(json.dumps(said), flush=True)
