"""Wrong answers to exercises, as people write them, with a part of the name that each must get.

A row: the exercise, what was done, the answer, and what the message must say of it; "" where no name would be true.
They are written as answers and not as the catalogue has its mistakes: in floats, with loops, with helpers.
"""

import random
from fractions import Fraction as F

import numpy as np

import specsample as ss


def printed(p_x, q_x):
    print(min(1, p_x / q_x))


def half_returned(p, q):
    excess = np.maximum(p - q, 0)
    if excess.sum() > 0:
        return excess / excess.sum()


def accept(p_x, q_x):
    return min(1, p_x / q_x)


def residual(p, q):
    excess = np.maximum(p - q, 0)
    return excess / excess.sum() if excess.sum() > 0 else p


def overwriting_residual(p, q):
    p -= q
    p[p < 0] = 0
    return p / p.sum() if p.sum() else q


def overwriting_nucleus(p, mass):
    kept = ss.top_p(mass)(p.copy())
    p[kept == 0] = 0
    return p / p.sum()


def overwriting_pick(p, u):
    for i in range(1, len(p)):
        p[i] += p[i - 1]
    return int(np.argmax(u < p))


def draft_again(p, q, tape):
    while True:
        u, v = tape.random(2)
        x = ss.pick(q, u)
        if v < min(1, p[x] / q[x]):
            return x


def draft_again_in_threes(p, q, tape):
    u = tape.random(3)
    x = ss.pick(q, u[0])
    while not u[1] < accept(p[x], q[x]):
        u = tape.random(3)
        x = ss.pick(q, u[0])
    return x


def draft_again_recursively(p, q, tape):
    x = ss.pick(q, tape.random(1)[0])
    if tape.random(1)[0] < accept(p[x], q[x]):
        return x
    return draft_again_recursively(p, q, tape)


def token_of_p(p, q, tape):
    return ss.pick(p, tape.random(1)[0])


def unused_draft(p, q, tape):
    u = tape.random(3)
    x = ss.pick(q, u[0])
    y = ss.pick(p, u[1])
    return x if x == y else y


def rule(accepts=lambda p_x, q_x, u: u < min(1, p_x / q_x), corrects=residual):
    """Make a sampler of a test and a residual."""

    def my_sampler(p, q, tape):
        u = tape.random(3)
        x = ss.pick(q, u[0])
        if accepts(p[x], q[x], u[1]):
            return x
        return ss.pick(corrects(p, q), u[2])

    return my_sampler


def all_zero_at_once(p, q, tape):
    u = tape.random(1)[0]
    x = ss.pick(q, u)
    return x if u < accept(p[x], q[x]) else ss.pick(residual(p, q), u)


def greedy(p, q, tape):
    u = tape.random(3)
    x = int(np.argmax(q))
    return x if u[1] < accept(p[x], q[x]) else ss.pick(residual(p, q), u[2])


def with_numpys_numbers(p, q, tape):
    x = np.random.choice(len(q), p=q.astype(float))  # noqa: NPY002
    u = np.random.random(2)  # noqa: NPY002
    return x if u[0] < p[x] / q[x] else ss.pick(residual(p, q), u[1])


def with_a_generator(p, q, tape):
    u = np.random.default_rng().random(3)
    x = ss.pick(q, u[0])
    return x if u[1] < p[x] / q[x] else ss.pick(residual(p, q), u[2])


def with_pythons_numbers(p, q, tape):
    x = random.choices(range(len(q)), [float(a) for a in q])[0]
    return x if random.random() < p[x] / q[x] else ss.pick(residual(p, q), random.random())


def in_arithmetic(p, q, tape):
    u = tape.random(3)
    x = ss.pick(q, u[0])
    return x if u[1] * q[x] < p[x] else ss.pick(residual(p, q), u[2])


