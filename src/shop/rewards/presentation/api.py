"""Rewards over HTTP."""

from dataclasses import dataclass
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody

from shop.kernel.errors import NotFound
from shop.platform.answers import KEYED, PAGED, answers
from shop.platform.moments import NotAMoment, moment_of
from shop.platform.request import Cursor, Limit, Web, caller_of, cause_of
from shop.platform.retry import again
from shop.platform.web import callers, next_link, once, replay_header, reply
from shop.rewards.application.ports import Ledger
from shop.rewards.application.queries import ReadBalance
from shop.rewards.application.redeem_points import RedeemPoints
from shop.rewards.contract import AccountView, EntryPage, EntryView, RedemptionView
from shop.rewards.domain.account import NotEnoughPoints
from shop.rewards.domain.entry import Entry, Kind

_people = callers("customer", "staff")


class NoSuchAccount(NotFound):
    """No such customer, or somebody else."""

    code = "no-such-account"


class RedemptionBody(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """Points to turn into credit."""

    points: Annotated[int, msgspec.Meta(ge=1, le=10**9)]


@dataclass(frozen=True, kw_only=True)
class RewardsApi:
    """The routes of rewards and what each of them does."""

    ledger: Ledger
    read_balance: ReadBalance
    redeem_points: RedeemPoints

    def routes(self) -> list[HTTPRouteHandler]:
        """Path, who may call, what happens."""
        return [
            get("/rewards/{customer_id:str}", before_request=_people, opt=answers(NoSuchAccount, NotAMoment))(
                self.read
            ),
            get("/rewards/{customer_id:str}/ledger", before_request=_people, opt=answers(PAGED, NoSuchAccount))(
                self.entries
            ),
            post(
                "/rewards/{customer_id:str}/redemptions",
                before_request=_people,
                opt=answers(KEYED, NoSuchAccount, NotEnoughPoints),
                status_code=201,
            )(self.redeem),
        ]

    async def read(
        self, request: Web, customer_id: FromPath[str], at: FromQuery[str | None] = None
    ) -> Response[AccountView]:
        """A customer's balance and what expires next; `at` a moment, the balance of that moment."""
        _own(request, customer_id)
        moment = None if at is None else moment_of(at, field="at")
        return reply(await self.read_balance(customer_id=customer_id, at=moment))

    async def entries(
        self,
        request: Web,
        customer_id: FromPath[str],
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Response[EntryPage]:
        """What made the balance, newest first."""
        _own(request, customer_id)
        entries, after = await self.ledger.entries(customer_id, after=cursor, limit=limit)
        page = EntryPage(data=tuple(map(_view, entries)), next_cursor=after)
        return reply(page, headers=next_link(request, after))

    async def redeem(
        self, request: Web, customer_id: FromPath[str], data: JSONBody[RedemptionBody]
    ) -> Response[RedemptionView]:
        """Turn points into credit for later orders, once per Idempotency-Key."""
        _own(request, customer_id)
        redeemed = await again(
            self.redeem_points,
            customer_id=customer_id,
            points=data.points,
            once=once(request, "redeem-points", data, of=customer_id),
            cause=cause_of(request),
        )
        return reply(redeemed.view, status=201, headers=replay_header(replayed=redeemed.replayed))


def _own(request: Web, customer_id: str) -> None:
    caller = caller_of(request)
    if caller.role != "staff" and caller.subject != customer_id:
        raise NoSuchAccount("there is no such account")


def _view(entry: Entry) -> EntryView:
    return EntryView(
        kind=entry.kind,
        points=entry.points,
        source=entry.source,
        rule=entry.rule,
        at=entry.at,
        balance_after=entry.balance_after,
        seq=entry.seq,
        order_id=entry.order_id or None,
        expires=entry.lot if entry.kind is Kind.EARN else None,
        refund_id=entry.source if entry.kind is Kind.REVERSE else None,
        reverses=entry.reverses,
        redemption_id=entry.source if entry.kind is Kind.REDEEM else None,
        credit=entry.credit or None,
        currency=entry.currency or None,
    )
