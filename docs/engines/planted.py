"""Which planted mistakes other projects' own tests would catch: a verifier of a few lines, one of them exchanged.

    python docs/engines/planted.py        the table as JSON

What three test files assert, read in their sources and written here anew in NumPy, is run on the right verifier and
on ten wrong ones, with twenty seeds each; beside it the kit's verdict.
"""

import json

import numpy as np

from specsample.conformance import check, from_verify

SEEDS = 20
RULE = """\
def verify(x, q, p, rng):
    N, K, V = q.shape
    row, step = np.arange(N), np.arange(K)
    u = rng.random((N, K))
    ratio = p[row[:, None], step, x] / q[row[:, None], step, x]
    is_kept = u < ratio
    n = np.where(is_kept.all(axis=1), K, is_kept.argmin(axis=1))
    after = p[row, n]
    refused = np.where(n[:, None] < K, q[row, np.minimum(n, K - 1)], 0)
    left = np.maximum(after - refused, 0)
    left = left / left.sum(axis=1, keepdims=True)
    v = rng.random(N)
    token = (np.cumsum(left, axis=1) > v[:, None]).argmax(axis=1)
    out = np.where(np.arange(K + 1) < n[:, None], np.pad(x, ((0, 0), (0, 1))), -1)
    out[row, n] = token
    return out
"""
PLANTED = {  # id: (what it does, the line as it is, the line as it must not be)
    "M01": ("what replaces a draft is drawn from p", "left = np.maximum(after - refused, 0)", "left = after"),
    "M02": ("the residual is |p - q|", "np.maximum(after - refused, 0)", "np.abs(after - refused)"),
    "M09": ("the ratio is q/p", "p[row[:, None], step, x] / q[row[:, None], step, x]", "1 / (RATIO)"),
    "M10": ("every draft is kept", "is_kept = u < ratio", "is_kept = u < 2"),
    "first row": ("the residual takes p's first row", "after = p[row, n]", "after = p[row, np.where(n < K, 0, n)]"),
    "M15": ("the bonus comes from the last draft's row", "after = p[row, n]", "after = p[row, np.minimum(n, K - 1)]"),
    "M19": (
        "one uniform number for all drafts",
        "u = rng.random((N, K))",
        "u = ONE",
    ),
    "M20": ("the number that refused draws too", "v = rng.random(N)", "v = u[row, np.minimum(n, K - 1)]"),
    "M43": ("n counts the drafts that pass", "n = np.where(is_kept.all(axis=1), K, is_kept.argmin(axis=1))", "COUNT"),
    "root": ("the square root of the ratio", "is_kept = u < ratio", "is_kept = u < np.sqrt(ratio)"),
}
WORDS = {
    "RATIO": "p[row[:, None], step, x] / q[row[:, None], step, x]",
    "ONE": "rng.random((N, 1)).repeat(K, axis=1)",
    "COUNT": "n = is_kept.sum(axis=1)",
}


def compiled(mistake=None):
    """Compile the verifier, with one line exchanged."""
    text = RULE
    if mistake:
        _, old, new = PLANTED[mistake]
        for word, meaning in WORDS.items():
            new = new.replace(word, meaning)
        assert text.count(old) == 1, f"{mistake}: {old!r} stands {text.count(old)} times"
        text = text.replace(old, new)
    names = {"np": np}
    exec(text, names)
    return names["verify"]


# --- what the test files assert ----------------------------------------------------------------------------------


def softmax(x):
    """Turn logits into probabilities."""
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


def vllm(verify, rng):
    """The distance of the tokens' shares from the target falls 20 times as fast as from other distributions."""
    V, K = 10, 2
    q, p = softmax(rng.random((2, V)))
    others = softmax(rng.random((100, V)))
    distances = []
    for n in (10, 100, 1_000, 10_000, 100_000):
        x = rng.choice(V, p=q, size=(n, K))
        rows = (np.broadcast_to(q, (n, K, V)), np.broadcast_to(p, (n, K + 1, V)))
        # the bonus is left out
        made = verify(x, *rows, rng)[:, :-1].ravel()
        shares = np.bincount(made[made >= 0], minlength=V) / (made >= 0).sum()
        distances.append((np.linalg.norm(shares - p), np.linalg.norm(shares - others) / 100))
    gained, elsewhere = np.array(distances[0]) / np.array(distances[-1])
    return gained > 20 * elsewhere


def flashinfer(verify, rng):
    """Drafts that the target wants for certain are kept, with its bonus; any other answer is well formed."""
    for N, V, K in [(1, 111, 1), (19, 111, 3), (99, 500, 5), (99, 111, 7)]:
        x = rng.integers(V, size=(N, K))
        q = rng.random((N, K, V))
        p = rng.random((N, K + 1, V))
        wanted = np.concatenate([x, rng.integers(V, size=(N, 1))], axis=1)
        q = q / q.sum(axis=-1, keepdims=True)
        with np.errstate(all="ignore"):
            made = verify(x, q, (wanted[..., None] == np.arange(V)).astype(float), rng)
        out = verify(x, q, p / p.sum(axis=-1, keepdims=True), rng)
        # behind the first token that is no draft stands padding
        is_other = np.maximum.accumulate(out[:, :-1] != x, axis=1)
        is_behind = np.pad(is_other, ((0, 0), (1, 0)))
        if (made != wanted).any() or (out >= V).any() or (out[is_behind] != -1).any():
            return False
    return True


def transformers(verify, rng):
    """Two sure drafts are kept and the third, impossible one replaced; likelier replacements come more often."""
    V, K, n = 10, 3, 10_000
    q = softmax(np.where(np.arange(V) == np.array([[1], [4], [5]]), 10.0, -10.0))
    first = [*np.where(np.arange(V) == np.array([[1], [4]]), 10.0, -10.0)]
    for third in ({8: 10.0}, {1: 9.0, 3: 8.0, 7: 7.0, 8: 10.0}):
        last = np.full(V, -np.inf)
        last[list(third)] = list(third.values())
        p = softmax(np.array([*first, last, np.full(V, 0.0)]))
        rows = (np.broadcast_to(q, (n, K, V)), np.broadcast_to(p, (n, K + 1, V)))
        with np.errstate(all="ignore"):
            made = verify(np.tile([1, 4, 5], (n, 1)), *rows, rng)
        counts = np.bincount(np.maximum(made[:, 2], 0), minlength=V)[[1, 3, 7, 8]]
        is_right = (made[:, :2] == [1, 4]).all() and np.isin(made[:, 2], list(third)).all()
        if not is_right or (made[:, 3] != -1).any():
            return False
    return bool(counts[0] > counts[1] > counts[2] > 0 and counts[3] > counts[1])


TESTS = {"vLLM": vllm, "FlashInfer": flashinfer, "transformers": transformers}


def failures(mistake, seeds=SEEDS):
    """Count with how many seeds each test fails, and give the kit's verdict and name."""
    verify = compiled(mistake)
    found = {
        name: sum(not test(verify, np.random.default_rng(i)) for i in range(seeds)) for name, test in TESTS.items()
    }
    report = check(from_verify(verify), eps=0.1)
    return found | {"kit": report.verdict, "named": report.diagnosis.id if report.diagnosis else ""}


if __name__ == "__main__":
    print(json.dumps({mistake or "right": failures(mistake) for mistake in [None, *PLANTED]}))