def verify(
    count=lambda n, K: n,
    accepts=lambda p, q, x, n, u: u < p[n][x] / q[n][x],
    corrects=lambda p, q, n: ss.residual(p[n], q[n]),
    bonus=lambda p, q, x, K, u: (K, ss.pick(p[K], u)),
):
    """Make an answer to 04.1 of its pieces."""

    def my_verify(draft_tokens, draft_probs, target_probs, *, u_accept, u_emit):
        K = len(draft_tokens)
        for n in range(K):
            if not accepts(target_probs, draft_probs, draft_tokens[n], n, u_accept[n]):
                return count(n, K), ss.pick(corrects(target_probs, draft_probs, n), u_emit)
        return bonus(target_probs, draft_probs, draft_tokens, K, u_emit)

    return my_verify


def verify_summed(draft_tokens, draft_probs, target_probs, *, u_accept, u_emit):
    x, K = np.array(draft_tokens), len(draft_tokens)
    ok = np.array(u_accept) < target_probs[np.arange(K), x] / draft_probs[np.arange(K), x]
    n = int(ok.sum())
    return n, ss.pick(target_probs[K] if n == K else ss.residual(target_probs[n], draft_probs[n]), u_emit)


def verify_two(draft_tokens, draft_probs):
    return 0, 0


def loop(k, stop, cut):
    """Make an answer to 04.4 of its pieces."""

    def my_generate(target_model, draft_model, *, K, n, rng):
        target, drafter, tokens = target_model.start(), draft_model.start(), [0]
        while stop(tokens, n):
            d = k(K, n, tokens)
            tokens, _ = ss.step(tokens, target, drafter, K=d, u=rng.random(2 * d + 1))
        return cut(tokens, n)

    return my_generate


def going_on(tokens, n):
    return len(tokens) < n + 1


def memory(seen=[]):  # noqa: B006
    seen.append(0)
    return len(seen)


