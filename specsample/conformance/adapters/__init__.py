"""How a sampler is shown to the kit, in three shapes.

`from_verify` for a function that judges drafts, `from_step` for one that drafts too, `from_generate` for whole texts;
`from_models` for code that takes model objects, `from_engine` for an engine that keeps its own, `from_seeded` for one
whose requests have seeds, `from_command` for a program of any language. Ready-made: `huggingface`, `vllm`.

Read `text_numbers`, `tabled`, `watched`, `adapter`, `libraries`, `play`, `verifier`, `rounds`, `seeded`,
`vllm`, `whole`, `models`, `huggingface`, `program`, `session`, `wire`.
"""

from specsample.conformance.adapters.adapter import Adapter, Broken, NoToken, Sample, Seeds
from specsample.conformance.adapters.models import from_models
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
    "from_models",
    "Adapter",
    "LastCall",
    "Sample",
    "Seeds",
    "Tabled",
    "Broken",
    "NoToken",
]
