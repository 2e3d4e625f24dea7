"""Speculative sampling, step by step, in NumPy.

The algorithm is in `specsample.speculative`. Rooms are read, and import each other, in one order:

Read `distributions`, `strategies`, `request`, `language_model`, `autoregressive`, `acceptance`, `trace`,
`speculative`, `rounds`, `streaming`, `adaptive`, `files`, `backend`, `batched`, `cuda`, `verifiers`, `theory`,
`transformer`, `drafts`, `training`, `conformance`, `viewer`, `figures`, `bench`, `exercises`, `course`, `papers`,
`commands`, `cli`, `pytest_plugin`.
"""

from specsample.acceptance import accept_probability, overlap, residual
from specsample.autoregressive import autoregressive
from specsample.distributions import pick, softmax
from specsample.language_model import FunctionModel, LanguageModel, TableModel
from specsample.speculative import draft, generate, step, verify
from specsample.strategies import decoding_strategy, greedy, min_p, temperature, top_k, top_p, typical
from specsample.streaming import generate_stream, stream_text
from specsample.trace import Round, Trace
from specsample.transformer.lm import load, load_pair

__all__ = [  # in reading order
    "softmax",
    "pick",
    "greedy",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "typical",
    "decoding_strategy",
    "LanguageModel",
    "TableModel",
    "FunctionModel",
    "autoregressive",
    "accept_probability",
    "residual",
    "overlap",
    "Round",
    "Trace",
    "draft",
    "verify",
    "step",
    "generate",
    "generate_stream",
    "stream_text",
    "load",
    "load_pair",
]
