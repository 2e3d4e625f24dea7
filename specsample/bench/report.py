"""A benchmark in tables for people and in JSON for programs."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from specsample.bench.clock import Spread
from specsample.bench.decode import ADAPTIVE, Decoding
from specsample.bench.machine import header
from specsample.bench.passes import PassTimes
from specsample.bench.peers import Peer
from specsample.bench.tables import tables
from specsample.files import write_whole

Written = tuple[str, list[str], list[list[str]]]  # what a table is made of: title, heads of columns, rows of texts


@dataclass
class Results:
    """What has been measured so far; an interrupted run leaves a shorter one."""

    machine: dict[str, Any]
    settings: dict[str, Any]
    passes: list[PassTimes] = field(default_factory=list)
    decodings: list[Decoding] = field(default_factory=list)
    peers: dict[str, list[Peer]] = field(default_factory=dict)
    is_complete: bool = False

    def to_json(self) -> str:
        """Write everything down, times in milliseconds as median and quartiles; what is not a number becomes null."""
        record = {
            "machine": self.machine,
            "settings": self.settings,
            "passes": [_pass_record(times) for times in self.passes],
            "decoding": [_decoding_record(decoding) for decoding in self.decodings],
            "peers": {shape: [_peer_record(peer) for peer in peers] for shape, peers in self.peers.items()},
            "is_complete": self.is_complete,
        }
        return json.dumps(_finite(record), indent=1, allow_nan=False) + "\n"

    def save(self, path: str | Path) -> None:
        """Write JSON beside the file and move it there, so that the file is whole at any moment."""
        # a killed run leaves the file of before, or this one, never half of it
        write_whole(path, self.to_json())


def show(results: Results, console: Console) -> None:
    """Print all tables, none wider than the console."""
    console.print(header(results.machine), markup=False)
    written = [_passes_rows(results.passes)] if results.passes else []
    written += [_decoding_rows(decoding) for decoding in results.decodings]
    written += [_peers_rows(shape, peers) for shape, peers in results.peers.items()]
    for title, names, rows in written:
        console.print(*tables(names, rows, width=console.width, title=title))
    if not results.is_complete:
        console.print("interrupted: what was not measured is missing", style="red")


def _passes_rows(passes: Sequence[PassTimes]) -> Written:
    """Set rows against models: milliseconds, and ρ."""
    names = ["rows", *(f"{t.model}: ms, ρ" for t in passes)]
    rows = [[str(n), *(f"{_ms(t.seconds[n])}  {t.ratio(n):.2f}" for t in passes)] for n in passes[0].seconds]
    reads = (f"{_ms(t.read_seconds)} for {t.weight_bytes / 1e6:.1f} MB" for t in passes)
    return f"passes after {passes[0].context} tokens", names, [*rows, ["weights once", *reads]]


def _decoding_rows(decoding: Decoding) -> Written:
    """Set every K beside its predictions."""
    parts, n = decoding.parts, decoding.n_tokens
    title = (
        f"{decoding.kind}, T = {decoding.temperature:g}: autoregressive {n / decoding.baseline.median:.0f} tokens/s, "
        f"a step {_ms(parts.target_step)} ms; fastest K = {decoding.fastest}, "
        f"predicted {decoding.predicted_fastest}"
    )
    if ADAPTIVE in decoding.runs:
        title += f"; adaptive K has a mean of {decoding.runs[ADAPTIVE].mean_K:.1f}"
    names = ["K", "tokens/s", "speed-up", "α", "tokens/pass", "c", "ρ", "eq. 1", "by position", "measured/it"]
    rows: list[list[str]] = []
    for key, run in decoding.runs.items():
        speed = [f"{n / run.seconds.median:.0f}", f"{decoding.measured(key):.2f}"]
        cells = [str(key), *speed, f"{run.alpha:.3f}", f"{run.tokens_per_target_pass:.2f}"]
        # the adaptive run has no K of its own to predict for
        if isinstance(key, int):
            predicted = decoding.by_position(key)
            cells += [
                f"{parts.cost_ratio(key):.3f}",
                f"{parts.verify_ratio(key):.2f}",
                f"{decoding.by_equation_1(key):.2f}",
                f"{predicted:.2f}",
            ]
            cells.append(f"{decoding.measured(key) / predicted:.2f}")
        rows.append(cells)
    return title, names, rows


def _peers_rows(shape: str, peers: Sequence[Peer]) -> Written:
    """Set everybody's time beside ours."""
    names = ["", "ms a token", "ours / theirs", "pass of 1 row, ms", "of 6 rows", "ρ"]
    rows: list[list[str]] = []
    for peer in peers:
        # below 1 is faster than theirs
        ratio = peers[0].token.median / peer.token.median
        passes = [_ms(times) if times else "" for times in (peer.one_row, peer.six_rows)]
        rho = f"{peer.verify_ratio:.2f}" if peer.verify_ratio else ""
        rows.append([peer.name, _ms(peer.token), f"{ratio:.2f}", *passes, rho])
    return f"{shape}, the same weights in the same run", names, rows


