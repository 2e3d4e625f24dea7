"""Right rules to let pass: reported as bugs, and none.

As in `wrong_samplers`: arguments as for `speculative.generate`, exact laws, samples from a NumPy Generator.
"""

from functools import partial

from specsample.conformance.laws import wrong_rules as w
from specsample.conformance.laws.open_round import speculate
from specsample.conformance.laws.rule import Rule, drafted, verified
from specsample.speculative import generate
from specsample.strategies import greedy
from specsample.verifiers import block

# fmt: off
RIGHT = {rule.id: rule for rule in (
    Rule("C0", "The standard rule, as shipped.", "", "", generate),
    Rule("C1", "A draft is kept if the target draws the same token; if not, that draw is emitted.",
         "Fewer drafts are kept.",
         "ml-explore/mlx-swift-lm#459; lablup/mlxcel#902", partial(speculate, judging=w.judge_by_match)),
    Rule("C2", "The draft is the argmax of q and is judged with a one-hot q.",
         "A greedy draft does not make the text greedy.",
         "SafeAILab/EAGLE#183, #329", drafted(picked_from=greedy, reported=w.one_hot)),
    Rule("C3", "Block verification.", "More drafts are kept.", "Sun et al., 2403.10444", verified(block.verify)),
    Rule("C4", "Drafting ends after the first token of low confidence, which is kept.",
         "Fewer drafts where the draft model is unsure.",
         "huggingface `assistant_confidence_threshold`", drafted(goes_on=lambda q, x: 2 * q[x] >= 1)),
    Rule("C7", "Drafts are sampled from q and judged with a one-hot q, for q is not known.", "Fewer drafts are kept.",
         "vllm-project/vllm#40149", drafted(reported=w.one_hot)),
    Rule("C8", "The draft's cache is trimmed one token too few.", "Fewer drafts are kept, for their text is wrong.",
         "", lambda x, p, q, **setting: generate(x, p, w.Leaky(q), **setting)),
    Rule("C9", "No bonus token is emitted.", "At most K tokens a round.",
         "", partial(speculate, judging=w.judge_without_bonus)),
    Rule("C10", "A draft is taken back where its row is unsure, whatever the token: as if none was drawn.",
         "Fewer drafts.", "vllm-project/vllm#35301 (class)", drafted(keeps=lambda q, x: 2 * max(q) >= 1)),
)}
# fmt: on