WRONG_ANSWERS = (
    # 00 and 01
    ("00.1", "reversed", (6, 1), "reverse order"),
    ("00.1", "texts", ("1", "6"), "a text stands"),
    ("00.1", "bonus left out", [1, 5], "bonus is left out"),
    ("00.1", "a function", lambda: (1, 6), "a function is handed in"),
    ("00.2", "inverse", lambda trace: len(trace.rounds) / sum(len(r.emitted) for r in trace.rounds), "upside down"),
    ("00.2", "not divided", lambda t: sum(len(r.emitted) for r in t.rounds), "not divided"),
    ("00.2", "accepted only", lambda t: sum(r.n_accepted for r in t.rounds) / len(t.rounds), "only accepted"),
    ("00.2", "rounded", lambda t: round(len(t.tokens) / len(t.rounds), 2), "rounded"),
    ("01.1", "<= for <", lambda p, u: int(np.searchsorted(np.cumsum(p), u)), "<= and not <"),
    ("01.1", "counts from 1", lambda p, u: 1 + ss.pick(p, u), "one too large"),
    ("01.1", "a list", lambda p, u: [i for i in range(len(p)) if u < sum(p[: i + 1])][:1], "wrapped"),
    ("01.1", "array of no axis", lambda p, u: np.array(ss.pick(p, u)), "wrapped"),
    ("01.1", "a float", lambda p, u: float(ss.pick(p, u)), "a float stands"),
    ("01.1", "a text", lambda p, u: str(ss.pick(p, u)), "a text stands"),
    ("01.1", "arguments swapped", lambda u, p: ss.pick(p, u), "changed places"),
    ("01.1", "in place", overwriting_pick, "argument number 1 in place"),
    ("01.1", "argmax", lambda p, u: p.tolist().index(max(p)), "most likely token"),
    ("01.1", "np.random.choice", lambda p, u: np.random.choice(len(p), p=p), "np.random or random"),  # noqa: NPY002
    ("01.1", "the probability", lambda p, u: p[ss.pick(p, u)], "the probability of the token"),
    ("01.3", "reversed", (0.9, 0.1), "reverse order"),
    ("01.3", "T for 1/T", [0.3660254037844386, 0.6339745962155614], "1/T"),
    ("01.3", "percent", [10, 90], "percentage"),
    ("01.3", "unnormalised", [1 / 16, 9 / 16], "not normalised"),
    ("01.3", "softmax of p/T", np.exp([0.5, 1.5]) / np.exp([0.5, 1.5]).sum(), "taken for logits"),
    ("01.3", "sums to 0.9", [0.2, 0.7], "do not sum to 1"),
    ("01.2", "> for >=", lambda p, mass: nucleus(p, lambda before, total: before <= mass), "> for >="),
    ("01.2", "drops the last", lambda p, mass: nucleus(p, lambda before, total: total <= mass), "crosses the mass"),
    ("01.2", "not normalised", lambda p, mass: np.where(ss.top_p(mass)(p) > 0, p, 0), "not normalised"),
    ("01.2", "in place", overwriting_nucleus, "argument number 1 in place"),
    ("01.2", "sorted result", lambda p, mass: np.array(sorted(ss.top_p(mass)(p), reverse=True)), "sorted order"),
    ("01.2", "no sort", lambda p, mass: unsorted_nucleus(p, mass), "order of their ids"),
    # 02
    ("02.1", "inverse", lambda p, q: min(b / a for a, b in zip(p, q) if a > 0), "inverse"),
    ("02.1", "q / p", lambda p, q: max(b / a for a, b in zip(p, q) if a > 0), "q / p"),
    ("02.1", "peaks", lambda p, q: p.max() / q.max(), "peaks"),
    ("02.1", "smallest ratio", lambda p, q: min(a / b for a, b in zip(p, q) if b > 0), "smallest ratio"),
    ("02.1", "0/0", lambda p, q: max(p / q), ""),
    ("02.2", "swapped", [3 / 5, 1 / 3], "swapped"),
    ("02.2", "rounded", (0.33, 0.6), "rounded"),
    ("02.2", "one number", F(1, 3), "one thing is given"),
    ("02.2", "M", (3, F(3, 5)), "M itself"),
    (
        "02.3",
        "independent",
        lambda p, q, t: (ss.pick(q, t.random(1)[0]), ss.pick(p, t.random(1)[0])),
        "independently",
    ),
    ("02.3", "pair reversed", lambda p, q, tape: (lambda xy: (xy[1], xy[0]))(coupled(p, q, tape)), "reverse order"),
    ("02.3", "q and p exchanged", lambda p, q, tape: coupled(q, p, tape), "reverse order"),
    ("02.3", "x only", lambda p, q, tape: coupled(p, q, tape)[0], ""),
    ("02.3", "replaced from p", lambda p, q, tape: coupled(p, q, tape, lambda p, q: p), "draw from p"),
    ("02.3", "drawn until kept", lambda p, q, tape: (draft_again(p, q, tape),) * 2, "until it is kept"),
    # 03
    ("03.1", "printed", printed, "nothing is returned"),
    ("03.1", "max", lambda p_x, q_x: max(1, p_x / q_x), "max stands for min"),
    ("03.1", "p >= q", lambda p_x, q_x: 1 if p_x >= q_x else 0, "p >= q"),
    ("03.1", "p >= q, a bool", lambda p_x, q_x: p_x >= q_x, "p >= q"),
    ("03.1", "p - q", lambda p_x, q_x: float(p_x) - float(q_x), "difference"),
    ("03.1", "1 - it", lambda p_x, q_x: 1 - min(1, p_x / q_x), "opposite"),
    ("03.1", "no min", lambda p_x, q_x: float(p_x / q_x), "at most 1"),
    ("03.1", "q / p", lambda p_x, q_x: min(1, q_x / p_x), "q / p"),
    ("03.1", "a value", accept(0.5, 0.25), "a value is handed in"),
    ("03.1", "one argument", lambda p_x: min(1, p_x), "arguments that it is called with"),
    ("03.1", "three arguments", lambda p_x, q_x, u: u * q_x < p_x, "arguments that it is called with"),
    ("03.1", "a list", lambda p_x, q_x: [min(1, p_x / q_x)], "wrapped"),
    ("03.1", "array of no axis", lambda p_x, q_x: np.array(min(1, p_x / q_x)), "wrapped"),
    ("03.1", "rounded", lambda p_x, q_x: round(float(min(1, p_x / q_x)), 3), "rounded"),
    ("03.1", "a text", lambda p_x, q_x: f"{min(1, p_x / q_x)}", "a text stands"),
    ("03.1", "random", lambda p_x, q_x: random.random() < p_x / q_x, "np.random or random"),
    ("03.1", "a generator", lambda p_x, q_x: np.random.default_rng().random() < p_x / q_x, "the same answer twice"),
    ("03.1", "state", lambda p_x, q_x: memory(), "the same answer twice"),
    ("03.1", "percent", lambda p_x, q_x: 100 * min(1, p_x / q_x), "percentage"),
    ("03.1", "constant", lambda p_x, q_x: 1, "same in every case"),
    ("03.1", "min(p, q)", lambda p_x, q_x: min(p_x, q_x), "min(p, q)"),
    ("03.1", "the function itself", lambda p_x, q_x: accept, "a function is returned"),
    ("03.1", "an epsilon", lambda p_x, q_x: min(1, p_x / (q_x + 1e-6)), ""),
    ("03.4", "rejection", 1 - 2 / 3, "rejection"),
    ("03.4", "rounded", 0.667, "rounded"),
    ("03.4", "a text", "2/3", "a text stands"),
    ("03.4", "percent", 200 / 3, "percentage"),
    ("03.4", "a list", [F(2, 3)], "wrapped"),
    ("03.4", "upside down", 1.5, "upside down"),
    ("03.4", "a guess", 0.5, ""),
    ("03.2", "abs", lambda p, q: np.abs(p - q) / np.abs(p - q).sum(), "abs(p - q)"),
    ("03.2", "swapped", lambda p, q: residual(q, p), "p and q are swapped"),
    ("03.2", "not normalised", lambda p, q: [max(0, a - b) for a, b in zip(p, q)], "not normalised"),
    ("03.2", "0/0", lambda p, q: np.maximum(p - q, 0) / np.maximum(p - q, 0).sum(), "0 / 0"),
    ("03.2", "0/0 of floats", lambda p, q: normal(np.maximum((p - q).astype(float), 0)), "0 / 0"),
    ("03.2", "no return at p = q", half_returned, "in some cases"),
    ("03.2", "zeros at p = q", lambda p, q: residual(p, q) if (p != q).any() else 0 * p, "row of zeros"),
    ("03.2", "in place", overwriting_residual, "argument number 1 in place"),
    ("03.2", "the overlap", lambda p, q: np.minimum(p, q) / np.minimum(p, q).sum(), "kept"),
    ("03.2", "softmax", lambda p, q: ss.softmax(np.maximum(p - q, 0).astype(float)), "softmax"),
    (
        "03.2",
        "epsilon",
        lambda p, q: np.maximum(p - q, 0) / (float(np.maximum(p - q, 0).sum()) + 1e-5),
        "do not sum to 1",
    ),
    ("03.3", "drafted again", draft_again, "M = 1"),
    ("03.3", "drafted again, in threes", draft_again_in_threes, "M = 1"),
    ("03.3", "drafted again, recursively", draft_again_recursively, "M = 1"),
    ("03.3", "pick from p", token_of_p, "whatever q is"),
    ("03.3", "draft unused", unused_draft, "whatever q is"),
    ("03.3", "residual(q, p)", rule(corrects=lambda p, q: residual(q, p)), "max(0, q - p)"),
    ("03.3", "every draft", lambda p, q, tape: ss.pick(q, tape.random(1)[0]), "every draft is kept"),
    ("03.3", "<=", rule(lambda a, b, u: u <= min(1, a / b)), "u <= stands"),
    ("03.3", "from p", rule(corrects=lambda p, q: p), "M01"),
    ("03.3", "u < p", rule(lambda a, b, u: u < a), "M12"),
    ("03.3", "p > q", rule(lambda a, b, u: a > b), "M11"),
    ("03.3", "u > ratio", rule(lambda a, b, u: u > a / b), "to be refused"),
    ("03.3", "one number for all", all_zero_at_once, ""),
    ("03.3", "np.random", with_numpys_numbers, "np.random or random"),
    ("03.3", "random", with_pythons_numbers, "np.random or random"),
    ("03.3", "a generator", with_a_generator, "the same answer twice"),
    ("03.3", "a constant", lambda p, q, tape: 0, "taken from the tape"),
    ("03.3", "u * q", in_arithmetic, "more than a comparison"),
    ("03.3", "an array", lambda p, q, tape: np.array([rule()(p, q, tape)]), "wrapped"),
    ("03.3", "a float", lambda p, q, tape: float(rule()(p, q, tape)), "a float stands"),
    ("03.3", "more", lambda p, q, tape: (rule()(p, q, tape), True), "more is returned"),
    ("03.3", "no tape", lambda p, q: 0, "arguments that it is called with"),
    ("03.3", "nothing", lambda p, q, tape: print(rule()(p, q, tape)), "nothing is returned"),
    ("03.1", "1 / 0", lambda p_x, q_x: p_x / 0, ""),
    ("03.1", "|p - q|", lambda p_x, q_x: abs(p_x - q_x), "distance"),
    ("03.4", "max", 4 / 3, "max stands for min"),
    ("03.2", "sums to 0", lambda p, q: (p - q) / (p - q).sum(), ""),
    ("04.1", "emitted tokens", lambda *a, **k: emitted(*a, **k), "emitted tokens are returned"),
    ("03.1", "both", lambda p_x, q_x: (p_x, q_x), "several things"),
    ("03.1", "complex", lambda p_x, q_x: 1j * p_x, ""),
    ("03.2", "a sum", lambda p, q: sum(np.maximum(p - q, 0)), "one thing is given"),
    ("03.3", "the number", lambda p, q, tape: tape.random(1)[0], "a uniform number is returned"),
    ("03.3", "greedy draft", greedy, "M05"),
    # 04
    ("04.2", "no correction", [2], "correction is left out"),
    ("04.2", "reversed", [1, 2], "reverse order"),
    ("04.2", "all kept", [2, 0, 1, 1], "no draft is rejected"),
    ("04.2", "verify's pair", (1, 1), "how many drafts"),
    ("04.1", "n + 1", verify(lambda n, K: n + 1), "n + 1"),
    ("04.1", "u < p", verify(accepts=lambda p, q, x, n, u: u < p[n][x]), "u < p"),
    ("04.1", "<=", verify(accepts=lambda p, q, x, n, u: u <= p[n][x] / q[n][x]), "M40"),
    ("04.1", "p[n + 1]", verify(accepts=lambda p, q, x, n, u: u < p[n + 1][x] / q[n][x]), "from the row after"),
    ("04.1", "no bonus", verify(bonus=lambda p, q, x, K, u: (K, None)), "bonus is forgotten"),
    ("04.1", "last draft for the bonus", verify(bonus=lambda p, q, x, K, u: (K, x[-1])), "bonus is forgotten"),
    ("04.1", "row K - 1", verify(bonus=lambda p, q, x, K, u: (K, ss.pick(p[K - 1], u))), "M15"),
    ("04.1", "from p", verify(corrects=lambda p, q, n: p[n]), "M01"),
    ("04.1", "residual(q, p)", verify(corrects=lambda p, q, n: ss.residual(q[n], p[n])), "max(0, q - p)"),
    ("04.1", "summed", verify_summed, "M18"),
    ("04.1", "pair reversed", lambda *a, **k: verify()(*a, **k)[::-1], "reverse order"),
    ("04.1", "token only", lambda *a, **k: verify()(*a, **k)[1], "one thing is given"),
    ("04.1", "two arguments", verify_two, "arguments that it is called with"),
    ("04.4", "prompt too", loop(lambda K, n, t: min(K, n - len(t)), going_on, lambda t, n: t), "prompt is returned"),
    ("04.4", "overshoot", loop(lambda K, n, t: K, going_on, lambda t, n: t[1:]), "although fewer are wanted"),
    ("04.4", "cut", loop(lambda K, n, t: K, going_on, lambda t, n: t[1 : n + 1]), "cut off"),
    (
        "04.4",
        "one short",
        loop(lambda K, n, t: min(K, n - len(t)), lambda t, n: len(t) < n, lambda t, n: t[1:]),
        "one is missing",
    ),
    ("04.3", "all drafts", lambda t: sum(r.n_accepted for r in t.rounds) / sum(r.K for r in t.rounds), "all drafts"),
    ("04.3", "rejections", lambda t: 1 - t.acceptance_rate, "opposite"),
    # 05
    (
        "05.1",
        "keys reversed",
        lambda t: {(y, x): t[0, x] * t[x, y] for x in range(len(t)) for y in range(len(t))},
        "turned round",
    ),
    ("05.1", "a table", lambda t: t[0][:, None] * t, "a table is returned"),
    (
        "05.1",
        "one row",
        lambda t: {(x, y): t[0, x] * t[0, y] for x in range(len(t)) for y in range(len(t))},
        "same row",
    ),
    ("05.1", "conditional", lambda t: {(x, y): t[x, y] for x in range(len(t)) for y in range(len(t))}, "left out"),
    ("05.2", "rows of 3/4", ([F(1, 2), F(1, 4)], [0, 1]), "does not sum to 1"),
    ("05.2", "p = q", ([0.5, 0.5], [0.5, 0.5]), "p = q"),
    ("05.2", "reversed", ([0, 1], [F(1, 2), F(1, 2)]), "reverse order"),
    ("05.2", "too close", ([F(1, 3), F(2, 3)], [F(1, 2), F(1, 2)]), "too close"),
    ("05.2", "one row", [F(1, 2), F(1, 2)], ""),
    ("05.3", "rows of 3/4", ([[F(1, 2), F(1, 4)], [0, 1]], [[0, 1], [1, 0]]), "does not sum to 1"),
    ("05.3", "flat", ([[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]]), "ignore the text"),
    # 06 to 11
    ("06.1", "LayerNorm", lambda x, w: w * (x - x.mean()) / np.sqrt(x.var() + 1e-5), "LayerNorm"),
    ("06.1", "no root", lambda x, w: w * x / (np.mean(x**2) + 1e-5), "root is left out"),
    ("06.2", "hidden for visible", lambda n, m: np.arange(m) > np.arange(m - n, m)[:, None], "True and False"),
    ("06.2", "not shifted", lambda n, m: np.arange(m) <= np.arange(n)[:, None], "not shifted"),
    ("06.2", "itself unseen", lambda n, m: np.arange(m) < np.arange(m - n, m)[:, None], "does not see itself"),
    ("06.3", "reversed", lambda T, K, n: (T + min(n, K - 1), T + n), "reverse order"),
    ("06.3", "correction read", lambda T, K, n: (T + n + 1, T + min(n, K - 1) + 1), "counted as read"),
    ("07.1", "nats", lambda x, t: -np.log(ss.softmax(x)[np.arange(len(t)), t]).mean(), "nats"),
    ("07.1", "sign", lambda x, t: np.log2(ss.softmax(x)[np.arange(len(t)), t]).mean(), "sign is turned"),
    ("07.2", "sign", lambda x, p: p - ss.softmax(x), "sign is turned"),
    ("07.2", "no softmax", lambda x, p: x - p, "softmax is left out"),
    ("07.3", "a row of 0.9", ([0.5, 0.4], [0.5, 0.5], [0.5, 0.5]), "does not sum to 1"),
    ("07.3", "agree", ([0.5, 0.5], [0.5, 0.5], [0.9, 0.1]), "agree on which"),
    ("08.1", "one too few", lambda a, K: sum(a**k for k in range(K)), "bonus is left out"),
    ("08.1", "closed form", lambda a, K: (1 - a ** (K + 1)) / (1 - a), "divides by 0"),
    ("08.1", "without the correction", lambda a, K: sum(a**k for k in range(1, K + 1)), "one too small"),
    ("08.2", "inverse", lambda a, K, c, rho: (K * c + rho) / sum(a**k for k in range(K + 1)), "upside down"),
    ("08.2", "rho = 1", lambda a, K, c, rho: sum(a**k for k in range(K + 1)) / (K * c + 1), "ρ = 1"),
    ("08.3", "one more", lambda a, c: max(range(21), key=lambda K: ss_speedup(a, K, c)) + 1, "one too large"),
    ("09.1", "None for never", lambda tokens, n: looked_up(tokens, n, None), "in some cases"),
    ("09.1", "a list", lambda tokens, n: [looked_up(tokens, n, -1)], "wrapped"),
    ("09.2", "opposite", lambda p, x: 1 - p[x], "opposite"),
    ("09.2", "argmax", lambda p, x: x == np.argmax(p), "likeliest token"),
    ("10.1", "product at the end", lambda p, q: np.minimum(np.cumprod([1, *(p / q)]), 1), "only at the end"),
    ("10.3", "two numbers", lambda p, q, t: (ss.pick(p, t.random(1)[0]), ss.pick(q, t.random(1)[0])), "their own"),
    ("10.3", "reversed", lambda p, q, t: (lambda u: (ss.pick(q, u), ss.pick(p, u)))(t.random(1)[0]), "reverse order"),
    ("10.2", "rows of 3/4", ([F(1, 2), F(1, 4)], [1, 0]), "does not sum to 1"),
    ("11.1", "summed", lambda kept: kept.astype(int).sum(1), "all kept drafts"),
    ("11.2", "<=", lambda p, u: (u[:, None] <= p.cumsum(1)).argmax(1), "<= and not <"),
    ("11.3", "all rows", 11, "all 2K+1"),
    # positions, sources, trees, the judge, batches
    ("08.5", "all tested", lambda rates: 1 + float(sum(rates)), "taken to be tested"),
    ("08.5", "mean", lambda r: sum(float(sum(r) / len(r)) ** k for k in range(len(r) + 1)), "averaged"),
    ("08.5", "without the last token", lambda rates: np.cumprod(rates).sum(), "one too small"),
    ("08.6", "over rounds", lambda trace: kept_at(trace) / len(trace.rounds), "divided by all rounds"),
    ("08.6", "counts", lambda trace: kept_at(trace).tolist(), "counts are given"),
    ("08.6", "one rate", lambda trace: trace.acceptance_rate, "one thing is given"),
    ("09.4", "the target's", lambda p, q, t: p.astype(float), "taken to be the target's"),
    ("09.4", "as if refused", lambda p, q, t: taken_back(p, q, t, residual(p, q)), "treated as a refused one"),
    ("09.4", "forgotten", lambda p, q, t: taken_back(p, q, t, 0 * p), "forgotten"),
    ("09.5", "to the end", lambda tokens, n, K: cut_copy(tokens, n, K), "stops where the text ends"),
    ("09.5", "text and copy", lambda tokens, n, K: [*tokens, *cut_copy(tokens, n, K)], ""),
    ("10.4", "causal", lambda parents: np.tril(np.ones((len(parents),) * 2)).astype(bool), "as in a chain"),
    ("10.4", "lists", lambda parents: [[i == j for j in range(len(parents))] for i in range(len(parents))], ""),
    ("10.5", "longest", lambda parents, passes: longest(parents, passes), "longest path"),
    ("10.5", "all", lambda parents, passes: np.flatnonzero(passes).tolist(), "every node that passes"),
    ("10.5", "its length", lambda parents, passes: len(longest(parents, passes)), "one thing is given"),
    ("10.6", "p again", lambda p, q, tape: twice(p, q, tape, p), "against p once more"),
    ("10.6", "token alone", lambda p, q, tape: twice(p, q, tape, residual(p, q))[0], ""),
    ("10.7", "linear", lambda eps, z: float(z) / (2 * float(eps)), "1/eps"),
    ("10.7", "no half", lambda eps, z: float(z) ** 2 / float(eps) ** 2, "1/sqrt(n)"),
    ("10.8", "honest", lambda p, q: (np.minimum(1, p / q), residual(p, q)), "never convicted"),
    ("10.8", "keeps all", lambda p, q: (np.ones(len(p)), p), "every draft is kept"),
    (
        "10.8",
        "one token",
        lambda p, q: (np.where(q == q.max(), 1, np.minimum(1, p / q)), residual(p, q)),
        "one token stands out",
    ),
    ("10.8", "a number", lambda p, q: 1.25, ""),
    ("11.4", "padding", lambda kept, n: np.cumprod(kept, 1).sum(1), "padding is counted"),
    ("11.4", "summed", lambda kept, n: np.array([row[:m].sum() for row, m in zip(kept, n)]), "after a refusal"),
    ("11.5", "groups", lambda r, k: sum(max(r[i : i + k]) for i in range(0, len(r), k)), "a group waits"),
    ("11.5", "shared", lambda r, k: int(np.ceil(sum(r) / k)), "shared out evenly"),
    ("11.6", "shares", lambda p, mass, n: head_of(p, mass, n, share=True), "top-k, then top-p"),
    ("11.6", "not normalised", lambda p, mass, n: p * (np.asarray(head_of(p, mass, n)) > 0), ""),
)


