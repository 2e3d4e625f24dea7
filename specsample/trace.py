"""The records of a run, of which viewer and figures are made.

What happened in each round? `Round` is one draft-verify cycle, `Trace` a whole run; both only remember. What shows
them (`viewer`) is loaded when something is shown.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np

from specsample.distributions import Array


class Record(ABC):
    """What can be shown: the viewer reads `facts`, and is imported when it is asked to."""

    @abstractmethod
    def facts(self) -> tuple[Sequence[int], list[Mapping[str, Any]]]:
        """Return the prompt's tokens and the fields of each round, with `sources`, `n_tested` and `n_declined`."""

    def times(self) -> Mapping[str, Any] | None:
        """Return the measured passes, if there are any: a `bench.race` has them, a trace has none."""
        return None

    def render(self, decode: Callable[[list[int]], str]) -> Any:
        """Colour the emitted text by origin, as a rich Text: `viewer.shown.render`."""
        from specsample.viewer import shown

        return shown.render(self.facts(), decode)

    def to_html(self, decode: Any = None, *, title: str = "specsample: a run, step by step") -> str:
        """Write the viewer as one HTML document: `viewer.shown.to_html`."""
        from specsample.viewer import shown

        return shown.to_html(self.facts(), decode, title=title, times=self.times())

    def show(self, decode: Any = None) -> None:
        """Show the viewer, in a notebook here, elsewhere in the browser: `viewer.shown.show`."""
        from specsample.viewer import shown

        shown.show(self.facts(), decode, self.times())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Show a record that a notebook's cell returns; its tokens are numbers, for it knows no tokenizer."""
        from specsample.viewer import shown

        return shown.bundle(self.facts(), None, self.times())


@dataclass(frozen=True)
class Round(Record):
    """One round: K drafts, one target pass, 1 to K+1 emitted tokens."""

    draft_tokens: tuple[int, ...]  # (K,)
    p_x: tuple[Any, ...]  # (K,), target probability of each draft token
    q_x: tuple[Any, ...]  # (K,), draft probability of each draft token
    u: tuple[Any, ...]  # the round's uniform numbers: K to draft, K to test, 1 to emit; K with the drafts declined
    n_accepted: int  # the leading run of drafts that passed their test
    emitted: tuple[int, ...]  # accepted drafts, then the correction or bonus; cut at a stop token
    target_length: tuple[int, int]  # tokens in the target's cache before and after
    draft_length: tuple[int, int]  # tokens in the draft's cache before and after
    target_rows: Array | None = field(default=None, compare=False)  # (K+1, V) rows of p, only if asked for
    draft_rows: Array | None = field(default=None, compare=False)  # (K, V) rows of q, only if asked for

    @property
    def K(self) -> int:
        """Number of drafts."""
        return len(self.draft_tokens)

    @property
    def n_declined(self) -> int:
        """Drafts that the source was asked for and declined: their uniform numbers are there, and unused."""
        return len(self.u) // 2 - self.K

    @property
    def n_tested(self) -> int:
        """Drafts that met their uniform number: the accepted ones and the rejected one."""
        return min(self.n_accepted + 1, self.K)

    @property
    def sources(self) -> tuple[str, ...]:
        """Origin of each emitted token: accepted, correction or bonus."""
        # after K acceptances the last token is a bonus, else it corrects a rejection; a stop token may cut it off
        last = "bonus" if self.n_accepted == self.K else "correction"
        return (("accepted",) * self.n_accepted + (last,))[: len(self.emitted)]

    def facts(self) -> tuple[Sequence[int], list[Mapping[str, Any]]]:
        """Return what the viewer shows: no prompt, and this round."""
        derived = {"sources": self.sources, "n_tested": self.n_tested, "n_declined": self.n_declined}
        return (), [vars(self) | derived]

    def until(self, stop: Collection[int]) -> "Round":
        """Cut the emitted tokens after the first stop token.

        Parameters
        ----------
        stop : token ids

        Returns
        -------
        Round
        """
        # the stop token is part of the text
        ends = [i + 1 for i, token in enumerate(self.emitted) if token in stop]
        return replace(self, emitted=self.emitted[: ends[0]]) if ends else self


