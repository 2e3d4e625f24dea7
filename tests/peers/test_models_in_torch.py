"""Code around Hugging Face's models, and around networks that take a cache, is judged in three lines."""

import pytest

pytestmark = pytest.mark.peers

from specsample.conformance import check, from_models  # noqa: E402

FAST = {"probes": ["P1"], "eps": 0.2}
NAMES = {"target": "target_model", "draft": "approx_model", "prompt": "prefix", "new_tokens": "max_len", "K": "gamma"}


def distribution(logits, temperature, top_k, top_p):
    """Apply temperature and filters to (..., V) logits; 0 leaves a filter out."""
    import torch

    logits = logits / temperature
    if top_k:
        least = logits.topk(top_k, dim=-1).values[..., -1:]
        logits = logits.masked_fill(logits < least, float("-inf"))
    if top_p:
        ordered, order = logits.sort(dim=-1, descending=True)
        before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
        drop = (before > top_p).scatter(-1, order, before > top_p)
        logits = logits.masked_fill(drop, float("-inf"))
    return torch.softmax(logits, dim=-1)


def sampling(prefix, approx_model, target_model, max_len, gamma=4, temperature=1, top_k=0, top_p=0, *, trims=True):
    """Sample with two models that keep their caches from round to round, and are cropped after a rejection."""
    import torch

    class Kept:
        """A model, the rows that it has given, and its cache."""

        def __init__(self, model):
            self.model, self.cache, self.rows = model, None, None

        def read(self, ids):
            new = ids if self.cache is None else ids[:, self.rows.shape[1] :]
            out = self.model(new, past_key_values=self.cache, use_cache=True)
            rows = distribution(out.logits, temperature, top_k, top_p)
            self.rows = rows if self.rows is None else torch.cat([self.rows, rows], dim=1)
            self.cache = out.past_key_values

        def crop(self, length):
            self.rows = self.rows[:, :length]
            # keys and values, layer by layer, as older caches are cut
            n = length if trims else length + 1
            self.cache = [(k[:, :, :n], v[:, :, :n]) for k, v in self.cache]

    small, large = Kept(approx_model), Kept(target_model)
    end = prefix.shape[1] + max_len
    while prefix.shape[1] < end:
        start = prefix.shape[1]
        ids = prefix
        for _ in range(gamma):
            small.read(ids)
            ids = torch.cat([ids, torch.multinomial(small.rows[:, -1], 1)], dim=1)
        large.read(ids)
        kept = start
        while kept < start + gamma:
            token = ids[0, kept]
            if torch.rand(1) * small.rows[0, kept - 1, token] >= large.rows[0, kept - 1, token]:
                break
            kept = kept + 1
        p = large.rows[0, kept - 1]
        if kept < start + gamma:
            p = (p - small.rows[0, kept - 1]).clamp(min=0)
        prefix = torch.cat([ids[:, :kept], torch.multinomial(p, 1)[None]], dim=1)
        small.crop(min(kept, small.rows.shape[1]))
        large.crop(kept)
    return prefix


def untrimmed(prefix, approx_model, target_model, max_len, gamma=4):
    return sampling(prefix, approx_model, target_model, max_len, gamma, trims=False)


def decoding(net, small_net, prompt, seq_len, gamma=5, temperature=1.0, *, lenience=1.0):
    """Sample with networks that get the whole text and a cache of its beginning; new tokens and a count come back."""
    import torch

    out = prompt
    cache = small_cache = None
    rounds = 0
    while out.shape[1] < seq_len:
        start = out.shape[1]
        drafted = []
        for _ in range(gamma):
            logits, small_cache = small_net(out, cache=small_cache, return_cache=True)
            drafted.append((logits[:, -1] / temperature).softmax(-1))
            out = torch.cat([out, torch.multinomial(drafted[-1], 1)], dim=1)
        logits, cache = net(out, cache=cache, return_cache=True)
        p = (logits[:, -gamma - 1 :] / temperature).softmax(-1)
        q = torch.stack(drafted, dim=1)
        x = out[:, start:, None]
        ratio = p[:, :-1].gather(2, x) / q.gather(2, x) * lenience
        n = int((torch.rand_like(ratio) < ratio)[0, :, 0].long().cumprod(0).sum())
        rest = (p[:, n] - q[:, n]).clamp(min=0) if n < gamma else p[:, n]
        out = torch.cat([out[:, : start + n], torch.multinomial(rest, 1)], dim=1)
        cache = cache[..., : out.shape[1] - 1, :]
        small_cache = small_cache[..., : out.shape[1] - 1, :]
        rounds += 1
    return out[:, prompt.shape[1] :], rounds


def lenient(net, small_net, prompt, seq_len, gamma=5):
    return decoding(net, small_net, prompt, seq_len, gamma, lenience=2.0)


def alone(prefix, approx_model, target_model, max_len):
    return target_model.generate(prefix, max_new_tokens=max_len, do_sample=True)


def likeliest(prefix, approx_model, target_model, max_len):
    return target_model.generate(prefix, max_new_tokens=max_len)


def networks(fn):
    names = {"target": "net", "draft": "small_net", "prompt": "prompt", "total": "seq_len", "K": "gamma"}
    return from_models(fn, **names, plain=True, with_prompt=False)


def test_code_around_hugging_faces_models_passes_and_fails_where_a_cache_is_not_trimmed():
    assert check(from_models(sampling, **NAMES), **FAST).verdict == "PASS"
    assert check(from_models(untrimmed, **NAMES), probes=["P9"]).verdict == "FAIL"


def test_code_around_networks_with_caches_passes_and_fails_where_it_is_lenient():
    assert check(networks(decoding), **FAST).verdict == "PASS"
    assert check(networks(lenient), **FAST).verdict == "FAIL"


def test_a_model_samples_alone():
    few = {name: each for name, each in NAMES.items() if name != "K"}
    assert check(from_models(alone, **few), **FAST).verdict == "PASS"
    assert check(from_models(likeliest, **few), **FAST).verdict == "FAIL"
