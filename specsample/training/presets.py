"""The models that are trained here, and for how long.

Sizes were chosen by measurement; the card beside the shipped pair has the numbers.
"""

from dataclasses import dataclass

from specsample.transformer.config import Config


@dataclass(frozen=True)
class Preset:
    """What is trained, and for how long."""

    config: Config  # max_length is at least twice the window
    steps: int
    batch: int  # windows a step; the last tenth of the run has half as many, twice as long
    window: int  # characters
    lr: float  # largest learning rate


def _config(width: int, n_layers: int, n_heads: int, n_kv_heads: int, *, hidden: int, max_length: int) -> Config:
    """Make a character model's config."""
    return Config(97, width, n_layers, n_heads, n_kv_heads=n_kv_heads, hidden=hidden, max_length=max_length)


PRESETS = {
    "tiny": Preset(_config(32, 2, 2, 1, hidden=64, max_length=128), steps=300, batch=8, window=64, lr=1e-2),
    "draft": Preset(_config(128, 1, 4, 1, hidden=512, max_length=512), steps=2400, batch=8, window=256, lr=4e-3),
    "target": Preset(_config(384, 4, 6, 1, hidden=1024, max_length=512), steps=3200, batch=8, window=256, lr=1.5e-3),
}
