"""Column j of the assistant's probabilities is drawn as one token and counted as another's."""

import torch
from judge_transformers import letters
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.generation.candidate_generator import AssistantToTargetTranslator

target, assistant = letters("abcdef"), letters("fzbcade")  # z is the assistant's alone
model = LlamaForCausalLM(
    LlamaConfig(vocab_size=7, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
)
made = AssistantToTargetTranslator(target, assistant, 6, assistant_model=model, assistant_prune_lm_head=True)
drawn = made._assistant_to_target_input_ids[made.assistant_overlap_token_ids]
counted = made.get_target_logits(torch.eye(6)).argmax(dim=1)
print("columns are drawn as  ", *target.convert_ids_to_tokens(drawn.tolist()))
print("columns are counted as", *target.convert_ids_to_tokens(counted.tolist()))