def _ms(times: Spread) -> str:
    """Format milliseconds with their quartiles."""
    median, lower, upper = times.scaled(1e3)
    # three figures that mean something, for microseconds as for seconds
    digits = 3 if median < 1 else 2
    return f"{median:.{digits}f} ({lower:.{digits}f}–{upper:.{digits}f})"


def _record(times: Spread | None) -> dict[str, float] | None:
    """Name the three numbers, in milliseconds."""
    if times is None:
        return None
    median, lower, upper = times.scaled(1e3)
    return {"median_ms": median, "lower_quartile_ms": lower, "upper_quartile_ms": upper}


def _pass_record(times: PassTimes) -> dict[str, Any]:
    """Return what JSON holds of one model's passes."""
    rows: dict[str, Any] = {
        str(n): {**(_record(seconds) or {}), "rho": times.ratio(n)} for n, seconds in times.seconds.items()
    }
    read = {"weight_bytes": times.weight_bytes, "read_weights": _record(times.read_seconds)}
    return {"model": times.model, "context": times.context, "rows": rows, **read}


def _decoding_record(decoding: Decoding) -> dict[str, Any]:
    """Return what JSON holds of one kind of text at one temperature."""
    parts, n = decoding.parts, decoding.n_tokens
    runs: list[dict[str, Any]] = []
    for key, run in decoding.runs.items():
        counts = {"alpha": run.alpha, "tokens_per_target_pass": run.tokens_per_target_pass, "mean_K": run.mean_K}
        record: dict[str, Any] = {
            "K": key,
            **(_record(run.seconds) or {}),
            "tokens_per_second": n / run.seconds.median,
            **counts,
        }
        record["speedup"] = decoding.measured(key)
        # predictions are for a fixed K
        if isinstance(key, int):
            predicted = {"equation_1": decoding.by_equation_1(key), "by_position": decoding.by_position(key)}
            record |= {"c": parts.cost_ratio(key), "rho": parts.verify_ratio(key), "predicted": predicted}
            record["measured_over_predicted"] = decoding.measured(key) / predicted["by_position"]
        runs.append(record)
    best: dict[str, Any] = {"fastest_K": decoding.fastest, "predicted_fastest_K": decoding.predicted_fastest}
    best["adaptive_over_fastest"] = decoding.measured(ADAPTIVE) / decoding.measured(decoding.fastest)
    label: dict[str, Any] = {"kind": decoding.kind, "temperature": decoding.temperature, "n_tokens": n}
    baseline = {**(_record(decoding.baseline) or {}), "tokens_per_second": n / decoding.baseline.median}
    return {**label, "target_step": _record(parts.target_step), "autoregressive": baseline, "runs": runs, **best}


def _peer_record(peer: Peer) -> dict[str, Any]:
    """Return what JSON holds of one peer."""
    passes = {"one_row": _record(peer.one_row), "six_rows": _record(peer.six_rows), "rho": peer.verify_ratio}
    return {"name": peer.name, "token": _record(peer.token), **passes}


def _finite(value: Any) -> Any:
    """Replace NaN and infinities, which JSON lacks, by None."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
