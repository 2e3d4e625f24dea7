"""A part of the page on released engines, with the installed transformers: an assistant with its own vocabulary.

The verdict is FAIL where a column of its probabilities is drawn as one token and counted as another's, and PASS where
none is. Which of the two a release does is on docs/engines.md; that judge and columns agree is held here.
"""

import sys

import pytest

pytestmark = pytest.mark.peers
torch = pytest.importorskip("torch", reason="needs the extra [peers]")
transformers = pytest.importorskip("transformers", reason="needs the extra [peers]")

from test_layout import ROOT  # noqa: E402

sys.path.append(str(ROOT / "docs" / "engines"))
import judge_transformers as judged  # noqa: E402

from specsample.conformance import check, from_engine  # noqa: E402


def is_permuted(kind):
    """Whether a column is drawn as one token and counted as another's."""
    target, assistant = judged.letters("abcdef", kind), judged.letters("fzbcade", kind)
    made = transformers.generation.candidate_generator.AssistantToTargetTranslator(
        target, assistant, 6, assistant_model=judged.fresh_llama(7), assistant_prune_lm_head=True
    )
    drawn = made._assistant_to_target_input_ids[made.assistant_overlap_token_ids]
    return bool((drawn != made.get_target_logits(torch.eye(6)).argmax(dim=1)).any())


class Backwards(judged.Sorted):
    """A tokenizer that lists its vocabulary backwards: a fast one's own order is another in each process."""

    def get_vocab(self):
        return dict(reversed(super().get_vocab().items()))


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("kind", [judged.Sorted, Backwards])
def test_the_verdict_agrees_with_the_columns(kind):
    texts = judged.TwoVocabularies("fzbcade", kind)
    next_probs = lambda tokens: judged.next_probs(tokens, transform=lambda probs: probs)  # noqa: E731
    found = check(from_engine(texts, next_probs=next_probs, prompt=judged.PROMPT, max_new_tokens=2), eps=0.4)
    assert found.verdict == ("FAIL" if is_permuted(kind) else "PASS")