def kept_at(trace):
    """Count the kept drafts at each position."""
    K = max(played.K for played in trace.rounds)
    return np.array([sum(played.n_accepted > i for played in trace.rounds) for i in range(K)])


def taken_back(p, q, t, instead):
    stays = q >= t
    kept = np.minimum(p, q) * stays
    return kept + ((q - np.minimum(p, q)) * stays).sum() * residual(p, q) + (q * ~stays).sum() * instead


def cut_copy(tokens, n, K):
    for end in range(len(tokens) - 1, n - 1, -1):
        if tokens[end - n : end] == tokens[-n:]:
            return tokens[end : end + K]
    return []


def longest(parents, passes):
    """Find the longest path of nodes that pass."""
    paths = {-1: []}
    for node, parent in enumerate(parents):
        if parent in paths and passes[node]:
            paths[node] = [*paths[parent], node]
    return max(paths.values(), key=len)


def twice(p, q, tape, second):
    x, y = ss.pick(q, tape.random(1)[0]), ss.pick(q, tape.random(1)[0])
    if tape.random(1)[0] < p[x] / q[x]:
        return x, True
    if tape.random(1)[0] < second[y] / q[y]:
        return y, True
    return ss.pick(residual(second, q), tape.random(1)[0]), False


def head_of(p, mass, n, share=False):
    head = np.argsort(-p)[:n]
    if p[head].sum() < mass:
        return []
    weights = p[head] / p[head].sum() if share else p[head]
    row = np.zeros(len(p))
    kept = head[: np.searchsorted(np.cumsum(weights), mass) + 1]
    row[kept] = p[kept] / p[kept].sum()
    return row


