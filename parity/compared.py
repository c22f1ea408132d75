"""Transcripts side by side: each topology's against that of one process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from parity.topology import ONE_PROCESS
from parity.transcript import Transcript

SAME = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A journey on all topologies."""

    title: str
    answers: int  # in one process
    events: int
    state: str
    verdicts: Mapping[str, str]  # topology -> "same", or what is not
    differences: Sequence[str] = field(default=())

    @property
    def same(self) -> bool:
        """Everywhere."""
        return all(verdict == SAME for verdict in self.verdicts.values())


def compared(told: Mapping[str, Mapping[str, Transcript]]) -> list[Compared]:
    """Every journey that ended on some topology; where it did not, that is a difference."""
    names = sorted({name for of in told.values() for name in of})
    return [_compared(name, {topology: of.get(name) for topology, of in told.items()}) for name in names]


def _compared(name: str, told: Mapping[str, Transcript | None]) -> Compared:
    model = told.get(ONE_PROCESS) or Transcript()
    verdicts, differences = {}, []
    for topology, transcript in told.items():
        if transcript is None:
            verdicts[topology] = "did not end"
            continue
        parts = dict(_parts(model, transcript))
        verdicts[topology] = f"other {', '.join(parts)}" if parts else SAME
        differences += [f"{topology}: {line}" for lines in parts.values() for line in lines]
    return Compared(
        title=name.removeprefix("test_").replace("_", " "),
        answers=len(model.answers),
        events=len(model.events),
        state=model.digest,
        verdicts=verdicts,
        differences=differences,
    )


def _parts(model: Transcript, other: Transcript) -> Iterator[tuple[str, list[str]]]:
    for part in ("answers", "events", "state"):
        one, two = Counter(getattr(model, part)), Counter(getattr(other, part))
        if one != two:
            yield part, [*(f"- {line}" for line in (one - two)), *(f"+ {line}" for line in (two - one))]
