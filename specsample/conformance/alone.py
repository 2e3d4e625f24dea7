"""A sampler of batches, asked for one sequence at a time.

Where no known mistake fits, a few texts alone tell whether only the batch is wrong.
"""

from collections.abc import Sequence

import numpy as np

from specsample.conformance.adapters import Sample
from specsample.conformance.evidence.e_process import log_e_threshold
from specsample.conformance.evidence.fit import FITS, goodness_of_fit
from specsample.conformance.evidence.formulas import log_ratio
from specsample.conformance.questions import Tally

ALONE = 512  # streams


def right_alone(failed: Tally, alone: Sample, batch: Sample) -> list[str]:
    """Say whether a sampler is right for one sequence and wrong for a batch of them.

    Parameters
    ----------
    failed : Tally
    alone : Sample of streams drawn one at a time
    batch : Sample drawn in a batch
    """
    # the law of the batch as it was seen, with one text more of the target's, so that nothing has mass 0
    law = np.asarray(failed.question.law)
    counts, seen = (np.bincount(failed.question.cells_of(each.tokens), minlength=len(law)) for each in (alone, batch))
    batch_law = (seen + law) / (seen.sum() + 1)
    # alone it has to fit the target's law, and to be far likelier under it than under that of the batch
    if goodness_of_fit(counts, law) < FITS or log_ratio(counts, law, batch_law) < log_e_threshold(FITS / 10):
        return []
    return ["right one at a time, wrong in a batch: its rows are mixed up with each other, or share random numbers"]


def merged(samples: Sequence[Sample]) -> Sample:
    """Put the texts of several samples into one; their rounds are left out."""
    return Sample(np.concatenate([sample.tokens for sample in samples]))