def record(
    draft_tokens: Sequence[int],
    draft_probs: Array,
    target_probs: Array,
    *,
    u: Sequence[Any],
    n_accepted: int,
    token: int,
    lengths: tuple[tuple[int, int], tuple[int, int]],
    keep_rows: bool,
) -> Round:
    """Write one round down.

    Parameters: as for `speculative.verify`.

    Parameters
    ----------
    u : 2K+1 uniform numbers, more if drafts were declined
    n_accepted : int, accepted drafts
    token : int, the correction or bonus
    lengths : ((int, int), (int, int)), tokens in the target's and in the draft's cache, before and after
    keep_rows : bool, keep the rows and not only the drafts' probabilities

    Returns
    -------
    Round
    """
    return Round(
        draft_tokens=tuple(draft_tokens),
        p_x=tuple(target_probs[i, x] for i, x in enumerate(draft_tokens)),
        q_x=tuple(draft_probs[i, x] for i, x in enumerate(draft_tokens)),
        u=tuple(u),
        n_accepted=n_accepted,
        emitted=(*draft_tokens[:n_accepted], token),
        target_length=lengths[0],
        draft_length=lengths[1],
        target_rows=target_probs if keep_rows else None,
        draft_rows=draft_probs if keep_rows else None,
    )


@dataclass
class Trace(Record):
    """A run: the prompt and every round."""

    prompt_tokens: tuple[int, ...]
    rounds: list[Round] = field(default_factory=list)

    @property
    def tokens(self) -> list[int]:
        """The emitted tokens."""
        return [token for played in self.rounds for token in played.emitted]

    @property
    def sources(self) -> list[str]:
        """Origin of each emitted token: accepted, correction or bonus."""
        return [source for played in self.rounds for source in played.sources]

    @property
    def target_passes(self) -> int:
        """Passes of the target model: one a round."""
        return len(self.rounds)

    @property
    def drafted(self) -> int:
        """Draft tokens."""
        return sum(played.K for played in self.rounds)

    @property
    def declined(self) -> int:
        """Drafts that the source was asked for and declined."""
        return sum(played.n_declined for played in self.rounds)

    @property
    def draft_passes(self) -> int:
        """Times the draft source was asked: once a draft, and once where it declined."""
        return self.drafted + sum(played.n_declined > 0 for played in self.rounds)

    @property
    def tested(self) -> int:
        """Drafts that were accepted or rejected (the others were discarded unseen)."""
        return sum(played.n_tested for played in self.rounds)

    @property
    def accepted(self) -> int:
        """Drafts that passed their test."""
        return sum(played.n_accepted for played in self.rounds)

    @property
    def acceptance_rate(self) -> float:
        """α measured: accepted / tested; NaN when nothing was tested."""
        return self.accepted / self.tested if self.tested else float("nan")

    @property
    def tokens_per_target_pass(self) -> float:
        """Emitted tokens / target passes, between 1 and K+1; NaN when nothing ran."""
        return len(self.tokens) / self.target_passes if self.rounds else float("nan")

    def facts(self) -> tuple[Sequence[int], list[Mapping[str, Any]]]:
        """Return what the viewer shows: the prompt, and every round."""
        return self.prompt_tokens, [entry for played in self.rounds for entry in played.facts()[1]]

    def counts(self) -> dict[str, Any]:
        """Collect the counters that reports print, by name."""
        return {
            "rounds": len(self.rounds),
            "drafted": self.drafted,
            "declined": self.declined,
            "tested": self.tested,
            "accepted": self.accepted,
            "corrections": self.sources.count("correction"),
            "bonuses": self.sources.count("bonus"),
            "acceptance_rate": self.acceptance_rate if self.tested else None,
            "tokens_per_target_pass": self.tokens_per_target_pass if self.rounds else None,
            "target_passes": self.target_passes,
            "draft_passes": self.draft_passes,
        }

    def to_json(self) -> str:
        """Write the whole trace as JSON; fractions become floats."""
        return json.dumps(asdict(self), default=_plain)

    @classmethod
    def from_json(cls, text: str) -> "Trace":
        """Read a trace that `to_json` wrote.

        Parameters
        ----------
        text : str

        Returns
        -------
        Trace

        Raises
        ------
        ValueError
            If the text is not a trace.
        """
        # a file that is cut short, or another program's, is refused by name
        try:
            record = json.loads(text)
            return cls(tuple(record["prompt_tokens"]), [_round(entry) for entry in record["rounds"]])
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            why = f"{type(error).__name__}: {error}"
            raise ValueError(
                f"text must be a trace that Trace.to_json wrote; got {str(text)[:40]!r} ({why}). Is it cut short?"
            ) from error


def _plain(value: Any) -> Any:
    """Turn arrays, NumPy numbers and fractions into what JSON knows."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else float(value)


def _round(entry: dict[str, Any]) -> Round:
    """Rebuild a Round."""
    # JSON knows lists alone: rows were arrays, everything else tuples
    values = {f.name: entry[f.name] for f in fields(Round)}
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = np.array(value) if name.endswith("_rows") else tuple(value)
    return Round(**values)
