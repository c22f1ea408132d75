"""Which reads were older than they may be. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stress.told import Seen, Written


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Of all that was read. A read is stale if it began after the next edition's invalidation was acknowledged."""

    reads: int
    changes: int
    answered_by: Mapping[str, int]
    stale: Sequence[float]  # seconds by which each began after the acknowledgement
    told: Sequence[float]  # of those that cannot be put down to a message on its way: their process had heard it
    travels: Sequence[float]  # seconds from each acknowledgement until each process had heard; below 0: before
    missed: int  # messages that did not come, or whose reader was deaf for a moment
    again: int  # invalidations that had to be done again


def judged(written: Written, seen: Sequence[Seen]) -> Verdict:
    """What the clocks of the processes, which are one on one machine, say of it."""
    acknowledged = {(change.item, change.edition): change.at for change in written.acknowledged}
    stale, told, travels = [], [], []
    for one in seen:
        heard: dict[tuple[int, int], float] = {}
        for change in one.heard:
            heard.setdefault((change.item, change.edition), change.at)
        travels += [heard[change] - at for change, at in acknowledged.items() if change in heard]
        for read in one.reads:
            following = (read.item, read.edition + 1)
            if following in acknowledged and read.began > acknowledged[following]:
                stale.append(read.began - acknowledged[following])
            if following in acknowledged and read.began > heard.get(following, acknowledged[following]):
                told.append(read.began - heard.get(following, acknowledged[following]))
    return Verdict(
        reads=sum(len(one.reads) for one in seen),
        changes=len(acknowledged),
        answered_by=sum((Counter(one.answered_by) for one in seen), Counter()),
        stale=stale,
        told=told,
        travels=travels,
        missed=len(seen) * len(acknowledged) - len(travels),
        again=written.again,
    )
