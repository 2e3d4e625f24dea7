"""The catalogue: mistakes to catch.

Each is one that real code has made (`right_samplers` has rules that people have reported as bugs). All
take the arguments of `speculative.generate` and only compare uniform numbers: `exact_law` enumerates them, a NumPy
Generator samples from them. `docs/wrong-samplers.md` prints their exact distances from the target.
"""

from functools import partial

import numpy as np

from specsample.conformance.laws import wrong_blocks, wrong_rounds
from specsample.conformance.laws import wrong_rules as w
from specsample.conformance.laws.open_round import correction, ratio, speculate
from specsample.conformance.laws.probes import sharpen
from specsample.conformance.laws.rule import Rule, drafted, judged, verified
from specsample.speculative import generate
from specsample.strategies import greedy, top_k

# fmt: off
WRONG = {rule.id: rule for rule in (
    # what replaces a rejected draft
    Rule("M01", "The replacement of a rejected draft is drawn from p.",
         "Tokens that the draft likes too much stay too frequent.",
         "romsto/Speculative-Decoding@0b1fa52; ShopeeLLM/Spec-RL#14", judged(correct=lambda seen, n: seen.p[n])),
    Rule("M02", "The residual is abs(p - q) and not max(0, p - q).",
         "Rejected tokens come back as their own replacement.",
         "", judged(correct=lambda seen, n: w.normalised(abs(seen.p[n] - seen.q[n])))),
    Rule("M03", "The residual is softmax(max(0, p - q)).",
         "Every token can replace a rejected one, also one of probability 0.", "huggingface/transformers#28508",
         judged(correct=lambda seen, n: w.softmax_of_residual(seen.p[n], seen.q[n]))),
    Rule("M04", "The residual is p without the rejected token.",
         "Tokens that the draft likes enough are too frequent.", "SafeAILab/EAGLE#20; xLLM-AI/xllm#2175",
         judged(correct=lambda seen, n: w.normalised(seen.p[n] * (1 - w.one_hot(seen.p[n], seen.x[n]))))),
    # what is drafted is not what q says, and the ratio uses q
    Rule("M05", "The draft is the argmax of q, the ratio uses q.",
         "The draft's favourite is far too frequent; invisible where the harness supplies the drafts.",
         "huggingface/transformers#32867; jaymody/speculative-sampling#3", drafted(picked_from=greedy)),
    Rule("M06", "The draft is picked from the top k of q, the ratio uses q.",
         "Tokens outside the draft's top k are too rare; invisible where the harness supplies the drafts.",
         "huggingface/transformers#47932", drafted(picked_from=top_k(2))),
    Rule("M08", "The draft is picked at a lower temperature, the ratio uses q.",
         "Text is too predictable; invisible where the harness supplies the drafts.",
         "vllm-project/vllm#9834", drafted(picked_from=sharpen)),
    # which drafts are accepted
    Rule("M09", "Drafts are accepted with min(1, q/p): the letters are swapped.", "The text follows the draft model.",
         "", judged(accept=lambda seen, n: ratio(seen.q[n, seen.x[n]], seen.p[n, seen.x[n]]))),
    Rule("M10", "Every draft is accepted.",
         "The text is the draft model's, except the bonus tokens; tokens of p = 0 appear.",
         "", judged(accept=lambda seen, n: 1)),
    Rule("M11", "A draft is accepted if p >= q, with no random number.",
         "Tokens that the draft likes too much never appear.",
         "", judged(accept=lambda seen, n: int(seen.p[n, seen.x[n]] >= seen.q[n, seen.x[n]]))),
    Rule("M12", "Drafts are accepted with probability p, the residual is the standard one.",
         "Slow, and tokens that p likes more than q are too frequent.",
         "", judged(accept=lambda seen, n: seen.p[n, seen.x[n]])),
    # from which row the next token comes, and which of it
    Rule("M13", "The residual always comes from row 0.",
         "The first token is right; wrong only on corrections behind an accepted draft.",
         "flashinfer-ai/flashinfer#425", judged(correct=lambda seen, n: correction(seen, 0))),
    Rule("M15", "The bonus comes from the row before the last one.",
         "The first token is right; wrong only on bonus tokens.",
         "", judged(bonus=lambda seen: seen.p[max(len(seen.x) - 1, 0)])),
    Rule("M17", "The bonus is the argmax.", "The first token is right; bonus tokens never vary.",
         "shreyansh26 `probabilistic_verify`; vllm-project/vllm#42744 (class)",
         judged(bonus=lambda seen: greedy(seen.p[-1]) if seen.x else seen.p[-1])),
    # where the round ends
    Rule("M18", "The round does not stop at the first rejection: the drafts behind it are tested too.",
         "The first token is right, and every token if p and q ignore the text; K+1 tokens every round.",
         "", partial(speculate, judging=w.judge_on)),
    # which uniform numbers decide what
    Rule("M19", "One uniform number tests all drafts of a round.",
         "The first token is right; rounds are all accepted or all rejected too often.",
         "feifeibear/LLMSpeculativeSampling with random_seed", judged(u_test=lambda u, n: u[0])),
    Rule("M20", "The uniform number that rejected a draft also draws its replacement.",
         "Replacements are too often high token ids; needs two tokens in the residual.",
         "flashinfer-ai/flashinfer#424; sgl-project/sglang#7207; vllm-project/vllm-ascend#16370",
         judged(u_emit=lambda u, n: u[n])),
    Rule("M21", "Draft and replacement share their Gumbel noise.",
         "Hardly visible: a replacement remembers who lost the draft; invisible with supplied drafts.",
         "vllm-project/vllm#47386, #54282", judged(correct=lambda seen, n: w.shared_noise(seen.p[n], seen.q[n]))),
    # another try in place of the test, or after it
    Rule("M22", "A draft is kept if the target draws the same token, and the target draws again if not.",
         "Tokens that the draft likes are too frequent.", "lablup/mlxcel#902 (class)",
         judged(accept=lambda seen, n: seen.p[n, seen.x[n]], correct=lambda seen, n: seen.p[n])),
    Rule("M24", "After a rejected and an accepted sibling, the bonus comes from what the rejected one left over.",
         "The first token is right; wrong only behind a second try.",
         "SafeAILab/EAGLE#47", partial(speculate, judging=w.judge_with_sibling)),
    # more of the first kinds: what is emitted, accepted, put in place of a draft
    Rule("M26", "Rejected drafts stay in the output, in front of the correction.",
         "The text follows the draft model; K+1 tokens every round.",
         "lucidrains/speculative-decoding#3", partial(speculate, judging=w.judge_keeping_rejected)),
    Rule("M28", "Drafts are accepted with min(1, 1.25 p/q).",
         "Lossy by design: the text leans towards the draft model, and no token above 1.25 p.",
         "lenient acceptance (Leviathan et al., appendix A.5)",
         judged(accept=lambda seen, n: ratio(5 * seen.p[n, seen.x[n]] / 4, seen.q[n, seen.x[n]]))),
    Rule("M29", "The replacement is the argmax of the residual.",
         "Replacements never vary; needs two tokens in the residual.",
         "", judged(correct=lambda seen, n: greedy(correction(seen, n)))),
    # around the rounds: caches, stop tokens, indices, batches
    Rule("M30", "The target's cache is trimmed one token too few, so a rejected draft stays in it.",
         "Right up to the first rejection, and always if p looks back one token only.",
         "ml-explore/mlx-lm#846 (class)", lambda x, p, q, **setting: generate(x, w.Leaky(p), q, **setting)),
    Rule("M31", "An accepted stop token is drawn again, from the residual.", "Texts are too long.",
         "huggingface/transformers#28508", partial(speculate, judging=w.judge_redrawing_stop), "stop"),
    Rule("M32", "A drafted stop token ends the run although it was rejected.", "Texts end without a stop token.",
         "openvinotoolkit/openvino.genai#3293", partial(speculate, stopping=w.until_drafted_stop), "stop"),
    Rule("M33", "Tokens behind an accepted stop token are emitted.",
         "Texts go on after a stop token: one observation is enough.",
         "huggingface/transformers#47912", partial(speculate, stopping=w.behind_stop), "stop"),
    Rule("M34", "From round 2 on the ratio is gathered at an old token.", "The first round is right.",
         "romsto/Speculative-Decoding@41668c8", w.with_old_index, "rounds"),
    Rule("M36", "The ratio and the residual use another sequence's q.",
         "Right for a batch of one and for equal prompts.",
         "1CatAI/1Cat-vLLM#656", partial(speculate, drafting=w.draft_with_neighbours_q)),
    # what the strategy does to p
    Rule("M37", "Penalties are computed without the drafts in flight.",
         "The first token is right; repeats inside a round are too frequent.",
         "vllm-project/vllm#18902", w.with_old_penalty, "repeats"),
    Rule("M38", "The temperature is ignored when drafts are verified.",
         "Right at temperature 1; below it the text is too varied.",
         "EricLBuehler/mistral.rs#2424", w.without_temperature, "sharp"),
    # seen by no law of one text
    Rule("M39", "Every sequence starts from the same seed.",
         "Seen across samples only: each text looks right, and all are the same.", "", w.with_same_seed),
    Rule("M40", "The test is u <= p/q, so that a token of p = 0 passes at u = 0.",
         "Seen with scripted uniform numbers only: u = 0 has probability 2^-24 in float32 and 0 in the exact law.",
         "sgl-project/sglang#35771", judged(passes=lambda u, a: u <= a), "gaps"),
    # block verification
    Rule("M41", "Block verification corrects from the residual of the token rule.",
         "The first token is right; on most random tables everything is.",
         "vllm-project/vllm-ascend#7807", verified(wrong_blocks.block_with_token_residual), "block"),
    Rule("M42", "Block verification ends at the first run that does not pass.",
         "The draft's favourites are too rare.",
         "vllm-project/vllm-ascend#11985 (review)", verified(wrong_blocks.block_until_refused)),
    # where a round ends, and what the next one inherits
    Rule("M43", "As many drafts are kept as pass their test, not those up to the first refusal: n = accepted.sum().",
         "Refused drafts are kept if others pass; right for one draft.",
         "vllm-project/vllm#2658, #10604 (class)", partial(speculate, judging=wrong_rounds.judge_by_count)),
    Rule("M44", "The last draft's q is subtracted from the bonus row too.",
         "The first token is right; bonus tokens that the draft likes are too rare.",
         "", judged(bonus=wrong_rounds.bonus_less_q)),
    Rule("M45", "1/1000 is added to the residual before it is normalised.", "Any token can be a correction, seldom.",
         "vllm-project/vllm#2336 (class)", judged(correct=wrong_rounds.residual_and_epsilon), "gaps"),
    Rule("M46", "After a fully accepted round the first draft is judged by the q row before its own.",
         "The first round is right, and every text of at most K + 2 tokens.",
         "", wrong_rounds.with_stale_q, "rounds"),
    Rule("M47", "The target's cache is handed the whole text in every round, so that it has read it twice.",
         "The first round is right, and everything if p does not know its position.",
         "romsto/Speculative-Decoding#1", wrong_rounds.with_context_read_twice, "position"),
    # a source that declines
    Rule("M48", "A draft is taken back after it was drawn, for it is improbable.", "Improbable drafts are too rare.",
         "ggml-org/llama.cpp#22506 (class)", drafted(keeps=lambda q, x: 2 * q[x] >= 1)),
    # seen in engines of 2026
    Rule("M49", "Block verification tests each run against the product of the uniform numbers so far.",
         "Runs are kept too often from the second draft on; the first token is wrong only through them.",
         "vllm-project/vllm-ascend `enable_block_verify`", verified(wrong_blocks.block_by_product)),
    Rule("M50", "The columns of q are in another order than the ids that were drafted: here one id too far.",
         "Ratio and residual are those of other tokens; invisible where the harness supplies the drafts.",
         "huggingface/transformers 5.24.0, assistant with another vocabulary",
         drafted(reported=lambda q, x: np.roll(q, 1))),
    Rule("M51", "The verifier applies top-p and the like before the temperature, everything else after it.",
         "Tokens that the strategy excludes come out; right without a temperature or without a filter.",
         "vllm-project/tpu-inference#1385", w.with_filters_first, "filters"),
    Rule("M52", "Draft and replacement share their Gumbel noise, under block verification.",
         "As M21, and called so.", "vllm-project/vllm#47386, #54282",
         verified(wrong_blocks.block_with_shared_noise)),
)}
# fmt: on
