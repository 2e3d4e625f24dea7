"""The target says i + 1 after i, for certain; the text after 0 must be 1 2 3."""

import numpy as np
import torch
from judge_litgpt import Shell
from litgpt.generate.speculative_decoding import generate


def successor(text):
    return np.eye(10)[text[-1] + 1]


models = [Shell(successor), Shell(successor)]
text, _ = generate(*models, torch.tensor([0]), 5, include_prompt=True, speculative_k=2)
print("after 0:", *text.tolist()[1:])
