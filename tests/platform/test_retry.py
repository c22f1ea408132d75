"""Acts are run again on a conflict, and on nothing else."""

from __future__ import annotations

import pytest

from shop.kernel.errors import Clash
from shop.platform.retry import Busy, again
from shop.platform.storage.port import AlreadyConsumed, Conflict, NotEnough


class Act:
    """Raises these one after the other, then answers what it was given."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.runs = 0

    async def __call__(self, *given, **named):
        self.runs += 1
        if self.errors:
            raise self.errors.pop(0)
        return given, named


@pytest.mark.parametrize("conflicts", range(5))
async def test_an_act_is_run_until_nothing_is_in_its_way(conflicts):
    act = Act(*[Conflict(["order/1"])] * conflicts)

    assert await again(act, 1, name="a") == ((1,), {"name": "a"})
    assert act.runs == conflicts + 1


async def test_after_five_conflicts_the_caller_is_to_come_again():
    act = Act(*[Conflict(["order/1"])] * 9)

    with pytest.raises(Busy) as refused:
        await again(act)

    assert act.runs == 5
    assert isinstance(refused.value, Clash)
    assert (refused.value.code, refused.value.retry_after) == ("busy", 1)


@pytest.mark.parametrize("error", [NotEnough(["stock/1"]), AlreadyConsumed("1"), ValueError("broken")])
async def test_nothing_else_is_run_again(error):
    act = Act(error)

    with pytest.raises(type(error)):
        await again(act)

    assert act.runs == 1
