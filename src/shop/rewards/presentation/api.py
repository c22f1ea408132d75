"""Rewards over HTTP."""

from dataclasses import dataclass

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from shop.kernel.errors import NotFound
from shop.platform.answers import PAGED, answers
from shop.platform.request import Cursor, Limit, Web, caller_of
from shop.platform.web import callers, next_link, reply
from shop.rewards.application.ports import Ledger
from shop.rewards.contract import AccountView, EntryPage, EntryView
from shop.rewards.domain.account import Entry

_known = callers("customer", "staff")


class NoSuchAccount(NotFound):
    """No such customer, or somebody else."""

    code = "no-such-account"


@dataclass(frozen=True, kw_only=True)
class RewardsApi:
    """The routes of rewards and what each of them does."""

    ledger: Ledger

    def routes(self) -> list[HTTPRouteHandler]:
        """Path, who may call, what happens."""
        return [
            get("/rewards/{customer_id:str}", before_request=_known, opt=answers(NoSuchAccount))(self.read),
            get("/rewards/{customer_id:str}/ledger", before_request=_known, opt=answers(PAGED, NoSuchAccount))(
                self.entries
            ),
        ]

    async def read(self, request: Web, customer_id: FromPath[str]) -> Response[AccountView]:
        """A customer's balance."""
        _own(request, customer_id)
        account = await self.ledger.account(customer_id)
        return reply(AccountView(customer_id=account.customer_id, balance=account.balance))

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
        order_id=entry.order_id,
    )
