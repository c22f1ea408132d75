"""What is counted of points, by what is published of them."""

from collections.abc import Callable

from shop.kernel.events import Envelope
from shop.platform.figures import Counting, Figures, counter
from shop.rewards.contract import RewardExpired, RewardIssued, RewardRedeemed, RewardReversed

POINTS = counter("shop_points", "Points by what became of them.", "kind", dimensions=("kind",))
METRICS = (POINTS,)

_Fact = type[RewardIssued] | type[RewardRedeemed] | type[RewardReversed] | type[RewardExpired]


def _points(kind: str, fact: _Fact) -> Callable[[Envelope, Figures], None]:
    def count(event: Envelope, figures: Figures) -> None:
        figures.count(POINTS, kind, by=event.read(fact).points)

    return count


COUNTING: Counting = {
    RewardIssued.TYPE: _points("issued", RewardIssued),
    RewardRedeemed.TYPE: _points("redeemed", RewardRedeemed),
    RewardReversed.TYPE: _points("reversed", RewardReversed),
    RewardExpired.TYPE: _points("expired", RewardExpired),
}
