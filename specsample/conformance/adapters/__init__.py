"""How a sampler is shown to the kit, in three shapes.

`from_verify` for a function that judges drafts, `from_step` for one that drafts too, `from_generate` for whole texts;
`from_engine` for an engine that keeps its own models, `from_seeded` for one whose requests have seeds. Ready-made:
`huggingface`, `vllm`. `from_command` for a program of any language.

Read `text_numbers`, `tabled`, `watched`, `adapter`, `libraries`, `play`, `verifier`, `rounds`, `seeded`,
`vllm`, `whole`, `huggingface`, `program`, `session`, `wire`.
"""

from specsample.conformance.adapters.adapter import Adapter, Broken, NoToken, Sample, Seeds
from specsample.conformance.adapters.rounds import from_step, from_torch, from_verify
from specsample.conformance.adapters.seeded import from_seeded
from specsample.conformance.adapters.tabled import Tabled
from specsample.conformance.adapters.watched import LastCall
from specsample.conformance.adapters.whole import from_engine, from_generate
from specsample.conformance.adapters.wire import from_command

__all__ = [
    "from_verify",
    "from_step",
    "from_generate",
    "from_engine",
    "from_torch",
    "from_command",
    "from_seeded",
    "Adapter",
    "LastCall",
    "Sample",
    "Seeds",
    "Tabled",
    "Broken",
    "NoToken",
]
