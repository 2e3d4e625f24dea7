"""Right verifiers in torch that draw from its default generator and from the one that they are given pass."""

import pytest

pytestmark = pytest.mark.peers

from specsample.conformance import check, from_torch  # noqa: E402


def race(rows, generator=None):
    """Draw a token of each row by exponential noise in float64."""
    import torch

    noise = torch.empty(rows.shape, dtype=torch.float64).exponential_(generator=generator)
    return (rows.double() / noise).argmax(dim=1)


def verify(x, q, p, of_uniforms, of_token):
    """Verify with float64 uniforms of one generator (None: torch's own) and tokens of the other."""
    import torch

    N, K = x.shape
    every = torch.arange(N)
    u = torch.rand((N, K), dtype=torch.float64, generator=of_uniforms)
    ratio = p[:, :K].gather(2, x[..., None]) / q.gather(2, x[..., None])
    n = (u < ratio[..., 0]).long().cumprod(dim=1).sum(dim=1)
    behind = torch.cat([q, torch.zeros_like(p[:, :1])], dim=1)
    tokens = torch.cat([x, x[:, :1]], dim=1).where(torch.arange(K + 1) < n[:, None], torch.tensor(-1))
    tokens[every, n] = race((p[every, n] - behind[every, n]).clamp(min=0), of_token)
    return tokens


def default_first(x, q, p, generator):
    return verify(x, q, p, None, generator)


def given_first(x, q, p, generator):
    return verify(x, q, p, generator, None)


@pytest.mark.parametrize("fn", [default_first, given_first])
def test_mixed_generators_pass_over_twenty_seeds(fn):
    verdicts = [check(from_torch(fn), probes=["P1", "P6"], eps=0.1, seed=seed).verdict for seed in range(20)]
    assert verdicts == ["PASS"] * 20
