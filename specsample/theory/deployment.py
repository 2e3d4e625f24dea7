"""Two models on a device, and the answer at one batch and context.

What is planned for? A `Deployment` binds everything but batch and context.
"""

from typing import NamedTuple

from specsample.theory import Device, Outlook, Shape, Work, outlook
from specsample.theory.roofline import needed_bytes


class Deployment(NamedTuple):
    """What to plan for: two models, a device, how well drafts are accepted, K (None: the best), bytes of a number."""

    target: Shape
    draft: Shape
    device: Device
    alpha: float
    K: int | None
    weight_bytes: float
    cache_bytes: float

    def work(self, batch: int, context: int) -> Work:
        """Say what a pass is asked for."""
        return Work(batch, context, self.weight_bytes, self.cache_bytes)

    def answer(self, batch: int, context: int) -> Outlook:
        """Predict the speed-up."""
        work = self.work(batch, context)
        return outlook(self.alpha, self.target, self.draft, self.device, work=work, K=self.K)

    def fits(self, batch: int, context: int) -> bool:
        """Decide whether both models and their caches fit into memory."""
        return self.memory(batch, context) <= self.device.memory

    def memory(self, batch: int, context: int) -> float:
        """Count the bytes that both models and their caches take."""
        return needed_bytes([self.target, self.draft], self.work(batch, context))