def nucleus(p, keeps):
    """Keep tokens, the likeliest first."""
    order = np.argsort(-p, kind="stable")
    total = np.cumsum(p[order])
    kept = np.zeros_like(p)
    for i, x in enumerate(order):
        if keeps(total[i] - p[x], total[i]):
            kept[x] = p[x]
    return kept / kept.sum() if kept.sum() else kept


def unsorted_nucleus(p, mass):
    total, kept = 0, 0 * p
    for x in range(len(p)):
        if total < mass:
            kept[x] = p[x]
        total += p[x]
    return kept / kept.sum()


def coupled(p, q, tape, corrects=residual):
    u = tape.random(3)
    x = ss.pick(q, u[0])
    return x, (x if u[1] < min(1, p[x] / q[x]) else ss.pick(corrects(p, q), u[2]))


def emitted(draft_tokens, *rows, **uniforms):
    n, token = verify()(draft_tokens, *rows, **uniforms)
    return [*draft_tokens[:n], token]


def normal(x):
    with np.errstate(all="ignore"):
        return x / x.sum()


def looked_up(tokens, n, otherwise):
    for end in range(len(tokens) - 1, n - 1, -1):
        if tokens[end - n : end] == tokens[-n:]:
            return tokens[end]
    return otherwise


def ss_speedup(alpha, K, c):
    return sum(alpha**k for k in range(K + 1)) / (K * c + 1)
