"""The shipped questions, read from their file.

`probes.json` holds for each probe the tables of p and q, the setting, the cells in which outputs are counted, the
target's law over the cells, the exact laws of the wrong samplers of the catalogue, and how many outputs each of them
needs to be rejected. `make_probes` writes the file.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from importlib.resources import files
from typing import Any

import numpy as np

from specsample.conformance.evidence.cells import Cells, Text, padded
from specsample.conformance.laws.probes import Penalised, Positional, Spread
from specsample.conformance.laws.setting import Setting
from specsample.distributions import Array
from specsample.language_model import LanguageModel, TableModel
from specsample.strategies import decoding_strategy


@dataclass(frozen=True)
class PackedStrategy:
    """A decoding strategy that can be sent to another process."""

    arguments: Mapping[str, Any]  # of `decoding_strategy`

    def __call__(self, probs: Array) -> Array:
        """Apply it to (..., V) distributions."""
        return decoding_strategy(**self.arguments)(probs)

    def filters_first(self, probs: Array) -> Array:
        """Apply the temperature last, a mistake of the catalogue."""
        filters = {name: value for name, value in self.arguments.items() if name != "temperature"}
        filtered = decoding_strategy(**filters)(probs)
        return decoding_strategy(temperature=self.arguments.get("temperature", 1.0))(filtered)


@dataclass(frozen=True)
class PackedProbe:
    """One question to a sampler, with the answers of all samplers of the catalogue.

    Outputs are counted in C = len(cells) + 1 cells; the last one is "anything else" and has probability 0 under the
    target. All laws are over these C cells, in this order.
    """

    name: str
    purpose: str  # what it can tell apart
    setting: Setting  # its models in float64
    positions: Text | None  # the tokens of the text that are looked at, None for all of them
    bins: tuple[Text, ...] | None  # bins[c][x] is the bin of token x after token c; None for the token itself
    cells: tuple[Text, ...]  # what is seen of a text: its tokens, or their bins
    law: Array  # (C,), of the target
    rule_laws: Mapping[str, Array]  # id of a rule -> (C,); one neither here nor in blind_to has no known law
    blind_to: tuple[str, ...]  # ids of wrong rules whose law is the target's here
    required_n: Mapping[str, int]  # id of a rule -> outputs to reject it at 1e-6 with power 0.999
    weight: float  # share of the error budget
    least_eps: float = 0.0  # a PASS excludes no smaller total variation here

    @cached_property
    def cells_of(self) -> Cells:
        """What finds the cells of texts: (N, L) ids padded with -1 -> (N,) in [0, C)."""
        V = self.setting.target_model.vocab_size
        return Cells(self.cells, V, prompt=self.setting.prompt, positions=self.positions, bins=self.bins)

    def cell_of(self, text: Iterable[int]) -> int:
        """Find the cell that the new tokens of a text fall into; C - 1 for what the target cannot emit."""
        return int(self.cells_of(padded([text]))[0])

    def count(self, texts: Iterable[Iterable[int]] | Array) -> Array:
        """Count texts in the C cells: iterables of new tokens, or an (N, max_new_tokens) array padded with -1."""
        rows = texts if isinstance(texts, np.ndarray) else padded(texts)
        return np.bincount(self.cells_of(rows), minlength=len(self.cells) + 1)


def load_probes(names: Sequence[str] | None = None) -> list[PackedProbe]:
    """Read the probe pack, or some of its probes: "P8" stands for every probe whose name begins so.

    Raises
    ------
    ValueError
        If there is no probe of a name.

    Examples
    --------
    >>> load_probes(["P2"])[0].setting.K
    1
    """
    text = (files("specsample.conformance.pack") / "probes.json").read_text(encoding="utf-8")
    probes = [unpack(record) for record in json.loads(text)["probes"]]
    wanted = [probe.name for probe in probes] if names is None else list(names)
    unknown = [name for name in wanted if not any(_belongs(probe.name, name) for probe in probes)]
    if unknown:
        raise ValueError(f"names must be of probes {[probe.name for probe in probes]}; got {unknown[0]!r}.")
    return [probe for probe in probes if any(_belongs(probe.name, name) for name in wanted)]


def unpack(record: Mapping[str, Any]) -> PackedProbe:
    """Build a probe from its record in the file, with models in float64."""
    # the file has whole weights and fractions in quotes; floats are made here, the same on every machine
    strategy = {name: _number(value) for name, value in record["strategy"].items()}
    setting = Setting(
        target_model=_model(record, "target"),
        draft_model=_model(record, "draft"),
        prompt=tuple(record["prompt"]),
        K=record["K"],
        max_new_tokens=record["max_new_tokens"],
        stop=tuple(record["stop"]),
        transform=PackedStrategy(strategy) if strategy else None,
    )
    # JSON has lists and no tuples
    positions = record["positions"]
    bins = record["bins"]
    return PackedProbe(
        name=record["name"],
        purpose=record["purpose"],
        setting=setting,
        positions=None if positions is None else tuple(positions),
        bins=None if bins is None else tuple(tuple(row) for row in bins),
        cells=tuple(tuple(cell) for cell in record["cells"]),
        law=np.array(record["law"]),
        rule_laws={name: np.array(law) for name, law in record["rule_laws"].items()},
        blind_to=tuple(record["blind_to"]),
        required_n=record["required_n"],
        weight=record["weight"],
        least_eps=record.get("least_eps", 0.0),
    )


def see(text: Text, prompt: Text, positions: Text | None, bins: Sequence[Sequence[int]] | None) -> Text:
    """Reduce a text to what its probe looks at: `Cells` for one text, as plainly as can be.

    Tokens, or bins: bins[c][x] is the bin of token x after token c. (-1,) where a token has no bin or a position is
    missing.

    Examples
    --------
    >>> see((1, 0, 1), (0,), None, ((0, 0), (5, 7))), see((1, 0, 1), (0,), (0, 2), None)
    ((0, 5, 0), (1, 1))
    """
    try:
        if min(text, default=0) < 0:  # it would count from the end of a row of bins
            return (-1,)
        seen = text if bins is None else tuple(bins[c][x] for c, x in zip((*prompt[-1:], *text), text, strict=False))
        return seen if positions is None else tuple(seen[i] for i in positions)
    except IndexError:
        return (-1,)


def _belongs(name: str, wanted: str) -> bool:
    """Whether a probe is the wanted one or one of its parts: P8-ratio is part of P8."""
    return name == wanted or name.startswith(f"{wanted}-")


def _model(record: Mapping[str, Any], name: str) -> LanguageModel:
    """Build the target or the draft model of a record: a table of floats, and what the record says of it."""
    rows = record[name]
    is_target = name == "target"
    if is_target and "by_position" in record:
        return Positional(tuple(_table(each) for each in rows))
    if is_target and record["penalty"] is not None:
        return Penalised(_table(rows), float(Fraction(record["penalty"])))
    # a few tokens of a large vocabulary
    if "ids" in record:
        return Spread(_table(rows), tuple(record["ids"]), record["vocab_size"])
    return _table(rows)


def _table(rows: Any) -> TableModel:
    """Divide whole weights by the sums of their rows."""
    weights = np.array(rows, float)
    return TableModel(weights / weights.sum(axis=-1, keepdims=True))


def _number(value: Any) -> Any:
    """Read "1/2" as a float, and leave whole numbers alone."""
    return float(Fraction(value)) if isinstance(value, str) else value
